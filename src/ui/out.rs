//! The one writer of data, and the notes beside it.

use super::{
    Cell, Facts, Mark, Side, Table, Terminal, When, cell,
    facts::folded,
    live::Live,
    style::{BOLD, CYAN, Ink, RED, YELLOW},
    terminal,
};
use crate::text;
use serde::Serialize;
use std::{
    fmt,
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a terminal is taken for that does not say.
const USUAL: (u16, u16) = (80, 24);

/// How output was asked for, by flags and environment.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Look {
    /// One JSON document (or one object a line) on stdout, one JSON line for an error.
    pub json: bool,
    /// No notes and no warnings.
    pub quiet: bool,
    pub color: When,
    /// `COLUMNS`, where it is set.
    pub columns: Option<u16>,
    /// Nothing is drawn that is wiped later: nobody watches, or the terminal cannot.
    pub calm: bool,
    /// The terminal shows no more than ASCII.
    pub ascii: bool,
}

type Sink = Mutex<Box<dyn Write + Send>>;

/// Where a command writes: data to stdout, everything else to stderr.
///
/// Writing data can fail (the reader went away: exit 0, quietly); writing to people cannot.
pub struct Out {
    look: Look,
    terminal: Terminal,
    data: Sink,
    data_ink: Ink,
    people: Sink,
    people_ink: Ink,
    drawing: Box<Drawing>,
}

type Ask = fn() -> Option<(u16, u16)>;

#[derive(Default)]
struct Drawing {
    /// What stands at the end of the screen, to be wiped before anything else is said.
    live: Mutex<Live>,
    /// Columns and rows of the screen now.
    screen: Option<Ask>,
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out")
            .field("look", &self.look)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Out {
    /// Over the process's own stdout and stderr.
    #[expect(clippy::disallowed_methods, reason = "this is the one writer of stdout")]
    pub fn new(look: Look) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let choose = |auto: anstream::ColorChoice| match look.color {
            When::Auto => auto != anstream::ColorChoice::Never,
            When::Always => true,
            When::Never => false,
        };
        let data = choose(anstream::AutoStream::choice(&stdout));
        let people = choose(anstream::AutoStream::choice(&stderr));
        // We paint or do not; the streams pass everything on, a tool's own escapes in a pipe too.
        Self {
            look,
            terminal: Terminal::detect(look.columns, look.ascii),
            data: Mutex::new(Box::new(anstream::AutoStream::always_ansi(stdout))),
            data_ink: Ink { on: data },
            people: Mutex::new(Box::new(anstream::AutoStream::always_ansi(stderr))),
            people_ink: Ink { on: people },
            drawing: Box::new(Drawing { screen: Some(terminal::screen), ..Drawing::default() }),
        }
    }

    /// Over other writers, for tests and for a demo that prints its own transcript.
    pub fn to(
        look: Look,
        terminal: Terminal,
        data: Box<dyn Write + Send>,
        people: Box<dyn Write + Send>,
    ) -> Self {
        let ink = Ink { on: look.color == When::Always };
        Self {
            look,
            terminal,
            data: Mutex::new(data),
            data_ink: ink,
            people: Mutex::new(people),
            people_ink: ink,
            drawing: Box::default(),
        }
    }

    /// On a terminal of another size.
    #[cfg(test)]
    pub(super) fn with_screen(self, screen: Ask) -> Self {
        Self { drawing: Box::new(Drawing { screen: Some(screen), ..Drawing::default() }), ..self }
    }

    pub fn json(&self) -> bool {
        self.look.json
    }

    /// What the streams are connected to; the width of a terminal is that of now.
    pub fn terminal(&self) -> Terminal {
        let Terminal { stdout, stderr, columns, .. } = self.terminal;
        let now = || self.drawing.screen.and_then(|ask| ask()).map(|(columns, _)| columns);
        let columns = match self.look.columns {
            // It was said how wide it is, or never known.
            None if columns.is_some() && stdout && stderr => now().or(columns),
            _ => columns,
        };
        Terminal { columns, ..self.terminal }
    }

    /// The one JSON document of a command: `body`'s fields after `"schema":"allmcp.<command>/1"`.
    ///
    /// Raw JSON inside `body` is written as it is. On a terminal the document is indented.
    pub fn document<T: Serialize>(&self, command: &str, body: &T) -> io::Result<()> {
        #[derive(Serialize)]
        struct Document<'a, T> {
            schema: String,
            #[serde(flatten)]
            body: &'a T,
        }
        let document = Document { schema: format!("allmcp.{command}/1"), body };
        let mut bytes = if self.terminal.stdout {
            serde_json::to_vec_pretty(&document)?
        } else {
            serde_json::to_vec(&document)?
        };
        bytes.push(b'\n');
        self.write(&bytes)
    }

    /// One object of a stream, on a line of its own that the reader has at once.
    pub fn event<T: Serialize>(&self, body: &T) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(body)?;
        bytes.push(b'\n');
        self.write(&bytes)
    }

    /// One line of text; whatever could steer a terminal is taken out.
    pub fn line(&self, text: &str) -> io::Result<()> {
        self.write(format!("{}\n", text::clean(text)).as_bytes())
    }

    /// A line that heads what follows.
    pub fn heading(&self, text: &str) -> io::Result<()> {
        let text = folded(text, 0, 2, self.terminal());
        let text = self.data_ink.paint(BOLD, text.trim_end_matches('\n'));
        self.write(format!("{text}\n").as_bytes())
    }

    /// A text that is the user's data, such as a tool's result: in a pipe as it came, on a
    /// terminal without what could steer it. Ends in a line break either way.
    pub fn content(&self, content: &str) -> io::Result<()> {
        let shown = if self.terminal.stdout { text::clean(content) } else { content.into() };
        let end = if shown.ends_with('\n') { "" } else { "\n" };
        self.write(format!("{shown}{end}").as_bytes())
    }

    pub fn table(&self, table: &Table) -> io::Result<()> {
        self.write(table.render(self.terminal(), self.data_ink).as_bytes())
    }

    /// A unified diff as data, for `--dry-run`.
    pub fn diff(&self, diff: &str) -> io::Result<()> {
        self.write(self.data_ink.diff(diff).as_bytes())
    }

    /// What is known of one thing, below its heading.
    pub fn facts(&self, facts: &Facts) -> io::Result<()> {
        self.write(facts.render(self.terminal(), self.data_ink).as_bytes())
    }

    /// One line of text, on a terminal folded to its width: `indent` columns from the left, and
    /// two more from the second line on.
    pub fn folded(&self, indent: usize, text: &str) -> io::Result<()> {
        self.write(folded(text, indent, 2, self.terminal()).as_bytes())
    }

    /// A text of several lines, each on a terminal folded to its width.
    pub fn paragraphs(&self, indent: usize, text: &str) -> io::Result<()> {
        let terminal = self.terminal();
        let lines = text.lines().map(|line| folded(line, indent, 0, terminal));
        self.write(lines.collect::<String>().as_bytes())
    }

    /// As [`Out::folded`], with a sign before it on a terminal.
    pub fn marked(&self, mark: Mark, text: &str) -> io::Result<()> {
        if !self.terminal.stdout {
            return self.folded(0, text);
        }
        let text = folded(text, 2, 0, self.terminal());
        let sign = self.data_ink.mark(mark, self.terminal.ascii);
        self.write(format!("{sign}{}", text.get(1..).unwrap_or_default()).as_bytes())
    }

    /// One line of a stream: each cell in so many columns, on the left of them or on the right.
    /// Cut to them on a terminal only.
    pub fn cells(&self, cells: &[(Cell, usize, Side)]) -> io::Result<()> {
        let line = cell::side_by_side(cells, self.terminal(), self.data_ink);
        self.write(line.as_bytes())
    }

    /// Columns and rows of the terminal behind stderr.
    pub(super) fn size(&self) -> (u16, u16) {
        let (columns, rows) = self.drawing.screen.and_then(|ask| ask()).unwrap_or(USUAL);
        (self.look.columns.map_or(columns, |said| said.min(columns)), rows)
    }

    /// Whether somebody watches what is drawn and wiped again.
    pub(super) fn draws(&self) -> bool {
        let Look { json, quiet, calm, .. } = self.look;
        self.terminal.stderr && !json && !quiet && !calm
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.drawing.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn people_ink(&self) -> Ink {
        self.people_ink
    }

    pub(super) fn data_ink(&self) -> Ink {
        self.data_ink
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.wipe(&mut self.live());
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        data.write_all(bytes)?;
        data.flush()
    }

    /// A word to whoever watches; silent with `-q`, and with `--json`, where stderr holds at most
    /// the error line.
    pub fn note(&self, text: &str) {
        self.note_painted(&text::clean(text));
    }

    /// Something that is not as it should be and stops nothing; silent as a note is.
    pub fn warn(&self, text: &str) {
        let label = self.people_ink.paint(YELLOW.bold(), "warning");
        self.note_painted(&format!("{label}: {}", text::clean(text)));
    }

    /// What somebody is about to be asked about; never silent.
    pub fn question(&self, text: &str) {
        self.tell(&text::clean(text));
    }

    /// A diff that somebody is about to be asked about; silent as a note is.
    pub fn note_diff(&self, diff: &str) {
        self.note_painted(self.people_ink.diff(diff).trim_end_matches('\n'));
    }

    fn note_painted(&self, text: &str) {
        if !self.look.quiet && !self.look.json {
            self.tell(text);
        }
    }

    /// `error: …`, `caused by: …` for each cause, `hint: …`; never silent.
    pub fn error(&self, message: &str, causes: &[String], hint: Option<&str>) {
        let label = |style: anstyle::Style, word: &str| self.people_ink.paint(style.bold(), word);
        let mut lines = vec![format!("{}: {}", label(RED, "error"), line(message))];
        lines.extend(causes.iter().map(|c| format!("{}: {}", label(RED, "caused by"), line(c))));
        lines.extend(hint.map(|hint| format!("{}: {}", label(CYAN, "hint"), line(hint))));
        self.tell(&lines.join("\n"));
    }

    /// One JSON line on stderr; never silent.
    pub fn error_json<T: Serialize>(&self, body: &T) {
        if let Ok(text) = serde_json::to_string(body) {
            self.tell(&text);
        }
    }

    fn tell(&self, text: &str) {
        self.wipe(&mut self.live());
        self.say(&format!("{text}\n"));
    }

    /// As it is, to where people read.
    pub(super) fn say(&self, text: &str) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is left to be told that nobody listens.
        let _unheard = people.write_all(text.as_bytes());
        let _unheard = people.flush();
    }
}

/// One line of a message, long enough for any path or URL.
fn line(text: &str) -> String {
    text::line(text, 2000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::capture::Buffer;
    use serde_json::value::RawValue;

    fn out(look: Look, terminal: Terminal) -> (Out, Buffer, Buffer) {
        let (data, people) = (Buffer::default(), Buffer::default());
        let out = Out::to(look, terminal, Box::new(data.clone()), Box::new(people.clone()));
        (out, data, people)
    }

    #[test]
    fn a_document_begins_with_its_schema_and_keeps_raw_json() {
        #[derive(Serialize)]
        struct Call<'a> {
            tool: &'a str,
            result: &'a RawValue,
        }
        let result = serde_json::from_str::<&RawValue>(r#"{"b": 1.0,"a":1e400}"#).unwrap();
        let (out, data, _) = out(Look::default(), Terminal::default());
        out.document("call", &Call { tool: "x", result }).unwrap();
        assert_eq!(
            data.text(),
            "{\"schema\":\"allmcp.call/1\",\"tool\":\"x\",\"result\":{\"b\": 1.0,\"a\":1e400}}\n"
        );
    }

    #[test]
    fn a_tools_text_is_raw_in_a_pipe_and_harmless_on_a_terminal() {
        let (pipe, data, _) = out(Look::default(), Terminal::default());
        pipe.content("\u{1b}[2Jx\n").unwrap();
        assert_eq!(data.text(), "\u{1b}[2Jx\n");
        let terminal = Terminal { stdout: true, ..Terminal::default() };
        let (screen, data, _) = out(Look::default(), terminal);
        screen.content("\u{1b}[2Jx").unwrap();
        assert_eq!(data.text(), "[2Jx\n");
    }

    #[test]
    fn quiet_and_json_silence_notes_but_never_errors() {
        for (json, quiet, notes) in
            [(false, false, true), (false, true, false), (true, false, false)]
        {
            let (out, data, people) =
                out(Look { json, quiet, ..Look::default() }, Terminal::default());
            out.note("a note");
            out.warn("a warning");
            out.note_diff("+x\n");
            out.error("it\nbroke", &["a\u{202e}b".into()], Some("allmcp doctor"));
            let noted = if notes { "a note\nwarning: a warning\n+x\n" } else { "" };
            let want = format!("{noted}error: it broke\ncaused by: ab\nhint: allmcp doctor\n");
            assert_eq!(people.text(), want);
            assert_eq!(data.text(), "");
        }
    }

    #[test]
    fn colour_is_asked_for_by_a_word() {
        let look = Look { color: When::Always, ..Look::default() };
        let (out, _, people) = out(look, Terminal::default());
        out.error("x", &[], None);
        assert!(people.text().contains("\u{1b}["), "{:?}", people.text());
    }

    #[test]
    fn a_reader_that_left_is_an_error_of_its_own_kind() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let out = Out::to(Look::default(), Terminal::default(), Box::new(Gone), Box::new(Gone));
        assert_eq!(out.line("x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        out.note("nobody hears this");
    }
}

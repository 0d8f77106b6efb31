//! Tables: aligned and complete in a pipe, one line a row and fitted on a terminal.

use super::{
    Cell, Column, Terminal,
    columns::{BAR, Content, GAP, divide},
    style::{BOLD, Ink},
    width::{Cut, fit, width},
};

/// Rows under a header.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The first column is what other commands want, whatever is said of it: it is cut last.
    pub fn new<C: Into<Column>>(columns: impl IntoIterator<Item = C>) -> Self {
        let mut columns: Vec<Column> = columns.into_iter().map(Into::into).collect();
        if let Some(first) = columns.first_mut() {
            *first = Column::name(first.title);
        }
        Self { columns, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// On a terminal each row is one line of its width, cut where it must be, and a status
    /// carries its sign. Elsewhere nothing is cut or left out and a status is just its word.
    pub(super) fn render(&self, terminal: Terminal, ink: Ink) -> String {
        let content: Vec<Content> =
            (0..self.columns.len()).map(|at| self.content(at, terminal)).collect();
        let widths = match terminal.columns {
            Some(room) => divide(&self.columns, &content, usize::from(room)),
            None => self.undivided(&content, terminal),
        };
        let mut out = String::new();
        let titles = self.columns.iter().zip(&widths);
        let titles = titles.map(|(column, wide)| {
            let title = fit(column.title, wide.unwrap_or(0), Cut::End, terminal.ascii);
            let taken = width(&title);
            (title, taken)
        });
        let header = self.line(titles, &widths);
        out.push_str(&ink.paint(BOLD, &header));
        out.push('\n');
        for cells in &self.rows {
            let shown =
                cells.iter().zip(&self.columns).zip(&widths).map(|((cell, column), wide)| {
                    cell.shown(wide.unwrap_or(0), column.cut, terminal, ink)
                });
            out.push_str(&self.line(shown, &widths));
            out.push('\n');
        }
        out
    }

    fn content(&self, at: usize, terminal: Terminal) -> Content {
        let cells = || self.rows.iter().filter_map(|row| row.get(at));
        Content {
            widest: cells().map(|cell| cell.width(terminal)).max().unwrap_or(0),
            marked: cells().any(Cell::is_marked),
            empty: cells().all(Cell::is_empty),
        }
    }

    /// As wide as it is; bars are for terminals.
    fn undivided(&self, content: &[Content], terminal: Terminal) -> Vec<Option<usize>> {
        let wide = |(column, content): (&Column, &Content)| {
            let own = width(column.title).max(content.widest);
            if column.bar { terminal.stdout.then_some(BAR) } else { Some(own) }
        };
        self.columns.iter().zip(content).map(wide).collect()
    }

    /// The cells of one row side by side, with nothing behind the last.
    fn line(
        &self,
        cells: impl Iterator<Item = (String, usize)>,
        widths: &[Option<usize>],
    ) -> String {
        let mut line = String::new();
        let mut behind = 0;
        for (((text, taken), column), wide) in cells.zip(&self.columns).zip(widths) {
            let Some(wide) = *wide else { continue };
            let pad = wide.saturating_sub(taken);
            let before = if column.right { pad } else { 0 };
            if text.is_empty() {
                behind += wide + GAP;
            } else {
                line.push_str(&" ".repeat(behind + before));
                line.push_str(&text);
                behind = pad - before + GAP;
            }
        }
        // A text that was cut may end with what stood between two words.
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Status;
    use proptest::prelude::*;

    fn table() -> Table {
        let mut table = Table::new(["NAME", "STATUS", "URL"]);
        table.row(["kommo".into(), Status::Connected.into(), "https://kommo.example/mcp".into()]);
        table.row(["x\u{1b}[2J\ny".into(), Status::Error.into(), "a b c d e f g h i j k".into()]);
        table
    }

    fn on(columns: u16) -> Terminal {
        Terminal { stdout: true, columns: Some(columns), ..Terminal::default() }
    }

    #[test]
    fn a_pipe_gets_everything_and_no_glyph() {
        let text = table().render(Terminal::default(), Ink::default());
        assert_eq!(
            text,
            "NAME     STATUS     URL\n\
             kommo    connected  https://kommo.example/mcp\n\
             x [2J y  error      a b c d e f g h i j k\n"
        );
    }

    #[test]
    fn a_terminal_gets_one_fitted_line_a_row() {
        assert_eq!(
            table().render(on(40), Ink::default()),
            "NAME     STATUS       URL\n\
             kommo    ✓ connected  https://kommo.exa…\n\
             x [2J y  ✗ error      a b c d e f g h i…\n"
        );
        let ascii = Terminal { ascii: true, ..on(40) };
        assert_eq!(
            table().render(ascii, Ink::default()),
            "NAME     STATUS       URL\n\
             kommo    + connected  https://kommo.e...\n\
             x [2J y  x error      a b c d e f g h...\n"
        );
    }

    #[test]
    fn wide_names_keep_the_columns_straight() {
        let mut table = Table::new([Column::name("NAME"), Column::number("CALLS")]);
        table.row(["日本語".into(), 7.into()]);
        table.row(["plain".into(), 1234.into()]);
        assert_eq!(
            table.render(on(40), Ink::default()),
            "NAME    CALLS\n日本語      7\nplain    1234\n"
        );
    }

    #[test]
    fn the_name_in_front_is_not_cut_where_there_is_room() {
        let mut table = Table::new(["TOOL", "STATE", "DESCRIPTION"]);
        let name = "kommo__a_tool_with_a_name_of_some_length";
        table.row([name.into(), "ok".into(), "What it does, at length and beyond.".into()]);
        for (columns, whole) in [(70, true), (62, true), (40, false)] {
            let text = table.render(on(columns), Ink::default());
            assert_eq!(text.contains(name), whole, "{text}");
            assert!(text.contains('…'), "{text}");
        }
    }

    #[test]
    fn the_glyph_alone_is_coloured() {
        let text = table().render(on(100), Ink { on: true });
        assert!(text.contains("\u{1b}[32m✓\u{1b}[0m connected"), "{text:?}");
    }

    #[test]
    fn an_empty_table_is_its_header() {
        let text = Table::new(["A", "B"]).render(Terminal::default(), Ink::default());
        assert_eq!(text, "A  B\n");
    }

    #[test]
    fn a_text_that_is_cut_between_two_words_leaves_nothing_behind() {
        let mut table = Table::new(["NAME".into(), Column::address("URL")]);
        table.row(["n".repeat(15).into(), "ab cd".into()]);
        let ascii = Terminal { ascii: true, ..on(20) };
        let text = table.render(ascii, Ink::default());
        assert!(text.lines().all(|line| line == line.trim_end()), "{text:?}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            rows in proptest::collection::vec(
                ("[a-z0-9-]{1,32}", "\\PC{0,60}", 0usize..100_000, "\\PC{0,300}"), 0..6),
            columns in 20u16..=200,
            ascii in any::<bool>(),
        ) {
            let mut table = Table::new([
                "NAME".into(), "STATUS".into(), Column::number("TOOLS"),
                Column::address("URL"), Column::from("ABOUT").spare(1),
            ]);
            let names: Vec<String> = rows.iter().map(|row| row.0.clone()).collect();
            for (name, url, count, about) in rows {
                table.row([name.into(), Status::NeedsAuth.into(), count.into(), url.into(), about.into()]);
            }
            let text = table.render(Terminal { ascii, ..on(columns) }, Ink::default());
            prop_assert_eq!(text.lines().count(), names.len() + 1);
            for line in text.lines() {
                prop_assert!(width(line) <= usize::from(columns), "{line:?}");
                prop_assert_eq!(line, line.trim_end());
            }
            if columns >= 60 {
                prop_assert!(names.iter().all(|name| text.contains(name)), "{text}");
                prop_assert!(text.matches("! needs_auth").count() == names.len(), "{text}");
            }
            // A pipe gets all of it, in columns.
            let piped = table.render(Terminal::default(), Ink::default());
            prop_assert!(names.iter().all(|name| piped.contains(name)), "{piped}");
        }
    }
}

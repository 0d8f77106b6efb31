//! Reading the access log while it is written and rotated.

use super::access_log::{Entry, MARK};
use crate::disk::rotate::{Identity, older};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, ErrorKind},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Which entries are wanted; the default wants all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub since: Option<SystemTime>,
    pub connection: Option<String>,
    /// The public name, or the end of it after the connection's prefix.
    pub tool: Option<String>,
    /// Only calls that failed, were refused, or that the tool answered with an error.
    pub failed: bool,
    pub org: Option<String>,
    pub user: Option<String>,
}

impl Filter {
    pub fn wants(&self, entry: &Entry) -> bool {
        // Identities were cut and cleaned when they were written, as they are here.
        let is = |wanted: &Option<String>, got: &Option<String>| {
            wanted.as_ref().is_none_or(|w| got.as_ref() == Some(&crate::text::line(w, 100)))
        };
        self.since.is_none_or(|since| entry.time >= since)
            && self.connection.as_ref().is_none_or(|c| *c == entry.connection)
            && self.tool.as_ref().is_none_or(|t| {
                let upstream = entry.tool.split_once("__").map(|(_, name)| name);
                *t == entry.tool || upstream == Some(t)
            })
            && (!self.failed || entry.outcome.is_failure())
            && is(&self.org, &entry.org)
            && is(&self.user, &entry.user)
    }
}

/// The reading end: [`LogReader::read`] once gives what is there, and again what came since.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// The file at the path when it was last looked at.
    newest: Option<Open>,
    /// The file before it. A writer that looked at the path before the rename may still add a
    /// line there.
    before: Option<Open>,
    started: bool,
}

/// A file, read up to some place.
#[derive(Debug)]
struct Open {
    file: BufReader<File>,
    identity: Identity,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
}

impl LogReader {
    /// Reads `<state>/access.log` and the file before it.
    pub fn new(path: PathBuf) -> Self {
        Self { path, newest: None, before: None, started: false }
    }

    /// Gives every wanted entry that was not given before to `each`, oldest first. Blocks.
    pub fn read(&mut self, filter: &Filter, mut each: impl FnMut(Entry)) -> io::Result<()> {
        let mut each = |line: &[u8]| {
            if let Some(entry) = parse(line).filter(|entry| filter.wants(entry)) {
                each(entry);
            }
        };
        let there = self.newest.as_ref().is_some_and(|open| open.is_at(&self.path));
        for open in [&mut self.before, &mut self.newest].into_iter().flatten() {
            open.lines(&mut each)?;
        }
        if there {
            return Ok(());
        }
        // It was renamed, or there was none. The newer one is opened first: a rename in between
        // then shows the same file twice, which can be seen, and hides none.
        let next = Open::at(&self.path)?;
        let older = Open::at(&older(&self.path))?;
        let known = |open: &Open| {
            [&self.before, &self.newest, &next].into_iter().flatten().any(|k| k.is(open))
        };
        let between = older.filter(|open| !known(open) && (cfg!(unix) || !self.started));
        self.started = true;
        self.before = between.or_else(|| self.newest.take()).or_else(|| self.before.take());
        self.newest = next;
        for open in [&mut self.before, &mut self.newest].into_iter().flatten() {
            open.lines(&mut each)?;
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => {
                let identity = Identity::of(&file.metadata()?);
                Ok(Some(Self { file: BufReader::new(file), identity, rest: Vec::new() }))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn is(&self, other: &Self) -> bool {
        cfg!(unix) && self.identity == other.identity
    }

    fn is_at(&self, path: &Path) -> bool {
        self.identity.is_at(self.file.get_ref(), path)
    }

    /// Whole lines to the end of the file; the begun one waits.
    fn lines(&mut self, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while self.file.read_until(b'\n', &mut self.rest)? > 0 {
            if self.rest.ends_with(b"\n") {
                each(&self.rest);
                self.rest.clear();
            }
        }
        Ok(())
    }
}

/// The entry of a line; of two on one line, because a full disk tore the first, the second.
fn parse(line: &[u8]) -> Option<Entry> {
    let at = memchr::memmem::rfind(line, MARK.as_bytes())?;
    serde_json::from_slice(&line[at..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::access_log::{
        Outcome,
        tests::{entry, small},
    };
    use std::{fs, io::Write as _, time::Duration};

    fn tools(reader: &mut LogReader, filter: &Filter) -> Vec<String> {
        let mut tools = Vec::new();
        reader.read(filter, |entry| tools.push(entry.tool)).unwrap();
        tools
    }

    fn put(path: &Path, text: &str) {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn following_goes_on_where_it_was_and_over_rotations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let all = Filter::default();
        let mut reader = LogReader::new(path.clone());
        assert!(tools(&mut reader, &all).is_empty());
        let log = small(&path, 500);
        let mut want: Vec<String> = Vec::new();
        for n in 0..20 {
            // Two a time, three a file: a reader that comes every third time finds the rest of the
            // file it knew, one that it never saw, and the newest.
            for half in ["a", "b"] {
                log.append(&entry(&format!("{n:02}{half}")));
                want.push(format!("{n:02}{half}"));
            }
            if n % 3 == 0 || n > 15 {
                assert_eq!(tools(&mut reader, &all), want);
                want.clear();
            }
        }
        assert!(tools(&mut reader, &all).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_late_line_in_the_old_file_is_still_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        small(&path, 9999).append(&entry("one"));
        let text = fs::read_to_string(&path).unwrap();
        let mut reader = LogReader::new(path.clone());
        let all = Filter::default();
        assert_eq!(tools(&mut reader, &all), ["one"]);
        fs::rename(&path, older(&path)).unwrap();
        assert!(tools(&mut reader, &all).is_empty());
        put(&path, &text.replace("one", "three"));
        assert_eq!(tools(&mut reader, &all), ["three"]);
        put(&older(&path), &text.replace("one", "two"));
        assert_eq!(tools(&mut reader, &all), ["two"]);
        assert!(tools(&mut reader, &all).is_empty());
    }

    #[test]
    fn a_line_that_is_being_written_waits_for_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        small(&path, 9999).append(&entry("one"));
        let text = fs::read_to_string(&path).unwrap().replace("one", "two");
        let mut reader = LogReader::new(path.clone());
        let all = Filter::default();
        put(&path, &text[..50]);
        assert_eq!(tools(&mut reader, &all), ["one"]);
        put(&path, &text[50..]);
        assert_eq!(tools(&mut reader, &all), ["two"]);
    }

    #[test]
    fn torn_and_foreign_lines_cost_only_themselves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        small(&path, 9999).append(&entry("one"));
        let text = fs::read_to_string(&path).unwrap();
        put(&path, &format!("{}{}", &text[..60], text.replace("one", "two")));
        put(&path, "nonsense\n\n{\"v\":1,\"time\":1}\n\u{fffd}\n");
        // A later version may add fields and words, and leave out what we can do without.
        put(
            &path,
            "{\"v\":1,\"novel\":{},\"time\":\"2026-11-20T10:00:00Z\",\"connection\":\"c\",\"tool\":\"three\",\"outcome\":\"parked\"}\n",
        );
        put(&path, &text.replace("\"v\":1", "\"v\":2"));
        let mut entries = Vec::new();
        LogReader::new(path).read(&Filter::default(), |e| entries.push(e)).unwrap();
        let tools: Vec<_> = entries.iter().map(|e| e.tool.as_str()).collect();
        assert_eq!(tools, ["one", "two", "three"]);
        assert_eq!((entries[2].outcome, entries[2].pid), (Outcome::Other, 0));
    }

    #[test]
    fn filters_choose() {
        let mut e = entry("kommo__leads_list");
        e.org = Some("o".to_owned());
        let wants = |f: Filter| f.wants(&e);
        let text = |t: &str| Some(t.to_owned());
        assert!(wants(Filter { tool: text("leads_list"), ..Filter::default() }));
        assert!(wants(Filter { tool: text("kommo__leads_list"), ..Filter::default() }));
        assert!(!wants(Filter { tool: text("leads"), ..Filter::default() }));
        assert!(!wants(Filter { connection: text("other"), ..Filter::default() }));
        assert!(!wants(Filter { failed: true, ..Filter::default() }));
        assert!(wants(Filter { org: text("o"), ..Filter::default() }));
        assert!(!wants(Filter { user: text("o"), ..Filter::default() }));
        assert!(wants(Filter { since: Some(e.time), ..Filter::default() }));
        let later = Some(e.time + Duration::from_millis(1));
        assert!(!wants(Filter { since: later, ..Filter::default() }));
    }
}

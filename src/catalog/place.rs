//! Where in a manifest something stands: as a path of keys, and as a line of its file.

use std::fmt;

/// One step from the top of a document towards a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The way from the top of a document to a value: `auth[1].headers.Authorization`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct At(Vec<Step>);

impl At {
    pub(super) fn top() -> Self {
        Self::default()
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// Of a byte in a text; one past the end counts as the end.
    pub(super) fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

/// A parsed text that knows where everything stands in it.
pub(super) struct Lines<'a> {
    text: &'a str,
    document: Option<toml_edit::Document<String>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, document: toml_edit::Document::parse(text.to_owned()).ok() }
    }

    /// Where `at` stands. What is not there stands where the nearest thing around it does; what
    /// is there through `extends` alone, nowhere.
    pub(super) fn position(&self, at: &At) -> Option<Position> {
        let mut span = None;
        let mut here = self.document.as_ref()?.as_item();
        for step in &at.0 {
            let next = match step {
                Step::Key(key) => {
                    let table = here.as_table_like();
                    let found = table.and_then(|table| table.get_key_value(key));
                    if let Some((key, _)) = &found {
                        span = key.span().or(span);
                    }
                    found.map(|(_, item)| item)
                }
                Step::Index(index) => here.get(index),
            };
            let Some(next) = next else { break };
            if let Step::Index(_) = step {
                span = next.span().or(span);
            }
            here = next;
        }
        Some(Position::of(self.text, span?.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_line() {
        let text = "id = \"é\"\n[[auth]]\nid = \"x\"\n\n[[auth]]\n  headers = { A = \"b\" }\n";
        let lines = Lines::new(text);
        let at = At::top().key("auth").index(1).key("headers").key("A");
        assert_eq!(at.to_string(), "auth[1].headers.A");
        assert_eq!(lines.position(&at), Some(Position { line: 6, column: 15 }));
        let missing = At::top().key("auth").index(1).key("title");
        assert_eq!(lines.position(&missing), Some(Position { line: 5, column: 1 }));
        assert_eq!(lines.position(&At::top().key("name")), None);
        assert_eq!(Position::of("é\nab", 4), Position { line: 2, column: 2 });
    }
}

//! The words of a line that is being typed.

use crate::name::Tenant;
use std::ffi::OsString;

/// A line and where its cursor is; the program's name is its first word.
#[derive(Debug, Default)]
pub(super) struct Line {
    words: Vec<String>,
    at: usize,
}

impl Line {
    /// `at` is the cursor's word, as the shell tells it; without it the last one.
    pub(super) fn new(words: &[OsString], at: Option<usize>) -> Self {
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let at = at.unwrap_or(words.len().saturating_sub(1));
        Self { words, at }
    }

    /// The word as far as it is typed.
    pub(super) fn current(&self) -> &str {
        self.words.get(self.at).map_or("", String::as_str)
    }

    /// What stands between a command and the cursor, without flags.
    pub(super) fn after(&self, command: &str) -> Vec<&str> {
        let before = &self.words[..self.at.min(self.words.len())];
        let words = before.iter().map(String::as_str).skip_while(|word| *word != command).skip(1);
        let mut out = Vec::new();
        let mut value = false;
        for word in words {
            if !std::mem::take(&mut value) && !word.starts_with('-') {
                out.push(word);
            }
            // Of the flags that take a value these may stand before the words that count.
            value = matches!(
                word,
                "--args"
                    | "--color"
                    | "--org"
                    | "--user"
                    | "--name"
                    | "--param"
                    | "--auth"
                    | "--header"
            );
        }
        out
    }

    /// Whose lists are meant.
    pub(super) fn tenant(&self) -> Tenant {
        Tenant { org: self.flag("--org"), user: self.flag("--user") }
    }

    fn flag(&self, name: &str) -> Option<String> {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            match word.strip_prefix(name) {
                Some("") => return words.next().cloned(),
                Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let words: Vec<_> = text.split(' ').map(OsString::from).collect();
        Line::new(&words, None)
    }

    #[test]
    fn words_that_count_are_told_from_flags_and_their_values() {
        let line = line("allmcp call --json --args {} kommo --user u lea");
        assert_eq!((line.after("call"), line.current()), (vec!["kommo"], "lea"));
        assert_eq!(line.tenant().user.as_deref(), Some("u"));
        assert_eq!(line.after("connect"), Vec::<&str>::new());
    }

    #[test]
    fn the_cursor_may_stand_in_the_middle_or_behind_the_end() {
        let words: Vec<_> = ["allmcp", "call", "k", "rest"].map(OsString::from).to_vec();
        assert_eq!(Line::new(&words, Some(2)).after("call"), Vec::<&str>::new());
        assert_eq!(Line::new(&words, Some(4)).current(), "");
        assert_eq!(Line::new(&words, Some(9)).after("call"), ["k", "rest"]);
        assert_eq!(Line::new(&[], None).current(), "");
        let org = line("allmcp --org=o list ");
        assert_eq!((org.tenant().org.as_deref(), org.tenant().user), (Some("o"), None));
    }
}

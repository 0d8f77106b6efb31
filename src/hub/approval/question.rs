//! One question to the user: what would be done, where, and with what.

use super::shown;
use crate::{text, wire::canonical};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Longest value of a fact, in characters.
const FACT: usize = 200;

/// Equal for equal deeds, however their arguments are written.
pub type Key = [u8; 32];

/// What the user is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    title: String,
    facts: Vec<(&'static str, String)>,
    arguments: Option<String>,
    grave: bool,
    key: Key,
}

impl Question {
    /// `title`: the question itself, on one line. `whose` and `deed` name where it would be done
    /// and what, so that an approval holds for nothing else; `arguments` is the JSON text that
    /// would be sent.
    pub fn new(title: &str, whose: &str, deed: &str, arguments: &Bytes) -> Self {
        let mut all = Vec::with_capacity(arguments.len() + 64);
        for name in [whose, deed] {
            all.extend_from_slice(name.as_bytes());
            all.push(0);
        }
        canonical::push(arguments, &mut all);
        let empty = arguments.is_empty() || &arguments[..] == b"{}";
        Self {
            title: text::line(title, FACT),
            facts: Vec::new(),
            arguments: (!empty).then(|| shown::json(arguments)),
            grave: false,
            key: Sha256::digest(&all).into(),
        }
    }

    /// Something that the user should know, in the order of importance.
    #[must_use]
    pub fn fact(mut self, label: &'static str, value: &str) -> Self {
        self.facts.push((label, text::line(value, FACT)));
        self
    }

    /// It cannot be undone.
    #[must_use]
    pub fn grave(self, grave: bool) -> Self {
        Self { grave, ..self }
    }

    pub fn is_grave(&self) -> bool {
        self.grave
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn facts(&self) -> &[(&'static str, String)] {
        &self.facts
    }

    /// What would be sent, readable and cut; `None`: nothing but the call itself.
    pub fn arguments(&self) -> Option<&str> {
        self.arguments.as_deref()
    }

    pub fn key(&self) -> Key {
        self.key
    }

    /// All of it as plain text.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        for (label, value) in &self.facts {
            let _ = write!(out, "\n{label}: {value}");
        }
        match &self.arguments {
            Some(arguments) => {
                let _ = write!(out, "\nArguments: {arguments}");
            }
            None => out.push_str("\nArguments: none"),
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(whose: &str, deed: &str, arguments: &'static str) -> Question {
        Question::new("Call it?", whose, deed, &Bytes::from_static(arguments.as_bytes()))
    }

    #[test]
    fn an_approval_is_for_one_deed_in_any_spelling() {
        let key = of("c", "t", r#"{"a":1,"b":"é"}"#).key();
        assert_eq!(key, of("c", "t", r#"{ "b":"\u00e9","a":1}"#).key());
        for other in [
            of("c", "t", r#"{"a":2,"b":"é"}"#),
            of("c", "u", r#"{"a":1,"b":"é"}"#),
            of("d", "t", r#"{"a":1,"b":"é"}"#),
        ] {
            assert_ne!(key, other.key());
        }
        assert_ne!(of("c", "td", "{}").key(), of("ct", "d", "{}").key());
    }

    #[test]
    fn the_text_says_what_where_and_with_what() {
        let question = of("c", "t", r#"{"id":7}"#).fact("Connection", "c\u{202e}\n(h.example)");
        assert_eq!(
            question.text(),
            "Call it?\n\nConnection: c (h.example)\nArguments: {\n  \"id\": 7\n}"
        );
        assert_eq!(of("c", "t", "{}").text(), "Call it?\n\nArguments: none");
    }
}

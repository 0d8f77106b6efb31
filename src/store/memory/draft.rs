//! What somebody wants saved, checked against the limits before anything is opened.

use super::{
    MemoryError, Sharing, limits,
    row::{has_control, too_long},
};
use crate::text;
use serde::{Deserialize, Deserializer};
use std::{collections::HashSet, time::SystemTime};

/// A memory to be saved: a new one, or changes of one that is there. What is left out of a change
/// stays as it was.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The one to change; without it the reader's own of the same title, else it is a new one.
    pub id: Option<String>,
    pub title: Option<String>,
    pub content: Option<String>,
    pub tags: Change<Vec<String>>,
    pub source: Change<String>,
    pub expires_at: Change<SystemTime>,
    pub shared_with: Change<Sharing>,
}

/// What becomes of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    /// The same of another type.
    pub fn try_map<U, E>(self, to: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(to(value)?),
        })
    }

    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value; none where it stays or goes.
    pub(super) fn new_value(&self) -> Option<&T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// A missing field (by serde's default) stays, `null` clears it.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map_or(Self::Clear, Self::Set))
    }
}

/// All drafts of a batch in order, trimmed, within the limits, and no two of one memory.
pub(super) fn checked(drafts: Vec<Draft>, now: SystemTime) -> Result<Vec<Draft>, MemoryError> {
    if drafts.is_empty() {
        return Err(MemoryError::Invalid("there is no memory to save".to_owned()));
    }
    if drafts.len() > limits::BATCH {
        return Err(too_long("the batch", drafts.len(), limits::BATCH, "memories"));
    }
    let many = drafts.len() > 1;
    let mut keys = HashSet::new();
    let mut out = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let draft = draft.checked(now).map_err(|error| match error {
            MemoryError::Invalid(why) if many => {
                MemoryError::Invalid(format!("memory {}: {why}", at + 1))
            }
            error => error,
        })?;
        let key = draft.id.clone().map_or_else(|| (1, draft.title.clone()), |id| (0, Some(id)));
        if !keys.insert(key) {
            let what = draft.id.as_deref().or(draft.title.as_deref()).unwrap_or_default();
            let what = text::line(what, 80);
            let why = format!("memory {}: {what:?} stands twice in the batch", at + 1);
            return Err(MemoryError::Invalid(why));
        }
        out.push(draft);
    }
    Ok(out)
}

impl Draft {
    fn checked(mut self, now: SystemTime) -> Result<Self, MemoryError> {
        let invalid = |why: &str| Err(MemoryError::Invalid(why.to_owned()));
        if let Some(title) = &mut self.title {
            *title = title.trim().to_owned();
            let count = title.chars().count();
            match count {
                0 => return invalid("the title is empty"),
                1..=limits::TITLE => {}
                _ => return Err(too_long("the title", count, limits::TITLE, "characters")),
            }
            if has_control(title) {
                return invalid("the title holds a line break or control character");
            }
        } else if self.id.is_none() {
            return invalid("\"title\" is missing (or \"id\", to change a memory)");
        }
        if let Some(content) = &self.content {
            if content.trim().is_empty() {
                return invalid("the content is empty");
            }
            if content.len() > limits::CONTENT {
                return Err(too_long("the content", content.len(), limits::CONTENT, "bytes"));
            }
            if content.contains('\0') {
                return invalid("the content holds a NUL character");
            }
        }
        if let Change::Set(tags) = &mut self.tags {
            *tags = names(tags, "tag", limits::TAG)?;
            let mut seen = HashSet::new();
            tags.retain(|tag| seen.insert(tag.to_lowercase()));
            if tags.len() > limits::TAGS {
                return Err(too_long("the list of tags", tags.len(), limits::TAGS, "entries"));
            }
        }
        if let Change::Set(source) = &mut self.source {
            *source = source.trim().to_owned();
            let count = source.chars().count();
            if count > limits::SOURCE {
                return Err(too_long("the source", count, limits::SOURCE, "characters"));
            }
            if has_control(source) {
                return invalid("the source holds a line break or control character");
            }
            if source.is_empty() {
                self.source = Change::Clear;
            }
        }
        if let Change::Set(when) = &self.expires_at
            && *when <= now
        {
            return invalid("\"expires_at\" lies in the past; use delete_memories to remove one");
        }
        if let Change::Set(shared) = &mut self.shared_with {
            let write = names(&shared.write, "user", limits::USER)?;
            let mut read = names(&shared.read, "user", limits::USER)?;
            // Who may write may read.
            read.retain(|user| !write.contains(user));
            let count = read.len() + write.len();
            if count > limits::SHARED {
                return Err(too_long("\"shared_with\"", count, limits::SHARED, "users"));
            }
            *shared = Sharing { read, write };
        }
        Ok(self)
    }
}

/// Words that stand for themselves: trimmed, each once, none empty or too long.
fn names(given: &[String], what: &str, most: usize) -> Result<Vec<String>, MemoryError> {
    let mut out: Vec<String> = Vec::with_capacity(given.len().min(limits::SHARED + 1));
    let mut seen = HashSet::new();
    for name in given {
        let name = name.trim();
        let count = name.chars().count();
        if count == 0 || has_control(name) {
            let why = format!("a {what} is empty or holds a line break or control character");
            return Err(MemoryError::Invalid(why));
        }
        if count > most {
            return Err(too_long(&format!("a {what}"), count, most, "characters"));
        }
        if seen.insert(name) {
            out.push(name.to_owned());
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn good() -> Draft {
        Draft { title: Some(" t ".into()), content: Some("c".into()), ..Draft::default() }
    }

    fn why(draft: Draft) -> String {
        checked(vec![draft], SystemTime::now()).unwrap_err().to_string()
    }

    #[test]
    fn each_limit_names_itself() {
        let tags = |tags: &[&str]| Change::Set(tags.iter().map(|t| (*t).to_owned()).collect());
        let many: Vec<String> = (0..=limits::TAGS).map(|i| format!("t{i}")).collect();
        let all: Vec<String> = (0..=limits::SHARED).map(|i| format!("u{i}")).collect();
        let past = SystemTime::now() - Duration::from_secs(1);
        for (draft, part) in [
            (Draft { title: None, ..good() }, "\"title\" is missing"),
            (Draft { title: Some(" ".into()), ..good() }, "title is empty"),
            (Draft { title: Some("x".repeat(201)), ..good() }, "201 characters; 200"),
            (Draft { title: Some("a\nb".into()), ..good() }, "line break"),
            (Draft { content: Some("\n".into()), ..good() }, "content is empty"),
            (Draft { content: Some("x".repeat(65537)), ..good() }, "65537 bytes; 65536"),
            (Draft { content: Some("a\0".into()), ..good() }, "NUL"),
            (Draft { tags: tags(&["a\nb"]), ..good() }, "a tag"),
            (Draft { tags: tags(&[""]), ..good() }, "a tag is empty"),
            (Draft { tags: tags(&[&"x".repeat(65)]), ..good() }, "65 characters; 64"),
            (Draft { tags: Change::Set(many), ..good() }, "33 entries; 32"),
            (Draft { source: Change::Set("x".repeat(501)), ..good() }, "501 characters; 500"),
            (Draft { expires_at: Change::Set(past), ..good() }, "in the past"),
            (
                Draft { shared_with: Change::Set(Sharing { read: all, write: vec![] }), ..good() },
                "101 users; 100",
            ),
        ] {
            let why = why(draft);
            assert!(why.contains(part), "{part:?} is not in {why:?}");
        }
        assert!(checked(vec![], SystemTime::now()).is_err());
        let batch = |count| (0..count).map(|i| Draft { title: Some(format!("{i}")), ..good() });
        assert!(checked(batch(limits::BATCH).collect(), SystemTime::now()).is_ok());
        let error = checked(batch(limits::BATCH + 1).collect(), SystemTime::now()).unwrap_err();
        assert!(error.to_string().contains("101 memories; 100"), "{error}");
    }

    #[test]
    fn a_batch_says_which_one_is_wrong() {
        let bad = Draft { content: Some(String::new()), ..good() };
        let other = Draft { title: Some("u".into()), ..good() };
        let error = checked(vec![other, bad], SystemTime::now()).unwrap_err().to_string();
        assert_eq!(error, "memory 2: the content is empty");
        let error = checked(vec![good(), good()], SystemTime::now()).unwrap_err().to_string();
        assert_eq!(error, "memory 2: \"t\" stands twice in the batch");
    }

    #[test]
    fn names_are_trimmed_and_stand_once_and_a_writer_reads() {
        let draft = Draft {
            tags: Change::Set(vec![" A ".into(), "a".into(), "b".into()]),
            source: Change::Set(" ".into()),
            shared_with: Change::Set(Sharing {
                read: vec!["u".into(), "v".into(), "v".into()],
                write: vec!["u".into()],
            }),
            ..good()
        };
        let draft = checked(vec![draft], SystemTime::now()).unwrap().remove(0);
        assert_eq!(draft.title.as_deref(), Some("t"));
        assert_eq!(draft.tags, Change::Set(vec!["A".to_owned(), "b".to_owned()]));
        assert_eq!(draft.source, Change::Clear);
        let want = Sharing { read: vec!["v".into()], write: vec!["u".into()] };
        assert_eq!(draft.shared_with, Change::Set(want));
    }

    #[test]
    fn null_clears_and_nothing_keeps() {
        #[derive(Deserialize)]
        struct One {
            #[serde(default)]
            source: Change<String>,
        }
        let read = |text: &str| serde_json::from_str::<One>(text).unwrap().source;
        assert_eq!(read("{}"), Change::Keep);
        assert_eq!(read(r#"{"source":null}"#), Change::Clear);
        assert_eq!(read(r#"{"source":"x"}"#), Change::Set("x".into()));
    }
}

//! Request ids, kept as the text they came in.

use super::splice;
use bytes::Bytes;
use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
};

/// A JSON-RPC id: the JSON text of a string or a number, echoed byte for byte.
///
/// Two ids are equal when they mean the same string, however it is escaped, or are the same
/// number text: `1` and `1.0` stay apart, since nothing says that a client sees them as one.
#[derive(Clone)]
pub struct Id(Bytes);

impl Id {
    /// An id of our own.
    pub fn number(n: u64) -> Self {
        Self(Bytes::from(n.to_string()))
    }

    /// An id from valid JSON text; `None` for anything but a string or a number.
    pub fn from_json(text: Bytes) -> Option<Self> {
        match text.first()? {
            b'"' | b'-' | b'0'..=b'9' => Some(Self(text)),
            _ => None,
        }
    }

    /// The JSON text.
    pub fn json(&self) -> &Bytes {
        &self.0
    }

    /// The number, when it is one of ours.
    pub fn as_number(&self) -> Option<u64> {
        std::str::from_utf8(&self.0).ok()?.parse().ok()
    }

    fn canon(&self) -> Cow<'_, [u8]> {
        if self.0.contains(&b'\\')
            && let Some(text) = splice::string(&self.0)
        {
            return Cow::Owned(splice::quote(&text).into_bytes());
        }
        Cow::Borrowed(&self.0)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.canon() == other.canon()
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canon().hash(state);
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &'static str) -> Id {
        Id::from_json(Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn ids_compare_by_meaning_and_echo_their_text() {
        assert_eq!(id(r#""a""#), id(r#""\u0061""#));
        assert_ne!(id("1"), id("1.0"));
        assert_ne!(id("1"), id(r#""1""#));
        assert_eq!(id("12345678901234567890123").json(), "12345678901234567890123".as_bytes());
        assert_eq!(id("0").as_number(), Some(0));
        assert!(Id::from_json(Bytes::from_static(b"null")).is_none());
        assert!(Id::from_json(Bytes::from_static(b"{}")).is_none());
    }
}

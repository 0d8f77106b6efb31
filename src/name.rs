//! Names parsed once, at the edge: connections, providers, tools and identities.
//!
//! Owns the grammar of every name that crosses a room. May name nothing. Called by everybody.

use std::{fmt, str::FromStr, sync::Arc};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

/// The name of a connection: `[a-z0-9][a-z0-9-]{0,31}`.
///
/// There is no `_` in it, so the separator `__` of a public tool name cannot occur inside.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionName(Arc<str>);

impl ConnectionName {
    pub const MAX: usize = 32;
    const RULE: &'static str = "use 1 to 32 of a-z, 0-9 and '-', starting with a letter or a digit";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let valid = !bytes.is_empty()
            && bytes.len() <= Self::MAX
            && ok(bytes[0])
            && bytes.iter().all(|&b| ok(b) || b == b'-');
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(NameError {
                what: "connection name",
                text: text.chars().take(80).collect(),
                rule: Self::RULE,
            })
        }
    }
}

/// A tool's name as its upstream says it: any text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamTool(Arc<str>);

impl UpstreamTool {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tool's name as clients see it, made by `hub::names` and only looked up, never split.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicName(Arc<str>);

impl PublicName {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_impls {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}
text_impls!(ConnectionName, UpstreamTool, PublicName);

/// Whose credentials, memory and log entries are used: nobody's in particular (solo), a user's,
/// or an org's user's. Identities are any stable strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub org: Option<String>,
    pub user: Option<String>,
}

impl Tenant {
    pub fn is_solo(&self) -> bool {
        self.org.is_none() && self.user.is_none()
    }

    /// The account under which a connection's credential is kept: the connection's name when
    /// solo, else `org/user/name` with identities percent-encoded and `-` for none.
    pub fn account(&self, connection: &ConnectionName) -> String {
        if self.is_solo() {
            return connection.to_string();
        }
        let part = |text: &Option<String>| text.as_deref().map_or_else(|| "-".into(), encode);
        format!("{}/{}/{connection}", part(&self.org), part(&self.user))
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986), and a lone `-`, which means
/// "none" in an account.
fn encode(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for &b in text.as_bytes() {
        let keep = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~');
        if keep || (b == b'-' && text != "-") {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// The candidate nearest to `word`, for "did you mean": at most a third of its letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, c)| *distance <= word.len().max(c.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_follow_the_grammar() {
        for good in ["a", "0", "kommo", "a-b-", "x1234567890123456789012345678901"] {
            assert_eq!(good.parse::<ConnectionName>().map(|n| n.to_string()), Ok(good.into()));
        }
        for bad in ["", "-a", "A", "a_b", "a b", "ä", "a/b", "..", &"a".repeat(33)] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn accounts_are_unambiguous() {
        let name: ConnectionName = "kommo".parse().unwrap();
        let tenant = |org: Option<&str>, user: Option<&str>| Tenant {
            org: org.map(Into::into),
            user: user.map(Into::into),
        };
        assert_eq!(Tenant::default().account(&name), "kommo");
        assert_eq!(tenant(None, Some("u")).account(&name), "-/u/kommo");
        assert_eq!(tenant(Some("-"), Some("a/b")).account(&name), "%2D/a%2Fb/kommo");
        assert_eq!(tenant(Some("o"), Some("a@b.c")).account(&name), "o/a%40b.c/kommo");
    }

    #[test]
    fn nearest_offers_a_typo_and_not_a_stranger() {
        assert_eq!(nearest("komo", ["linear", "kommo"]), Some("kommo"));
        assert_eq!(nearest("github", ["kommo", "linear"]), None);
    }
}

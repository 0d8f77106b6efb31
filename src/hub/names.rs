//! The names that clients see: a pure function of connection and upstream tool.
//!
//! A name is only ever made here and looked up in the index; nothing takes one apart to route by.

use crate::name::{ConnectionName, PublicName};
use sha2::{Digest as _, Sha256};

/// Longest public name: the 64 that clients take, less Claude Code's `mcp__allmcp__`.
pub const MAX: usize = 51;

/// Between connection and tool; a connection's name has no `_` in it.
pub const SEPARATOR: &str = "__";

/// `_` and six characters.
const SUFFIX: usize = 7;

/// The name under which clients see `tool` of `connection`.
pub fn public(connection: &ConnectionName, tool: &str) -> PublicName {
    let mut name = String::with_capacity(MAX);
    name.push_str(connection.as_str());
    name.push_str(SEPARATOR);
    if name.len() + tool.len() <= MAX && tool.bytes().all(is_plain) {
        name.push_str(tool);
        return PublicName::new(&name);
    }
    let room = MAX - SUFFIX - name.len();
    name.extend(
        tool.chars().map(|c| if c.is_ascii() && is_plain(c as u8) { c } else { '_' }).take(room),
    );
    name.push('_');
    name.push_str(&fingerprint(connection, tool));
    PublicName::new(&name)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The first 30 bits of SHA-256 over `connection NUL tool`, RFC 4648 base 32 in lower case.
fn fingerprint(connection: &ConnectionName, tool: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = Sha256::new();
    hash.update(connection.as_str());
    hash.update([0]);
    hash.update(tool);
    let hash = hash.finalize();
    let bits = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    (0..6).map(|i| char::from(ALPHABET[(bits >> (27 - 5 * i)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn name(connection: &str, tool: &str) -> String {
        public(&connection.parse().unwrap(), tool).to_string()
    }

    #[test]
    fn a_plain_name_is_only_prefixed() {
        assert_eq!(name("linear", "create_issue"), "linear__create_issue");
        assert_eq!(name("a-b", "Get-Thing__2"), "a-b__Get-Thing__2");
        let longest = "x".repeat(MAX - 3);
        assert_eq!(name("a", &longest), format!("a__{longest}"));
    }

    #[test]
    fn other_names_end_in_a_fingerprint_that_never_changes() {
        // The six characters are checked against an independent SHA-256 and base 32.
        assert_eq!(name("linear", "get.issue"), "linear__get_issue_22nrnf");
        let long = name("linear", &"x".repeat(60));
        assert_eq!(long.len(), MAX);
        assert!(long.starts_with("linear__xxxx"));
        assert_ne!(name("linear", "get.issue"), name("linear", "get/issue"));
        assert_ne!(name("a", "ж"), name("a", "ш"));
        let most = "c".repeat(ConnectionName::MAX);
        assert_eq!(name(&most, &"y".repeat(40)).len(), MAX);
    }

    fn connection() -> impl Strategy<Value = String> {
        "[a-z0-9][a-z0-9-]{0,31}"
    }

    proptest! {
        #[test]
        fn every_name_is_short_plain_and_stable(c in connection(), tool in any::<String>()) {
            let made = name(&c, &tool);
            prop_assert!(made.len() <= MAX);
            prop_assert!(made.bytes().all(is_plain));
            prop_assert_eq!(&made, &name(&c, &tool));
            prop_assert!(made.starts_with(&(c + SEPARATOR)));
        }

        #[test]
        fn two_tools_have_two_names(
            pairs in prop::collection::hash_set((connection(), "[a-c._/ ]{1,6}|[a-b]{40,60}"), 2..40)
        ) {
            let mut seen = HashMap::new();
            for (c, tool) in pairs {
                let made = name(&c, &tool);
                prop_assert_eq!(seen.insert(made, (c, tool)), None);
            }
        }
    }
}

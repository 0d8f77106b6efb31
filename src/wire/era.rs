//! The revisions of the protocol as data.

use crate::kind::Era;

/// What we need to know of one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    pub date: &'static str,
    pub era: Era,
    /// JSON-RPC batches; only in 2025-03-26 (removed by modelcontextprotocol#416).
    pub batches: bool,
    /// The `MCP-Protocol-Version` header on HTTP requests.
    pub version_header: bool,
}

const fn legacy(date: &'static str, batches: bool, version_header: bool) -> Revision {
    Revision { date, era: Era::Legacy, batches, version_header }
}

/// Every revision, oldest first.
pub const REVISIONS: &[Revision] = &[
    legacy("2024-11-05", false, false),
    legacy("2025-03-26", true, false),
    legacy("2025-06-18", false, true),
    legacy("2025-11-25", false, true),
    Revision { date: "2026-07-28", era: Era::Modern, batches: false, version_header: true },
];

/// The newest revision that has `initialize`.
pub const NEWEST_LEGACY: &str = "2025-11-25";
/// The newest revision.
pub const NEWEST_MODERN: &str = "2026-07-28";

/// Methods that 2026-07-28 removed (SEP-2575, SEP-2567, SEP-2322): a modern request for one gets
/// "method not found".
pub const REMOVED_IN_MODERN: &[&str] =
    &["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

pub fn revision(date: &str) -> Option<&'static Revision> {
    REVISIONS.iter().find(|r| r.date == date)
}

/// The revision to answer an `initialize` with: the one asked for when we know it and it has
/// `initialize`, else the newest that has. An answer never names a modern one.
pub fn answer_initialize(asked: &str) -> &'static Revision {
    revision(asked).filter(|r| r.era == Era::Legacy).unwrap_or(&REVISIONS[3])
}

/// The dates of one era, newest first.
pub fn dates(era: Era) -> impl Iterator<Item = &'static str> {
    REVISIONS.iter().rev().filter(move |r| r.era == era).map(|r| r.date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialize_is_answered_with_what_was_asked_or_the_newest() {
        for asked in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            assert_eq!(answer_initialize(asked).date, asked);
        }
        for other in ["2026-07-28", "1999-01-01", ""] {
            assert_eq!(answer_initialize(other).date, NEWEST_LEGACY);
        }
        assert_eq!(dates(Era::Modern).collect::<Vec<_>>(), [NEWEST_MODERN]);
    }
}

//! Which texts of a client's file may be shown: the file may hold keys, and the screen may be an
//! agent's.

use crate::clients::entry::OUR_VARIABLES;

pub(super) const MASK: &str = "\"***\"";

/// What stands for any element of a list in a path.
pub(super) const ELEMENT: &str = "[]";

/// Fields of other servers that say which one it is, and hold no key.
const SHOWN: &[&str] = &["name", "type", "source", "command", "cmd"];

/// Whether the text at `path`, counted from the list of servers, is shown.
pub(super) fn shows(path: &[&str], ours: &str) -> bool {
    match path {
        [entry, _] | [entry, _, ELEMENT] if *entry == ours => true,
        [entry, _, variable] if *entry == ours => OUR_VARIABLES.contains(variable),
        [_, field] => SHOWN.contains(field),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_shown_but_for_what_the_user_added_and_of_others_what_they_are() {
        assert!(shows(&["allmcp", "command"], "allmcp"));
        assert!(shows(&["allmcp", "args", ELEMENT], "allmcp"));
        assert!(shows(&["allmcp", "env", "ALLMCP_CLIENT"], "allmcp"));
        assert!(!shows(&["allmcp", "env", "API_KEY"], "allmcp"));
        assert!(shows(&["x", "command"], "allmcp"));
        assert!(!shows(&["x", "command", ELEMENT], "allmcp"));
        assert!(!shows(&["x", "url"], "allmcp"));
        assert!(!shows(&[], "allmcp"));
    }
}

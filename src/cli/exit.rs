//! The exit codes, one table: what scripts may rely on.

use std::{fmt::Write as _, process::ExitCode};

/// How a run of `allmcp` ended. See [`Exit::TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

/// One row of the published table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub exit: Exit,
    pub name: &'static str,
    pub meaning: &'static str,
}

macro_rules! exits {
    ($($code:literal $name:ident $meaning:literal;)+) => {
        impl Exit {
            $(#[doc = $meaning] pub const $name: Self = Self($code);)+

            /// Every code that `allmcp` ends with, with its name and meaning.
            pub const TABLE: &[Row] =
                &[$(Row { exit: Self::$name, name: stringify!($name), meaning: $meaning }),+];
        }
    };
}

exits! {
    0   DONE         "done; also when the reader of stdout went away, and when serve or bridge ended";
    1   FAILED       "failed";
    2   USAGE        "wrong usage, unknown name, or an answer is missing that cannot be asked for";
    4   NEEDS_AUTH   "sign-in needed";
    5   UNREACHABLE  "an upstream could not be reached, or timed out";
    6   TOOL_ERROR   "the tool ran and answered with an error";
    7   STORE        "the secret store is not available";
    8   UNHEALTHY    "some connections are not healthy";
    9   DENIED       "denied by policy";
    70  INTERNAL     "a bug in allmcp";
    130 INTERRUPTED  "interrupted";
}

impl Exit {
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The table as the help shows it.
    pub fn help() -> String {
        let mut out = String::from("Exit codes:\n");
        for row in Self::TABLE {
            let _ = writeln!(out, "  {:>3}  {}", row.exit.0, row.meaning);
        }
        out
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_published_ones() {
        let codes: Vec<_> = Exit::TABLE.iter().map(|row| (row.exit.code(), row.name)).collect();
        let want = [
            (0, "DONE"),
            (1, "FAILED"),
            (2, "USAGE"),
            (4, "NEEDS_AUTH"),
            (5, "UNREACHABLE"),
            (6, "TOOL_ERROR"),
            (7, "STORE"),
            (8, "UNHEALTHY"),
            (9, "DENIED"),
            (70, "INTERNAL"),
            (130, "INTERRUPTED"),
        ];
        assert_eq!(codes, want);
        assert!(Exit::help().contains("\n   70  a bug in allmcp\n"), "{}", Exit::help());
    }
    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../../README.md");
        for row in Exit::TABLE {
            let line = format!("\n| {} | {} |\n", row.exit.code(), row.meaning);
            assert!(readme.contains(&line), "{line}");
        }
    }
}

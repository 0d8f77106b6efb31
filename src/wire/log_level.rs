//! How severe a log message is.

use std::{fmt, str::FromStr};

/// How severe a log message is (RFC 5424, as MCP uses it), least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl LogLevel {
    const ALL: [(Self, &str); 8] = [
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Notice, "notice"),
        (Self::Warning, "warning"),
        (Self::Error, "error"),
        (Self::Critical, "critical"),
        (Self::Alert, "alert"),
        (Self::Emergency, "emergency"),
    ];

    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for LogLevel {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(level, _)| *level).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_the_order_of_their_words() {
        assert!(LogLevel::Debug < LogLevel::Emergency);
        for (level, word) in LogLevel::ALL {
            assert_eq!((level.word(), word.parse()), (word, Ok(level)));
        }
        assert_eq!("loud".parse::<LogLevel>(), Err(()));
    }
}

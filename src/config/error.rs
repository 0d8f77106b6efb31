//! What can be wrong with a configuration.

use crate::{disk::lock::LockError, name::ConnectionName};
use std::{io, path::PathBuf};

/// Why the configuration could not be read or changed; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is no valid configuration; line and column count from 1.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Parse { file: PathBuf, line: usize, column: usize, message: String },
    #[error("no connection is called {name:?}{}", did_you_mean(nearest.as_deref()))]
    UnknownConnection { name: String, nearest: Option<String> },
    #[error("a connection called {name} is there already")]
    Taken { name: ConnectionName },
    #[error("unknown key {key:?}{}", did_you_mean(nearest.as_deref()))]
    UnknownKey { key: String, nearest: Option<String> },
    #[error("wrong value for {key}: {message}")]
    BadValue { key: String, message: String },
    #[error("{} is a link; allmcp changes only a plain file, so edit the file behind it by hand or put it in place of the link", path.display())]
    Link { path: PathBuf },
    #[error("could not use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the configuration is being changed by somebody else")]
    Lock(#[from] LockError),
    #[error("there is no home folder; set ALLMCP_HOME to a folder for allmcp's files")]
    NoHome,
}

impl ConfigError {
    pub(super) fn io(path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// The tail of an "unknown …" message.
pub(super) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}

//! Why the memory could not be read or changed.

use crate::text;
use rusqlite::{Error as Sqlite, ErrorCode};
use std::{io, path::Path, path::PathBuf};

/// Why there is no answer. Nothing was changed, and the file is never reset.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// What was asked for is not possible; the text says why and what would be.
    #[error("{0}")]
    Invalid(String),
    /// There is none of that id, or it is somebody else's.
    #[error("no memory has the id {0:?}")]
    NotFound(String),
    /// It is shared for reading only, or only its owner may do this.
    #[error("{0}")]
    Denied(String),
    #[error("{path} cannot be opened: {source}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read or written: {detail}")]
    Disk { path: PathBuf, detail: String },
    #[error("{path} cannot be written: the disk is full")]
    Full { path: PathBuf },
    #[error("{path} cannot be written: it is read-only")]
    ReadOnly { path: PathBuf },
    #[error("another process has been holding {path} for too long")]
    Busy { path: PathBuf },
    #[error("{path} is damaged: {detail}")]
    Corrupt { path: PathBuf, detail: String },
    #[error("{path} was written by a newer version of allmcp")]
    Newer { path: PathBuf },
}

impl MemoryError {
    /// What the user can do, where that is not said yet.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Corrupt { .. } => {
                "put a backup in its place, or move the file away to begin anew; nothing in it was changed"
            }
            Self::Newer { .. } => "update allmcp; the file was not changed",
            Self::Busy { .. } => "try again when that process is done",
            Self::Full { .. } => "make room on the disk and try again",
            Self::ReadOnly { .. } => "make the file and its folder writable",
            _ => return None,
        })
    }

    /// It is the caller who has to ask for something else.
    pub fn is_callers(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::NotFound(_) | Self::Denied(_))
    }

    pub(super) fn corrupt(path: &Path, detail: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), detail: detail.into() }
    }

    /// What SQLite says, in our words.
    pub(super) fn of(path: &Path, error: &Sqlite) -> Self {
        let detail = text::line(&error.to_string(), 200);
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, detail }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            // Rows that are not what our statements write.
            None => Self::Corrupt { path, detail },
            Some(_) => Self::Disk { path, detail },
        }
    }
}

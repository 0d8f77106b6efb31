//! Why there is no manifest.

use super::Finding;
use std::{io, path::PathBuf};

/// Why a provider cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("no provider {id:?}")]
    Unknown {
        id: String,
        /// The nearest ids, the best first.
        near: Vec<String>,
    },
    /// A manifest of the user's folder that has faults.
    #[error("the manifest of {id:?} has {}: {}", faults(findings), file.display())]
    Bad { id: String, file: PathBuf, findings: Vec<Finding> },
    #[error("could not read {}", file.display())]
    Read {
        file: PathBuf,
        #[source]
        error: io::Error,
    },
}

fn faults(findings: &[Finding]) -> String {
    match findings {
        [only] => format!("a fault ({only})"),
        [first, ..] => format!("{} faults ({first} …)", findings.len()),
        [] => "a fault".to_owned(),
    }
}

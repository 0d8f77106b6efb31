//! What other servers a client knows, for those who take them over.

use super::{Client, ClientError, Dirs, format::File, place, plan::read};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Entries by name, in the order of the file, as JSON whatever its syntax.
pub type Entries = Vec<(String, Value)>;

/// Every entry of `client`'s file, and where that file is. `None` where there is no file. Blocks.
pub fn servers(
    client: &'static dyn Client,
    dirs: &Dirs,
) -> Result<Option<(PathBuf, Entries)>, ClientError> {
    let path = place(client, dirs)?;
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let entries = File::parse(client.format(), &path, Some(&bytes))?.entries();
    Ok(Some((path, entries)))
}

/// Every entry of a file in `client`'s syntax, wherever it is. Blocks.
///
/// # Errors
/// A file that is not there is one.
pub fn servers_in(client: &dyn Client, path: &Path) -> Result<Entries, ClientError> {
    let missing =
        || ClientError::Io { path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() };
    let bytes = read(path)?.ok_or_else(missing)?;
    Ok(File::parse(client.format(), path, Some(&bytes))?.entries())
}

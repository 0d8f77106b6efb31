//! Long values in stores whose items are small (Windows: 2,560 bytes), whole or not at all.
//!
//! The item of the account holds either the value itself or a header that names the pieces. The
//! pieces are written first under a name that nobody knows yet, then the header: that one write
//! replaces the old value by the new one. Only then are the old pieces removed. Removal goes the
//! same way, over a header that says "gone". So a crash between any two writes leaves the old
//! value or the new one; at worst pieces stay behind that nothing refers to.

use super::{INTERNAL, VaultError};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The bare items of a store.
pub(super) trait Items {
    fn get_item(&self, item: &str) -> Result<Option<Secret<String>>, VaultError>;
    fn set_item(&self, item: &str, value: &Secret<String>) -> Result<(), VaultError>;
    /// False when there was none.
    fn delete_item(&self, item: &str) -> Result<bool, VaultError>;
    /// How many UTF-16 code units one item holds; `None` where no value is too long.
    fn limit(&self) -> Option<usize>;
}

const HEADER: &str = "{\"allmcp.pieces\":";

/// How often a reader begins again while writers replace the value under it.
const TRIES: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "allmcp.pieces")]
    version: u32,
    id: String,
    count: usize,
    /// Of the whole value, so that a mix of two writes can never pass for one.
    sha256: String,
    /// The value is removed, and its pieces are on their way out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
}

impl Header {
    fn piece(&self, account: &str, index: usize) -> String {
        format!("{account}{INTERNAL}{}.{index}", self.id)
    }

    fn text(&self) -> Secret<String> {
        // A struct of numbers and plain texts always has a JSON form.
        Secret::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// `None` when `value` is a plain value.
    fn parse(account: &str, value: &str) -> Result<Option<Self>, VaultError> {
        if !value.starts_with(HEADER) {
            return Ok(None);
        }
        match serde_json::from_str::<Self>(value) {
            Ok(header) if header.version == 1 => Ok(Some(header)),
            Ok(header) => Err(corrupt(account, &format!("its form is {}", header.version))),
            Err(_) => Err(corrupt(account, "its header is not readable")),
        }
    }

    fn assemble(
        &self,
        items: &impl Items,
        account: &str,
    ) -> Result<Option<Secret<String>>, VaultError> {
        let mut value = String::new();
        for index in 0..self.count {
            match items.get_item(&self.piece(account, index))? {
                Some(piece) => value.push_str(piece.expose()),
                None => return Ok(None),
            }
        }
        Ok((digest(&value) == self.sha256).then(|| Secret::new(value)))
    }

    fn remove_pieces(&self, items: &impl Items, account: &str) -> Result<(), VaultError> {
        (0..self.count).try_for_each(|i| items.delete_item(&self.piece(account, i)).map(drop))
    }
}

pub(super) fn get(items: &impl Items, account: &str) -> Result<Option<Secret<String>>, VaultError> {
    let mut broken = None;
    for _ in 0..TRIES {
        let Some(text) = items.get_item(account)? else { return Ok(None) };
        if items.limit().is_none() {
            return Ok(Some(text));
        }
        let Some(header) = Header::parse(account, text.expose())? else { return Ok(Some(text)) };
        if header.gone {
            return Ok(None);
        }
        if let Some(value) = header.assemble(items, account)? {
            return Ok(Some(value));
        }
        // Pieces that miss under a new header mean that a writer was quicker than we; under the
        // same header they are lost.
        if broken.as_ref() == Some(&header) {
            break;
        }
        broken = Some(header);
    }
    Err(corrupt(account, "a piece of it is missing"))
}

pub(super) fn set(
    items: &impl Items,
    account: &str,
    value: &Secret<String>,
) -> Result<(), VaultError> {
    let Some(limit) = items.limit() else { return items.set_item(account, value) };
    let old = header_of(items, account)?;
    let text = value.expose();
    if units(text) <= limit && !text.starts_with(HEADER) {
        items.set_item(account, value)?;
    } else {
        let pieces = split(text, limit);
        let header = Header {
            version: 1,
            id: format!("{:016x}", fastrand::u64(..)),
            count: pieces.len(),
            sha256: digest(text),
            gone: false,
        };
        for (index, piece) in pieces.into_iter().enumerate() {
            items.set_item(&header.piece(account, index), &Secret::new(piece.to_owned()))?;
        }
        items.set_item(account, &header.text())?;
    }
    if let Some(old) = old
        && let Err(error) = old.remove_pieces(items, account)
    {
        // The new value stands: what stays behind costs room, not correctness.
        tracing::warn!(account, %error, "old pieces of a secret could not be removed");
    }
    Ok(())
}

pub(super) fn delete(items: &impl Items, account: &str) -> Result<bool, VaultError> {
    if items.limit().is_none() {
        return items.delete_item(account);
    }
    let Some(header) = header_of(items, account)? else { return items.delete_item(account) };
    let was_there = !header.gone;
    if was_there {
        items.set_item(account, &Header { gone: true, ..header.clone() }.text())?;
    }
    header.remove_pieces(items, account)?;
    items.delete_item(account)?;
    Ok(was_there)
}

/// The header that is to be replaced or removed. One that cannot be read has no pieces that
/// could be named, and must not keep the user from replacing it.
fn header_of(items: &impl Items, account: &str) -> Result<Option<Header>, VaultError> {
    let text = items.get_item(account)?;
    Ok(text.and_then(|text| Header::parse(account, text.expose()).ok().flatten()))
}

/// `text` in parts of at most `limit` UTF-16 code units, never inside a character.
fn split(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        if used + c.len_utf16() > limit && at > start {
            parts.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += c.len_utf16();
    }
    parts.push(&text[start..]);
    parts
}

pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn corrupt(account: &str, detail: &str) -> VaultError {
    VaultError::Corrupt {
        path: format!("keychain item {account} of {}", super::SERVICE),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests;

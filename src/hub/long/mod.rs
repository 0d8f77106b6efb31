//! Answers that are longer than a client takes: their first part now, the rest by `read_more`.
//!
//! The whole answer is kept, and every part is slices of it: nothing is written anew, and no part
//! ends in the middle of a character or an escape. A cursor says where it goes on, so it can be
//! read again.

mod keep;
mod literal;
mod pieces;
mod prune;

pub(super) use keep::Longs;

use super::CallError;
use crate::{name::ConnectionName, wire::splice};
use bytes::Bytes;
use pieces::{Pieces, Place};
use serde_json::json;
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// Where results say that there is more of them.
pub(super) const READ_MORE: &str = "dev.allmcp/read_more";

/// What the note of a part may take, in bytes.
const NOTE: usize = 1024;
/// A client that takes less gets nothing that could be read on.
const LEAST: u64 = 4 * 1024;
/// Longer ones are taken apart off the main thread, in bytes.
const LONG: usize = 256 * 1024;

impl Longs {
    /// The first part of `result`, which is longer than `limit` bytes. `None`: it cannot be cut,
    /// because the client takes next to nothing.
    pub(super) async fn cut(
        &self,
        connection: Option<&ConnectionName>,
        result: Bytes,
        limit: u64,
    ) -> Option<Bytes> {
        if limit < LEAST {
            return None;
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let longs = self.clone();
        let whose = connection.map_or("allmcp", ConnectionName::as_str).to_owned();
        let cut = move || longs.first(&whose, &result, limit);
        off_thread(limit, cut).await
    }

    fn first(&self, whose: &str, result: &Bytes, limit: usize) -> Option<Bytes> {
        let size = result.len();
        let pieces = Pieces::of(result);
        let structured = pieces.structured().map(|whole| prune::fit(whole, limit / 2));
        // One of very many members stays long however short they are.
        let (structured, left_out) = match structured {
            Some(fit) if fit.json.len() > limit / 4 * 3 => (None, true),
            structured => (structured, false),
        };
        let mut others: Vec<(Bytes, Bytes)> = pieces.others().collect();
        // Metadata is not worth more than the answer.
        others.retain(|(_, value)| value.len() <= limit / 8);
        let known: usize = others.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
        let taken = known + structured.as_ref().map_or(0, |fit| fit.json.len() + 32) + NOTE;
        let (content, next) = pieces.from(Place::default(), limit.checked_sub(taken)?);
        let (id, until) = self.keep(pieces);
        let mut note = format!(
            "[allmcp] This answer has {size} bytes and this client takes {limit} at a time, so \
             this is its first part."
        );
        let cuts = structured.as_ref().map(|fit| fit.cuts.as_slice()).unwrap_or_default();
        if !cuts.is_empty() {
            let shown = cuts.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
            let more = if cuts.len() > 5 { "; and more" } else { "" };
            let _ = write!(note, " structuredContent is shortened: {shown}{more}.");
        }
        if left_out {
            note.push_str(" structuredContent is left out, it follows as text.");
        }
        let cursor = next.map(|place| cursor(whose, &id, place));
        tell(&mut note, cursor.as_deref(), until);
        let mut out = open(&content, &note);
        if let Some(fit) = structured {
            out.extend_from_slice(b",\"structuredContent\":");
            out.extend_from_slice(&fit.json);
        }
        let mut marked = false;
        for (key, value) in others {
            out.push(b',');
            out.extend_from_slice(&key);
            out.push(b':');
            if &key[..] == b"\"_meta\"" && value.first() == Some(&b'{') {
                out.extend_from_slice(&with_mark(&value, cursor.as_deref(), size));
                marked = true;
            } else {
                out.extend_from_slice(&value);
            }
        }
        if !marked {
            out.extend_from_slice(b",\"_meta\":");
            let empty = Bytes::from_static(b"{}");
            out.extend_from_slice(&with_mark(&empty, cursor.as_deref(), size));
        }
        out.push(b'}');
        Some(out.into())
    }

    /// The part that begins at `cursor`.
    pub(super) async fn read_more(&self, cursor: &str, limit: u64) -> Result<Bytes, CallError> {
        let wrong = |text: &str| CallError::Arguments { tool: "read_more", text: text.to_owned() };
        let Some((id, place)) = parse(cursor) else {
            return Err(wrong(
                "that is not a cursor of allmcp; give the one that stands at the end of the last \
                 part, as it is",
            ));
        };
        let Some((pieces, until)) = self.kept(id) else {
            return Err(wrong(
                "the rest of that answer is not kept any more; call the tool again, and ask for \
                 less where it can: a filter, a page, fewer fields",
            ));
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let cursor = cursor.to_owned();
        let part = move || {
            let budget = limit.saturating_sub(NOTE).max(NOTE);
            let (content, next) = pieces.from(place, budget);
            let begin = cursor.rsplitn(3, '.').last().unwrap_or_default();
            let next = next.map(|place| format!("{begin}.{}.{}", place.block, place.at));
            let mut note = "[allmcp]".to_owned();
            match &next {
                Some(_) => note.push_str(" There is more."),
                None => note.push_str(" This was the last part."),
            }
            tell(&mut note, next.as_deref(), until);
            let mut out = open(&content, &note);
            let structured = json!({ "cursor": next });
            out.extend_from_slice(b",\"structuredContent\":");
            out.extend_from_slice(structured.to_string().as_bytes());
            out.push(b'}');
            Bytes::from(out)
        };
        let part = off_thread(limit, move || Some(part())).await;
        part.ok_or_else(|| wrong("the rest of that answer could not be read"))
    }
}

/// Long work is done where nobody waits for it.
async fn off_thread<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Option<T> {
    if size <= LONG { work() } else { crate::task::blocking(work).await.ok().flatten() }
}

fn cursor(whose: &str, id: &str, place: Place) -> String {
    format!("{whose}.{id}.{}.{}", place.block, place.at)
}

fn parse(cursor: &str) -> Option<(&str, Place)> {
    let mut parts = cursor.trim().rsplitn(4, '.');
    let at = parts.next()?.parse().ok()?;
    let block = parts.next()?.parse().ok()?;
    let id = parts.next()?;
    parts.next()?;
    Some((id, Place { block, at }))
}

fn tell(note: &mut String, cursor: Option<&str>, until: Duration) {
    let Some(cursor) = cursor else { return };
    let until = humantime::format_rfc3339_seconds(SystemTime::now() + until);
    let _ = write!(
        note,
        " The next part: call read_more with {{\"cursor\":{}}} (kept until {until}).",
        splice::quote(cursor)
    );
}

/// A result up to the end of its content; `note` is its last block.
fn open(content: &[u8], note: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + NOTE);
    out.extend_from_slice(b"{\"content\":[");
    out.extend_from_slice(content);
    if !content.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
    out.extend_from_slice(splice::quote(note).as_bytes());
    out.extend_from_slice(b"}]");
    out
}

fn with_mark(meta: &Bytes, cursor: Option<&str>, size: usize) -> Bytes {
    let mark = json!({ "cursor": cursor, "total_bytes": size }).to_string();
    let mut edits = splice::Edits::new();
    edits.set(meta, READ_MORE, mark);
    edits.apply(meta)
}

#[cfg(test)]
mod tests;

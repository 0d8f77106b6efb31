//! A result as a row of blocks that can be given out a part at a time.

use super::literal;
use crate::{text, wire::splice};
use bytes::Bytes;

/// Bytes of JSON around a part of a text.
const AROUND: usize = 32;
/// A shorter beginning of a text is not worth a part.
const WORTH: usize = 256;

/// Where a part begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) block: usize,
    /// Bytes into the text of that block, as it is written.
    pub(super) at: usize,
}

/// One block of the content.
#[derive(Debug)]
enum Block {
    /// The object as it is, for everything that is no text; what it is, for people.
    Whole { json: Bytes, what: String },
    /// The inside of a JSON string; the object around it, as long as it is given in one part; what
    /// is said before it when it is not.
    Text { json: Option<Bytes>, inside: Bytes, head: Option<String> },
}

/// A result, taken apart.
#[derive(Debug)]
pub(super) struct Pieces {
    blocks: Vec<Block>,
    structured: Option<Bytes>,
    /// Everything else of the result: key and value as they are written.
    others: Vec<(Bytes, Bytes)>,
    size: usize,
}

impl Pieces {
    pub(super) fn of(result: &Bytes) -> Self {
        let (mut blocks, mut structured, mut others) = (Vec::new(), None, Vec::new());
        for member in splice::members(result) {
            let value = result.slice(member.value.clone());
            if splice::key_is(result, &member, "content") {
                blocks = splice::elements(&value).map(|at| read(&value.slice(at))).collect();
            } else if splice::key_is(result, &member, "structuredContent") {
                structured = Some(value);
            } else {
                others.push((result.slice(member.key.clone()), value));
            }
        }
        if let Some(whole) = &structured
            && !blocks.iter().any(|block| says(block, whole))
        {
            // Nothing is lost: what is not in the texts can be read as one.
            let quoted = Bytes::from(splice::quote(&String::from_utf8_lossy(whole)));
            let inside = quoted.slice(1..quoted.len() - 1);
            let head = "[allmcp] The structuredContent, as text:";
            blocks.push(Block::Text { json: None, inside, head: Some(head.to_owned()) });
        }
        Self { blocks, structured, others, size: result.len() }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn structured(&self) -> Option<&Bytes> {
        self.structured.as_ref()
    }

    pub(super) fn others(&self) -> impl Iterator<Item = (Bytes, Bytes)> {
        self.others.iter().cloned()
    }

    /// The elements of `content` from `place` on that fit into `budget` bytes, with commas, and
    /// where the next part begins.
    pub(super) fn from(&self, place: Place, budget: usize) -> (Vec<u8>, Option<Place>) {
        let mut out = Vec::new();
        let mut now = place;
        while let Some(block) = self.blocks.get(now.block) {
            let room = budget.saturating_sub(out.len() + 1);
            let next = Place { block: now.block + 1, at: 0 };
            match block {
                Block::Whole { json, .. } | Block::Text { json: Some(json), .. }
                    if now.at == 0 && json.len() <= room =>
                {
                    push(&mut out, json);
                }
                Block::Whole { .. } if !out.is_empty() => return (out, Some(now)),
                Block::Whole { json, what } => {
                    let note = format!(
                        "[allmcp] {what} of {} bytes stands here, more than this client takes in \
                         one answer. The user can see it by: allmcp call … --json, or raise the \
                         limit: allmcp config set settings.max_result BYTES",
                        json.len()
                    );
                    let note = splice::quote(&note);
                    push_text(&mut out, &note.as_bytes()[1..note.len() - 1]);
                }
                Block::Text { inside, head, .. } => {
                    let rest = inside.get(now.at..).unwrap_or_default();
                    let head = head.as_ref().filter(|_| now.at == 0).map(|it| splice::quote(it));
                    let said = head.as_ref().map_or(0, |head| head.len() + AROUND);
                    let room = room.saturating_sub(AROUND + said);
                    if rest.len() > room && room < WORTH && !out.is_empty() {
                        return (out, Some(now));
                    }
                    if let Some(head) = head {
                        push_text(&mut out, &head.as_bytes()[1..head.len() - 1]);
                    }
                    let end = literal::cut(rest, room.max(WORTH));
                    if end > 0 {
                        push_text(&mut out, &rest[..end]);
                    }
                    if end < rest.len() {
                        return (out, Some(Place { block: now.block, at: now.at + end }));
                    }
                }
            }
            now = next;
        }
        (out, None)
    }
}

fn push(out: &mut Vec<u8>, json: &[u8]) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(json);
}

/// `inside`: of a JSON string.
fn push_text(out: &mut Vec<u8>, inside: &[u8]) {
    push(out, b"{\"type\":\"text\",\"text\":\"");
    out.extend_from_slice(inside);
    out.extend_from_slice(b"\"}");
}

/// A block as it can be given out; the text of an embedded resource is a text under its address.
fn read(json: &Bytes) -> Block {
    let kind = splice::get_str(json, "type").unwrap_or_default();
    let inside = |json: &Bytes| {
        let at = splice::find(json, "text")?;
        let quoted = json.get(at.start) == Some(&b'"') && at.len() >= 2;
        quoted.then(|| json.slice(at.start + 1..at.end - 1))
    };
    if kind == "text"
        && let Some(inside) = inside(json)
    {
        return Block::Text { json: Some(json.clone()), inside, head: None };
    }
    if kind == "resource"
        && let Some(resource) = splice::get(json, "resource")
        && let Some(inside) = inside(&resource)
    {
        let uri = splice::get_str(&resource, "uri").unwrap_or_default();
        let head = Some(format!("[allmcp] The text of {}:", text::line(&uri, 200)));
        return Block::Text { json: Some(json.clone()), inside, head };
    }
    let mime = splice::get_str(json, "mimeType");
    let what = match mime {
        Some(mime) => format!("{kind} ({mime})"),
        None => format!("{kind} content"),
    };
    Block::Whole { json: json.clone(), what: text::line(&what, 100) }
}

/// The block is a text that says the same as the structured content, as servers are told to give
/// it for older clients.
fn says(block: &Block, structured: &[u8]) -> bool {
    let Block::Text { inside, .. } = block else { return false };
    if inside.len() < structured.len() / 2 || !inside.starts_with(&structured[..1]) {
        return false;
    }
    let quoted = [b"\"", &inside[..], b"\""].concat();
    let Ok(text) = serde_json::from_slice::<String>(&quoted) else { return false };
    dense(text.as_bytes()).eq(dense(structured))
}

/// JSON without the blanks between its tokens.
fn dense(json: &[u8]) -> impl Iterator<Item = u8> {
    let (mut within, mut escaped) = (false, false);
    json.iter().copied().filter(move |byte| {
        if within {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => within = false,
                _ => {}
            }
            return true;
        }
        within = *byte == b'"';
        !byte.is_ascii_whitespace()
    })
}

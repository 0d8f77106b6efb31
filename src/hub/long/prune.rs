//! Structured content that is too long: shorter arrays and texts, and still what it was.
//!
//! Every value that stays is the bytes that came, so that no number is written anew, and what a
//! schema says of types holds as before.

use super::literal;
use crate::{text, wire::splice};
use std::ops::Range;

/// No text is cut to less, in bytes.
const TEXT: usize = 64;

/// Structured content that fits, and what was left out of it.
pub(super) struct Fit {
    pub(super) json: Vec<u8>,
    pub(super) cuts: Vec<String>,
}

/// `json` in about `budget` bytes. A value of very many members may stay longer than that: what
/// is there is only ever shortened inside.
pub(super) fn fit(json: &[u8], budget: usize) -> Fit {
    let mut fit = Fit { json: Vec::with_capacity(budget.min(json.len())), cuts: Vec::new() };
    put(json, budget, "", &mut fit);
    fit
}

fn put(json: &[u8], budget: usize, path: &str, fit: &mut Fit) {
    match json.first() {
        _ if json.len() <= budget => fit.json.extend_from_slice(json),
        Some(b'[') => array(json, budget, path, fit),
        Some(b'{') => object(json, budget, path, fit),
        Some(b'"') if json.len() > TEXT => {
            let inside = &json[1..json.len() - 1];
            let end = literal::cut(inside, budget.max(TEXT));
            fit.json.push(b'"');
            fit.json.extend_from_slice(&inside[..end]);
            fit.json.extend_from_slice("…\"".as_bytes());
            if end < inside.len() {
                fit.cuts.push(format!("{} has {end} of {} bytes", named(path), inside.len()));
            }
        }
        _ => fit.json.extend_from_slice(json),
    }
}

fn array(json: &[u8], budget: usize, path: &str, fit: &mut Fit) {
    let all: Vec<Range<usize>> = splice::elements(json).collect();
    let start = fit.json.len();
    fit.json.push(b'[');
    let mut kept = 0;
    for at in &all {
        let room = budget.saturating_sub(fit.json.len() - start + 2);
        if at.len() > room {
            // One that stands alone is better than none.
            if kept == 0 && room > TEXT {
                put(&json[at.clone()], room, &format!("{path}[0]"), fit);
                kept = 1;
            }
            break;
        }
        if kept > 0 {
            fit.json.push(b',');
        }
        fit.json.extend_from_slice(&json[at.clone()]);
        kept += 1;
    }
    fit.json.push(b']');
    if kept < all.len() {
        fit.cuts.push(format!("{} has {kept} of {} elements", named(path), all.len()));
    }
}

fn object(json: &[u8], budget: usize, path: &str, fit: &mut Fit) {
    let all: Vec<splice::Member> = splice::members(json).collect();
    let keys: usize = all.iter().map(|m| m.key.len() + 2).sum();
    let sizes: Vec<usize> = all.iter().map(|m| m.value.len()).collect();
    let share = share(&sizes, budget.saturating_sub(keys + 2));
    fit.json.push(b'{');
    for (i, member) in all.iter().enumerate() {
        if i > 0 {
            fit.json.push(b',');
        }
        let key = &json[member.key.clone()];
        fit.json.extend_from_slice(key);
        fit.json.push(b':');
        let name = splice::string(key).unwrap_or_default();
        put(&json[member.value.clone()], share, &format!("{path}.{name}"), fit);
    }
    fit.json.push(b'}');
}

/// The most that each may take so that all fit into `budget`: who needs less leaves the rest to
/// the others.
fn share(sizes: &[usize], budget: usize) -> usize {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    let mut left = budget;
    for (i, size) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - i);
        if *size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

fn named(path: &str) -> String {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() { "it".to_owned() } else { text::line(path, 80) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn fitted(json: &str, budget: usize) -> (Value, Vec<String>) {
        let fit = fit(json.as_bytes(), budget);
        (serde_json::from_slice(&fit.json).unwrap(), fit.cuts)
    }

    #[test]
    fn arrays_lose_their_end_and_small_members_stay() {
        let items: Vec<String> =
            (0..100).map(|i| format!(r#"{{"id":{i}.0,"n":"item"}}"#)).collect();
        let json = format!(r#"{{"total":1e2,"items":[{}],"next":"abc"}}"#, items.join(","));
        let fit = fit(json.as_bytes(), 400);
        assert!(fit.json.len() <= 400);
        let text = String::from_utf8(fit.json).unwrap();
        assert!(
            text.starts_with(r#"{"total":1e2,"items":[{"id":0.0,"#)
                && text.ends_with(r#""next":"abc"}"#)
        );
        assert_eq!(fit.cuts.len(), 1);
        assert!(fit.cuts[0].starts_with("items has ") && fit.cuts[0].ends_with("of 100 elements"));
    }

    #[test]
    fn texts_and_nested_values_are_shortened_and_told() {
        let long = "é".repeat(500);
        let (value, cuts) = fitted(&format!(r#"{{"a":{{"b":["{long}"]}},"c":true}}"#), 300);
        assert_eq!(value["c"], true);
        assert!(value["a"]["b"][0].as_str().unwrap().ends_with('…'));
        assert!(cuts.iter().any(|cut| cut.starts_with("a.b[0] has ")), "{cuts:?}");
    }

    #[test]
    fn what_fits_is_untouched() {
        let json = r#"{ "a" : [ 1.0 , 2 ] }"#;
        assert_eq!(fit(json.as_bytes(), 100).json, json.as_bytes());
    }
}

//! The reserved keys of `_meta` (SEP-2575), which belong to one hop, and everything else in it,
//! which travels on.

use super::splice::{self, Edits};
use bytes::Bytes;

pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
pub const PROGRESS_TOKEN: &str = "progressToken";

/// Keys that one hop says to the next and that are never passed on.
const PER_HOP: &[&str] = &[
    PROTOCOL_VERSION,
    CLIENT_INFO,
    CLIENT_CAPABILITIES,
    LOG_LEVEL,
    SUBSCRIPTION_ID,
    PROGRESS_TOKEN,
];

/// The value of `key` in the `_meta` of `params`.
pub fn get(params: &Bytes, key: &str) -> Option<Bytes> {
    splice::get(&splice::get(params, "_meta")?, key)
}

/// Puts into `edits` what makes the `_meta` of `params` ours: the keys of the last hop go, `own`
/// (key, JSON) comes in, and every other member stays as it is.
pub fn hop(edits: &mut Edits, params: &Bytes, own: &[(&str, Bytes)]) {
    let old = splice::get(params, "_meta").filter(|meta| meta.first() == Some(&b'{'));
    let Some(old) = old else {
        if !own.is_empty() {
            edits.set(params, "_meta", object(own));
        }
        return;
    };
    let mut inner = Edits::new();
    inner.remove(&old, |m| PER_HOP.iter().any(|key| splice::key_is(&old, m, key)));
    let kept = inner.apply(&old);
    if kept == old && own.is_empty() {
        return;
    }
    let mut new = object(own);
    if splice::members(&kept).next().is_some() {
        if own.is_empty() {
            new = kept.to_vec();
        } else {
            new.truncate(new.len() - 1);
            new.push(b',');
            new.extend_from_slice(&kept[1..]);
        }
    }
    edits.set(params, "_meta", new);
}

/// An object of these members, in this order; the values are JSON text.
pub fn object(members: &[(&str, Bytes)]) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (i, (key, json)) in members.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(splice::quote(key).as_bytes());
        out.push(b':');
        out.extend_from_slice(json);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hopped(params: &'static str, own: &[(&str, Bytes)]) -> String {
        let params = Bytes::from_static(params.as_bytes());
        let mut edits = Edits::new();
        hop(&mut edits, &params, own);
        String::from_utf8(edits.apply(&params).to_vec()).unwrap()
    }

    #[test]
    fn keys_of_the_last_hop_go_and_others_stay() {
        let params = r#"{"name":"x","_meta":{ "io.modelcontextprotocol/protocolVersion":"2026-07-28","traceparent":"00-1" ,"progressToken":7,"vendor/x":1.0},"arguments":{}}"#;
        let want = r#"{"name":"x","_meta":{ "traceparent":"00-1","vendor/x":1.0},"arguments":{}}"#;
        assert_eq!(hopped(params, &[]), want);
        let own = [(PROGRESS_TOKEN, Bytes::from_static(b"3"))];
        assert_eq!(
            hopped(params, &own),
            r#"{"name":"x","_meta":{"progressToken":3, "traceparent":"00-1","vendor/x":1.0},"arguments":{}}"#
        );
    }

    #[test]
    fn nothing_to_say_changes_nothing() {
        for same in [r#"{"name":"x"}"#, r#"{"_meta":{"a":1 }}"#, r#"{"_meta":7}"#] {
            assert_eq!(hopped(same, &[]), same);
        }
        let own = [("k", Bytes::from_static(b"1"))];
        assert_eq!(hopped(r#"{"name":"x"}"#, &own), r#"{"_meta":{"k":1},"name":"x"}"#);
        assert_eq!(hopped("{}", &own), r#"{"_meta":{"k":1}}"#);
        assert_eq!(hopped(r#"{"_meta":{}}"#, &own), r#"{"_meta":{"k":1}}"#);
    }
}

//! The parts of a request: a tree for a JSON body, pairs for a query or a form.

use super::json::plain;
use crate::{catalog::manifest::ListStyle, wire::splice};
use bytes::Bytes;

/// The part of a request's body: a tree whose leaves are texts.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Bytes),
    Object(Vec<(String, Node)>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Object(Vec::new())
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Object(members) if members.is_empty())
    }

    /// Puts `json` at a place, over what may be there.
    pub(super) fn put(&mut self, place: &str, json: Bytes) {
        let (first, rest) = place.split_once('.').map_or((place, None), |(a, b)| (a, Some(b)));
        if let Self::Leaf(_) = self {
            *self = Self::default();
        }
        let Self::Object(members) = self else { return };
        let at = members.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
            members.push((first.to_owned(), Self::default()));
            members.len() - 1
        });
        let node = &mut members[at].1;
        match rest {
            Some(rest) => node.put(rest, json),
            None => *node = Self::Leaf(json),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(json) => out.extend_from_slice(json),
            Self::Object(members) => {
                out.push(b'{');
                for (i, (key, node)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(splice::quote(key).as_bytes());
                    out.push(b':');
                    node.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// `key=value` pairs of a query or a form.
pub(super) type Pairs = Vec<(String, String)>;

/// One argument as pairs: lists as `style` says, objects by brackets.
pub(super) fn pairs(key: &str, json: &[u8], style: ListStyle, out: &mut Pairs) {
    match json.first() {
        Some(b'{') => {
            for member in splice::members(json) {
                let name = splice::string(&json[member.key.clone()]).unwrap_or_default();
                pairs(&format!("{key}[{name}]"), &json[member.value], style, out);
            }
        }
        Some(b'[') => {
            let simple = |one: &[u8]| !matches!(one.first(), Some(b'{' | b'['));
            let all: Vec<&[u8]> = splice::elements(json).map(|range| &json[range]).collect();
            if style == ListStyle::Comma && all.iter().all(|one| simple(one)) {
                let joined: Vec<String> = all.iter().map(|one| plain(one)).collect();
                out.push((key.to_owned(), joined.join(",")));
                return;
            }
            for (i, one) in all.into_iter().enumerate() {
                match style {
                    // A part of a list needs its number, or its members fall apart.
                    _ if !simple(one) => pairs(&format!("{key}[{i}]"), one, style, out),
                    ListStyle::Repeat => out.push((key.to_owned(), plain(one))),
                    _ => out.push((format!("{key}[]"), plain(one))),
                }
            }
        }
        _ => out.push((key.to_owned(), plain(json))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_go_into_a_query_in_every_style() {
        let said = |json: &str, style| {
            let mut out = Pairs::new();
            pairs("f[x]", json.as_bytes(), style, &mut out);
            let all: Vec<_> = out.iter().map(|(k, v)| format!("{k}={v}")).collect();
            all.join("&")
        };
        assert_eq!(said("[1,\"b\"]", ListStyle::Brackets), "f[x][]=1&f[x][]=b");
        assert_eq!(said("[1,\"b\"]", ListStyle::Repeat), "f[x]=1&f[x]=b");
        assert_eq!(said("[1,\"b\"]", ListStyle::Comma), "f[x]=1,b");
        assert_eq!(
            said(r#"[{"p":1,"s":[2,3]}]"#, ListStyle::Brackets),
            "f[x][0][p]=1&f[x][0][s][]=2&f[x][0][s][]=3"
        );
        assert_eq!(said(r#"{"from":5,"t":true}"#, ListStyle::Comma), "f[x][from]=5&f[x][t]=true");
    }

    #[test]
    fn a_body_is_built_by_places() {
        let mut node = Node::default();
        node.put("_embedded.tags", Bytes::from_static(b"[1]"));
        node.put("name", Bytes::from_static(b"\"n\""));
        node.put("_embedded.x", Bytes::from_static(b"2"));
        let mut out = Vec::new();
        node.write(&mut out);
        assert_eq!(out, br#"{"_embedded":{"tags":[1],"x":2},"name":"n"}"#);
    }
}

//! Putting the URIs and task ids that clients know into what upstreams say, and touching nothing
//! else of it.

use super::uris;
use crate::{
    name::ConnectionName,
    wire::splice::{self, Edits},
};
use bytes::Bytes;
use std::ops::Range;

/// What a URI is replaced by; `None`: it stays.
pub(super) type To<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the `resourceUri` of an MCP App stands besides `_meta.ui` (SEP-1865, before it was final).
const FLAT: &str = "ui/resourceUri";

/// One text, its places by absolute ranges.
struct Walk<'a> {
    text: &'a Bytes,
    edits: Edits,
    to: To<'a>,
}

impl<'a> Walk<'a> {
    fn new(text: &'a Bytes, to: To<'a>) -> Self {
        Self { text, edits: Edits::new(), to }
    }

    fn whole(&self) -> Range<usize> {
        0..self.text.len()
    }

    fn member(&self, object: &Range<usize>, key: &str) -> Option<Range<usize>> {
        let at = splice::find(&self.text[object.clone()], key)?;
        Some(object.start + at.start..object.start + at.end)
    }

    fn elements(&self, array: &Range<usize>) -> Vec<Range<usize>> {
        let shift = |at: Range<usize>| array.start + at.start..array.start + at.end;
        splice::elements(&self.text[array.clone()]).map(shift).collect()
    }

    fn each(
        &mut self,
        object: &Range<usize>,
        key: &str,
        mut work: impl FnMut(&mut Self, Range<usize>),
    ) {
        let Some(list) = self.member(object, key) else { return };
        for one in self.elements(&list) {
            work(self, one);
        }
    }

    /// Replaces the string at `key`.
    fn uri(&mut self, object: &Range<usize>, key: &str) {
        let Some(at) = self.member(object, key) else { return };
        let Some(uri) = splice::string(&self.text[at.clone()]) else { return };
        if let Some(new) = (self.to)(&uri) {
            self.edits.replace(at, splice::quote(&new));
        }
    }

    /// A block of content: a link to a resource, or one that is embedded.
    fn content(&mut self, block: Range<usize>) {
        match splice::get_str(&self.text[block.clone()], "type").as_deref() {
            Some("resource_link") => self.uri(&block, "uri"),
            Some("resource") => {
                if let Some(resource) = self.member(&block, "resource") {
                    self.uri(&resource, "uri");
                }
            }
            Some("tool_result") => self.each(&block, "content", Self::content),
            _ => {}
        }
    }

    /// Messages of a prompt or of sampling: one block each, or a list of them.
    fn messages(&mut self, object: &Range<usize>) {
        self.each(object, "messages", |walk, message| {
            let Some(content) = walk.member(&message, "content") else { return };
            if walk.text[content.start] == b'[' {
                walk.each(&message, "content", Self::content);
            } else {
                walk.content(content);
            }
        });
    }

    fn app(&mut self, object: &Range<usize>) {
        let Some(meta) = self.member(object, "_meta") else { return };
        self.uri(&meta, FLAT);
        if let Some(ui) = self.member(&meta, "ui") {
            self.uri(&ui, "resourceUri");
        }
    }

    fn tool_result(&mut self, object: &Range<usize>) {
        self.each(object, "content", Self::content);
        self.app(object);
    }

    /// The requests of an answer that wants input first.
    fn input_requests(&mut self, object: &Range<usize>) {
        let Some(map) = self.member(object, "inputRequests") else { return };
        let shift = |at: Range<usize>| map.start + at.start..map.start + at.end;
        let all: Vec<_> =
            splice::members(&self.text[map.clone()]).map(|m| shift(m.value)).collect();
        for request in all {
            if let Some(params) = self.member(&request, "params") {
                self.messages(&params);
            }
        }
    }

    fn skill(&mut self, entry: Range<usize>) {
        self.uri(&entry, "uri");
        self.each(&entry, "resources", |walk, file| walk.uri(&file, "uri"));
    }

    fn done(self) -> Bytes {
        self.edits.apply(self.text)
    }
}

/// A result of `tools/call`, complete or not.
pub(super) fn tool_result(text: &Bytes, to: To<'_>) -> Bytes {
    // Nearly no result has a link, and a look for the word is much shorter than a walk.
    if memchr::memmem::find(text, b"resource").is_none() {
        return text.clone();
    }
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.tool_result(&whole);
    walk.input_requests(&whole);
    walk.done()
}

/// A result of `prompts/get`, complete or not.
pub(super) fn prompt_result(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.messages(&whole);
    walk.input_requests(&whole);
    walk.done()
}

/// A result of `resources/read`, complete or not.
pub(super) fn read_result(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.each(&whole, "contents", |walk, one| walk.uri(&one, "uri"));
    walk.input_requests(&whole);
    walk.done()
}

/// A result of `resources/directory/read`.
pub(super) fn directory(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.each(&whole, "resources", |walk, one| walk.uri(&one, "uri"));
    walk.done()
}

/// An entry of `skills/list`, or the result of `skills/get`, which is one or holds one.
pub(super) fn skill(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.skill(whole.clone());
    if let Some(inner) = walk.member(&whole, "skill") {
        walk.skill(inner);
    }
    walk.done()
}

/// An entry of a list whose URI stands at `key`.
pub(super) fn entry(text: &Bytes, key: &str, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.uri(&whole, key);
    walk.app(&whole);
    walk.done()
}

/// The definition of a tool with the resource of its app.
pub(super) fn tool_definition(text: &Bytes, to: To<'_>) -> Bytes {
    if memchr::memmem::find(text, b"resourceUri").is_none() {
        return text.clone();
    }
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.app(&whole);
    walk.done()
}

/// The parameters of a question that an upstream asks.
pub(super) fn ask(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.messages(&whole);
    walk.done()
}

/// The parameters of a notification about a resource.
pub(super) fn updated(text: &Bytes, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    walk.uri(&whole, "uri");
    walk.done()
}

/// Anything that tells of a task (SEP-2663): its id, and the result or the requests that stand
/// inside.
pub(super) fn task(text: &Bytes, connection: &ConnectionName, to: To<'_>) -> Bytes {
    let mut walk = Walk::new(text, to);
    let whole = walk.whole();
    if let Some(at) = walk.member(&whole, "taskId")
        && let Some(id) = splice::string(&text[at.clone()])
    {
        walk.edits.replace(at, splice::quote(&uris::task_outward(connection, &id)));
    }
    if let Some(result) = walk.member(&whole, "result") {
        walk.tool_result(&result);
    }
    walk.input_requests(&whole);
    walk.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(uri: &str) -> Option<String> {
        (!uri.starts_with("https://")).then(|| format!("allmcp://c/{uri}"))
    }

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn links_in_results_change_and_nothing_else() {
        let result = text(
            r#"{ "content":[{"type":"text","text":"a:b resource"},{"uri":"a:b" ,"type":"resource_link","n":1.0},{"type":"resource","resource":{"uri":"a:\u0063","text":"uri"}},{"type":"resource_link","uri":"https://x/"}],"structuredContent":{"uri":"a:b"}}"#,
        );
        assert_eq!(
            tool_result(&result, &to),
            r#"{ "content":[{"type":"text","text":"a:b resource"},{"uri":"allmcp://c/a:b" ,"type":"resource_link","n":1.0},{"type":"resource","resource":{"uri":"allmcp://c/a:c","text":"uri"}},{"type":"resource_link","uri":"https://x/"}],"structuredContent":{"uri":"a:b"}}"#
        );
        for odd in [r#"{"content":7,"x":"resource"}"#, "[]", r#"{"content":[[],null,"resource"]}"#]
        {
            assert_eq!(tool_result(&text(odd), &to), odd);
        }
    }

    #[test]
    fn prompts_and_reads_and_apps() {
        let prompt = text(
            r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:b"}}},{"content":[{"type":"resource_link","uri":"a:b"}]}]}"#,
        );
        let new = prompt_result(&prompt, &to);
        assert_eq!(memchr::memmem::find_iter(&new, b"allmcp://c/a:b").count(), 2);
        let read = read_result(&text(r#"{"contents":[{"uri":"a:b","text":"x"}]}"#), &to);
        assert_eq!(read, r#"{"contents":[{"uri":"allmcp://c/a:b","text":"x"}]}"#);
        let tool = text(
            r#"{"name":"t","_meta":{"ui":{"resourceUri":"ui://x","visibility":["app"]},"ui/resourceUri":"ui://x"}}"#,
        );
        let new = tool_definition(&tool, &to);
        assert_eq!(memchr::memmem::find_iter(&new, b"allmcp://c/ui://x").count(), 2);
    }

    #[test]
    fn wishes_for_input_and_tasks() {
        let asked = text(
            r#"{"resultType":"input_required","inputRequests":{"k":{"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"resource_link","uri":"a:b"}]}]}]}}},"requestState":"a:b resource"}"#,
        );
        let new = tool_result(&asked, &to);
        assert!(memchr::memmem::find(&new, br#""uri":"allmcp://c/a:b""#).is_some());
        assert!(memchr::memmem::find(&new, br#""requestState":"a:b resource""#).is_some());
        let c: ConnectionName = "c".parse().unwrap();
        let done = text(
            r#"{"taskId":"t1","status":"completed","result":{"content":[{"type":"resource_link","uri":"a:b"}]}}"#,
        );
        assert_eq!(
            task(&done, &c, &to),
            r#"{"taskId":"c.t1","status":"completed","result":{"content":[{"type":"resource_link","uri":"allmcp://c/a:b"}]}}"#
        );
    }

    #[test]
    fn skills_with_their_files() {
        let skill_ = text(
            r#"{"uri":"skill://s/SKILL.md","resources":[{"uri":"skill://s/SKILL.md","size":1}],"frontmatter":{"uri":"skill://x"}}"#,
        );
        let new = skill(&skill_, &to);
        assert_eq!(memchr::memmem::find_iter(&new, b"allmcp://c/").count(), 2);
        let dynamic = text(r#"{"skill":{"uri":"skill://s/SKILL.md","resources":"dynamic"}}"#);
        assert_eq!(
            skill(&dynamic, &to),
            r#"{"skill":{"uri":"allmcp://c/skill://s/SKILL.md","resources":"dynamic"}}"#
        );
    }
}

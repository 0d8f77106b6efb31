//! What a client declared that it can do, cut to what we can carry to an upstream and back.

use super::Inner;
use crate::wire::{ClientLink, meta, splice};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::sync::Arc;

/// MCP Apps (SEP-1865).
const UI: &str = "io.modelcontextprotocol/ui";
/// Tasks (SEP-2663).
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The part of a `capabilities` object that we relay: questions of the upstream that the client
/// takes, and the extensions that we know. Others cannot be routed, so they are not declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own on the wire")]
pub(super) struct Caps {
    pub(super) form: bool,
    pub(super) url: bool,
    pub(super) sampling: bool,
    sampling_tools: bool,
    sampling_context: bool,
    pub(super) roots: bool,
    pub(super) roots_changed: bool,
    ui: Option<Bytes>,
    tasks: Option<Bytes>,
}

impl Caps {
    pub(super) fn read(capabilities: &Bytes) -> Self {
        let object = |of: &Bytes, key| splice::get(of, key).filter(|v| v.first() == Some(&b'{'));
        let has = |of: &Option<Bytes>, key| of.as_ref().is_some_and(|of| object(of, key).is_some());
        let elicitation = object(capabilities, "elicitation");
        let sampling = object(capabilities, "sampling");
        let roots = object(capabilities, "roots");
        let extensions = object(capabilities, "extensions");
        let url = has(&elicitation, "url");
        let extension = |id| extensions.as_ref().and_then(|all| object(all, id));
        Self {
            // An empty object stands for forms alone, as before there were URLs.
            form: elicitation.is_some() && (!url || has(&elicitation, "form")),
            url,
            sampling: sampling.is_some(),
            sampling_tools: has(&sampling, "tools"),
            sampling_context: has(&sampling, "context"),
            roots: roots.is_some(),
            roots_changed: roots.is_some_and(|roots| is_true(&roots, "listChanged")),
            ui: extension(UI),
            tasks: extension(TASKS),
        }
    }

    /// Both together; what only one says of an extension is taken, and of two what `self` says.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            form: self.form || other.form,
            url: self.url || other.url,
            sampling: self.sampling || other.sampling,
            sampling_tools: self.sampling_tools || other.sampling_tools,
            sampling_context: self.sampling_context || other.sampling_context,
            roots: self.roots || other.roots,
            roots_changed: self.roots_changed || other.roots_changed,
            ui: self.ui.clone().or_else(|| other.ui.clone()),
            tasks: self.tasks.clone().or_else(|| other.tasks.clone()),
        }
    }

    /// What a session of this legacy revision can carry of it.
    pub(super) fn at(&self, version: &str) -> Self {
        let asks = version >= "2025-06-18";
        let newest = version >= "2025-11-25";
        Self {
            form: self.form && asks,
            url: self.url && newest,
            sampling_tools: self.sampling_tools && newest,
            sampling_context: self.sampling_context && newest,
            // Its tasks are others than those of the extension.
            tasks: None,
            ..self.clone()
        }
    }

    /// True when everything in `other` is declared here.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let all = |mine: bool, theirs: bool| mine || !theirs;
        all(self.form, other.form)
            && all(self.url, other.url)
            && all(self.sampling, other.sampling)
            && all(self.sampling_tools, other.sampling_tools)
            && all(self.sampling_context, other.sampling_context)
            && all(self.roots, other.roots)
            && all(self.roots_changed, other.roots_changed)
            && all(self.ui.is_some(), other.ui.is_some())
    }

    /// The client takes questions.
    pub(super) fn asks(&self) -> bool {
        self.form || self.url || self.sampling || self.roots
    }

    pub(super) fn tasks(&self) -> bool {
        self.tasks.is_some()
    }

    /// The `capabilities` object. `legacy`: with what 2026-07-28 removed.
    pub(super) fn render(&self, legacy: bool) -> Bytes {
        let empty = || Bytes::from_static(b"{}");
        let inner = |members: &[(&str, bool)]| {
            let said: Vec<_> =
                members.iter().filter(|(_, said)| *said).map(|(key, _)| (*key, empty())).collect();
            Bytes::from(meta::object(&said))
        };
        let mut all = Vec::new();
        if self.form || self.url {
            // The short form is what every revision reads.
            let modes = [("form", self.form && self.url), ("url", self.url)];
            all.push(("elicitation", inner(&modes)));
        }
        if self.sampling {
            let keys = [("context", self.sampling_context), ("tools", self.sampling_tools)];
            all.push(("sampling", inner(&keys)));
        }
        if self.roots {
            let changed = legacy && self.roots_changed;
            let roots: &[u8] = if changed { b"{\"listChanged\":true}" } else { b"{}" };
            all.push(("roots", Bytes::from_static(roots)));
        }
        let extensions: Vec<_> = [(UI, &self.ui), (TASKS, &self.tasks)]
            .into_iter()
            .filter_map(|(id, settings)| Some((id, settings.clone()?)))
            .collect();
        if !extensions.is_empty() {
            all.push(("extensions", meta::object(&extensions).into()));
        }
        meta::object(&all).into()
    }

    /// Why a question of the upstream is not put to the client.
    pub(super) fn refuses(&self, method: &str, params: &Bytes) -> Option<&'static str> {
        let declared = match method {
            "elicitation/create" => match splice::get_str(params, "mode").as_deref() {
                Some("url") => self.url,
                _ => self.form,
            },
            "sampling/createMessage" => self.sampling,
            "roots/list" => self.roots,
            _ => return Some("this client knows no such method"),
        };
        (!declared).then_some("this client did not declare that capability")
    }
}

/// True when `key` of `object` is `true`.
pub(super) fn is_true(object: &Bytes, key: &str) -> bool {
    splice::get(object, key).is_some_and(|value| value == "true")
}

/// What was read of the last client's words, and how a modern request says it: clients say the
/// same with every call.
#[derive(Debug)]
pub(super) struct Said {
    words: Bytes,
    pub(super) caps: Caps,
    /// For `_meta` of a modern request.
    pub(super) modern: Bytes,
}

impl Said {
    fn of(words: Bytes, caps: Caps) -> Arc<Self> {
        let modern = caps.render(false);
        Arc::new(Self { words, caps, modern })
    }
}

/// The last [`Said`] of calls, and of our own requests.
#[derive(Debug)]
pub(super) struct LastSaid {
    call: ArcSwap<Said>,
    own: ArcSwap<Said>,
}

impl Default for LastSaid {
    fn default() -> Self {
        let nothing = Said::of(Bytes::from_static(b"{}"), Caps::default());
        Self { call: ArcSwap::new(Arc::clone(&nothing)), own: ArcSwap::new(nothing) }
    }
}

impl Inner {
    /// What a request with this link declares.
    pub(super) fn said(&self, link: Option<&Arc<dyn ClientLink>>) -> Arc<Said> {
        let (last, words) = match link {
            Some(link) => (&self.said.call, link.capabilities()),
            None => (&self.said.own, self.deps.declared.get()),
        };
        let known = last.load();
        if known.words == words {
            return Arc::clone(&known);
        }
        // Also with a list: servers have tools for clients that can be asked, or that show apps.
        let caps = Caps::read(&words);
        let said = Said::of(words, caps);
        last.store(Arc::clone(&said));
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &'static str) -> Caps {
        Caps::read(&Bytes::from_static(text.as_bytes()))
    }

    const ALL: &str = r#"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{},"context":{}},"roots":{"listChanged":true},"experimental":{"x":{}},"extensions":{"vendor/x":{},"io.modelcontextprotocol/ui":{"mimeTypes":["a"]},"io.modelcontextprotocol/tasks":{}}}"#;

    #[test]
    fn known_words_are_mirrored_and_others_are_not() {
        let all = caps(ALL);
        assert_eq!(
            all.render(false),
            r#"{"elicitation":{"form":{},"url":{}},"sampling":{"context":{},"tools":{}},"roots":{},"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["a"]},"io.modelcontextprotocol/tasks":{}}}"#
        );
        assert_eq!(caps("{}").render(false), "{}");
        assert_eq!(caps(r#"{"elicitation":{}}"#).render(false), r#"{"elicitation":{}}"#);
        let url = caps(r#"{"elicitation":{"url":{}}}"#);
        assert!(url.url && !url.form);
        assert_eq!(url.render(false), r#"{"elicitation":{"url":{}}}"#);
        assert_eq!(caps(r#"{"elicitation":true,"roots":null}"#), Caps::default());
    }

    #[test]
    fn each_revision_gets_what_it_can_carry() {
        let at = |version| caps(ALL).at(version).render(true);
        let ui = r#""extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["a"]}}"#;
        let roots = r#""roots":{"listChanged":true}"#;
        assert_eq!(at("2024-11-05"), format!(r#"{{"sampling":{{}},{roots},{ui}}}"#));
        assert_eq!(
            at("2025-06-18"),
            format!(r#"{{"elicitation":{{}},"sampling":{{}},{roots},{ui}}}"#)
        );
        assert_eq!(
            at("2025-11-25"),
            format!(
                r#"{{"elicitation":{{"form":{{}},"url":{{}}}},"sampling":{{"context":{{}},"tools":{{}}}},{roots},{ui}}}"#
            )
        );
    }

    #[test]
    fn a_wider_set_is_told_from_a_narrower_one() {
        let (all, form) = (caps(ALL), caps(r#"{"elicitation":{}}"#));
        assert!(all.covers(&form) && !form.covers(&all) && form.covers(&Caps::default()));
        assert!(form.and(&caps(r#"{"roots":{}}"#)).roots);
        assert_eq!(form.and(&all).at("2025-11-25"), all.at("2025-11-25"));
    }

    #[test]
    fn only_what_was_declared_is_asked() {
        let form = caps(r#"{"elicitation":{}}"#);
        let url = Bytes::from_static(br#"{"mode":"url"}"#);
        let plain = Bytes::from_static(b"{}");
        assert_eq!(form.refuses("elicitation/create", &plain), None);
        assert!(form.refuses("elicitation/create", &url).is_some());
        assert!(form.refuses("sampling/createMessage", &plain).is_some());
        assert!(caps(ALL).refuses("tools/call", &plain).is_some());
    }
}

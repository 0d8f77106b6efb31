//! What both sides can do, as each revision writes it.

use crate::{
    hub::Offer,
    wire::{Ask, era::Revision, splice},
};
use bytes::Bytes;
use std::fmt::Write as _;

/// Runs calls in the background (SEP-2663); its methods fit clients of 2026-07-28 only.
pub(super) const TASKS: &str = "io.modelcontextprotocol/tasks";
/// SEP-2640.
pub(super) const SKILLS: &str = "io.modelcontextprotocol/skills";

/// Our `capabilities` object; `revision`: of a client that said `initialize`.
pub(super) fn ours(offer: &Offer, revision: Option<&Revision>) -> String {
    let since = |date: &str| revision.is_none_or(|revision| revision.date >= date);
    let mut out = String::from("{\"tools\":{\"listChanged\":true}");
    if offer.prompts {
        out.push_str(",\"prompts\":{\"listChanged\":true}");
    }
    if offer.resources {
        let subscribe = if offer.subscribe { "\"subscribe\":true," } else { "" };
        let _ = write!(out, ",\"resources\":{{{subscribe}\"listChanged\":true}}");
    }
    if offer.completions && since("2025-03-26") {
        out.push_str(",\"completions\":{}");
    }
    if offer.logging {
        out.push_str(",\"logging\":{}");
    }
    // SEP-2133 is of 2026-07-28; clients of 2025-11-25 know the field from MCP Apps (SEP-1865).
    let fits = |id: &str| revision.is_none() || id != TASKS && since("2025-11-25");
    let fitting = offer.extensions.iter().filter(|(id, _)| fits(id));
    for (i, (id, settings)) in fitting.enumerate() {
        out.push_str(if i == 0 { ",\"extensions\":{" } else { "," });
        let settings = String::from_utf8_lossy(settings);
        let _ = write!(out, "{}:{}", splice::quote(id), settings.replace(['\n', '\r'], " "));
    }
    if offer.extensions.iter().any(|(id, _)| fits(id)) {
        out.push('}');
    }
    out.push('}');
    out
}

/// True when this extension is offered.
pub(super) fn extends(offer: &Offer, id: &str) -> bool {
    offer.extensions.iter().any(|(offered, _)| offered == id)
}

/// True when a client with these capabilities can be asked this.
pub(super) fn declared(capabilities: &Bytes, ask: &Ask) -> bool {
    let object = |key| splice::get(capabilities, key).filter(|json| json.first() == Some(&b'{'));
    match &*ask.method {
        "roots/list" => object("roots").is_some(),
        "sampling/createMessage" => object("sampling").is_some_and(|sampling| {
            let tools = ["tools", "toolChoice"].iter();
            let mut tools = tools.filter(|key| splice::find(&ask.params, key).is_some());
            // Sampling with tools is an ability of its own (2025-11-25, client/sampling).
            tools.next().is_none() || splice::find(&sampling, "tools").is_some()
        }),
        "elicitation/create" => object("elicitation").is_some_and(|modes| {
            let url = splice::find(&modes, "url").is_some();
            match splice::get_str(&ask.params, "mode").as_deref() {
                Some("url") => url,
                // An empty object means forms (2025-11-25, client/elicitation).
                None | Some("form") => !url || splice::find(&modes, "form").is_some(),
                Some(_) => false,
            }
        }),
        _ => false,
    }
}

/// True when the client opens links for an upstream.
pub(super) fn opens_urls(capabilities: &Bytes) -> bool {
    let modes = splice::get(capabilities, "elicitation");
    modes.is_some_and(|modes| splice::find(&modes, "url").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::era;

    #[test]
    fn every_revision_is_told_what_it_knows() {
        let text = Bytes::from_static;
        let offer = Offer {
            prompts: true,
            resources: true,
            subscribe: true,
            completions: true,
            logging: true,
            extensions: vec![
                (TASKS.to_owned(), text(b"{}")),
                ("io.modelcontextprotocol/ui".to_owned(), text(b"{\"a\":\n1}")),
            ],
        };
        let told = |date: &str| ours(&offer, era::revision(date));
        let core = r#""tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}"#;
        assert_eq!(told("2024-11-05"), format!("{{{core},\"logging\":{{}}}}"));
        let completes = format!("{{{core},\"completions\":{{}},\"logging\":{{}}");
        assert_eq!(told("2025-06-18"), format!("{completes}}}"));
        let ui = r#""io.modelcontextprotocol/ui":{"a": 1}}}"#;
        assert_eq!(told("2025-11-25"), format!("{completes},\"extensions\":{{{ui}"));
        let tasks = format!("{completes},\"extensions\":{{\"{TASKS}\":{{}},{ui}");
        assert_eq!(ours(&offer, None), tasks);
        let bare = Offer { resources: true, ..Offer::default() };
        let bare = ours(&bare, None);
        assert_eq!(bare, r#"{"tools":{"listChanged":true},"resources":{"listChanged":true}}"#);
        let only_tasks = Offer { extensions: offer.extensions[..1].to_vec(), ..Offer::default() };
        let old = ours(&only_tasks, era::revision("2025-11-25"));
        assert_eq!(old, r#"{"tools":{"listChanged":true}}"#);
    }

    #[test]
    fn only_what_was_declared_can_be_asked() {
        let can = |capabilities: &'static str, method: &str, params: &'static str| {
            let ask = Ask { method: method.into(), params: Bytes::from_static(params.as_bytes()) };
            declared(&Bytes::from_static(capabilities.as_bytes()), &ask)
        };
        let (form, url) = (r#"{"message":"m"}"#, r#"{"mode":"url"}"#);
        for (capabilities, forms, urls) in [
            (r#"{"elicitation":{}}"#, true, false),
            (r#"{"elicitation":{"form":{}}}"#, true, false),
            (r#"{"elicitation":{"url":{}}}"#, false, true),
            (r#"{"elicitation":{"form":{},"url":{}}}"#, true, true),
            (r#"{"elicitation":true}"#, false, false),
            ("{}", false, false),
        ] {
            assert_eq!(can(capabilities, "elicitation/create", form), forms, "{capabilities}");
            assert_eq!(can(capabilities, "elicitation/create", url), urls, "{capabilities}");
        }
        assert!(!can(r#"{"elicitation":{}}"#, "elicitation/create", r#"{"mode":"odd"}"#));
        assert!(can(r#"{"sampling":{}}"#, "sampling/createMessage", "{}"));
        let tools = r#"{"tools":[]}"#;
        assert!(!can(r#"{"sampling":{}}"#, "sampling/createMessage", tools));
        assert!(can(r#"{"sampling":{"tools":{}}}"#, "sampling/createMessage", tools));
        assert!(can(r#"{"roots":{}}"#, "roots/list", "{}"));
        assert!(!can(r#"{"roots":{}}"#, "ping", "{}"));
    }
}

//! What all connections can do together, and what the client can: the capabilities of both sides.

use super::{Hub, member::Member};
use crate::wire::{ClientLink, LogLevel, splice};
use bytes::Bytes;
use std::sync::Arc;

const UI: &str = "io.modelcontextprotocol/ui";
const TASKS: &str = "io.modelcontextprotocol/tasks";
const SKILLS: &str = "io.modelcontextprotocol/skills";

/// Extensions that we can pass on; of others we know neither the names nor the ids in them.
const RELAYED: [&str; 3] = [UI, TASKS, SKILLS];

/// What clients can be offered; tools are always there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Offer {
    pub prompts: bool,
    pub resources: bool,
    /// Resources can be subscribed to.
    pub subscribe: bool,
    pub completions: bool,
    pub logging: bool,
    /// Extensions (SEP-2133) that at least one connection offers and that we can pass on: id and
    /// the text of the settings. Tasks only fit clients of 2026-07-28.
    pub extensions: Vec<(String, Bytes)>,
}

impl Offer {
    fn add(&mut self, capabilities: &Bytes) {
        let of =
            |key: &str| splice::get(capabilities, key).filter(|value| value.first() == Some(&b'{'));
        self.prompts |= of("prompts").is_some();
        if let Some(resources) = of("resources") {
            self.resources = true;
            self.subscribe |=
                splice::get(&resources, "subscribe").is_some_and(|value| value == "true");
        }
        self.completions |= of("completions").is_some();
        self.logging |= of("logging").is_some();
        let Some(extensions) = of("extensions") else { return };
        for id in RELAYED {
            if let Some(settings) = splice::get(&extensions, id) {
                self.extend(id, settings);
            }
        }
    }

    /// Of two connections the one that offers more is told; the other then says so by itself.
    fn extend(&mut self, id: &str, settings: Bytes) {
        match self.extensions.iter_mut().find(|(known, _)| known == id) {
            None => self.extensions.push((id.to_owned(), settings)),
            Some((_, known)) if settings.len() > known.len() => *known = settings,
            Some(_) => {}
        }
    }

    /// Nobody has asked it yet.
    fn expect(&mut self) {
        self.prompts = true;
        self.resources = true;
        self.subscribe = true;
        self.completions = true;
        self.logging = true;
    }
}

impl Hub {
    /// What the connections offer, as far as is known; of one that nobody has listed yet,
    /// everything is expected.
    pub fn offer(&self) -> Offer {
        let mut offer = Offer { resources: self.has_memory(), ..Offer::default() };
        for member in self.index().members().iter().filter(|member| member.is_live()) {
            match member.session.lists.load().as_ref() {
                Some(lists) => {
                    if let Some(capabilities) = &lists.cached.capabilities {
                        offer.add(capabilities);
                    }
                }
                None => offer.expect(),
            }
        }
        offer
    }

    /// The client declared these capabilities: sessions that are opened from now on mirror them.
    pub fn declare(&self, capabilities: Bytes) {
        self.0.deps.declared.set(capabilities);
    }

    /// The client takes questions at any time, by this link.
    pub fn attend(&self, link: Arc<dyn ClientLink>) {
        self.0.deps.declared.attend(link);
    }

    /// The least severe messages that the client wants to hear outside of calls; `None`: none.
    pub fn wants_logs(&self, level: Option<LogLevel>) {
        *self.0.log_level.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = level;
        for member in self.index().members() {
            member.session.route.log_level(level);
        }
    }

    /// A connection has another session: it hears again what the client wants to hear.
    pub(super) fn log_again(&self, member: &Member) {
        let level = *self.0.log_level.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if level.is_some() {
            member.session.route.log_level(level);
        }
    }

    /// The client's roots changed.
    pub fn roots_changed(&self) {
        for member in self.index().members() {
            member.session.route.roots_changed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_offers_all_offer() {
        let mut offer = Offer::default();
        offer.add(&Bytes::from_static(br#"{"prompts":{},"resources":{"subscribe":false}}"#));
        assert!(offer.prompts && offer.resources && !offer.subscribe && !offer.logging);
        offer.add(&Bytes::from_static(
            br#"{"resources":{"subscribe":true},"logging":{},"extensions":{"io.modelcontextprotocol/skills":{},"x/y":{}}}"#,
        ));
        offer.add(&Bytes::from_static(
            br#"{"completions":{},"extensions":{"io.modelcontextprotocol/skills":{"directoryRead":true}}}"#,
        ));
        assert!(offer.subscribe && offer.logging && offer.completions);
        let skills = (SKILLS.to_owned(), Bytes::from_static(br#"{"directoryRead":true}"#));
        assert_eq!(offer.extensions, [skills]);
    }
}

//! All that is missing at once, in the order in which it is asked for.

use super::{Answers, Params, Secrets};
use crate::{
    auth::{CLIENT_SECRET, OAuthConfig},
    catalog::{
        Manifest,
        manifest::{Ask, Param, Way},
    },
    kind::AuthKind,
};
use std::sync::Arc;

/// What is to be filled in for one way to sign in.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub manifest: Arc<Manifest>,
    pub way: Way,
    pub blanks: Vec<Blank>,
}

/// One thing that is missing, or that may be said besides.
#[derive(Debug, Clone)]
pub struct Blank {
    pub slot: Slot,
    pub title: String,
    pub kind: BlankKind,
    /// Where one gets it, in words.
    pub help: Vec<String>,
    pub example: Option<String>,
    /// The vendor's page for it.
    pub page: Option<String>,
    pub optional: bool,
}

/// Where an answer belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    Param(String),
    Secret(String),
    ClientId,
}

#[derive(Debug, Clone)]
pub enum BlankKind {
    Param(Box<Param>),
    /// `shown`: no harm in seeing it, as of an e-mail address.
    Secret {
        shown: bool,
    },
    ClientId,
}

impl Sheet {
    pub(super) fn new(manifest: &Arc<Manifest>, way: &Way) -> Self {
        Self { manifest: Arc::clone(manifest), way: way.clone(), blanks: Vec::new() }
    }

    /// Somebody has to say something.
    pub fn is_needed(&self) -> bool {
        self.blanks.iter().any(|blank| !blank.optional)
    }

    /// The slots of what is never shown.
    pub fn hidden(&self) -> impl Iterator<Item = &Slot> {
        let hidden = |blank: &&Blank| matches!(blank.kind, BlankKind::Secret { shown: false });
        self.blanks.iter().filter(hidden).map(|blank| &blank.slot)
    }

    /// What is wrong with the answers, by the slot that it is wrong with.
    pub fn check(&self, answers: &Answers) -> Vec<(Slot, String)> {
        let mut wrong = Vec::new();
        for blank in &self.blanks {
            match (answers.get(&blank.slot), &blank.slot) {
                (None, slot) if !blank.optional => {
                    wrong.push((slot.clone(), "this is needed".to_owned()));
                }
                (Some(value), Slot::Param(name)) => {
                    if let Err(why) = self.accept(name, value.expose()) {
                        wrong.push((blank.slot.clone(), why));
                    }
                }
                (Some(value), Slot::Secret(name)) => {
                    let split = self.way.split.as_ref().filter(|split| split.from == *name);
                    if let Some(Err(why)) = split.map(|split| split.take_apart(value)) {
                        wrong.push((blank.slot.clone(), why));
                    }
                }
                _ => {}
            }
        }
        wrong
    }

    /// The value of a parameter as it is kept.
    pub(super) fn accept(&self, name: &str, text: &str) -> Result<String, String> {
        let param = self.manifest.params_of(&self.way).find(|param| param.name == name);
        param.map_or_else(|| Ok(text.to_owned()), |param| param.accept(text))
    }

    pub(super) fn whole(&mut self, way: &Way) {
        let Some(split) = &way.split else { return };
        let one = way.secrets.iter().find(|one| one.name == split.from);
        self.secret(way, one, &split.from, false);
    }

    /// A client that the user has to register; `known`: its secret is stored already.
    pub(super) fn own_client(
        &mut self,
        way: &Way,
        oauth: &OAuthConfig,
        secrets: &Secrets,
        known: bool,
    ) {
        let Some(told) = &way.oauth else { return };
        let Some(own) = &told.own_client else { return };
        // Without a port of its own it is any, as RFC 8252 section 7.3 has it for loopback.
        let port = oauth.callback_port.or(told.callback_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let host = told.callback_host.as_deref().unwrap_or("127.0.0.1");
        let redirect = format!("http://{host}{port}/callback");
        let mut help = vec![own.help.replace("${redirect_uri}", &redirect)];
        let mut blank = |slot: Slot, title: &str, kind: BlankKind| {
            self.blanks.push(Blank {
                slot,
                title: title.to_owned(),
                kind,
                // Once is enough.
                page: own.page.clone().filter(|_| !help.is_empty()),
                help: std::mem::take(&mut help),
                example: None,
                optional: false,
            });
        };
        if oauth.client_id.is_none() && told.client_id.is_none() {
            blank(Slot::ClientId, "Client id (integration id)", BlankKind::ClientId);
        }
        if own.secret && !secrets.contains_key(CLIENT_SECRET) && !known {
            let slot = Slot::Secret(CLIENT_SECRET.to_owned());
            blank(slot, "Client secret", BlankKind::Secret { shown: false });
        }
    }

    pub(super) fn params(&mut self, way: &Way, missing: &[Param], given: &Params) {
        let is_missing = |param: &Param| missing.iter().any(|it| it.name == param.name);
        let manifest = Arc::clone(&self.manifest);
        for param in manifest.params_of(way) {
            if given.contains_key(&param.name) || way.tells(&param.name) {
                continue;
            }
            self.blanks.push(Blank {
                slot: Slot::Param(param.name.clone()),
                title: param.title.clone(),
                kind: BlankKind::Param(Box::new(param.clone())),
                help: param.help.iter().cloned().collect(),
                example: param.example.clone(),
                page: None,
                optional: !is_missing(param),
            });
        }
    }

    /// What is typed once for a login.
    pub(super) fn typed(&mut self, way: &Way, secrets: &Secrets) {
        for one in way.login.iter().flat_map(|login| &login.asks) {
            if !secrets.contains_key(&one.name) {
                self.secret(way, Some(one), &one.name, one.optional);
            }
        }
    }

    /// Every key that is kept, but for those that a login brings.
    pub(super) fn keys(&mut self, way: &Way, secrets: &Secrets) {
        if way.kind != AuthKind::Key {
            return;
        }
        let whole = way.split.as_ref().map(|split| &split.from);
        let steps = way.login.iter().flat_map(|login| &login.steps);
        let saved: Vec<&String> = steps.flat_map(|step| step.save.keys()).collect();
        for one in way.secrets.iter().filter(|one| Some(&one.name) != whole) {
            if !secrets.contains_key(&one.name) && !saved.contains(&&one.name) {
                self.secret(way, Some(one), &one.name, one.optional);
            }
        }
    }

    fn secret(&mut self, way: &Way, one: Option<&Ask>, name: &str, optional: bool) {
        let help = one.and_then(|one| one.help.clone());
        self.blanks.push(Blank {
            slot: Slot::Secret(name.to_owned()),
            title: one.map_or_else(|| name.to_owned(), |one| one.title.clone()),
            kind: BlankKind::Secret { shown: one.is_some_and(|one| one.shown) },
            help: help.into_iter().chain(way.help.clone()).collect(),
            example: one.and_then(|one| one.example.clone()),
            page: way.page.clone(),
            optional,
        });
    }
}

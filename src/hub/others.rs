//! What connections list besides tools: prompts, resources, templates and skills, with the names
//! and URIs that clients see.

use super::{
    clean::cleaned,
    lists::List,
    member::Member,
    names,
    plan::Shown,
    rewrite,
    uris::{self, Uris},
};
use crate::{text, wire::splice};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// All lists but that of the tools, at one moment.
#[derive(Default)]
pub struct Others {
    pub prompts: Shelf,
    pub resources: Shelf,
    pub templates: Shelf,
    pub skills: Shelf,
    pub(super) uris: Uris,
}

/// One list: connections in config order, then upstream order; those left out too.
#[derive(Default)]
pub struct Shelf {
    pub entries: Vec<Entry>,
    /// By what clients call it.
    names: HashMap<String, usize>,
    /// The result object, without the keys that every result of 2026-07-28 has.
    rendered: Bytes,
}

/// One listed thing.
pub struct Entry {
    pub member: Arc<Member>,
    /// The upstream's own name or URI; empty when it gave none.
    pub upstream: String,
    pub public: String,
    /// Its object as clients see it.
    pub definition: Bytes,
    /// Why it is left out.
    pub fault: Option<String>,
}

/// What tells one list from another.
struct Kind {
    list: List,
    /// Where the name or the URI stands.
    key: &'static str,
    /// The member of the result.
    result: &'static str,
}

const PROMPTS: Kind = Kind { list: List::Prompts, key: "name", result: "prompts" };
const RESOURCES: Kind = Kind { list: List::Resources, key: "uri", result: "resources" };
const TEMPLATES: Kind =
    Kind { list: List::Templates, key: "uriTemplate", result: "resourceTemplates" };
const SKILLS: Kind = Kind { list: List::Skills, key: "uri", result: "skills" };

impl Others {
    /// Reads every connection's last known lists.
    pub(super) fn build(members: &[Arc<Member>], plain: bool) -> Self {
        let mut uris = Uris::new(plain);
        for member in members.iter().filter(|member| member.plan.shown == Shown::Yes) {
            let lists = member.session.lists.load();
            let Some(lists) = lists.as_ref() else { continue };
            let own = |list: &[Bytes], key: &str, own: &mut dyn FnMut(&str)| {
                for one in list {
                    if let Some(uri) = splice::get_str(one, key) {
                        own(&uri);
                    }
                }
            };
            let (name, others) = (member.name(), &lists.cached.others);
            own(&others.resources, "uri", &mut |uri| uris.own(name, uri));
            own(&others.templates, "uriTemplate", &mut |uri| uris.own_template(name, uri));
            own(&others.skills, "uri", &mut |uri| uris.own(name, uri));
        }
        let shelf = |kind: &Kind| Shelf::build(kind, members, &uris, plain);
        let (prompts, resources) = (shelf(&PROMPTS), shelf(&RESOURCES));
        let (templates, skills) = (shelf(&TEMPLATES), shelf(&SKILLS));
        Self { prompts, resources, templates, skills, uris }
    }

    /// The result object of a list.
    pub(super) fn rendered(&self, list: List) -> Option<&Bytes> {
        Some(match list {
            List::Tools => return None,
            List::Prompts => &self.prompts.rendered,
            List::Resources => &self.resources.rendered,
            List::Templates => &self.templates.rendered,
            List::Skills => &self.skills.rendered,
        })
    }

    /// No client could tell the prompts of the two apart.
    pub(super) fn prompts_look_like(&self, other: &Self) -> bool {
        self.prompts.rendered == other.prompts.rendered
    }

    /// Nor the resources, templates and skills.
    pub(super) fn resources_look_like(&self, other: &Self) -> bool {
        self.resources.rendered == other.resources.rendered
            && self.templates.rendered == other.templates.rendered
            && self.skills.rendered == other.skills.rendered
    }

    /// What is left out of the lists of connections that clients see.
    pub(super) fn complaints(&self) -> Vec<String> {
        let shelves = [
            ("prompts", &self.prompts),
            ("resources", &self.resources),
            ("resource templates", &self.templates),
            ("skills", &self.skills),
        ];
        shelves.iter().flat_map(|(what, shelf)| shelf.complaints(what)).collect()
    }
}

impl Shelf {
    fn build(kind: &Kind, members: &[Arc<Member>], uris: &Uris, plain: bool) -> Self {
        let mut entries = Vec::new();
        for member in members {
            let lists = member.session.lists.load();
            let Some(lists) = lists.as_ref() else { continue };
            let others = &lists.cached.others;
            let list = match kind.list {
                List::Tools => continue,
                List::Prompts => &others.prompts,
                List::Resources => &others.resources,
                List::Templates => &others.templates,
                List::Skills => &others.skills,
            };
            let mut seen = HashSet::with_capacity(list.len());
            for raw in list {
                let mut entry = Entry::read(kind, member, raw, uris, plain);
                if entry.fault.is_none() && !seen.insert(entry.upstream.clone()) {
                    entry.fault = Some("it stands twice in the list".to_owned());
                }
                entries.push(entry);
            }
        }
        let names = park_collisions(&mut entries);
        let rendered = render(kind, &entries);
        Self { entries, names, rendered }
    }

    /// What clients call so.
    pub fn find(&self, public: &str) -> Option<&Entry> {
        self.names.get(public).map(|at| &self.entries[*at])
    }

    fn complaints(&self, what: &str) -> Vec<String> {
        const NAMED: usize = 3;
        let of_one = self.entries.chunk_by(|a, b| Arc::ptr_eq(&a.member, &b.member));
        let shown = of_one.filter(|ours| ours[0].member.plan.shown == Shown::Yes);
        shown
            .filter_map(|ours| {
                let out: Vec<_> = ours.iter().filter(|entry| entry.fault.is_some()).collect();
                let name = |entry: &&&Entry| {
                    let why = entry.fault.as_deref().unwrap_or_default();
                    format!("{:?} ({why})", text::line(&entry.upstream, 80))
                };
                let mut parts: Vec<String> = out.iter().take(NAMED).map(|e| name(&e)).collect();
                if out.len() > NAMED {
                    parts.push(format!("{} more", out.len() - NAMED));
                }
                let connection = ours[0].member.name();
                (!out.is_empty()).then(|| {
                    format!("left out of the {what} of {connection}: {}", parts.join(", "))
                })
            })
            .collect()
    }
}

impl Entry {
    fn read(kind: &Kind, member: &Arc<Member>, raw: &Bytes, uris: &Uris, plain: bool) -> Self {
        let raw = cleaned(raw);
        let upstream = splice::get_str(&raw, kind.key).unwrap_or_default().into_owned();
        let fault = fault(kind, &raw, &upstream).map(str::to_owned);
        let connection = member.name();
        let to = |uri: &str| uris.outward_listed(connection, uri);
        let (public, definition) = match kind.list {
            _ if plain || fault.is_some() => (upstream.clone(), raw),
            List::Prompts => {
                let public = names::public(connection, &upstream).to_string();
                let mut edits = splice::Edits::new();
                edits.set(&raw, kind.key, splice::quote(&public));
                (public, edits.apply(&raw))
            }
            _ => {
                let public = to(&upstream).unwrap_or_else(|| upstream.clone());
                let definition = match kind.list {
                    List::Skills => rewrite::skill(&raw, &to),
                    _ => rewrite::entry(&raw, kind.key, &to),
                };
                (public, definition)
            }
        };
        Self { member: Arc::clone(member), upstream, public, definition, fault }
    }

    /// Clients see it in the list.
    pub fn listed(&self) -> bool {
        self.fault.is_none() && self.member.plan.shown == Shown::Yes
    }
}

/// What would make a strict client refuse the whole list because of this one entry.
fn fault(kind: &Kind, raw: &Bytes, own: &str) -> Option<&'static str> {
    if raw.first() != Some(&b'{') {
        return Some("it is not an object");
    }
    if own.is_empty() {
        return Some(match kind.list {
            List::Prompts => "it has no name",
            _ => "it has no URI",
        });
    }
    let is_text = |key| splice::get(raw, key).is_none_or(|value| value.first() == Some(&b'"'));
    match kind.list {
        List::Skills => return None,
        List::Resources | List::Templates if splice::get_str(raw, "name").is_none() => {
            return Some("it has no name");
        }
        List::Prompts
            if splice::get(raw, "arguments").is_some_and(|list| list.first() != Some(&b'[')) =>
        {
            return Some("its arguments are not a list");
        }
        _ => {}
    }
    if !["title", "description", "mimeType"].into_iter().all(is_text) {
        return Some("its title, description or type is not a string");
    }
    None
}

/// Two that come to the same name are both left out, so that neither is taken for the other.
fn park_collisions(entries: &mut [Entry]) -> HashMap<String, usize> {
    let mut names = HashMap::with_capacity(entries.len());
    let mut parked = Vec::new();
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.fault.is_none()) {
        if let Some(other) = names.insert(entry.public.clone(), at) {
            parked.extend([at, other]);
        }
    }
    for at in parked {
        let entry = &mut entries[at];
        names.remove(&entry.public);
        entry.fault = Some(format!("another comes to the name {} too", entry.public));
    }
    names
}

fn render(kind: &Kind, entries: &[Entry]) -> Bytes {
    let size: usize = entries.iter().map(|entry| entry.definition.len() + 1).sum();
    let mut out = Vec::with_capacity(size + 32);
    out.extend_from_slice(format!("{{\"{}\":[", kind.result).as_bytes());
    let start = out.len();
    for entry in entries.iter().filter(|entry| entry.listed()) {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(&entry.definition);
    }
    out.extend_from_slice(b"]}");
    out.into()
}

impl Uris {
    /// [`Uris::outward`] for what stands in a list, whose owners are all known.
    fn outward_listed(
        &self,
        connection: &crate::name::ConnectionName,
        uri: &str,
    ) -> Option<String> {
        self.outward(&uris::Seen::default(), connection, uri)
    }
}

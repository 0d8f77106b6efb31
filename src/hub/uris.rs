//! The URIs that clients see, and whose they are: contract section 5.
//!
//! A URI of `http` or `https` means the same to everybody and stays; a table says which
//! connection has it. Every other one gets the connection's name, in a way that can be undone.

use crate::name::ConnectionName;
use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Schemes that clients give a meaning to; they keep it.
const KEPT: [&str; 2] = ["ui", "skill"];

const OURS: &str = "allmcp://";

/// Most web addresses that are remembered from results.
const MOST_SEEN: usize = 4096;

/// Who has which web address, from the lists of all connections.
#[derive(Default)]
pub(super) struct Uris {
    plain: bool,
    owners: HashMap<String, ConnectionName>,
    /// What stands before the first variable of a template, in config order.
    templates: Vec<(String, ConnectionName)>,
}

impl Uris {
    pub(super) fn new(plain: bool) -> Self {
        Self { plain, ..Self::default() }
    }

    /// A connection lists this URI. The first one that lists a web address keeps it.
    pub(super) fn own(&mut self, connection: &ConnectionName, uri: &str) {
        if is_web(uri) && !self.owners.contains_key(uri) {
            self.owners.insert(uri.to_owned(), connection.clone());
        }
    }

    /// A connection lists this template.
    pub(super) fn own_template(&mut self, connection: &ConnectionName, template: &str) {
        let fixed = template.split('{').next().unwrap_or_default();
        if is_web(fixed) {
            self.own(connection, template);
            self.templates.push((fixed.to_owned(), connection.clone()));
        }
    }

    /// What clients see in the place of `uri`; `None`: the same.
    pub(super) fn outward(
        &self,
        seen: &Seen,
        connection: &ConnectionName,
        uri: &str,
    ) -> Option<String> {
        // An empty one is none.
        if self.plain || uri.is_empty() {
            return None;
        }
        if is_web(uri) {
            let Some(owner) = self.owners.get(uri) else {
                // Nobody's own: a page that anybody may speak of, and clients fetch by themselves.
                seen.take(uri, connection);
                return None;
            };
            return (owner != connection).then(|| format!("{OURS}{connection}/{uri}"));
        }
        named(connection, uri)
    }

    /// Whose a URI is that a client names, and the upstream's own form of it. A plain plan has
    /// but one connection, and so no name comes back.
    pub(super) fn inward<'a>(
        &self,
        seen: &Seen,
        uri: &'a str,
    ) -> Option<(Option<ConnectionName>, Cow<'a, str>)> {
        if self.plain {
            return Some((None, Cow::Borrowed(uri)));
        }
        if is_web(uri) {
            let owner = self.owners.get(uri).cloned().or_else(|| seen.owner(uri));
            let owner = owner.or_else(|| self.by_template(uri))?;
            return Some((Some(owner), Cow::Borrowed(uri)));
        }
        if let Some(rest) = uri.strip_prefix(OURS) {
            let (connection, own) = rest.split_once('/')?;
            return Some((Some(connection.parse().ok()?), Cow::Borrowed(own)));
        }
        let (scheme, rest) = KEPT.iter().find_map(|s| Some((s, rest_of(uri, s)?)))?;
        let (connection, own) = rest.split_once('/')?;
        Some((Some(connection.parse().ok()?), Cow::Owned(format!("{scheme}://{own}"))))
    }

    /// The connection with the most fitting template; of two the first.
    fn by_template(&self, uri: &str) -> Option<ConnectionName> {
        let fits = self.templates.iter().filter(|(fixed, _)| uri.starts_with(fixed.as_str()));
        // The last of equal maxima would win.
        fits.rev().max_by_key(|(fixed, _)| fixed.len()).map(|(_, owner)| owner.clone())
    }
}

/// The form with the connection's name in it; web addresses have none.
pub(super) fn named(connection: &ConnectionName, uri: &str) -> Option<String> {
    if is_web(uri) {
        return None;
    }
    for scheme in KEPT {
        if let Some(rest) = rest_of(uri, scheme) {
            return Some(format!("{scheme}://{connection}/{rest}"));
        }
    }
    Some(format!("{OURS}{connection}/{uri}"))
}

fn is_web(uri: &str) -> bool {
    let starts = |scheme: &str| {
        uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("http://") || starts("https://")
}

/// What follows `scheme://`.
fn rest_of<'a>(uri: &'a str, scheme: &str) -> Option<&'a str> {
    uri.strip_prefix(scheme)?.strip_prefix("://")
}

/// Web addresses that came up in results and stand in no list: whoever named one first has it.
#[derive(Default)]
pub(super) struct Seen(Mutex<Table>);

#[derive(Default)]
struct Table {
    owners: HashMap<String, ConnectionName>,
    order: VecDeque<String>,
}

impl Seen {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owner(&self, uri: &str) -> Option<ConnectionName> {
        self.table().owners.get(uri).cloned()
    }

    /// `connection` spoke of this address.
    fn take(&self, uri: &str, connection: &ConnectionName) {
        let mut table = self.table();
        if table.owners.contains_key(uri) {
            return;
        }
        if table.order.len() >= MOST_SEEN
            && let Some(oldest) = table.order.pop_front()
        {
            table.owners.remove(&oldest);
        }
        table.order.push_back(uri.to_owned());
        table.owners.insert(uri.to_owned(), connection.clone());
    }
}

/// The id that clients see of a task: it carries its connection, so that it outlives us.
pub(super) fn task_outward(connection: &ConnectionName, id: &str) -> String {
    format!("{connection}.{id}")
}

/// Whose task it is, and the upstream's own id.
pub(super) fn task_inward(id: &str) -> Option<(ConnectionName, &str)> {
    let (connection, own) = id.split_once('.')?;
    Some((connection.parse().ok()?, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(name: &str) -> ConnectionName {
        name.parse().unwrap()
    }

    #[test]
    fn each_kind_of_uri_has_its_form() {
        let (uris, seen) = (Uris::new(false), Seen::default());
        let out = |uri: &str| uris.outward(&seen, &name("c"), uri);
        assert_eq!(out("file:///a b").as_deref(), Some("allmcp://c/file:///a b"));
        assert_eq!(out("ui://host/x?y").as_deref(), Some("ui://c/host/x?y"));
        assert_eq!(out("skill://s/SKILL.md").as_deref(), Some("skill://c/s/SKILL.md"));
        assert_eq!(out("UI://x").as_deref(), Some("allmcp://c/UI://x"));
        assert_eq!(out("ui:x").as_deref(), Some("allmcp://c/ui:x"));
        assert_eq!(out(""), None);
        assert_eq!(out("allmcp://d/x:y").as_deref(), Some("allmcp://c/allmcp://d/x:y"));
        assert_eq!(out("{scheme}://x").as_deref(), Some("allmcp://c/{scheme}://x"));
        let plain = Uris::new(true);
        assert_eq!(plain.outward(&seen, &name("c"), "file:///a"), None);
        assert_eq!(plain.inward(&seen, "ui://c/x"), Some((None, "ui://c/x".into())));
    }

    #[test]
    fn a_web_address_belongs_to_the_first_who_lists_it() {
        let (mut uris, seen) = (Uris::new(false), Seen::default());
        uris.own(&name("a"), "https://x/1");
        uris.own(&name("b"), "https://x/1");
        assert_eq!(uris.outward(&seen, &name("a"), "https://x/1"), None);
        let second = uris.outward(&seen, &name("b"), "https://x/1").unwrap();
        assert_eq!(second, "allmcp://b/https://x/1");
        let back = |uri: &str| uris.inward(&seen, uri).map(|(c, u)| (c.unwrap(), u.into_owned()));
        assert_eq!(back("https://x/1"), Some((name("a"), "https://x/1".into())));
        assert_eq!(back(&second), Some((name("b"), "https://x/1".into())));
        assert_eq!(back("https://y/"), None);
    }

    #[test]
    fn templates_and_results_say_whose_an_address_is() {
        let (mut uris, seen) = (Uris::new(false), Seen::default());
        uris.own_template(&name("a"), "https://x/{id}");
        uris.own_template(&name("b"), "https://x/deep/{id}");
        uris.own_template(&name("b"), "https://x/{id}");
        assert_eq!(uris.outward(&seen, &name("a"), "https://x/{id}"), None);
        assert_eq!(
            uris.outward(&seen, &name("b"), "https://x/{id}").as_deref(),
            Some("allmcp://b/https://x/{id}")
        );
        let owner = |uri: &str| uris.inward(&seen, uri).and_then(|(owner, _)| owner);
        assert_eq!(owner("https://x/7"), Some(name("a")));
        assert_eq!(owner("https://x/deep/7"), Some(name("b")));
        assert_eq!(uris.outward(&seen, &name("c"), "https://z/"), None);
        assert_eq!(owner("https://z/"), Some(name("c")));
        assert_eq!(uris.outward(&seen, &name("d"), "https://z/"), None);
        assert_eq!(owner("https://z/"), Some(name("c")), "whoever spoke of it first");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let seen = Seen::default();
        for i in 0..=MOST_SEEN {
            seen.take(&format!("https://x/{i}"), &name("a"));
        }
        assert_eq!(seen.owner("https://x/0"), None);
        assert_eq!(seen.table().owners.len(), MOST_SEEN);
    }

    #[test]
    fn task_ids_carry_their_connection() {
        let public = task_outward(&name("a-b"), "x.y");
        assert_eq!(task_inward(&public), Some((name("a-b"), "x.y")));
        assert_eq!(task_inward("nothing"), None);
    }

    proptest! {
        #[test]
        fn every_uri_comes_back(
            connection in "[a-z0-9][a-z0-9-]{0,31}",
            uri in "([a-z]{1,6}:/{0,3})?[ -~]{1,20}|(ui|skill|https?|allmcp)://[ -~é]{0,20}|.{1,20}",
        ) {
            let (uris, seen) = (Uris::new(false), Seen::default());
            let connection = name(&connection);
            let public = uris.outward(&seen, &connection, &uri).unwrap_or_else(|| uri.clone());
            let (owner, own) = uris.inward(&seen, &public).unwrap();
            prop_assert_eq!(owner, Some(connection));
            prop_assert_eq!(own, uri);
        }
    }
}

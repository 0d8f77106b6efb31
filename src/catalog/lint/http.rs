//! Rules for `[http]`: the base, the check, the pace, errors and pages.

use super::{At, Lint, SENTENCE, Scope};
use crate::catalog::manifest::{ArgKind, Http, Pages};
use std::collections::BTreeSet;

impl Lint<'_> {
    pub(super) fn http(&mut self, http: &Http) {
        let at = At::top().key("http");
        let scope = Scope::all(self.manifest);
        self.url(&at.key("base_url"), &http.base_url, &scope);
        self.headers(&at.key("headers"), &http.headers, &scope);
        self.method(&at.key("check").key("method"), &http.check.method);
        self.path(&at.key("check").key("path"), &http.check.path);
        if let Some(account) = &http.check.account {
            self.place(&at.key("check").key("account"), account);
        }
        self.rates(&at.key("rate"), http);
        self.errors(&at.key("errors"), http);
        for (index, place) in http.error_text.iter().enumerate() {
            self.place(&at.key("error_text").index(index), place);
        }
        for (index, name) in http.drop.iter().enumerate() {
            if name.is_empty() {
                self.error(&at.key("drop").index(index), "is empty");
            }
        }
        self.pages(&at.key("pages"), http);
        self.tools(http);
    }

    fn rates(&mut self, at: &At, http: &Http) {
        let groups: BTreeSet<_> = self.manifest.groups.iter().map(|g| g.id.as_str()).collect();
        for (index, rate) in http.rate.iter().enumerate() {
            let at = at.index(index);
            if rate.requests == 0 {
                self.error(&at.key("requests"), "must be 1 or more");
            }
            if !(rate.seconds.is_finite() && rate.seconds > 0.0) {
                self.error(&at.key("seconds"), "must be more than 0");
            }
            if rate.burst == Some(0) {
                self.error(&at.key("burst"), "must be 1 or more");
            }
            for (index, group) in rate.groups.iter().enumerate() {
                if !groups.contains(group.as_str()) {
                    let at = at.key("groups").index(index);
                    self.error(&at, format!("no group is called {group:?}"));
                }
            }
        }
    }

    fn errors(&mut self, at: &At, http: &Http) {
        for (index, rule) in http.errors.iter().enumerate() {
            let at = at.index(index);
            if rule.status.is_empty() && rule.at.is_none() {
                self.error(&at, "has no condition: give `status`, `at` or both");
            }
            if !rule.is.is_empty() && rule.at.is_none() {
                self.error(&at.key("is"), "says what stands at a place: give `at`");
            }
            for (index, status) in rule.status.iter().enumerate() {
                if !(100..=599).contains(status) {
                    self.error(&at.key("status").index(index), "is no HTTP status");
                }
            }
            if let Some(place) = &rule.at {
                self.place(&at.key("at"), place);
            }
            if let Some(hint) = &rule.hint {
                self.text(&at.key("hint"), hint, SENTENCE);
            }
        }
    }

    fn pages(&mut self, at: &At, http: &Http) {
        let used: BTreeSet<_> =
            self.manifest.tools.iter().filter_map(|tool| tool.pages.as_deref()).collect();
        for (name, pages) in &http.pages {
            let at = at.key(name);
            let (query, places) = match pages {
                Pages::Page { query, more, count, .. } => {
                    (Some(query), vec![("more", more.as_ref()), ("count", count.as_ref())])
                }
                Pages::Offset { query, next, more, .. } => {
                    if next.is_none() && more.is_none() {
                        self.error(&at, "give `next` or `more`: nothing says that it goes on");
                    }
                    (Some(query), vec![("next", next.as_ref()), ("more", more.as_ref())])
                }
                Pages::Token { query, next } => (Some(query), vec![("next", Some(next))]),
                Pages::Window { from, to, span } => {
                    self.window(&at, name, [("from", from), ("to", to)], *span);
                    (None, Vec::new())
                }
            };
            if query.is_some_and(String::is_empty) {
                self.error(&at.key("query"), "is empty");
            }
            for (key, place) in places {
                if let Some(place) = place {
                    self.place(&at.key(key), place);
                }
            }
            if !used.contains(name.as_str()) {
                self.warn(&at, "no tool uses it");
            }
        }
    }

    /// Both ends of a span are whole numbers that every tool with these pages takes.
    fn window(&mut self, at: &At, name: &str, ends: [(&str, &String); 2], span: u64) {
        if span == 0 {
            self.error(&at.key("span"), "is 0: nothing would ever be asked for");
        }
        let tools = self.manifest.tools.iter().filter(|tool| tool.pages.as_deref() == Some(name));
        let mut wrong = Vec::new();
        for tool in tools {
            for (key, end) in ends {
                let arg = tool.args.iter().find(|arg| arg.name == *end);
                if arg.is_none_or(|arg| arg.kind != ArgKind::Integer) {
                    wrong.push((key, format!("{} has no integer argument {end:?}", tool.name)));
                }
            }
        }
        for (key, why) in wrong {
            self.error(&at.key(key), &why);
        }
    }
}

//! Rules for the ways to sign in.

use super::{At, Lint, ONE_LINE, SENTENCE, Scope};
use crate::{
    catalog::manifest::{Kind, Login, OAuth, Split, Step, Way},
    kind::AuthKind,
    template::{Hole, Template},
};
use serde_json::Value;
use std::collections::BTreeSet;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Lint<'_> {
    pub(super) fn ways(&mut self) {
        let (manifest, top) = (self.manifest, At::top().key("auth"));
        if manifest.auth.is_empty() {
            self.error(&top, "needs one way to sign in; `kind = \"none\"` is one too");
        }
        self.unique(&top, manifest.auth.iter().map(|way| way.id.as_str()));
        for (index, way) in manifest.auth.iter().enumerate() {
            self.way(&top.index(index), way);
        }
    }

    fn way(&mut self, at: &At, way: &Way) {
        self.word(&at.key("id"), &way.id);
        self.text(&at.key("title"), &way.title, ONE_LINE);
        if let Some(help) = &way.help {
            self.text(&at.key("help"), help, SENTENCE);
        }
        if let Some(page) = &way.page {
            self.page(&at.key("page"), page);
        }
        for (index, param) in way.params.iter().enumerate() {
            let at = at.key("params").index(index);
            self.param(&at, param);
            if self.manifest.params.iter().any(|other| other.name == param.name) {
                self.error(&at, format!("{:?} is there already", param.name));
            }
        }
        for (index, ask) in way.secrets.iter().enumerate() {
            self.ask(&at.key("secrets").index(index), ask);
        }
        self.unique(&at.key("params"), way.params.iter().map(|param| param.name.as_str()));
        self.unique(&at.key("secrets"), way.secrets.iter().map(|ask| ask.name.as_str()));
        let scope = Scope::of(self.manifest, way);
        self.headers(&at.key("headers"), &way.headers, &scope);
        self.query(&at.key("query"), &way.query, &scope);
        for (key, value) in &way.body {
            self.template(&at.key("body").key(key), value, &scope);
        }
        if let Some(url) = &way.url {
            self.url(&at.key("url"), url, &scope);
        }
        if self.manifest.kind == Kind::Mcp {
            for (key, used) in [
                ("query", !way.query.is_empty()),
                ("body", !way.body.is_empty()),
                ("login", way.login.is_some()),
            ] {
                if used {
                    self.error(&at.key(key), "is for kind http");
                }
            }
        }
        if let Some(split) = &way.split {
            self.split(&at.key("split"), way, split);
        }
        if let Some(login) = &way.login {
            self.login(&at.key("login"), way, login);
        }
        if let Some(oauth) = &way.oauth {
            self.oauth(&at.key("oauth"), oauth, &scope);
        }
        self.fits_its_kind(at, way);
        self.secrets_are_used(at, way);
    }

    fn fits_its_kind(&mut self, at: &At, way: &Way) {
        let kind = at.key("kind");
        let is_oauth = matches!(way.kind, AuthKind::OAuth | AuthKind::ClientCredentials);
        if way.oauth.is_some() && !is_oauth {
            self.error(&at.key("oauth"), format!("is not for a way of kind {}", way.kind));
        }
        match way.kind {
            AuthKind::None => {
                let holds = !way.secrets.is_empty() || way.login.is_some() || way.split.is_some();
                if holds {
                    self.error(&kind, "a way of kind none asks for no secret");
                }
            }
            AuthKind::Key => {
                let login = way.login.iter().flat_map(|login| &login.steps);
                let saved = login.map(|step| step.save.len()).sum::<usize>();
                if way.secrets.is_empty() && saved == 0 {
                    self.error(&kind, "a way of kind key asks for a secret");
                }
            }
            AuthKind::OAuth | AuthKind::ClientCredentials => {
                let oauth = way.oauth.clone().unwrap_or_default();
                let told = oauth.token_url.is_some();
                let client = oauth.client_id.is_some()
                    || oauth.own_client.is_some()
                    || oauth.registration_url.is_some();
                if self.manifest.kind == Kind::Http && !(told && client) {
                    self.error(
                        &at.key("oauth"),
                        "an API needs token_url, and client_id, own_client or registration_url: nothing is discovered",
                    );
                }
            }
            AuthKind::Enterprise => self.error(&kind, "a manifest cannot offer this one"),
        }
    }

    /// What is asked for is used somewhere.
    fn secrets_are_used(&mut self, at: &At, way: &Way) {
        let manifest = self.manifest;
        let mut texts: Vec<&str> = Vec::new();
        for map in [&way.headers, &way.query, &way.body] {
            texts.extend(map.values().map(String::as_str));
        }
        texts.extend(way.url.as_deref());
        if let Some(mcp) = &manifest.mcp {
            texts.push(&mcp.url);
            texts.extend(mcp.headers.values().chain(mcp.query.values()).map(String::as_str));
        }
        if let Some(http) = &manifest.http {
            texts.push(&http.base_url);
            texts.extend(http.headers.values().map(String::as_str));
        }
        if let Some(oauth) = &way.oauth {
            let maps = oauth.token_params.values().chain(oauth.authorize_params.values());
            texts.extend(maps.map(String::as_str));
        }
        let login = serde_json::to_string(&way.login).unwrap_or_default();
        let mut used: BTreeSet<String> = way.split.iter().map(|split| split.from.clone()).collect();
        for template in texts.iter().filter_map(|text| text.parse::<Template>().ok()) {
            used.extend(template.holes().filter_map(|hole| match hole {
                Hole::Secret(name) => Some(name.clone()),
                _ => None,
            }));
        }
        for (index, ask) in way.secrets.iter().enumerate() {
            let in_login = login.contains(&format!("${{secret:{}}}", ask.name));
            if !used.contains(&ask.name) && !in_login {
                let at = at.key("secrets").index(index);
                self.error(&at, format!("nothing uses the secret {:?}", ask.name));
            }
        }
    }

    fn split(&mut self, at: &At, way: &Way, split: &Split) {
        if !way.secrets.iter().any(|ask| ask.name == split.from) {
            self.error(&at.key("from"), format!("no secret is called {:?}", split.from));
        }
        let like = match split.like.parse::<Template>() {
            Ok(like) => like,
            Err(error) => return self.error(&at.key("like"), error.to_string()),
        };
        let mut secrets = 0;
        for hole in like.holes() {
            match hole {
                Hole::Secret(name) if *name == split.from => {
                    self.error(&at.key("like"), "the whole cannot be one of its parts");
                }
                Hole::Secret(_) => secrets += 1,
                Hole::Param(_) => {}
                other => self.error(&at.key("like"), format!("{other} cannot stand in it")),
            }
        }
        if secrets == 0 {
            self.error(&at.key("like"), "no part of it is a secret");
        }
        if split.like.contains("}${") {
            self.error(&at.key("like"), "two holes need something between them");
        }
        let starts = split.like.starts_with("https://") || !split.like.contains("://");
        if !starts {
            self.error(&at.key("like"), "use https");
        }
    }

    fn login(&mut self, at: &At, way: &Way, login: &Login) {
        for (index, ask) in login.asks.iter().enumerate() {
            self.ask(&at.key("asks").index(index), ask);
        }
        self.unique(&at.key("asks"), login.asks.iter().map(|ask| ask.name.as_str()));
        if login.asks.is_empty() {
            self.error(&at.key("asks"), "nothing is typed");
        }
        if login.steps.iter().all(|step| step.save.is_empty()) {
            self.error(&at.key("steps"), "no step saves a secret");
        }
        let scope = Scope::of(self.manifest, way)
            .with_secrets(login.asks.iter().map(|ask| ask.name.as_str()));
        for (index, step) in login.steps.iter().enumerate() {
            self.step(&at.key("steps").index(index), step, &scope);
        }
        if let Some(revoke) = &login.revoke {
            self.step(&at.key("revoke"), revoke, &scope);
        }
        let text = serde_json::to_string(login).unwrap_or_default();
        for (index, ask) in login.asks.iter().enumerate() {
            if !text.contains(&format!("${{secret:{}}}", ask.name)) {
                let at = at.key("asks").index(index);
                self.error(&at, format!("nothing uses the secret {:?}", ask.name));
            }
        }
    }

    fn step(&mut self, at: &At, step: &Step, scope: &Scope) {
        self.method(&at.key("method"), &step.method);
        self.path(&at.key("path"), &step.path);
        self.template(&at.key("path"), &step.path, scope);
        self.body_templates(&at.key("body"), &Value::Object(step.body.clone()), scope);
        for (name, place) in &step.save {
            self.word(&at.key("save").key(name), name);
            self.place(&at.key("save").key(name), place);
        }
        if let Some(choose) = &step.choose {
            let at = at.key("choose");
            self.word(&at.key("param"), &choose.param);
            self.text(&at.key("title"), &choose.title, ONE_LINE);
            for (key, place) in
                [("list", &choose.list), ("value", &choose.value), ("label", &choose.label)]
            {
                self.place(&at.key(key), place);
            }
        }
    }

    fn body_templates(&mut self, at: &At, value: &Value, scope: &Scope) {
        match value {
            Value::String(text) => drop(self.template(at, text, scope)),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.body_templates(&at.index(index), item, scope);
                }
            }
            Value::Object(members) => {
                for (key, value) in members {
                    self.body_templates(&at.key(key), value, scope);
                }
            }
            _ => {}
        }
    }

    fn oauth(&mut self, at: &At, oauth: &OAuth, scope: &Scope) {
        for (key, url) in [
            ("authorize_url", &oauth.authorize_url),
            ("token_url", &oauth.token_url),
            ("revoke_url", &oauth.revoke_url),
            ("registration_url", &oauth.registration_url),
            ("issuer", &oauth.issuer),
            ("resource", &oauth.resource),
        ] {
            if let Some(url) = url {
                self.url(&at.key(key), url, scope);
            }
        }
        if oauth.authorize_url.is_some() && oauth.token_url.is_none() {
            self.error(&at.key("authorize_url"), "goes with token_url");
        }
        if oauth.issuer.is_some() && oauth.token_url.is_some() {
            self.error(&at.key("issuer"), "is of no use beside token_url: nothing is discovered");
        }
        for (key, params) in
            [("token_params", &oauth.token_params), ("authorize_params", &oauth.authorize_params)]
        {
            for (name, value) in params {
                self.template(&at.key(key).key(name), value, scope);
            }
        }
        for (index, one) in oauth.scopes.iter().enumerate() {
            if one.is_empty() || one.chars().any(char::is_whitespace) {
                self.error(&at.key("scopes").index(index), "is one scope, without spaces");
            }
        }
        for name in oauth.authorize_omit.iter().map(|name| name.word()) {
            if oauth.authorize_params.contains_key(name) {
                self.error(&at.key("authorize_omit"), format!("{name} is in authorize_params too"));
            }
        }
        if oauth.client_secret.is_some() && oauth.client_id.is_none() {
            self.error(&at.key("client_secret"), "goes with client_id");
        }
        let has_client = oauth.client_id.is_some() || oauth.own_client.is_some();
        if oauth.registration_url.is_some() && has_client {
            let text = "is of no use beside a client: nothing is registered then";
            self.error(&at.key("registration_url"), text);
        }
        if oauth.client_id.is_some() && oauth.own_client.is_some() {
            self.error(&at.key("own_client"), "is of no use beside client_id");
        }
        if let Some(own) = &oauth.own_client {
            self.text(&at.key("own_client").key("help"), &own.help, SENTENCE);
            if let Some(page) = &own.page {
                self.page(&at.key("own_client").key("page"), page);
            }
        }
        let hosts = ["127.0.0.1", "localhost", "[::1]"];
        if oauth.callback_host.as_deref().is_some_and(|host| !hosts.contains(&host)) {
            self.error(&at.key("callback_host"), format!("use one of {}", hosts.join(", ")));
        }
        if oauth.callback_port == Some(0) {
            self.error(&at.key("callback_port"), "leave it out where any port will do");
        }
        if let Some(account) = &oauth.account {
            let at = at.key("account");
            self.word(&at.key("from"), &account.from);
            self.word(&at.key("param"), &account.param);
            if account.suffixes.is_empty() {
                self.error(&at.key("suffixes"), "is empty: no host would be allowed");
            }
            for (index, suffix) in account.suffixes.iter().enumerate() {
                let own = suffix.strip_prefix('.').is_some_and(|rest| rest.contains('.'));
                if !own {
                    let at = at.key("suffixes").index(index);
                    self.error(&at, "begins with a dot and is a domain of its own, as .kommo.com");
                }
            }
        }
    }

    pub(super) fn method(&mut self, at: &At, method: &str) {
        if !METHODS.contains(&method) {
            self.error(at, format!("use one of {}", METHODS.join(", ")));
        }
    }

    /// A path that stays below the base URL.
    pub(super) fn path(&mut self, at: &At, path: &str) {
        let escapes = path.contains("://")
            || path.starts_with("//")
            || path.contains('\\')
            || path.contains(['#', ' '])
            || path.split('/').any(|part| matches!(part, "." | ".."));
        if escapes {
            self.error(at, "is relative to the base URL and stays below it");
        }
        if path.contains('?') {
            self.error(at, "has a query; use `query`");
        }
    }

    /// Where something stands in an answer: `data.key`.
    pub(super) fn place(&mut self, at: &At, place: &str) {
        if place.is_empty() || place.split('.').any(str::is_empty) {
            self.error(at, "write the keys with dots between them, as data.key");
        }
    }
}

//! From a manifest, a way to sign in and some parameters to what a connection needs.

use super::{
    Manifest,
    manifest::{Ask, Kind, Login, OAuth, Param, Split, Way},
};
use crate::{
    kind::AuthKind,
    name::{Tenant, nearest},
    template::{Hole, Template},
    text,
};
use std::{collections::BTreeMap, fmt::Write as _};

/// What a connection is made of. Every text in it is a template that still has its holes: values
/// are put in at the last moment, so that none can change where a request goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    /// The provider's id and the way's.
    pub provider: String,
    pub way: String,
    pub auth: AuthKind,
    /// The MCP server's URL without [`Expanded::query`], or the API's base URL.
    pub url: String,
    /// Query parameters: of an MCP server's URL, or of every request of an API.
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    /// Members of every JSON body of an API.
    pub body: BTreeMap<String, String>,
    /// Every parameter that has a value: as given, else its default.
    pub params: BTreeMap<String, String>,
    /// What is still to be asked for.
    pub secrets: Vec<Ask>,
    pub split: Option<Split>,
    pub login: Option<Login>,
    /// Of `auth = oauth`; nothing is set where the server describes itself.
    pub oauth: OAuth,
    /// To be told when it is connected.
    pub warnings: Vec<String>,
}

/// Why a connection cannot be made of what was said.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("{provider} has no way to sign in called {given:?}; it has {}", known.join(", "))]
    UnknownWay { provider: String, given: String, known: Vec<String> },
    #[error("{provider} has no parameter {name:?}{}", meant(near.as_ref()))]
    UnknownParam { provider: String, name: String, near: Option<String> },
    #[error("{name} cannot be {given:?}: {why}")]
    BadParam { name: String, given: String, why: String },
    #[error("{provider} needs {}", needs(missing))]
    Missing { provider: String, missing: Vec<Param> },
}

fn meant(near: Option<&String>) -> String {
    near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default()
}

fn needs(missing: &[Param]) -> String {
    let one = |param: &Param| match &param.help {
        Some(help) => format!("{} ({help})", param.name),
        None => format!("{} ({})", param.name, param.title),
    };
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Manifest {
    /// The ways that `word` (a way's id, or a kind of sign-in) and the given parameters leave,
    /// the simplest first.
    pub fn ways(&self, word: Option<&str>, params: &BTreeMap<String, String>) -> Vec<&Way> {
        let by_id = |way: &&Way| word.is_some_and(|word| word == way.id);
        let named: Vec<&Way> = self.auth.iter().filter(by_id).collect();
        let left = if named.is_empty() {
            let fits = |way: &&Way| word.is_none_or(|word| word == way.kind.word());
            self.auth.iter().filter(fits).collect()
        } else {
            named
        };
        let knows = |way: &&Way| params.keys().all(|name| self.knows(way, name));
        let knowing: Vec<&Way> = left.iter().copied().filter(knows).collect();
        if knowing.is_empty() { left } else { knowing }
    }

    /// The parameters of a way, in the order in which they are asked for.
    pub fn params_of<'a>(&'a self, way: &'a Way) -> impl Iterator<Item = &'a Param> {
        self.params.iter().chain(&way.params)
    }

    /// What `word` tells people to type: a way's kind where that is enough, else its id; nothing
    /// where there is but one way.
    pub fn way_word<'a>(&self, way: &'a Way) -> Option<&'a str> {
        let alike = self.auth.iter().filter(|other| other.kind == way.kind).count();
        match self.auth.len() {
            0 | 1 => None,
            _ if alike == 1 => Some(way.kind.word()),
            _ => Some(&way.id),
        }
    }

    /// The command that connects it this way; what has to be filled in is in capitals.
    pub fn connect_command(&self, way: &Way) -> String {
        let mut command = format!("allmcp connect {}", self.id);
        if let Some(word) = self.way_word(way) {
            let _ = write!(command, " --auth {word}");
        }
        let asked = self.params_of(way).filter(|p| p.is_needed() && !way.tells(&p.name));
        for param in asked {
            let value = text::word(&param.name.to_uppercase(), 60);
            let _ = write!(command, " --param {}={value}", param.name);
        }
        command
    }

    /// What a connection needs, by a way and with parameters as people type them.
    ///
    /// Without `way` it is the simplest one that has all the parameters.
    pub fn plan(
        &self,
        way: Option<&str>,
        params: &BTreeMap<String, String>,
    ) -> Result<Expanded, PlanError> {
        let way = self.ways(way, params).first().copied().ok_or_else(|| PlanError::UnknownWay {
            provider: self.id.clone(),
            given: way.unwrap_or_default().to_owned(),
            known: self.auth.iter().map(|way| way.id.clone()).collect(),
        })?;
        let params = self.values(way, params)?;
        let (url, query, headers) = self.target(way);
        let mut expanded = Expanded {
            provider: self.id.clone(),
            way: way.id.clone(),
            auth: way.kind,
            url,
            query,
            headers,
            body: way.body.clone(),
            params,
            secrets: way.secrets.clone(),
            split: way.split.clone(),
            login: way.login.clone(),
            oauth: way.oauth.clone().unwrap_or_default(),
            warnings: self.warnings.clone(),
        };
        // A parameter that the sign-in will tell is not known yet, but it will be.
        let known: Vec<String> = expanded.params.keys().cloned().collect();
        expanded.leave_out(|hole| match hole {
            Hole::Param(name) => !known.contains(name) && !way.tells(name),
            _ => false,
        });
        Ok(expanded)
    }

    fn knows(&self, way: &Way, name: &str) -> bool {
        self.params_of(way).any(|param| param.name == name) || way.tells(name)
    }

    fn values(
        &self,
        way: &Way,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, PlanError> {
        if let Some(name) = given.keys().find(|name| !self.knows(way, name)) {
            let known = self.params_of(way).map(|param| param.name.as_str());
            return Err(PlanError::UnknownParam {
                provider: self.id.clone(),
                name: name.clone(),
                near: nearest(name, known).map(str::to_owned),
            });
        }
        let usual = Param::default();
        let mut values = BTreeMap::new();
        for (name, text) in given {
            let param = self.params_of(way).find(|param| param.name == *name).unwrap_or(&usual);
            let value = param.accept(text).map_err(|why| PlanError::BadParam {
                name: name.clone(),
                given: text::line(text, 80),
                why,
            })?;
            values.insert(name.clone(), value);
        }
        let mut missing = Vec::new();
        for param in self.params_of(way).filter(|param| !given.contains_key(&param.name)) {
            if let Some(default) = &param.default {
                values.insert(param.name.clone(), default.clone());
            } else if param.is_needed() && !way.tells(&param.name) {
                missing.push(param.clone());
            }
        }
        if missing.is_empty() {
            Ok(values)
        } else {
            Err(PlanError::Missing { provider: self.id.clone(), missing })
        }
    }

    fn target(&self, way: &Way) -> (String, BTreeMap<String, String>, BTreeMap<String, String>) {
        let (url, query, headers) = match (self.kind, &self.mcp, &self.http) {
            (Kind::Mcp, Some(mcp), _) => (mcp.url.clone(), mcp.query.clone(), mcp.headers.clone()),
            (_, _, Some(http)) => (http.base_url.clone(), BTreeMap::new(), http.headers.clone()),
            _ => Default::default(),
        };
        let over = |mut base: BTreeMap<String, String>, more: &BTreeMap<String, String>| {
            base.extend(more.clone());
            base
        };
        (way.url.clone().unwrap_or(url), over(query, &way.query), over(headers, &way.headers))
    }
}

impl Way {
    /// True for a parameter that the sign-in itself tells: by a list to choose from, by the
    /// callback, or as a part of what is pasted.
    pub fn tells(&self, name: &str) -> bool {
        let steps = self.login.iter().flat_map(|login| &login.steps);
        let chosen = steps.filter_map(|step| step.choose.as_ref()).any(|c| c.param == name);
        let account = self.oauth.as_ref().and_then(|oauth| oauth.account.as_ref());
        let like = self.split.as_ref().and_then(|split| split.like.parse::<Template>().ok());
        let part = like.is_some_and(|like| {
            like.holes().any(|hole| matches!(hole, Hole::Param(param) if param == name))
        });
        chosen || part || account.is_some_and(|account| account.param == name)
    }
}

impl Expanded {
    /// Takes out the headers, query parameters and body members that need what is not there.
    pub fn leave_out(&mut self, unset: impl Fn(&Hole) -> bool) {
        let whole = |_: &String, source: &mut String| {
            source.parse::<Template>().is_ok_and(|template| !template.holes().any(&unset))
        };
        self.headers.retain(whole);
        self.query.retain(whole);
        self.body.retain(whole);
    }

    /// As it is for one user: what needs an identity that is not there is left out.
    #[must_use]
    pub fn for_tenant(mut self, tenant: &Tenant) -> Self {
        self.leave_out(|hole| match hole {
            Hole::UserId => tenant.user.is_none(),
            Hole::OrgId => tenant.org.is_none(),
            _ => false,
        });
        self
    }

    /// The URL with its query parameters, still a template.
    pub fn url_with_query(&self) -> String {
        let mut url = self.url.clone();
        for (key, value) in &self.query {
            url.push(if url.contains('?') { '&' } else { '?' });
            let _ = write!(url, "{key}={value}");
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Registry;

    fn plan(id: &str, way: Option<&str>, params: &[(&str, &str)]) -> Result<Expanded, PlanError> {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Registry::default().get(id).unwrap().plan(way, &params)
    }

    fn tenant(org: Option<&str>, user: Option<&str>) -> Tenant {
        Tenant { org: org.map(Into::into), user: user.map(Into::into) }
    }

    #[test]
    fn identities_that_are_not_there_are_left_out_of_the_url() {
        let url = |org, user| {
            plan("allmcp", None, &[]).unwrap().for_tenant(&tenant(org, user)).url_with_query()
        };
        let base = "https://go.allmcp.co/mcp/";
        assert_eq!(url(None, None), base);
        assert_eq!(url(None, Some("u")), format!("{base}?user_id=${{user_id}}"));
        let both = format!("{base}?org_id=${{org_id}}&user_id=${{user_id}}");
        assert_eq!(url(Some("o"), Some("u")), both);
    }

    #[test]
    fn parameters_choose_the_way_and_optional_ones_are_left_out() {
        let plain = plan("onemcp", None, &[]).unwrap();
        assert_eq!(
            (plain.way.as_str(), plain.url.as_str()),
            ("oauth", "https://mcp.quilr.ai/quilrone/mcp")
        );
        let tenant = plan("onemcp", None, &[("tenant", "acme")]).unwrap();
        assert_eq!(tenant.url, "https://mcp.quilr.ai/quilrone/${param:tenant}/mcp");
        assert_eq!(tenant.params["tenant"], "acme");
        let github = plan("github", None, &[]).unwrap();
        assert_eq!(github.headers.keys().collect::<Vec<_>>(), ["Authorization"]);
        let github = plan("github", Some("key"), &[("readonly", "true")]).unwrap();
        assert_eq!(github.headers["X-MCP-Readonly"], "${param:readonly}");
    }

    #[test]
    fn what_is_missing_wrong_or_unknown_is_named() {
        let said = |result: Result<Expanded, PlanError>| result.unwrap_err().to_string();
        let missing = plan("allv", Some("email"), &[]);
        let Err(PlanError::Missing { missing: params, .. }) = &missing else {
            panic!("{missing:?}")
        };
        assert_eq!(
            params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            ["workspace", "user_email"]
        );
        assert!(said(missing).starts_with("allv needs workspace ("));
        assert_eq!(
            said(plan("github", Some("kye"), &[])),
            "github has no way to sign in called \"kye\"; it has token, oauth"
        );
        assert_eq!(
            said(plan("github", None, &[("tolsets", "repos")])),
            "github has no parameter \"tolsets\"; did you mean \"toolsets\"?"
        );
        let bad = said(plan("github", None, &[("readonly", "yes")]));
        assert_eq!(bad, "readonly cannot be \"yes\": use one of true");
    }

    #[test]
    fn the_command_says_what_to_fill_in() {
        let registry = Registry::default();
        let commands = |id: &str| -> Vec<String> {
            let manifest = registry.get(id).unwrap();
            manifest.auth.iter().map(|way| manifest.connect_command(way)).collect()
        };
        assert_eq!(commands("notion"), ["allmcp connect notion"]);
        assert_eq!(
            commands("allv"),
            [
                "allmcp connect allv --auth email --param workspace=WORKSPACE --param user_email=USER_EMAIL",
                "allmcp connect allv --auth user --param workspace=WORKSPACE --param user_id=USER_ID",
            ]
        );
        assert_eq!(
            commands("github"),
            ["allmcp connect github --auth key", "allmcp connect github --auth oauth"]
        );
    }
}

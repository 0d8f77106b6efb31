//! An MCP server that takes tokens of an authorization server: RFC 9728 and RFC 6750.

use super::{
    super::{
        record::Request,
        script::{Front, Meeting, Met, Script},
        upstream::Upstream,
    },
    answer::Answer,
    codec, metadata,
    quirks::{Miss, Moved},
    server::{AuthServer, Inner},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex},
};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// Where the document is when only the challenge says so.
const HIDDEN: &str = "/.hidden/resource.json";

/// How the resource behaves. The numbers are those of the deviations, as in `Quirks`.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ResourceQuirks {
    /// Where its metadata are (1, 5).
    pub prm: Prm,
    /// What is where they are not (2, 3, 6).
    pub miss: Miss,
    /// What they say the resource is (8).
    pub prm_resource: PrmResource,
    /// The issuer in them has a slash that it has not itself (9).
    pub issuer_slash: bool,
    /// A merge patch of them; `"__null__"` is an explicit null (8, 11; section 4).
    pub prm_patch: Value,
    /// They are elsewhere (section 4).
    pub prm_redirect: Option<Moved>,
    /// The `WWW-Authenticate` of a 401 (4).
    pub challenge: Challenge,
    /// `scope` of that challenge (21).
    pub challenge_scope: Option<String>,
    /// `scopes_supported` (21).
    pub scopes: Option<Vec<String>>,
    /// The authorization server answers on this origin too, as its issuer (5).
    pub hosts_server: bool,
    /// Nothing is asked of anybody (6).
    pub open: bool,
    /// Tokens for another resource are refused.
    pub audience: bool,
    /// Tools that need a scope; without it 403 `insufficient_scope` (34).
    pub tool_scopes: BTreeMap<String, String>,
    /// The 403 does not say which scope (34).
    pub hides_scope: bool,
    /// 401 for every token (35).
    pub rejects_all: bool,
    /// `initialize` with a revision newer than this is 400 (32).
    pub newest_revision: Option<&'static str>,
}

impl Default for ResourceQuirks {
    fn default() -> Self {
        Self {
            prm: Prm::Path,
            miss: Miss::NotFound,
            prm_resource: PrmResource::Own,
            issuer_slash: false,
            prm_patch: json!({}),
            prm_redirect: None,
            challenge: Challenge::Metadata,
            challenge_scope: None,
            scopes: None,
            hosts_server: false,
            open: false,
            audience: true,
            tool_scopes: BTreeMap::new(),
            hides_scope: false,
            rejects_all: false,
            newest_revision: None,
        }
    }
}

/// Where the metadata of the resource are; anything else is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prm {
    /// Only where the challenge says, which is no well-known place.
    Challenge,
    /// With the path inserted.
    Path,
    /// At the root.
    Root,
    Both,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrmResource {
    /// The URL of the MCP endpoint.
    Own,
    /// With a slash at its end.
    Slash,
    /// The origin alone.
    Parent,
    /// The origin and a slash.
    ParentSlash,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// `Bearer resource_metadata="…"`; without metadata a bare one.
    Metadata,
    /// `Bearer` alone.
    Bare,
    /// No `WWW-Authenticate`.
    None,
    /// This text; `$PRM` is the URL of the metadata.
    Text(String),
}

/// A protected MCP server: an [`Upstream`] with its record and faults, behind the check.
pub struct Resource {
    upstream: Upstream,
    door: Arc<Door>,
}

struct Door {
    server: Arc<Inner>,
    /// The issuer of the server, on its own origin.
    issuer: String,
    origin: String,
    path: String,
    quirks: Mutex<ResourceQuirks>,
}

impl Resource {
    pub fn start(server: &AuthServer, script: Script) -> Self {
        Self::start_with(server, script, ResourceQuirks::default())
    }

    pub fn start_with(server: &AuthServer, script: Script, quirks: ResourceQuirks) -> Self {
        let path = script.path.clone();
        let upstream = Upstream::start(script);
        let door = Arc::new(Door {
            server: Arc::clone(server.inner()),
            issuer: server.issuer(),
            origin: upstream.origin(),
            path,
            quirks: Mutex::new(quirks),
        });
        door.announce();
        let front = Arc::clone(&door);
        upstream.change(|script| script.front = Some(front));
        Self { upstream, door }
    }

    /// Changes its habits for all requests to come.
    pub fn set(&self, change: impl FnOnce(&mut ResourceQuirks)) {
        change(&mut self.door.quirks.lock().unwrap());
        self.door.announce();
    }

    /// Its metadata name this server as the only one from now on, and its tokens are taken.
    pub fn move_to(&mut self, server: &AuthServer) {
        let quirks = self.door.quirks.lock().unwrap().clone();
        self.door = Arc::new(Door {
            server: Arc::clone(server.inner()),
            issuer: server.issuer(),
            origin: self.door.origin.clone(),
            path: self.door.path.clone(),
            quirks: Mutex::new(quirks),
        });
        self.door.announce();
        let front = Arc::clone(&self.door);
        self.upstream.change(|script| script.front = Some(front));
    }

    /// The string by which its metadata name it.
    pub fn name(&self) -> String {
        self.door.name()
    }
}

impl Deref for Resource {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

impl Front for Door {
    fn meet<'a>(&'a self, request: &'a Request) -> Meeting<'a> {
        Box::pin(async {
            let quirks = self.quirks.lock().unwrap().clone();
            let path = request.target.split('?').next().unwrap_or_default();
            if path == self.path {
                return self.check(&quirks, request).map_or(Met::Pass, Met::from);
            }
            if let Some(answer) = self.metadata(&quirks, path) {
                return answer.into();
            }
            if quirks.hosts_server
                && let Some(met) = self.server.serve(&self.origin, request).await
            {
                return met;
            }
            metadata::miss(&quirks.miss).into()
        })
    }
}

impl Door {
    /// Tells the server which resource there is.
    fn announce(&self) {
        let name = self.name();
        self.server.with(|state| {
            if !state.resources.contains(&name) {
                state.resources.push(name);
            }
        });
    }

    fn name(&self) -> String {
        let quirks = self.quirks.lock().unwrap();
        // Without metadata a client knows no other name than the URL.
        if quirks.prm == Prm::None {
            return format!("{}{}", self.origin, self.path);
        }
        self.document(&quirks)["resource"].as_str().unwrap_or_default().to_owned()
    }

    fn document(&self, quirks: &ResourceQuirks) -> Value {
        let (origin, path) = (&self.origin, &self.path);
        let resource = match &quirks.prm_resource {
            PrmResource::Own => format!("{origin}{path}"),
            PrmResource::Slash => format!("{origin}{path}/"),
            PrmResource::Parent => origin.clone(),
            PrmResource::ParentSlash => format!("{origin}/"),
            PrmResource::Other(other) => other.clone(),
        };
        let mut issuer =
            if quirks.hosts_server { self.origin.clone() } else { self.issuer.clone() };
        if quirks.issuer_slash {
            issuer.push('/');
        }
        let mut document = json!({
            "resource": resource,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
        });
        if let Some(scopes) = &quirks.scopes {
            document["scopes_supported"] = json!(scopes);
        }
        codec::merge(&mut document, &quirks.prm_patch);
        document
    }

    /// The path of its metadata.
    fn place(&self, prm: Prm) -> Option<String> {
        match prm {
            Prm::Challenge => Some(HIDDEN.to_owned()),
            Prm::Path | Prm::Both => Some(format!("{WELL_KNOWN}{}", self.path)),
            Prm::Root => Some(WELL_KNOWN.to_owned()),
            Prm::None => None,
        }
    }

    fn metadata(&self, quirks: &ResourceQuirks, path: &str) -> Option<Answer> {
        let (hops, inner) = metadata::moved(path);
        let here = self.place(quirks.prm).is_some_and(|place| place == inner)
            || (quirks.prm == Prm::Both && inner == WELL_KNOWN);
        if !here {
            return None;
        }
        let elsewhere = metadata::elsewhere(quirks.prm_redirect.as_ref(), hops, inner);
        Some(elsewhere.unwrap_or_else(|| Answer::json(200, &self.document(quirks))))
    }

    /// What keeps a request out.
    fn check(&self, quirks: &ResourceQuirks, request: &Request) -> Option<Answer> {
        if let Some(newest) = quirks.newest_revision
            && request.is("initialize")
            && request.rpc.param("protocolVersion").is_some_and(|asked| asked.as_str() > newest)
        {
            let text = r#"{"ok":false,"error":"unsupported_protocol_version"}"#;
            return Some(Answer::new(400, "application/json", text));
        }
        if quirks.open {
            return None;
        }
        let header = request.header("authorization");
        // The scheme is case-insensitive (RFC 9110 section 11.1).
        let token = header.and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let name = self.name();
        self.server.with(|state| {
            let scope = token.ok_or("").and_then(|token| {
                let grant = state.access(token)?;
                let elsewhere = grant.resource.as_ref().is_some_and(|one| *one != name);
                if quirks.rejects_all || (quirks.audience && elsewhere) {
                    return Err("the token is for somebody else");
                }
                Ok(grant.scope.clone())
            });
            let scope = match scope {
                Ok(scope) => scope,
                Err(why) => {
                    state.counts.access_refused += 1;
                    return Some(self.unauthorized(quirks, why));
                }
            };
            let tool = request.rpc.tool();
            let needed = tool.and_then(|tool| quirks.tool_scopes.get(&tool));
            let needed = needed.filter(|needed| {
                needed.split(' ').any(|one| !scope.iter().any(|granted| granted == one))
            });
            let Some(needed) = needed else {
                state.counts.access_ok += 1;
                return None;
            };
            state.counts.scope_refused += 1;
            let mut challenge = r#"Bearer error="insufficient_scope""#.to_owned();
            if !quirks.hides_scope {
                challenge = format!(r#"{challenge}, scope="{needed}""#);
            }
            let body = json!({"error": "insufficient_scope"});
            Some(Answer::json(403, &body).with("www-authenticate", &challenge))
        })
    }

    fn unauthorized(&self, quirks: &ResourceQuirks, why: &str) -> Answer {
        let answer =
            Answer::json(401, &json!({"error": "invalid_token", "error_description": why}));
        let place = self.place(quirks.prm).map(|place| format!("{}{place}", self.origin));
        let mut parts = Vec::new();
        match &quirks.challenge {
            Challenge::None => return answer,
            Challenge::Text(text) => {
                let text = text.replace("$PRM", &place.unwrap_or_default());
                return answer.with("www-authenticate", &text);
            }
            Challenge::Bare => {}
            Challenge::Metadata => {
                // RFC 6750 section 3: no error where no token was sent.
                if !why.is_empty() {
                    parts.push(r#"error="invalid_token""#.to_owned());
                }
                parts.extend(place.map(|place| format!(r#"resource_metadata="{place}""#)));
            }
        }
        parts.extend(quirks.challenge_scope.as_ref().map(|scope| format!(r#"scope="{scope}""#)));
        let challenge = format!("Bearer {}", parts.join(", "));
        answer.with("www-authenticate", challenge.trim_end())
    }
}

//! What becomes of each entry: under which name it comes, or why it does not.

use super::{catalog, sources::Origin};
use crate::{
    auth::{CLIENT_SECRET, OAuthConfig},
    cli::{connect::resource_rule, context::Context},
    clients::import::{self, Found, Remote, SignIn},
    connect::{self, Deps, Entered, Request},
    kind::AuthKind,
    name::ConnectionName,
    text,
};
use url::Url;

/// An entry of a client's file.
pub(super) struct Candidate {
    /// Its name there.
    pub(super) entry: String,
    /// Its name here, or there where it does not come.
    pub(super) name: String,
    pub(super) from: String,
    /// With holes where secrets stood.
    pub(super) url: Option<String>,
    pub(super) verdict: Verdict,
}

pub(super) enum Verdict {
    Take(Box<Wanted>),
    /// It is there, under the candidate's name.
    Already,
    Skip(String),
}

/// What is to be connected.
pub(super) struct Wanted {
    pub(super) name: ConnectionName,
    pub(super) request: Request,
    /// Secrets that nobody has given yet.
    pub(super) missing: Vec<String>,
    pub(super) hidden_tools: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// The names of the secrets that it has or will have.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut names: Vec<String> = self.request.secrets.keys().cloned().collect();
        names.extend(
            self.missing.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>(),
        );
        names
    }

    /// How it proves who it is, as far as that is known before it is tried.
    pub(super) fn auth(&self) -> Option<AuthKind> {
        let keyed =
            || self.request.secrets.keys().chain(&self.missing).any(|it| it != CLIENT_SECRET);
        self.request.auth.or_else(|| keyed().then_some(AuthKind::Key))
    }
}

impl Candidate {
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.verdict, Verdict::Take(_))
    }
}

/// All entries of all files, our own left out.
pub(super) fn candidates(cx: &Context, deps: &Deps, origins: &[Origin]) -> Vec<Candidate> {
    let known = deps.connections.connections();
    let mut names = Names { known: &known, taken: Vec::new() };
    let mut all = Vec::new();
    for origin in origins {
        for (entry, value) in &origin.entries {
            let is_set = |name: &str| cx.env.var(name).is_some();
            let candidate = |name: String, url: Option<String>, verdict: Verdict| Candidate {
                entry: entry.clone(),
                name,
                from: origin.from.clone(),
                url,
                verdict,
            };
            match import::read(value, origin.dialect, &is_set) {
                Found::Ours => {}
                Found::Not(why) => {
                    all.push(candidate(entry.clone(), None, Verdict::Skip(why)));
                }
                Found::Remote(remote) => {
                    let url = remote.url.clone();
                    let wanted = wanted(cx, entry, *remote);
                    let (name, verdict) = names.settle(wanted);
                    all.push(candidate(name, Some(url), verdict));
                }
            }
        }
    }
    all
}

/// The request that would connect it, under a name that may be taken.
fn wanted(cx: &Context, entry: &str, remote: Remote) -> Wanted {
    let Remote { url, headers, secrets, missing, sign_in, hidden_tools, notes } = remote;
    let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let name = name_of(entry).unwrap_or_else(|| connect::default_name(&host.unwrap_or_default()));
    let SignIn { client_id, client_secret, client_metadata_url, scopes, resource, callback_port } =
        sign_in;
    let mut request = Request {
        name: Some(name.clone()),
        url,
        headers,
        secrets,
        oauth: OAuthConfig {
            client_id,
            client_metadata_url,
            scopes,
            resource: resource_rule(resource),
            callback_port,
            ..OAuthConfig::default()
        },
        tenant: cx.tenant.clone(),
        ..Request::default()
    };
    // Only a sign-in has a use for a client.
    if let Some(secret) = client_secret {
        request.secrets.insert(CLIENT_SECRET.to_owned(), secret);
        request.auth = Some(AuthKind::OAuth);
    } else if request.oauth.client_id.is_some() {
        request.auth = Some(AuthKind::OAuth);
    }
    let request = if missing.is_empty() { catalog::of(cx, request) } else { request };
    Wanted { name, request, missing, hidden_tools, notes }
}

/// A name that we take, as near to theirs as can be.
fn name_of(entry: &str) -> Option<ConnectionName> {
    let mut name = String::new();
    for c in entry.to_ascii_lowercase().chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if !(c == '-' && name.ends_with('-')) {
            name.push(c);
        }
    }
    // Room for a number behind it.
    let name: String = name.trim_matches('-').chars().take(ConnectionName::MAX - 3).collect();
    name.trim_end_matches('-').parse().ok()
}

/// The names that there are, and those that this run takes.
struct Names<'a> {
    known: &'a [Entered],
    taken: Vec<(ConnectionName, Request)>,
}

impl Names<'_> {
    /// The name under which it comes, or is there.
    fn settle(&mut self, mut wanted: Wanted) -> (String, Verdict) {
        let request = &wanted.request;
        let same = |other: &Request| {
            // Somebody with two accounts at one server has two keys for it.
            is_same(other, request) && other.secrets == request.secrets
        };
        if let Some((name, _)) = self.taken.iter().find(|(_, other)| same(other)) {
            return (name.to_string(), Verdict::Already);
        }
        let leads_there = |there: &&Entered| is_for(request, there);
        if request.secrets.is_empty()
            && wanted.missing.is_empty()
            && let Some(there) = self.known.iter().find(leads_there)
        {
            return (there.name.to_string(), Verdict::Already);
        }
        let base = wanted.name.clone();
        for n in 2_u32.. {
            let name = &wanted.name;
            match self.known.iter().find(|there| there.name == *name) {
                Some(there) if is_for(request, there) => {
                    return (name.to_string(), Verdict::Already);
                }
                None if !self.taken.iter().any(|(other, _)| other == name) => break,
                _ => {}
            }
            let next = format!("{base}-{n}");
            let Ok(next) = next.parse() else {
                return (next, Verdict::Skip("there is no free name for it".to_owned()));
            };
            wanted.name = next;
        }
        wanted.request.name = Some(wanted.name.clone());
        self.taken.push((wanted.name.clone(), wanted.request.clone()));
        (wanted.name.to_string(), Verdict::Take(Box::new(wanted)))
    }
}

fn is_same(one: &Request, other: &Request) -> bool {
    one.url == other.url && one.headers == other.headers && one.provider == other.provider
}

/// Whether that connection leads where the request would.
fn is_for(request: &Request, there: &Entered) -> bool {
    match &request.provider {
        Some(_) if there.provider == request.provider => request.params == there.params,
        // It may have been connected by its URL before.
        _ => there.provider.is_none() && there.url == request.url,
    }
}

/// The state of an entry in a word, before anything is done.
pub(super) fn word(candidate: &Candidate) -> String {
    match &candidate.verdict {
        Verdict::Take(_) if candidate.name == candidate.entry => "comes".to_owned(),
        Verdict::Take(_) => format!("comes, {} there", text::line(&candidate.entry, 60)),
        Verdict::Already => "already connected".to_owned(),
        Verdict::Skip(why) => format!("stays: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_near_to_theirs_as_can_be() {
        let name = |entry: &str| name_of(entry).map(|name| name.to_string());
        for (entry, want) in [
            ("linear", "linear"),
            ("Figma Dev_Mode MCP", "figma-dev-mode-mcp"),
            ("@acme/crm", "acme-crm"),
            ("-x-", "x"),
            (&"y".repeat(40), &"y".repeat(29)),
        ] {
            assert_eq!(name(entry).as_deref(), Some(want), "{entry}");
        }
        assert_eq!(name("Ж"), None);
        assert_eq!(name(""), None);
    }
}

//! Where real servers leave the specification, and our rule for each: data and pure functions.
//!
//! The numbers are those of the list of deviations in the tests (`tests/auth_deviations.rs`).
//! Sources are issues on GitHub, `owner/repository#number`.

use super::sign_in_error::{place, said};
use url::Url;

/// Whose metadata was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerMatch {
    Same,
    Missing,
    Foreign,
}

/// Issuers whose administrators consent for all, and where `prompt=consent` asks for what no user
/// may give (22: anomalyco/opencode#50519).
const NO_CONSENT: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "sts.windows.net",
];

/// The scope that brings a refresh token.
pub const OFFLINE: &str = "offline_access";

/// The URL of a server as the identifier of a resource: no user, query or fragment, and no slash
/// that only the parser added (20).
pub fn canonical(server: &Url) -> String {
    let text = place_of(server);
    if server.path() == "/" { text.trim_end_matches('/').to_owned() } else { text }
}

fn place_of(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Where the metadata of a resource may be, likeliest first: where the challenge says, below the
/// path, at the root (1: tontinton/maki#726, archestra-ai/archestra#7246; 4:
/// modelcontextprotocol/csharp-sdk#1050).
pub fn resource_documents(server: &Url, told: Option<&str>) -> Vec<String> {
    let origin = server.origin().ascii_serialization();
    let base = format!("{origin}/.well-known/oauth-protected-resource");
    let path = server.path();
    let mut all = Vec::new();
    // One that is no URL at all says nothing.
    all.extend(told.filter(|told| Url::parse(told).is_ok()).map(str::to_owned));
    if path != "/" {
        all.push(format!("{base}{path}"));
        all.push(format!("{base}{}", path.trim_end_matches('/')));
    }
    all.push(base);
    distinct(all)
}

/// Where the metadata of an authorization server may be: RFC 8414, 3.1, then the two forms of
/// OpenID Connect, then what some make of the former (7: appstrate/appstrate#702). `path` is that
/// of the resource where the issuer is only guessed to be its origin.
pub fn server_documents(issuer: &Url, path: &str) -> Vec<String> {
    let origin = issuer.origin().ascii_serialization();
    let own = issuer.path().trim_end_matches('/');
    let insert = |name: &str, path: &str| format!("{origin}/.well-known/{name}{path}");
    let mut all = vec![
        insert("oauth-authorization-server", own),
        insert("openid-configuration", own),
        format!("{origin}{own}/.well-known/openid-configuration"),
        format!("{origin}{own}/.well-known/oauth-authorization-server"),
    ];
    let path = path.trim_end_matches('/');
    if !path.is_empty() {
        all.push(insert("oauth-authorization-server", path));
        all.push(insert("openid-configuration", path));
    }
    // Some have theirs at the root, whatever their path; the issuer in it still has to fit.
    all.push(insert("oauth-authorization-server", ""));
    distinct(all)
}

fn distinct(all: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for one in all {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

/// Equal, but for one slash at the end (9: expo/expo#49054, python-sdk#1919).
pub fn same_issuer(a: &str, b: &str) -> bool {
    let trim = |text| str::strip_suffix(text, '/').unwrap_or(text).to_owned();
    trim(a) == trim(b)
}

/// Whether the `issuer` of a document is the one that was looked for, or the one that the user
/// pinned (10: openai/codex#38944, atlassian-mcp-server#205; missing: rust-sdk#1047).
pub fn issuer_fits(found: &str, wanted: &str, path: &str, pin: Option<&str>) -> IssuerMatch {
    if found.is_empty() {
        return IssuerMatch::Missing;
    }
    let guessed = format!("{}{path}", wanted.trim_end_matches('/'));
    let fits = same_issuer(found, wanted)
        || same_issuer(found, &guessed)
        || pin.is_some_and(|pin| same_issuer(found, pin));
    if fits { IssuerMatch::Same } else { IssuerMatch::Foreign }
}

/// Whether the metadata of `resource` is about `server`: the same, but for a slash, or a parent on
/// the same origin (8: rust-sdk#937, exa-labs/exa-mcp-server#387). `foreign` is a document that
/// came from another origin, and so must say what it is about. The error is for our own words.
pub fn resource_fits(resource: Option<&str>, server: &Url, foreign: bool) -> Result<(), String> {
    let own = canonical(server);
    let Some(resource) = resource else {
        return if foreign {
            Err(format!(
                "the metadata for {own:?} is on another host and does not say what it is for"
            ))
        } else {
            Ok(())
        };
    };
    let fits = Url::parse(resource).is_ok_and(|url| {
        let parent = url.path().trim_end_matches('/');
        let below = server.path().strip_prefix(parent);
        crate::net::same_origin(&url, server)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if fits {
        return Ok(());
    }
    Err(format!(
        "the metadata is for the resource {:?}, not for {:?}: connect that URL, or set resource = \"…\" in the [connections.NAME.oauth] table if you trust it",
        place(&said(resource)),
        said(&own)
    ))
}

/// Whether an error says that `resource` is not wanted. Entra says so in the text alone, at times
/// of an `invalid_request` (20: anthropics/claude-code#73460, mcp-remote#217).
pub fn refuses_resource(code: &str, description: &str) -> bool {
    let low = description.to_ascii_lowercase();
    code == "invalid_target" || low.contains("aadsts9010010") || low.contains("aadsts901002")
}

/// What is asked for: what the challenge wants, else what the resource names, else nothing; to
/// that come the user's own, what was granted before (34: claude-code#44652), and what brings a
/// refresh token where the server knows it (21: anomalyco/opencode#34034; 22:
/// sourcebot-dev/sourcebot#1292). Never anything else.
pub fn scopes(
    challenged: Option<&[String]>,
    advertised: Option<&[String]>,
    granted: &[String],
    configured: &[String],
    supported: &[String],
) -> Vec<String> {
    let base = challenged.filter(|all| !all.is_empty()).or(advertised).unwrap_or_default();
    let offline = supported.iter().filter(|scope| *scope == OFFLINE);
    let all = granted.iter().chain(base).chain(configured).chain(offline);
    let fine = |scope: &&String| !scope.is_empty() && !scope.contains(char::is_whitespace);
    distinct(all.filter(fine).cloned().collect())
}

/// Whether `prompt=consent` goes with `offline_access`: strict OpenID servers give no refresh
/// token without (22: goauthentik/authentik#8660).
pub fn wants_consent(scopes: &[String], issuer: &str) -> bool {
    let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    scopes.iter().any(|scope| scope == OFFLINE)
        && !host.is_some_and(|host| NO_CONSENT.contains(&host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn deviation_1_metadata_at_the_challenge_below_the_path_and_at_the_root() {
        let base = "https://h/.well-known/oauth-protected-resource";
        assert_eq!(
            resource_documents(&url("https://h/a/mcp/?key=canary"), Some("https://h/prm")),
            ["https://h/prm", &format!("{base}/a/mcp/"), &format!("{base}/a/mcp"), base]
        );
        assert_eq!(resource_documents(&url("https://h"), None), [base]);
        assert_eq!(resource_documents(&url("https://h"), Some("/prm")), [base]);
    }

    #[test]
    fn deviation_7_all_forms_of_server_metadata() {
        assert_eq!(
            server_documents(&url("https://as/t/"), ""),
            [
                "https://as/.well-known/oauth-authorization-server/t",
                "https://as/.well-known/openid-configuration/t",
                "https://as/t/.well-known/openid-configuration",
                "https://as/t/.well-known/oauth-authorization-server",
                "https://as/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            server_documents(&url("https://as"), "/mcp"),
            [
                "https://as/.well-known/oauth-authorization-server",
                "https://as/.well-known/openid-configuration",
                "https://as/.well-known/oauth-authorization-server/mcp",
                "https://as/.well-known/openid-configuration/mcp",
            ]
        );
    }

    #[test]
    fn deviation_8_the_resource_is_the_server_or_a_parent_of_it() {
        let server = url("https://h/a/mcp");
        for fine in
            ["https://h/a/mcp", "https://h/a/mcp/", "https://h/a", "https://h", "https://H:443/"]
        {
            assert_eq!(resource_fits(Some(fine), &server, false), Ok(()), "{fine}");
        }
        for bad in ["https://evil/a/mcp", "https://h/a/mc", "https://h/b", "http://h/a/mcp", "x"] {
            let error = resource_fits(Some(bad), &server, false).unwrap_err();
            assert!(error.contains(bad) && error.contains("https://h/a/mcp"), "{error}");
        }
        assert_eq!(resource_fits(None, &server, false), Ok(()));
        assert!(resource_fits(None, &server, true).is_err());
    }

    #[test]
    fn deviations_9_and_10_an_issuer_differs_by_a_slash_or_is_foreign() {
        let fits = |found, wanted, pin| issuer_fits(found, wanted, "", pin);
        assert_eq!(fits("https://as/", "https://as", None), IssuerMatch::Same);
        assert_eq!(fits("https://as", "https://as/", None), IssuerMatch::Same);
        assert_eq!(fits("", "https://as", None), IssuerMatch::Missing);
        for foreign in ["https://as//", "https://AS", "https://as:443", "https://as.evil"] {
            assert_eq!(fits(foreign, "https://as", None), IssuerMatch::Foreign, "{foreign}");
            assert_eq!(fits(foreign, "https://as", Some(foreign)), IssuerMatch::Same);
        }
        assert_eq!(
            issuer_fits("https://h/mcp", "https://h", "/mcp", None),
            IssuerMatch::Same,
            "a guess"
        );
    }

    #[test]
    fn deviation_20_the_resource_gets_no_slash_that_was_not_there() {
        assert_eq!(canonical(&url("https://h")), "https://h");
        assert_eq!(canonical(&url("https://u:p@h:8443/mcp/?k=canary#f")), "https://h:8443/mcp/");
    }

    #[test]
    fn deviation_21_scopes_are_chosen_and_never_invented() {
        let (a, b, none) = (list("a"), list("b"), Vec::new());
        let chosen = |challenged, advertised, granted: &str, configured: &str| {
            scopes(challenged, advertised, &list(granted), &list(configured), &list("openid email"))
        };
        assert_eq!(chosen(None, None, "", ""), none);
        assert_eq!(chosen(None, Some(&b[..]), "", "c"), list("b c"));
        assert_eq!(chosen(Some(&a[..]), Some(&b[..]), "", ""), a);
        assert_eq!(chosen(Some(&none[..]), Some(&b[..]), "", ""), b);
        assert_eq!(chosen(Some(&a[..]), Some(&b[..]), "x a", "c"), list("x a c"), "34: the union");
    }

    #[test]
    fn deviation_22_offline_access_where_the_server_knows_it() {
        let known = list("offline_access a");
        let with = scopes(None, Some(&list("a")), &[], &[], &known);
        assert_eq!(with, list("a offline_access"));
        assert!(wants_consent(&with, "https://as.example"));
        assert!(!wants_consent(&with, "https://login.microsoftonline.com/t/v2.0"));
        assert!(!wants_consent(&list("a"), "https://as.example"));
    }
}

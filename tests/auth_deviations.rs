//! Every numbered deviation of real servers against the sign-in: discovery, client, code, tokens.
//!
//! The table of the first test is the state of things: one row for each deviation, and whether it
//! passed or was refused as its rule says. `cargo test --test auth_deviations -- --nocapture`
//! shows it.
#![expect(clippy::unwrap_used, reason = "test code")]
#![expect(clippy::disallowed_methods, reason = "the HTTP client here is the user's browser")]

#[path = "auth_deviations/drive.rs"]
mod drive;
#[path = "auth_deviations/manual.rs"]
mod manual;
#[path = "auth_deviations/renewal.rs"]
mod renewal;
#[path = "auth_deviations/security.rs"]
mod security;
mod support;

use allmcp::auth::{OAuthConfig, ResourceRule};
use drive::{Outcome, REDIRECT, Row, Want, run};
use serde_json::json;
use support::authorization::{
    AsMeta, AuthMethod, Challenge, ExpiresIn, ForbidResource, Forgotten, Iss, Issuer, Miss, Prm,
    PrmResource, Prompt, Quirks, Redirect, ReplyForm, ResourceQuirks, TokenFail,
};

const OFFLINE: &str = "offline_access";

fn server(change: impl FnOnce(&mut Quirks)) -> Quirks {
    let mut quirks = Quirks::default();
    change(&mut quirks);
    quirks
}

fn resource(change: impl FnOnce(&mut ResourceQuirks)) -> ResourceQuirks {
    let mut quirks = ResourceQuirks::default();
    change(&mut quirks);
    quirks
}

/// A row for a quirk of the authorization server.
fn by_server(
    number: &'static str,
    name: impl Into<String>,
    change: impl FnOnce(&mut Quirks),
) -> Row {
    Row::new(number, name, server(change), ResourceQuirks::default())
}

/// A row for a quirk of the resource.
fn by_resource(
    number: &'static str,
    name: impl Into<String>,
    change: impl FnOnce(&mut ResourceQuirks),
) -> Row {
    Row::new(number, name, Quirks::default(), resource(change))
}

fn discovery() -> Vec<Row> {
    let nulls = json!({
        "scopes_supported": "__null__", "revocation_endpoint": "__null__",
        "device_authorization_endpoint": "__null__", "grant_types_supported": "__null__",
        "token_endpoint_auth_methods_supported": 7, "service_documentation": "__null__",
    });
    let mut rows = vec![
        Row::new("0", "nothing odd", Quirks::default(), ResourceQuirks::default()),
        by_resource("1", "metadata of the resource at the root", |q| {
            (q.prm, q.challenge) = (Prm::Root, Challenge::Bare);
        }),
        by_resource("1", "metadata only where the challenge says", |q| q.prm = Prm::Challenge),
    ];
    for status in [401, 403, 502] {
        rows.push(by_resource("2", format!("a status in place of nothing here: {status}"), |q| {
            (q.prm, q.challenge, q.miss) = (Prm::Root, Challenge::Bare, Miss::Status(status));
        }));
    }
    rows.extend(vec![
        by_resource("2", "503 is not \"no OAuth\"", |q| {
            (q.prm, q.challenge, q.miss) = (Prm::None, Challenge::Bare, Miss::Status(503));
        })
        .wants(Want::Stops("could not answer now")),
        by_resource("3", "a page in place of nothing here", |q| {
            (q.prm, q.challenge, q.miss) = (Prm::Root, Challenge::None, Miss::Html);
        }),
        by_server("3", "pages at the authorization server", |q| {
            (q.as_meta, q.miss) = (AsMeta::Oidc, Miss::Html);
        }),
        by_resource("4", "a bare challenge", |q| q.challenge = Challenge::Bare),
        by_resource("4", "no challenge at all", |q| q.challenge = Challenge::None),
        by_resource("4", "several challenges in one", |q| {
            let text = r#"Negotiate abc==, Basic realm="a, b", Bearer resource_metadata="$PRM""#;
            q.challenge = Challenge::Text(text.into());
        }),
        by_resource("4", "a challenge that leads to a silent host", |q| {
            let text = r#"Bearer resource_metadata="http://127.0.0.1:1/x""#;
            q.challenge = Challenge::Text(text.into());
        }),
        by_resource("5", "no metadata of the resource", |q| {
            (q.prm, q.hosts_server) = (Prm::None, true);
        }),
        Row::new(
            "5",
            "no metadata at all",
            server(|q| q.as_meta = AsMeta::None),
            resource(|q| (q.prm, q.hosts_server) = (Prm::None, true)),
        ),
        Row::new(
            "5",
            "a 401 of a server without OAuth",
            Quirks::default(),
            resource(|q| (q.prm, q.miss, q.audience) = (Prm::None, Miss::Html, false)),
        )
        .wants(Want::Stops("no sign-in is offered")),
        by_resource("6", "an open server with pages", |q| {
            (q.open, q.prm, q.miss) = (true, Prm::None, Miss::Html);
        })
        .wants(Want::Open),
    ]);
    for meta in [AsMeta::Rfc8414, AsMeta::Oidc, AsMeta::OidcAppend, AsMeta::Rfc8414Root] {
        rows.push(by_server(
            "7",
            format!("one place for the metadata, below a path: {meta:?}"),
            |q| {
                (q.issuer_path, q.as_meta) = ("/tenant".into(), meta);
            },
        ));
    }
    for name in [PrmResource::Slash, PrmResource::Parent, PrmResource::ParentSlash] {
        rows.push(by_resource("8", format!("the resource has another name: {name:?}"), |q| {
            q.prm_resource = name;
        }));
    }
    rows.extend([
        by_server("9", "a slash behind the issuer", |q| q.issuer = Issuer::Slash),
        by_resource("9", "a slash behind the issuer's name", |q| q.issuer_slash = true),
        by_server("10", "a foreign issuer, pinned by the user", |q| {
            (q.issuer, q.iss) = (Issuer::Foreign("https://foreign.example".into()), Iss::None);
        })
        .configured(|config| config.issuer = Some("https://foreign.example".into())),
        by_server("10", "no issuer", |q| q.issuer = Issuer::Missing),
        by_server("11", "nulls and odd types in the metadata", |q| q.meta_patch = nulls),
        by_resource("11", "nulls in the metadata of the resource", |q| {
            q.prm_patch = json!({"scopes_supported": "__null__", "resource_name": "__null__"});
        }),
        by_server("11", "no registration, by a null", |q| {
            q.meta_patch = json!({"registration_endpoint": "__null__"});
        })
        .wants(Want::Stops("allmcp connect http://127.0.0.1")),
        by_server("12", "PKCE is not advertised", |q| q.pkce_advertised = false),
    ]);
    rows
}

fn clients() -> Vec<Row> {
    let id = "https://client.example/allmcp.json";
    let mut rows = vec![
        by_server("13", "no registration and no client", |q| q.dcr = false)
            .wants(Want::Stops("--client-id")),
        by_server("13", "no registration, a client of one's own", |q| q.dcr = false)
            .with_client(AuthMethod::None),
        by_server("13", "with a client of one's own nothing is registered", |_| {})
            .with_client(AuthMethod::Post)
            .check(|server, _, _| assert_eq!(server.registrations().len(), 0)),
        by_server("13", "a metadata document", |q| {
            q.cimd = true;
            let document = json!({"client_id": id, "redirect_uris": [REDIRECT]});
            q.client_documents = [(id.to_owned(), document)].into();
        })
        .configured(|config| config.client_metadata_url = Some(id.into()))
        .check(|server, _, _| assert_eq!(server.registrations().len(), 0)),
        by_server("15", "registrations are limited", |q| q.dcr_limit = Some(0))
            .wants(Want::Stops("could not answer now"))
            .check(|server, _, _| assert_eq!(server.counts().registrations_refused, 1)),
        by_server("16", "registration is strict", |q| {
            (q.dcr_strict, q.dcr_needs_native) = (true, true);
        }),
        by_server("16", "a policy refuses us", |q| {
            q.dcr_answer = Some((403, r#"{"error":"invalid_client_metadata"}"#));
        })
        .wants(Want::Stops("invalid_client_metadata")),
        by_server("17", "nothing is said of methods", |q| {
            q.meta_patch = json!({"token_endpoint_auth_methods_supported": "__null__"});
        }),
        by_server("18", "the redirect URI has to match", |q| q.redirect = Redirect::Exact),
    ];
    for method in [AuthMethod::Basic, AuthMethod::Post] {
        rows.push(by_server("17", format!("registration decides the method: {method:?}"), |q| {
            q.dcr_force_auth = Some(method);
        }));
        for hidden in [false, true] {
            rows.push(
                by_server("17", format!("metadata lie, only {method:?} works"), |q| {
                    q.only_auth = Some(method);
                    let other = match method {
                        AuthMethod::Basic => AuthMethod::Post,
                        _ => AuthMethod::Basic,
                    };
                    q.meta_auth_methods = Some(vec![other.name().to_owned()]);
                    q.wrong_auth_says_missing = hidden;
                })
                .with_client(AuthMethod::Post)
                .check(|_, _, outcome| assert!(outcome.done().learned.method.is_some())),
            );
        }
    }
    rows
}

fn scopes_and_resource() -> Vec<Row> {
    let mut rows = vec![
        by_server("19", "no iss, and none promised", |q| q.iss = Iss::None),
        by_server("20", "resource is required", |q| {
            (q.require_resource, q.require_resource_on_refresh) = (true, true);
        })
        .check(|server, resource, _| {
            // The default of the stand-in has no slash; what is sent has none either.
            let sent = server.authorize_requests()[0].get("resource").unwrap().to_owned();
            assert_eq!(sent, resource.name());
        }),
        by_resource("20", "resource is sent byte for byte", |q| {
            q.prm_resource = PrmResource::Parent;
        })
        .check(|server, resource, _| {
            let sent = server.token_requests()[0].params.get("resource").unwrap().to_owned();
            assert_eq!(sent, resource.name());
            assert!(!sent.ends_with('/'), "{sent}");
        }),
        by_server("20", "the user says that resource is never sent", |q| {
            q.forbid_resource = Some(ForbidResource::EntraPage);
        })
        .resource(|q| q.audience = false)
        .configured(|config| config.resource = ResourceRule::Never),
        by_server("21", "no scopes are named and unknown ones refused", |q| {
            (q.scopes, q.scopes_advertised) = (Some(vec!["read".into()]), false);
        })
        .check(|server, _, _| assert_eq!(server.authorize_requests()[0].get("scope"), None)),
        by_resource("21", "the challenge names scopes", |q| {
            (q.challenge_scope, q.scopes) = (Some("a b".into()), Some(vec!["c".into()]));
        })
        .configured(|config| config.scopes = vec!["d".into()])
        .check(|server, _, _| {
            assert_eq!(server.authorize_requests()[0].get("scope"), Some("a b d"));
        }),
        by_server("22", "offline_access is needed", |q| {
            (q.offline_required, q.scopes) = (true, Some(vec!["read".into(), OFFLINE.into()]));
        })
        .resource(|q| q.scopes = Some(vec!["read".into()]))
        .check(|_, _, outcome| assert!(outcome.done().grant.refresh_token.is_some())),
        by_server("22", "offline_access needs a prompt", |q| {
            (q.offline_required, q.prompt) = (true, Prompt::Needed);
            q.scopes = Some(vec![OFFLINE.into()]);
        })
        .check(|_, _, outcome| assert!(outcome.done().grant.refresh_token.is_some())),
        by_server("22", "a prompt is refused, and the user took it away", |q| {
            (q.prompt, q.scopes) = (Prompt::Refused, Some(vec![OFFLINE.into()]));
        })
        .configured(|config| {
            config.authorize_params.insert("prompt".into(), String::new());
        }),
        by_server("22", "parameters of one's own", |q| {
            q.needed_params = vec!["audience"];
            q.offline_params = vec![("access_type", "offline")];
        })
        .configured(|config| {
            config.authorize_params.insert("audience".into(), "https://api".into());
            config.authorize_params.insert("access_type".into(), "offline".into());
        })
        .check(|_, _, outcome| assert!(outcome.done().grant.refresh_token.is_some())),
    ];
    for forbid in [
        ForbidResource::AtAuthorize,
        ForbidResource::AtToken,
        ForbidResource::Entra,
        ForbidResource::EntraByText,
    ] {
        rows.push(
            by_server("20", format!("resource is refused: {forbid:?}"), |q| {
                q.forbid_resource = Some(forbid);
            })
            .resource(|q| q.audience = false)
            .check(|_, _, outcome| assert_eq!(outcome.done().grant.resource, None)),
        );
    }
    rows
}

fn tokens() -> Vec<Row> {
    let mut rows = Vec::new();
    for (form, known) in [
        (ExpiresIn::Number, true),
        (ExpiresIn::String, true),
        (ExpiresIn::Float, true),
        (ExpiresIn::Jwt, true),
        (ExpiresIn::Zero, false),
        (ExpiresIn::Missing, false),
        (ExpiresIn::Null, false),
    ] {
        let row =
            by_server("29", format!("the life of a token: {form:?}"), |q| q.expires_in = form);
        rows.push(row.check(move |_, _, it| {
            assert_eq!(it.done().grant.expires_at.is_some(), known);
        }));
    }
    for form in [
        ReplyForm::Form,
        ReplyForm::FormUnlessAsked,
        ReplyForm::UserToken,
        ReplyForm::NoTokenType,
        ReplyForm::AuthedUser,
        ReplyForm::CommaScopes,
    ] {
        rows.push(by_server("31", format!("an odd reply: {form:?}"), |q| q.reply = form));
    }
    rows.push(
        by_server("31", "errors with the status 200", |q| {
            q.errors_with_200 = true;
            q.only_auth = Some(AuthMethod::Basic);
        })
        .with_client(AuthMethod::Post),
    );
    for fail in [
        TokenFail::Html500,
        TokenFail::Cloudflare530,
        TokenFail::TooMany(Some(1)),
        TokenFail::TooMany(None),
        TokenFail::OkFalse("try_again"),
        TokenFail::ErrorWith200("oops"),
    ] {
        rows.push(
            by_server("33", format!("the exchange fails once: {fail:?}"), |q| {
                q.token_fail = [fail].into();
            })
            .check(|server, _, _| assert_eq!(server.counts().consents, 1)),
        );
    }
    for fail in [TokenFail::Cut, TokenFail::CutAfterWork, TokenFail::Error(400, "invalid_grant")] {
        rows.push(
            by_server(
                "33",
                format!("the exchange is lost, the sign-in begins once anew: {fail:?}"),
                |q| {
                    q.token_fail = [fail].into();
                },
            )
            .check(|server, _, _| assert_eq!(server.counts().consents, 2)),
        );
    }
    rows.push(
        by_server("14", "the client is forgotten at the token endpoint", |q| {
            q.forgotten = Forgotten { token_status: 400, ..Forgotten::default() };
            q.token_fail = [TokenFail::Error(400, "invalid_client")].into();
        })
        .check(|server, _, _| assert_eq!(server.registrations().len(), 2)),
    );
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deviation_passes_or_is_refused_as_its_rule_says() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let found_out = [discovery(), clients(), scopes_and_resource(), tokens()].concat();
    for row in [found_out, manual::rows(), security::rows()].concat() {
        count += 1;
        let outcome = run(&row).await;
        let verdict = row.verdict(&outcome);
        let ours = match &outcome {
            Outcome::Done(_) => "passed".to_owned(),
            Outcome::Open => "connected without a sign-in".to_owned(),
            Outcome::Stopped { error, .. } => error.to_string(),
        };
        let mark = if verdict.is_ok() { "ok" } else { "WRONG" };
        println!("| {:>2} | {} | {mark} | {ours} |", row.number, row.name);
        wrong.extend(verdict.err());
    }
    println!("{count} rows, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_that_the_user_named_stands_above_the_metadata() {
    let other = "https://foreign.example/mcp".to_owned();
    let row = by_resource("8", "pinned", |q| {
        (q.prm_resource, q.audience) = (PrmResource::Other(other.clone()), false);
    });
    let config = OAuthConfig { resource: ResourceRule::Exactly(other), ..OAuthConfig::default() };
    let outcome = run(&row.configured(|it| *it = config)).await;
    assert_eq!(outcome.done().grant.resource.as_deref(), Some("https://foreign.example/mcp"));
}

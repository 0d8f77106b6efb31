//! Deviation 36: a sign-in that nothing describes, and token requests in JSON.

use crate::{
    by_server,
    drive::{self, Done, REDIRECT, Row, Want, attempt, http, knock},
    support::{
        authorization::{
            AsMeta, AuthMethod, AuthServer, Iss, Prm, Quirks, Resource, ResourceQuirks, TokenFail,
        },
        script::Script,
    },
};
use allmcp::{
    auth::{
        Grant, OAuthConfig, OAuthHttp, Revoked, revoke,
        token_endpoint::{TokenError, refresh},
    },
    kind::TokenBody,
    secret::Secret,
};
use url::Url;

/// No document anywhere, and no registration.
fn silent(change: impl FnOnce(&mut Quirks)) -> Quirks {
    let mut quirks = Quirks { as_meta: AsMeta::None, dcr: false, ..Quirks::default() };
    change(&mut quirks);
    quirks
}

fn speaks_json() -> Quirks {
    silent(|q| q.json_token = true)
}

fn row(name: &str, server: Quirks, body: TokenBody) -> Row {
    // A token that is for no resource in particular is what such a server gives.
    let resource = ResourceQuirks { prm: Prm::None, audience: false, ..ResourceQuirks::default() };
    Row::new("36", name, server, resource).with_client(AuthMethod::Post).told(body)
}

pub(crate) fn rows() -> Vec<Row> {
    let json = TokenBody::Json;
    vec![
        row("endpoints are told, tokens by JSON", speaks_json(), json).check(
            |server, it, outcome| {
                assert_nothing_was_looked_up(server, it);
                let authorize = &server.authorize_requests()[0];
                assert_eq!(authorize.get("code_challenge_method"), Some("S256"));
                assert_eq!((authorize.get("resource"), authorize.get("scope")), (None, None));
                let sent = &server.token_requests()[0];
                let Done { client, grant, .. } = outcome.done();
                let secret = client.secret.as_ref().map(|secret| secret.expose().as_str());
                assert_eq!(sent.params.get("client_id"), Some(&*client.id));
                assert_eq!(sent.params.get("client_secret"), secret);
                assert_eq!(sent.params.get("redirect_uri"), Some(REDIRECT));
                assert_eq!(
                    (sent.params.get("mode"), sent.params.get("resource")),
                    (Some("x"), None)
                );
                assert!(sent.params.get("code_verifier").is_some());
                assert!(grant.expires_at.is_some() && grant.resource.is_none());
            },
        ),
        row("endpoints are told, tokens by form", silent(|_| ()), TokenBody::Form).check(
            |server, it, _| {
                assert_nothing_was_looked_up(server, it);
                assert_eq!(server.token_requests()[0].params.get("mode"), Some("x"));
            },
        ),
        row("endpoints are told, and PKCE is not known", silent(|q| q.pkce_advertised = false), {
            TokenBody::Form
        }),
        row("a form where JSON is wanted", speaks_json(), TokenBody::Form)
            .wants(Want::Stops("http_400")),
        row("JSON where a form is wanted", silent(|_| ()), json)
            .wants(Want::Stops("invalid_request")),
        row("only the configured scopes", speaks_json(), json)
            .resource(|q| q.challenge_scope = Some("a b".into()))
            .configured(|config| config.scopes = vec!["d".into()])
            .check(|server, _, _| {
                assert_eq!(server.authorize_requests()[0].get("scope"), Some("d"));
            }),
        row("the answer of another server", silent(|q| q.iss = Iss::WrongUnannounced), json)
            .wants(Want::Stops("set it as issuer in the [connections.NAME.oauth] table")),
        by_server("36", "endpoints are told, and no client", |_| ())
            .told(json)
            .wants(Want::Stops("run allmcp config set connections.c.oauth.client_id ID"))
            .check(|server, _, _| assert_eq!(server.registrations().len(), 0)),
    ]
}

fn assert_nothing_was_looked_up(server: &AuthServer, resource: &Resource) {
    let asked = [server.http().requests(), resource.requests()].concat();
    let paths: Vec<_> = asked.iter().map(|request| request.target.clone()).collect();
    assert!(!paths.iter().any(|path| path.contains(".well-known")), "{paths:?}");
    assert_eq!(server.registrations().len(), 0);
}

struct Scene {
    server: AuthServer,
    resource: Resource,
    http: OAuthHttp,
}

impl Scene {
    async fn signed_in() -> (Self, Done) {
        let server = AuthServer::start(speaks_json());
        let quirks = ResourceQuirks { audience: false, ..ResourceQuirks::default() };
        let resource = Resource::start_with(&server, Script::legacy(), quirks);
        let http = http(&Url::parse(&resource.url()).unwrap());
        let client = server.add_client(AuthMethod::Post, &[REDIRECT]);
        let config = OAuthConfig {
            client_id: Some(client.id),
            manual: Some(drive::profile(&server, TokenBody::Json)),
            ..OAuthConfig::default()
        };
        let secret = client.secret.map(Secret::new);
        let done = attempt(&resource.url(), &config, secret.as_ref(), &mut 0).await;
        (Self { server, resource, http }, done.unwrap().unwrap())
    }
}

/// As another process has it, which knows nothing but what is stored.
fn stored(grant: &Grant) -> Grant {
    serde_json::from_str(&serde_json::to_string(grant).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviation_36_a_renewal_says_in_json_all_that_the_first_request_said() {
    let (scene, Done { client, grant, .. }) = Scene::signed_in().await;
    let (reply, _) = refresh(&scene.http, &client, &stored(&grant)).await.unwrap();
    let sent = &scene.server.token_requests_of("refresh_token")[0];
    for (name, value) in [
        ("client_id", &*client.id),
        ("client_secret", client.secret.as_ref().unwrap().expose()),
        ("redirect_uri", REDIRECT),
        ("mode", "x"),
    ] {
        assert_eq!(sent.params.get(name), Some(value));
    }
    assert_eq!((sent.params.get("scope"), sent.params.get("resource")), (None, None));
    let answer = knock(&scene.resource.url(), Some(reply.access_token.expose())).await;
    assert_eq!(answer.status(), 200);
    let renewed = Grant { access_token: reply.access_token, ..stored(&grant) };
    assert_eq!(revoke(&scene.http, &client, &renewed, None).await, Revoked::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviation_36_an_error_that_says_nothing_ends_nothing() {
    let (scene, Done { client, grant, .. }) = Scene::signed_in().await;
    let grant = stored(&grant);
    let nothing = |status| TokenFail::Raw(status, "application/json", "{}".into());
    for status in [400, 401, 403] {
        scene.server.set(|quirks| quirks.refresh_fail = [nothing(status)].into());
        let error = refresh(&scene.http, &client, &grant).await.unwrap_err();
        let code = format!("http_{status}");
        assert!(
            matches!(&error, TokenError::Refused { code: said, .. } if *said == code),
            "neither the end of the grant nor that of the client: {error:?}"
        );
    }
    let sent = scene.server.token_requests_of("refresh_token");
    assert_eq!(sent.len(), 3, "no other way of saying who we are is tried: {sent:?}");
    assert!(refresh(&scene.http, &client, &grant).await.is_ok(), "it was good all the time");
}

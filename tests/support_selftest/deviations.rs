//! Every switch of the stand-ins shows; the numbers are those of `Quirks`.

use crate::{
    sign_in::{Hand, REDIRECT, initialize},
    support::{
        authorization::{
            AsMeta, AuthMethod, AuthServer, Challenge, Forgotten, Iss, Issuer, Miss, Moved, Prm,
            PrmResource, Quirks, Resource, ResourceQuirks,
        },
        script::Script,
    },
};
use serde_json::{Value, json};

const PRM: &str = "/.well-known/oauth-protected-resource";
const RFC8414: &str = "/.well-known/oauth-authorization-server";
const OIDC: &str = "/.well-known/openid-configuration";

/// Statuses of some paths of one origin.
async fn statuses(hand: &Hand, origin: &str, paths: &[&str]) -> Vec<u16> {
    let mut all = Vec::new();
    for path in paths {
        all.push(hand.get(&format!("{origin}{path}")).await.status);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_of_a_resource_are_in_odd_places_or_odd_themselves() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    let (hand, origin) = (Hand::new(), resource.origin());
    let inserted = format!("{PRM}/mcp");
    let places = [inserted.as_str(), PRM, "/.hidden/resource.json"];
    for (prm, expected) in [
        (Prm::Path, [200, 404, 404]),
        (Prm::Root, [404, 200, 404]),
        (Prm::Both, [200, 200, 404]),
        (Prm::Challenge, [404, 404, 200]),
        (Prm::None, [404, 404, 404]),
    ] {
        resource.set(|quirks| quirks.prm = prm);
        assert_eq!(statuses(&hand, &origin, &places).await, expected, "{prm:?}");
        let challenge = initialize(&resource, None).await;
        let named = challenge.header("www-authenticate").split('"').nth(1).map(str::to_owned);
        match named {
            Some(url) => assert_eq!(hand.get(&url).await.status, 200),
            None => assert_eq!(prm, Prm::None),
        }
    }
    for (miss, status) in [(Miss::Status(403), 403), (Miss::Status(502), 502), (Miss::Html, 200)] {
        resource.set(|quirks| quirks.miss = miss);
        assert_eq!(hand.get(&format!("{origin}{PRM}")).await.status, status);
    }
    assert!(hand.get(&format!("{origin}{PRM}")).await.text.contains("<div"));
    resource.set(|quirks| quirks.challenge_scope = Some("read".into()));
    for (challenge, expected) in [
        (Challenge::None, ""),
        (Challenge::Bare, r#"Bearer scope="read""#),
        (Challenge::Text("Digest a=b, Bearer x=$PRM".into()), "Digest a=b, Bearer x="),
    ] {
        resource.set(|quirks| quirks.challenge = challenge);
        assert_eq!(initialize(&resource, None).await.header("www-authenticate"), expected);
    }

    resource.set(|quirks| quirks.prm = Prm::Path);
    let document = async || hand.get(&format!("{origin}{inserted}")).await;
    for (name, expected) in [
        (PrmResource::Slash, format!("{origin}/mcp/")),
        (PrmResource::Parent, origin.clone()),
        (PrmResource::ParentSlash, format!("{origin}/")),
        (
            PrmResource::Other("https://foreign.example/mcp".into()),
            "https://foreign.example/mcp".into(),
        ),
    ] {
        resource.set(|quirks| quirks.prm_resource = name);
        assert_eq!(document().await.str("resource"), expected);
        assert_eq!(resource.name(), expected);
    }
    resource.set(|quirks| {
        quirks.issuer_slash = true;
        quirks.scopes = Some(vec!["read".into()]);
        quirks.prm_patch = json!({"bearer_methods_supported": "__null__", "resource": null});
    });
    let patched = document().await.json;
    assert_eq!(patched["authorization_servers"], json!([format!("{}/", server.issuer())]));
    assert_eq!(patched["scopes_supported"], json!(["read"]));
    assert!(patched["bearer_methods_supported"].is_null() && patched.get("resource").is_none());
    assert!(patched.as_object().unwrap().contains_key("bearer_methods_supported"));
    resource.set(|quirks| quirks.prm_redirect = Some(Moved::Far("http://127.0.0.2:1".into())));
    let away = document().await;
    assert_eq!(away.header("location"), format!("http://127.0.0.2:1{inserted}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_is_open_old_or_never_content() {
    let server = AuthServer::start(Quirks { as_meta: AsMeta::None, ..Quirks::default() });
    // Revision 2025-03-26: the server of the resource is its own authorization server (5).
    let quirks = ResourceQuirks { prm: Prm::None, hosts_server: true, ..ResourceQuirks::default() };
    let resource = Resource::start_with(&server, Script::legacy(), quirks);
    let mut hand = Hand::public(&server);
    let places = [PRM, RFC8414, OIDC];
    assert_eq!(statuses(&hand, &resource.origin(), &places).await, [404, 404, 404]);
    server.set(|quirks| quirks.as_meta = AsMeta::Rfc8414);
    let meta = hand.get(&format!("{}{RFC8414}", resource.origin())).await;
    assert_eq!(meta.str("issuer"), resource.origin());
    assert_eq!(meta.str("token_endpoint"), format!("{}/token", resource.origin()));
    let body = json!({"redirect_uris": [REDIRECT]}).to_string();
    let here = hand.http.post(format!("{}/register", resource.origin())).body(body);
    assert_eq!(here.send().await.unwrap().status(), 201);
    hand.id = server.clients()[0].id.clone();

    resource
        .set(|quirks| (quirks.hosts_server, quirks.open, quirks.miss) = (false, true, Miss::Html));
    assert_eq!(initialize(&resource, None).await.status, 200);
    assert_eq!(statuses(&hand, &resource.origin(), &places).await, [200, 200, 200]);
    resource.set(|quirks| quirks.newest_revision = Some("2025-06-18"));
    assert_eq!(initialize(&resource, None).await.status, 400);
    resource.set(|quirks| *quirks = ResourceQuirks { rejects_all: true, ..Default::default() });
    let hand = Hand::public(&server);
    let token = hand.sign_in(&server, "").await.str("access_token");
    assert_eq!(initialize(&resource, Some(&token)).await.status, 401);
    assert!(server.is_live(&token));

    let (mut resource, second) = (resource, AuthServer::start(Quirks::default()));
    resource.move_to(&second);
    resource.set(|quirks| quirks.rejects_all = false);
    assert_eq!(initialize(&resource, Some(&token)).await.status, 401);
    let token = Hand::public(&second).sign_in(&second, "").await.str("access_token");
    assert_eq!(initialize(&resource, Some(&token)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_of_a_server_are_in_odd_places_or_odd_themselves() {
    let quirks = Quirks { issuer_path: "/t".into(), ..Quirks::default() };
    let server = AuthServer::start(quirks);
    let (hand, origin) = (Hand::new(), server.origin());
    let places = [format!("{RFC8414}/t"), RFC8414.into(), format!("{OIDC}/t"), format!("/t{OIDC}")];
    let places: Vec<_> = places.iter().map(String::as_str).collect();
    for (meta, expected) in [
        (AsMeta::All, [200, 404, 200, 200]),
        (AsMeta::Rfc8414, [200, 404, 404, 404]),
        (AsMeta::Rfc8414Root, [404, 200, 404, 404]),
        (AsMeta::Oidc, [404, 404, 200, 404]),
        (AsMeta::OidcAppend, [404, 404, 404, 200]),
        (AsMeta::None, [404, 404, 404, 404]),
    ] {
        server.set(|quirks| quirks.as_meta = meta);
        assert_eq!(statuses(&hand, &origin, &places).await, expected, "{meta:?}");
    }
    server.set(|quirks| quirks.as_meta = AsMeta::All);
    let read = async || hand.get(&format!("{origin}{RFC8414}/t")).await;
    assert_eq!(read().await.str("token_endpoint"), format!("{origin}/t/token"));
    for (issuer, expected) in [
        (Issuer::Slash, json!(format!("{origin}/t/"))),
        (Issuer::Foreign("https://x.example".into()), json!("https://x.example")),
        (Issuer::Missing, Value::Null),
    ] {
        server.set(|quirks| quirks.issuer = issuer);
        assert_eq!(read().await.json["issuer"], expected);
    }
    server.set(|quirks| {
        quirks.pkce_advertised = false;
        quirks.dcr = false;
        quirks.cimd = true;
        quirks.device = true;
        quirks.iss = Iss::None;
        quirks.scopes = Some(vec!["offline_access".into()]);
        quirks.meta_auth_methods = Some(vec!["client_secret_basic".into()]);
        quirks.authorization_endpoint = Some("http://x/$(touch p)\"&calc".into());
        quirks.meta_patch = json!({"registration_endpoint": "__null__", "x": {"y": [1]}});
    });
    let meta = read().await.json;
    let has = |name: &str| meta.as_object().unwrap().contains_key(name);
    assert!(!has("code_challenge_methods_supported"));
    assert!(!has("authorization_response_iss_parameter_supported"));
    assert!(has("registration_endpoint") && meta["registration_endpoint"].is_null());
    assert_eq!(meta["client_id_metadata_document_supported"], json!(true));
    assert_eq!(meta["device_authorization_endpoint"], server.endpoint("device_authorization"));
    assert_eq!(meta["scopes_supported"], json!(["offline_access"]));
    assert_eq!(meta["token_endpoint_auth_methods_supported"], json!(["client_secret_basic"]));
    assert_eq!(
        (&meta["authorization_endpoint"], &meta["x"]["y"]),
        (&json!("http://x/$(touch p)\"&calc"), &json!([1]))
    );

    server.set(|quirks| quirks.meta_redirect = Some(Moved::Near(2)));
    let mut url = format!("{origin}{RFC8414}/t");
    for _ in 0..2 {
        let got = hand.get(&url).await;
        assert_eq!(got.status, 302);
        url = format!("{origin}{}", got.header("location"));
    }
    assert_eq!(hand.get(&url).await.status, 200);
    server.set(|quirks| quirks.meta_redirect = Some(Moved::Far("https://x.example".into())));
    assert_eq!(read().await.header("location"), format!("https://x.example{RFC8414}/t"));
    let moved = Some((307, "https://x.example/t".to_owned()));
    server.set(|quirks| (quirks.token_redirect, quirks.register_redirect) = (moved.clone(), moved));
    assert_eq!(hand.token(&server, &[]).await.status, 307);
    let got = Hand::new().register(&server, json!({})).await;
    assert_eq!((got.status, got.header("location")), (307, "https://x.example/t"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registration_is_absent_strict_rare_or_forgetful() {
    let server = AuthServer::start(Quirks { dcr_strict: true, ..Quirks::default() });
    let mut hand = Hand::new();
    let good = json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    server.set(|quirks| quirks.scopes = Some(vec!["read".into()]));
    for (body, error) in [
        (with("resource", json!("x")), "invalid_client_metadata"),
        (with("scope", json!("read write")), "invalid_scope"),
        (with("redirect_uris", json!(["http://elsewhere.example/cb"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!([])), "invalid_redirect_uri"),
        (with("token_endpoint_auth_method", json!("magic")), "invalid_client_metadata"),
    ] {
        assert_eq!(hand.register(&server, body).await.refusal(), (400, error));
    }
    server.set(|quirks| quirks.dcr_needs_native = true);
    assert_eq!(hand.register(&server, good.clone()).await.refusal().1, "invalid_redirect_uri");
    let native = with("application_type", json!("native"));
    assert_eq!(hand.register(&server, native.clone()).await.status, 201);
    for method in [AuthMethod::Basic, AuthMethod::Post] {
        server.set(|quirks| quirks.dcr_force_auth = Some(method));
        let got = hand.register(&server, native.clone()).await;
        assert_eq!(got.str("token_endpoint_auth_method"), method.name());
        assert!(hand.secret.is_some());
    }
    server.set(|quirks| quirks.registration_patch = json!({"client_secret_expires_at": null}));
    let got = hand.register(&server, native.clone()).await;
    assert!(got.json.get("client_secret_expires_at").is_none());

    // The client may be told to go on in another way than it was registered for (17).
    let cc = [("grant_type", "client_credentials")];
    server.set(|quirks| quirks.only_auth = Some(AuthMethod::Basic));
    assert_eq!(hand.exchange(&server, "x", &cc).await.refusal(), (401, "invalid_client"));
    server.set(|quirks| quirks.wrong_auth_says_missing = true);
    assert_eq!(hand.exchange(&server, "x", &cc).await.refusal(), (400, "invalid_request"));
    server.set(|quirks| quirks.only_auth = None);

    server.set(|quirks| quirks.secret_ttl = Some(60));
    hand.register(&server, native.clone()).await;
    assert_eq!(hand.exchange(&server, "x", &[]).await.refusal(), (400, "invalid_grant"));
    server.shift_clock(61);
    assert_eq!(hand.exchange(&server, "x", &[]).await.refusal(), (401, "invalid_client"));

    server.forget_clients();
    assert_eq!(hand.authorize(&server, &[]).await.status, 400);
    assert_eq!(hand.exchange(&server, "x", &[]).await.refusal(), (401, "invalid_client"));
    server.set(|quirks| {
        quirks.forgotten = Forgotten {
            token_status: 400,
            token_error: "unauthorized_client",
            authorize_status: 422,
            authorize_body: r#"{"code":422,"msg":"no such client"}"#,
        };
    });
    assert_eq!(hand.authorize(&server, &[]).await.status, 422);
    assert_eq!(hand.exchange(&server, "x", &[]).await.refusal(), (400, "unauthorized_client"));
    let so_far = server.counts().registrations;
    server.set(|quirks| quirks.dcr_limit = Some(so_far));
    let limited = hand.register(&server, native.clone()).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "3600"));
    server.set(|quirks| quirks.dcr_limit = None);
    server.set(|quirks| quirks.dcr_answer = Some((403, r#"{"error":"insufficient_scope"}"#)));
    assert_eq!(hand.register(&server, native.clone()).await.refusal(), (403, "insufficient_scope"));
    server.set(|quirks| quirks.dcr = false);
    assert_eq!(hand.register(&server, native).await.status, 404);
    assert_eq!(server.registrations().len(), server.counts().registrations + 6);

    let id = "https://client.example/allmcp.json";
    hand.id = id.into();
    let document = json!({"client_id": id, "redirect_uris": [REDIRECT]});
    server.set(|quirks| quirks.client_documents = [(id.to_owned(), document)].into());
    assert_eq!(hand.authorize(&server, &[]).await.status, 422);
    server.set(|quirks| quirks.cimd = true);
    assert_eq!(hand.authorize(&server, &[]).await.status, 302);
}

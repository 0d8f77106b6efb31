//! The authorization server refuses what the standards refuse, and says it in their words.

use crate::{
    sign_in::{Got, Hand, REDIRECT, VERIFIER, initialize},
    support::{
        authorization::{
            Audience, AuthMethod, AuthServer, Client, DeviceConsent, Quirks, Resource,
            ResourceQuirks, codec,
        },
        fault::Fault,
        script::Script,
    },
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorize_request_without_client_or_redirect_gets_a_page() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    for wrong in [
        ("client_id", "nobody"),
        ("client_id", ""),
        ("redirect_uri", "http://127.0.0.1:7778/callback"),
        ("redirect_uri", "http://localhost:7777/callback"),
        ("redirect_uri", "http://127.0.0.1:7777/callback/"),
        ("redirect_uri", ""),
    ] {
        let got = hand.authorize(&server, &[wrong]).await;
        assert_eq!((got.status, got.header("location")), (400, ""), "{wrong:?}");
    }
    assert_eq!(server.counts().authorize_refused, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorize_request_that_is_wrong_goes_back_with_an_error() {
    let quirks = Quirks { scopes: Some(vec!["read".into()]), ..Quirks::default() };
    let server = AuthServer::start(quirks);
    let resource = Resource::start(&server, Script::legacy());
    let hand = Hand::public(&server);
    let slashed = format!("{}/", resource.url());
    for (wrong, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("scope", "read write"), "invalid_scope"),
        (("resource", slashed.as_str()), "invalid_target"),
    ] {
        let back = hand.authorize(&server, &[wrong]).await.back();
        assert_eq!(back["error"], error, "{wrong:?}");
        assert_eq!((back["state"].as_str(), &back["iss"]), ("s1", &server.issuer()));
    }
    let doubled = format!("{}&state=s2", hand.authorize_url(&server, &[]));
    assert_eq!(hand.get(&doubled).await.back()["error"], "invalid_request");
    assert_eq!(server.counts().consents, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_for_one_client_one_verifier_one_redirect_and_one_time() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    let other = Resource::start(&server, Script::legacy());
    let (hand, stranger) = (Hand::public(&server), Hand::public(&server));
    let (url, other) = (resource.url(), other.url());
    let code = hand.code(&server, &[("resource", &url)]).await;
    let wrong_verifier = VERIFIER.replace('0', "x");
    for (wrong, expected) in [
        (("code_verifier", ""), (400, "invalid_request")),
        (("code_verifier", wrong_verifier.as_str()), (400, "invalid_grant")),
        (("redirect_uri", "http://127.0.0.1:7777/Callback"), (400, "invalid_grant")),
        (("code", "canary-code-0"), (400, "invalid_grant")),
        (("resource", other.as_str()), (400, "invalid_target")),
        (("client_id", stranger.id.as_str()), (400, "invalid_grant")),
        (("client_id", "nobody"), (401, "invalid_client")),
        (("client_id", ""), (400, "invalid_request")),
        (("client_secret", "canary-cs-0"), (401, "invalid_client")),
        (("grant_type", "password"), (400, "unsupported_grant_type")),
    ] {
        assert_eq!(hand.exchange(&server, &code, &[wrong]).await.refusal(), expected, "{wrong:?}");
    }
    let first = hand.exchange(&server, &code, &[]).await;
    assert_eq!(initialize(&resource, Some(&first.str("access_token"))).await.status, 200);
    let second = hand.exchange(&server, &code, &[]).await;
    assert_eq!(second.refusal(), (400, "invalid_grant"));
    assert!(!server.is_live(&first.str("access_token")));
    let refresh = hand.refresh(&server, &first.str("refresh_token"), &[]).await;
    assert_eq!(refresh.refusal(), (400, "invalid_grant"));
    assert_eq!((server.counts().codes_ok, server.counts().codes_reused), (1, 1));

    let late = hand.code(&server, &[]).await;
    server.shift_clock(61);
    assert_eq!(hand.exchange(&server, &late, &[]).await.refusal(), (400, "invalid_grant"));
    let outcomes: Vec<_> = server.token_requests().into_iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_endpoint_wants_a_form_by_post() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    let url = server.endpoint("token");
    assert_eq!(hand.get(&url).await.status, 405);
    let send = async |kind: &str, body: &str| {
        let request = hand.http.post(&url).header("content-type", kind).body(body.to_owned());
        Got::of(request.send().await.unwrap()).await
    };
    assert_eq!(send("application/json", "{}").await.refusal(), (400, "invalid_request"));
    let form = "application/x-www-form-urlencoded";
    let twice = "grant_type=refresh_token&grant_type=refresh_token";
    assert_eq!(send(form, twice).await.refusal(), (400, "invalid_request"));
    assert_eq!(hand.get(&server.endpoint("nothing")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_used_again_revokes_its_family() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    let (hand, stranger) = (Hand::public(&server), Hand::public(&server));
    let tokens = hand.sign_in(&server, "read").await;
    let first = tokens.str("refresh_token");
    for (wrong, expected) in [
        (("scope", "read offline_access"), (400, "invalid_scope")),
        (("resource", "https://elsewhere.example"), (400, "invalid_target")),
        (("client_id", stranger.id.as_str()), (400, "invalid_grant")),
        (("refresh_token", "canary-rt-0"), (400, "invalid_grant")),
    ] {
        assert_eq!(hand.refresh(&server, &first, &[wrong]).await.refusal(), expected, "{wrong:?}");
    }
    let second = hand.refresh(&server, &first, &[("scope", "read")]).await;
    let access = second.str("access_token");
    // Rotation alone leaves older access tokens alive.
    assert!(server.is_live(&tokens.str("access_token")));
    let reused = hand.refresh(&server, &first, &[]).await;
    assert_eq!(reused.refusal(), (400, "invalid_grant"));
    assert_eq!(initialize(&resource, Some(&access)).await.status, 401);
    let newest = hand.refresh(&server, &second.str("refresh_token"), &[]).await;
    assert_eq!(newest.refusal(), (400, "invalid_grant"));

    let counts = server.counts();
    assert_eq!((counts.refreshes_ok, counts.refreshes_reuse), (1, 1));
    assert_eq!((counts.refreshes_invalid_grant, counts.refreshes_failed), (4, 2));
    assert_eq!(server.refresh_sent()[&first], 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_shown_in_the_registered_way() {
    let server = AuthServer::start(Quirks::default());
    let mut hand = Hand::new();
    let body = json!({"redirect_uris": [REDIRECT], "grant_types": ["client_credentials"]});
    // Basic is what RFC 7591 gives to whom does not say.
    let registered = hand.register(&server, body).await;
    assert_eq!(registered.json["token_endpoint_auth_method"], "client_secret_basic");
    let (id, secret) = (hand.id.clone(), hand.secret.clone().unwrap());
    assert!(secret.starts_with("canary-cs-"));
    let form = codec::form([("grant_type", "client_credentials"), ("scope", "read")]);
    let basic = async |user: &str, password: &str, form: &str| {
        let request = hand.http.post(server.endpoint("token")).basic_auth(user, Some(password));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Got::of(request.body(form.to_owned()).send().await.unwrap()).await
    };
    let tokens = basic(&id, &secret, &form).await;
    assert_eq!((tokens.status, tokens.json["refresh_token"].as_str()), (200, None));
    let wrong = basic(&id, "canary-cs-0", &form).await;
    assert_eq!(wrong.refusal(), (401, "invalid_client"));
    assert!(wrong.header("www-authenticate").starts_with("Basic"));
    let doubled = format!("{form}&client_secret={secret}");
    assert_eq!(basic(&id, &secret, &doubled).await.refusal(), (400, "invalid_request"));
    let posted = hand.token(&server, &[("grant_type", "client_credentials")]).await;
    assert_eq!(posted.refusal(), (401, "invalid_client"));
    let code = hand.authorize(&server, &[]).await.back();
    assert_eq!(code["error"], "unauthorized_client");

    let public = Hand::public(&server);
    let got = public.token(&server, &[("grant_type", "client_credentials")]).await;
    assert_eq!(got.refusal(), (400, "unauthorized_client"));
    let auth: Vec<_> = server.token_requests().into_iter().map(|one| one.auth.unwrap()).collect();
    assert_eq!(auth[0], AuthMethod::Basic);
    assert_eq!(auth[3..], [AuthMethod::Post, AuthMethod::None]);
    assert_eq!(server.counts().client_credentials_ok, 1);
}

fn assertion(key: &EcdsaKeyPair, claims: &Value) -> String {
    let part = |value: &Value| codec::base64url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256"})), part(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", codec::base64url(signature.as_ref()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_assertion_is_checked_in_all_its_parts() {
    let server = AuthServer::start(Quirks::default());
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let client = server.add_client(AuthMethod::PrivateKeyJwt, &[]);
    let id = client.id.clone();
    server.put_client(Client { public_key: Some(key.public_key().as_ref().to_vec()), ..client });
    let hand = Hand::new();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = |jti: &str| {
        let aud = server.endpoint("token");
        json!({"iss": id, "sub": id, "aud": aud, "exp": now + 60, "jti": jti})
    };
    let try_it = async |assertion: String| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", assertion.as_str()),
        ];
        hand.token(&server, &fields).await
    };
    assert_eq!(try_it(assertion(&key, &claims("1"))).await.status, 200);
    let invalid = (401, "invalid_client");
    assert_eq!(try_it(assertion(&key, &claims("1"))).await.refusal(), invalid, "used twice");
    assert_eq!(try_it(assertion(&other, &claims("2"))).await.refusal(), invalid, "other key");
    for (name, value) in [
        ("iss", json!("x")),
        ("aud", json!("https://elsewhere.example")),
        ("exp", json!(now - 1)),
        ("exp", Value::Null),
        ("jti", Value::Null),
    ] {
        let mut claims = claims("3");
        claims[name] = value;
        assert_eq!(try_it(assertion(&key, &claims)).await.refusal(), invalid, "{name}");
    }
    server.set(|quirks| quirks.assertion_audience = Audience::Issuer);
    assert_eq!(try_it(assertion(&key, &claims("4"))).await.refusal(), invalid, "issuer wanted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_waits_for_its_user() {
    let server = AuthServer::start(Quirks { device: true, ..Quirks::default() });
    let hand = Hand::public(&server);
    let begin = async || {
        let form = codec::form([("client_id", hand.id.as_str()), ("scope", "read")]);
        let request = hand.http.post(server.endpoint("device_authorization")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Got::of(request.send().await.unwrap()).await
    };
    let poll = async |device: &Got| {
        let code = device.str("device_code");
        hand.token(&server, &[("grant_type", DEVICE), ("device_code", &code)]).await
    };
    let device = begin().await;
    assert_eq!(poll(&device).await.refusal(), (400, "authorization_pending"));
    server.set(|quirks| quirks.device_slow_down = 1);
    assert_eq!(poll(&device).await.refusal(), (400, "slow_down"));
    assert_eq!(hand.get(&device.str("verification_uri_complete")).await.status, 200);
    let tokens = poll(&device).await;
    assert_eq!((tokens.status, tokens.str("scope").as_str()), (200, "read"));
    assert_eq!(poll(&device).await.refusal(), (400, "invalid_grant"));

    server.set(|quirks| quirks.device_interval = 5);
    let device = begin().await;
    assert_eq!(device.json["interval"], json!(5));
    assert_eq!(poll(&device).await.refusal(), (400, "authorization_pending"));
    assert_eq!(poll(&device).await.refusal(), (400, "slow_down"));
    server.shift_clock(10);
    assert_eq!(poll(&device).await.refusal(), (400, "authorization_pending"));
    for (consent, error) in
        [(DeviceConsent::Denied, "access_denied"), (DeviceConsent::Expired, "expired_token")]
    {
        server.set(|quirks| quirks.device_consent = consent);
        server.shift_clock(10);
        assert_eq!(poll(&device).await.refusal(), (400, error));
    }
    server.set(|quirks| quirks.device_consent = DeviceConsent::AfterPolls(0));
    assert_eq!(poll(&begin().await).await.status, 200);
    server.set(|quirks| quirks.device = false);
    assert_eq!(begin().await.status, 404);
    let counts = server.counts();
    assert_eq!((counts.device_pending, counts.device_slow_down, counts.device_ok), (3, 2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_read_renewed_and_deleted() {
    let quirks = Quirks { dcr_managed: true, secret_ttl: Some(100), ..Quirks::default() };
    let server = AuthServer::start(quirks);
    let mut hand = Hand::new();
    let made = hand.register(&server, json!({"redirect_uris": [REDIRECT]})).await;
    let (url, token) = (made.str("registration_client_uri"), made.str("registration_access_token"));
    let manage = async |method: reqwest::Method, token: &str, body: String| {
        let request = hand.http.request(method, &url).bearer_auth(token).body(body);
        Got::of(request.send().await.unwrap()).await
    };
    assert_eq!(manage(reqwest::Method::GET, "canary-rat-0", String::new()).await.status, 401);
    let read = manage(reqwest::Method::GET, &token, String::new()).await;
    assert_eq!(read.str("client_secret"), made.str("client_secret"));
    server.shift_clock(50);
    let body = json!({"client_id": hand.id, "redirect_uris": [REDIRECT]}).to_string();
    let renewed = manage(reqwest::Method::PUT, &token, body).await;
    assert_ne!(renewed.str("client_secret"), made.str("client_secret"));
    let end = |got: &Got| got.json["client_secret_expires_at"].as_i64().unwrap();
    assert!(end(&renewed) >= end(&made) + 50);
    assert_eq!(manage(reqwest::Method::DELETE, &token, String::new()).await.status, 204);
    assert!(server.clients().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_takes_its_own_tokens_and_asks_for_scopes() {
    let server = AuthServer::start(Quirks::default());
    let quirks = ResourceQuirks {
        tool_scopes: [("echo".to_owned(), "write".to_owned())].into(),
        ..ResourceQuirks::default()
    };
    let script = Script::legacy().sessions(false);
    let resource = Resource::start_with(&server, script, quirks);
    let second = Resource::start(&server, Script::legacy());
    let hand = Hand::public(&server);
    let url = resource.url();
    let code = hand.code(&server, &[("resource", &url), ("scope", "read")]).await;
    let read = hand.exchange(&server, &code, &[]).await.str("access_token");
    let both = hand.sign_in(&server, "read write").await.str("access_token");
    assert_eq!(initialize(&second, Some(&read)).await.status, 401);
    assert_eq!(initialize(&second, Some(&both)).await.status, 200);

    let call = async |token: &str| {
        let client = crate::Client::new(&resource);
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
        Got::of(client.raw(body).bearer_auth(token).send().await.unwrap()).await
    };
    let refused = call(&read).await;
    let challenge = r#"Bearer error="insufficient_scope", scope="write""#;
    assert_eq!((refused.status, refused.header("www-authenticate")), (403, challenge));
    assert_eq!(call(&both).await.status, 200);
    assert_eq!((resource.runs("echo"), server.counts().scope_refused), (1, 1));

    // Another server's tokens mean nothing here, and faults come before all else.
    let elsewhere = AuthServer::start(Quirks::default());
    let foreign = Hand::public(&elsewhere).sign_in(&elsewhere, "write").await;
    assert_eq!(call(&foreign.str("access_token")).await.status, 401);
    server.http().fault(Fault::status(503).on_path("/token").once());
    assert_eq!(hand.token(&server, &[]).await.status, 503);
    server.revoke_grants();
    assert_eq!(call(&both).await.status, 401);
    server.shift_clock(4000);
    assert_eq!(server.wait_for("a 401", |counts| counts.access_refused >= 3).access_refused, 3);
}

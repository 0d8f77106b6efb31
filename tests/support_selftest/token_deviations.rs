//! Every switch of the authorize and token endpoints shows; the numbers are those of `Quirks`.

use crate::{
    sign_in::{Got, Hand, REDIRECT},
    support::authorization::{
        AuthMethod, AuthServer, Consent, ExpiresIn, ForbidResource, Iss, Prompt, Quirks, Redirect,
        ReplyForm, Rotation, TokenFail, codec,
    },
};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authorize_endpoint_minds_redirects_issuers_and_users() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    let other_port = [("redirect_uri", "http://127.0.0.1:9999/callback")];
    assert_eq!(hand.authorize(&server, &other_port).await.status, 400);
    server.set(|quirks| quirks.redirect = Redirect::AnyLoopbackPort);
    assert_eq!(hand.authorize(&server, &other_port).await.status, 302);
    let other_path = [("redirect_uri", "http://127.0.0.1:9999/")];
    assert_eq!(hand.authorize(&server, &other_path).await.status, 400);
    server.set(|quirks| quirks.redirect = Redirect::LocalhostOnly);
    assert_eq!(hand.authorize(&server, &[]).await.status, 400);
    server.set(|quirks| quirks.redirect = Redirect::Exact);

    for (iss, advertised, sent) in [
        (Iss::None, false, None),
        (Iss::Wrong, true, Some("https://mixed-up.example")),
        (Iss::WrongUnannounced, false, Some("https://mixed-up.example")),
        (Iss::Absent, true, None),
    ] {
        server.set(|quirks| quirks.iss = iss);
        let back = hand.authorize(&server, &[]).await.back();
        assert_eq!(back.get("iss").map(String::as_str), sent);
        let url = format!("{}/.well-known/oauth-authorization-server", server.origin());
        let meta = hand.get(&url).await.json;
        let member = &meta["authorization_response_iss_parameter_supported"];
        assert_eq!(member == true, advertised, "{iss:?}");
    }
    server.set(|quirks| {
        quirks.consent = Consent::Deny;
        quirks.error_text = Some("\u{1b}[31m".into());
    });
    let back = hand.authorize(&server, &[]).await.back();
    assert_eq!(
        (back["error"].as_str(), back["error_description"].as_str()),
        ("access_denied", "\u{1b}[31m")
    );
    server.set(|quirks| quirks.consent = Consent::NoWayBack);
    assert_eq!(hand.authorize(&server, &[]).await.status, 200);
    server.set(|quirks| {
        quirks.consent = Consent::Grant;
        quirks.needed_params = vec!["audience"];
    });
    assert_eq!(hand.authorize(&server, &[]).await.back()["error"], "invalid_request");
    assert_eq!(hand.authorize(&server, &[("audience", "x")]).await.back().get("error"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resource_is_forbidden_or_required() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    let with = [("resource", "https://mcp.example")];
    for (how, authorize, token) in [
        (ForbidResource::AtAuthorize, "invalid_target", "none"),
        (ForbidResource::AtToken, "none", "invalid_target"),
        (ForbidResource::Entra, "invalid_target", "invalid_target"),
        (ForbidResource::EntraByText, "invalid_request", "invalid_request"),
        (ForbidResource::EntraPage, "page", "invalid_target"),
    ] {
        server.set(|quirks| quirks.forbid_resource = Some(how));
        let code = hand.code(&server, &[]).await;
        let got = hand.authorize(&server, &with).await;
        if authorize == "page" {
            assert_eq!(got.status, 400);
            assert!(got.text.contains("AADSTS9010010"));
        } else {
            let error = got.back().remove("error").unwrap_or_else(|| "none".into());
            assert_eq!(error, authorize, "{how:?}");
        }
        let got = hand.exchange(&server, &code, &with).await;
        assert_eq!(got.refusal().1, token, "{how:?}");
        if how == ForbidResource::EntraByText {
            assert!(got.str("error_description").starts_with("AADSTS9010010"));
        }
    }
    server.set(|quirks| {
        quirks.forbid_resource = None;
        quirks.require_resource = true;
    });
    assert_eq!(hand.authorize(&server, &[]).await.back()["error"], "invalid_target");
    let code = hand.code(&server, &with).await;
    assert_eq!(hand.exchange(&server, &code, &[]).await.refusal(), (400, "invalid_target"));
    let refresh = hand.exchange(&server, &code, &with).await.str("refresh_token");
    server.set(|quirks| quirks.require_resource_on_refresh = true);
    assert_eq!(hand.refresh(&server, &refresh, &[]).await.refusal(), (400, "invalid_target"));
    assert_eq!(hand.refresh(&server, &refresh, &with).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_and_prompts_decide_on_the_refresh_token() {
    let scopes = ["read", "write", "offline_access"].map(str::to_owned).to_vec();
    let quirks = Quirks { offline_required: true, scopes: Some(scopes), ..Quirks::default() };
    let server = AuthServer::start(quirks);
    let hand = Hand::public(&server);
    let has_refresh = async |more: &[(&str, &str)]| {
        let code = hand.code(&server, more).await;
        hand.exchange(&server, &code, &[]).await.json["refresh_token"].is_string()
    };
    let offline = ("scope", "read offline_access");
    assert!(!has_refresh(&[("scope", "read")]).await);
    assert!(has_refresh(&[offline]).await);
    server.set(|quirks| quirks.prompt = Prompt::Needed);
    assert!(!has_refresh(&[offline]).await);
    assert!(has_refresh(&[offline, ("prompt", "consent")]).await);
    server.set(|quirks| quirks.prompt = Prompt::Refused);
    let got = hand.authorize(&server, &[offline, ("prompt", "consent")]).await;
    assert_eq!(got.back()["error"], "consent_required");
    server.set(|quirks| {
        quirks.prompt = Prompt::Free;
        quirks.offline_params = vec![("access_type", "offline")];
    });
    assert!(!has_refresh(&[offline]).await);
    assert!(has_refresh(&[offline, ("access_type", "offline")]).await);
    server.set(|quirks| quirks.refresh_tokens = false);
    assert!(!has_refresh(&[offline, ("access_type", "offline")]).await);

    assert_eq!(
        hand.authorize(&server, &[("scope", "openid")]).await.back()["error"],
        "invalid_scope"
    );
    server.set(|quirks| quirks.unknown_scopes_refused = false);
    assert_eq!(hand.sign_in(&server, "openid read").await.str("scope"), "read");
    server.set(|quirks| quirks.grant_only = Some(vec!["read".into()]));
    assert_eq!(hand.sign_in(&server, "read write").await.str("scope"), "read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_rotates_forgives_or_fails_in_many_ways() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    let begin = async |rotation: Rotation| {
        server.set(|quirks| *quirks = Quirks { rotation, ..Quirks::default() });
        let tokens = hand.sign_in(&server, "read").await;
        (tokens.str("access_token"), tokens.str("refresh_token"))
    };
    let (_, first) = begin(Rotation::Never).await;
    assert_eq!(hand.refresh(&server, &first, &[]).await.str("refresh_token"), first);

    let (_, first) = begin(Rotation::Grace(Duration::from_secs(30))).await;
    assert_eq!(hand.refresh(&server, &first, &[]).await.status, 200);
    server.shift_clock(29);
    let newest = hand.refresh(&server, &first, &[]).await;
    assert_eq!(newest.status, 200);
    server.shift_clock(31);
    assert_eq!(hand.refresh(&server, &first, &[]).await.refusal(), (400, "invalid_grant"));
    assert!(!server.is_live(&newest.str("access_token")));

    let (_, first) = begin(Rotation::UntilUsed).await;
    let second = hand.refresh(&server, &first, &[]).await.str("refresh_token");
    assert_eq!(hand.refresh(&server, &first, &[]).await.status, 200);
    assert_eq!(hand.refresh(&server, &second, &[]).await.status, 200);
    assert_eq!(hand.refresh(&server, &first, &[]).await.refusal(), (400, "invalid_grant"));

    let (access, first) = begin(Rotation::Strict).await;
    server.set(|quirks| (quirks.drop_refresh_on_refresh, quirks.revoke_old_at) = (true, true));
    let renewed = hand.refresh(&server, &first, &[]).await;
    assert!(renewed.json.get("refresh_token").is_none());
    assert!(!server.is_live(&access) && server.is_live(&renewed.str("access_token")));
    assert_eq!(hand.refresh(&server, &first, &[]).await.status, 200);

    let (access, first) = begin(Rotation::Strict).await;
    server.set(|quirks| quirks.refresh_refused = true);
    assert_eq!(hand.refresh(&server, &first, &[]).await.refusal(), (400, "invalid_grant"));
    assert!(server.is_live(&access));
    server.set(|quirks| {
        (quirks.refresh_refused, quirks.scope_on_refresh_refused) = (false, true);
    });
    let with_scope = hand.refresh(&server, &first, &[("scope", "read")]).await;
    assert_eq!(with_scope.refusal(), (400, "invalid_scope"));
    assert_eq!(hand.refresh(&server, &first, &[]).await.status, 200);
    server.shift_clock(3601);
    assert!(!server.is_live(&access));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_replies_have_many_forms() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    for (expires_in, expected) in [
        (ExpiresIn::String, json!("3600")),
        (ExpiresIn::Float, json!(3600.5)),
        (ExpiresIn::Zero, json!(0)),
        (ExpiresIn::Missing, json!(null)),
        (ExpiresIn::Null, json!(null)),
        (ExpiresIn::Jwt, json!(null)),
    ] {
        server.set(|quirks| quirks.expires_in = expires_in);
        let got = hand.sign_in(&server, "").await;
        assert_eq!(got.json["expires_in"], expected, "{expires_in:?}");
        assert_eq!(
            got.json.get("expires_in").is_some(),
            !expected.is_null() || expires_in == ExpiresIn::Null
        );
        let token = got.str("access_token");
        assert!(token.contains("canary-at-") && server.is_live(&token));
        if expires_in == ExpiresIn::Jwt {
            let claims = codec::from_base64(token.split('.').nth(1).unwrap()).unwrap();
            assert!(String::from_utf8(claims).unwrap().starts_with(r#"{"exp":"#));
        }
    }
    server.set(|quirks| {
        quirks.expires_in = ExpiresIn::Number;
        quirks.expires_in_on_refresh = Some(ExpiresIn::Missing);
    });
    let first = hand.sign_in(&server, "").await;
    assert_eq!(first.json["expires_in"], json!(3600));
    let again = hand.refresh(&server, &first.str("refresh_token"), &[]).await;
    assert!(again.json.get("expires_in").is_none());

    let form = |got: &Got| codec::pairs(&got.text).iter().any(|(key, _)| key == "access_token");
    server.set(|quirks| quirks.reply = ReplyForm::Form);
    let got = hand.sign_in(&server, "").await;
    assert!(form(&got) && got.header("content-type").ends_with("form-urlencoded"));
    server.set(|quirks| quirks.reply = ReplyForm::FormUnlessAsked);
    assert!(form(&hand.sign_in(&server, "").await));
    server.set(|quirks| quirks.reply = ReplyForm::UserToken);
    assert_eq!(hand.sign_in(&server, "").await.str("token_type"), "user");
    server.set(|quirks| quirks.reply = ReplyForm::NoTokenType);
    assert!(hand.sign_in(&server, "").await.json.get("token_type").is_none());
    server.set(|quirks| quirks.reply = ReplyForm::CommaScopes);
    assert_eq!(hand.sign_in(&server, "a b").await.str("scope"), "a,b");
    server.set(|quirks| quirks.reply = ReplyForm::AuthedUser);
    assert!(hand.sign_in(&server, "").await.json["authed_user"]["access_token"].is_string());
    server.set(|quirks| (quirks.reply, quirks.errors_with_200) = (ReplyForm::Json, true));
    assert_eq!(hand.exchange(&server, "x", &[]).await.refusal(), (200, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_requests_fail_one_by_one() {
    let server = AuthServer::start(Quirks::default());
    let hand = Hand::public(&server);
    let code = hand.code(&server, &[]).await;
    for (fail, status, text) in [
        (TokenFail::Html500, 500, "<h1>"),
        (TokenFail::Cloudflare530, 530, "1033"),
        (TokenFail::TooMany(Some(3)), 429, "too many"),
        (TokenFail::OkFalse("ratelimited"), 200, r#"{"ok":false,"error":"ratelimited"}"#),
        (TokenFail::ErrorWith200("bad_verification_code"), 200, "bad_verification_code"),
        (TokenFail::Error(400, "invalid_grant"), 400, "invalid_grant"),
        (TokenFail::Raw(200, "text/html", "<p>".into()), 200, "<p>"),
    ] {
        server.set(|quirks| quirks.token_fail.push_back(fail));
        let got = hand.exchange(&server, &code, &[]).await;
        assert_eq!(got.status, status);
        assert!(got.text.contains(text), "{got:?}");
        assert_eq!(got.header("retry-after"), if status == 429 { "3" } else { "" });
    }
    server.set(|quirks| quirks.token_fail.push_back(TokenFail::Cut));
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
    assert!(hand.try_token(&server, &fields).await.is_err());
    // None of these has used the code.
    server.set(|quirks| quirks.token_fail.push_back(TokenFail::As(ReplyForm::Form)));
    let got = hand.exchange(&server, &code, &[]).await;
    let pairs = codec::pairs(&got.text);
    let (_, first) = pairs.iter().find(|(name, _)| name == "refresh_token").unwrap();

    // A lost reply: the server has moved on, the client has not.
    server.set(|quirks| quirks.refresh_fail.extend([TokenFail::CutAfterWork, TokenFail::Hang]));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    assert!(hand.try_token(&server, &fields).await.is_err());
    assert_eq!((server.counts().refreshes_ok, server.counts().refreshes_reuse), (1, 0));
    let hangs = hand.try_token(&server, &fields);
    let hung = async {
        // The request is there, and its answer is not: that is all there is to see of a hang.
        while server.counts().refreshes_failed == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        got = hangs => panic!("{got:?}"),
        () = hung => {}
    }
    let got = hand.refresh(&server, first, &[]).await;
    assert_eq!(got.refusal(), (400, "invalid_grant"));
    assert_eq!((server.counts().refreshes_reuse, server.refresh_sent()[first]), (1, 3));
    let outcomes: Vec<_> = server.token_requests_of("refresh_token");
    let outcomes: Vec<_> = outcomes.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes, ["lost", "fail", "invalid_grant"]);

    server.set(|quirks| quirks.token_latency = Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(hand.exchange(&server, "x", &[]).await.status, 400);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_endpoint_may_speak_json_and_say_nothing_of_errors() {
    let server = AuthServer::start(Quirks { json_token: true, ..Quirks::default() });
    let client = server.add_client(AuthMethod::Post, &[REDIRECT]);
    let hand = Hand { id: client.id.clone(), ..Hand::new() };
    let no_pkce = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = hand.code(&server, &no_pkce).await;
    let send = async |more: serde_json::Value| {
        let mut body = json!({"client_id": client.id, "client_secret": client.secret,
            "redirect_uri": REDIRECT});
        codec::merge(&mut body, &more);
        let request = hand.http.post(server.endpoint("token")).body(body.to_string());
        Got::of(request.header("content-type", "application/json").send().await.unwrap()).await
    };
    let got = send(json!({"grant_type": "authorization_code", "code": code})).await;
    assert!(got.json["server_time"].is_i64(), "{got:?}");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": got.str("refresh_token")});
    let mut without = refresh.clone();
    without["redirect_uri"] = json!(null);
    let refused = send(without).await;
    assert_eq!((refused.status, refused.text.as_str()), (400, "{}"));
    assert_eq!(send(refresh).await.status, 200);
    assert_eq!(hand.exchange(&server, "x", &[]).await.text, "{}");
}

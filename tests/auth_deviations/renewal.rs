//! What comes after the sign-in, and the sign-ins without a browser.

use crate::{
    drive::{Done, REDIRECT, consent, http, knock},
    support::{
        authorization::{
            AuthMethod, AuthServer, DeviceConsent, Quirks, ReplyForm, Resource, ResourceQuirks,
            Rotation, TokenFail,
        },
        script::Script,
    },
};
use allmcp::{
    auth::{
        self, Challenge, ClientSource, Discovered, Flow, OAuthConfig, OAuthHttp, SignInError,
        Wanted, client_credentials,
        device::Device,
        discover, registration,
        revoke::{Revoked, revoke},
        token_endpoint::{Learned, TokenError, refresh},
    },
    secret::Secret,
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::Url;

struct Scene {
    server: AuthServer,
    resource: Resource,
    http: OAuthHttp,
    discovered: Discovered,
    config: OAuthConfig,
}

impl Scene {
    async fn new(quirks: Quirks) -> Self {
        let server = AuthServer::start(quirks);
        let resource = Resource::start_with(&server, Script::legacy(), ResourceQuirks::default());
        let url = Url::parse(&resource.url()).unwrap();
        let http = http(&url);
        let challenge = Challenge::of(knock(&resource.url(), None).await.headers());
        let config = OAuthConfig::default();
        let discovered = discover(&http, &url, challenge.as_ref(), &config).await.unwrap();
        Self { server, resource, http, discovered, config }
    }

    async fn client(&self, stored: Option<&auth::Client>, fresh: bool) -> auth::Client {
        let client = registration::client(
            &self.http,
            &self.discovered,
            &self.config,
            None,
            false,
            stored,
            REDIRECT,
            fresh,
        );
        client.await.unwrap()
    }

    async fn sign_in(&self) -> Done {
        let client = self.client(None, false).await;
        let wanted = Wanted::default();
        let flow = Flow::begin(&self.discovered, &client, &self.config, &wanted, REDIRECT).unwrap();
        let query = consent(flow.authorize_url()).await.unwrap();
        let code = flow.callback(&query).unwrap();
        let (grant, learned) = flow.exchange(&self.http, code, REDIRECT).await.unwrap();
        Done { client, grant, learned }
    }

    async fn works(&self, token: &Secret<String>) -> bool {
        knock(&self.resource.url(), Some(token.expose())).await.status() == 200
    }

    /// A client that an administrator made, as `registration::client` would give it.
    async fn configured(&mut self, made: crate::support::authorization::Client) -> auth::Client {
        self.config.client_id = Some(made.id);
        let client = registration::client(
            &self.http,
            &self.discovered,
            &self.config,
            made.secret.map(Secret::new),
            made.public_key.is_some(),
            None,
            REDIRECT,
            false,
        );
        client.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviations_20_23_and_28_a_renewal_sends_the_resource_and_no_scope() {
    let scene = Scene::new(Quirks {
        require_resource_on_refresh: true,
        scope_on_refresh_refused: true,
        drop_refresh_on_refresh: true,
        rotation: Rotation::Never,
        ..Quirks::default()
    })
    .await;
    let Done { client, grant, .. } = scene.sign_in().await;
    let (reply, learned) = refresh(&scene.http, &client, &grant).await.unwrap();
    assert!(reply.refresh_token.is_none() && learned == Learned::default());
    assert!(scene.works(&reply.access_token).await);
    let sent = &scene.server.token_requests_of("refresh_token")[0];
    assert_eq!(sent.params.get("scope"), None);
    assert_eq!(sent.params.get("resource"), Some(scene.resource.name().as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviation_26_only_the_word_of_the_server_ends_a_grant() {
    let scene = Scene::new(Quirks::default()).await;
    let Done { client, grant, .. } = scene.sign_in().await;
    for fail in [
        TokenFail::Html500,
        TokenFail::Cloudflare530,
        TokenFail::TooMany(Some(7)),
        TokenFail::Cut,
        TokenFail::OkFalse("ratelimited"),
        TokenFail::Raw(403, "text/html", "<html>".into()),
    ] {
        scene.server.set(|quirks| quirks.refresh_fail = [fail.clone()].into());
        let error = refresh(&scene.http, &client, &grant).await.unwrap_err();
        assert!(matches!(error, TokenError::Transient { .. }), "{fail:?}: {error:?}");
    }
    let sent = scene.server.refresh_sent();
    assert!(sent.values().all(|times| *times <= 6), "once each: {sent:?}");
    scene.server.set(|quirks| quirks.refresh_fail = [TokenFail::As(ReplyForm::Form)].into());
    let (reply, _) = refresh(&scene.http, &client, &grant).await.unwrap();
    assert!(scene.works(&reply.access_token).await);
    // The old one was used up: reuse revokes, and that is definitive.
    let error = refresh(&scene.http, &client, &grant).await.unwrap_err();
    assert_eq!(error, TokenError::InvalidGrant { detail: "invalid_grant".into() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviation_17_a_renewal_learns_the_other_method() {
    let mut scene = Scene::new(Quirks::default()).await;
    let made = scene.server.add_client(AuthMethod::Post, &[REDIRECT]);
    let client = scene.configured(made).await;
    let wanted = Wanted::default();
    let flow = Flow::begin(&scene.discovered, &client, &scene.config, &wanted, REDIRECT).unwrap();
    let query = consent(flow.authorize_url()).await.unwrap();
    let code = flow.callback(&query).unwrap();
    let (grant, _) = flow.exchange(&scene.http, code, REDIRECT).await.unwrap();
    scene.server.set(|quirks| quirks.only_auth = Some(AuthMethod::Basic));
    let (_, learned) = refresh(&scene.http, &client, &grant).await.unwrap();
    assert_eq!(learned.method, Some(auth::AuthMethod::Basic));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deviations_14_and_15_a_registration_is_kept_renewed_and_removed() {
    let mut scene = Scene::new(Quirks {
        dcr_managed: true,
        secret_ttl: Some(7 * 24 * 3600),
        dcr_force_auth: Some(AuthMethod::Post),
        ..Quirks::default()
    })
    .await;
    let first = scene.client(None, false).await;
    assert!(first.secret_expires_at.is_some() && first.management.is_some());
    assert_eq!(scene.client(Some(&first), false).await, first, "one for ever");
    let foreign = auth::Client { issuer: "https://other.example".into(), ..first.clone() };
    assert_ne!(scene.client(Some(&foreign), false).await.id, first.id, "another issuer");
    assert_ne!(scene.client(Some(&first), true).await.id, first.id, "forgotten");
    let moved = auth::Client { redirect_uri: Some("http://x/".into()), ..first.clone() };
    assert_ne!(scene.client(Some(&moved), false).await.id, first.id, "another redirect URI");
    let before = scene.server.counts().registrations;
    let due = auth::Client { secret_expires_at: Some(std::time::UNIX_EPOCH), ..first.clone() };
    let renewed = scene.client(Some(&due), false).await;
    assert_eq!(
        (renewed.id.as_str(), renewed.source),
        (first.id.as_str(), ClientSource::Registered)
    );
    assert!(renewed.secret_expires_at > due.secret_expires_at);
    assert_eq!(scene.server.counts().registrations, before, "renewed, not made anew");
    assert!(registration::unregister(&scene.http, &renewed).await);
    assert!(!scene.server.clients().iter().any(|client| client.id == first.id));
    scene.config.client_id = Some("mine".into());
    assert_eq!(scene.client(Some(&first), false).await.source, ClientSource::Configured);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_credentials_by_secret_and_by_signature() {
    let mut scene = Scene::new(Quirks::default()).await;
    for method in [AuthMethod::Post, AuthMethod::Basic] {
        let made = scene.server.add_client(method, &[]);
        let client = scene.configured(made).await;
        let scopes = ["read".to_owned()];
        let grant =
            client_credentials::grant(&scene.http, &scene.discovered, &client, None, &scopes)
                .await
                .unwrap();
        assert!(scene.works(&grant.access_token).await);
        assert_eq!(grant.kind, auth::GrantKind::ClientCredentials);
    }
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let pem = BASE64_STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
    let mut made = scene.server.add_client(AuthMethod::PrivateKeyJwt, &[]);
    made.public_key = Some(key.public_key().as_ref().to_vec());
    scene.server.put_client(made.clone());
    let client = scene.configured(made).await;
    let pem = Secret::new(pem);
    let ask = async |key| {
        client_credentials::grant(&scene.http, &scene.discovered, &client, key, &[]).await
    };
    assert!(scene.works(&ask(Some(&pem)).await.unwrap().access_token).await);
    let error = ask(None).await.unwrap_err();
    assert!(error.to_string().contains("private key is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_code_is_polled_at_the_pace_of_the_server() {
    let mut scene = Scene::new(Quirks {
        device: true,
        device_interval: 1,
        device_consent: DeviceConsent::AfterPolls(1),
        ..Quirks::default()
    })
    .await;
    let made = scene.server.add_client(AuthMethod::None, &[REDIRECT]);
    let client = scene.configured(made).await;
    let start = async || {
        let wanted = Wanted::default();
        let (http, config) = (&scene.http, &scene.config);
        Device::start(http, &scene.discovered, &client, config, &wanted, None).await.unwrap()
    };
    let device = start().await;
    assert!(device.verification_uri.starts_with(&scene.server.origin()));
    let (grant, _) = device.wait(&scene.http, None).await.unwrap();
    assert!(scene.works(&grant.access_token).await);
    scene.server.set(|quirks| quirks.device_consent = DeviceConsent::Denied);
    let denied = start().await.wait(&scene.http, None).await.unwrap_err();
    assert!(matches!(denied, SignInError::Denied { .. }), "{denied:?}");
    scene.server.set(|quirks| quirks.device_consent = DeviceConsent::Expired);
    assert_eq!(start().await.wait(&scene.http, None).await.unwrap_err(), SignInError::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_given_back() {
    let scene = Scene::new(Quirks::default()).await;
    let Done { client, mut grant, .. } = scene.sign_in().await;
    assert_eq!(revoke(&scene.http, &client, &grant, None).await, Revoked::Done);
    assert!(!scene.works(&grant.access_token).await);
    scene.server.set(|quirks| quirks.revocation = false);
    assert_eq!(revoke(&scene.http, &client, &grant, None).await, Revoked::Failed);
    grant.revocation_endpoint = None;
    assert_eq!(revoke(&scene.http, &client, &grant, None).await, Revoked::NotOffered);
}

//! One sign-in under many processes of the binary, and an authorization server that ends the
//! session when a refresh token comes twice.
//!
//! Nobody opens a browser here: the tokens are put into the store as a sign-in would.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use allmcp::{
    auth::{AuthMethod, Client, ClientSource, Grant, GrantKind, Place},
    secret::Secret,
    store::{GrantFacts, GrantStore},
    vault::{FileVault, VaultHandle},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use support::{
    authorization::{
        AuthMethod as Method, AuthServer, Counts, Quirks, Resource, Rotation, TokenFail, codec,
    },
    client::Serve,
    env::TestEnv,
    script::Script,
    talk::{eventually, told},
};

const N: usize = 5;
const REDIRECT: &str = "http://127.0.0.1:7777/callback";
const VERIFIER: &str = "0123456789012345678901234567890123456789012";

/// One machine, signed in.
struct Site {
    env: TestEnv,
    server: AuthServer,
    resource: Resource,
    sign_ins: Cell<usize>,
}

impl Site {
    fn new(quirks: Quirks) -> Self {
        let server = AuthServer::start(quirks);
        let resource = Resource::start(&server, Script::legacy());
        let env = TestEnv::new();
        let url = resource.url();
        env.config(&format!("[connections.c]\nurl = \"{url}\"\nauth = \"oauth\"\n"));
        Self { env, server, resource, sign_ins: Cell::new(0) }
    }

    fn place(&self) -> Place {
        let vault = FileVault::new(&self.env.allmcp_home().join("data"));
        Place {
            name: "c".parse().unwrap(),
            account: "c".to_owned(),
            bound: self.resource.url(),
            vault: VaultHandle::of(Arc::new(vault)),
            grants: GrantStore::new(self.env.allmcp_home().join("state/grants")),
        }
    }

    fn facts(&self) -> GrantFacts {
        self.place().grants.load("c")
    }

    /// Signs in as a person would, and says that the access token ends in `left` seconds.
    fn sign_in(&self, left: i64) {
        self.sign_ins.set(self.sign_ins.get() + 1);
        let work = async {
            let (client, reply) = self.exchange().await;
            let now = SystemTime::now();
            let by = Duration::from_secs(left.unsigned_abs());
            let secret = |name: &str| Secret::new(reply[name].as_str().unwrap().to_owned());
            let grant = Grant {
                generation: 0,
                kind: GrantKind::Code,
                access_token: secret("access_token"),
                refresh_token: Some(secret("refresh_token")),
                expires_at: Some(if left < 0 { now - by } else { now + by }),
                issued_at: Some(now - Duration::from_secs(3600 - left.min(3600).unsigned_abs())),
                scopes: Vec::new(),
                issuer: self.server.issuer(),
                resource: Some(self.resource.name()),
                token_endpoint: self.server.endpoint("token"),
                revocation_endpoint: None,
                style: None,
            };
            let client = Client {
                issuer: self.server.issuer(),
                id: client,
                secret: None,
                method: AuthMethod::None,
                source: ClientSource::Registered,
                redirect_uri: Some(REDIRECT.to_owned()),
                secret_expires_at: None,
                management: None,
            };
            self.place().store_new(client, grant, |_| ()).await.unwrap();
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays the client's side by hand")]
    async fn exchange(&self) -> (String, Value) {
        let client = self.server.add_client(Method::None, &[REDIRECT]).id;
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let resource = self.resource.name();
        let ask = url::Url::parse_with_params(
            &self.server.endpoint("authorize"),
            [
                ("response_type", "code"),
                ("client_id", &client),
                ("redirect_uri", REDIRECT),
                ("code_challenge", &codec::s256(VERIFIER)),
                ("code_challenge_method", "S256"),
                ("state", "s"),
                ("resource", &resource),
            ],
        );
        let answer = http.get(ask.unwrap()).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap().parse::<url::Url>().unwrap();
        let code = back.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("client_id", &client),
                ("redirect_uri", REDIRECT),
                ("code", &code),
                ("code_verifier", VERIFIER),
                ("resource", &resource),
            ])
            .finish();
        let request = http
            .post(self.server.endpoint("token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let reply = request.send().await.unwrap().text().await.unwrap();
        (client, serde_json::from_str(&reply).unwrap())
    }

    fn copies(&self, n: usize) -> Vec<Serve> {
        let start = |_| {
            let mut serve = Serve::start(&self.env, &["serve", "-v"]);
            serve.initialize("2025-11-25");
            serve
        };
        (0..n).map(start).collect()
    }

    /// Prints a row of the table, and holds what has to hold in every scenario.
    #[track_caller]
    fn row(&self, scenario: &str, errors: usize, survivors: usize, slowest: Duration) -> Counts {
        let counts = self.server.counts();
        let (ok, bad) = (counts.refreshes_ok, counts.refreshes_invalid_grant);
        let tabs = counts.authorize_requests - self.sign_ins.get();
        #[expect(clippy::print_stderr, reason = "the table is for who runs this by hand")]
        {
            eprintln!(
                "| {scenario} | {ok} | {bad} | {errors} | {tabs} | {survivors} | {} ms |",
                slowest.as_millis()
            );
        }
        assert_eq!(tabs, 0);
        for canary in ["canary-rt-", "canary-at-"] {
            for found in self.env.grep_everything(canary) {
                assert!(found.ends_with("secrets.json"), "{}", found.display());
            }
        }
        counts
    }
}

/// One call in each copy at the same time; how many failed, and how long the slowest took.
fn all_call(copies: &mut [Serve]) -> (Vec<Value>, Duration) {
    let start = Instant::now();
    let call = |serve: &mut Serve| {
        serve.send_request("tools/call", json!({"name": "c__echo", "arguments": {}}))
    };
    let ids: Vec<u64> = copies.iter_mut().map(call).collect();
    let answers: Vec<Value> =
        copies.iter().zip(ids).map(|(serve, id)| serve.response(id)).collect();
    (answers, start.elapsed())
}

fn errors(answers: &[Value]) -> usize {
    let good =
        |answer: &&Value| answer["result"].is_object() && answer["result"]["isError"] != true;
    answers.len() - answers.iter().filter(good).count()
}

#[track_caller]
fn one_refresh(site: &Site, scenario: &str, copies: &mut [Serve]) {
    let (answers, slowest) = all_call(copies);
    let failed = errors(&answers);
    let counts = site.row(scenario, failed, copies.len() - failed, slowest);
    assert_eq!(failed, 0, "{answers:?}");
    assert_eq!((counts.refreshes_ok, counts.refreshes_invalid_grant), (1, 0));
    assert!(site.server.refresh_sent().values().all(|times| *times == 1));
    let (answers, _) = all_call(copies);
    assert_eq!(errors(&answers), 0, "{answers:?}");
    assert_eq!(site.server.counts().refreshes_ok, 1);
}

fn slow(latency: u64) -> Quirks {
    Quirks { token_latency: Duration::from_millis(latency), ..Quirks::default() }
}

#[test]
fn expired_tokens_are_renewed_by_one_of_five() {
    let site = Site::new(slow(300));
    site.sign_in(-10);
    one_refresh(&site, "expired, 5 new processes", &mut site.copies(N));
}

#[test]
fn tokens_that_are_rejected_early_are_renewed_by_one_of_five() {
    let site = Site::new(slow(300));
    site.sign_in(3600);
    let mut copies = site.copies(N);
    assert_eq!(errors(&all_call(&mut copies).0), 0);
    site.server.reject_access_tokens();
    one_refresh(&site, "warm401: rejected early", &mut copies);
}

#[test]
fn a_server_that_ends_older_tokens_with_each_renewal_makes_no_ping_pong() {
    let site = Site::new(Quirks { revoke_old_at: true, ..slow(100) });
    site.sign_in(3600);
    let mut copies = site.copies(N);
    assert_eq!(errors(&all_call(&mut copies).0), 0);
    site.server.reject_access_tokens();
    one_refresh(&site, "warm401, older tokens end", &mut copies);
}

#[test]
fn after_a_sleep_five_new_processes_renew_once() {
    let site = Site::new(slow(300));
    site.sign_in(3600);
    site.server.reject_access_tokens();
    one_refresh(&site, "wake: 5 new processes, rejected", &mut site.copies(N));
}

/// Starts a call in the first copy and waits until its renewal has come to `step`.
fn renewing(site: &Site, copies: &mut [Serve], step: impl FnMut() -> bool) -> u64 {
    let id = copies[0].send_request("tools/call", json!({"name": "c__echo", "arguments": {}}));
    eventually("the renewal", step);
    assert!(site.facts().intent.is_some());
    id
}

#[test]
fn a_holder_that_is_killed_before_the_server_worked_costs_nothing() {
    let site = Site::new(slow(1000));
    site.sign_in(3600);
    let mut copies = site.copies(N);
    assert_eq!(errors(&all_call(&mut copies).0), 0);
    site.server.reject_access_tokens();
    renewing(&site, &mut copies, || site.facts().intent.is_some());
    copies[0].kill();
    copies[0].wait_exit();
    let killed = copies.remove(0);
    let (answers, slowest) = all_call(&mut copies);
    let failed = errors(&answers);
    let counts = site.row("kill -9 before the work", failed, copies.len() - failed, slowest);
    assert_eq!(failed, 0, "{answers:?}");
    assert_eq!((counts.refreshes_ok, counts.refreshes_invalid_grant), (1, 0));
    drop(killed);
}

#[test]
fn a_holder_that_is_killed_with_the_answer_under_way_costs_one_more_try() {
    for (rotation, saved) in [(Rotation::UntilUsed, true), (Rotation::Strict, false)] {
        let mut quirks = Quirks { rotation, ..Quirks::default() };
        quirks.refresh_fail.push_back(TokenFail::HangAfterWork);
        let site = Site::new(quirks);
        site.sign_in(3600);
        let mut copies = site.copies(N);
        assert_eq!(errors(&all_call(&mut copies).0), 0);
        site.server.reject_access_tokens();
        renewing(&site, &mut copies, || site.server.counts().refreshes_ok == 1);
        copies[0].kill();
        copies[0].wait_exit();
        let killed = copies.remove(0);
        let (answers, slowest) = all_call(&mut copies);
        let failed = errors(&answers);
        let scenario = format!("kill -9, answer lost, {rotation:?}");
        let counts = site.row(&scenario, failed, copies.len() - failed, slowest);
        assert!(site.server.refresh_sent().values().all(|times| *times <= 2));
        if saved {
            assert_eq!((failed, counts.refreshes_ok), (0, 2), "{answers:?}");
        } else {
            assert_eq!((failed, counts.refreshes_invalid_grant), (N - 1, 1));
            for answer in &answers {
                assert!(told(answer).contains("allmcp reconnect c"), "{answer}");
            }
            // Asked again, nobody sends it again.
            let (again, _) = all_call(&mut copies);
            assert_eq!(errors(&again), N - 1);
            assert_eq!(site.server.counts().refreshes_invalid_grant, 1);
            // A new sign-in is taken up by all, without a restart.
            site.sign_in(3600);
            let (answers, _) = all_call(&mut copies);
            assert_eq!(errors(&answers), 0, "{answers:?}");
        }
        drop(killed);
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_loses_nothing() {
    let site = Site::new(slow(1000));
    site.sign_in(-10);
    // Alone: another one would begin to connect by itself, and could be the one that renews.
    let mut copies = site.copies(1);
    let id = renewing(&site, &mut copies, || site.facts().intent.is_some());
    copies[0].notify("notifications/cancelled", json!({"requestId": id}));
    assert_eq!(copies.remove(0).finish(), 0);
    assert_eq!(site.facts().generation, 2, "it is saved before the process is gone");
    one_refresh(&site, "cancel and EOF in a renewal", &mut site.copies(2));
}

#[test]
fn while_the_holder_is_stopped_nobody_else_asks() {
    // Its request is over by the time when it goes on: the server forgives one token that comes
    // twice.
    let site = Site::new(Quirks { rotation: Rotation::UntilUsed, ..slow(500) });
    site.sign_in(3600);
    let mut copies = site.copies(3);
    assert_eq!(errors(&all_call(&mut copies).0), 0);
    site.server.reject_access_tokens();
    let id = renewing(&site, &mut copies, || site.facts().intent.is_some());
    copies[0].signal(Signal::STOP);
    let (answers, slowest) = all_call(&mut copies[1..]);
    for answer in &answers {
        assert!(told(answer).contains("another process is renewing"), "{answer}");
    }
    let counts = site.row("SIGSTOP of the holder", errors(&answers), 1, slowest);
    assert!(slowest < Duration::from_secs(28), "{slowest:?}");
    assert!(counts.refreshes_ok <= 1);
    copies[0].signal(Signal::CONT);
    let _its_own_time_may_be_over = copies[0].response(id);
    eventually("everybody to go on", || errors(&all_call(&mut copies).0) == 0);
    let counts = site.row("SIGCONT of the holder", 0, copies.len(), slowest);
    assert_eq!(counts.refreshes_invalid_grant, 0);
    assert!(site.server.refresh_sent().values().all(|times| *times <= 2));
}

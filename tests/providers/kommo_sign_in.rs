//! Kommo with an integration of the user's own: the browser, what is pasted, and renewal.

use crate::{
    kommo::BOTH,
    rig::Rig,
    stand_in::kommo::{CLIENT_ID, CLIENT_SECRET, CODE, Kommo, TOKEN},
    support::{
        authorization::{Mode, TestBrowser},
        env::Output,
        talk,
    },
};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};
use url::Url;

const ACCESS: &str = "kommo-access-canary-";
const REFRESH: &str = "kommo-refresh-canary-";

/// A machine with a browser, and a Kommo whose integration has a redirect URI on it.
struct Scene {
    rig: Rig,
    kommo: Kommo,
    browser: TestBrowser,
    port: String,
}

impl Scene {
    fn new() -> Self {
        Self::of("kommo")
    }

    fn of(id: &'static str) -> Self {
        // The port that the manifest names is one for all tests; each has one of its own instead.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let kommo = Kommo::start(3, &format!("http://localhost:{free}/callback"));
        let mut rig = Rig::new(id);
        let browser = TestBrowser::start(rig.env.scratch(), Mode::Consent);
        rig.env.var("BROWSER", browser.command());
        Self { rig, kommo, browser, port: free.to_string() }
    }

    fn args<'a>(&'a self, origin: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let id = self.rig.name;
        let args = [id, "--auth", "oauth", "--param", "subdomain=acme", "--base-url", origin];
        let client = ["--client-id", CLIENT_ID, "--client-secret-stdin"];
        [&args[..], &client, &["--callback-port", &self.port], more].concat()
    }

    #[must_use = "did it succeed?"]
    fn connect(&self, more: &[&str]) -> Output {
        let origin = self.kommo.site.origin();
        self.rig.connect(&self.args(&origin, more), CLIENT_SECRET)
    }

    fn stored(&self) -> Value {
        self.rig.env.stored(self.rig.name)["oauth"]["grant"].clone()
    }

    /// Without a browser; what is typed is made of the URL that it prints.
    #[track_caller]
    fn paste(&self, typed: impl FnOnce(&str) -> Vec<String>) -> Output {
        let origin = self.kommo.site.origin();
        let secret = self.rig.env.scratch().join("secret");
        std::fs::write(&secret, CLIENT_SECRET).unwrap();
        let file = format!("client_secret={}", secret.display());
        let mut args = vec!["connect"];
        args.extend(self.args(&origin, &["--no-browser", "-vv"]));
        args.retain(|arg| *arg != "--client-secret-stdin");
        args.extend(["--secret-file", &file]);
        let mut live = self.rig.env.command(&args).live();
        let event = live.event("authorization_required");
        std::fs::remove_file(&secret).unwrap();
        for line in typed(event["url"].as_str().unwrap()) {
            live.type_line(&line);
        }
        let output = live.finish();
        self.rig.note("stdout of a paste", output.stdout());
        self.rig.note("stderr of a paste", output.stderr());
        output
    }
}

/// Where Kommo's page sends a browser.
fn agree(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    let mut stream = TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).unwrap();
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    write!(stream, "GET {path}?{query} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let line = answer.lines().find_map(|line| line.strip_prefix("location: "));
    line.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn a_sign_in_in_the_browser_connects_and_renews_itself() {
    for id in BOTH {
        let scene = Scene::of(id);
        let _ = scene.connect(&[]).success();
        let tabs = scene.browser.wait_tabs(1);
        assert_eq!(tabs[0].param("mode").as_deref(), Some("post_message"));
        assert_eq!(tabs[0].param("client_id").as_deref(), Some(CLIENT_ID));
        for left_out in ["response_type", "redirect_uri", "scope", "code_challenge"] {
            assert_eq!(tabs[0].param(left_out), None, "{left_out}");
        }
        assert!(tabs[0].param("state").is_some_and(|state| state.len() > 20));
        assert_eq!(tabs[0].last().status, 200, "{:?}", tabs[0].last());
        let sent = scene.kommo.exchanges().remove(0);
        assert_eq!(sent["grant_type"], "authorization_code");
        assert_eq!(sent.get("code_verifier"), None);
        assert_eq!(sent["redirect_uri"], format!("http://localhost:{}/callback", scene.port));
        let config = scene.rig.env.read_config();
        assert!(config.contains("way = \"oauth\"") && config.contains(CLIENT_ID), "{config}");
        assert_eq!(scene.rig.row()["status"], "connected");
        let page = scene.rig.good("leads_list", &json!({ "limit": 2 }));
        assert_eq!(page["items"].as_array().unwrap().len(), 2);

        // Every renewal gives another refresh token, and the last one is used.
        for round in 2..5 {
            scene.kommo.expire();
            assert_eq!(scene.rig.good("account_get", &json!({}))["item"]["id"], 99);
            assert_eq!(scene.stored()["refresh_token"], format!("{REFRESH}{round}"));
            let sent = scene.kommo.exchanges().pop().unwrap();
            assert_eq!(sent["refresh_token"], format!("{REFRESH}{}", round - 1));
            assert_eq!(sent["client_secret"], CLIENT_SECRET);
            assert_eq!(sent["redirect_uri"], format!("http://localhost:{}/callback", scene.port));
        }
        assert_eq!(scene.kommo.exchanges().len(), 4);
        let old = format!("{REFRESH}3");
        scene.rig.nothing_leaked(&[CODE, &old], &[CLIENT_SECRET, ACCESS, REFRESH]);
        let _ = scene.rig.run(&["disconnect", id, "--yes"], "").success();
        scene.rig.nothing_leaked(&[CODE, CLIENT_SECRET, ACCESS, REFRESH], &[]);
    }
}

#[test]
fn many_at_once_renew_once() {
    let scene = Scene::new();
    let _ = scene.connect(&[]).success();
    scene.kommo.expire();
    let args = ["call", "kommo__account_get", "-vv"];
    let all: Vec<_> = (0..5).map(|_| scene.rig.env.command(&args).start()).collect();
    for one in all {
        let output = one.finish().success();
        scene.rig.note("stdout of one of many", output.stdout());
        scene.rig.note("stderr of one of many", output.stderr());
    }
    // The code, and one renewal.
    assert_eq!(scene.kommo.exchanges().len(), 2, "{:?}", scene.kommo.exchanges());
    scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
}

#[test]
fn an_answer_that_was_lost_ends_nothing() {
    let scene = Scene::new();
    let _ = scene.connect(&[]).success();
    scene.kommo.expire();
    // The old refresh token is taken until the new one was used.
    scene.kommo.site.then(crate::stand_in::Said::new(401, "application/problem+json", "{}"));
    scene.kommo.site.then(crate::stand_in::Said::new(502, "text/html", "<html>Bad gateway</html>"));
    let _either = scene.rig.call("account_get", &json!({}));
    assert_eq!(scene.rig.good("account_get", &json!({}))["item"]["id"], 99);
    scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
}

#[test]
fn rights_that_were_taken_away_need_a_sign_in() {
    for id in BOTH {
        let scene = Scene::of(id);
        let _ = scene.connect(&[]).success();
        scene.kommo.revoke();
        let error = scene.rig.call("account_get", &json!({})).code(4).json_error();
        assert_eq!(error["hint"], format!("allmcp reconnect {id}"));
        let exchanges = scene.kommo.exchanges().len();
        let _ = scene.rig.call("account_get", &json!({})).code(4);
        assert_eq!(scene.kommo.exchanges().len(), exchanges, "a dead token is not tried again");
        scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET]);
    }
}

#[test]
fn another_sign_in_helps_whatever_has_ended() {
    let scene = Scene::new();
    let _ = scene.connect(&[]).success();
    scene.kommo.revoke();
    let mut serve = scene.rig.serve();
    serve.initialize("2025-11-25");
    let answer = serve.call("kommo__account_get", json!({}));
    assert!(talk::told(&answer).contains("reconnect"), "{answer}");
    // A process that runs takes up what another one has signed in.
    let _ = scene.rig.run(&["reconnect", "kommo"], "").success();
    let answer = serve.call("kommo__account_get", json!({}));
    assert_eq!(answer["result"]["structuredContent"]["item"]["id"], 99, "{answer}");
    scene.rig.end(serve);
    assert_eq!(scene.rig.good("account_get", &json!({}))["item"]["id"], 99);
    scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
}

#[test]
fn the_callback_of_another_account_gets_neither_code_nor_secret() {
    for host in ["evil.example", "other.kommo.com", "127.0.0.1.evil.example"] {
        let scene = Scene::new();
        scene.kommo.chooses(host);
        let output = scene.connect(&[]).code(4);
        assert!(output.stderr().contains(host), "{}", output.stderr());
        assert!(scene.kommo.exchanges().is_empty(), "nothing was exchanged");
        let config = scene.rig.env.read_config();
        assert!(!config.contains("[connections"), "{config}");
        scene.rig.nothing_leaked(&[CODE, TOKEN], &[]);
    }
}

/// At the vendors' own hosts, with no stand-in: nothing may be sent, and nothing could be.
#[test]
fn the_account_that_a_pasted_address_names_is_checked_before_anything_is_sent() {
    for (id, suffix, foreign) in
        [("kommo", "kommo.com", "acme.amocrm.ru"), ("amocrm", "amocrm.ru", "acme.kommo.com")]
    {
        for named in [
            foreign,
            suffix,
            "evil.example",
            &format!("other.{suffix}"),
            &format!("acme.{suffix}.evil.example"),
            &format!("acme.{suffix}@evil.example"),
            &format!("acme.{suffix}:444"),
            &format!("acme.{suffix}/x"),
            &format!("evil-acme.{suffix}"),
        ] {
            let rig = Rig::new(id);
            let secret = rig.env.scratch().join("secret");
            std::fs::write(&secret, CLIENT_SECRET).unwrap();
            let file = format!("client_secret={}", secret.display());
            let args = ["connect", id, "--auth", "oauth", "--param", "subdomain=acme", "-vv"];
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let port = port.to_string();
            let more = ["--client-id", CLIENT_ID, "--no-browser", "--secret-file", &file];
            let more = [&more[..], &["--callback-port", &port]].concat();
            let mut live = rig.env.command(&[&args[..], &more].concat()).live();
            let event = live.event("authorization_required");
            let asked = Url::parse(event["url"].as_str().unwrap()).unwrap();
            assert_eq!(asked.host_str(), Some(format!("www.{suffix}").as_str()));
            let of = |name: &str| asked.query_pairs().find(|(key, _)| key == name).unwrap().1;
            let state = of("state").into_owned();
            let mut back = Url::parse(&format!("http://localhost:{port}/callback")).unwrap();
            let pairs = [("code", CODE), ("state", &state), ("referer", named)];
            back.query_pairs_mut().extend_pairs(pairs);
            live.type_line(back.as_str());
            let output = live.finish().code(4);
            let told = format!("this connection is for acme.{suffix}");
            assert!(output.stderr().contains(&told), "{named}: {}", output.stderr());
            assert!(!rig.env.read_config().contains("[connections"));
            assert!(!output.mentions(CODE) && !output.mentions(CLIENT_SECRET), "{output:?}");
        }
    }
}

#[test]
fn who_says_no_or_brings_another_state_connects_nothing() {
    let scene = Scene::new();
    scene.browser.mode(Mode::BadState);
    scene.browser.then_consents(true);
    let _ = scene.connect(&[]).success();
    assert_eq!(scene.kommo.exchanges().len(), 1, "only the right one counts");
    scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
}

#[test]
fn the_address_can_be_pasted() {
    for id in BOTH {
        let scene = Scene::of(id);
        let _ = scene.paste(|url| vec!["rubbish with spaces".to_owned(), agree(url)]).success();
        assert!(scene.browser.tabs().is_empty());
        assert_eq!(scene.rig.good("account_get", &json!({}))["item"]["id"], 99);
        scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
    }
}

#[test]
fn a_code_alone_can_be_pasted() {
    for id in BOTH {
        let scene = Scene::of(id);
        // As Kommo shows it in Keys and scopes: nobody has to be sent anywhere.
        let _ = scene.paste(|_| vec![CODE.to_owned()]).success();
        assert_eq!(scene.kommo.exchanges()[0]["code"], CODE);
        assert_eq!(scene.rig.good("account_get", &json!({}))["item"]["id"], 99);
        scene.rig.nothing_leaked(&[CODE], &[CLIENT_SECRET, ACCESS, REFRESH]);
    }
}

#[test]
fn a_client_of_ones_own_is_asked_for_with_the_redirect_uri() {
    let kommo = Kommo::start(0, "");
    let rig = Rig::new("kommo");
    let origin = kommo.site.origin();
    let args = ["kommo", "--auth", "oauth", "--param", "subdomain=acme", "--base-url", &origin];
    let output = rig.connect(&args, "").code(2);
    for part in ["--client-id", "--client-secret-stdin", "http://localhost:17823/callback"] {
        assert!(output.stderr().contains(part), "{part} is not in {}", output.stderr());
    }
    assert!(kommo.site.seen().is_empty());
}

#[test]
fn the_secret_of_a_client_is_not_waited_for_in_vain() {
    let kommo = Kommo::start(0, "");
    let rig = Rig::new("kommo");
    let origin = kommo.site.origin();
    let args = ["kommo", "--auth", "oauth", "--param", "subdomain=acme", "--base-url", &origin];
    // Nobody is there to answer, and so it must not wait for anybody.
    let more = ["connect", "--client-id", CLIENT_ID, "--no-browser"];
    let command = rig.env.command(&[&more[..1], &args, &more[1..]].concat());
    let output = command.patience(Duration::from_secs(15)).run().code(2);
    assert!(output.stderr().contains("--client-secret-stdin"), "{}", output.stderr());
    assert!(kommo.site.seen().is_empty());
}

//! The callback takes the one right answer, and nothing that a stranger makes of it.

use crate::{
    site::{Got, Hand, Site, query, with},
    support::{authorization::Mode, live::Live},
};
use url::Url;

const SCRIPT: &str = "<script>alert(1)</script>";

/// What it is, method, URL, headers, and the status of the page.
type Row = (&'static str, &'static str, String, Vec<(&'static str, String)>, u16);

/// A `connect` that waits, and what its browser would come back with.
fn waiting(site: &Site) -> (Live, Url, Hand) {
    let live = site.command(&["--no-browser"]).live();
    let hand = Hand::new();
    let event = live.event("authorization_required");
    let back = hand.consent(event["url"].as_str().unwrap());
    (live, back, hand)
}

/// No page of ours has a script, says anything of the request, or lets anything in.
#[track_caller]
fn harmless(got: &Got, secrets: &[&str]) {
    let body = got.body.to_ascii_lowercase();
    for evil in ["<script", "onerror", "javascript:", "alert("] {
        assert!(!body.contains(evil), "{evil} in {got:?}");
    }
    for secret in secrets {
        assert!(!got.body.contains(secret), "{secret} in {got:?}");
    }
    let header = |name: &str| got.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert!(header("content-security-policy").starts_with("default-src 'none';"), "{got:?}");
    assert_eq!(header("cache-control"), "no-store", "{got:?}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{got:?}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{got:?}");
}

#[test]
fn nothing_but_the_right_answer_counts_and_then_it_still_does() {
    let site = Site::new();
    let (live, back, hand) = waiting(&site);
    let sent = query(back.as_str());
    let (code, state) = (sent["code"].as_str(), sent["state"].as_str());
    let port = back.port().unwrap();
    let mut other = back.clone();
    other.set_path("/elsewhere");
    let mut slash = back.clone();
    slash.set_path("/callback/");
    let own = format!("127.0.0.1:{port}");
    let rows: Vec<Row> = vec![
        ("wrong state", "GET", with(&back, &[("state", "somebody-elses")]), vec![], 404),
        ("cut state", "GET", with(&back, &[("state", &state[1..])]), vec![], 404),
        ("no state", "GET", with(&back, &[("state", "")]), vec![], 404),
        ("no code", "GET", with(&back, &[("code", "")]), vec![], 404),
        ("two states", "GET", format!("{back}&state=other"), vec![], 404),
        ("nothing", "GET", with(&back, &[("state", ""), ("code", ""), ("iss", "")]), vec![], 404),
        ("another path", "GET", other.to_string(), vec![], 404),
        ("a longer path", "GET", slash.to_string(), vec![], 404),
        ("another host", "GET", back.to_string(), vec![("host", "evil.example".to_owned())], 403),
        ("its port", "GET", back.to_string(), vec![("host", format!("evil.example:{port}"))], 403),
        ("another port", "GET", back.to_string(), vec![("host", "127.0.0.1:1".to_owned())], 403),
        ("no port", "GET", back.to_string(), vec![("host", "127.0.0.1".to_owned())], 403),
        ("our host as a user", "GET", back.to_string(), vec![("host", format!("{own}@evil"))], 403),
        ("POST", "POST", back.to_string(), vec![], 404),
        ("PUT", "PUT", back.to_string(), vec![], 404),
        ("DELETE", "DELETE", back.to_string(), vec![], 404),
        ("a look ahead", "HEAD", back.to_string(), vec![], 200),
    ];
    for (what, method, url, headers, status) in rows {
        let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let got = hand.try_send(method, &url, &headers).unwrap_or_else(|| panic!("{what}"));
        assert_eq!(got.status, status, "{what}: {got:?}");
        harmless(&got, &[code, state]);
    }
    for name in ["code", "state", "iss", "error", "error_description", "error_uri", "x"] {
        let changes = [(name, SCRIPT), ("state", if name == "state" { SCRIPT } else { "no" })];
        let got = hand.get(&with(&back, &changes));
        assert_eq!(got.status, 404, "{name}: {got:?}");
        harmless(&got, &[code, state]);
    }
    let all: Vec<(&str, &str)> =
        sent.keys().map(|name| (name.as_str(), SCRIPT)).chain([("error", SCRIPT)]).collect();
    harmless(&hand.get(&with(&back, &all)), &[code, state]);
    assert_eq!(site.server.counts().codes_refused, 0, "a forged code was sent on");

    let got = hand.get(back.as_str());
    assert_eq!(got.status, 200, "{got:?}");
    harmless(&got, &[code, state]);
    live.finish().success();
    assert!(hand.try_send("GET", back.as_str(), &[]).is_none(), "it is closed after use");
    assert_eq!(site.server.counts().codes_ok, 1);
    site.call().success();
}

#[test]
fn the_same_answer_counts_once() {
    let site = Site::of(|quirks| quirks.token_latency = std::time::Duration::from_millis(700));
    let (live, back, hand) = waiting(&site);
    let url = back.to_string();
    // The second comes while the first is being traded.
    let first = std::thread::spawn(move || Hand::new().get(&url));
    site.server.http().wait_for("the exchange", |all| {
        all.iter().any(|request| request.target.ends_with("/token"))
    });
    let second = hand.get(back.as_str());
    assert_eq!(second.status, 404, "{second:?}");
    harmless(&second, &[]);
    assert_eq!(first.join().unwrap().status, 200);
    live.finish().success();
    let counts = site.server.counts();
    assert_eq!((counts.codes_ok, counts.codes_reused), (1, 0), "{counts:?}");
}

#[test]
fn a_browser_that_plays_tricks_first_still_signs_in() {
    let tricks = [
        Mode::BadState,
        Mode::NoState,
        Mode::ForeignHost,
        Mode::OtherPath,
        Mode::Post,
        Mode::Markup,
    ];
    for mode in tricks {
        let site = Site::new();
        site.browser.mode(mode);
        site.browser.then_consents(true);
        site.connect(&[]).success();
        let tabs = site.tabs();
        let statuses: Vec<u16> = tabs[0].callbacks().iter().map(|page| page.status).collect();
        let refused = if mode == Mode::ForeignHost { 403 } else { 404 };
        assert_eq!(statuses, [refused, 200], "{mode:?}");
        assert!(tabs[0].callbacks().iter().all(|page| !page.body.contains("alert")), "{mode:?}");
        assert_eq!(tabs.len(), 1, "{mode:?}");
    }
}

#[test]
fn a_no_is_a_no() {
    let site = Site::new();
    site.browser.mode(Mode::Deny);
    let denied = site.connect(&["--json"]).code(4);
    let error = denied.json_error();
    assert_eq!(error["kind"], "needs_auth", "{error}");
    assert_eq!(error["connection"], site.name.as_str(), "{error}");
    assert!(error["message"].as_str().unwrap().contains("was declined"), "{error}");
    let tabs = site.tabs();
    assert_eq!(tabs.len(), 1, "nobody is asked twice");
    let page = tabs[0].last();
    assert!(page.body.contains(&format!("{} was not connected", site.name)), "{}", page.body);
    site.nothing_came_of_it();
    // Another day, another answer, and no other registration.
    site.browser.mode(Mode::Consent);
    site.connect(&[]).success();
    assert_eq!(site.server.counts().registrations, 1);
}

#[test]
fn an_answer_of_another_server_ends_it() {
    let site = Site::new();
    site.browser.mode(Mode::WrongIss);
    let refused = site.connect(&["--json"]).code(4);
    let error = refused.json_error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("https://mixed-up.example"), "{error}");
    assert!(message.contains(&site.server.issuer()), "{error}");
    assert_eq!(site.server.counts().codes_ok + site.server.counts().codes_refused, 0);
    site.nothing_came_of_it();
    assert_eq!(site.tabs().len(), 1);
}

#[test]
fn an_error_made_of_markup_is_told_in_plain_words() {
    let site = Site::new();
    site.browser.mode(Mode::MarkupError);
    let output = site.connect(&[]).code(4);
    let stderr = output.stderr();
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
    let page = site.tabs()[0].last().clone();
    let got = Got { status: page.status, headers: page.headers, body: page.body };
    harmless(&got, &[]);
    assert!(got.body.contains("That did not work"), "{got:?}");
    site.nothing_came_of_it();
}

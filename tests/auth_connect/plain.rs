//! What everybody meets: a browser, no browser, somebody who pastes, a terminal.

use crate::{
    site::{Hand, Site, query},
    support::{
        authorization::{Miss, Mode, Prm, Quirks, ResourceQuirks},
        client::Serve,
        golden,
        script::{Auth, Script},
        talk::text,
        upstream::Upstream,
    },
};
use serde_json::{Value, json};
use std::time::SystemTime;

/// An event with what is new in every run taken out, after a look at it.
fn scrubbed(site: &Site, mut event: Value) -> Value {
    if let Some(url) = event["url"].as_str() {
        let start = site.server.endpoint("authorize");
        assert!(url.starts_with(&format!("{start}?")), "{url}");
        let expires = humantime::parse_rfc3339(event["expires_at"].as_str().unwrap()).unwrap();
        let left = expires.duration_since(SystemTime::now()).unwrap().as_secs();
        assert!((200..=300).contains(&left), "{left} s left");
        event["url"] = "URL".into();
        event["expires_at"] = "TIME".into();
    }
    if event["name"] == site.name.as_str() {
        event["name"] = "NAME".into();
    }
    event
}

#[test]
fn one_tab_one_registration_and_it_works() {
    let site = Site::new();
    let output = site.connect(&[]).success();
    let tabs = site.tabs();
    assert_eq!(tabs.len(), 1, "{tabs:#?}");
    assert_eq!(tabs[0].args.len(), 1, "the URL is the only argument");
    let page = tabs[0].last();
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("{} is connected", site.name)), "{}", page.body);
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.consents, counts.codes_ok), (1, 1, 1), "{counts:?}");

    let events = output.json_lines();
    let events: Vec<Value> = events.into_iter().map(|event| scrubbed(&site, event)).collect();
    golden::value(&site.env, "connect_oauth", events.into());

    // What it asked for is what the standards want.
    let asked = query(tabs[0].url());
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["resource"], site.resource.url());
    assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"), "{asked:?}");
    assert!(asked["redirect_uri"].ends_with("/callback"), "{asked:?}");

    let url = site.resource.url();
    let store = "[settings]\nstore = \"file\"";
    let entry = format!("[connections.{}]\nurl = \"{url}\"\nauth = \"oauth\"", site.name);
    assert_eq!(site.env.read_config(), format!("version = 1\n\n{store}\n\n{entry}\n"));
    let grant = site.oauth()["grant"].clone();
    assert!(grant["access_token"].as_str().unwrap().starts_with("canary-at-"), "{grant}");
    assert!(grant["refresh_token"].as_str().unwrap().starts_with("canary-rt-"), "{grant}");
    assert_eq!(site.facts()["pending"], Value::Null, "{}", site.facts());

    let requests = site.resource.requests().len();
    let tools = site.env.cmd(&["tools", "--json"]).success().json();
    assert_eq!(tools["tools"][1]["name"], site.tool("second"), "{tools}");
    assert_eq!(site.resource.requests().len(), requests, "the tools are cached");
    site.call().success();
    let mut serve = Serve::start(&site.env, &["serve"]);
    serve.initialize("2025-11-25");
    assert!(serve.tool_names().contains(&site.tool("second")), "{}", serve.story());
    let echoed = serve.call(&site.tool("echo"), json!({"a": "b"}));
    assert!(!text(&echoed).is_empty());
    assert_eq!(serve.finish(), 0);
    assert_eq!(site.tabs().len(), 1);
    assert_eq!(site.server.counts().registrations, 1);
}

#[test]
fn nobody_is_asked_whoever_is_at_the_keyboard() {
    for (name, value) in [("CI", "1"), ("CLAUDECODE", "1"), ("ALLMCP_NO_INPUT", "1")] {
        let site = Site::new();
        let output = site.command(&["--no-input"]).var(name, value).run().success();
        let events = output.json_lines();
        let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(kinds, [&json!("authorization_required"), &json!("connected")], "{name}");
        assert_eq!(site.tabs().len(), 1, "{name}");
    }
}

#[test]
fn people_read_words_on_a_terminal() {
    let site = Site::new();
    let url = site.resource.url();
    let args = ["connect", &url, "--name", &site.name];
    let Some(output) = site.env.on_terminal(100, &args, &[]) else { return };
    let screen = output.success();
    let screen = screen.stdout();
    assert!(screen.contains("your browser was opened to sign in"), "{screen}");
    assert!(screen.contains(&site.server.endpoint("authorize")), "{screen}");
    assert!(screen.contains(&format!("{}: connected, signed in, 2 tools", site.name)), "{screen}");
    assert!(!screen.contains("allmcp.connect/1"), "{screen}");
    let Some(output) = site.env.on_terminal(100, &["reconnect", &site.name], &[]) else { return };
    let screen = output.success();
    assert!(
        screen.stdout().contains(&format!("{}: signed in again, 2 tools", site.name)),
        "{}",
        screen.stdout()
    );
    assert_eq!(site.tabs().len(), 2);
}

#[test]
fn without_a_desktop_the_url_is_said_and_waited_for() {
    let mut site = Site::new();
    site.env.without("BROWSER");
    let live = site.command(&[]).live();
    let event = live.event("authorization_required");
    let url = event["url"].as_str().unwrap();
    live.hears("open this URL to sign in:", 1);
    live.hears(url, 1);
    let hand = Hand::new();
    let back = hand.consent(url);
    let page = hand.get(back.as_str());
    assert_eq!(page.status, 200, "{page:?}");
    live.finish().success();
    assert!(site.browser.tabs().is_empty());
    site.call().success();
}

#[test]
fn a_browser_that_cannot_be_started_is_told_and_the_wait_goes_on() {
    let site = Site::new();
    let live = site.command(&[]).var("BROWSER", "/nonexistent/browser --flag").live();
    let event = live.event("authorization_required");
    live.hears("the browser was not opened", 1);
    let hand = Hand::new();
    hand.get(hand.consent(event["url"].as_str().unwrap()).as_str());
    live.finish().success();
}

#[test]
fn the_answer_is_pasted_and_rubbish_ends_nothing() {
    // The whole address, behind rubbish of every kind.
    let site = Site::new();
    let mut live = site.command(&["--no-browser"]).live();
    let event = live.event("authorization_required");
    let back = Hand::new().consent(event["url"].as_str().unwrap());
    let rubbish = [
        "",
        "two words",
        "http://127.0.0.1:1/callback?code=stolen&state=somebody-elses",
        "http://127.0.0.1:1/callback?code=stolen",
        "code-without-the-rest",
    ];
    for (times, line) in rubbish.iter().enumerate() {
        live.type_line(line);
        live.hears("paste the whole address", times + 1);
    }
    assert_eq!(site.server.counts().codes_refused, 0, "rubbish was sent to the server");
    live.type_line(&format!("  {back}  "));
    live.finish().success();
    assert!(site.browser.tabs().is_empty(), "--no-browser opens none");
    site.call().success();

    // Only the code, where the server does not name itself in its answers.
    let site = Site::of(|quirks| quirks.iss = crate::support::authorization::Iss::None);
    let mut live = site.command(&["--no-browser"]).live();
    let event = live.event("authorization_required");
    let back = Hand::new().consent(event["url"].as_str().unwrap());
    live.type_line(&query(back.as_str())["code"]);
    live.finish().success();
    site.call().success();
}

#[test]
fn the_end_of_stdin_is_not_the_end_of_the_wait() {
    let site = Site::new();
    let mut live = site.command(&["--no-browser"]).live();
    let event = live.event("authorization_required");
    live.close_stdin();
    let hand = Hand::new();
    let page = hand.get(hand.consent(event["url"].as_str().unwrap()).as_str());
    assert!(page.body.contains(&format!("{} is connected", site.name)), "{page:?}");
    live.finish().success();
}

#[test]
fn connecting_again_opens_nothing() {
    let site = Site::new().signed_in();
    let counts = site.server.counts();
    let again = site.connect(&[]).success().json_lines();
    assert_eq!((again.len(), &again[0]["already"]), (1, &json!(true)), "{again:?}");
    assert_eq!(site.tabs().len(), 1);
    assert_eq!(site.server.counts(), counts, "nobody was asked anything");
}

#[test]
fn a_run_that_ended_between_tokens_and_entry_is_taken_up() {
    let site = Site::new().signed_in();
    std::fs::remove_file(site.env.config_file()).unwrap();
    let counts = site.server.counts();
    let events = site.connect(&[]).success().json_lines();
    assert_eq!((events.len(), &events[0]["already"]), (1, &json!(false)), "{events:?}");
    assert_eq!(site.tabs().len(), 1, "the tokens are there");
    assert_eq!(site.server.counts().consents, counts.consents);
    assert!(site.env.read_config().contains("auth = \"oauth\""), "{}", site.env.read_config());
    site.call().success();
}

#[test]
fn an_open_server_needs_nothing_whatever_its_well_knowns_say() {
    for miss in [Miss::Html, Miss::Json("{}".to_owned()), Miss::Status(502)] {
        let resource =
            ResourceQuirks { open: true, prm: Prm::None, miss, ..ResourceQuirks::default() };
        let site = Site::with(Quirks::default(), resource);
        let events = site.connect(&[]).success().json_lines();
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(site.env.read_config().contains("auth = \"none\""), "{}", site.env.read_config());
        assert!(site.browser.tabs().is_empty());
    }
}

#[test]
fn a_server_with_keys_still_wants_a_key() {
    for bare in [false, true] {
        let auth = Auth::bearer("k-1");
        let auth = if bare { auth.bare() } else { auth };
        let (site, keyed) = (Site::new(), Upstream::start(Script::legacy().auth(auth)));
        let args = ["connect", &keyed.url(), "--name", "k"];
        let refused = site.env.cmd(&args).code(4);
        assert!(refused.stderr().contains("--auth key --token-stdin"), "{}", refused.stderr());
        site.env.nothing_saved();
        assert!(site.browser.tabs().is_empty());
        if let Some(output) = site.env.on_terminal(100, &args, &[("the key for", "k-1\n")]) {
            output.success();
            site.env.cmd(&["call", "k", "echo"]).success();
        }
    }
}

#[test]
fn a_dry_run_signs_in_to_nothing() {
    let site = Site::new();
    let refused = site.connect(&["--dry-run"]).code(2);
    assert!(refused.stderr().contains("wants a sign-in"), "{}", refused.stderr());
    site.env.nothing_saved();
    site.browser.mode(Mode::Never);
    assert!(site.browser.tabs().is_empty());
}

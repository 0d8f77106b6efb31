//! Five at once, one that dies, one that is given up.

use crate::{
    site::{Hand, Site},
    support::{authorization::Mode, live::Live},
};
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

const N: usize = 5;

#[test]
fn five_at_once_on_a_cold_home_are_one_sign_in() {
    for named in [true, false] {
        let site = Site::new();
        // The first consent is still open when the last one starts.
        site.browser.mode(Mode::Slow(Duration::from_millis(600)));
        let url = site.resource.url();
        let mut args = vec!["connect", &url];
        if named {
            args.extend(["--name", &site.name]);
        }
        let all: Vec<_> = (0..N).map(|_| site.env.command(&args).start()).collect();
        let ended: Vec<_> = all.into_iter().map(|one| one.finish().success()).collect();
        let counts = site.server.counts();
        assert_eq!(site.tabs().len(), 1, "{ended:#?}");
        assert_eq!((counts.registrations, counts.codes_ok), (1, 1), "{counts:?}");
        let connected = |output: &crate::support::env::Output| output.json_lines().pop().unwrap();
        let names: Vec<_> = ended.iter().map(|one| connected(one)["name"].clone()).collect();
        assert!(names.iter().all(|one| *one == names[0]), "{names:?}");
        let entries = site.env.read_config().matches("[connections.").count();
        assert_eq!(entries, 1, "{}", site.env.read_config());
        let fresh = ended.iter().filter(|one| connected(one)["already"] == json!(false)).count();
        assert_eq!(fresh, 1, "one of them added it: {ended:#?}");
        let name = names[0].as_str().unwrap();
        site.env.cmd(&["call", name, "echo"]).success();
    }
}

#[test]
fn when_the_one_who_asks_is_killed_another_goes_on_as_the_same_client() {
    let site = Site::new();
    site.browser.mode(Mode::Never);
    let mut all: Vec<Live> = (0..N).map(|_| site.command(&[]).live()).collect();
    site.browser.wait_tabs(1);
    let asked = |live: &Live| live.stdout().contains("authorization_required");
    crate::support::talk::eventually("the one who asks", || all.iter().any(asked));
    let owner = all.iter().position(asked).unwrap();
    let owner = all.remove(owner);
    for waiting in &all {
        waiting.hears("under way in another process", 1);
    }
    site.browser.mode(Mode::Consent);
    owner.signal(Signal::KILL);
    for live in all {
        live.finish().success();
    }
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.codes_ok), (1, 1), "{counts:?}");
    assert_eq!(site.tabs().len(), 2);
    site.call().success();
}

#[test]
fn a_no_counts_for_all_who_wait() {
    let site = Site::new();
    site.browser.mode(Mode::Never);
    let mut all: Vec<Live> = (0..N).map(|_| site.command(&[]).live()).collect();
    let tab = site.browser.wait_tabs(1).remove(0);
    let asked = |live: &Live| live.stdout().contains("authorization_required");
    crate::support::talk::eventually("the one who asks", || all.iter().any(asked));
    for waiting in all.iter().filter(|live| !asked(live)) {
        waiting.hears("under way in another process", 1);
    }
    let hand = Hand::new();
    let no = hand.deny(tab.url());
    hand.get(no.as_str());
    for live in all.drain(..) {
        live.finish().code(4);
    }
    assert_eq!(site.tabs().len(), 1, "who said no is not asked four times more");
    site.nothing_came_of_it();
    // The next one who asks is somebody else's idea.
    site.browser.mode(Mode::Consent);
    site.connect(&[]).success();
}

#[test]
fn given_up_by_ctrl_c_it_leaves_a_client_and_nothing_else() {
    let site = Site::new();
    site.browser.mode(Mode::Never);
    for interrupted in [Signal::INT, Signal::TERM] {
        let live = site.command(&[]).live();
        live.event("authorization_required");
        site.tabs();
        live.signal(interrupted);
        let output = live.finish();
        match interrupted {
            Signal::INT => drop(output.code(130)),
            _ => assert_ne!(output.exit(), 0),
        }
        site.nothing_came_of_it();
        assert!(site.oauth()["client"].is_object(), "{}", site.oauth());
    }
    site.browser.mode(Mode::Consent);
    site.connect(&[]).success();
    assert_eq!(site.server.counts().registrations, 1, "the client was kept");
    assert_eq!(site.facts()["pending"], json!(null), "{}", site.facts());
    site.call().success();
}

#[test]
fn the_port_stays_and_one_that_is_taken_costs_a_registration() {
    let site = Site::new().signed_in();
    let port = |at: usize| {
        let callback = site.browser.tabs()[at].param("redirect_uri").unwrap();
        url::Url::parse(&callback).unwrap().port().unwrap()
    };
    site.reconnect().success();
    site.tabs();
    assert_eq!(port(0), port(1));
    assert_eq!(site.server.counts().registrations, 1);
    let taken = std::net::TcpListener::bind(("127.0.0.1", port(0))).unwrap();
    site.reconnect().success();
    site.tabs();
    assert_ne!(port(2), port(0));
    assert_eq!(site.server.counts().registrations, 2, "exact matching is the rule (RFC 6749)");
    drop(taken);
    site.call().success();
}

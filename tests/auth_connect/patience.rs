//! A consent that never comes, with less patience than the command line has; through the library.

use crate::{
    site::{Hand, Site, query},
    support::authorization::{Consent as Says, Mode},
};
use allmcp::{
    app,
    config::{self, Env, Paths},
    connect::{self, Ask, ConnectError, Connected, Consent, Deps, People, Request},
    secret::Secret,
    vault::{FileVault, VaultHandle},
};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

/// Somebody who has seen the URL and lets it be.
#[derive(Default)]
struct Idle(Mutex<Vec<String>>);

impl Consent for Idle {
    fn ask(&self, url: &str, _expires_at: SystemTime) {
        self.0.lock().unwrap().push(url.to_owned());
    }

    fn elsewhere(&self, _url: Option<&str>, _expires_at: SystemTime) {}
}

impl Ask for Idle {
    fn secret<'a>(
        &'a self,
        name: &'a str,
        _host: &'a str,
    ) -> BoxFuture<'a, Result<Secret<String>, String>> {
        Box::pin(async move { Err(format!("{name} was asked for")) })
    }
}

fn deps(site: &Site) -> Deps {
    let home = site.env.allmcp_home();
    let var = ("ALLMCP_HOME".to_owned(), home.display().to_string());
    let env = Arc::new(Env::of([var]));
    let paths = Paths::resolve(&env).unwrap();
    let settings = config::load(&paths, &env).settings;
    let vault = VaultHandle::of(Arc::new(FileVault::new(&home.join("data"))));
    app::connect_deps(&paths, &env, &settings, vault, None)
}

/// Connects as the command line does, and waits for the user so long.
fn connect(site: &Site, idle: &Idle, patience: Duration) -> Result<Connected, ConnectError> {
    let request = Request {
        name: Some(site.name.parse().unwrap()),
        url: site.resource.url(),
        ..Request::default()
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.unwrap().block_on(async {
        let people = People { ask: idle, consent: idle, patience };
        connect::connect(&deps(site), request, people).await
    })
}

#[test]
fn after_a_consent_that_never_came_the_next_one_begins_afresh() {
    let site = Site::new();
    let idle = Idle::default();
    let error = connect(&site, &idle, Duration::from_millis(700)).unwrap_err().to_string();
    assert!(error.contains("not finished in time"), "{error}");
    site.nothing_came_of_it();
    let facts = site.facts();
    assert_eq!((&facts["abandoned"], &facts["pending"]), (&true.into(), &().into()), "{facts}");

    // Too late: the door is shut.
    let hand = Hand::new();
    let urls = idle.0.lock().unwrap().clone();
    let back = hand.consent(&urls[0]);
    assert!(hand.try_send("GET", back.as_str(), &[]).is_none(), "{back}");
    assert_eq!(site.server.counts().codes_ok, 0);

    site.connect(&[]).success();
    assert_eq!(site.server.counts().registrations, 2, "the old one may be forgotten over there");
    assert_ne!(site.tabs()[0].param("client_id"), Some(query(&urls[0])["client_id"].clone()));
    assert!(site.facts()["abandoned"].is_null(), "{}", site.facts());
    site.reconnect().success();
    assert_eq!(site.server.counts().registrations, 2, "once, and not every time");
    site.call().success();
}

#[test]
fn a_page_that_never_leads_back_costs_no_more_than_the_wait() {
    let site = Site::of(|quirks| quirks.consent = Says::NoWayBack);
    let idle = Idle::default();
    connect(&site, &idle, Duration::from_millis(500)).unwrap_err();
    site.server.set(|quirks| quirks.consent = Says::Grant);
    site.browser.mode(Mode::Consent);
    site.connect(&[]).success();
    assert_eq!(site.tabs().len(), 1);
}

//! A server that describes no sign-in, whose endpoints stand in the configuration (deviation 36).

use crate::{
    site::{Site, query},
    support::authorization::{AsMeta, AuthMethod, Client, Prm, Quirks, ResourceQuirks, TokenFail},
};

/// Tokens by JSON, no document, no registration; errors are `{}`.
fn site() -> Site {
    let quirks =
        Quirks { as_meta: AsMeta::None, dcr: false, json_token: true, ..Quirks::default() };
    let resource = ResourceQuirks { prm: Prm::None, audience: false, ..ResourceQuirks::default() };
    Site::with(quirks, resource)
}

/// As a user writes it by hand, all but who we are.
fn configure(site: &Site) -> Client {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let client =
        site.server.add_client(AuthMethod::Post, &[&format!("http://127.0.0.1:{port}/callback")]);
    let (name, url, issuer) = (&site.name, site.resource.url(), site.server.issuer());
    site.env.config(&format!(
        r#"version = 1
[connections.{name}]
url = "{url}"
auth = "oauth"
params = {{ place = "token" }}
[connections.{name}.oauth]
callback_port = {port}
scopes = ["read"]
authorize_params = {{ mode = "popup" }}
authorize_url = "{issuer}/authorize"
token_url = "{issuer}/${{param:place}}"
token_body = "json"
token_params = {{ mode = "x" }}
"#
    ));
    client
}

#[test]
fn endpoints_of_the_configuration_take_the_place_of_discovery() {
    let site = site();
    let client = configure(&site);
    // Nobody said who we are, and nothing is tried in its place.
    let error = site.env.cmd(&["reconnect", &site.name, "--json"]).code(2).json_error();
    let key = format!("connections.{}.oauth.client_id", site.name);
    let text = format!("{} {}", error["message"], error["hint"]);
    assert!(text.contains(&format!("allmcp config set {key} ID")), "{text}");
    assert!(site.browser.tabs().is_empty() && site.server.registrations().is_empty());
    // As it says.
    site.env.cmd(&["config", "set", &key, &client.id]).success();
    let secret = client.secret.clone().unwrap();
    let args = ["reconnect", &site.name, "--client-secret-stdin"];
    site.env.command(&args).stdin(format!("{secret}\n")).run().success();
    let asked = query(site.tabs()[0].url());
    assert_eq!((&*asked["mode"], &*asked["scope"]), ("popup", "read"));
    assert!(!asked.contains_key("resource"), "{asked:?}");
    site.call().success();

    // Another process renews by what is stored.
    site.server.reject_access_tokens();
    site.call().success();
    let renewals = site.server.token_requests_of("refresh_token");
    assert_eq!(renewals.len(), 1);
    let sent = &renewals[0].params;
    assert_eq!((sent.get("client_secret"), sent.get("mode")), (Some(&*secret), Some("x")));
    assert_eq!(sent.get("redirect_uri"), Some(&*asked["redirect_uri"]));
    let paths = [site.server.http().requests(), site.resource.requests()].concat();
    assert!(!paths.iter().any(|request| request.target.contains(".well-known")));
    assert_eq!(site.tabs().len(), 1);
}

#[test]
fn a_refusal_that_says_nothing_keeps_the_sign_in_and_names_the_way_out() {
    let site = site();
    let client = configure(&site);
    let key = format!("connections.{}.oauth.client_id", site.name);
    site.env.cmd(&["config", "set", &key, &client.id]).success();
    let args = ["reconnect", &site.name, "--client-secret-stdin"];
    site.env.command(&args).stdin(client.secret.unwrap()).run().success();
    site.server.reject_access_tokens();
    let nothing = || TokenFail::Raw(401, "application/json", "{}".into());
    site.server.set(|quirks| quirks.refresh_fail = [nothing()].into());
    let error = site.env.cmd(&["call", &site.name, "echo", "--json"]).json_error();
    let text = format!("{} {}", error["message"], error["hint"]);
    assert!(text.contains(&format!("allmcp reconnect {}", site.name)), "{text}");
    assert!(site.facts()["rejected"].is_null(), "{}", site.facts());
    // It was good all the time.
    site.call().success();
    assert_eq!(site.tabs().len(), 1);
}

#[test]
fn half_a_profile_is_the_problem_of_its_connection_and_may_be_completed() {
    let site = site();
    configure(&site);
    let half = site.env.read_config().replace("token_url", "#");
    site.env.config(&half);
    let output = site.call().code(1);
    let text = output.stderr();
    assert!(text.contains("authorize_url is set and token_url is missing"), "{text}");
    // Nor is it found out what the rest may be.
    let output = site.reconnect().code(2);
    assert!(output.stderr().contains("token_url is missing"), "{output:?}");
    assert!(site.server.http().requests().is_empty() && site.resource.requests().is_empty());
    let key = format!("connections.{}.oauth.token_url", site.name);
    site.env.cmd(&["config", "set", &key, &site.server.endpoint("token")]).success();
    let output = site.call().code(4);
    assert!(!output.stderr().contains("missing"), "{output:?}");
}

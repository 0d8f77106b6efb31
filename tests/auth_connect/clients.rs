//! Who we are: clients made by hand, by registration, by a document; machines and devices.

use crate::{
    site::{Site, query},
    support::{
        authorization::Client,
        authorization::{AuthMethod, DeviceConsent, Quirks, ResourceQuirks, codec},
    },
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// A port that nobody has right now.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn toml(site: &Site) -> String {
    site.env.read_config()
}

#[test]
fn a_client_of_ones_own_is_configured_and_its_secret_is_kept_apart() {
    let resource =
        ResourceQuirks { challenge_scope: Some("read".to_owned()), ..ResourceQuirks::default() };
    let site = Site::with(Quirks { dcr: false, ..Quirks::default() }, resource);
    let port = free_port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let client = site.server.add_client(AuthMethod::Post, &[&redirect]);
    let secret = client.secret.clone().unwrap();
    let port = port.to_string();
    let url = site.resource.url();
    let more = [
        "--client-id",
        &client.id,
        "--client-secret-stdin",
        "--scope",
        "write",
        "--scope",
        "admin offline_access",
        "--resource",
        &url,
        "--callback-port",
        &port,
    ];
    site.command(&more).stdin(format!("{secret}\n")).run().success();
    let tabs = site.tabs();
    let asked = query(tabs[0].url());
    let mut scopes: Vec<&str> = asked["scope"].split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["admin", "offline_access", "read", "write"]);
    assert_eq!((&asked["client_id"], &asked["redirect_uri"]), (&client.id, &redirect));
    assert_eq!(asked["resource"], url);
    assert_eq!(site.server.counts().registrations, 0);

    let config = toml(&site);
    let table = config
        .split(&format!("[connections.{}.oauth]", site.name))
        .nth(1)
        .unwrap_or_else(|| panic!("{config}"));
    for line in [
        format!("client_id = \"{}\"", client.id),
        "scopes = [\"write\", \"admin\", \"offline_access\"]".to_owned(),
        format!("resource = \"{url}\""),
        format!("callback_port = {port}"),
    ] {
        assert!(table.contains(&line), "no {line} in {config}");
    }
    let store = site.env.allmcp_home().join("data/secrets.json");
    assert_eq!(site.env.grep_everything(&secret), [store]);
    site.call().success();

    // Its settings stay, and the secret has not to be given again.
    site.reconnect().success();
    assert_eq!(toml(&site), config);
    let asked = query(site.tabs()[1].url());
    assert_eq!((&asked["client_id"], &asked["redirect_uri"]), (&client.id, &redirect));
    site.server.reject_access_tokens();
    site.call().success();
    assert_eq!(site.tabs().len(), 2);

    // A secret that was changed over there.
    site.server.put_client(Client { secret: Some("canary-cs-new".to_owned()), ..client });
    site.reconnect().code(4);
    let args = ["reconnect", &site.name, "--client-secret-stdin"];
    site.env.command(&args).stdin("canary-cs-new").run().success();
    site.call().success();
}

#[test]
fn no_resource_where_none_is_wanted() {
    let site = Site::new();
    site.connect(&["--resource", "none"]).success();
    assert!(!query(site.tabs()[0].url()).contains_key("resource"));
    assert!(toml(&site).contains("resource = false"), "{}", toml(&site));
    site.reconnect().success();
    assert!(!query(site.tabs()[1].url()).contains_key("resource"));
    site.call().success();
}

#[test]
fn a_callback_port_that_is_taken_is_named() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = site.connect(&["--callback-port", &port, "--json"]).code(1);
    let error = output.json_error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&format!("port {port}")), "{error}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("--callback-port")), "{error}");
    assert!(site.browser.tabs().is_empty());
    site.nothing_came_of_it();
}

#[test]
fn the_command_that_the_error_names_works_as_it_is() {
    for auth in [AuthMethod::None, AuthMethod::Basic] {
        let site = Site::of(|quirks| quirks.dcr = false);
        let output = site.connect(&["--json"]).code(2);
        let error = output.json_error();
        let text = format!("{} {}", error["message"], error["hint"]);
        let url = site.resource.url();
        let command = format!("allmcp connect {url} --client-id ID");
        assert!(text.contains(&command) && text.contains("--client-secret-stdin"), "{text}");
        assert!(site.browser.tabs().is_empty());
        site.env.nothing_saved();
        // As it is typed, with what the administrator gave.
        let port = free_port();
        let client = site.server.add_client(auth, &[&format!("http://127.0.0.1:{port}/callback")]);
        let port = port.to_string();
        let mut args = vec!["connect", &url, "--client-id", &client.id, "--callback-port", &port];
        args.extend(client.secret.as_ref().map(|_| "--client-secret-stdin"));
        let secret = client.secret.clone().unwrap_or_default();
        let output = site.env.command(&args).stdin(secret).run().success();
        let name = output.json_lines()[1]["name"].as_str().unwrap().to_owned();
        site.env.cmd(&["call", &name, "echo"]).success();
        assert!(toml(&site).contains("auth = \"oauth\""), "{}", toml(&site));
    }
}

#[test]
fn a_document_about_us_takes_the_place_of_a_registration() {
    let document = "https://allmcp.example/client.json";
    let port = free_port();
    let site = Site::of(|quirks| {
        let about = json!({
            "client_id": document,
            "redirect_uris": [format!("http://127.0.0.1:{port}/callback")],
        });
        quirks.cimd = true;
        quirks.client_documents.insert(document.to_owned(), about);
    });
    let port = port.to_string();
    let more = ["--client-metadata-url", document, "--callback-port", &port];
    site.connect(&more).success();
    assert_eq!(query(site.tabs()[0].url())["client_id"], document);
    assert_eq!(site.server.counts().registrations, 0);
    let line = format!("client_metadata_url = \"{document}\"");
    assert!(toml(&site).contains(&line), "{}", toml(&site));
    site.call().success();
    site.reconnect().success();
    assert_eq!(site.server.counts().registrations, 0);
}

/// A client that signs, and the file with its key.
fn signer(site: &Site) -> (Client, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let body = codec::base64url(der.as_ref()).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - body.len() % 4) % 4);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}{padding}\n-----END PRIVATE KEY-----\n");
    let client = site.server.add_client(AuthMethod::PrivateKeyJwt, &[]);
    let public_key = Some(pair.public_key().as_ref().to_vec());
    let client = Client { public_key, ..client };
    site.server.put_client(client.clone());
    let file = site.env.scratch().join("key.pem");
    std::fs::write(&file, pem).unwrap();
    (client, format!("private_key={}", file.display()))
}

/// A machine asks again for what it has no refresh token for.
#[track_caller]
fn asks_again(site: &Site) {
    let asked = || site.server.counts().client_credentials_ok;
    assert_eq!(asked(), 1);
    site.call().success();
    assert_eq!(asked(), 1, "the token is kept");
    site.server.reject_access_tokens();
    site.call().success();
    assert_eq!(asked(), 2);
    let counts = site.server.counts();
    assert_eq!((counts.registrations, counts.authorize_requests), (0, 0), "{counts:?}");
    assert!(site.browser.tabs().is_empty());
    site.reconnect().success();
    assert_eq!(asked(), 3);
    site.call().success();
}

#[test]
fn a_machine_signs_in_with_its_secret() {
    for auth in [AuthMethod::Post, AuthMethod::Basic] {
        let site = Site::new();
        let client = site.server.add_client(auth, &[]);
        let secret = client.secret.clone().unwrap();
        let more = ["--auth", "client-credentials", "--client-id", &client.id];
        let more = [&more[..], &["--client-secret-stdin"]].concat();
        let output = site.command(&more).stdin(secret.clone()).run().success();
        assert_eq!(output.json_lines().len(), 1, "nobody is asked: {output:?}");
        assert!(toml(&site).contains("auth = \"client-credentials\""), "{}", toml(&site));
        let store = site.env.allmcp_home().join("data/secrets.json");
        assert_eq!(site.env.grep_everything(&secret), [store]);
        asks_again(&site);
    }
}

#[test]
fn a_machine_signs_in_with_its_key() {
    let site = Site::new();
    let (client, key) = signer(&site);
    let more = ["--auth", "client-credentials", "--client-id", &client.id, "--secret-file", &key];
    site.connect(&more).success();
    std::fs::remove_file(site.env.scratch().join("key.pem")).unwrap();
    asks_again(&site);
}

#[test]
fn a_machine_without_a_credential_is_told_what_is_missing() {
    let site = Site::new();
    let client = site.server.add_client(AuthMethod::Post, &[]);
    let more = ["--auth", "client-credentials", "--client-id", &client.id];
    let output = site.connect(&more).code(2);
    assert!(output.stderr().contains("--client-secret-stdin"), "{}", output.stderr());
    assert!(output.stderr().contains("private_key="), "{}", output.stderr());
    let mut wrong = more.to_vec();
    wrong.push("--client-secret-stdin");
    let output = site.command(&wrong).stdin("canary-cs-wrong").run().code(4);
    assert!(!output.mentions("canary-cs-wrong"), "{output:?}");
    site.nothing_came_of_it();
    let output = site.connect(&["--auth", "client-credentials"]).code(2);
    assert!(output.stderr().contains("--client-id"), "{}", output.stderr());
}

#[test]
fn where_no_page_leads_back_a_code_is_typed_elsewhere() {
    let site = Site::of(|quirks| {
        quirks.device = true;
        quirks.device_interval = 1;
        quirks.device_consent = DeviceConsent::AfterPolls(1);
        quirks.meta_patch = json!({"authorization_endpoint": "__null__"});
    });
    let live = site.command(&[]).live();
    let event = live.event("authorization_required");
    let code = event["user_code"].as_str().unwrap_or_else(|| panic!("{event}"));
    let url = event["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}?user_code=", site.server.endpoint("device"))), "{url}");
    live.hears(&format!("type the code {code}"), 1);
    let output = live.finish().success();
    let connected: Value = output.json_lines().pop().unwrap();
    assert_eq!(connected["event"], "connected");
    assert_eq!(site.server.counts().device_ok, 1);
    assert_eq!(site.oauth()["grant"]["kind"], "device");
    site.call().success();
    site.server.reject_access_tokens();
    site.call().success();
}

#[test]
fn a_device_that_is_refused_is_a_no() {
    let site = Site::of(|quirks| {
        quirks.device = true;
        quirks.device_interval = 1;
        quirks.device_consent = DeviceConsent::Denied;
        quirks.meta_patch = json!({"authorization_endpoint": "__null__"});
    });
    let error = site.connect(&["--json"]).code(4).json_error();
    assert!(error["message"].as_str().unwrap().contains("declined"), "{error}");
    site.nothing_came_of_it();
}

//! Clients that can show the page themselves, and the browser that is opened for those that cannot.

use crate::{
    home::{Home, connected, usable},
    stand_in::yougile::{KEY, YouGile},
    support::{client::Serve, talk::eventually},
};
use serde_json::{Value, json};
use std::fs;

fn able() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} } })
}

fn home(yougile: &YouGile) -> Home {
    let home = Home::new();
    home.at("yougile", &yougile.base());
    home
}

fn enter_key(home: &Home, url: &str) {
    let page = home.by_way(url, "key");
    home.window.send(&page, &[("do", "send"), ("secret.token", KEY)]).says("yougile is connected");
}

#[test]
fn a_client_of_2025_11_25_is_asked_to_open_the_page_and_hears_when_it_is_done() {
    let yougile = YouGile::start(1);
    let home = home(&yougile);
    let mut serve = home.serve(able());
    let params = json!({ "name": "connect_provider", "arguments": { "provider": "yougile" } });
    let call = serve.send_request("tools/call", params);
    let ask = serve.wait_for_method("elicitation/create");
    assert_eq!(ask["params"]["mode"], "url");
    serve.respond(&ask["id"], json!({ "action": "accept" }));
    enter_key(&home, ask["params"]["url"].as_str().unwrap());
    let answer = serve.response(call);
    assert_eq!(connected(&answer)["name"], "yougile", "the same call ends connected");
    let done = serve.wait_for_method("notifications/elicitation/complete");
    assert_eq!(done["params"]["elicitationId"], ask["params"]["elicitationId"]);
    usable(&mut serve, "yougile__users_me");
    home.end(serve, &[], &[KEY]);
}

#[test]
fn a_client_of_2026_07_28_is_asked_by_the_result() {
    let yougile = YouGile::start(1);
    let home = home(&yougile);
    let mut serve = Serve::start(&home.env, &["serve", "-vv"]);
    serve.capabilities = able();
    let params = json!({ "name": "connect_provider", "arguments": { "provider": "yougile" } });
    let asked = serve.modern("tools/call", params.clone())["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let (key, ask) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(
        (&ask["method"], &ask["params"]["mode"]),
        (&json!("elicitation/create"), &json!("url"))
    );
    let mut again = params;
    again["inputResponses"] = json!({ key: { "action": "accept" } });
    again["requestState"] = asked["requestState"].clone();
    let call = serve.send_modern("tools/call", again);
    enter_key(&home, ask["params"]["url"].as_str().unwrap());
    let answer = serve.response(call);
    assert_eq!(connected(&answer)["name"], "yougile", "{answer}");
    home.end(serve, &[], &[KEY]);
}

#[test]
fn who_declines_is_not_sent_there() {
    let home = Home::new();
    let mut serve = home.serve(able());
    let params = json!({ "name": "connect_provider", "arguments": { "provider": "kommo" } });
    let call = serve.send_request("tools/call", params);
    let ask = serve.wait_for_method("elicitation/create");
    serve.respond(&ask["id"], json!({ "action": "decline" }));
    let answer = serve.response(call);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(answer.to_string().contains("does not want"), "{answer}");
    home.end(serve, &[], &[]);
}

#[test]
fn the_browser_is_opened_once_for_a_client_that_cannot_ask() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut home = Home::new();
    let (program, log) = (home.env.scratch().join("browser"), home.env.scratch().join("opened"));
    fs::write(&program, format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> {}\n", log.display()))
        .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    home.env.var("BROWSER", &program);
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "kommo" }));
    eventually("the browser is opened", || {
        fs::read_to_string(&log).is_ok_and(|it| it == format!("{link}\n"))
    });
    let answer = serve.call("connect_provider", json!({ "provider": "kommo" }));
    assert!(answer.to_string().contains("opened in the user's browser"), "{answer}");
    home.end(serve, &[], &[]);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 1, "once");
}

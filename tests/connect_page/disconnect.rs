//! Giving a connection up from the chat: nothing goes before the user says so.

use crate::{
    home::{Home, usable},
    stand_in::yougile::{KEY, YouGile},
    support::client::Serve,
};
use serde_json::{Value, json};

fn home(yougile: &YouGile) -> Home {
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let connect = ["connect", "yougile", "--auth", "key", "--token-stdin"];
    let _ = home.env.command(&connect).stdin(KEY).run().success();
    home
}

fn disconnect(serve: &mut Serve) -> u64 {
    let params = json!({ "name": "disconnect_provider", "arguments": { "name": "yougile" } });
    serve.send_request("tools/call", params)
}

fn status(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]["status"]
}

#[track_caller]
fn gone(home: &Home, serve: &mut Serve) {
    let names = serve.tool_names();
    assert!(!names.iter().any(|name| name.starts_with("yougile__")), "{names:?}");
    assert!(!home.env.read_config().contains("yougile"), "{}", home.env.read_config());
    let answer = serve.call("disconnect_provider", json!({ "name": "yougile" }));
    assert_eq!(status(&answer), "not_found", "{answer}");
}

#[test]
fn a_client_that_can_ask_asks() {
    let yougile = YouGile::start(1);
    let home = home(&yougile);
    let mut serve = home.serve(json!({ "elicitation": {} }));
    for (count, action) in ["decline", "accept"].iter().enumerate() {
        let call = disconnect(&mut serve);
        serve.wait_for_count("elicitation/create", count + 1);
        let ask = serve.of_method("elicitation/create")[count].clone();
        let message = ask["params"]["message"].as_str().unwrap();
        assert!(message.contains("Disconnect yougile (YouGile)"), "{message}");
        serve.respond(&ask["id"], json!({ "action": action, "content": {} }));
        let answer = serve.response(call);
        if *action == "decline" {
            assert_eq!(status(&answer), "kept", "{answer}");
            usable(&mut serve, "yougile__users_me");
        } else {
            assert_eq!(status(&answer), "disconnected", "{answer}");
        }
    }
    let log = home.env.cmd(&["logs", "--tool", "disconnect_provider", "--json"]).success();
    let decisions = log.stdout().lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap()["decision"].as_str().unwrap().to_owned()
    });
    assert_eq!(decisions.collect::<Vec<_>>(), ["refused", "approved"]);
    gone(&home, &mut serve);
    home.end(serve, &[KEY], &[]);
}

#[test]
fn one_that_cannot_gets_a_page() {
    let yougile = YouGile::start(1);
    let home = home(&yougile);
    let mut serve = home.serve(json!({}));
    let call = disconnect(&mut serve);
    let answer = serve.response(call);
    assert_eq!(status(&answer), "action_required", "{answer}");
    let link = answer["result"]["structuredContent"]["confirm_url"].as_str().unwrap().to_owned();
    let page = home.window.open(&link);
    page.says("Disconnect yougile?").says("Keep it");
    usable(&mut serve, "yougile__users_me");
    let page = home.window.send(&page, &[("do", "send")]);
    page.says("yougile is disconnected");
    gone(&home, &mut serve);
    assert_eq!(home.window.open(&link).status, 410);
    home.end(serve, &[KEY], &[]);
}

#[test]
fn what_is_not_there_is_no_error() {
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let answer = serve.call("disconnect_provider", json!({ "name": "kommo" }));
    assert_eq!(status(&answer), "not_found", "{answer}");
    home.end(serve, &[], &[]);
}

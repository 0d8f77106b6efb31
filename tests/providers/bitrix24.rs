//! Bitrix24 by a webhook URL, from `connect` to `disconnect`.

use crate::{
    rig::Rig,
    stand_in::{
        Said,
        bitrix24::{Bitrix24, CODE},
    },
    vendor::warns,
};
use serde_json::json;

/// What a user copies out of the portal. The stand-in is behind `--base-url`.
fn webhook(code: &str) -> String {
    format!("https://acme.bitrix24.com/rest/1/{code}/\n")
}

fn args(origin: &str) -> [&str; 4] {
    ["bitrix24", "--base-url", origin, "--token-stdin"]
}

#[track_caller]
fn connected(portal: &Bitrix24) -> Rig {
    let rig = Rig::new("bitrix24");
    let _ = rig.connect(&args(&portal.site.origin()), &webhook(CODE)).success();
    rig
}

#[test]
fn a_webhook_url_is_all_it_needs() {
    let portal = Bitrix24::start(3);
    let rig = Rig::new("bitrix24");
    let output = rig.connect(&args(&portal.site.origin()), &webhook(CODE)).success();
    let sent: Vec<String> = portal.site.seen().into_iter().map(|it| it.path).collect();
    assert_eq!(sent, [format!("/rest/1/{CODE}/profile")], "one cheap call");
    warns(
        &rig,
        "Bitrix24",
        &output,
        &[
            "Whoever has the webhook URL acts as the user who made it; keep it secret and give it only the scopes that you want to use.",
            "Messages and notifications are really sent, deletions are for good.",
        ],
    );
    let config = rig.env.read_config();
    for part in ["[connections.bitrix24]", "provider = \"bitrix24\"", "acme.bitrix24.com"] {
        assert!(config.contains(part), "{part} is not in {config}");
    }
    assert_eq!(rig.row()["status"], "connected");
    assert!(rig.tools().iter().any(|tool| tool == "crm_item_list"));
    let list = rig.good("crm_item_list", &json!({ "entityTypeId": 2, "select": ["id"] }));
    assert_eq!((&list["items"][2]["id"], &list["total"]), (&json!(3), &json!(3)));
    assert_eq!(portal.site.last().path, format!("/rest/1/{CODE}/crm.item.list"));
    let one = rig.good("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
    assert!(one.to_string().contains("\"title\":\"deal\""), "{one}");
    assert_eq!(rig.good("user_current", &json!({}))["item"]["NAME"], "Ann");
    let funnels = rig.good("crm_category_list", &json!({ "entityTypeId": 2 }));
    assert_eq!(funnels["items"][0]["name"], "Sales", "{funnels}");
    let none = rig.good("crm_item_list", &json!({ "entityTypeId": 2, "cursor": null }));
    assert_eq!(none["items"].as_array().unwrap().len(), 3);
    let new = json!({ "entityTypeId": 2, "fields": { "title": "New" } });
    assert!(rig.good("crm_item_add", &new).to_string().contains("\"id\":4"));
    assert_eq!(portal.site.last().json().unwrap(), new);
    // The URL is not kept, only its code.
    rig.nothing_leaked(&["bitrix24.com/rest/1/bitrix"], &[CODE]);
    let _ = rig.run(&["disconnect", "bitrix24", "--yes"], "").success();
    rig.nothing_leaked(&[CODE], &[]);
}

#[test]
fn fifty_at_a_time_until_there_is_no_next() {
    let portal = Bitrix24::start(120);
    let rig = connected(&portal);
    let mut arguments = json!({ "entityTypeId": 2 });
    let mut counts = Vec::new();
    for _ in 0..5 {
        let page = rig.good("crm_item_list", &arguments);
        assert_eq!(page["total"], 120);
        counts.push(page["items"].as_array().unwrap().len());
        let Some(next) = page.get("next_cursor") else { break };
        arguments["cursor"] = next.clone();
    }
    assert_eq!(counts, [50, 50, 20]);
    let empty = Bitrix24::start(0);
    let rig = connected(&empty);
    let page = rig.good("crm_item_list", &json!({ "entityTypeId": 2 }));
    assert_eq!(page, json!({ "items": [], "total": 0 }));
}

#[test]
fn every_error_has_its_name_and_a_way_on() {
    let portal = Bitrix24::start(1);
    let rig = connected(&portal);
    let text = rig.bad("crm_item_get", &json!({ "entityTypeId": 2, "id": 7 }));
    assert!(text.contains("NOT_FOUND"), "{text}");
    let text = rig.bad("tasks_task_list", &json!({}));
    assert!(text.contains("higher privileges") && text.contains("add the scope"), "{text}");
    let text = rig.bad("crm_item_list", &json!({ "entityTypeId": 5 }));
    assert!(text.contains("Smart process not found"), "{text}");
    portal.site.then(Said::json(200, &json!({ "error": "ODD", "error_description": "odd one" })));
    let text = rig.bad("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
    assert!(text.contains("odd one"), "{text}");
    for (status, code, hint) in [
        (403, "ACCESS_DENIED", "ACCESS_DENIED"),
        (403, "user_access_error", "user_access_error"),
        (400, "INVALID_REQUEST", "INVALID_REQUEST"),
        (404, "ERROR_METHOD_NOT_FOUND", "its edition or plan lacks the module"),
        (503, "OVERLOAD_LIMIT", "its support can lift that"),
        (500, "PORTAL_DELETED", "PORTAL_DELETED"),
    ] {
        portal.says(status, code, "why");
        let text = rig.bad("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
        assert!(text.contains("why") && text.contains(hint), "{code}: {text}");
    }
    portal.says(500, "INTERNAL_SERVER_ERROR", "why");
    let error = rig.call("crm_item_delete", &json!({ "entityTypeId": 2, "id": 1 })).code(5);
    let error = error.json_error()["message"].to_string();
    assert!(error.contains("HTTP 500") && error.contains("may have been carried out"), "{error}");
    // It has no such answer of its own; a proxy in front of a box edition may.
    portal.site.then(Said::nothing());
    let page = rig.good("crm_item_list", &json!({ "entityTypeId": 2 }));
    assert_eq!(page, json!({ "items": [] }));
    // Too many: waited for where nothing happens twice.
    portal.over_limit();
    rig.good("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
    portal.over_time();
    let text = rig.bad("crm_item_delete", &json!({ "entityTypeId": 2, "id": 1 }));
    assert!(text.contains("try again in"), "{text}");
    rig.nothing_leaked(&[], &[CODE]);
}

#[test]
fn a_webhook_that_was_deleted_asks_for_a_new_one() {
    let portal = Bitrix24::start(1);
    let rig = connected(&portal);
    let text = json!({ "error": "INVALID_CREDENTIALS", "error_description": format!("no {CODE}") });
    for _ in 0..2 {
        portal.site.then(Said::json(401, &text));
    }
    let error = rig.call("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 })).code(4);
    assert_eq!(error.json_error()["hint"], "allmcp reconnect bitrix24");
    rig.nothing_leaked(&[], &[CODE]);
    // The whole URL is what one has, here too.
    let _ = rig.run(&["reconnect", "bitrix24", "--token-stdin"], &webhook(CODE)).success();
    rig.good("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
}

#[test]
fn whatever_ended_the_webhook_it_is_made_anew() {
    for (status, code) in [
        (401, "expired_token"),
        (401, "NO_AUTH_FOUND"),
        (403, "INVALID_CREDENTIALS"),
        (401, "invalid_token"),
    ] {
        let portal = Bitrix24::start(1);
        let rig = connected(&portal);
        for _ in 0..2 {
            portal.says(status, code, "why");
        }
        let error = rig.call("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 })).code(4);
        assert_eq!(error.json_error()["hint"], "allmcp reconnect bitrix24", "{code}");
        let output = rig.run(&["reconnect", "bitrix24", "--token-stdin"], &webhook("wrong-canary"));
        let output = output.code(4);
        assert!(output.stderr().contains("Inbound webhook"), "{}", output.stderr());
        let _ = rig.run(&["reconnect", "bitrix24", "--token-stdin"], &webhook(CODE)).success();
        rig.good("crm_item_get", &json!({ "entityTypeId": 2, "id": 1 }));
        rig.nothing_leaked(&["wrong-canary"], &[CODE]);
    }
}

#[test]
fn a_webhook_as_a_url_is_refused_with_the_right_command() {
    let rig = Rig::new("bitrix24");
    let url = webhook(CODE);
    let output = rig.env.cmd(&["connect", url.trim()]).code(2);
    assert!(output.stderr().contains("connect bitrix24 --token-stdin"), "{}", output.stderr());
    assert!(!output.mentions(CODE), "{output:?}");
    assert!(rig.env.grep_everything(CODE).is_empty());
}

#[test]
fn what_is_no_webhook_url_is_not_sent_anywhere() {
    let portal = Bitrix24::start(1);
    let origin = portal.site.origin();
    for bad in [
        "rubbish-canary",
        "https://acme.bitrix24.com/rest/rubbish-canary",
        "http://acme.bitrix24.com/rest/1/rubbish-canary/",
        "https://acme.bitrix24.com/rest/x/rubbish-canary/",
        "https://acme.bitrix24.com/rest/1/rubbish-canary/../../x/",
        "",
    ] {
        let rig = Rig::new("bitrix24");
        let output = rig.connect(&args(&origin), bad).code(2);
        assert!(!output.mentions("canary"), "{output:?}");
        assert!(!rig.env.read_config().contains("[connections"));
        rig.nothing_leaked(&["rubbish-canary"], &[]);
    }
    assert!(portal.site.seen().is_empty(), "{:?}", portal.site.seen());
    let rig = Rig::new("bitrix24");
    let output = rig.connect(&["bitrix24", "--base-url", &origin], "").code(2);
    assert!(output.stderr().contains("--token-stdin"), "{}", output.stderr());
    assert!(output.stderr().contains("Inbound webhook"), "{}", output.stderr());
    let _ = rig.connect(&args(&origin), &webhook("wrong-canary")).code(4);
    rig.nothing_leaked(&["wrong-canary"], &[]);
}

//! Kommo, and amoCRM, with a long-lived token, from `connect` to `disconnect`.

use crate::{
    rig::Rig,
    stand_in::{
        Said,
        kommo::{Kommo, TOKEN},
    },
    support::{client::Serve, talk},
    vendor::warns,
};
use serde_json::{Value, json};

/// One API on two platforms.
pub(crate) const BOTH: [&str; 2] = ["kommo", "amocrm"];

/// Connected by the token, as `kommo`.
#[track_caller]
fn connected(kommo: &Kommo) -> Rig {
    connected_as("kommo", kommo)
}

#[track_caller]
fn connected_as(id: &'static str, kommo: &Kommo) -> Rig {
    let rig = Rig::new(id);
    let origin = kommo.site.origin();
    let args = [&[id], &args(&origin)[1..]].concat();
    let _ = rig.connect(&args, &format!("{TOKEN}\n")).success();
    rig
}

fn args(origin: &str) -> [&str; 8] {
    ["kommo", "--auth", "token", "--param", "subdomain=acme", "--base-url", origin, "--token-stdin"]
}

#[test]
fn a_token_is_enough_to_list_read_and_write() {
    for id in BOTH {
        let kommo = Kommo::start(5, "");
        let rig = connected_as(id, &kommo);
        // One cheap call told that the token is right.
        let sent: Vec<String> = kommo.site.seen().into_iter().map(|it| it.path).collect();
        assert_eq!(sent, ["/api/v4/account"]);
        let config = rig.env.read_config();
        for line in [
            &*format!("[connections.{id}]"),
            &format!("provider = \"{id}\""),
            "way = \"token\"",
            "acme",
        ] {
            assert!(config.contains(line), "{line} is not in {config}");
        }
        assert_eq!(rig.row()["status"], "connected");
        let tools = rig.tools();
        for tool in
            ["account_get", "leads_list", "lead_create", "pipelines_list", "unsorted_decline"]
        {
            assert!(tools.iter().any(|one| one == tool), "{tool} is not in {tools:?}");
        }
        let seen = rig.run(&["inspect", id], "").success();
        for part in ["Instructions\n", "Leads", &*format!("{id}__lead_create\n")] {
            assert!(seen.stdout().contains(part), "{part} is not in {}", seen.stdout());
        }
        let seen = rig.run(&["inspect", id, "--json"], "").success().json();
        let groups = seen["groups"].as_array().unwrap();
        let in_groups: usize = groups.iter().map(|it| it["tools"].as_array().unwrap().len()).sum();
        assert_eq!(in_groups, tools.len(), "every tool is in one group");
        let _ = rig.run(&["status", id, "--live"], "").success();

        // Three that read, and one that writes.
        assert_eq!(rig.good("account_get", &json!({}))["item"]["name"], "Acme Sales");
        assert_eq!(rig.good("lead_get", &json!({ "id": 2 }))["item"]["name"], "lead 2");
        let found = rig.good("leads_list", &json!({ "query": "lead 3", "pipeline_ids": [7] }));
        assert_eq!(found["items"][0]["id"], 3);
        assert_eq!(kommo.site.last().asked("filter[pipeline_id][]"), Some("7"));
        let made = rig.good("lead_create", &json!({ "name": "New", "price": 5 }));
        assert_eq!(made["items"][0]["id"], 6);
        assert_eq!(kommo.site.last().body, r#"[{"name":"New","price":5}]"#);
        assert_eq!(rig.good("lead_get", &json!({ "id": 6 }))["item"]["price"], 5);
        assert_eq!(kommo.site.last().bearer(), Some(TOKEN));
        rig.nothing_leaked(&[], &[TOKEN]);
        let _ = rig.run(&["disconnect", id, "--yes"], "").success();
        assert!(!rig.env.read_config().contains("[connections"), "{}", rig.env.read_config());
        assert!(rig.env.grep_everything(TOKEN).is_empty(), "the token is still there");
    }
}

#[test]
fn a_list_goes_on_by_its_cursor_and_ends() {
    for id in BOTH {
        let kommo = Kommo::start(5, "");
        let rig = connected_as(id, &kommo);
        let mut arguments = json!({ "limit": 2 });
        let mut ids = Vec::new();
        for _ in 0..5 {
            let page = rig.good("leads_list", &arguments);
            ids.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()));
            assert!(!page.to_string().contains("_links"), "{page}");
            let Some(next) = page.get("next_cursor") else { break };
            arguments["cursor"] = next.clone();
        }
        assert_eq!(Value::Array(ids), json!([1, 2, 3, 4, 5]));
        // Nothing is 204 here.
        assert_eq!(rig.good("leads_list", &json!({ "query": "nobody" })), json!({ "items": [] }));
        assert_eq!(rig.good("lead_get", &json!({ "id": 77 })), json!({ "item": null }));
        assert_eq!(rig.good("events_list", &json!({})), json!({ "items": [] }));
    }
}

#[test]
fn every_error_says_what_to_do() {
    for id in BOTH {
        let kommo = Kommo::start(1, "");
        let rig = connected_as(id, &kommo);
        let text = rig.bad("lead_create", &json!({ "name": "x", "pipeline_id": 999 }));
        assert!(text.contains("not a valid choice") && text.contains("\"pipeline_id\""), "{text}");
        kommo.unpaid();
        let text = rig.bad("account_get", &json!({}));
        assert!(text.contains("Account not paid") && text.contains("pay for it"), "{text}");
        kommo.blocked();
        let text = rig.bad("account_get", &json!({}));
        assert!(text.contains("HTTP 403") && !text.contains("<html>"), "{text}");
        for (status, detail, hint) in [
            (403, "Forbidden", "lacks the right"),
            (404, "Element not found", "Element not found"),
            (422, "Unprocessable", "Unprocessable"),
        ] {
            kommo.says(status, detail);
            let text = rig.bad("lead_get", &json!({ "id": 1 }));
            assert!(text.contains(detail) && text.contains(hint), "{text}");
        }
        kommo.site.then(Said::new(500, "text/plain", "oops"));
        let output = rig.call("lead_create", &json!({ "name": "x" })).code(5);
        let error = output.json_error()["message"].to_string();
        assert!(error.contains("HTTP 500") && error.contains("oops"), "{error}");
        kommo.site.then(Said::new(200, "text/html", "<html>Sign in</html>"));
        let output = rig.call("account_get", &json!({}));
        assert_ne!(output.exit(), 0);
        assert!(!output.stdout().contains("<html>"), "{output:?}");
        let before = kommo.site.seen().len();
        let text = rig.bad("lead_create", &json!({ "price": "5" }));
        assert!(text.contains("integer") && text.contains("Nothing was sent"), "{text}");
        assert_eq!(kommo.site.seen().len(), before);
        rig.nothing_leaked(&[], &[TOKEN]);
    }
}

#[test]
fn too_many_requests_are_waited_for_only_where_nothing_can_happen_twice() {
    for id in BOTH {
        let kommo = Kommo::start(1, "");
        let rig = connected_as(id, &kommo);
        kommo.too_many();
        assert_eq!(rig.good("account_get", &json!({}))["item"]["id"], 99);
        kommo.too_many();
        let text = rig.bad("lead_create", &json!({ "name": "x" }));
        assert!(text.contains("429") && text.contains("try again in"), "{text}");
        assert_eq!(kommo.site.seen().iter().filter(|it| it.method == "POST").count(), 1);
    }
}

#[test]
fn a_token_that_has_ended_asks_for_another() {
    for id in BOTH {
        let kommo = Kommo::start(1, "");
        let rig = connected_as(id, &kommo);
        kommo.expire();
        let output = rig.call("account_get", &json!({})).code(4);
        let error = output.json_error();
        assert_eq!((error["kind"].as_str(), error["exit"].as_i64()), (Some("needs_auth"), Some(4)));
        assert_eq!(error["hint"], format!("allmcp reconnect {id}"));
        let _ = rig.run(&["status", id, "--live"], "").code(4);
        // A second one that is none either changes nothing; a good one does.
        let _ = rig.run(&["reconnect", id, "--token-stdin"], "kommo-wrong-canary").code(4);
        kommo.admit("kommo-second-canary");
        let _ = rig.run(&["reconnect", id, "--token-stdin"], "kommo-second-canary").success();
        assert_eq!(rig.good("account_get", &json!({}))["item"]["id"], 99);
        rig.nothing_leaked(&["kommo-wrong-canary", TOKEN], &["kommo-second-canary"]);
    }
}

#[test]
fn a_wrong_token_saves_nothing() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::new("kommo");
    let origin = kommo.site.origin();
    let _ = rig.connect(&args(&origin), "kommo-wrong-canary").code(4);
    assert!(!rig.env.read_config().contains("[connections"), "{}", rig.env.read_config());
    let dry = [&args(&origin)[..], &["--dry-run"]].concat();
    let _ = rig.connect(&dry, TOKEN).success();
    assert!(!rig.env.read_config().contains("[connections"), "{}", rig.env.read_config());
    rig.nothing_leaked(&["kommo-wrong-canary", TOKEN], &[]);
}

#[test]
fn what_is_missing_is_named_with_its_flag() {
    let kommo = Kommo::start(0, "");
    let origin = kommo.site.origin();
    let rig = Rig::new("kommo");
    let no_subdomain = ["kommo", "--auth", "token", "--base-url", &origin, "--token-stdin"];
    let output = rig.connect(&no_subdomain, TOKEN).code(2);
    assert!(output.stderr().contains("--param subdomain="), "{}", output.stderr());
    assert!(output.stderr().contains("before .kommo.com"), "{}", output.stderr());
    let no_token = ["kommo", "--auth", "token", "--param", "subdomain=a", "--base-url", &origin];
    let output = rig.connect(&no_token, "").code(2);
    assert!(output.stderr().contains("--token-stdin"), "{}", output.stderr());
    assert!(output.stderr().contains("Generate long-lived token"), "{}", output.stderr());
    let bad = ["kommo", "--auth", "token", "--param", "subdomain=a/b", "--token-stdin"];
    let output = rig.connect(&bad, TOKEN).code(2);
    assert!(output.stderr().contains("subdomain"), "{}", output.stderr());
    let output = rig.connect(&["kommo", "--auth", "webhook", "--token-stdin"], TOKEN).code(2);
    assert!(output.stderr().contains("token") && output.stderr().contains("oauth"), "{output:?}");
    // A secret by a name that the way does not have is not dropped unsaid.
    let misnamed = ["kommo", "--auth", "token", "--param", "subdomain=a", "--secrets-stdin"];
    let output = rig.connect(&misnamed, &json!({ "api_key": TOKEN }).to_string()).code(2);
    assert!(output.stderr().contains("\"api_key\"; it takes token"), "{output:?}");
    let signed_in = ["kommo", "--auth", "oauth", "--param", "subdomain=a", "--token-stdin"];
    let output = rig.connect(&signed_in, TOKEN).code(2);
    assert!(output.stderr().contains("\"token\"; it takes none"), "{output:?}");
    let output = rig.connect(&["kommmo"], "").code(2);
    assert!(output.stderr().contains("did you mean"), "{}", output.stderr());
    assert!(kommo.site.seen().is_empty(), "nothing was sent");
    rig.nothing_leaked(&[TOKEN], &[]);
}

#[test]
fn a_client_of_serve_gets_it_like_any_other() {
    let kommo = Kommo::start(3, "");
    let rig = connected(&kommo);
    // More tools than `auto` lists.
    let mut serve = Serve::start(&rig.env, &["serve", "-vv", "--mode", "full"]);
    serve.initialize("2025-11-25");
    let tools = serve.tools();
    let of = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    let (reads, writes) = (of("kommo__leads_list"), of("kommo__unsorted_decline"));
    assert_eq!(reads["annotations"]["readOnlyHint"], true);
    assert_eq!(writes["annotations"]["destructiveHint"], true);
    assert!(reads["inputSchema"]["properties"]["cursor"].is_object(), "{reads}");
    let answer = serve.call("kommo__leads_list", json!({ "limit": 2 }));
    assert_eq!(answer["result"]["structuredContent"]["items"].as_array().unwrap().len(), 2);
    kommo.expire();
    let answer = serve.call("kommo__leads_list", json!({}));
    assert!(talk::told(&answer).contains("reconnect"), "{answer}");
    rig.end(serve);
    rig.nothing_leaked(&[], &[TOKEN]);
}

#[test]
fn on_a_terminal_only_what_is_missing_is_asked_for() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::new("kommo");
    let origin = kommo.site.origin();
    let token = format!("{TOKEN}\n");
    let args = ["connect", "kommo", "--base-url", &origin];
    let answers =
        [("Number", "1\n"), ("Subdomain", "no such\n"), ("Subdomain", "acme.kommo.com\n")];
    let answers = [&answers[..], &[("Long-lived token", token.as_str())]].concat();
    let Some(output) = rig.env.on_terminal(120, &args, &answers[..]) else { return };
    let output = output.success();
    assert!(output.stdout().contains("How do you want to sign in?"), "{}", output.stdout());
    for part in ["Generate long-lived token", "https://developers.kommo.com/docs/long-lived-token"]
    {
        assert!(output.stdout().contains(part), "{part} is not in {}", output.stdout());
    }
    rig.note("the screen", output.stdout());
    assert!(rig.env.read_config().contains("subdomain = \"acme\""), "{}", rig.env.read_config());
    assert_eq!(rig.good("account_get", &json!({}))["item"]["id"], 99);
    // A second account, with everything said.
    let other = ["connect", "kommo", "--name", "kommo-2", "--base-url", &origin];
    let said = ["--auth", "token", "--param", "subdomain=other"];
    let answers = [("Long-lived token", token.as_str())];
    let output = rig.env.on_terminal(120, &[&other[..], &said].concat(), &answers).unwrap();
    assert!(!output.success().stdout().contains("Subdomain"));
    let _ = rig.run(&["call", "kommo-2__account_get"], "").success();
    rig.nothing_leaked(&[], &[TOKEN]);
}

#[test]
fn the_traps_are_told() {
    let kommo = Kommo::start(1, "");
    for (id, title, api) in
        [("kommo", "Kommo", "Kommo's API"), ("amocrm", "amoCRM", "the API of amoCRM")]
    {
        let rig = Rig::new(id);
        let origin = kommo.site.origin();
        let output = rig.connect(&[&[id], &args(&origin)[1..]].concat(), TOKEN).success();
        let undo = format!(
            "Writes change real sales data at once; {api} has no undo and no way to delete leads, contacts, companies or tasks."
        );
        let limit = "More than 7 requests a second, again and again, get the IP address blocked; allmcp keeps to that limit for this process only.";
        warns(&rig, title, &output, &[&undo, limit]);
    }
}

#[test]
fn the_same_again_changes_nothing_and_force_replaces() {
    let kommo = Kommo::start(1, "");
    let rig = connected(&kommo);
    let config = rig.env.read_config();
    let origin = kommo.site.origin();
    let again = rig.connect(&args(&origin), TOKEN).success();
    assert!(again.stdout().contains("\"already\":true"), "{}", again.stdout());
    assert_eq!(rig.env.read_config(), config);
    kommo.admit("kommo-second-canary");
    let force = [&args(&origin)[..], &["--force"]].concat();
    let _ = rig.connect(&force, "kommo-second-canary").success();
    assert_eq!(rig.good("account_get", &json!({}))["item"]["id"], 99);
    assert_eq!(kommo.site.last().bearer(), Some("kommo-second-canary"));
    rig.nothing_leaked(&[], &["kommo-second-canary"]);
    assert!(rig.env.grep_everything(TOKEN).is_empty());
}

#[test]
fn a_client_of_the_newest_revision_gets_it_too() {
    let kommo = Kommo::start(3, "");
    let rig = connected(&kommo);
    let mut serve = rig.serve();
    let answer =
        serve.modern("tools/call", json!({ "name": "kommo__lead_get", "arguments": { "id": 3 } }));
    assert_eq!(answer["result"]["structuredContent"]["item"]["name"], "lead 3", "{answer}");
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    rig.end(serve);
    let logged = rig.run(&["logs", "--json"], "").success();
    assert!(logged.mentions("kommo__lead_get"), "{}", logged.stdout());
    rig.nothing_leaked(&[], &[TOKEN]);
}

#[test]
fn a_token_goes_to_no_other_host_than_the_one_it_was_given_for() {
    let (kommo, other) = (Kommo::start(1, ""), Kommo::start(1, ""));
    let rig = connected(&kommo);
    let config = rig.env.read_config();
    rig.env.config(&config.replace(&kommo.site.origin(), &other.site.origin()));
    let output = rig.call("account_get", &json!({})).code(4);
    assert!(output.stderr().contains("reconnect"), "{}", output.stderr());
    assert!(other.site.seen().is_empty(), "{:?}", other.site.seen());
    let mut serve = rig.serve();
    serve.initialize("2025-11-25");
    let _ = serve.call("kommo__account_get", json!({}));
    rig.end(serve);
    assert!(other.site.seen().is_empty(), "{:?}", other.site.seen());
    rig.env.config(&config);
    assert_eq!(rig.good("account_get", &json!({}))["item"]["id"], 99);
    rig.nothing_leaked(&[], &[TOKEN]);
}

#[test]
fn a_base_url_has_to_be_one_that_a_token_may_go_to() {
    for bad in
        ["http://kommo.example", "ftp://127.0.0.1", "127.0.0.1:1", "https://u:p@kommo.example", ""]
    {
        let rig = Rig::new("kommo");
        let output = rig.connect(&args(bad), TOKEN).code(2);
        assert!(!rig.env.read_config().contains("[connections"), "{bad}: {output:?}");
        rig.nothing_leaked(&[TOKEN], &[]);
    }
}

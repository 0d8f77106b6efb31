//! A provider that nobody has thought of yet: a manifest is all that it takes.

use crate::{
    rig::Rig,
    stand_in::{Said, Seen, Site},
    support::golden,
};
use serde_json::{Value, json};

const KEY: &str = "tally-key-canary-1";

/// An API with habits of its own: a key in a header beside a region, errors in answers with
/// status 200, forms, and pages by a token.
const MANIFEST: &str = r#"
id = "tally"
name = "Tally"
kind = "http"
category = "tasks"
about = "Counts sheep."
playbook = "Count the flock before you shear."

[[params]]
name = "region"
title = "Region"
example = "north"
chars = "a-z"

[[auth]]
id = "key"
title = "A key"
kind = "key"
help = "Ask the shepherd."
headers = { X-Tally-Key = "${secret:token}", X-Tally-Region = "${param:region}" }

[[auth.secrets]]
name = "token"
title = "Key"

[http]
base_url = "https://${param:region}.tally.example/v9"
check = { method = "GET", path = "/shepherd", account = "shepherd.name" }
error_text = ["problem.text"]
drop = ["wool"]
errors = [
  { status = [200], at = "problem.code", is = ["asleep"], means = "denied", hint = "The flock sleeps at night." },
  { status = [200], at = "problem.code", is = ["no_key"], means = "needs_auth" },
  { status = [200], at = "problem", means = "failed" },
  { status = [418], means = "rate_limited" },
]

[http.pages.token]
kind = "token"
query = "after"
next = "then"

[[groups]]
id = "flock"
title = "Flock"
about = "All that have wool."

[[tools]]
name = "sheep_list"
description = "The sheep."
group = "flock"
method = "GET"
path = "/fields/{field}/sheep"
pages = "token"
result = "flock"
args = [
  { name = "field", required = true, description = "Name of the field" },
  { name = "colours", key = "colour", type = "array", schema = { type = "string" }, list = "comma", description = "Only of these colours" },
]

[[tools]]
name = "sheep_shear"
description = "Shears one."
group = "flock"
method = "POST"
path = "/sheep/{id}/shear"
effect = "write"
shape = "form"
args = [
  { name = "id", type = "integer", required = true, minimum = 1, description = "Number of the sheep" },
  { name = "style", enum = ["short", "long"], description = "How" },
]

[[tools]]
name = "sheep_lose"
description = "Loses one for good."
method = "DELETE"
path = "/sheep/{id}"
effect = "destructive"
args = [{ name = "id", type = "integer", required = true, description = "Number of the sheep" }]
"#;

fn problem(code: &str, text: &str) -> Said {
    Said::json(200, &json!({ "problem": { "code": code, "text": text } }))
}

fn tally() -> Site {
    Site::serve(|seen: &Seen| {
        if seen.header("x-tally-key") != Some(KEY) || seen.header("x-tally-region") != Some("north")
        {
            let sent = seen.header("x-tally-key").unwrap_or_default();
            return problem("no_key", &format!("what is {sent}"));
        }
        match (seen.method.as_str(), seen.parts().as_slice()) {
            ("GET", ["v9", "shepherd"]) => {
                Said::json(200, &json!({ "shepherd": { "name": "Ann" } }))
            }
            ("GET", ["v9", "fields", "hill%20top", "sheep"]) => match seen.asked("after") {
                None => Said::json(
                    200,
                    &json!({ "flock": [{ "id": 1, "wool": "x" }, { "id": 2 }], "then": "t/2=" }),
                ),
                Some("t/2=") => Said::json(200, &json!({ "flock": [{ "id": 3 }], "then": null })),
                Some(_) => problem("odd", "no such page"),
            },
            ("POST", ["v9", "sheep", "9", "shear"]) => problem("asleep", "sheep 9 sleeps"),
            ("POST", ["v9", "sheep", ..]) => Said::json(201, &json!({ "fleece": seen.body })),
            ("GET", ["v9", "fields", ..]) | ("DELETE", ["v9", "sheep", _]) => Said::nothing(),
            _ => problem("odd", "no such gate"),
        }
    })
}

#[test]
fn a_manifest_alone_makes_a_provider() {
    let site = tally();
    let rig = Rig::new("tally");
    let file = rig.env.scratch().join("tally.toml");
    std::fs::write(&file, MANIFEST).unwrap();
    let _ = rig.run(&["catalog", "lint", file.to_str().unwrap()], "").success();
    let _ = rig.run(&["catalog", "add", file.to_str().unwrap()], "").success();
    let shown = rig.run(&["catalog", "show", "tally"], "").success();
    assert!(shown.stdout().contains("Ask the shepherd"), "{}", shown.stdout());
    let origin = site.origin();
    let args = ["tally", "--param", "region=north", "--base-url", &origin, "--token-stdin"];
    let _ = rig.connect(&args, "tally-wrong-canary").code(4);
    let _ = rig.connect(&args, KEY).success();
    assert_eq!(rig.row()["status"], "connected");
    assert_eq!(rig.tools(), ["sheep_list", "sheep_shear", "sheep_lose"]);
    let seen = rig.run(&["inspect", "tally"], "").success();
    assert!(seen.stdout().contains("Instructions\nCount the flock before"), "{}", seen.stdout());
    assert!(
        seen.stdout().contains(
            "\nFlock: All that have wool. (2)\ntally__sheep_list\n  The sheep.\n    field "
        ),
        "{}",
        seen.stdout()
    );
    assert!(seen.stdout().contains("\nIn no group\ntally__sheep_lose\n"), "{}", seen.stdout());
    let inspected = rig.env.cmd(&["inspect", "tally", "--json"]).success();
    golden::document(&rig.env, "inspect_provider", &inspected);

    let ask = json!({ "field": "hill top", "colours": ["black", "white"] });
    let first = rig.good("sheep_list", &ask);
    assert_eq!(first["items"], json!([{ "id": 1 }, { "id": 2 }]));
    assert_eq!(site.last().asked("colour"), Some("black,white"));
    let more = json!({ "field": "hill top", "cursor": first["next_cursor"] });
    assert_eq!(rig.good("sheep_list", &more), json!({ "items": [{ "id": 3 }] }));
    assert_eq!(rig.good("sheep_list", &json!({ "field": "x" })), json!({ "items": [] }));
    let sheared = rig.good("sheep_shear", &json!({ "id": 4, "style": "short" }));
    assert_eq!(sheared["item"]["fleece"], "style=short");
    assert_eq!(rig.good("sheep_lose", &json!({ "id": 4 })), json!({ "ok": true }));
    let text = rig.bad("sheep_shear", &json!({ "id": 9 }));
    assert!(text.contains("sheep 9 sleeps") && text.contains("at night"), "{text}");
    let text = rig.bad("sheep_shear", &json!({ "id": 9, "style": "punk" }));
    assert!(text.contains("style") && text.contains("Nothing was sent"), "{text}");
    site.then(Said::new(418, "text/plain", "teapot"));
    let text = rig.bad("sheep_shear", &json!({ "id": 1 }));
    assert!(text.contains("try again in"), "{text}");

    let mut serve = rig.serve();
    serve.initialize("2025-11-25");
    let tools = serve.tools();
    let of = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    assert_eq!(of("tally__sheep_list")["annotations"]["readOnlyHint"], true);
    assert_eq!(of("tally__sheep_lose")["annotations"]["destructiveHint"], true);
    let style: &Value = &of("tally__sheep_shear")["inputSchema"]["properties"]["style"];
    assert_eq!(style["enum"], json!(["short", "long"]));
    let answer = serve.call("tally__sheep_list", json!({ "field": "x" }));
    assert_eq!(answer["result"]["structuredContent"], json!({ "items": [] }));
    rig.end(serve);
    rig.nothing_leaked(&["tally-wrong-canary"], &[KEY]);

    // The file is changed, and what it says now is what holds.
    let changed = MANIFEST.replace("\"sheep_lose\"", "\"sheep_give_away\"");
    std::fs::write(&file, changed).unwrap();
    let _ = rig.run(&["catalog", "add", "--force", file.to_str().unwrap()], "").success();
    assert_eq!(rig.good("sheep_give_away", &json!({ "id": 4 })), json!({ "ok": true }));
    let _ = rig.run(&["disconnect", "tally", "--yes"], "").success();
    rig.nothing_leaked(&["tally-wrong-canary", KEY], &[]);
}

#[test]
fn a_connection_whose_manifest_is_gone_says_so() {
    let site = tally();
    let rig = Rig::new("tally");
    let file = rig.env.scratch().join("tally.toml");
    std::fs::write(&file, MANIFEST).unwrap();
    let _ = rig.run(&["catalog", "add", file.to_str().unwrap()], "").success();
    let origin = site.origin();
    let args = ["tally", "--param", "region=north", "--base-url", &origin, "--token-stdin"];
    let _ = rig.connect(&args, KEY).success();
    std::fs::remove_file(rig.env.allmcp_home().join("providers/tally.toml")).unwrap();
    let before = site.seen().len();
    let output = rig.call("sheep_lose", &json!({ "id": 1 }));
    assert_ne!(output.exit(), 0);
    assert!(output.stderr().contains("tally"), "{output:?}");
    assert_eq!(site.seen().len(), before, "nothing was sent");
    let _any = rig.run(&["list"], "");
    let _ = rig.run(&["disconnect", "tally", "--yes"], "").success();
    rig.nothing_leaked(&[KEY], &[]);
}

#[test]
fn a_manifest_that_moves_takes_no_key_with_it() {
    let (site, other) = (tally(), tally());
    let rig = Rig::new("tally");
    let file = rig.env.scratch().join("tally.toml");
    let at =
        |site: &Site| MANIFEST.replace("https://${param:region}.tally.example", &site.origin());
    std::fs::write(&file, at(&site)).unwrap();
    let _ = rig.run(&["catalog", "add", file.to_str().unwrap()], "").success();
    let _ = rig.connect(&["tally", "--param", "region=north", "--token-stdin"], KEY).success();
    std::fs::write(&file, at(&other)).unwrap();
    let _ = rig.run(&["catalog", "add", "--force", file.to_str().unwrap()], "").success();
    let _ = rig.call("sheep_lose", &json!({ "id": 1 })).code(4);
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

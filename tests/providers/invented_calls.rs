//! A second invented provider, with habits that vendors of telephony and booking have: two secrets
//! in one header or in the body, and an archive that answers for so much time at once.

use crate::{
    rig::Rig,
    stand_in::{Said, Seen, Site},
};
use serde_json::{Value, json};

const PARTNER: &str = "ring-partner-canary";
const USER: &str = "ring-user-canary";

const MANIFEST: &str = r#"
id = "ring"
name = "Ring"
kind = "http"
category = "calls"
about = "Counts calls."
sources = ["a test"]

[[auth]]
id = "header"
title = "Two tokens in one header"
kind = "key"
help = "Both stand on the settings page."
headers = { Authorization = "Bearer ${secret:partner}, User ${secret:user}" }
[[auth.secrets]]
name = "partner"
title = "Token of the partner"
[[auth.secrets]]
name = "user"
title = "Token of the user"

[[auth]]
id = "body"
title = "Key and secret in the body"
kind = "key"
help = "Both stand on the settings page."
body = { key = "${secret:partner}", secret = "${secret:user}" }
[[auth.secrets]]
name = "partner"
title = "Key"
[[auth.secrets]]
name = "user"
title = "Secret"

[http]
base_url = "https://ring.example"
check = { method = "POST", path = "/me", account = "name" }
errors = [{ status = [200], at = "status", is = ["error"], means = "needs_auth" }]
[http.pages.day]
kind = "window"
from = "from"
to = "to"
span = 86400

[[tools]]
name = "calls_list"
description = "Calls of a time."
method = "POST"
path = "/calls"
effect = "read"
pages = "day"
result = "calls"
args = [
  { name = "from", key = "startTime", type = "integer", required = true, description = "Unix time" },
  { name = "to", key = "stopTime", type = "integer", required = true, description = "Unix time" },
]
"#;

/// Answers for a day at most, as its documentation would say.
fn ring() -> Site {
    Site::serve(|seen: &Seen| {
        let body = seen.json().unwrap_or_default();
        let by_header =
            seen.header("authorization") == Some(&format!("Bearer {PARTNER}, User {USER}"));
        let by_body = body["key"] == PARTNER && body["secret"] == USER;
        if !by_header && !by_body {
            return Said::json(200, &json!({ "status": "error", "message": "who is that" }));
        }
        if seen.path == "/me" {
            return Said::json(200, &json!({ "name": "Ann" }));
        }
        let of = |key: &str| body[key].as_u64().unwrap_or_default();
        if of("stopTime") - of("startTime") >= 86_400 {
            return Said::json(400, &json!({ "message": "a day at most" }));
        }
        Said::json(200, &json!({ "calls": [{ "at": of("startTime") }, { "at": of("stopTime") }] }))
    })
}

#[test]
fn two_secrets_in_one_place_and_a_time_in_spans() {
    for way in ["header", "body"] {
        let site = ring();
        let rig = Rig::new("ring");
        let file = rig.env.scratch().join("ring.toml");
        std::fs::write(&file, MANIFEST).unwrap();
        let _ = rig.run(&["catalog", "lint", file.to_str().unwrap()], "").success();
        let _ = rig.run(&["catalog", "add", file.to_str().unwrap()], "").success();
        let origin = site.origin();
        let args = ["ring", "--auth", way, "--base-url", &origin, "--secrets-stdin"];
        let secrets = |user: &str| json!({ "partner": PARTNER, "user": user }).to_string();
        let _ = rig.connect(&args, &secrets("ring-wrong-canary")).code(4);
        let _ = rig.connect(&args, &secrets(USER)).success();

        let (from, to) = (1_700_000_000_u64, 1_700_200_000_u64);
        let mut cursor = Value::Null;
        let mut spans = Vec::new();
        loop {
            let part = rig.good("calls_list", &json!({ "from": from, "to": to, "cursor": cursor }));
            spans.push((part["items"][0]["at"].clone(), part["items"][1]["at"].clone()));
            cursor = part["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let ends = [(from, from + 86_399), (from + 86_400, from + 172_799), (from + 172_800, to)];
        assert_eq!(spans, ends.map(|(from, to)| (json!(from), json!(to))), "{way}");
        let text = rig.bad("calls_list", &json!({ "from": to, "to": from }));
        assert!(text.contains("after") && text.contains("Nothing was sent"), "{text}");
        rig.nothing_leaked(&["ring-wrong-canary"], &[PARTNER, USER]);
    }
}

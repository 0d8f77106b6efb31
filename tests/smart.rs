//! Tools that are found and called rather than listed, and answers that are read in parts: what a
//! client can do that knows nothing but tools.

#![expect(clippy::unwrap_used, reason = "an answer of another form is a failed test")]

mod support;

use serde_json::{Value, json};
use support::{
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk::{OURS, text, told},
    upstream::Upstream,
};

const READ_MORE: &str = "dev.allmcp/read_more";

fn described(name: &str, description: &str, read_only: bool) -> Tool {
    let definition = json!({
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": {"title": {"type": "string", "description": "what it is called"}},
            "required": ["title"],
        },
        "annotations": {"readOnlyHint": read_only},
    });
    Tool::raw(&definition.to_string())
}

fn shop() -> Script {
    Script::legacy().tools([
        described("deal_create", "Creates a deal in a pipeline", false),
        described("deals_list", "Lists the deals of a pipeline", true),
        described("note_add", "Adds a note to a contact", false),
    ])
}

/// A home with one connection, `c`.
fn home(script: Script) -> (TestEnv, Upstream) {
    let (env, server) = (TestEnv::new(), Upstream::start(script));
    env.connection("c", &server.url());
    (env, server)
}

fn many(count: usize, bytes: usize) -> Script {
    let description = "d".repeat(bytes);
    Script::legacy().tools((0..count).map(|n| described(&format!("t{n}"), &description, true)))
}

fn content(response: &Value) -> &Value {
    assert_eq!(response["result"]["isError"], false, "{response}");
    let result = &response["result"];
    let said: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(said, result["structuredContent"], "clients of any age see the same");
    &result["structuredContent"]
}

#[test]
fn the_mode_says_what_is_listed_and_auto_goes_by_number_and_size() {
    for (mode, script, smart) in [
        (Some("full"), many(60, 10), false),
        (Some("smart"), shop(), true),
        (None, many(40, 10), false),
        (None, many(41, 10), true),
        (None, many(30, 2500), true),
    ] {
        let (env, _server) = home(script);
        env.cmd(&["sync"]).success();
        let args = mode.map_or_else(|| vec!["serve"], |mode| vec!["serve", "--mode", mode]);
        let mut serve = Serve::start(&env, &args);
        serve.initialize("2025-11-25");
        let names = serve.tool_names();
        assert_eq!(names == [OURS], smart, "{mode:?}: {names:?}");
        let modern = serve.modern("tools/list", json!({}));
        assert_eq!(modern["result"]["tools"].as_array().unwrap().len(), serve.tools().len());
    }
}

#[test]
fn the_mode_of_the_settings_holds_and_the_flag_wins() {
    let (env, server) = home(shop());
    let entry = format!("[connections.c]\nurl = \"{}\"\nauth = \"none\"\n", server.url());
    env.config(&format!("version = 1\n[settings]\nmode = \"smart\"\n{entry}"));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names(), [OURS]);
    let mut serve = Serve::start(&env, &["serve", "--mode", "full"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names().len(), 4);
    let wrong = env.cmd(&["serve", "--mode", "ful"]).code(2);
    assert!(wrong.stderr().contains("full"), "{}", wrong.stderr());
}

#[test]
fn a_tool_that_is_not_listed_is_found_and_called_by_name_and_by_ours() {
    let (env, server) = home(shop());
    let mut serve = Serve::start(&env, &["serve", "--mode", "smart"]);
    serve.initialize("2025-11-25");
    assert_eq!(serve.tool_names(), [OURS]);
    let found = serve.call("find_relevant_tools", json!({"query": "create a new deal"}));
    let found = content(&found);
    assert_eq!(found["tools"][0]["name"], "c__deal_create", "{found}");
    assert_eq!(found["tools"][0]["input_schema"]["required"], json!(["title"]));
    assert_eq!(found["tools"][0]["required"], json!(["title"]));
    assert!(found["tools"][1]["input_schema"].is_null(), "only the first has it");
    assert_eq!(found["locked_groups"], json!([]));
    let arguments = json!({"title": "x", "n": 1.50});
    let direct = serve.call("c__deal_create", arguments.clone());
    let through =
        serve.call("call_tool", json!({"name": "c__deal_create", "arguments": arguments}));
    assert_eq!(direct["result"], through["result"]);
    let claude = json!({"name": "mcp__allmcp__c__deal_create", "arguments": arguments});
    assert_eq!(serve.call("call_tool", claude)["result"], direct["result"]);
    assert_eq!(server.requests_of("tools/call").len(), 3);
    let read = json!({"name": "c__deals_list", "arguments": arguments});
    assert!(serve.call("call_read_tool", read)["result"]["isError"].is_null());
    let write = json!({"name": "c__deal_create", "arguments": arguments});
    let refused = serve.call("call_read_tool", write);
    assert!(told(&refused).contains("not annotated read-only"), "{refused}");
    assert_eq!(server.requests_of("tools/call").len(), 4, "it never left");
    let log = env.cmd(&["logs", "--json"]).success();
    let tools = log.stdout().matches("\"tool\":\"c__deal_create\"").count();
    assert_eq!(tools, 4, "the log has the tool that was called: {}", log.stdout());
    assert!(!log.stdout().contains("\"tool\":\"call_tool\""));
}

#[test]
fn what_a_model_gets_wrong_is_a_result_that_says_how_it_is_right() {
    let (env, server) = home(shop());
    let mut serve = Serve::start(&env, &["serve", "--mode", "smart"]);
    serve.initialize("2025-11-25");
    for (tool, arguments, wants) in [
        ("call_tool", json!({"name": "c__deal_creat"}), "c__deal_create"),
        ("call_tool", json!({}), "name is missing"),
        ("call_tool", json!({"name": "c__deal_create", "title": "x"}), "arguments"),
        ("call_tool", json!({"name": "call_tool"}), "by its own name"),
        ("find_relevant_tools", json!({}), "query"),
        ("find_relevant_tools", json!({"query": " "}), "empty"),
        ("find_relevant_tools", json!({"query": "x", "limit": 51}), "1 to 50"),
        ("find_relevant_tools", json!({"query": "x", "group": "d"}), "there are: c"),
        ("read_more", json!({"cursor": "nonsense"}), "not a cursor"),
        ("read_more", json!({"cursor": "c.abcdefghij.0.1"}), "call the tool again"),
        ("list_tool_groups", json!({"x": 1}), "`x`"),
    ] {
        let answer = serve.call(tool, arguments);
        assert!(told(&answer).contains(wants), "{tool}: {answer}");
    }
    assert_eq!(server.requests_of("tools/call").len(), 0);
}

#[test]
fn groups_say_what_there_is_and_what_is_locked() {
    let (env, _server) = home(shop());
    let key = Script::legacy().auth(support::script::Auth::bearer("right"));
    let locked = Upstream::start(key);
    env.connect_key("locked", &locked.url(), "right");
    locked.change(|script| script.auth = Some(support::script::Auth::bearer("other")));
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    let refused = serve.call("locked__echo", json!({}));
    assert_eq!(refused["result"]["isError"], true);
    let groups = serve.call("list_tool_groups", json!({}));
    let groups = content(&groups);
    let of = |name: &str| {
        let all = groups["groups"].as_array().unwrap();
        all.iter().find(|row| row["group"] == name).unwrap().clone()
    };
    assert_eq!((&of("c")["tools"], &of("c")["status"]), (&json!(3), &json!("connected")));
    assert_eq!(of("locked")["status"], "needs_auth");
    assert_eq!(of("locked")["connect_required"], true);
    let found = serve.call("find_relevant_tools", json!({"query": "echo"}));
    let found = content(&found);
    assert_eq!(found["locked_groups"][0]["group"], "locked", "{found}");
    let only = json!({"query": "deal", "group": "c", "limit": 1});
    let only = serve.call("find_relevant_tools", only);
    let only = content(&only);
    assert_eq!((only["tools"].as_array().unwrap().len(), &only["locked_groups"]), (1, &json!([])));
}

/// Reads a cut answer to its end; the texts without our notes, and how many parts there were.
fn read_on(serve: &mut Serve, first: &Value, limit: usize) -> (String, usize) {
    let mut part = first["result"].clone();
    let (mut whole, mut parts) = (String::new(), 0);
    loop {
        parts += 1;
        assert!(part.to_string().len() <= limit + 100, "a part is over the limit");
        for block in part["content"].as_array().unwrap() {
            let text = block["text"].as_str().unwrap();
            if !text.starts_with("[allmcp]") {
                whole.push_str(text);
            }
        }
        let cursor = match parts {
            1 => part["_meta"][READ_MORE]["cursor"].clone(),
            _ => part["structuredContent"]["cursor"].clone(),
        };
        if cursor.is_null() {
            return (whole, parts);
        }
        let next = serve.call("read_more", json!({"cursor": cursor}));
        part = next["result"].clone();
    }
}

#[test]
fn a_long_answer_is_read_in_parts_of_what_the_client_takes() {
    let lines: Vec<String> = (0..60_000).map(|n| format!("line {n} é\n")).collect();
    let long = lines.concat();
    let result = json!({"content": [{"type": "text", "text": long}]}).to_string();
    let (mut env, _server) = home(Script::legacy().tools([Tool::echo("long").result(result)]));
    for (client, limit) in [("claude-code", 100_000), ("claude-desktop", 1_000_000)] {
        env.var("ALLMCP_CLIENT", client);
        let mut serve = Serve::start(&env, &["serve"]);
        serve.initialize("2025-11-25");
        let first = serve.call("c__long", json!({}));
        let (whole, parts) = read_on(&mut serve, &first, limit);
        assert!(whole == long, "{client}: {} of {} bytes", whole.len(), long.len());
        assert_eq!(parts, long.len().div_ceil(limit), "{client}");
        let first = serve.modern("tools/call", json!({"name": "c__long", "arguments": {}}));
        assert_eq!(first["result"]["resultType"], "complete");
    }
    env.var("ALLMCP_CLIENT", "other");
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert_eq!(text(&serve.call("c__long", json!({}))), long, "others take it whole");
}

#[test]
fn a_plain_server_says_the_size_instead() {
    let result = json!({"content": [{"type": "text", "text": "x".repeat(200_000)}]}).to_string();
    let (mut env, _server) = home(Script::legacy().tools([Tool::echo("long").result(result)]));
    env.var("ALLMCP_CLIENT", "claude-code");
    let mut serve = Serve::start(&env, &["serve", "--plain", "c"]);
    serve.initialize("2025-11-25");
    let answer = serve.call("long", json!({}));
    assert!(told(&answer).contains("bytes long"), "{answer}");
}

#[test]
fn the_command_finds_what_the_tool_finds() {
    let (env, _server) = home(shop());
    let found = env.cmd(&["search", "create", "a", "deal", "--json"]).success();
    support::golden::document(&env, "search", &found);
    let people = env.cmd(&["search", "deal", "--limit", "1"]).success();
    assert!(people.stdout().contains("c__deal"), "{}", people.stdout());
    assert!(people.stderr().contains(" more fit"), "{}", people.stderr());
    let wrong = env.cmd(&["search", "deal", "--group", "d"]).code(2);
    assert!(wrong.stderr().contains("error: "), "{}", wrong.stderr());
    env.cmd(&["search", "deal", "--limit", "51"]).code(2);
}

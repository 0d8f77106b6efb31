//! A chat from its beginning to its end, for a client that knows nothing but tools: it lists once,
//! cannot be asked anything, hears no notification and looks at no `_meta`. All that it has is the
//! text of results.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{
    authorization::{AuthServer, Mode, Quirks, Resource, TestBrowser},
    client::Serve,
    env::TestEnv,
    script::{Script, Tool},
    talk::OURS,
};

/// What the client sees of a call: whether it failed, and its texts.
fn say(serve: &mut Serve, tool: &str, arguments: Value) -> (bool, Vec<String>) {
    let result = serve.call(tool, arguments)["result"].clone();
    assert!(result.is_object(), "{tool}");
    let blocks = result["content"].as_array().unwrap();
    let texts = blocks.iter().map(|block| block["text"].as_str().unwrap().to_owned());
    (result["isError"] == true, texts.collect())
}

/// A result of ours, as a model reads it.
#[track_caller]
fn read(serve: &mut Serve, tool: &str, arguments: Value) -> Value {
    let (failed, texts) = say(serve, tool, arguments);
    assert!(!failed, "{tool}: {texts:?}");
    serde_json::from_str(&texts[0]).unwrap()
}

/// The first link in a text.
fn link(text: &str) -> String {
    let (_, rest) = text.split_once("http://127.0.0.1:").unwrap_or_else(|| panic!("{text}"));
    let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
    format!("http://127.0.0.1:{}", &rest[..end])
}

/// What the user does with a link.
#[expect(clippy::disallowed_methods, reason = "the browser is the other side")]
fn open(url: &str) -> (u16, String) {
    let work = async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn ledger() -> Tool {
    let definition = json!({
        "name": "ledger_export",
        "description": "Exports all entries of the accounting ledger as text",
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": true},
    });
    Tool::raw(&definition.to_string())
}

#[test]
fn everything_is_done_by_tools_and_with_no_restart() {
    let server = AuthServer::start(Quirks::default());
    let resource = Resource::start(&server, Script::legacy());
    let lines: Vec<String> = (0..50_000).map(|n| format!("entry {n}: 12.50 EUR é\n")).collect();
    let long = lines.concat();
    assert!(long.len() > 1_000_000);
    let result = json!({"content": [{"type": "text", "text": long}]}).to_string();
    resource.set_tools([Tool::echo("note_add"), ledger().result(result)]);
    let mut env = TestEnv::new();
    let browser = TestBrowser::start(env.scratch(), Mode::Consent);
    env.var("BROWSER", browser.command()).var("ALLMCP_CLIENT", "claude-desktop");
    let mut serve = Serve::start(&env, &["serve", "--mode", "smart"]);
    serve.capabilities = json!({});
    serve.initialize("2025-06-18");
    assert_eq!(serve.tool_names(), [OURS]);

    // Connect: the browser is opened once, and the user agrees there.
    let wanted = json!({"provider": resource.url(), "name": "books"});
    let told = read(&mut serve, "connect_provider", wanted.clone());
    assert_eq!(told["status"], "action_required", "{told}");
    assert!(told["connect_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let late = Instant::now() + Duration::from_secs(20);
    let connected = loop {
        let told = read(&mut serve, "connect_provider", wanted.clone());
        if told["status"] == "connected" {
            break told;
        }
        assert!(Instant::now() < late, "{told}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((&connected["name"], &connected["tools"]), (&json!("books"), &json!(2)));
    assert_eq!(browser.tabs().len(), 1, "one page for one wish");

    // Find and call.
    let query = json!({"query": "export the entries of the ledger"});
    let found = read(&mut serve, "find_relevant_tools", query);
    let name = found["tools"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(name, "books__ledger_export");
    let (failed, _) = say(&mut serve, "call_tool", json!({"name": "books__note_add"}));
    assert!(!failed);

    // The sign-in ends; the same call works after the link.
    server.revoke_grants();
    server.reject_access_tokens();
    let (failed, texts) = say(&mut serve, "call_tool", json!({"name": name}));
    assert!(failed, "{texts:?}");
    assert_eq!(browser.tabs().len(), 1, "nothing opens by itself");
    let (status, page) = open(&link(&texts[0]));
    assert_eq!(status, 200, "{page}");

    // And the long answer is read to its end.
    let (failed, mut texts) = say(&mut serve, "call_tool", json!({"name": name}));
    assert!(!failed, "{}", texts[0]);
    let mut whole = String::new();
    let mut parts = 1;
    loop {
        let note = texts.pop().unwrap();
        whole.extend(texts);
        let Some((_, rest)) = note.split_once("{\"cursor\":\"") else {
            assert!(note.contains("last part"), "{note}");
            break;
        };
        let cursor = rest.split('"').next().unwrap();
        let (failed, next) = say(&mut serve, "read_more", json!({"cursor": cursor}));
        assert!(!failed, "{next:?}");
        texts = next;
        parts += 1;
    }
    assert!(whole == long, "{} of {} bytes", whole.len(), long.len());
    assert_eq!(parts, 2, "1 MB at a time");
    assert_eq!(serve.tool_names(), [OURS], "it listed once, and nothing else was needed");
}

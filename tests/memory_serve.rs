//! The memory through a client: tools, resources, many processes, sudden ends.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a failed step of a test is a failed test, and `json!` is taken as it comes"
)]

mod support;

use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use support::{
    client::Serve,
    duo::{CELLS, Duo},
    env::TestEnv,
    script::{Script, Tool},
    talk::{eventually, told},
    upstream::Upstream,
};

fn file(env: &TestEnv) -> PathBuf {
    env.allmcp_home().join("data/memory.db")
}

fn served(env: &TestEnv, args: &[&str]) -> Serve {
    let mut serve = Serve::start(env, args);
    serve.initialize("2025-11-25");
    serve
}

/// The structured content, which is the text too.
#[track_caller]
fn content(response: &Value) -> Value {
    let result = &response["result"];
    assert_ne!(result["isError"], true, "{response}");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);
    result["structuredContent"].clone()
}

#[track_caller]
fn save(serve: &mut Serve, memories: Value) -> Value {
    content(&serve.call("save_or_update_memories", json!({ "memories": memories })))
}

#[track_caller]
fn search(serve: &mut Serve, arguments: Value) -> Value {
    content(&serve.call("search_memories", arguments))
}

fn titles(found: &Value) -> Vec<&str> {
    let all = found["memories"].as_array().unwrap_or_else(|| panic!("{found}"));
    all.iter().map(|memory| memory["title"].as_str().unwrap()).collect()
}

#[test]
fn a_model_saves_finds_changes_and_deletes() {
    let env = TestEnv::new();
    let mut serve = served(&env, &["serve"]);
    assert_eq!(search(&mut serve, json!({})), json!({"memories": [], "total": 0}));
    assert_eq!(env.files(), ["state/access.log"], "no file before the first save");
    let long = format!("{}the needle is here {}", "before ".repeat(300), "after ".repeat(300));
    let saved = save(
        &mut serve,
        json!([
            {"title": "Coffee", "content": "Flat white, no sugar", "tags": ["taste"], "source": "chat"},
            {"title": "Long", "content": long, "expires_at": "2096-01-01T00:00:00+01:00"},
        ]),
    );
    let id = |at: usize| saved["memories"][at]["id"].as_str().unwrap().to_owned();
    assert_eq!(saved["memories"][0], json!({"id": id(0), "title": "Coffee", "created": true}));
    // A short content comes whole, a long one as the place that fits.
    let found = search(&mut serve, json!({"query": "sugar"}));
    assert_eq!(found["memories"][0]["content"], "Flat white, no sugar");
    assert_eq!(found["memories"][0]["tags"], json!(["taste"]));
    let found = search(&mut serve, json!({"query": "needle"}));
    let row = &found["memories"][0];
    assert!(
        row["snippet"].as_str().unwrap().contains("the needle is here")
            && row.get("content").is_none()
    );
    assert_eq!(row["expires_at"], "2095-12-31T23:00:00.000Z");
    let full = search(&mut serve, json!({"query": "needle", "full": true}));
    assert_eq!(full["memories"][0]["content"], long);
    let by_id = search(&mut serve, json!({"ids": [id(1), "nope"]}));
    assert_eq!(
        (&by_id["memories"][0]["content"], &by_id["not_found"]),
        (&json!(long), &json!(["nope"]))
    );
    // Several at once; what stands above is not said twice.
    let both = search(&mut serve, json!({"queries": ["sugar", "needle", "coffee"]}));
    assert_eq!(both["results"].as_array().unwrap().len(), 3);
    assert_eq!(
        both["results"][2],
        json!({"query": "coffee", "memories": [{"id": id(0), "title": "Coffee"}], "total": 1})
    );
    // By title, and what is left out stays.
    let again = save(&mut serve, json!([{"title": "Coffee", "content": "Espresso"}]));
    assert_eq!(again["memories"][0], json!({"id": id(0), "title": "Coffee", "created": false}));
    save(&mut serve, json!([{"id": id(0), "tags": [], "source": null, "expires_at": ""}]));
    let found = search(&mut serve, json!({"query": "espresso"}));
    assert_eq!(
        (found["memories"][0].get("tags"), found["memories"][0].get("source")),
        (None, None)
    );
    let gone = content(&serve.call("delete_memories", json!({"ids": [id(0), "nope"]})));
    assert_eq!(gone, json!({"deleted": [id(0)], "not_found": ["nope"]}));
    assert_eq!(titles(&search(&mut serve, json!({}))), ["Long"]);
    // The command line sees the same.
    let listed = env.cmd(&["memory", "list", "--json"]).success().json();
    assert_eq!((titles(&listed), &listed["memories"][0]["id"]), (vec!["Long"], &json!(id(1))));
}

#[test]
fn what_is_wrong_is_said_so_that_a_model_can_mend_it() {
    let env = TestEnv::new();
    let mut serve = served(&env, &["serve"]);
    let many: Vec<Value> =
        (0..101).map(|i| json!({"title": format!("{i}"), "content": "x"})).collect();
    for (tool, arguments, part) in [
        ("save_or_update_memories", json!({}), "missing field `memories`"),
        (
            "save_or_update_memories",
            json!({"title": "t"}),
            "unknown field `title`, expected `memories`",
        ),
        ("save_or_update_memories", json!({"memories": []}), "no memory to save"),
        (
            "save_or_update_memories",
            json!({"memories": [{"content": "x"}]}),
            "\"title\" is missing",
        ),
        ("save_or_update_memories", json!({"memories": [{"title": "t"}]}), "needs \"content\""),
        (
            "save_or_update_memories",
            json!({"memories": [{"title": "t", "text": "x"}]}),
            "unknown field `text`",
        ),
        ("save_or_update_memories", json!({"memories": many}), "101 memories; 100 is the most"),
        (
            "save_or_update_memories",
            json!({"memories": [{"title": "a", "content": "x"}, {"title": "b", "content": "x", "expires_at": "soon"}]}),
            "memory 2: \"expires_at\": \"soon\" is no time; write it as",
        ),
        (
            "save_or_update_memories",
            json!({"memories": [{"id": "x/y", "content": "x"}]}),
            "no memory has the id",
        ),
        ("search_memories", json!({"limit": 51}), "\"limit\" is 51; use 1 to 50"),
        ("search_memories", json!({"quary": "x"}), "unknown field `quary`"),
        ("delete_memories", json!({"ids": []}), "no id to delete"),
    ] {
        let answer = serve.call(tool, arguments);
        let text = told(&answer);
        assert!(text.contains(part) && text.contains(tool), "{part}: {text}");
    }
    assert_eq!(search(&mut serve, json!({}))["total"], 0);
    for query in ["\"", "*", "NEAR(a b)", "a\u{0}b\"", "title:x", "a AND", "'; DROP TABLE memories"]
    {
        assert_eq!(search(&mut serve, json!({"query": query}))["total"], 0, "{query}");
    }
}

#[test]
fn memories_are_resources_in_both_eras() {
    for cell in CELLS {
        let mut duo = Duo::new(cell, cell.script().resource(Tool::resource("r:1")));
        let list = duo.result("resources/list", json!({}));
        let uris = |list: &Value| -> Vec<String> {
            let all = list["resources"].as_array().unwrap().iter();
            all.map(|resource| resource["uri"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(uris(&list), ["allmcp://c0/r:1"], "nothing was saved yet");
        let text = "line one\nline \u{1F600} two";
        let arguments = json!({"memories": [{"title": "First", "content": text}, {"title": "Second", "content": "2"}]});
        let saved = duo.result(
            "tools/call",
            json!({"name": "save_or_update_memories", "arguments": arguments}),
        );
        let id = |at: usize| {
            saved["structuredContent"]["memories"][at]["id"].as_str().unwrap().to_owned()
        };
        let list = duo.result("resources/list", json!({}));
        let first = format!("memory://{}", id(0));
        assert_eq!(
            uris(&list),
            [format!("memory://{}", id(1)), first.clone(), "allmcp://c0/r:1".to_owned()]
        );
        let entry = &list["resources"][1];
        assert_eq!((&entry["name"], &entry["size"]), (&json!("First"), &json!(text.len())));
        let templates = duo.result("resources/templates/list", json!({}));
        assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "memory://{id}");
        let read = duo.result("resources/read", json!({"uri": first}));
        assert_eq!(
            read["contents"],
            json!([{"uri": first, "mimeType": "text/plain", "text": text}])
        );
        assert_eq!(duo.code("resources/read", json!({"uri": "memory://nope"})), -32602);
        let other = duo.result("resources/read", json!({"uri": "allmcp://c0/r:1"}));
        assert!(!other.to_string().contains("memory://"), "{other}");
        // Another process saves: the next list has it.
        duo.env.cmd(&["memory", "save", "--title", "Third", "--content", "3"]).success();
        assert_eq!(uris(&duo.result("resources/list", json!({}))).len(), 4);
        duo.result("tools/call", json!({"name": "delete_memories", "arguments": {"ids": [id(0)]}}));
        assert_eq!(duo.code("resources/read", json!({"uri": first})), -32602);
        assert_eq!(uris(&duo.result("resources/list", json!({}))).len(), 3);
    }
}

#[test]
fn a_client_hears_of_what_our_tools_change() {
    const LIST: &str = "notifications/resources/list_changed";
    const UPDATED: &str = "notifications/resources/updated";
    let up = Upstream::start(Script::legacy().everything().tool(Tool::echo("echo")));
    let env = TestEnv::new();
    env.connection("c0", &up.url());
    env.cmd(&["sync"]).success();
    let mut serve = Serve::start(&env, &["serve"]);
    let init = serve.initialize("2025-11-25");
    assert_eq!(init["capabilities"]["resources"]["listChanged"], true, "{init}");
    serve.tools();
    serve.request("resources/list", json!({}));
    let saved = save(&mut serve, json!([{"title": "a", "content": "1"}]));
    serve.wait_for_count(LIST, 1);
    let uri = format!("memory://{}", saved["memories"][0]["id"].as_str().unwrap());
    serve.request("resources/list", json!({}));
    let followed = serve.request("resources/subscribe", json!({"uri": uri}));
    assert!(followed["result"].is_object(), "{followed}");
    save(&mut serve, json!([{"title": "a", "content": "2"}]));
    let told = serve.wait_for_method(UPDATED);
    assert_eq!(told["params"]["uri"], uri);
    serve.request("resources/unsubscribe", json!({"uri": uri}));
    // Looking changes nothing, so nothing is told.
    serve.request("resources/list", json!({}));
    let before = serve.of_method(LIST).len();
    search(&mut serve, json!({}));
    serve.request("resources/list", json!({}));
    assert_eq!(serve.of_method(LIST).len(), before);
}

#[test]
fn a_plain_server_and_settings_have_none_of_it() {
    let up = Upstream::start(Script::legacy().tool(Tool::echo("echo")));
    let env = TestEnv::new();
    env.connection("c0", &up.url());
    let id = env
        .cmd(&["memory", "save", "--title", "t", "--content", "x"])
        .success()
        .stdout()
        .trim()
        .to_owned();
    let read = json!({"uri": format!("memory://{id}")});
    let mut plain = served(&env, &["serve", "--plain", "c0"]);
    assert_eq!(plain.tool_names(), ["echo"]);
    assert!(
        plain.request("resources/list", json!({}))["result"]["resources"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    assert!(plain.request("resources/read", read.clone())["error"].is_object());
    env.config(&format!("[settings]\nown_tools = [\"list_*\"]\n{}", env.read_config()));
    let mut narrow = served(&env, &["serve"]);
    assert!(narrow.tools().iter().all(|tool| tool["name"] != "search_memories"));
    assert_eq!(narrow.request("resources/list", json!({}))["result"]["resources"], json!([]));
    assert_eq!(narrow.request("resources/read", read)["error"]["code"], -32602);
}

#[test]
fn who_is_served_is_who_remembers() {
    let env = TestEnv::new();
    let mut ann = served(&env, &["serve", "--org", "o", "--user", "ann"]);
    let mut bob = served(&env, &["serve", "--org", "o", "--user", "bob"]);
    let mut other = served(&env, &["serve", "--org", "p", "--user", "bob"]);
    let saved = save(
        &mut ann,
        json!([
            {"title": "mine", "content": "1"},
            {"title": "ours", "content": "2", "shared_with": {"read": ["bob"]}},
            {"title": "yours", "content": "3", "shared_with": {"write": ["bob"]}},
        ]),
    );
    let id = |at: usize| saved["memories"][at]["id"].as_str().unwrap().to_owned();
    let found = search(&mut bob, json!({}));
    assert_eq!(titles(&found), ["yours", "ours"]);
    assert_eq!(
        (&found["memories"][0]["owner"], &found["memories"][0]["writable"]),
        (&json!("ann"), &json!(true))
    );
    assert_eq!(found["memories"][1]["writable"], false);
    assert!(
        found["memories"][0].get("shared_with").is_none(),
        "who else sees it is the owner's to know"
    );
    assert_eq!(search(&mut other, json!({}))["total"], 0);
    assert_eq!(
        search(&mut ann, json!({"ids": [id(1)]}))["memories"][0]["shared_with"],
        json!({"read": ["bob"], "write": []})
    );
    for (at, works) in [(0, false), (1, false), (2, true)] {
        let change = json!({"memories": [{"id": id(at), "content": "by bob"}]});
        let answer = bob.call("save_or_update_memories", change);
        assert_eq!(answer["result"]["isError"], !works, "{answer}");
    }
    let read = |serve: &mut Serve, at: usize| {
        serve.request("resources/read", json!({"uri": format!("memory://{}", id(at))}))
    };
    assert_eq!(read(&mut ann, 2)["result"]["contents"][0]["text"], "by bob");
    assert_eq!(read(&mut bob, 1)["result"]["contents"][0]["text"], "2");
    assert_eq!(read(&mut bob, 0)["error"]["code"], -32602);
    assert_eq!(read(&mut other, 2)["error"]["code"], -32602);
    assert_eq!(other.request("resources/list", json!({}))["result"]["resources"], json!([]));
}

#[test]
fn five_processes_at_once_lose_nothing() {
    const EACH: usize = 12;
    let env = TestEnv::new();
    let (env, started) = (&env, &std::sync::Barrier::new(5));
    std::thread::scope(|scope| {
        for worker in 0..3 {
            scope.spawn(move || {
                let mut serve = served(env, &["serve"]);
                started.wait();
                for i in 0..EACH {
                    let one = json!({"title": format!("{worker} {i}"), "content": "from a server"});
                    let all = json!({"title": "everybody's", "content": format!("{worker} {i}")});
                    save(&mut serve, json!([one, all]));
                }
                assert_eq!(serve.finish(), 0);
            });
        }
        for worker in 3..5 {
            scope.spawn(move || {
                started.wait();
                for i in 0..EACH {
                    let title = format!("{worker} {i}");
                    env.cmd(&["memory", "save", "--title", &title, "--content", "by hand"])
                        .success();
                }
            });
        }
    });
    let all = env.cmd(&["memory", "list", "-n", "1000", "--json"]).success().json();
    let mut have: Vec<&str> = titles(&all);
    have.sort_unstable();
    let mut want: Vec<String> =
        (0..5).flat_map(|worker| (0..EACH).map(move |i| format!("{worker} {i}"))).collect();
    want.push("everybody's".to_owned());
    want.sort_unstable();
    assert_eq!(have, want);
}

#[cfg(unix)]
#[test]
fn a_sudden_end_leaves_all_of_a_batch_or_nothing() {
    for round in 0..3 {
        let env = TestEnv::new();
        env.cmd(&["memory", "save", "--title", "before", "--content", "kept"]).success();
        let size = || fs::metadata(file(&env)).unwrap().len();
        let small = size();
        let mut serve = served(&env, &["serve"]);
        let batch: Vec<Value> = (0..80)
            .map(|i| json!({"title": format!("{round} {i}"), "content": format!("word{i} ").repeat(7000)}))
            .collect();
        let arguments =
            json!({"name": "save_or_update_memories", "arguments": {"memories": batch}});
        serve.send_request("tools/call", arguments);
        // More than the cache holds is written before the end of the transaction.
        eventually("the middle of the batch", || size() > small);
        serve.signal(rustix::process::Signal::KILL);
        serve.kill();
        drop(serve);
        let all = env.cmd(&["memory", "list", "-n", "1000", "--json"]).success().json();
        let count = titles(&all).len();
        assert!(count == 1 || count == 81, "{count} of 81 memories are there");
        assert!(titles(&all).contains(&"before"));
        // And everything goes on.
        env.cmd(&["memory", "save", "--title", "after", "--content", "new"]).success();
        let found = env.cmd(&["memory", "search", "kept", "--json"]).success().json();
        assert_eq!(titles(&found), ["before"]);
    }
}

#[test]
fn a_damaged_file_is_told_and_hurts_nothing_else() {
    let up = Upstream::start(
        Script::legacy().everything().tool(Tool::echo("echo")).resource(Tool::resource("r:1")),
    );
    let env = TestEnv::new();
    env.connection("c0", &up.url());
    env.cmd(&["sync"]).success();
    fs::create_dir_all(file(&env).parent().unwrap()).unwrap();
    let bytes = b"not a database, and not empty either; longer than a header of SQLite, which has a hundred bytes, and so on";
    fs::write(file(&env), bytes).unwrap();
    let mut serve = served(&env, &["serve"]);
    let answer = serve.call("search_memories", json!({}));
    assert!(
        told(&answer).contains("is damaged") && told(&answer).contains("move the file away"),
        "{answer}"
    );
    let answer = serve
        .call("save_or_update_memories", json!({"memories": [{"title": "t", "content": "x"}]}));
    assert!(told(&answer).contains("is damaged"), "{answer}");
    let list = serve.request("resources/list", json!({}));
    assert_eq!(list["result"]["resources"][0]["uri"], "allmcp://c0/r:1", "{list}");
    assert_eq!(
        serve.request("resources/read", json!({"uri": "memory://x"}))["error"]["code"],
        -32603
    );
    serve.call("c0__echo", json!({}));
    assert_eq!(fs::read(file(&env)).unwrap(), bytes);
    // Moved away, everything goes on without a restart.
    fs::rename(file(&env), env.scratch().join("away")).unwrap();
    save(&mut serve, json!([{"title": "t", "content": "x"}]));
    assert_eq!(titles(&search(&mut serve, json!({}))), ["t"]);
}

#[test]
fn a_process_that_holds_the_file_costs_only_the_memory() {
    let up = Upstream::start(Script::legacy().tool(Tool::echo("echo")));
    let env = TestEnv::new();
    env.connection("c0", &up.url());
    env.cmd(&["memory", "save", "--title", "t", "--content", "x"]).success();
    let holder = rusqlite::Connection::open(file(&env)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut serve = served(&env, &["serve"]);
    let held: Vec<u64> = (0..6)
        .map(|_| {
            serve.send_request("tools/call", json!({"name": "search_memories", "arguments": {}}))
        })
        .collect();
    // Everything else goes on meanwhile.
    for _ in 0..5 {
        assert_eq!(
            serve.call("c0__echo", json!({"a": 1}))["result"]["structuredContent"],
            json!({"a": 1})
        );
    }
    holder.execute_batch("COMMIT").unwrap();
    for id in held {
        assert_eq!(titles(&content(&serve.response(id))), ["t"]);
    }
}

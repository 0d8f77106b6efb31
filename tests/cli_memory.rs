//! `allmcp memory`: documents, scopes, limits, and a file that is never lost.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use support::{
    env::{Output, TestEnv},
    golden,
};

fn file(env: &TestEnv) -> PathBuf {
    env.allmcp_home().join("data/memory.db")
}

/// Saves one, with more flags behind; its id.
#[track_caller]
fn save(env: &TestEnv, title: &str, content: &str, more: &[&str]) -> String {
    let args = [&["memory", "save", "--title", title, "--content", content], more].concat();
    env.cmd(&args).success().stdout().trim().to_owned()
}

#[track_caller]
fn titles(env: &TestEnv, args: &[&str]) -> Vec<String> {
    let args = [&["memory"], args, &["--json"]].concat();
    let document = env.cmd(&args).success().json();
    let all = document["memories"].as_array().unwrap().iter();
    all.map(|memory| memory["title"].as_str().unwrap().to_owned()).collect()
}

/// Without what is another one every time.
fn scrubbed(output: &Output) -> Value {
    fn scrub(value: &mut Value) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(scrub),
            Value::Object(all) => {
                for (key, value) in all.iter_mut() {
                    match key.as_str() {
                        "id" => *value = "ID".into(),
                        "deleted" => value.as_array_mut().unwrap().fill("ID".into()),
                        "created_at" | "updated_at" => *value = "TIME".into(),
                        _ => scrub(value),
                    }
                }
            }
            _ => {}
        }
    }
    assert!(output.stdout().starts_with("{\"schema\":\"allmcp.memory-"), "{}", output.stdout());
    let mut value = output.json();
    scrub(&mut value);
    value
}

#[test]
fn every_document_is_what_it_was() {
    let env = TestEnv::new();
    let check = |name: &str, args: &[&str], code: i32| {
        let args = [&["memory"], args, &["--json", "--org", "o", "--user", "u"]].concat();
        let output = env.cmd(&args).code(code);
        golden::value(&env, name, scrubbed(&output));
    };
    let all = [
        "save",
        "--title",
        "Coffee",
        "--content",
        "Flat white, no sugar.",
        "--tag",
        "taste",
        "--source",
        "chat",
        "--expires",
        "2096-12-31T18:00:00+02:00",
        "--share-read",
        "v",
        "--share-write",
        "w",
    ];
    check("memory_save", &all, 0);
    check("memory_list", &["list"], 0);
    check("memory_search", &["search", "sugar", "--full"], 0);
    check("memory_show", &["show", "Coffee"], 0);
    check("memory_delete", &["delete", "Coffee", "Tea", "--yes"], 0);
    let missing = env.cmd(&["memory", "show", "Coffe", "--json"]).code(2).json_error();
    assert_eq!(
        (&missing["kind"], &missing["hint"]),
        (&json!("not_found"), &json!("allmcp memory list"))
    );
}

#[test]
fn a_memory_is_saved_shown_changed_and_deleted() {
    let env = TestEnv::new();
    let none = env.cmd(&["memory", "list"]).success();
    assert!(none.stdout().is_empty() && none.stderr().contains("no memories"));
    assert!(!env.allmcp_home().exists(), "looking makes nothing: {:?}", env.files());
    // From each place that a content can come from.
    let id = save(&env, "Plan", "Ship in May", &["--tag", "work", "--source", "talk"]);
    let path = env.scratch().join("notes.md");
    fs::write(&path, "# Notes\nRead me.\n").unwrap();
    env.cmd(&["memory", "save", "--title", "Notes", "--file", path.to_str().unwrap()]).success();
    env.command(&["memory", "save", "--title", "Piped"]).stdin("through a pipe").run().success();
    env.command(&["memory", "save", "--title", "Dash", "--file", "-"])
        .stdin("dash")
        .run()
        .success();
    assert_eq!(env.cmd(&["memory", "show", "Notes"]).success().stdout(), "# Notes\nRead me.\n");
    assert_eq!(env.cmd(&["memory", "show", "Piped"]).success().stdout(), "through a pipe\n");
    assert_eq!(titles(&env, &["list"]), ["Dash", "Piped", "Notes", "Plan"]);
    let list = env.cmd(&["memory", "list", "-n", "1"]).success();
    assert!(
        list.stdout().contains("Dash") && list.stderr().contains("3 more"),
        "{}",
        list.stderr()
    );
    // A change by title, and one by id; what is not given stays.
    env.cmd(&["memory", "save", "--title", "Plan", "--content", "Ship in June"]).success();
    env.cmd(&["memory", "save", "--id", &id, "--title", "The plan", "--source", ""]).success();
    let shown = env.cmd(&["memory", "show", &id]).success();
    assert_eq!(shown.stdout(), "Ship in June\n");
    for part in ["The plan", "work", &id] {
        assert!(shown.stderr().contains(part), "{part}: {}", shown.stderr());
    }
    assert!(!shown.stderr().contains("talk"), "{}", shown.stderr());
    let near = env.cmd(&["memory", "show", "The plam"]).code(2);
    assert!(near.stderr().contains("did you mean \"The plan\"?"), "{}", near.stderr());
    // Nobody is there to be asked.
    let asked = env.cmd(&["memory", "delete", "The plan"]).code(2);
    assert!(asked.stderr().contains("--yes"), "{}", asked.stderr());
    env.cmd(&["memory", "delete", "The plan", &id, "nothing", "--yes"]).success();
    assert_eq!(titles(&env, &["search", "ship"]), [""; 0]);
    let again = env.cmd(&["memory", "delete", "The plan", "--yes"]).success();
    assert!(again.stderr().contains("there is no memory"), "{}", again.stderr());
}

#[test]
fn words_tags_and_sources_find_and_no_query_is_syntax() {
    let env = TestEnv::new();
    save(&env, "Coffee", "Flat white, no sugar", &["--tag", "Taste", "--source", "chat"]);
    save(&env, "Café", "東京タワーの近く", &["--tag", "travel"]);
    assert_eq!(titles(&env, &["search", "cafe"]), ["Café"]);
    assert_eq!(titles(&env, &["search", "東京"]), ["Café"]);
    assert_eq!(titles(&env, &["search", "which", "sugar?"]), ["Coffee"]);
    assert_eq!(titles(&env, &["list", "--tag", "taste"]), ["Coffee"]);
    assert_eq!(titles(&env, &["list", "--source", "chat", "--tag", "travel"]), [""; 0]);
    for query in [
        "\"",
        "coffee\"",
        "*",
        "NEAR(coffee sugar)",
        "title:coffee",
        "coffee AND NOT",
        "' OR 1=1 --",
        "(",
    ] {
        let found = titles(&env, &["search", query]);
        assert_eq!(
            found.contains(&"Coffee".to_owned()),
            query.contains("coffee"),
            "{query}: {found:?}"
        );
    }
}

#[test]
fn wrong_input_names_itself_and_saves_nothing() {
    let env = TestEnv::new();
    let long = "x".repeat(201);
    let big = env.scratch().join("big");
    fs::write(&big, "x".repeat(65_537)).unwrap();
    let binary = env.scratch().join("binary");
    fs::write(&binary, b"a\xffb").unwrap();
    let (big, binary) = (big.to_str().unwrap(), binary.to_str().unwrap());
    for (args, part) in [
        (&["save", "--content", "x"][..], "--title"),
        (&["save", "--title", &long, "--content", "x"], "201 characters; 200 is the most"),
        (&["save", "--title", "t", "--file", big], "longer than 65536 bytes"),
        (&["save", "--title", "t", "--file", binary], "UTF-8"),
        (&["save", "--title", "t", "--file", "/nowhere"], "/nowhere"),
        (&["save", "--title", "t"], "needs \"content\""),
        (&["save", "--title", "t", "--content", "x", "--expires", "soon"], "soon"),
        (&["save", "--title", "t", "--content", "x", "--expires", "2001-01-01"], "in the past"),
        (&["save", "--id", "nope", "--content", "x"], "no memory has the id \"nope\""),
        (&["list", "-n", "0"], "0 is not in 1..=1000"),
        (&["search"], "QUERY"),
    ] {
        let refused = env.cmd(&[&["memory"], args].concat()).code(2);
        assert!(refused.stderr().contains(part), "{args:?}: {}", refused.stderr());
    }
    assert_eq!(titles(&env, &["list"]), [""; 0]);
}

#[test]
fn each_user_has_memories_of_their_own_and_shares_them_by_name() {
    let env = TestEnv::new();
    let (ann, bob) = (&["--org", "o", "--user", "ann"][..], &["--org", "o", "--user", "bob"][..]);
    let stranger = &["--org", "p", "--user", "bob"][..];
    let share = ["--share-read", "bob"];
    let id = save(&env, "Plan", "canary", &[ann, &share[..]].concat());
    let all = |who: &[&str]| titles(&env, &[&["list"], who].concat());
    assert_eq!((all(ann), all(bob)), (vec!["Plan".to_owned()], vec!["Plan".to_owned()]));
    for who in [stranger, &[][..], &["--user", "bob"][..]] {
        assert_eq!(all(who), [""; 0], "{who:?}");
        env.cmd(&[&["memory", "show", &id], who].concat()).code(2);
        let nothing = env.cmd(&[&["memory", "delete", &id, "--yes"], who].concat()).success();
        assert!(nothing.stderr().contains("no memory"));
        env.cmd(&[&["memory", "save", "--id", &id, "--content", "x"], who].concat()).code(2);
    }
    let denied =
        env.cmd(&[&["memory", "save", "--id", &id, "--content", "x"], bob].concat()).code(9);
    assert!(denied.stderr().contains("for reading only"), "{}", denied.stderr());
    env.cmd(&[&["memory", "delete", &id, "--yes"], bob].concat()).code(9);
    // For writing, too.
    let write = ["memory", "save", "--id", &id, "--share-write", "bob"];
    env.cmd(&[&write[..], ann].concat()).success();
    env.cmd(&[&["memory", "save", "--id", &id, "--content", "by bob"], bob].concat()).success();
    let seen = env.cmd(&[&["memory", "show", &id], ann].concat()).success();
    assert_eq!(seen.stdout(), "by bob\n");
    // No longer shared.
    let none = ["memory", "save", "--id", &id, "--share-read", ""];
    env.cmd(&[&none[..], ann].concat()).success();
    assert_eq!(all(bob), [""; 0]);
}

#[test]
fn what_has_expired_is_hidden_and_then_gone() {
    let env = TestEnv::new();
    save(&env, "Soon", "canary-of-soon", &["--expires", "1h"]);
    save(&env, "Never", "stays", &["--expires", "never"]);
    assert_eq!(titles(&env, &["list"]).len(), 2);
    // An hour later.
    let later = "UPDATE memories SET expires_at = expires_at - 3600 * 1000 * 2";
    rusqlite::Connection::open(file(&env)).unwrap().execute(later, []).unwrap();
    assert_eq!(titles(&env, &["list"]), ["Never"]);
    assert_eq!(titles(&env, &["search", "canary"]), [""; 0]);
    env.cmd(&["memory", "show", "Soon"]).code(2);
    assert!(!env.grep_everything("canary-of-soon").is_empty());
    save(&env, "Soon", "new", &[]);
    assert!(env.grep_everything("canary-of-soon").is_empty(), "the next change cleans up");
    assert_eq!(titles(&env, &["list"]), ["Soon", "Never"]);
}

#[test]
fn a_damaged_file_is_an_error_and_stays_as_it_was() {
    let env = TestEnv::new();
    save(&env, "t", "c", &[]);
    let path = file(&env);
    let mut torn = fs::read(&path).unwrap();
    torn[..40].fill(b'x');
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let newer = fs::read(&path).unwrap();
    for (bytes, message, hint) in
        [(torn, "is damaged", "backup"), (newer, "newer version", "update allmcp")]
    {
        fs::write(&path, &bytes).unwrap();
        for args in [
            &["memory", "list", "--json"][..],
            &["memory", "search", "c", "--json"],
            &["memory", "save", "--title", "t", "--content", "x", "--json"],
            &["memory", "delete", "t", "--yes", "--json"],
        ] {
            let error = env.cmd(args).code(1).json_error();
            assert_eq!(error["kind"], "failed");
            assert!(error["message"].as_str().unwrap().contains(message), "{error}");
            assert!(error["message"].as_str().unwrap().contains("memory.db"), "{error}");
            assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
            assert!(fs::read(&path).unwrap() == bytes, "{args:?} changed the file");
        }
    }
}

#[test]
fn where_nothing_can_be_written_that_is_said() {
    let env = TestEnv::new();
    env.block("data");
    let refused = env.cmd(&["memory", "save", "--title", "t", "--content", "x"]).code(1);
    assert!(refused.stderr().contains("memory.db cannot be opened"), "{}", refused.stderr());
}

/// A limit on the size of files stands for a full disk: writing fails in the middle.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_that_was_there() {
    let env = TestEnv::new();
    save(&env, "before", "still here", &[]);
    let big = env.scratch().join("big");
    fs::write(&big, "many words ".repeat(5000)).unwrap();
    let blocks = fs::metadata(file(&env)).unwrap().len() / 512 + 8;
    // Not every shell counts in the same blocks; both are far too few.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let args = ["memory", "save", "--title", "big", "--file", big.to_str().unwrap()];
    let binary = env!("CARGO_BIN_EXE_allmcp");
    let full = env.program("sh", &[&["-c", &script, binary], &args[..]].concat()).run().code(1);
    assert!(full.stderr().contains("memory.db cannot be"), "{}", full.stderr());
    assert_eq!(titles(&env, &["list"]), ["before"]);
    env.cmd(&args).success();
    assert_eq!(titles(&env, &["search", "many"]), ["big"]);
}

#[cfg(unix)]
#[test]
fn only_this_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    save(&env, "t", "c", &[]);
    for name in env.files().iter().filter(|name| name.starts_with("data/")) {
        let mode = fs::metadata(env.allmcp_home().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

//! `catalog`: the providers, what is shown of one, and manifests of one's own.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};
use support::{env::TestEnv, golden};

const ACME: &str = "id = \"acme\"\nname = \"Acme\"\nkind = \"mcp\"\ncategory = \"crm\"\nabout = \"Orders of Acme.\"\n\n\
    [[auth]]\nid = \"key\"\ntitle = \"An API key\"\nkind = \"key\"\nsecrets = [{ name = \"token\", title = \"API key\" }]\n\
    headers = { X-API-Key = \"${secret:token}\" }\n\n[mcp]\nurl = \"https://mcp.acme.example/mcp\"\n";

fn put(env: &TestEnv, name: &str, text: &str) -> String {
    let file = env.scratch().join(name);
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn providers(env: &TestEnv) -> Vec<Value> {
    let document = env.cmd(&["catalog", "--json"]).success().json();
    document["providers"].as_array().unwrap().clone()
}

#[test]
fn every_document_is_what_it_was() {
    let env = TestEnv::new();
    golden::document(&env, "catalog", &env.cmd(&["catalog", "notion", "--json"]).success());
    let show = env.cmd(&["catalog", "show", "linear", "--json"]).success();
    golden::document(&env, "catalog_show", &show);
    let file = put(&env, "acme.toml", ACME);
    let added = env.cmd(&["catalog", "add", &file, "--json"]).success();
    golden::document(&env, "catalog_add", &added);
    let bad = put(&env, "bad.toml", "id = \"bad\"\nname = 1\n");
    let found = env.cmd(&["catalog", "lint", &bad, "--json"]).code(1);
    golden::document(&env, "catalog_lint", &found);
    assert_eq!(found.json_error()["exit"], 1);
}

#[test]
fn the_list_is_complete_searched_and_makes_nothing() {
    let env = TestEnv::new();
    let all = providers(&env);
    let ids: BTreeSet<&str> = all.iter().map(|p| p["id"].as_str().unwrap()).collect();
    for id in [
        "allmcp",
        "alloy",
        "allv",
        "anyrouter",
        "cloudflare",
        "cloudflare-bindings",
        "cloudflare-observability",
        "firecrawl",
        "github",
        "linear",
        "notion",
        "onemcp",
    ] {
        assert!(ids.contains(id), "{id} is not in {ids:?}");
    }
    for provider in &all {
        let keys = ["id", "name", "kind", "category", "auth", "tools", "verified", "connected"];
        assert!(keys.iter().all(|key| provider.get(key).is_some()), "{provider}");
    }
    assert_eq!(all.len(), ids.len());
    let gateways = env.cmd(&["catalog", "gateway", "workspace"]).success();
    assert!(gateways.stdout().contains("allv ") && !gateways.stdout().contains("github"));
    let none = env.cmd(&["catalog", "zzzz"]).success();
    assert!(none.stdout().is_empty() && none.stderr().contains("no provider fits"));
    assert!(!env.allmcp_home().exists(), "{:?}", env.files());
}

#[test]
fn what_is_connected_says_so_by_id_and_by_url() {
    let env = TestEnv::new();
    env.config(
        "[connections.work]\nprovider = \"github\"\n[connections.l]\nurl = \"https://mcp.linear.app/mcp\"\nauth = \"none\"\n\
         [connections.other]\nurl = \"https://mcp.linear.example/mcp\"\nauth = \"none\"\n",
    );
    let all = providers(&env);
    let connected = all.iter().filter(|p| p["connected"] == true).map(|p| p["id"].clone());
    assert_eq!(connected.collect::<Value>(), json!(["github", "linear"]));
}

#[test]
fn show_tells_how_to_connect_and_offers_the_nearest() {
    let env = TestEnv::new();
    let shown = env.cmd(&["catalog", "show", "firecrawl"]).success();
    for part in [
        "Firecrawl (firecrawl)",
        "allmcp connect firecrawl --auth none\n",
        "allmcp connect firecrawl --auth key\n",
        "allmcp connect firecrawl --auth oauth\n",
        "https://www.firecrawl.dev/app/api-keys",
        "API key (token, like fc-…)",
        "Know before",
    ] {
        assert!(shown.stdout().contains(part), "{part:?} is not in {}", shown.stdout());
    }
    let typo = env.cmd(&["catalog", "show", "githbu"]).code(2);
    assert!(typo.stderr().contains("did you mean \"github\"?"), "{}", typo.stderr());
    let error = env.cmd(&["catalog", "show", "zzzz", "--json"]).code(2).json_error();
    assert_eq!(
        (error["kind"].as_str(), error["hint"].as_str()),
        (Some("not_found"), Some("allmcp catalog"))
    );
}

#[test]
fn a_manifest_of_ones_own_is_checked_added_and_kept() {
    let env = TestEnv::new();
    let file = put(&env, "mine.toml", ACME);
    let added = env.cmd(&["catalog", "add", &file]).success();
    assert_eq!(added.stdout(), "allmcp connect acme\n");
    let kept = env.allmcp_home().join("providers/acme.toml");
    assert_eq!(fs::read_to_string(&kept).unwrap(), ACME);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&kept), mode(kept.parent().unwrap())), (0o600, 0o700));
    }
    let again = env.cmd(&["catalog", "add", &file]).code(2);
    assert!(again.stderr().contains("--force"), "{}", again.stderr());
    let file = put(&env, "mine.toml", &ACME.replace("Orders of", "Orders and customers of"));
    env.cmd(&["catalog", "add", "--force", &file]).success();
    let all = providers(&env);
    let acme = all.iter().find(|p| p["id"] == "acme").unwrap();
    assert_eq!(
        (&acme["about"], &acme["origin"]),
        (&json!("Orders and customers of Acme."), &json!("user"))
    );
    // The whole of it, as others will read it.
    let shown = env.cmd(&["catalog", "show", "acme", "--json"]).success().json();
    assert_eq!(shown["manifest"]["mcp"]["url"], "https://mcp.acme.example/mcp");
    assert_eq!(shown["file"], kept.display().to_string());
}

#[test]
fn one_that_replaces_a_built_in_one_says_so_and_builds_on_it() {
    let env = TestEnv::new();
    let text =
        "id = \"linear\"\nextends = \"linear\"\n[mcp]\nurl = \"https://proxy.example/linear\"\n";
    let added = env.cmd(&["catalog", "add", &put(&env, "l.toml", text)]).success();
    assert!(added.stderr().contains("in the place of the built-in one"), "{}", added.stderr());
    let shown = env.cmd(&["catalog", "show", "linear"]).success();
    assert!(shown.stdout().contains("https://proxy.example/linear"), "{}", shown.stdout());
    assert!(shown.stdout().contains("verified  never"), "{}", shown.stdout());
}

#[test]
fn a_faulty_one_is_refused_with_its_lines_and_hurts_no_other() {
    let env = TestEnv::new();
    let text =
        ACME.replace("https://mcp", "http://mcp").replace("name = \"Acme\"", "nmae = \"Acme\"");
    let file = put(&env, "bad.toml", &text);
    let refused = env.cmd(&["catalog", "add", &file]).code(2);
    for part in
        ["2:1: error: nmae: is not a key of manifests; did you mean name?", "allmcp catalog lint"]
    {
        assert!(refused.stderr().contains(part), "{}", refused.stderr());
    }
    assert!(!env.allmcp_home().join("providers/acme.toml").exists());
    let found = env.cmd(&["catalog", "lint", &file]).code(1);
    let lines: Vec<_> = found.stdout().lines().map(|l| l.strip_prefix(&file).unwrap()).collect();
    assert_eq!(
        lines,
        [
            ":2:1: error: nmae: is not a key of manifests; did you mean name?",
            ": error: name: is missing",
        ]
    );
    // By hand into the folder.
    let folder = env.allmcp_home().join("providers");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("bad.toml"), &text).unwrap();
    fs::write(folder.join("good.toml"), ACME.replace("\"acme\"", "\"good\"")).unwrap();
    let list = env.cmd(&["catalog"]).success();
    assert!(list.stdout().contains("good ") && list.stdout().contains("github "));
    assert!(list.stderr().contains("bad.toml cannot be used: 2:1: error"), "{}", list.stderr());
    let document = env.cmd(&["catalog", "--json"]).success().json();
    assert_eq!(document["faulty"][0]["findings"][0]["line"], 2);
    let all = env.cmd(&["catalog", "lint"]).code(1);
    assert!(all.stdout().contains("bad.toml:2:1: error"), "{}", all.stdout());
    env.cmd(&["catalog", "show", "acme"]).code(1);
    env.cmd(&["catalog", "lint", "/nowhere.toml"]).code(2);
}

#[test]
fn what_a_manifest_says_cannot_steer_a_terminal() {
    let env = TestEnv::new();
    let text = ACME.replace("Orders of Acme.", "Orders \\u001b[2J of Acme.");
    let refused = env.cmd(&["catalog", "add", &put(&env, "evil.toml", &text)]).code(2);
    assert!(refused.stderr().contains("about: has a control or invisible character"));
    assert!(!refused.mentions("\u{1b}"));
}

#[test]
fn built_in_manifests_have_no_fault() {
    let env = TestEnv::new();
    let found = env.cmd(&["catalog", "lint"]).success();
    assert!(!found.mentions("error"), "{}", found.stdout());
}

/// Every key of the format, from its schema.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                if key == "properties" {
                    found.extend(
                        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()),
                    );
                }
                keys(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// The words of a line of roff that stand in bold: all of `.B`, every second argument of `.BR`.
fn bold(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    if let Some(all) = line.strip_prefix(".B ") {
        parts.push(all);
    } else if let Some(arguments) = line.strip_prefix(".BR ") {
        let quoted = arguments.split('"').enumerate();
        let arguments = quoted.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        parts.extend(arguments.step_by(2));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    parts.into_iter().flat_map(|part| part.split(move |c| !word(c))).collect()
}

#[test]
fn the_manual_names_every_key_and_its_examples_are_right() {
    let env = TestEnv::new();
    let schema = env.cmd(&["catalog", "lint", "--schema"]).success().json();
    let mut all = BTreeSet::new();
    keys(&schema, &mut all);
    assert!(all.len() > 70, "{all:?}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/allmcp-catalog.5");
    let manual = fs::read_to_string(file).unwrap();
    let bold: BTreeSet<&str> = manual.lines().flat_map(bold).collect();
    let missing: Vec<_> = all.iter().filter(|key| !bold.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "man/allmcp-catalog.5 says nothing of {missing:?}");
    let examples: Vec<&str> =
        manual.split(".EX\n").skip(1).map(|rest| rest.split(".EE").next().unwrap()).collect();
    assert_eq!(examples.len(), 3);
    for (number, example) in examples.into_iter().enumerate() {
        let file = put(&env, &format!("{number}.toml"), example);
        let found = env.cmd(&["catalog", "lint", &file]).success();
        assert_eq!(found.stdout(), "", "{example}");
    }
}

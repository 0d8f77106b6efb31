//! Completions as a shell gets them: which values there are at the cursor, and that asking for
//! them reads little, writes nothing and says nothing.
//!
//! The shells themselves press Tab in `tests/interop`.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod support;

use serde_json::json;
use support::{
    env::{Output, TestEnv},
    script::{Script, Tool},
    upstream::Upstream,
};

/// What fish gets for a line: values, without their help.
#[track_caller]
fn fits(env: &TestEnv, line: &str) -> Vec<String> {
    let output = ask(env, line).success();
    assert_eq!(output.stderr(), "", "{line}");
    let values = output.stdout().lines().map(|line| line.split('\t').next().unwrap().to_owned());
    values.collect()
}

fn ask(env: &TestEnv, line: &str) -> Output {
    let words = ["--", "allmcp"].into_iter().chain(line.split(' '));
    env.command(&words.collect::<Vec<_>>()).var("ALLMCP_COMPLETE", "fish").run()
}

fn search() -> Tool {
    let tool = json!({"name": "find_order", "inputSchema": {"type": "object", "properties": {
        "text": {"type": "string", "description": "What is looked for"},
        "limit": {"type": "integer"},
        "$(reboot)": {"type": "string"},
    }}});
    Tool::raw(&tool.to_string())
}

fn shop() -> Upstream {
    let names = ["echo", "refund_delete", "list.all", "$(touch gone)", "a;b", "-rf"];
    Upstream::start(Script::legacy().tools(names.map(Tool::echo)).tool(search()))
}

#[test]
fn names_of_the_configuration_are_offered_where_they_belong() {
    let env = TestEnv::new();
    env.config(
        "[connections.kommo]\nprovider = \"kommo\"\n\
         [connections.keep]\nurl = \"https://keep.example/mcp/s3cret?token=s3cret\"\nenabled = false\n\
         [connections.shop]\nurl = \"https://shop.example/mcp\"\n\
         [profiles.sales]\nconnections = [\"kommo\", \"shop\"]\n",
    );
    for command in [
        "status",
        "inspect",
        "reconnect",
        "disconnect",
        "tools",
        "sync",
        "logs --connection",
        "usage --connection",
        "serve --plain",
        "tools disable",
        "tools approve",
    ] {
        assert_eq!(fits(&env, &format!("{command} k")), ["kommo", "keep"], "{command}");
    }
    assert_eq!(fits(&env, "status "), ["kommo", "keep", "shop"], "flags only where they are begun");
    assert_eq!(fits(&env, "status --l"), ["--live"]);
    assert_eq!(fits(&env, "enable "), ["keep"]);
    assert_eq!(fits(&env, "disable "), ["kommo", "shop"]);
    assert_eq!(fits(&env, "serve --only keep,s"), ["keep,shop"]);
    assert_eq!(fits(&env, "search --group kommo/le"), ["kommo/leads"]);
    assert_eq!(fits(&env, "connect https://x.example --name k"), [""; 0], "it is a new name");
    assert_eq!(
        fits(&env, "config get connections.shop.connect"),
        ["connections.shop.connect_timeout"]
    );
    assert_eq!(fits(&env, "config get profiles."), ["profiles.sales.connections"]);
    assert_eq!(fits(&env, "config set connections.shop.pin "), ["off", "warn", "block"]);
    assert_eq!(fits(&env, "config set connections.shop.enabled t"), ["true"]);
    let help = ask(&env, "status ke").success();
    assert_eq!(help.stdout(), "keep\tkeep.example (disabled)\n", "no more of a URL than its host");
}

#[test]
fn providers_are_offered_with_the_user_s_own() {
    let env = TestEnv::new();
    let folder = env.allmcp_home().join("providers");
    std::fs::create_dir_all(&folder).unwrap();
    let own = "id = \"linden\"\nextends = \"linear\"\nname = \"Our Linear\"\n";
    std::fs::write(folder.join("linden.toml"), own).unwrap();
    std::fs::write(folder.join("lin broken.toml"), "id = ").unwrap();
    assert_eq!(fits(&env, "connect lin"), ["linden", "linear", "linear-readonly"]);
    assert_eq!(fits(&env, "catalog show linde"), ["linden"]);
    assert!(ask(&env, "connect lind").stdout().ends_with("linden\tOur Linear\n"));
    assert_eq!(fits(&env, "connect kommo --param "), ["subdomain="]);
    assert_eq!(fits(&env, "connect kommo --auth t"), ["token"]);
    assert_eq!(fits(&env, "connect x --auth "), ["none", "key", "oauth", "client-credentials"]);
    assert_eq!(fits(&env, "connect x --store "), ["keychain", "file"]);
    assert!(fits(&env, "install ").contains(&"claude-desktop".to_owned()));
}

#[test]
fn tools_are_offered_under_both_names_and_their_arguments_after_them() {
    let (env, upstream) = (TestEnv::new(), shop());
    env.connect("shop", &upstream.url());
    env.cmd(&["tools", "disable", "shop", "*_delete"]).success();
    let all = fits(&env, "call ");
    let (name, public) = all.split_first().unwrap();
    assert_eq!((name.as_str(), public.len()), ("shop", 6), "{all:?}");
    assert!(public.iter().all(|name| name.starts_with("shop__")), "{all:?}");
    assert_eq!(fits(&env, "call shop__e"), ["shop__echo"]);
    assert_eq!(fits(&env, "logs --tool shop__e"), ["shop__echo"]);
    // The own names are texts of strangers: what a shell would run is not put into its line.
    assert_eq!(fits(&env, "call shop "), ["echo", "list.all", "find_order"]);
    assert_eq!(fits(&env, "tools enable shop refund"), ["refund_delete"]);
    assert_eq!(fits(&env, "call shop__find_order "), ["text=", "limit:="]);
    assert_eq!(fits(&env, "call shop find_order text=a "), ["limit:="]);
    // With another connection in question no list is read before it is plain which.
    env.connect("shed", &upstream.url());
    assert_eq!(fits(&env, "call sh"), ["shop", "shed"]);
    assert_eq!(fits(&env, "call shed__e"), ["shed__echo"]);
    // A list of another address means nothing.
    let text = env.read_config().replace("/mcp", "/other");
    env.config(&text);
    assert_eq!(fits(&env, "call shed__"), [""; 0]);
}

#[test]
fn files_are_offered_where_a_file_is_meant() {
    let env = TestEnv::new();
    std::fs::create_dir(env.scratch().join("keys")).unwrap();
    std::fs::write(env.scratch().join("keys/token.txt"), "x").unwrap();
    assert_eq!(fits(&env, "connect x --token-file ke"), ["keys/"]);
    assert_eq!(fits(&env, "connect x --token-file keys/"), ["keys/token.txt"]);
    let absolute = env.scratch().join("keys/to").display().to_string();
    assert_eq!(fits(&env, &format!("report -o {absolute}")), [format!("{absolute}ken.txt")]);
}

#[test]
fn asking_writes_nothing_says_nothing_and_reads_no_list_for_a_name() {
    let env = TestEnv::new();
    for line in ["status ", "doctor ", "frobnicate -", "list --nonsense -"] {
        // Flags, where there is nothing else.
        assert!(fits(&env, line).contains(&"--json".to_owned()), "{line}");
    }
    assert!(!env.allmcp_home().exists());
    env.config("[connections.shop]\nurl = \"https://shop.example/mcp\"\n");
    // In the place of the folders: whoever looked into them would stumble.
    env.block("cache").block("state").block("data");
    let before = env.files();
    assert_eq!(fits(&env, "status s"), ["shop"]);
    assert_eq!(fits(&env, "call shop__"), [""; 0]);
    env.config("[connections.shop\nnonsense");
    assert_eq!(fits(&env, "status s"), [""; 0]);
    assert_eq!(env.files(), before);
}

#[test]
fn a_broken_file_leaves_the_names_of_the_last_good_one() {
    let (env, upstream) = (TestEnv::new(), shop());
    env.connect("shop", &upstream.url());
    env.config("[connections.shop\nnonsense");
    assert_eq!(fits(&env, "status s"), ["shop"]);
}

#[test]
fn no_variable_turns_a_command_into_a_question() {
    let env = TestEnv::new();
    for (name, shell) in
        [("COMPLETE", "bash"), ("ALLMCP_COMPLETE", "bash"), ("ALLMCP_COMPLETE", "tcsh")]
    {
        let serve = env.command(&["serve"]).var(name, shell).stdin("").run().success();
        assert_eq!(serve.stdout(), "", "{name}");
        let list = env.command(&["list", "--json"]).var(name, shell).run().success();
        assert_eq!(list.json()["schema"], "allmcp.list/1");
    }
    let unknown = env.command(&[]).var("ALLMCP_COMPLETE", "tcsh").run().code(2);
    assert!(unknown.stderr().starts_with("error: unknown shell `tcsh`"), "{unknown:?}");
    for off in ["", "0"] {
        let help = env.command(&[]).var("ALLMCP_COMPLETE", off).run().code(2);
        assert!(help.stderr().contains("allmcp serve"), "{help:?}");
    }
    // The script finds this very program again, from any folder.
    let script = env.command(&[]).var("ALLMCP_COMPLETE", "bash").run().success();
    assert!(script.stdout().contains(env!("CARGO_BIN_EXE_allmcp")), "{script:?}");
}

//! `install` and `uninstall`: the file of every client before, after and undone, through the
//! program, in a home of its own. Paths are those of Linux; other systems' are in the unit tests.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a file that cannot be read is a failed test")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use support::env::{Output, TestEnv};

/// Every client, its file in the home, and the end of the names of its golden files.
const CLIENTS: &[(&str, &str, &str)] = &[
    ("claude-desktop", ".config/Claude/claude_desktop_config.json", "json"),
    ("claude-code", ".claude.json", "json"),
    ("cursor", ".cursor/mcp.json", "json"),
    ("vscode", ".config/Code/User/mcp.json", "json"),
    ("windsurf", ".codeium/windsurf/mcp_config.json", "json"),
    ("zed", ".config/zed/settings.json", "json"),
    ("codex", ".codex/config.toml", "toml"),
    ("gemini", ".gemini/settings.json", "json"),
    ("goose", ".config/goose/config.yaml", "yaml"),
    ("cline", ".cline/data/settings/cline_mcp_settings.json", "json"),
    ("continue", ".continue/config.yaml", "yaml"),
    ("junie", ".junie/mcp/mcp.json", "json"),
    ("lm-studio", ".lmstudio/mcp.json", "json"),
    ("warp", ".warp/.mcp.json", "json"),
    ("opencode", ".config/opencode/opencode.jsonc", "jsonc"),
    ("amp", ".config/amp/settings.json", "json"),
    ("copilot", ".copilot/mcp-config.json", "json"),
    ("kiro", ".kiro/settings/mcp.json", "json"),
];

const BINARY: &str = env!("CARGO_BIN_EXE_allmcp");

/// A home with our own files at their usual place, so that no entry names it.
fn home() -> TestEnv {
    let mut env = TestEnv::new();
    env.without("ALLMCP_HOME");
    env
}

fn golden(id: &str, which: &str, ending: &str) -> String {
    let file = format!("tests/clients/{id}/{which}.{ending}");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    text.replace("\"ALLMCP\"", &format!("\"{BINARY}\""))
        .replace(": ALLMCP\n", &format!(": {BINARY}\n"))
}

fn put(env: &TestEnv, file: &str, text: &str) -> PathBuf {
    let path = env.home().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn install(env: &TestEnv, id: &str) -> Output {
    env.cmd(&["install", id, "--yes"]).success()
}

fn uninstall(env: &TestEnv, id: &str) -> Output {
    env.cmd(&["uninstall", id, "--yes"]).success()
}

/// The file itself, and what was put beside it.
fn beside(path: &Path) -> Vec<String> {
    let stem = path.file_name().unwrap().to_str().unwrap();
    let folder = fs::read_dir(path.parent().unwrap()).unwrap();
    let names = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(stem) || name.contains(".tmp")).collect()
}

#[test]
fn the_list_has_every_client_with_its_file() {
    let env = home();
    let listed = env.cmd(&["install", "--list", "--json"]).success().json();
    let listed = listed["clients"].as_array().unwrap().clone();
    // A client that keeps its servers in one of two files is asked of the first.
    let first = |file: &str| file.replace(".jsonc", ".json");
    for (row, (id, file, _)) in listed.iter().zip(CLIENTS) {
        let path = env.home().join(first(file));
        assert_eq!(row["id"], *id);
        assert_eq!(row["path"], path.display().to_string(), "{id}");
        assert_eq!((&row["found"], &row["installed"]), (&json!(false), &json!(false)), "{id}");
    }
    assert_eq!(listed.len(), CLIENTS.len());
    let table = env.cmd(&["install", "--list"]).success();
    assert_eq!(table.stdout().lines().count(), CLIENTS.len() + 1, "{table:?}");
}

#[test]
fn every_file_gets_our_entry_and_is_undone_byte_for_byte() {
    for (id, file, ending) in CLIENTS {
        let env = home();
        let (before, after) = (golden(id, "before", ending), golden(id, "after", ending));
        let path = put(&env, file, &before);
        let dry = env.cmd(&["install", id, "--dry-run"]).success();
        assert!(dry.stdout().contains(BINARY) && dry.stdout().contains("+++ "), "{id}: {dry:?}");
        assert_eq!((text(&path), beside(&path).len()), (before.clone(), 1), "{id}: only looked at");
        let done = install(&env, id);
        assert_eq!(text(&path), after, "{id}");
        assert!(done.stderr().contains(&path.display().to_string()), "{id}: {done:?}");
        assert!(done.stderr().contains(".allmcp-") && done.stderr().contains(" is written; "));
        let again = install(&env, id);
        assert!(again.stderr().contains("nothing to do"), "{id}: {again:?}");
        assert_eq!((text(&path), beside(&path).len()), (after, 2), "{id}: a second time");
        uninstall(&env, id);
        assert_eq!(text(&path), before, "{id}");
        assert!(uninstall(&env, id).stderr().contains("nothing to do"), "{id}");
        assert!(!done.stderr().contains("was not found here"), "{id}: it has servers of its own");
    }
}

#[test]
fn a_missing_file_is_made_and_goes_again_and_an_empty_one_is_filled() {
    for (id, file, _) in CLIENTS {
        let env = home();
        let file = file.replace(".jsonc", ".json");
        let path = env.home().join(&file);
        assert!(install(&env, id).stderr().contains("was not found here"), "{id}");
        let made = text(&path);
        assert!(made.contains(BINARY) && made.contains("ALLMCP_CLIENT"), "{id}: {made}");
        assert!(install(&env, id).stderr().contains("nothing to do"), "{id}");
        let printed = env.cmd(&["install", id, "--print"]).success();
        assert_eq!(printed.stdout(), made, "{id}");
        let listed = env.cmd(&["install", "--list", "--json"]).success().json();
        let row =
            listed["clients"].as_array().unwrap().iter().find(|row| row["id"] == *id).unwrap();
        let want = json!({"found": false, "installed": true, "current": true});
        for (key, value) in want.as_object().unwrap() {
            assert_eq!(row[key], *value, "{id}: {key}: our own file is no trace of the client");
        }
        assert!(uninstall(&env, id).stderr().contains(" was ours alone and is gone; restart "));
        assert!(!path.exists(), "{id}");
        put(&env, &file, "");
        install(&env, id);
        assert_eq!(text(&path).trim_end(), made.trim_end(), "{id}");
        uninstall(&env, id);
        assert_eq!(text(&path), "", "{id}");
    }
}

#[test]
fn what_others_change_afterwards_stays_and_only_our_entry_goes() {
    for (id, file, ending) in CLIENTS {
        let env = home();
        let path = put(&env, file, &golden(id, "before", ending));
        install(&env, id);
        let comment = if matches!(*ending, "toml" | "yaml") { "\n# later" } else { "\n" };
        let edited = format!("{}{comment}\n", text(&path).trim_end());
        fs::write(&path, &edited).unwrap();
        uninstall(&env, id);
        let left = text(&path);
        let want = format!("{}{comment}\n", golden(id, "before", ending).trim_end());
        assert_eq!(left, want, "{id}");
    }
}

#[test]
fn a_stale_entry_is_brought_up_to_date_and_keeps_what_is_the_users() {
    for (id, file, ending) in CLIENTS {
        let mut env = home();
        let after = golden(id, "after", ending);
        let path = put(&env, file, &after.replace(BINARY, "/gone/allmcp"));
        assert_eq!(
            env.cmd(&["install", "--list", "--json"]).success().json()["clients"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| row["installed"] == true && row["current"] == false)
                .count(),
            1,
            "{id}"
        );
        install(&env, id);
        assert_eq!(text(&path), after, "{id}");
        // A home of our own that is not the usual one is in the entry, and leaves it again.
        env.var("ALLMCP_HOME", env.scratch().join("else where"));
        install(&env, id);
        let moved = text(&path);
        assert!(moved.contains("ALLMCP_HOME") && moved.contains("else where"), "{id}: {moved}");
        env.without("ALLMCP_HOME");
        install(&env, id);
        assert_eq!(text(&path), after, "{id}");
    }
}

#[test]
fn what_does_not_parse_is_named_and_not_touched() {
    for (id, file, _) in CLIENTS {
        let env = home();
        let broken = "{ \"mcpServers\": [\n";
        let path = put(&env, file, broken);
        for command in ["install", "uninstall"] {
            let refused = env.cmd(&[command, id, "--yes"]).code(1);
            assert!(refused.stderr().contains(&path.display().to_string()), "{id}: {refused:?}");
            assert!(refused.stderr().contains("does not parse: line "), "{id}: {refused:?}");
            let hint = format!("hint: allmcp install {id} --print");
            assert!(refused.stderr().contains(&hint), "{id}: {refused:?}");
        }
        assert_eq!((text(&path).as_str(), beside(&path).len()), (broken, 1), "{id}");
        let listed = env.cmd(&["install", "--list"]).success();
        assert!(listed.stdout().contains("unclear") && listed.mentions("does not parse"), "{id}");
    }
}

#[test]
fn an_entry_that_does_the_same_is_adopted_under_its_name() {
    for (id, file, ending) in CLIENTS {
        let env = home();
        let named = golden(id, "after", ending)
            .replace("\"allmcp\": {", "\"my-tools\": {")
            .replace("\"allmcp\":{", "\"my-tools\":{")
            .replace("mcp_servers.allmcp]", "mcp_servers.my-tools]")
            .replace("  allmcp:\n", "  my-tools:\n")
            .replace("- name: allmcp\n", "- name: my-tools\n");
        assert!(named.contains("my-tools"), "{id}");
        let path = put(&env, file, &named);
        assert!(install(&env, id).stderr().contains("nothing to do"), "{id}");
        assert_eq!(text(&path), named, "{id}");
        uninstall(&env, id);
        assert!(!text(&path).contains("my-tools"), "{id}: {}", text(&path));
    }
}

#[test]
fn files_move_with_the_clients_own_variables() {
    for (id, variable, file) in [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("cline", "CLINE_DIR", "data/settings/cline_mcp_settings.json"),
        ("cline", "CLINE_DATA_DIR", "settings/cline_mcp_settings.json"),
        ("copilot", "COPILOT_HOME", "mcp-config.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
        ("cline", "CLINE_MCP_SETTINGS_PATH", ""),
    ] {
        let mut env = home();
        let place = env.scratch().join("moved");
        env.var(variable, &place);
        install(&env, id);
        let path = if file.is_empty() { place } else { place.join(file) };
        assert!(text(&path).contains(BINARY), "{id} {variable}");
    }
}

#[test]
fn two_places_are_not_guessed_between() {
    for (id, files) in [
        ("opencode", [".config/opencode/opencode.json", ".config/opencode/opencode.jsonc"]),
        ("windsurf", [".codeium/windsurf/mcp_config.json", ".config/devin/mcp_config.json"]),
    ] {
        let env = home();
        let paths = files.map(|file| put(&env, file, "{}"));
        let refused = env.cmd(&["install", id, "--yes"]).code(1);
        assert!(paths.iter().all(|path| refused.mentions(&path.display().to_string())));
        assert!(refused.stderr().contains("--print"), "{refused:?}");
        assert!(paths.iter().all(|path| text(path) == "{}"));
        // One of the two is the one, whichever.
        fs::remove_file(&paths[0]).unwrap();
        install(&env, id);
        assert!(text(&paths[1]).contains(BINARY), "{id}");
    }
    let env = home();
    let older = put(&env, ".continue/config.json", "{}");
    let refused = env.cmd(&["install", "continue", "--yes"]).code(1);
    assert!(refused.stderr().contains("would not be any more"), "{refused:?}");
    assert!(!older.with_file_name("config.yaml").exists());
    // Cline keeps its file among those of VS Code until it has a folder of its own.
    let env = home();
    let older =
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json";
    let path = put(&env, older, "{}");
    install(&env, "cline");
    assert!(text(&path).contains(BINARY));
    // LM Studio says itself where it keeps things.
    let env = home();
    put(&env, ".lmstudio-home-pointer", &env.scratch().join("models").display().to_string());
    install(&env, "lm-studio");
    assert!(text(&env.scratch().join("models/mcp.json")).contains(BINARY));
}

#[test]
fn clients_are_found_by_what_is_theirs() {
    for (id, mark) in [
        ("claude-code", ".claude/settings.json"),
        ("cursor", ".config/Cursor/User/settings.json"),
        ("vscode", ".config/Code/User/settings.json"),
        ("codex", ".codex/auth.json"),
        ("gemini", ".gemini/oauth_creds.json"),
        ("warp", ".config/warp-terminal/user_preferences.json"),
        ("cline", ".cline/data/state/globalState.json"),
        ("junie", ".junie/mcp/servers.log"),
        ("zed", ".config/zed/settings.json"),
    ] {
        let env = home();
        put(&env, mark, "{\"theme\": \"theirs\"}");
        let listed = env.cmd(&["install", "--list", "--json"]).success().json();
        let found: Vec<_> = listed["clients"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["found"] == true)
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, [id]);
        assert!(!install(&env, id).stderr().contains("was not found here"), "{id}");
    }
}

#[test]
fn traps_are_told_after_the_change() {
    let env = home();
    let entry = golden("claude-code", "before", "json").replace("\"db\"", "\"allmcp\"");
    put(&env, ".claude.json", &entry);
    let told = install(&env, "claude-code");
    assert!(told.stderr().contains("the project /home/me/shop has an \"allmcp\" of its own"));
    assert!(!told.stderr().contains("Warp"), "{told:?}");
    let twice = "Warp can start what Claude Code lists";
    assert!(install(&env, "warp").stderr().contains(twice));
    assert!(install(&env, "claude-code").stderr().contains(twice));
    let document = env.cmd(&["install", "warp", "--json"]).success().json();
    assert!(document["notes"][0].as_str().unwrap().starts_with(twice), "{document}");

    let off = golden("kiro", "after", "json").replace("\"disabled\": false", "\"disabled\": true");
    put(&env, ".kiro/settings/mcp.json", &off);
    let told = install(&env, "kiro");
    assert!(told.stderr().contains("\"allmcp\" is switched off there: \"disabled\" is true"));
    put(&env, ".config/Code/User/profiles/x/settings.json", "{}");
    assert!(install(&env, "vscode").stderr().contains("other profiles of VS Code"));
}

#[test]
fn the_change_is_shown_and_asked_for() {
    let env = home();
    let before = golden("claude-code", "before", "json");
    let path = put(&env, ".claude.json", &before);
    let ask = |answer: &'static str| {
        env.on_terminal(100, &["install", "claude-code"], &[("[y/N] ", answer)])
    };
    let Some(refused) = ask("n\n") else { return };
    assert!(refused.mentions("+    \"allmcp\": {") && !refused.mentions("me@example.com"));
    assert!(refused.code(1).mentions("nothing was changed"));
    assert_eq!(text(&path), before);
    let agreed = ask("y\n").unwrap().success();
    assert!(agreed.mentions("start a new Claude Code session"), "{agreed:?}");
    assert_eq!(text(&path), golden("claude-code", "after", "json"));
}

#[test]
fn the_clients_own_command_or_link_is_told_beside_the_entry() {
    let env = home();
    for (id, start) in [
        (
            "claude-code",
            "claude mcp add-json --scope user allmcp '{\"type\":\"stdio\",\"command\":\"",
        ),
        ("cursor", "cursor://anysphere.cursor-deeplink/mcp/install?name=allmcp&config=ey"),
        ("vscode", "code --add-mcp '{\"name\":\"allmcp\",\"type\":\"stdio\",\"command\":\""),
        ("codex", "codex mcp add allmcp --env ALLMCP_CLIENT=codex -- /"),
        ("gemini", "gemini mcp add -s user -e ALLMCP_CLIENT=gemini allmcp /"),
        ("lm-studio", "lmstudio://add_mcp?name=allmcp&config=ey"),
        ("amp", "amp mcp add allmcp --env ALLMCP_CLIENT=amp -- /"),
        ("copilot", "copilot mcp add allmcp --env ALLMCP_CLIENT=copilot -- /"),
    ] {
        let printed = env.cmd(&["install", id, "--print"]).success();
        assert!(printed.stderr().contains(start), "{id}: {printed:?}");
        assert!(!printed.stdout().contains(start), "{id}");
    }
    let plain = env.cmd(&["install", "goose", "--print"]).success();
    assert!(!plain.stderr().contains("by Goose itself"), "{plain:?}");
}

#[test]
fn a_word_that_is_no_client_is_met_with_the_nearest_and_none_with_all() {
    let env = home();
    let wrong = env.cmd(&["install", "cursr"]).code(2);
    assert!(wrong.stderr().contains("did you mean cursor?"), "{wrong:?}");
    for command in ["install", "uninstall"] {
        let none = env.cmd(&[command]).code(2);
        assert!(CLIENTS.iter().all(|(id, _, _)| none.stderr().contains(id)), "{none:?}");
        assert_eq!(none.stderr().lines().count(), 2, "{none:?}");
    }
    let error: Value = env.cmd(&["install", "--json"]).code(2).json_error();
    assert_eq!(error["kind"], "usage");
}

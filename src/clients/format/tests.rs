//! Files of each syntax with an entry put in, changed and taken out.

use super::{File, Format};
use crate::clients::{ClientError, entry::Shape};
use serde_json::{Map, Value, json};
use std::path::Path;

const TOML: Format = Format::Toml { servers: "mcp_servers" };
const MAP: Format = Format::YamlMap { servers: "extensions" };
const LIST: Format = Format::YamlList { servers: "mcpServers", start: "schema: v1\n" };

fn file(format: Format, text: &str) -> Result<File, ClientError> {
    File::parse(format, Path::new("/f"), Some(text.as_bytes()))
}

fn text(file: &File) -> String {
    String::from_utf8(file.bytes()).unwrap()
}

fn entry(format: Format) -> Map<String, Value> {
    let value = json!({"command": "/a b", "args": ["serve"], "env": {"ALLMCP_CLIENT": "x"}});
    let mut entry = value.as_object().unwrap().clone();
    if matches!(format, Format::YamlList { .. }) {
        entry.shift_insert(0, "name".to_owned(), "allmcp".into());
    }
    entry
}

fn inserted(format: Format, before: &str) -> String {
    let mut file = file(format, before).unwrap();
    file.insert("allmcp", &entry(format)).unwrap();
    text(&file)
}

fn removed(format: Format, before: &str) -> String {
    let mut file = file(format, before).unwrap();
    file.remove("allmcp").unwrap();
    text(&file)
}

fn updated(format: Format, before: &str) -> Result<String, ClientError> {
    let mut file = file(format, before)?;
    file.update("allmcp", &entry(format), &Shape::COMMON)?;
    Ok(text(&file))
}

fn refused(format: Format, before: &str, want: &str) {
    let error = file(format, before)
        .and_then(|mut file| file.insert("allmcp", &entry(format)))
        .expect_err(before)
        .to_string();
    assert!(error.contains(want) && error.starts_with("/f "), "{before}: {error}");
}

const OURS_TOML: &str = "[mcp_servers.allmcp]
command = \"/a b\"
args = [\"serve\"]
env = { ALLMCP_CLIENT = \"x\" }
";

#[test]
fn toml_gets_a_table_behind_the_other_servers_and_loses_it_again() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let with_others = "# top\nmodel = \"o\" # m\n\n[mcp_servers.a]\ncommand = \"x\"\n\n  [mcp_servers.a.env]\n  K = \"v\" # k\n# end of a\n\n[tui]\nx = 1\n";
    let at = with_others.find("# end of a").unwrap();
    let (one, two) = with_others.split_at(at);
    for (before, after) in [
        (String::new(), OURS_TOML.to_owned()),
        ("# only this\n".to_owned(), format!("# only this\n\n{OURS_TOML}")),
        ("a = 1".to_owned(), format!("a = 1\n\n{}", OURS_TOML.trim_end())),
        ("mcp_servers.a.command = 'x'\n[b]\n".to_owned(), format!("mcp_servers.a.command = 'x'\n[b]\n\n{OURS_TOML}")),
        (with_others.to_owned(), format!("{one}\n{OURS_TOML}{two}")),
        (crlf(with_others), crlf(&format!("{one}\n{OURS_TOML}{two}"))),
        (
            "mcp_servers = { a = { command = 'x' } }\n".to_owned(),
            "mcp_servers = { a = { command = 'x' }, allmcp = { command = \"/a b\", args = [\"serve\"], env = { ALLMCP_CLIENT = \"x\" } } }\n".to_owned(),
        ),
        ("[mcp_servers]\n\n[z]\n".to_owned(), format!("[mcp_servers]\n\n{OURS_TOML}\n[z]\n")),
    ] {
        assert_eq!(inserted(TOML, &before), after);
        assert_eq!(removed(TOML, &after).trim_end(), before.trim_end());
    }
}

#[test]
fn toml_is_brought_up_to_date_in_place() {
    let before = "[mcp_servers.allmcp] # ours\ncommand = '/old' # c\nargs = [\n  'serve',\n]\nenabled = false\n# env\n[mcp_servers.allmcp.env]\nALLMCP_HOME = '/gone' # h\nMINE = 1\n\n[z]\n";
    let want = "[mcp_servers.allmcp] # ours\ncommand = \"/a b\" # c\nargs = [\n  'serve',\n]\nenabled = false\n# env\n[mcp_servers.allmcp.env]\nMINE = 1\nALLMCP_CLIENT = \"x\"\n\n[z]\n";
    assert_eq!(updated(TOML, before).unwrap(), want);
    let bare = "[mcp_servers]\nallmcp = { command = '/old', enabled = false }\nb = {}\n";
    let want = "[mcp_servers]\nallmcp = { command = \"/a b\", enabled = false, args = [\"serve\"], env = { ALLMCP_CLIENT = \"x\" } }\nb = {}\n";
    assert_eq!(updated(TOML, bare).unwrap(), want);
    assert_eq!(removed(TOML, bare), "[mcp_servers]\nb = {}\n");
    let remote = "[mcp_servers.allmcp]\nurl = 'https://x'\n";
    assert_eq!(updated(TOML, remote).unwrap(), OURS_TOML);
    assert_eq!(removed(TOML, before), "# env\n\n[z]\n");
}

#[test]
fn toml_that_cannot_be_understood_is_refused() {
    refused(TOML, "a = \n", "does not parse: line 1, column 5");
    refused(TOML, "[a]\n[a]\n", "line 2, column 2: duplicate key");
    refused(TOML, "mcp_servers = 3\n", "\"mcp_servers\" is not a table");
    refused(TOML, "[[mcp_servers]]\n", "\"mcp_servers\" is not a table");
}

fn ours_map(indent: &str) -> String {
    "allmcp:\n  command: /a b\n  args:\n    - serve\n  env:\n    ALLMCP_CLIENT: x\n"
        .lines()
        .fold(String::new(), |all, line| all + indent + line + "\n")
}

#[test]
fn a_yaml_mapping_gets_an_entry_and_loses_it_again() {
    let two = ours_map("  ");
    for (before, after) in [
        (String::new(), format!("extensions:\n{two}")),
        ("# none yet\n".to_owned(), format!("# none yet\nextensions:\n{two}")),
        ("A: 1\n".to_owned(), format!("A: 1\nextensions:\n{two}")),
        ("A: 1".to_owned(), format!("A: 1\nextensions:\n{}", two.trim_end())),
        (
            "%YAML 1.1\n---\nx: &x {a: 1}\ny: *x\n".to_owned(),
            format!("%YAML 1.1\n---\nx: &x {{a: 1}}\ny: *x\nextensions:\n{two}"),
        ),
    ] {
        assert_eq!(inserted(MAP, &before), after);
        assert!(removed(MAP, &after).ends_with("extensions: {}\n") || !after.ends_with('\n'));
    }
    for (before, after) in [
        ("extensions: {} # none\nb: 1\n".to_owned(), format!("extensions: # none\n{two}b: 1\n")),
        (
            "extensions:\n    # first\n    a: # one\n        cmd: |\n            x\n\n    # last\nb: 1\n".to_owned(),
            format!("extensions:\n    # first\n    a: # one\n        cmd: |\n            x\n{}\n    # last\nb: 1\n", ours_map("    ")),
        ),
        ("extensions:\n  'a': {}\n...\n".to_owned(), format!("extensions:\n  'a': {{}}\n{two}...\n")),
        ("extensions:\r\n  a: {}\r\n".to_owned(), format!("extensions:\n  a: {{}}\n{two}").replace('\n', "\r\n")),
        (
            "extensions: {a: {b: 1}}\n".to_owned(),
            "extensions: {a: {b: 1}, \"allmcp\": {\"command\":\"/a b\",\"args\":[\"serve\"],\"env\":{\"ALLMCP_CLIENT\":\"x\"}}}\n".to_owned(),
        ),
    ] {
        assert_eq!(inserted(MAP, &before), after);
        assert_eq!(removed(MAP, &after), before);
    }
    assert_eq!(inserted(MAP, "extensions:\nb: 1\n"), format!("extensions:\n{two}b: 1\n"));
    assert_eq!(inserted(MAP, "extensions: ~\n"), format!("extensions:\n{two}"));
}

#[test]
fn a_yaml_list_gets_an_item_and_loses_it_again() {
    let ours = |indent: &str| -> String {
        "- name: allmcp\n  command: /a b\n  args:\n    - serve\n  env:\n    ALLMCP_CLIENT: x\n"
            .lines()
            .fold(String::new(), |all, line| all + indent + line + "\n")
    };
    let fresh = format!("schema: v1\nmcpServers:\n{}", ours("  "));
    assert_eq!(inserted(LIST, ""), fresh);
    assert_eq!(inserted(LIST, "# mine\n"), format!("# mine\n{fresh}"));
    for (before, after) in [
        ("mcpServers: []\n".to_owned(), format!("mcpServers:\n{}", ours("  "))),
        (
            "mcpServers:\n- name: a # one\n  args: [x]\n- uses: some/thing\n# end\nz: 1\n".to_owned(),
            format!("mcpServers:\n- name: a # one\n  args: [x]\n- uses: some/thing\n{}# end\nz: 1\n", ours("")),
        ),
        (
            "mcpServers:\n    -   name: a\n".to_owned(),
            format!("mcpServers:\n    -   name: a\n{}", ours("    ")),
        ),
        ("mcpServers: [{name: a}]\n".to_owned(), "mcpServers: [{name: a}, {\"name\":\"allmcp\",\"command\":\"/a b\",\"args\":[\"serve\"],\"env\":{\"ALLMCP_CLIENT\":\"x\"}}]\n".to_owned()),
    ] {
        assert_eq!(inserted(LIST, &before), after);
        assert_eq!(removed(LIST, &after), before);
    }
}

#[test]
fn yaml_is_brought_up_to_date_in_place() {
    let before = "extensions:\n  allmcp: # ours\n    enabled: false\n    command: '/old' # c\n    args: # a\n    - serve\n    - --x\n    env:\n      ALLMCP_HOME: /gone\n    timeout: 9\n  b: {}\n";
    let want = "extensions:\n  allmcp: # ours\n    enabled: false\n    command: /a b # c\n    args: [\"serve\"] # a\n    env: {}\n    timeout: 9\n  b: {}\n";
    let set = updated(MAP, before).unwrap();
    assert_eq!(set, want.replace("env: {}", "env: {\"ALLMCP_CLIENT\": \"x\"}"));
    assert_eq!(updated(MAP, &set).unwrap(), set);
    let flow = "extensions: {allmcp: {command: /old, env: {ALLMCP_HOME: /x, A: 1}}, b: {}}\n";
    let want = "extensions: {allmcp: {command: \"/a b\", env: {A: 1, \"ALLMCP_CLIENT\": \"x\"}, \"args\": [\"serve\"]}, b: {}}\n";
    assert_eq!(updated(MAP, flow).unwrap(), want);
    assert_eq!(removed(MAP, flow), "extensions: {b: {}}\n");
    let empty = "mcpServers:\n  - name: allmcp\n    command: /a b\n    env:\n    args: # none\n";
    let want = "mcpServers:\n  - name: allmcp\n    command: /a b\n    env: {\"ALLMCP_CLIENT\":\"x\"}\n    args: [\"serve\"] # none\n";
    assert_eq!(updated(LIST, empty).unwrap(), want);
}

#[test]
fn yaml_that_could_mean_something_else_is_refused() {
    refused(MAP, "a: [\n", "does not parse: line ");
    refused(MAP, "a:\n\tb: 1\n", "tab");
    refused(MAP, "a: 1\n---\nb: 1\n", "several documents");
    refused(MAP, "- a\n", "does not hold a mapping");
    refused(MAP, "extensions: 3\n", "\"extensions\" is not a mapping");
    refused(LIST, "mcpServers: {}\n", "\"mcpServers\" is not a list");
    refused(MAP, "extensions: {}\nextensions: {}\n", "\"extensions\" is there twice");
    refused(MAP, "extensions:\n  a: 1\n  'a': 2\n", "\"a\" is there twice");
    refused(LIST, "mcpServers:\n- name: a\n- name: a\n", "\"a\" is there twice");
    refused(MAP, "extensions: &e\n  a: 1\n", "an anchor, an alias or a tag");
    refused(MAP, "x: &e {}\nextensions: *e\n", "an anchor, an alias or a tag");
    refused(MAP, "x: &e {}\nextensions:\n  a: *e\n", "\"a\" uses an anchor");
    refused(MAP, "x: &e {}\nextensions:\n  <<: *e\n", "merges something else");
    refused(MAP, "x: &e {}\n<<: *e\n", "stands for all of it");
    refused(MAP, "{a: 1}\n", "cannot be edited safely");
    refused(MAP, "a: |+\n  x\n\n\n", "cannot be edited safely");
    refused(MAP, &"- ".repeat(5000), "nested too deeply");
    refused(MAP, &"[".repeat(100_000), "recursion limit");
}

#[test]
fn what_others_are_given_is_not_on_the_screen() {
    for (format, text) in [
        (
            TOML,
            "k = \"hunter2\"\n[mcp_servers.a]\ncommand = 'x'\nargs = ['hunter2']\nenv = { K = 'hunter2' }\n[[q]]\nz = 'hunter2'\n",
        ),
        (
            MAP,
            "k: hunter2\nextensions:\n  a:\n    cmd: x\n    args: [hunter2, \"hunter2\"]\n    t: |\n      hunter2\n      hunter2\n",
        ),
        (LIST, "k: [hunter2]\nmcpServers:\n- name: a\n  command: x\n  env:\n    K: 'hunter2'\n"),
    ] {
        let shown = file(format, text).unwrap().masked("allmcp");
        assert!(
            !shown.contains("hunter2") && shown.contains("***") && shown.contains('x'),
            "{shown}"
        );
        let ours = file(format, &inserted(format, "")).unwrap().masked("allmcp");
        assert!(!ours.contains("***") && ours.contains("/a b") && ours.contains("serve"), "{ours}");
    }
}

#[test]
fn entries_are_read_as_json_whatever_the_syntax() {
    let want = json!({"command": "x", "args": ["1", 2], "on": true, "env": {"K": "v"}});
    for (format, text) in [
        (TOML, "[mcp_servers.a]\ncommand='x'\nargs=['1', 2]\non=true\nenv.K = 'v'\n"),
        (MAP, "extensions:\n  a: {command: x, args: ['1', 2], on: true, env: {K: v}}\n"),
        (
            Format::Json { servers: "a.b" },
            r#"{"a.b": {"a": {"command": "x", "args": ["1", 2], "on": true, "env": {"K": "v"}}}}"#,
        ),
    ] {
        assert_eq!(file(format, text).unwrap().entries(), [("a".to_owned(), want.clone())]);
    }
}

proptest::proptest! {
    /// Pieces of every syntax in any order: what cannot be edited is refused, and what is edited can
    /// be read again and undone.
    #[test]
    fn whatever_the_text_an_edit_is_right_or_refused(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..14),
    ) {
        let before = pieces.concat();
        for format in [Format::Json { servers: "extensions" }, TOML, MAP, LIST] {
            let Ok(mut one) = file(format, &before) else { continue };
            let known = one.entries();
            if known.iter().any(|(name, _)| name == "allmcp") {
                let _refused = one.update("allmcp", &entry(format), &Shape::COMMON);
            } else if one.insert("allmcp", &entry(format)).is_ok() {
                let mut again = file(format, &text(&one)).unwrap();
                assert_eq!(again.entries().len(), known.len() + 1, "{before:?}");
                assert!(again.remove("allmcp").is_err() || again.entries() == known, "{before:?}");
            }
            let _screen = file(format, &before).unwrap().masked("allmcp");
        }
    }
}

const PIECES: &[&str] = &[
    "extensions:",
    "mcpServers:",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    " ",
    "- ",
    "a: ",
    "'é': ",
    "allmcp:",
    "name: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "# ü\n",
    "|\n",
    "x",
    "\"é\"",
    "&x ",
    "*x",
    "env:",
    "---\n",
    "...\n",
    "\t",
    "[mcp_servers.a]\n",
    "[mcp_servers]\n",
    "allmcp = {",
    "command = 'x'\n",
    "[mcp_servers.allmcp.env]\n",
    "\"extensions\": {",
    "\"allmcp\": ",
    "\"a\": 1",
    "// c\n",
];

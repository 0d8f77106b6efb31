//! What happens to whole files: before, after, and after the undoing.

use super::{Change, Client, ClientError, Dirs, Os, Plan, Server, by_id, inspect, snippet};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

struct Desk {
    dir: tempfile::TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), server: server("/opt/allmcp", None) }
    }

    fn with(text: &str) -> Self {
        let desk = Self::new();
        fs::create_dir_all(desk.path().parent().unwrap()).unwrap();
        fs::write(desk.path(), text).unwrap();
        desk
    }

    fn dirs(&self) -> Dirs {
        Dirs::new(Os::Linux, self.dir.path().to_owned(), |_| None)
    }

    fn path(&self) -> PathBuf {
        client().locate(&self.dirs()).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn plan_install(&self) -> Result<Plan, ClientError> {
        super::install(client(), &self.dirs(), &self.server)
    }

    fn plan_uninstall(&self) -> Result<Plan, ClientError> {
        super::uninstall(client(), &self.dirs(), &self.server)
    }

    fn apply(&self, plan: &Plan) -> Result<super::Applied, ClientError> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(498_648);
        plan.apply(&self.dir.path().join("install.lock"), now)
    }

    fn install(&self) -> Change {
        let plan = self.plan_install().unwrap();
        self.apply(&plan).unwrap();
        plan.change().clone()
    }

    fn uninstall(&self) -> Change {
        let plan = self.plan_uninstall().unwrap();
        self.apply(&plan).unwrap();
        plan.change().clone()
    }

    fn backups(&self) -> usize {
        super::backup::all(&self.path()).len()
    }
}

fn client() -> &'static dyn Client {
    by_id("claude-desktop").unwrap()
}

fn server(binary: &str, home: Option<&str>) -> Server {
    Server::new(Path::new(binary), home.map(Path::new)).unwrap()
}

const OURS: &str = r#""allmcp": {
      "command": "/opt/allmcp",
      "args": ["serve"],
      "env": {
        "ALLMCP_CLIENT": "claude-desktop"
      }
    }"#;

/// Files as they are found, and as they are after `install`. Each is restored by `uninstall`.
fn golden() -> Vec<(&'static str, &'static str, String)> {
    let alone = format!("{{\n  \"mcpServers\": {{\n    {OURS}\n  }}\n}}\n");
    vec![
        ("nothing", "", alone.clone()),
        ("an empty object", "{}", alone.trim_end().to_owned()),
        ("an empty object and a line break", "{}\n", alone.clone()),
        ("no servers", "{\n  \"mcpServers\": {}\n}\n", alone),
        (
            "another server, no line break at the end",
            "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"x\"}\n  }\n}",
            format!(
                "{{\n  \"mcpServers\": {{\n    \"a\": {{\"command\": \"x\"}},\n    {OURS}\n  }}\n}}"
            ),
        ),
        (
            "settings, odd numbers, escapes and a key after the servers",
            "{\n  \"n\": 1.50e400,\n  \"s\": \"\\u00e9\\/\",\n  \"mcpServers\": {\n    \"a\": {}\n  },\n  \"z\": []\n}\n",
            format!(
                "{{\n  \"n\": 1.50e400,\n  \"s\": \"\\u00e9\\/\",\n  \"mcpServers\": {{\n    \"a\": {{}},\n    {OURS}\n  }},\n  \"z\": []\n}}\n"
            ),
        ),
        (
            "comments and trailing commas",
            "// mine\n{\n  \"mcpServers\": {\n    /* one */ \"a\": {}, // two\n  },\n}\n",
            format!(
                "// mine\n{{\n  \"mcpServers\": {{\n    /* one */ \"a\": {{}}, // two\n    {},\n  }},\n}}\n",
                OURS.replace("}\n    }", "},\n    }").replace("desktop\"\n", "desktop\",\n")
            ),
        ),
        (
            "tabs",
            "{\n\t\"mcpServers\": {\n\t\t\"a\": {}\n\t}\n}\n",
            format!(
                "{{\n\t\"mcpServers\": {{\n\t\t\"a\": {{}},\n\t\t{}\n\t}}\n}}\n",
                OURS.replace("        ", "\t\t\t\t")
                    .replace("      ", "\t\t\t")
                    .replace("    }", "\t\t}")
            ),
        ),
        (
            "Windows line ends and a byte order mark",
            "\u{feff}{\r\n  \"mcpServers\": {\r\n    \"a\": {}\r\n  }\r\n}\r\n",
            format!(
                "\u{feff}{{\r\n  \"mcpServers\": {{\r\n    \"a\": {{}},\r\n    {}\r\n  }}\r\n}}\r\n",
                OURS.replace('\n', "\r\n")
            ),
        ),
        (
            "one line, as a program writes it",
            "{\"mcpServers\":{\"a\":{\"command\":\"x\"}},\"z\":1}",
            "{\"mcpServers\":{\"a\":{\"command\":\"x\"},\"allmcp\":{\"command\":\"/opt/allmcp\",\
             \"args\":[\"serve\"],\"env\":{\"ALLMCP_CLIENT\":\"claude-desktop\"}}},\"z\":1}"
                .to_owned(),
        ),
        (
            "blank lines around",
            "\n\n{\n\n  \"mcpServers\": {\n\n    \"a\": {}\n\n  }\n\n}\n\n",
            format!("\n\n{{\n\n  \"mcpServers\": {{\n    \"a\": {{}},\n    {OURS}\n  }}\n\n}}\n\n"),
        ),
    ]
}

#[test]
fn before_after_and_undone() {
    for (what, before, after) in golden() {
        let desk = Desk::with(before);
        assert_eq!(desk.install(), Change::Add, "{what}");
        assert_eq!(desk.text(), after, "{what}");
        assert_eq!(desk.install(), Change::Nothing, "{what}: a second time");
        assert_eq!(desk.backups(), 1, "{what}");
        assert_eq!(desk.uninstall(), Change::Restore, "{what}");
        assert_eq!(desk.text(), before, "{what}");
        assert_eq!(desk.uninstall(), Change::Nothing, "{what}: a second time");
    }
}

#[test]
fn a_missing_file_is_made_and_goes_again() {
    let desk = Desk::new();
    assert_eq!(desk.install(), Change::Create);
    assert_eq!(desk.text(), golden()[2].2);
    assert_eq!(desk.backups(), 0);
    assert_eq!(desk.uninstall(), Change::Delete);
    assert!(!desk.path().exists());
    assert_eq!(desk.uninstall(), Change::Nothing);
}

#[test]
fn after_a_change_by_others_only_our_entry_goes() {
    let desk = Desk::with("{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n");
    desk.install();
    let theirs = desk.text().replace("\"a\": {}", "\"a\": {\"command\": \"new\"}");
    fs::write(desk.path(), &theirs).unwrap();
    assert_eq!(desk.uninstall(), Change::Remove);
    assert_eq!(desk.text(), "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"new\"}\n  }\n}\n");
}

#[test]
fn an_upgrade_changes_the_path_and_still_undoes_to_the_first_copy() {
    let before = "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n";
    let mut desk = Desk::with(before);
    desk.install();
    desk.server = server("/opt/allmcp-2", Some("/elsewhere"));
    assert_eq!(desk.install(), Change::Update);
    assert!(desk.text().contains("\"/opt/allmcp-2\"") && desk.text().contains("\"/elsewhere\""));
    assert_eq!(desk.backups(), 2);
    assert_eq!(desk.uninstall(), Change::Restore);
    assert_eq!(desk.text(), before);
}

#[test]
fn what_the_user_added_to_our_entry_stays() {
    let desk = Desk::with(
        "{\n  \"mcpServers\": {\n    \"allmcp\": {\n      \"disabled\": true, // for now\n      \
         \"command\": \"/old/allmcp\",\n      \"args\": [\"serve\", \"--only\", \"kommo\"],\n      \
         \"env\": { \"ALLMCP_HOME\": \"/gone\", \"HTTPS_PROXY\": \"http://p\" }\n    }\n  }\n}\n",
    );
    assert_eq!(desk.install(), Change::Update);
    let text = desk.text();
    for kept in
        ["\"disabled\": true, // for now", "\"--only\", \"kommo\"", "\"HTTPS_PROXY\": \"http://p\""]
    {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    assert!(text.contains("\"command\": \"/opt/allmcp\""), "{text}");
    assert!(text.contains("\"ALLMCP_CLIENT\": \"claude-desktop\""), "{text}");
    assert!(!text.contains("ALLMCP_HOME"), "{text}");
    assert_eq!(desk.install(), Change::Nothing);
}

#[test]
fn an_entry_that_is_no_object_is_replaced() {
    let desk = Desk::with("{\"mcpServers\": {\"allmcp\": null}}");
    assert_eq!(desk.install(), Change::Update);
    assert_eq!(desk.install(), Change::Nothing);
}

#[test]
fn an_equivalent_entry_is_adopted_and_a_partial_one_is_not() {
    let desk = Desk::with(
        "{\"mcpServers\": {\"part\": {\"command\": \"/opt/allmcp\", \"args\": [\"serve\", \"--plain\", \"a\"]},\
         \n\"my tools\": {\"command\": \"/opt/allmcp\", \"args\": [\"serve\"], \"x\": 1}}}",
    );
    let plan = desk.plan_install().unwrap();
    assert_eq!((plan.change(), plan.name()), (&Change::Update, "my tools"));
    desk.apply(&plan).unwrap();
    assert!(!desk.text().contains("\"allmcp\""), "{}", desk.text());
    assert_eq!(desk.install(), Change::Nothing);
    assert_eq!(desk.uninstall(), Change::Remove);
    assert!(desk.text().contains("part") && !desk.text().contains("my tools"));
}

#[test]
fn a_file_that_cannot_be_understood_is_named_and_left_alone() {
    for (text, want) in [
        (
            "{\n  \"mcpServers\": {\n    \"a\": {}\n    \"b\": {}\n  }\n}",
            "line 3, column 12: expected comma",
        ),
        ("{\"mcpServers\": {", "line 1, column 16"),
        ("{'mcpServers': {}}", "single-quoted strings are not allowed"),
        ("[]", "does not hold an object"),
        ("{\"mcpServers\": null}", "\"mcpServers\" is not an object"),
        ("{\"mcpServers\": {}, \"mcpServers\": {}}", "\"mcpServers\" is there twice"),
        ("{\"mcpServers\": {\"allmcp\": {}, \"allmcp\": {}}}", "\"allmcp\" is there twice"),
    ] {
        let desk = Desk::with(text);
        let error = desk.plan_install().unwrap_err().to_string();
        assert!(error.contains(want), "{text}: {error}");
        assert!(error.contains("claude_desktop_config.json"), "{error}");
        assert!(desk.plan_uninstall().is_err());
        assert_eq!(desk.text(), text);
        assert_eq!(desk.backups(), 0);
    }
    let deep = Desk::with(&"[".repeat(100_000));
    assert!(matches!(deep.plan_install(), Err(ClientError::Syntax { .. })));
    let utf16 = Desk::with("");
    fs::write(utf16.path(), [0xff, 0xfe, b'{', 0, b'}', 0]).unwrap();
    assert!(matches!(utf16.plan_install(), Err(ClientError::Encoding { .. })));
}

#[test]
fn a_file_changed_after_the_diff_was_shown_is_not_written() {
    let desk = Desk::with("{}");
    let (one, two) = (desk.plan_install().unwrap(), desk.plan_install().unwrap());
    desk.apply(&one).unwrap();
    // Another copy of us did the same: nothing is left to do.
    assert_eq!(desk.apply(&two).unwrap().backup, None);
    let plan = desk.plan_uninstall().unwrap();
    fs::write(desk.path(), desk.text().replace("/opt", "/usr")).unwrap();
    assert!(matches!(desk.apply(&plan), Err(ClientError::Changed { .. })));
    assert!(desk.text().contains("/usr/allmcp"));
}

#[test]
fn what_the_client_writes_meanwhile_stays() {
    let desk = Desk::with("{\n  \"starts\": 1,\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n");
    let plan = desk.plan_install().unwrap();
    fs::write(desk.path(), desk.text().replace("\"starts\": 1", "\"starts\": 2")).unwrap();
    desk.apply(&plan).unwrap();
    assert!(desk.text().contains("\"starts\": 2") && desk.text().contains("/opt/allmcp"));
    assert_eq!(desk.uninstall(), Change::Restore);
    assert!(desk.text().contains("\"starts\": 2") && !desk.text().contains("/opt/allmcp"));
}

#[test]
fn the_diff_shows_our_change_and_no_key_of_others() {
    let desk = Desk::with(
        "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"npx\",\n      \
         \"args\": [\"x\", {\"k\": \"hunter2\"}, \"--key=hunter2\"],\n      \
         \"env\": {\"KEY\": \"hunter2\"}\n    }\n  }\n}\n",
    );
    let plan = desk.plan_install().unwrap();
    let diff = plan.diff();
    assert!(!diff.contains("hunter2") && diff.contains("\"KEY\": \"***\""), "{diff}");
    assert!(diff.contains("+    \"allmcp\": {\n+      \"command\": \"/opt/allmcp\",\n"), "{diff}");
    assert!(diff.starts_with(&format!("--- {}\n", desk.path().display())), "{diff}");
    assert!(!format!("{plan:?}").contains("hunter2"));
    desk.apply(&plan).unwrap();
    assert!(desk.text().contains("hunter2"));
    let fresh = Desk::new().plan_install().unwrap().diff();
    assert!(fresh.starts_with("--- /dev/null\n+++ "), "{fresh}");
    assert_eq!(desk.plan_install().unwrap().diff(), "");
}

#[test]
fn the_snippet_is_a_whole_file() {
    let desk = Desk::new();
    let text = snippet(client(), &server("C:\\Users\\me\\allmcp.exe", None));
    assert!(text.contains(r#""command": "C:\\Users\\me\\allmcp.exe""#), "{text}");
    let pasted = Desk::with(&snippet(client(), &desk.server));
    assert_eq!(pasted.install(), Change::Nothing);
}

#[test]
fn the_state_says_whether_the_entry_works() {
    let mut desk = Desk::with("{}");
    let state = |desk: &Desk| inspect(client(), &desk.dirs(), &desk.server).unwrap();
    assert_eq!(state(&desk).entry, None);
    let binary = desk.dir.path().join("allmcp");
    desk.server = server(binary.to_str().unwrap(), None);
    desk.install();
    let entry = state(&desk).entry.unwrap();
    assert!(entry.current && !entry.exists && entry.name == "allmcp");
    fs::write(&binary, "").unwrap();
    assert!(state(&desk).entry.unwrap().exists);
    desk.server = server("/other/allmcp", None);
    assert!(!state(&desk).entry.unwrap().current);
}

#[cfg(unix)]
#[test]
fn links_and_modes_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::with("{}");
    let real = desk.dir.path().join("dotfiles.json");
    fs::rename(desk.path(), &real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, desk.path()).unwrap();
    desk.install();
    assert!(fs::symlink_metadata(desk.path()).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("allmcp"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(desk.uninstall(), Change::Restore);
    assert_eq!(fs::read_to_string(&real).unwrap(), "{}");
}

#[cfg(unix)]
#[test]
fn a_linked_command_is_kept() {
    let mut desk = Desk::with("{}");
    let (real, link) = (desk.dir.path().join("allmcp-1"), desk.dir.path().join("allmcp"));
    fs::write(&real, "").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    desk.server = server(link.to_str().unwrap(), None);
    desk.install();
    desk.server = server(real.to_str().unwrap(), None);
    assert_eq!(desk.install(), Change::Nothing);
}

//! Where each client's file is on every system, and what tells that the client is there.

use super::{ALL, Client, ClientError, Dirs, Os, Server, by_id, place};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Client, and its file below the home folder on Linux, macOS and Windows.
const FILES: &[(&str, [&str; 3])] = &[
    (
        "claude-desktop",
        [
            ".config/Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
        ],
    ),
    ("claude-code", [".claude.json"; 3]),
    ("cursor", [".cursor/mcp.json"; 3]),
    (
        "vscode",
        [
            ".config/Code/User/mcp.json",
            "Library/Application Support/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
        ],
    ),
    ("windsurf", [".codeium/windsurf/mcp_config.json"; 3]),
    (
        "zed",
        [
            ".config/zed/settings.json",
            ".config/zed/settings.json",
            "AppData/Roaming/Zed/settings.json",
        ],
    ),
    ("codex", [".codex/config.toml"; 3]),
    ("gemini", [".gemini/settings.json"; 3]),
    (
        "goose",
        [
            ".config/goose/config.yaml",
            ".config/goose/config.yaml",
            "AppData/Roaming/Block/goose/config/config.yaml",
        ],
    ),
    ("cline", [".cline/data/settings/cline_mcp_settings.json"; 3]),
    ("continue", [".continue/config.yaml"; 3]),
    ("junie", [".junie/mcp/mcp.json"; 3]),
    ("lm-studio", [".lmstudio/mcp.json"; 3]),
    ("warp", [".warp/.mcp.json"; 3]),
    ("opencode", [".config/opencode/opencode.json"; 3]),
    ("amp", [".config/amp/settings.json"; 3]),
    ("copilot", [".copilot/mcp-config.json"; 3]),
    ("kiro", [".kiro/settings/mcp.json"; 3]),
];

struct Machine {
    dir: tempfile::TempDir,
    os: Os,
}

impl Machine {
    fn new(os: Os) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), os }
    }

    /// Without the folders of a real machine in it.
    fn dirs(&self) -> Dirs {
        let mut dirs = Dirs::new(self.os, self.dir.path().to_owned(), |_| None);
        dirs.programs.retain(|folder| folder.starts_with(self.dir.path()));
        dirs
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn file(&self, below: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }

    fn located(&self, id: &str) -> Result<PathBuf, ClientError> {
        client(id).locate(&self.dirs())
    }

    fn is_here(&self, id: &str) -> bool {
        client(id).is_here(&self.dirs())
    }
}

fn client(id: &str) -> &'static dyn Client {
    by_id(id).unwrap()
}

#[test]
fn every_client_has_its_place_on_every_system_and_is_not_found_where_nothing_is() {
    assert_eq!(
        FILES.iter().map(|row| row.0).collect::<Vec<_>>(),
        ALL.iter().map(|c| c.id()).collect::<Vec<_>>()
    );
    for (id, files) in FILES {
        for (os, file) in [Os::Linux, Os::Mac, Os::Windows].into_iter().zip(files) {
            let machine = Machine::new(os);
            assert_eq!(machine.located(id).unwrap(), machine.path(file), "{id} on {os:?}");
            assert_eq!(place(client(id), &machine.dirs()).unwrap(), machine.path(file));
            assert!(!machine.is_here(id), "{id} on {os:?}");
            // Our own file is no sign of the client.
            machine.file(file);
            assert!(!machine.is_here(id), "{id} on {os:?}, with our file");
            assert_eq!(machine.located(id).unwrap(), machine.path(file), "{id} on {os:?}");
        }
    }
}

#[test]
fn what_is_theirs_tells_of_them() {
    for (id, os, mark) in [
        ("claude-code", Os::Windows, ".claude/history.jsonl"),
        ("cursor", Os::Windows, "AppData/Local/Programs/cursor/Cursor.exe"),
        ("cursor", Os::Mac, "Applications/Cursor.app/x"),
        ("vscode", Os::Windows, "AppData/Local/Programs/Microsoft VS Code/Code.exe"),
        ("vscode", Os::Mac, "Library/Application Support/Code/User/settings.json"),
        ("windsurf", Os::Windows, "AppData/Roaming/devin/config.json"),
        ("zed", Os::Windows, "AppData/Roaming/Zed/keymap.json"),
        ("goose", Os::Mac, "Applications/Goose.app/x"),
        ("lm-studio", Os::Linux, ".lmstudio/bin/lms"),
        ("warp", Os::Mac, "Applications/Warp.app/x"),
        ("opencode", Os::Linux, ".local/share/opencode/auth.json"),
        ("amp", Os::Windows, "AppData/Roaming/amp/x"),
        ("kiro", Os::Mac, "Applications/Kiro.app/x"),
        ("copilot", Os::Windows, ".copilot/config.json"),
        ("continue", Os::Linux, ".continue/sessions/x.json"),
    ] {
        let machine = Machine::new(os);
        machine.file(mark);
        assert!(machine.is_here(id), "{id} by {mark}");
        let others = ALL.iter().filter(|other| other.id() != id);
        let found: Vec<_> = others.map(|c| c.id()).filter(|id| machine.is_here(id)).collect();
        assert_eq!(found, Vec::<&str>::new(), "{id} by {mark}");
    }
}

#[test]
fn the_insiders_edition_is_used_where_it_is_the_only_one() {
    let machine = Machine::new(Os::Windows);
    machine.file("AppData/Roaming/Code - Insiders/User/settings.json");
    let insiders = machine.path("AppData/Roaming/Code - Insiders/User/mcp.json");
    assert_eq!(machine.located("vscode").unwrap(), insiders);
    machine.file("AppData/Roaming/Code/User/settings.json");
    let stable = machine.path("AppData/Roaming/Code/User/mcp.json");
    assert_eq!(machine.located("vscode").unwrap(), stable);
    let server = Server::new(Path::new("/opt/allmcp"), None).unwrap();
    assert_eq!(client("vscode").traps(&machine.dirs(), &server).len(), 1);
}

#[test]
fn of_two_places_the_one_that_is_there_is_used() {
    for (id, os, second) in [
        ("goose", Os::Mac, "Library/Application Support/Block/goose/config.yaml"),
        ("amp", Os::Windows, "AppData/Roaming/amp/settings.json"),
        ("windsurf", Os::Linux, ".config/devin/mcp_config.json"),
        ("windsurf", Os::Windows, "AppData/Roaming/devin/mcp_config.json"),
        ("opencode", Os::Mac, ".config/opencode/opencode.jsonc"),
    ] {
        let machine = Machine::new(os);
        let first = machine.located(id).unwrap();
        machine.file(second);
        assert_eq!(machine.located(id).unwrap(), machine.path(second), "{id}");
        fs::create_dir_all(first.parent().unwrap()).unwrap();
        fs::write(&first, "{}").unwrap();
        let both = machine.located(id).unwrap_err();
        assert!(
            matches!(&both, ClientError::Several { paths } if paths.len() == 2),
            "{id}: {both}"
        );
    }
}

#[test]
fn folders_of_an_older_lm_studio_and_an_older_cline_are_known() {
    let machine = Machine::new(Os::Mac);
    fs::create_dir_all(machine.path(".cache/lm-studio")).unwrap();
    assert_eq!(machine.located("lm-studio").unwrap(), machine.path(".cache/lm-studio/mcp.json"));
    let older = "Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev";
    fs::create_dir_all(machine.path(older)).unwrap();
    let file = Path::new(older).join("settings/cline_mcp_settings.json");
    assert_eq!(machine.located("cline").unwrap(), machine.dir.path().join(file));
    fs::create_dir_all(machine.path(".cline/data")).unwrap();
    let newer = ".cline/data/settings/cline_mcp_settings.json";
    assert_eq!(machine.located("cline").unwrap(), machine.path(newer));
}

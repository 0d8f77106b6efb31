//! Claude Desktop.
//!
//! Windows has two kinds of installation. The packaged one (MSIX, the default since February
//! 2026) reads its file inside the package's folder, whatever `%APPDATA%` says; "Edit Config" in
//! the app opens the other one (anthropics/claude-code#26073).

use super::{Client, ClientError, Dirs, Format, Os, Server, backup};
use std::{
    fs,
    path::{Path, PathBuf},
};

const FOLDER: &str = "Claude";
const FILE: &str = "claude_desktop_config.json";

pub(super) struct ClaudeDesktop;

impl Client for ClaudeDesktop {
    fn id(&self) -> &'static str {
        "claude-desktop"
    }

    fn title(&self) -> &'static str {
        "Claude Desktop"
    }

    fn afterwards(&self) -> &'static str {
        "quit Claude Desktop (from its tray or menu bar icon too) and open it again"
    }

    fn locate(&self, dirs: &Dirs) -> Result<PathBuf, ClientError> {
        let classic = classic(dirs);
        match dirs.os {
            Os::Linux | Os::Mac => Ok(classic),
            Os::Windows => windows(classic, &packages(dirs)),
        }
    }

    /// The app was started once (its folder holds more than what we put there), or it is among
    /// the installed programs.
    fn is_here(&self, dirs: &Dirs) -> bool {
        let classic = classic(dirs);
        classic.parent().is_some_and(|folder| backup::is_used(folder, &classic))
            || dirs.has_program(&["Claude.app"])
            || (dirs.os == Os::Windows
                && (dirs.local.join("AnthropicClaude").exists() || !packages(dirs).is_empty()))
    }

    fn format(&self) -> Format {
        Format::Json { servers: "mcpServers" }
    }

    fn traps(&self, dirs: &Dirs, server: &Server) -> Vec<String> {
        if self.locate(dirs).is_ok_and(|path| path == classic(dirs)) {
            return Vec::new();
        }
        let mut traps =
            vec!["\"Edit Config\" in the app opens another file than the one it reads".to_owned()];
        // The package has a shadow of AppData, possibly days old, however a path is spelt.
        let hidden = |home: &&Path| home.starts_with(&dirs.config) || home.starts_with(&dirs.local);
        if let Some(home) = server.home().filter(hidden) {
            traps.push(format!(
                "ALLMCP_HOME ({}) is under AppData, of which the app sees a copy of its own: move it \
                 to another folder",
                home.display()
            ));
        }
        traps
    }
}

fn classic(dirs: &Dirs) -> PathBuf {
    dirs.config.join(FOLDER).join(FILE)
}

/// The folders of the packaged app, in order of name.
fn packages(dirs: &Dirs) -> Vec<PathBuf> {
    let is_claude = |path: &Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("Claude_"))
    };
    let mut found: Vec<_> = fs::read_dir(dirs.local.join("Packages"))
        .into_iter()
        .flatten()
        .filter_map(|folder| Some(folder.ok()?.path()))
        .filter(|path| is_claude(path) && path.is_dir())
        .collect();
    found.sort_unstable();
    found
}

/// Which of the two kinds of file the app reads.
fn windows(classic: PathBuf, packages: &[PathBuf]) -> Result<PathBuf, ClientError> {
    let inside =
        |package: &PathBuf| package.join("LocalCache").join("Roaming").join(FOLDER).join(FILE);
    let all: Vec<_> = packages.iter().map(inside).collect();
    let with_file: Vec<_> = all.iter().filter(|file| file.exists()).cloned().collect();
    match (with_file.as_slice(), all.as_slice()) {
        ([], _) if classic.exists() => Ok(classic),
        ([], []) => Ok(classic),
        ([one], _) | ([], [one]) => Ok(one.clone()),
        ([], several) | (several, _) => Err(ClientError::Several { paths: several.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        dir: tempfile::TempDir,
        os: Os,
    }

    impl Machine {
        fn new(os: Os) -> Self {
            Self { dir: tempfile::tempdir().unwrap(), os }
        }

        fn dirs(&self) -> Dirs {
            Dirs::new(self.os, self.dir.path().to_owned(), |_| None)
        }

        fn file(&self, path: &str) -> PathBuf {
            let path = self.dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "{}").unwrap();
            path
        }

        fn folder(&self, path: &str) {
            fs::create_dir_all(self.dir.path().join(path)).unwrap();
        }

        fn located(&self) -> Result<PathBuf, ClientError> {
            ClaudeDesktop.locate(&self.dirs())
        }
    }

    const CLASSIC: &str = "AppData/Roaming/Claude/claude_desktop_config.json";
    const IN_PACKAGE: &str = "LocalCache/Roaming/Claude/claude_desktop_config.json";

    fn packaged(package: &str) -> String {
        format!("AppData/Local/Packages/{package}/{IN_PACKAGE}")
    }

    #[test]
    fn unix_systems_have_one_place() {
        let mac = Machine::new(Os::Mac);
        let place = "Library/Application Support/Claude/claude_desktop_config.json";
        assert_eq!(mac.located().unwrap(), mac.dir.path().join(place));
        let linux = Machine::new(Os::Linux);
        let place = ".config/Claude/claude_desktop_config.json";
        assert_eq!(linux.located().unwrap(), linux.dir.path().join(place));
    }

    #[test]
    fn windows_without_a_package_is_classic() {
        let machine = Machine::new(Os::Windows);
        machine.folder("AppData/Local/Packages/Claude-Data");
        assert_eq!(machine.located().unwrap(), machine.dir.path().join(CLASSIC));
    }

    #[test]
    fn the_packages_file_wins_over_the_classic_one() {
        let machine = Machine::new(Os::Windows);
        machine.file(CLASSIC);
        let inside = machine.file(&packaged("Claude_pzs8sxrjxfjjc"));
        machine.folder("AppData/Local/Packages/Claude_other");
        assert_eq!(machine.located().unwrap(), inside);
    }

    #[test]
    fn a_classic_file_wins_over_a_package_without_one() {
        let machine = Machine::new(Os::Windows);
        let classic = machine.file(CLASSIC);
        machine.folder("AppData/Local/Packages/Claude_a");
        machine.folder("AppData/Local/Packages/Claude_b");
        assert_eq!(machine.located().unwrap(), classic);
    }

    #[test]
    fn one_package_without_a_file_gets_it() {
        let machine = Machine::new(Os::Windows);
        machine.folder("AppData/Local/Packages/Claude_a");
        assert_eq!(machine.located().unwrap(), machine.dir.path().join(packaged("Claude_a")));
        let traps = |home: Option<&Path>| {
            let server = Server::new(Path::new("/opt/allmcp"), home).unwrap();
            ClaudeDesktop.traps(&machine.dirs(), &server)
        };
        assert_eq!(traps(None).len(), 1);
        assert_eq!(traps(Some(&machine.dir.path().join("allmcp"))).len(), 1);
        let shadowed = traps(Some(&machine.dir.path().join("AppData/Roaming/allmcp")));
        assert!(shadowed[1].contains("is under AppData"), "{shadowed:?}");
    }

    #[test]
    fn several_of_either_are_not_guessed_between() {
        let empty = Machine::new(Os::Windows);
        empty.folder("AppData/Local/Packages/Claude_a");
        empty.folder("AppData/Local/Packages/Claude_b");
        let full = Machine::new(Os::Windows);
        full.file(CLASSIC);
        full.file(&packaged("Claude_a"));
        full.file(&packaged("Claude_b"));
        for machine in [empty, full] {
            let error = machine.located().unwrap_err();
            assert!(matches!(&error, ClientError::Several { paths } if paths.len() == 2));
            assert!(error.to_string().contains("Claude_b"), "{error}");
        }
    }

    #[test]
    fn the_app_is_here_by_its_own_traces_and_not_by_ours() {
        let linux = Machine::new(Os::Linux);
        assert!(!ClaudeDesktop.is_here(&linux.dirs()));
        linux.file(".config/Claude/claude_desktop_config.json");
        linux.file(".config/Claude/claude_desktop_config.json.allmcp-20261120T000000Z.bak");
        assert!(!ClaudeDesktop.is_here(&linux.dirs()));
        linux.file(".config/Claude/Preferences");
        assert!(ClaudeDesktop.is_here(&linux.dirs()));
        let windows = Machine::new(Os::Windows);
        assert!(!ClaudeDesktop.is_here(&windows.dirs()));
        windows.folder("AppData/Local/Packages/Claude_a");
        assert!(ClaudeDesktop.is_here(&windows.dirs()));
    }
}

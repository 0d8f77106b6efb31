//! The folders under which clients keep their files, as plain values: every system's rules can
//! be tried on any system.

use std::{collections::BTreeMap, path::PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    Linux,
    Mac,
    Windows,
}

impl Os {
    /// The system that we run on; other Unix systems are like Linux.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::Mac
    } else {
        Self::Linux
    };
}

/// Where this user's programs keep things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    pub os: Os,
    pub home: PathBuf,
    /// `~/Library/Application Support`, `$XDG_CONFIG_HOME` or `~/.config`, `%APPDATA%`.
    pub config: PathBuf,
    /// `%LOCALAPPDATA%`; the same as `config` elsewhere.
    pub local: PathBuf,
    /// Where programs are installed, as far as a client's presence is seen there.
    pub programs: Vec<PathBuf>,
    /// Places that clients let their users move, by variable; absolute ones only.
    moved: BTreeMap<&'static str, PathBuf>,
}

/// The variables by which clients find their own files.
pub const VARIABLES: &[&str] = &[
    "CLAUDE_CONFIG_DIR",
    "CLINE_DATA_DIR",
    "CLINE_DIR",
    "CLINE_MCP_SETTINGS_PATH",
    "CODEX_HOME",
    "COPILOT_HOME",
    "GEMINI_CLI_HOME",
    "XDG_CONFIG_HOME",
];

impl Dirs {
    /// `var` looks a variable of the environment up. Clients honour these variables, so we do;
    /// our own files never depend on them.
    pub fn new(os: Os, home: PathBuf, var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let (config, local, programs) = match os {
            Os::Linux => {
                let config = set("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
                (config.clone(), config, Vec::new())
            }
            Os::Mac => {
                let config = home.join("Library/Application Support");
                (config.clone(), config, vec!["/Applications".into(), home.join("Applications")])
            }
            Os::Windows => {
                let data = home.join("AppData");
                let config = set("APPDATA").unwrap_or_else(|| data.join("Roaming"));
                let local = set("LOCALAPPDATA").unwrap_or_else(|| data.join("Local"));
                let programs = vec![local.join("Programs")];
                (config, local, programs)
            }
        };
        let moved = VARIABLES.iter().filter_map(|name| Some((*name, set(name)?))).collect();
        Self { os, home, config, local, programs, moved }
    }

    /// Where one of [`VARIABLES`] says.
    pub(super) fn set(&self, variable: &str) -> Option<PathBuf> {
        self.moved.get(variable).cloned()
    }

    /// `$XDG_CONFIG_HOME` or `~/.config` on every system, as some clients have it.
    pub(super) fn xdg(&self) -> PathBuf {
        self.set("XDG_CONFIG_HOME").unwrap_or_else(|| self.home.join(".config"))
    }

    /// Whether a program of one of these names is installed.
    pub(super) fn has_program(&self, names: &[&str]) -> bool {
        let mut places =
            self.programs.iter().flat_map(|folder| names.iter().map(|n| folder.join(n)));
        places.any(|place| place.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_folders() {
        let home = PathBuf::from("/h");
        let none = |_: &str| None;
        assert_eq!(Dirs::new(Os::Linux, home.clone(), none).config, home.join(".config"));
        let mac = Dirs::new(Os::Mac, home.clone(), none);
        assert_eq!(mac.config, home.join("Library/Application Support"));
        let windows = Dirs::new(Os::Windows, home.clone(), none);
        assert_eq!(windows.local, home.join("AppData").join("Local"));
    }

    #[test]
    fn an_absolute_variable_wins_and_a_relative_one_is_no_folder() {
        let var = |value: &'static str| move |_: &str| Some(value.to_owned());
        let linux = |value| Dirs::new(Os::Linux, "/h".into(), var(value)).config;
        let absolute = if cfg!(windows) { "C:\\x" } else { "/x" };
        assert_eq!(linux(absolute), PathBuf::from(absolute));
        assert_eq!(linux("x"), PathBuf::from("/h").join(".config"));
        assert_eq!(linux(""), PathBuf::from("/h").join(".config"));
    }
}

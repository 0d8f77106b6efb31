//! Where allmcp's files are. Never from XDG variables: a desktop client does not have them, and
//! a terminal and a client must see the same files.

use super::{ConfigError, Env};
use std::path::{Path, PathBuf};

/// The file and the three folders; nothing of it need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub config_file: PathBuf,
    /// What must not be lost: the file store of secrets, the memory.
    pub data: PathBuf,
    /// What tells of the past: logs, health, the last good configuration.
    pub state: PathBuf,
    /// What can be fetched again: the last known lists.
    pub cache: PathBuf,
    /// False when `ALLMCP_HOME` says otherwise; a client's entry must then carry it.
    pub is_default: bool,
    /// `ALLMCP_HOME`, made absolute.
    pub root: Option<PathBuf>,
}

impl Paths {
    pub fn resolve(env: &Env) -> Result<Self, ConfigError> {
        if let Some(given) = &env.allmcp_home {
            let root = std::path::absolute(given).map_err(|e| ConfigError::io(given, e))?;
            let usual = Self::in_one(&root);
            return Ok(Self { is_default: false, root: Some(root), ..usual });
        }
        let home = env.home.as_ref().filter(|home| home.is_absolute());
        let home = home.ok_or(ConfigError::NoHome)?;
        if cfg!(windows) {
            // A packaged Claude Desktop sees a stale shadow of AppData.
            return Ok(Self::in_one(&home.join(".allmcp")));
        }
        Ok(Self {
            config_file: home.join(".config/allmcp/config.toml"),
            data: home.join(".local/share/allmcp"),
            state: home.join(".local/state/allmcp"),
            cache: home.join(".cache/allmcp"),
            is_default: true,
            root: None,
        })
    }

    fn in_one(root: &Path) -> Self {
        Self {
            config_file: root.join("config.toml"),
            data: root.join("data"),
            state: root.join("state"),
            cache: root.join("cache"),
            is_default: true,
            root: None,
        }
    }

    /// The user's own manifests, one file per provider.
    pub fn providers(&self) -> PathBuf {
        self.config_file.with_file_name("providers")
    }

    /// Last known lists, one file per connection.
    pub fn lists(&self) -> PathBuf {
        self.cache.join("lists")
    }

    /// How connections fared, one file each.
    pub fn health(&self) -> PathBuf {
        self.state.join("health")
    }

    /// Approved tool definitions, one file per connection.
    pub fn pins(&self) -> PathBuf {
        self.state.join("pins")
    }

    /// What may be known of each sign-in, one file per connection.
    pub fn grants(&self) -> PathBuf {
        self.state.join("grants")
    }

    /// What is remembered for users and their agents.
    pub fn memory(&self) -> PathBuf {
        self.data.join("memory.db")
    }

    pub fn access_log(&self) -> PathBuf {
        self.state.join("access.log")
    }

    /// Our own log, for people who look for a fault.
    pub fn log_file(&self) -> PathBuf {
        self.state.join("allmcp.log")
    }

    /// The copy of the last configuration that could be read.
    pub(super) fn last_good(&self) -> PathBuf {
        self.state.join("config.last-good.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)]) -> Result<Paths, ConfigError> {
        Paths::resolve(&Env::of(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))))
    }

    #[cfg(unix)]
    #[test]
    fn the_usual_folders_do_not_listen_to_xdg() {
        let paths = paths(&[("HOME", "/home/u"), ("XDG_CONFIG_HOME", "/elsewhere")]).unwrap();
        assert_eq!(paths.config_file, PathBuf::from("/home/u/.config/allmcp/config.toml"));
        assert_eq!(paths.data, PathBuf::from("/home/u/.local/share/allmcp"));
        assert_eq!(paths.state, PathBuf::from("/home/u/.local/state/allmcp"));
        assert_eq!(paths.cache, PathBuf::from("/home/u/.cache/allmcp"));
        assert!(paths.is_default && paths.root.is_none());
    }

    #[test]
    fn allmcp_home_holds_everything_and_is_made_absolute() {
        let paths = paths(&[("ALLMCP_HOME", "rel")]).unwrap();
        let root = paths.root.unwrap();
        assert!(root.is_absolute() && root.ends_with("rel") && !paths.is_default);
        for path in [&paths.config_file, &paths.data, &paths.state, &paths.cache] {
            assert!(path.starts_with(&root));
        }
    }

    #[test]
    fn without_any_home_the_error_says_what_to_set() {
        let error = paths(&[("HOME", "relative")]).unwrap_err();
        assert!(error.to_string().contains("ALLMCP_HOME"), "{error}");
    }
}

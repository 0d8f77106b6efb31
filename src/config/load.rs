//! Getting the settings at the start and after a change: always some, whatever is on the disk.

use super::{ConfigError, Env, Paths, Settings, read};
use crate::disk::atomic;
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// A configuration of this size has lost its way.
const MAX_BYTES: u64 = 4 << 20;

/// The settings, and how they were come by.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    /// The file cannot be used: the settings are the last good copy, or empty.
    pub error: Option<ConfigError>,
    pub source: Source,
}

/// Which file the settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    File,
    LastGood,
    /// There is none: defaults and no connections.
    Absent,
}

impl Source {
    /// What is used while the file itself cannot be.
    pub fn in_use(self) -> &'static str {
        match self {
            Self::File | Self::LastGood => "the last good configuration is used",
            Self::Absent => "no connection is used",
        }
    }
}

/// Reads the configuration. Never fails and creates nothing.
pub fn load(paths: &Paths, env: &Env) -> Loaded {
    let (mut settings, error, source) = match from_file(&paths.config_file) {
        Ok(Some(settings)) => (settings, None, Source::File),
        Ok(None) => (Settings::default(), None, Source::Absent),
        Err(error) => match from_file(&paths.last_good()) {
            Ok(Some(settings)) => (settings, Some(error), Source::LastGood),
            Ok(None) | Err(_) => (Settings::default(), Some(error), Source::Absent),
        },
    };
    if source == Source::File {
        settings.warnings.extend(loose_mode(&paths.config_file));
    }
    place_files(&mut settings, paths, env);
    overlay(&mut settings, env);
    Loaded { settings, error, source }
}

/// Keeps a copy of the configuration for the day when it is broken. Writes only when there is
/// one, it can be read, and it differs from the copy. Blocks: two short reads when nothing
/// changed.
pub fn remember_good(paths: &Paths) -> io::Result<()> {
    let bytes = match atomic::read(&paths.config_file, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let copy = paths.last_good();
    if atomic::read(&copy, MAX_BYTES).is_ok_and(|kept| kept == bytes) {
        return Ok(());
    }
    match parse(&paths.config_file, &bytes) {
        Ok(_) => atomic::write(&copy, &bytes),
        // The copy is for this very day.
        Err(_) => Ok(()),
    }
}

/// Whether `bytes` would do as the file at `path`.
pub fn check(path: &Path, bytes: &[u8]) -> Result<(), ConfigError> {
    parse(path, bytes).map(drop)
}

fn from_file(path: &Path) -> Result<Option<Settings>, ConfigError> {
    match atomic::read(path, MAX_BYTES) {
        Ok(bytes) => parse(path, &bytes).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ConfigError::io(path, e)),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Settings, ConfigError> {
    read::read(utf8(path, bytes)?, path).map(|read| read.settings)
}

/// The text of a file, or the place of its first byte that is none.
pub(super) fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    std::str::from_utf8(bytes).map_err(|e| {
        let good = String::from_utf8_lossy(&bytes[..e.valid_up_to()]);
        let (line, column) = read::line_column(&good, good.len());
        let message = "this is not UTF-8 text".to_owned();
        ConfigError::Parse { file: path.to_owned(), line, column, message }
    })
}

/// Who may write the configuration may make allmcp run commands.
#[cfg(unix)]
fn loose_mode(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o022 != 0).then(|| {
        let path = path.display();
        format!("{path} can be changed by other users; run: chmod 600 {path}")
    })
}

#[cfg(not(unix))]
fn loose_mode(_: &Path) -> Option<String> {
    None
}

/// Makes the files that the configuration names absolute: a desktop client starts us anywhere.
fn place_files(settings: &mut Settings, paths: &Paths, env: &Env) {
    let folder = paths.config_file.parent().unwrap_or(Path::new(""));
    for file in [&mut settings.ca_file, &mut settings.passphrase_file].into_iter().flatten() {
        let home = env.home.as_ref().and_then(|home| Some(home.join(file.strip_prefix("~").ok()?)));
        *file = home.unwrap_or_else(|| folder.join(&*file));
    }
}

/// The environment wins over the file.
fn overlay(settings: &mut Settings, env: &Env) {
    fn win<T: Clone>(slot: &mut Option<T>, from: Option<&T>) {
        if let Some(value) = from {
            *slot = Some(value.clone());
        }
    }
    win(&mut settings.proxy, env.https_proxy.as_ref());
    win(&mut settings.no_proxy, env.no_proxy.as_ref());
    win::<PathBuf>(&mut settings.ca_file, env.ssl_cert_file.as_ref());
    win::<PathBuf>(&mut settings.passphrase_file, env.passphrase_file.as_ref());
    win(&mut settings.browser, env.browser.as_ref());
    if let Some(log) = &env.log {
        settings.log_level.clone_from(log);
    }
    settings.remembered_store = settings.store;
    match env.store.as_deref().map(str::parse) {
        Some(Ok(store)) => settings.store = Some(store),
        Some(Err(e)) => settings.warnings.push(format!("ALLMCP_STORE is ignored: {e}")),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = "[connections.a]\ncommand = \"x\"\n";

    fn home() -> (tempfile::TempDir, Env, Paths) {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let env = Env::of([("ALLMCP_HOME".to_owned(), home)]);
        let paths = Paths::resolve(&env).unwrap();
        (dir, env, paths)
    }

    #[test]
    fn without_a_file_there_are_defaults_and_nothing_is_created() {
        let (dir, env, paths) = home();
        let loaded = load(&paths, &env);
        assert_eq!((loaded.source, loaded.error.is_none()), (Source::Absent, true));
        assert_eq!(loaded.settings, Settings::default());
        remember_good(&paths).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_broken_file_leaves_the_last_good_one_in_use() {
        let (_dir, env, paths) = home();
        fs::write(&paths.config_file, "nonsense").unwrap();
        let loaded = load(&paths, &env);
        assert_eq!((loaded.source, loaded.settings.connections.len()), (Source::Absent, 0));
        assert!(loaded.error.is_some());

        fs::write(&paths.config_file, GOOD).unwrap();
        remember_good(&paths).unwrap();
        fs::write(&paths.config_file, "version = 1\n[connections.a\n").unwrap();
        remember_good(&paths).unwrap();
        let loaded = load(&paths, &env);
        assert_eq!((loaded.source, loaded.settings.connections.len()), (Source::LastGood, 1));
        let error = loaded.error.unwrap().to_string();
        assert!(error.contains("config.toml:2:1"), "{error}");
        fs::write(paths.last_good(), "broken too").unwrap();
        assert_eq!(load(&paths, &env).source, Source::Absent);
    }

    #[test]
    fn bytes_that_are_no_text_have_a_place_too() {
        let (_dir, env, paths) = home();
        fs::write(&paths.config_file, b"version = 1\na = \"\xff\"\n").unwrap();
        let error = load(&paths, &env).error.unwrap().to_string();
        assert!(error.ends_with("config.toml:2:6: this is not UTF-8 text"), "{error}");
    }

    #[test]
    fn the_copy_is_written_only_when_it_differs() {
        let (_dir, _env, paths) = home();
        fs::write(&paths.config_file, GOOD).unwrap();
        remember_good(&paths).unwrap();
        let stamp = || fs::metadata(paths.last_good()).unwrap().modified().unwrap();
        let first = stamp();
        remember_good(&paths).unwrap();
        assert_eq!(first, stamp());
        assert_eq!(fs::read_to_string(paths.last_good()).unwrap(), GOOD);
    }

    #[test]
    fn the_environment_wins_and_files_are_placed() {
        let (dir, _env, paths) = home();
        let text = "[settings]\nstore = \"keychain\"\nproxy = \"http://a\"\nca_file = \"ca.pem\"\npassphrase_file = \"~/pass\"\n";
        fs::write(&paths.config_file, text).unwrap();
        let env = [("ALLMCP_STORE", "file"), ("HTTPS_PROXY", "http://b"), ("ALLMCP_LOG", "trace")];
        let mut env = Env::of(env.map(|(n, v)| (n.to_owned(), v.to_owned())));
        env.home = Some("/home/u".into());
        let s = load(&paths, &env).settings;
        assert_eq!(s.store, Some(crate::kind::StoreKind::File));
        assert_eq!((s.proxy.as_deref(), s.log_level.as_str()), (Some("http://b"), "trace"));
        assert_eq!(s.ca_file, Some(dir.path().join("ca.pem")));
        assert_eq!(s.passphrase_file, Some("/home/u/pass".into()));
        let env = Env::of([("ALLMCP_STORE".to_owned(), "keychian".to_owned())]);
        let s = load(&paths, &env).settings;
        assert_eq!(s.store, Some(crate::kind::StoreKind::Keychain));
        assert!(s.warnings[0].starts_with("ALLMCP_STORE is ignored: "));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_change_warns() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, env, paths) = home();
        fs::write(&paths.config_file, GOOD).unwrap();
        let mode = |mode| fs::set_permissions(&paths.config_file, fs::Permissions::from_mode(mode));
        mode(0o644).unwrap();
        assert!(load(&paths, &env).settings.warnings.is_empty());
        mode(0o664).unwrap();
        assert!(load(&paths, &env).settings.warnings[0].contains("chmod 600"));
    }
}

//! The one reader of the process environment.
//!
//! Every variable that allmcp looks at is in [`VARIABLES`]; the manual page is made from it. An
//! empty variable counts as unset.

use crate::{name::ConnectionName, secret::Secret};
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// A variable that allmcp reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// The version that read it first.
    pub since: &'static str,
    pub what: &'static str,
}

macro_rules! variables {
    ($($vis:vis $id:ident = $name:literal, $since:literal, $what:literal;)+) => {
        $($vis const $id: &str = $name;)+

        /// Every variable that allmcp reads, in the order of the manual page.
        pub const VARIABLES: &[Variable] =
            &[$(Variable { name: $name, since: $since, what: $what },)+];
    };
}

variables! {
    ALLMCP_HOME = "ALLMCP_HOME", "0.1.0", "One folder for all files of allmcp instead of the usual ones under the home folder.";
    ALLMCP_LOG = "ALLMCP_LOG", "0.1.0", "What to log, for example debug or info,allmcp::upstream=trace. Wins over log_level.";
    ALLMCP_NO_INPUT = "ALLMCP_NO_INPUT", "0.1.0", "Never ask anything, as --no-input does.";
    ALLMCP_STORE = "ALLMCP_STORE", "0.1.0", "Where secrets are kept: keychain, file or passphrase. Wins over store.";
    ALLMCP_TOKEN = "ALLMCP_TOKEN_<NAME>", "0.1.0", "The token of the connection NAME (upper case, - as _), for CI only; wins over the store.";
    ALLMCP_PASSPHRASE_FILE = "ALLMCP_PASSPHRASE_FILE", "0.1.0", "A file that holds the passphrase of the passphrase store. Wins over passphrase_file.";
    ALLMCP_CLIENT = "ALLMCP_CLIENT", "0.1.0", "The MCP client that started this process; written by allmcp install.";
    pub ALLMCP_COMPLETE = "ALLMCP_COMPLETE", "0.1.0", "Set by the completion of a shell: bash, elvish, fish, powershell or zsh. allmcp then prints candidates, or, without arguments, the script that asks for them.";
    HOME = "HOME", "0.1.0", "The home folder (USERPROFILE on Windows).";
    BROWSER = "BROWSER", "0.1.0", "The command, one path, that gets a URL to open as its only argument. Wins over browser.";
    DISPLAY = "DISPLAY, WAYLAND_DISPLAY", "0.1.0", "On Linux: there is a desktop, so that a browser can be opened.";
    SSH = "SSH_CONNECTION", "0.1.0", "On macOS: the desktop is somebody else's, so that no browser is opened.";
    EDITOR = "EDITOR", "0.1.0", "The editor of allmcp config edit; VISUAL wins over it.";
    VISUAL = "VISUAL", "0.1.0", "The editor of allmcp config edit.";
    NO_COLOR = "NO_COLOR", "0.1.0", "No colours, as --color never.";
    CLICOLOR_FORCE = "CLICOLOR_FORCE", "0.1.0", "Colours also off a terminal, unless it is 0.";
    TERM = "TERM", "0.1.0", "dumb means a terminal without colours and progress; linux, the console, shows no more than ASCII.";
    LANG = "LC_ALL, LC_CTYPE, LANG", "0.1.0", "The first that is set says what the terminal shows: without UTF-8 in it our own signs are ASCII.";
    COLUMNS = "COLUMNS", "0.1.0", "The width of tables.";
    HTTPS_PROXY = "HTTPS_PROXY", "0.1.0", "The proxy for every upstream; https_proxy works too. Wins over proxy.";
    NO_PROXY = "NO_PROXY", "0.1.0", "Hosts that are reached without the proxy; no_proxy works too. Wins over no_proxy in the settings.";
    SSL_CERT_FILE = "SSL_CERT_FILE", "0.1.0", "Certificate authorities to trust, one PEM file. Wins over ca_file.";
    DBUS = "DBUS_SESSION_BUS_ADDRESS", "0.1.0", "The session bus of the Linux keychain; /run/user/UID/bus is used without it.";
    CLIENTS = "CLAUDE_CONFIG_DIR, CLINE_DATA_DIR, CLINE_DIR, CLINE_MCP_SETTINGS_PATH, CODEX_HOME, COPILOT_HOME, GEMINI_CLI_HOME, XDG_CONFIG_HOME, APPDATA, LOCALAPPDATA", "0.1.0", "Where clients keep their files: allmcp install, uninstall, import and doctor look there.";
    CI = "CI", "0.1.0", "Set on build servers: never ask anything, draw no progress.";
    AGENT = "CLAUDECODE, CODEX_*, CURSOR_AGENT, GEMINI_CLI, OPENCODE, AGENT, AI_AGENT", "0.1.0", "Set by coding agents: never ask anything, draw no progress.";
}

/// A snapshot of the environment, taken once at the start.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a variable of its own")]
pub struct Env {
    pub allmcp_home: Option<PathBuf>,
    /// The user's home folder, from the system where `HOME` is missing.
    pub home: Option<PathBuf>,
    pub log: Option<String>,
    pub no_input: bool,
    pub store: Option<String>,
    pub passphrase_file: Option<PathBuf>,
    pub client: Option<String>,
    pub browser: Option<String>,
    /// There is a screen that the user sees.
    pub desktop: bool,
    pub editor: Option<String>,
    pub no_color: bool,
    pub clicolor_force: bool,
    pub term: Option<String>,
    pub columns: Option<u16>,
    /// The terminal shows no more than ASCII.
    pub ascii: bool,
    /// May hold a password: never print it.
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
    pub ssl_cert_file: Option<PathBuf>,
    pub ci: bool,
    /// A coding agent is at the keyboard.
    pub agent: bool,
    pub dbus_address: Option<String>,
    vars: BTreeMap<String, Secret<String>>,
}

impl Env {
    /// Reads the environment of this process; variables that are not Unicode count as unset.
    pub fn read() -> Self {
        let vars = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut env = Self::of(vars);
        if let Some(dirs) = directories::BaseDirs::new() {
            env.home = Some(dirs.home_dir().to_owned());
        }
        env.dbus_address = env.dbus_address.or_else(session_bus);
        env
    }

    /// An environment of just these variables, untouched by the machine it runs on.
    pub fn of(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut env = Self::default();
        for (name, value) in vars {
            env.vars.insert(key(&name), Secret::new(value));
        }
        let text = |name: &str| env.text(name);
        let path = |name: &str| env.text(name).map(PathBuf::from);
        Self {
            allmcp_home: path(ALLMCP_HOME),
            home: path(if cfg!(windows) { "USERPROFILE" } else { HOME }),
            log: text(ALLMCP_LOG),
            no_input: env.flag(ALLMCP_NO_INPUT),
            store: text(ALLMCP_STORE),
            passphrase_file: path(ALLMCP_PASSPHRASE_FILE),
            client: text(ALLMCP_CLIENT),
            browser: text(BROWSER),
            desktop: if cfg!(windows) {
                true
            } else if cfg!(target_os = "macos") {
                text(SSH).is_none()
            } else {
                DISPLAY.split(", ").any(|name| text(name).is_some())
            },
            editor: text(VISUAL).or_else(|| text(EDITOR)),
            no_color: text(NO_COLOR).is_some(),
            clicolor_force: text(CLICOLOR_FORCE).is_some_and(|v| v != "0"),
            term: text(TERM),
            columns: text(COLUMNS).and_then(|v| v.parse().ok()).filter(|&n| n > 0),
            // Where nothing is said it can, as nearly every terminal of today: containers and
            // desktop clients set none of them.
            ascii: text(TERM).as_deref() == Some("linux")
                || LANG.split(", ").find_map(text).is_some_and(|locale| !is_utf8(&locale)),
            https_proxy: text(HTTPS_PROXY).or_else(|| text("https_proxy")),
            no_proxy: text(NO_PROXY).or_else(|| text("no_proxy")),
            ssl_cert_file: path(SSL_CERT_FILE),
            ci: env.flag(CI),
            agent: env.vars.iter().any(|(name, value)| !value.expose().is_empty() && agent(name)),
            dbus_address: text(DBUS),
            vars: env.vars,
        }
    }

    /// The variable for `${env:NAME}`; an empty one is there, and empty.
    pub fn var(&self, name: &str) -> Option<Secret<String>> {
        self.vars.get(&key(name)).cloned()
    }

    /// `ALLMCP_TOKEN_<NAME>` of a connection, which stands in for its stored secret in CI.
    pub fn token_for(&self, connection: &ConnectionName) -> Option<Secret<String>> {
        let prefix = ALLMCP_TOKEN.trim_end_matches("<NAME>");
        let name = connection.as_str().to_ascii_uppercase().replace('-', "_");
        self.var(&format!("{prefix}{name}")).filter(|token| !token.expose().is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.var(name).map(Secret::into_inner).filter(|value| !value.is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        let off = ["0", "false", "no", "off"];
        self.text(name).is_some_and(|v| !off.contains(&v.to_ascii_lowercase().as_str()))
    }
}

/// Shows nothing: any variable may hold a secret.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// `uk_UA.UTF-8`, `C.utf8`, `en_US.UTF-8@euro`.
fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Variables of Windows have no case.
fn key(name: &str) -> String {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

/// A person sets `CODEX_HOME` to move Codex's files; the agent itself sets others.
fn agent(name: &str) -> bool {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix) && !CLIENTS.split(", ").any(|one| one == name),
        None => name == pattern,
    };
    AGENT.split(", ").any(is)
}

/// Where systemd puts the session bus: a desktop client passes on almost no variables.
#[cfg(all(unix, not(target_os = "macos")))]
fn session_bus() -> Option<String> {
    let path = format!("/run/user/{}/bus", rustix::process::getuid().as_raw());
    std::fs::metadata(&path).is_ok().then(|| format!("unix:path={path}"))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn session_bus() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        Env::of(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn empty_variables_are_unset_and_off_is_off() {
        let env = env(&[("ALLMCP_HOME", ""), ("CI", "false"), ("NO_COLOR", "0"), ("COLUMNS", "0")]);
        assert_eq!((env.allmcp_home.as_deref(), env.ci, env.no_color), (None, false, true));
        assert_eq!(env.columns, None);
    }

    #[test]
    fn the_first_locale_that_is_set_says_what_the_terminal_shows() {
        let ascii = |vars: &[(&str, &str)]| env(vars).ascii;
        assert!(!ascii(&[]) && !ascii(&[("LANG", "uk_UA.UTF-8")]) && !ascii(&[("LANG", "C.utf8")]));
        assert!(ascii(&[("LANG", "C")]) && ascii(&[("LANG", "ru_RU.KOI8-R"), ("LC_ALL", "")]));
        assert!(ascii(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]));
        assert!(!ascii(&[("LC_CTYPE", "UTF-8"), ("LANG", "C")]), "macOS says it so");
        assert!(ascii(&[("TERM", "linux"), ("LANG", "en_US.UTF-8")]));
    }

    #[test]
    fn an_agent_is_known_but_not_by_a_moved_home() {
        assert!(env(&[("CODEX_SANDBOX", "1")]).agent);
        assert!(env(&[("CLAUDECODE", "1")]).agent);
        assert!(!env(&[("CODEX_HOME", "/x"), ("CLAUDECODE", "")]).agent);
    }

    #[test]
    fn tokens_are_found_by_the_connection_s_name() {
        let env = env(&[("ALLMCP_TOKEN_MY_CRM", "canary"), ("ALLMCP_TOKEN_EMPTY", "")]);
        let token = |name: &str| env.token_for(&name.parse().unwrap());
        assert_eq!(token("my-crm").map(Secret::into_inner).as_deref(), Some("canary"));
        assert_eq!(token("empty"), None);
        assert_eq!(token("other"), None);
        assert!(!format!("{env:?}").contains("canary"));
    }

    #[test]
    fn visual_wins_and_lower_case_proxies_count() {
        let env = env(&[("EDITOR", "ed"), ("VISUAL", "vi"), ("https_proxy", "http://p:1")]);
        assert_eq!(env.editor.as_deref(), Some("vi"));
        assert_eq!(env.https_proxy.as_deref(), Some("http://p:1"));
    }
}

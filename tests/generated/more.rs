//! What the manual says beside the grammar's own words.

/// A file, where it is on Linux and macOS, and what it holds.
pub(crate) const FILES: &[(&str, &str, &str)] = &[
    (
        "config",
        "~/.config/allmcp/config.toml",
        "Settings and connections; see allmcp-config(5). Never a secret.",
    ),
    (
        "providers",
        "~/.config/allmcp/providers/*.toml",
        "Providers of your own; see allmcp-catalog(5).",
    ),
    (
        "secrets",
        "~/.local/share/allmcp/secrets.json",
        "Secrets, where they are kept in a file: mode 0600, not encrypted.",
    ),
    ("memory", "~/.local/share/allmcp/memory.db", "What is remembered."),
    (
        "calls",
        "~/.local/state/allmcp/access.log",
        "One line for every call. No arguments, no results, no secrets.",
    ),
    ("log", "~/.local/state/allmcp/allmcp.log", "What serve and bridge did."),
    (
        "lists",
        "~/.cache/allmcp/lists",
        "The last known tools, prompts and resources of each connection.",
    ),
];

/// Of a command: the files beside the configuration, the variables beside `ALLMCP_HOME`, other
/// pages, and examples where the help has none.
pub(crate) struct More {
    pub(crate) files: &'static [&'static str],
    pub(crate) variables: &'static [&'static str],
    pub(crate) see: &'static [&'static str],
    pub(crate) examples: &'static [&'static str],
}

const NET: &[&str] = &["HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"];
const SIGN_IN: &[&str] = &[
    "ALLMCP_NO_INPUT",
    "ALLMCP_STORE",
    "BROWSER",
    "DISPLAY, WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
];
const LOOKS: &[&str] = &["NO_COLOR", "COLUMNS"];

pub(crate) fn of(command: &str) -> More {
    let (files, variables, see, examples): (
        &'static [&str],
        &'static [&str],
        &'static [&str],
        &'static [&str],
    ) = match command {
        "connect" => (
            &["secrets", "lists", "providers"],
            SIGN_IN,
            &["catalog(1)", "reconnect(1)", "install(1)", "catalog(5)"],
            &[],
        ),
        "disconnect" => (
            &["secrets", "lists"],
            SIGN_IN,
            &["connect(1)", "disable(1)", "uninstall(1)"],
            &["allmcp disconnect shop", "allmcp disconnect shop --yes --json"],
        ),
        "reconnect" => (&["secrets", "lists"], SIGN_IN, &["connect(1)", "status(1)"], &[]),
        "enable" => (&[], &[], &["disable(1)", "list(1)"], &["allmcp enable shop"]),
        "disable" => (&[], &[], &["enable(1)", "disconnect(1)"], &["allmcp disable shop"]),
        "list" => (
            &["lists"],
            LOOKS,
            &["status(1)", "inspect(1)"],
            &[
                "allmcp list",
                "allmcp list --json | jq -r '.connections[] | select(.status == \"needs_auth\").name'",
            ],
        ),
        "status" => (
            &["lists"],
            LOOKS,
            &["list(1)", "doctor(1)", "reconnect(1)"],
            &[
                "allmcp status",
                "allmcp status shop --live",
                "allmcp status --live --json | jq '.connections[].health'",
            ],
        ),
        "inspect" => (&["lists"], LOOKS, &["tools(1)", "status(1)"], &["allmcp inspect shop"]),
        "tools" => (&["lists"], LOOKS, &["call(1)", "search(1)", "config(5)"], &[]),
        "call" => (
            &["lists", "calls"],
            &["ALLMCP_NO_INPUT", "ALLMCP_TOKEN_<NAME>", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"],
            &["tools(1)", "logs(1)"],
            &[],
        ),
        "search" => (&["lists"], LOOKS, &["tools(1)", "call(1)"], &[]),
        "sync" => (&["lists"], NET, &["tools(1)"], &["allmcp sync", "allmcp sync shop"]),
        "catalog" => (&["providers"], LOOKS, &["connect(1)", "catalog(5)"], &[]),
        "config" => (&[], &["EDITOR", "VISUAL"], &["config(5)"], &[]),
        "logs" => (&["calls"], LOOKS, &["usage(1)", "call(1)"], &[]),
        "usage" => (&["calls"], LOOKS, &["logs(1)"], &[]),
        "memory" => (&["memory"], LOOKS, &["serve(1)"], &[]),
        "serve" => (
            &["lists", "calls", "log", "secrets"],
            &[
                "ALLMCP_CLIENT",
                "ALLMCP_LOG",
                "ALLMCP_STORE",
                "BROWSER",
                "HTTPS_PROXY",
                "NO_PROXY",
                "SSL_CERT_FILE",
            ],
            &["install(1)", "bridge(1)", "config(5)"],
            &[],
        ),
        "bridge" => (
            &["secrets", "log"],
            &["ALLMCP_CLIENT", "ALLMCP_LOG", "BROWSER", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"],
            &["serve(1)", "connect(1)"],
            &[],
        ),
        "install" => (&[], &[], &["uninstall(1)", "serve(1)"], &[]),
        "uninstall" => (
            &[],
            &[],
            &["install(1)", "disconnect(1)"],
            &["allmcp uninstall claude-desktop", "allmcp uninstall claude-desktop --dry-run"],
        ),
        "import" => (&["secrets", "lists"], SIGN_IN, &["connect(1)", "install(1)"], &[]),
        "doctor" => (
            &["log", "lists"],
            &["DBUS_SESSION_BUS_ADDRESS"],
            &["report(1)", "status(1)"],
            &["allmcp doctor", "allmcp doctor --json | jq '.findings'"],
        ),
        "report" => (&["log", "calls"], &[], &["doctor(1)"], &[]),
        "completions" => (&[], &["ALLMCP_COMPLETE"], &[], &[]),
        "demo" => {
            (&[], LOOKS, &["connect(1)", "serve(1)"], &["allmcp demo", "allmcp demo --serve"])
        }
        _ => (&[], &[], &[], &[]),
    };
    More { files, variables, see, examples }
}

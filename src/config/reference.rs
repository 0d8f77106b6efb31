//! Every key that `config.toml` may have: the one source of what is known, of the defaults of
//! `config get`, of completions and of allmcp-config(5).

use crate::kind::{AuthKind, Mode, Pin, Pkce, Rule, StoreKind, TokenBody, Transport};

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// As `config get` prints it; `None`: unset, or not to be said in a word.
    pub default: Option<&'static str>,
    /// A value as it stands in the file.
    pub example: &'static str,
    /// What it does, in sentences.
    pub what: &'static str,
}

/// What values a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of these.
    Word(&'static [&'static str]),
    Flag,
    /// A time with its unit.
    Span,
    /// A whole number, in these words.
    Number(&'static str),
    Text,
    /// A text in which `${…}` is filled.
    Template,
    Texts,
    /// A table whose keys the user makes up, and what they map to.
    Map(&'static str),
    /// A table of [`TABLES`].
    Table,
}

impl Kind {
    /// The type in a few words.
    pub fn told(self) -> String {
        match self {
            Self::Word(words) => words.join(" | "),
            Self::Flag => "true | false".to_owned(),
            Self::Span => "a time with its unit (200ms, 55s, 5m), from 1 ms to 1 h".to_owned(),
            Self::Number(words) => words.to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Template => "a text, ${...} is filled".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
            Self::Map(of) => format!("a table: {of}"),
            Self::Table => "a table".to_owned(),
        }
    }

    /// The only values there are, where they can be counted.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Word(words) => words,
            Self::Flag => &["true", "false"],
            _ => &[],
        }
    }
}

/// The keys of one kind of table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its dotted path; `NAME` stands for what the user calls it.
    pub path: &'static str,
    pub keys: &'static [Key],
}

/// Every table, in the order of the manual page.
pub const TABLES: &[Table] = &[
    Table { path: "", keys: TOP },
    Table { path: "settings", keys: SETTINGS },
    Table { path: "connections.NAME", keys: CONNECTION },
    Table { path: "connections.NAME.oauth", keys: OAUTH },
    Table { path: "connections.NAME.tools", keys: TOOLS },
    Table { path: "connections.NAME.policy", keys: POLICY },
    Table { path: "profiles.NAME", keys: PROFILE },
];

macro_rules! keys {
    ($($table:ident { $($name:literal: $kind:expr, $default:expr, $example:literal, $what:literal;)+ })+) => {
        $(pub(super) const $table: &[Key] = &[$(Key {
            name: $name,
            kind: $kind,
            default: $default,
            example: $example,
            what: $what,
        }),+];)+
    };
}

use Kind::{Flag, Map, Number, Span, Template, Text, Texts, Word};

keys! {
    TOP {
        "version": Number("a whole number"), Some("1"), "1",
            "The version of the file's format.";
        "settings": Kind::Table, None, "{ mode = \"auto\" }",
            "What holds for all connections.";
        "connections": Kind::Table, None, "{ shop = { url = \"https://mcp.example.com/mcp\" } }",
            "The connections by name, in the order in which clients see them. A name is 1 to 32 of a-z, 0-9 and -.";
        "profiles": Kind::Table, None, "{ sales = { connections = [] } }",
            "Named choices of connections.";
    }
    SETTINGS {
        "mode": Word(Mode::WORDS), Some("auto"), "\"smart\"",
            "What clients see: every tool (full), only our own tools, which find and call the rest (smart), or the one that the number of tools wants (auto).";
        "store": Word(StoreKind::WORDS), None, "\"keychain\"",
            "Where secrets are kept. Chosen at the first secret, and remembered here.";
        "proxy": Text, None, "\"http://proxy.example:3128\"",
            "The proxy for every upstream.";
        "no_proxy": Text, None, "\"localhost,.example.com\"",
            "Hosts that are reached without the proxy, with commas between them.";
        "ca_file": Text, None, "\"~/company-ca.pem\"",
            "Certificate authorities to trust, a PEM file. Relative to the folder of config.toml.";
        "passphrase_file": Text, None, "\"~/.allmcp-passphrase\"",
            "A file that holds the passphrase of the passphrase store.";
        "browser": Text, None, "\"/usr/bin/firefox\"",
            "The command, one path, that gets a URL to open as its only argument, instead of the system's own.";
        "log_level": Text, Some("info"), "\"debug\"",
            "What allmcp.log holds: error, warn, info, debug or trace, also for parts: info,allmcp::upstream=trace.";
        "max_result": Number("a whole number of bytes"), None, "9961472",
            "The longest answer that clients get in one piece; the rest comes by read_more. Left out: what the client takes.";
        "own_tools": Texts, Some("[\"*\"]"), "[\"find_*\", \"call_*\"]",
            "Which of our own tools clients see, as globs.";
        "link_life": Span, Some("10m"), "\"10m\"",
            "How long a link to a page of allmcp is good.";
        "pin": Word(Pin::WORDS), Some("warn"), "\"block\"",
            "What happens when a server changes the definition of a tool: nothing (off), it is told of once (warn), or the tool is held back until allmcp tools approve (block).";
        "approval_wait": Span, Some("5m"), "\"2m\"",
            "How long the user's answer is waited for where a policy asks.";
        "approval_life": Span, Some("10m"), "\"10m\"",
            "How long a page that asks for approval is good, and what was approved on it.";
    }
    CONNECTION {
        "url": Template, None, "\"https://mcp.example.com/mcp\"",
            "The address of a remote MCP server: https, or http on this machine. One of url, provider and command is needed.";
        "provider": Text, None, "\"kommo\"",
            "The id of a provider of the catalog, in the place of url.";
        "way": Text, None, "\"token\"",
            "Which of the provider's ways to sign in is used. Left out: the one that fits.";
        "base_url": Template, None, "\"https://proxy.example.com\"",
            "A proxy or a host of your own in the place of the provider's.";
        "command": Text, None, "\"npx\"",
            "The program of a local server, in the place of url.";
        "args": Texts, Some("[]"), "[\"-y\", \"x\"]",
            "The arguments of command.";
        "env": Map("texts by variable"), None, "{ KEY = \"${secret:key}\" }",
            "More variables for command; ${...} is filled.";
        "params": Map("texts by name"), None, "{ subdomain = \"acme\" }",
            "What ${param:NAME} stands for.";
        "auth": Word(AuthKind::WORDS), None, "\"oauth\"",
            "How to prove who you are. Left out: key where url or headers hold a ${secret:...}, else none.";
        "transport": Word(Transport::WORDS), Some("auto"), "\"http\"",
            "How the server is reached.";
        "enabled": Flag, Some("true"), "false",
            "Whether the connection is used.";
        "timeout": Span, Some("55s"), "\"20s\"",
            "The whole of one call of a tool: getting the session ready, renewing a sign-in and retries included.";
        "connect_timeout": Span, Some("5s"), "\"2s\"",
            "The longest wait for a connection with TLS.";
        "breaker_first": Span, Some("1s"), "\"1s\"",
            "How long a server that keeps failing is left alone at first. The time doubles with each failure.";
        "breaker_max": Span, Some("60s"), "\"30s\"",
            "How long it is left alone at most.";
        "pin": Word(Pin::WORDS), None, "\"block\"",
            "As in settings, for this connection.";
        "headers": Map("texts by header"), None, "{ X-API-Key = \"${secret:token}\" }",
            "Sent with every request; ${...} is filled.";
        "oauth": Kind::Table, None, "{ scopes = [\"read\"] }",
            "What a sign-in needs to know where it cannot find it out.";
        "tools": Kind::Table, None, "{ deny = [\"*_delete\"] }",
            "Which tools clients see.";
        "policy": Kind::Table, None, "{ destructive = \"ask\" }",
            "What may be called.";
    }
    OAUTH {
        "client_id": Text, None, "\"4f1c\"",
            "The client that you registered with the server.";
        "client_metadata_url": Text, None, "\"https://example.com/client.json\"",
            "The https URL of a client ID metadata document.";
        "scopes": Texts, Some("[]"), "[\"read\", \"write\"]",
            "Asked for beside those that the server wants.";
        "resource": Text, None, "\"https://mcp.example.com/\"",
            "Sent as resource (RFC 8707), in the place of what the server says of itself; false, without quotes, sends none.";
        "issuer": Text, None, "\"https://login.example.com\"",
            "The authorization server, in the place of what the server names.";
        "callback_port": Number("a port, 0 for any free one"), Some("0"), "8976",
            "The port on this machine that the browser comes back to.";
        "callback_host": Word(&["127.0.0.1", "localhost", "[::1]"]), Some("127.0.0.1"), "\"localhost\"",
            "The host of that address.";
        "authorize_params": Map("texts by parameter"), None, "{ prompt = \"consent\" }",
            "More parameters for the page that asks the user.";
        "authorize_omit": Texts, Some("[]"), "[\"scope\"]",
            "What the request for that page leaves out, of response_type, redirect_uri and scope.";
        "pkce": Word(Pkce::WORDS), Some("supported"), "\"required\"",
            "Whether a sign-in is bound to its code by PKCE (RFC 7636): the server has to announce it, it is sent to all alike, or the server refuses it.";
        "registration_url": Template, None, "\"https://login.example.com/register\"",
            "Where clients are registered, in the place of what the server says of itself.";
        "authorize_url": Template, None, "\"https://login.example.com/authorize\"",
            "Where that page is, at a server that does not describe itself.";
        "token_url": Template, None, "\"https://login.example.com/token\"",
            "Where tokens are given. With these two nothing is discovered.";
        "revoke_url": Template, None, "\"https://login.example.com/revoke\"",
            "Where tokens are given up.";
        "token_body": Word(TokenBody::WORDS), Some("form"), "\"json\"",
            "How the body of a token request is written.";
        "token_params": Map("texts by parameter"), None, "{ audience = \"api\" }",
            "More parameters for token requests.";
    }
    TOOLS {
        "allow": Texts, Some("[\"*\"]"), "[\"read_*\"]",
            "Globs on the server's own names: only these tools are there.";
        "deny": Texts, Some("[]"), "[\"*_delete\"]",
            "Globs on the server's own names: these tools are not there; wins over allow.";
    }
    POLICY {
        "write": Word(Rule::WORDS), None, "\"ask\"",
            "Tools that change something, and those that do not say. Left out: the word of the provider, else allow.";
        "destructive": Word(Rule::WORDS), None, "\"ask\"",
            "Tools that can destroy something. Left out: the word of the provider, else allow.";
        "tools": Map("a word by glob"), None, "{ \"deal_*\" = \"deny\" }",
            "Rules for single tools, as globs on the server's own names; the first that fits wins over the two others.";
    }
    PROFILE {
        "connections": Texts, Some("[]"), "[\"shop\"]",
            "The connections of the profile.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::read;
    use std::path::Path;

    /// A file in which nothing is wrong but perhaps the one line that is looked at.
    fn around(table: &Table, key: &Key, value: &str) -> String {
        let line = format!("{} = {value}\n", key.name);
        let shop = "[connections.shop]\ncommand = \"x\"\n";
        let target = matches!(key.name, "url" | "provider" | "command");
        match table.path {
            "" if key.name == "connections" => line,
            "" => format!("{line}{shop}"),
            "connections.NAME" if target => format!("[connections.other]\n{line}"),
            "connections.NAME.oauth" => {
                let url = "\"https://a.example/\"";
                let all = [("authorize_url", url), ("token_url", url), ("client_id", "\"x\"")];
                let others = all.iter().filter(|(name, _)| *name != key.name);
                let others: Vec<_> =
                    others.map(|(name, value)| format!("{name} = {value}")).collect();
                format!(
                    "{shop}[{}]\n{line}{}",
                    table.path.replace("NAME", "shop"),
                    others.join("\n")
                )
            }
            "connections.NAME" => format!("{shop}{line}"),
            path => format!("{shop}[{}]\n{line}", path.replace("NAME", "shop")),
        }
    }

    #[test]
    fn every_example_and_every_default_is_a_value_that_is_read() {
        for table in TABLES {
            for key in table.keys {
                let default = key.default.map(|default| match key.kind {
                    Word(_) | Span | Text => format!("{default:?}"),
                    _ => default.to_owned(),
                });
                for value in [Some(key.example.to_owned()), default].into_iter().flatten() {
                    let text = around(table, key, &value);
                    let read = read(&text, Path::new("f")).unwrap();
                    assert_eq!(read.findings, [], "{text}");
                    let problem = read.settings.connections[0].problem.as_ref();
                    assert_eq!(problem, None, "{text}");
                }
            }
        }
    }

    #[test]
    fn every_word_is_one_that_is_read_and_no_other() {
        for table in TABLES {
            for key in table.keys {
                for word in key.kind.words() {
                    let word =
                        if key.kind == Flag { (*word).to_owned() } else { format!("{word:?}") };
                    let text = around(table, key, &word);
                    assert_eq!(read(&text, Path::new("f")).unwrap().findings, [], "{text}");
                }
                if !key.kind.words().is_empty() {
                    let text = around(table, key, "\"nonsense\"");
                    assert_ne!(read(&text, Path::new("f")).unwrap().findings, [], "{text}");
                }
            }
        }
    }

    #[test]
    fn every_key_is_told_of_in_sentences() {
        for key in TABLES.iter().flat_map(|table| table.keys) {
            assert!(key.what.ends_with('.') && key.what.len() > 15, "{}: {}", key.name, key.what);
        }
    }
}

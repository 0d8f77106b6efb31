//! allmcp-config(5), from the reference of the configuration.

use super::man;
use allmcp::config::reference::{Key, Kind, TABLES, Table};
use clap_mangen::roff::{Roff, bold, italic, roman};

pub(crate) const SAMPLE: &str = r#"version = 1

[settings]
mode = "auto"
pin = "warn"

# By address, with a key.
[connections.allv]
url = "https://agent.allv.ai/api/workspaces/w1/mcp"
auth = "key"
timeout = "55s"
pin = "block"

[connections.allv.headers]
Authorization = "Bearer ${secret:token}"
x-allv-user-email = "${env:ALLV_USER_EMAIL}"

# From the catalog.
[connections.kommo]
provider = "kommo"
params = { subdomain = "acme" }

[connections.kommo.tools]
deny = ["*_delete"]

[connections.kommo.policy]
destructive = "ask"

[profiles.sales]
connections = ["kommo"]
"#;

const HOLES: &[(&str, &str)] = &[
    (
        "${secret:NAME}",
        "A secret of the connection, from the store. It is asked for by connect; token is the usual one.",
    ),
    (
        "${env:NAME}",
        "A variable of the environment. One that is not set puts this one connection into error, and is named there. A client that is started from a desktop passes on almost none.",
    ),
    ("${param:NAME}", "An entry of params."),
    ("${org_id}, ${user_id}", "The identity given by --org and --user."),
    ("$$", "A dollar."),
];

pub(crate) fn page() -> String {
    let mut sections = vec![
        man::title("allmcp-config", "5"),
        man::name("allmcp-config", "settings and connections of allmcp"),
        man::section(|roff| {
            roff.control("SH", ["SYNOPSIS"]);
            roff.text([italic("~/.config/allmcp/config.toml")]);
        }),
        man::section(|roff| {
            roff.control("SH", ["DESCRIPTION"]);
            for text in [
                "The file is TOML. The commands of `allmcp` write it, `allmcp config edit` opens it, and it may be edited by hand: comments and order survive. It never holds a secret.",
                "A running `allmcp serve` takes changes up within a second. While the file does not parse, the last good copy of it is used, also by what starts then. Whatever is wrong inside one connection is the error of that connection alone. A key that is not known is told of, with the nearest one that is.",
                "`allmcp config get` and `allmcp config set` take the dotted path of a key, such as `connections.kommo.timeout`. Flags win over variables of the environment, these over this file, and it wins over what a provider says.",
                "NAME stands for a name that you make up.",
            ] {
                man::paragraph(roff, text);
            }
        }),
    ];
    sections.extend(TABLES.iter().map(table));
    sections.push(man::section(|roff| {
        roff.control("SH", ["HOLES"]);
        man::paragraph(
            roff,
            "These are filled in url, headers, params and env, when a connection is opened:",
        );
        for (hole, what) in HOLES {
            man::term(roff, vec![bold(*hole)], what);
        }
    }));
    let variables = &[
        "ALLMCP_STORE",
        "ALLMCP_LOG",
        "ALLMCP_PASSPHRASE_FILE",
        "BROWSER",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
    ];
    sections.push(man::environment(variables, false));
    sections.push(man::files(&["providers"]));
    let lines: Vec<String> = SAMPLE.lines().map(str::to_owned).collect();
    sections.push(man::verbatim("EXAMPLES", &lines));
    sections.push(man::see_also(&["(1)", "config(1)", "connect(1)", "tools(1)", "catalog(5)"]));
    man::finish(&sections)
}

fn table(table: &Table) -> String {
    man::section(|roff| {
        let heading = if table.path.is_empty() {
            "TOP OF THE FILE".to_owned()
        } else {
            format!("[{}]", table.path)
        };
        roff.control("SH", [heading.as_str()]);
        for key in table.keys {
            entry(roff, key);
        }
    })
}

fn entry(roff: &mut Roff, key: &Key) {
    let default = key.default.map(|default| format!("; default {default}")).unwrap_or_default();
    man::term(
        roff,
        vec![bold(key.name), roman(format!(" ({}{default})", key.kind.told()))],
        key.what,
    );
    if key.kind != Kind::Table {
        roff.control("br", []);
        roff.text([roman("Example: "), bold(format!("{} = {}", key.name, key.example))]);
    }
}

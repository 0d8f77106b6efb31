//! A throw-away home with 30 connections whose lists are known.

use crate::client::Client;
use crate::options::Options;
use crate::upstream::Upstream;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) const CONNECTIONS: usize = 30;
/// Public names of a tool behind a JSON and behind an SSE upstream.
pub(crate) const JSON_TOOL: &str = "c00__tool_0";
pub(crate) const SSE_TOOL: &str = "c01__tool_0";

pub(crate) struct Home {
    folder: tempfile::TempDir,
    binary: PathBuf,
}

impl Home {
    /// Connections in turn to `/json` and `/sse`, their lists fetched by `allmcp sync`.
    pub(crate) fn synced(options: &Options, upstream: &Upstream) -> Self {
        let folder = tempfile::Builder::new().prefix("allmcp-bench-").tempdir().expect("a folder");
        // `full` is said, because 300 tools are more than `auto` would list.
        let mut config = String::from("version = 1\n[settings]\nmode = \"full\"\n");
        for n in 0..CONNECTIONS {
            let url = upstream.url(if n % 2 == 0 { "json" } else { "sse" });
            let _memory =
                writeln!(config, "[connections.c{n:02}]\nurl = \"{url}\"\nauth = \"none\"");
        }
        std::fs::write(folder.path().join("config.toml"), config).expect("a config");
        let home = Self { folder, binary: options.binary.clone() };
        let synced = home.allmcp(&["sync"]).output().expect("allmcp runs");
        assert!(
            synced.status.success(),
            "allmcp sync: {}",
            String::from_utf8_lossy(&synced.stderr)
        );
        home
    }

    /// One connection more.
    pub(crate) fn connect(&self, name: &str, url: &str) {
        let path = self.folder.path().join("config.toml");
        let mut config = std::fs::read_to_string(&path).expect("a config");
        let _memory = writeln!(config, "[connections.{name}]\nurl = \"{url}\"\nauth = \"none\"");
        std::fs::write(path, config).expect("a config");
    }

    /// The program in this home, with the environment that desktop clients give (no more than this).
    pub(crate) fn allmcp(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env_clear().env("ALLMCP_HOME", self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.stdin(Stdio::null());
        command
    }

    /// `serve`, not yet started; what it says on stderr is kept in the home.
    pub(crate) fn serve(&self) -> Command {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("stderr.txt"))
            .expect("a file for stderr");
        let mut command = self.allmcp(&["serve"]);
        command.stderr(log);
        command
    }

    /// A running `serve` that has shown all tools and answered through both kinds of upstream.
    pub(crate) fn running(&self) -> Client {
        let mut client = Client::start(self.serve());
        client.initialize();
        client.initialized();
        let list = String::from_utf8_lossy(client.list()).into_owned();
        let listed = (0..CONNECTIONS)
            .map(|n| list.matches(&format!("\"c{n:02}__tool_")).count())
            .sum::<usize>();
        assert_eq!(listed, CONNECTIONS * crate::upstream::TOOLS, "tools/list is not whole");
        for _ in 0..200 {
            client.call(JSON_TOOL, 16, 0);
            client.call(SSE_TOOL, 16, 0);
        }
        client
    }
}

/// This program as the bare server.
pub(crate) fn bare() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("our own path"));
    command.arg("--bare").env_clear();
    command
}

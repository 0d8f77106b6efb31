//! Nobody is at the keyboard: whatever a command lacks, it ends and names what gives it.

mod support;

use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use support::{
    env::{Cmd, TestEnv},
    script::{Auth, Script, Tool},
    upstream::Upstream,
};

/// What a command line ends with, and what its stderr says then.
struct Line {
    args: Vec<String>,
    code: i32,
    says: &'static str,
}

fn line(args: &str, code: i32, says: &'static str) -> Line {
    Line { args: args.split_whitespace().map(str::to_owned).collect(), code, says }
}

/// A home with a connection that was used, has a definition that changed and a tool that asks
/// first, and a memory.
fn home() -> (TestEnv, Upstream) {
    let env = TestEnv::new();
    let server = Upstream::start(
        Script::legacy().auth(Auth::bearer("k")).tool(Tool::echo("read")).tool(Tool::echo("wipe")),
    );
    env.connect_key("shop", &server.url(), "k");
    for (key, value) in [("policy.tools.wipe", "ask"), ("pin", "block")] {
        let _ = env.cmd(&["config", "set", &format!("connections.shop.{key}"), value]).success();
    }
    let _ = env.cmd(&["call", "shop", "read"]).success();
    let changed =
        json!({ "name": "read", "description": "New.", "inputSchema": { "type": "object" } });
    server.set_tools([Tool::raw(&changed.to_string()), Tool::echo("wipe")]);
    let _ = env.cmd(&["sync"]).success();
    let save = ["memory", "save", "--title", "x", "--content", "y"];
    let _ = env.cmd(&save).success();
    (env, server)
}

/// Every command, as little as it takes; with what is needed missing where something is.
fn lines(url: &str) -> Vec<Line> {
    let connect = format!("connect {url} --name other");
    let key = format!("{connect} --auth key");
    let header = format!("{connect} --header X-Key:${{secret:token}}");
    vec![
        line("connect", 2, "<PROVIDER|URL>"),
        line(&connect, 4, "--token-stdin"),
        line(&key, 2, "--token-stdin"),
        line(&header, 2, "--token-stdin"),
        line("connect kommo", 2, "--param subdomain="),
        line("connect kommo --auth token", 2, "--param subdomain="),
        line("connect kommo --auth token --param subdomain=a", 2, "--token-stdin"),
        line("connect kommo --auth oauth --param subdomain=a", 2, "--client-id"),
        line("connect bitrix24", 2, "--"),
        line("reconnect shop", 2, "--token-stdin"),
        line("disconnect shop", 2, "--yes"),
        line("enable shop", 0, ""),
        line("disable shop", 0, ""),
        line("enable shop", 0, ""),
        line("list", 0, ""),
        line("status", 0, ""),
        line("status --live", 0, ""),
        line("inspect shop", 0, ""),
        line("tools", 0, ""),
        line("tools approve shop", 2, "--yes"),
        line("call shop read", 9, "allmcp tools approve shop"),
        line("call shop wipe", 9, "--yes"),
        line("call", 2, "TOOL"),
        line("search read", 0, ""),
        line("catalog", 0, ""),
        line("catalog add p.toml", 2, "allmcp catalog lint"),
        line("sync", 0, ""),
        line("config", 2, "get"),
        line("config edit", 2, "allmcp config set"),
        line("config get nothing.here", 2, "nothing.here"),
        line("logs", 0, ""),
        line("usage", 0, ""),
        line("memory list", 0, ""),
        line("memory delete x", 2, "--yes"),
        line("memory save", 2, "--title"),
        line("install", 2, "allmcp install --list"),
        line("install claude-desktop", 2, "--yes"),
        line("uninstall claude-desktop", 0, ""),
        line("import", 2, "allmcp import CLIENT --yes"),
        line("import p.json", 2, "--yes"),
        line("import nobody", 2, "allmcp install --list"),
        line("doctor", 0, ""),
        line("report", 0, ""),
        line("demo", 0, ""),
    ]
}

fn patient(command: Cmd) -> Cmd {
    // A watchdog, far above what any of them takes: who waits for an answer waits for ever.
    command.held_stdin().patience(Duration::from_secs(45))
}

#[test]
fn no_command_waits_for_an_answer() {
    let (env, server) = home();
    std::fs::write(env.scratch().join("p.toml"), "id = ").unwrap();
    let theirs = json!({ "mcpServers": { "theirs": { "url": "http://127.0.0.1:9/mcp" } } });
    std::fs::write(env.scratch().join("p.json"), theirs.to_string()).unwrap();
    let mut wrong = Vec::new();
    for Line { args, code, says } in lines(&server.url()) {
        let file = |name: &String| match name.as_str() {
            "p.toml" | "p.json" => env.scratch().join(name).display().to_string(),
            _ => name.clone(),
        };
        let args: Vec<String> = args.iter().map(file).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = patient(env.command(&args)).run();
        let fits = output.exit() == code && output.stderr().contains(says);
        // A script gets the same end, and one line of JSON where it is an error.
        let all = [&args[..], &["--json"]].concat();
        let again = patient(env.command(&all)).run();
        let fits = fits && again.exit() == code && !output.mentions("[y/N]");
        if !fits || (code != 0 && again.json_error()["exit"] != code) {
            wrong.push(format!("{args:?} is to end with {code} and say {says:?}: {output:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_is_looked_at() {
    let help = TestEnv::new().cmd(&["--help"]).success();
    let (_, rest) = help.stdout().split_once("Commands:\n").unwrap();
    let (commands, _) = rest.split_once("\n\n").unwrap();
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: BTreeSet<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    let all = lines("http://127.0.0.1:1/mcp");
    let looked: BTreeSet<&str> = all.iter().map(|line| line.args[0].as_str()).collect();
    // Two read stdin because that is what a server does, and one prints a few lines and no more.
    let others = BTreeSet::from(["serve", "bridge", "completions"]);
    let missing: Vec<_> = names.difference(&looked).filter(|it| !others.contains(*it)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

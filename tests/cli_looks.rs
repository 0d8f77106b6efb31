//! What commands look like on a terminal, and in a pipe.

mod support;

use std::time::Duration;
use support::{
    env::TestEnv,
    script::{Script, Tool},
    upstream::{DeadPort, Upstream},
};

/// Two that are well, one that is not, and one that is off.
fn some() -> (TestEnv, Upstream, DeadPort) {
    let (env, dead) = (TestEnv::new(), DeadPort::new());
    let upstream = Upstream::start(Script::legacy().tool(Tool::echo("wrong").tool_error("no")));
    env.connect("kommo", &upstream.url());
    env.connect("a-name-that-is-as-long-as-can-be", &upstream.url());
    env.connection("dead", &dead.url());
    let config = env.read_config();
    env.config(&format!("{config}[connections.off]\nurl = \"{}\"\nenabled = false\n", dead.url()));
    let _told = env.cmd(&["sync"]).code(8);
    env.cmd(&["call", "kommo", "echo"]).success();
    let _told = env.cmd(&["call", "kommo", "wrong"]).code(6);
    (env, upstream, dead)
}

fn width(line: &str) -> usize {
    line.chars().count()
}

#[test]
fn status_sums_up_and_says_what_to_do() {
    let (env, _upstream, _dead) = some();
    let told = env.cmd(&["status"]).code(8);
    let text = told.stdout();
    assert!(text.starts_with("4 connections: 2 connected, 1 error, 1 disabled\n\nNAME "), "{text}");
    let end =
        "\n\ndead: could not reach it: connection refused\n    fix: allmcp status dead --live\n";
    assert!(text.ends_with(end) && told.stderr().is_empty(), "{told:?}");
    let live = env.cmd(&["status", "--live"]).code(8);
    assert!(live.stdout().contains("    fix: check that the server runs"), "{live:?}");
    // One is told as a block, and a failure is an error.
    let one = env.cmd(&["status", "dead"]).code(5);
    let fact = "  last error  could not reach dead: connection refused\n";
    assert!(one.stdout().starts_with("dead\n  status      error\n"), "{one:?}");
    assert!(one.stdout().contains(fact), "{one:?}");
    assert!(one.stderr().contains("hint: allmcp status dead --live\n"), "{one:?}");
    let well = env.cmd(&["status", "kommo"]).success();
    assert!(well.stdout().contains("  status     connected\n"), "{well:?}");
}

#[test]
fn a_pipe_gets_of_sync_what_a_script_reads() {
    let (env, _upstream, _dead) = some();
    let told = env.cmd(&["sync"]).code(8);
    assert_eq!(told.stdout(), "kommo: 2 tools\na-name-that-is-as-long-as-can-be: 2 tools\n");
    assert_eq!(told.stderr(), "warning: dead: could not reach it: connection refused\n");
    let one = env.cmd(&["sync", "dead"]).code(5);
    assert!(one.stdout().is_empty() && one.stderr().starts_with("error: could not reach dead"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let (env, _upstream, _dead) = some();
    for columns in [40, 60, 80, 120] {
        for (args, code) in [
            (&["list"][..], 0),
            (&["status"], 8),
            (&["status", "kommo"], 0),
            (&["tools"], 0),
            (&["inspect", "kommo"], 0),
            (&["search", "echo"], 0),
            (&["usage"], 0),
            (&["logs"], 0),
            (&["catalog"], 0),
            (&["sync"], 8),
        ] {
            let args = [args, &["-q", "--color", "never"]].concat();
            let Some(screen) = env.on_terminal(columns, &args, &[]) else { return };
            let screen = screen.code(code);
            let lines: Vec<&str> = screen.stdout().lines().collect();
            assert!(lines.len() > 1, "{args:?}: {screen:?}");
            let over = lines.iter().find(|line| width(line) > usize::from(columns));
            assert_eq!(over, None, "{args:?}");
        }
    }
    let screen = env.on_terminal(60, &["list", "--color", "never"], &[]).unwrap();
    assert!(screen.mentions("a-name-that-is-as-long-as-can-be  ✓ connected"), "{screen:?}");
}

#[test]
fn calls_stand_under_their_day_and_what_failed_below_them() {
    let (env, _upstream, _dead) = some();
    let Some(screen) = env.on_terminal(60, &["logs", "--color", "never"], &[]) else { return };
    let lines: Vec<&str> = screen.stdout().lines().collect();
    assert!(lines[0].ends_with(" UTC"), "{lines:?}");
    assert!(lines[1].contains("  ✓ ok          kommo__echo  "), "{lines:?}");
    assert!(lines[2].contains("  ✗ tool_error  kommo__wrong  "), "{lines:?}");
    let piped = env.cmd(&["logs"]).success();
    assert_eq!(piped.stdout().lines().count(), 2);
    assert!(piped.stdout().lines().all(|line| line.contains("Z  ")), "{piped:?}");
    let bars = env.on_terminal(100, &["usage", "--color", "never"], &[]).unwrap();
    assert!(
        bars.mentions("kommo                  2  ████████████░░░░░░░░░░░░       1"),
        "{bars:?}"
    );
    let ascii = env.command(&["usage"]).var("LC_ALL", "C").run().success();
    assert!(ascii.stdout().is_ascii(), "{ascii:?}");
}

#[test]
fn what_takes_long_is_told_where_somebody_watches() {
    let (mut env, upstream, _dead) = some();
    upstream.set_tools([Tool::echo("slow").never()]);
    let slow = ["call", "kommo", "slow"];
    // Ctrl-C is typed once the line is seen.
    let Some(screen) = env.on_terminal(60, &slow, &[("calling", "\u{3}")]) else { return };
    assert!(screen.code(130).mentions("\r\u{1b}[K"), "the line is wiped");
    upstream.set_tools([Tool::echo("slow").delay(Duration::from_millis(700))]);
    for calm in ["CI", "CLAUDECODE"] {
        env.var(calm, "1");
        let told = env.on_terminal(60, &slow, &[]).unwrap().success();
        assert!(!told.mentions("calling") && !told.mentions("\u{1b}"), "{calm}: {told:?}");
        env.without(calm);
    }
}

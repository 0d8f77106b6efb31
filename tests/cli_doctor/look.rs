//! What doctor says, finding by finding; and what a machine looks like on which all is well.

use crate::support::{
    env::TestEnv,
    golden,
    script::{Auth, Script, Tool},
    upstream::Upstream,
};
use serde_json::Value;
use std::{fs, path::Path};

/// All findings.
#[track_caller]
pub(crate) fn findings(env: &TestEnv) -> Vec<Value> {
    let output = env.cmd(&["doctor", "--json"]);
    assert!(matches!(output.exit(), 0 | 1 | 8), "{output:?}");
    output.json()["findings"].as_array().unwrap().clone()
}

/// The findings of a check whose message holds this.
pub(crate) fn all(env: &TestEnv, check: &str, part: &str) -> Vec<Value> {
    let wanted = |it: &Value| {
        it["check"] == check && it["message"].as_str().is_some_and(|told| told.contains(part))
    };
    findings(env).into_iter().filter(wanted).collect()
}

/// The one finding of a check whose message holds this; its fix.
#[track_caller]
pub(crate) fn fix(env: &TestEnv, check: &str, status: &str, part: &str) -> String {
    let found = all(env, check, part);
    assert_eq!(found.len(), 1, "{check} {part}: {:#?}", findings(env));
    assert_eq!(found[0]["status"], status, "{found:?}");
    found[0]["fix"].as_str().unwrap().to_owned()
}

#[track_caller]
pub(crate) fn gone(env: &TestEnv, check: &str, part: &str) {
    let found = all(env, check, part);
    assert!(found.is_empty(), "{found:#?}");
}

/// Types a fix that is a command of ours.
#[track_caller]
pub(crate) fn run(env: &TestEnv, fix: &str, stdin: &str) {
    let binary = env!("CARGO_BIN_EXE_allmcp");
    let folder = Path::new(binary).parent().unwrap().display();
    let line = format!("PATH='{folder}':\"$PATH\"; {fix}");
    env.program("/bin/sh", &["-c", &line]).stdin(stdin).run().success();
}

/// A machine with one server, one client and this program on its `PATH`.
pub(crate) fn machine() -> (TestEnv, Upstream) {
    let upstream = Upstream::start(Script::legacy().auth(Auth::bearer("k")).tool(Tool::echo("t")));
    let mut env = TestEnv::new();
    env.connect_key("shop", &upstream.url(), "k");
    // Links, as a package manager makes them.
    let bin = env.home().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_allmcp"), bin.join("allmcp")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    env.var("PATH", path).without("ALLMCP_STORE");
    (env, upstream)
}

#[test]
fn a_machine_on_which_all_is_well_fits_a_screen() {
    let (env, _upstream) = machine();
    let document = env.cmd(&["doctor", "--json"]).success();
    golden::document(&env, "doctor", &document);
    let shown = env.cmd(&["doctor"]).success();
    let lines: Vec<_> = shown.stdout().lines().collect();
    assert!(lines.len() < 24, "{}", shown.stdout());
    assert!(lines.iter().all(|line| line.starts_with("✓ ok ")), "{}", shown.stdout());
    assert_eq!(shown.stderr(), "everything is as it should be\n");
}

#[test]
fn many_connections_share_a_line() {
    let (env, upstream) = machine();
    for n in 0..30 {
        let name = format!("more-{n}");
        env.connect_key(&name, &upstream.url(), "k");
    }
    let shown = env.cmd(&["doctor"]).success();
    let lines = shown.stdout().lines();
    assert!(lines.clone().count() < 24, "{}", shown.stdout());
    let folded: Vec<_> = lines.filter(|line| line.contains(" connection ")).collect();
    assert!(folded.len() == 1 && folded[0].contains("31 are well: shop, more-0"), "{folded:?}");
    assert_eq!(all(&env, "connection", "connected").len(), 31);
}

//! Who is asked, and where nobody is.

use crate::{
    support::{cli::is_lock, env::TestEnv},
    taken::{KEY, claude, keyed, open},
};
use serde_json::json;

#[test]
fn off_a_terminal_nothing_is_taken_unless_it_is_said() {
    let (env, open) = (TestEnv::new(), open());
    claude(&env, &json!({"open": {"url": open.url()}}));
    let vars: &[&[(&str, &str)]] = &[&[], &[("CI", "1")], &[("CLAUDECODE", "1")]];
    for vars in vars {
        for (args, hint) in [
            (&["import"][..], "allmcp import CLIENT --yes"),
            (&["import", "--yes"], "allmcp import CLIENT --yes"),
            (&["import", "claude-desktop"], "give --yes"),
            (&["import", "claude-desktop", "--no-input"], "give --yes"),
        ] {
            let command = vars.iter().fold(env.command(args), |c, (k, v)| c.var(k, v));
            let refused = command.run().code(2);
            assert!(refused.stderr().contains(hint), "{args:?}: {refused:?}");
        }
    }
    let mut files = env.files();
    files.retain(|file| !is_lock(file));
    assert_eq!(files, Vec::<String>::new());
    // With nothing around it.
    let home = env.home().display().to_string();
    let line = [
        "-i",
        &format!("HOME={home}"),
        &format!("ALLMCP_HOME={home}/allmcp"),
        env!("CARGO_BIN_EXE_allmcp"),
        "import",
        "claude-desktop",
        "--yes",
    ];
    let bare = env.program("/usr/bin/env", &line).run().success();
    assert!(bare.stdout().contains("open: taken over"), "{bare:?}");
    // What there is can be looked at by everybody.
    let dry = env.cmd(&["import", "--dry-run"]).success();
    assert!(dry.stdout().contains("open: already connected"), "{dry:?}");
}

#[test]
fn on_a_terminal_it_shows_what_comes_and_asks() {
    let (env, open, keyed) = (TestEnv::new(), open(), keyed());
    claude(
        &env,
        &json!({
            "open": {"url": open.url()},
            "asked": {"url": keyed.url(), "headers": {"Authorization": "Bearer ${input:shop-key}"}},
            "local": {"command": "uvx", "args": ["x"]},
        }),
    );
    let no = [("Take over 2 servers (open, asked)? [y/N]", "n\n")];
    let Some(screen) = env.on_terminal(120, &["import"], &no) else { return };
    assert!(screen.code(1).mentions("nothing was taken"));
    env.nothing_saved();
    let yes = [("Take over 2 servers", "y\n"), ("\"shop-key\"", &format!("{KEY}\n"))];
    let screen = env.on_terminal(120, &["import"], &yes).unwrap().success();
    assert!(screen.mentions("stays: local servers") && !screen.mentions(KEY), "{screen:?}");
    assert!(screen.mentions("asked: taken over"), "{screen:?}");
    env.cmd(&["call", "asked", "t"]).success();
}

#[test]
fn ctrl_c_at_a_question_leaves_nothing() {
    let (env, keyed) = (TestEnv::new(), keyed());
    let header = json!({"Authorization": "Bearer ${input:shop-key}"});
    claude(&env, &json!({"asked": {"url": keyed.url(), "headers": header}}));
    let keys = [("\"shop-key\"", "\u{3}")];
    let args = ["import", "claude-desktop", "--yes"];
    let Some(screen) = env.on_terminal(120, &args, &keys) else { return };
    screen.code(130);
    assert_eq!(env.read_config(), "");
    assert!(env.stored("asked").is_null());
}

#[test]
fn a_secret_that_nobody_gave_is_named_and_given_later() {
    let (env, keyed) = (TestEnv::new(), keyed());
    let header = json!({"Authorization": "Bearer ${input:shop-key}"});
    claude(&env, &json!({"asked": {"url": keyed.url(), "headers": header}}));
    let said = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    assert!(said.stdout().contains("the secret \"shop-key\" is missing"), "{said:?}");
    assert!(said.stdout().contains("then: allmcp reconnect asked"), "{said:?}");
    let key = env.scratch().join("key");
    std::fs::write(&key, KEY).unwrap();
    let file = format!("shop-key={}", key.display());
    env.cmd(&["reconnect", "asked", "--secret-file", &file]).success();
    env.cmd(&["call", "asked", "t"]).success();
}

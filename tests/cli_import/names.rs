//! Under which name a server comes, and which one is there already.

use crate::{
    support::env::TestEnv,
    taken::{claude, open, write},
};
use serde_json::json;

#[test]
fn a_taken_name_is_counted_on_and_the_same_server_is_not_doubled() {
    let (env, one, two) = (TestEnv::new(), open(), open());
    env.connect("shop", &one.url());
    claude(
        &env,
        &json!({
            "shop": {"url": two.url()},
            "the same as shop": {"url": one.url()},
            "twice": {"url": two.url()},
        }),
    );
    let said = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    let lines: Vec<_> = said.stdout().lines().collect();
    assert_eq!(
        lines,
        [
            "shop-2: taken over (shop in claude-desktop), 2 tools",
            "shop: already connected (claude-desktop)",
            "shop-2: already connected (claude-desktop)",
        ]
    );
    let again = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    assert!(again.stdout().lines().all(|line| line.contains("already connected")), "{again:?}");
}

#[test]
fn two_keys_for_one_server_are_two_connections() {
    let (env, one) = (TestEnv::new(), open());
    let entry = |key: &str| json!({"url": one.url(), "headers": {"Authorization": key}});
    claude(
        &env,
        &json!({
            "work": entry("Bearer canary-work"),
            "home": entry("Bearer canary-home"),
            "work again": entry("Bearer canary-work"),
        }),
    );
    let said = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    assert!(said.stdout().contains("home: taken over"), "{said:?}");
    assert!(said.stdout().contains("work: already connected"), "{said:?}");
    assert_eq!(env.stored("work")["secrets"]["token"], "canary-work");
    assert_eq!(env.stored("home")["secrets"]["token"], "canary-home");
}

#[test]
fn only_some_of_a_file_and_names_that_are_not_there() {
    let (env, one) = (TestEnv::new(), open());
    let file = env.scratch().join("mcp.json");
    let servers = json!({"a": {"url": one.url()}, "b": {"url": format!("{}?x=1", one.url())}});
    write(&file, &json!({"mcpServers": servers}).to_string());
    let file = file.display().to_string();
    let said = env.cmd(&["import", &file, "--only", "b", "--yes"]).success();
    assert!(said.stdout().starts_with("b: taken over ("), "{said:?}");
    assert!(!env.read_config().contains("[connections.a]"));
    let error = env.cmd(&["import", &file, "--only", "bb", "--yes"]).code(2);
    assert!(error.stderr().contains("did you mean \"b\"?"), "{error:?}");
    let error = env.cmd(&["import", "claude-desktp", "--yes"]).code(2);
    assert!(error.stderr().contains("did you mean \"claude-desktop\"?"), "{error:?}");
    let error = env.cmd(&["import", "claude-desktop", "--yes"]).code(1);
    assert!(error.stderr().contains("no file with servers here"), "{error:?}");
}

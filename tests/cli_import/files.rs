//! Files of every syntax, and such as are none.

use crate::{
    support::env::TestEnv,
    taken::{claude, open, write},
};
use serde_json::json;

#[test]
fn a_file_that_does_not_parse_says_where() {
    let env = TestEnv::new();
    let file = claude(&env, &json!({}));
    write(&file, "{\"mcpServers\": {\n  oops");
    for source in ["claude-desktop", &file.display().to_string()] {
        let error = env.cmd(&["import", source, "--yes"]).code(1);
        assert!(error.stderr().contains("does not parse: line 2"), "{error:?}");
    }
    // Without a choice the others count.
    let said = env.cmd(&["import", "--dry-run"]).success();
    assert!(said.stderr().contains("Claude Desktop is passed over"), "{said:?}");
    assert!(said.stderr().contains("there is nothing to take over"), "{said:?}");
    env.nothing_saved();
}

#[test]
fn a_file_without_servers_is_no_failure() {
    let (env, open) = (TestEnv::new(), open());
    claude(&env, &json!({}));
    let said = env.cmd(&["import", "claude-desktop", "--yes"]).success();
    assert_eq!((said.stdout(), said.stderr()), ("", "there is nothing to take over\n"));
    let none = env.cmd(&["import", "claude-desktop", "--yes", "--json"]).success().json();
    assert_eq!(none["servers"], json!([]));
    let error = env.cmd(&["import", "./nowhere.json", "--yes"]).code(1);
    assert!(error.stderr().contains("nowhere.json"), "{error:?}");
    assert!(open.requests().is_empty());
}

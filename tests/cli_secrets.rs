//! Where secrets are kept, where they are sent, and what happens when either is not as it was.

mod support;

use serde_json::{Value, json};
use support::{
    client::Serve,
    env::TestEnv,
    fault::Fault,
    script::{Auth, Script},
    talk::{eventually, told},
    upstream::Upstream,
};

const KEY: &str = "the-key-0123456789";

fn guarded() -> Upstream {
    Upstream::start(Script::legacy().auth(Auth::bearer(KEY)))
}

/// A home that knows no store yet, and a keychain that is not there.
fn without_a_keychain() -> TestEnv {
    let mut env = TestEnv::new();
    let nowhere = format!("unix:path={}/no-bus", env.scratch().display());
    env.without("ALLMCP_STORE").var("DBUS_SESSION_BUS_ADDRESS", nowhere);
    env
}

fn secrets_file(env: &TestEnv) -> std::path::PathBuf {
    env.allmcp_home().join("data/secrets.json")
}

#[test]
#[cfg(unix)]
fn the_file_store_is_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (env, upstream) = (TestEnv::new(), guarded());
    env.connect_key("x", &upstream.url(), KEY);
    env.cmd(&["call", "x", "echo"]).success();
    env.cmd(&["status", "--live"]).success();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in env.files() {
        let path = env.allmcp_home().join(&file);
        assert_eq!(mode(&path), 0o600, "{file}");
        assert_eq!(mode(path.parent().unwrap()), 0o700, "the folder of {file}");
    }
    let inspect = env.cmd(&["inspect", "x"]).success();
    assert!(inspect.stdout().contains("credential  file, account x\n"), "{}", inspect.stdout());
    let doctor = env.cmd(&["doctor"]).success();
    assert!(doctor.stdout().contains("any program that runs as you can read it"));
    assert_eq!(env.grep_everything(KEY), [secrets_file(&env)]);
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_keychain_nothing_is_asked_sent_or_put_elsewhere() {
    let (env, upstream) = (without_a_keychain(), guarded());
    let args = ["connect", &upstream.url(), "--token-stdin", "--json"];
    let refused = env.command(&args).stdin(KEY).run().code(7);
    let error = refused.json_error();
    assert_eq!((&error["kind"], &error["exit"]), (&json!("store"), &json!(7)));
    assert!(error["hint"].as_str().unwrap().contains("--store file"), "{error}");
    env.nothing_saved();
    assert!(upstream.requests().is_empty(), "the key was sent before it was known to be kept");
    // It finds out that a key is wanted, and does not ask for what it could not keep.
    env.cmd(&["connect", &upstream.url()]).code(7);
    env.nothing_saved();
    // What needs no secret needs no store.
    env.connect("open", &Upstream::start(Script::legacy()).url());
    assert!(!env.read_config().contains("store"), "{}", env.read_config());
}

#[test]
#[cfg(target_os = "linux")]
fn the_store_that_was_chosen_is_remembered() {
    let (env, upstream) = (without_a_keychain(), guarded());
    let url = upstream.url();
    let file = ["connect", &url, "--name", "x", "--token-stdin", "--store", "file"];
    env.command(&file).stdin(KEY).run().success();
    assert!(env.read_config().contains("[settings]\nstore = \"file\"\n"), "{}", env.read_config());
    // No flag and no variable: as a desktop client starts it.
    env.cmd(&["call", "x", "echo"]).success();
    env.connect_key("y", &url, KEY);
    assert_eq!(env.stored("y")["secrets"]["token"], KEY);
    let before = env.read_config();
    let other = ["connect", &url, "--name", "z", "--token-stdin", "--store", "keychain"];
    let refused = env.command(&other).stdin(KEY).run().code(2);
    assert!(refused.stderr().contains("the keys of x, y are kept in file"), "{}", refused.stderr());
    assert_eq!(env.read_config(), before);

    // A variable chooses as well as a flag does.
    let mut env = without_a_keychain();
    env.var("ALLMCP_STORE", "file");
    env.connect_key("x", &url, KEY);
    env.without("ALLMCP_STORE");
    env.cmd(&["call", "x", "echo"]).success();
    // The keychain it is not, and then it is not the file either.
    env.var("ALLMCP_STORE", "keychain");
    env.cmd(&["call", "x", "echo"]).code(7);
    let kept = env.cmd(&["disconnect", "x", "--yes"]).code(7);
    assert!(kept.stderr().starts_with("error: "), "{}", kept.stderr());
    assert!(env.read_config().contains("[connections.x]"), "{}", env.read_config());
    env.cmd(&["list"]).success();
}

#[test]
fn a_store_that_does_not_parse_is_an_error_and_never_reset() {
    let (env, upstream) = (TestEnv::new(), guarded());
    env.connect_key("x", &upstream.url(), KEY);
    for broken in ["{\"version\":1,\"items\":", "", "[]", "{\"version\":99,\"items\":{}}"] {
        std::fs::write(secrets_file(&env), broken).unwrap();
        let calls = upstream.requests_of("tools/call").len();
        let failed = env.cmd(&["call", "x", "echo", "--json"]).code(7).json_error();
        assert_eq!(failed["kind"], "store", "{failed}");
        assert!(failed["message"].as_str().unwrap().contains("secrets.json"), "{failed}");
        let args = ["connect", &upstream.url(), "--name", "y", "--token-stdin"];
        env.command(&args).stdin(KEY).run().code(7);
        env.command(&["reconnect", "x", "--token-stdin"]).stdin(KEY).run().code(7);
        env.cmd(&["disconnect", "x", "--yes"]).code(7);
        assert_eq!(std::fs::read_to_string(secrets_file(&env)).unwrap(), broken);
        assert_eq!(upstream.requests_of("tools/call").len(), calls);
        assert!(!env.read_config().contains("[connections.y]"));
        env.cmd(&["list"]).success();
        assert!(env.cmd(&["doctor"]).code(1).stdout().contains("secrets.json"));
    }
    // One item that does not parse is that connection's matter.
    std::fs::write(secrets_file(&env), "{\"version\":1,\"items\":{\"x\":\"oops\"}}").unwrap();
    env.cmd(&["call", "x", "echo"]).code(7);
    env.connect_key("y", &upstream.url(), KEY);
    env.cmd(&["call", "y", "echo"]).success();
}

#[test]
fn a_key_is_not_sent_to_where_it_was_not_given_for() {
    let (env, ours, theirs) = (TestEnv::new(), guarded(), guarded());
    env.connect_key("x", &ours.url(), KEY);
    let elsewhere = [
        theirs.url(),
        ours.url().replace("127.0.0.1", "localhost"),
        ours.url().replace("/mcp", "/other"),
    ];
    let config = env.read_config();
    for url in &elsewhere {
        env.config(&config.replace(&ours.url(), url));
        ours.drop_connections();
        let before = ours.requests().len();
        let refused = env.cmd(&["call", "x", "echo", "--json"]).code(4).json_error();
        assert_eq!(refused["kind"], "needs_auth");
        assert!(refused["message"].as_str().unwrap().contains("its URL was changed"), "{refused}");
        env.cmd(&["status", "x", "--live"]).code(4);
        env.cmd(&["sync", "x"]).code(4);
        let sent = ours.requests().split_off(before);
        assert!(!sent.iter().any(|r| r.mentions(KEY)), "{url}: {sent:#?}");
    }
    assert!(theirs.requests().iter().all(|r| !r.mentions(KEY)), "{:#?}", theirs.requests());

    // The same name and the same target, and still not connected: the key is wanted again.
    env.config(&config.replace(&ours.url(), &theirs.url()));
    let again = ["connect", &theirs.url(), "--name", "x", "--auth", "key"];
    env.cmd(&again).code(2);
    env.connect_key("x", &theirs.url(), KEY);
    env.cmd(&["call", "x", "echo"]).success();
    assert_eq!(env.stored("x")["bound"], theirs.url());
    env.config(&config);
    env.cmd(&["call", "x", "echo"]).code(4);
}

#[test]
fn a_running_server_does_not_send_a_key_to_an_edited_url_either() {
    let (env, ours, theirs) = (TestEnv::new(), guarded(), guarded());
    env.connect_key("x", &ours.url(), KEY);
    let mut serve = Serve::start(&env, &["serve"]);
    serve.initialize("2025-11-25");
    assert!(serve.call("x__echo", json!({}))["result"]["isError"].is_null());
    env.config(&env.read_config().replace(&ours.url(), &theirs.url()));
    eventually("the change to be taken up", || {
        let answer = serve.call("x__echo", json!({}));
        answer["result"]["isError"] == true && told(&answer).contains("its URL was changed")
    });
    assert!(theirs.requests().iter().all(|r| !r.mentions(KEY)), "{:#?}", theirs.requests());
    // A new key is taken up without a restart.
    env.connect_key("x", &theirs.url(), KEY);
    let answer = serve.call("x__echo", json!({}));
    assert!(answer["result"]["isError"].is_null(), "{answer}");
    assert_eq!(serve.finish(), 0);
}

#[test]
fn no_redirect_carries_a_key_away() {
    let (env, ours, theirs) = (TestEnv::new(), guarded(), guarded());
    env.connect_key("x", &ours.url(), KEY);
    for status in [301, 302, 303, 307, 308] {
        let away = format!("{}/mcp?token=abc#frag", theirs.origin());
        ours.clear_faults();
        ours.fault(Fault::response(status, "text/plain", "").with_header("location", &away));
        let failed = env.cmd(&["call", "x", "echo"]).code(1);
        let shown = format!("{}/mcp", theirs.origin());
        assert!(failed.stderr().contains(&shown), "{status}: {}", failed.stderr());
        assert!(!failed.stderr().contains("abc"), "{status}: {}", failed.stderr());
    }
    assert!(theirs.requests().is_empty(), "{:#?}", theirs.requests());
    // Nor does a first connect follow one with the key in its hand.
    let env = TestEnv::new();
    env.command(&["connect", &ours.url(), "--token-stdin"]).stdin(KEY).run().code(1);
    assert!(theirs.requests().is_empty(), "{:#?}", theirs.requests());
    env.nothing_saved();
}

#[test]
fn a_variable_gives_a_key_without_a_store() {
    let (mut env, upstream) = (without_a_keychain(), guarded());
    env.var("ALLMCP_TOKEN_MY_SHOP", KEY);
    let args = ["connect", &upstream.url(), "--name", "my-shop", "--json"];
    assert_eq!(env.cmd(&args).success().json()["tools"], 1);
    env.cmd(&["call", "my-shop", "echo"]).success();
    let list = env.cmd(&["list", "--json"]).success().json();
    let want = json!({"store": "environment", "account": "ALLMCP_TOKEN_MY_SHOP"});
    assert_eq!(list["connections"][0]["credential"], want);
    assert_eq!(env.grep_everything(KEY), Vec::<std::path::PathBuf>::new());
    assert_eq!(env.stored("my-shop"), Value::Null);
    env.without("ALLMCP_TOKEN_MY_SHOP");
    #[cfg(target_os = "linux")]
    env.cmd(&["call", "my-shop", "echo"]).code(7);
}

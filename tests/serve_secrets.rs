//! Each upstream gets its own credential and nobody else ever sees it.

mod support;

use serde_json::json;
use support::{
    client::Serve,
    env::TestEnv,
    fault::Fault,
    script::{Auth, Script, Tool},
    talk::{eventually, text, told},
    upstream::{DeadPort, Upstream},
};

/// Where a secret may stand: in the file store, and nowhere else.
fn assert_kept(env: &TestEnv, serve: &Serve) {
    let found = env.grep_everything("canary");
    let store = env.allmcp_home().join("data/secrets.json");
    assert!(found.iter().all(|path| *path == store), "{found:?}");
    assert!(!serve.stderr().contains("canary"), "{}", serve.stderr());
    for line in serve.lines() {
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains("canary"), "{line}");
    }
}

fn connect(env: &TestEnv, args: &[&str], key: &str) {
    let args = [&["connect", "--auth", "key", "--token-stdin"], args].concat();
    env.command(&args).stdin(format!("{key}\n")).run().success();
}

fn served(env: &TestEnv) -> Serve {
    let mut serve = Serve::start(env, &["serve", "-vv"]);
    serve.initialize("2025-11-25");
    serve.tools();
    serve
}

#[test]
fn each_upstream_gets_its_own_key_and_no_other() {
    let mut env = TestEnv::new();
    let bearer = Upstream::start(Script::legacy().auth(Auth::bearer("canary-bearer")));
    let header = Upstream::start(Script::modern().auth(Auth::header("x-api-key", "canary-header")));
    let variable =
        Upstream::start(Script::legacy().sse().auth(Auth::header("x-env", "canary-env")));
    let query = Upstream::start(Script::modern());
    let open = Upstream::start(Script::dual());
    connect(&env, &[&bearer.url(), "--name", "bearer"], "canary-bearer");
    connect(
        &env,
        &[&header.url(), "--name", "header", "--header", "X-API-Key: ${secret:token}"],
        "canary-header",
    );
    let url = format!("{}?k=${{secret:token}}&x=1", query.url());
    connect(&env, &[&url, "--name", "query"], "canary-query");
    env.cmd(&["connect", &open.url(), "--name", "open", "--auth", "none"]).success();
    env.var("MINE", "canary-env");
    env.config(&format!(
        "{}\n[connections.variable]\nurl = \"{}\"\nauth = \"none\"\nheaders = {{ X-Env = \"${{env:MINE}}\" }}\n\
         [connections.unset]\nurl = \"{}\"\nauth = \"none\"\nheaders = {{ X-Env = \"${{env:NOT_MINE}}\" }}\n",
        env.read_config(),
        variable.url(),
        open.url(),
    ));
    let mut serve = served(&env);
    let servers = [
        ("bearer", &bearer),
        ("header", &header),
        ("variable", &variable),
        ("query", &query),
        ("open", &open),
    ];
    for (name, server) in servers {
        text(&serve.call(&format!("{name}__echo"), json!({})));
        assert_eq!(server.runs("echo"), 1);
    }
    let unset = serve.call("unset__echo", json!({}));
    assert!(told(&unset).contains("${env:NOT_MINE}"), "{unset}");
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", serve.pid())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&cmdline).contains("canary"));
    assert_kept(&env, &serve);
    assert_eq!(serve.finish(), 0);
    for (name, server) in servers {
        for request in server.requests() {
            for other in ["bearer", "header", "env", "query"] {
                let own = name == other || (name, other) == ("variable", "env");
                // Before it is asked for its key a server may have been sent none.
                let has = request.mentions(&format!("canary-{other}"));
                assert!(own || !has, "{name} got the key of {other}: {request:?}");
            }
        }
    }
}

#[test]
fn a_key_never_follows_a_redirect_to_another_origin() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy().auth(Auth::bearer("canary-key")));
    let modern = Upstream::start(Script::modern().auth(Auth::bearer("canary-key")));
    let thief = Upstream::start(Script::dual());
    connect(&env, &[&server.url(), "--name", "l"], "canary-key");
    connect(&env, &[&modern.url(), "--name", "m"], "canary-key");
    let mut serve = served(&env);
    for status in [301, 302, 303, 307, 308] {
        for (name, server) in [("l", &server), ("m", &modern)] {
            text(&serve.call(&format!("{name}__echo"), json!({})));
            server.fault(Fault::redirect(status, &thief.url()));
            let failed = serve.call(&format!("{name}__echo"), json!({}));
            assert!(told(&failed).contains("redirects to another origin"), "{failed}");
            server.end_streams(false);
            server.clear_faults();
        }
    }
    // Another port and another name of this machine are other origins too.
    let port = format!("http://localhost:{}/mcp", server.port());
    server.fault(Fault::redirect(308, &port).on("tools/call"));
    told(&serve.call("l__echo", json!({})));
    // The DELETE at the end as well.
    server.fault(Fault::redirect(307, &thief.url()));
    let runs = server.runs("echo");
    assert_kept(&env, &serve);
    assert_eq!(serve.finish(), 0);
    assert_eq!((thief.requests().len(), server.runs("echo")), (0, runs));
}

#[test]
fn a_key_is_not_used_for_another_url_until_it_is_given_again() {
    let env = TestEnv::new();
    let script = || Script::legacy().auth(Auth::bearer("canary-key"));
    let (server, other) = (Upstream::start(script()), Upstream::start(script()));
    connect(&env, &[&server.url(), "--name", "c"], "canary-key");
    let mut serve = served(&env);
    text(&serve.call("c__echo", json!({})));
    let before = env.read_config();
    for url in [other.url(), format!("{}/mcp/other", server.origin())] {
        env.config(&before.replace(&server.url(), &url));
        eventually("the edit", || {
            let failed = serve.call("c__echo", json!({}));
            failed["result"]["isError"] == true && told(&failed).contains("its URL was changed")
        });
        let failed = serve.call("c__echo", json!({}));
        assert!(told(&failed).contains("allmcp reconnect c"), "{failed}");
        let required = &failed["result"]["_meta"]["dev.allmcp/oauth_connect_required_mcps"];
        assert_eq!(required[0]["backend_id"], "c");
    }
    assert!(other.requests().iter().all(|request| !request.mentions("canary")));
    assert!(server.requests().iter().all(|request| !request.target.contains("other")));
    // Undone, it is as before.
    env.config(&before);
    eventually("the old URL", || serve.call("c__echo", json!({}))["result"]["isError"] != true);
    // A query is not another place.
    env.config(&before.replace(&server.url(), &format!("{}?x=1", server.url())));
    server.wait_for("the query", |all| all.iter().any(|request| request.target.ends_with("?x=1")));
    text(&serve.call("c__echo", json!({})));
    // Given again, for the other one.
    connect(&env, &[&other.url(), "--name", "c", "--force"], "canary-key");
    eventually("the new URL", || {
        serve.call("c__echo", json!({}));
        other.runs("echo") > 0
    });
    assert_kept(&env, &serve);
}

#[test]
fn a_key_that_is_replaced_is_taken_up_by_the_next_call() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy().auth(Auth::bearer("canary-old")));
    connect(&env, &[&server.url(), "--name", "c"], "canary-old");
    let mut serve = served(&env);
    text(&serve.call("c__echo", json!({})));
    server.change(|script| script.auth = Some(Auth::bearer("canary-new").bare()));
    for _ in 0..2 {
        let failed = serve.call("c__echo", json!({}));
        assert!(told(&failed).contains("needs sign-in"), "{failed}");
    }
    let row = serve.row_until("c", |row| row["auth_status"] == "needs_auth");
    assert_eq!((&row["connect_required"], &row["connected"]), (&json!(true), &json!(false)));
    let renew = env.command(&["reconnect", "c", "--token-stdin"]);
    renew.stdin("canary-new").run().success();
    text(&serve.call("c__echo", json!({})));
    serve.row_until("c", |row| row["auth_status"] == "connected");
    assert_kept(&env, &serve);
}

#[test]
fn what_a_server_says_of_our_key_is_not_passed_on_in_our_words() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    connect(&env, &[&server.url(), "--name", "c"], "canary-key");
    let mut serve = served(&env);
    // Also where it stands across the place at which the text is cut.
    let body = format!("you sent canary-key, Bearer canary-key{}canary-key", "x".repeat(36));
    let body = body.as_str();
    for fault in [
        Fault::response(500, "text/plain", body),
        Fault::response(400, "text/plain", body),
        Fault::response(200, "text/html", body),
        Fault::json(body),
        Fault::redirect(307, "http://127.0.0.1:9/canary-key?k=canary-key"),
    ] {
        server.fault(fault.on("tools/call").once());
        let failed = serve.call("c__echo", json!({}));
        assert!(!told(&failed).contains("canary"), "{failed}");
    }
    serve.connections();
    assert_kept(&env, &serve);
    let status = env.cmd(&["status", "--json", "-vv"]);
    assert!(!status.mentions("canary"));
}

#[test]
fn a_store_that_cannot_be_read_is_the_trouble_of_those_who_need_it() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy().auth(Auth::bearer("canary-key")));
    let open = Upstream::start(Script::legacy());
    connect(&env, &[&server.url(), "--name", "c"], "canary-key");
    env.connection("open", &open.url());
    let store = env.allmcp_home().join("data/secrets.json");
    let good = std::fs::read(&store).unwrap();
    std::fs::write(&store, "{\"canary").unwrap();
    let mut serve = served(&env);
    let failed = serve.call("c__echo", json!({}));
    let said = told(&failed);
    assert!(said.contains("the credential of c is not available"), "{said}");
    text(&serve.call("open__echo", json!({})));
    assert_eq!(std::fs::read(&store).unwrap(), b"{\"canary", "never reset");
    // Mended, the same call works.
    std::fs::write(&store, good).unwrap();
    text(&serve.call("c__echo", json!({})));
    std::fs::remove_file(&store).unwrap();
    assert_kept(&env, &serve);
}

#[test]
fn a_url_with_a_secret_in_it_is_not_shown() {
    let env = TestEnv::new();
    let dead = DeadPort::new();
    let server = Upstream::start(Script::legacy().tool(Tool::echo("two")));
    let url = format!("{}?k=${{secret:token}}", server.url());
    connect(&env, &[&url, "--name", "c"], "canary-in-url");
    let config = env.read_config();
    server.refuse();
    let mut serve = served(&env);
    let failed = serve.call("c__echo", json!({}));
    assert!(told(&failed).contains("connection refused"), "{failed}");
    assert_kept(&env, &serve);
    assert!(env.read_config() == config && config.contains("${secret:token}"));
    let shown = env.cmd(&["list", "--json", "-vv"]);
    assert!(!shown.mentions("canary") && shown.mentions("${secret:token}"));
    assert!(!env.cmd(&["status", "c", "--live", "-vv"]).mentions("canary"));
    drop(dead);
}

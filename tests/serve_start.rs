//! How `serve` starts, whatever it finds, and how it follows its configuration.

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};
use support::{
    client::Serve,
    env::TestEnv,
    fault::Fault,
    script::{Script, Tool},
    talk::{OURS, call_params, eventually, names_of, text, told},
    upstream::{DeadPort, Upstream},
};

const CHANGED: &str = "notifications/tools/list_changed";

fn entry(name: &str, url: &str) -> String {
    format!("[connections.{name}]\nurl = \"{url}\"\nauth = \"none\"\n")
}

fn served(env: &TestEnv, args: &[&str]) -> Serve {
    let mut serve = Serve::start(env, args);
    serve.initialize("2025-11-25");
    serve
}

#[test]
fn without_a_configuration_there_are_our_own_tools_and_nothing_is_created() {
    let mut env = TestEnv::new();
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS]);
    assert_eq!(
        serve.modern("tools/list", json!({}))["result"]["tools"][0]["name"],
        "list_providers"
    );
    assert!(!env.allmcp_home().exists(), "{:?}", env.files());
    assert_eq!(serve.connections(), json!({"connections": [], "config_error": null}));
    assert_eq!(env.files(), ["state/access.log"], "one line for the one call");
    assert_eq!(serve.finish(), 0);
    // Where not even the folder can be made.
    let file = env.scratch().join("file");
    fs::write(&file, "").unwrap();
    env.var("ALLMCP_HOME", file.join("allmcp"));
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS]);
    let error = serve.connections()["config_error"].to_string();
    assert!(error.contains("config.toml: "), "with its cause: {error}");
    assert_eq!(serve.finish(), 0);
    // In a home folder of the usual kind.
    let mut env = TestEnv::new();
    env.without("ALLMCP_HOME");
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS]);
    assert_eq!(fs::read_dir(env.home()).unwrap().count(), 0);
}

#[test]
fn with_nothing_to_write_to_everything_works() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.connection("c", &server.url());
    for folder in ["state", "cache", "data"] {
        env.block(folder);
    }
    let mut serve = served(&env, &["serve", "-vv"]);
    assert_eq!(serve.tool_names(), [OURS, "c__echo"]);
    for _ in 0..3 {
        text(&serve.call("c__echo", json!({})));
    }
    assert_eq!(serve.connections()["connections"][0]["connected"], true);
    let warned = serve.stderr().matches("calls are not logged").count();
    assert_eq!(warned, 1, "once for each process: {}", serve.stderr());
    // There is no copy of the configuration, but the one in use is.
    env.config("broken");
    eventually("the error", || serve.connections()["config_error"].is_string());
    text(&serve.call("c__echo", json!({})));
    assert_eq!(serve.finish(), 0);
}

#[test]
fn nothing_is_said_or_connected_before_the_client_speaks() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.connection("c", &server.url());
    let mut serve = Serve::start(&env, &["serve"]);
    // Enough for a process that wants to; whoever does nothing is right at any speed.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!((server.connections(), serve.lines().len()), (0, 0));
    serve.initialize("2025-11-25");
    server.wait_for_method("tools/list", 1);
    assert_eq!(serve.tool_names(), [OURS, "c__echo"]);
}

#[test]
fn forty_connections_that_nobody_answers_for_are_served_from_the_disk() {
    let env = TestEnv::new();
    let server = Upstream::start(
        Script::legacy()
            .instructions("Be kind.")
            .tools((0..3).map(|i| Tool::echo(&format!("t{i}")))),
    );
    let all: String = (0..40).map(|i| entry(&format!("c{i}"), &server.url())).collect();
    env.config(&all);
    env.cmd(&["sync"]).success();
    server.refuse();
    let before = server.connections();
    let mut serve = Serve::start(&env, &["serve", "--mode", "full"]);
    let init = serve.initialize("2025-11-25");
    assert!(init["instructions"].as_str().unwrap().contains("## c0\nBe kind."), "{init}");
    let names = serve.tool_names();
    let want = (0..40).flat_map(|c| (0..3).map(move |t| format!("c{c}__t{t}")));
    assert_eq!(names, [OURS.to_owned()].into_iter().chain(want).collect::<Vec<_>>());
    assert_eq!(serve.connections()["connections"].as_array().unwrap().len(), 40);
    let error = serve.call("c7__t1", json!({}));
    assert!(told(&error).contains("could not reach c7: connection refused"), "{error}");
    serve.row_until("c39", |row| row["connected"] == false && !row["last_error"].is_null());
    assert_eq!(server.connections(), before, "the port is dead");
    assert!(serve.of_method(CHANGED).is_empty(), "the lists are what they were");
    // All of them come back by themselves.
    server.open();
    for at in [0, 39] {
        serve.row_until(&format!("c{at}"), |row| row["connected"] == true);
    }
    text(&serve.call("c7__t1", json!({})));
}

#[test]
fn one_of_ten_that_hangs_from_the_start_is_alone_with_it() {
    let env = TestEnv::new();
    let (good, hung) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    let all: String = (0..9).map(|i| entry(&format!("g{i}"), &good.url())).collect();
    env.config(&(entry("hung", &hung.url()) + &all));
    env.cmd(&["sync"]).success();
    hung.stall();
    hung.drop_connections();
    let mut serve = served(&env, &["serve"]);
    let first = serve.send_request("tools/call", json!({"name": "hung__echo"}));
    assert_eq!(serve.tool_names().len(), 1 + 10);
    for at in 0..9 {
        text(&serve.call(&format!("g{at}__echo"), json!({})));
    }
    assert!(serve.responses(&first.to_string()).is_empty(), "it still hangs");
    serve.cancel(first);
    hung.open();
    text(&serve.call("hung__echo", json!({})));
}

#[test]
fn what_changed_since_last_time_is_told() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::modern());
    env.connection("c", &server.url());
    env.cmd(&["sync"]).success();
    server.set_tools([Tool::echo("new"), Tool::echo("echo")]);
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS, "c__echo"]);
    serve.wait_for_method(CHANGED);
    assert_eq!(serve.tool_names(), [OURS, "c__new", "c__echo"]);
}

#[test]
fn a_list_waits_for_connections_that_nobody_has_listed_yet_and_then_goes_on_without() {
    let env = TestEnv::new();
    let (slow, hung) = (Upstream::start(Script::legacy()), Upstream::start(Script::legacy()));
    env.connection("slow", &slow.url()).connection("hung", &hung.url());
    env.connection("dead", &DeadPort::new().url());
    slow.fault(Fault::trickle(20, Duration::from_millis(40)).on("tools/list").once());
    hung.stall();
    let mut serve = served(&env, &["serve"]);
    let start = Instant::now();
    let list = serve.send_request("tools/list", json!({}));
    // Others are not held up.
    serve.request("ping", json!({}));
    let list = serve.response(list);
    let names = names_of(list["result"]["tools"].as_array().unwrap());
    assert_eq!(names, [OURS, "slow__echo"]);
    assert!(start.elapsed() >= Duration::from_secs(4), "given up too early");
    // The old one is not told of again.
    assert!(serve.of_method(CHANGED).is_empty(), "{}", serve.story());
    hung.open();
    serve.wait_for_method(CHANGED);
    assert_eq!(serve.tool_names(), [OURS, "slow__echo", "hung__echo"]);
}

#[test]
fn a_broken_configuration_at_the_start_leaves_the_last_good_one_in_use() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.config("version = 1\n[connections.c\nurl = 1\n");
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS]);
    let error = serve.connections()["config_error"].as_str().unwrap().to_owned();
    assert!(error.contains("config.toml:2:"), "file, line and column: {error}");
    assert_eq!(serve.finish(), 0);

    env.config(&entry("c", &server.url()));
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS, "c__echo"]);
    eventually("a copy", || env.files().iter().any(|file| file.contains("last-good")));
    drop(serve);
    env.config("nonsense");
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), [OURS, "c__echo"]);
    text(&serve.call("c__echo", json!({})));
    let told = serve.connections();
    assert!(told["config_error"].as_str().unwrap().contains("config.toml:1:"), "{told}");
    assert_eq!(told["connections"][0]["connected"], true);
    // Mended while it runs.
    env.config(&entry("d", &server.url()));
    serve.tools_until("the mended file", |names| names == [OURS, "d__echo"]);
    assert_eq!(serve.connections()["config_error"], Value::Null);
}

#[test]
fn a_configuration_broken_by_hand_changes_nothing_but_what_is_told() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.config(&entry("c", &server.url()));
    let mut serve = served(&env, &["serve"]);
    serve.tools();
    let broken = |serve: &mut Serve, is: bool| {
        eventually("the error", || serve.connections()["config_error"].is_string() == is);
    };
    for bad in ["[connections.c\n", "\u{feff}x", "connections = 7\n", "a = \"\u{0}\"\n"] {
        env.config(bad);
        broken(&mut serve, true);
        text(&serve.call("c__echo", json!({})));
        env.config(&entry("c", &server.url()));
        broken(&mut serve, false);
    }
    // A wrong value in one entry is the trouble of that one.
    let wrong =
        "[connections.bad]\nurl = \"http://127.0.0.1:1/\"\nauth = \"none\"\ntimeout = \"soon\"\n";
    env.config(&format!("{}{wrong}", entry("c", &server.url())));
    let row = serve.row_until("bad", |row| row["auth_status"] == "error");
    assert!(row["last_error"].as_str().unwrap().contains("timeout"), "{row}");
    text(&serve.call("c__echo", json!({})));
    let initialized = server.requests_of("initialize").len();
    assert_eq!(initialized, 1, "one session through all of it");
    assert!(serve.of_method(CHANGED).is_empty());
    // A file that is gone is a configuration without connections.
    fs::remove_file(env.config_file()).unwrap();
    serve.tools_until("none", |names| names == [OURS]);
}

#[test]
fn changes_are_taken_up_while_it_runs_and_others_do_not_notice() {
    let env = TestEnv::new();
    let slow = Tool::echo("slow").delay(Duration::from_secs(3));
    let stays = Upstream::start(Script::legacy().tool(slow));
    let (one, two) = (Upstream::start(Script::legacy()), Upstream::start(Script::modern()));
    let stay = entry("stays", &stays.url());
    let base = [OURS, "stays__echo", "stays__slow"];
    env.config(&stay);
    let mut serve = served(&env, &["serve"]);
    assert_eq!(serve.tool_names(), base);
    let running = serve.send_request("tools/call", json!({"name": "stays__slow"}));
    stays.wait_for_method("tools/call", 1);
    let has = |more: &[&str]| {
        let want: Vec<String> = base.iter().chain(more).map(|name| (*name).to_owned()).collect();
        move |names: &[String]| names == want
    };
    let told = |serve: &Serve, count| serve.wait_for_count(CHANGED, count);
    env.config(&format!("{stay}{}", entry("new", &one.url())));
    told(&serve, 1);
    serve.tools_until("a new one", has(&["new__echo"]));
    assert_eq!(text(&serve.call("new__echo", json!({}))), "{}");
    let other = entry("new", &two.url());
    env.config(&format!("{stay}{other}"));
    eventually("another target", || {
        serve.call("new__echo", json!({}));
        two.runs("echo") > 0
    });
    one.poll("the end of the old session", || one.sessions() == 0);
    env.config(&format!("{stay}{other}[connections.new.tools]\ndeny = [\"e*\"]\n"));
    serve.tools_until("a denied tool", has(&[]));
    env.config(&format!("{stay}{other}enabled = false\n"));
    eventually("a disabled one", || {
        serve.call("new__echo", json!({})).to_string().contains("allmcp enable new")
    });
    env.config(&format!("{stay}{other}"));
    serve.tools_until("it back", has(&["new__echo"]));
    env.config(&stay);
    serve.tools_until("it gone", has(&[]));
    assert_eq!(serve.call("new__echo", json!({}))["error"]["code"], -32602);
    env.config(&format!("[settings]\nown_tools = []\n{stay}"));
    serve.tools_until("none of ours", |names| names == &base[1..]);
    text(&serve.response(running));
    assert_eq!(stays.requests_of("initialize").len(), 1);
}

#[test]
fn only_leaves_the_others_out_and_says_so() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.connection("alpha", &server.url()).connection("beta", &server.url());
    let mut serve = served(&env, &["serve", "--only", "beta,alhpa"]);
    assert_eq!(serve.tool_names(), [OURS, "beta__echo"]);
    let warning = serve.stderr();
    assert!(warning.contains("alhpa") && warning.contains("did you mean alpha?"), "{warning}");
    let denied = serve.call("alpha__echo", json!({}));
    assert!(told(&denied).contains("--only"), "{denied}");
    assert_eq!(server.runs("echo"), 0);
    let mut serve = served(&env, &["serve", "--only", "nobody"]);
    assert_eq!(serve.tool_names(), [OURS]);
}

#[test]
fn a_profile_is_the_connections_that_the_file_gives_it() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    let connection =
        |name: &str| format!("[connections.{name}]\nurl = \"{}\"\nauth = \"none\"\n", server.url());
    let both = format!("{}{}", connection("alpha"), connection("beta"));
    let profile = |names: &str| format!("[profiles.sales]\nconnections = [{names}]\n{both}");
    env.config(&profile("\"beta\""));
    let mut serve = served(&env, &["serve", "--profile", "sales"]);
    assert_eq!(serve.tool_names(), [OURS, "beta__echo"]);
    let denied = serve.call("alpha__echo", json!({}));
    assert!(told(&denied).contains("profile"), "{denied}");
    // It is what the file says now; without it there is less to see, and never more.
    env.config(&profile("\"beta\", \"alpha\""));
    serve.tools_until("both", |names| names.len() == 3);
    env.config(&both);
    serve.tools_until("none", |names| names == [OURS]);
    drop(serve);
    env.config(&profile("\"beta\""));
    let out = env.cmd(&["serve", "--profile", "sale"]).code(2);
    assert!(out.stderr().contains("did you mean \"sales\"?"), "{}", out.stderr());
    assert_eq!(out.stdout(), "");
    let _ = env.cmd(&["serve", "--profile", "sales", "--only", "beta"]).code(2);
}

#[test]
fn plain_is_the_one_connection_as_it_is() {
    let env = TestEnv::new();
    let tools = ["get.it", "list_mcp_connections", "ж"].map(|name| {
        Tool::raw(&format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#))
    });
    let server = Upstream::start(Script::modern().instructions("Be kind.").tools(tools));
    let other = Upstream::start(Script::legacy());
    env.connection("one", &server.url()).connection("other", &other.url());
    let mut serve = served(&env, &["serve", "--plain", "one"]);
    assert_eq!(serve.tool_names(), ["get.it", "list_mcp_connections", "ж"]);
    for name in ["get.it", "ж", "list_mcp_connections"] {
        text(&serve.call(name, json!({})));
        assert_eq!(server.runs(name), 1);
    }
    assert_eq!(serve.call("one__get_it", json!({}))["error"]["code"], -32602);
    drop(serve);
    let mut serve = Serve::start(&env, &["serve", "--plain", "one"]);
    let init = serve.initialize("2025-11-25");
    assert_eq!(
        (&init["serverInfo"]["name"], &init["instructions"]),
        (&json!("scripted"), &json!("Be kind."))
    );
    assert_eq!(other.connections(), 0);
    let out = env.cmd(&["serve", "--plain", "onne"]).code(2);
    assert!(out.stderr().contains("onne") && out.stderr().contains("one"), "{}", out.stderr());
    assert_eq!(out.stdout(), "");
}

#[test]
fn with_everything_logged_stdout_is_still_the_protocol() {
    let env = TestEnv::new();
    let (server, html) =
        (Upstream::start(Script::legacy().sse()), Upstream::start(Script::legacy()));
    html.fault(Fault::html());
    env.connection("c", &server.url()).connection("dead", &DeadPort::new().url());
    env.connection("html", &html.url());
    let mut serve = served(&env, &["serve", "-vv"]);
    serve.tools();
    for name in ["c__echo", "dead__x", "html__x", "none"] {
        serve.call(name, json!({"secret": "canary-argument"}));
    }
    env.config("broken");
    serve.row_until("c", |row| row["connected"] == true);
    assert!(serve.stderr().contains("debug"), "it does log: {}", serve.stderr());
    assert!(!serve.stderr().contains("canary-argument"));
    assert!(env.grep_everything("canary-argument").is_empty(), "arguments are nobody's business");
    // Dropping it looks at every line.
    assert_eq!(serve.finish(), 0);
}

#[cfg(unix)]
#[test]
fn files_do_as_standard_streams() {
    let env = TestEnv::new();
    let server = Upstream::start(Script::legacy());
    env.connection("c", &server.url());
    let init = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;
    let call = call_params("c__echo", "{\"a\":1.0}");
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{call}}}"#);
    fs::write(env.scratch().join("in"), format!("{init}\n{call}")).unwrap();
    let binary = env!("CARGO_BIN_EXE_allmcp");
    env.program("/bin/sh", &["-c", &format!("'{binary}' serve < in > out")]).run().success();
    let out = fs::read_to_string(env.scratch().join("out")).unwrap();
    assert!(
        out.contains(r#""id":0,"result""#) && out.contains(r#""structuredContent":{"a":1.0}"#),
        "{out}"
    );
}

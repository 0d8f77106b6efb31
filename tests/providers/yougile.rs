//! YouGile with a key, and with a login that is exchanged for one.

use crate::{
    rig::Rig,
    stand_in::{
        Said,
        yougile::{KEY, LOGIN, PASSWORD, YouGile},
    },
    support::env::Output,
    vendor::warns,
};
use serde_json::{Value, json};

#[track_caller]
fn connected(yougile: &YouGile) -> Rig {
    let rig = Rig::new("yougile");
    let _ = connecting(&rig, yougile).success();
    rig
}

fn connecting(rig: &Rig, yougile: &YouGile) -> Output {
    let origin = yougile.site.origin();
    let args = ["yougile", "--auth", "key", "--base-url", &origin, "--token-stdin"];
    rig.connect(&args, KEY)
}

fn typed(password: &str) -> String {
    json!({ "login": LOGIN, "password": password }).to_string()
}

fn login<'a>(origin: &'a str, company: &'a [&'a str]) -> Vec<&'a str> {
    let args = ["yougile", "--auth", "login", "--base-url", origin, "--secrets-stdin"];
    [&args[..], company].concat()
}

#[test]
fn a_key_lists_reads_and_writes() {
    let yougile = YouGile::start(5);
    let rig = Rig::new("yougile");
    let output = connecting(&rig, &yougile).success();
    let sent: Vec<String> = yougile.site.seen().into_iter().map(|it| it.path).collect();
    assert_eq!(sent, ["/api-v2/users/me"], "one cheap call");
    warns(
        &rig,
        "YouGile",
        &output,
        &[
            "A company allows 50 requests a minute, of all programs together; allmcp keeps to that for this process only.",
            "A key does not expire, and an account has at most 30: take it back in YouGile when it is not needed.",
        ],
    );
    assert_eq!(rig.row()["status"], "connected");
    let config = rig.env.read_config();
    assert!(config.contains("way = \"key\""), "{config}");
    assert!(rig.tools().iter().any(|tool| tool == "tasks_list"));
    assert_eq!(rig.good("users_me", &json!({}))["item"]["realName"], "Ann Lee");
    let mut arguments = json!({ "limit": 2 });
    let mut ids = Vec::new();
    for _ in 0..5 {
        let page = rig.good("tasks_list", &arguments);
        ids.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        let Some(next) = page.get("next_cursor") else { break };
        arguments["cursor"] = next.clone();
    }
    assert_eq!(Value::Array(ids), json!(["t0", "t1", "t2", "t3", "t4"]));
    assert_eq!(rig.good("task_get", &json!({ "id": "t1" }))["item"]["title"], "task 1");
    assert_eq!(rig.good("projects_list", &json!({}))["items"][0]["title"], "Site");
    let made = rig.good("task_create", &json!({ "title": "New" }));
    assert_eq!(made["item"]["id"], "t-new");
    assert_eq!(yougile.site.last().body, r#"{"title":"New"}"#);
    yougile.site.then(Said::nothing());
    assert_eq!(rig.good("tasks_list", &json!({})), json!({ "items": [] }));
    rig.good("task_update", &json!({ "id": "t1", "columnId": "-", "completed": true }));
    let sent = yougile.site.last();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("PUT", "/api-v2/tasks/t1"));
    assert_eq!(sent.json().unwrap(), json!({ "columnId": "-", "completed": true }));
    rig.nothing_leaked(&[], &[KEY]);
    let _ = rig.run(&["disconnect", "yougile", "--yes"], "").success();
    assert_eq!(yougile.keys(), [KEY], "a key that was given is not ours to take back");
    rig.nothing_leaked(&[KEY], &[]);
}

#[test]
fn every_error_says_what_to_do() {
    let yougile = YouGile::start(1);
    let rig = connected(&yougile);
    let wrong = Said::json(
        400,
        &json!({ "statusCode": 400, "message": ["columnId must be a UUID"], "error": "Bad Request" }),
    );
    yougile.site.then(wrong);
    let text = rig.bad("task_create", &json!({ "title": "x", "columnId": "y" }));
    assert!(text.contains("must be a UUID") && text.contains("\"columnId\""), "{text}");
    yougile.site.then(Said::json(403, &json!({ "statusCode": 403, "message": "Forbidden" })));
    let text = rig.bad("task_create", &json!({ "title": "x" }));
    assert!(text.contains("Forbidden") && text.contains("lacks the right"), "{text}");
    let text = rig.bad("boards_list", &json!({}));
    assert!(text.contains("404"), "{text}");
    let other = json!({ "statusCode": 422, "error": "Unprocessable Entity" });
    yougile.site.then(Said::json(422, &other));
    let text = rig.bad("task_create", &json!({ "title": "x" }));
    assert!(text.contains("Unprocessable Entity"), "{text}");
    yougile.site.then(Said::json(500, &json!({ "statusCode": 500, "message": "Internal" })));
    let error = rig.call("task_create", &json!({ "title": "x" })).code(5).json_error();
    let text = error["message"].to_string();
    assert!(text.contains("HTTP 500") && text.contains("may have been carried out"), "{text}");
    yougile.site.then(Said::new(502, "text/html", "<html>Bad gateway</html>"));
    let output = rig.call("task_create", &json!({ "title": "x" })).code(5);
    assert!(!output.mentions("<html>"), "{output:?}");
    yougile.too_many();
    let text = rig.bad("task_create", &json!({ "title": "x" }));
    assert!(text.contains("429") && text.contains("try again in"), "{text}");
    rig.nothing_leaked(&[], &[KEY]);
}

#[test]
fn a_key_that_was_taken_back_needs_another() {
    let yougile = YouGile::start(1);
    let rig = connected(&yougile);
    yougile.drop_keys();
    let error = rig.call("users_me", &json!({})).code(4).json_error();
    assert_eq!(error["hint"], "allmcp reconnect yougile");
    rig.nothing_leaked(&[], &[KEY]);
    let output = rig.run(&["reconnect", "yougile", "--token-stdin"], "yougile-wrong-canary");
    assert!(output.code(4).stderr().contains("https://yougile.com/api-v2"));
    yougile.admit("yougile-key-canary-9");
    let _ = rig.run(&["reconnect", "yougile", "--token-stdin"], "yougile-key-canary-9").success();
    assert_eq!(rig.good("users_me", &json!({}))["item"]["id"], "u1");
    rig.nothing_leaked(&["yougile-wrong-canary"], &[]);
}

#[test]
fn the_company_has_to_be_chosen_where_there_are_several() {
    let yougile = YouGile::start(1);
    let rig = Rig::new("yougile");
    let origin = yougile.site.origin();
    // More than one company, and nobody to ask.
    let output = rig.connect(&login(&origin, &[]), &typed(PASSWORD)).code(2);
    for part in ["c1 (Acme)", "c2 (Other)", "--param company_id="] {
        assert!(output.stderr().contains(part), "{part} is not in {}", output.stderr());
    }
    assert_eq!(yougile.keys(), [KEY], "no key was made");
    assert!(!rig.env.read_config().contains("[connections"));
    rig.nothing_leaked(&[PASSWORD], &[]);
}

#[test]
fn a_login_becomes_a_key_and_is_forgotten() {
    let yougile = YouGile::start(1);
    let rig = Rig::new("yougile");
    let origin = yougile.site.origin();
    let company = ["--param", "company_id=c2"];
    let _ = rig.connect(&login(&origin, &company), &typed(PASSWORD)).success();
    let made = "yougile-key-canary-1";
    assert_eq!(yougile.keys(), [KEY, made]);
    let sent = yougile.site.seen();
    let exchange = sent.iter().find(|seen| seen.path == "/api-v2/auth/keys").unwrap();
    assert_eq!(exchange.json().unwrap()["companyId"], "c2");
    assert_eq!(rig.good("users_me", &json!({}))["item"]["id"], "u1");
    assert!(rig.env.read_config().contains("way = \"login\""), "{}", rig.env.read_config());
    rig.nothing_leaked(&[PASSWORD], &[made]);
    // A key that was made here is taken back.
    let _ = rig.run(&["disconnect", "yougile", "--yes"], "").success();
    assert_eq!(yougile.keys(), [KEY]);
    rig.nothing_leaked(&[PASSWORD, made], &[]);
}

#[test]
fn a_wrong_login_says_so_and_repeats_nothing() {
    let yougile = YouGile::start(1);
    let rig = Rig::new("yougile");
    let origin = yougile.site.origin();
    let company = ["--param", "company_id=c1"];
    let output = rig.connect(&login(&origin, &company), &typed("yougile-wrong-canary"));
    assert!(output.stderr().contains("Wrong login or password"), "{output:?}");
    assert_eq!(output.exit(), 4, "{output:?}");
    let output = rig.connect(&login(&origin, &company), &json!({ "login": LOGIN }).to_string());
    let output = output.code(2);
    assert!(output.stderr().contains("password"), "{}", output.stderr());
    assert_eq!(yougile.keys(), [KEY]);
    assert!(!rig.env.read_config().contains("[connections"));
    rig.nothing_leaked(&["yougile-wrong-canary", PASSWORD], &[]);
}

#[test]
fn on_a_terminal_the_company_is_chosen() {
    let yougile = YouGile::start(1);
    let rig = Rig::new("yougile");
    let origin = yougile.site.origin();
    let args = ["connect", "yougile", "--auth", "login", "--base-url", &origin];
    let (login, password) = (format!("{LOGIN}\n"), format!("{PASSWORD}\n"));
    let answers = [("E-mail", login.as_str()), ("Password", &password), ("Number", "2\n")];
    let Some(output) = rig.env.on_terminal(120, &args, &answers) else { return };
    let output = output.success();
    rig.note("the screen", output.stdout());
    for part in ["1 Acme", "2 Other"] {
        assert!(output.stdout().contains(part), "{part} is not in {}", output.stdout());
    }
    assert_eq!(rig.good("users_me", &json!({}))["item"]["id"], "u1");
    rig.nothing_leaked(&[PASSWORD], &["yougile-key-canary-1"]);
}

#[test]
fn a_login_that_saves_nothing_leaves_no_key_behind() {
    let yougile = YouGile::start(1);
    let rig = Rig::new("yougile");
    let origin = yougile.site.origin();
    let dry = ["--param", "company_id=c2", "--dry-run"];
    let _ = rig.connect(&login(&origin, &dry), &typed(PASSWORD));
    assert_eq!(yougile.keys(), [KEY], "a dry run makes no key that stays");
    // The key is made, and then the connection cannot be: an account has only so many keys.
    let company = ["--param", "company_id=c2", "--name", "bad.name!"];
    let _ = rig.connect(&login(&origin, &company), &typed(PASSWORD)).code(2);
    assert_eq!(yougile.keys(), [KEY]);
    rig.nothing_leaked(&[PASSWORD], &[]);
}

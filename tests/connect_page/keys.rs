//! A key that is entered on the page, wrong ones before it.

use crate::{
    home::{Home, connected, status_until, usable},
    stand_in::yougile::{KEY, LOGIN, PASSWORD, YouGile},
};
use serde_json::json;

const WRONG: &str = "yougile-wrong-canary";

#[test]
fn a_wrong_key_is_explained_and_the_right_one_connects_without_a_restart() {
    let yougile = YouGile::start(3);
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "yougile" }));
    assert_eq!(home.link(&mut serve, json!({ "provider": "yougile" })), link, "the same again");

    // A program looks ahead, then the user comes, twice.
    let first = home.window.look(&link);
    assert_eq!((first.status, home.window.look(&link).token()), (200, first.token()));
    first.says("Connect YouGile").says("API key").says("E-mail and password, once");
    first.says("50 requests a minute").says_not("<script");
    let page = home.by_way(&link, "key");
    page.says("Settings of the company, API").says("https://yougile.com/api-v2");
    page.says("type=\"password\"").says("No AI model sees it.");
    assert_eq!(page.url, link, "the address stays the link");

    let page = home.window.send(&page, &[("do", "send"), ("secret.token", "")]);
    page.says("This is needed.");
    assert!(yougile.site.seen().is_empty(), "nothing was sent yet");
    let page = home.window.send(&page, &[("do", "send"), ("secret.token", WRONG)]);
    page.says("did not accept the key").says("role=\"alert\"").says_not("sent what you entered");
    assert_eq!(page.status, 200);
    assert!(!home.env.config_file().exists(), "nothing is saved");

    let key = format!("  {KEY}\n");
    let page = home.window.send(&page, &[("do", "send"), ("secret.token", &key)]);
    page.says("yougile is connected");
    assert_eq!(page.status, 200);
    usable(&mut serve, "yougile__users_me");
    let answer = serve.call("connect_provider", json!({ "provider": "yougile" }));
    assert_eq!(connected(&answer)["name"], "yougile");
    assert!(connected(&answer)["tools"].as_u64().unwrap() > 10, "{answer}");

    // A reload of the last page says the same; the link itself is spent.
    assert_eq!(home.window.look(&page.url).status, 200);
    let again = home.window.open(&link);
    assert_eq!(again.status, 410);
    again.says("This link was used already").says("yougile is connected");
    assert!(home.env.read_config().contains("way = \"key\""), "{}", home.env.read_config());
    home.end(serve, &[WRONG], &[KEY]);
}

#[test]
fn a_login_is_exchanged_for_a_key_and_the_company_is_chosen() {
    let yougile = YouGile::start(1);
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "yougile", "name": "tasks" }));
    let page = home.by_way(&link, "login");
    page.says("E-mail").says("Password");
    let fields = [("do", "send"), ("secret.login", LOGIN), ("secret.password", WRONG)];
    let page = home.window.send(&page, &fields);
    page.says("role=\"alert\"").says(&format!("value=\"{LOGIN}\"")).says_not(WRONG);
    let fields = [("do", "send"), ("secret.login", LOGIN), ("secret.password", PASSWORD)];
    let page = home.window.send(&page, &fields);
    page.says("Company");
    let choices: Vec<&str> = page.html.split("name=\"choice\" value=\"").skip(1).collect();
    let first = choices[0].split('"').next().unwrap();
    let page = home.window.send(&page, &[("choice", first)]);
    page.says("tasks is connected");
    usable(&mut serve, "tasks__users_me");
    let key = yougile.keys().last().unwrap().clone();
    home.end(serve, &[WRONG, PASSWORD], &[&key]);
}

#[test]
fn a_key_that_is_refused_later_is_renewed_by_a_link() {
    let yougile = YouGile::start(1);
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let connect = ["connect", "yougile", "--auth", "key", "--token-stdin"];
    let _ = home.env.command(&connect).stdin(KEY).run().success();
    let mut serve = home.serve(json!({}));
    usable(&mut serve, "yougile__users_me");
    yougile.drop_keys();
    let refused = serve.call("yougile__users_me", json!({}));
    assert_eq!(refused["result"]["isError"], true, "{refused}");
    let required = &refused["result"]["_meta"]["dev.allmcp/oauth_connect_required_mcps"][0];
    let link = required["connect_url"].as_str().unwrap_or_else(|| panic!("{refused}")).to_owned();
    status_until(&mut serve, "yougile", "needs_auth");
    assert_eq!(home.link(&mut serve, json!({ "provider": "yougile" })), link);
    let page = home.window.open(&link);
    page.says("A new key for yougile");
    let page = home.window.send(&page, &[("do", "send"), ("secret.token", KEY)]);
    page.says("did not accept the key");
    yougile.admit("yougile-second-canary");
    let page =
        home.window.send(&page, &[("do", "send"), ("secret.token", "yougile-second-canary")]);
    page.says("yougile is connected");
    let answer = serve.call("yougile__users_me", json!({}));
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    home.end(serve, &[KEY], &["yougile-second-canary"]);
}

#[test]
fn credentials_that_the_model_has_connect_directly() {
    let yougile = YouGile::start(1);
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let mut serve = home.serve(json!({}));
    let with = |key: &str| json!({ "provider": "yougile", "credentials": { "token": key } });
    let answer = serve.call("connect_provider", with("no such"));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(answer.to_string().contains("did not accept the key"), "{answer}");
    let answer = serve.call("connect_provider", with(KEY));
    assert_eq!(connected(&answer)["name"], "yougile");
    usable(&mut serve, "yougile__users_me");
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
}

//! What others make a browser send, and what is sent twice or too large.

use crate::{
    home::Home,
    stand_in::yougile::{KEY, YouGile},
    window::Post,
};
use serde_json::json;

#[test]
fn only_our_own_form_is_taken_and_only_once() {
    let yougile = YouGile::start(1);
    let home = Home::new();
    home.at("yougile", &yougile.base());
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "yougile" }));
    let choice = home.window.open(&link);
    let page = home.window.send(&choice, &[("choice", "key")]);
    let fields = [("do", "send"), ("secret.token", KEY)];
    let good = Post::form(&page.token(), &fields);
    let host = url::Url::parse(&link).unwrap().port().unwrap();
    let other_port = format!("http://127.0.0.1:{}", host ^ 1);
    let with = |name: &'static str, value: &str| {
        let mut post = good.clone();
        post.headers.retain(|(known, _)| *known != name);
        let value: &'static str = value.to_owned().leak();
        post.headers.push((name, value));
        post
    };
    let without_site = || {
        let mut post = good.clone();
        post.headers.retain(|(known, _)| *known != "sec-fetch-site");
        post
    };
    for (what, post, status) in [
        ("another origin", with("origin", "https://evil.example"), 403),
        ("another port", with("origin", &other_port), 403),
        ("another site", with("sec-fetch-site", "cross-site"), 403),
        ("nothing said of where it comes from", without_site(), 403),
        ("another host", with("host", "evil.example"), 403),
        ("another kind", with("content-type", "text/plain"), 403),
        ("no token", Post::form("", &fields), 403),
        ("a guessed token", Post::form("AAAA", &fields), 403),
        ("too large", Post::form(&page.token(), &[("secret.token", &"x".repeat(70_000))]), 413),
    ] {
        let answer = home.window.fetch(&link, Some(&post));
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    assert!(yougile.site.seen().is_empty(), "nothing of it went anywhere");
    // A form that was answered before: the browser is taken to where things are.
    let back = home.window.send(&choice, &[("choice", "login")]);
    back.says("API key").says_not("E-mail");
    home.window.send(&page, &fields).says("yougile is connected");
    let later = [("do", "send"), ("secret.token", "later-canary")];
    home.window.send(&page, &later).says("yougile is connected");
    let seen = yougile.site.seen();
    assert!(seen.iter().all(|it| it.bearer() == Some(KEY)), "what came later went nowhere");
    home.end(serve, &["later-canary"], &[KEY]);
}

#[test]
fn what_every_page_says_to_the_browser() {
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "kommo" }));
    let page = home.window.open(&link);
    for header in [
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "\"referrer-policy\": \"no-referrer\"",
        "\"cache-control\": \"no-store\"",
        "\"x-content-type-options\": \"nosniff\"",
    ] {
        page.says(header);
    }
    page.says_not("script-src").says_not("<script").says_not(" onclick");
    home.end(serve, &[], &[]);
}

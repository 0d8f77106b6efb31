//! The user is asked on a page of loopback, where the client has no forms.

use crate::{
    Desk,
    support::{
        client::Serve,
        script::Script,
        talk::{self, text, told},
    },
    visitor::{self, link_in, look, press},
};
use serde_json::{Value, json};

fn call(serve: &mut Serve, id: u64) -> Value {
    serve.call("c0__drop", json!({"id": id}))
}

/// The link that a call gets.
#[track_caller]
fn link(serve: &mut Serve, id: u64) -> String {
    let response = call(serve, id);
    let text = told(&response);
    assert!(text.contains("was not called yet") && text.contains("the same arguments"), "{text}");
    link_in(text)
}

#[test]
fn an_approval_on_the_page_holds_once_and_for_that_call() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let page = link(&mut serve, 7);
    assert_eq!(link(&mut serve, 7), page, "one question, one page");
    let seen = look(&page);
    assert_eq!(seen.status, 200);
    let host = format!("127.0.0.1:{}", desk.up.port());
    for part in ["Call drop of c0?", "Connectionc0", &host, "may delete", "\"id\": 7", "Approve"] {
        assert!(seen.text().contains(part), "{part} is not in {}", seen.text());
    }
    // Programs look ahead at links, and people twice.
    assert_eq!(visitor::send(&page, "HEAD", "", "").status, 200);
    assert_eq!(look(&page).form(), seen.form());
    assert_eq!(desk.up.requests_of("tools/call").len(), 0, "nothing was sent yet");

    let approved = press(&page, "approve");
    assert!(approved.text().contains("Approved"), "{}", approved.text());
    assert_eq!(desk.up.requests_of("tools/call").len(), 0, "a page sends nothing");
    // Another call is another question.
    assert_ne!(link(&mut serve, 8), page);
    let response = serve.call("c0__drop", json!({ "id": 7 }));
    assert_eq!(text(&response), r#"{"id":7}"#);
    assert_eq!(desk.up.runs("drop"), 1);
    let used = look(&page);
    assert_eq!(used.status, 410);
    assert!(used.text().contains("has been used"), "{}", used.text());
    assert_ne!(link(&mut serve, 7), page, "asked for again");
    assert_eq!(desk.up.runs("drop"), 1);
    let asked = "denied asked c0__drop";
    desk.logged(&[asked, asked, asked, "ok approved c0__drop", asked]);
}

#[test]
fn a_call_through_call_tool_is_the_same_call() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let page = link(&mut serve, 7);
    let inner = |id: u64| json!({"name": "c0__drop", "arguments": {"id": id}});
    let asked = serve.call("call_tool", inner(7));
    assert_eq!(link_in(told(&asked)), page);
    press(&page, "approve");
    assert_ne!(link_in(told(&serve.call("call_tool", inner(8)))), page);
    assert_eq!(text(&serve.call("call_tool", inner(7))), r#"{"id":7}"#);
    assert_ne!(link(&mut serve, 7), page);
    assert_eq!(desk.up.runs("drop"), 1);
}

#[test]
fn a_refusal_is_told_and_nothing_is_sent() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let page = link(&mut serve, 7);
    let refused = press(&page, "refuse");
    assert!(refused.text().contains("Nothing was sent"), "{}", refused.text());
    let response = call(&mut serve, 7);
    assert!(told(&response).contains("the user refused"), "{response}");
    assert!(told(&response).contains("Do not call it again"), "{response}");
    assert!(look(&page).text().contains("Refused"));
    // Told once: the user may have changed his mind.
    assert_ne!(link(&mut serve, 7), page);
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    let (asked, refused) = ("denied asked c0__drop", "denied refused c0__drop");
    desk.logged(&[asked, refused, asked]);
}

#[test]
fn only_the_pages_own_buttons_answer() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let page = link(&mut serve, 7);
    let form = look(&page).form();
    let typed = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("form={form}&answer=approve");
    for headers in ["", "Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let sent = visitor::send(&page, "POST", &format!("{headers}{typed}"), &body);
        assert_eq!(sent.status, 403, "{headers}: {sent:?}");
    }
    assert_eq!(visitor::answer(&page, "guess", "approve").status, 403);
    assert_eq!(visitor::answer(&page, &form, "maybe").status, 403);
    assert_eq!(visitor::send(&format!("{page}?answer=approve"), "GET", "", "").status, 200);
    assert_eq!(look(&format!("{page}x")).status, 404);
    assert_eq!(link(&mut serve, 7), page, "it still waits");
    assert!(look(&page).head.contains("frame-ancestors 'none'"));
    // A second press of a form that was answered changes nothing.
    assert_eq!(visitor::answer(&page, &form, "refuse").status, 303);
    assert_eq!(visitor::answer(&page, &form, "approve").status, 303);
    assert!(told(&call(&mut serve, 7)).contains("refused"));
    assert_eq!(desk.up.runs("drop"), 0);
}

/// Lets questions and approvals end at once, and waits until a running server knows.
#[track_caller]
fn end_at_once(desk: &Desk, serve: &mut Serve) {
    let _ = desk.env.cmd(&["config", "set", "settings.approval_life", "1ms"]).success();
    let mut id = 1000;
    talk::eventually("the new life", || {
        id += 1;
        // Only so many questions wait at a time.
        std::thread::sleep(std::time::Duration::from_millis(100));
        look(&link(serve, id)).status == 410
    });
}

#[test]
fn a_question_and_an_approval_end_after_their_time() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let second = link(&mut serve, 7);
    end_at_once(&desk, &mut serve);
    let page = link(&mut serve, 8);
    talk::eventually("the end of the question", || look(&page).status == 410);
    assert!(look(&page).text().contains("has expired"), "{}", look(&page).text());
    assert_ne!(link(&mut serve, 8), page);
    // An approval has its own time.
    let form = look(&second).form();
    assert_eq!(visitor::answer(&second, &form, "approve").status, 303);
    talk::eventually("the end of the approval", || look(&second).status == 410);
    assert!(look(&second).text().contains("has expired"));
    assert_ne!(link(&mut serve, 7), second);
    assert_eq!(desk.up.runs("drop"), 0);
}

#[test]
fn two_calls_wait_side_by_side_and_end_with_their_process() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let (one, two) = (link(&mut serve, 1), link(&mut serve, 2));
    assert_ne!(one, two);
    press(&two, "approve");
    press(&one, "refuse");
    assert!(told(&call(&mut serve, 1)).contains("refused"));
    assert_eq!(text(&call(&mut serve, 2)), r#"{"id":2}"#);
    assert_eq!(desk.up.runs("drop"), 1);
    let three = link(&mut serve, 3);
    let host = three.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    assert_eq!(serve.finish(), 0);
    assert!(std::net::TcpStream::connect(host).is_err(), "the page lives with its process");
}

#[test]
fn a_client_of_2026_07_28_without_forms_gets_the_page_too() {
    let desk = Desk::asking(Script::modern());
    for capabilities in [json!({}), json!({"elicitation": {"url": {}}})] {
        let mut serve = desk.modern(capabilities);
        let params = json!({"name": "c0__drop", "arguments": {"id": 7}});
        let before = desk.up.runs("drop");
        let asked = serve.modern("tools/call", params.clone());
        assert_eq!(asked["result"]["resultType"], "complete");
        press(&link_in(told(&asked)), "approve");
        assert_eq!(text(&serve.modern("tools/call", params)), r#"{"id":7}"#);
        assert_eq!(desk.up.runs("drop"), before + 1);
    }
}

#[test]
fn what_is_shown_is_cut_and_cannot_hide_anything() {
    let desk = Desk::asking(Script::legacy());
    let mut serve = desk.legacy(json!({}));
    let long = "x".repeat(200_000);
    let arguments = json!({"body": long, "to": "<b>me\u{202e}</b>", "key": "sk_live_canary"});
    let response = serve.call("c0__drop", arguments.clone());
    let page = link_in(told(&response));
    let seen = look(&page);
    assert!(seen.body.len() < 20_000, "{}", seen.body.len());
    let text_ = seen.text();
    assert!(text_.contains("more bytes") && text_.contains("<b>me\\u{202e}</b>"), "{text_}");
    assert!(!seen.body.contains("<b>me"), "a text stays a text");
    assert!(text_.contains("sk_live_canary"), "the user sees what is sent");
    assert!(!page.contains("canary") && !seen.head.contains("canary"));
    press(&page, "approve");
    assert!(serve.call("c0__drop", arguments)["result"]["isError"] != true);
    serve.close_stdin();
    assert_eq!(serve.wait_exit(), 0);
    let kept = desk.env.grep_everything("sk_live_canary");
    assert!(kept.is_empty(), "arguments are kept nowhere: {kept:?}");
}

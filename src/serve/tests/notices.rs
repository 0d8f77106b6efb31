//! What clients hear outside of their requests.

use crate::{
    hub::{Notice, Offer, script::Script},
    serve::desk::{Desk, Ear, initialize, modern, one},
    wire::LogLevel,
};
use bytes::Bytes;
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn updated(uri: &str) -> Notice {
    let params = format!(r#"{{"uri":"{uri}","x":1.0}}"#).into();
    Notice::ResourceUpdated { uri: uri.to_owned(), params }
}

fn log(level: LogLevel) -> Notice {
    Notice::Log { level, params: format!(r#"{{"level":"{level}","data":1}}"#).into() }
}

#[tokio::test]
async fn nothing_is_told_before_the_client_is_ready_and_then_what_it_wants() {
    let mut ear = Ear::open();
    ear.rig.notice(updated("x:a"));
    ear.rig.notice(log(LogLevel::Emergency));
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    ear.talk.initialized.store(true, Ordering::Relaxed);
    ear.talk.settled().subscribed.insert("x:a".to_owned());
    ear.rig.notice(updated("x:b"));
    ear.rig.notice(log(LogLevel::Notice));
    ear.rig.notice(Notice::Task { id: "t".into(), params: text("{}") });
    ear.rig.notice(updated("x:a"));
    assert_eq!(
        ear.hear().await,
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:a","x":1.0}}"#
    );
    ear.rig.notice(log(LogLevel::Warning));
    assert!(ear.hear().await.contains(r#""level":"warning""#));
    ear.talk.settled().level = Some(LogLevel::Critical);
    ear.rig.notice(log(LogLevel::Error));
    ear.rig.notice(log(LogLevel::Alert));
    assert!(ear.hear().await.contains(r#""level":"alert""#));
}

#[tokio::test]
async fn a_client_that_introduces_itself_again_starts_anew() {
    let mut desk = Desk::initialized(one(&Script::new(&["t"])), "2025-11-25").await;
    let set = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}"#;
    desk.ask(set).await;
    desk.rig.notice(log(LogLevel::Debug));
    assert_eq!(desk.json().await["params"]["level"], "debug");
    desk.ask(&initialize("2025-11-25")).await;
    desk.rig.notice(log(LogLevel::Debug));
    desk.rig.notice(log(LogLevel::Warning));
    assert_eq!(desk.json().await["params"]["level"], "warning");
}

#[tokio::test]
async fn each_list_is_told_by_itself_and_only_where_it_was_offered() {
    let mut ear = Ear::open();
    ear.talk.initialized.store(true, Ordering::Relaxed);
    ear.rig.change(|versions| {
        versions.prompts += 1;
        versions.tools += 1;
    });
    assert!(ear.hear().await.contains("notifications/tools/list_changed"));
    ear.talk.settled().offered = Offer { prompts: true, resources: true, ..Offer::default() };
    ear.rig.change(|versions| versions.resources += 1);
    assert!(ear.hear().await.contains("notifications/resources/list_changed"));
    ear.rig.change(|versions| versions.prompts += 1);
    assert!(ear.hear().await.contains("notifications/prompts/list_changed"));
}

#[tokio::test]
async fn an_id_can_listen_again_after_it_was_cancelled() {
    let mut desk = Desk::open(one(&Script::new(&["t"])));
    let listen = modern(
        "\"l\"",
        "subscriptions/listen",
        "{}",
        r#""notifications":{"toolsListChanged":true}"#,
    );
    for _ in 0..2 {
        let ack = desk.ask(&listen).await;
        assert_eq!(ack["params"]["notifications"], json!({"toolsListChanged": true}));
        desk.say(
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"l"}}"#,
        )
        .await;
    }
    let wrong = desk.ask(&modern("1", "subscriptions/listen", "{}", "")).await;
    assert_eq!(wrong["error"]["code"], -32602);
}

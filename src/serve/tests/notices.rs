//! What clients hear outside of their requests.

use crate::{
    hub::{
        Notice, Offer,
        script::{Rig, Script},
    },
    serve::{
        Options,
        conversation::Conversation,
        desk::{Desk, modern, one},
        outbox::{self, Sink},
    },
    wire::LogLevel,
};
use bytes::Bytes;
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream};

/// A conversation without its input.
struct Ear {
    rig: Rig,
    talk: Conversation,
    from: BufReader<DuplexStream>,
}

impl Ear {
    fn open() -> Self {
        let rig = Rig::open();
        let (outbox, writer) = outbox::queue();
        let (output, from) = tokio::io::duplex(1 << 16);
        rig.shutdown.spawn("stdout", async move {
            writer.run(Sink::Async(Box::new(output))).await.unwrap();
        });
        let talk = Conversation::new(rig.hub.clone(), outbox, &rig.shutdown, &Options::default());
        Self { rig, talk, from: BufReader::new(from) }
    }

    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let wait = Duration::from_secs(20);
        tokio::time::timeout(wait, self.from.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end().to_owned()
    }
}

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

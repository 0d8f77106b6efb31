//! The client's side in tests: a script in front of a hub of scripted upstreams.

use super::{
    Ended, Options,
    conversation::Conversation,
    input::Input,
    outbox::{Sink, queue},
    stdio::serve,
};
use crate::hub::{
    Plan,
    script::{Rig, Script, ours, scripted},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(super) struct Desk {
    pub(super) rig: Rig,
    pub(super) to: Option<DuplexStream>,
    pub(super) from: BufReader<DuplexStream>,
    pub(super) stop: CancellationToken,
    pub(super) ended: JoinHandle<Ended>,
}

/// A conversation without its input.
pub(super) struct Ear {
    pub(super) rig: Rig,
    pub(super) talk: Conversation,
    from: BufReader<DuplexStream>,
}

impl Ear {
    pub(super) fn open() -> Self {
        let rig = Rig::open();
        let (outbox, writer) = queue();
        let (output, from) = tokio::io::duplex(1 << 16);
        rig.shutdown.spawn("stdout", async move {
            writer.run(Sink::Async(Box::new(output))).await.unwrap();
        });
        let talk = Conversation::new(rig.hub.clone(), outbox, &rig.shutdown, &Options::default());
        Self { rig, talk, from: BufReader::new(from) }
    }

    pub(super) async fn hear(&mut self) -> String {
        let mut line = String::new();
        let wait = Duration::from_secs(20);
        tokio::time::timeout(wait, self.from.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end().to_owned()
    }
}

pub(super) const MODERN: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

impl Desk {
    pub(super) fn open(plan: Plan) -> Self {
        Self::with(plan, Options::default())
    }

    pub(super) fn with(plan: Plan, options: Options) -> Self {
        let rig = Rig::open();
        rig.hub.apply(plan);
        let (to, input) = tokio::io::duplex(1 << 20);
        let (output, from) = tokio::io::duplex(1 << 20);
        let stop = CancellationToken::new();
        let (hub, shutdown, token) = (rig.hub.clone(), rig.shutdown.clone(), stop.clone());
        let ended = rig.shutdown.spawn_firm("serve", async move {
            let (input, sink) = (Input::Async(Box::new(input)), Sink::Async(Box::new(output)));
            serve(input, sink, &hub, &shutdown, &options, token).await
        });
        Self { rig, to: Some(to), from: BufReader::new(from), stop, ended }
    }

    pub(super) async fn say(&mut self, text: &str) {
        let to = self.to.as_mut().unwrap();
        to.write_all(text.as_bytes()).await.unwrap();
        to.write_all(b"\n").await.unwrap();
    }

    pub(super) async fn hear(&mut self) -> String {
        let mut line = String::new();
        let wait = Duration::from_secs(20);
        tokio::time::timeout(wait, self.from.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    pub(super) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.hear().await).unwrap()
    }

    pub(super) async fn ask(&mut self, text: &str) -> Value {
        self.say(text).await;
        self.json().await
    }

    pub(super) async fn initialized(plan: Plan, version: &str) -> Self {
        let mut desk = Self::open(plan);
        let answer = desk.ask(&initialize(version)).await;
        assert_eq!(answer["result"]["protocolVersion"], version);
        desk.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        // From here on nothing is news.
        desk.ask(r#"{"jsonrpc":"2.0","id":"first","method":"tools/list"}"#).await;
        desk
    }

    /// A client of the older revisions that can do this.
    pub(super) async fn able(plan: Plan, version: &str, capabilities: &str) -> Self {
        let mut desk = Self::open(plan);
        let able = format!("\"capabilities\":{capabilities}");
        desk.ask(&initialize(version).replace("\"capabilities\":{}", &able)).await;
        desk.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        desk.ask(r#"{"jsonrpc":"2.0","id":"first","method":"tools/list"}"#).await;
        desk
    }

    /// Answers a question of ours with this result.
    pub(super) async fn reply(&mut self, asked: &Value, result: &str) {
        let id = &asked["id"];
        self.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).await;
    }

    /// Closes the client's end; what is still said, and why it ended.
    pub(super) async fn leave(mut self) -> (Vec<String>, Ended) {
        drop(self.to.take());
        let mut rest = Vec::new();
        loop {
            let line = self.hear().await;
            if line.is_empty() {
                break;
            }
            rest.push(line);
        }
        (rest, self.ended.await.unwrap())
    }
}

pub(super) fn initialize(version: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{version}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}}}"#
    )
}

pub(super) fn call(id: &str, name: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{{}}}}}}"#
    )
}

/// A request of 2026-07-28 whose client can do this; `rest` are more members of its parameters.
pub(super) fn modern(id: &str, method: &str, capabilities: &str, rest: &str) -> String {
    let able = MODERN.replace("Capabilities\":{}", &format!("Capabilities\":{capabilities}"));
    let comma = if rest.is_empty() { "" } else { "," };
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{able}{comma}{rest}}}}}"#)
}

pub(super) fn one(script: &Arc<Script>) -> Plan {
    ours(vec![scripted("a", script)])
}

//! For tests: a connection that answers by script, and short ways to make plans and lists.

use super::{
    Hub, HubConfig, Notice, Plan, PlanConnection, Rules, Shown, Source, Versions,
    member::{Changed, Lists, Member, Session},
};
use crate::{
    kind::{AuthKind, BreakerState, Era, Pin, Status},
    name::Tenant,
    store::{
        AccessLog, CachedLists, Entry, Filter, HealthStore, ListCache, LogReader, OtherLists,
        PinStore,
    },
    task::Shutdown,
    upstream::{Call, Deps, Event, Limits, Listing, Reply, Snapshot, UpstreamError},
    wire::{Ask, Declared, Outcome},
};
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};
use tokio::sync::{mpsc, watch};

/// An upstream that does as it is told.
pub struct Script {
    pub tools: Mutex<Vec<String>>,
    pub others: Mutex<OtherLists>,
    /// Raw JSON.
    pub capabilities: Mutex<Option<&'static str>>,
    pub list_error: Mutex<Option<UpstreamError>>,
    pub era: Era,
    /// By the upstream's own names; a tool without an answer gets an empty result.
    pub answers: Mutex<HashMap<String, Does>>,
    turns: Mutex<HashMap<String, VecDeque<Does>>>,
    /// The parameters of every call, in order.
    pub calls: Mutex<Vec<String>>,
    pub lists: AtomicUsize,
    pub closed: AtomicBool,
    pub dropped: Arc<AtomicUsize>,
    pub state: Mutex<Status>,
    /// Listing and [`Does::Wait`] go on when this is true.
    pub gate: watch::Sender<bool>,
}

/// What a call does.
#[derive(Clone)]
pub enum Does {
    Give(&'static str),
    AskInput(&'static str),
    Fail(UpstreamError),
    /// Never ends; counts in `dropped` when it is dropped.
    Hang,
    /// Ends with an empty result when the gate opens.
    Wait,
    /// Reports progress with these parameters, then ends.
    Progress(&'static str),
    /// Logs a message with these parameters, then ends.
    Log(&'static str),
    /// Puts questions (method, parameters), those of a round at once, with a report of progress
    /// after each round, then ends with
    /// `{"content":[],"answers":[…]}`: the results and errors that came back, in their order.
    Ask(&'static [&'static [(&'static str, &'static str)]]),
    /// Puts a question, takes it back when the gate opens, then ends.
    AskUntilOpen(&'static str, &'static str),
}

impl Script {
    pub fn new(tools: &[&str]) -> Arc<Self> {
        Self::of_era(Era::Legacy, tools)
    }

    pub fn of_era(era: Era, tools: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            tools: Mutex::new(tools.iter().map(|name| tool(name)).collect()),
            others: Mutex::default(),
            capabilities: Mutex::default(),
            list_error: Mutex::default(),
            era,
            answers: Mutex::default(),
            turns: Mutex::default(),
            calls: Mutex::default(),
            lists: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            dropped: Arc::default(),
            state: Mutex::new(Status::Unknown),
            gate: watch::Sender::new(true),
        })
    }

    pub fn answer(&self, tool: &str, does: Does) {
        self.answers.lock().unwrap().insert(tool.to_owned(), does);
    }

    /// What the next calls of a tool do; the last one is for all that follow.
    pub fn answers_in_turn(&self, tool: &str, all: impl IntoIterator<Item = Does>) {
        self.turns.lock().unwrap().insert(tool.to_owned(), all.into_iter().collect());
    }

    async fn open(&self) {
        self.gate.subscribe().wait_for(|open| *open).await.unwrap();
    }

    pub(super) async fn call(&self, call: Call) -> Result<Reply, UpstreamError> {
        let text = String::from_utf8(call.params.to_vec()).unwrap();
        self.calls.lock().unwrap().push(text);
        let name = call.name.as_deref().unwrap_or_default();
        if let Some(next) = self.turns.lock().unwrap().get_mut(name).and_then(VecDeque::pop_front) {
            self.answer(name, next);
        }
        let does = self.answers.lock().unwrap().get(name).cloned();
        let result = match does {
            None => r#"{"content":[]}"#,
            Some(Does::Give(result)) => result,
            Some(Does::AskInput(result)) => {
                let outcome = Outcome::InputRequired(Bytes::from_static(result.as_bytes()));
                return Ok(Reply { outcome, era: self.era });
            }
            Some(Does::Fail(error)) => return Err(error),
            Some(Does::Hang) => {
                struct Counted(Arc<AtomicUsize>);
                impl Drop for Counted {
                    fn drop(&mut self) {
                        self.0.fetch_add(1, Ordering::SeqCst);
                    }
                }
                let _counted = Counted(Arc::clone(&self.dropped));
                std::future::pending().await
            }
            Some(Does::Wait) => {
                self.open().await;
                r#"{"content":[]}"#
            }
            Some(Does::Progress(params)) => {
                if let Some(link) = &call.link {
                    link.progress(Bytes::from_static(params.as_bytes()));
                }
                r#"{"content":[]}"#
            }
            Some(Does::Log(params)) => {
                if let Some(link) = &call.link {
                    link.log(Bytes::from_static(params.as_bytes()));
                }
                r#"{"content":[]}"#
            }
            Some(Does::Ask(rounds)) => {
                let link = call.link.as_ref().unwrap();
                let mut answers = Vec::new();
                for round in rounds {
                    let all =
                        round.iter().map(|(method, params)| link.ask(question(method, params)));
                    for answer in futures_util::future::join_all(all).await {
                        let text = answer.unwrap_or_else(|error| error.json().clone());
                        answers.push(String::from_utf8(text.to_vec()).unwrap());
                    }
                    let progress = format!(r#"{{"progressToken":0,"progress":{}}}"#, answers.len());
                    link.progress(progress.into());
                }
                let text = format!(r#"{{"content":[],"answers":[{}]}}"#, answers.join(","));
                return Ok(Reply { outcome: Outcome::Complete(text.into()), era: self.era });
            }
            Some(Does::AskUntilOpen(method, params)) => {
                let asked = call.link.as_ref().unwrap().ask(question(method, params));
                tokio::select! {
                    _ = asked => {}
                    () = self.open() => {}
                }
                r#"{"content":[]}"#
            }
        };
        let outcome = Outcome::Complete(Bytes::from_static(result.as_bytes()));
        Ok(Reply { outcome, era: self.era })
    }

    pub(super) async fn list(&self) -> Result<Listing, UpstreamError> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.open().await;
        if let Some(error) = self.list_error.lock().unwrap().clone() {
            return Err(error);
        }
        let tools = self.tools.lock().unwrap();
        Ok(Listing {
            tools: tools.iter().map(|tool| Bytes::copy_from_slice(tool.as_bytes())).collect(),
            others: self.others.lock().unwrap().clone(),
            era: self.era,
            era_at: None,
            protocol: "2025-11-25".into(),
            server_info: Some(Bytes::from_static(br#"{"name":"script","version":"1"}"#)),
            capabilities: self
                .capabilities
                .lock()
                .unwrap()
                .map(|c| Bytes::from_static(c.as_bytes())),
            instructions: Some("Be kind.".into()),
        })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: *self.state.lock().unwrap(),
            since: SystemTime::UNIX_EPOCH,
            last_error: None,
            breaker: BreakerState::Closed,
            latency: None,
            era: None,
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

fn question(method: &str, params: &'static str) -> Ask {
    Ask { method: method.into(), params: Bytes::from_static(params.as_bytes()) }
}

/// A valid tool.
pub fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#)
}

pub fn plan(name: &str) -> PlanConnection {
    PlanConnection {
        name: name.parse().unwrap(),
        account: name.to_owned(),
        auth: AuthKind::None,
        target: "https://x.example/mcp".into(),
        fingerprint: String::new(),
        shown: Shown::Yes,
        problem: None,
        rules: Rules::default(),
        pin: Pin::Warn,
        manifest: None,
        source: Source::None,
    }
}

pub fn scripted(name: &str, script: &Arc<Script>) -> PlanConnection {
    PlanConnection { source: Source::Script(Arc::clone(script)), ..plan(name) }
}

pub fn ours(connections: Vec<PlanConnection>) -> Plan {
    Plan { connections, own_tools: vec!["*".into()], ..Plan::default() }
}

pub(super) fn lists(tools: &[String]) -> Lists {
    Lists {
        cached: CachedLists {
            target: "https://x.example/mcp".into(),
            fetched_at: SystemTime::UNIX_EPOCH,
            era: None,
            protocol: None,
            server_info: None,
            capabilities: None,
            instructions: None,
            era_at: None,
            tools: tools.iter().map(|t| Bytes::copy_from_slice(t.as_bytes())).collect(),
            others: OtherLists::default(),
        },
        changed: Changed::default(),
    }
}

pub(super) fn member(plan: PlanConnection) -> Arc<Member> {
    opened(plan, None)
}

pub(super) fn member_with(plan: PlanConnection, lists: Lists) -> Arc<Member> {
    opened(plan, Some(lists))
}

fn opened(plan: PlanConnection, lists: Option<Lists>) -> Arc<Member> {
    let (events, _) = mpsc::channel(1);
    let deps = Deps {
        net: net(),
        shutdown: Shutdown::new(),
        events,
        declared: Declared::default(),
        limits: Limits::default(),
    };
    let session = Session::open(&plan, lists, &deps);
    Arc::new(Member::new(plan, Arc::new(session)))
}

/// A hub in a folder of its own.
pub struct Rig {
    pub hub: Hub,
    pub shutdown: Shutdown,
    pub events: mpsc::Sender<(crate::name::ConnectionName, Event)>,
    pub dir: tempfile::TempDir,
}

impl Rig {
    pub fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (hub, shutdown, events) = hub_in(dir.path());
        Self { hub, shutdown, events, dir }
    }

    /// Another process on the same files.
    pub fn again(&self) -> Hub {
        hub_in(self.dir.path()).0
    }

    pub async fn say(&self, connection: &str, event: Event) {
        self.events.send((connection.parse().unwrap(), event)).await.unwrap();
    }

    /// Tells what an upstream would have told.
    pub fn notice(&self, notice: Notice) {
        self.hub.0.notices.send(notice).unwrap();
    }

    /// Lists change.
    pub fn change(&self, change: impl FnOnce(&mut Versions)) {
        self.hub.0.version.send_modify(change);
    }

    /// What sessions would mirror of the client.
    pub fn declared(&self) -> Bytes {
        self.hub.0.deps.declared.get()
    }

    /// Outcome, connection and tool of every line of the access log.
    pub fn log(&self) -> Vec<String> {
        let line = |e: &Entry| format!("{} {} {}", e.outcome.word(), e.connection, e.tool);
        self.entries().iter().map(line).collect()
    }

    /// Every line of the access log.
    pub fn entries(&self) -> Vec<Entry> {
        self.hub.log().write_waiting();
        let mut lines = Vec::new();
        let mut reader = LogReader::new(self.dir.path().join("access.log"));
        let each = |e: Entry| lines.push(e);
        reader.read(&Filter::default(), each).unwrap();
        lines
    }
}

fn hub_in(dir: &Path) -> (Hub, Shutdown, mpsc::Sender<(crate::name::ConnectionName, Event)>) {
    let (events, received) = mpsc::channel(16);
    let shutdown = Shutdown::new();
    let hub = Hub::new(HubConfig {
        links: None,
        own: super::own::Deps::default(),
        cache: ListCache::new(dir.join("lists")),
        pins: PinStore::new(dir.join("pins")),
        health: HealthStore::new(dir.join("health")),
        log: AccessLog::new(dir.join("access.log")),
        tenant: Tenant::default(),
        deps: Deps {
            net: net(),
            shutdown: shutdown.clone(),
            events: events.clone(),
            declared: Declared::default(),
            limits: Limits::default(),
        },
        events: received,
    });
    (hub, shutdown, events)
}

/// Builds nothing before the first request, and there is none.
fn net() -> crate::net::Net {
    crate::net::Net::new(crate::net::NetConfig::default())
}

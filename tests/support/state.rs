//! What the parts of one upstream share.

use super::{
    fault::Fault,
    record::{Recorder, Request},
    script::{Script, Tool},
    sse::StreamLog,
    task::Running,
    wire,
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

pub(super) struct Shared {
    script: Mutex<Arc<Script>>,
    faults: Mutex<Vec<Fault>>,
    pub recorder: Recorder,
    pub state: Mutex<State>,
    pub open_connections: AtomicUsize,
    pub connections: AtomicUsize,
    counter: AtomicUsize,
    gate: Notify,
}

/// One TCP connection.
#[derive(Debug, Default)]
pub(super) struct Conn {
    pub number: usize,
    /// Ends with RST instead of FIN.
    pub reset: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    pub sessions: HashMap<String, Session>,
    /// The GET stream of clients without a session.
    pub general: Option<Arc<StreamLog>>,
    /// The streams that can be resumed, by their key.
    pub streams: HashMap<String, Arc<StreamLog>>,
    pub listeners: Vec<Listener>,
    /// One for each GET stream, with its session; cancelled once the client has left it.
    pub get_readers: Vec<(String, CancellationToken)>,
    /// The sessions in which something was called.
    pub callers: HashSet<String>,
    /// The `requestState`s that modern clients have to bring back, once each.
    pub issued: HashMap<String, Issued>,
    /// What was wrong with retries.
    pub complaints: Vec<String>,
    /// What clients said they can do, by session in the call itself: the tool, and that.
    pub told: Vec<(String, Value)>,
    /// The same of the latest handshake, raw.
    pub last_capabilities: Option<String>,
    /// The least level of log messages, by session.
    pub levels: HashMap<String, String>,
    /// What is subscribed to by request: session and URI.
    pub subscribed: HashSet<(String, String)>,
    pub tasks: HashMap<String, Running>,
    /// The pages that users went to, by elicitation id.
    pub visited: HashSet<String>,
    /// The tools that are held no more.
    pub released: HashSet<String>,
    /// Questions to the client that wait for their answer, by raw id.
    pub asked: HashMap<String, oneshot::Sender<String>>,
    /// What clients answered to our questions: the raw id or key, and the raw answer.
    pub answers: Vec<(String, String)>,
    /// The calls that can be cancelled: session and raw id.
    pub running: HashMap<(String, String), CancellationToken>,
    pub runs: HashMap<String, usize>,
    pub in_flight: usize,
    pub peak: usize,
    pub last_answer: String,
}

impl State {
    /// True when this session has an open GET stream.
    pub(super) fn reads(&self, session: &str) -> bool {
        self.get_readers.iter().any(|(of, gone)| of == session && !gone.is_cancelled())
    }
}

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub version: String,
    /// Raw, from `initialize`.
    pub capabilities: String,
    pub general: Arc<StreamLog>,
}

/// One `subscriptions/listen`.
pub(super) struct Listener {
    pub id: String,
    pub log: Arc<StreamLog>,
    pub gone: CancellationToken,
    pub filter: Filter,
}

/// What a listener wants to hear of.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub tools: bool,
    pub prompts: bool,
    pub resources: bool,
    pub uris: Option<Vec<String>>,
}

impl Filter {
    /// As the acknowledgement says it.
    pub(super) fn honoured(&self) -> Value {
        let mut all = serde_json::Map::new();
        for (wanted, key) in [
            (self.tools, "toolsListChanged"),
            (self.prompts, "promptsListChanged"),
            (self.resources, "resourcesListChanged"),
        ] {
            if wanted {
                all.insert(key.into(), true.into());
            }
        }
        if let Some(uris) = &self.uris {
            all.insert("resourceSubscriptions".into(), json!(uris));
        }
        all.into()
    }

    fn wants(&self, method: &str) -> bool {
        match method {
            "notifications/tools/list_changed" => self.tools,
            "notifications/prompts/list_changed" => self.prompts,
            "notifications/resources/list_changed" => self.resources,
            _ => false,
        }
    }
}

/// A `requestState` that is out with a client.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    /// The call, which the retry has to repeat.
    pub call: String,
    /// The keys of the questions.
    pub keys: Vec<String>,
    pub round: usize,
    /// The answers of the rounds before.
    pub heard: Vec<String>,
}

impl Shared {
    pub(super) fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Arc::new(script)),
            faults: Mutex::default(),
            recorder: Recorder::default(),
            state: Mutex::default(),
            open_connections: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            counter: AtomicUsize::new(0),
            gate: Notify::new(),
        })
    }

    pub(super) fn script(&self) -> Arc<Script> {
        Arc::clone(&self.script.lock().unwrap())
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(Arc::make_mut(&mut self.script.lock().unwrap()));
    }

    pub(super) fn add_fault(&self, fault: Fault) {
        self.faults.lock().unwrap().push(fault);
    }

    pub(super) fn clear_faults(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// The fault that this request meets, used up by one.
    pub(super) fn fault_for(&self, request: &Request) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.iter_mut().find(|fault| fault.matches(request))?;
        fault.left = fault.left.map(|left| left - 1);
        Some(fault.clone())
    }

    /// A number nobody had before.
    pub(super) fn next(&self) -> usize {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn tool(&self, name: &str) -> Option<Tool> {
        self.script().tools.iter().find(|tool| tool.name == name).cloned()
    }

    /// A new stream that can be found again by its key.
    pub(super) fn stream(&self) -> Arc<StreamLog> {
        let log = StreamLog::new(format!("s{}", self.next()));
        self.state.lock().unwrap().streams.insert(log.key.clone(), Arc::clone(&log));
        log
    }

    /// Sends a notification to everybody who listens.
    pub(super) fn announce(&self, method: &str) {
        let legacy = wire::notification(method, None);
        let mut state = self.state.lock().unwrap();
        let sessions = state.sessions.values().map(|session| &session.general);
        for stream in sessions.chain(&state.general) {
            stream.push(legacy.clone());
        }
        state.listeners.retain(|listener| !listener.gone.is_cancelled());
        for listener in state.listeners.iter().filter(|listener| listener.filter.wants(method)) {
            let params = format!(r#"{{"_meta":{{"{}":{}}}}}"#, wire::SUBSCRIPTION_ID, listener.id);
            listener.log.push(wire::notification(method, Some(&params)));
        }
    }

    /// Says that a resource changed to those who subscribed to it.
    pub(super) fn announce_update(&self, uri: &str) {
        const METHOD: &str = "notifications/resources/updated";
        let raw = wire::quote(uri);
        let legacy = wire::notification(METHOD, Some(&format!(r#"{{"uri":{raw}}}"#)));
        let state = self.state.lock().unwrap();
        for (id, session) in &state.sessions {
            if state.subscribed.contains(&(id.clone(), uri.to_owned())) {
                session.general.push(legacy.clone());
            }
        }
        for listener in state.listeners.iter().filter(|listener| !listener.gone.is_cancelled()) {
            if listener.filter.uris.iter().flatten().any(|one| one == uri) {
                let tag = format!(r#""_meta":{{"{}":{}}}"#, wire::SUBSCRIPTION_ID, listener.id);
                let params = format!(r#"{{{tag},"uri":{raw}}}"#);
                listener.log.push(wire::notification(METHOD, Some(&params)));
            }
        }
    }

    /// True when `list_changed` of this kind, or `updates` of resources, goes to somebody, and
    /// to every session that calls or subscribes.
    pub(super) fn is_heard(&self, kind: &str) -> bool {
        let method = format!("notifications/{kind}/list_changed");
        let wants = |filter: &Filter| match kind {
            "updates" => filter.uris.as_ref().is_some_and(|uris| !uris.is_empty()),
            _ => filter.wants(&method),
        };
        let state = self.state.lock().unwrap();
        let mut open = state.listeners.iter().filter(|listener| !listener.gone.is_cancelled());
        if open.any(|listener| wants(&listener.filter)) {
            return true;
        }
        let subscribers = state.subscribed.iter().map(|(session, _)| session);
        let mut busy = state.callers.iter().chain(subscribers);
        state.get_readers.iter().any(|(_, gone)| !gone.is_cancelled())
            && busy.all(|id| !state.sessions.contains_key(id) || state.reads(id))
    }

    /// The URIs that somebody is subscribed to now, in either way.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let open = state.listeners.iter().filter(|listener| !listener.gone.is_cancelled());
        let mut all: Vec<String> =
            open.filter_map(|listener| listener.filter.uris.clone()).flatten().collect();
        let live = state.subscribed.iter().filter(|(id, _)| state.sessions.contains_key(id));
        all.extend(live.map(|(_, uri)| uri.clone()));
        all.sort();
        all
    }

    /// Waits until the tool is held no more.
    pub(super) async fn released(&self, tool: &str) {
        loop {
            let changed = self.gate.notified();
            if self.state.lock().unwrap().released.contains(tool) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn release(&self, tool: &str) {
        self.state.lock().unwrap().released.insert(tool.to_owned());
        self.gate.notify_waiters();
    }

    /// Ends every GET and listen stream, the latter with its result when `gracefully`.
    pub(super) fn end_streams(&self, gracefully: bool) {
        let script = self.script();
        let fresh = || StreamLog::new(format!("s{}", self.next()));
        let state = &mut *self.state.lock().unwrap();
        let sessions = state.sessions.values_mut().map(|session| &mut session.general);
        for stream in sessions.chain(&mut state.general) {
            std::mem::replace(stream, fresh()).finish();
            state.streams.insert(stream.key.clone(), Arc::clone(stream));
        }
        for Listener { id, log, .. } in state.listeners.drain(..) {
            if gracefully {
                let id_meta = format!(r#""_meta":{{"{}":{id}}}"#, wire::SUBSCRIPTION_ID);
                let result = format!(r#"{{"resultType":"complete",{id_meta}}}"#);
                log.push(wire::result(&script.envelope, &id, &result));
            }
            log.finish();
        }
    }

    /// Sends raw JSON on every GET and listen stream.
    pub(super) fn push_raw(&self, message: &Bytes) {
        let state = self.state.lock().unwrap();
        let sessions = state.sessions.values().map(|session| &session.general);
        let listeners = state.listeners.iter().map(|listener| &listener.log);
        for stream in sessions.chain(&state.general).chain(listeners) {
            stream.push(message.clone());
        }
    }
}

//! What the parts of one upstream share.

use super::{
    fault::Fault,
    record::{Recorder, Request},
    script::{Script, Tool},
    sse::StreamLog,
    wire,
};
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(super) struct Shared {
    script: Mutex<Arc<Script>>,
    faults: Mutex<Vec<Fault>>,
    pub recorder: Recorder,
    pub state: Mutex<State>,
    pub open_connections: AtomicUsize,
    pub connections: AtomicUsize,
    counter: AtomicUsize,
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
    /// One for each GET stream; cancelled once the client has left it.
    pub get_readers: Vec<CancellationToken>,
    /// The `requestState`s that modern clients have to bring back.
    pub issued: HashSet<String>,
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

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub version: String,
    pub general: Arc<StreamLog>,
}

/// One `subscriptions/listen`.
pub(super) struct Listener {
    pub id: String,
    pub log: Arc<StreamLog>,
    pub gone: CancellationToken,
    pub wants_tools: bool,
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
        for listener in state.listeners.iter().filter(|listener| listener.wants_tools) {
            let params = format!(r#"{{"_meta":{{"{}":{}}}}}"#, wire::SUBSCRIPTION_ID, listener.id);
            listener.log.push(wire::notification(method, Some(&params)));
        }
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

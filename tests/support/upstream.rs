//! A scripted MCP server over real HTTP on loopback, on a thread and a runtime of its own.

use super::{
    fault::Fault,
    net::{self, Gate, Order},
    record::Request,
    script::{Script, Tool},
    state::Shared,
    wire,
};
use bytes::Bytes;
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering, mpsc as sync_mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::mpsc;

/// The handle of a running upstream; it stops when this is dropped.
///
/// What waits (`wait_for`, `poll`) blocks its thread: an async test whose own tasks have to go on
/// meanwhile runs with `flavor = "multi_thread"`.
pub struct Upstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    orders: Option<mpsc::UnboundedSender<Order>>,
    runtime: tokio::runtime::Handle,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    pub fn start(script: Script) -> Self {
        let shared = Shared::new(script);
        let (orders, inbox) = mpsc::unbounded_channel();
        let (ready, wait) = sync_mpsc::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket = net::hold((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                let address = socket.local_addr().unwrap();
                let serve = net::serve(served, socket, inbox);
                tokio::pin!(serve);
                // One poll first, so that it listens when the test hears of it.
                let waker = std::task::Waker::noop();
                let _ = serve.as_mut().poll(&mut std::task::Context::from_waker(waker));
                ready.send((address, tokio::runtime::Handle::current())).unwrap();
                serve.await.unwrap();
            });
        });
        let (address, runtime) = wait.recv().expect("the upstream starts");
        Self { shared, address, orders: Some(orders), runtime, thread: Some(thread) }
    }

    /// The MCP endpoint.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.shared.script().path)
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that was sent to it so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.recorder.all()
    }

    /// The requests with this JSON-RPC method.
    pub fn requests_of(&self, rpc_method: &str) -> Vec<Request> {
        let all = self.requests().into_iter();
        all.filter(|request| request.is(rpc_method)).collect()
    }

    /// The requests with this HTTP method.
    pub fn http_requests_of(&self, method: &str) -> Vec<Request> {
        let all = self.requests().into_iter();
        all.filter(|request| request.http_method == method).collect()
    }

    /// Waits until `done` holds for what was sent; fails after 30 s with all that was.
    pub fn wait_for(&self, what: &str, done: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        self.shared.recorder.wait(what, done)
    }

    /// Waits until so many requests with this JSON-RPC method have come.
    pub fn wait_for_method(&self, rpc_method: &str, count: usize) -> Vec<Request> {
        self.wait_for(&format!("{count} × {rpc_method}"), |all| {
            all.iter().filter(|request| request.is(rpc_method)).count() >= count
        });
        self.requests_of(rpc_method)
    }

    /// Waits until so many GET and listen streams are open.
    pub fn wait_for_streams(&self, count: usize) {
        self.poll("open streams", || self.open_streams() >= count);
    }

    /// Waits until a change of `tools`, `prompts` or `resources`, or `updates`, would be heard, by every legacy
    /// session that something was called in too.
    pub fn wait_until_heard(&self, kind: &str) {
        self.poll("an open stream", || self.shared.is_heard(kind));
    }

    /// Waits until exactly these URIs are subscribed to.
    pub fn wait_for_subscriptions(&self, uris: &[&str]) {
        self.poll("subscriptions", || {
            let mut all = self.subscriptions();
            all.dedup();
            all == uris
        });
    }

    /// Waits until `done` holds; for states of the upstream that are not in its record.
    pub fn poll(&self, what: &str, done: impl Fn() -> bool) {
        for _ in 0..3000 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("waited in vain for {what}; got {:#?}", self.requests());
    }

    /// How often a tool really ran.
    pub fn runs(&self, tool: &str) -> usize {
        self.shared.state.lock().unwrap().runs.get(tool).copied().unwrap_or(0)
    }

    /// How many calls ran at the same time, at most.
    pub fn peak_in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().peak
    }

    pub fn in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().in_flight
    }

    /// What clients answered to questions: raw id (legacy) or key (modern), and raw answer.
    pub fn answers(&self) -> Vec<(String, String)> {
        self.shared.state.lock().unwrap().answers.clone()
    }

    /// What was wrong with the retries that modern clients sent; nothing, if all is well.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().complaints.clone()
    }

    /// What clients said they can do where they called this tool, prompt or resource: each call
    /// counts, and a legacy one has what its session began with.
    pub fn told_for(&self, name: &str) -> Vec<Value> {
        let state = self.shared.state.lock().unwrap();
        let calls = state.told.iter().filter(|(tool, _)| tool == name);
        calls.map(|(_, told)| told.clone()).collect()
    }

    /// The URIs that somebody is subscribed to now, sorted.
    pub fn subscriptions(&self) -> Vec<String> {
        self.shared.subscriptions()
    }

    /// Lets a held tool go on, in calls to come too.
    pub fn release(&self, tool: &str) {
        self.shared.release(tool);
    }

    /// The user has been at the page of this elicitation; legacy clients are told.
    pub fn visit(&self, elicitation: &str) {
        self.shared.state.lock().unwrap().visited.insert(elicitation.to_owned());
        let params = format!(r#"{{"elicitationId":{}}}"#, wire::quote(elicitation));
        let done = wire::notification("notifications/elicitation/complete", Some(&params));
        let state = self.shared.state.lock().unwrap();
        for session in state.sessions.values() {
            session.general.push(done.clone());
        }
    }

    pub fn sessions(&self) -> usize {
        self.shared.state.lock().unwrap().sessions.len()
    }

    /// How many GET and listen streams are open.
    pub fn open_streams(&self) -> usize {
        let state = self.shared.state.lock().unwrap();
        let get = state.get_readers.iter().filter(|(_, gone)| !gone.is_cancelled()).count();
        get + state.listeners.iter().filter(|listener| !listener.gone.is_cancelled()).count()
    }

    /// TCP connections ever made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub fn open_connections(&self) -> usize {
        self.shared.open_connections.load(Ordering::SeqCst)
    }

    /// Changes the script for all requests to come.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        self.shared.change(change);
    }

    /// Replaces the tools; says nothing to anybody.
    pub fn set_tools(&self, tools: impl IntoIterator<Item = Tool>) {
        let tools = tools.into_iter().collect();
        self.change(|script| script.tools = tools);
    }

    /// Sends `notifications/tools/list_changed` on every open GET and listen stream.
    pub fn push_list_changed(&self) {
        self.shared.announce("notifications/tools/list_changed");
    }

    pub fn push_prompts_changed(&self) {
        self.shared.announce("notifications/prompts/list_changed");
    }

    pub fn push_resources_changed(&self) {
        self.shared.announce("notifications/resources/list_changed");
    }

    /// Sends `notifications/resources/updated` to those who subscribed to the URI.
    pub fn push_updated(&self, uri: &str) {
        self.shared.announce_update(uri);
    }

    /// Sends `list_changed` that often, spread evenly over `over`; returns at once.
    pub fn storm(&self, times: u32, over: Duration) {
        let shared = Arc::clone(&self.shared);
        self.runtime.spawn(async move {
            let start = tokio::time::Instant::now();
            for step in 0..times {
                tokio::time::sleep_until(start + over * step / times).await;
                shared.announce("notifications/tools/list_changed");
            }
        });
    }

    /// Sends raw JSON on every GET and listen stream.
    pub fn push_raw(&self, message: &str) {
        self.shared.push_raw(&Bytes::copy_from_slice(message.as_bytes()));
    }

    /// Ends every GET and listen stream, the latter with its result when `gracefully`.
    pub fn end_streams(&self, gracefully: bool) {
        self.shared.end_streams(gracefully);
    }

    /// Forgets all sessions: they are 404 from now on, and their GET streams end.
    pub fn expire_sessions(&self) {
        let sessions: Vec<_> = self.shared.state.lock().unwrap().sessions.drain().collect();
        for (_, session) in sessions {
            session.general.finish();
        }
    }

    /// Puts a fault in force.
    pub fn fault(&self, fault: Fault) {
        self.shared.add_fault(fault);
    }

    /// Ends all faults; what hangs already stays hanging.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// Refuses connections and closes those that are open; the port stays ours.
    pub fn refuse(&self) {
        self.order(Gate::Refuse);
    }

    /// Lets the kernel make connections, but never reads from a new one.
    pub fn stall(&self) {
        self.order(Gate::Stall);
    }

    /// Takes connections again, on the same port.
    pub fn open(&self) {
        self.order(Gate::Open);
    }

    /// Closes all connections, idle ones too; new ones are welcome.
    pub fn drop_connections(&self) {
        self.order(Gate::Drop);
    }

    fn order(&self, gate: Gate) {
        let (done, wait) = sync_mpsc::channel();
        self.orders.as_ref().unwrap().send((gate, done)).expect("the upstream runs");
        wait.recv().expect("the upstream runs");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // Its end is the order to stop.
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the upstream failed");
        }
    }
}

/// A port on which nobody listens, and which nobody else gets.
pub struct DeadPort(tokio::net::TcpSocket);

impl DeadPort {
    pub fn new() -> Self {
        Self(net::hold((Ipv4Addr::LOCALHOST, 0).into()).unwrap())
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.0.local_addr().unwrap())
    }
}

//! An MCP client over the pipes of `allmcp serve` (or `bridge`), line by line.

use super::{
    env::{self, Cmd, TestEnv},
    wire,
};
use serde_json::{Map, Value, json};
use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// How long a test waits for a line that has to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and the pipes to it.
///
/// When it is dropped, its stdin is closed, it is waited for (and killed after 10 s), and every
/// line it ever wrote has to have been JSON-RPC.
pub struct Serve {
    child: Child,
    stdin: Option<ChildStdin>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    shown: String,
    next_id: u64,
    /// What a modern request says the client can do.
    pub capabilities: Value,
    /// Who the client says it is.
    pub client_info: Value,
}

/// One line of its stdout, looked into once.
struct Line {
    bytes: Vec<u8>,
    id: Option<String>,
    method: Option<String>,
    is_response: bool,
}

impl Line {
    fn read(bytes: Vec<u8>) -> Self {
        let rpc = wire::Rpc::parse(&bytes).unwrap_or_default();
        let is_response = rpc.is_response();
        Self { bytes, id: rpc.id, method: rpc.method, is_response }
    }

    fn answers(&self, raw_id: &str) -> bool {
        self.is_response && self.id.as_deref() == Some(raw_id)
    }

    fn has_method(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }
}

#[derive(Default)]
struct Seen {
    lines: Vec<Line>,
    stderr: Vec<u8>,
    closed: bool,
    /// Its stdout is closed behind the next line.
    deaf: bool,
    stderr_closed: bool,
}

impl Serve {
    #[track_caller]
    pub fn start(env: &TestEnv, args: &[&str]) -> Self {
        Self::spawn(env.command(args))
    }

    #[track_caller]
    pub fn spawn(command: Cmd) -> Self {
        let unread = command.is_unread();
        let (mut command, shown) = command.into_parts();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("allmcp starts");
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (mut out, writer) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&seen));
        std::thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                let got = out.read_until(b'\n', &mut line).unwrap_or(0);
                let line = Line::read(line);
                let mut seen = writer.0.lock().unwrap();
                if got > 0 {
                    seen.lines.push(line);
                }
                if got == 0 || seen.deaf {
                    // Closed first, so that whoever hears of it can rely on it.
                    drop(seen);
                    drop(out);
                    writer.0.lock().unwrap().closed = true;
                    writer.1.notify_all();
                    return;
                }
                writer.1.notify_all();
            }
        });
        let (mut err, writer) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while unread && !writer.0.lock().unwrap().closed {
                std::thread::sleep(Duration::from_millis(10));
            }
            while err.read_until(b'\n', &mut line).is_ok_and(|got| got > 0) {
                writer.0.lock().unwrap().stderr.append(&mut line);
            }
            writer.0.lock().unwrap().stderr_closed = true;
            writer.1.notify_all();
        });
        Self {
            stdin: child.stdin.take(),
            child,
            seen,
            shown,
            next_id: 0,
            capabilities: json!({}),
            client_info: json!({"name": "allmcp-tests", "version": "0"}),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes these bytes as they are. A server that has gone is no failure: what is not
    /// answered is.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _gone = stdin.write_all(bytes).and_then(|()| stdin.flush());
        }
    }

    /// Writes one line.
    pub fn send_line(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send_line(&message.to_string());
    }

    /// Answers a request of the server.
    pub fn respond(&mut self, id: &Value, result: Value) {
        self.send_line(&json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    }

    /// Sends a request and does not wait; its id.
    pub fn send_request(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send_line(&message.to_string());
        id
    }

    /// Sends a request and gives the whole response.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send_request(method, params);
        self.response(id)
    }

    /// Sends a request with raw params and gives the raw line of its response.
    #[track_caller]
    pub fn request_raw(&mut self, method: &str, params: &str) -> Vec<u8> {
        let id = self.next_id.to_string();
        self.next_id += 1;
        self.send_bytes(&wire::request(&id, method, params));
        self.send_bytes(b"\n");
        self.response_line(&id)
    }

    /// Waits for the response to the request with this id.
    #[track_caller]
    pub fn response(&self, id: u64) -> Value {
        parse(&self.response_line(&id.to_string()))
    }

    /// Waits for the response with this raw id (`"a"` with its quotes).
    #[track_caller]
    pub fn response_line(&self, raw_id: &str) -> Vec<u8> {
        let what = format!("the response to {raw_id}");
        self.wait(&what, PATIENCE, |line| line.answers(raw_id))
    }

    /// The lines so far that answer the request with this raw id.
    pub fn responses(&self, raw_id: &str) -> Vec<Vec<u8>> {
        self.select(|line| line.answers(raw_id))
    }

    /// Waits for a message, one that is there already included.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        parse(&self.wait_line(what, PATIENCE, |line| {
            serde_json::from_slice(line).is_ok_and(|message: Value| wanted(&message))
        }))
    }

    /// Waits for a request or notification of the server.
    #[track_caller]
    pub fn wait_for_method(&self, method: &str) -> Value {
        self.wait_for(method, |message| message["method"] == method)
    }

    /// Waits for the message number `count` with this method, counted from 1.
    #[track_caller]
    pub fn wait_for_count(&self, method: &str, count: usize) {
        let (seen, changed) = &*self.seen;
        let enough = |seen: &mut Seen| {
            !seen.closed && seen.lines.iter().filter(|line| line.has_method(method)).count() < count
        };
        let waited = changed.wait_timeout_while(seen.lock().unwrap(), PATIENCE, enough);
        drop(waited.unwrap());
        let got = self.of_method(method).len();
        assert!(got >= count, "{count} × {method} expected, {got} came: {}", self.story());
    }

    /// The first line that is `wanted`, waited for until `patience` is over.
    #[track_caller]
    pub fn wait_line(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        self.wait(what, patience, |line| wanted(&line.bytes))
    }

    #[track_caller]
    fn wait(&self, what: &str, patience: Duration, wanted: impl Fn(&Line) -> bool) -> Vec<u8> {
        let (seen, changed) = &*self.seen;
        let deadline = Instant::now() + patience;
        let (mut from, mut guard) = (0, seen.lock().unwrap());
        loop {
            if let Some(line) = guard.lines[from..].iter().find(|line| wanted(line)) {
                return line.bytes.clone();
            }
            from = guard.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if guard.closed || left.is_zero() {
                let why = if guard.closed { "the server closed its stdout" } else { "in vain" };
                drop(guard);
                panic!("waited for {what}, {why}: {}", self.story());
            }
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }

    /// Waits until it wrote so many lines in all.
    #[track_caller]
    pub fn wait_for_lines(&self, count: usize) {
        let (seen, changed) = &*self.seen;
        let few = |seen: &mut Seen| !seen.closed && seen.lines.len() < count;
        let waited = changed.wait_timeout_while(seen.lock().unwrap(), PATIENCE, few);
        let got = waited.unwrap().0.lines.len();
        assert!(got >= count, "{count} lines expected, {got} came");
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        self.select(|_| true)
    }

    fn select(&self, wanted: impl Fn(&Line) -> bool) -> Vec<Vec<u8>> {
        let seen = self.seen.0.lock().unwrap();
        let wanted = seen.lines.iter().filter(|line| wanted(line));
        wanted.map(|line| line.bytes.clone()).collect()
    }

    /// The messages with this method so far.
    pub fn of_method(&self, method: &str) -> Vec<Value> {
        self.select(|line| line.has_method(method)).iter().map(|line| parse(line)).collect()
    }

    /// The same as the lines that they came on.
    pub fn raw_of_method(&self, method: &str) -> Vec<String> {
        let lines = self.select(|line| line.has_method(method));
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// The handshake of a legacy client; the result of `initialize`.
    #[track_caller]
    pub fn initialize(&mut self, version: &str) -> Value {
        let (capabilities, info) = (self.capabilities.clone(), self.client_info.clone());
        let params =
            json!({"protocolVersion": version, "capabilities": capabilities, "clientInfo": info});
        let response = self.request("initialize", params);
        assert!(response["result"].is_object(), "{response}");
        self.notify("notifications/initialized", json!({}));
        response["result"].clone()
    }

    /// Sends a stateless request of 2026-07-28 and does not wait; its id.
    pub fn send_modern(&mut self, method: &str, params: Value) -> u64 {
        let params = self.with_meta(params);
        self.send_request(method, params)
    }

    /// A stateless request of 2026-07-28; the whole response.
    #[track_caller]
    pub fn modern(&mut self, method: &str, params: Value) -> Value {
        let id = self.send_modern(method, params);
        self.response(id)
    }

    /// `server/discover`; its result.
    #[track_caller]
    pub fn discover(&mut self) -> Value {
        let response = self.modern("server/discover", json!({}));
        assert!(response["result"].is_object(), "{response}");
        response["result"].clone()
    }

    /// `params` with the `_meta` of a modern client; what is there already stays.
    pub fn with_meta(&self, mut params: Value) -> Value {
        let mut meta = Map::new();
        meta.insert(wire::PROTOCOL_VERSION.into(), wire::MODERN.into());
        meta.insert(wire::CLIENT_INFO.into(), self.client_info.clone());
        meta.insert(wire::CLIENT_CAPABILITIES.into(), self.capabilities.clone());
        if let Some(own) = params["_meta"].as_object() {
            meta.extend(own.clone());
        }
        params["_meta"] = meta.into();
        params
    }

    /// Closes its stdout behind the next line: the client reads no more.
    pub fn hang_up(&self) {
        self.seen.0.lock().unwrap().deaf = true;
    }

    /// True when its stdout is closed, by either side.
    pub fn has_hung_up(&self) -> bool {
        self.seen.0.lock().unwrap().closed
    }

    /// Closes stdin: the client goes away.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end; the exit code (128 and the signal, where it was one).
    #[track_caller]
    pub fn wait_exit(&mut self) -> i32 {
        let code = env::wait(&mut self.child, Instant::now() + PATIENCE);
        self.read_to_end();
        code.unwrap_or_else(|| panic!("still running after {PATIENCE:?}: {}", self.story()))
    }

    /// Waits until all that an ended server wrote is here; not for a grandchild with its pipe.
    fn read_to_end(&self) {
        let (seen, changed) = &*self.seen;
        let guard = seen.lock().unwrap();
        let open = |seen: &mut Seen| !(seen.closed && seen.stderr_closed);
        let _ = changed.wait_timeout_while(guard, Duration::from_secs(5), open);
    }

    /// Closes stdin and waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> i32 {
        self.close_stdin();
        self.wait_exit()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _gone = self.child.kill();
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().stderr).into_owned()
    }

    /// All that it said, for the message of a failed test.
    pub fn story(&self) -> String {
        let mut story = format!("{}\n", self.shown);
        for line in self.lines() {
            let line =
                String::from_utf8_lossy(&line).trim_end().chars().take(600).collect::<String>();
            let _ = writeln!(story, "  < {line}");
        }
        story + "stderr:\n" + &self.stderr()
    }

    /// Fails when anything but JSON-RPC was written to stdout. A last line without its end, from
    /// a server that was killed, is let pass.
    #[track_caller]
    pub fn assert_clean(&self) {
        for line in self.lines().iter().filter(|line| line.ends_with(b"\n")) {
            let text = String::from_utf8_lossy(line);
            assert!(wire::is_valid(line), "not JSON-RPC on stdout: {text}{}", self.stderr());
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.stdin = None;
        let ended = env::wait(&mut self.child, Instant::now() + Duration::from_secs(10));
        if !std::thread::panicking() {
            self.read_to_end();
            assert!(ended.is_some(), "did not end when its stdin was closed: {}", self.story());
            self.assert_clean();
        }
    }
}

/// The exact bytes of `result` in a response line.
pub fn raw_result(line: &[u8]) -> String {
    let result = wire::Rpc::parse(line).and_then(|rpc| rpc.result);
    result.unwrap_or_else(|| panic!("no result in {}", String::from_utf8_lossy(line)))
}

#[track_caller]
fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(line)))
}

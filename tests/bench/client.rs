//! An MCP client over stdio that waits as little as one can: blocking pipes, one thread, no parsing
//! beyond the id.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lines seen by all clients; a bench in which it stands still hangs.
static LINES: AtomicU64 = AtomicU64::new(0);

/// Direct calls count as life too.
pub(crate) fn alive() {
    LINES.fetch_add(1, Ordering::Relaxed);
}

/// Ends the program when nothing was answered for 30 seconds: a hang is a finding, not a wait.
pub(crate) fn watch_for_silence() {
    std::thread::spawn(|| {
        let mut seen = 0;
        loop {
            std::thread::sleep(Duration::from_secs(30));
            let now = LINES.load(Ordering::Relaxed);
            if now == seen {
                eprintln!("error: no answer for 30 seconds");
                #[expect(clippy::exit, reason = "the main thread hangs in a read")]
                std::process::exit(1);
            }
            seen = now;
        }
    });
}

pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    request: Vec<u8>,
    next_id: u64,
    started: Instant,
}

impl Client {
    /// Starts the server; the clock of [`Client::since_start`] runs from just before.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("the server starts");
        Self {
            input: child.stdin.take(),
            output: BufReader::with_capacity(256 * 1024, child.stdout.take().expect("piped")),
            child,
            line: Vec::with_capacity(1024 * 1024),
            request: Vec::with_capacity(1024),
            next_id: 1,
            started,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn initialize(&mut self) {
        let id = self.send(
            "initialize",
            r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#,
        );
        self.wait(id);
    }

    pub(crate) fn initialized(&mut self) {
        self.write(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_vec());
    }

    /// The whole line with the list.
    pub(crate) fn list(&mut self) -> &[u8] {
        let id = self.send("tools/list", "{}");
        self.wait(id)
    }

    /// One call and its whole line.
    pub(crate) fn call(&mut self, tool: &str, size: usize, delay_ms: u64) -> &[u8] {
        let id = self.send_call(tool, size, delay_ms);
        self.wait(id)
    }

    pub(crate) fn send_call(&mut self, tool: &str, size: usize, delay_ms: u64) -> u64 {
        let params =
            format!(r#"{{"name":"{tool}","arguments":{{"size":{size},"delay_ms":{delay_ms}}}}}"#);
        self.send("tools/call", &params)
    }

    fn send(&mut self, method: &str, params: &str) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        write!(request, r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
            .expect("memory");
        self.request = self.write(request);
        id
    }

    /// One write a message, as clients do it.
    fn write(&mut self, mut message: Vec<u8>) -> Vec<u8> {
        message.push(b'\n');
        self.input.as_mut().expect("not closed").write_all(&message).expect("the server reads");
        message
    }

    /// Reads until the answer to `id`; notifications are passed over.
    fn wait(&mut self, id: u64) -> &[u8] {
        while self.answer() != id {}
        self.checked()
    }

    /// The id of the next answer.
    pub(crate) fn answer(&mut self) -> u64 {
        loop {
            self.line.clear();
            let read = self.output.read_until(b'\n', &mut self.line).expect("stdout");
            assert!(read > 0, "the server ended in the middle of the bench");
            alive();
            if let Some(id) = id_of(&self.line) {
                return id;
            }
        }
    }

    /// The line of the last answer, which has to be a success.
    pub(crate) fn checked(&self) -> &[u8] {
        let head = &self.line[..self.line.len().min(200)];
        let failed = memchr::memmem::find(head, b"\"error\":").is_some()
            || memchr::memmem::find(head, b"\"isError\":true").is_some();
        assert!(!failed, "an answer is an error: {}", String::from_utf8_lossy(head));
        &self.line
    }

    /// Closes stdin and waits for the end; how long that took.
    pub(crate) fn finish(mut self) -> Duration {
        let asked = Instant::now();
        drop(self.input.take());
        while asked.elapsed() < Duration::from_secs(8) {
            if self.child.try_wait().expect("a child").is_some() {
                return asked.elapsed();
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        panic!("the server did not end within 8 seconds of the end of its stdin");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The id of an answer; `None` for a notification.
fn id_of(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Envelope {
        id: Option<u64>,
        method: Option<IgnoredAny>,
    }
    if let Some(rest) = line.strip_prefix(br#"{"jsonrpc":"2.0","id":"#) {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit());
        return Some(digits.fold(0, |n, b| n * 10 + u64::from(b - b'0')));
    }
    let envelope: Envelope = serde_json::from_slice(line).expect("a JSON-RPC message");
    envelope.id.filter(|_| envelope.method.is_none())
}

/// The result object of a message, as it stands.
pub(crate) fn result_of(message: &[u8]) -> &str {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        result: &'a serde_json::value::RawValue,
    }
    let envelope: Envelope<'_> = serde_json::from_slice(message).expect("a JSON-RPC message");
    envelope.result.get()
}

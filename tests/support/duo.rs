//! A client of either era, the product, and an upstream of either era; and tables of all four.

use super::{
    client::{Serve, raw_result},
    env::TestEnv,
    script::{Answers, Script},
    talk::eventually,
    upstream::Upstream,
    wire,
};
use serde_json::{Value, json};
use std::{collections::HashSet, fmt::Write as _};

/// One column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The client is of 2026-07-28.
    pub client: bool,
    /// The upstream is of 2026-07-28.
    pub upstream: bool,
}

/// Legacy to legacy: a plain proxy.
pub const A: Cell = Cell { client: false, upstream: false };
/// Legacy to modern: we answer `input_required` for the client.
pub const B: Cell = Cell { client: false, upstream: true };
/// Modern to legacy: we turn a request into `input_required`.
pub const C: Cell = Cell { client: true, upstream: false };
/// Modern to modern: it passes.
pub const D: Cell = Cell { client: true, upstream: true };

pub const CELLS: [Cell; 4] = [A, B, C, D];

impl Cell {
    /// An upstream of its era that says it does everything, and streams where it has to.
    pub fn script(self) -> Script {
        let script = if self.upstream { Script::modern() } else { Script::legacy() };
        script.answers(Answers::Mixed).everything()
    }

    pub fn name(self) -> &'static str {
        match (self.client, self.upstream) {
            (false, false) => "legacy x legacy",
            (false, true) => "legacy x modern",
            (true, false) => "modern x legacy",
            (true, true) => "modern x modern",
        }
    }
}

/// What a client of today can do.
pub fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// A running client in front of upstreams.
pub struct Duo {
    pub serve: Serve,
    /// The connection `c0`.
    pub up: Upstream,
    pub cell: Cell,
    pub env: TestEnv,
    /// The open `subscriptions/listen`, of a modern client.
    pub listen: Option<u64>,
}

impl Duo {
    /// A client that can do everything.
    #[track_caller]
    pub fn new(cell: Cell, script: Script) -> Self {
        Self::with(cell, able(), script)
    }

    /// A client that declares these capabilities, has met the server, and has listed its tools.
    #[track_caller]
    pub fn with(cell: Cell, capabilities: Value, script: Script) -> Self {
        let up = Upstream::start(script);
        let env = TestEnv::new();
        env.connection("c0", &up.url());
        // As `connect` leaves it: what there is is known from the start.
        env.cmd(&["sync"]).success();
        let serve = Serve::start(&env, &["serve"]);
        let mut duo = Self { serve, up, cell, env, listen: None };
        duo.serve.capabilities = capabilities;
        duo.hello();
        duo.result("tools/list", json!({}));
        duo
    }

    /// What the server says of itself: the result of `initialize` or `server/discover`.
    #[track_caller]
    pub fn hello(&mut self) -> Value {
        if self.cell.client { self.serve.discover() } else { self.serve.initialize("2025-11-25") }
    }

    /// Sends a request in the words of its era and does not wait; its id.
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        let params = if self.cell.client { self.serve.with_meta(params) } else { params };
        self.serve.send_request(method, params)
    }

    /// The whole response.
    #[track_caller]
    pub fn get(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.serve.response(id)
    }

    #[track_caller]
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let response = self.get(method, params);
        assert!(response["result"].is_object(), "{method}: {response}");
        let result = response["result"].clone();
        assert_eq!(result.get("resultType").is_some(), self.cell.client, "{method}: {result}");
        result
    }

    /// The code of the error that answers this.
    #[track_caller]
    pub fn code(&mut self, method: &str, params: Value) -> i64 {
        let response = self.get(method, params);
        response["error"]["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("{method}: no error: {response}"))
    }

    /// The exact bytes of the result.
    #[track_caller]
    pub fn raw(&mut self, method: &str, params: Value) -> String {
        let id = self.send(method, params);
        raw_result(&self.serve.response_line(&id.to_string()))
    }

    /// A call of a tool of `c0`; the whole response.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.get("tools/call", call_of(tool, arguments))
    }

    pub fn send_call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.send("tools/call", call_of(tool, arguments))
    }

    /// Sends a call and answers what is asked before it ends: the response, and the questions,
    /// each with its `method` and `params`.
    #[track_caller]
    pub fn answering(
        &mut self,
        tool: &str,
        arguments: Value,
        answer: impl FnMut(&Value) -> Value,
    ) -> (Value, Vec<Value>) {
        self.answering_to("tools/call", call_of(tool, arguments), answer)
    }

    /// As [`Duo::answering`], for any request.
    #[track_caller]
    pub fn answering_to(
        &mut self,
        method: &str,
        params: Value,
        mut answer: impl FnMut(&Value) -> Value,
    ) -> (Value, Vec<Value>) {
        let mut asks = Vec::new();
        if self.cell.client {
            let mut response = self.get(method, params.clone());
            while response["result"]["resultType"] == "input_required" {
                let retry = retry_of(&params, &response["result"], |ask| {
                    asks.push(ask.clone());
                    answer(ask)
                });
                response = self.get(method, retry);
            }
            return (response, asks);
        }
        let seen: HashSet<String> = self.questions().map(|ask| ask["id"].to_string()).collect();
        let (mut seen, id) = (seen, self.send(method, params));
        loop {
            let message = self.serve.wait_for("a question or the answer", |message| {
                let asks = message["method"].is_string() && message.get("id").is_some();
                asks && !seen.contains(&message["id"].to_string())
                    || !asks && message["id"] == id && message.get("method").is_none()
            });
            if message["method"].is_null() {
                return (message, asks);
            }
            seen.insert(message["id"].to_string());
            let result = answer(&message);
            self.serve.respond(&message["id"], result);
            asks.push(message);
        }
    }

    /// What the server asked a legacy client so far.
    pub fn questions(&self) -> impl Iterator<Item = Value> {
        let all = self.serve.lines().into_iter();
        let all = all.filter_map(|line| serde_json::from_slice::<Value>(&line).ok());
        all.filter(|message| message["method"].is_string() && message.get("id").is_some())
    }

    /// Wants to hear of changes: a modern client has to say so.
    #[track_caller]
    pub fn listen(&mut self, filter: Value) -> Option<Value> {
        if !self.cell.client {
            return None;
        }
        let id = self.send("subscriptions/listen", json!({"notifications": filter}));
        self.listen = Some(id);
        let method = "notifications/subscriptions/acknowledged";
        let acknowledged = self.serve.wait_for("the acknowledgement", |message| {
            message["method"] == method && message["params"]["_meta"][wire::SUBSCRIPTION_ID] == id
        });
        Some(acknowledged["params"]["notifications"].clone())
    }

    /// The notifications of this kind that reached the client in the way of its era.
    pub fn heard(&self, method: &str) -> Vec<Value> {
        let mut all = self.serve.of_method(method);
        all.retain(|message| {
            let tag = message["params"]["_meta"].get(wire::SUBSCRIPTION_ID);
            tag == self.listen.map(Value::from).as_ref()
        });
        all
    }

    /// Waits until so many notifications of this kind reached the client.
    #[track_caller]
    pub fn wait_heard(&self, method: &str, count: usize) -> Vec<Value> {
        eventually(method, || self.heard(method).len() >= count);
        self.heard(method)
    }
}

fn call_of(tool: &str, arguments: Value) -> Value {
    json!({"name": format!("c0__{tool}"), "arguments": arguments})
}

/// The request that answers `input_required`.
#[track_caller]
pub fn retry_of(params: &Value, asked: &Value, mut answer: impl FnMut(&Value) -> Value) -> Value {
    let mut retry = params.clone();
    if let Some(requests) = asked["inputRequests"].as_object() {
        let answers = requests.iter().map(|(key, ask)| (key.clone(), answer(ask)));
        retry["inputResponses"] = Value::Object(answers.collect());
    }
    if let Some(state) = asked.get("requestState") {
        assert!(state.is_string(), "{asked}");
        retry["requestState"] = state.clone();
    }
    assert!(retry.get("inputResponses").or(retry.get("requestState")).is_some(), "{asked}");
    retry
}

/// What became of a cell; the words say why there is nothing to show.
pub type Shown = Result<(), &'static str>;

/// One feature, in one column.
pub type Row = fn(Cell) -> Shown;

/// Runs every row in all four columns, prints the table, and fails when a cell did.
#[track_caller]
pub fn matrix(group: &str, rows: &[(&str, Row)]) {
    let mut table = format!("\n{group:<30}");
    for cell in CELLS {
        let _ = write!(table, " | {:<15}", cell.name());
    }
    let (mut failed, mut reasons) = (Vec::new(), String::new());
    for (feature, row) in rows {
        // Side by side: what waits in vain does not hold up the others.
        let cells = CELLS.map(|cell| {
            let row = *row;
            std::thread::spawn(move || row(cell))
        });
        let _ = write!(table, "\n{feature:<30}");
        for (cell, thread) in CELLS.into_iter().zip(cells) {
            let word = match thread.join() {
                Ok(Ok(())) => "ok",
                Ok(Err(why)) => {
                    let _ = write!(reasons, "\n{feature}, {}: {why}", cell.name());
                    "not applicable"
                }
                Err(_) => {
                    failed.push(format!("{feature}, {}", cell.name()));
                    "FAILED"
                }
            };
            let _ = write!(table, " | {word:<15}");
        }
    }
    show(&format!("{table}{reasons}\n"));
    assert!(failed.is_empty(), "{table}\nfailed: {failed:#?}");
}

#[expect(clippy::print_stdout, reason = "the table is for the one who runs the tests")]
fn show(table: &str) {
    println!("{table}");
}

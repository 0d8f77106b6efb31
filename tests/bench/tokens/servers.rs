//! MCP servers with given tools, one path each: plain threads and just enough HTTP/1.1.

use super::corpus::Tool;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

/// The lists of tools by the name of the connection.
type Lists = BTreeMap<String, Vec<Value>>;

pub(crate) struct Servers {
    lists: Arc<Lists>,
    port: u16,
}

impl Servers {
    /// They run until the program ends.
    pub(crate) fn start(tools: &[Tool]) -> Self {
        let mut lists = Lists::new();
        for tool in tools {
            let plain =
                |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            let name: String = tool.connection.chars().map(plain).collect();
            let definition = serde_json::from_slice(&tool.definition()).expect("it is JSON");
            lists.entry(name).or_default().push(definition);
        }
        let lists = Arc::new(lists);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let port = listener.local_addr().expect("an address").port();
        let served = Arc::clone(&lists);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let lists = Arc::clone(&served);
                std::thread::spawn(move || {
                    let _gone = serve(&lists, stream);
                });
            }
        });
        Self { lists, port }
    }

    /// Names and addresses.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (&str, String)> {
        let url = |name: &str| format!("http://127.0.0.1:{}/{name}", self.port);
        self.lists.keys().map(move |name| (name.as_str(), url(name)))
    }

    pub(crate) fn len(&self) -> usize {
        self.lists.len()
    }
}

/// Answers on one connection until the other side hangs up.
fn serve(lists: &Lists, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut length = 0;
        loop {
            line.clear();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        let (status, text) = match method.as_str() {
            "POST" => reply(lists.get(path.trim_start_matches('/')), &body),
            "DELETE" => ("200 OK", String::new()),
            _ => ("405 Method Not Allowed", String::new()),
        };
        let head = "content-type: application/json\r\nmcp-session-id: bench";
        let length = text.len();
        write!(stream, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{text}")?;
    }
}

fn reply(tools: Option<&Vec<Value>>, body: &[u8]) -> (&'static str, String) {
    let (Some(tools), Ok(message)) = (tools, serde_json::from_slice::<Value>(body)) else {
        return ("400 Bad Request", String::new());
    };
    let id = &message["id"];
    if id.is_null() {
        return ("202 Accepted", String::new());
    }
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "bench", "version": "1"},
        }),
        Some("tools/list") => json!({"tools": tools}),
        Some("ping") => json!({}),
        _ => {
            let error = json!({"code": -32601, "message": "Method not found"});
            return ("200 OK", json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
        }
    };
    ("200 OK", json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

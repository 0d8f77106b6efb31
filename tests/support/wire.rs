//! Raw JSON-RPC for both sides of the tests: no value is read and written again.

use bytes::Bytes;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The members of a JSON object, each as the exact text that was sent.
pub type Object = BTreeMap<String, Box<RawValue>>;

pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The stateless revision.
pub const MODERN: &str = "2026-07-28";
/// The revisions with a handshake, oldest first.
pub const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// One JSON-RPC message: its parts as the text that was sent.
#[derive(Debug, Clone, Default)]
pub struct Rpc {
    pub id: Option<String>,
    pub method: Option<String>,
    pub params: Object,
    pub meta: Object,
    pub result: Option<String>,
    pub error: Option<String>,
}

impl Rpc {
    /// None when `body` is not one JSON object.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let mut all: Object = serde_json::from_slice(body).ok()?;
        let mut take = |key: &str| all.remove(key).map(|raw| raw.get().to_owned());
        let params = take("params").map_or_else(Object::new, |raw| object(&raw));
        Some(Self {
            id: take("id").filter(|raw| raw != "null"),
            method: take("method").and_then(|raw| serde_json::from_str(&raw).ok()),
            meta: params.get("_meta").map_or_else(Object::new, |raw| object(raw.get())),
            params,
            result: take("result"),
            error: take("error"),
        })
    }

    /// A string member of `params`.
    pub fn param(&self, key: &str) -> Option<String> {
        string(&self.params, key)
    }

    /// A string member of `params._meta`.
    pub fn meta_string(&self, key: &str) -> Option<String> {
        string(&self.meta, key)
    }

    pub fn is_response(&self) -> bool {
        self.method.is_none() && (self.result.is_some() || self.error.is_some())
    }

    /// What the `Mcp-Name` header has to repeat (SEP-2243, SEP-2663).
    pub fn header_name(&self) -> Option<String> {
        match self.method.as_deref()? {
            "tools/call" | "prompts/get" => self.param("name"),
            "resources/read" => self.param("uri"),
            "tasks/get" | "tasks/update" | "tasks/cancel" => self.param("taskId"),
            _ => None,
        }
    }

    /// The tool that a `tools/call` names.
    pub fn tool(&self) -> Option<String> {
        (self.method.as_deref() == Some("tools/call")).then(|| self.param("name")).flatten()
    }
}

/// The members of `raw`, or none of them when it is not an object.
pub fn object(raw: &str) -> Object {
    serde_json::from_str(raw).unwrap_or_default()
}

pub fn string(object: &Object, key: &str) -> Option<String> {
    serde_json::from_str(object.get(key)?.get()).ok()
}

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An answer; `envelope` has `$ID` and `$RESULT`, and everything else in it is sent as it is.
pub fn result(envelope: &str, id: &str, result: &str) -> Bytes {
    // `$RESULT` last: what a tool answers may hold the text `$ID`.
    Bytes::from(envelope.replacen("$ID", id, 1).replacen("$RESULT", result, 1))
}

/// An error answer; `data` is raw JSON.
pub fn error(id: Option<&str>, code: i64, message: &str, data: Option<&str>) -> Bytes {
    let data = data.map_or_else(String::new, |raw| format!(r#","data":{raw}"#));
    let id = id.unwrap_or("null");
    let message = quote(message);
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}{data}}}}}"#
    ))
}

pub fn notification(method: &str, params: Option<&str>) -> Bytes {
    let params = params.map_or_else(String::new, |raw| format!(r#","params":{raw}"#));
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"{method}"{params}}}"#))
}

pub fn request(id: &str, method: &str, params: &str) -> Bytes {
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#))
}

/// True for one JSON-RPC message, or a batch of them as revision 2025-03-26 has it.
///
/// Shallow, so that a result of any depth passes.
pub fn is_valid(line: &[u8]) -> bool {
    if let Ok(batch) = serde_json::from_slice::<Vec<Box<RawValue>>>(line) {
        return !batch.is_empty() && batch.iter().all(|one| is_one(one.get().as_bytes()));
    }
    is_one(line)
}

fn is_one(text: &[u8]) -> bool {
    let Ok(all) = serde_json::from_slice::<Object>(text) else { return false };
    let has = |key: &str| all.contains_key(key);
    let id_is_sound = all.get("id").is_none_or(|id| {
        let id = id.get();
        id.starts_with('"') || id == "null" || id.parse::<f64>().is_ok()
    });
    string(&all, "jsonrpc").as_deref() == Some("2.0")
        && id_is_sound
        && if has("method") {
            string(&all, "method").is_some() && !has("result") && !has("error")
        } else {
            has("id") && has("result") != has("error")
        }
}

/// What the value of a mirrored header says: plain text, or the base64 form of SEP-2243.
pub fn header_text(value: &str) -> Option<String> {
    let Some(coded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="))
    else {
        return Some(value.to_owned());
    };
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in coded.bytes().filter(|byte| *byte != b'=') {
        let six = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            .iter()
            .position(|letter| *letter == byte)?;
        buffer = (buffer << 6) | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

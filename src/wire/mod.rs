//! JSON-RPC as bytes: what travels between the client edge and the upstreams.
//!
//! Owns framing, ids, splices, the reserved `_meta` keys, the tables of protocol revisions and
//! the errors of the wire. May name only leaves. Called by `serve`, `hub`, `upstream`, `store`
//! and `demo`. Only envelopes are parsed here: a result is a slice of the buffer it came in.

pub mod canonical;
pub mod declared;
pub mod era;
pub mod error;
pub mod frame;
pub mod id;
pub mod lines;
pub mod link;
pub mod log_level;
pub mod meta;
pub mod scan;
pub mod splice;
pub mod sse;

pub use declared::Declared;
pub use error::RpcError;
pub use frame::{Frame, Kind, Message};
pub use id::Id;
pub use link::{Answering, Ask, ClientLink, Outcome};
pub use log_level::LogLevel;

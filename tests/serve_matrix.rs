//! Every feature of the protocol, for a client of either era in front of an upstream of either.
//!
//! Each test prints a table (`--nocapture`): one row for each feature, one column for each pair.

#![expect(
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "each cell of a table has the same shape, and a test says what it expects"
)]

#[path = "serve_matrix/asks.rs"]
mod asks;
#[path = "serve_matrix/capabilities.rs"]
mod capabilities;
#[path = "serve_matrix/extensions.rs"]
mod extensions;
#[path = "serve_matrix/lists.rs"]
mod lists;
#[path = "serve_matrix/notices.rs"]
mod notices;
#[path = "serve_matrix/results.rs"]
mod results;
#[path = "serve_matrix/retries.rs"]
mod retries;
mod support;

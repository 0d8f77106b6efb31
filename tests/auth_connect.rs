//! Signing in from the command line: the binary, a protected server, and a browser that comes
//! back, or somebody who would like to come back in its place.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]
#![expect(clippy::disallowed_methods, reason = "the HTTP client here is the user's browser")]

#[path = "auth_connect/canary.rs"]
mod canary;
#[path = "auth_connect/clients.rs"]
mod clients;
#[path = "auth_connect/forged.rs"]
mod forged;
#[path = "auth_connect/later.rs"]
mod later;
#[path = "auth_connect/many.rs"]
mod many;
#[path = "auth_connect/patience.rs"]
mod patience;
#[path = "auth_connect/plain.rs"]
mod plain;
#[path = "auth_connect/refused.rs"]
mod refused;
#[path = "auth_connect/site.rs"]
mod site;
mod support;
#[path = "auth_connect/told.rs"]
mod told;

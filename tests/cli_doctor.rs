//! `doctor`: each finding, and that its fix makes it go away.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]
#![expect(clippy::disallowed_methods, reason = "the HTTP client here is the user's browser")]

#[path = "cli_doctor/entries.rs"]
mod entries;
#[path = "cli_doctor/files.rs"]
mod files;
#[path = "cli_doctor/health.rs"]
mod health;
#[path = "cli_doctor/look.rs"]
mod look;
#[path = "cli_doctor/sign_in.rs"]
mod sign_in;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "auth_connect/site.rs"]
mod site;
mod support;

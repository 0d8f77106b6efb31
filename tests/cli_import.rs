//! `import`: servers of clients' files, against real ones.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]
#![expect(clippy::disallowed_methods, reason = "the HTTP client here is the user's browser")]

#[path = "cli_import/asked.rs"]
mod asked;
#[path = "cli_import/files.rs"]
mod files;
#[path = "cli_import/formats.rs"]
mod formats;
#[path = "cli_import/ill.rs"]
mod ill;
#[path = "cli_import/names.rs"]
mod names;
#[path = "cli_import/sign_in.rs"]
mod sign_in;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "auth_connect/site.rs"]
mod site;
mod support;
#[path = "cli_import/taken.rs"]
mod taken;

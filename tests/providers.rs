//! The providers of the catalog, over stand-ins for their vendors.
//!
//! What `upstream::http_api` makes of a manifest is tested next to it, over the same stand-ins.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "providers/stand_in/mod.rs"]
mod stand_in;

#[path = "providers/honest.rs"]
mod honest;

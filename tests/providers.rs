//! The providers of the catalog, over stand-ins for their vendors.
//!
//! What `upstream::http_api` makes of a manifest is tested next to it, over the same stand-ins.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "providers/stand_in/mod.rs"]
mod stand_in;
mod support;

#[path = "providers/rig.rs"]
mod rig;

#[path = "providers/bitrix24.rs"]
mod bitrix24;
#[path = "providers/cloudflare.rs"]
mod cloudflare;
#[path = "providers/firecrawl.rs"]
mod firecrawl;
#[path = "providers/gateways.rs"]
mod gateways;
#[path = "providers/github.rs"]
mod github;
#[path = "providers/honest.rs"]
mod honest;
#[path = "providers/invented.rs"]
mod invented;
#[path = "providers/invented_calls.rs"]
mod invented_calls;
#[path = "providers/invented_sign_in.rs"]
mod invented_sign_in;
#[path = "providers/kommo.rs"]
mod kommo;
#[path = "providers/kommo_sign_in.rs"]
mod kommo_sign_in;
#[path = "providers/linear.rs"]
mod linear;
#[path = "providers/notion.rs"]
mod notion;
#[path = "providers/vendor.rs"]
mod vendor;
#[path = "providers/yougile.rs"]
mod yougile;

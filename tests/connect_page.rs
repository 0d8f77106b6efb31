//! The page behind a link, over real HTTP against the running binary: what one enters there, what
//! is explained, and what nobody else can make of it. And our own tools that lead there.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "providers/stand_in/mod.rs"]
mod stand_in;
mod support;

#[path = "connect_page/window.rs"]
mod window;

#[path = "connect_page/home.rs"]
mod home;

#[path = "connect_page/asked.rs"]
mod asked;
#[path = "connect_page/command.rs"]
mod command;
#[path = "connect_page/disconnect.rs"]
mod disconnect;
#[path = "connect_page/foreign.rs"]
mod foreign;
#[path = "connect_page/keys.rs"]
mod keys;
#[path = "connect_page/links.rs"]
mod links;
#[path = "connect_page/ways.rs"]
mod ways;

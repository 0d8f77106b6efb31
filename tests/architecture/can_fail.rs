//! Each rule complains about a tree that breaks it.

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn one(complaints: &[String], part: &str) {
    assert!(complaints.len() == 1 && complaints[0].contains(part), "{part}: {complaints:?}");
}

#[test]
fn a_wrong_direction_in_every_spelling() {
    for source in [
        "use crate::hub::Hub;",
        "use crate::{name::X, hub::{Hub, Y as Z}};",
        "fn f() { crate::hub::go() }",
        "fn f(x: &dyn crate::hub::T) {}",
        "pub use crate::hub;",
        "use super::hub::Hub;",
        "mod inner { fn f() { crate::hub::go() } }",
        "use allmcp::hub::Hub;",
        "use crate::*;",
        "use crate::{self as everything};",
    ] {
        let found = wrong_directions(&tree(&[("vault.rs", source), ("hub.rs", "")]));
        let complains = |line: &String| line.starts_with("vault.rs:1: vault may not name ");
        assert!(!found.is_empty() && found.iter().all(complains), "{source}: {found:?}");
    }
    one(&wrong_directions(&tree(&[("vault/x.rs", "use super::super::disk;")])), "super::super");
    one(&wrong_directions(&tree(&[("shed.rs", "")])), "no row");
    one(&wrong_directions(&tree(&[("name.rs", "use crate::text::line;")])), "may not name");
    one(&wrong_directions(&tree(&[("main.rs", "use allmcp::hub::Hub;")])), "may not name");
}

#[test]
fn a_right_direction_in_every_spelling_is_left_alone() {
    nothing(&wrong_directions(&tree(&[
        (
            "vault.rs",
            "//! [`crate::hub`]\nuse crate::{vault::X, disk::atomic}; const S: &str = \"crate::hub\";",
        ),
        ("vault/file.rs", "use super::Vault; mod tests { use super::*; }"),
        ("hub.rs", "#[cfg(test)]\nmod tests { use crate::vault::Vault; }"),
    ])));
    // A test may set up what lies below, and never what lies above.
    let above = "#[cfg(test)]\nmod tests { use crate::hub::Hub; }";
    one(&wrong_directions(&tree(&[("vault.rs", above)])), "may not name");
    let files = [("vault/mod.rs", "#[cfg(test)] mod x;"), ("vault/x.rs", "use crate::hub::H;")];
    one(&wrong_directions(&tree(&files)), "vault/x.rs:1");
}

#[test]
fn a_cycle_over_three_rooms() {
    let found = cycles(&tree(&[
        ("auth.rs", "use crate::vault::A;"),
        ("vault/mod.rs", ""),
        ("vault/file.rs", "use crate::store::B;"),
        ("store.rs", "use crate::auth::C;"),
    ]));
    assert_eq!(found.len(), 3, "{found:?}");
    nothing(&cycles(&tree(&[("auth.rs", "use crate::vault::A;"), ("vault.rs", "")])));
}

#[test]
fn a_thing_done_in_the_wrong_place() {
    for source in [
        "fn f() { std::env::var(\"X\") }",
        "use std::env; fn f() { env::var(\"X\") }",
        "use std::{env::{self, vars}, io};",
        "fn f() { tokio::spawn(g()) }",
        "use tokio::task; fn f() { task::spawn_blocking(g) }",
        "use std::io; fn f() { io::stdout() }",
        "fn f() { std::process::exit(1) }",
        "fn f() { reqwest::Client::new() }",
        "use rmcp::model::Tool;",
        "use clap::Parser;",
        "fn f() { println!(\"x\") }",
        "fn f() { std::eprintln!(\"x\") }",
    ] {
        let found = out_of_place(&tree(&[("hub/mod.rs", source)]));
        assert_eq!(found.len(), 1, "{source}: {found:?}");
    }
    nothing(&out_of_place(&tree(&[
        ("config/env.rs", "fn f() { std::env::vars() }"),
        ("task.rs", "fn f() { tokio::spawn(g()) }"),
        ("hub/own/tools.rs", "use rmcp::model::Tool;"),
        ("hub/mod.rs", "#[cfg(test)] mod tests { fn f() { println!(\"x\"); tokio::spawn(g()) } }"),
        ("cli/x.rs", "use crate::task; fn f(shutdown: &task::Shutdown) { shutdown.spawn(g()) }"),
    ])));
}

#[test]
fn a_room_that_says_nothing_of_itself() {
    one(&silent_rooms(&tree(&[("hub/mod.rs", "//! The hub.\nuse x;")])), "owns");
    one(&silent_rooms(&tree(&[("lib.rs", "mod x;"), ("hub.rs", "")])), "hub.rs");
    nothing(&silent_rooms(&tree(&[
        ("hub/mod.rs", "//! The hub.\n//! Owns it. May name nobody."),
        ("hub/deep.rs", ""),
    ])));
}

#[test]
fn long_files() {
    let lines = |count: usize| "x;\n\n".repeat(count);
    let files = |sizes: &[usize]| -> Tree {
        sizes.iter().enumerate().map(|(at, n)| (format!("hub/{at}.rs"), lines(*n))).collect()
    };
    one(&too_long(&files(&[10, 131, 131])), "median");
    one(&too_long(&files(&[&[10; 18][..], &[451, 451]].concat())), "95th");
    one(&too_long(&files(&[&[10; 40][..], &[801]].concat())), "hub/40.rs has 801");
    nothing(&too_long(&files(&[&[10; 40][..], &[700]].concat())));
    let tests = format!("x;\n#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500));
    nothing(&too_long(&tree(&[("hub.rs", &tests)])));
}

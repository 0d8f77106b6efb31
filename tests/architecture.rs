//! The house rules that a compiler does not know: who may name whom, where a thing may be done,
//! how long a file may be, and what every room says of itself.
//!
//! Each rule is a function from a small tree of sources to a list of complaints, so each is shown
//! to complain about a tree that breaks it.

#![expect(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

#[path = "architecture/can_fail.rs"]
mod each_rule_can_fail;
#[path = "architecture/scan.rs"]
mod scan;
#[path = "architecture/tokens.rs"]
mod tokens;

use scan::{Scan, scan};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Everybody may name these; among themselves, only those before.
const LEAVES: &[&str] =
    &["name", "kind", "secret", "template", "text", "task", "disk", "log", "wire"];

/// Which other rooms a room may name. `LEAVES` stands for all leaves, `ALL` for every room.
const ROOMS: &[(&str, &[&str])] = &[
    ("net", &["LEAVES"]),
    ("config", &["name", "kind", "secret", "template", "text", "task", "disk", "log"]),
    ("catalog", &["net", "LEAVES"]),
    ("vault", &["LEAVES"]),
    ("store", &["LEAVES"]),
    ("auth", &["catalog", "vault", "store", "net", "LEAVES"]),
    ("upstream", &["auth", "catalog", "store", "net", "LEAVES"]),
    ("page", &["LEAVES"]),
    ("connect", &["auth", "upstream", "catalog", "vault", "store", "page", "net", "LEAVES"]),
    ("hub", &["connect", "upstream", "catalog", "store", "page", "LEAVES"]),
    ("serve", &["hub", "store", "LEAVES"]),
    // `secret`: a key that stands in another program's file is one from the moment it is read.
    ("clients", &["secret", "text", "disk"]),
    ("demo", &["LEAVES"]),
    (
        "app",
        &[
            "net", "config", "catalog", "vault", "store", "auth", "upstream", "page", "connect",
            "hub", "serve", "clients", "demo", "LEAVES",
        ],
    ),
    // `secret`: what is typed unseen never becomes a plain string.
    ("ui", &["name", "kind", "text", "secret"]),
    ("cli", &["ALL"]),
    ("main", &["cli"]),
];

/// What is done or named only in certain places: consecutive parts of a path, and where. A folder
/// ends in `/`.
const PLACES: &[(&[&str], &[&str])] = &[
    // The one reader of the environment.
    (&["env", "var"], &["config/env.rs"]),
    (&["env", "var_os"], &["config/env.rs"]),
    (&["env", "vars"], &["config/env.rs"]),
    (&["env", "vars_os"], &["config/env.rs"]),
    (&["env", "set_var"], &[]),
    (&["env", "remove_var"], &[]),
    (&["env", "args"], &["main.rs"]),
    (&["env", "args_os"], &["main.rs"]),
    (&["env", "current_exe"], &["cli/"]),
    // Nothing is ever taken from the folder that somebody happens to stand in.
    (&["env", "current_dir"], &[]),
    // The one spawn.
    (&["tokio", "spawn"], &["task.rs"]),
    (&["task", "spawn"], &["task.rs"]),
    (&["task", "spawn_blocking"], &["task.rs"]),
    (&["task", "spawn_local"], &["task.rs"]),
    (&["task", "JoinSet"], &["task.rs"]),
    (&["thread", "spawn"], &["task.rs"]),
    (&["thread", "scope"], &["task.rs"]),
    (&["thread", "Builder"], &["task.rs"]),
    // The one writer of stdout per mode.
    (&["io", "stdout"], &["ui/", "serve/"]),
    (&["process", "exit"], &[]),
    // The one client factory.
    (&["reqwest", "ClientBuilder"], &["net/"]),
    (&["reqwest", "Client", "new"], &["net/"]),
    (&["reqwest", "Client", "builder"], &["net/"]),
];

/// Crates that stay behind certain doors.
const CRATES: &[(&str, &[&str])] = &[
    (
        "rmcp",
        &[
            "hub/own/",
            "serve/legacy.rs",
            "serve/modern.rs",
            "upstream/legacy.rs",
            "upstream/modern.rs",
            "demo/",
        ],
    ),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/complete.rs", "cli/complete/"]),
    ("terminal_size", &["ui/"]),
    ("unicode_width", &["ui/"]),
    ("rpassword", &["ui/"]),
    ("granit_parser", &["clients/"]),
    ("jsonc_parser", &["clients/"]),
    ("keyring_core", &["vault/"]),
    ("rusqlite", &["store/memory/"]),
];

const NO_MACROS: &[&str] =
    &["print", "println", "eprint", "eprintln", "dbg", "todo", "unimplemented"];

/// Lines that are not blank: of a typical file, of all but one in twenty, and of any with its
/// tests. As in linkerd2-proxy and gitoxide.
const MEDIAN: usize = 130;
const P95: usize = 450;
const LONGEST: usize = 800;

/// The sources, by path below `src/`.
type Tree = BTreeMap<String, String>;

struct Source<'a> {
    path: &'a str,
    text: &'a str,
    scan: Scan,
    /// The whole file is test code.
    is_test: bool,
}

impl Source<'_> {
    /// The first part of its path: its room, `lib` or `main`.
    fn room(&self) -> &str {
        room_of(self.path)
    }
}

fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// Modules below the crate's root: 1 for `x.rs` and `x/mod.rs`, 2 for `x/y.rs`.
fn depth(path: &str) -> usize {
    match path {
        "lib.rs" | "main.rs" => 0,
        _ => path.trim_end_matches("/mod.rs").split('/').count(),
    }
}

fn sources(tree: &Tree) -> Vec<Source<'_>> {
    let mut all: Vec<_> = tree
        .iter()
        .map(|(path, text)| Source { path, text, scan: scan(text, depth(path)), is_test: false })
        .collect();
    let tests: BTreeSet<String> = all
        .iter()
        .flat_map(|source| {
            let folder = source.path.trim_end_matches("mod.rs").trim_end_matches(".rs");
            let folder = folder.trim_end_matches('/').to_owned();
            source.scan.test_mods.iter().map(move |name| format!("{folder}/{name}.rs"))
        })
        .collect();
    for source in &mut all {
        source.is_test = tests.contains(source.path);
    }
    all
}

/// The rooms that `room` may name.
fn allowed(room: &str) -> Option<BTreeSet<&'static str>> {
    if let Some(at) = LEAVES.iter().position(|leaf| *leaf == room) {
        return Some(LEAVES[..at].iter().copied().collect());
    }
    let (_, row) = ROOMS.iter().find(|(name, _)| *name == room)?;
    let mut all = BTreeSet::new();
    for word in *row {
        match *word {
            "LEAVES" => all.extend(LEAVES),
            "ALL" => all.extend(LEAVES.iter().copied().chain(ROOMS.iter().map(|(name, _)| *name))),
            name => {
                all.insert(name);
            }
        }
    }
    all.remove(room);
    Some(all)
}

/// The rooms that `room` may name, and those that they may name, and so on: what its tests may
/// set up.
fn reachable(room: &str) -> BTreeSet<&'static str> {
    let mut all = allowed(room).unwrap_or_default();
    loop {
        let more: BTreeSet<_> = all.iter().filter_map(|room| allowed(room)).flatten().collect();
        let before = all.len();
        all.extend(more);
        if all.len() == before {
            return all;
        }
    }
}

/// Who is named by whom, with one place for each; tests aside.
fn edges(sources: &[Source<'_>]) -> BTreeMap<(String, String), String> {
    let mut all = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        for named in source.scan.named.iter().filter(|named| !named.in_test) {
            if let [root, room, ..] = named.path.as_slice()
                && root == "crate"
                && room != source.room()
            {
                let place = format!("{}:{}", source.path, named.line);
                all.entry((source.room().to_owned(), room.clone())).or_insert(place);
            }
        }
    }
    all
}

fn wrong_directions(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    for source in &sources(tree) {
        if source.path == "lib.rs" {
            continue;
        }
        let Some(allowed) = allowed(source.room()) else {
            out.push(format!("{} is in no row of the table", source.path));
            continue;
        };
        for line in &source.scan.double_supers {
            out.push(format!("{}:{line}: super::super: name the room from crate", source.path));
        }
        let reachable = reachable(source.room());
        for named in &source.scan.named {
            let place = format!("{}:{}", source.path, named.line);
            let path = named.path.join("::");
            if named.path[0] != "crate" {
                continue;
            }
            let room = named.path.get(1).map_or("", String::as_str);
            let in_test = named.in_test || source.is_test;
            let may = if in_test { &reachable } else { &allowed };
            let own_names = source.room() == room;
            if !own_names && !may.contains(room) {
                out.push(format!("{place}: {} may not name {path}", source.room()));
            }
        }
    }
    out
}

/// A way round from a room to itself, over what is really named.
fn cycles(tree: &Tree) -> Vec<String> {
    let all = sources(tree);
    let edges = edges(&all);
    let mut out = Vec::new();
    for start in all.iter().map(Source::room).collect::<BTreeSet<_>>() {
        let mut seen = BTreeSet::new();
        let mut next = vec![start.to_owned()];
        while let Some(room) = next.pop() {
            for ((from, to), place) in &edges {
                if *from == room && to == start {
                    out.push(format!("{start} leads back to itself, at last by {place}"));
                } else if *from == room && seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
    }
    out
}

fn out_of_place(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    let at_home = |path: &str, homes: &[&str]| {
        homes.iter().any(|home| path == *home || (home.ends_with('/') && path.starts_with(home)))
    };
    for source in sources(tree).iter().filter(|source| !source.is_test) {
        for named in source.scan.named.iter().filter(|named| !named.in_test) {
            let place = format!("{}:{}", source.path, named.line);
            let parts: Vec<&str> = named.path.iter().map(String::as_str).collect();
            for (what, homes) in PLACES {
                let is_it = parts.windows(what.len()).any(|window| window == *what);
                if is_it && !at_home(source.path, homes) {
                    out.push(format!("{place}: {} belongs into {homes:?}", what.join("::")));
                }
            }
            for (name, homes) in CRATES {
                if parts[0] == *name && parts.len() > 1 && !at_home(source.path, homes) {
                    out.push(format!("{place}: {name} stays in {homes:?}"));
                }
            }
        }
        for (name, line) in &source.scan.macros {
            if NO_MACROS.contains(&name.as_str()) {
                out.push(format!("{}:{line}: {name}! is used nowhere", source.path));
            }
        }
    }
    out
}

fn silent_rooms(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    for (path, text) in tree {
        let is_front = depth(path) == 1 && (path.ends_with("/mod.rs") || !path.contains('/'));
        let doc = text.lines().map_while(|line| line.strip_prefix("//!")).collect::<String>();
        if is_front && !(doc.contains("Owns ") && doc.contains("ay name ")) {
            out.push(format!("{path} does not open with what it owns and whom it may name"));
        }
    }
    out
}

fn too_long(tree: &Tree) -> Vec<String> {
    let full = |line: &str| !line.trim().is_empty();
    let mut out = Vec::new();
    let mut sizes = Vec::new();
    for source in &sources(tree) {
        let whole = source.text.lines().filter(|line| full(line)).count();
        if whole > LONGEST {
            out.push(format!("{} has {whole} lines, {LONGEST} is the end", source.path));
        }
        if !source.is_test {
            let lines = source.text.lines().enumerate();
            let code = lines.filter(|(at, l)| full(l) && !source.scan.is_test_line(at + 1));
            sizes.push(code.count());
        }
    }
    sizes.sort_unstable();
    let at = |share: usize| sizes.get(sizes.len() * share / 100).copied().unwrap_or_default();
    for (name, share, most) in [("median", 50, MEDIAN), ("95th percentile", 95, P95)] {
        if at(share) > most {
            out.push(format!("the {name} of lines in a file is {}, {most} is the end", at(share)));
        }
    }
    out
}

fn tree() -> Tree {
    fn collect(folder: &Path, below: &str, tree: &mut Tree) {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                collect(&path, &format!("{name}/"), tree);
            } else if path.extension().is_some_and(|end| end == "rs") {
                tree.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut tree = Tree::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut tree);
    assert!(tree.len() > 10, "the sources are not where they should be");
    tree
}

fn nothing(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn rooms_name_only_whom_they_may() {
    nothing(&wrong_directions(&tree()));
}

#[test]
fn no_room_leads_back_to_itself() {
    nothing(&cycles(&tree()));
}

#[test]
fn everything_is_done_in_its_place() {
    nothing(&out_of_place(&tree()));
}

#[test]
fn every_room_opens_with_what_it_owns() {
    nothing(&silent_rooms(&tree()));
}

#[test]
fn files_are_short() {
    nothing(&too_long(&tree()));
}

#[test]
fn the_table_itself_has_no_cycle() {
    for room in LEAVES.iter().copied().chain(ROOMS.iter().map(|(name, _)| *name)) {
        // `cli` may name every room, and is named by `main` alone.
        assert!(room == "cli" || room == "main" || !reachable(room).contains(room), "{room}");
    }
    let above = |row: &[&str]| row.iter().any(|word| matches!(*word, "cli" | "main" | "app"));
    assert!(ROOMS.iter().all(|(name, row)| *name == "main" || !above(row)));
}

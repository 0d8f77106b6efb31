//! The groups of rows, in the order of promises.

mod flood;
mod memory;
mod one;
mod results;
mod start;

use crate::direct::Direct;
use crate::home::Home;
use crate::options::Options;
use crate::process;
use crate::report::{self, Promise, Report};
use crate::upstream::Upstream;

/// What every group measures with.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) home: Home,
    pub(crate) json: Direct,
    pub(crate) sse: Direct,
}

type Rows = fn(&Bench<'_>, &mut Report);

pub(crate) fn all(options: &Options) -> Report {
    let mut report = Report::default();
    println!("allmcp: {}", options.binary.display());
    println!("{} rounds, {}", options.rounds, process::load());
    if options.wants("start") {
        start::rows(options, &mut report);
    }
    if options.wants("size") {
        size(options, &mut report);
    }
    let groups: [(&str, Rows); 5] = [
        ("one", one::rows),
        ("flood", flood::rows),
        ("big", results::big),
        ("huge", results::huge),
        ("memory", memory::rows),
    ];
    if groups.iter().any(|(name, _)| options.wants(name)) {
        let upstream = Upstream::start();
        let bench = Bench {
            options,
            home: Home::synced(options, &upstream),
            json: Direct::connect(&upstream.url("json")),
            sse: Direct::connect(&upstream.url("sse")),
        };
        for (name, rows) in groups {
            if options.wants(name) {
                rows(&bench, &mut report);
            }
        }
    }
    println!("\n{} at the end", process::load());
    report
}

fn size(options: &Options, report: &mut Report) {
    report::head("the program");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let megabytes = process::file_bytes(&options.binary).map(|bytes| bytes as f64 / 1e6);
    // Only the dist profile is stripped and optimised as a whole.
    let shipped = options.binary.components().any(|part| part.as_os_str() == "dist");
    let (promise, note) = if shipped {
        (Promise::AtMost(16.0), "")
    } else {
        (Promise::None, "not the dist profile: not judged")
    };
    report.row("size of the binary", promise, megabytes, "MB", note);
}

//! exec → first answers, against a bare rmcp server.

use crate::client::Client;
use crate::home::{Home, bare};
use crate::options::Options;
use crate::report::{self, Promise, Report};
use crate::stats::{by_round, median, millis, spread};
use crate::upstream::Upstream;

/// Medians of the starts of one round, in ms.
#[derive(Default)]
struct Starts {
    initialize: Vec<f64>,
    list: Vec<f64>,
}

pub(crate) fn rows(options: &Options, report: &mut Report) {
    report::head(
        "start, 30 connections, 300 tools known (exec of the process → whole answer read)",
    );
    let upstream = Upstream::start();
    let home = Home::synced(options, &upstream);
    let (mut floor, mut answering, mut silent) =
        (Starts::default(), Starts::default(), Starts::default());
    for _ in 0..options.rounds {
        round(options, &home, &mut floor, &mut answering);
    }
    let floor_then = median(&floor.initialize);
    // From here on nobody listens on the upstream's port.
    drop(upstream);
    let mut floor = Starts::default();
    for _ in 0..options.rounds {
        round(options, &home, &mut floor, &mut silent);
    }

    let bare = median(&floor.initialize);
    report.row(
        "bare rmcp server, initialize",
        Promise::None,
        Some(bare),
        "ms",
        &spread(&floor.initialize, 2),
    );
    for (what, promise, times) in [
        ("initialize, nobody listening", Promise::AtMost(4.0), &silent.initialize),
        ("tools/list of 300, nobody listening", Promise::AtMost(10.0), &silent.list),
    ] {
        let ratios = by_round(times, &floor.initialize, |a, b| a / b);
        let note = format!("{:.2} ms; {}", median(times), spread(&ratios, 2));
        report.row(what, promise, Some(median(&ratios)), "×", &note);
    }
    for (what, promise, times) in [
        ("initialize, upstreams answering", Promise::AtMost(4.0), &answering.initialize),
        ("tools/list of 300, upstreams answering", Promise::AtMost(10.0), &answering.list),
    ] {
        let note = format!("{:.2} ms", median(times));
        report.row(what, promise, Some(median(times) / floor_then), "×", &note);
    }
}

/// Starts of the bare server and of allmcp in turn.
fn round(options: &Options, home: &Home, floor: &mut Starts, ours: &mut Starts) {
    let (mut a, mut b) = (Starts::default(), Starts::default());
    for _ in 0..options.calls(15) {
        once(Client::start(bare()), &mut a);
        once(Client::start(home.serve()), &mut b);
    }
    for (all, round) in [(floor, a), (ours, b)] {
        all.initialize.push(median(&round.initialize));
        all.list.push(median(&round.list));
    }
}

fn once(mut client: Client, times: &mut Starts) {
    client.initialize();
    times.initialize.push(millis(client.since_start()));
    client.initialized();
    client.list();
    times.list.push(millis(client.since_start()));
    client.finish();
}

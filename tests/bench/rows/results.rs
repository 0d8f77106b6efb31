//! Large results: 64 KiB as a ratio, 9 MiB as they pass and what memory they take.

use super::Bench;
use crate::client::result_of;
use crate::home::{JSON_TOOL, SSE_TOOL};
use crate::process::memory_kib;
use crate::report::{self, Promise, Report};
use crate::stats::{by_round, median, micros, millis, percentile, spread};
use std::time::Instant;

const BIG: usize = 64 * 1024;
const HUGE: usize = 9 * 1024 * 1024;

pub(crate) fn big(bench: &Bench<'_>, report: &mut Report) {
    report::head("64 KiB results, one at a time (p50 against direct)");
    let calls = bench.options.calls(600);
    for (name, tool, direct) in [("JSON", JSON_TOOL, &bench.json), ("SSE", SSE_TOOL, &bench.sse)] {
        let (mut alone, mut through) = (Vec::new(), Vec::new());
        let mut same = true;
        for round in 0..bench.options.rounds {
            let mut client = bench.home.running();
            same &= result_of(client.call(tool, BIG, 0)) == result_of(&direct.call(BIG, 0));
            let mut ours = || {
                through.push(p50(calls, || {
                    client.call(tool, BIG, 0);
                }));
            };
            if round % 2 == 0 {
                ours();
                alone.push(p50(calls, || drop(direct.call(BIG, 0))));
            } else {
                alone.push(p50(calls, || drop(direct.call(BIG, 0))));
                ours();
            }
            client.finish();
        }
        let ratios = by_round(&through, &alone, |a, b| a / b);
        let note = format!(
            "{:.0} µs against {:.0}; {}",
            median(&through),
            median(&alone),
            spread(&ratios, 2)
        );
        report.row(
            &format!("{name}: 64 KiB"),
            Promise::AtMost(2.5),
            Some(median(&ratios)),
            "×",
            &note,
        );
        report.check(&format!("{name}: 64 KiB arrives byte for byte"), same, "");
    }
}

pub(crate) fn huge(bench: &Bench<'_>, report: &mut Report) {
    report::head("9 MiB results (a process of its own for each row)");
    let calls = bench.options.calls(9);
    for (name, tool, direct) in [("JSON", JSON_TOOL, &bench.json), ("SSE", SSE_TOOL, &bench.sse)] {
        let mut client = bench.home.running();
        let want = direct.call(HUGE, 0);
        let want = result_of(&want);
        let (mut same, mut alone, mut through) = (true, Vec::new(), Vec::new());
        for _ in 0..calls {
            let start = Instant::now();
            direct.call(HUGE, 0);
            alone.push(millis(start.elapsed()));
            let start = Instant::now();
            let line = client.call(tool, HUGE, 0);
            through.push(millis(start.elapsed()));
            same &= result_of(line) == want;
        }
        let note = format!("{:.0} ms against {:.0} directly", median(&through), median(&alone));
        report.check(&format!("{name}: 9 MiB arrives byte for byte"), same, &note);
        let peak = memory_kib(client.pid(), "VmHWM").map(|kib| kib / 1024.0);
        let after = memory_kib(client.pid(), "VmRSS").map_or(0.0, |kib| kib / 1024.0);
        let note = format!("{after:.1} MiB afterwards");
        report.row(
            &format!("{name}: peak memory of allmcp"),
            Promise::AtMost(64.0),
            peak,
            "MiB",
            &note,
        );
        client.finish();
    }
}

fn p50(calls: usize, mut call: impl FnMut()) -> f64 {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let start = Instant::now();
        call();
        times.push(micros(start.elapsed()));
    }
    percentile(&times, 50.0)
}

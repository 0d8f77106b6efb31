//! One call at a time with a 16 byte text: what allmcp adds, and the CPU time that it takes.

use super::Bench;
use crate::client::Client;
use crate::direct::Direct;
use crate::home::{JSON_TOOL, SSE_TOOL};
use crate::process::cpu_us;
use crate::report::{self, Promise, Report};
use crate::stats::{by_round, median, micros, percentile, spread};
use std::time::Instant;

#[derive(Default)]
struct Series {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Series {
    fn measure(&mut self, calls: usize, mut call: impl FnMut()) {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = Instant::now();
            call();
            times.push(micros(start.elapsed()));
        }
        self.p50.push(percentile(&times, 50.0));
        self.p99.push(percentile(&times, 99.0));
    }
}

/// One kind of upstream: direct, through allmcp, and allmcp's CPU time, over the rounds.
struct Kind<'a> {
    name: &'static str,
    tool: &'static str,
    direct: &'a Direct,
    alone: Series,
    through: Series,
    cpu_us: f64,
    calls: f64,
}

impl Kind<'_> {
    fn direct(&mut self, calls: usize) {
        self.alone.measure(calls, || drop(self.direct.call(16, 0)));
    }

    fn allmcp(&mut self, calls: usize, client: &mut Client) {
        let before = cpu_us(client.pid());
        self.through.measure(calls, || {
            client.call(self.tool, 16, 0);
        });
        if let (Some(before), Some(after)) = (before, cpu_us(client.pid())) {
            self.cpu_us += after - before;
            self.calls += f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
        }
    }
}

pub(crate) fn rows(bench: &Bench<'_>, report: &mut Report) {
    report::head("one call at a time, 16 bytes (µs, over the same call made directly)");
    let kind = |name, tool, direct| Kind {
        name,
        tool,
        direct,
        alone: Series::default(),
        through: Series::default(),
        cpu_us: 0.0,
        calls: 0.0,
    };
    let mut kinds = [kind("JSON", JSON_TOOL, &bench.json), kind("SSE", SSE_TOOL, &bench.sse)];
    let calls = bench.options.calls(3000);
    for round in 0..bench.options.rounds {
        // A process a round: where its memory happens to lie is part of the noise.
        let mut client = bench.home.running();
        for kind in &mut kinds {
            if round % 2 == 0 {
                kind.direct(calls);
                kind.allmcp(calls, &mut client);
            } else {
                kind.allmcp(calls, &mut client);
                kind.direct(calls);
            }
        }
        client.finish();
    }
    for kind in &kinds {
        for (p, limit, through, alone) in [
            ("p50", 40.0, &kind.through.p50, &kind.alone.p50),
            ("p99", 150.0, &kind.through.p99, &kind.alone.p99),
        ] {
            let added = by_round(through, alone, |a, b| a - b);
            let note = format!(
                "{:.0} against {:.0}; {}",
                median(through),
                median(alone),
                spread(&added, 0)
            );
            let what = format!("{}: added to {p}", kind.name);
            report.row(&what, Promise::AtMost(limit), Some(median(&added)), "µs", &note);
        }
        let cpu = (kind.calls > 0.0).then(|| kind.cpu_us / kind.calls);
        let what = format!("{}: CPU of allmcp a call", kind.name);
        report.row(&what, Promise::AtMost(100.0), cpu, "µs", "user and system, all threads");
    }
}

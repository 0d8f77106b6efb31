//! 64 calls in flight.

use super::Bench;
use crate::client::Client;
use crate::direct::Direct;
use crate::home::{JSON_TOOL, SSE_TOOL};
use crate::process::cpu_us;
use crate::report::{self, Promise, Report};
use crate::stats::{by_round, median, millis, spread};
use std::time::{Duration, Instant};

const WIDTH: usize = 64;

struct Load<'a> {
    name: &'static str,
    promise: f64,
    tool: &'static str,
    direct: &'a Direct,
    delay_ms: u64,
    alone: Vec<f64>,
    through: Vec<f64>,
    /// CPU µs a call.
    cpu: Vec<f64>,
}

/// Calls that open the connections before anything counts, and the time that each takes: where
/// answers come at once, fewer connections than calls in flight would do.
const WARM: usize = WIDTH * 2;
const WARM_MS: u64 = 20;

impl Load<'_> {
    fn direct(&mut self, calls: usize) {
        self.direct.flood(WIDTH, WARM, WARM_MS);
        self.alone.push(self.direct.flood(WIDTH, calls, self.delay_ms));
    }

    fn allmcp(&mut self, calls: usize, client: &mut Client) {
        flood(client, self.tool, WARM, WARM_MS);
        let before = cpu_us(client.pid());
        self.through.push(flood(client, self.tool, calls, self.delay_ms));
        if let (Some(before), Some(after)) = (before, cpu_us(client.pid())) {
            self.cpu.push((after - before) / count(calls));
        }
    }
}

pub(crate) fn rows(bench: &Bench<'_>, report: &mut Report) {
    report::head("64 calls in flight, 16 bytes (answers a second, as a share of direct)");
    let load = |name, promise, tool, direct, delay_ms| Load {
        name,
        promise,
        tool,
        direct,
        delay_ms,
        alone: Vec::new(),
        through: Vec::new(),
        cpu: Vec::new(),
    };
    let mut loads = [
        load("JSON, answers at once", 60.0, JSON_TOOL, &bench.json, 0),
        load("SSE, answers at once", 60.0, SSE_TOOL, &bench.sse, 0),
        load("JSON, takes 20 ms", 95.0, JSON_TOOL, &bench.json, 20),
        load("SSE, takes 20 ms", 95.0, SSE_TOOL, &bench.sse, 20),
    ];
    let calls =
        |load: &Load<'_>| bench.options.calls(if load.delay_ms == 0 { 15_000 } else { WIDTH * 36 });
    let (mut bursts, mut alone) = (Vec::new(), Vec::new());
    let mut cold = Vec::new();
    for round in 0..bench.options.rounds {
        let mut client = bench.home.running();
        cold.push(millis(burst(&mut client, 100)));
        for load in &mut loads {
            if round % 2 == 0 {
                load.direct(calls(load));
            }
            load.allmcp(calls(load), &mut client);
            if round % 2 == 1 {
                load.direct(calls(load));
            }
        }
        alone.push(millis(bench.json.burst(WIDTH, 100)));
        bursts.push(millis(burst(&mut client, 100)));
        client.finish();
    }
    for load in &loads {
        let shares = by_round(&load.through, &load.alone, |a, b| 100.0 * a / b);
        let cpu =
            if load.cpu.is_empty() { "-".into() } else { format!("{:.0}", median(&load.cpu)) };
        let note = format!(
            "{:.0}/s against {:.0}/s; {}; {cpu} µs CPU a call",
            median(&load.through),
            median(&load.alone),
            spread(&shares, 0)
        );
        report.row(load.name, Promise::AtLeast(load.promise), Some(median(&shares)), "%", &note);
    }
    let note = format!("direct {:.1}; {}", median(&alone), spread(&bursts, 1));
    report.row(
        "64 calls of a 100 ms tool, all",
        Promise::AtMost(115.0),
        Some(median(&bursts)),
        "ms",
        &note,
    );
    let note = format!("the first such load of a process; {}", spread(&cold, 1));
    report.row(
        "the same with connections yet to open",
        Promise::None,
        Some(median(&cold)),
        "ms",
        &note,
    );
}

/// Answers a second of `calls` calls, [`WIDTH`] of them out at all times.
fn flood(client: &mut Client, tool: &str, calls: usize, delay_ms: u64) -> f64 {
    let start = Instant::now();
    for _ in 0..WIDTH {
        client.send_call(tool, 16, delay_ms);
    }
    for sent in WIDTH..calls + WIDTH {
        client.answer();
        client.checked();
        if sent < calls {
            client.send_call(tool, 16, delay_ms);
        }
    }
    count(calls) / start.elapsed().as_secs_f64()
}

fn count(calls: usize) -> f64 {
    u32::try_from(calls).map_or(f64::NAN, f64::from)
}

/// 64 calls at once; the time until the last is answered.
fn burst(client: &mut Client, delay_ms: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..WIDTH {
        client.send_call(JSON_TOOL, 16, delay_ms);
    }
    for _ in 0..WIDTH {
        client.answer();
        client.checked();
    }
    start.elapsed()
}

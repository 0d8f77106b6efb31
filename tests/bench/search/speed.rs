//! How long a search takes among many tools, and the making of the index.

use super::{
    corpus::Tool,
    data::Set,
    definitions,
    report::{Promise, Report, head},
    searcher_of,
    stats::{median, micros, millis, percentile},
};
use std::time::Instant;

const TOOLS: usize = 5_000;
const ROUNDS: usize = 15;

pub(crate) fn all(set: &Set, report: &mut Report) {
    let tools = many(set);
    head(&format!("time, {TOOLS} tools, the fastest of {ROUNDS} rounds"));
    let definitions = definitions(&tools);
    let mut builds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        std::hint::black_box(searcher_of(&tools, &definitions));
        builds.push(millis(begin.elapsed()));
    }
    let searcher = searcher_of(&tools, &definitions);
    let mut times = vec![Vec::new(); set.requests.len()];
    for _ in 0..ROUNDS {
        for (request, times) in set.requests.iter().zip(&mut times) {
            let begin = Instant::now();
            std::hint::black_box(searcher.search(&request.text, &|_| true, true));
            times.push(micros(begin.elapsed()) / 1000.0);
        }
    }
    // Other work on the machine only ever adds to a time, and comes in slices of milliseconds.
    let each: Vec<f64> = times.iter().map(|times| percentile(times, 0.0)).collect();
    let usual: Vec<f64> = times.iter().map(|times| median(times)).collect();
    let note = format!("{:.2} ms by the median of the rounds", percentile(&usual, 99.0));
    report.row("a search, p50", Promise::None, Some(median(&each)), "ms", "");
    let p99 = percentile(&each, 99.0);
    report.row("a search, p99", Promise::AtMost(2.0), Some(p99), "ms", &note);
    report.row("building the index", Promise::None, Some(percentile(&builds, 0.0)), "ms", "");
}

/// The tools of the set again and again, each time with other names and connections.
fn many(set: &Set) -> Vec<Tool> {
    let all: Vec<&Tool> = set.tools.iter().chain(&set.distractors).collect();
    (0..TOOLS)
        .map(|n| {
            let mut tool = all[n % all.len()].clone();
            let round = n / all.len();
            tool.name = format!("{}_{round}", tool.name);
            tool.connection = format!("{}-{round}", tool.connection);
            tool
        })
        .collect()
}

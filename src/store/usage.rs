//! What was called, how often and how well: counted from the access log.

use super::{
    access_log::{Entry, Outcome},
    log_reader::{Filter, LogReader},
    time,
};
use serde::Serialize;
use std::{collections::HashMap, io, time::SystemTime};

/// Counters of some calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub calls: u64,
    /// Calls that did not end well: a tool's error, a failure on the way, a denial.
    pub failures: u64,
    pub denied: u64,
    pub cancelled: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// Of calls that were carried out to an end, in milliseconds: half of them took no longer.
    pub p50_ms: Option<u64>,
    /// Nineteen of twenty took no longer.
    pub p95_ms: Option<u64>,
}

/// One tool under the name that clients see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfTool {
    pub tool: String,
    #[serde(flatten)]
    pub counters: Counters,
}

/// One connection; the empty name is that of our own tools and of names that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfConnection {
    pub connection: String,
    #[serde(flatten)]
    pub counters: Counters,
    /// The most called first.
    pub tools: Vec<OfTool>,
}

/// All that the log still has of the wanted calls: it keeps two files of 8 MiB.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Of the first of these calls.
    #[serde(with = "time::optional")]
    pub first_call: Option<SystemTime>,
    #[serde(with = "time::optional")]
    pub last_call: Option<SystemTime>,
    #[serde(flatten)]
    pub counters: Counters,
    /// The most called first.
    pub connections: Vec<OfConnection>,
}

/// Counts the calls that `filter` wants. Blocks.
///
/// # Errors
/// The log cannot be read; that there is none is no error.
pub fn read(mut reader: LogReader, filter: &Filter) -> io::Result<Usage> {
    let mut usage = Usage::default();
    let mut all = Tally::default();
    let mut tools: HashMap<(String, String), Tally> = HashMap::new();
    reader.read(filter, |entry| {
        usage.first_call =
            usage.first_call.map_or(Some(entry.time), |first| Some(first.min(entry.time)));
        usage.last_call = usage.last_call.max(Some(entry.time));
        all.add(&entry);
        let key = (entry.connection.clone(), entry.tool.clone());
        tools.entry(key).or_default().add(&entry);
    })?;
    let mut connections: HashMap<String, (Tally, Vec<OfTool>)> = HashMap::new();
    for ((connection, tool), tally) in tools {
        let (of_all, of_tools) = connections.entry(connection).or_default();
        of_all.join(&tally);
        of_tools.push(OfTool { tool, counters: tally.counted() });
    }
    usage.counters = all.counted();
    usage.connections = connections.into_iter().map(row).collect();
    usage.connections.sort_by(|a, b| {
        b.counters.calls.cmp(&a.counters.calls).then_with(|| a.connection.cmp(&b.connection))
    });
    Ok(usage)
}

fn row((connection, (tally, mut tools)): (String, (Tally, Vec<OfTool>))) -> OfConnection {
    tools.sort_by(|a, b| b.counters.calls.cmp(&a.counters.calls).then_with(|| a.tool.cmp(&b.tool)));
    OfConnection { connection, counters: tally.counted(), tools }
}

/// Counters that are not done yet.
#[derive(Debug, Default)]
struct Tally {
    counters: Counters,
    /// The files bound how many there are.
    durations: Vec<u64>,
}

impl Tally {
    fn add(&mut self, entry: &Entry) {
        let counters = &mut self.counters;
        counters.calls += 1;
        counters.failures += u64::from(entry.outcome.is_failure());
        counters.denied += u64::from(entry.outcome == Outcome::Denied);
        counters.cancelled += u64::from(entry.outcome == Outcome::Cancelled);
        counters.request_bytes = counters.request_bytes.saturating_add(entry.request_bytes);
        counters.response_bytes = counters.response_bytes.saturating_add(entry.response_bytes);
        // What was never sent, or whose end nobody saw, says nothing of how long calls take.
        if !matches!(entry.outcome, Outcome::Denied | Outcome::Cancelled) {
            self.durations.push(entry.duration_ms);
        }
    }

    fn join(&mut self, other: &Self) {
        let (ours, theirs) = (&mut self.counters, &other.counters);
        ours.calls += theirs.calls;
        ours.failures += theirs.failures;
        ours.denied += theirs.denied;
        ours.cancelled += theirs.cancelled;
        ours.request_bytes = ours.request_bytes.saturating_add(theirs.request_bytes);
        ours.response_bytes = ours.response_bytes.saturating_add(theirs.response_bytes);
        self.durations.extend(&other.durations);
    }

    fn counted(mut self) -> Counters {
        self.durations.sort_unstable();
        Counters {
            p50_ms: percentile(&self.durations, 50),
            p95_ms: percentile(&self.durations, 95),
            ..self.counters
        }
    }
}

/// The nearest rank.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::access_log::tests::{entry, small};
    use std::time::Duration;

    #[test]
    fn calls_are_counted_by_connection_and_tool() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = small(&path, 1 << 20);
        let first = entry("kommo__a").time;
        for (n, tool, outcome) in [
            (1, "kommo__a", Outcome::Ok),
            (2, "kommo__a", Outcome::ToolError),
            (3, "kommo__b", Outcome::Failed),
            (4, "kommo__a", Outcome::Cancelled),
            (5, "kommo__a", Outcome::Denied),
        ] {
            let time = first + Duration::from_secs(n);
            log.append(&Entry { duration_ms: n * 10, outcome, time, ..entry(tool) });
        }
        log.append(&Entry { connection: String::new(), ..entry("get_usage") });
        let read = |filter: &Filter| read(LogReader::new(path.clone()), filter).unwrap();
        let usage = read(&Filter::default());
        assert_eq!(
            (usage.first_call, usage.last_call),
            (Some(first), Some(first + Duration::from_secs(5)))
        );
        let names: Vec<_> = usage.connections.iter().map(|it| it.connection.as_str()).collect();
        assert_eq!((usage.counters.calls, &names[..]), (6, &["kommo", ""][..]));
        let kommo = &usage.connections[0];
        assert_eq!(
            kommo.counters,
            Counters {
                calls: 5,
                failures: 3,
                denied: 1,
                cancelled: 1,
                request_bytes: 170,
                response_bytes: 280,
                p50_ms: Some(20),
                p95_ms: Some(30),
            }
        );
        let tools: Vec<_> =
            kommo.tools.iter().map(|it| (it.tool.as_str(), it.counters.calls)).collect();
        assert_eq!(tools, [("kommo__a", 4), ("kommo__b", 1)]);
        let since = Some(first + Duration::from_secs(4));
        let late = read(&Filter { since, ..Filter::default() });
        assert_eq!((late.counters.calls, late.counters.p50_ms), (2, None));
        let none = super::read(LogReader::new(dir.path().join("no.log")), &Filter::default());
        assert_eq!(none.unwrap(), Usage::default());
    }

    #[test]
    fn a_percentile_is_a_value_that_was_there() {
        let all: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&all, 50), percentile(&all, 95)), (Some(50), Some(95)));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 95)), (Some(7), Some(7)));
        assert_eq!(percentile(&[], 50), None);
    }
}

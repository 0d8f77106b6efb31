//! What the operating system says about a process.

use std::path::Path;

/// Memory in KiB: `VmRSS` (now) or `VmHWM` (its peak); `None` where there is no /proc.
pub(crate) fn memory_kib(pid: u32, field: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// CPU time of all its threads, ended ones too, in µs, in steps of one clock tick (10 ms).
pub(crate) fn cpu_us(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold spaces; utime and stime are the 12th and 13th field behind it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) * 10_000.0)
}

/// Threads of a process.
pub(crate) fn threads(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
}

/// The load average over one minute, and what it means for the numbers.
pub(crate) fn load() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average: Option<f64> = text.split_whitespace().next().and_then(|word| word.parse().ok());
    let Some(average) = average else { return format!("{cores} cores") };
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    let busy = average > cores as f64 / 2.0;
    let busy = if busy { " (busy: other work is part of these numbers)" } else { "" };
    format!("{cores} cores, load average {average:.2}{busy}")
}

pub(crate) fn file_bytes(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|m| m.len())
}

//! Memory at rest, after the first TLS connection, and over many calls.

use super::Bench;
use crate::client::{Client, alive};
use crate::home::{JSON_TOOL, SSE_TOOL};
use crate::process::{memory_kib, threads};
use crate::report::{self, Promise, Report};
use crate::stats::{median, spread};
use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Growth that counts as flat, in MiB: an allocator's arenas breathe by a few hundred KiB.
const FLAT: f64 = 1.0;

pub(crate) fn rows(bench: &Bench<'_>, report: &mut Report) {
    report::head("memory of allmcp, 30 connections (VmRSS)");
    let rest: Vec<f64> = (0..3).filter_map(|_| at_rest(bench)).collect();
    let note =
        if rest.is_empty() { String::new() } else { format!("3 processes, {}", spread(&rest, 1)) };
    let value = (!rest.is_empty()).then(|| median(&rest));
    report.row("idle, before the first TLS connection", Promise::AtMost(12.0), value, "MiB", &note);

    growth(bench, report);

    // Last, because the home has one connection more from here on.
    let (port, hello) = hang_up_after_hello();
    bench.home.connect("tls", &format!("https://127.0.0.1:{port}/mcp"));
    let client = started(bench);
    let tried = hello.recv_timeout(Duration::from_secs(10)).unwrap_or(false);
    report.check("a TLS handshake was begun", tried, "a loopback port saw the ClientHello");
    let rss = settled(&client).filter(|_| tried);
    report.row("idle, after the first TLS connection", Promise::AtMost(24.0), rss, "MiB", "");
    client.finish();
}

fn started(bench: &Bench<'_>) -> Client {
    let mut client = Client::start(bench.home.serve());
    client.initialize();
    client.initialized();
    client.list();
    client
}

fn at_rest(bench: &Bench<'_>) -> Option<f64> {
    let client = started(bench);
    let rss = settled(&client);
    client.finish();
    rss
}

/// `VmRSS` in MiB when it has not changed for a second, at most ten seconds from now.
fn settled(client: &Client) -> Option<f64> {
    let (mut last, mut since) = (memory_kib(client.pid(), "VmRSS")?, Instant::now());
    let begun = Instant::now();
    while since.elapsed() < Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
        alive();
        let now = memory_kib(client.pid(), "VmRSS")?;
        if (now - last).abs() > 8.0 {
            (last, since) = (now, Instant::now());
        }
    }
    Some(last / 1024.0)
}

/// Calls by both kinds of upstream, 16 in flight; memory at the first tenth and at the end.
fn growth(bench: &Bench<'_>, report: &mut Report) {
    let mut client = bench.home.running();
    let total = if bench.options.quick {
        bench.options.growth_calls / 10
    } else {
        bench.options.growth_calls
    };
    let run = |client: &mut Client, calls: u64| {
        for n in 0..16 {
            client.send_call(if n % 2 == 0 { JSON_TOOL } else { SSE_TOOL }, 16, 0);
        }
        for n in 0..calls.saturating_sub(16) {
            client.answer();
            client.send_call(if n % 2 == 0 { JSON_TOOL } else { SSE_TOOL }, 16, 0);
        }
        for _ in 0..16 {
            client.answer();
        }
    };
    run(&mut client, total / 10);
    let early = settled(&client);
    run(&mut client, total - total / 10);
    let late = settled(&client);
    let grown = early.zip(late).map(|(early, late)| late - early);
    let note = format!(
        "{:.1} MiB after {}, {:.1} at the end; {:.0} threads",
        early.unwrap_or(0.0),
        total / 10,
        late.unwrap_or(0.0),
        threads(client.pid()).unwrap_or(0.0)
    );
    report.row(&format!("growth over {total} calls"), Promise::AtMost(FLAT), grown, "MiB", &note);
    client.finish();
}

/// A port that reads the first record of every connection and hangs up; tells whether the first
/// one was a TLS handshake.
fn hang_up_after_hello() -> (u16, Receiver<bool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    let port = listener.local_addr().expect("an address").port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut first = [0_u8; 1];
            let read = stream.and_then(|mut stream| stream.read_exact(&mut first));
            let _nobody_asks_twice = tell.send(read.is_ok() && first[0] == 0x16);
        }
    });
    (port, told)
}

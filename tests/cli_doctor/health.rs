//! Connections and the clock.

use crate::{
    look::{fix, gone, machine, run},
    support::{fault::Fault, upstream::DeadPort},
};
use std::time::{Duration, SystemTime};

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    let (env, upstream) = machine();
    let tell = |seconds: u64| {
        upstream.clear_faults();
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
        let fault = Fault::response(404, "text/plain", "").with_header("date", &date);
        upstream.fault(fault.on_path("/"));
    };
    tell(3600);
    let told = fix(&env, "clock", "error", "s behind that of 127.0.0.1: sign-ins fail");
    assert!(!told.is_empty());
    env.cmd(&["doctor"]).code(1);
    tell(30);
    fix(&env, "clock", "warning", "s behind that of 127.0.0.1");
    env.cmd(&["doctor"]).success();
    tell(0);
    gone(&env, "clock", "behind");
    // Nothing but the time was asked for, and no key was sent.
    let asked = upstream.http_requests_of("GET").into_iter().filter(|it| it.target == "/");
    let asked: Vec<_> = asked.collect();
    assert!(!asked.is_empty() && asked.iter().all(|it| it.header("authorization").is_none()));
}

#[test]
fn a_connection_that_is_ill_has_its_command_and_exit_8() {
    let (env, upstream) = machine();
    let dead = DeadPort::new();
    let entry = |name: &str, more: &str| format!("\n[connections.{name}]\n{more}\n");
    let config = env.read_config();
    env.config(&format!(
        "{config}{}{}{}",
        entry("new", &format!("url = \"{}\"\nauth = \"key\"", upstream.url())),
        entry("dead", &format!("url = \"{}\"", dead.url())),
        entry("wrong", "url = 7"),
    ));
    let _ill = env.cmd(&["status", "--live"]).code(8);
    env.cmd(&["doctor"]).code(8);
    let told = fix(&env, "connection", "error", "new: needs_auth");
    assert_eq!(told, "allmcp reconnect new");
    run(&env, &format!("{told} --token-stdin"), "k");
    env.cmd(&["status", "new", "--live"]).success();
    gone(&env, "connection", "needs_auth");
    assert_eq!(fix(&env, "connection", "error", "dead: error"), "allmcp status dead --live");
    assert_eq!(fix(&env, "connection", "error", "wrong: error"), "allmcp config edit");
}

//! `allmcp call`: the terminal asks, `--yes` answers, and without both nothing is sent.

use crate::{Desk, support::script::Script};

const CALL: [&str; 3] = ["call", "c0__drop", "id:=7"];

#[test]
fn off_a_terminal_it_names_the_flag_and_sends_nothing() {
    let desk = Desk::asking(Script::legacy());
    let output = desk.env.cmd(&CALL).code(9);
    assert!(output.stderr().contains("--yes"), "{}", output.stderr());
    let output = desk.env.cmd(&[&CALL[..], &["--json"]].concat()).code(9);
    let error = output.json_error();
    assert_eq!((&error["kind"], &error["connection"]), (&"denied".into(), &"c0".into()));
    assert!(error["hint"].as_str().unwrap().contains("--yes"), "{error}");
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    assert_eq!(desk.log(), ["denied deny c0__drop", "denied deny c0__drop"]);
}

#[test]
fn a_flag_is_a_yes_and_is_not_needed_for_what_is_allowed() {
    let desk = Desk::asking(Script::legacy());
    let output = desk.env.cmd(&[&CALL[..], &["--yes"]].concat()).success();
    assert_eq!(output.stdout(), "{\"id\":7}\n");
    let _ = desk.env.cmd(&["call", "c0__look"]).success();
    assert_eq!(desk.log(), ["ok approved c0__drop", "ok allow c0__look"]);
    // A denial is no question.
    desk.env.config(&desk.env.read_config().replace("\"ask\"", "\"deny\""));
    let output = desk.env.cmd(&[&CALL[..], &["--yes"]].concat()).code(9);
    assert!(output.stderr().contains("policy.destructive allow"), "{}", output.stderr());
    assert_eq!(desk.up.runs("drop"), 1);
}

#[test]
fn a_terminal_shows_what_is_sent_and_asks() {
    let desk = Desk::asking(Script::legacy());
    let Some(output) = desk.env.on_terminal(100, &CALL, &[("Approve?", "n\n")]) else { return };
    let output = output.code(9);
    for part in ["Call drop of c0?", "Server: 127.0.0.1:", "\"id\": 7", "refused this call"] {
        assert!(output.stdout().contains(part), "{part} is not in {}", output.stdout());
    }
    assert_eq!(desk.up.requests_of("tools/call").len(), 0);
    let output = desk.env.on_terminal(100, &CALL, &[("Approve?", "y\n")]).unwrap().success();
    assert!(output.stdout().contains("{\"id\":7}"), "{}", output.stdout());
    // With a flag nothing is asked.
    let yes = [&CALL[..], &["--yes"]].concat();
    let output = desk.env.on_terminal(100, &yes, &[]).unwrap().success();
    assert!(!output.stdout().contains("Approve?"), "{}", output.stdout());
    let approved = "ok approved c0__drop";
    assert_eq!(desk.log(), ["denied refused c0__drop", approved, approved]);
    assert_eq!(desk.up.runs("drop"), 2);
}

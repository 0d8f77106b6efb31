//! Documents compared with the ones that are kept in `tests/snapshots`; what differs from run to
//! run is scrubbed first. `BLESS=1` writes them anew.

use super::env::{Output, TestEnv};
use serde_json::Value;
use std::{fs, path::Path};

/// Compares the one document that a command printed.
#[track_caller]
pub fn document(env: &TestEnv, name: &str, output: &Output) {
    let raw = output.stdout();
    assert!(raw.starts_with("{\"schema\":\"allmcp."), "{name} does not begin with it: {raw}");
    assert_eq!(raw.matches('\n').count(), 1, "{name} is not one line: {raw}");
    value(env, name, output.json());
}

/// Compares any value.
#[track_caller]
pub fn value(env: &TestEnv, name: &str, mut value: Value) {
    scrub(env, "", &mut value);
    let now = format!("{value:#}\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.json"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &now).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        kept == now,
        "{name} is not what it was; if it only grew, run again with BLESS=1\nkept: {kept}\nnow: {now}"
    );
}

fn scrub(env: &TestEnv, key: &str, value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| scrub(env, key, one)),
        Value::Object(all) => all.iter_mut().for_each(|(key, one)| scrub(env, key, one)),
        Value::String(text) => *text = scrubbed(env, key, text),
        Value::Number(_) if key.ends_with("_ms") || key == "pid" => *value = 0.into(),
        _ => {}
    }
}

fn scrubbed(env: &TestEnv, key: &str, text: &str) -> String {
    if matches!(key, "time" | "since" | "last_sync" | "first_call" | "last_call") {
        assert!(text.ends_with('Z') && text.contains('T'), "{key} is no time in UTC: {text}");
        return "TIME".into();
    }
    let binary: Option<&str> = option_env!("CARGO_BIN_EXE_allmcp");
    let text = text
        .replace(binary.unwrap_or("allmcp"), "ALLMCP")
        .replace(&env.scratch().display().to_string(), "SCRATCH")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    // Ports, and the stamp in the name of a backup.
    let (mut out, mut rest) = (String::new(), &text[..]);
    for mark in ["127.0.0.1:", ".allmcp-"] {
        while let Some(at) = rest.find(mark) {
            let (before, after) = rest.split_at(at + mark.len());
            out.push_str(before);
            out.push('N');
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || "TZ".contains(c));
        }
    }
    out + rest
}

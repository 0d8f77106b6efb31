//! The report of a problem: what somebody who helps has to know, and nothing that is nobody's
//! business. It is written to a file for the user to look at; nothing is sent.

mod log_tail;
mod redact;

use crate::{
    config::{Env, Paths},
    disk::atomic,
    hub::own::Problem,
    name::Tenant,
    store::{AccessLog, Entry, Filter, LogReader},
    text,
};
use redact::Redactor;
use serde_json::{Map, Value, json};
use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Calls that failed, the last ones.
const ERRORS: usize = 20;
/// Reports that are kept in our own folder.
const KEPT: usize = 20;
/// A longer configuration is cut, in bytes.
const CONFIG: u64 = 1 << 20;

/// What whoever makes a report has found out by itself.
#[derive(Debug, Default)]
pub struct Facts {
    /// The checks of `doctor`.
    pub findings: Value,
    /// Every connection as `status` shows it.
    pub connections: Value,
}

/// A report with everything taken out that must not leave this machine. Blocks.
///
/// Its members are those of `allmcp.report/1`; `file` is still to be set.
pub fn make(
    paths: &Paths,
    env: &Env,
    tenant: &Tenant,
    problem: Option<&Problem>,
    facts: Facts,
) -> Map<String, Value> {
    let redactor = Redactor::new(env.home.as_deref(), tenant);
    let mut report = Map::new();
    let mut put = |key: &str, value: Value| {
        let _new = report.insert(key.to_owned(), redactor.value(value));
    };
    put("created", json!(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()));
    put("subject", json!(problem.map(|it| text::line(&it.subject, 200))));
    put(
        "description",
        json!(problem.map(|it| cut(&text::clean(&it.description), 10_000).to_owned())),
    );
    put("program", program());
    put("folders", folders(paths));
    put("config", config(paths));
    put("connections", facts.connections);
    put("findings", facts.findings);
    put("last_errors", errors(paths, tenant));
    put("log", json!(log_tail::read(&paths.log_file())));
    put("file", Value::Null);
    report
}

/// Writes a report, for this user's eyes only (0600).
///
/// # Errors
/// It cannot be written; `AlreadyExists` where something is there and `replace` does not say that
/// it may go.
pub fn write(path: &Path, report: &Map<String, Value>, replace: bool) -> io::Result<()> {
    if !replace && fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut whole = Map::new();
    whole.insert("schema".to_owned(), "allmcp.report/1".into());
    whole.extend(report.clone());
    atomic::write(path, format!("{:#}\n", Value::Object(whole)).as_bytes())
}

/// Writes it to a place of its own in our folder, where the last ones are kept. Blocks.
///
/// # Errors
/// It cannot be written.
pub fn keep(paths: &Paths, report: &Map<String, Value>) -> io::Result<PathBuf> {
    let folder = paths.state.join("reports");
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let stamp: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
    // Two in one second.
    let names = (1..100).map(|n| match n {
        1 => format!("report-{stamp}.json"),
        n => format!("report-{stamp}-{n}.json"),
    });
    for file in names.map(|name| folder.join(name)) {
        match write(&file, report, false) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                forget_old(&folder);
                return Ok(file);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A program could ask for reports without end.
fn forget_old(folder: &Path) {
    let ours = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("report-") && path.extension().is_some_and(|end| end == "json")
    };
    let Ok(files) = fs::read_dir(folder) else { return };
    let mut files: Vec<PathBuf> = files.flatten().map(|it| it.path()).filter(ours).collect();
    // The time in the name is the order.
    files.sort();
    let old = files.len().saturating_sub(KEPT);
    for file in &files[..old] {
        let _stays = fs::remove_file(file);
    }
}

fn program() -> Value {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "debug": cfg!(debug_assertions),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "kernel": kernel.map(|text| text::line(&text, 80)),
    })
}

fn folders(paths: &Paths) -> Value {
    let shown = |path: &Path| json!({ "path": path.display().to_string(), "there": path.exists() });
    json!({
        "config": shown(&paths.config_file),
        "data": shown(&paths.data),
        "state": shown(&paths.state),
        "cache": shown(&paths.cache),
    })
}

/// The settings as data: what a comment holds is nobody's business.
fn config(paths: &Paths) -> Value {
    let bytes = match atomic::read(&paths.config_file, CONFIG) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Value::Null,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    match toml::from_str::<Value>(&String::from_utf8_lossy(&bytes)) {
        Ok(value) => redact::config(value),
        // Its text is in the message, and may hold anything: only the place is told.
        Err(error) => json!({ "error": error.message(), "at": error.span().map(|at| at.start) }),
    }
}

fn errors(paths: &Paths, tenant: &Tenant) -> Value {
    let filter = Filter {
        failed: true,
        org: tenant.org.clone(),
        user: tenant.user.clone(),
        ..Filter::default()
    };
    let log = AccessLog::new(paths.access_log());
    let mut last: VecDeque<Entry> = VecDeque::new();
    let read = LogReader::new(log.path()).read(&filter, |entry| {
        if last.len() == ERRORS {
            last.pop_front();
        }
        last.push_back(entry);
    });
    if let Err(error) = read {
        return json!({ "error": error.to_string() });
    }
    let row = |entry: Entry| {
        json!({
            "time": humantime::format_rfc3339_seconds(entry.time).to_string(),
            "connection": entry.connection,
            "tool": entry.tool,
            "client": entry.client,
            "outcome": entry.outcome.word(),
            "duration_ms": entry.duration_ms,
            "error": entry.error,
        })
    };
    last.into_iter().map(row).collect()
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_for_its_user_alone_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.json");
        let report = Map::from_iter([("created".to_owned(), json!("now"))]);
        write(&file, &report, false).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("{\n  \"schema\": \"allmcp.report/1\",\n  \"created\""), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let again = write(&file, &Map::new(), false).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        write(&file, &Map::new(), true).unwrap();
        assert_ne!(fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn only_the_last_reports_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..KEPT + 5 {
            fs::write(dir.path().join(format!("report-{n:03}.json")), "").unwrap();
        }
        fs::write(dir.path().join("mine.json"), "").unwrap();
        forget_old(dir.path());
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), KEPT + 1);
        assert_eq!(
            (names[0].to_str(), names[1].to_str()),
            (Some("mine.json"), Some("report-005.json"))
        );
    }
}

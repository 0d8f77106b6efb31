//! What allmcp tells of itself while it runs: to people on stderr, and to a rotating file.
//!
//! Owns the tracing subscriber, the redaction of secrets in whatever is written ([`redact`],
//! [`scrub`]). May name `secret`, `text` and `disk`. Started by `cli`; `auth` registers the
//! secrets that must never show.
//!
//! Nothing here knows stdout: it is the protocol.

mod redaction;

pub use redaction::{redact, scrub, scrub_known};

use crate::disk::rotate::Rotating;
use std::{
    fmt, io,
    panic::PanicHookInfo,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

/// A log file of this size becomes `.1`, and the older `.1` goes.
const FILE_BYTES: u64 = 5 << 20;

/// Where to log and how much.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Somebody reads stderr. Without it a line is lost rather than waited for: a client that
    /// launches a server need not read what that has to say.
    pub read: bool,
    /// What goes to stderr: a level, or `level,target=level,…`.
    pub stderr: String,
    /// What goes to the file, in the same words.
    pub level: String,
    /// The file; it is made at the first event. `None`: no file.
    pub file: Option<PathBuf>,
}

/// Starts logging, and sends panics there too. The first call of a process counts.
pub fn init(config: &LogConfig) {
    let read = config.read;
    let subscriber = subscriber(config, move || Scrubbed(Stderr { read }));
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(report_panic));
    }
    for directives in [&config.stderr, &config.level] {
        if directives.parse::<Targets>().is_err() {
            let shown = crate::text::line(directives, 80);
            tracing::warn!("the log filter {shown:?} is not valid; use for example debug");
        }
    }
}

fn subscriber<W: io::Write + 'static>(
    config: &LogConfig,
    stderr: impl Fn() -> W + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    // A failed write must not be reported by a panicking `eprintln!`: a client may close stderr.
    let people = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .log_internal_errors(false)
        .event_format(People)
        .with_writer(stderr)
        .with_filter(filter(&config.stderr));
    let file = config.file.as_ref().map(|path| {
        let file = Arc::new(Mutex::new(Rotating::new(path.clone(), FILE_BYTES)));
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .log_internal_errors(false)
            .event_format(Record { pid: std::process::id() })
            .with_writer(move || Scrubbed(Lines(Arc::clone(&file))))
            .with_filter(filter(&config.level))
    });
    tracing_subscriber::registry().with(people).with(file)
}

/// The filter that `directives` mean. What is not ours is capped at `warn`, whatever they say:
/// HTTP and MCP libraries print headers and bodies below that.
fn filter(directives: &str) -> Targets {
    let wanted: Targets =
        directives.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let default = wanted.default_level().unwrap_or(LevelFilter::WARN);
    let mut capped =
        Targets::new().with_default(default.min(LevelFilter::WARN)).with_target("allmcp", default);
    for (target, level) in &wanted {
        let ours = target == "allmcp" || target.starts_with("allmcp::");
        capped =
            capped.with_target(target, if ours { level } else { level.min(LevelFilter::WARN) });
    }
    capped
}

fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let what = info.payload_as_str().unwrap_or("no message");
    tracing::error!("this is a bug in allmcp: {what} ({place})");
}

/// `warning: what happened`, for somebody at a terminal or in a client's log.
struct People;

impl<S, N> FormatEvent<S, N> for People
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        to.write_str(match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "info: ",
            Level::DEBUG => "debug: ",
            Level::TRACE => "trace: ",
        })?;
        ctx.format_fields(to, event)
    }
}

/// Time, process, level, target, spans and fields: many processes write the same file.
struct Record {
    pid: u32,
}

impl<S, N> FormatEvent<S, N> for Record
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let meta = event.metadata();
        write!(to, "{time} {} {} {}: ", self.pid, meta.level(), meta.target())?;
        for span in
            ctx.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            write!(to, "{}", span.name())?;
            let kept = span.extensions();
            match kept.get::<tracing_subscriber::fmt::FormattedFields<N>>() {
                Some(fields) if !fields.is_empty() => write!(to, "{{{fields}}}: ")?,
                _ => to.write_str(": ")?,
            }
        }
        ctx.format_fields(to, event)
    }
}

/// Takes one event per write, as the `fmt` layer gives them, and passes one clean line on.
struct Scrubbed<W>(W);

impl<W: io::Write> io::Write for Scrubbed<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = scrub(text.trim_end_matches('\n'));
        let mut line = crate::text::clean(&text).replace(['\n', '\r', '\u{2028}', '\u{2029}'], " ");
        line.push('\n');
        self.0.write_all(line.as_bytes()).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Standard error, see [`LogConfig::read`].
struct Stderr {
    read: bool,
}

impl io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.read {
            return io::stderr().write_all(line).map(|()| line.len());
        }
        for part in line.chunks(ROOM) {
            if !has_room() {
                break;
            }
            io::stderr().write_all(part)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a pipe takes without waiting, once it says that it has room.
#[cfg(unix)]
const ROOM: usize = rustix::pipe::PIPE_BUF;
#[cfg(not(unix))]
const ROOM: usize = 4096;

/// True when a write to standard error does not wait.
#[cfg(unix)]
fn has_room() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stderr = io::stderr();
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // An error shows in the write.
    poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&now)) != Ok(0)
}

#[cfg(not(unix))]
fn has_room() -> bool {
    true
}

struct Lines(Arc<Mutex<Rotating>>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.append(line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Runs `job` with logging at these levels; what stderr and the file got.
    fn logged(stderr: &str, level: &str, job: impl FnOnce()) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/allmcp.log");
        let config = LogConfig {
            read: true,
            stderr: stderr.to_owned(),
            level: level.to_owned(),
            file: Some(file.clone()),
        };
        let memory = Memory::default();
        let sink = memory.clone();
        let subscriber = subscriber(&config, move || Scrubbed(sink.clone()));
        assert!(!file.exists(), "the file is made at the first event");
        tracing::subscriber::with_default(subscriber, job);
        let seen = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        (seen, std::fs::read_to_string(&file).unwrap_or_default())
    }

    #[test]
    fn people_get_a_short_line_and_the_file_a_long_one() {
        let (seen, file) = logged("warn", "info", || {
            let span = tracing::info_span!("upstream", name = "kommo");
            let _in = span.enter();
            tracing::info!("connected");
            tracing::warn!(after = 3, "it is slow");
        });
        assert_eq!(seen, "warning: it is slow after=3\n");
        let pid = std::process::id();
        let lines: Vec<_> = file.lines().map(|l| l.split_once(' ').unwrap()).collect();
        let end = "allmcp::log::tests: upstream{name=\"kommo\"}: ";
        assert_eq!(lines[0].1, format!("{pid} INFO {end}connected"));
        assert_eq!(lines[1].1, format!("{pid} WARN {end}it is slow after=3"));
        assert!(humantime::parse_rfc3339(lines[0].0).is_ok());
    }

    #[test]
    fn no_secret_is_written_in_any_form() {
        redact(&Secret::new("log-canary/1\"2".to_owned()));
        let (seen, file) = logged("trace", "trace", || {
            tracing::error!(url = "https://h/log-canary%2F1%222", "log-canary/1\"2");
            tracing::error!(json = %"{\"k\":\"log-canary/1\\\"2\"}", "Authorization: Bearer abc.def");
            let span = tracing::error_span!("s", key = "log-canary/1\"2");
            span.in_scope(|| tracing::error!("x"));
        });
        for text in [&seen, &file] {
            assert!(!text.contains("canary") && !text.contains("abc.def"), "{text}");
        }
        assert_eq!(file.lines().count(), 3);
    }

    #[test]
    fn a_remote_text_cannot_forge_a_line() {
        let (seen, _) = logged("warn", "off", || {
            tracing::warn!("{}", "one\nerror: two\u{1b}[31m\u{202e}\r three");
        });
        assert_eq!(seen.lines().count(), 1, "{seen:?}");
        assert!(!seen.contains(['\u{1b}', '\u{202e}', '\r']), "{seen:?}");
    }

    #[test]
    fn others_are_capped_at_warn() {
        let (seen, _) = logged("trace,rmcp=debug,allmcp::log=info", "off", || {
            tracing::info!(target: "rmcp::service", "a");
            tracing::info!(target: "hyper", "b");
            tracing::warn!(target: "reqwest", "c");
            tracing::debug!(target: "allmcp::log::tests", "d");
            tracing::trace!(target: "allmcp::hub", "e");
        });
        assert_eq!(seen, "warning: c\ntrace: e\n");
    }

    #[test]
    fn without_a_file_stderr_still_gets_everything() {
        let config =
            LogConfig { read: true, stderr: "debug".into(), level: "info".into(), file: None };
        let memory = Memory::default();
        let sink = memory.clone();
        let subscriber = subscriber(&config, move || Scrubbed(sink.clone()));
        tracing::subscriber::with_default(subscriber, || tracing::debug!("seen"));
        assert_eq!(*memory.0.lock().unwrap(), b"debug: seen\n");
    }

    #[test]
    fn a_filter_that_is_none_means_info() {
        let (seen, _) = logged("=,nonsense=7", "off", || {
            tracing::info!("shown");
            tracing::debug!("hidden");
        });
        assert_eq!(seen, "info: shown\n");
    }
}

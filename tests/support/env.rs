//! A home and an environment of its own for every test, and commands in it.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// After this a command is killed and its test fails, where it sets no time of its own.
const WATCHDOG: Duration = Duration::from_mins(1);

/// A throw-away home and an environment with nothing in it but what a test puts there.
pub struct TestEnv {
    root: TempDir,
    vars: BTreeMap<OsString, OsString>,
}

impl TestEnv {
    /// With `PATH`, `HOME`, `ALLMCP_HOME` (inside it, not made) and the file store.
    pub fn new() -> Self {
        let root = TempDir::with_prefix("allmcp-test-").expect("a folder for the test");
        let home = root.path().join("home");
        fs::create_dir(&home).unwrap();
        let mut vars = BTreeMap::new();
        // Windows programs do not start without the second and third.
        for name in ["PATH", "SYSTEMROOT", "TEMP"] {
            if let Some(value) = std::env::var_os(name) {
                vars.insert(name.into(), value);
            }
        }
        vars.insert("HOME".into(), home.clone().into());
        vars.insert("USERPROFILE".into(), home.clone().into());
        vars.insert("ALLMCP_HOME".into(), home.join("allmcp").into());
        vars.insert("ALLMCP_STORE".into(), "file".into());
        Self { root, vars }
    }

    /// Sets a variable for all commands to come.
    pub fn var(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.vars.insert(name.into(), value.as_ref().into());
        self
    }

    /// Takes a variable away for all commands to come.
    pub fn without(&mut self, name: &str) -> &mut Self {
        self.vars.remove(OsStr::new(name));
        self
    }

    /// The home folder of the user.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// A folder for files of the test that are outside the home.
    pub fn scratch(&self) -> &Path {
        self.root.path()
    }

    /// `ALLMCP_HOME`: the folder with everything of ours.
    pub fn allmcp_home(&self) -> PathBuf {
        self.home().join("allmcp")
    }

    pub fn config_file(&self) -> PathBuf {
        self.allmcp_home().join("config.toml")
    }

    /// Writes `config.toml`, the way an editor does: over the old one.
    pub fn config(&self, toml: &str) -> &Self {
        fs::create_dir_all(self.allmcp_home()).unwrap();
        fs::write(self.config_file(), toml).unwrap();
        self
    }

    pub fn read_config(&self) -> String {
        fs::read_to_string(self.config_file()).unwrap_or_default()
    }

    /// Puts a file in the place of one of our folders: nothing can be made in it, whoever we are.
    pub fn block(&self, folder: &str) -> &Self {
        fs::create_dir_all(self.allmcp_home()).unwrap();
        fs::write(self.allmcp_home().join(folder), "in the way").unwrap();
        self
    }

    /// Adds one connection without credentials to `config.toml`.
    pub fn connection(&self, name: &str, url: &str) -> &Self {
        let entry = format!("[connections.{name}]\nurl = \"{url}\"\nauth = \"none\"\n\n");
        self.config(&format!("{}{entry}", self.read_config()))
    }

    /// Runs the product to its end. Say which end it should be: `success` or `code`.
    #[must_use = "did it succeed?"]
    pub fn cmd(&self, args: &[&str]) -> Output {
        self.command(args).run()
    }

    /// A command still to be run: for stdin, and for variables of its own.
    pub fn command(&self, args: &[&str]) -> Cmd {
        // Not `env!`, so that unit tests of the library can take this module in too.
        let binary: Option<&str> = option_env!("CARGO_BIN_EXE_allmcp");
        self.program(binary.expect("only in tests/*.rs"), args)
    }

    /// A command of another program in the same environment.
    pub fn program(&self, program: &str, args: &[&str]) -> Cmd {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.vars).current_dir(self.root.path());
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
        let shown = format!("{name} {}", args.join(" "));
        Cmd { command, stdin: None, shown, patience: WATCHDOG, unread: false, held: false }
    }

    /// The files under the home whose bytes hold `needle`; those that cannot be read are not there.
    pub fn grep_everything(&self, needle: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.root.path(), &mut |path| {
            let bytes = fs::read(path).unwrap_or_default();
            if bytes.windows(needle.len()).any(|at| at == needle.as_bytes()) {
                found.push(path.to_owned());
            }
        });
        found
    }

    /// All files under `ALLMCP_HOME`, relative to it and sorted.
    pub fn files(&self) -> Vec<String> {
        let (home, mut found) = (self.allmcp_home(), Vec::new());
        walk(&home, &mut |path| {
            let relative = path.strip_prefix(&home).unwrap_or(path);
            found.push(relative.to_string_lossy().replace('\\', "/"));
        });
        found.sort();
        found
    }
}

/// Links are not followed: what they point to is not in this home.
fn walk(folder: &Path, found: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), found),
            Ok(kind) if kind.is_file() => found(&entry.path()),
            _ => {}
        }
    }
}

/// A command that has not been run yet.
#[must_use]
pub struct Cmd {
    command: Command,
    stdin: Option<Vec<u8>>,
    shown: String,
    patience: Duration,
    unread: bool,
    held: bool,
}

impl Cmd {
    /// Its stdin is open and nothing ever comes: who reads it waits for ever.
    pub fn held_stdin(mut self) -> Self {
        self.held = true;
        self
    }

    /// Nobody reads its stderr, for a process that is talked to.
    pub fn unread_stderr(mut self) -> Self {
        self.unread = true;
        self
    }

    pub fn var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What the command reads; else its stdin is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// How long it may run; 60 s where nothing is said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs it to its end; kills it and fails when that takes too long.
    #[must_use = "did it succeed?"]
    pub fn run(self) -> Output {
        self.start().finish()
    }

    /// Starts it and does not wait.
    pub fn start(mut self) -> Running {
        let deadline = Instant::now() + self.patience;
        let piped = self.stdin.is_some() || self.held;
        self.command.stdin(if piped { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("allmcp starts");
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let mut held = child.stdin.take();
        if let Some(bytes) = self.stdin
            && let Some(mut pipe) = held.take()
        {
            // On a thread: a command that does not read must not block the test. One that has
            // ended without reading is no failure.
            std::thread::spawn(move || pipe.write_all(&bytes));
        }
        Running { child, held, stdout, stderr, shown: self.shown, deadline }
    }

    /// The pieces for a process that is talked to.
    pub(super) fn into_parts(self) -> (Command, String) {
        (self.command, self.shown)
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread
    }
}

/// A command under way.
#[must_use]
pub struct Running {
    child: Child,
    /// Closed when all is over.
    held: Option<ChildStdin>,
    stdout: mpsc::Receiver<Vec<u8>>,
    stderr: mpsc::Receiver<Vec<u8>>,
    shown: String,
    deadline: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    /// Waits for its end; kills it and fails when that takes too long.
    #[must_use = "did it succeed?"]
    pub fn finish(mut self) -> Output {
        let status = wait(&mut self.child, self.deadline);
        drop(self.held);
        // A grandchild may hold the pipes open for ever: it gets two seconds more.
        let rest = Duration::from_secs(if status.is_some() { 10 } else { 2 });
        let text = |from: mpsc::Receiver<Vec<u8>>| {
            let bytes = from.recv_timeout(rest).unwrap_or_else(|_| b"(pipe still open)".to_vec());
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        let Some(code) = status else {
            panic!("{} hung\nstdout: {stdout}\nstderr: {stderr}", self.shown);
        };
        Output { shown: self.shown, code, stdout, stderr }
    }
}

/// The exit code, 128 and the signal where there is none; nothing when it had to be killed.
pub(super) fn wait(child: &mut Child, deadline: Instant) -> Option<i32> {
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            #[cfg(unix)]
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            #[cfg(not(unix))]
            let signal: Option<i32> = None;
            return status.code().or(signal.map(|signal| 128 + signal));
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

pub(super) fn drain<R: io::Read + Send + 'static>(pipe: Option<R>) -> mpsc::Receiver<Vec<u8>> {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _nobody_waits = done.send(bytes);
    });
    wait
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Output {
    shown: String,
    code: i32,
    stdout: String,
    stderr: String,
}

impl Output {
    pub(super) fn of(shown: String, code: i32, stdout: String) -> Self {
        Self::with_stderr(shown, code, stdout, String::new())
    }

    pub(super) fn with_stderr(shown: String, code: i32, stdout: String, stderr: String) -> Self {
        Self { shown, code, stdout, stderr }
    }

    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        let Self { shown, code, stdout, stderr } = &self;
        assert_eq!(*code, expected, "exit code of `{shown}`\nstdout: {stdout}\nstderr: {stderr}");
        self
    }

    pub fn exit(&self) -> i32 {
        self.code
    }

    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        let Self { shown, stdout, stderr, .. } = self;
        serde_json::from_str(stdout).unwrap_or_else(|error| {
            panic!("`{shown}`: {error}\nstdout: {stdout}\nstderr: {stderr}")
        })
    }

    /// The JSON objects on stdout, one a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The error line of `--json` on stderr.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        let mut errors = self.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
        errors
            .rfind(|error: &Value| error["schema"] == "allmcp.error/1")
            .unwrap_or_else(|| panic!("`{}`: no error line in stderr: {}", self.shown, self.stderr))
    }

    /// True when `needle` is anywhere in what it printed.
    pub fn mentions(&self, needle: &str) -> bool {
        self.stdout.contains(needle) || self.stderr.contains(needle)
    }
}

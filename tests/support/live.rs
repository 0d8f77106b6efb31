//! A command that is talked to while it runs: what it says is waited for, and it is typed to.

use super::env::{Cmd, Output, wait};
use serde_json::Value;
use std::{
    io::{Read, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A command under way. It is killed when this is dropped.
pub struct Live {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<(Mutex<Said>, Condvar)>,
    shown: String,
}

#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    ended: usize,
}

impl Cmd {
    /// Starts it; its stdin stays open.
    pub fn live(self) -> Live {
        let (mut command, shown) = self.into_parts();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("allmcp starts");
        let said = Arc::<(Mutex<Said>, Condvar)>::default();
        hear(child.stdout.take(), &said, |said| &mut said.stdout);
        hear(child.stderr.take(), &said, |said| &mut said.stderr);
        Live { stdin: child.stdin.take(), child, said, shown }
    }
}

fn hear<R: Read + Send + 'static>(
    pipe: Option<R>,
    said: &Arc<(Mutex<Said>, Condvar)>,
    into: fn(&mut Said) -> &mut Vec<u8>,
) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let (mut pipe, mut bytes) = (pipe.unwrap(), [0; 4096]);
        loop {
            let got = pipe.read(&mut bytes).unwrap_or(0);
            let mut all = said.0.lock().unwrap();
            into(&mut all).extend(&bytes[..got]);
            all.ended += usize::from(got == 0);
            said.1.notify_all();
            if got == 0 {
                return;
            }
        }
    });
}

impl Live {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types one line.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// All of its stdout so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.said.0.lock().unwrap().stdout).into_owned()
    }

    /// Waits for the line of stdout with this `event`.
    #[track_caller]
    pub fn event(&self, event: &str) -> Value {
        let found = |said: &Said| {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let mut whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            whole.find_map(|line| {
                let value: Value = serde_json::from_str(line).ok()?;
                (value["event"] == event).then_some(value)
            })
        };
        self.wait(event, found)
    }

    /// Waits until stderr has `text` so many times.
    #[track_caller]
    pub fn hears(&self, text: &str, times: usize) {
        self.wait(text, |said| {
            let stderr = String::from_utf8_lossy(&said.stderr);
            (stderr.matches(text).count() >= times).then_some(())
        });
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, found: impl Fn(&Said) -> Option<T>) -> T {
        let said = self.said.0.lock().unwrap();
        let more = |said: &mut Said| found(said).is_none() && said.ended < 2;
        let (said, _) = self.said.1.wait_timeout_while(said, PATIENCE, more).unwrap();
        let got = found(&said);
        let story = format!(
            "stdout: {}\nstderr: {}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
        drop(said);
        got.unwrap_or_else(|| panic!("`{}`: waited in vain for {what}\n{story}", self.shown))
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    /// Waits for its end. Its stdin stays as it is.
    #[must_use = "did it succeed?"]
    #[track_caller]
    pub fn finish(mut self) -> Output {
        let code = wait(&mut self.child, Instant::now() + PATIENCE);
        let said = self.said.0.lock().unwrap();
        let more = |said: &mut Said| said.ended < 2;
        let rest = Duration::from_secs(10);
        let (said, _) = self.said.1.wait_timeout_while(said, rest, more).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&said.stdout), text(&said.stderr));
        drop(said);
        let shown = self.shown.clone();
        let code = code.unwrap_or_else(|| panic!("{shown} hung\n{stdout}\n{stderr}"));
        Output::with_stderr(shown, code, stdout, stderr)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

//! Asks another program something, with as little around it as a desktop client gives.

use crate::task;
use std::{
    io::Read as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a program may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longer answers are cut, in bytes.
const MOST: u64 = 16 << 10;
/// Where programs of the system are; a client that the desktop started has little more.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
/// Windows programs do not start without it.
#[cfg(windows)]
const SYSTEM_ROOT: &str = "C:\\Windows";

/// How a program ended that was asked something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) success: bool,
    /// Stdout, then stderr.
    pub(super) text: String,
}

/// Runs `program` without a shell, a terminal or an environment worth speaking of.
///
/// # Errors
/// It does not start, or does not end in time (it is killed then): a fragment that says so.
pub(super) async fn ask(program: &str, args: &[&str], home: Option<&Path>) -> Result<Said, String> {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", PATH);
    #[cfg(windows)]
    command.env("SYSTEMROOT", SYSTEM_ROOT).env("PATH", "C:\\Windows\\System32");
    if let Some(home) = home {
        command.env(if cfg!(windows) { "USERPROFILE" } else { "HOME" }, home);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let asked = task::on_thread("ask a program", PATIENCE * 2, move || run(command)).await;
    asked.unwrap_or_else(|error| Err(error.to_string()))
}

fn run(mut command: Command) -> Result<Said, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    let success = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _gone = child.kill();
                let _reaped = child.wait();
                return Err(format!("it did not end in {} seconds", PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    Ok(Said { success, text: output(&mut child) })
}

/// What it wrote, which is in the pipes still.
fn output(child: &mut Child) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let _cut = pipe.take(MOST).read_to_end(&mut bytes);
    }
    if let Some(pipe) = child.stderr.take() {
        let _cut = pipe.take(MOST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_has_nothing_around_it_and_an_end() {
        let said = ask("/usr/bin/env", &[], Some(Path::new("/h"))).await.unwrap();
        assert!(said.success);
        let mut names: Vec<_> = said.text.lines().filter_map(|l| l.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "PATH"]);
        let hung = ask("/bin/sh", &["-c", "sleep 60"], None).await;
        assert_eq!(hung, Err("it did not end in 3 seconds".to_owned()));
        assert!(ask("/nowhere/x", &[], None).await.is_err());
    }
}

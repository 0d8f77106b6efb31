//! What tests of commands do again and again, and a terminal for them.

use super::env::{Output, TestEnv, wait};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    process::Stdio,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A file that a lock is taken on; such files are never removed.
pub fn is_lock(file: &str) -> bool {
    file.rsplit('.').next() == Some("lock")
}

impl TestEnv {
    /// `connect` without a key.
    #[track_caller]
    pub fn connect(&self, name: &str, url: &str) -> Output {
        self.cmd(&["connect", url, "--name", name]).success()
    }

    /// `connect` with a key, given on stdin.
    #[track_caller]
    pub fn connect_key(&self, name: &str, url: &str, key: &str) -> Output {
        self.command(&["connect", url, "--name", name, "--token-stdin"]).stdin(key).run().success()
    }

    /// What the file store holds under `account`; null when there is nothing.
    pub fn stored(&self, account: &str) -> Value {
        let file = self.allmcp_home().join("data/secrets.json");
        let text = std::fs::read_to_string(file).unwrap_or_else(|_| "{}".into());
        let store: Value = serde_json::from_str(&text).unwrap();
        let item = store["items"][account].as_str().unwrap_or("null");
        serde_json::from_str(item).unwrap()
    }

    /// Fails when anything was left behind but files that locks are taken on.
    #[track_caller]
    pub fn nothing_saved(&self) {
        let mut left = self.files();
        left.retain(|file| !is_lock(file));
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Runs a command on a terminal of this width. Each of `answers` is a text that is waited
    /// for on the screen, and what is typed then. Its stdout has the whole screen.
    ///
    /// Nothing where there is no `script` program to lend a terminal.
    #[track_caller]
    pub fn on_terminal(
        &self,
        columns: u16,
        args: &[&str],
        answers: &[(&str, &str)],
    ) -> Option<Output> {
        let quoted = |arg: &&str| format!("'{}'", arg.replace('\'', r"'\''"));
        let args: Vec<String> = args.iter().map(quoted).collect();
        // Not `env!`: see `TestEnv::command`.
        let binary: Option<&str> = option_env!("CARGO_BIN_EXE_allmcp");
        let binary = binary.expect("only in tests/*.rs");
        // What the terminal is like afterwards is the last thing on the screen.
        let line = format!(
            "stty cols {columns} rows 50; '{binary}' {}; code=$?; stty -a | grep -o -e '-*echo '; exit $code",
            args.join(" ")
        );
        if !std::path::Path::new("/usr/bin/script").exists() || !cfg!(target_os = "linux") {
            return None;
        }
        let mut command = self.program("/usr/bin/script", &["-qec", &line, "/dev/null"]);
        command = command.var("TERM", "xterm").var("SHELL", "/bin/sh");
        let (mut command, shown) = command.into_parts();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("script starts");
        let mut typed = child.stdin.take().unwrap();
        let screen = Arc::<(Mutex<(Vec<u8>, bool)>, Condvar)>::default();
        let (mut out, writer) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let got = out.read(&mut bytes).unwrap_or(0);
                let mut seen = writer.0.lock().unwrap();
                seen.0.extend(&bytes[..got]);
                seen.1 = got == 0;
                writer.1.notify_all();
                if got == 0 {
                    return;
                }
            }
        });
        let wait_until = |what: &str, done: &dyn Fn(&str, bool) -> bool| {
            let more =
                |seen: &mut (Vec<u8>, bool)| !done(&String::from_utf8_lossy(&seen.0), seen.1);
            let waited = screen.1.wait_timeout_while(screen.0.lock().unwrap(), PATIENCE, more);
            let (seen, timeout) = waited.unwrap();
            let text = String::from_utf8_lossy(&seen.0).into_owned();
            drop(seen);
            assert!(!timeout.timed_out(), "{shown}: waited in vain for {what}: {text}");
            text
        };
        let mut from = 0;
        for (prompt, answer) in answers {
            let text = wait_until(prompt, &|text, ended| ended || text[from..].contains(prompt));
            from = text.len();
            typed.write_all(answer.as_bytes()).unwrap();
            typed.flush().unwrap();
        }
        let text = wait_until("the end", &|_, ended| ended);
        let code = wait(&mut child, Instant::now() + PATIENCE).expect("script ends");
        Some(Output::of(shown, code, text.replace("\r\n", "\n")))
    }
}

//! The command line: one file per command, over the rooms below.
//!
//! Owns the grammar ([`grammar`]), what shells are told of it ([`complete`]), the exit codes
//! ([`exit`]) and how failures look ([`error`]).
//! May name every room; decides nothing that another front end would have to decide again. Called
//! by `main` only.

mod call;
mod catalog;
mod complete;
mod config;
mod connect;
mod consent;
mod context;
mod demo;
mod disconnect;
mod doctor;
pub mod error;
pub mod exit;
mod generate;
pub mod grammar;
mod import;
mod inspect;
mod install;
mod interrupt;
mod list;
mod logs;
mod memory;
mod provider;
mod reconnect;
mod report;
mod rows;
mod search;
mod secrets;
mod serve;
mod status;
mod switch;
mod sync;
mod tools;
mod upstream_error;
mod usage;

use self::{
    context::Context,
    error::{CliError, CliResult},
    grammar::{Command, Global},
};
use crate::{config::Env, log, ui::Out};
use std::{ffi::OsString, io::IsTerminal as _, process::ExitCode};

/// Tells a shell what fits at its cursor; `None` when `args` are a line to run.
pub fn complete(args: &[OsString]) -> Option<ExitCode> {
    complete::complete(args)
}

/// Runs one command line to its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    no_core_dumps();
    let (global, command) = match grammar::read(args, std::io::stdin().is_terminal()) {
        Ok(read) => read,
        Err(exit) => return exit.into(),
    };
    let env = Env::read();
    let out = Out::new(global.look(&env));
    let cx = match Context::new(global, env, out) {
        Ok(cx) => cx,
        Err((error, out)) => return error.report(&out).into(),
    };
    start_log(&cx, &command);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&cx, command));
            // A thread that hangs in a keychain must not hold up the end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CliError::internal("could not start the runtime").because(&error)),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => error.report(&cx.out).into(),
    }
}

async fn dispatch(cx: &Context, command: Command) -> CliResult {
    match command {
        Command::Connect(args) => connect::run(cx, args).await,
        Command::Disconnect(args) => disconnect::run(cx, args).await,
        Command::Reconnect(args) => reconnect::run(cx, args).await,
        Command::Enable(args) => switch::run(cx, &args.name, true),
        Command::Disable(args) => switch::run(cx, &args.name, false),
        Command::List(args) => list::run(cx, &args),
        Command::Status(args) => status::run(cx, &args).await,
        Command::Inspect(args) => inspect::run(cx, &args).await,
        Command::Tools(args) => tools::run(cx, args),
        Command::Call(args) => call::run(cx, args).await,
        Command::Search(args) => search::run(cx, &args).await,
        Command::Sync(args) => sync::run(cx, &args).await,
        Command::Catalog(args) => catalog::run(cx, args),
        Command::Config(command) => config::run(cx, command),
        Command::Logs(args) => logs::run(cx, args).await,
        Command::Usage(args) => usage::run(cx, &args),
        Command::Memory(command) => memory::run(cx, command).await,
        Command::Serve(args) => serve::serve(cx, args).await,
        Command::Bridge(args) => serve::bridge(cx, args).await,
        Command::Import(args) => import::run(cx, args).await,
        Command::Install(args) => install::install(cx, &args),
        Command::Uninstall(args) => install::uninstall(cx, &args),
        Command::Doctor => doctor::run(cx).await,
        Command::Report(args) => report::run(cx, &args).await,
        Command::Completions(args) => generate::completions(cx, &args),
        Command::Demo(args) => Box::pin(demo::run(cx, &args)).await,
    }
}

/// What goes to stderr: warnings, and more with each `-v`; a server also keeps a file, where
/// there is a configuration at all.
fn start_log(cx: &Context, command: &Command) {
    let Global { verbose, quiet, json, .. } = cx.global;
    let (serves, debug, silent) = match command {
        Command::Serve(_) => (true, false, false),
        Command::Bridge(args) => (true, args.debug, args.silent),
        _ => (false, false, false),
    };
    let stderr = match verbose {
        _ if silent => "off",
        _ if debug => "debug",
        0 if (quiet || json) && !serves => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let wanted = cx.env.log.clone();
    let file = (serves && cx.paths.config_file.exists()).then(|| cx.paths.log_file());
    log::init(&log::LogConfig {
        read: !serves,
        stderr: wanted.clone().filter(|_| !silent).unwrap_or_else(|| stderr.to_owned()),
        level: wanted.unwrap_or_else(|| "info".to_owned()),
        file,
    });
}

/// A core file would hold every secret in memory.
fn no_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _kept = setrlimit(Resource::Core, none);
    }
}

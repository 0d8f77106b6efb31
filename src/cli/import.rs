//! `allmcp import`: servers that a client knows, as connections of ours.

mod catalog;
mod outcome;
mod plan;
mod shown;
mod sources;

use self::{
    outcome::{Outcome, State},
    plan::{Candidate, Verdict, Wanted},
};
use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::ImportArgs,
    secrets::Terminal,
};
use crate::{
    app, config,
    connect::{self, Ask as _, ConnectError, Deps, Tried},
    kind::StoreKind,
    text,
};
use url::Url;

/// So many servers are tried at a time.
const AT_ONCE: usize = 16;

pub(super) async fn run(cx: &Context, args: ImportArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    if args.source.is_none() && !args.dry_run && !cx.prompter.can_ask() {
        return Err(CliError::usage("whose servers? a client or a file is not given")
            .hint("allmcp import CLIENT --yes; allmcp import --dry-run shows what there is"));
    }
    let origins = sources::find(cx, args.source.as_deref())?;
    let kind = settings.store.unwrap_or(StoreKind::Keychain);
    let remember = settings.remembered_store.is_none().then_some(kind);
    let vault = cx.vault(&settings, Some(kind));
    let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, remember);
    let candidates = plan::candidates(cx, &deps, &origins);
    let candidates = only(candidates, &args.only)?;
    let ask = Terminal::new(cx);
    let work = async {
        let source = args.source.as_deref();
        if args.dry_run || candidates.iter().all(|it| !it.is_wanted()) {
            let outcomes = candidates.into_iter().map(Outcome::planned).collect();
            return shown::tell(cx, source, args.dry_run, outcomes, &origins);
        }
        if !args.yes && !agreed(cx, &candidates)? {
            cx.out.note("nothing was taken");
            return Ok(Exit::FAILED);
        }
        let outcomes = Box::pin(take(cx, &deps, &ask, candidates)).await?;
        shown::tell(cx, source, false, outcomes, &origins)
    };
    ask.interruptible(&deps.shutdown, Box::pin(work)).await
}

/// Those that were named; each name must be one.
fn only(candidates: Vec<Candidate>, names: &[String]) -> Result<Vec<Candidate>, CliError> {
    if names.is_empty() {
        return Ok(candidates);
    }
    for name in names {
        let known = candidates.iter().map(|it| it.entry.as_str());
        if !known.clone().any(|known| known == name) {
            return Err(CliError::not_found("server", name, known, "allmcp import --dry-run"));
        }
    }
    Ok(candidates.into_iter().filter(|it| names.contains(&it.entry)).collect())
}

fn agreed(cx: &Context, candidates: &[Candidate]) -> Result<bool, CliError> {
    let wanted: Vec<&str> =
        candidates.iter().filter(|it| it.is_wanted()).map(|it| it.name.as_str()).collect();
    if cx.prompter.can_ask() && !cx.out.json() {
        cx.out.table(&shown::table(candidates))?;
    }
    let question =
        format!("Take over {} ({})?", text::count(wanted.len(), "server"), wanted.join(", "));
    cx.prompter.confirm(&question, "--yes").map_err(CliError::from)
}

/// Tries them side by side and takes them over; what is missing is asked for before.
async fn take(
    cx: &Context,
    deps: &Deps,
    ask: &Terminal<'_>,
    mut candidates: Vec<Candidate>,
) -> Result<Vec<Outcome>, CliError> {
    let mut keeps = false;
    for candidate in &mut candidates {
        let Verdict::Take(wanted) = &mut candidate.verdict else { continue };
        keeps |= !wanted.request.secrets.is_empty() || !wanted.missing.is_empty();
    }
    if keeps {
        // Once for all of them, and before anything is saved or asked.
        deps.vault.probe().await.map_err(CliError::from)?;
    }
    for candidate in &mut candidates {
        let Verdict::Take(wanted) = &mut candidate.verdict else { continue };
        fill(ask, wanted).await?;
    }
    let count = candidates.iter().filter(|it| it.is_wanted()).count();
    let what = format!("trying {}", text::count(count, "server"));
    let mut outcomes = Vec::new();
    while !candidates.is_empty() {
        let some: Vec<_> = candidates.drain(..candidates.len().min(AT_ONCE)).collect();
        let some = some.into_iter().map(|candidate| tried(deps, candidate));
        let some = cx.out.waiting(&what, futures_util::future::join_all(some)).await;
        // One after the other, in the order in which the client has them.
        for (candidate, tried) in some {
            outcomes.push(Box::pin(saved(cx, deps, candidate, tried)).await);
        }
    }
    Ok(outcomes)
}

/// Asks for what the client would ask for. Where nobody can be asked it stays missing, and is
/// given later.
async fn fill(ask: &Terminal<'_>, wanted: &mut Wanted) -> Result<(), CliError> {
    if !ask.can_ask() {
        return Ok(());
    }
    let host = Url::parse(&wanted.request.url).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
    for name in &wanted.missing {
        match ask.secret(name, &format!("{} ({host})", wanted.name)).await {
            Ok(secret) => {
                wanted.request.secrets.insert(name.clone(), secret);
            }
            Err(_) => {
                if let Some(failed) = ask.failure() {
                    return Err(failed.into());
                }
            }
        }
    }
    Ok(())
}

type Attempt = Option<Result<Tried, ConnectError>>;

async fn tried(deps: &Deps, candidate: Candidate) -> (Candidate, Attempt) {
    let Verdict::Take(wanted) = &candidate.verdict else { return (candidate, None) };
    let tried = connect::consider(deps, wanted.request.clone()).await;
    (candidate, Some(tried))
}

async fn saved(cx: &Context, deps: &Deps, mut candidate: Candidate, tried: Attempt) -> Outcome {
    let Verdict::Take(wanted) = &mut candidate.verdict else { return Outcome::planned(candidate) };
    let (name, hidden) = (wanted.name.clone(), std::mem::take(&mut wanted.hidden_tools));
    let saved = match tried {
        Some(Ok(tried)) => connect::adopt(deps, tried).await,
        Some(Err(error)) => Err(error),
        None => return Outcome::planned(candidate),
    };
    let mut outcome = match saved {
        Ok((connected, trouble)) => Outcome::of(candidate, &connected, trouble),
        Err(error) => Outcome::failed(candidate, &error),
    };
    if outcome.state == State::Imported && !hidden.is_empty() {
        let all = vec!["*".to_owned()];
        if let Err(error) = config::set_tool_rules(&cx.paths, &name, all, hidden) {
            outcome.note(&format!("its tools were not hidden: {error}"));
        }
    }
    outcome
}

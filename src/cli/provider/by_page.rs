//! What a provider wants to know, filled in in the browser.

use crate::{
    cli::{
        connect::tell,
        consent::{Asking, CONSENT},
        context::Context,
        error::{CliError, CliResult, Kind},
        exit::Exit,
    },
    connect::{Consent as _, Deps, Links, LinksConfig, Outcome, Wish, prepare::Given},
};

/// Opens our page for it, and waits until the user is done there.
pub(in crate::cli) async fn by_page(
    cx: &Context,
    deps: &Deps,
    consent: &Asking<'_>,
    given: Given,
) -> CliResult {
    let id = given.manifest.id.clone();
    // The consent opens the browser, as it does for a sign-in.
    let config = LinksConfig { life: CONSENT, ..LinksConfig::default() };
    let links = Links::new(deps.clone(), config);
    let made = links.connect(&id, Wish::Provider(Box::new(given))).await;
    let Some((link, mut ending)) = made else {
        return Err(CliError::failed("no page can be shown on loopback"));
    };
    consent.ask(&link.url, link.expires_at);
    let end = tokio::time::timeout(CONSENT, ending.wait_for(Option::is_some));
    let end = cx.out.waiting("waiting for the browser", end).await;
    let outcome = end.ok().and_then(Result::ok).and_then(|outcome| outcome.clone());
    links.last_page(&link).await;
    match outcome {
        Some(Outcome::Connected(connected)) => tell(cx, "connect", &connected),
        Some(Outcome::Cancelled) => {
            cx.out.note("nothing was changed");
            Ok(Exit::FAILED)
        }
        _ => Err(CliError::new(Kind::Timeout, "nobody filled in the page in time")
            .hint(format!("run it again: allmcp connect {id}"))),
    }
}

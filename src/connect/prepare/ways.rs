//! Which way to sign in.

use super::{Asker, Choice, ChoiceOf, Params, PrepareError, Secrets, takes};
use crate::{
    catalog::{Manifest, manifest::Way},
    text,
};

/// The way that was named, or that fits what was given; where several are left, the one that is
/// chosen, else the simplest.
pub(super) async fn pick<'m>(
    manifest: &'m Manifest,
    asker: &dyn Asker,
    word: Option<&str>,
    params: &Params,
    secrets: &Secrets,
) -> Result<&'m Way, PrepareError> {
    let mut ways = manifest.ways(word, params);
    let fits = |way: &&Way| secrets.keys().all(|name| takes(way, name));
    let fitting: Vec<&Way> = ways.iter().copied().filter(fits).collect();
    if !fitting.is_empty() {
        ways = fitting;
    }
    let Some(first) = ways.first().copied() else {
        let known: Vec<_> = manifest.auth.iter().map(|way| way.id.as_str()).collect();
        return Err(PrepareError::usage(format!(
            "{} has no way to sign in called {:?}; it has {}",
            manifest.id,
            text::line(word.unwrap_or_default(), 60),
            known.join(", ")
        )));
    };
    if ways.len() == 1 || word.is_some() || !secrets.is_empty() || !asker.can_ask() {
        return Ok(first);
    }
    let option = |way: &&Way| (way.id.clone(), way.title.clone(), way.help.clone());
    let choice = Choice {
        of: ChoiceOf::Way,
        title: "How do you want to sign in?".to_owned(),
        options: ways.iter().map(option).collect(),
    };
    let chosen = asker.choose(&choice).await?;
    Ok(ways.into_iter().find(|way| way.id == chosen).unwrap_or(first))
}

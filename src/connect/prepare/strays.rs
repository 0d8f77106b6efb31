//! Secrets that were given and that nothing would use.

use super::PrepareError;
use crate::{
    auth::{CLIENT_SECRET, PRIVATE_KEY, TOKEN},
    catalog::manifest::Way,
    kind::AuthKind,
    secret::Secret,
    text,
};
use std::collections::BTreeMap;

/// Says so where a secret was given that this way of signing in has no place for: what is dropped
/// unsaid is missed only much later. `headers` are those of the user, which may use more secrets.
///
/// # Errors
/// One has no place; the text names it and those that there are.
pub(super) fn every_secret_has_a_place(
    way: &Way,
    headers: &[(String, String)],
    secrets: &BTreeMap<String, Secret<String>>,
) -> Result<(), PrepareError> {
    let typed = way.login.iter().flat_map(|login| &login.asks);
    let own: Vec<&str> = way.secrets.iter().chain(typed).map(|one| one.name.as_str()).collect();
    let has_a_place = |name: &str| {
        let hole = format!("${{secret:{name}}}");
        // `--token-stdin` gives the only one that there is, whatever its name.
        let meant = |only: &str| name == TOKEN && !secrets.contains_key(only);
        own.contains(&name)
            || way.secrets.first().is_some_and(|one| way.secrets.len() == 1 && meant(&one.name))
            || way.split.as_ref().is_some_and(|split| split.like.contains(&hole))
            || headers.iter().any(|(_, value)| value.contains(&hole))
            || (way.kind != AuthKind::Key && [CLIENT_SECRET, PRIVATE_KEY].contains(&name))
    };
    let Some(stray) = secrets.keys().find(|name| !has_a_place(name)) else { return Ok(()) };
    let takes = if own.is_empty() { "none".to_owned() } else { own.join(", ") };
    Err(PrepareError::Usage {
        text: format!(
            "--auth {} has no secret called {:?}; it takes {takes}",
            way.id,
            text::line(stray, 60)
        ),
        hint: Some("give it by another name, leave it out, or choose another --auth".to_owned()),
    })
}

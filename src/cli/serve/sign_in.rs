//! What the flags of `allmcp bridge` say of a sign-in, under the names of mcp-remote's.

use crate::{
    auth::OAuthConfig,
    cli::{connect::resource_rule, error::CliError, grammar::BridgeArgs},
    secret::Secret,
};
use serde_json::{Map, Value};

/// Longest description of a client that is read, in bytes.
const MAX: u64 = 64 * 1024;

pub(super) struct Told {
    pub(super) oauth: OAuthConfig,
    pub(super) secret: Option<Secret<String>>,
}

pub(super) fn told(args: &BridgeArgs) -> Result<Told, CliError> {
    let info = described("--static-oauth-client-info", args.static_oauth_client_info.as_deref())?;
    let flag = "--static-oauth-client-metadata";
    let about = described(flag, args.static_oauth_client_metadata.as_deref())?;
    let text = |map: &Map<String, Value>, key: &str| map.get(key)?.as_str().map(str::to_owned);
    let secret = text(&info, "client_secret").map(Secret::new);
    secret.iter().for_each(crate::log::redact);
    if secret.is_some()
        && args.static_oauth_client_info.as_deref().is_some_and(|arg| !arg.starts_with('@'))
    {
        tracing::warn!(
            "--static-oauth-client-info: a secret on the command line can be read by others; \
             use @FILE, or allmcp connect to keep it in the keychain"
        );
    }
    let client_id = args.client_id.clone().or_else(|| text(&info, "client_id"));
    if args.static_oauth_client_info.is_some() && client_id.is_none() {
        return Err(CliError::usage("--static-oauth-client-info has no client_id"));
    }
    let scope = text(&about, "scope").unwrap_or_default();
    let scopes = args.scopes.iter().map(String::as_str).chain([scope.as_str()]);
    let oauth = OAuthConfig {
        client_id,
        client_metadata_url: args.client_metadata_url.clone(),
        scopes: scopes.flat_map(str::split_whitespace).map(str::to_owned).collect(),
        resource: resource_rule(args.resource.clone()),
        callback_port: args.callback_port.filter(|port| *port != 0),
        callback_host: args.host.clone(),
        ..OAuthConfig::default()
    };
    Ok(Told { oauth, secret })
}

/// A JSON object, or `@FILE` with one. What is wrong is never quoted: it may hold a secret.
fn described(flag: &str, given: Option<&str>) -> Result<Map<String, Value>, CliError> {
    let Some(given) = given else { return Ok(Map::new()) };
    let file;
    let text = match given.strip_prefix('@') {
        Some(path) => {
            let large = std::fs::metadata(path).is_ok_and(|meta| meta.len() > MAX);
            if large {
                return Err(CliError::usage(format!("{flag}: {path} has more than {MAX} bytes")));
            }
            file = std::fs::read_to_string(path).map_err(|error| {
                CliError::usage(format!("could not read {flag} from {path}")).because(&error)
            })?;
            &file
        }
        None => given,
    };
    serde_json::from_str(text).map_err(|error| {
        CliError::usage(format!(
            "{flag} wants one JSON object; it does not parse at line {}, column {}",
            error.line(),
            error.column()
        ))
    })
}

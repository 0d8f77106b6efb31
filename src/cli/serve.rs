//! `allmcp serve` and `allmcp bridge`: the MCP servers that clients launch.

mod sign_in;

use super::{
    context::Context,
    error::{CliError, CliResult},
    exit::Exit,
    grammar::{BridgeArgs, BridgeTransport, ServeArgs},
};
use crate::{
    app::{self, Bridge, ServeError, ServeOptions},
    template::Template,
};
use std::time::Duration;

pub(super) async fn serve(cx: &Context, args: ServeArgs) -> CliResult {
    let ServeArgs { only, plain, profile, mode, read_only } = args;
    let tenant = cx.tenant.clone();
    let reporter = Some(super::report::Reports::of(cx));
    let options = ServeOptions { only, plain, profile, mode, read_only, tenant, reporter };
    app::serve(&cx.paths, &cx.env, options).await?;
    Ok(Exit::DONE)
}

pub(super) async fn bridge(cx: &Context, args: BridgeArgs) -> CliResult {
    if matches!(args.transport, BridgeTransport::SseFirst | BridgeTransport::SseOnly) {
        return Err(CliError::not_in_this_version("the old SSE transport (--transport sse-…)"));
    }
    let url = Template::literal(&args.url);
    let parsed = url::Url::parse(&args.url)
        .map_err(|error| CliError::usage(format!("that is not a URL: {error}")))?;
    if let Some(why) = crate::net::refuse_scheme(&parsed, args.allow_http) {
        let hint = if parsed.scheme() == "http" { "--allow-http allows it" } else { "use https" };
        return Err(CliError::usage(why).hint(hint));
    }
    let told = sign_in::told(&args)?;
    let mut headers = Vec::new();
    for header in &args.headers {
        headers
            .push((header.name.to_string(), bridge_header(header.name.as_str(), &header.value)?));
    }
    let bridge = Bridge {
        url,
        oauth: told.oauth,
        client_secret: told.secret,
        patience: Duration::from_secs(args.auth_timeout),
        headers,
        allow: if args.tools.is_empty() { vec!["*".to_owned()] } else { args.tools },
        deny: args.ignore_tools,
        allow_http: args.allow_http,
        tenant: cx.tenant.clone(),
    };
    app::bridge(&cx.paths, &cx.env, bridge).await?;
    Ok(Exit::DONE)
}

/// A header as mcp-remote takes it: `${X}` and `${env:X}` come from the environment, and a
/// literal secret is taken with one warning.
fn bridge_header(name: &str, value: &str) -> Result<Template, CliError> {
    let mut source = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        source.push_str(&before.replace('$', "$$"));
        let Some((inside, after)) = after.split_once('}') else {
            return Err(CliError::usage(format!("--header {name}: a ${{ is not closed")));
        };
        let variable = inside.strip_prefix("env:").unwrap_or(inside);
        source.push_str("${env:");
        source.push_str(variable);
        source.push('}');
        rest = after;
    }
    source.push_str(&rest.replace('$', "$$"));
    let template: Template =
        source.parse().map_err(|error| CliError::usage(format!("--header {name}: {error}")))?;
    if crate::secret::holds_credential(name) && template.holes().next().is_none() {
        tracing::warn!(
            "--header {name}: a secret on the command line can be read by others; \
             use '{name}: ${{env:NAME}}', or allmcp connect to keep it in the keychain"
        );
    }
    Ok(template)
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        match &error {
            ServeError::UnknownPlain { name, known } => Self::not_found(
                "connection",
                name.as_str(),
                known.iter().map(String::as_str),
                "allmcp list",
            )
            .on(name.as_str()),
            ServeError::UnknownProfile { name, known } => {
                let known = known.iter().map(String::as_str);
                Self::not_found("profile", name, known, "allmcp config edit")
            }
            ServeError::Stdio(source) => Self::failed(error.to_string()).because(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_filled_as_mcp_remote_fills_them() {
        let source = |value: &str| bridge_header("x", value).map(|t| t.source().to_owned()).ok();
        assert_eq!(source("Bearer ${TOKEN}").as_deref(), Some("Bearer ${env:TOKEN}"));
        assert_eq!(source("${env:A}-${B}").as_deref(), Some("${env:A}-${env:B}"));
        assert_eq!(source("cost $5").as_deref(), Some("cost $$5"));
        assert_eq!(source("${A"), None);
    }
}

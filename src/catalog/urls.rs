//! Which URLs are a provider's.

use super::Manifest;
use crate::template::Template;
use url::Url;

/// Stands for a value that may be anything but nothing.
const HOLE: char = '\u{1}';

/// The templates of a provider's MCP server: the usual one, and those of single ways.
pub(super) fn of(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let usual = manifest.mcp.as_ref().map(|mcp| mcp.url.as_str());
    let others = manifest.auth.iter().filter_map(|way| way.url.as_deref());
    usual.into_iter().chain(others.filter(|_| manifest.mcp.is_some()))
}

/// True when `url` is what a template stands for; its query does not matter.
pub(super) fn fits(template: &str, url: &Url) -> bool {
    let Some(template) = frame(template) else { return false };
    let whole = format!("{}://{}{}", url.scheme(), url.authority(), url.path());
    let template = template.split(['?', '#']).next().unwrap_or_default();
    let parts = |text: &str| -> Vec<String> {
        text.trim_end_matches('/').split('/').map(str::to_owned).collect()
    };
    let (wanted, given) = (parts(template), parts(&whole));
    wanted.len() == given.len()
        && wanted.iter().zip(&given).all(|(want, part)| part_fits(want, part))
}

/// A template with every hole marked; none for one whose host is not its own to the end: that
/// would fit strangers.
fn frame(template: &str) -> Option<String> {
    let template: Template = template.parse().ok()?;
    let filled = template.expand(|_| Some(crate::secret::Secret::new(HOLE.to_string()))).ok()?;
    let filled = filled.expose().clone();
    let host = filled.split_once("://")?.1.split('/').next()?.to_owned();
    let own: Vec<_> = host.rsplit('.').take_while(|label| !label.contains(HOLE)).collect();
    (own.len() >= 2 && own.iter().all(|label| !label.is_empty())).then_some(filled)
}

fn part_fits(want: &str, part: &str) -> bool {
    match want.split_once(HOLE) {
        None => want.eq_ignore_ascii_case(part),
        Some((before, after)) => {
            let inside = part.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            inside.is_some_and(|inside| !inside.is_empty() && !after.contains(HOLE))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_stand_for_something_and_never_for_a_whole_host() {
        let fits = |template: &str, url: &str| fits(template, &Url::parse(url).unwrap());
        assert!(fits("https://${param:a}.x.example/mcp", "https://acme.X.example/mcp?a=1"));
        assert!(!fits("https://${param:a}.x.example/mcp", "https://.x.example/mcp"));
        assert!(!fits("https://${param:a}.x.example/mcp", "https://x.example/mcp"));
        assert!(fits("https://x.example/a-${param:a}/mcp", "https://x.example/a-1/mcp"));
        assert!(!fits("https://x.example/a-${param:a}/mcp", "https://x.example/a-/mcp"));
        for greedy in
            ["${param:url}/mcp", "https://${param:host}/mcp", "https://${param:h}.com/mcp"]
        {
            assert!(!fits(greedy, "https://evil.com/mcp"), "{greedy}");
        }
    }
}

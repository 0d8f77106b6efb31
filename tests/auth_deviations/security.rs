//! What an attacker would have us do.

use crate::{
    by_resource, by_server,
    drive::{Row, Want},
    support::authorization::{Challenge, Iss, Issuer, Moved, PrmResource, TokenFail},
};
use serde_json::json;

/// All of these are refused before anybody could open a browser.
pub(crate) fn rows() -> Vec<Row> {
    let before = |row: Row, part: &'static str| row.wants(Want::RefusesBeforeBrowser(part));
    let mut rows = vec![
        before(
            by_server("S", "a foreign issuer", |q| {
                q.issuer = Issuer::Foreign("https://foreign.example".into());
            }),
            "issuer = \"https://foreign.example\"",
        ),
        before(
            by_resource("S", "a foreign resource", |q| {
                q.prm_resource = PrmResource::Other("https://foreign.example/mcp".into());
            }),
            "https://foreign.example/mcp",
        ),
        before(
            by_resource("S", "link-local metadata of the resource", |q| {
                let text = r#"Bearer resource_metadata="http://169.254.169.254/latest""#;
                q.challenge = Challenge::Text(text.into());
            }),
            "169.254.169.254",
        ),
        before(
            by_resource("S", "a link-local authorization server", |q| {
                q.prm_patch = json!({"authorization_servers": ["https://[::ffff:a9fe:a9fe]/"]});
            }),
            "must not lead to",
        ),
    ];
    for url in ["file:///etc/passwd", "javascript:alert(1)", "http://as.example/a", "-flag"] {
        rows.push(before(
            by_server("S", format!("an authorize URL that is none: {url}"), |q| {
                q.authorization_endpoint = Some(url.into());
            }),
            "authorization_endpoint",
        ));
    }
    for (name, url) in [
        ("token_endpoint", "https://169.254.169.254/token"),
        ("token_endpoint", "gopher://as.example/token"),
        ("registration_endpoint", "http://10.0.0.1/register"),
        ("token_endpoint", "https://u:p@as.example/token"),
    ] {
        rows.push(before(
            by_server("S", format!("{name} where none may be"), |q| {
                q.meta_patch = json!({name: url});
            }),
            name,
        ));
    }
    for iss in [Iss::Wrong, Iss::WrongUnannounced, Iss::Absent] {
        rows.push(
            by_server("19", format!("the answer of another server: {iss:?}"), |q| q.iss = iss)
                .wants(Want::Stops("refused by allmcp")),
        );
    }
    rows.extend([
        by_server("S", "metadata that moved near", |q| q.meta_redirect = Some(Moved::Near(2))),
        by_server("S", "metadata that moved too often", |q| q.meta_redirect = Some(Moved::Near(9)))
            .wants(Want::Stops("redirects")),
        by_server("S", "metadata that moved away", |q| {
            q.meta_redirect = Some(Moved::Far("http://127.0.0.2:1".into()));
        })
        .wants(Want::Stops("127.0.0.2")),
        by_server("S", "a token endpoint that redirects", |q| {
            q.token_redirect = Some((307, "http://127.0.0.1:1/token".into()));
        })
        .wants(Want::Stops("http_307")),
        by_server("S", "registration that redirects", |q| {
            q.register_redirect = Some((308, "http://127.0.0.1:1/register".into()));
        })
        .wants(Want::Stops("HTTP 308")),
        by_server("S", "escapes in an error", |q| {
            q.error_text = Some("\u{1b}[31mred\u{202e}\n<script>".into());
            q.token_fail = vec![TokenFail::Error(400, "invalid_scope"); 1].into();
        })
        .wants(Want::Stops("invalid_scope")),
    ]);
    rows
}

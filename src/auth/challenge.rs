//! What a server says in `WWW-Authenticate` of the sign-in that it wants (RFC 9110, 11.6.1).

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Most that is read of all such headers of one answer, in bytes.
const MAX_BYTES: usize = 16 * 1024;
const MAX_CHALLENGES: usize = 16;

/// One challenge. The values are as they came: clean them before they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// In lower case.
    pub scheme: String,
    /// Where the protected resource metadata is (RFC 9728, 5.1).
    pub resource_metadata: Option<String>,
    pub scope: Option<String>,
    pub error: Option<String>,
    pub error_description: Option<String>,
    pub realm: Option<String>,
}

impl Challenge {
    /// All challenges of an answer, in order; what cannot be read is passed over.
    pub fn all(headers: &HeaderMap) -> Vec<Self> {
        let mut out = Vec::new();
        let mut left = MAX_BYTES;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let bytes = &value.as_bytes()[..value.len().min(left)];
            left -= bytes.len();
            read(&String::from_utf8_lossy(bytes), &mut out);
        }
        out
    }

    /// The one that OAuth answers: of those for bearer tokens the one that says most. Where a
    /// server knows other schemes only, the first of them.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let all = Self::all(headers);
        let weight = |it: &Self| {
            let said = [&it.resource_metadata, &it.scope, &it.error];
            // DPoP servers nearly always take bearer tokens too.
            let bearer = match it.scheme.as_str() {
                "bearer" => 20,
                "dpop" => 10,
                _ => 0,
            };
            bearer + said.iter().filter(|value| value.is_some()).count()
        };
        let best = all.iter().map(weight).max()?;
        all.into_iter().find(|it| weight(it) == best)
    }

    /// The scopes that it asks for.
    pub fn scopes(&self) -> Vec<String> {
        let scope = self.scope.as_deref().unwrap_or_default();
        scope.split_whitespace().map(str::to_owned).collect()
    }

    /// True where more scopes are wanted, and no renewal helps (deviation 34).
    pub fn wants_more_scopes(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }

    /// True where OAuth has an answer to it.
    pub fn is_oauth(&self) -> bool {
        matches!(self.scheme.as_str(), "bearer" | "dpop")
    }

    fn set(&mut self, name: &str, value: String) {
        let field = match name.to_ascii_lowercase().as_str() {
            "resource_metadata" => &mut self.resource_metadata,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            "realm" => &mut self.realm,
            _ => return,
        };
        if field.is_none() && !value.is_empty() {
            *field = Some(value);
        }
    }
}

fn read(text: &str, out: &mut Vec<Challenge>) {
    let mut rest = text;
    // Parameters belong to the last scheme of the same header.
    let mut open = false;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let (word, after) = split(rest, is_token);
        if word.is_empty() {
            let mut chars = rest.chars();
            match chars.next() {
                Some('"') => rest = quoted(chars.as_str()).1,
                Some(_) => rest = chars.as_str(),
                None => return,
            }
            continue;
        }
        let value = after.trim_start();
        if open && let Some(value) = value.strip_prefix('=') {
            let (value, after) = parameter(value.trim_start());
            if let Some(challenge) = out.last_mut() {
                challenge.set(word, value);
            }
            rest = after;
            continue;
        }
        if out.len() == MAX_CHALLENGES {
            return;
        }
        out.push(Challenge { scheme: word.to_ascii_lowercase(), ..Challenge::default() });
        open = true;
        rest = past_token68(after);
    }
}

/// The value of a parameter: quoted, or up to the next comma or space.
fn parameter(text: &str) -> (String, &str) {
    if let Some(inner) = text.strip_prefix('"') {
        return quoted(inner);
    }
    // URLs are often left bare, though they are no tokens.
    let (value, rest) = split(text, |c| c != ',' && !c.is_whitespace());
    (value.to_owned(), rest)
}

/// What follows an opening quote, up to the closing one or the end.
fn quoted(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return (out, chars.as_str()),
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    (out, "")
}

/// Skips the single value that some schemes have in place of parameters (`Negotiate abc==`).
fn past_token68(text: &str) -> &str {
    let start = text.trim_start_matches(' ');
    if start.len() == text.len() {
        return text;
    }
    let (word, after) = split(start, |c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
    let padding = after.trim_start_matches('=');
    let ends = padding.is_empty() || padding.starts_with(',');
    // `Bearer, Basic …` and `Bearer Basic` have no such value; `a=` at the end is an empty one.
    let is_value = after.len() != padding.len() || word.contains(['/', '+', '~']);
    if ends && is_value { padding } else { text }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    fn of(values: &[&str]) -> Option<Challenge> {
        Challenge::of(&headers(values))
    }

    #[test]
    fn a_challenge_of_the_specification() {
        let found = of(&[
            r#"Bearer error="insufficient_scope", scope="files:read files:write", resource_metadata="https://h/.well-known/oauth-protected-resource", error_description="a \"b\", c""#,
        ])
        .unwrap();
        assert!(found.wants_more_scopes() && found.is_oauth());
        assert_eq!(found.scopes(), ["files:read", "files:write"]);
        assert_eq!(
            found.resource_metadata.as_deref(),
            Some("https://h/.well-known/oauth-protected-resource")
        );
        assert_eq!(found.error_description.as_deref(), Some("a \"b\", c"));
    }

    #[test]
    fn several_challenges_and_several_headers() {
        let scheme = |values: &[&str]| -> Vec<String> {
            Challenge::all(&headers(values)).into_iter().map(|it| it.scheme).collect()
        };
        assert_eq!(
            scheme(&[
                "Negotiate abc==, Basic realm=\"a, Bearer b\", BEARER scope=x",
                "DPoP algs=\"ES256\""
            ]),
            ["negotiate", "basic", "bearer", "dpop"]
        );
        assert_eq!(of(&["Basic realm=x", "Bearer, Bearer scope=y"]).unwrap().scopes(), ["y"]);
        assert_eq!(of(&["Digest qop=auth"]).unwrap().scheme, "digest");
    }

    #[test]
    fn bare_and_broken_ones() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["", ",,,", "= \"x\""]), None);
        let bare = Challenge { scheme: "bearer".to_owned(), ..Challenge::default() };
        assert_eq!(of(&["Bearer"]), Some(bare.clone()));
        assert_eq!(of(&["Bearer scope=\"\""]), Some(bare));
        let url = of(&["Bearer resource_metadata=https://h/x?y=1, scope = \"a"]).unwrap();
        assert_eq!(url.resource_metadata.as_deref(), Some("https://h/x?y=1"));
        assert_eq!(url.scope.as_deref(), Some("a"));
        let twice = of(&["Bearer scope=a, scope=b"]).unwrap();
        assert_eq!(twice.scope.as_deref(), Some("a"), "the first counts");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_grow(parts in prop::collection::vec(
            prop_oneof![".{0,12}", "[A-Za-z]{1,6} ?", r#"[a-z]{1,4} ?= ?"(\\.|[^"]){0,6}"?,?"#, "[=\", \\\\]{1,4}"], 0..20,
        )) {
            let mut out = Vec::new();
            read(&parts.concat(), &mut out);
            prop_assert!(out.len() <= MAX_CHALLENGES);
        }

        #[test]
        fn what_is_quoted_is_read_back(scope in "[ -~]{1,40}") {
            let escaped = scope.replace('\\', "\\\\").replace('"', "\\\"");
            let found = of(&[&format!("Basic a=b, Bearer x=1, scope=\"{escaped}\", y=\"2\"")]);
            prop_assert_eq!(found.unwrap().scope, Some(scope));
        }
    }
}

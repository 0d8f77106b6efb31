//! Where secrets stand in a URL or a header, and what stands there instead.

use super::expand::Piece;
use crate::secret::{Secret, holds_credential, path_secret};
use std::{collections::BTreeMap, fmt::Write as _};
use url::Url;

/// What stands before a credential in a header.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "bot", "apikey", "api-key", "key"];
/// How keys of well-known makers begin.
const BEGINNINGS: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "fc-",
    "ntn_",
    "secret_",
    "lin_api_",
    "eyJ",
    "AKIA",
    "ya29.",
    "figd_",
    "hf_",
    "AIza",
];
/// A text of this length and of letters and digits is taken for a key: one too many in the store
/// does no harm, one too many in a file does.
const LONG: usize = 24;
/// Parameters of a URL whose value is a secret by their name.
const WORDS: &[&str] = &["token", "key", "secret", "password", "auth", "sig", "signature", "code"];

/// Takes secrets out of texts.
#[derive(Default)]
pub(super) struct Keeper {
    pub(super) secrets: BTreeMap<String, Secret<String>>,
    pub(super) missing: Vec<String>,
}

impl Keeper {
    /// The template of a header's value.
    pub(super) fn header(&mut self, name: &str, pieces: &[Piece]) -> String {
        let secret = holds_credential(name);
        if let [Piece::Text(text)] = pieces {
            let (scheme, value) = scheme(text);
            if !value.is_empty() && (secret || looks_secret(value)) {
                let hole = self.put(name, value);
                return format!("{}{hole}", escaped(scheme));
            }
        }
        let mut template = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) if looks_secret(scheme(text).1) => {
                    let (scheme, value) = scheme(text);
                    let hole = self.put(name, value);
                    let _ = write!(template, "{}{hole}", escaped(scheme));
                }
                other => self.push(&mut template, other),
            }
        }
        template
    }

    /// The template of a URL.
    pub(super) fn url(&mut self, pieces: &[Piece]) -> Result<String, String> {
        let mut template = String::new();
        for piece in pieces {
            self.push(&mut template, piece);
        }
        let template = template.trim().to_owned();
        let lower = template.to_ascii_lowercase();
        if !["http://", "https://", "${"].iter().any(|start| lower.starts_with(start)) {
            return Err("its URL is neither http nor https".to_owned());
        }
        // What is behind the sign never leaves this machine.
        let template = template.split('#').next().unwrap_or_default();
        let (whole, query) = match template.split_once('?') {
            Some((whole, query)) => (whole, Some(query)),
            None => (template, None),
        };
        if let Ok(url) = Url::parse(whole)
            && (!url.username().is_empty() || url.password().is_some())
        {
            return Err("its URL has a user and a password in it".to_owned());
        }
        let mut out = self.path(whole);
        if let Some(query) = query {
            out.push('?');
            let pairs: Vec<String> = query.split('&').map(|pair| self.pair(pair)).collect();
            out.push_str(&pairs.join("&"));
        }
        Ok(out)
    }

    /// Some are known to have their key in the path.
    fn path(&mut self, whole: &str) -> String {
        let host = Url::parse(whole).ok().and_then(|url| url.host_str().map(str::to_owned));
        let rest = whole.split_once("://").map_or(whole, |(_, rest)| rest);
        let found = path_secret(&host.unwrap_or_default(), rest);
        // Others give an address of its own to everybody, which is the key.
        let found = found.or_else(|| rest.split('/').skip(1).find(|part| is_address(part)));
        let Some(found) = found.map(str::to_owned) else { return whole.to_owned() };
        let hole = self.put("token", &found);
        let at = whole.rfind(&found).unwrap_or_default();
        format!("{}{hole}{}", &whole[..at], &whole[at + found.len()..])
    }

    fn pair(&mut self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
        let lower = name.to_ascii_lowercase();
        let named = WORDS.iter().any(|word| {
            lower == *word || lower.ends_with(word) && lower.len() > word.len() && *word != "code"
        });
        if value.is_empty() || value.contains("${") || !(named || looks_secret(value)) {
            return pair.to_owned();
        }
        // As it is meant: it is encoded again when it is put in.
        let decoded = url::form_urlencoded::parse(format!("v={value}").as_bytes())
            .next()
            .map_or_else(|| value.to_owned(), |(_, value)| value.into_owned());
        format!("{name}={}", self.put(name, &decoded.replace("$$", "$")))
    }

    fn push(&mut self, template: &mut String, piece: &Piece) {
        match piece {
            Piece::Text(text) => template.push_str(&escaped(text)),
            Piece::Env(name) => {
                let _ = write!(template, "${{env:{name}}}");
            }
            Piece::Given(name) => {
                if !self.missing.contains(name) {
                    self.missing.push(name.clone());
                }
                let _ = write!(template, "${{secret:{name}}}");
            }
        }
    }

    /// The hole for a value. The first one is the one that `--token-stdin` gives anew.
    fn put(&mut self, place: &str, value: &str) -> String {
        let known = self.secrets.iter().find(|(_, kept)| kept.expose() == value);
        if let Some((name, _)) = known {
            return format!("${{secret:{name}}}");
        }
        let place: String = place
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .take(50)
            .collect();
        let free = |name: &String| !self.secrets.contains_key(name) && !self.missing.contains(name);
        let names = (2..).map(|n: u32| format!("{place}-{n}"));
        let name = ["token".to_owned(), place.clone()].into_iter().chain(names).find(free);
        let name = name.unwrap_or(place);
        self.secrets.insert(name.clone(), Secret::new(value.to_owned()));
        format!("${{secret:{name}}}")
    }
}

/// A dollar that is a dollar.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

/// `Bearer ` and the rest; nothing and all where no scheme is named.
fn scheme(text: &str) -> (&str, &str) {
    let Some((word, rest)) = text.split_once(' ') else { return ("", text) };
    if SCHEMES.contains(&word.to_ascii_lowercase().as_str()) {
        let value = rest.trim_start();
        text.split_at(text.len() - value.len())
    } else {
        ("", text)
    }
}

/// A text that is a key by its looks.
fn looks_secret(text: &str) -> bool {
    let text = text.trim();
    if BEGINNINGS.iter().any(|start| text.starts_with(start)) && text.len() > 12 {
        return true;
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b);
    text.len() >= LONG
        && text.bytes().all(plain)
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A part of a path that nobody could guess; ids are shorter, or have letters of one case.
fn is_address(part: &str) -> bool {
    let mixed = part.bytes().any(|b| b.is_ascii_lowercase())
        && part.bytes().any(|b| b.is_ascii_uppercase());
    part.len() >= 32 && looks_secret(part) && (mixed || part.len() >= 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> (String, Vec<(String, String)>) {
        let mut keeper = Keeper::default();
        let template = keeper.header(name, &[Piece::Text(value.to_owned())]);
        let kept = keeper.secrets.into_iter().map(|(name, value)| (name, value.into_inner()));
        (template, kept.collect())
    }

    fn url(text: &str) -> (Result<String, String>, Vec<String>) {
        let mut keeper = Keeper::default();
        let template = keeper.url(&[Piece::Text(text.to_owned())]);
        (template, keeper.secrets.into_values().map(Secret::into_inner).collect())
    }

    #[test]
    fn a_key_leaves_its_header_and_a_name_stays() {
        let token = |value: &str| vec![("token".to_owned(), value.to_owned())];
        let bearer = "Bearer ${secret:token}".to_owned();
        assert_eq!(header("Authorization", "Bearer k$1"), (bearer, token("k$1")));
        assert_eq!(header("X-API-Key", "k"), ("${secret:token}".to_owned(), token("k")));
        let odd = "sk-0123456789abcdef";
        assert_eq!(header("X-Tenant", odd), ("${secret:token}".to_owned(), token(odd)));
        assert_eq!(header("X-User", "a@b.c $5"), ("a@b.c $$5".to_owned(), vec![]));
        assert_eq!(header("X-Region", "eu-west-1"), ("eu-west-1".to_owned(), vec![]));
    }

    #[test]
    fn a_key_leaves_its_url() {
        let kept = |url: &str, secrets: &[&str]| {
            (Ok(url.to_owned()), secrets.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            url("https://h.example/mcp?region=eu&api_key=a%2Fb#x"),
            kept("https://h.example/mcp?region=eu&api_key=${secret:token}", &["a/b"])
        );
        assert_eq!(
            url("https://mcp.firecrawl.dev/fc-0123456789abcdef/v2/mcp"),
            kept("https://mcp.firecrawl.dev/${secret:token}/v2/mcp", &["fc-0123456789abcdef"])
        );
        let own = "NmY3YjM5ZDItZTg0Ny00MWQxLWE1YzYtOWRjZGM0";
        assert_eq!(
            url(&format!("https://h.example/s/{own}/mcp")),
            kept("https://h.example/s/${secret:token}/mcp", &[own])
        );
        let id = "https://h.example/w/123e4567-e89b-12d3-a456-426614174000/mcp";
        assert_eq!(url(id), kept(id, &[]));
        assert_eq!(url("https://h.example/a$b"), kept("https://h.example/a$$b", &[]));
        assert!(url("https://u:p@h.example/").0.is_err());
        assert!(url("file:///etc/passwd").0.is_err());
    }

    #[test]
    fn two_secrets_have_two_names_and_one_value_has_one() {
        let mut keeper = Keeper::default();
        let mut put =
            |name: &str, value: &str| keeper.header(name, &[Piece::Text(value.to_owned())]);
        assert_eq!(put("Authorization", "Bearer a"), "Bearer ${secret:token}");
        assert_eq!(put("X-App-Key", "b"), "${secret:x-app-key}");
        assert_eq!(put("X-Other-Key", "a"), "${secret:token}");
    }
}

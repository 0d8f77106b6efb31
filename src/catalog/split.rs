//! Taking a pasted secret apart, as a webhook URL that holds an address and a code.

use super::manifest::Split;
use crate::{
    secret::Secret,
    template::{Hole, Template},
};
use std::collections::BTreeMap;

/// Stands for a hole; nobody pastes it.
const MARK: char = '\u{1}';

/// What a pasted text holds.
#[derive(Debug, Default)]
pub struct Parts {
    pub params: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret<String>>,
}

impl Split {
    /// Finds the parts of `text` where `like` has its holes. White space around it, and a slash
    /// or its lack at the end, make no difference.
    ///
    /// # Errors
    /// It does not look like that; the text says how it should look, and quotes nothing of it.
    pub fn take_apart(&self, text: &Secret<String>) -> Result<Parts, String> {
        let unlike = || format!("what was given does not look like {}", shown(&self.like));
        let like: Template = self.like.parse().map_err(|_| unlike())?;
        let marked = like.expand(|_| Some(Secret::new(MARK.to_string())));
        let marked = marked.map_err(|_| unlike())?.into_inner();
        let literals: Vec<&str> = marked.trim_end_matches('/').split(MARK).collect();
        let text = text.expose().trim().trim_end_matches('/');
        let mut rest = text.strip_prefix(literals[0]).ok_or_else(unlike)?;
        let mut parts = Parts::default();
        for (hole, literal) in like.holes().zip(&literals[1..]) {
            let end = if literal.is_empty() { Some(rest.len()) } else { rest.find(literal) };
            let (value, after) = rest.split_at(end.ok_or_else(unlike)?);
            if value.is_empty() || (literal.is_empty() && value.contains('/')) {
                return Err(unlike());
            }
            rest = &after[literal.len()..];
            match hole {
                Hole::Param(name) => {
                    parts.params.insert(name.clone(), value.to_owned());
                }
                Hole::Secret(name) => {
                    parts.secrets.insert(name.clone(), Secret::new(value.to_owned()));
                }
                _ => return Err(unlike()),
            }
        }
        if rest.is_empty() { Ok(parts) } else { Err(unlike()) }
    }
}

/// The pattern as people read it: `https://PORTAL/rest/USER_ID/CODE/`.
fn shown(like: &str) -> String {
    let Ok(template) = like.parse::<Template>() else { return like.to_owned() };
    let name = |hole: &Hole| match hole {
        Hole::Param(name) | Hole::Secret(name) => Some(Secret::new(name.to_uppercase())),
        _ => None,
    };
    template.expand(name).map_or_else(|_| like.to_owned(), Secret::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(text: &str) -> Result<(String, String, String), String> {
        let like = "https://${param:portal}/rest/${param:user_id}/${secret:code}/".to_owned();
        let split = Split { from: "webhook".to_owned(), like };
        let parts = split.take_apart(&Secret::new(text.to_owned()))?;
        let code = parts.secrets["code"].expose().clone();
        Ok((parts.params["portal"].clone(), parts.params["user_id"].clone(), code))
    }

    #[test]
    fn a_webhook_is_taken_apart() {
        let want = ("x.bitrix24.com".to_owned(), "1".to_owned(), "abc".to_owned());
        for text in ["https://x.bitrix24.com/rest/1/abc/", " https://x.bitrix24.com/rest/1/abc\n"] {
            assert_eq!(apart(text), Ok(want.clone()));
        }
    }

    #[test]
    fn what_does_not_look_like_it_is_refused_and_not_quoted() {
        for odd in [
            "",
            "canary",
            "http://x/rest/1/canary/",
            "https://x/rest/1/",
            "https://x/rest//canary/",
            "https://x/rest/1/canary/crm.lead.list",
        ] {
            let error = apart(odd).unwrap_err();
            assert!(error.contains("https://PORTAL/rest/USER_ID/CODE/"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

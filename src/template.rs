//! Texts with `${…}` in them, as the configuration writes URLs, headers and parameters.
//!
//! Owns the grammar: `${secret:N}`, `${env:N}`, `${param:N}`, `${org_id}`, `${user_id}`; `$$` is
//! a dollar. May name only `secret`. Parsed by `config`, expanded by `auth` at the last moment.

use crate::secret::Secret;
use std::{fmt, str::FromStr};

/// A parsed text; [`fmt::Display`] shows the source, which never holds a secret's value.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Hole(Hole),
}

/// What a `${…}` stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hole {
    Secret(String),
    Env(String),
    Param(String),
    OrgId,
    UserId,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => write!(f, "${{secret:{name}}}"),
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::Param(name) => write!(f, "${{param:{name}}}"),
            Self::OrgId => f.write_str("${org_id}"),
            Self::UserId => f.write_str("${user_id}"),
        }
    }
}

/// Why a text is not a template, or could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("\"${{{0}\" is not closed by a brace; write $$ for a dollar")]
    Unclosed(String),
    #[error(
        "\"${{{0}}}\" is unknown; use ${{secret:N}}, ${{env:N}}, ${{param:N}}, ${{org_id}} or ${{user_id}}, and $$ for a dollar"
    )]
    Unknown(String),
    #[error("{0} is not set")]
    Unset(Hole),
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (inside, after) = after
                    .split_once('}')
                    .ok_or_else(|| TemplateError::Unclosed(after.chars().take(40).collect()))?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Hole(hole(inside)?));
                rest = after;
            } else {
                text.push('$');
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { source: source.to_owned(), parts })
    }
}

fn hole(inside: &str) -> Result<Hole, TemplateError> {
    let name_ok = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    match inside.split_once(':') {
        None if inside == "org_id" => Ok(Hole::OrgId),
        None if inside == "user_id" => Ok(Hole::UserId),
        Some(("secret", name)) if name_ok(name) => Ok(Hole::Secret(name.to_owned())),
        Some(("env", name)) if name_ok(name) => Ok(Hole::Env(name.to_owned())),
        Some(("param", name)) if name_ok(name) => Ok(Hole::Param(name.to_owned())),
        _ => Err(TemplateError::Unknown(inside.chars().take(40).collect())),
    }
}

impl Template {
    /// A template that is this text and nothing else: a `$` in it stays a dollar.
    pub fn literal(text: &str) -> Self {
        Self { source: text.replace('$', "$$"), parts: vec![Part::Text(text.to_owned())] }
    }

    /// The text as the configuration has it.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    pub fn needs_secret(&self) -> bool {
        self.holes().any(|hole| matches!(hole, Hole::Secret(_)))
    }

    /// Fills every hole from `value`; the first one without a value is the error.
    pub fn expand(
        &self,
        mut value: impl FnMut(&Hole) -> Option<Secret<String>>,
    ) -> Result<Secret<String>, TemplateError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(hole) => {
                    let filled = value(hole).ok_or_else(|| TemplateError::Unset(hole.clone()))?;
                    out.push_str(filled.expose());
                }
            }
        }
        Ok(Secret::new(out))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &str) -> Result<String, TemplateError> {
        source
            .parse::<Template>()?
            .expand(|hole| match hole {
                Hole::Secret(n) | Hole::Env(n) if n == "none" => None,
                other => Some(Secret::new(format!("<{other}>"))),
            })
            .map(Secret::into_inner)
    }

    #[test]
    fn holes_are_filled_and_dollars_kept() {
        assert_eq!(filled("Bearer ${secret:token}").unwrap(), "Bearer <${secret:token}>");
        assert_eq!(filled("$$5 $x ${user_id}$").unwrap(), "$5 $x <${user_id}>$");
        assert_eq!(
            Template::literal("a$b").source().parse::<Template>().unwrap().holes().count(),
            0
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(filled("${env:none}").unwrap_err().to_string(), "${env:none} is not set");
        assert!(matches!(filled("${envX}"), Err(TemplateError::Unknown(_))));
        assert!(matches!(filled("a${env:x"), Err(TemplateError::Unclosed(_))));
        assert!(matches!(filled("${secret:}"), Err(TemplateError::Unknown(_))));
    }

    #[test]
    fn debug_shows_the_source_only() {
        let template: Template = "${secret:token}".parse().unwrap();
        assert_eq!(format!("{template:?}"), "\"${secret:token}\"");
    }
}

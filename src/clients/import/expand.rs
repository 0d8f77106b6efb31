//! How clients write what they fill in themselves, taken apart.

use std::collections::BTreeMap;

/// Forms that only some clients know; `${NAME}` and `${env:NAME}` are everybody's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dialect {
    /// `$NAME` and `%NAME%`, as Gemini CLI has it.
    pub bare: bool,
    /// `{env:NAME}` and `{file:PATH}`, as opencode has it.
    pub braces: bool,
}

impl Dialect {
    /// What the client of that id knows.
    pub fn of(client: &str) -> Self {
        Self { bare: client == "gemini", braces: client == "opencode" }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A variable of the environment.
    Env(String),
    /// Something that the client asks for or keeps, by a name that is one for a secret.
    Given(String),
}

/// Where an entry's texts are filled from.
pub(super) struct Source<'a> {
    pub(super) dialect: Dialect,
    /// The variables that the entry itself sets.
    pub(super) env: BTreeMap<String, String>,
    pub(super) is_set: &'a dyn Fn(&str) -> bool,
}

impl Source<'_> {
    /// `text` with the entry's own variables filled in.
    pub(super) fn pieces(&self, text: &str) -> Vec<Piece> {
        let mut all = Vec::new();
        for piece in self.split(text) {
            match &piece {
                // Once: a variable that names itself is the one of the environment.
                Piece::Env(name) => match self.env.get(name) {
                    Some(value) => all.extend(self.split(value)),
                    None => all.push(piece),
                },
                _ => all.push(piece),
            }
        }
        merged(all)
    }

    fn split(&self, text: &str) -> Vec<Piece> {
        let mut all = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((piece, after)) = self.hole(rest) {
                if !literal.is_empty() {
                    all.push(Piece::Text(std::mem::take(&mut literal)));
                }
                all.push(piece);
                rest = after;
            } else {
                literal.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            all.push(Piece::Text(literal));
        }
        all
    }

    /// The hole at the beginning of `text`, and what comes after it.
    fn hole<'t>(&self, text: &'t str) -> Option<(Piece, &'t str)> {
        if let Some(rest) = text.strip_prefix("${{") {
            let (inside, after) = rest.split_once("}}")?;
            let name = inside.trim();
            return Some((Piece::Given(secret_name(name.rsplit('.').next()?)?), after));
        }
        if let Some(rest) = text.strip_prefix("${") {
            let (inside, after) = rest.split_once('}')?;
            return Some((self.inside(inside)?, after));
        }
        if self.dialect.braces
            && let Some(rest) = text.strip_prefix('{')
            && let Some((inside, after)) = rest.split_once('}')
            && (inside.starts_with("env:") || inside.starts_with("file:"))
        {
            return Some((self.inside(inside)?, after));
        }
        if self.dialect.bare
            && let Some(rest) = text.strip_prefix('$')
        {
            let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            return Some((Piece::Env(variable(&rest[..end])?), &rest[end..]));
        }
        if self.dialect.bare
            && let Some(rest) = text.strip_prefix('%')
            && let Some((inside, after)) = rest.split_once('%')
        {
            return Some((Piece::Env(variable(inside)?), after));
        }
        None
    }

    fn inside(&self, inside: &str) -> Option<Piece> {
        if let Some(id) = inside.strip_prefix("input:") {
            return Some(Piece::Given(secret_name(id)?));
        }
        if let Some(path) = inside.strip_prefix("file:") {
            let file = path.rsplit(['/', '\\']).next()?;
            return Some(Piece::Given(secret_name(file)?));
        }
        let name = inside.strip_prefix("env:").unwrap_or(inside);
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (name, None),
        };
        let name = variable(name)?;
        match default {
            Some(default) if !self.env.contains_key(&name) && !(self.is_set)(&name) => {
                Some(Piece::Text(default.to_owned()))
            }
            _ => Some(Piece::Env(name)),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn variable(name: &str) -> Option<String> {
    let first = name.chars().next()?;
    (name.chars().all(is_name) && !first.is_ascii_digit()).then(|| name.to_owned())
}

/// A name that a template takes.
fn secret_name(name: &str) -> Option<String> {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' })
        .take(60)
        .collect();
    (!clean.is_empty()).then_some(clean)
}

fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Piece::Text(last)), Piece::Text(text)) => last.push_str(&text),
            (_, piece) => all.push(piece),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(dialect: Dialect, env: &[(&str, &str)], text: &str) -> Vec<Piece> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Source { dialect, env, is_set: &|name| name == "SET" }.pieces(text)
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn env(name: &str) -> Piece {
        Piece::Env(name.to_owned())
    }

    #[test]
    fn every_client_s_way_of_naming_a_variable() {
        let (all, gemini, opencode) =
            (Dialect::default(), Dialect::of("gemini"), Dialect::of("opencode"));
        let two = vec![text("Bearer "), env("X")];
        for given in ["Bearer ${X}", "Bearer ${env:X}", "Bearer ${X:-}"] {
            let want = if given.ends_with(":-}") { vec![text("Bearer ")] } else { two.clone() };
            assert_eq!(pieces(all, &[], given), want, "{given}");
        }
        assert_eq!(pieces(gemini, &[], "Bearer $X"), two);
        assert_eq!(pieces(gemini, &[], "Bearer %X%"), two);
        assert_eq!(pieces(opencode, &[], "Bearer {env:X}"), two);
        // To others these are texts.
        for given in ["Bearer $X", "Bearer %X%", "Bearer {env:X}", "$", "${", "${userHome/x}"] {
            assert_eq!(pieces(all, &[], given), [text(given)], "{given}");
        }
        assert_eq!(pieces(all, &[], "${SET:-d}-${UNSET:-d}"), [env("SET"), text("-d")]);
    }

    #[test]
    fn what_a_client_asks_for_is_a_secret_and_the_entry_s_own_variables_are_filled_in() {
        let all = Dialect::default();
        let given = |name: &str| vec![Piece::Given(name.to_owned())];
        assert_eq!(pieces(all, &[], "${input:figma key}"), given("figma-key"));
        assert_eq!(pieces(all, &[], "${{ secrets.FIGMA }}"), given("FIGMA"));
        assert_eq!(pieces(all, &[], "${file:/run/secrets/x.txt}"), given("x.txt"));
        let own = [("A", "Bearer ${B}"), ("B", "b"), ("SELF", "${SELF}")];
        assert_eq!(pieces(all, &own, "${A}"), [text("Bearer "), env("B")]);
        assert_eq!(pieces(all, &own, "Bearer ${B}"), [text("Bearer b")]);
        assert_eq!(pieces(all, &own, "${SELF}"), [env("SELF")]);
    }
}

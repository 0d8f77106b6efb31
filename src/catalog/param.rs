//! What a parameter may be.

use super::manifest::Param;
use std::str::FromStr;

/// What may stand in one part of a host name or of a path, where a manifest does not say.
const USUAL: &str = "A-Za-z0-9._~-";
/// The longest value, in characters.
const LONGEST: usize = 500;

/// Characters with ranges, as `a-z0-9-`; a `-` at either end is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chars(Vec<(char, char)>);

/// Why a text is no set of characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CharsError {
    #[error("it is empty")]
    Empty,
    #[error("{0}-{1} is no range: write the lower one first")]
    Backwards(char, char),
}

impl FromStr for Chars {
    type Err = CharsError;

    fn from_str(text: &str) -> Result<Self, CharsError> {
        let letters: Vec<char> = text.chars().collect();
        let mut ranges = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            match letters[at..] {
                [from, '-', to, ..] if from > to => return Err(CharsError::Backwards(from, to)),
                [from, '-', to, ..] => {
                    ranges.push((from, to));
                    at += 3;
                }
                [one, ..] => {
                    ranges.push((one, one));
                    at += 1;
                }
                [] => break,
            }
        }
        if ranges.is_empty() { Err(CharsError::Empty) } else { Ok(Self(ranges)) }
    }
}

impl Chars {
    pub fn allow(&self, c: char) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&c))
    }
}

impl Param {
    /// Whether something has to be said.
    pub fn is_needed(&self) -> bool {
        self.default.is_none() && !self.optional
    }

    /// The value as it is kept: without what people type around it.
    ///
    /// # Errors
    /// Why it cannot be the value, in words.
    pub fn accept(&self, given: &str) -> Result<String, String> {
        let mut value = given.trim();
        let allowed = self.chars.as_deref().unwrap_or(USUAL);
        let chars: Chars = allowed.parse().map_err(|error: CharsError| error.to_string())?;
        if !chars.allow('/') {
            // The address bar, where a part of it was asked for.
            let pasted = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
            value = pasted.map_or(value, |rest| rest.split('/').next().unwrap_or(rest));
        }
        let mut value = value.to_owned();
        if self.choices.is_empty() && !('A'..='Z').any(|c| chars.allow(c)) {
            value.make_ascii_lowercase();
        }
        let ending = self.strip.as_deref().filter(|ending| value.ends_with(ending));
        if let Some(ending) = ending {
            value.truncate(value.len() - ending.len());
        }
        if value.is_empty() {
            return Err("it is empty".to_owned());
        }
        if value.chars().count() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        if !self.choices.is_empty() {
            let known = self.choices.contains(&value);
            return if known {
                Ok(value)
            } else {
                Err(format!("use one of {}", self.choices.join(", ")))
            };
        }
        if let Some(wrong) = value.chars().find(|c| !chars.allow(*c)) {
            return Err(format!("{wrong:?} cannot stand in it; it may have {allowed}"));
        }
        if value.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
            return Err("it leads out of its place".to_owned());
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(chars: Option<&str>, strip: Option<&str>) -> Param {
        Param { chars: chars.map(Into::into), strip: strip.map(Into::into), ..Param::default() }
    }

    #[test]
    fn sets_of_characters() {
        let chars: Chars = "a-z0-9_-".parse().unwrap();
        assert!("az09_-".chars().all(|c| chars.allow(c)));
        assert!("AZ.:".chars().all(|c| !chars.allow(c)));
        assert!("-a".parse::<Chars>().unwrap().allow('-'));
        assert_eq!("z-a".parse::<Chars>(), Err(CharsError::Backwards('z', 'a')));
        assert_eq!("".parse::<Chars>(), Err(CharsError::Empty));
    }

    #[test]
    fn what_people_type_around_a_value_goes() {
        let subdomain = param(Some("a-z0-9-"), Some(".kommo.com"));
        for given in ["acme", " Acme.kommo.com ", "https://acme.kommo.com/leads/detail/1"] {
            assert_eq!(subdomain.accept(given).as_deref(), Ok("acme"), "{given}");
        }
        let api = param(Some("A-Za-z0-9.:/_-"), Some("/"));
        assert_eq!(api.accept("https://api.x.example/").as_deref(), Ok("https://api.x.example"));
    }

    #[test]
    fn what_cannot_be_a_value_is_refused_with_a_reason() {
        let subdomain = param(Some("a-z0-9-"), Some(".kommo.com"));
        for (given, why) in [
            ("", "empty"),
            (".kommo.com", "empty"),
            ("acme.evil.example", "'.' cannot stand in it; it may have a-z0-9-"),
            ("a@b", "'@' cannot"),
            (&"a".repeat(501), "longer than 500"),
        ] {
            let error = subdomain.accept(given).unwrap_err();
            assert!(error.contains(why), "{given}: {error}");
        }
        assert!(param(None, None).accept("..").is_err());
        assert!(param(None, None).accept("a/b").is_err());
        assert!(param(Some("a-z./"), None).accept("a/../b").is_err());
        let choice = Param { choices: vec!["eu".into(), "us".into()], ..Param::default() };
        assert_eq!(choice.accept("eu").as_deref(), Ok("eu"));
        assert_eq!(choice.accept("ua").unwrap_err(), "use one of eu, us");
    }
}

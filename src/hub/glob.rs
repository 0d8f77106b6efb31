//! Patterns on tool names: `*` is any text, `?` is any one character, all else is itself.

/// True when the whole of `text` fits `pattern`. Linear in practice, never exponential: only the
/// last `*` is ever tried again.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut wanted = pattern.chars();
        let mut given = text.chars();
        match (wanted.next(), given.next()) {
            (Some('*'), _) => {
                pattern = wanted.as_str();
                if pattern.is_empty() {
                    return true;
                }
                retry = Some((pattern, text));
                continue;
            }
            (Some('?'), Some(_)) => {}
            (Some(p), Some(t)) if p == t => {}
            (None, None) => return true,
            _ => {
                // The last star takes one character more.
                let Some((after, from)) = retry else { return false };
                let mut longer = from.chars();
                if longer.next().is_none() {
                    return false;
                }
                (pattern, text) = (after, longer.as_str());
                retry = Some((after, text));
                continue;
            }
        }
        (pattern, text) = (wanted.as_str(), given.as_str());
    }
}

/// True when any of `patterns` fits.
pub fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "x"),
            ("*_delete", "deal_delete"),
            ("get_*", "get_"),
            ("a*b*c", "a-b-b-c"),
            ("a?c", "aжc"),
            ("**x", "xx"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*_delete", "delete"),
            ("a?c", "ac"),
            ("?", ""),
            ("get", "get_"),
            ("A", "a"),
            ("", "x"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }
}

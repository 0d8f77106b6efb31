//! Rust source as words and signs: enough of a lexer to find paths, and nothing in a comment or a
//! string is mistaken for one.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// A word, `::`, or one sign.
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut at, mut line, mut out) = (0, 1, Vec::new());
    while at < chars.len() {
        let start = at;
        let c = chars[at];
        at = match c {
            '/' if chars.get(at + 1) == Some(&'/') => until(&chars, at, '\n'),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment(&chars, at),
            '"' => string(&chars, at),
            '\'' => quote(&chars, at),
            'r' | 'b' | 'c' if raw_string(&chars, at).is_some() => {
                raw_string(&chars, at).unwrap_or(at + 1)
            }
            _ if c.is_alphabetic() || c == '_' => {
                let end = word(&chars, at);
                out.push(Token { text: chars[at..end].iter().collect(), line });
                end
            }
            _ if c.is_ascii_digit() => word(&chars, at),
            ':' if chars.get(at + 1) == Some(&':') => {
                out.push(Token { text: "::".into(), line });
                at + 2
            }
            _ => {
                if !c.is_whitespace() {
                    out.push(Token { text: c.into(), line });
                }
                at + 1
            }
        };
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn until(chars: &[char], at: usize, end: char) -> usize {
    chars[at..].iter().position(|c| *c == end).map_or(chars.len(), |n| at + n)
}

fn word(chars: &[char], at: usize) -> usize {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    chars[at..].iter().position(|c| !is_part(c)).map_or(chars.len(), |n| at + n)
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (at, depth) = (at + 2, depth + 1),
            ('*', Some('/')) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A character, or the start of a lifetime.
fn quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), Some(_)) => until(chars, at + 3, '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
    .min(chars.len())
}

/// The end of `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `c"…"`; none where no such string begins.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let mut open = at;
    while matches!(chars.get(open), Some('r' | 'b' | 'c')) && open - at < 2 {
        open += 1;
    }
    let raw = chars[at..open].contains(&'r');
    let hashes = chars[open..].iter().take_while(|c| **c == '#').count();
    if chars.get(open + hashes) != Some(&'"') || (hashes > 0 && !raw) {
        return None;
    }
    if !raw {
        return Some(string(chars, open));
    }
    let mut end = open + hashes + 1;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_words() {
        let source =
            "a /* b /* c */ d */ // e\n \"f \\\" g\" r#\"h \" i\"# b\"j\" br\"k\" 'l' '\\'' m";
        assert_eq!(words(source), ["a", "m"]);
    }

    #[test]
    fn lifetimes_raw_words_and_paths_are_read() {
        assert_eq!(words("x<'a>"), ["x", "<", "a", ">"]);
        assert_eq!(words("rb::c"), ["rb", "::", "c"]);
        assert_eq!(words("b'x' y"), ["b", "y"]);
        assert_eq!(words("1.0e5 z"), [".", "z"]);
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let all = tokens("/*\n*/ a \"\n\" b\n r\"\n\" c");
        assert_eq!(all.iter().map(|t| t.line).collect::<Vec<_>>(), [2, 3, 5]);
    }
}

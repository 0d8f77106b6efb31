//! How text falls into words, and words into stems.

use super::words;
use rust_stemmers::{Algorithm, Stemmer};

/// The runs of letters and digits in `text`, scripts without spaces apart from the others.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    runs_and_gaps(text).map(|(_, run)| run)
}

/// The same, each with what stands before it.
pub(super) fn runs_and_gaps(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (gap, from) = rest.split_at(rest.find(char::is_alphanumeric)?);
        let dense = from.chars().next().is_some_and(is_dense);
        let end = from.find(|c: char| !c.is_alphanumeric() || is_dense(c) != dense);
        let (run, after) = from.split_at(end.unwrap_or(from.len()));
        rest = after;
        Some((gap, run))
    })
}

/// Han, kana and hangul, which are written without spaces, or with few.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Lower,
    Digit,
}

impl Case {
    fn of(c: char) -> Self {
        if c.is_uppercase() {
            Self::Upper
        } else if c.is_numeric() {
            Self::Digit
        } else {
            Self::Lower
        }
    }
}

/// The words in a run, in lower case: the parts of `camelCase` and then the whole, as people write
/// both `GitHub` and `github`; pairs of characters where there are no spaces.
pub(super) fn pieces(run: &str, mut each: impl FnMut(&str)) {
    if run.chars().next().is_some_and(is_dense) {
        let mut starts: Vec<usize> = run.char_indices().map(|(at, _)| at).collect();
        starts.push(run.len());
        match starts.len() {
            0..=2 => each(run),
            _ => starts.windows(3).for_each(|w| each(&run[w[0]..w[2]])),
        }
        return;
    }
    let mut lower = String::with_capacity(run.len());
    let mut parts = 0;
    let mut rest = run;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(part_end(rest));
        if parts > 0 || !after.is_empty() {
            parts += 1;
            lower.clear();
            lower.extend(part.chars().flat_map(char::to_lowercase));
            each(&lower);
        }
        rest = after;
    }
    lower.clear();
    lower.extend(run.chars().flat_map(char::to_lowercase));
    each(&lower);
}

/// Where the first part of a `camelCase` run ends.
fn part_end(run: &str) -> usize {
    let mut chars = run.char_indices().map(|(at, c)| (at, Case::of(c))).peekable();
    let Some((_, first)) = chars.next() else { return 0 };
    let mut end = 0;
    let mut before = first;
    let mut uppers = usize::from(first == Case::Upper);
    while let Some((at, case)) = chars.next() {
        match (before, case) {
            (Case::Upper, Case::Upper) => uppers += 1,
            // The plural of an acronym, as in `URLs`, is one word.
            (Case::Upper, Case::Lower) if uppers > 1 => {
                let plural = run[at..].starts_with('s')
                    && chars.peek().is_none_or(|&(_, next)| next != Case::Lower);
                if !plural {
                    return end;
                }
            }
            (Case::Upper, Case::Lower) => {}
            (a, b) if a == b => {}
            _ => return at,
        }
        end = at;
        before = case;
    }
    run.len()
}

/// Stems words; English, and Russian where a word is written in Cyrillic.
pub(super) struct Stems {
    english: Stemmer,
    russian: Stemmer,
}

impl Stems {
    pub(super) fn new() -> Self {
        Self {
            english: Stemmer::create(Algorithm::English),
            russian: Stemmer::create(Algorithm::Russian),
        }
    }

    /// The stem of a word in lower case.
    pub(super) fn stem(&self, word: &str) -> String {
        match word.chars().next() {
            Some('\u{400}'..='\u{4ff}') => self.russian.stem(word).into_owned(),
            Some('a'..='z') => self.english.stem(word).into_owned(),
            _ => word.to_owned(),
        }
    }

    /// The stems of what is worth indexing in `text`, in its order.
    pub(super) fn of(&self, text: &str, mut each: impl FnMut(&str)) {
        for run in runs(text) {
            pieces(run, |piece| {
                if !words::is_stop(piece) {
                    each(&self.stem(piece));
                }
            });
        }
    }
}

/// The first sentence of a description, and the rest: a description says first what a tool is for.
pub(super) fn first_sentence(text: &str) -> (&str, &str) {
    let text = text.trim();
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, c)| c);
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                (before.is_lowercase() || before.is_numeric() || before == ')')
                    && next.is_none_or(char::is_whitespace)
            }
            // An empty line.
            '\n' => text[at + 1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n'),
            _ => false,
        };
        if ends {
            return text.split_at(at + c.len_utf8());
        }
        before = c;
    }
    (text, "")
}

/// The beginning of `text`, at most `bytes` long and of whole characters.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::{beginning, first_sentence, pieces, runs};

    #[test]
    fn words_are_found_in_names_and_in_prose() {
        for (text, expected) in [
            ("create_refund", "create refund"),
            ("listAllURLs", "list all urls listallurls"),
            ("HTTPServer2", "http server 2 httpserver2"),
            ("GitHub", "git hub github"),
            ("APIs and IDs", "apis and ids"),
            ("Überblick", "überblick"),
            ("天气预报 v2", "天气 气预 预报 v 2 v2"),
            ("查x询", "查 x 询"),
            ("İ\u{0}\u{202e}!", "i\u{307}"),
        ] {
            let mut words = Vec::new();
            runs(text).for_each(|run| pieces(run, |word| words.push(word.to_owned())));
            assert_eq!(words.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn the_first_sentence_ends_where_a_reader_would_say() {
        for (text, first) in [
            ("Lists it. Then more.", "Lists it."),
            ("Lists v1.2 of it", "Lists v1.2 of it"),
            ("Line one\n\nLine two", "Line one\n"),
            ("查询天气。更多", "查询天气。"),
            ("  Why? Because.", "Why?"),
            ("", ""),
        ] {
            assert_eq!(first_sentence(text).0, first, "{text}");
        }
        assert_eq!(beginning("aé", 2), "a");
    }
}

//! Words for the full-text index: how texts go in, and how a query becomes one that FTS5 takes.
//!
//! Nothing of a query reaches the syntax of FTS5: it is taken apart into runs of letters and
//! digits, and each stands in quotes.

use super::limits;
use std::borrow::Cow;

/// Zero-width space: the tokenizer parts words at it, and no reader sees it.
const PART: char = '\u{200b}';

/// Scripts that are written without spaces between words: the tokenizer would take a sentence
/// for one word. Each character becomes a word of its own, and a query a phrase of them.
fn unspaced(c: char) -> bool {
    matches!(c,
        // Thai, Lao, Myanmar, Khmer.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Kana and Han with their extensions.
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// `text` as it is indexed.
pub(super) fn indexed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(unspaced) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if unspaced(c) {
            out.extend([PART, c, PART]);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// What stands in an index as a reader sees it.
pub(super) fn shown(indexed: &str) -> String {
    indexed.replace(PART, "")
}

/// The query for FTS5: any of the words, each also as the beginning of a longer one, and without
/// its ending, so that `leads` finds `lead`. `None`: there is no word in it.
pub(super) fn query(text: &str) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        for part in parts(run) {
            terms.extend(term(part));
        }
    }
    let mut seen = std::collections::HashSet::new();
    terms.retain(|term| seen.insert(term.clone()));
    terms.truncate(2 * limits::WORDS);
    (!terms.is_empty()).then(|| terms.join(" OR "))
}

/// A run cut where it changes between scripts with and without spaces.
fn parts(run: &str) -> Vec<&str> {
    let (mut out, mut start) = (Vec::new(), 0);
    let mut before = None;
    for (at, c) in run.char_indices() {
        if before.is_some_and(|before| before != unspaced(c)) {
            out.push(&run[start..at]);
            start = at;
        }
        before = Some(unspaced(c));
    }
    out.push(&run[start..]);
    out
}

/// One word in quotes; no quote can be in it.
fn term(word: &str) -> Vec<String> {
    if word.chars().any(unspaced) {
        return vec![format!("\"{}\"", indexed(word))];
    }
    let count = word.chars().count();
    let ending = match count {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    };
    let cut = |chars: usize| word.chars().take(chars).collect::<String>();
    match (count, ending) {
        (1, _) => vec![format!("\"{word}\"")],
        (_, 0) => vec![format!("\"{word}\" *")],
        _ => vec![format!("\"{word}\" *"), format!("\"{}\" *", cut(count - ending))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_quoted_and_shortened() {
        assert_eq!(query("kommo").as_deref(), Some("\"kommo\" * OR \"komm\" *"));
        assert_eq!(query("a AI leads").unwrap(), "\"a\" OR \"AI\" * OR \"leads\" * OR \"lead\" *");
        assert_eq!(
            query("東京 タワー2").unwrap(),
            format!("{} OR {} OR \"2\"", han("東京"), han("タワー"))
        );
        for none in ["", " ", "\"*\"", "(^)", "\0"] {
            assert_eq!(query(none), None, "{none:?}");
        }
    }

    fn han(text: &str) -> String {
        let parts: String = text.chars().flat_map(|c| [PART, c, PART]).collect();
        format!("\"{parts}\"")
    }

    #[test]
    fn a_word_twice_counts_once_and_not_all_of_many() {
        assert_eq!(query("ai AI ai").unwrap(), "\"ai\" * OR \"AI\" *");
        let many: Vec<String> = (0..1000).map(|i| format!("x{i}")).collect();
        let many = many.join(" ");
        assert!(query(&many).unwrap().matches(" OR ").count() < 2 * limits::WORDS);
    }

    #[test]
    fn what_is_indexed_is_shown_as_it_was() {
        for text in ["plain", "東京タワー and ไทย", "日本\n語"] {
            assert_eq!(shown(&indexed(text)), text);
        }
    }

    proptest! {
        #[test]
        fn no_query_has_syntax_in_it(text in ".{0,80}|[\"*^:(){}+\\-NEAROTD \0]{0,40}") {
            if let Some(query) = query(&text) {
                // Outside of the quotes only our own words stand.
                for (at, part) in query.split('"').enumerate() {
                    if at % 2 == 0 {
                        prop_assert!(["", " OR ", " * OR ", " *"].contains(&part), "{query}");
                    } else {
                        let word = |c: char| c.is_alphanumeric() || c == PART;
                        prop_assert!(!part.is_empty() && part.chars().all(word));
                    }
                }
            }
        }
    }
}

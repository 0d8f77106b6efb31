//! General knowledge of words: which say little, which mean the same, which verb does what.

use super::text::{self, Stems};
use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::LazyLock,
};

/// Words that stand in every English sentence.
static STOP: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("words/stop.txt").split_whitespace().collect());

/// Stems of words that seldom tell one tool from another: times, amounts, praise, the verbs of
/// asking.
static WEAK: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let stems = Stems::new();
    include_str!("words/weak.txt").split_whitespace().map(|word| stems.stem(word)).collect()
});

/// What is found under a stem, by the lines of `words/thesaurus.txt`.
static THESAURUS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    let stems = Stems::new();
    let mut all: HashMap<String, Vec<String>> = HashMap::new();
    for line in lines(include_str!("words/thesaurus.txt")) {
        // A word without spaces is several pairs of characters; only one pair is looked up.
        let said: Vec<Vec<String>> = line
            .split_whitespace()
            .map(|word| {
                let mut said = Vec::new();
                stems.of(word, |stem| said.push(stem.to_owned()));
                said
            })
            .collect();
        for (at, from) in said.iter().enumerate() {
            let [from] = from.as_slice() else { continue };
            let others = said.iter().enumerate().filter(|(other, _)| *other != at);
            let found = all.entry(from.clone()).or_default();
            for stem in others.flat_map(|(_, said)| said) {
                if stem != from && !found.contains(stem) {
                    found.push(stem.clone());
                }
            }
        }
    }
    all
});

/// Phrases by their stems, and the words that say the same.
static PHRASES: LazyLock<HashMap<Vec<String>, Vec<String>>> = LazyLock::new(|| {
    let stems = Stems::new();
    let stem_all =
        |text: &str| -> Vec<String> { text::runs(text).map(|word| stems.stem(word)).collect() };
    lines(include_str!("words/phrases.txt"))
        .filter_map(|line| line.split_once('>'))
        .map(|(phrase, words)| (stem_all(phrase), stem_all(words)))
        .collect()
});

/// What the ending of a file's name says about the file.
static ENDINGS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    lines(include_str!("words/endings.txt")).filter_map(|line| line.split_once(' ')).collect()
});

/// The longest phrase, in words.
pub(super) const LONGEST_PHRASE: usize = 3;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(super) fn is_stop(word: &str) -> bool {
    STOP.contains(word)
}

/// Also short numbers: a tool seldom has them for its own.
pub(super) fn is_weak(stem: &str) -> bool {
    WEAK.contains(stem) || (stem.len() < 5 && stem.bytes().all(|b| b.is_ascii_digit()))
}

/// The stems that mean the same as `stem`, or nearly.
pub(super) fn like(stem: &str) -> &'static [String] {
    THESAURUS.get(stem).map_or(&[], Vec::as_slice)
}

/// The stems that say the same as a phrase.
pub(super) fn phrase(stems: &[String]) -> Option<&'static [String]> {
    PHRASES.get(stems).map(Vec::as_slice)
}

/// Words for the kind of file that a name ends in, without the dot.
pub(super) fn ending(name: &str) -> Option<&'static str> {
    ENDINGS.get(name.to_ascii_lowercase().as_str()).copied()
}

/// The verbs of `words/verbs.txt`, one class a line.
static VERBS: LazyLock<HashMap<String, u8>> = LazyLock::new(|| {
    let stems = Stems::new();
    let classes = (0..).zip(lines(include_str!("words/verbs.txt")));
    classes
        .flat_map(|(class, line)| line.split_whitespace().map(move |verb| (verb, class)))
        .map(|(verb, class)| (stems.stem(verb), class))
        .collect()
});

/// The class of a verb, by its stem.
pub(super) fn verb(stem: &str) -> Option<u8> {
    VERBS.get(stem).copied()
}

/// The class of the first verb in a tool's name.
pub(super) fn verb_of_name(stems: &Stems, name: &str) -> Option<u8> {
    let mut found = None;
    stems.of(name, |stem| found = found.or_else(|| verb(stem)));
    found
}

/// A name without regard to case.
pub(super) fn name_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.trim().to_lowercase().hash(&mut hasher);
    hasher.finish()
}

//! Two rankings that ours has to beat: BM25 as it is usually taken, and with fields and stems.

use super::corpus::Tool;
use rust_stemmers::{Algorithm, Stemmer};
use std::collections::HashMap;

/// Words that Lucene's classic English analysis leaves out.
const STOP: &str = "a an and are as at be but by for if in into is it no not of on or such that the \
                    their then there these they this to was will with";

/// What becomes of text before it is counted.
pub type Terms = fn(&str) -> Vec<String>;

/// Runs of a-z, 0-9 and _, in lower case.
pub fn plain(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Words apart at `_` and in camelCase, without stop words, stemmed.
pub fn stemmed(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut apart = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if (before.is_lowercase() || before.is_numeric()) && c.is_uppercase() {
            apart.push(' ');
        }
        apart.push(c);
        before = c;
    }
    apart
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !STOP.split_whitespace().any(|stop| stop == *word))
        .map(|word| stemmer.stem(word).into_owned())
        .collect()
}

/// A tool as one text: connection, its text, name, description.
pub fn whole(tool: &Tool) -> String {
    [&tool.connection, &tool.name, &tool.description, &tool.connection_text]
        .map(String::as_str)
        .join(" ")
}

/// The same with the name three times and the names of parameters.
pub fn fielded(tool: &Tool) -> String {
    let parameters = tool.parameters.iter().map(|(name, _)| name.as_str());
    let names = [tool.name.as_str(); 2];
    names.into_iter().chain(parameters).collect::<Vec<_>>().join(" ") + " " + &whole(tool)
}

/// BM25 over bags of words.
pub struct Bm25 {
    terms: Terms,
    k1: f64,
    b: f64,
    counts: Vec<HashMap<String, f64>>,
    lengths: Vec<f64>,
    with: HashMap<String, f64>,
}

impl Bm25 {
    /// As Pyserini and `bm25s` have it by default.
    pub fn plain(tools: &[Tool]) -> Self {
        Self::new(tools, plain, whole, 0.9, 0.4)
    }

    pub fn fielded(tools: &[Tool]) -> Self {
        Self::new(tools, stemmed, fielded, 1.5, 0.75)
    }

    fn new(tools: &[Tool], terms: Terms, text: fn(&Tool) -> String, k1: f64, b: f64) -> Self {
        let mut made =
            Self { terms, k1, b, counts: Vec::new(), lengths: Vec::new(), with: HashMap::new() };
        for tool in tools {
            let mut counts: HashMap<String, f64> = HashMap::new();
            for term in terms(&text(tool)) {
                *counts.entry(term).or_default() += 1.0;
            }
            for term in counts.keys() {
                *made.with.entry(term.clone()).or_default() += 1.0;
            }
            made.lengths.push(counts.values().sum());
            made.counts.push(counts);
        }
        made
    }

    /// The places of tools, best first; at most ten.
    pub fn search(&self, request: &str) -> Vec<usize> {
        let tools = super::measure::count(self.counts.len());
        let average = self.lengths.iter().sum::<f64>() / tools;
        let asked = (self.terms)(request);
        let score = |(counts, length): (&HashMap<String, f64>, &f64)| {
            let term = |term: &String| {
                let (count, with) = (*counts.get(term)?, self.with[term]);
                let rarity = (1.0 + (tools - with + 0.5) / (with + 0.5)).ln();
                let length = 1.0 - self.b + self.b * length / average;
                Some(rarity * count * (self.k1 + 1.0) / (count + self.k1 * length))
            };
            asked.iter().filter_map(term).sum::<f64>()
        };
        let scores: Vec<f64> = self.counts.iter().zip(&self.lengths).map(score).collect();
        let mut order: Vec<usize> = (0..scores.len()).filter(|at| scores[*at] > 0.0).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        order.truncate(10);
        order
    }
}

//! What each word of a request says for each tool, and what they say together.

use super::{index::Index, query::Query};
use std::ops::Range;

/// How much a server counts whose other tools match: in a request of one thing, the tools of what
/// it is about stand together.
const NEIGHBOURS: f32 = 0.3;
/// How many of a server's tools stand for it.
const SPEAK: usize = 3;
/// How much the whole request counts, where the best clause of it has the rest.
const WHOLE: f32 = 0.6;
/// What a tool loses whose name has another kind of verb than the request.
const OTHER_VERB: f32 = 0.92;
/// Requests of more words have too many verbs to go by.
const FEW_WORDS: usize = 12;

/// What one word says for one tool.
pub(super) struct Share {
    pub(super) tool: u32,
    pub(super) value: f32,
    /// How much of the tool's name it is, in rarity.
    name: f32,
}

/// All that the words of a request say.
pub(super) struct Shares {
    all: Vec<Share>,
    by_term: Vec<Range<usize>>,
}

impl Shares {
    /// Goes through the postings of all words; of the ways to say one, the best counts.
    pub(super) fn of(index: &Index, query: &Query, wanted: &dyn Fn(usize) -> bool) -> Self {
        let wanted: Vec<bool> = (0..index.len()).map(wanted).collect();
        let mut best = vec![(0.0_f32, 0.0_f32); index.len()];
        let mut met: Vec<u32> = Vec::new();
        let mut shares = Self { all: Vec::new(), by_term: Vec::new() };
        for term in &query.terms {
            for way in &term.ways {
                let name = way.share * index.rarity(way.term);
                for (tool, value, in_name) in index.tools(way.term) {
                    if !wanted[tool] {
                        continue;
                    }
                    let best = &mut best[tool];
                    if best.0 == 0.0 {
                        met.extend(u32::try_from(tool));
                    }
                    best.0 = best.0.max(value * way.factor).max(f32::MIN_POSITIVE);
                    if in_name {
                        best.1 = best.1.max(name);
                    }
                }
            }
            let begin = shares.all.len();
            let often = 1.0 + f32::from(term.count).ln();
            shares.all.extend(met.drain(..).map(|tool| {
                let (value, name) = std::mem::take(&mut best[tool as usize]);
                Share { tool, value: value * often, name }
            }));
            shares.by_term.push(begin..shares.all.len());
        }
        shares
    }

    /// What the word at `term` says.
    pub(super) fn term(&self, term: usize) -> &[Share] {
        &self.all[self.by_term[term].clone()]
    }

    /// The score of every tool; 0 for those that do not match.
    pub(super) fn scores(&self, index: &Index, query: &Query) -> Vec<f32> {
        let mut sum = Sum { scores: vec![0.0; index.len()], names: vec![0.0; index.len()] };
        self.sum(index, query, 0..query.terms.len(), &mut sum);
        let mut scores = sum.scores.clone();
        if query.clauses.len() > 1 {
            let mut best = vec![0.0_f32; index.len()];
            for clause in &query.clauses {
                self.sum(index, query, clause.iter().copied(), &mut sum);
                best.iter_mut().zip(&sum.scores).for_each(|(best, new)| *best = best.max(*new));
            }
            let both = scores.iter_mut().zip(best);
            both.for_each(|(whole, best)| *whole = WHOLE * *whole + (1.0 - WHOLE) * best);
        }
        add_neighbours(index, &mut scores);
        if query.verbs != 0 && query.terms.len() <= FEW_WORDS {
            for (score, verb) in scores.iter_mut().zip(&index.verbs) {
                if verb.is_some_and(|class| query.verbs & (1 << class) == 0) {
                    *score *= OTHER_VERB;
                }
            }
        }
        scores
    }

    /// Adds up what some of the words say. In prose, what a tool's name says counts again:
    /// much else meets by accident.
    fn sum(&self, index: &Index, query: &Query, terms: impl Iterator<Item = usize>, sum: &mut Sum) {
        sum.scores.fill(0.0);
        sum.names.fill(0.0);
        for share in terms.flat_map(|term| self.term(term)) {
            sum.scores[share.tool as usize] += share.value;
            sum.names[share.tool as usize] += share.name;
        }
        if query.prose > 0.0 {
            let named = sum.names.iter().zip(&index.name_rarity);
            for (score, (name, of)) in sum.scores.iter_mut().zip(named) {
                if *name > 0.0 {
                    *score *= 1.0 + query.prose * (name / of.max(f32::MIN_POSITIVE)).min(1.0);
                }
            }
        }
    }
}

struct Sum {
    scores: Vec<f32>,
    names: Vec<f32>,
}

/// Adds to each tool that matches the mean of the best of its connection.
fn add_neighbours(index: &Index, scores: &mut [f32]) {
    let mut best = vec![[0.0_f32; SPEAK]; index.owner_count];
    let mut tools = vec![0_usize; index.owner_count];
    for (score, owner) in scores.iter().zip(&index.owners) {
        let best = &mut best[*owner as usize];
        tools[*owner as usize] += 1;
        let mut score = *score;
        for place in best.iter_mut() {
            if score > *place {
                std::mem::swap(&mut score, place);
            }
        }
    }
    // A connection of one tool is not worth less for it.
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let mean = |owner: u32| {
        best[owner as usize].iter().sum::<f32>() / tools[owner as usize].clamp(1, SPEAK) as f32
    };
    for (score, owner) in scores.iter_mut().zip(&index.owners) {
        if *score > 0.0 {
            *score += NEIGHBOURS * mean(*owner);
        }
    }
}

//! From scores to an answer: exact names first, then by score, the first rows picked one by one.

use super::{Found, Hit, index::Index, query::Query, rows, score::Shares};
use std::cmp::Ordering;

/// The part of a request's meaning that one of the first tools must have for an answer to be sure:
/// of keywords, and of prose.
const SURE: (f32, f32) = (0.36, 0.18);
/// The same of one clause of a longer request.
const SURE_CLAUSE: f32 = 0.45;

pub(super) fn rank(
    index: &Index,
    query: &Query,
    wanted: &dyn Fn(usize) -> bool,
    spread: bool,
) -> Found {
    let shares = Shares::of(index, query, wanted);
    let scores = shares.scores(index, query);
    let exact = named(index, query, wanted);
    let mut hits: Vec<Hit> = scores
        .into_iter()
        .enumerate()
        .filter(|(at, score)| *score > 0.0 && !exact.contains(at))
        .map(|(at, score)| Hit { at, score })
        .collect();
    hits.sort_unstable_by(best_first);
    let unsure = exact.is_empty() && !is_sure(query, &shares, &hits);
    rows::pick(index, query, &shares, spread, &mut hits);
    let top = hits.iter().map(|hit| hit.score).fold(0.0, f32::max);
    let exact = exact.into_iter().map(|at| Hit { at, score: top + 1.0 });
    Found { hits: exact.chain(hits).collect(), unsure }
}

pub(super) fn best_first(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then(a.at.cmp(&b.at))
}

/// The tools that the request names exactly: as a whole, or by a word that can only be a name.
fn named(index: &Index, query: &Query, wanted: &dyn Fn(usize) -> bool) -> Vec<usize> {
    let mut found = Vec::new();
    for name in &query.names {
        let from = index.names.partition_point(|(hash, _)| hash < name);
        let same = index.names[from..].iter().take_while(|(hash, _)| hash == name);
        for at in same.map(|(_, tool)| *tool as usize) {
            if wanted(at) && !found.contains(&at) {
                found.push(at);
            }
        }
    }
    found
}

/// Whether one of the best tools has enough of what was asked for, or of one clause of it.
fn is_sure(query: &Query, shares: &Shares, hits: &[Hit]) -> bool {
    let (keywords, prose) = SURE;
    let enough = keywords + (prose - keywords) * query.prose;
    let all: Vec<usize> = (0..query.terms.len()).collect();
    let has = |hit: &Hit, terms: &[usize]| coverage(query, shares, hit.at, terms);
    hits.iter().take(3).any(|hit| has(hit, &all) >= enough)
        || query.clauses.iter().any(|clause| {
            query.prose > 0.0 && hits.iter().take(8).any(|hit| has(hit, clause) >= SURE_CLAUSE)
        })
}

/// What part of the meaning of some words a tool has.
fn coverage(query: &Query, shares: &Shares, at: usize, terms: &[usize]) -> f32 {
    let all: f32 = terms.iter().map(|term| query.terms[*term].worth).sum();
    let has = terms.iter().map(|&term| {
        let share = shares.term(term).iter().find(|share| share.tool as usize == at);
        share.map_or(0.0, |share| share.value.min(query.terms[term].worth))
    });
    has.sum::<f32>() / all.max(f32::MIN_POSITIVE)
}

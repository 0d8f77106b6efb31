//! The first rows of an answer, picked one by one.

use super::{Hit, index::Index, query::Query, score::Shares};
use std::collections::HashMap;

/// The rows that are picked, and the tools that they are picked from.
const ROWS: usize = 10;
const POOL: usize = 60;
/// Requests of fewer words ask for one thing.
const SEVERAL: usize = 8;
/// How much of the score of a tool is about words that no row before it has answered.
const NEW: f32 = 0.5;
/// What is left of a word's weight after a row has answered it in full.
const ANSWERED: f32 = 0.6;
/// A connection has a third of the rows for sure.
const THIRD: usize = ROWS / 3;
/// After that, a tool of another connection goes first if it is as good as this.
const GIVES_WAY: f32 = 0.9;

/// Puts the first rows in order. `hits` come best first.
///
/// A long request asks for several things: once a row has answered some of its words, tools for
/// the others count more (compare xQuAD, Santos et al. 2010).
pub(super) fn pick(index: &Index, query: &Query, shares: &Shares, spread: bool, hits: &mut [Hit]) {
    let several = query.terms.len() >= SEVERAL;
    if !several && !spread {
        return;
    }
    let pool = hits.len().min(POOL);
    let table = if several { Table::of(query, shares, &hits[..pool]) } else { Table::default() };
    let mut weights = vec![1.0_f32; table.words];
    let mut from: HashMap<u32, usize> = HashMap::new();
    // Places in the pool as it was, in the order of the answer.
    let mut left: Vec<usize> = (0..pool).collect();
    let mut picked = Vec::with_capacity(pool);
    while picked.len() < ROWS && !left.is_empty() {
        let worth = |place: usize| {
            let owner = index.owners[hits[place].at];
            let full = spread && from.get(&owner).is_some_and(|rows| *rows >= THIRD);
            let score = hits[place].score * table.fresh(place, &weights);
            if full { score * GIVES_WAY } else { score }
        };
        let mut best = (0, f32::MIN);
        for (at, place) in left.iter().enumerate() {
            let worth = worth(*place);
            if worth > best.1 {
                best = (at, worth);
            }
        }
        let place = left.remove(best.0);
        *from.entry(index.owners[hits[place].at]).or_default() += 1;
        table.answer(place, &mut weights);
        picked.push(place);
    }
    picked.extend(left);
    let ordered: Vec<Hit> = picked.into_iter().map(|place| hits[place]).collect();
    hits[..pool].copy_from_slice(&ordered);
}

/// What each word says for each tool of the pool, as a part of the most that it says for one.
#[derive(Default)]
struct Table {
    words: usize,
    /// Tool by tool.
    values: Vec<f32>,
    most: Vec<f32>,
}

impl Table {
    fn of(query: &Query, shares: &Shares, pool: &[Hit]) -> Self {
        let words = query.terms.len();
        let place: HashMap<usize, usize> =
            pool.iter().enumerate().map(|(place, hit)| (hit.at, place)).collect();
        let mut table =
            Self { words, values: vec![0.0; words * pool.len()], most: vec![0.0; words] };
        for word in 0..words {
            for share in shares.term(word) {
                if let Some(place) = place.get(&(share.tool as usize)) {
                    table.values[place * words + word] = share.value;
                    table.most[word] = table.most[word].max(share.value);
                }
            }
        }
        table
    }

    fn tool(&self, place: usize) -> &[f32] {
        &self.values[place * self.words..(place + 1) * self.words]
    }

    /// What is left of a tool's score when answered words count less.
    fn fresh(&self, place: usize, weights: &[f32]) -> f32 {
        if self.words == 0 {
            return 1.0;
        }
        let values = self.tool(place);
        let all: f32 = values.iter().sum();
        let left: f32 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        if all > 0.0 { 1.0 - NEW + NEW * left / all } else { 1.0 }
    }

    fn answer(&self, place: usize, weights: &mut [f32]) {
        if self.words == 0 {
            return;
        }
        for ((weight, value), most) in weights.iter_mut().zip(self.tool(place)).zip(&self.most) {
            if *value > 0.0 {
                *weight *= 1.0 - (1.0 - ANSWERED) * value / most;
            }
        }
    }
}

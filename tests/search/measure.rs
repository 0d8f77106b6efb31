//! How good a ranking is.

use std::collections::BTreeSet;

/// The measures of one request, each from 0 to 1.
#[derive(Clone, Copy, Default)]
pub struct Measures {
    /// Normalised discounted cumulative gain over the first ten rows.
    pub ndcg: f64,
    /// The part of the needed tools that the first 1, 5 and 10 rows have.
    pub recall: [f64; 3],
}

pub const DEPTHS: [usize; 3] = [1, 5, 10];

/// `gold` has, for each needed tool, the ids that will do. A needed tool gains once, at the first
/// row that will do; best possible is all needed tools in the first rows.
pub fn measure(ranked: &[&str], gold: &[Vec<String>]) -> Measures {
    let mut met = BTreeSet::new();
    let mut gain = 0.0;
    let mut recall = [0.0; 3];
    for (row, id) in ranked.iter().take(10).enumerate() {
        let new = gold
            .iter()
            .enumerate()
            .find(|(at, same)| !met.contains(at) && same.iter().any(|acceptable| acceptable == id));
        if let Some((at, _)) = new {
            met.insert(at);
            gain += discount(row);
        }
        for (recall, depth) in recall.iter_mut().zip(DEPTHS) {
            if row < depth {
                *recall = count(met.len()) / count(gold.len());
            }
        }
    }
    let best: f64 = (0..gold.len().min(10)).map(discount).sum();
    Measures { ndcg: gain / best, recall }
}

fn discount(row: usize) -> f64 {
    1.0 / (count(row) + 2.0).log2()
}

#[expect(clippy::cast_precision_loss, reason = "rows and tools")]
pub fn count(n: usize) -> f64 {
    n as f64
}

//! The words of all tools on their way into the index.

use super::{
    index::{as_f32, number},
    text,
    text::Stems,
    words,
};
use std::{collections::HashMap, ops::Range};

/// Where a word of a tool stands.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Name,
    /// The title, and the first sentence of the description.
    Lead,
    /// What the description goes on to say.
    Rest,
    /// The connection, its provider and the group.
    Owner,
    OwnerText,
    Parameters,
    ParameterText,
}

pub(super) const FIELDS: usize = 7;
/// How much a word in each [`Field`] counts, and how much the length of the field takes away.
const WEIGHTS: [(f32, f32); FIELDS] =
    [(4.0, 0.5), (2.5, 0.5), (0.2, 0.75), (2.0, 0.3), (0.3, 0.75), (0.5, 0.75), (0.25, 0.75)];
/// One term in one field of one tool.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) term: u32,
    pub(super) doc: u32,
    pub(super) field: u8,
    pub(super) count: u8,
}

/// What is gathered before the lengths of all fields are known.
#[derive(Default)]
pub(super) struct Build {
    /// For each run of letters as it is written: where its terms stand in `terms`.
    written: HashMap<String, Range<usize>>,
    terms: Vec<u32>,
    pub(super) ids: HashMap<String, u32>,
    pub(super) entries: Vec<Entry>,
    pub(super) lengths: Vec<[u16; FIELDS]>,
    /// Terms of the tool at hand with their fields.
    pub(super) here: Vec<(u32, u8)>,
}

impl Build {
    pub(super) fn add(&mut self, stems: &Stems, field: Field, text: &str) {
        for run in text::runs(text) {
            let known = self.written.get(run).cloned();
            let terms = known.unwrap_or_else(|| self.learn(stems, run));
            self.here.extend(self.terms[terms].iter().map(|term| (*term, field as u8)));
        }
    }

    fn learn(&mut self, stems: &Stems, run: &str) -> Range<usize> {
        let begin = self.terms.len();
        text::pieces(run, |word| {
            if !words::is_stop(word) {
                let next = number(self.ids.len());
                self.terms.push(*self.ids.entry(stems.stem(word)).or_insert(next));
            }
        });
        let terms = begin..self.terms.len();
        self.written.insert(run.to_owned(), terms.clone());
        terms
    }

    /// Ends the tool at hand.
    pub(super) fn close(&mut self) {
        let doc = number(self.lengths.len());
        let mut lengths = [0_u16; FIELDS];
        self.here.sort_unstable();
        for same in self.here.chunk_by(|a, b| a == b) {
            let (term, field) = same[0];
            // A connection called like its provider does not say it twice.
            let count = if field == Field::Owner as u8 { 1 } else { same.len() };
            let length = &mut lengths[usize::from(field)];
            *length = length.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
            let count = u8::try_from(count).unwrap_or(u8::MAX);
            self.entries.push(Entry { term, doc, field, count });
        }
        self.here.clear();
        self.lengths.push(lengths);
    }

    /// For each tool and field: what a word in it counts.
    pub(super) fn weights(&self) -> Vec<[f32; FIELDS]> {
        let mut average = [1.0_f32; FIELDS];
        for (field, average) in average.iter_mut().enumerate() {
            let all = self.lengths.iter().map(|l| u64::from(l[field]));
            let filled = self.lengths.iter().filter(|l| l[field] > 0).count();
            *average = (as_f32(all.sum::<u64>()) / as_f32(filled as u64).max(1.0)).max(1.0);
        }
        let weigh = |lengths: &[u16; FIELDS]| {
            std::array::from_fn(|field| {
                let (weight, b) = WEIGHTS[field];
                weight / (1.0 - b + b * f32::from(lengths[field]) / average[field])
            })
        };
        self.lengths.iter().map(weigh).collect()
    }
}

/// Sorts by term; the tools of a term stay in order, and the fields of a tool together.
pub(super) fn by_term(entries: Vec<Entry>, terms: usize) -> Vec<Entry> {
    let mut next = vec![0_usize; terms + 1];
    for entry in &entries {
        next[entry.term as usize + 1] += 1;
    }
    for at in 1..next.len() {
        next[at] += next[at - 1];
    }
    let mut sorted = entries.clone();
    for entry in entries {
        let at = &mut next[entry.term as usize];
        sorted[*at] = entry;
        *at += 1;
    }
    sorted
}

//! The words of all tools, and how much each says about each tool (BM25F).
//!
//! S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond (2009), section
//! 3.6. The weights of the fields never change after building, so a posting holds the finished
//! value and a search only multiplies it with the rarity of the word.

use super::{Source, definition::Definition, text, text::Stems, words};
use std::{collections::HashMap, ops::Range};

/// Where a word of a tool stands.
#[derive(Clone, Copy)]
enum Field {
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

const FIELDS: usize = 7;
/// How much a word in each [`Field`] counts, and how much the length of the field takes away.
const WEIGHTS: [(f32, f32); FIELDS] =
    [(4.0, 0.5), (2.5, 0.5), (0.2, 0.75), (2.0, 0.3), (0.3, 0.75), (0.5, 0.75), (0.25, 0.75)];
/// How soon more of the same word stops counting.
const K1: f32 = 1.6;
/// What a posting's value cannot reach.
pub(super) const FULL: f32 = K1 + 1.0;

/// Bytes read of a description, and of what a server says of itself.
const DESCRIPTION: usize = 16 * 1024;
const OWNER_TEXT: usize = 600;

/// In a posting: the word stands in the tool's name.
const IN_NAME: u32 = 1 << 31;

#[derive(Debug)]
pub(super) struct Index {
    /// All terms in order, one after the other, and where each begins.
    terms: String,
    begins: Vec<u32>,
    /// How rare each term is.
    rarity: Vec<f32>,
    /// Where the postings of each term begin in `docs` and `values`.
    postings: Vec<u32>,
    docs: Vec<u32>,
    values: Vec<u16>,
    /// Of each tool: the rarity of all words of its name together.
    pub(super) name_rarity: Vec<f32>,
    /// Of each tool: which connection, as a small number.
    pub(super) owners: Vec<u32>,
    pub(super) owner_count: usize,
    /// Of each tool: the class of the verb in its name.
    pub(super) verbs: Vec<Option<u8>>,
    /// Hashes of what a tool is called, in order.
    pub(super) names: Vec<(u64, u32)>,
}

/// One term in one field of one tool.
#[derive(Clone)]
struct Entry {
    term: u32,
    doc: u32,
    field: u8,
    count: u8,
}

/// What is gathered before the lengths of all fields are known.
#[derive(Default)]
struct Build {
    /// For each run of letters as it is written: where its terms stand in `terms`.
    written: HashMap<String, Range<usize>>,
    terms: Vec<u32>,
    ids: HashMap<String, u32>,
    entries: Vec<Entry>,
    lengths: Vec<[u16; FIELDS]>,
    /// Terms of the tool at hand with their fields.
    here: Vec<(u32, u8)>,
}

impl Build {
    fn add(&mut self, stems: &Stems, field: Field, text: &str) {
        for run in text::runs(text) {
            if !self.written.contains_key(run) {
                self.learn(stems, run);
            }
            let terms = self.written.get(run).cloned().unwrap_or_default();
            self.here.extend(self.terms[terms].iter().map(|term| (*term, field as u8)));
        }
    }

    fn learn(&mut self, stems: &Stems, run: &str) {
        let begin = self.terms.len();
        text::pieces(run, |word| {
            if !words::is_stop(word) {
                let next = number(self.ids.len());
                self.terms.push(*self.ids.entry(stems.stem(word)).or_insert(next));
            }
        });
        self.written.insert(run.to_owned(), begin..self.terms.len());
    }

    /// Ends the tool at hand.
    fn close(&mut self) {
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
    fn weights(&self) -> Vec<[f32; FIELDS]> {
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

/// A place or a count; no index has 2³¹ of anything.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts, of which the first digits matter")]
fn as_f32(count: u64) -> f32 {
    count as f32
}

impl Index {
    pub(super) fn build<'a>(sources: impl IntoIterator<Item = Source<'a>>) -> Self {
        let stems = Stems::new();
        let mut build = Build::default();
        let mut owners = HashMap::new();
        let mut owner_of = Vec::new();
        let mut verbs = Vec::new();
        let mut names = Vec::new();
        for source in sources {
            let tool = Definition::read(source.definition);
            let (lead, rest) =
                text::first_sentence(text::beginning(&tool.description, DESCRIPTION));
            let mut add = |field, text: &str| build.add(&stems, field, text);
            add(Field::Name, &tool.name);
            add(Field::Lead, &tool.title);
            add(Field::Lead, lead);
            add(Field::Rest, rest);
            add(Field::Owner, source.connection);
            add(Field::Owner, source.provider.unwrap_or_default());
            add(Field::Owner, source.group.unwrap_or_default());
            let owner_text = source.group_text.unwrap_or_default();
            add(Field::OwnerText, text::beginning(owner_text, OWNER_TEXT));
            add(Field::Parameters, &tool.parameters);
            add(Field::ParameterText, &tool.parameter_text);
            build.close();
            let next = owners.len();
            owner_of.push(number(*owners.entry(source.connection).or_insert(next)));
            verbs.push(words::verb_of_name(&stems, &tool.name));
            let public = format!("{}__{}", source.connection, tool.name);
            let doc = number(owner_of.len() - 1);
            names.extend([&tool.name, &public].map(|name| (words::name_hash(name), doc)));
        }
        names.sort_unstable();
        Self::finish(build, owners.len(), owner_of, verbs, names)
    }

    fn finish(
        build: Build,
        owner_count: usize,
        owners: Vec<u32>,
        verbs: Vec<Option<u8>>,
        names: Vec<(u64, u32)>,
    ) -> Self {
        let weights = build.weights();
        let Build { ids, mut entries, lengths, .. } = build;
        let mut order: Vec<(String, u32)> = ids.into_iter().collect();
        order.sort_unstable();
        let mut place = vec![0_u32; order.len()];
        let mut index = Self {
            terms: String::new(),
            begins: vec![0],
            rarity: Vec::with_capacity(order.len()),
            postings: vec![0],
            docs: Vec::new(),
            values: Vec::new(),
            name_rarity: vec![0.0; lengths.len()],
            owners,
            owner_count,
            verbs,
            names,
        };
        for (at, (term, id)) in order.iter().enumerate() {
            place[*id as usize] = number(at);
            index.terms.push_str(term);
            index.begins.push(number(index.terms.len()));
        }
        entries.iter_mut().for_each(|entry| entry.term = place[entry.term as usize]);
        let entries = by_term(entries, order.len());
        let tools = as_f32(lengths.len() as u64);
        let mut left = entries.as_slice();
        for (term, _) in &order {
            let at = number(index.rarity.len());
            let (of_term, after) = left.split_at(left.partition_point(|e| e.term == at));
            left = after;
            let begin = index.docs.len();
            for of_doc in of_term.chunk_by(|a, b| a.doc == b.doc) {
                let doc = of_doc[0].doc;
                let value: f32 = of_doc
                    .iter()
                    .map(|e| weights[doc as usize][usize::from(e.field)] * f32::from(e.count))
                    .sum();
                let in_name = of_doc.iter().any(|e| e.field == Field::Name as u8);
                index.docs.push(doc | if in_name { IN_NAME } else { 0 });
                index.values.push(packed(value / (K1 + value)));
            }
            let with = as_f32((index.docs.len() - begin) as u64);
            let rarity = (1.0 + (tools - with + 0.5) / (with + 0.5)).ln();
            let rarity = rarity * if words::is_weak(term) { WEAK } else { 1.0 };
            index.rarity.push(rarity);
            index.postings.push(number(index.docs.len()));
            for doc in &index.docs[begin..] {
                if doc & IN_NAME != 0 {
                    index.name_rarity[(doc & !IN_NAME) as usize] += rarity;
                }
            }
        }
        index.begins.shrink_to_fit();
        index.docs.shrink_to_fit();
        index.values.shrink_to_fit();
        index
    }

    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    /// The number of a term.
    pub(super) fn term(&self, stem: &str) -> Option<u32> {
        let at = self.place(stem);
        (at < self.rarity.len() && self.text(at) == stem).then(|| u32::try_from(at).ok())?
    }

    /// How rare a term is; a word of little meaning counts as common.
    pub(super) fn rarity(&self, term: u32) -> f32 {
        self.rarity[term as usize]
    }

    /// How rare a term is that no tool has.
    pub(super) fn most_rare(&self) -> f32 {
        (1.0 + (as_f32(self.len() as u64) + 0.5) / 0.5).ln()
    }

    /// The tools with a term: which, how much it says, and whether it stands in the name.
    pub(super) fn tools(&self, term: u32) -> impl Iterator<Item = (usize, f32, bool)> {
        let term = term as usize;
        let range = self.postings[term] as usize..self.postings[term + 1] as usize;
        let both = self.docs[range.clone()].iter().zip(&self.values[range]);
        both.map(|(doc, value)| {
            let value = f32::from(*value) * (FULL / f32::from(u16::MAX));
            ((doc & !IN_NAME) as usize, value, doc & IN_NAME != 0)
        })
    }

    /// The terms that begin with `start`, in order.
    pub(super) fn terms_from<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (u32, &'a str)> {
        let all = (self.place(start)..self.rarity.len()).map(|at| (at, self.text(at)));
        all.take_while(move |(_, term)| term.starts_with(start))
            .filter_map(|(at, term)| Some((u32::try_from(at).ok()?, term)))
    }

    /// Where `stem` stands among the terms, or would stand.
    fn place(&self, stem: &str) -> usize {
        let (mut low, mut high) = (0, self.rarity.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.text(middle) < stem {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn text(&self, at: usize) -> &str {
        &self.terms[self.begins[at] as usize..self.begins[at + 1] as usize]
    }
}

/// Sorts by term; the tools of a term stay in order, and the fields of a tool together.
fn by_term(entries: Vec<Entry>, terms: usize) -> Vec<Entry> {
    let mut next = vec![0_usize; terms + 1];
    entries.iter().for_each(|entry| next[entry.term as usize + 1] += 1);
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

/// What is left of the rarity of a word that says little.
const WEAK: f32 = 0.3;

/// A share of one as 16 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 65,535")]
fn packed(share: f32) -> u16 {
    (share * f32::from(u16::MAX)) as u16
}

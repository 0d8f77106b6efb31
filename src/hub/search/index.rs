//! The words of all tools, and how much each says about each tool (BM25F).
//!
//! S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond (2009), section
//! 3.6. The weights of the fields never change after building, so a posting holds the finished
//! value and a search only multiplies it with the rarity of the word.

use super::{
    Source,
    definition::Definition,
    gather::{self, Build, Field},
    text,
    text::Stems,
    words,
};
use std::collections::HashMap;

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

/// A place or a count; no index has 2³¹ of anything.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts, of which the first digits matter")]
pub(super) fn as_f32(count: u64) -> f32 {
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
        let mut said = ("", Vec::new());
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
            add(Field::Parameters, &tool.parameters);
            add(Field::ParameterText, &tool.parameter_text);
            // Neighbours have the same owner, and it says more of itself than most tools do.
            let owner_text = source.group_text.unwrap_or_default();
            if owner_text == said.0 {
                build.here.extend_from_slice(&said.1);
            } else {
                let begin = build.here.len();
                build.add(&stems, Field::OwnerText, text::beginning(owner_text, OWNER_TEXT));
                said = (owner_text, build.here[begin..].to_vec());
            }
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
        for entry in &mut entries {
            entry.term = place[entry.term as usize];
        }
        let entries = gather::by_term(entries, order.len());
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

/// What is left of the rarity of a word that says little.
const WEAK: f32 = 0.3;

/// A share of one as 16 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 65,535")]
fn packed(share: f32) -> u16 {
    (share * f32::from(u16::MAX)) as u16
}

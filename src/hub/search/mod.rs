//! Finding tools by what a request says: fielded BM25 with stems, plus what people and vendors
//! call the same thing.
//!
//! Owns the index of words and the ranking; knows nothing of connections but their names. May name
//! nothing of the crate. Called by the tools that search, with the definitions of the hub's index.
//!
//! Everything works without a model and without a download: [`words`] holds general knowledge
//! (a thesaurus, phrases, words that say little), [`Query`](query::Query) reads a request,
//! [`Index`](index::Index) holds what each tool says of itself, and `rank` puts the two together.

mod definition;
mod fuzzy;
mod gather;
mod index;
mod query;
mod rank;
mod rows;
mod score;
#[cfg(test)]
mod tests;
mod text;
mod words;

use index::Index;
use query::Query;

/// One tool, as its upstream and the configuration describe it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The connection's name, the first part of the tool's public name.
    pub connection: &'a str,
    /// What the provider is called, such as `GitHub`.
    pub provider: Option<&'a str>,
    /// The group of the provider's tools that it belongs to.
    pub group: Option<&'a str>,
    /// What the server or the group says of itself; only its beginning is read.
    pub group_text: Option<&'a str>,
    /// The tool's JSON object. Whatever of it is missing or odd counts as not said.
    pub definition: &'a [u8],
}

/// An immutable index over tools.
#[derive(Debug)]
pub struct Searcher {
    index: Index,
}

/// A tool that matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place in the order of [`Searcher::build`].
    pub at: usize,
    /// How well it matches; comparable within one answer only.
    pub score: f32,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// All that match, best first.
    pub hits: Vec<Hit>,
    /// Nothing matched well: the rows are guesses.
    pub unsure: bool,
}

impl Searcher {
    /// Reads every tool once; nothing of the sources is kept but words and numbers.
    pub fn build<'a>(sources: impl IntoIterator<Item = Source<'a>>) -> Self {
        Self { index: Index::build(sources) }
    }

    /// Ranks the tools that `wanted` lets through, by their place in the order of `build`. A tool
    /// that is named exactly comes first. With `spread`, tools of one connection past a third of the first
    /// rows give way to others that match about as well.
    pub fn search(&self, query: &str, wanted: &dyn Fn(usize) -> bool, spread: bool) -> Found {
        rank::rank(&self.index, &Query::read(query, &self.index), wanted, spread)
    }
}

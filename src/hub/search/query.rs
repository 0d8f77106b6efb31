//! What a request asks for: its words, what else they may be called, and its clauses.

use super::{fuzzy, index::Index, text, text::Stems, words};
use std::borrow::Cow;

/// Bytes that are read; nobody asks for a tool in more.
const READ: usize = 8 * 1024;
/// Different words that count.
const TERMS: usize = 96;

/// How much a word counts that means the same as the one that was said.
const LIKE: f32 = 0.42;
/// How much a word counts that may be what was meant.
const MEANT: f32 = 0.6;

/// Requests of up to `SHORT` words are read as keywords; `LONG` words on, as prose, in which most
/// words have nothing to do with any tool.
const SHORT: f32 = 6.0;
const LONG: f32 = 18.0;
/// How much rarity counts among keywords.
const KEYWORD_RARITY: f32 = 0.6;

#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) terms: Vec<Term>,
    /// Places in `terms`, for each part of a request of several parts.
    pub(super) clauses: Vec<Vec<usize>>,
    /// The classes of the verbs, one bit each.
    pub(super) verbs: u16,
    /// From 0 for keywords to 1 for prose.
    pub(super) prose: f32,
    /// What may be the exact name of a tool: first the whole request.
    pub(super) names: Vec<u64>,
}

/// One word of a request.
#[derive(Debug)]
pub(super) struct Term {
    stem: String,
    pub(super) count: u16,
    pub(super) ways: Vec<Way>,
    /// How rare it is, found or not.
    pub(super) worth: f32,
}

/// A term of the index that stands for a word of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) term: u32,
    /// What a posting is multiplied with.
    pub(super) factor: f32,
    /// What of the word's meaning it has: 1 for the word itself.
    pub(super) share: f32,
}

impl Query {
    pub(super) fn read(request: &str, index: &Index) -> Self {
        let request = text::beginning(request, READ).trim();
        let stems = Stems::new();
        let mut query = Self { names: vec![words::name_hash(request)], ..Self::default() };
        let mut plain = String::with_capacity(request.len());
        for chunk in request.split_inclusive(char::is_whitespace) {
            let word = bare(chunk);
            if word.contains(['_', '-']) {
                query.names.push(words::name_hash(word));
            }
            match hint(word) {
                Some(hint) => {
                    let after = chunk.find(word).map_or(" ", |at| &chunk[at + word.len()..]);
                    plain.extend([" ", &hint, after]);
                }
                None => plain.push_str(chunk),
            }
        }
        for clause in clauses(&plain) {
            query.add(&stems, index, &clause);
        }
        query.clauses.retain(|clause| clause.len() > 1);
        query.weigh(&stems, index);
        query
    }

    /// Takes up the words of one clause.
    fn add(&mut self, stems: &Stems, index: &Index, runs: &[&str]) {
        let said: Vec<String> = runs.iter().map(|run| stems.stem(&run.to_lowercase())).collect();
        let mut clause = Vec::new();
        let mut at = 0;
        while at < runs.len() {
            if let Some(class) = words::verb(&said[at]) {
                self.verbs |= 1 << class;
            }
            let phrase = (2..=words::LONGEST_PHRASE)
                .rev()
                .find_map(|n| Some((n, words::phrase(said.get(at..at + n)?)?)));
            if let Some((n, same)) = phrase {
                clause.extend_from_slice(same);
                at += n;
            } else {
                stems.of(runs[at], |stem| clause.push(stem.to_owned()));
                at += 1;
            }
        }
        // What was written as two words may be one elsewhere, as `cash flow` and `cashflow`.
        let joined: Vec<String> = clause.windows(2).map(<[String]>::concat).collect();
        let joined = joined.into_iter().filter(|both| index.term(both).is_some());
        let all: Vec<String> = clause.iter().cloned().chain(joined).collect();
        let mut places: Vec<usize> = all.into_iter().filter_map(|stem| self.place(stem)).collect();
        places.sort_unstable();
        places.dedup();
        self.clauses.push(places);
    }

    /// Where a word stands in `terms`, from now on if not yet.
    fn place(&mut self, stem: String) -> Option<usize> {
        if let Some(at) = self.terms.iter().position(|term| term.stem == stem) {
            self.terms[at].count = self.terms[at].count.saturating_add(1);
            return Some(at);
        }
        if self.terms.len() == TERMS {
            return None;
        }
        self.terms.push(Term { stem, count: 1, ways: Vec::new(), worth: 0.0 });
        Some(self.terms.len() - 1)
    }

    /// Looks the words up, once it is known how many there are.
    fn weigh(&mut self, stems: &Stems, index: &Index) {
        #[expect(clippy::cast_precision_loss, reason = "at most TERMS")]
        let many = self.terms.len() as f32;
        self.prose = ((many - SHORT) / (LONG - SHORT)).clamp(0.0, 1.0);
        let power = KEYWORD_RARITY + (1.0 - KEYWORD_RARITY) * self.prose;
        for term in &mut self.terms {
            let known = index.term(&term.stem);
            let own = known.map(|id| index.rarity(id).powf(power));
            // A rare word for a common thing is no rare thing.
            let way = |id: u32, share: f32| {
                let rarity = own.map_or(index.rarity(id), |own| own.min(index.rarity(id)));
                Way { term: id, factor: share * rarity, share }
            };
            term.ways.extend(known.zip(own).map(|(term, factor)| Way { term, factor, share: 1.0 }));
            let like = words::like(&term.stem).iter().filter_map(|stem| index.term(stem));
            term.ways.extend(like.map(|id| way(id, LIKE)));
            if term.ways.is_empty() {
                let meant = fuzzy::meant(index, stems, &term.stem);
                term.ways.extend(meant.into_iter().map(|id| way(id, MEANT)));
            }
            // A guess at what was meant stands for all of a word that nobody has.
            let guess = || index.most_rare().powf(power);
            let found = term.ways.iter().filter(|way| way.share < MEANT).map(|way| way.factor);
            term.worth = own.or_else(|| found.reduce(f32::max)).unwrap_or_else(guess);
        }
    }
}

/// A word without the quotes, brackets and full stops around it.
fn bare(chunk: &str) -> &str {
    let chunk = chunk.trim().trim_start_matches(['(', '[', '{', '<', '"', '\'', '`', '‘', '“']);
    chunk.trim_end_matches([
        ')', ']', '}', '>', '"', '\'', '`', '’', '”', '.', ',', ';', ':', '!', '?',
    ])
}

/// What a path, address or file name tells of what is wanted; `None` for any other word.
fn hint(word: &str) -> Option<Cow<'static, str>> {
    let named = word.rsplit_once('.').and_then(|(_, ending)| words::ending(ending));
    let web = ["https://", "http://", "www."].iter().find_map(|start| word.strip_prefix(start));
    if let Some(address) = web {
        let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default();
        let host = host.trim_start_matches("www.");
        return Some(host.rsplit_once('.').map_or(host, |(host, _)| host).replace('.', " ").into());
    }
    let drive =
        word.len() > 2 && word.as_bytes()[0].is_ascii_alphabetic() && word[1..].starts_with(":\\");
    // One slash alone may also be a command, as in `/remind`.
    let rooted = ["~/", "./", "../"].iter().any(|start| word.starts_with(start))
        || word.strip_prefix('/').is_some_and(|path| named.is_some() || path.contains('/'));
    if drive || (rooted && word.contains(char::is_alphanumeric)) {
        let last = word.rsplit(['/', '\\']).next().unwrap_or_default();
        let kind = if last.contains('.') { "file" } else { "directory" };
        return Some(named.unwrap_or(kind).into());
    }
    // Somebody's address names a person, not a tool.
    if word.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')) {
        return Some("".into());
    }
    named.map(Cow::Borrowed)
}

/// The parts of a request: what one would do in one step.
fn clauses(request: &str) -> Vec<Vec<&str>> {
    const AND: [&str; 5] = ["and", "then", "also", "finally", "but"];
    let mut all = vec![Vec::new()];
    for (gap, run) in text::runs_and_gaps(request) {
        let mut marks = gap.chars().peekable();
        let mut ends = false;
        while let Some(c) = marks.next() {
            ends |= matches!(c, '\n' | '。' | '，' | '；' | '！' | '？' | '、')
                || (matches!(c, '.' | ';' | ':' | '!' | '?' | ',')
                    && marks.peek().is_some_and(|next| next.is_whitespace()));
        }
        let and = AND.iter().any(|and| run.eq_ignore_ascii_case(and));
        if (ends || and) && all.last().is_some_and(|clause| !clause.is_empty()) {
            all.push(Vec::new());
        }
        if let Some(clause) = all.last_mut().filter(|_| !and) {
            clause.push(run);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{clauses, hint};

    #[test]
    fn a_path_an_address_and_a_file_tell_what_they_are() {
        for (word, expected) in [
            ("/root/excel/goods.xlsx", Some("excel spreadsheet sheet")),
            ("C:\\notes\\plan.md", Some("markdown file")),
            ("/home/ann/papers", Some("directory")),
            ("~/unknown.ending", Some("file")),
            ("/report.pdf", Some("pdf document")),
            ("slides.pptx", Some("powerpoint presentation slide")),
            ("https://www.youtube.com/watch?v=x", Some("youtube")),
            ("http://docs.example.org:8080/a", Some("docs example")),
            ("ann@example.com", Some("")),
            ("@ann", None),
            ("/remind", None),
            ("node.js", None),
            ("and/or", None),
            ("3.5", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(hint(word).as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn a_request_falls_into_its_steps() {
        for (request, expected) in [
            ("list pods, then read v2.1 of the log", vec!["list pods", "read v2 1 of the log"]),
            ("Find it. And: send it!", vec!["Find it", "send it"]),
            ("查询天气，发送邮件", vec!["查询天气", "发送邮件"]),
            ("...", vec![""]),
        ] {
            let said: Vec<String> = clauses(request).iter().map(|c| c.join(" ")).collect();
            assert_eq!(said, expected, "{request}");
        }
    }
}

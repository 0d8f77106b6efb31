//! Which tools fit a request in words.

/// One tool, as far as it can be searched.
pub struct Source<'a> {
    pub connection: &'a str,
    /// The title of its provider.
    pub provider: Option<&'a str>,
    pub group: Option<&'a str>,
    /// What is said of its group or its server, which may be long.
    pub group_text: Option<&'a str>,
    /// Its JSON object, as the upstream gave it.
    pub definition: &'a [u8],
}

/// What can be searched; immutable.
pub struct Searcher(Vec<String>);

/// One that fits, by its position in the order of [`Searcher::build`].
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub at: usize,
    pub score: f32,
}

/// All that fit, the best first.
pub struct Found {
    pub hits: Vec<Hit>,
    /// None of them fits well.
    pub unsure: bool,
}

impl Searcher {
    pub fn build<'a>(sources: impl IntoIterator<Item = Source<'a>>) -> Self {
        let text = |source: Source<'_>| {
            let definition = String::from_utf8_lossy(source.definition);
            format!("{} {definition}", source.connection).to_lowercase()
        };
        Self(sources.into_iter().map(text).collect())
    }

    /// `wanted` filters by position; `spread`: not all of one connection.
    pub fn search(&self, query: &str, wanted: &dyn Fn(usize) -> bool, _spread: bool) -> Found {
        let query = query.to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let score = |text: &str| words.iter().filter(|word| text.contains(*word)).count();
        let all = self.0.iter().enumerate().filter(|(at, _)| wanted(*at));
        let mut hits: Vec<Hit> = all
            .map(|(at, text)| Hit { at, score: f32::from(u16::try_from(score(text)).unwrap_or(0)) })
            .filter(|hit| hit.score > 0.0)
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        Found { unsure: hits.is_empty(), hits }
    }
}

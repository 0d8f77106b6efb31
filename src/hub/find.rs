//! Finding tools by what they do: what `find_relevant_tools` and `allmcp search` answer.

use super::{
    Hub, ToolIndex, call, groups,
    report::Report,
    search::{Found, Searcher, Source},
    tool::Tool,
};
use crate::{kind::Status, task, text, wire::splice};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Rows of an answer when nobody says how many.
pub const DEFAULT: usize = 8;
/// Most rows of one answer.
pub const MOST: usize = 50;
/// Bytes of a description in a row; the first row has all of it.
const LINE: usize = 160;
/// A longer request is cut, in bytes.
const QUERY: usize = 10_000;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    pub query: &'a str,
    /// A connection, or a group of one: `kommo` or `kommo/leads`.
    pub group: Option<&'a str>,
    pub limit: Option<usize>,
}

/// The tools that fit, the best first; only the first has its schema.
#[derive(Debug, Serialize)]
pub struct Answer {
    pub query: String,
    pub tools: Vec<Row>,
    /// How many fit at all.
    pub total: usize,
    pub more: usize,
    pub locked_groups: Vec<Locked>,
    pub low_confidence: bool,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub connection: String,
    pub upstream_name: String,
    pub description: String,
    pub required: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Box<RawValue>>,
}

/// A connection whose tools may be missing.
#[derive(Debug, Serialize)]
pub struct Locked {
    pub group: String,
    pub reason: String,
    pub remedy: String,
}

/// There is no such group.
#[derive(Debug)]
pub struct NoGroup {
    pub valid: Vec<String>,
}

impl Hub {
    /// Looks for tools of connections; those that may not be used are not found.
    pub async fn find(&self, wanted: &Wanted<'_>) -> Result<Answer, NoGroup> {
        self.settled(call::PATIENCE).await;
        let index = self.index();
        let group = match wanted.group.map(str::trim).filter(|group| !group.is_empty()) {
            None => None,
            Some(group) => {
                let found = groups::find(&index, group);
                Some(found.ok_or_else(|| NoGroup { valid: groups::names(&index) })?)
            }
        };
        let query = text::clean(wanted.query);
        let query = &query[..query.floor_char_boundary(QUERY)];
        let searcher = index.searcher().await;
        let here = |at: usize| {
            let tool = &index.tools()[at];
            tool.listed() && group.is_none_or(|group| group.has(tool))
        };
        let found = searcher.search(query, &here, group.is_none());
        let reports = self.report_with_links().await;
        let locked = reports
            .iter()
            .filter(|report| group.is_none_or(|group| group.connection == report.name.as_str()));
        let limit = wanted.limit.unwrap_or(DEFAULT).clamp(1, MOST);
        Ok(answer(&index, query, &found, limit, locked.filter_map(locked_group).collect()))
    }
}

impl ToolIndex {
    /// Made when somebody looks for something first: it takes milliseconds for many tools.
    async fn searcher(self: &Arc<Self>) -> Arc<Searcher> {
        if let Some(made) = self.search.get() {
            return Arc::clone(made);
        }
        let index = Arc::clone(self);
        let made = task::blocking(move || Arc::clone(index.search.get_or_init(|| build(&index))));
        match made.await {
            Ok(made) => made,
            // The process ends.
            Err(_) => Arc::new(Searcher::build([])),
        }
    }
}

fn build(index: &ToolIndex) -> Arc<Searcher> {
    let definitions: Vec<_> = index.tools().iter().map(Tool::upstream_definition).collect();
    let lists: Vec<_> = index.members().iter().map(|m| (m, m.session.lists.load_full())).collect();
    let instructions = |tool: &Tool| {
        let (_, lists) = lists.iter().find(|(member, _)| Arc::ptr_eq(member, &tool.member))?;
        lists.as_ref()?.cached.instructions.as_deref()
    };
    let sources = index.tools().iter().zip(&definitions).map(|(tool, definition)| {
        let manifest = tool.member.plan.manifest.as_deref();
        let group = groups::group_of(tool);
        let group = manifest.zip(group).and_then(|(m, id)| m.groups.iter().find(|g| g.id == id));
        Source {
            connection: tool.member.name().as_str(),
            provider: manifest.map(|manifest| manifest.name.as_str()),
            group: group.map(|group| group.title.as_str()),
            group_text: group.and_then(|g| g.about.as_deref()).or_else(|| instructions(tool)),
            definition,
        }
    });
    Arc::new(Searcher::build(sources))
}

fn answer(
    index: &ToolIndex,
    query: &str,
    found: &Found,
    limit: usize,
    locked_groups: Vec<Locked>,
) -> Answer {
    let shown = found.hits.iter().take(limit).enumerate();
    let tools: Vec<Row> = shown.map(|(i, hit)| row(&index.tools()[hit.at], i == 0)).collect();
    Answer {
        query: text::line(query, 300),
        more: found.hits.len() - tools.len(),
        tools,
        total: found.hits.len(),
        locked_groups,
        low_confidence: found.unsure,
    }
}

/// `whole`: with its schema and all that is said of it.
fn row(tool: &Tool, whole: bool) -> Row {
    let schema = tool.input_schema();
    let described = tool.description().unwrap_or_default();
    let required = schema.as_ref().and_then(|schema| splice::get(schema, "required"));
    let required = required.unwrap_or_default();
    let names = splice::elements(&required).filter_map(|at| splice::string(&required[at]));
    let schema = schema.filter(|_| whole);
    let schema = schema.and_then(|schema| String::from_utf8(schema.to_vec()).ok());
    Row {
        name: tool.public.to_string(),
        connection: tool.member.name().to_string(),
        upstream_name: tool.upstream.as_str().to_owned(),
        description: if whole { described.into_owned() } else { text::line(&described, LINE) },
        required: names.map(std::borrow::Cow::into_owned).collect(),
        input_schema: schema.and_then(|schema| RawValue::from_string(schema).ok()),
    }
}

/// A connection that gives nothing as it is, and what helps.
fn locked_group(report: &Report) -> Option<Locked> {
    let name = &report.name;
    let (reason, remedy) = match report.status {
        Status::NeedsAuth => {
            let remedy = match &report.link {
                Some(link) => format!("show the user this link to sign in: {}", link.url),
                None => format!("the user runs: allmcp reconnect {name}"),
            };
            ("needs a sign-in".to_owned(), remedy)
        }
        Status::Disabled => {
            ("is disabled".to_owned(), format!("the user runs: allmcp enable {name}"))
        }
        Status::Error | Status::Paused if report.tools == 0 => {
            let why = report.last_error.as_deref().unwrap_or("it could not be reached");
            (text::line(why, 200), format!("the user runs: allmcp status {name} --live"))
        }
        _ => return None,
    };
    Some(Locked { group: name.to_string(), reason, remedy })
}

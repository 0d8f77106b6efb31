//! What clients are told at the start: the connections' own instructions under one roof.

use super::{Hub, ToolIndex, own::Own, plan::Shown};
use crate::text;

/// Clients cut at 2 KB (Claude Code), so we do it where it hurts least.
const MAX: usize = 2048;

impl Hub {
    /// The instructions of all connections, each under its name, at most 2 KB; with one plain
    /// connection just its own.
    pub fn instructions(&self) -> Option<String> {
        let (plan, index) = (self.plan(), self.index());
        let shown = index.members().iter().filter(|member| member.plan.shown == Shown::Yes);
        let parts: Vec<(String, String)> = shown
            .filter_map(|member| {
                let lists = member.session.lists.load_full()?;
                let own = lists.cached.instructions.as_deref()?;
                let own = text::clean(own).trim().to_owned();
                (!own.is_empty()).then(|| (member.name().to_string(), own))
            })
            .collect();
        if plan.plain {
            let (_, own) = parts.into_iter().next()?;
            return Some(cut(&own, MAX));
        }
        let mut out = INTRODUCTION.to_owned();
        let own = Own::listed(&plan);
        let has = |wanted: Own| own.contains(&wanted);
        if has(Own::FindRelevantTools) && has(Own::CallTool) {
            out.push_str(FINDING);
        }
        if has(Own::ReadMore) {
            out.push_str(READING);
        }
        if has(Own::SearchMemories) {
            out.push_str(REMEMBERING);
        }
        if has(Own::ListMcpConnections) {
            out.push_str(CONNECTIONS);
        }
        out.push_str(&connected(&index));
        merge(&mut out, &parts);
        Some(out)
    }
}

/// The names of the services, so that a model knows what it can look for where no tool of theirs
/// is listed.
fn connected(index: &ToolIndex) -> String {
    let shown = index.members().iter().filter(|member| member.plan.shown == Shown::Yes);
    let names: Vec<String> = shown
        .map(|member| match &member.plan.manifest {
            Some(manifest) if manifest.id != member.name().as_str() => {
                format!("{} ({})", member.name(), text::line(&manifest.name, 40))
            }
            _ => member.name().to_string(),
        })
        .collect();
    if names.is_empty() {
        return String::new();
    }
    cut(&format!(" Connected: {}", names.join(", ")), NAMES) + "."
}

/// What the names may take, in bytes.
const NAMES: usize = 400;

const INTRODUCTION: &str = "allmcp brings several MCP servers together. A tool's name begins with \
                            the name of its server and two underscores.";
const FINDING: &str = " Not every tool need be listed: find_relevant_tools finds one by what it \
                       does, and call_tool calls any by its name.";
const READING: &str = " An answer that was cut ends with the cursor for read_more.";
const REMEMBERING: &str = " What was saved in earlier chats is found by search_memories.";
const CONNECTIONS: &str = " list_mcp_connections says how each of them is doing.";

/// A heading with fewer words under it helps nobody.
const LEAST: usize = 120;

/// Appends each part under its heading. Who needs less than an equal share leaves the rest to
/// those after it; where there are too many for any to be of use, the first ones are told.
fn merge(out: &mut String, parts: &[(String, String)]) {
    let told = parts.len().min((MAX - out.len()) / LEAST);
    for (i, (name, own)) in parts[..told].iter().enumerate() {
        let heading = format!("\n\n## {name}\n");
        let share = (MAX - out.len()) / (told - i);
        out.push_str(&heading);
        out.push_str(&cut(own, share - heading.len()));
    }
}

/// At most `max` bytes of `text`, with `…` where it was longer.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max.saturating_sub('…'.len_utf8()));
    format!("{}…", text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(parts: &[(&str, String)]) -> String {
        let mut out = INTRODUCTION.to_owned();
        let parts: Vec<_> = parts.iter().map(|(n, t)| ((*n).to_owned(), t.clone())).collect();
        merge(&mut out, &parts);
        out
    }

    #[test]
    fn every_part_has_its_heading_and_a_fair_share() {
        let both = merged(&[("a", "short".into()), ("b", "ж".repeat(5000))]);
        assert!(both.contains("\n\n## a\nshort\n\n## b\nжж"));
        assert!(both.ends_with('…') && both.len() <= MAX && both.len() > MAX - 8);
        let names: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
        let many: Vec<_> = names.iter().map(|n| (n.as_str(), "x".repeat(500))).collect();
        let many = merged(&many);
        assert!(many.len() <= MAX && many.len() > MAX - LEAST);
        assert!(many.contains("## c0\nxxx") && !many.contains("## c39"), "{many}");
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("жжжж", 8), "жжжж");
        assert_eq!(cut("жжжж", 7), "жж…");
        assert_eq!(cut("abcdef", 2), "…");
    }
}

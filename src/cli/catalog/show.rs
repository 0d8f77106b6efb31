//! `allmcp catalog show`: one provider for somebody who wants to connect it.

use super::{CliResult, Context, Exit, Manifest, Registry, file_of, kind_word};
use crate::{
    catalog::{
        Origin,
        manifest::{Effect, Param, Policy, Tool, Way},
    },
    text,
    ui::Facts,
};
use serde::Serialize;
use std::io;

#[derive(Serialize)]
struct Document<'a> {
    /// Its file, when it is the user's own.
    file: Option<String>,
    connect: Vec<Connect<'a>>,
    manifest: &'a Manifest,
}

#[derive(Serialize)]
struct Connect<'a> {
    way: &'a str,
    command: String,
}

pub(super) fn run(cx: &Context, id: &str) -> CliResult {
    let registry = Registry::new(cx.paths.providers());
    let manifest = registry.get(id)?;
    let file = registry.file_of(id).map(|file| file_of(&Origin::User(file.to_owned())));
    if cx.out.json() {
        let connect = |way: &'_ Way| manifest.connect_command(way);
        let connect =
            manifest.auth.iter().map(|way| Connect { way: &way.id, command: connect(way) });
        let document = Document { file, connect: connect.collect(), manifest: &manifest };
        cx.out.document("catalog-show", &document)?;
    } else {
        print(cx, &manifest, file.as_deref())?;
    }
    Ok(Exit::DONE)
}

fn print(cx: &Context, m: &Manifest, file: Option<&str>) -> io::Result<()> {
    let out = &cx.out;
    out.heading(&format!("{} ({})", m.name, m.id))?;
    let base = m.mcp.as_ref().map(|mcp| mcp.url.as_str());
    let mut facts = Facts::at(2);
    facts
        .add("about", Some(&m.about))
        .add("kind", Some(&format!("{}, {}", kind_word(m.kind), m.category)))
        .add("address", base.or(m.http.as_ref().map(|http| http.base_url.as_str())))
        .add("homepage", m.homepage.as_deref())
        .add("verified", Some(m.verified.as_deref().unwrap_or("never")))
        .add("policy", m.policy.as_ref().map(policy).as_deref())
        .add("file", file);
    out.facts(&facts)?;
    heading(cx, "Ways to sign in")?;
    for way in &m.auth {
        print_way(cx, m, way)?;
    }
    if !m.params.is_empty() {
        heading(cx, "Parameters (--param NAME=VALUE)")?;
        for param in &m.params {
            out.folded(2, &told(param))?;
        }
    }
    print_tools(cx, m)?;
    for (title, lines) in [("Know before", &m.warnings), ("Sources", &m.sources)] {
        if !lines.is_empty() {
            heading(cx, title)?;
        }
        for line in lines {
            out.folded(2, &format!("- {}", text::line(line, 600)))?;
        }
    }
    if let Some(playbook) = &m.playbook {
        heading(cx, "Playbook")?;
        out.paragraphs(0, playbook)?;
    }
    Ok(())
}

/// What holds where the user says nothing else.
fn policy(policy: &Policy) -> String {
    let classes = [("write", policy.write), ("destructive", policy.destructive)];
    let classes = classes.into_iter().filter_map(|(class, rule)| Some((class, rule?)));
    let tools = policy.tools.iter().map(|(tool, rule)| (tool.as_str(), *rule));
    let all = classes.chain(tools).map(|(what, rule)| format!("{what}: {rule}"));
    all.collect::<Vec<_>>().join(", ")
}

fn heading(cx: &Context, title: &str) -> io::Result<()> {
    cx.out.line("")?;
    cx.out.heading(title)
}

fn print_way(cx: &Context, m: &Manifest, way: &Way) -> io::Result<()> {
    let out = &cx.out;
    out.folded(2, &format!("{} ({})", text::line(&way.title, 200), way.kind))?;
    for (name, value) in [("how", &way.help), ("page", &way.page)] {
        if let Some(value) = value {
            out.folded(4, &format!("{name}: {}", text::line(value, 600)))?;
        }
    }
    if let Some(own) = way.oauth.as_ref().and_then(|oauth| oauth.own_client.as_ref()) {
        // The address is known when the sign-in begins; it is told then.
        let help = own.help.replace("${redirect_uri}", "(the address that connect then shows)");
        out.folded(4, &format!("own client: {}", text::line(&help, 600)))?;
        if let Some(page) = &own.page {
            out.folded(4, &format!("page: {}", text::line(page, 400)))?;
        }
    }
    for param in way.params.iter().filter(|param| !way.tells(&param.name)) {
        out.folded(4, &format!("needs {}", told(param)))?;
    }
    let typed = way.login.iter().flat_map(|login| &login.asks);
    let asked: Vec<_> = way.secrets.iter().chain(typed).collect();
    for ask in asked {
        let looks = ask.example.as_ref().map(|e| format!(", like {e}")).unwrap_or_default();
        let help = ask.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
        let optional = if ask.optional { ", optional" } else { "" };
        let line = format!("asks for {} ({}{optional}{looks}){help}", ask.title, ask.name);
        out.folded(4, &text::line(&line, 600))?;
    }
    out.line(&format!("    {}", m.connect_command(way)))
}

/// A parameter on one line.
fn told(param: &Param) -> String {
    let mut facts = Vec::new();
    if let Some(default) = &param.default {
        facts.push(format!("default {default}"));
    } else if param.optional {
        facts.push("optional".to_owned());
    }
    if !param.choices.is_empty() {
        facts.push(param.choices.join("|"));
    }
    if let Some(example) = &param.example {
        facts.push(format!("as {example}"));
    }
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let help = param.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    text::line(&format!("{}: {}{facts}{help}", param.name, param.title), 600)
}

fn print_tools(cx: &Context, m: &Manifest) -> io::Result<()> {
    if m.tools.is_empty() {
        return Ok(());
    }
    heading(cx, &format!("Tools ({})", m.tools.len()))?;
    let one = |tool: &Tool| {
        let mark = match tool.effect {
            Effect::Read => "",
            Effect::Write => "  [writes]",
            Effect::Destructive => "  [destructive]",
        };
        let about = text::line(&tool.description, 160);
        cx.out.folded(2, &format!("{}{mark}  {about}", text::line(&tool.name, 60)))
    };
    for group in &m.groups {
        cx.out.line(&format!(" {}", text::line(&group.title, 120)))?;
        m.tools.iter().filter(|t| t.group.as_deref() == Some(&group.id)).try_for_each(one)?;
    }
    let known = |id: &str| m.groups.iter().any(|group| group.id == id);
    m.tools.iter().filter(|t| !t.group.as_deref().is_some_and(known)).try_for_each(one)
}

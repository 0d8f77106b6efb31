//! `allmcp memory show` and `delete`: memories by id or title.

use super::{CliError, CliResult, Context, Exit, found, with_store};
use crate::{
    store::memory::{Deleted, time_text},
    text,
};

pub(super) async fn run(cx: &Context, key: &str) -> CliResult {
    let memory = found(cx, key).await?;
    if cx.out.json() {
        cx.out.document("memory-show", &memory)?;
        return Ok(Exit::DONE);
    }
    let note = |name: &str, value: &str| {
        if !value.is_empty() {
            cx.out.note(&format!("{name:<8} {}", text::line(value, 400)));
        }
    };
    // Beside the content, so that that alone goes into a file.
    note("id", &memory.id);
    note("title", &memory.title);
    note("tags", &memory.tags.join(", "));
    note("source", memory.source.as_deref().unwrap_or_default());
    note("owner", memory.owner.as_deref().unwrap_or_default());
    note("readers", &memory.shared_with.read.join(", "));
    note("writers", &memory.shared_with.write.join(", "));
    note("expires", &memory.expires_at.map(time_text).unwrap_or_default());
    note("updated", &time_text(memory.updated_at));
    cx.out.content(&memory.content)?;
    Ok(Exit::DONE)
}

pub(super) async fn delete(cx: &Context, keys: Vec<String>, yes: bool) -> CliResult {
    let wanted = keys.clone();
    let there = with_store(cx, move |store, tenant| {
        wanted.iter().map(|key| store.find(tenant, key)).collect::<Result<Vec<_>, _>>()
    });
    let there = there.await?;
    let missing: Vec<String> = keys
        .iter()
        .zip(&there)
        .filter(|(_, memory)| memory.is_none())
        .map(|(key, _)| key.clone())
        .collect();
    for key in &missing {
        cx.out.note(&format!("there is no memory {:?}", text::line(key, 200)));
    }
    let there: Vec<_> = there.into_iter().flatten().collect();
    let mut done = Deleted::default();
    if !there.is_empty() {
        if !yes {
            let titles: Vec<String> =
                there.iter().map(|memory| format!("{:?}", memory.title)).collect();
            let question = format!("Delete for good: {}?", titles.join(", "));
            if !cx.prompter.confirm(&question, "--yes").map_err(CliError::from)? {
                cx.out.note("nothing was deleted");
                return Ok(Exit::FAILED);
            }
        }
        let ids: Vec<String> = there.into_iter().map(|memory| memory.id).collect();
        done = with_store(cx, move |store, tenant| store.delete(tenant, &ids)).await?;
        cx.out.note(&format!("deleted: {}", done.deleted.join(", ")));
    }
    // As they were asked for; another process may have been faster with the others.
    done.not_found.extend(missing);
    if cx.out.json() {
        cx.out.document("memory-delete", &done)?;
    }
    Ok(Exit::DONE)
}

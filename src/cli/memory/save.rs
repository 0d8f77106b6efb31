//! `allmcp memory save`.

use super::{CliError, CliResult, Context, Exit, with_store};
use crate::{
    cli::grammar::{Expires, MemorySaveArgs},
    store::memory::{Change, Draft, Saved, Sharing, limits, moment},
};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
    time::SystemTime,
};

#[derive(Serialize)]
struct Document {
    id: String,
    title: String,
    created: bool,
}

pub(super) async fn run(cx: &Context, args: MemorySaveArgs) -> CliResult {
    let draft = draft(args)?;
    let saved = with_store(cx, move |store, tenant| store.save(tenant, vec![draft])).await?;
    for Saved { id, title, created } in saved {
        if cx.out.json() {
            cx.out.document("memory-save", &Document { id, title, created })?;
        } else {
            cx.out.note(if created { "saved" } else { "changed" });
            cx.out.line(&id)?;
        }
    }
    Ok(Exit::DONE)
}

fn draft(args: MemorySaveArgs) -> Result<Draft, CliError> {
    let MemorySaveArgs { title, id, content, file, tags, source, expires, share_read, share_write } =
        args;
    let content = match (content, file) {
        (Some(content), _) => Some(content),
        (None, Some(file)) if file == Path::new("-") => Some(stdin()?),
        (None, Some(file)) => Some(read_file(&file)?),
        // Nothing there changes nothing; of a new one the store says that it needs a content.
        (None, None) if id.is_none() && !io::stdin().is_terminal() => {
            Some(stdin()?).filter(|text| !text.is_empty())
        }
        (None, None) => None,
    };
    let expires_at = match expires {
        None => Change::Keep,
        Some(Expires::Never) => Change::Clear,
        Some(Expires::In(span)) => Change::Set(
            SystemTime::now()
                .checked_add(span)
                .ok_or_else(|| CliError::usage("--expires is too far away"))?,
        ),
        Some(Expires::At(text)) => {
            Change::Set(moment(&text).map_err(|e| CliError::usage(e.to_string()))?)
        }
    };
    let shares = !share_read.is_empty() || !share_write.is_empty();
    let shared_with = Sharing { read: full(share_read), write: full(share_write) };
    Ok(Draft {
        id,
        title,
        content,
        tags: if tags.is_empty() { Change::Keep } else { Change::Set(full(tags)) },
        source: source.map_or(Change::Keep, Change::Set),
        expires_at,
        shared_with: if shares { Change::Set(shared_with) } else { Change::Keep },
    })
}

/// An empty value stands for none.
fn full(values: Vec<String>) -> Vec<String> {
    values.into_iter().filter(|value| !value.trim().is_empty()).collect()
}

fn stdin() -> Result<String, CliError> {
    let fail = |error: io::Error| CliError::usage("could not read stdin").because(&error);
    bounded(io::stdin().lock()).map_err(fail)
}

fn read_file(path: &Path) -> Result<String, CliError> {
    let fail = |error: io::Error| {
        CliError::usage(format!("could not read {}", path.display())).because(&error)
    };
    bounded(File::open(path).map_err(fail)?).map_err(fail)
}

fn bounded(from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(limits::CONTENT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limits::CONTENT {
        let why = format!("it is longer than {} bytes, which is the most", limits::CONTENT);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not text in UTF-8"))
}

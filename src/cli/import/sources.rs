//! Where servers can be taken from: a client, a file, or all clients of this machine.

use crate::{
    cli::{context::Context, error::CliError, install},
    clients::{self, Client, ClientError, Dirs, Entries, Format, import::Dialect},
};
use std::path::{Path, PathBuf};

/// A file with servers in it.
pub(super) struct Origin {
    /// A client's id, or the file's path.
    pub(super) from: String,
    /// For people.
    pub(super) title: String,
    /// A client that is not found by its path has none.
    pub(super) client: Option<&'static dyn Client>,
    pub(super) path: PathBuf,
    pub(super) entries: Entries,
    pub(super) dialect: Dialect,
}

impl Origin {
    fn of(client: &'static dyn Client, path: PathBuf, entries: Entries) -> Self {
        Self {
            from: client.id().to_owned(),
            title: client.title().to_owned(),
            client: Some(client),
            path,
            entries,
            dialect: Dialect::of(client.id()),
        }
    }
}

/// The files that `source` means.
pub(super) fn find(cx: &Context, source: Option<&str>) -> Result<Vec<Origin>, CliError> {
    let dirs = install::dirs(cx)?;
    let Some(source) = source else { return Ok(all(cx, &dirs)) };
    if let Some(client) = clients::by_id(source) {
        let found = clients::servers(client, &dirs)?;
        let (path, entries) = found.ok_or_else(|| {
            let title = client.title();
            CliError::failed(format!("{title} has no file with servers here"))
                .hint("allmcp import --dry-run shows what there is")
        })?;
        return Ok(vec![Origin::of(client, path, entries)]);
    }
    let path = Path::new(source);
    if !path.exists() && !source.contains(['/', '\\', '.']) {
        let ids = clients::ALL.iter().map(|client| client.id());
        return Err(CliError::not_found("client or file", source, ids, "allmcp install --list"));
    }
    let path = std::path::absolute(path)?;
    Ok(vec![file(&dirs, &path)?])
}

/// Every client's file that is there. One that cannot be read is told, and the others count.
fn all(cx: &Context, dirs: &Dirs) -> Vec<Origin> {
    let mut origins = Vec::new();
    for client in clients::ALL {
        match clients::servers(*client, dirs) {
            Ok(Some((path, entries))) => origins.push(Origin::of(*client, path, entries)),
            Ok(None) => {}
            Err(error) => cx.out.warn(&format!("{} is passed over: {error}", client.title())),
        }
    }
    origins
}

/// Any file, by its name and what is in it: the first syntax in which there are servers.
fn file(dirs: &Dirs, path: &Path) -> Result<Origin, ClientError> {
    let is_its_own =
        |client: &&&'static dyn Client| client.locate(dirs).is_ok_and(|own| own == path);
    if let Some(client) = clients::ALL.iter().find(is_its_own) {
        let entries = clients::servers_in(*client, path)?;
        return Ok(Origin::of(*client, path.to_owned(), entries));
    }
    let origin = |client: &'static dyn Client, entries| Origin {
        from: path.display().to_string(),
        title: path.display().to_string(),
        client: None,
        ..Origin::of(client, path.to_owned(), entries)
    };
    let mut first: Option<Result<Origin, ClientError>> = None;
    let mut tried: Vec<Format> = Vec::new();
    for client in likely(dirs, path) {
        if tried.contains(&client.format()) {
            continue;
        }
        tried.push(client.format());
        match clients::servers_in(client, path) {
            Ok(entries) if !entries.is_empty() => return Ok(origin(client, entries)),
            Ok(entries) => {
                // A file that can be read is empty rather than broken.
                if !matches!(first, Some(Ok(_))) {
                    first = Some(Ok(origin(client, entries)));
                }
            }
            Err(error) => first = first.or(Some(Err(error))),
        }
    }
    first.unwrap_or_else(|| {
        let message = "no client that is known here has such a file".to_owned();
        Err(ClientError::Shape { path: path.to_owned(), message })
    })
}

/// The clients whose syntax it may be, those first whose own file is called like it.
fn likely(dirs: &Dirs, path: &Path) -> Vec<&'static dyn Client> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let fits = |client: &&'static dyn Client| match client.format() {
        Format::Toml { .. } => end == "toml",
        Format::YamlMap { .. } | Format::YamlList { .. } => matches!(end, "yaml" | "yml"),
        Format::Json { .. } => !matches!(end, "toml" | "yaml" | "yml"),
    };
    let mut clients: Vec<&'static dyn Client> = clients::ALL.iter().copied().filter(fits).collect();
    let tail = |path: &Path| {
        let folder = path.parent().and_then(Path::file_name).map(std::ffi::OsStr::to_owned);
        (path.file_name().map(std::ffi::OsStr::to_owned), folder)
    };
    let (name, folder) = tail(path);
    clients.sort_by_key(|client| {
        let own = client.locate(dirs).map(|own| tail(&own)).unwrap_or_default();
        (own.0 != name, own.1 != folder)
    });
    clients
}

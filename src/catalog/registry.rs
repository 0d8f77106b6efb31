//! Every provider there is: those that come with the program and those of the user's folder.

use super::{
    CatalogError, Finding, Level, Manifest, embedded,
    load::{self, Base, Loaded},
    place::At,
    urls,
};
use crate::{disk::atomic, name::nearest};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use url::Url;

/// A manifest is at most this long, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// More files of the user's folder are not read.
const MAX_FILES: usize = 500;
/// How many ids are offered in the place of a wrong one.
const OFFERED: usize = 3;

/// The providers by id. Making one reads nothing; a built-in manifest is parsed when it is asked
/// for, the user's folder is read once. A registry does not notice later changes: make a new one.
#[derive(Debug, Default)]
pub struct Registry {
    folder: Option<PathBuf>,
    user: OnceLock<Vec<UserFile>>,
    builtin: Mutex<BTreeMap<&'static str, Arc<Manifest>>>,
}

/// Where a manifest comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    BuiltIn,
    /// The user's folder, this file.
    User(PathBuf),
}

/// One row of everything there is.
#[derive(Debug, Clone)]
pub struct Listed {
    pub id: String,
    pub origin: Origin,
    /// It stands in the place of the built-in one of its id.
    pub replaces: bool,
    /// The manifest, or what is wrong with it.
    pub manifest: Result<Arc<Manifest>, Vec<Finding>>,
}

#[derive(Debug)]
struct UserFile {
    /// What it says, else its name without the ending.
    id: String,
    file: PathBuf,
    manifest: Result<Arc<Manifest>, Vec<Finding>>,
}

impl Registry {
    /// With the manifests of `folder`, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    /// The manifest of that id; the user's own wins over a built-in one.
    ///
    /// # Errors
    /// `Unknown`, with the nearest ids; `Bad`, when the user's own has faults.
    pub fn get(&self, id: &str) -> Result<Arc<Manifest>, CatalogError> {
        if let Some(own) = self.user().iter().find(|own| own.id == id) {
            return own.manifest.clone().map_err(|findings| CatalogError::Bad {
                id: own.id.clone(),
                file: own.file.clone(),
                findings,
            });
        }
        self.builtin(id)
    }

    /// Every provider by id, those with faults too.
    pub fn all(&self) -> Vec<Listed> {
        let mut all = BTreeMap::new();
        for (id, _) in embedded::ALL {
            let listed = Listed {
                id: (*id).to_owned(),
                origin: Origin::BuiltIn,
                replaces: false,
                manifest: self.builtin(id).map_err(findings_of),
            };
            all.insert((*id).to_owned(), listed);
        }
        // The first of an id is the one that counts; another one is bad, and told of.
        let mut doubled = Vec::new();
        let mut taken = Vec::new();
        for own in self.user() {
            let listed = Listed {
                id: own.id.clone(),
                origin: Origin::User(own.file.clone()),
                replaces: embedded::text(&own.id).is_some(),
                manifest: own.manifest.clone(),
            };
            if taken.contains(&own.id) {
                doubled.push(listed);
            } else {
                taken.push(own.id.clone());
                all.insert(own.id.clone(), listed);
            }
        }
        all.into_values().chain(doubled).collect()
    }

    /// Every id, parsing nothing that is built in.
    pub fn ids(&self) -> Vec<&str> {
        let own = self.user().iter().map(|own| own.id.as_str());
        let mut all: Vec<_> = embedded::ALL.iter().map(|(id, _)| *id).chain(own).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Every id with the provider's name, parsing nothing that is built in: a shell waits for it.
    pub fn names(&self) -> Vec<(&str, Option<&str>)> {
        let name = |id| match self.user().iter().find(|own| own.id == id) {
            Some(own) => own.manifest.as_ref().ok().map(|manifest| manifest.name.as_str()),
            None => embedded::name(id),
        };
        self.ids().into_iter().map(|id| (id, name(id))).collect()
    }

    /// The ids that somebody may have meant, the best first.
    pub fn nearest(&self, id: &str) -> Vec<String> {
        let word = id.to_ascii_lowercase().replace(['_', ' ', '.'], "-");
        let all = self.ids();
        let mut near: Vec<&str> = nearest(&word, all.iter().copied()).into_iter().collect();
        // Part of an id, or an id with more around it: `cf-docs` no, `sheets` and `notion-mcp` yes.
        let long = |text: &str| text.len() >= 4;
        let part = all.iter().copied().filter(|known| {
            (long(&word) && known.contains(&word)) || (long(known) && word.contains(known))
        });
        near.extend(part);
        let mut seen = Vec::new();
        near.retain(|id| {
            let new = !seen.contains(id);
            seen.push(*id);
            new
        });
        near.into_iter().take(OFFERED).map(str::to_owned).collect()
    }

    /// The provider whose MCP server a URL is: host and path fit.
    pub fn by_url(&self, url: &Url) -> Option<String> {
        self.all()
            .into_iter()
            .filter_map(|listed| listed.manifest.ok())
            .find(|manifest| urls::of(manifest).any(|template| urls::fits(template, url)))
            .map(|manifest| manifest.id.clone())
    }

    /// The file of the user's folder in which a provider stands.
    pub fn file_of(&self, id: &str) -> Option<&Path> {
        self.user().iter().find(|own| own.id == id).map(|own| own.file.as_path())
    }

    /// Checks a text as a file of the user's folder: its id where it has one, and everything that
    /// was found.
    pub fn check(&self, text: &str) -> (Option<String>, Vec<Finding>) {
        let texts = self.texts().unwrap_or_default();
        let loaded = load::checked(text, false, &bases(&texts));
        (load::id(text), loaded.findings)
    }

    /// Everything that lint finds in all manifests: the file's name, and the finding.
    pub fn lint(&self) -> Vec<(String, Finding)> {
        let builtin = embedded::ALL.iter().flat_map(|(id, text)| {
            let loaded = load::checked(text, true, &bases(&[]));
            loaded.findings.into_iter().map(move |finding| (format!("{id}.toml"), finding))
        });
        let texts = self.texts().unwrap_or_default();
        let own = texts.iter().flat_map(|(file, _, text)| {
            let found = match text {
                Ok(text) => load::checked(text, false, &bases(&texts)).findings,
                Err(error) => vec![unread(error)],
            };
            found.into_iter().map(move |finding| (file.display().to_string(), finding))
        });
        let mut all: Vec<_> = builtin.chain(own).collect();
        for own in self.user() {
            if let Err(findings) = &own.manifest {
                let doubled = findings.iter().filter(|finding| finding.is_double());
                all.extend(doubled.map(|f| (own.file.display().to_string(), f.clone())));
            }
        }
        all
    }

    fn builtin(&self, id: &str) -> Result<Arc<Manifest>, CatalogError> {
        let unknown = || CatalogError::Unknown { id: id.to_owned(), near: self.nearest(id) };
        let (id, text) =
            embedded::ALL.iter().find(|(known, _)| *known == id).ok_or_else(unknown)?;
        let mut cache = self.builtin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache.get(id) {
            return Ok(Arc::clone(known));
        }
        let read = load::trusted(text, &bases(&[])).map_err(|findings| CatalogError::Bad {
            id: (*id).to_owned(),
            file: PathBuf::from(format!("{id}.toml")),
            findings,
        })?;
        let read = Arc::new(read);
        cache.insert(id, Arc::clone(&read));
        Ok(read)
    }

    fn user(&self) -> &[UserFile] {
        self.user.get_or_init(|| match self.texts() {
            Ok(texts) => read_all(&texts),
            Err(error) => {
                let file = self.folder.clone().unwrap_or_default();
                vec![UserFile { id: String::new(), file, manifest: Err(vec![unread(&error)]) }]
            }
        })
    }

    /// The files of the folder by name; one that is not there is empty.
    fn texts(&self) -> io::Result<Vec<Text>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "toml") && !hidden(path))
            .collect();
        files.sort();
        files.truncate(MAX_FILES);
        let read = |file: PathBuf| {
            let text = atomic::read(&file, MAX_BYTES).and_then(|bytes| {
                String::from_utf8(bytes)
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
            });
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let id = text.as_ref().ok().and_then(|text| load::id(text)).unwrap_or(stem);
            (file, id, text)
        };
        Ok(files.into_iter().map(read).collect())
    }
}

/// File, id and text.
type Text = (PathBuf, String, io::Result<String>);

fn hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

/// What manifests may extend: another one of the user's, else a built-in one.
fn bases(own: &[Text]) -> impl Fn(&str, bool) -> Option<Base> + '_ {
    |id, builtin_only| {
        let own = own.iter().filter(|_| !builtin_only).find(|(_, known, _)| known == id);
        match own {
            Some((_, _, text)) => {
                let text = text.as_ref().ok()?.clone();
                Some(Base { text, is_builtin: false })
            }
            None => embedded::text(id).map(|text| Base { text: text.to_owned(), is_builtin: true }),
        }
    }
}

fn read_all(texts: &[Text]) -> Vec<UserFile> {
    let mut out: Vec<UserFile> = Vec::new();
    for (file, id, text) in texts {
        let manifest = match text {
            Err(error) => Err(vec![unread(error)]),
            Ok(_) if out.iter().any(|other| other.id == *id) => {
                let other = out.iter().find(|other| other.id == *id);
                let other = other.map(|other| other.file.display().to_string()).unwrap_or_default();
                Err(vec![Finding::double(&other)])
            }
            Ok(text) => usable(load::checked(text, false, &bases(texts))),
        };
        out.push(UserFile { id: id.clone(), file: file.clone(), manifest });
    }
    out
}

fn usable(loaded: Loaded) -> Result<Arc<Manifest>, Vec<Finding>> {
    let bad = loaded.has_errors();
    match loaded.manifest {
        Some(manifest) if !bad => Ok(Arc::new(manifest)),
        _ => Err(loaded.findings.into_iter().filter(|f| f.level == Level::Error).collect()),
    }
}

fn unread(error: &io::Error) -> Finding {
    Finding::error(&At::top(), None, format!("could not be read: {error}"))
}

fn findings_of(error: CatalogError) -> Vec<Finding> {
    match error {
        CatalogError::Bad { findings, .. } => findings,
        other => vec![Finding::error(&At::top(), None, other.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Registry) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let registry = Registry::new(folder.path().to_owned());
        (folder, registry)
    }

    #[test]
    fn only_what_is_asked_for_is_parsed() {
        let registry = Registry::new("/nowhere".into());
        assert_eq!(registry.get("github").unwrap().name, "GitHub");
        assert_eq!(registry.builtin.lock().unwrap().len(), 1);
        assert_eq!(registry.all().len(), embedded::ALL.len());
        assert!(registry.all().iter().all(|listed| listed.manifest.is_ok()));
    }

    #[test]
    fn what_was_meant_is_offered() {
        let registry = Registry::default();
        let near = |id: &str| match registry.get(id).unwrap_err() {
            CatalogError::Unknown { near, .. } => near,
            other => panic!("{other}"),
        };
        assert_eq!(near("githbu"), ["github"]);
        assert_eq!(near("Notion_MCP")[0], "notion");
        assert_eq!(near("observability"), ["cloudflare-observability"]);
        assert!(near("zzzz").is_empty());
    }

    #[test]
    fn the_users_own_wins_and_a_bad_one_hurts_nobody() {
        let own = "id = \"linear\"\nextends = \"linear\"\nname = \"Our Linear\"\n";
        let (_folder, registry) = with(&[
            ("bad.toml", "id = \"bad\"\nname = 1\n"),
            ("broken.toml", "id = "),
            ("eu.toml", "id = \"our-linear\"\nextends = \"linear\"\nname = \"EU\"\n"),
            ("linear.toml", own),
            ("again.txt", own),
            (".hidden.toml", own),
            ("twice.toml", own),
        ]);
        assert_eq!(registry.get("linear").unwrap().name, "Our Linear");
        let names = registry.names();
        for row in [("bad", None), ("linear", Some("Our Linear")), ("notion", Some("Notion"))] {
            assert!(names.contains(&row), "{row:?} in {names:?}");
        }
        let eu = registry.get("our-linear").unwrap();
        // What extends another one means the user's, where there is one.
        assert_eq!(
            (eu.name.as_str(), eu.mcp.as_ref().unwrap().url.contains("linear")),
            ("EU", true)
        );
        let all = registry.all();
        let bad: Vec<_> =
            all.iter().filter(|l| l.manifest.is_err()).map(|l| l.id.as_str()).collect();
        assert_eq!(bad, ["bad", "broken", "linear"]);
        assert!(all.iter().any(|l| l.id == "linear" && l.replaces && l.manifest.is_ok()));
        let error = registry.get("bad").unwrap_err().to_string();
        assert!(error.contains("2:1: error: name: must be a text in quotes"), "{error}");
        assert!(error.contains("bad.toml"), "{error}");
        assert_eq!(registry.get("github").unwrap().id, "github");
        let twice = registry.lint();
        assert!(twice.iter().any(|(file, f)| file.ends_with("twice.toml") && f.is_double()));
    }

    #[test]
    fn a_url_is_known_by_its_host_and_path() {
        let registry = Registry::default();
        let id = |url: &str| registry.by_url(&Url::parse(url).unwrap());
        assert_eq!(id("https://mcp.linear.app/mcp").as_deref(), Some("linear"));
        assert_eq!(id("https://go.allmcp.co/mcp?user_id=u").as_deref(), Some("allmcp"));
        assert_eq!(id("https://mcp.quilr.ai/quilrone/acme/mcp").as_deref(), Some("onemcp"));
        assert_eq!(id("https://agent.allv.ai/api/workspaces/w1/mcp/").as_deref(), Some("allv"));
        assert_eq!(id("https://docs.mcp.cloudflare.com/mcp").as_deref(), Some("cloudflare-docs"));
        for stranger in [
            "https://mcp.linear.app/other",
            "http://mcp.linear.app/mcp",
            "https://mcp.linear.app:8443/mcp",
            "https://evil.example/mcp",
            "https://agent.allv.ai/api/workspaces//mcp",
        ] {
            assert_eq!(id(stranger), None, "{stranger}");
        }
    }
}

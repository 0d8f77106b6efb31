//! The last known lists of each connection: what makes a start instant and a dead upstream
//! visible.

use super::{account, time};
use crate::{disk::atomic, kind::Era};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    io::{self, ErrorKind},
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// Raised only when an older reader would misread what a newer one writes.
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 256 << 20;
/// An unchanged list is written again after this time, so that its age can be told.
const STALE: Duration = Duration::from_mins(1);

/// The lists of all connections, a file each.
#[derive(Debug, Clone)]
pub struct ListCache {
    folder: PathBuf,
}

/// What an upstream said of itself, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedLists {
    /// The source of the connection's target; lists of another target mean nothing.
    pub target: String,
    pub fetched_at: SystemTime,
    pub era: Option<Era>,
    pub protocol: Option<String>,
    /// Raw JSON, as is `capabilities`.
    pub server_info: Option<Bytes>,
    pub capabilities: Option<Bytes>,
    pub instructions: Option<String>,
    /// When the server last showed by its own words that it is of `era`; `None`: it never did.
    pub era_at: Option<SystemTime>,
    /// The exact bytes of each tool's object.
    pub tools: Vec<Bytes>,
    pub others: OtherLists,
}

/// What an upstream lists besides tools: the exact bytes of each object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherLists {
    pub prompts: Vec<Bytes>,
    pub resources: Vec<Bytes>,
    /// Resource templates.
    pub templates: Vec<Bytes>,
    /// Skills (SEP-2640).
    pub skills: Vec<Bytes>,
}

/// The file. Raw parts are borrowed from its bytes and never parsed further here.
#[derive(Serialize, Deserialize)]
struct Format<'a> {
    version: u32,
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(with = "time")]
    fetched_at: SystemTime,
    #[serde(default)]
    era: Option<Era>,
    #[serde(default)]
    protocol: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    server_info: Option<&'a RawValue>,
    #[serde(default, borrow)]
    capabilities: Option<&'a RawValue>,
    #[serde(default)]
    instructions: Option<Cow<'a, str>>,
    #[serde(default, with = "time::optional")]
    era_at: Option<SystemTime>,
    #[serde(default, borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    prompts: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    resources: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    templates: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    skills: Vec<&'a RawValue>,
}

impl ListCache {
    /// The cache in `<cache>/lists`; nothing is created before the first save.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The last saved lists; `None` when there are none that can be read. The tools are slices of
    /// one buffer.
    pub fn load(&self, account: &str) -> Option<CachedLists> {
        let path = account::file(&self.folder, account);
        let error = match atomic::read(&path, MAX_BYTES) {
            Ok(bytes) => match parse(&Bytes::from(bytes)) {
                Ok(lists) => return Some(lists),
                Err(error) => error,
            },
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Err(error) => error,
        };
        tracing::warn!("the kept lists in {} are not used: {error}", path.display());
        None
    }

    /// Keeps `lists`; true when they differ from those kept before in more than their time.
    pub fn save(&self, account: &str, lists: &CachedLists) -> io::Result<bool> {
        let path = account::file(&self.folder, account);
        let old = atomic::read(&path, MAX_BYTES).and_then(|bytes| parse(&Bytes::from(bytes)));
        let kept_at = old.ok().and_then(|old| {
            let kept_at = old.fetched_at;
            (CachedLists { fetched_at: lists.fetched_at, ..old } == *lists).then_some(kept_at)
        });
        let age = kept_at.and_then(|kept_at| lists.fetched_at.duration_since(kept_at).ok());
        if age.is_none_or(|age| age >= STALE) {
            atomic::write(&path, &format(lists)?)?;
        }
        Ok(kept_at.is_none())
    }

    /// Everybody of whom there are lists, in no order.
    pub fn accounts(&self) -> Vec<String> {
        account::all(&self.folder)
    }

    /// Forgets the lists of a connection; that there were none is no error.
    pub fn remove(&self, account: &str) -> io::Result<()> {
        match std::fs::remove_file(account::file(&self.folder, account)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

fn format(lists: &CachedLists) -> io::Result<Vec<u8>> {
    let format = Format {
        version: VERSION,
        target: Cow::Borrowed(&lists.target),
        fetched_at: lists.fetched_at,
        era: lists.era,
        protocol: lists.protocol.as_deref().map(Cow::Borrowed),
        server_info: lists.server_info.as_ref().map(raw).transpose()?,
        capabilities: lists.capabilities.as_ref().map(raw).transpose()?,
        instructions: lists.instructions.as_deref().map(Cow::Borrowed),
        era_at: lists.era_at,
        tools: all(&lists.tools)?,
        prompts: all(&lists.others.prompts)?,
        resources: all(&lists.others.resources)?,
        templates: all(&lists.others.templates)?,
        skills: all(&lists.others.skills)?,
    };
    Ok(serde_json::to_vec(&format)?)
}

fn all(list: &[Bytes]) -> io::Result<Vec<&RawValue>> {
    list.iter().map(raw).collect()
}

/// One value's bytes, checked to be JSON: a single bad one must not spoil the file.
fn raw(bytes: &Bytes) -> io::Result<&RawValue> {
    Ok(serde_json::from_slice(bytes)?)
}

fn parse(bytes: &Bytes) -> io::Result<CachedLists> {
    let format: Format<'_> = serde_json::from_slice(bytes)?;
    if format.version > VERSION {
        let message =
            format!("they are of version {}, this allmcp knows {VERSION}", format.version);
        return Err(io::Error::new(ErrorKind::Unsupported, message));
    }
    let slice = |raw: &RawValue| bytes.slice_ref(raw.get().as_bytes());
    Ok(CachedLists {
        target: format.target.into_owned(),
        fetched_at: format.fetched_at,
        era: format.era,
        protocol: format.protocol.map(Cow::into_owned),
        server_info: format.server_info.map(slice),
        capabilities: format.capabilities.map(slice),
        instructions: format.instructions.map(Cow::into_owned),
        era_at: format.era_at,
        tools: format.tools.into_iter().map(slice).collect(),
        others: OtherLists {
            prompts: format.prompts.into_iter().map(slice).collect(),
            resources: format.resources.into_iter().map(slice).collect(),
            templates: format.templates.into_iter().map(slice).collect(),
            skills: format.skills.into_iter().map(slice).collect(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(tools: &[&'static str]) -> CachedLists {
        CachedLists {
            target: "https://h.example/${param:x}".to_owned(),
            fetched_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            era: Some(Era::Legacy),
            protocol: Some("2025-11-25".to_owned()),
            server_info: Some(Bytes::from_static(b"{\"name\" : \"x\"}")),
            capabilities: None,
            instructions: Some("say \"hello\"\n".to_owned()),
            era_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
            tools: tools.iter().map(|t| Bytes::from_static(t.as_bytes())).collect(),
            others: OtherLists {
                prompts: vec![Bytes::from_static(b"{\"name\" :\"p\"}")],
                resources: vec![Bytes::from_static(b"{\"uri\":\"file:///a\", \"x\":1.0}")],
                ..OtherLists::default()
            },
        }
    }

    fn cache() -> (tempfile::TempDir, ListCache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = ListCache::new(dir.path().join("lists"));
        (dir, cache)
    }

    #[test]
    fn every_byte_of_a_tool_survives() {
        let (_dir, cache) = cache();
        let odd = lists(&[
            "{\"name\":\"a\",\"n\":12345678901234567890123,\"e\":1E400,\"z\":1.0,\"b\":-0}",
            "{\n  \"z\": 1,\n\t\"a\": [ ],\r\n \"a\": 2 }",
            "{\"s\":\"\\u00e9 é \\ud800 \\/ \\\"\"}",
            "{}",
        ]);
        assert_eq!(cache.load("a"), None);
        assert!(cache.save("a", &odd).unwrap());
        assert_eq!(cache.load("a"), Some(odd));
    }

    #[test]
    fn deep_tools_do_not_harm() {
        let deep: &'static str =
            Box::leak(format!("{}{}", "[".repeat(5000), "]".repeat(5000)).into_boxed_str());
        let (_dir, cache) = cache();
        cache.save("a", &lists(&[deep])).unwrap();
        assert_eq!(cache.load("a"), Some(lists(&[deep])));
    }

    #[test]
    fn a_change_is_told_and_mere_age_is_not() {
        let (_dir, cache) = cache();
        let mut now = lists(&["{}"]);
        assert!(cache.save("a", &now).unwrap());
        now.fetched_at += Duration::from_secs(1);
        assert!(!cache.save("a", &now).unwrap());
        assert_ne!(cache.load("a").unwrap().fetched_at, now.fetched_at, "not worth a write");
        now.fetched_at += STALE;
        assert!(!cache.save("a", &now).unwrap());
        assert_eq!(cache.load("a").unwrap().fetched_at, now.fetched_at);
        now.tools.clear();
        assert!(cache.save("a", &now).unwrap());
        cache.remove("a").unwrap();
        cache.remove("a").unwrap();
        assert_eq!(cache.load("a"), None);
    }

    #[test]
    fn what_is_no_json_is_not_kept() {
        let (_dir, cache) = cache();
        assert!(cache.save("a", &lists(&["{"])).is_err());
        assert!(cache.save("a", &lists(&["{} {}"])).is_err());
        assert_eq!(cache.load("a"), None);
    }

    #[test]
    fn other_versions_of_the_file() {
        let (dir, cache) = cache();
        let put =
            |text: &str| atomic::write(&dir.path().join("lists/a.json"), text.as_bytes()).unwrap();
        // The least that the first version wrote.
        let least = "{\"version\":1,\"target\":\"t\",\"fetched_at\":\"2026-11-20T10:00:00Z\"";
        put(&format!("{least}}}"));
        assert_eq!(cache.load("a").map(|l| (l.target, l.tools.len())), Some(("t".to_owned(), 0)));
        // A later one that an old reader can still use.
        put(&format!("{least},\"tools\":[{{}}],\"prompts\":[{{\"x\":[]}}],\"novel\":null}}"));
        assert_eq!(cache.load("a").map(|l| l.tools.len()), Some(1));
        // One that it cannot, and one that is torn: as if nothing were kept.
        put(&format!("{}}}", least.replace(":1,", ":2,")));
        assert_eq!(cache.load("a"), None);
        put(least);
        assert_eq!(cache.load("a"), None);
        assert!(cache.save("a", &lists(&[])).unwrap(), "and it is written anew");
    }
}

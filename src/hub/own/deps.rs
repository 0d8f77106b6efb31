//! What our own tools stand on, besides the hub itself.

use crate::{catalog::Registry, store::MemoryStore};
use futures_util::future::BoxFuture;
use std::{path::PathBuf, sync::Arc};

/// Ends when the configuration, as it is now, is in use.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Made by the composition root; nothing of it is opened before a tool needs it.
#[derive(Clone, Default)]
pub struct Deps {
    /// The user's folder of manifests; `None`: only the built-in ones.
    pub providers: Option<PathBuf>,
    /// Takes the configuration up without waiting for the next look at the file.
    pub reload: Option<Reload>,
    /// `None`: there is none, and nothing of it is listed.
    pub memory: Option<MemoryStore>,
    /// Makes reports of problems; commands have none.
    pub reporter: Option<Arc<dyn Reporter>>,
}

/// What somebody says went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    pub subject: String,
    pub description: String,
}

/// Writes a report from which all secrets are taken to a file. Nothing is sent.
pub trait Reporter: Send + Sync {
    /// The file, or why there is none.
    fn report(&self, problem: Problem) -> BoxFuture<'_, Result<PathBuf, String>>;
}

impl Deps {
    /// Makes what was just written into the configuration what the hub is.
    pub async fn take_up(&self) {
        if let Some(reload) = &self.reload {
            reload().await;
        }
    }

    /// The providers as they are now.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::new(self.providers.clone().map_or_else(Registry::default, Registry::new))
    }
}

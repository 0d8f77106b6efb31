//! What our own tools stand on, besides the hub itself.

use crate::{catalog::Registry, store::MemoryStore};
use std::{path::PathBuf, sync::Arc};

/// Made by the composition root; nothing of it is opened before a tool needs it.
#[derive(Clone, Default)]
pub struct Deps {
    /// The user's folder of manifests; `None`: only the built-in ones.
    pub providers: Option<PathBuf>,
    /// `None`: there is none, and nothing of it is listed.
    pub memory: Option<MemoryStore>,
}

impl Deps {
    /// The providers as they are now.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::new(self.providers.clone().map_or_else(Registry::default, Registry::new))
    }
}

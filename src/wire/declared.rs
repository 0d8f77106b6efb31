//! What is known of the client outside of its requests.

use super::ClientLink;
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// What the client of this process declared last, for sessions that are opened outside of any
/// call, and the way to it for what is asked outside of any. Clones share it.
#[derive(Clone)]
pub struct Declared(Arc<Standing>);

struct Standing {
    capabilities: ArcSwap<Bytes>,
    link: Mutex<Option<Arc<dyn ClientLink>>>,
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Declared").field(&self.get()).finish()
    }
}

impl Default for Declared {
    fn default() -> Self {
        let capabilities = ArcSwap::from_pointee(Bytes::from_static(b"{}"));
        Self(Arc::new(Standing { capabilities, link: Mutex::default() }))
    }
}

impl Declared {
    /// The text of the client's `capabilities` object.
    pub fn get(&self) -> Bytes {
        self.0.capabilities.load().as_ref().clone()
    }

    pub fn set(&self, capabilities: Bytes) {
        if **self.0.capabilities.load() != capabilities {
            self.0.capabilities.store(Arc::new(capabilities));
        }
    }

    /// The way to a client that can be asked at any time (to 2025-11-25).
    pub fn link(&self) -> Option<Arc<dyn ClientLink>> {
        self.0.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn attend(&self, link: Arc<dyn ClientLink>) {
        *self.0.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }
}

//! What can be listed, and how often each list changed.

use super::{Hub, shape::Shape};
use crate::kind::Era;
use bytes::Bytes;

/// A list that clients ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Tools,
    Prompts,
    Resources,
    Templates,
    /// SEP-2640.
    Skills,
}

impl List {
    /// The list that a method asks for.
    pub fn of(method: &str) -> Option<Self> {
        Some(match method {
            "tools/list" => Self::Tools,
            "prompts/list" => Self::Prompts,
            "resources/list" => Self::Resources,
            "resources/templates/list" => Self::Templates,
            "skills/list" => Self::Skills,
            _ => return None,
        })
    }
}

/// Counts the lists that clients can tell apart; each number only ever grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    pub tools: u64,
    pub prompts: u64,
    /// Of resources, templates and skills.
    pub resources: u64,
}

impl Hub {
    /// The result object of a list for clients of `era`, without the keys that every result of
    /// 2026-07-28 has; one page.
    pub fn list(&self, list: List, era: Era) -> Bytes {
        let index = self.index();
        let tools = || match self.shape(&index) {
            Shape::Full => index.rendered(era),
            Shape::Smart => index.ours(),
        };
        self.with_memories(list, index.others.rendered(list).unwrap_or_else(tools).clone())
    }
}

/// Which lists clients can tell from what they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
}

impl Versions {
    /// True when anything changed.
    pub(super) fn grow(&mut self, changes: Changes) -> bool {
        let Changes { tools, prompts, resources } = changes;
        self.tools += u64::from(tools);
        self.prompts += u64::from(prompts);
        self.resources += u64::from(resources);
        tools || prompts || resources
    }
}

//! Whether clients are shown every tool, or only ours that find and call them.

use super::{Hub, ToolIndex, own::Own};
use crate::kind::Mode;

/// Up to so many tools are listed when nobody said how they are shown.
const TOOLS: usize = 40;
/// And up to so many bytes of their definitions.
const BYTES: usize = 60_000;

/// How tools are shown; decided once in a process, because a client may list only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Full,
    /// Tools of connections are not listed; they can be called by name.
    Smart,
}

impl Hub {
    /// Decided by the first list that is given.
    pub(super) fn shape(&self, index: &ToolIndex) -> Shape {
        *self.0.shape.get_or_init(|| {
            let plan = self.plan();
            decide(plan.mode.unwrap_or(Mode::Auto), plan.plain, index)
        })
    }
}

fn decide(mode: Mode, plain: bool, index: &ToolIndex) -> Shape {
    if plain {
        return Shape::Full;
    }
    match mode {
        Mode::Full => Shape::Full,
        Mode::Smart => Shape::Smart,
        Mode::Auto => {
            let listed = || index.tools().iter().filter(|tool| tool.listed());
            let many = listed().count() > TOOLS
                || listed().map(super::tool::Tool::size).sum::<usize>() > BYTES;
            // Where the settings leave these out, nobody could get at what is not listed.
            let calls = index.has_own(Own::CallTool) || index.has_own(Own::CallReadTool);
            let reachable = calls && index.has_own(Own::FindRelevantTools);
            if many && reachable { Shape::Smart } else { Shape::Full }
        }
    }
}

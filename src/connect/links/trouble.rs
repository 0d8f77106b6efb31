//! What went wrong, in the words of a page.

use super::{asker::Memory, forms::sentence};
use crate::{
    connect::{ConnectError, prepare::PrepareError},
    upstream::ErrorKind,
};

/// Why a round came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    Prepare(PrepareError),
    Connect(ConnectError),
}

impl From<PrepareError> for Trouble {
    fn from(error: PrepareError) -> Self {
        Self::Prepare(error)
    }
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl Trouble {
    /// The server wants a key, and nobody has been asked for one yet.
    pub(super) fn wants_key(&self) -> bool {
        matches!(self, Self::Connect(ConnectError::SignInWanted { .. }))
    }

    /// For people, and without a secret.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Prepare(error) => sentence(&error.to_string()),
            Self::Connect(error) => sentence(&error.to_string()),
        }
    }

    /// What the next form says, and what of the last one it still knows.
    pub(super) fn explain(&self, memory: &mut Memory) {
        let mut text = self.text();
        match self {
            Self::Prepare(PrepareError::Login { error, .. }) => match error.kind {
                ErrorKind::NeedsAuth | ErrorKind::Refused { status: 400..=403 } => {
                    memory.forget_secrets();
                    text.push_str(" Check what you entered.");
                }
                _ => text.push_str(" Nothing is lost; try again."),
            },
            Self::Prepare(_) => {}
            Self::Connect(ConnectError::SignInWanted { host, .. }) => {
                let first = !memory.asks_key;
                memory.asks_key = true;
                text = format!("{host} wants a key.");
                if first && memory.asked == 0 {
                    memory.lead.push(text);
                    memory.problem = None;
                    return;
                }
            }
            Self::Connect(ConnectError::WrongKey { .. }) => {
                memory.forget_secrets();
                text.push_str(" Check that it was copied whole and has not ended.");
            }
            Self::Connect(ConnectError::Taken { name, target }) => {
                memory.asks_name = true;
                memory.name = None;
                memory.name_text.clear();
                text = format!("The name {name} is taken by {target}. Choose another name.");
            }
            Self::Connect(ConnectError::Upstream(error)) => match error.kind {
                ErrorKind::Unreachable | ErrorKind::Timeout => {
                    text.push_str(" Nothing is lost; try again.");
                }
                ErrorKind::NeedsAuth | ErrorKind::Refused { status: 400..=403 } => {
                    memory.forget_secrets();
                }
                _ => {}
            },
            Self::Connect(_) => {}
        }
        memory.problem = Some(text);
    }
}

impl Memory {
    /// They were refused: they have to be entered again.
    fn forget_secrets(&mut self) {
        let hidden = std::mem::take(&mut self.hidden);
        self.kept.retain(|slot, _| !hidden.contains(slot));
        self.key = None;
    }
}

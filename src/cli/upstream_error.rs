//! What went wrong with an upstream or a store, as exit codes and hints.

use super::error::{CliError, Kind};
use crate::{
    upstream::{ErrorKind, UpstreamError},
    vault::VaultError,
};

impl From<UpstreamError> for CliError {
    fn from(error: UpstreamError) -> Self {
        let name = error.connection.to_string();
        let live = format!("allmcp status {name} --live");
        let new = |kind| Self::new(kind, error.to_string()).on(&name);
        match &error.kind {
            ErrorKind::NeedsAuth | ErrorKind::NeedsScope { .. } => {
                new(Kind::NeedsAuth).hint(format!("allmcp reconnect {name}"))
            }
            ErrorKind::Unreachable | ErrorKind::Paused => new(Kind::Unreachable).hint(live),
            ErrorKind::Timeout => new(Kind::Timeout).hint(live),
            ErrorKind::Store => new(Kind::Store).hint("allmcp doctor"),
            ErrorKind::Protocol => new(Kind::Failed)
                .hint("check that the URL is the server's MCP endpoint; it often ends in /mcp"),
            ErrorKind::Config => new(Kind::Failed).hint("allmcp config edit"),
            _ => new(Kind::Failed),
        }
    }
}

impl From<VaultError> for CliError {
    fn from(error: VaultError) -> Self {
        let new = Self::store(error.to_string());
        match error {
            VaultError::Absent { .. } => {
                new.hint("start a keychain, or keep secrets in a file: add --store file")
            }
            VaultError::Locked { .. } | VaultError::TimedOut => {
                new.hint("unlock the keychain, then run the command again")
            }
            _ => new,
        }
    }
}

//! The programs at the other end and what is known of their limits.

use std::{sync::Arc, time::Duration};

/// Who speaks to us.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// For the access log.
    pub(super) name: Option<Arc<str>>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ClaudeDesktop,
    ClaudeCode,
    Codex,
    Other,
}

impl Client {
    /// `name` is the id that `install` writes, or what the client calls itself.
    pub(super) fn new(name: Option<&str>) -> Self {
        let kind = match name.unwrap_or_default() {
            "claude-desktop" | "claude-ai" | "Claude Desktop" => Kind::ClaudeDesktop,
            "claude-code" | "Claude Code" => Kind::ClaudeCode,
            "codex" | "codex-mcp-client" => Kind::Codex,
            _ => Kind::Other,
        };
        Self { name: name.map(|name| crate::text::line(name, 64).into()), kind }
    }

    /// How long its `tools/list` may wait for connections that nobody has listed yet; `signs_in`:
    /// for a person in a browser.
    pub(super) fn list_wait(&self, signs_in: bool) -> Duration {
        Duration::from_secs(match self.kind {
            // It asks once and gives up after 60 s.
            Kind::ClaudeDesktop if signs_in => 50,
            Kind::ClaudeDesktop => 20,
            // It gives up after 10 s.
            Kind::Codex => 8,
            Kind::ClaudeCode | Kind::Other => 5,
        })
    }

    /// Most bytes of one result that it takes.
    pub(super) fn max_result(&self) -> u64 {
        match self.kind {
            // It refuses more than 1 MB (anthropics/claude-code#66519).
            Kind::ClaudeDesktop => 1_000_000,
            // 25,000 tokens of four bytes.
            Kind::ClaudeCode => 100_000,
            // SDKs stop reading at a line of 10 MiB.
            Kind::Codex | Kind::Other => 9 * 1024 * 1024 + 512 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_known_by_the_id_of_install_and_by_their_own_word() {
        for name in ["claude-desktop", "claude-ai"] {
            assert_eq!(Client::new(Some(name)).max_result(), 1_000_000);
            assert_eq!(Client::new(Some(name)).list_wait(false).as_secs(), 20);
        }
        assert_eq!(Client::new(Some("claude-code")).max_result(), 100_000);
        assert_eq!(Client::new(Some("codex-mcp-client")).list_wait(false).as_secs(), 8);
        let other = Client::new(Some("x\u{1b}[2J"));
        assert_eq!((other.list_wait(false).as_secs(), other.max_result()), (5, 9_961_472));
        assert_eq!(other.name.as_deref(), Some("x [2J"));
    }
}

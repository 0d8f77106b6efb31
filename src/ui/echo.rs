//! Giving the terminal back as it was, after a hidden question that was broken off.

/// The modes of the terminal behind stdin.
#[derive(Debug)]
pub struct Echo {
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
}

impl Echo {
    /// As they are now; nothing where stdin is no terminal.
    pub fn now() -> Self {
        Self {
            #[cfg(unix)]
            modes: rustix::termios::tcgetattr(std::io::stdin()).ok(),
        }
    }

    /// As they were then.
    pub fn restore(&self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            let now = rustix::termios::OptionalActions::Now;
            let _gone = rustix::termios::tcsetattr(std::io::stdin(), now, modes);
        }
    }
}

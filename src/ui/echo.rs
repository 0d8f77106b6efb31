//! What is typed at a hidden question is not shown, from before it is asked until the terminal is
//! given back as it was, also when the question is broken off.

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

    /// Shows nothing of what is typed from now on.
    pub fn hide(&self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use rustix::termios::{LocalModes, OptionalActions, tcsetattr};
            let mut hidden = modes.clone();
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &hidden);
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

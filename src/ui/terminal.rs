//! What the three standard streams are connected to, asked once.

use std::io::IsTerminal as _;

/// The word of `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Per stream: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, else whether it is a
    /// terminal.
    #[default]
    Auto,
    Always,
    Never,
}

/// Which standard streams are terminals, and how wide the one for data is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Terminal {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// Columns of the terminal behind stdout; nothing where there is none.
    pub columns: Option<u16>,
    /// It shows no more than ASCII: our own signs are made of that.
    pub ascii: bool,
}

impl Terminal {
    /// `columns` is `COLUMNS`, which wins over what the terminal says of itself.
    #[expect(clippy::disallowed_methods, reason = "asks what stdout is, writes nothing")]
    pub fn detect(columns: Option<u16>, ascii: bool) -> Self {
        let stdout = std::io::stdout();
        let own = || terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0);
        Self {
            ascii,
            stdin: std::io::stdin().is_terminal(),
            stdout: stdout.is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            columns: if stdout.is_terminal() { columns.or_else(own) } else { None },
        }
    }
}

/// Columns and rows of the terminal behind stderr at this moment; it may be another size each time.
pub(super) fn screen() -> Option<(u16, u16)> {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map(|(columns, rows)| (columns.0, rows.0))
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
}

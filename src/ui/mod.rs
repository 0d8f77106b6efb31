//! What people and scripts see: stdout is data, stderr is for people.
//!
//! Owns the one writer of data ([`Out`]), tables, bars, colour, what is drawn while something is
//! under way ([`Progress`]), and the questions that are asked only where somebody can answer. May
//! name `kind`, `secret` and `text`. Called by `cli`; in `serve` and `bridge` stdout is the
//! protocol and this room stays away from it.

mod bar;
mod board;
#[cfg(test)]
pub(crate) mod capture;
mod cell;
mod columns;
mod echo;
mod facts;
mod live;
mod out;
mod progress;
mod prompt;
#[cfg(test)]
mod screen;
mod style;
mod table;
mod terminal;
mod width;

pub use bar::Bar;
pub use cell::{Cell, Side};
pub use columns::Column;
pub use echo::Echo;
pub use facts::Facts;
pub use out::{Look, Out};
pub use progress::{After, Line, Progress};
pub use prompt::{Audience, PromptError, Prompter, Refusal};
pub use style::{Ink, Mark};
pub use table::Table;
pub use terminal::{Terminal, When};

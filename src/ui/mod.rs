//! What people and scripts see: stdout is data, stderr is for people.
//!
//! Owns the one writer of data ([`Out`]), tables, colour, and the questions that are asked only
//! where somebody can answer. May name `kind`, `secret` and `text`. Called by `cli`; in `serve`
//! and `bridge` stdout is the protocol and this room stays away from it.

#[cfg(test)]
pub(crate) mod capture;
mod echo;
mod out;
mod prompt;
mod style;
mod table;
mod terminal;

pub use echo::Echo;
pub use out::{Look, Out};
pub use prompt::{Audience, PromptError, Prompter, Refusal};
pub use style::{Ink, status_glyph};
pub use table::{Cell, Table};
pub use terminal::{Terminal, When};

//! The command line: one file per command, over the rooms below.
//!
//! Owns the grammar ([`grammar`]), the exit codes ([`exit`]) and how failures look ([`error`]).
//! May name every room; decides nothing that another front end would have to decide again. Called
//! by `main` only.

pub mod error;
pub mod exit;
pub mod grammar;

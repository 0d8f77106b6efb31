//! Writing files so that many copies of us, killed at any moment, never tear or lose one.
//!
//! Owns atomic replacement and kernel file locks. May name only leaves. Called by every room that
//! writes: `config`, `vault`, `store`, `auth`, `clients`.

pub mod atomic;
pub mod lock;
pub mod rotate;

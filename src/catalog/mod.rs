//! What a provider is.
//!
//! Owns the manifest format, the manifests that come with the program, those of the user's folder,
//! and the checks of both. May name `name`, `wire` and `net`. Called by `auth`, `upstream`,
//! `connect`, `hub` and, through `app`, by `cli`.

pub mod manifest;

pub use manifest::Manifest;

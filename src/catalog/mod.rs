//! What a provider is.
//!
//! Owns the manifest format, the manifests that come with the program, those of the user's folder,
//! and the checks of both. May name `net` and leaves. Called by `auth`, `upstream`, `connect`,
//! `hub` and, through `app`, by `cli`.

mod embedded;
mod error;
pub mod lint;
mod load;
pub mod manifest;
pub mod param;
mod place;
pub mod plan;
mod registry;
mod schema;
mod shape;
pub mod split;
mod urls;

pub use error::CatalogError;
pub use lint::{Finding, Level};
pub use manifest::{Manifest, Policy};
pub use place::Position;
pub use plan::{Expanded, PlanError};
pub use registry::{Listed, Origin, Registry};

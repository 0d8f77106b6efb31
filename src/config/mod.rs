//! What the user has decided: the environment, where files are, and `config.toml`.
//!
//! Owns the one reader of the environment ([`env`]), the folders ([`paths`]), every key that the file
//! may have ([`reference`](mod@reference)), reading the file into [`Settings`] ([`settings`],
//! [`load`](mod@load)), changing it without losing a comment ([`edit`](mod@edit), [`keys`]) and
//! noticing that somebody else did ([`watch`]). May name only
//! leaves. Called by `app` and `cli`; rooms below `app` get plain values, never [`Settings`].

mod connection;
pub mod edit;
mod entries;
pub mod env;
mod error;
pub mod keys;
pub mod load;
pub mod oauth;
mod paths;
mod read;
pub mod reference;
mod schema;
pub mod settings;
mod value;
pub mod watch;

pub use edit::edit;
pub use entries::{
    NewConnection, NewTarget, add_connection, remove_connection, replace_connection, set_enabled,
    set_tool_rules,
};
pub use env::Env;
pub use error::ConfigError;
pub use keys::{get_key, set_key};
pub use load::{Loaded, Source, check, load, remember_good};
pub use oauth::{OAuth, Resource};
pub use paths::Paths;
pub use settings::{BreakerTimes, Connection, Policy, Settings, Target};
pub use watch::Watch;

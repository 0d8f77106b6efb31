//! `allmcp connect PROVIDER`: what its manifest wants to know, asked for only where it is missing.

mod asking;
mod by_page;
mod questions;

pub(super) use asking::{AtTerminal, told};
pub(super) use by_page::by_page;
pub(super) use questions::another_key;

use super::{
    context::Context,
    error::{CliError, Kind},
    grammar::ConnectArgs,
};
use crate::{
    catalog::{CatalogError, Manifest, Registry},
    connect::prepare::{Given, Secrets},
};
use std::sync::Arc;

/// The manifest of that id.
pub(super) fn find(cx: &Context, id: &str) -> Result<Arc<Manifest>, CliError> {
    Registry::new(cx.paths.providers()).get(id).map_err(|error| {
        let told = CliError::new(Kind::NotFound, error.to_string());
        match &error {
            CatalogError::Unknown { near, .. } => match near.first() {
                Some(near) => told.hint(format!("did you mean {near:?}? allmcp catalog lists all")),
                None => told.hint(
                    "allmcp catalog lists the providers; any MCP server is connected by its URL",
                ),
            },
            _ => told.hint(format!("allmcp catalog show {id}")),
        }
    })
}

/// What the flags say of a connection to a provider.
pub(super) fn given(
    cx: &Context,
    args: ConnectArgs,
    manifest: Arc<Manifest>,
    secrets: Secrets,
) -> Given {
    let headers = args.headers.into_iter();
    Given {
        manifest,
        name: args.name,
        way: args.auth,
        params: args.params.into_iter().map(|param| (param.key, param.value)).collect(),
        secrets,
        headers: headers.map(|header| (header.name.to_string(), header.value)).collect(),
        oauth: super::connect::oauth(args.sign_in),
        base_url: args.base_url,
        allow: args.tools,
        force: args.force,
        dry_run: args.dry_run,
        tenant: cx.tenant.clone(),
    }
}

//! What is typed once, exchanged for a key and forgotten.

use super::{Asker, Choice, ChoiceOf, Params, PrepareError, Secrets, Unanswered};
use crate::{
    connect::{Deps, Provider, provider},
    name::{ConnectionName, Tenant},
    upstream::{self, Api, LoggedIn},
};
use futures_util::FutureExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

pub(super) struct At<'a> {
    pub(super) deps: &'a Deps,
    pub(super) asker: &'a dyn Asker,
    pub(super) provider: &'a Provider,
    pub(super) tenant: &'a Tenant,
}

impl At<'_> {
    pub(super) async fn log_in(
        &self,
        params: &Params,
        typed: Secrets,
        name: Option<&ConnectionName>,
    ) -> Result<LoggedIn, PrepareError> {
        let Self { deps, asker, provider, tenant } = *self;
        let resolved = provider.resolve(params, tenant).map_err(PrepareError::usage)?;
        let base = provider::public_url(&resolved).map_err(PrepareError::usage)?;
        let base = Url::parse(&base).map_err(|error| PrepareError::usage(error.to_string()))?;
        let name = name.cloned().or_else(|| provider.manifest.id.parse().ok());
        let name = name.ok_or_else(|| PrepareError::usage("give the connection a name"))?;
        let api = Api { manifest: Arc::clone(&provider.manifest), way: provider.way.clone() };
        // Why nobody chose.
        let refused: Mutex<Option<Unanswered>> = Mutex::default();
        let choose = |title: String, options: Vec<(String, String)>| {
            let refused = &refused;
            async move {
                let param = title.rsplit_once('(').map(|(_, param)| param.trim_end_matches(')'));
                let choice = Choice {
                    of: ChoiceOf::Param(param.unwrap_or_default().to_owned()),
                    title,
                    options: options.into_iter().map(|(v, label)| (v, label, None)).collect(),
                };
                asker.choose(&choice).await.map_err(|unanswered| {
                    let text = unanswered.to_string();
                    *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(unanswered);
                    text
                })
            }
            .boxed()
        };
        let all =
            upstream::log_in(&deps.net, &name, &api, &base, params.clone(), typed, &choose).await;
        all.map_err(|error| {
            let nobody_chose = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            nobody_chose.map_or(PrepareError::Login { name, error }, PrepareError::Unanswered)
        })
    }
}

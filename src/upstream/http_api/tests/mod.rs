//! The whole way: from a manifest that comes with the program to a stand-in for its vendor.

use super::*;
use crate::net::{CONNECT_TIMEOUT, Net, NetConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::time::Instant;

mod manifests;
mod traps;
mod vendors;

#[path = "../../../../tests/providers/stand_in/mod.rs"]
mod stand_in;

use stand_in::{Said, bitrix24::Bitrix24, kommo::Kommo, yougile::YouGile};

/// The values of a connection, as `auth` has them.
pub(super) struct Known(BTreeMap<String, String>);

impl Known {
    pub(super) fn new(values: &[(&str, &str)]) -> Self {
        Self(values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }
}

impl Fill for Known {
    fn fill(&self, template: &Template) -> Result<Secret<String>, AuthError> {
        let value = |hole: &Hole| match hole {
            Hole::Secret(name) | Hole::Param(name) => self.0.get(name).cloned().map(Secret::new),
            _ => None,
        };
        template.expand(value).map_err(|error| AuthError::NeedsAuth {
            name: "c".parse().unwrap(),
            reason: error.to_string(),
        })
    }
}

pub(super) fn manifest(text: &str) -> Manifest {
    toml::from_str(text).unwrap()
}

const AMOCRM: &str = include_str!("../../../catalog/manifests/amocrm.toml");
const KOMMO: &str = include_str!("../../../catalog/manifests/kommo.toml");
const BITRIX24: &str = include_str!("../../../catalog/manifests/bitrix24.toml");
const YOUGILE: &str = include_str!("../../../catalog/manifests/yougile.toml");

/// A connection to a stand-in.
struct Rig {
    api: HttpApi,
    route: Route,
    prepared: Prepared,
    known: Known,
    left: AtomicBool,
}

impl Rig {
    async fn new(manifest: Manifest, way: &str, base: &str, secrets: &[(&str, &str)]) -> Self {
        let url: url::Url = base.parse().unwrap();
        let known = Known::new(secrets);
        let api = HttpApi::new(Arc::new(manifest), way, Limits::default()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in &api.way().headers {
            let value = known.fill(&value.parse().unwrap()).unwrap();
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, HeaderValue::from_str(value.expose()).unwrap());
        }
        let net = Net::new(NetConfig::default());
        let route = net.route(&url, CONNECT_TIMEOUT).await.unwrap();
        let prepared = Prepared::new(Secret::new(url), headers, 4);
        Self { api, route, prepared, known, left: AtomicBool::new(false) }
    }

    async fn kommo(kommo: &Kommo) -> Self {
        let secrets = [("token", stand_in::kommo::TOKEN)];
        Self::new(manifest(KOMMO), "token", &kommo.base(), &secrets).await
    }

    async fn bitrix(portal: &Bitrix24, code: &str) -> Self {
        let base = format!("{}/rest/1/{code}", portal.site.origin());
        Self::new(manifest(BITRIX24), "webhook", &base, &[("code", code)]).await
    }

    async fn yougile(yougile: &YouGile, key: &str) -> Self {
        Self::new(manifest(YOUGILE), "key", &yougile.base(), &[("token", key)]).await
    }

    async fn raw(&self, tool: &str, arguments: &Value) -> Result<Bytes, Failure> {
        let deadline = Deadline::new(Duration::from_secs(10));
        self.api.call(&self.sending(&deadline), tool, &arguments.to_string().into()).await
    }

    fn sending<'a>(&'a self, deadline: &'a Deadline) -> Sending<'a> {
        Sending {
            route: &self.route,
            prepared: &self.prepared,
            fill: &self.known,
            account: "a",
            deadline,
            left: &self.left,
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let bytes = self.raw(tool, &arguments).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The structure of a result that is the same as its text.
    async fn good(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);
        result["structuredContent"].take()
    }

    /// The text of a result that tells a model what is wrong.
    async fn bad(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    async fn fails(&self, tool: &str, arguments: Value) -> String {
        let failure = self.raw(tool, &arguments).await.unwrap_err();
        format!("{failure:?}")
    }

    async fn check(&self) -> Result<Option<String>, String> {
        let deadline = Deadline::new(Duration::from_secs(10));
        let checked = self.api.check(&self.sending(&deadline)).await;
        checked.map_err(|failure| format!("{failure:?}"))
    }
}

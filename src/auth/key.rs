//! The stored credential of one connection, and keys in it.

use crate::{
    secret::Secret,
    vault::{SERVICE, VaultError, VaultHandle},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The form that this version writes.
const VERSION: u32 = 1;

/// What stands in a connection's item: JSON text in which a person can read the secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub version: u32,
    /// Where it may be sent, see [`super::CredentialConfig::bound`].
    pub bound: String,
    /// By the name that `${secret:NAME}` gives.
    pub secrets: BTreeMap<String, Secret<String>>,
    /// What other versions keep beside it; kept as it is.
    rest: Secret<Map<String, Value>>,
}

/// No `Debug`: it is made of secrets.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    bound: String,
    secrets: BTreeMap<String, String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Whatever quotes one of these later, no log shows it.
fn keep_out_of_logs(secrets: &BTreeMap<String, Secret<String>>) {
    secrets.values().for_each(crate::log::redact);
}

impl Record {
    pub fn new(bound: String, secrets: BTreeMap<String, Secret<String>>) -> Self {
        keep_out_of_logs(&secrets);
        Self { version: VERSION, bound, secrets, rest: Secret::default() }
    }

    fn parse(account: &str, text: &Secret<String>) -> Result<Self, VaultError> {
        let damaged = |detail: String| VaultError::Corrupt {
            path: format!("the item {account} of {SERVICE}"),
            detail,
        };
        let written: Written = serde_json::from_str(text.expose()).map_err(|e| {
            // The parser's own text may quote what it stumbled over.
            damaged(format!("line {}, column {}", e.line(), e.column()))
        })?;
        if written.version > VERSION {
            return Err(VaultError::Other {
                detail: format!(
                    "the item {account} of {SERVICE} was written by a newer allmcp (version {}): update this one",
                    written.version
                ),
            });
        }
        let secrets = written.secrets.into_iter().map(|(k, v)| (k, Secret::new(v))).collect();
        keep_out_of_logs(&secrets);
        Ok(Self {
            version: written.version,
            bound: written.bound,
            secrets,
            rest: Secret::new(written.rest),
        })
    }

    fn text(&self) -> Result<Secret<String>, VaultError> {
        let written = Written {
            version: self.version,
            bound: self.bound.clone(),
            secrets: self.secrets.iter().map(|(k, v)| (k.clone(), v.expose().clone())).collect(),
            rest: self.rest.expose().clone(),
        };
        serde_json::to_string(&written)
            .map(Secret::new)
            .map_err(|e| VaultError::Other { detail: e.to_string() })
    }
}

/// The credential stored under `account`; `None` when there is none.
pub async fn read_record(vault: &VaultHandle, account: &str) -> Result<Option<Record>, VaultError> {
    let text = vault.get(account).await?;
    text.map(|text| Record::parse(account, &text)).transpose()
}

/// Stores `secrets` for the place `bound`.
///
/// Others that are stored for the same place stay; those of another place go. An item that cannot
/// be read is an error: whoever wants to be rid of it disconnects first.
pub async fn save_secrets(
    vault: &VaultHandle,
    account: &str,
    bound: &str,
    secrets: BTreeMap<String, Secret<String>>,
) -> Result<(), VaultError> {
    let record = match read_record(vault, account).await? {
        Some(mut old) if old.bound == bound => {
            old.secrets.extend(secrets);
            old
        }
        _ => Record::new(bound.to_owned(), secrets),
    };
    vault.set(account, &record.text()?).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MemoryVault;
    use std::sync::Arc;

    fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret<String>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Secret::new((*v).to_owned()))).collect()
    }

    fn vault() -> VaultHandle {
        VaultHandle::of(Arc::new(MemoryVault::new()))
    }

    async fn text(vault: &VaultHandle) -> String {
        vault.get("x").await.unwrap().unwrap().into_inner()
    }

    #[tokio::test]
    async fn the_item_is_json_in_which_the_secret_can_be_read() {
        let vault = vault();
        save_secrets(&vault, "x", "https://h/mcp", secrets(&[("token", "t\"1")])).await.unwrap();
        assert_eq!(
            text(&vault).await,
            r#"{"version":1,"bound":"https://h/mcp","secrets":{"token":"t\"1"}}"#
        );
        let record = read_record(&vault, "x").await.unwrap().unwrap();
        assert_eq!(record.secrets, secrets(&[("token", "t\"1")]));
        assert!(!format!("{record:?}").contains("t\"1"));
    }

    #[tokio::test]
    async fn a_new_key_keeps_what_else_is_stored_for_the_same_place_only() {
        let vault = vault();
        let old =
            r#"{"version":1,"bound":"https://h/","secrets":{"a":"1","b":"2"},"grant":{"n":1}}"#;
        vault.set("x", &Secret::new(old.to_owned())).await.unwrap();
        save_secrets(&vault, "x", "https://h/", secrets(&[("b", "3")])).await.unwrap();
        assert_eq!(
            text(&vault).await,
            r#"{"version":1,"bound":"https://h/","secrets":{"a":"1","b":"3"},"grant":{"n":1}}"#
        );
        save_secrets(&vault, "x", "https://other/", secrets(&[("b", "4")])).await.unwrap();
        assert_eq!(
            text(&vault).await,
            r#"{"version":1,"bound":"https://other/","secrets":{"b":"4"}}"#
        );
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named_not_quoted_and_not_replaced() {
        let vault = vault();
        for (bad, said) in [
            ("canary", "damaged"),
            (r#"{"version":1,"bound":"b","secrets":["canary"]}"#, "damaged"),
            (r#"{"version":2,"bound":"b","secrets":{}}"#, "newer allmcp"),
        ] {
            vault.set("x", &Secret::new(bad.to_owned())).await.unwrap();
            let error = save_secrets(&vault, "x", "b", secrets(&[("a", "1")])).await.unwrap_err();
            let error = error.to_string();
            assert!(error.contains(said) && !error.contains("canary"), "{error}");
            assert_eq!(text(&vault).await, bad);
        }
    }
}

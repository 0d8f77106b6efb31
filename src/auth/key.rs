//! The stored credential of one connection, and keys in it.

use super::SignedIn;
use crate::{
    secret::Secret,
    vault::{SERVICE, VaultError, VaultHandle},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The form that this version writes.
const VERSION: u32 = 1;
/// The key under which an item has what a sign-in left.
const SIGNED_IN: &str = "oauth";

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

    /// What a sign-in left here; nothing but defaults when there was none.
    pub fn signed_in(&self) -> Result<SignedIn, VaultError> {
        let Some(value) = self.rest.expose().get(SIGNED_IN) else {
            return Ok(SignedIn::default());
        };
        // The parser's own text may quote what it stumbled over.
        SignedIn::deserialize(value).map_err(|_| VaultError::Corrupt {
            path: format!("the sign-in in the item for {} of {SERVICE}", self.bound),
            detail: "it is not what this version writes".to_owned(),
        })
    }

    /// Replaces what a sign-in left here; what later versions keep beside it stays.
    pub fn set_signed_in(&mut self, signed_in: &SignedIn) -> Result<(), VaultError> {
        let fail = |e: serde_json::Error| VaultError::Other { detail: e.to_string() };
        let mut rest = std::mem::take(&mut self.rest).into_inner();
        let mut kept = match rest.get_mut(SIGNED_IN).map(Value::take) {
            Some(Value::Object(kept)) => kept,
            _ => Map::new(),
        };
        kept.shift_remove("client");
        kept.shift_remove("grant");
        if let Value::Object(new) = serde_json::to_value(signed_in).map_err(fail)? {
            kept.extend(new);
        }
        rest.insert(SIGNED_IN.to_owned(), Value::Object(kept));
        self.rest = Secret::new(rest);
        Ok(())
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

/// Changes what a sign-in left under `account`, and reads it back: whoever gets an answer has it
/// in the store.
///
/// `None`, and nothing changed, when there is no item or one for another place than `bound`: such
/// tokens are never used, and only a new sign-in replaces them. Callers hold the lock of
/// [`crate::store::GrantStore::lock`].
pub async fn update_signed_in<T>(
    vault: &VaultHandle,
    account: &str,
    bound: &str,
    change: impl FnOnce(&mut SignedIn) -> T,
) -> Result<Option<T>, VaultError> {
    let Some(mut record) = read_record(vault, account).await?.filter(|r| r.bound == bound) else {
        return Ok(None);
    };
    let mut signed_in = record.signed_in()?;
    let answer = change(&mut signed_in);
    record.set_signed_in(&signed_in)?;
    write_record(vault, account, &record).await?;
    Ok(Some(answer))
}

/// Stores `record` and makes sure that it is there.
pub(super) async fn write_record(
    vault: &VaultHandle,
    account: &str,
    record: &Record,
) -> Result<(), VaultError> {
    let text = record.text()?;
    vault.set(account, &text).await?;
    if vault.get(account).await?.as_ref() == Some(&text) {
        Ok(())
    } else {
        let detail = "it did not give back what was stored".to_owned();
        Err(VaultError::Other { detail })
    }
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

    fn signed_in(generation: u64) -> SignedIn {
        let grant = format!(
            r#"{{"grant":{{"generation":{generation},"kind":"code","access_token":"key-at","issuer":"i","token_endpoint":"t"}}}}"#
        );
        serde_json::from_str(&grant).unwrap()
    }

    #[tokio::test]
    async fn a_sign_in_stands_beside_the_keys_and_both_are_kept() {
        let vault = vault();
        let old = r#"{"version":1,"bound":"b","secrets":{},"oauth":{"grant":7,"later":1},"x":2}"#;
        vault.set("x", &Secret::new(old.to_owned())).await.unwrap();
        let mut record = read_record(&vault, "x").await.unwrap().unwrap();
        let error = record.signed_in().unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        record.set_signed_in(&signed_in(3)).unwrap();
        assert!(!format!("{record:?}").contains("key-at"));
        write_record(&vault, "x", &record).await.unwrap();
        save_secrets(&vault, "x", "b", secrets(&[("k", "v")])).await.unwrap();
        let record = read_record(&vault, "x").await.unwrap().unwrap();
        assert_eq!(record.signed_in().unwrap(), signed_in(3));
        let text = text(&vault).await;
        assert!(text.contains(r#""later":1"#) && text.contains(r#""x":2"#), "{text}");
    }

    #[tokio::test]
    async fn a_sign_in_for_another_place_is_not_touched() {
        let vault = vault();
        let change = |s: &mut SignedIn| *s = signed_in(1);
        assert_eq!(update_signed_in(&vault, "x", "b", change).await, Ok(None));
        vault
            .set("x", &Record::new("other".into(), BTreeMap::new()).text().unwrap())
            .await
            .unwrap();
        assert_eq!(update_signed_in(&vault, "x", "b", change).await, Ok(None));
        assert_eq!(update_signed_in(&vault, "x", "other", change).await, Ok(Some(())));
        let stored = read_record(&vault, "x").await.unwrap().unwrap();
        assert_eq!(stored.signed_in().unwrap(), signed_in(1));
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

//! The whole way: from a manifest that comes with the program to a stand-in for its vendor.

use super::*;
use crate::net::{CONNECT_TIMEOUT, Net, NetConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::time::Instant;

#[path = "../../../tests/providers/stand_in/mod.rs"]
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

/// A manifest that extends another, as the registry puts them together: tables are merged, and
/// whatever else stands in `over` replaces what is in `base`.
fn merged(base: toml::Table, over: toml::Table) -> toml::Table {
    let mut out = base;
    for (key, value) in over {
        let value = match (out.remove(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => {
                toml::Value::Table(merged(base, over))
            }
            (_, value) => value,
        };
        out.insert(key, value);
    }
    out
}

const AMOCRM: &str = include_str!("../../catalog/manifests/amocrm.toml");
const KOMMO: &str = include_str!("../../catalog/manifests/kommo.toml");
const BITRIX24: &str = include_str!("../../catalog/manifests/bitrix24.toml");
const YOUGILE: &str = include_str!("../../catalog/manifests/yougile.toml");

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
        let prepared = Prepared { url: Secret::new(url), headers, generation: 4 };
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

#[tokio::test]
async fn kommo_lists_page_by_page_and_small() {
    let kommo = Kommo::start(5, "");
    let rig = Rig::kommo(&kommo).await;
    assert_eq!(rig.check().await.unwrap().as_deref(), Some("Acme Sales"));
    let first = rig.good("leads_list", json!({ "limit": 3, "pipeline_ids": [7] })).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let lead = &first["items"][0];
    assert_eq!(lead["_embedded"]["tags"][0], json!({ "id": 3, "name": "vip" }));
    assert!(lead.get("_links").is_none() && lead.get("group_id").is_none(), "{lead}");
    let seen = kommo.site.last();
    assert_eq!(seen.asked("filter[pipeline_id][]"), Some("7"));
    assert_eq!(seen.asked("page"), None);
    let next = first["next_cursor"].clone();
    let second = rig.good("leads_list", json!({ "limit": 3, "cursor": next, "full": true })).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert_eq!(second["items"][0]["group_id"], 0);
    assert_eq!(second.get("next_cursor"), None);
    assert_eq!(kommo.site.last().asked("page"), Some("2"));
}

#[tokio::test]
async fn kommo_says_nothing_with_204() {
    let kommo = Kommo::start(0, "");
    let rig = Rig::kommo(&kommo).await;
    assert_eq!(rig.good("leads_list", json!({ "query": "nobody" })).await, json!({ "items": [] }));
    assert_eq!(rig.good("lead_get", json!({ "id": 12 })).await, json!({ "item": null }));
    let unlinked =
        json!({ "entity": "leads", "id": 1, "to_entity_id": 2, "to_entity_type": "contacts" });
    assert_eq!(rig.good("link_remove", unlinked).await, json!({ "ok": true }));
    assert_eq!(kommo.site.last().body, r#"[{"to_entity_id":2,"to_entity_type":"contacts"}]"#);
}

#[tokio::test]
async fn kommo_gets_lists_of_one_and_nested_keys() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::kommo(&kommo).await;
    let made = rig
        .good("lead_create", json!({ "name": "New", "price": 5, "tags": [{ "name": "vip" }] }))
        .await;
    assert_eq!(made, json!({ "items": [{ "id": 2, "request_id": "0" }] }));
    assert_eq!(
        kommo.site.last().body,
        r#"[{"name":"New","price":5,"_embedded":{"tags":[{"name":"vip"}]}}]"#
    );
    rig.good("lead_update", json!({ "id": 2, "status_id": 143 })).await;
    let seen = kommo.site.last();
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("PATCH", r#"{"status_id":143}"#));
    rig.good("note_create", json!({ "entity": "leads", "id": 2, "text": "hello" })).await;
    let seen = kommo.site.last();
    assert_eq!(seen.path, "/api/v4/leads/2/notes");
    assert_eq!(seen.body, r#"[{"note_type":"common","params":{"text":"hello"}}]"#);
    rig.good("unsorted_decline", json!({ "uid": "a/../../b", "user_id": 1 })).await;
    let seen = kommo.site.last();
    assert_eq!(seen.path, "/api/v4/leads/unsorted/a%2F..%2F..%2Fb/decline");
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("DELETE", r#"{"user_id":1}"#));
    rig.good("events_list", json!({ "types": ["a", "b"], "created_at": [1, 2] })).await;
    let seen = kommo.site.last();
    assert_eq!(seen.asked("filter[type]"), Some("a,b"));
    assert_eq!(seen.asked("filter[created_at]"), Some("1,2"));
}

#[tokio::test]
async fn kommos_errors_tell_a_model_what_to_do() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::kommo(&kommo).await;
    let text = rig.bad("lead_create", json!({ "name": "x", "pipeline_id": 999 })).await;
    assert!(text.contains("not a valid choice"), "{text}");
    assert!(text.contains("this is about the argument \"pipeline_id\""), "{text}");
    kommo.unpaid();
    let text = rig.bad("account_get", json!({})).await;
    assert!(text.contains("Account not paid") && text.contains("pay for it"), "{text}");
    kommo.blocked();
    let text = rig.bad("account_get", json!({})).await;
    assert!(text.contains("HTTP 403: an HTML page"), "{text}");
    let before = kommo.site.seen().len();
    let text = rig.bad("lead_create", json!({ "price": "5" })).await;
    assert!(text.contains("has to be an integer") && text.ends_with("Nothing was sent."), "{text}");
    let text = rig.bad("leads_list", json!({ "cursor": "2" })).await;
    assert!(text.contains("not one that this tool gave"), "{text}");
    assert!(rig.fails("lead_delete", json!({})).await.contains("there is no tool"));
    assert_eq!(kommo.site.seen().len(), before, "nothing was sent");
}

#[tokio::test]
async fn too_many_is_waited_for_when_nothing_can_happen_twice() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::kommo(&kommo).await;
    kommo.too_many();
    let start = Instant::now();
    rig.good("account_get", json!({})).await;
    assert!(start.elapsed() >= Duration::from_secs(1));
    kommo.too_many();
    let text = rig.bad("lead_create", json!({ "name": "x" })).await;
    assert!(text.contains("try again in 1 s"), "{text}");
    assert_eq!(kommo.site.seen().iter().filter(|seen| seen.method == "POST").count(), 1);
    kommo.site.then(Said::new(429, "text/plain", "slow").with("retry-after", "30"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let text = rig.bad("account_get", json!({})).await;
    assert!(text.contains("try again in 30 s"), "{text}");
    let before = kommo.site.seen().len();
    let text = rig.bad("account_get", json!({})).await;
    assert!(text.contains("try again in 30 s"), "{text}");
    assert_eq!(kommo.site.seen().len(), before, "the pause is kept on our side");
    assert!(rig.check().await.unwrap_err().contains("Busy"));
}

#[tokio::test]
async fn what_the_room_has_to_know_is_a_failure_of_the_room() {
    let kommo = Kommo::start(1, "");
    let rig = Rig::kommo(&kommo).await;
    kommo.site.then(Said::new(500, "text/html", "<html>oops"));
    let text = rig.fails("lead_create", json!({ "name": "x" })).await;
    assert!(text.starts_with("Status { status: 500"), "{text}");
    assert!(rig.left.load(Ordering::Relaxed), "it may have run");
    kommo.site.then(Said::new(503, "text/plain", "later").with("retry-after", "120"));
    let text = rig.fails("account_get", json!({})).await;
    assert!(text.contains("Busy { status: 503, retry_after: Some(120s)"), "{text}");
    let rig = Rig::kommo(&kommo).await;
    kommo.site.then(Said::new(200, "text/html", "<html>sign in"));
    assert!(rig.fails("account_get", json!({})).await.contains("an HTML page, not JSON"));
    kommo.site.then(Said::new(302, "text/plain", "").with("location", "https://evil.example/x?y"));
    let text = rig.fails("account_get", json!({})).await;
    assert!(text.contains("redirects to https://evil.example (HTTP 302)"), "{text}");
    kommo.expire();
    let text = rig.fails("account_get", json!({})).await;
    assert!(text.starts_with("Unauthorized { generation: 4"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn bitrix24_goes_on_at_next_and_counts() {
    let portal = Bitrix24::start(120);
    let rig = Rig::bitrix(&portal, stand_in::bitrix24::CODE).await;
    assert_eq!(rig.check().await.unwrap().as_deref(), Some("Ann"));
    let mut arguments = json!({ "entityTypeId": 2, "select": ["id", "title"] });
    let mut ids = 0;
    for _ in 0..9 {
        let page = rig.good("crm_item_list", arguments.clone()).await;
        assert_eq!(page["total"], 120);
        ids += page["items"].as_array().unwrap().len();
        let Some(next) = page.get("next_cursor") else { break };
        arguments["cursor"] = next.clone();
    }
    assert_eq!(ids, 120);
    assert_eq!(
        portal.site.last().body,
        r#"{"entityTypeId":2,"select":["id","title"],"start":100}"#
    );
    assert_eq!(
        rig.good("im_message_add", json!({ "DIALOG_ID": "1", "MESSAGE": "x" })).await["item"]["result"],
        11
    );
}

#[tokio::test]
async fn bitrix24s_errors_have_names() {
    let portal = Bitrix24::start(1);
    let rig = Rig::bitrix(&portal, stand_in::bitrix24::CODE).await;
    let text = rig.bad("crm_item_get", json!({ "entityTypeId": 2, "id": 7 })).await;
    assert!(text.contains("has found nothing") && text.contains("NOT_FOUND"), "{text}");
    let text = rig.bad("tasks_task_list", json!({})).await;
    assert!(text.contains("higher privileges") && text.contains("add the scope"), "{text}");
    portal.over_limit();
    rig.good("crm_item_get", json!({ "entityTypeId": 2, "id": 1 })).await;
    portal.over_time();
    let text = rig.bad("crm_item_delete", json!({ "entityTypeId": 2, "id": 1 })).await;
    assert!(text.contains("try again in 1 s"), "{text}");
}

#[tokio::test]
async fn a_secret_in_the_path_stays_there() {
    let portal = Bitrix24::start(1);
    let wrong = "bitrix-wrong-canary-77";
    let rig = Rig::bitrix(&portal, wrong).await;
    let text = rig.fails("crm_item_get", json!({ "entityTypeId": 2, "id": 1 })).await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    assert!(text.contains("make a new one") && text.contains("/rest/1/***/"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let text = rig.check().await.unwrap_err();
    assert!(!text.contains("canary"), "{text}");
    let origin = portal.site.origin();
    drop(portal);
    let text = rig.fails("crm_item_get", json!({ "entityTypeId": 2, "id": 1 })).await;
    assert!(text.starts_with("NotSent") || text.starts_with("Broken"), "{text} at {origin}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn yougile_goes_on_while_there_is_more() {
    let yougile = YouGile::start(5);
    let rig = Rig::yougile(&yougile, stand_in::yougile::KEY).await;
    assert_eq!(rig.check().await.unwrap().as_deref(), Some("Ann Lee"));
    let first = rig.good("tasks_list", json!({ "limit": 2 })).await;
    assert_eq!(
        first["items"][1],
        json!({ "id": "t1", "title": "task 1", "timestamp": 1_653_029_146_647_u64 })
    );
    let cursor = &first["next_cursor"];
    let second = rig.good("tasks_list", json!({ "limit": 2, "cursor": cursor })).await;
    let cursor = &second["next_cursor"];
    let third = rig.good("tasks_list", json!({ "limit": 2, "cursor": cursor })).await;
    assert_eq!(third["items"].as_array().unwrap().len(), 1);
    assert_eq!(third.get("next_cursor"), None);
    assert_eq!(yougile.site.last().asked("offset"), Some("4"));
    rig.good("task_delete", json!({ "id": "t1" })).await;
    let seen = yougile.site.last();
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("PUT", r#"{"deleted":true}"#));
    yougile.too_many();
    let text = rig.bad("task_create", json!({ "title": "x" })).await;
    assert!(text.contains("try again in 60 s"), "{text}");
}

#[tokio::test]
async fn a_wrong_key_needs_a_sign_in_and_is_not_repeated() {
    let yougile = YouGile::start(1);
    let rig = Rig::yougile(&yougile, "yougile-wrong-canary-9").await;
    let text = rig.fails("users_me", json!({})).await;
    assert!(text.contains("Unauthorized") && text.contains("Invalid key ***"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn secrets_in_query_and_body_are_sent_and_never_told() {
    let echo = stand_in::Site::serve(|seen| {
        let words = format!("{:?} {}", seen.query, seen.body);
        Said::json(200, &json!({ "status": "error", "code": 121, "message": words }))
    });
    let text = r#"
        id = "x"
        name = "X"
        kind = "http"
        category = "phone"
        about = "X."
        [[auth]]
        id = "keys"
        title = "Keys"
        kind = "key"
        query = { k = "${secret:q}" }
        body = { key = "${secret:key}", secret = "${secret:secret}" }
        [http]
        base_url = "https://x.example"
        check = { method = "POST", path = "/check" }
        error_text = ["message"]
        errors = [
          { at = "code", is = [121], means = "needs_auth" },
          { status = [200], at = "status", is = ["error"], means = "failed" },
        ]
        [[tools]]
        name = "call"
        description = "Calls."
        method = "POST"
        path = "/call"
        effect = "write"
    "#;
    let secrets =
        [("q", "query-canary-1"), ("key", "body-canary \"1\""), ("secret", "body-canary-2")];
    let rig = Rig::new(manifest(text), "keys", &echo.origin(), &secrets).await;
    let text = rig.fails("call", json!({})).await;
    assert!(text.starts_with("Unauthorized") && text.contains("***"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let seen = echo.last();
    assert_eq!(seen.asked("k"), Some("query-canary-1"));
    assert_eq!(seen.body, r#"{"key":"body-canary \"1\"","secret":"body-canary-2"}"#);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let large = "x".repeat(crate::upstream::streamable::MAX_MESSAGE + 1);
    let site = stand_in::Site::serve(move |_| Said::new(200, "application/json", large.clone()));
    let base = format!("{}/api-v2", site.origin());
    let rig = Rig::new(manifest(YOUGILE), "key", &base, &[("token", "tttt")]).await;
    assert!(rig.fails("users_me", json!({})).await.contains("TooLarge"));
}

#[test]
fn the_tools_that_come_with_the_program_are_fit_for_clients() {
    for text in [KOMMO, BITRIX24, YOUGILE] {
        let manifest = manifest(text);
        let id = manifest.id.clone();
        let http = manifest.http.clone().unwrap();
        let groups: Vec<_> = manifest.groups.iter().map(|group| group.id.as_str()).collect();
        for tool in &manifest.tools {
            let name = format!("{id} {}", tool.name);
            assert!(tool.name.len() + id.len() < 51, "{name}: its name is too long");
            assert!(groups.contains(&tool.group.as_deref().unwrap()), "{name}: no group");
            if let Some(pages) = &tool.pages {
                assert!(http.pages.contains_key(pages), "{name}: no pages {pages}");
            }
            for part in tool.path.split('{').skip(1) {
                let arg = part.split('}').next().unwrap();
                let arg = tool.args.iter().find(|one| one.name == arg);
                assert!(arg.is_some_and(|arg| arg.required), "{name}: its path needs {part}");
            }
            let mut names: Vec<_> = tool.args.iter().map(|arg| &arg.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), tool.args.len(), "{name}: an argument stands there twice");
        }
        for way in manifest.auth.clone() {
            let api = HttpApi::new(Arc::new(manifest.clone()), &way.id, Limits::default()).unwrap();
            let tools = api.tools();
            assert_eq!(tools, api.tools());
            for tool in tools {
                let tool: Value = serde_json::from_slice(&tool).unwrap();
                assert_eq!(tool["inputSchema"]["type"], "object");
            }
        }
    }
    let missing = HttpApi::new(Arc::new(manifest(KOMMO)), "nope", Limits::default());
    assert_eq!(
        missing.err().unwrap().to_string(),
        "the provider kommo knows no way \"nope\" to sign in"
    );
}

/// Runs the login of YouGile's manifest as far as it goes.
async fn login(yougile: &YouGile, password: &str, company: Option<&str>) -> Result<String, String> {
    let manifest = manifest(YOUGILE);
    let way = manifest.auth.iter().find(|way| way.id == "login").unwrap();
    let steps = &way.login.as_ref().unwrap().steps;
    let typed = [("login", stand_in::yougile::LOGIN), ("password", password)];
    let typed = typed.map(|(name, it)| (name.to_owned(), Secret::new(it.to_owned())));
    let base: url::Url = yougile.base().parse().unwrap();
    let route = Net::new(NetConfig::default()).route(&base, CONNECT_TIMEOUT).await.unwrap();
    let deadline = Deadline::new(Duration::from_secs(10));
    let http = manifest.http.as_ref().unwrap();
    let mut login = Login::new(http, steps, BTreeMap::new(), typed.into());
    loop {
        let progress = login.go_on(&route, &base, &deadline).await;
        match progress.map_err(|failure| format!("{failure:?}"))? {
            Progress::Done(secrets) => {
                assert_eq!(login.params().get("company_id").map(String::as_str), Some("c2"));
                return Ok(secrets["token"].expose().clone());
            }
            Progress::Choose(Choice { param, title, options }) => match company {
                Some(company) => {
                    let (value, _) = options.iter().find(|(_, label)| label == company).unwrap();
                    login.choose(&param, value);
                }
                None => return Err(format!("{title}: {options:?}")),
            },
        }
    }
}

#[tokio::test]
async fn a_login_becomes_a_key_after_a_choice() {
    let yougile = YouGile::start(1);
    let right = stand_in::yougile::PASSWORD;
    let asked = login(&yougile, right, None).await.unwrap_err();
    assert_eq!(asked, "Company: [(\"c1\", \"Acme\"), (\"c2\", \"Other\")]");
    let key = login(&yougile, right, Some("Other")).await.unwrap();
    assert!(yougile.keys().contains(&key));
    let body = yougile.site.last().json().unwrap();
    assert_eq!(body["companyId"], "c2");
    assert_eq!(crate::log::scrub_known(&format!("x {key} {right}")), "x *** ***");
    let rig = Rig::yougile(&yougile, &key).await;
    assert_eq!(rig.check().await.unwrap().as_deref(), Some("Ann Lee"));
    let wrong = login(&yougile, "wrong-login-canary", Some("Other")).await.unwrap_err();
    assert!(wrong.contains("Wrong login or password") && !wrong.contains("canary"), "{wrong}");
}

#[tokio::test]
async fn a_key_is_taken_back() {
    let yougile = YouGile::start(1);
    let manifest = manifest(YOUGILE);
    let way = manifest.auth.iter().find(|way| way.id == "login").unwrap();
    let revoke = way.login.as_ref().unwrap().revoke.as_deref().unwrap();
    let base: url::Url = yougile.base().parse().unwrap();
    let route = Net::new(NetConfig::default()).route(&base, CONNECT_TIMEOUT).await.unwrap();
    let key = Secret::new(stand_in::yougile::KEY.to_owned());
    let http = manifest.http.as_ref().unwrap();
    let known = BTreeMap::from([("token".to_owned(), key)]);
    let mut step = Login::new(http, std::slice::from_ref(revoke), BTreeMap::new(), known);
    let deadline = Deadline::new(Duration::from_secs(10));
    assert!(matches!(step.go_on(&route, &base, &deadline).await, Ok(Progress::Done(_))));
    assert!(yougile.keys().is_empty());
}

#[tokio::test]
async fn a_large_answer_is_the_same_as_a_small_one() {
    let items: Vec<Value> = (0..9000)
        .map(|id| json!({ "id": id, "title": "a title", "apiData": [1.0, "x"] }))
        .collect();
    let body = json!({ "paging": { "next": true }, "content": items });
    assert!(body.to_string().len() > send::LARGE);
    let site = stand_in::Site::serve(move |_| Said::json(200, &body));
    let base = format!("{}/api-v2", site.origin());
    let rig = Rig::new(manifest(YOUGILE), "key", &base, &[("token", "tttt")]).await;
    let page = rig.good("tasks_list", json!({})).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 9000);
    assert_eq!(page["items"][8999], json!({ "id": 8999, "title": "a title" }));
    assert!(page["next_cursor"].is_string());
}

#[test]
fn amocrm_is_kommo_on_other_hosts() {
    let merged = merged(toml::from_str(KOMMO).unwrap(), toml::from_str(AMOCRM).unwrap());
    let amocrm: Manifest = merged.try_into().unwrap();
    let kommo = manifest(KOMMO);
    assert_eq!(amocrm.tools, kommo.tools);
    let http = amocrm.http.clone().unwrap();
    assert_eq!(http.base_url, "https://${param:subdomain}.${param:domain}/api/v4");
    assert_eq!(http.errors, kommo.http.clone().unwrap().errors);
    let text = serde_json::to_string_pretty(&amocrm).unwrap();
    let of_kommo = text.lines().filter(|line| line.to_lowercase().contains("kommo"));
    assert_eq!(of_kommo.collect::<Vec<_>>(), ["  \"extends\": \"kommo\","]);
    for way in ["token", "oauth"] {
        assert!(HttpApi::new(Arc::new(amocrm.clone()), way, Limits::default()).is_ok());
    }
}

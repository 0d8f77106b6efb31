//! What each vendor does in its own way.

use super::*;

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

//! What must not happen, whoever the vendor is.

use super::*;

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

//! Lists besides that of the tools.

use super::{
    Bench,
    stub::{Said, Stub, legacy, modern},
};
use crate::support::{
    script::{Pages, Script, Tool},
    upstream::Upstream as Server,
};
use bytes::Bytes;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[tokio::test]
async fn every_list_that_is_offered_comes_whole_and_no_other_is_asked_for() {
    let capabilities = json!({"tools": {}, "prompts": {}, "resources": {},
        "extensions": {"io.modelcontextprotocol/skills": {}}});
    let stub = Stub::start(move |seen| {
        if let Some(said) = modern(seen, &capabilities) {
            return said;
        }
        let cursor = &seen.body["params"]["cursor"];
        match seen.method() {
            "prompts/list" if cursor.is_null() => {
                seen.result(json!({"prompts": [{"name": "a"}], "nextCursor": ""}))
            }
            "prompts/list" => seen.result(json!({"prompts": [{"name": "b"}]})),
            "resources/list" => seen.result(json!({"resources": [{"uri": "x://1"}]})),
            "resources/templates/list" => seen.error(404, -32601),
            "skills/list" => seen.result(json!({"skills": [{"name": "s"}]})),
            _ => Said::Empty(500),
        }
    })
    .await;
    let listing = Bench::new(&stub.url, |_| {}).upstream.list().await.unwrap();
    assert_eq!(listing.others.prompts, ["{\"name\":\"a\"}", "{\"name\":\"b\"}"]);
    assert_eq!(listing.others.resources, ["{\"uri\":\"x://1\"}"]);
    assert!(listing.others.templates.is_empty(), "no such method: none");
    assert_eq!(listing.others.skills, ["{\"name\":\"s\"}"]);
    let plain = Stub::start(|seen| legacy(seen, &json!({"tools": {}})).unwrap_or(Said::Empty(500)));
    let plain = plain.await;
    Bench::new(&plain.url, |_| {}).upstream.list().await.unwrap();
    assert!(plain.all("prompts/list").is_empty() && plain.all("skills/list").is_empty());
}

#[tokio::test]
async fn a_list_that_fails_keeps_what_was_known_and_harms_no_other() {
    let broken = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&broken);
    let stub = Stub::start(move |seen| {
        let capabilities = json!({"tools": {}, "prompts": {}});
        if let Some(said) = legacy(seen, &capabilities) {
            return said;
        }
        if flag.load(Ordering::SeqCst) {
            return seen.error(200, -32603);
        }
        seen.result(json!({"prompts": [{"name": "a"}]}))
    })
    .await;
    let bench = Bench::new(&stub.url, |_| {});
    assert_eq!(bench.upstream.list().await.unwrap().others.prompts.len(), 1);
    broken.store(true, Ordering::SeqCst);
    let listing = bench.upstream.list().await.unwrap();
    assert_eq!(listing.others.prompts, ["{\"name\":\"a\"}"]);
    let first = Bench::new(&stub.url, |_| {}).upstream.list().await.unwrap();
    assert!(first.others.prompts.is_empty());
}

#[tokio::test]
async fn lists_come_whole_and_endless_ones_end() {
    let many: Vec<Tool> = (0..25).map(|i| Tool::echo(&format!("t{i}"))).collect();
    for pages in [Pages::One, Pages::By(10), Pages::EmptyCursor(10)] {
        let server = Server::start(Script::legacy().tools(many.clone()).pages(pages));
        let listing = Bench::to(&server).upstream.list().await.unwrap();
        let exact: Vec<Bytes> = many.iter().map(|t| t.definition.clone()).collect();
        assert_eq!(listing.tools, exact, "{pages:?}");
    }
    let server = Server::start(Script::legacy().tools(many).pages(Pages::SameCursor(5)));
    let listing = Bench::to(&server).upstream.list().await.unwrap();
    assert!(listing.tools.len() >= 5 && listing.tools.len() <= 10);
}

use super::*;
use serde_json::Value;

fn parts(result: &str, limit: u64) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let longs = Longs::default();
        let name = "kommo".parse().unwrap();
        let bytes = Bytes::copy_from_slice(result.as_bytes());
        let first = longs.cut(Some(&name), bytes, limit).await.unwrap();
        let mut all = vec![first];
        loop {
            let last: Value = serde_json::from_slice(all.last().unwrap()).unwrap();
            let cursor = match all.len() {
                1 => &last["_meta"][READ_MORE]["cursor"],
                _ => &last["structuredContent"]["cursor"],
            };
            let Some(cursor) = cursor.as_str() else { break };
            let again = longs.read_more(cursor, limit).await.unwrap();
            assert_eq!(
                again,
                longs.read_more(cursor, limit).await.unwrap(),
                "it can be read again"
            );
            all.push(again);
        }
        assert!(all.iter().all(|part| part.len() as u64 <= limit), "no part is over the limit");
        all.iter().map(|part| serde_json::from_slice(part).unwrap()).collect()
    })
}

/// The texts without our notes.
fn text(parts: &[Value]) -> String {
    let blocks = parts.iter().flat_map(|part| part["content"].as_array().unwrap());
    let texts = blocks.filter_map(|block| block["text"].as_str());
    texts.filter(|text| !text.starts_with("[allmcp]")).collect()
}

#[test]
fn a_long_text_comes_whole_in_parts() {
    let long = "one line of text \u{1f600}\n".repeat(3000);
    let result = serde_json::json!({"content":[{"type":"text","text":long}],"isError":false});
    let parts = parts(&result.to_string(), 8192);
    assert!(parts.len() > 6);
    assert_eq!(text(&parts), long);
    assert_eq!(parts[0]["isError"], false);
    let note = parts[0]["content"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    assert!(note.contains("read_more") && note.contains("kommo."), "{note}");
}

#[test]
fn structured_content_keeps_its_form_and_is_read_whole() {
    let items: Vec<Value> =
        (0..2000).map(|i| serde_json::json!({"id": i, "name": "x y"})).collect();
    let structured = serde_json::json!({"items": items, "total": 2000});
    let result = serde_json::json!({"content":[{"type":"text","text":"found"}],"structuredContent":structured});
    let all = parts(&result.to_string(), 10_000);
    let first = &all[0]["structuredContent"];
    assert_eq!(first["total"], 2000);
    let kept = first["items"].as_array().unwrap().len();
    assert!(kept > 10 && kept < 2000);
    let note = all[0]["content"].to_string();
    assert!(note.contains(&format!("items has {kept} of 2000 elements")), "{note}");
    let whole = text(&all);
    let whole = whole.strip_prefix("found").unwrap();
    assert_eq!(serde_json::from_str::<Value>(whole).unwrap(), structured);
}

#[test]
fn a_text_that_says_the_same_is_not_given_twice() {
    let items: Vec<u32> = (0..4000).collect();
    let structured = serde_json::json!({ "items": items });
    let pretty = serde_json::to_string_pretty(&structured).unwrap();
    let result = serde_json::json!({"content":[{"type":"text","text":pretty}],"structuredContent":structured});
    assert_eq!(text(&parts(&result.to_string(), 9000)), pretty);
}

#[test]
fn what_cannot_be_cut_is_named_and_the_rest_is_there() {
    let image = "A".repeat(20_000);
    let result = serde_json::json!({"content":[
        {"type":"image","data":image,"mimeType":"image/png"},
        {"type":"text","text":"after"},
        {"type":"resource","resource":{"uri":"x://y","text":"z".repeat(9000)}}
    ],"_meta":{"v":1}});
    let all = parts(&result.to_string(), 6000);
    let notes = serde_json::to_string(&all).unwrap();
    assert!(notes.contains("image (image/png) of 20"), "{notes}");
    assert!(notes.contains("The text of x://y:"), "{notes}");
    assert_eq!(text(&all), format!("after{}", "z".repeat(9000)));
    assert_eq!(all[0]["_meta"]["v"], 1);
}

#[tokio::test]
async fn a_wrong_or_old_cursor_says_what_to_do() {
    let longs = Longs::default();
    for (cursor, want) in [("x", "not a cursor"), ("a.b.0.0", "call the tool again")] {
        let error = longs.read_more(cursor, 10_000).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
    assert!(longs.cut(None, Bytes::from_static(b"{}"), 100).await.is_none());
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let longs = Longs::default();
    let big = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "a".repeat(9 << 20));
    let mut cursors = Vec::new();
    for _ in 0..5 {
        let first = longs.cut(None, Bytes::from(big.clone()), 100_000).await.unwrap();
        let first: Value = serde_json::from_slice(&first).unwrap();
        cursors.push(first["_meta"][READ_MORE]["cursor"].as_str().unwrap().to_owned());
    }
    let mut there = Vec::new();
    for cursor in &cursors {
        there.push(longs.read_more(cursor, 100_000).await.is_ok());
    }
    assert_eq!(there, [false, false, true, true, true]);
}

//! What a search finds, in which order, and what it shows.

use super::*;

fn filled() -> (TempDir, MemoryStore) {
    let (dir, store) = store();
    let tagged = |title: &str, content: &str, tags: &[&str], source: &str| Draft {
        tags: Change::Set(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        source: Change::Set(source.into()),
        ..draft(title, content)
    };
    let drafts = vec![
        tagged("Coffee", "Flat white, no sugar.", &["taste"], "chat"),
        tagged(
            "Leads of May",
            "The lead from Łódź wants a café near the river.",
            &["CRM", "may"],
            "kommo",
        ),
        tagged("Deploy", "Run the release pipeline, then tell the river team.", &["ops"], "chat"),
        tagged("東京の旅", "来月は東京タワーへ行きます。", &["旅行"], "chat"),
        tagged("Заметка", "Клиенты просят скидку.", &[], "mail"),
    ];
    store.save(&solo(), drafts).unwrap();
    (dir, store)
}

#[test]
fn words_are_found_whatever_their_form() {
    let (_dir, store) = filled();
    for (query, title) in [
        ("coffee", "Coffee"),
        ("COFF", "Coffee"),
        ("cafe", "Leads of May"),
        ("łodz", "Leads of May"),
        ("łódź", "Leads of May"),
        ("pipelines", "Deploy"),
        ("ops", "Deploy"),
        ("crm", "Leads of May"),
        ("東京", "東京の旅"),
        ("タワー", "東京の旅"),
        ("京", "東京の旅"),
        ("旅行", "東京の旅"),
        ("клиента", "Заметка"),
        ("скидка", "Заметка"),
        ("what does the user like to drink: sugar?", "Coffee"),
    ] {
        let found = titles(&store, &solo(), &words(query));
        assert_eq!(found.first().map(String::as_str), Some(title), "{query}: {found:?}");
    }
    assert_eq!(titles(&store, &solo(), &words("東大")), [""; 0]);
}

#[test]
fn the_best_comes_first_and_the_total_counts_all() {
    let (_dir, store) = filled();
    let found = titles(&store, &solo(), &words("lead river"));
    assert_eq!(found, ["Leads of May", "Deploy"]);
    let first = Search { limit: 1, ..words("lead river") };
    let found = store.search(&solo(), &first).unwrap();
    assert_eq!((found.hits.len(), found.total), (1, 2));
    // Without a query the newest first; the last of a batch counts as the newest.
    let newest = titles(&store, &solo(), &all());
    assert_eq!((newest[0].as_str(), newest.len()), ("Заметка", 5));
}

#[test]
fn filters_narrow_and_add_up() {
    let (_dir, store) = filled();
    let search = |change: &dyn Fn(&mut Search)| {
        let mut search = all();
        change(&mut search);
        titles(&store, &solo(), &search)
    };
    assert_eq!(search(&|s| s.source = Some("kommo".into())), ["Leads of May"]);
    assert_eq!(search(&|s| s.tags = vec!["crm".into()]), ["Leads of May"]);
    assert_eq!(search(&|s| s.tags = vec!["crm".into(), "May".into()]), ["Leads of May"]);
    assert_eq!(search(&|s| s.tags = vec!["crm".into(), "ops".into()]), [""; 0]);
    assert_eq!(search(&|s| s.tags = vec!["旅行".into()]), ["東京の旅"]);
    let both = |s: &mut Search| {
        s.query = Some("river".into());
        s.source = Some("chat".into());
    };
    assert_eq!(search(&both), ["Deploy"]);
    let id = store.find(&solo(), "Coffee").unwrap().unwrap().id;
    assert_eq!(search(&|s| s.ids = vec![id.clone(), "nope".into()]), ["Coffee"]);
    assert_eq!(search(&|s| s.ids = vec!["' OR 1=1 --".into()]), [""; 0]);
}

#[test]
fn a_snippet_shows_the_place_and_nothing_that_was_put_in() {
    let (_dir, store) = filled();
    let long = format!("{} the needle stands here {}", "before ".repeat(200), "after ".repeat(200));
    save(&store, &solo(), draft("Long", &long));
    let hit = |query: &str| store.search(&solo(), &words(query)).unwrap().hits.remove(0);
    let found = hit("needle");
    assert!(found.snippet.contains("the needle stands") && found.snippet.len() < 500);
    assert!(found.snippet.starts_with('…') && found.snippet.ends_with('…'), "{}", found.snippet);
    assert_eq!(found.memory.content, long);
    assert_eq!(hit("東京").snippet, "来月は東京タワーへ行きます。");
    let newest = store.search(&solo(), &all()).unwrap().hits.remove(0);
    assert!(newest.snippet.starts_with("before before") && newest.snippet.ends_with("before…"));
    assert!(newest.snippet.chars().count() <= 241);
}

#[test]
fn no_query_is_ever_syntax() {
    let (_dir, store) = filled();
    for query in [
        "\"",
        "\"\"",
        "\"coffee",
        "coffee\"",
        "*",
        "coffee*",
        "*coffee",
        "NEAR(",
        "NEAR(coffee, 2)",
        "coffee NEAR river",
        "coffee AND NOT",
        "OR",
        "NOT coffee",
        "title:coffee",
        "content : x",
        "{title content}:coffee",
        "^coffee",
        "-coffee",
        "+",
        "(",
        ")",
        "coffee)",
        "coffee\0\"",
        "\0",
        "' OR 1=1; DROP TABLE memories; --",
        "%",
        "_",
        "\\",
        "\u{200b}",
        "a\u{301}",
        "🦀",
        "ß",
    ] {
        let found = store.search(&solo(), &words(query));
        assert!(found.is_ok(), "{query:?}: {found:?}");
        if query.contains("coffee") {
            assert_eq!(found.unwrap().hits[0].memory.title, "Coffee", "{query:?}");
        }
    }
    assert_eq!(titles(&store, &solo(), &all()).len(), 5);
}

#[test]
fn limits_of_a_search_name_themselves() {
    let (_dir, store) = store();
    for (search, part) in [
        (words(&"x".repeat(1001)), "1001 characters; 1000"),
        (Search { ids: vec!["x".into(); 101], ..all() }, "101 entries; 100"),
        (Search { tags: vec!["x".into(); 33], ..all() }, "33 entries; 32"),
        (Search { limit: 0, ..all() }, "use 1 to 1000"),
        (Search { limit: 1001, ..all() }, "use 1 to 1000"),
    ] {
        let error = store.search(&solo(), &search).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

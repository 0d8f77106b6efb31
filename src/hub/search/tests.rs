//! What a search promises, on a handful of tools.

use super::{Found, Searcher, Source};
use serde_json::json;

struct Tool(&'static str, Vec<u8>);

fn tool(connection: &'static str, name: &str, description: &str) -> Tool {
    tool_with(connection, name, description, &[])
}

fn tool_with(
    connection: &'static str,
    name: &str,
    description: &str,
    parameters: &[(&str, &str)],
) -> Tool {
    let properties: serde_json::Map<_, _> = parameters
        .iter()
        .map(|(name, text)| ((*name).to_owned(), json!({"type": "string", "description": text})))
        .collect();
    let definition = json!({
        "name": name,
        "description": description,
        "inputSchema": {"type": "object", "properties": properties},
    });
    Tool(connection, definition.to_string().into_bytes())
}

fn build(tools: &[Tool]) -> Searcher {
    Searcher::build(tools.iter().map(|Tool(connection, definition)| Source {
        connection,
        provider: None,
        group: None,
        group_text: None,
        definition,
    }))
}

fn some() -> Vec<Tool> {
    vec![
        tool("shop", "create_refund", "Refund a charge that has been paid."),
        tool("shop", "list_customers", "Return customers, newest first."),
        tool("shop", "search", "Search the shop's catalogue of products."),
        tool("mail", "send_message", "Send an email to one or more recipients."),
        tool("mail", "search", "Search messages in the mailbox."),
        tool("desk", "createTicket", "Open a support ticket for a requester."),
        tool("wetter", "get_forecast", "查询城市的天气预报。"),
        tool_with("desk", "update", "Changes what is given.", &[("priority", "How urgent it is")]),
    ]
}

fn all(_: usize) -> bool {
    true
}

fn order(found: &Found) -> Vec<usize> {
    found.hits.iter().map(|hit| hit.at).collect()
}

fn first(query: &str) -> Option<usize> {
    build(&some()).search(query, &all, true).hits.first().map(|hit| hit.at)
}

#[test]
fn an_exact_name_comes_first_with_or_without_its_connection() {
    let mut tools = some();
    // Says the words of the name far more often than the tool that has it.
    tools.push(tool("other", "search_search_search", "Search, search and search: search tools."));
    let searcher = build(&tools);
    for (query, expected) in [
        ("search", vec![2, 4]),
        ("mail__search", vec![4]),
        ("MAIL__Search", vec![4]),
        (" createTicket ", vec![5]),
        ("please call `shop__create_refund` for the last order", vec![0]),
    ] {
        let found = searcher.search(query, &all, true);
        assert_eq!(order(&found)[..expected.len()], expected, "{query}");
        assert!(!found.unsure, "{query}");
        assert!(found.hits.windows(2).all(|w| w[0].score >= w[1].score || w[1].at != 8), "{query}");
    }
}

#[test]
fn finds_by_synonym_typo_compound_parameter_and_phrase() {
    for (query, expected) in [
        ("give the client their money back", 0),
        ("creat a refnd", 0),
        ("create ticket", 5),
        ("createticket", 5),
        ("clients", 1),
        ("write an e-mail", 3),
        ("how urgent", 7),
        ("supp", 5),
    ] {
        assert_eq!(first(query), Some(expected), "{query}");
    }
}

#[test]
fn crosses_scripts_for_common_things_and_matches_them_in_their_own() {
    assert_eq!(first("weather in Berlin"), Some(6));
    assert_eq!(first("天气预报"), Some(6));
    assert_eq!(first("发送邮件"), Some(3));
    assert_eq!(first("отправить письмо"), Some(3));
}

#[test]
fn a_query_that_says_nothing_finds_nothing_and_is_unsure() {
    let searcher = build(&some());
    for query in ["", "   ", "how do I the of", "?!…", "qwertz"] {
        let found = searcher.search(query, &all, true);
        assert_eq!(found, Found { hits: Vec::new(), unsure: true }, "{query:?}");
    }
    let nothing = build(&[]).search("anything", &all, true);
    assert_eq!(nothing, Found { hits: Vec::new(), unsure: true });
}

#[test]
fn is_unsure_when_little_of_the_request_is_met() {
    let searcher = build(&some());
    let unsure = |query| searcher.search(query, &all, true).unsure;
    assert!(!unsure("refund a charge"));
    assert!(!unsure("send an email"));
    assert!(unsure("paint the fence of the neighbour's shop green"));
    assert!(unsure("tune a grand piano"));
}

#[test]
fn a_huge_query_is_read_in_part() {
    let query = format!("send an email. {}", "lorem ipsum dolor 天气 /a/b.csv ".repeat(4000));
    assert!(query.len() > 100_000);
    let found = build(&some()).search(&query, &all, true);
    assert!(order(&found).contains(&3));
    let one_word = "é".repeat(60_000);
    assert!(build(&some()).search(&one_word, &all, true).hits.is_empty());
}

#[test]
fn only_what_is_wanted_is_found_also_by_its_exact_name() {
    let searcher = build(&some());
    let found = searcher.search("search", &|at| at != 2, true);
    assert_eq!(order(&found)[0], 4);
    assert!(!order(&found).contains(&2));
}

#[test]
fn ties_keep_the_order_of_building() {
    let twins: Vec<Tool> =
        ["c", "a", "b", "d"].map(|name| tool(name, "do_thing", "Paints fences.")).into();
    let searcher = build(&twins);
    for _ in 0..3 {
        assert_eq!(order(&searcher.search("paint a fence", &all, false)), [0, 1, 2, 3]);
    }
}

#[test]
fn spread_lets_others_in_that_are_about_as_good_and_no_worse_ones() {
    let mut tools: Vec<Tool> = (0..8)
        .map(|n| tool("big", &format!("list_invoices_{n}"), "List the invoices of an account."))
        .collect();
    tools.push(tool("small", "list_invoices_x", "List the invoices of an account."));
    tools.push(tool("far", "list_birds", "Mentions accounts once, and an invoice of birds."));
    let searcher = build(&tools);
    let place = |spread, tool| {
        let found = searcher.search("list invoices", &all, spread);
        order(&found).iter().position(|at| *at == tool)
    };
    assert!(place(false, 8) > Some(3), "without spread the big connection fills the rows");
    assert_eq!(place(true, 8), Some(3), "a third of the rows, then the next connection");
    assert_eq!(place(true, 9), Some(9), "what matches far worse displaces nobody");
}

#[test]
fn a_broken_definition_is_indexed_as_far_as_it_goes() {
    let broken: [&[u8]; 5] = [
        br#"{"name":"pay_bill","description":7,"inputSchema":{"properties":{"iban":3}}}"#,
        br#"{"name":"pay_bill","description":"Pays"#,
        b"[]",
        b"",
        b"\xff\xfe",
    ];
    let searcher = Searcher::build(broken.iter().map(|definition| Source {
        connection: "bank",
        provider: Some("Bank of Bugs"),
        group: Some("payments"),
        group_text: Some("Everything about accounts"),
        definition,
    }));
    assert_eq!(order(&searcher.search("pay_bill", &all, false))[..2], [0, 1]);
    assert_eq!(order(&searcher.search("iban", &all, false))[0], 0);
    assert_eq!(searcher.search("bugs", &all, false).hits.len(), 5);
}

//! The scripted upstream offers what the protocol has beside tools, and looks at retries.

use crate::{
    Client, json_of,
    support::{
        duo::{A, D},
        script::{Answers, Script, Tool},
        task,
        upstream::Upstream,
    },
};
use serde_json::{Value, json};

const FORM: &str = r#"{"message":"$TAG"}"#;

async fn modern(client: &Client, method: &str, params: Value) -> Value {
    json_of(client.modern(method, params).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prompts_resources_and_completion_are_served_where_they_are_declared() {
    let offers = |script: Script| {
        script
            .prompt(Tool::prompt("p"))
            .resource(Tool::resource("x:1"))
            .resource(Tool::resource("x:2").unlisted())
            .template(Tool::template("y:{a}"))
            .completion("p", &["ab", "b"])
    };
    let upstream = Upstream::start(offers(A.script()));
    let client = Client::initialized(&upstream).await;
    let list = json_of(client.post("resources/list", json!({})).await).await;
    assert_eq!(list["result"]["resources"].as_array().unwrap().len(), 1, "{list}");
    for uri in ["x:1", "x:2", "y:7"] {
        let read = json_of(client.post("resources/read", json!({"uri": uri})).await).await;
        assert_eq!(read["result"]["contents"][0]["text"], uri);
    }
    let none = json_of(client.post("resources/read", json!({"uri": "z"})).await).await;
    assert_eq!(none["error"]["code"], -32002);
    let params = json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "a"}});
    let values = json_of(client.post("completion/complete", params).await).await;
    assert_eq!(values["result"]["completion"]["values"], json!(["ab"]));
    client.post("resources/subscribe", json!({"uri": "x:1"})).await;
    assert_eq!(upstream.subscriptions(), ["x:1"]);

    // What is not declared is not there.
    let upstream = Upstream::start(offers(Script::modern()));
    let none = modern(&Client::new(&upstream), "prompts/list", json!({})).await;
    assert_eq!(none["error"]["code"], -32601);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_has_to_be_exact() {
    let ask = Tool::echo("ask").asks("elicitation/create", FORM).then_asks("roots/list", "{}");
    let upstream = Upstream::start(D.script().answers(Answers::Json).tool(ask));
    let client = Client::new(&upstream);
    let call = json!({"name": "ask", "arguments": {"tag": "t"}});
    let first = modern(&client, "tools/call", call.clone()).await["result"].clone();
    assert_eq!(first["inputRequests"]["ask"]["params"]["message"], "t", "{first}");
    let retry = |state: &Value, tag: &str| json!({"name": "ask", "arguments": {"tag": tag}, "inputResponses": {"ask": {"x": tag}}, "requestState": state});
    let state = &first["requestState"];
    let second = modern(&client, "tools/call", retry(state, "t")).await["result"].clone();
    assert_eq!(second["inputRequests"]["ask"]["method"], "roots/list");
    assert_eq!(upstream.complaints(), [""; 0]);
    // Used once already, of another call, or with something missing.
    for wrong in [
        retry(state, "t"),
        retry(&second["requestState"], "other"),
        json!({"name": "ask", "inputResponses": {}}),
    ] {
        let refused = modern(&client, "tools/call", wrong).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(upstream.complaints().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_tools_ask_only_who_can_answer() {
    let ask = |tool: Tool| tool.asks("elicitation/create", FORM);
    let script = D.script().answers(Answers::Json).tool(ask(Tool::echo("soft")).if_declared());
    let upstream = Upstream::start(script.tool(ask(Tool::echo("hard")).or_refuses()));
    let client = Client::new(&upstream);
    let soft = modern(&client, "tools/call", json!({"name": "soft"})).await;
    assert_eq!(soft["result"]["content"][0]["text"], "fallback");
    let hard = modern(&client, "tools/call", json!({"name": "hard"})).await;
    assert_eq!(hard["error"]["code"], -32021);
    assert_eq!(upstream.told_for("hard"), [json!({})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_to_be_visited_and_tools_released() {
    let script = A.script().tool(Tool::echo("gated").url_first("https://x.example", "e"));
    let upstream = Upstream::start(script.tool(Tool::echo("held").held()));
    let client = Client::initialized(&upstream).await;
    let refused = json_of(client.call("gated", json!({})).await).await;
    assert_eq!(refused["error"]["code"], -32042);
    assert_eq!(refused["error"]["data"]["elicitations"][0]["elicitationId"], "e");
    upstream.visit("e");
    assert!(json_of(client.call("gated", json!({})).await).await["result"].is_object());
    upstream.release("held");
    assert!(json_of(client.call("held", json!({})).await).await["result"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_both_kinds_run_to_their_end() {
    let upstream = Upstream::start(A.script().tool(Tool::echo("slow").only_task(1)));
    let client = Client::initialized(&upstream).await;
    let refused = json_of(client.call("slow", json!({})).await).await;
    assert_eq!(refused["error"]["code"], -32601);
    let call = json!({"name": "slow", "arguments": {"a": 1}, "task": {"ttl": 1000}});
    let task = json_of(client.post("tools/call", call).await).await["result"]["task"].clone();
    let of = json!({"taskId": task["taskId"]});
    for status in ["working", "completed"] {
        let got = json_of(client.post("tasks/get", of.clone()).await).await;
        assert_eq!(got["result"]["status"], status);
    }
    let done = json_of(client.post("tasks/result", of).await).await;
    assert_eq!(done["result"]["structuredContent"], json!({"a": 1}));

    let script = D.script().answers(Answers::Json).extension(task::EXTENSION, "{}");
    let upstream = Upstream::start(script.tool(Tool::echo("slow").only_task(0)));
    let refused = modern(&Client::new(&upstream), "tools/call", json!({"name": "slow"})).await;
    let needed = &refused["error"]["data"]["requiredCapabilities"];
    assert_eq!(needed["extensions"][task::EXTENSION], json!({}), "{refused}");
}

use super::*;
use serde_json::json;

fn found(entry: &Value) -> Found {
    read(entry, Dialect::default(), &|_| false)
}

#[track_caller]
fn remote(entry: &Value) -> Remote {
    match found(entry) {
        Found::Remote(remote) => *remote,
        other => panic!("{entry}: {other:?}"),
    }
}

#[track_caller]
fn not(entry: &Value) -> String {
    match found(entry) {
        Found::Not(why) => why,
        other => panic!("{entry}: {other:?}"),
    }
}

fn line(line: &str) -> Value {
    let mut words = line.split(' ');
    json!({"command": words.next(), "args": words.collect::<Vec<_>>()})
}

#[test]
fn a_bridge_is_found_behind_every_runner() {
    for start in [
        "npx mcp-remote",
        "npx -y mcp-remote@latest",
        "npx --yes mcp-remote@0.1.38",
        "/usr/local/bin/npx -y mcp-remote",
        "C:\\nodejs\\npx.cmd -y mcp-remote",
        "cmd /c npx -y mcp-remote",
        "bunx mcp-remote",
        "bun x mcp-remote",
        "pnpm dlx mcp-remote",
        "npm exec -- mcp-remote",
        "deno run -A npm:mcp-remote@1",
        "node /x/node_modules/mcp-remote/dist/proxy.js",
        "mcp-remote",
        "uvx mcp-proxy",
        "uvx fastmcp-remote==4.1",
        "allmcp bridge",
    ] {
        let url = "https://h.example/mcp";
        assert_eq!(remote(&line(&format!("{start} {url}"))).url, url, "{start}");
    }
    for local in [
        "npx -y @modelcontextprotocol/server-filesystem mcp-remote",
        "node server.js https://h.example/mcp",
        "uvx mcp-server-git",
        "uvx mcp-proxy --port 8080 some-server",
        "npx supergateway --stdio cat",
        "docker run -i mcp-remote https://h.example/mcp",
    ] {
        assert_eq!(not(&line(local)), LOCAL, "{local}");
    }
    assert!(matches!(found(&line("/opt/allmcp serve --only a")), Found::Ours));
}

#[test]
fn the_flags_of_mcp_remote_keep_their_meaning() {
    let entry = json!({
        "command": "npx",
        "args": ["-y", "mcp-remote", "https://h.example/mcp?key=k1", "9696",
            "--header", "Authorization:${AUTH}", "--header", "X-Region: eu", "--header", "X-App: ${APP}",
            "--transport", "http-first", "--host", "localhost", "--allow-http", "--debug",
            "--resource", "https://h.example", "--ignore-tool", "delete*",
            "--static-oauth-client-info", "{\"client_id\":\"c\",\"client_secret\":\"${CS}\"}",
            "--static-oauth-client-metadata", "{\"scope\":\"a b\"}"],
        "env": {"AUTH": "Bearer k2", "CS": "k3"},
    });
    let remote = remote(&entry);
    assert_eq!(remote.url, "https://h.example/mcp?key=${secret:key}");
    let headers =
        [("Authorization", "Bearer ${secret:token}"), ("X-Region", "eu"), ("X-App", "${env:APP}")];
    assert_eq!(remote.headers, headers.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let kept: Vec<_> =
        remote.secrets.iter().map(|(k, v)| (k.as_str(), v.expose().as_str())).collect();
    assert_eq!(kept, [("key", "k1"), ("token", "k2")]);
    let SignIn { client_id, client_secret, scopes, resource, callback_port, .. } = remote.sign_in;
    assert_eq!(client_id.as_deref(), Some("c"));
    assert_eq!(client_secret.map(Secret::into_inner).as_deref(), Some("k3"));
    assert_eq!(
        (scopes, resource.as_deref()),
        (vec!["a".into(), "b".into()], Some("https://h.example"))
    );
    assert_eq!((callback_port, remote.hidden_tools), (Some(9696), vec!["delete*".to_owned()]));
    let sse = line("npx mcp-remote https://h.example/sse --transport sse-only");
    assert_eq!(not(&sse), SSE);
}

#[test]
fn a_url_is_found_in_the_words_of_every_client() {
    let url = "https://h.example/mcp";
    for entry in [
        json!({"url": url}),
        json!({"type": "http", "url": url}),
        json!({"serverUrl": url}),
        json!({"httpUrl": url}),
        json!({"type": "streamable_http", "uri": url, "enabled": true}),
        json!({"type": "remote", "url": url, "enabled": true}),
    ] {
        assert_eq!(remote(&entry).url, url, "{entry}");
    }
    let header = |entry: Value| remote(&entry).headers.remove(0);
    let bearer = ("Authorization".to_owned(), "Bearer ${env:T}".to_owned());
    assert_eq!(header(json!({"url": url, "bearer_token_env_var": "T"})), bearer);
    assert_eq!(
        header(json!({"url": url, "headers": {"Authorization": "Bearer ${env:T}"}})),
        bearer
    );
    assert_eq!(
        header(json!({"url": url, "env_http_headers": {"X-K": "T"}})),
        ("X-K".to_owned(), "${env:T}".to_owned())
    );
    assert_eq!(
        header(json!({"url": url, "requestOptions": {"headers": {"X-K": "${{ secrets.T }}"}}})),
        ("X-K".to_owned(), "${secret:T}".to_owned())
    );
    let asked = remote(&json!({"url": url, "headers": {"X-K": "${input:k}", "Accept": "x"}}));
    assert_eq!((asked.missing, asked.headers.len()), (vec!["k".to_owned()], 1));
    let signed = remote(
        &json!({"url": url, "auth": {"CLIENT_ID": "c", "CLIENT_SECRET": "s", "scopes": ["a"]}}),
    );
    assert_eq!(signed.sign_in.client_id.as_deref(), Some("c"));
    assert_eq!(signed.sign_in.scopes, ["a"]);
}

#[test]
fn what_cannot_be_taken_says_why() {
    assert_eq!(not(&json!({"type": "sse", "url": "https://h.example/sse"})), SSE);
    assert!(not(&json!({"url": "https://h.example", "disabled": true})).contains("switched off"));
    assert!(not(&json!({"url": "https://h.example", "enabled": false})).contains("switched off"));
    assert!(not(&json!({})).contains("neither a URL nor a command"));
    assert!(not(&json!("x")).contains("neither"));
    assert!(not(&json!({"url": "ftp://h.example"})).contains("neither http"));
    let bad = not(&line("npx mcp-remote https://h.example --static-oauth-client-info {canary"));
    assert!(!bad.contains("canary"), "{bad}");
}

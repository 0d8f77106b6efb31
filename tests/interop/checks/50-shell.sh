# A shell script's day: everything with --json, read by jq.
config="$HOUSE/.config/allmcp/config.toml"
everything
expect "list without a configuration" 0 allmcp list --json
json "is empty" '.schema == "allmcp.list/1" and .connections == []'
holds "and writes nothing" test ! -e "$config"

expect "connect" 0 allmcp connect "$EVERYTHING" --name one --json
json "tells what it did" '.schema == "allmcp.connect/1" and .event == "connected" and .name == "one" and .tools > 8'
expect "connect again" 0 allmcp connect "$EVERYTHING" --name one --json
expect "the same URL under another name" 0 allmcp connect "$EVERYTHING" --name two --json
expect "a taken name for another target" 2 allmcp connect http://127.0.0.1:9/mcp --name one --json
says "names --force" '--force'

expect "list" 0 allmcp list --json
json "both, in order" '[.connections[] | .name] == ["one", "two"]'
json "with what a script needs" '.connections | all(.auth == "none" and .tools > 8 and .enabled_tools == .tools and .credential == null)'
expect "status --live" 0 allmcp status --live --json
json "both healthy" '.schema == "allmcp.status/1" and (.connections | all(.status == "connected" and .health.breaker == "closed"))'
expect "status" 0 allmcp status one --json
json "remembers the era" '.connections[0].health.era == "legacy"'
expect "inspect" 0 allmcp inspect one --json
expect "tools" 0 allmcp tools --json
json "public and upstream names" '.tools[] | select(.name == "two__get-sum") | .connection == "two" and .upstream_name == "get-sum" and .enabled and .state == "ok"'

expect "call" 0 allmcp call one__echo message=hello --json
json "the whole result" '.tool == "one__echo" and .connection == "one" and .result.content[0].text == "Echo: hello"'
expect "call for people" 0 allmcp call one echo 'message=two words'
holds "prints the text alone" test "$(cat "$T/stdout")" = "Echo: two words"
expect "JSON arguments" 0 allmcp call two get-sum a:=2 --args '{"b": 40}' --json
json "are added" '.result.content[0].text | test("42")'
printf '{"message": "from a pipe"}' >"$T/arguments"
expect "arguments from stdin" 0 allmcp call one__echo --args - --json <"$T/arguments"
json "arrive" '.result.content[0].text == "Echo: from a pipe"'

expect "logs" 0 allmcp logs --json
json "one line for each call" 'map(.tool) == ["one__echo", "one__echo", "two__get-sum", "one__echo"] and all(.outcome == "ok")'
expect "logs of one connection" 0 allmcp logs --json --connection two
json "has one" '.tool == "two__get-sum" and .duration_ms >= 0'

expect "tools disable" 0 allmcp tools disable one 'get-*'
expect "tools of one" 0 allmcp tools one --json
json "are marked" '(.tools[] | select(.upstream_name == "get-sum") | .enabled == false) and (.tools[] | select(.upstream_name == "echo") | .enabled)'
expect "config set" 0 allmcp config set connections.one.timeout 20s
expect "config get" 0 allmcp config get connections.one.timeout
says "gives it back" '20s' "$OUT"
expect "sync" 0 allmcp sync --json
expect "a reader that goes away" 0 bash -o pipefail -c "env -i HOME='$HOUSE' '$ALLMCP' tools --json | head -c 1 >/dev/null"

expect "disconnect needs an answer" 2 allmcp disconnect two --json
says "and names --yes" '--yes'
expect "disconnect" 0 allmcp disconnect two --yes --json
expect "disconnect of nothing" 0 allmcp disconnect two --yes --json
expect "list afterwards" 0 allmcp list --json
json "has one left" '[.connections[].name] == ["one"]'

expect_both() {
  allmcp connect "$EVERYTHING" --name "$1" --json >"$T/$1" 2>&1 & local first=$!
  allmcp connect "$EVERYTHING" --name "$2" --json >"$T/$2" 2>&1 & local second=$!
  wait "$first" && wait "$second"
}
holds "two connects at once" expect_both left right
expect "list after both" 0 allmcp list --json
json "lost neither" '[.connections[].name] | sort == ["left", "one", "right"]'
holds "files are for us alone" test -z "$(find "$HOUSE/.config/allmcp" "$HOUSE/.local" "$HOUSE/.cache/allmcp" -perm /077)"

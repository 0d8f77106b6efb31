# Every mistake has its exit code, its kind and a way out, and nothing half is saved.
config="$HOUSE/.config/allmcp/config.toml"

# mistake WHAT CODE KIND COMMAND…: one error line on stderr, and the configuration as it was.
mistake() {
  local what=$1 code=$2 kind=$3 before
  shift 3
  before=$(cat "$config" 2>/dev/null || true)
  expect "$what" "$code" "$@" --json
  json "$what: kind $kind" "select(.schema == \"allmcp.error/1\") | .kind == \"$kind\" and .exit == $code and (.message | length) > 0" "$ERR"
  holds "$what: nothing saved" test "$(cat "$config" 2>/dev/null || true)" = "$before"
}

everything
connected one
html=$(free_port)
start html "$PY" "$HERE/python/recorder.py" "127.0.0.1:$html"
until_open "$html" html
token=wrong-key-31415
guarded right-key-27182

mistake "nobody listens" 5 unreachable allmcp connect "http://127.0.0.1:9/mcp" --name dead
mistake "HTML instead of MCP" 1 failed allmcp connect "http://127.0.0.1:$html/" --name page
says "HTML is called by its name" 'html|not an MCP server' "$ERR"
mistake "a wrong path" 1 failed allmcp connect "${EVERYTHING%/mcp}/nothing-here" --name lost
mistake "a wrong key" 4 needs_auth allmcp connect "$GUARDED" --name shut --auth key --store file --token-stdin <<<"$token"
mistake "a server that wants a key" 4 needs_auth allmcp connect "$GUARDED" --name shut --auth none
holds "the wrong key is nowhere" test -z "$(grep -rl "$token" "$HOUSE" "$T/stdout" "$T/stderr")"

mistake "unknown connection" 2 not_found allmcp inspect onr
says "the nearest is offered" 'one'
mistake "unknown tool" 2 not_found allmcp call one__ecko message=x
says "the nearest tool is offered" 'one__echo'
mistake "unknown flag" 2 usage allmcp connect x --forse
mistake "no name" 2 usage allmcp connect
expect "a tool's error" 6 allmcp call one__get-sum a=x --json
json "with its result" '.result.isError' "$OUT"
json "and its line" '.kind == "tool_error"' "$ERR"

expect "disable" 0 allmcp disable one
mistake "a disabled connection" 9 denied allmcp call one__echo message=x
expect "enable" 0 allmcp enable one
stop everything
mistake "a server that went away" 5 unreachable allmcp call one__echo message=x
says "the connection is named" '"connection":"one"'
expect "status of all" 8 allmcp status --live --json
json "says which" '.connections[] | select(.name == "one") | .status == "error" and (.health.last_error | length) > 0'
expect "status of one" 5 allmcp status one --live --json

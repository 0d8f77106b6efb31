# More real clients in front of `serve`, none with an account or a model. Each also goes straight to the server: behind us it must see the same.
everything
connected one
cd "$HOUSE"
mkdir .codex
printf '{"mcpServers": {"direct": {"url": "%s"}, "served": {"command": "%s", "args": ["serve"]}}}' "$EVERYTHING" "$ALLMCP" >mcporter.json

gemini() { clean GEMINI_CLI_TRUST_WORKSPACE=true "$NODE" "$GEMINI" "$@"; }
codex() { clean CODEX_HOME="$HOUSE/.codex" "$NODE" "$CODEX" "$@"; }
mcporter() { clean "$NODE" "$MCPORTER" --config "$HOUSE/mcporter.json" "$@"; }
fastmcp() { clean FASTMCP_CHECK_FOR_UPDATES=off "$FASTMCP" "$@"; }

# $T/both has what a client lists of the server itself, and of us.
both() { jq -s . "$T/direct" "$OUT" >"$T/both" 2>"$T/held" || echo "[{}, {}]" >"$T/both"; }
# same WHAT NAMES PREFIX [BUT]: the jq filter NAMES finds as much in both, and the same, ours under PREFIX; BUT takes some out.
same() {
  jq -c "[(.[0] | $2), (.[1] | $2 | map(select(startswith(\"$3\")) | .[(\"$3\" | length):]))] | map(. ${4:-}) |
    {number: map(length), missing: (.[0] - .[1]), added: (.[1] - .[0])}" "$T/both" >"$T/compared"
  json "$1" '.number[0] == .number[1] and .number[0] > 0 and .missing == [] and .added == []' "$T/compared"
}
tools() { # CLIENT NAMES
  # The server has these only for clients that can show a form or have roots.
  same "$1 sees every tool" "$2" one__ '- ["trigger-elicitation-request", "trigger-url-elicitation", "trigger-sampling-request", "get-roots-list"]'
  same "$1 sees the tools for what it can do itself" "$2" one__
}

expect "gemini mcp add" 0 gemini mcp add served "$ALLMCP" serve -s user
expect "gemini mcp list" 0 gemini mcp list
says "gemini is connected" '✓ served: .*Connected' <(cat "$OUT" "$ERR")

mcporter list direct --json >"$T/direct" 2>"$ERR" || true
expect "mcporter lists" 0 mcporter list served --json
both
json "mcporter is connected" '.status == "ok"'
tools mcporter '[.tools[]?.name]'
expect "mcporter calls" 0 mcporter call served.one__get-sum a:2 b:3
says "mcporter has the answer" 'sum of 2 and 3 is 5' "$OUT"
mcporter resource direct --json >"$T/direct" 2>"$ERR" || true
expect "mcporter lists resources" 0 mcporter resource served --json
both
same "mcporter sees every resource" '[.resources[]?.uri]' allmcp://one/
expect "mcporter reads one" 0 mcporter resource served allmcp://one/demo://resource/static/document/features.md

fastmcp list "$EVERYTHING" --resources --prompts --json >"$T/direct" 2>"$ERR" || true
expect "fastmcp lists tools" 0 fastmcp list --command "$ALLMCP serve" --json
both
tools fastmcp '[.tools[]?.name]'
expect "fastmcp lists tools, resources and prompts" 0 fastmcp list --command "$ALLMCP serve" --resources --prompts --json
both
same "fastmcp sees every resource" '[.resources[]?.uri]' allmcp://one/
same "fastmcp sees every prompt" '[.prompts[]?.name]' one__

# The app server answers as long as its input is open.
status_of() {
  {
    printf '%s\n' '{"id":1,"method":"initialize","params":{"clientInfo":{"name":"interop","title":"interop","version":"1"}}}' '{"method":"initialized"}' \
      '{"id":2,"method":"mcpServerStatus/list","params":{}}'
    for _ in {1..300}; do
      grep -q '^{"id":2,' "$OUT" && break
      sleep 0.1
    done
  } | codex app-server
}
expect "codex mcp add" 0 codex mcp add served -- "$ALLMCP" serve
expect "codex mcp add, the server itself" 0 codex mcp add direct --url "$EVERYTHING"
expect "codex starts its servers" 0 status_of
jq 'select(.id == 2) | .result.data[] | select(.name == ("direct", "served"))' "$OUT" | jq -s 'sort_by(.name)' >"$T/both"
json "codex is connected" '.[1].serverInfo.name == "allmcp"' "$T/both"
tools codex '[.tools[]?.name]'
same "codex sees every resource" '[.resources[]?.uri]' allmcp://one/
same "codex sees every resource template" '[.resourceTemplates[]?.uriTemplate]' allmcp://one/

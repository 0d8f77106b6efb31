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
  # The server has these only for clients that can show a form or have roots. The first list is the last one known, and that was
  # for a client without; the next one is fetched at once, but these clients are gone by then.
  same "$1 sees every tool" "$2" one__ '- ["trigger-elicitation-request", "trigger-url-elicitation", "trigger-sampling-request", "get-roots-list"]'
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

# What `install` writes is an entry that they start; what `uninstall` leaves is what was there before.
as_before() { holds "$1: the file is as it was" cmp "$2" "$T/before"; }
new_home installed
cd "$HOUSE"
connected one
mkdir -p .gemini .codex
printf '{\n  // mine\n  "ui": {"theme": "Default"}\n}' >.gemini/settings.json
cp .gemini/settings.json "$T/before"
expect "install gemini" 0 allmcp install gemini --yes
expect "gemini mcp list, installed" 0 gemini mcp list
says "gemini starts it" '✓ allmcp: .*Connected' <(cat "$OUT" "$ERR")
expect "uninstall gemini" 0 allmcp uninstall gemini --yes
as_before gemini .gemini/settings.json
expect "gemini mcp list, uninstalled" 0 gemini mcp list
holds "gemini knows nothing of it" bash -c '! grep -q allmcp "$@"' - "$OUT" "$ERR"
printf '# mine\nmodel = "o4" # c\n' >.codex/config.toml
cp .codex/config.toml "$T/before"
expect "install codex" 0 clean CODEX_HOME="$HOUSE/.codex" "$ALLMCP" install codex --yes
expect "codex mcp get" 0 codex mcp get allmcp --json
json "codex reads what we wrote" '.transport.command == "'"$ALLMCP"'" and .transport.args == ["serve"] and .transport.env.ALLMCP_CLIENT == "codex" and .tool_timeout_sec == 60'
expect "codex starts it" 0 status_of
jq 'select(.id == 2) | .result.data[] | select(.name == "allmcp")' "$OUT" >"$T/ours"
json "codex is connected to it" '.serverInfo.name == "allmcp" and (.tools | length > 10)' "$T/ours"
expect "uninstall codex" 0 clean CODEX_HOME="$HOUSE/.codex" "$ALLMCP" uninstall codex --yes
as_before codex .codex/config.toml
expect "codex mcp list" 0 codex mcp list --json
json "codex knows nothing of it" 'all(.[]; .name != "allmcp")'
# Their own command lines, as `--print` tells them, leave nothing to do.
for client in gemini codex; do
  expect "install $client --print" 0 allmcp install $client --print
  line=$(sed -n "s/^.*itself: $client //p" "$ERR")
  own() { eval "$client $line"; }
  expect "$client adds it itself" 0 own
  expect "install $client after it" 0 clean CODEX_HOME="$HOUSE/.codex" "$ALLMCP" install $client --yes --json --dry-run
done

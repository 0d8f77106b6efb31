# Claude Code without an account: does its health check connect, and in which era?
claude() {
  clean CLAUDE_CONFIG_DIR="$HOUSE/.claude" DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 "$CLAUDE" "$@"
}
# The debug log that Claude Code keeps of one server, as one text.
claude_log() { cat "$HOUSE"/.cache/claude-cli-nodejs/*/mcp-logs-"$1"/*.jsonl; }

everything
connected one two
cd "$HOUSE"
expect "claude mcp add (serve)" 0 claude mcp add served -s user -- "$ALLMCP" serve
expect "claude mcp add (bridge)" 0 claude mcp add bridged -s user -- "$ALLMCP" bridge "$EVERYTHING"
expect "claude mcp list" 0 claude mcp list
for name in served bridged; do
  says "$name is connected" "^$name: .*✔ Connected" "$OUT"
  claude_log "$name" >"$T/$name.jsonl"
  says "$name speaks the newest era" 'protocolEra..:..modern' "$T/$name.jsonl"
  for what in Tools Prompts Resources; do
    says "$name offers $what" "has$what..:true" "$T/$name.jsonl"
  done
  says "$name ends cleanly" 'process exited cleanly' "$T/$name.jsonl"
done

# What `install` writes is an entry that Claude Code starts, wherever its file is, and `uninstall` leaves nothing of it.
installed() { # WHAT FILE [NAME=value]
  local what=$1 file=$2
  shift 2
  claude_here() { clean "$@" DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 "$CLAUDE" mcp list; }
  expect "claude mcp list, $what: nothing yet" 0 claude_here "$@"
  cp "$file" "$T/before" 2>/dev/null || echo '{}' >"$T/before"
  expect "install claude-code, $what" 0 clean "$@" "$ALLMCP" install claude-code --yes --json
  json "$what: the file is named" ".changed and .path == \"$file\""
  expect "claude mcp list, $what" 0 claude_here "$@"
  says "$what: it is connected" "^allmcp: .* serve - .*✔ Connected" "$OUT"
  expect "install claude-code again, $what" 0 clean "$@" "$ALLMCP" install claude-code --yes --json
  json "$what: nothing to do" '.changed == false'
  expect "claude mcp get, $what" 0 clean "$@" DISABLE_AUTOUPDATER=1 "$CLAUDE" mcp get allmcp
  says "$what: it knows who starts it" 'ALLMCP_CLIENT=claude-code' "$OUT"
  expect "uninstall claude-code, $what" 0 clean "$@" "$ALLMCP" uninstall claude-code --yes
  expect "claude mcp list after it, $what" 0 claude_here "$@"
  holds "$what: it is gone" jq -e '.mcpServers.allmcp == null' "$file"
  # Claude Code writes its file at each start; the servers are as they were.
  holds "$what: the rest is as it was" jq -es 'map(.mcpServers // {}) | .[0] == .[1]' "$T/before" "$file"
}
new_home moved
cd "$HOUSE"
connected one
installed "moved" "$HOUSE/.claude/.claude.json" CLAUDE_CONFIG_DIR="$HOUSE/.claude"
new_home plain
cd "$HOUSE"
connected one
installed "at home" "$HOUSE/.claude.json"
# The line that `--print` tells does the same.
expect "install --print" 0 allmcp install claude-code --print
line=$(sed -n 's/^.*by Claude Code itself: claude //p' "$ERR")
own() { eval "clean DISABLE_AUTOUPDATER=1 \"\$CLAUDE\" $line"; }
expect "its own command line" 0 own
expect "install after it" 0 allmcp install claude-code --yes --json
json "nothing is left to do" '.changed == false'

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

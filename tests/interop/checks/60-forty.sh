# Forty connections, nobody listening: the first answers come from what was last known.
everything
mapfile -t ports < <(free_port 40)
start relay "$PY" "$HERE/python/relay.py" "$EVERYTHING_PORT" "${ports[@]}"
until_open "${ports[-1]}" relay

names=() failures=0
for port in "${ports[@]}"; do
  names+=("dead${#names[@]}")
  allmcp connect "http://127.0.0.1:$port/mcp" --name "${names[-1]}" --json >"$OUT" 2>"$ERR" || failures=$((failures + 1))
done
holds "${#names[@]} connections" test "$failures ${#names[@]}" = "0 40"
expect "all tools are listed, however many" 0 allmcp config set settings.mode full
stop relay

for mode in auto legacy; do
  drive local "$mode" 2 "$(IFS=,; echo "${names[*]}")" -- "$ALLMCP" serve
done
expect "status says it" 8 allmcp status --live --json
json "of each" '.connections | length == 40 and all(.status == "error" or .status == "paused")'

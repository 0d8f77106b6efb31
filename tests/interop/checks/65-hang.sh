# One of ten hangs: the other nine as if nothing were.
everything
port=$(free_port)
start relay "$PY" "$HERE/python/relay.py" "$EVERYTHING_PORT" "$port"
until_open "$port" relay
names=()
for number in {1..9}; do
  names+=("up$number")
  allmcp connect "$EVERYTHING" --name "up$number" --json >"$OUT" 2>"$ERR"
done
expect "the tenth" 0 allmcp connect "http://127.0.0.1:$port/mcp" --name hung --json
expect "with a short deadline" 0 allmcp config set connections.hung.timeout 6s
expect "all tools are listed" 0 allmcp config set settings.mode full
kill -USR1 "$(cat "$PIDS/relay")"     # from now on it accepts and never answers

for mode in auto legacy; do
  drive local "$mode" 2 "$(IFS=,; echo "${names[*]},hung")" -- "$ALLMCP" serve
done

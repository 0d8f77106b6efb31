# What people see: every command in a terminal of 60 and of 120 columns, held against the pictures in looks/.
source "$HERE/looks/tmux.sh"
trap 'close_terminal; stop_all' EXIT
GATE="$T/gate" PORT=18180
start shops python3 "$HERE/looks/shops.py" "$PORT" "$GATE"
until_open "$PORT" shops
CLEAN+=(ALLMCP_STORE=file)
config="$HOUSE/.config/allmcp/config.toml"
SHOP="http://127.0.0.1:$PORT"
PLAIN="ALLMCP_STORE=file NO_COLOR=1"

touch "$GATE"
for name in kommo sheets google-ads bitrix24 a-connection-with-a-long-name-32; do
  expect "connect $name" 0 allmcp connect "$SHOP/$name/mcp" --name "$name"
done
entry() { printf '[connections.%s]\nurl = "%s"\n%s\n' "$1" "$2" "${3:-}" >>"$config"; }
entry slow-crm "$SHOP/slow-crm/mcp"
entry shut-shop "$SHOP/shut-shop/mcp" 'auth = "key"'
entry broken-bank "$SHOP/broken-bank/mcp"
entry nobody http://127.0.0.1:9/mcp
entry unset '${env:NOT_SET}'
entry off "$SHOP/off/mcp" 'enabled = false'
expect "sync" 8 allmcp sync
for call in "kommo leads_list" "kommo leads_list" "kommo note" "kommo leads_update" "google-ads leads_list" \
  "google-ads delete_everything" "a-connection-with-a-long-name-32 在庫を調べる"; do
  allmcp call $call id:=1 >/dev/null 2>&1 || true
done
echo "Who calls whom, and when, and what for." >"$T/plan"
expect "a memory" 0 allmcp memory save --title "The plan of the quarter" --tag work --file "$T/plan" --json

# In a pipe: whole, plain, one line each.
for command in list status tools usage logs "catalog" "inspect kommo"; do
  allmcp $command --color auto >"$OUT" 2>"$ERR" || true
  holds "$command in a pipe has no escapes" bash -c '! grep -q "$(printf "\033")" "$0" "$1"' "$OUT" "$ERR"
  holds "$command in a pipe is not cut" bash -c '! grep -q "…$" "$0"' "$OUT"
done

for columns in 60 120; do
  terminal "$columns" 24 "$PLAIN"
  runs 0 "allmcp list"; pictured "list-$columns"
  runs 8 "allmcp status"; pictured "status-$columns"
  runs 5 "allmcp status nobody"; pictured "status-one-$columns"
  runs 0 "allmcp tools kommo"; pictured "tools-$columns"
  runs 0 "allmcp inspect kommo"; pictured "inspect-$columns"
  runs 0 "allmcp search leads"; pictured "search-$columns"
  runs 0 "allmcp catalog cloudflare"; pictured "catalog-$columns"
  runs 0 "allmcp memory list"; pictured "memory-$columns"
  runs 0 "allmcp usage"; pictured "usage-$columns"
  runs 0 "allmcp logs"; pictured "logs-$columns"

  # While something is under way: first what is seen, then what is left.
  rm "$GATE"
  begins "allmcp status --live"
  until_seen 'slow-crm.* [1-9]\.[0-9] s' && until_seen '^✗ broken-bank'
  pictured "live-$columns"
  touch "$GATE"
  ends 8
  pictured "live-after-$columns"
  rm "$GATE"
  begins "allmcp sync"
  until_seen 'slow-crm.* [1-9]\.[0-9] s' && until_seen '^✗ broken-bank'
  pictured "sync-$columns" sort
  touch "$GATE"
  ends 8
  pictured "sync-after-$columns" sort
  rm "$GATE"
  begins "allmcp connect $SHOP/slow-erp/mcp --name slow-erp"
  until_seen '127.0.0.1 .*[1-9]\.[0-9] s'
  pictured "connect-$columns"
  touch "$GATE"
  ends 0
  pictured "connect-after-$columns"
  expect "disconnect it again" 0 allmcp disconnect slow-erp --yes

  # Ctrl-C in the middle: nothing is left, and the cursor is there.
  rm "$GATE"
  begins "allmcp status --live"
  until_seen 'slow-crm.* [1-9]\.[0-9] s'
  presses C-c
  ends 130
  shown >"$T/interrupted"
  holds "Ctrl-C leaves a clean screen" test "$(cat "$T/interrupted")" = '[exit 130]'
  holds "and the cursor" test "$(tmux -S "$SOCKET" display-message -p '#{cursor_flag}')" = 1
  touch "$GATE"

  # Calls are seen as they end.
  name=$([[ $columns == 60 ]] && echo bitrix24 || echo slow-crm)
  begins "allmcp logs -f --connection $name"
  until_seen 'no calls yet'
  allmcp call "$name" note id:=1 >/dev/null
  until_seen "✓ ok .*${name}__note"
  allmcp call "$name" leads_update id:=1 >/dev/null 2>&1 || true
  until_seen "✗ tool_error .*${name}__"
  allmcp call "$name" delete_everything id:=1 >/dev/null 2>&1 || true
  until_seen "✗ failed .*${name}__"
  until_seen 'page by page'
  presses C-c
  ends 130
  pictured "follow-$columns"
done

# Colours change nothing but colours, and are there only where they may be.
painted() { shown -e | grep -q "$(printf '\033')\[3[0-9]m$1"; }
unpainted() { ! shown -e | grep -q "$(printf '\033')\["; }
for columns in 60 120; do
  terminal "$columns" 24 ALLMCP_STORE=file
  runs 8 "allmcp status"
  pictured "status-$columns"
  for sign in ✓ '!' ✗; do holds "$sign has a colour" painted "$sign"; done
  runs 8 "allmcp status --color never"
  pictured "status-$columns"
  holds "--color never: none" unpainted
  runs 8 "NO_COLOR=1 allmcp status"
  holds "NO_COLOR: none" unpainted
  runs 8 "NO_COLOR=1 allmcp status --color always"
  holds "--color always wins over it" painted ✓
  runs 8 "TERM=dumb allmcp status"
  holds "TERM=dumb: none" unpainted
  runs 0 "CLICOLOR_FORCE=1 allmcp status | cat"
  holds "CLICOLOR_FORCE: in a pipe too" bash -c 'grep -q "$(printf "\033")" <<<"$0"' "$(shown -e)"
  runs 0 "allmcp connect $SHOP/slow-erp/mcp --name slow-erp"
  pictured "connect-after-$columns"
  holds "connect: its sign has a colour" painted ✓
  expect "disconnect it once more" 0 allmcp disconnect slow-erp --yes
  begins "allmcp logs -f --connection bitrix24"
  until_seen 'page by page'
  presses C-c
  ends 130
  for sign in ✓ ✗; do holds "logs -f: $sign has a colour" painted "$sign"; done
done

# Where the locale has no UTF-8, our signs are ASCII; a dumb terminal, an agent and CI get nothing drawn.
terminal 60 24 "$PLAIN" LC_ALL=C
runs 8 "allmcp status"
pictured status-ascii-60
rm "$GATE"
begins "allmcp sync"
until_seen '[|/\\-] slow-crm .* [1-9]\.[0-9] s'
touch "$GATE"
ends 8
shown >"$T/ascii"
holds "all of it is ASCII" bash -c '! LC_ALL=C grep -q "[^ -~]" "$0"' "$T/ascii"
for calm in TERM=dumb CI=1 CLAUDECODE=1; do
  rm "$GATE"
  begins "$calm script -qc 'allmcp status --live' '$T/typescript' | cat"
  # Others have answered; this one has not, and that is not told.
  sleep 1.5
  touch "$GATE"
  ends 0
  holds "$calm: nothing is drawn" bash -c '! grep -q "asking" "$0"' "$T/typescript"
done

# Thirty at once on a terminal of 24 rows, which becomes smaller meanwhile.
new_home many
config="$HOUSE/.config/allmcp/config.toml"
mkdir -p -m 700 "${config%/*}"
for n in {1..30}; do
  name="quick-$n"
  ((n <= 12)) || name="slow-$n"
  entry "$name" "$SHOP/$name/mcp"
done
for after in same smaller; do
  for command in status sync; do
    terminal 60 24 "$PLAIN"
    rm -f "$GATE"
    begins "allmcp $command $([[ $command == status ]] && echo --live)"
    until_seen '12 of 30 done, 8 more under way'
    until_seen 'slow-13 .* [1-9]\.[0-9] s'
    [[ $after == smaller ]] || pictured "many-$command-60" sort
    if [[ $after == smaller ]]; then
      tmux -S "$SOCKET" resize-window -x 38 -y 24
      COLUMNS_NOW=38
      until_seen 'slow-13 .*…'
    fi
    touch "$GATE"
    ends 0
    pictured "many-$command-after-$COLUMNS_NOW" sort
    shown >"$T/many"
    holds "$command: each of thirty is there once" bash -c '[[ $(grep -oE "(quick|slow)-[0-9]+ " "$0" | sort | uniq -c | grep -c "^ *1 ") == 30 ]]' "$T/many"
    holds "and nothing else" bash -c '! grep -qE "asking|done" "$0"' "$T/many"
  done
done

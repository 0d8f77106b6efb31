# Addresses that must not be reached, and credentials that must not travel. The addresses exist only here, on this
# namespace's loopback, and whoever comes is recorded: a failing guard sends nothing out of the machine.
config="$HOUSE/.config/allmcp/config.toml"
token=canary-token-16180
key=(--auth key --store file --token-stdin --json)

for address in 10.0.0.1 169.254.169.254; do
  ip address add "$address/32" dev lo
  start "at-$address" "$PY" "$HERE/python/recorder.py" "$address:80"
done
redirect=$(free_port)
start redirect "$PY" "$HERE/python/recorder.py" "127.0.0.1:$redirect" http://10.0.0.1/stolen
until_open "$redirect" redirect
other=$(free_port)
start other "$PY" "$HERE/python/recorder.py" "127.0.0.1:$other"
until_open "$other" other

came() { cat "$T"/at-*.log | wc -l; }
nobody_came() { test "$(came)" = 0; }
call_all() { allmcp call "$1" echo message=x --json; }

for address in 10.0.0.1 169.254.169.254; do
  expect "connect http://$address" 2 allmcp connect "http://$address/mcp" --name a --json
  says "says why" 'https'
  expect "with a key" 2 allmcp connect "http://$address/mcp" --name a "${key[@]}" <<<"$token"
  expect "bridge http://$address" 2 allmcp bridge "http://$address/mcp"
done
holds "nothing was saved" test ! -e "$config"
holds "nobody came" nobody_came

guarded "$token"
expect "connect with the key" 0 allmcp connect "$GUARDED" --name g "${key[@]}" <<<"$token"
expect "and call" 0 call_all g
cp "$config" "$T/good"
for url in "http://10.0.0.1/mcp" "http://127.0.0.1:$other/mcp" "http://127.0.0.1:$redirect/mcp"; do
  sed "s|^url = .*|url = \"$url\"|" "$T/good" >"$config"
  holds "the URL becomes $url" grep -qF "$url" "$config"
  call_all g >"$OUT" 2>"$ERR" && failed "a call through $url went well" "$OUT" || ok "a call fails"
done
holds "nobody came to a forbidden address" nobody_came
holds "the key went to no other server" test -z "$(grep -l "$token" "$T"/other.log "$T"/redirect.log)"
cp "$T/good" "$config"
expect "the old URL, the old key" 0 call_all g

expect "a redirect elsewhere is not followed" 1 allmcp connect "http://127.0.0.1:$redirect/mcp" --name r "${key[@]}" <<<"$token"
holds "nobody came through it" nobody_came
LIMIT=5 allmcp bridge "http://10.0.0.1/mcp" --allow-http >"$OUT" 2>"$ERR" < <(
  echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}'
  echo '{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
  sleep 2
) || true
holds "only --allow-http goes there, and is seen" test "$(came)" -gt 0

# Kommo's sign-in in Chromium, and the token endpoint of the stand-in (oauth/kommo.py) by another client of Kommo's, PyPI amocrm-api.
port=$(free_port) callback=$(free_port)
redirect="http://localhost:$callback/callback"
touch "$T/kommo.requests"
start kommo PYTHONDONTWRITEBYTECODE=1 "$PY" "$HERE/oauth/kommo.py" "$port" "$redirect" "$T/kommo.requests"
until_open "$port" kommo
kommo="http://127.0.0.1:$port"
# seen WHAT FILTER: about the array of what the stand-in was asked.
seen() { json "$1" "$2" <(jq -s . "$T/kommo.requests"); }

clean PYTHONDONTWRITEBYTECODE=1 "$PY" "$HERE/oauth/kommo_peer.py" "$kommo" "$redirect" >"$T/amocrm.out" 2>"$ERR" || failed "amocrm-api: the script" "$ERR"
cat "$T/amocrm.out"
holds "amocrm-api: there were results" grep -q "^ok " "$T/amocrm.out"
# What the other client sends is the measure of what we send.
jq -s 'map(select(.token and .status == 200)) | group_by(.grant) | map({(.[0].grant): .[0].keys}) | add' "$T/kommo.requests" >"$T/theirs"
: >"$T/kommo.requests"

wait_for() { local tries=600; until [[ -s $1 ]]; do ((tries-- > 0)) || return 1; sleep 0.1; done; }
cat >"$T/browser" <<END
#!/bin/bash
exec setsid bash -c 'echo \$\$ >"$PIDS/browser-\$\$"; exec env PEERS="$PEERS" CHROMIUM="$CHROMIUM" HOME="$T/chromium" TMPDIR="$T/tmp" "$NODE" "$HERE/oauth/chromium.mjs" "$T/report" "\$1"' bash "\$1" >>"$T/chromium.log" 2>&1
END
chmod +x "$T/browser"
mkdir "$T/chromium"
CLEAN+=(BROWSER="$T/browser")
echo interop-secret-canary >"$T/client-secret"
connect() {
  clean "$ALLMCP" connect kommo --auth oauth --param subdomain=acme --base-url "$kommo" --client-id b9f6c2a0-0000-4000-8000-000000000002 \
    --client-secret-stdin --callback-port "$callback" --store file --json "$@" <"$T/client-secret"
}
LIMIT=120 expect "connect kommo" 0 connect
json "tells the URL, then that it is connected" 'map(.event) == ["authorization_required", "connected"] and .[1].tools > 20'
holds "Chromium came to our page" wait_for "$T/report.json"
json "which says so" '.ok and .status == 200 and .heading == "kommo is connected"' "$T/report.json"
json "and asks for nothing else" '.fetched == 0 and .problems == []' "$T/report.json"
seen "one consent, in the window itself" 'map(select(.path == "/oauth")) | length == 1 and .[0].mode == ["post_message"]'
seen "one exchange, taken at once" 'map(select(.token)) | length == 1 and .[0].status == 200 and .[0].grant == "authorization_code"'
# theirs GRANT: all that the other client sends for it is in ours.
theirs() { jq -se --slurpfile theirs "$T/theirs" --arg grant "$1" 'map(select(.grant == $grant)) | last | ($theirs[0][$grant] - .keys) == []' "$T/kommo.requests"; }
holds "with all that the other client sends" theirs authorization_code

expect "call" 0 allmcp call kommo__leads_list limit:=3 --json
json "gives the leads and a cursor" '.result.structuredContent | (.items | map(.id)) == [1, 2, 3] and .next_cursor'
expect "nothing is an empty list" 0 allmcp call kommo__leads_list query=nobody --json
json "and no error" '.result.structuredContent == {items: []}'
holds "the access token ends" clean "$PY" -c "import urllib.request as u; u.urlopen('$kommo/end-access').read()"
expect "and is renewed" 0 allmcp call kommo__account_get --json
seen "once" 'map(select(.grant == "refresh_token")) | length == 1 and .[0].status == 200'
holds "with all that the other client sends" theirs refresh_token
store="$HOUSE/.local/share/allmcp/secrets.json"
holds "only the store has the secrets" test "$(grep -rl canary "$HOUSE" "$OUT" "$ERR")" = "$store"
# More tools than are listed by default; the Inspector calls only what is listed.
LIMIT=60 expect "the Inspector calls it" 0 clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" serve --method tools/call --tool-name call_tool --tool-arg name=kommo__account_get
json "through serve" '.structuredContent.item.name == "Acme Sales"'
expect "disconnect" 0 allmcp disconnect kommo --yes
holds "nothing of it is left" test -z "$(grep -rl canary "$HOUSE")"

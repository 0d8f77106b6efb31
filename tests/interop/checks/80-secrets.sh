# Where a key is kept: a file that says what it is, and a real Secret Service. The upstream really wants the key.
token=canary-token-14142
guarded "$token"

expect "a key in the file store" 0 allmcp connect "$GUARDED" --name filed --auth key --store file --token-stdin --json <<<"$token"
expect "is used" 0 allmcp call filed__echo message=hi --json
json "in a call" '.result.content[0].text == "Echo: hi"'
expect "list" 0 allmcp list --json
json "says where it is" '.connections[0].credential == {"store": "file", "account": "filed"}'
expect "inspect" 0 allmcp inspect filed --json
holds "only the store's own file holds it" test "$(grep -rlF "$token" "$HOUSE" "$T/stdout" "$T/stderr")" = "$HOUSE/.local/share/allmcp/secrets.json"
holds "which is for us alone" test "$(stat -c %a "$HOUSE/.local/share/allmcp/secrets.json")" = 600
expect "disconnect" 0 allmcp disconnect filed --yes --json
holds "removes it" test -z "$(grep -rlF "$token" "$HOUSE")"

new_home keyring
# Prints its own ok and FAILED lines.
LIMIT=240 clean ALLMCP_BIN="$ALLMCP" ALLMCP_TEST_UPSTREAM="$GUARDED" ALLMCP_TEST_TOKEN="$token" \
  bash "$HERE/secret_service/run.sh" 2>"$ERR" || failed "the Secret Service scenarios" "$ERR"

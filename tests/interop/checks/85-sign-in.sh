# Signing in for real: npm's oidc-provider in front of npm's MCP server, its login and consent clicked in Chromium.
# Access tokens last a few seconds, refresh tokens rotate, and one that comes twice ends the session.
life=15
everything
start provider PEERS="$PEERS" ACCESS_TTL="$life" "$NODE" "$HERE/oauth/provider.mjs" "$EVERYTHING" "$T/as.log"
wait_for() { # FILE: not empty, within a minute
  local tries=600
  until [[ -s $1 ]]; do ((tries-- > 0)) || return 1; sleep 0.1; done
}
ready() { local tries=300; until grep -q '"mcp"' "$T/provider.log"; do ((tries-- > 0)) || return 1; sleep 0.1; done; }
holds "the authorization server is there" ready
url=$(grep -m 1 '"mcp"' "$T/provider.log" | jq -r .mcp)
touch "$T/as.log"

# as WHAT FILTER: about the array of what the authorization server has answered.
as() { json "$1" "$2" <(jq -s . "$T/as.log"); }
refreshes() { jq -s 'map(select(.grant_type == "refresh_token" and .status == 200)) | length' "$T/as.log"; }

# BROWSER: in a process group that ends with the check, however the browser does.
cat >"$T/browser" <<END
#!/bin/bash
exec setsid bash -c 'echo \$\$ >"$PIDS/browser-\$\$"; exec env PEERS="$PEERS" CHROMIUM="$CHROMIUM" HOME="$T/chromium" TMPDIR="$T/tmp" "$NODE" "$HERE/oauth/chromium.mjs" "$T/report" "\$1"' bash "\$1" >>"$T/chromium.log" 2>&1
END
chmod +x "$T/browser"
mkdir "$T/chromium"
CLEAN+=(BROWSER="$T/browser")
tabs() { wc -l <"$T/report.tabs"; }

LIMIT=120 expect "connect" 0 allmcp connect "$url" --name real --store file --json
json "tells the URL, then that it is connected" 'map(.event) == ["authorization_required", "connected"] and .[1].tools > 8'
holds "Chromium came to our page" wait_for "$T/report.json"
json "which says so" '.ok and .status == 200 and .heading == "real is connected"' "$T/report.json"
json "has no script, frame, link or image" '.scripts == 0' "$T/report.json"
json "asks for nothing else, here or outside" '.fetched == 0 and (.afterCallback | length == 1)' "$T/report.json"
json "forbids it, too" '.headers["content-security-policy"] | startswith("default-src '"'none'"'")' "$T/report.json"
json "gives the browser nothing to complain of" '.problems == []' "$T/report.json"
json "is light and dark, and fits a small screen" '.light != .dark and (.overflow or .narrowOverflow | not)' "$T/report.json"

as "one registration, of a native public client" 'map(select(.route == "registration")) | length == 1 and
  (.[0] | .status == 201 and .application_type == "native" and .token_endpoint_auth_method == "none" and (.grant_types | index("refresh_token")))'
as "PKCE, state, resource, offline_access with consent" "map(select(.route == \"authorization\")) | length == 1 and
  (.[0] | .code_challenge_method == \"S256\" and .state and .resource == \"$url\" and .scope == \"mcp:tools offline_access\" and .prompt == \"consent\")"
as "the answer has the issuer" 'any(.code and .iss)'
as "the code is traded for the resource" "any(.grant_type == \"authorization_code\" and .status == 200 and .resource == \"$url\")"

expect "call" 0 allmcp call real__echo message=hi --json
json "is let in" '.result.content[0].text == "Echo: hi"'
store="$HOUSE/.local/share/allmcp/secrets.json"
stored() { jq -r ".items.real | fromjson | .oauth.grant.$1" "$store"; }
holds "only the store's own file has the tokens" test "$(grep -rlF -e "$(stored access_token)" -e "$(stored refresh_token)" "$HOUSE" "$OUT" "$ERR")" = "$store"

sleep $((life + 1))
before=$(refreshes)
expect "the access token has ended: call" 0 allmcp call real__echo message=again --json
holds "one renewal" test "$(refreshes)" = $((before + 1))
as "for the resource, without a scope" "map(select(.grant_type == \"refresh_token\")) | all(.resource == \"$url\" and .scope == null)"

sleep $((life + 1))
before=$(refreshes)
five() {
  local waiting=() one code=0
  for one in 1 2 3 4 5; do
    allmcp call real__echo message="$one" >"$T/five-$one" 2>&1 & waiting+=($!)
  done
  for one in "${waiting[@]}"; do wait "$one" || code=1; done
  cat "$T"/five-*
  return "$code"
}
holds "it has ended again: five calls at once" five
holds "one renewal for all" test "$(refreshes)" = $((before + 1))

for mode in auto legacy; do drive same "$mode" "$EVERYTHING" real__ -- "$ALLMCP" serve; done
expect "serve behind the inspector" 0 clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" serve --method tools/call --tool-name real__echo --tool-arg message=hi
json "is let in, too" '.content[0].text == "Echo: hi"'
holds "all that with one tab" test "$(tabs)" = 1
as "and one consent, no refusal" 'map(select(.code)) | length == 1'
as "no token was refused" 'map(select(.route == "token")) | all(.status == 200)'

# With a token as any program would bring it: the server's own status.
status() { clean "$NODE" -e 'fetch(process.argv[1], { method: "POST", headers: { authorization: `Bearer ${process.argv[2]}` } }).then((answer) => console.log(answer.status))' "$url" "$1"; }
expect "call" 0 allmcp call real__echo message=last
token=$(stored access_token)
holds "the token is good" test "$(status "$token")" != 401
expect "disconnect --yes" 0 allmcp disconnect real --yes --json
json "says that the tokens are revoked" '.removed and .credential_deleted and .revoked'
as "the server was told (RFC 7009)" 'any(.route == "revocation" and .status == 200)'
holds "and lets the token in no more" test "$(status "$token")" = 401
holds "nothing of it is left" test -z "$(grep -rlF "$token" "$HOUSE")"

new_home keychain
rm -f "$T/report".*
# Prints its own ok and FAILED lines.
LIMIT=240 clean ALLMCP_BIN="$ALLMCP" SIGN_IN_URL="$url" ACCESS_LIFE="$life" bash "$HERE/secret_service/sign_in.sh" 2>"$ERR" ||
  failed "the sign-in in a keychain" "$ERR"

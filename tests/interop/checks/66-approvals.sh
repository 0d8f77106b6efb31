# The user is asked before a call: by a form of the Python SDK's client in both eras, and on our page in Chromium where a client has none.
everything
connected real
expect "a rule for one tool" 0 allmcp config set connections.real.policy.tools.echo ask
tool=real__echo

approvals() {
  LIMIT=240 clean PYTHONDONTWRITEBYTECODE=1 "$PY" "$HERE/python/approvals.py" "$@" -- "$ALLMCP" serve 2>"$ERR" ||
    failed "the Python client's script (approvals.py $1)" "$ERR"
}
for mode in auto legacy; do approvals forms "$mode" "$tool"; done

mkdir "$T/chromium" "$T/pages"
cat >"$T/browse" <<END
#!/bin/bash
exec env PEERS="$PEERS" CHROMIUM="$CHROMIUM" HOME="$T/chromium" TMPDIR="$T/tmp" "$NODE" "$HERE/oauth/approve.mjs" "\$@"
END
chmod +x "$T/browse"
approvals page "$tool" "$T/browse" "$T/pages"
seen() { json "the page: $1" "$3" "$T/pages/$2.json"; }
seen "asks what, where and with what" approve '.ok and .status == 200 and .before.heading == "Call echo of real?" and .before.buttons == ["Approve", "Refuse"] and
  (.before.text | contains("127.0.0.1") and contains("somebody@example.org"))'
seen "is not spent by a look" approve '.reloaded == .before.heading'
seen "says that it is approved" approve '.after.status == 200 and .after.heading == "Approved" and .afterReload == "Approved"'
seen "has no script and fetches nothing" approve '.before.scripts == 0 and .before.fetched == 0 and .problems == []'
seen "is light and dark, and fits 360 pixels" approve '.dark != .before.background and (.before.overflow or .narrowOverflow | not)'
seen "says that it was used" used '.status == 410 and (.before.heading | test("has been used")) and .before.buttons == []'
seen "says that it is refused" refuse '.after.heading == "Refused" and .back != "Call echo of real?"'
seen "shows a long call in short" long '(.before.text | length) < 3000 and (.before.text | contains("more bytes") and contains("somebody@example.org")) and (.narrowOverflow | not)'

expect "with a short life" 0 allmcp config set settings.approval_life 1s
approvals expired "$tool" "$T/browse" "$T/pages"
seen "says that it has expired" expired '.status == 410 and (.before.heading | test("has expired")) and .before.buttons == []'

expect "the log" 0 allmcp logs --json
json "has one line a call, and who answered" 'map(.decision) | sort == (["approved", "approved", "approved", "asked", "asked", "asked", "asked", "asked",
  "dismissed", "dismissed", "refused", "refused", "refused"])'
json "nothing that was not approved was sent" 'map(select(.outcome == "ok") | .decision) | unique == ["approved"]'
holds "arguments are kept nowhere" test -z "$(grep -rl somebody@example.org "$HOUSE")"

# The page behind connect_url in Chromium: a key entered, a wrong one explained, a link used twice, one that has expired; no secret in the
# page's address, title or history. Pictures of every page are kept with ALLMCP_INTEROP_KEEP=1.
mkdir -p "$T/chromium"
home="$HOUSE/allmcp"
page() {
  LIMIT=120 clean PEERS="$PEERS" CHROMIUM="$CHROMIUM" TMPDIR="$T/tmp" ALLMCP_HOME="$home" ALLMCP_STORE=file \
    "$NODE" "$HERE/page/connect.mjs" "$T/pages" -- "$ALLMCP"
}
page >"$T/page.out" 2>"$ERR" || failed "the script (page/connect.mjs)" "$T/page.out" "$ERR"
cat "$T/page.out"
holds "there were results" grep -q "^ok " "$T/page.out"
holds "every page has its pictures" test "$(find "$T/pages" -name '*.png' | wc -l)" = 28
holds "no key is left but in the pictures" test -z "$(grep -rl canary "$home" "$T/page.out" "$ERR")"

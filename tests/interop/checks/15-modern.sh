# The same against the Python SDK's own server, which speaks the newest revision over HTTP.
guarded ""
expect "connect" 0 allmcp connect "$GUARDED" --name py --json
for mode in auto legacy; do
  drive same "$mode" "$GUARDED" py__ -- "$ALLMCP" serve
done
expect "status" 0 allmcp status py --json
json "the server's era was found" '.connections[0].health.era == "modern"'

# The first command of the README, where nothing is: loopback only, no D-Bus, a home that cannot be written.
mount -t tmpfs -o ro,mode=555 none "$HOUSE"
holds "the home is read-only" bash -c "! touch '$HOUSE/x' 2>/dev/null"
expect "demo" 0 allmcp demo
for word in initialize tools/list tools/call; do says "shows $word" "$word" "$OUT"; done
expect "demo --serve behind the inspector" 0 clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" demo --serve --method tools/list
json "lists tools" '.tools | length > 0'

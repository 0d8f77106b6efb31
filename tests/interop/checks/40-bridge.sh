# One remote server through `bridge`: no entry anywhere, every name as it is.
everything
for mode in auto legacy; do
  drive same "$mode" "$EVERYTHING" "" -- "$ALLMCP" bridge "$EVERYTHING"
done
expect "inspector lists" 0 clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" bridge "$EVERYTHING" --method tools/list
clean "$NODE" "$INSPECTOR" --cli "$EVERYTHING" --transport http --method tools/list >"$T/direct" 2>"$ERR"
json "exactly what the server itself lists" '.[0].tools == .[1].tools' <(cat "$OUT" "$T/direct")
expect "ends with its input" 0 allmcp bridge "$EVERYTHING"
holds "no configuration was written" test ! -e "$HOUSE/.config/allmcp/config.toml"

guarded bridge-token-27182
expect "--header brings a token from the environment" 0 clean BRIDGE_TOKEN=bridge-token-27182 "$NODE" "$INSPECTOR" \
  --cli "$ALLMCP" bridge "$GUARDED" --header 'Authorization: Bearer ${BRIDGE_TOKEN}' \
  -e BRIDGE_TOKEN=bridge-token-27182 --method tools/call --tool-name echo --tool-arg message=hi
json "and is let in" '.content[0].text == "Echo: hi"'

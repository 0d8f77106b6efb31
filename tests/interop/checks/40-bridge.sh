# One remote server through `bridge`: no entry anywhere, every name as it is.
everything
for mode in auto legacy; do
  drive same "$mode" "$EVERYTHING" "" -- "$ALLMCP" bridge "$EVERYTHING"
done
expect "inspector lists" 0 clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" bridge "$EVERYTHING" --method tools/list
clean "$NODE" "$INSPECTOR" --cli "$EVERYTHING" --transport http --method tools/list >"$T/direct" 2>"$ERR"
# The server keeps one tool for clients that offer their roots, as the inspector does and we do not.
json "exactly what the server itself lists" '.[0].tools == (.[1].tools | map(select(.name != "get-roots-list")))' <(cat "$OUT" "$T/direct")
expect "ends with its input" 0 allmcp bridge "$EVERYTHING"
holds "no configuration was written" test ! -e "$HOUSE/.config/allmcp/config.toml"

guarded bridge-token-27182
# The inspector has a --header of its own, so ours is given by a script.
printf '#!/bin/sh\nexport BRIDGE_TOKEN=bridge-token-27182\nexec %q bridge %q --header %q\n' \
  "$ALLMCP" "$GUARDED" 'Authorization: Bearer ${BRIDGE_TOKEN}' >"$T/bridge-with-token"
chmod +x "$T/bridge-with-token"
expect "--header brings a token from the environment" 0 clean "$NODE" "$INSPECTOR" \
  --cli "$T/bridge-with-token" --method tools/call --tool-name echo --tool-arg message=hi
json "and is let in" '.content[0].text == "Echo: hi"'

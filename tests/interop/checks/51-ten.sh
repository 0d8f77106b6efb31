# Ten connections managed by a shell script, by --json, jq and exit codes only: as scripts run usually, with an empty
# environment, and in a session without a terminal whose stdin nobody ever writes to or that has none at all.
everything
guarded ten-key-canary
dead="http://127.0.0.1:$(free_port)/mcp"
mkfifo "$T/silent"
exec 8<>"$T/silent"

# ten NAME COMMAND…: runs the script by that command, in a home of its own.
ten() {
  local name=$1
  shift
  new_home "$name"
  expect "$name: keys are kept in a file" 0 allmcp config set settings.store file
  expect "$name: the script ends well" 0 timeout --kill-after=5 120 "$@"
  holds "$name: and went all the way" grep -qx "nothing is left" "$OUT"
  holds "$name: the key is nowhere" test -z "$(grep -rl ten-key-canary "$HOUSE" "$OUT" "$ERR")"
}
told() { echo "ALLMCP=$ALLMCP" "OPEN=$EVERYTHING" "GUARDED=$GUARDED" "KEY=ten-key-canary" "DEAD=$dead" "PATH=$PATH" "HOME=$HOUSE"; }
script="$HERE/scripts/ten.sh"

HOUSE="$T/home-usual"
# shellcheck disable=SC2046
ten usual env "${CLEAN[@]}" $(told) TERM=xterm-256color LANG=C.UTF-8 EDITOR=false sh "$script" </dev/null
HOUSE="$T/home-empty"
# shellcheck disable=SC2046
ten empty env -i $(told) sh "$script" </dev/null
HOUSE="$T/home-silent"
# shellcheck disable=SC2046
ten silent setsid --wait env -i $(told) sh "$script" <&8
HOUSE="$T/home-closed"
# shellcheck disable=SC2046
ten closed setsid --wait env -i $(told) sh "$script" <&-
exec 8>&-

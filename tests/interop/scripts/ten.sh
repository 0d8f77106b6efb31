#!/bin/sh
# Ten connections, managed as a user's script would: nothing but --json, jq and exit codes is looked at.
# $ALLMCP is the program, $OPEN and $GUARDED are two servers, $KEY is the key of the second, $DEAD is nobody's address.
# Prints a word for each step that went well; ends with 1 and says on stderr what did not.
set -u

fail() { echo "$*" >&2; exit 1; }
# ends CODE WHAT COMMAND…: stdout is in $said afterwards, the error (one JSON line) in $why.
ends() {
  want=$1 what=$2
  shift 2
  said=$("$ALLMCP" "$@" 2>"$TMP/why")
  got=$?
  why=$(cat "$TMP/why")
  [ "$got" = "$want" ] || fail "$what: exit $got instead of $want: $said $why"
  echo "$what"
}
is() { printf '%s' "$said" | jq -e "$1" >/dev/null || fail "not $1: $said"; }
because() { printf '%s' "$why" | jq -e "$1" >/dev/null || fail "not $1: $why"; }

TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT

# Eight of the open server, two of the guarded one.
for name in a b c d e f g h; do
  "$ALLMCP" connect "$OPEN" --name "$name" --json >"$TMP/said" 2>"$TMP/why" || fail "connect $name: $(cat "$TMP/why")"
done
for name in i j; do
  printf '%s\n' "$KEY" | "$ALLMCP" connect "$GUARDED" --name "$name" --auth key --token-stdin --json >"$TMP/said" 2>"$TMP/why" ||
    fail "connect $name: $(cat "$TMP/why")"
done
ends 0 "ten are there" list --json
is '[.connections[].name] == ["a","b","c","d","e","f","g","h","i","j"]'
ends 0 "all are well" status --live --json
is '.connections | all(.status == "connected" and .tools > 0)'

# Again is nothing new; the same name for something else is refused.
ends 0 "connect once more" connect "$OPEN" --name a --json
ends 2 "a taken name" connect "$DEAD" --name a --json
because '.schema == "allmcp.error/1" and .kind == "usage" and (.hint | contains("--force"))'
ends 2 "a key is missing" connect "$GUARDED" --name k --auth key --json
because '.exit == 2 and (.hint | contains("--token-stdin"))'
printf 'wrong' >"$TMP/key"
ends 4 "a wrong key" reconnect i --token-file "$TMP/key" --json
because '.kind == "needs_auth" and .connection == "i"'
ends 0 "the old one still works" call i echo message=still --json
is '.result.content[0].text == "Echo: still"'

# Calls: text and JSON arguments, a name that is nearly right, a tool that fails.
ends 0 "call one" call a__echo message=hello --json
is '.connection == "a" and (.result.content[0].text | contains("hello"))'
for name in b c d; do
  ends 0 "call $name" call "$name" get-sum a:=20 b:=22 --json
  is '.result.content[0].text | contains("42")'
done
ends 2 "a tool that is not there" call a__ecko message=x --json
because '.kind == "not_found" and (.hint | contains("a__echo"))'
ends 6 "a tool that fails" call a echo message:=7 --json
is '.result.isError'
because '.kind == "tool_error"'

# Some are switched off, some tools are hidden.
for name in g h; do ends 0 "disable $name" disable "$name" --json; done
ends 9 "a call of one that is off" call g echo message=x --json
because '.kind == "denied" and (.hint | contains("allmcp enable g"))'
ends 0 "status with two off" status --json
is '[.connections[] | select(.status == "disabled") | .name] == ["g", "h"]'
ends 0 "hide tools" tools disable b 'get-*' --json
ends 0 "what is left" tools b --json
is '[.tools[] | select(.enabled and (.upstream_name | startswith("get-")))] == [] and any(.tools[]; .enabled)'
ends 9 "a call of a hidden one" call b get-sum a:=1 b:=1 --json

# One goes bad: the whole says 8, the one itself 5.
ends 0 "one moves away" config set connections.c.url "$DEAD" --json
ends 8 "status of all" status --live --json
is '[.connections[] | select(.status == "error") | .name] == ["c"]'
ends 5 "status of the one" status c --live --json
because '.kind == "unreachable" and .connection == "c"'

# The log and its sums have all of it.
ends 0 "usage" usage --json
is '.calls >= 8 and .failures >= 1'
"$ALLMCP" logs --failed --json | jq -es 'length >= 2 and all(.outcome != "ok")' >/dev/null || fail "logs --failed"

# Everything that is not well goes, then the rest.
ends 8 "once more" status --json
for name in $(printf '%s' "$said" | jq -r '.connections[] | select(.status != "connected") | .name'); do
  ends 2 "disconnect $name wants an answer" disconnect "$name" --json
  because '.hint | contains("--yes")'
  ends 0 "disconnect $name" disconnect "$name" --yes --json
done
ends 0 "the others are well" status --json
is '[.connections[].name] == ["a","b","d","e","f","i","j"]'
for name in $(printf '%s' "$said" | jq -r '.connections[].name'); do
  ends 0 "disconnect $name" disconnect "$name" --yes --json
done
ends 0 "nothing is left" list --json
is '.connections == []'

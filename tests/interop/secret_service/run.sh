#!/usr/bin/env bash
# Drives allmcp against a real Secret Service (gnome-keyring on a bus of its own) and against what
# may stand in its place: a locked one, one that hangs, none.
#
#   ALLMCP_BIN            the binary
#   ALLMCP_TEST_UPSTREAM  URL of an MCP server that wants "Authorization: Bearer $ALLMCP_TEST_TOKEN"
#   ALLMCP_TEST_TOKEN     that token
#   ALLMCP_TEST_TOOL      a tool of that server (default: echo)
#   ALLMCP_TEST_ARGS      its arguments as JSON (default: {"message": "hi"})
#
# Prints one line a scenario; exits with 1 when one of them failed. Touches nothing outside a
# temporary home.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tool=${ALLMCP_TEST_TOOL:-echo}
args=${ALLMCP_TEST_ARGS:-'{"message": "hi"}'}
password=keyring-password
limit_ms=4000
source "$here/keyring.sh"

need() {
    local missing=()
    command -v dbus-run-session >/dev/null || missing+=(dbus)
    command -v gnome-keyring-daemon >/dev/null || missing+=(gnome-keyring)
    command -v secret-tool >/dev/null || missing+=(libsecret-tools)
    command -v gdbus >/dev/null || missing+=(libglib2.0-bin)
    /usr/bin/python3 -c 'import dbus' 2>/dev/null || missing+=(python3-dbus)
    [ ${#missing[@]} -eq 0 ] && return
    echo "installing ${missing[*]}" >&2
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >&2 ||
        { echo "FAILED install: ${missing[*]}"; exit 1; }
}

# --- inside a bus ------------------------------------------------------------------------------

pids=()
failed=0
problem=

cleanup() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    pids=()
}

# What a desktop client passes on, and the address of the bus.
allmcp() {
    timeout -k 1 20 env -i HOME="$HOME" PATH=/usr/bin:/bin USER=tester TERM=dumb \
        DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" "$ALLMCP_BIN" "$@"
}

# Remembers the first thing that went wrong in this scenario.
wrong() { [ -n "$problem" ] || problem=$1; }

# expect CODE COMMAND…: runs it; its exit code must be CODE, and it must end in time. Standard
# input is passed on; stdout and stderr are left in $work/out and $work/err.
expect() {
    local want=$1 begun=${EPOCHREALTIME/./} code took
    shift
    "$@" >"$work/out" 2>"$work/err"
    code=$?
    took=$(((${EPOCHREALTIME/./} - begun) / 1000))
    [ "$code" -eq "$want" ] || wrong "$*: exit $code instead of $want: $(tail -n 3 "$work/err")"
    [ "$took" -le "$limit_ms" ] || wrong "$*: took $took ms"
    ! grep -qF -e "$ALLMCP_TEST_TOKEN" "$work/out" "$work/err" || wrong "$*: prints the token"
}

# said TEXT out|err: without white space, since JSON may be written with it or not.
said() {
    tr -d ' \n' <"$work/$2" | grep -qF -e "$1" || wrong "no \"$1\" on std$2: $(head -c 300 "$work/$2")"
}
in_config() { grep -q -F "[connections.$1]" "$HOME/.config/allmcp/config.toml" 2>/dev/null; }
has_item() { secret-tool lookup service allmcp username "$1" 2>/dev/null | grep -qF "$ALLMCP_TEST_TOKEN"; }

connect() {
    expect "$1" allmcp connect "$ALLMCP_TEST_UPSTREAM" --name "$2" --token-stdin --json \
        <<<"$ALLMCP_TEST_TOKEN"
}

# No command may do what it cannot: the same for every store that does not work.
refuses_without_store() {
    expect 7 allmcp call x "$tool" --args "$args" --json
    said '"kind":"store"' err
    expect 7 allmcp call x "$tool" --args "$args"
    said "$1" err
    connect_refused
    expect 7 allmcp disconnect x --yes
    in_config x || wrong "disconnect removed the entry of a credential that it could not remove"
    expect 0 allmcp list --json
    said '"name":"x"' out
}

connect_refused() {
    connect 7 y
    in_config y && wrong "a connection without its credential was saved"
    [ -z "$(find "$HOME" -name 'secrets.json' -print -quit)" ] || wrong "fell back to a file"
}

scenario() {
    problem=
    "scenario_$1"
    if [ -z "$problem" ]; then
        echo "ok $1"
    else
        echo "FAILED $1: $problem"
        failed=1
    fi
}

scenario_set() {
    start_keyring
    connect 0 x
    said '"event":"connected"' out
    has_item x || wrong "the keyring has no item with the token"
    in_config x || wrong "the configuration has no entry"
    ! grep -rqF -e "$ALLMCP_TEST_TOKEN" "$HOME" || wrong "the token stands in a file of the home"
}

scenario_used() {
    expect 0 allmcp call x "$tool" --args "$args" --json
    said '"result":' out
    expect 0 allmcp list --json
    said '"store":"keychain"' out
}

scenario_locked() {
    eval "$lock_command"
    locked true || wrong "the harness could not lock the keyring"
    refuses_without_store unlock
    eval "$unlock_command"
    locked false || wrong "the harness could not unlock the keyring"
    expect 0 allmcp call x "$tool" --args "$args"
}

scenario_served() {
    expect_long 0 timeout -k 1 60 /usr/bin/python3 "$here/serve_client.py" "x__$tool" "$args" \
        "$lock_command" "$unlock_command" -- \
        env -i HOME="$HOME" PATH=/usr/bin:/bin \
        DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" "$ALLMCP_BIN" serve
}
expect_long() { local limit_ms=60000; expect "$@"; }

scenario_removed() {
    expect 0 allmcp disconnect x --yes
    has_item x && wrong "the item is still in the keyring"
    in_config x && wrong "the entry is still in the configuration"
    expect 2 allmcp call x "$tool" --args "$args"
    expect 0 allmcp disconnect x --yes
    # The next scenarios need one again.
    connect 0 x
}

scenario_hung() {
    coproc hung { exec /usr/bin/python3 "$here/hung_owner.py"; }
    pids+=("$hung_PID")
    local ready
    read -r -t 10 -u "${hung[0]}" ready || wrong "the harness could not own the name"
    refuses_without_store unlock
}

scenario_absent() { refuses_without_store keychain; }

scenario_no_bus() {
    export DBUS_SESSION_BUS_ADDRESS="unix:path=$work/no-such-bus"
    refuses_without_store keychain
}

scenario_back() {
    start_keyring
    expect 0 allmcp call x "$tool" --args "$args"
}

if [ "${1:-}" = inside ]; then
    trap cleanup EXIT
    shift
    for name in "$@"; do
        scenario "$name"
    done
    exit "$failed"
fi

# --- outside -----------------------------------------------------------------------------------

: "${ALLMCP_BIN:?}" "${ALLMCP_TEST_UPSTREAM:?}" "${ALLMCP_TEST_TOKEN:?}"
need
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work ALLMCP_BIN ALLMCP_TEST_UPSTREAM ALLMCP_TEST_TOKEN
export HOME=$work/home XDG_RUNTIME_DIR=$work/run
unset DISPLAY WAYLAND_DISPLAY XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"

code=0
# One bus each: the same home goes from a working keyring to none, and back.
for scenarios in "set used locked served removed" hung absent no_bus back; do
    # shellcheck disable=SC2086  # the names are words
    dbus-run-session --config-file="$here/bus.conf" -- \
        bash "${BASH_SOURCE[0]}" inside $scenarios 2>"$work/noise" || {
        code=1
        grep -v -e '^dbus-daemon' "$work/noise" >&2
    }
done
exit "$code"

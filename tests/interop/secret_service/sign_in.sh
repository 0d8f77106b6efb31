#!/usr/bin/env bash
# A sign-in whose tokens are in a real Secret Service, which is locked in the middle of it.
#
#   ALLMCP_BIN  the binary           SIGN_IN_URL  an MCP server that wants a sign-in
#   BROWSER     signs in             ACCESS_LIFE  the seconds that an access token lasts
#
# Prints one line a check. Touches nothing outside HOME, and must be alone there.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
password=keyring-password
pids=()

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export work XDG_RUNTIME_DIR=$work/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    dbus-run-session --config-file="$here/bus.conf" -- bash "${BASH_SOURCE[0]}" inside
    exit
fi

end_keyring() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
}
trap end_keyring EXIT
wrong() { echo "FAILED $1"; }
source "$here/keyring.sh"

# check WHAT COMMAND…
check() {
    local what=$1
    shift
    if "$@" >"$work/out" 2>"$work/err"; then
        echo "ok $what"
    else
        wrong "$what: $(tail -n 3 "$work/err" "$work/out" | tr '\n' ' ' | cut -c1-600)"
    fi
}

allmcp() {
    timeout -k 1 90 env -i HOME="$HOME" PATH=/usr/bin:/bin BROWSER="$BROWSER" \
        DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" "$ALLMCP_BIN" "$@"
}
item() { secret-tool lookup service allmcp username kept 2>/dev/null; }
# The item is JSON in which the tokens stand as they are, and nothing in the home has them.
readable() { item | jq -e '.oauth.grant | .access_token and .refresh_token and .generation'; }
nowhere_else() { ! grep -rqF -e "$(item | jq -r .oauth.grant.access_token)" -e "$(item | jq -r .oauth.grant.refresh_token)" "$HOME"; }

start_keyring
check "connect, tokens in the keychain" allmcp connect "$SIGN_IN_URL" --name kept --json
check "the keychain has them as JSON" readable
check "and no file of the home" nowhere_else
check "call" allmcp call kept__echo message=hi
check "locked between sign-in and renewal: memory goes on, then it says unlock, then the same call works" \
    timeout -k 1 120 env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/sign_in_client.py" kept__echo '{"message": "hi"}' "$ACCESS_LIFE" "$lock_command" "$unlock_command" -- \
    env -i HOME="$HOME" PATH=/usr/bin:/bin DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" "$ALLMCP_BIN" serve
check "disconnect" allmcp disconnect kept --yes
check "leaves no item" test -z "$(item)"

# gnome-keyring on the session bus that is there: started, locked and unlocked by hand. Sourced, with `here`, `work`, `password`, `pids` and
# `wrong` set.

start_keyring() {
    printf '%s' "$password" |
        exec gnome-keyring-daemon --foreground --unlock --components=secrets >"$work/keyring.log" 2>&1 &
    pids+=($!)
    local try
    for try in $(seq 100); do
        locked false && return
        sleep 0.05
    done
    wrong "gnome-keyring did not start: $(tail -n 3 "$work/keyring.log")"
}

service() {
    gdbus call --session --timeout 5 --dest org.freedesktop.secrets --object-path "$@" 2>/dev/null
}
login=/org/freedesktop/secrets/collection/login
locked() {
    service "$login" --method org.freedesktop.DBus.Properties.Get \
        org.freedesktop.Secret.Collection Locked | grep -q "<$1>"
}
lock_command="gdbus call --session --dest org.freedesktop.secrets --object-path /org/freedesktop/secrets \
    --method org.freedesktop.Secret.Service.Lock \"[objectpath '$login']\" >/dev/null"
unlock_command="/usr/bin/python3 '$here/unlock.py' $password"

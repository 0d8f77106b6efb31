# A terminal of any size in tmux, and what it shows. Sourced by the checks that look at one.

# terminal COLUMNS ROWS [NAME=value…]: a new one, in it a shell with this home; the former one ends.
terminal() {
  close_terminal
  SOCKET="$T/tmux-$((++TERMINALS))" COLUMNS_NOW=$1
  local columns=$1 rows=$2
  shift 2
  # The shell is bash for what it prints at the end of a command, and reads no file of anybody's.
  env -i "${CLEAN[@]}" HOME="$HOUSE" tmux -u -S "$SOCKET" -f /dev/null new-session -d -x "$columns" -y "$rows" \
    "exec env -i PATH='${ALLMCP%/*}:/usr/bin:/bin' HOME='$HOUSE' LANG=C.UTF-8 TERM=screen-256color HISTFILE= PS1='\$ ' $* bash --norc --noprofile"
  until seen 2>/dev/null | grep -q '^\$'; do sleep 0.1; done
  BEGUN=0
}
TERMINALS=0 SOCKET=

close_terminal() {
  [[ -z $SOCKET ]] || tmux -S "$SOCKET" kill-server 2>/dev/null || true
  SOCKET=
}

# types LINE: and Enter.
types() { tmux -S "$SOCKET" send-keys -l -- "$1" && tmux -S "$SOCKET" send-keys Enter; }

presses() { tmux -S "$SOCKET" send-keys "$1"; }

# seen [-e]: all that was ever shown, without empty lines at its end; with -e in its colours.
seen() { tmux -S "$SOCKET" capture-pane -p -S - "$@" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

# until_seen REGEX: waits for a line like that, a minute at most.
until_seen() {
  local tries=600
  until shown 2>/dev/null | grep -qE -- "$1"; do
    if ((tries-- == 0)); then
      seen >"$T/screen" || true
      failed "nobody saw /$1/" "$T/screen"
      return 1
    fi
    sleep 0.1
  done
}

# begins COMMAND: types it on a clear screen.
begins() { types "clear; echo '[begin $((++BEGUN))]'; $1; echo \"[exit \$?]\""; }
BEGUN=0

# ends CODE: the command that began last ends so.
ends() {
  until_seen '^\[exit [0-9]+\]$' || return 1
  if shown | grep -qx "\[exit $1\]"; then return 0; fi
  shown >"$T/screen"
  failed "it does not end with $1" "$T/screen"
}

# runs CODE COMMAND: types it, and waits for its end.
runs() {
  begins "$2"
  ends "$1"
}

# pictured NAME [sort]: the screen is what tests/interop/looks/NAME.txt shows, but for times and spinners, and with `sort`
# for the order; no line is wider than the terminal. LOOKS_BLESS=1 writes the file.
pictured() {
  local name=$1 order=${2:-cat} picture="$HERE/looks/$1.txt"
  shown >"$T/$name.txt"
  if [[ -n ${LOOKS_BLESS:-} ]]; then cp "$T/$name.txt" "$picture"; fi
  if diff <(steady <"$picture" | $order) <(steady <"$T/$name.txt" | $order) >"$T/difference"; then
    ok "$name is as pictured"
  else
    failed "$name is not as pictured" "$T/difference"
  fi
  holds "$name fits in $COLUMNS_NOW columns" fits "$T/$name.txt" "$COLUMNS_NOW"
}

# What the command that began last has printed; with -e in its colours.
shown() { seen "$@" | sed -e "1,/^\[begin $BEGUN\]\$/d" -e '/^\$ *$/d'; }

# What differs from run to run: times, spinners, and the spaces that make up for them.
steady() {
  sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]+Z)?/DATE/g; s/[0-9]{2}:[0-9]{2}:[0-9]{2}/CLOCK/g' \
    -e 's/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/⠿/g; s/[0-9]+(\.[0-9])? (ms|s|min)\b( ago)?/TIME\3/g; s/\b[0-9a-f]{12}\b/ID/g; s/  +/  /g; s/ +$//'
}

# Each character once, but those that take two columns.
fits() {
  "$PY" - "$@" <<'PYTHON'
import sys, unicodedata
wide = lambda line: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
over = [line for line in lines if wide(line) > int(sys.argv[2])]
print(*over, sep="\n")
sys.exit(bool(over))
PYTHON
}

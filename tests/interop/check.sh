# One check, in a process, a home, a folder and a network namespace of its own. Started by `run`: check.sh NAME FILE.
set -euo pipefail
source "$HERE/lib.sh"

T="$WORK/$1"       # this check's scratch folder
PIDS="$T/pids"
OUT="$T/stdout"    # of the latest command under `expect`
ERR="$T/stderr"
mkdir -p "$PIDS" "$T/tmp"
touch "$OUT" "$ERR"
CLEAN=(PATH="${NODE%/*}:/usr/bin:/bin:/usr/sbin:/sbin" LANG=C.UTF-8 TMPDIR="$T/tmp" NO_COLOR=1)
trap stop_all EXIT
trap 'exit 143' INT TERM

ip link set lo up
new_home first
source "$2"

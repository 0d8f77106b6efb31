# What every check uses: results, commands with a deadline and a cleared environment, servers that end with us.
# Sourced by `run` and check.sh, which set T (the check's scratch folder), PIDS, OUT, ERR and CLEAN; the peers' paths come from peers.sh.

STEP=60            # seconds one command may take, unless LIMIT says otherwise

ok() { echo "ok $1"; }

# FAILED what [file…]: the end of each file follows, indented.
failed() {
  echo "FAILED $1"
  shift
  local file
  for file in "$@"; do
    [[ -s $file ]] && { echo "    -- ${file##*/}:"; tail -n 12 "$file" | cut -c1-400 | sed 's/^/    /'; }
  done
  return 0
}

# A home of its own: no file, variable or program of the caller is seen.
new_home() {
  HOUSE="$T/home-$1"
  mkdir -p -m 700 "$HOUSE"
}

# Runs a command with a deadline and nothing in its environment but this. NAME=value words may come first.
clean() {
  timeout --kill-after=5 "${LIMIT:-$STEP}" env -i "${CLEAN[@]}" HOME="$HOUSE" "$@"
}

allmcp() { clean "$ALLMCP" "$@"; }

# expect WHAT CODE COMMAND…: stdout and stderr are in $OUT and $ERR afterwards.
expect() {
  local what=$1 code=$2 got=0
  shift 2
  "$@" >"$OUT" 2>"$ERR" || got=$?
  if [[ $got == "$code" ]]; then ok "$what"; else failed "$what: exit $got instead of $code" "$OUT" "$ERR"; fi
}

# json WHAT FILTER [FILE]: the filter must be true of the document, or of the array of documents in a stream.
json() {
  local file=${3:-$OUT}
  if jq -es "if length == 1 then .[0] else . end | $2" "$file" >/dev/null 2>&1; then ok "$1"; else failed "$1: not $2" "$file"; fi
}

# says WHAT REGEX [FILE]: case does not matter.
says() {
  local file=${3:-$ERR}
  if grep -qiE -- "$2" "$file"; then ok "$1"; else failed "$1: no /$2/" "$file"; fi
}

# holds WHAT COMMAND…: the command must succeed. $OUT and $ERR stay what they were.
holds() {
  local what=$1
  shift
  if "$@" >"$T/held" 2>&1; then ok "$what"; else failed "$what" "$T/held"; fi
}

# free_port [N]: free loopback ports, as the kernel gives them. We are alone in our network namespace, so they stay free.
free_port() {
  "$PY" -c 'import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held), sep="\n")' "${1:-1}"
}

# start NAME COMMAND…: in the background, in a process group of its own, its output in $T/NAME.log.
start() {
  local name=$1
  shift
  setsid env -i "${CLEAN[@]}" HOME="$HOUSE" "$@" >"$T/$name.log" 2>&1 9>&- &
  echo $! >"$PIDS/$name"
}

# stop NAME: the group gets TERM, after five seconds KILL.
stop() {
  local pid tries=50
  pid=$(cat "$PIDS/$1" 2>/dev/null) || return 0
  rm -f "$PIDS/$1"
  kill -TERM -- "-$pid" 2>/dev/null || return 0
  while kill -0 -- "-$pid" 2>/dev/null && ((tries-- > 0)); do sleep 0.1; done
  kill -KILL -- "-$pid" 2>/dev/null || true
}

stop_all() {
  local file
  for file in "$PIDS"/*; do
    [[ -e $file ]] && stop "${file##*/}"
  done
  return 0
}

# until_open PORT NAME: waits for a server of ours to listen.
until_open() {
  local tries=300
  until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    if ((tries-- == 0)) || ! kill -0 "$(cat "$PIDS/$2")" 2>/dev/null; then
      failed "$2 does not listen" "$T/$2.log"
      return 1
    fi
    sleep 0.1
  done
}

# everything: npm's server-everything over Streamable HTTP; sets EVERYTHING to its URL.
everything() {
  EVERYTHING_PORT=$(free_port)
  start everything PORT="$EVERYTHING_PORT" "$NODE" "$SERVER_EVERYTHING" streamableHttp
  until_open "$EVERYTHING_PORT" everything
  EVERYTHING="http://127.0.0.1:$EVERYTHING_PORT/mcp"
}

# guarded TOKEN: the Python SDK's server behind a bearer token; sets GUARDED to its URL. An empty TOKEN leaves it open.
guarded() {
  local port
  port=$(free_port)
  start guarded UPSTREAM_TOKEN="$1" "$PY" "$HERE/python/upstream.py" "$port"
  until_open "$port" guarded
  GUARDED="http://127.0.0.1:$port/mcp"
}

# connected NAME…: the open server under each name, in the present home.
connected() {
  local name
  for name in "$@"; do
    expect "connect $name" 0 allmcp connect "$EVERYTHING" --name "$name" --json
  done
}

# Drives an MCP server's command line with the Python client; it prints its own ok and FAILED lines.
drive() {
  LIMIT=${LIMIT:-120} clean PYTHONDONTWRITEBYTECODE=1 "$PY" "$HERE/python/drive.py" "$@" 2>"$ERR" ||
    failed "the Python client's script (drive.py $1)" "$ERR"
}

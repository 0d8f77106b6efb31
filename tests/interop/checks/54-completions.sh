# Completions in bash, zsh and fish, on terminals of their own: what Tab makes of a line, and all that it offers.
everything
connected keep kiln shop
expect "disable" 0 allmcp disable kiln
mkdir -p "$T/bin" "$T/fpath"
ln -s "$ALLMCP" "$T/bin/allmcp"
CLEAN+=(PATH="$T/bin:/usr/bin:/bin" TERM=xterm)
echo secret >"$T/token.txt"

tab() { clean "$PY" "$HERE/shells/tab.py" "$@"; }
stub() { allmcp completions "$1" >"$2"; }

# Each of these makes a shell's files, and leaves its command line in SHELL_NOW.
bash_shell() {
  stub bash "$T/allmcp.bash"
  printf 'PS1="READY> "\nsource %q\nbind "set enable-bracketed-paste off"\n' "$T/allmcp.bash" >"$T/bashrc"
  SHELL_NOW=(bash --noprofile --rcfile "$T/bashrc" -i)
}
zsh_setup='PS1="READY> "; PROMPT_SP=; unsetopt prompt_sp zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste'
zsh_shell() { # fpath|source
  mkdir -p "$T/zsh-$1"
  stub zsh "$T/fpath/_allmcp"
  {
    [[ $1 == fpath ]] && printf 'fpath=(%q $fpath)\n' "$T/fpath"
    printf 'autoload -Uz compinit; compinit -u -d %q\n' "$T/zsh-$1/dump"
    [[ $1 == source ]] && printf 'source <(allmcp completions zsh)\n'
    echo "$zsh_setup"
  } >"$T/zsh-$1/.zshrc"
  SHELL_NOW=(env ZDOTDIR="$T/zsh-$1" zsh -i)
}
fish_shell() {
  mkdir -p "$HOUSE/.config/fish/completions"
  stub fish "$HOUSE/.config/fish/completions/allmcp.fish"
  printf 'set -g fish_greeting\nfunction fish_prompt; printf "READY> "; end\nset -g fish_autosuggestion_enabled 0\n' >"$HOUSE/.config/fish/config.fish"
  SHELL_NOW=(fish -i)
}

# What one Tab makes of a line, in each of them: a connection, a command, a provider, a tool, a file.
typed=("allmcp status ke" "allmcp disc" "allmcp connect komm" "allmcp call keep__ec" "allmcp call keep get-su" "allmcp enable " "allmcp connect x --token-file $T/tok")
cat >"$T/wanted" <<END
allmcp status keep
allmcp disconnect
allmcp connect kommo
allmcp call keep__echo
allmcp call keep get-sum
allmcp enable kiln
allmcp connect x --token-file $T/token.txt
END

for shell in bash "zsh fpath" "zsh source" fish; do
  # shellcheck disable=SC2086
  set -- $shell
  "$1_shell" "${2:-}"
  tab insert "${SHELL_NOW[@]}" -- "${typed[@]}" >"$T/got" 2>"$ERR" || failed "$shell" "$ERR"
  sed -i 's/ *$//' "$T/got"
  holds "$shell completes connections, commands, providers, tools and files" diff "$T/wanted" "$T/got"
  tab list:keep,kiln,shop "${SHELL_NOW[@]}" -- "allmcp status k" >"$T/got" 2>"$ERR" || failed "$shell" "$ERR"
  holds "$shell offers both connections that begin so, and nothing else" test "$(cat "$T/got")" = "keep kiln"
done

# All that is offered, as the shells get it.
candidates() { # LINE
  clean bash --norc --noprofile -c '
    source "$1"
    IFS=" " read -ra COMP_WORDS <<<"$2"
    [[ $2 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
    _clap_complete_allmcp allmcp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"' _ "$T/allmcp.bash" "$1" 2>"$ERR"
}
offers() { # WHAT LINE CANDIDATES
  holds "bash: $1" test "$(candidates "$2" | xargs)" = "$3"
  holds "fish: $1" test "$(clean fish -c "complete -C '$2'" 2>"$ERR" | cut -f1 | xargs)" = "$3"
}
offers "connections" "allmcp status " "keep kiln shop"
offers "connections after a comma" "allmcp serve --only keep,s" "keep,shop"
offers "those that are off" "allmcp enable " "kiln"
offers "a tool" "allmcp call keep__get-s" "keep__get-structured-content keep__get-sum"
offers "a tool of a connection" "allmcp call keep get-s" "get-structured-content get-sum"
offers "its arguments" "allmcp call keep__get-sum " "a:= b:="
offers "those that are left" "allmcp call keep get-sum a:=1 " "b:="
offers "providers" "allmcp connect lin" "linear linear-readonly"
offers "its ways to sign in" "allmcp connect kommo --auth t" "token"
offers "settings" "allmcp config get settings.ma" "settings.max_result"
offers "settings of a connection" "allmcp config set connections.kiln.time" "connections.kiln.timeout"
offers "values of a setting" "allmcp config set settings.mode " "full smart auto"
offers "modes" "allmcp serve --mode s" "smart"
offers "shells" "allmcp completions " "bash fish powershell zsh"

# Somebody is typing: nothing is ever said, whatever is broken.
echo 'this is = = no TOML' >"$HOUSE/.config/allmcp/config.toml"
offers "the last good connections of a broken file" "allmcp status k" "keep kiln"
candidates "allmcp status k" >/dev/null
holds "not a word of the file" test ! -s "$ERR"
mv "$T/bin/allmcp" "$T/bin/gone"
holds "bash loads the stub without a word where allmcp is missing" test -z "$(clean bash --norc -c "source '$T/allmcp.bash'" 2>&1)"
holds "zsh too" test -z "$(clean zsh -fc "source '$T/fpath/_allmcp'" 2>&1)"

# A configuration that somebody broke by hand: told with file and line, the last good one stays in use.
config="$HOUSE/.config/allmcp/config.toml"
everything
connected one two
expect "a first look" 0 allmcp list --json
cp "$config" "$T/good"
printf '\n[connections.three\nurl = "x"\n' >>"$config"
cp "$config" "$T/broken"

expect "list still answers" 0 allmcp list --json
json "from the last good copy" '[.connections[].name] == ["one", "two"]'
expect "and to people" 0 allmcp list
says "it names file, line and column" 'config\.toml:[0-9]+:[0-9]+'
drive same legacy "$EVERYTHING" one__,two__ -- "$ALLMCP" serve
expect "connect is refused" 1 allmcp connect "$EVERYTHING" --name three --json
says "and says where it is broken" 'config\.toml:[0-9]+:[0-9]+'
holds "the broken file is left as it is" cmp "$config" "$T/broken"

cp "$T/good" "$config"
drive reload legacy "cp '$T/broken' '$config'; sleep 1; '$ALLMCP' list >/dev/null; sed '/^\[connections.two\]/,\$d' '$T/good' >'$config'" -- "$ALLMCP" serve

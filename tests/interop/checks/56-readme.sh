# The examples of the README that need jq.
everything
connected shop
awk '/^```sh run jq$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$HERE/../../README.md" >"$T/block"
holds "the README has some" test "$(wc -l <"$T/block")" -ge 3
mkdir -p "$T/bin"
ln -s "$ALLMCP" "$T/bin/allmcp"
number=0
while IFS= read -r line; do
  number=$((number + 1))
  # The README's server has a tool that takes "text"; npm's takes "message".
  printf '%s\n' "${line//text=hello/message=hello}" >"$T/line-$number.sh"
  expect "line $number runs" 0 clean PATH="$T/bin:/usr/bin:/bin" bash -euo pipefail "$T/line-$number.sh"
  holds "without a complaint" test ! -s "$ERR"
done <"$T/block"

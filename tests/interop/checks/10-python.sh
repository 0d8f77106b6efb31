# The Python SDK's client in front of `serve`, in both eras: two connections to one npm server (legacy era).
everything
connected one two
for mode in auto legacy; do
  drive same "$mode" "$EVERYTHING" one__,two__ -- "$ALLMCP" serve
done
expect "the access log is read" 0 allmcp logs --json
json "the two cancelled calls are in it" 'map(select(.outcome == "cancelled")) | length == 2'
json "and every other one, under its connection" 'length > 100 and all(.connection == "one" or .connection == "two")'

for mode in auto legacy; do
  drive reload "$mode" "'$ALLMCP' disable two" -- "$ALLMCP" serve
  expect "enable two" 0 allmcp enable two
done

# The MCP Inspector's command line in front of `serve`. Its own exit code for an error is 5.
inspector() { clean "$NODE" "$INSPECTOR" --cli "$ALLMCP" "$@"; }

everything
connected one two
expect "inspector lists" 0 inspector serve --method tools/list
json "tools of both connections" '[.tools[].name] | contains(["one__echo", "two__echo", "one__get-sum", "two__get-sum"])'
json "schemas arrive whole" '.tools[] | select(.name == "one__echo") | .inputSchema.required == ["message"] and .annotations.readOnlyHint'
expect "inspector calls" 0 inspector serve --method tools/call --tool-name one__echo --tool-arg message=hello
json "and gets the answer" '.content[0].text == "Echo: hello"'
expect "a number stays a number" 0 inspector serve --method tools/call --tool-name two__get-sum --tool-arg a=2 --tool-arg b=40
json "and is added" '.content[0].text | test("42")'
expect "a tool's error is an error" 5 inspector serve --method tools/call --tool-name one__get-sum --tool-arg a=x
json "with its text" '.isError and (.content[0].text | test("expected number"))'
expect "an unknown tool is an error" 5 inspector serve --method tools/call --tool-name one__nope

expect "--only shows one connection" 0 inspector serve --only two --method tools/list
json "and none of the other" '[.tools[].name] | any(startswith("two__")) and (any(startswith("one__")) | not)'
expect "--plain leaves names alone" 0 inspector serve --plain one --method tools/call --tool-name echo --tool-arg message=plain
json "and answers" '.content[0].text == "Echo: plain"'

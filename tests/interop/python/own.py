"""Calls every tool of allmcp's own with the Python SDK's client, which checks each answer against the tool's output schema.

usage: own.py MODE TOOL -- COMMAND…
MODE is auto (server/discover first) or legacy (initialize); TOOL is one of a connection that can be called with {"message": …}.
"""

import json
import sys

import anyio
from mcp import Client, StdioServerParameters

OURS = """list_providers list_mcp_connections connect_provider disconnect_provider describe_provider get_usage report_issue
list_tool_groups find_relevant_tools call_tool call_read_tool read_more save_or_update_memories search_memories delete_memories""".split()


def good(what, fine):
    print(f"{'ok' if fine else 'FAILED'} own: {what}", flush=True)


def content(result):
    said = json.loads(result.content[0].text)
    if said != result.structured_content:
        raise AssertionError("text and structure differ")
    return said


async def main(mode, tool, command):
    connection = tool.split("__")[0]
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode) as client:
        listed = [one.name for one in (await client.list_tools()).tools]
        good(f"all of ours are listed first ({mode})", listed[: len(OURS)] == OURS)
        good("nothing else is (smart)", len(listed) == len(OURS))

        async def call(name, /, **arguments):
            result = await client.call_tool(name, arguments)
            if result.is_error:
                raise AssertionError(f"{name}: {result.content[0].text[:300]}")
            return result

        providers = content(await call("list_providers", query="crm"))
        good("list_providers", any(row.get("id") == "kommo" for row in providers["providers"]))
        rows = content(await call("list_mcp_connections"))["connections"]
        good("list_mcp_connections", connection in [row["name"] for row in rows])
        good("describe_provider", "groups" in content(await call("describe_provider", name="kommo")))
        good("describe_provider of a connection", "groups" in content(await call("describe_provider", name=connection)))
        groups = content(await call("list_tool_groups"))["groups"]
        good("list_tool_groups", any(row["group"] == connection and row["tools"] > 0 for row in groups))
        found = content(await call("find_relevant_tools", query="echo a message back"))
        good("find_relevant_tools", found["tools"][0]["name"] == tool and found["tools"][0]["input_schema"]["type"] == "object")
        said = await call("call_tool", name=tool, arguments={"message": "by call_tool"})
        good("call_tool", "by call_tool" in said.content[0].text)
        refused = await client.call_tool("call_read_tool", {"name": f"{connection}__nothing"})
        good("an unknown tool is named", refused.is_error and "no tool is named" in refused.content[0].text)
        gone = await client.call_tool("read_more", {"cursor": "a.b.0.0"})
        good("an old cursor says what to do", gone.is_error and "call the tool again" in gone.content[0].text)
        saved = content(await call("save_or_update_memories", memories=[{"title": f"Test {mode}", "content": "The invoice is due on Friday."}]))
        id = saved["memories"][0]["id"]
        good("search_memories", id in json.dumps(content(await call("search_memories", query="invoice friday"))))
        read = await client.read_resource(f"memory://{id}")
        good("a memory is a resource", "Friday" in read.contents[0].text)
        good("delete_memories", id in json.dumps(content(await call("delete_memories", ids=[id]))["deleted"]))
        good("get_usage", content(await call("get_usage"))["calls"] > 0)
        good("report_issue", content(await call("report_issue", subject="a test", description="nothing is wrong"))["file"].endswith(".json"))
        asked = content(await call("connect_provider", provider="yougile"))
        good("connect_provider", asked["status"] == "action_required" and asked["connect_url"].startswith("http://127.0.0.1:"))
        kept = content(await call("disconnect_provider", name="nobody-here"))
        good("disconnect_provider", kept["status"] == "not_found")


if __name__ == "__main__":
    mode, tool = sys.argv[1:3]
    anyio.run(main, mode, tool, sys.argv[4:])

"""Drives `allmcp serve` or `allmcp bridge` with the Python SDK's client and prints one line a check.

usage: drive.py same   MODE DIRECT_URL PREFIXES -- COMMAND…   all tools, and calls, as the server itself answers them
       drive.py local  MODE SECONDS NAMES -- COMMAND…         the lists are there at once, whoever is down
       drive.py reload MODE CHANGE -- COMMAND…                the shell command CHANGE takes connection `two` away
MODE is auto (server/discover first) or legacy (initialize). PREFIXES and NAMES are separated by commas.
"""

import subprocess
import sys
import time
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

NEWEST = {"auto": "2026-07-28", "legacy": "2025-11-25"}
LONG = "trigger-long-running-operation"


@asynccontextmanager
async def step(what, mode, limit=30):
    """One check: what goes wrong inside it is told and does not end the others."""
    try:
        with anyio.fail_after(limit):
            yield
    except Exception as error:
        print(f"FAILED {what} ({mode}): {type(error).__name__}: {str(error)[:400]}", flush=True)
    else:
        print(f"ok {what} ({mode})", flush=True)


def equal(got, want):
    if got != want:
        raise AssertionError(f"{got!r} instead of {want!r}")


def text(result):
    return "".join(block.text for block in result.content if block.type == "text")


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude={"name"} if isinstance(model, types.Tool) else {"result_type", "meta"})


def linked(result, prefix):
    """As many servers stand behind one, what a result links to has the connection's name before it."""
    if not prefix:
        return result
    own = "allmcp://" + prefix.removesuffix("__") + "/"
    blocks = [{**it, "uri": own + it["uri"]} if it["type"] == "resource_link" else it for it in result["content"]]
    return {**result, "content": blocks}


async def every_tool(client):
    return {tool.name: tool for tool in (await client.list_tools()).tools}


async def refused(client, name, arguments):
    try:
        result = await client.call_tool(name, arguments)
    except MCPError as error:
        return error
    raise AssertionError(f"{name} was answered: {result!r}")


async def same(mode, command, url, prefixes):
    prefixes = prefixes.split(",")
    first = prefixes[0]
    async with Client(url) as direct, Client(command, mode=mode) as client:
        async with step("newest revision", mode):
            equal(client.protocol_version, NEWEST[mode])
        wanted = {}
        async with step("every tool as the server itself lists it", mode):
            wanted, got = await every_tool(direct), await every_tool(client)
            for prefix in prefixes:
                for name, tool in wanted.items():
                    equal(plain(got[prefix + name]), plain(tool))
        async with step("results as the server itself gives them", mode):
            for name, arguments in [call for call in CALLS if call[0] in wanted]:
                want = plain(await direct.call_tool(name, arguments))
                for prefix in prefixes:
                    equal(plain(await client.call_tool(prefix + name, arguments)), linked(want, prefix))
        if "get-resource-links" in wanted:
            async with step("what a result links to can be read", mode):
                await follow(client, prefixes)
        async with step("a tool's own error", mode):
            equal((await client.call_tool(first + "get-sum", {"a": "no number"})).is_error, True)
        if first:
            async with step("an unknown tool, nearest name offered", mode):
                error = await refused(client, first + "ecko", {"message": "x"})
                equal((error.code, first + "echo" in str(error) + str(error.data)), (-32602, True))
        async with step("progress, each step in its order", mode):
            await progress(client, first)
        async with step("a cancelled call ends, the next is answered", mode, 5):
            await cancel(client, first)
        async with step("forty calls at once, each with its own answer", mode):
            await at_once(client, prefixes)


CALLS = [
    ("echo", {"message": "grüße 🦀 \u2028 \"quoted\" \\ 1e400"}),
    ("get-sum", {"a": 2, "b": 3.5}),
    ("get-structured-content", {"location": "Chicago"}),
    ("get-tiny-image", {}),
    ("get-annotated-message", {"messageType": "error", "includeImage": True}),
    ("get-resource-links", {"count": 3}),
]


async def follow(client, prefixes):
    for prefix in prefixes:
        links = (await client.call_tool(prefix + "get-resource-links", {"count": 2})).content[1:]
        equal(len(links), 2)
        for link in links:
            [read] = (await client.read_resource(link.uri)).contents
            equal((read.uri, read.mime_type), (link.uri, link.mime_type))


async def progress(client, prefix):
    told = []

    async def tell(now, total, message):
        told.append((now, total))

    result = await client.call_tool(prefix + LONG, {"duration": 1, "steps": 4}, progress_callback=tell)
    equal(told, [(1, 4), (2, 4), (3, 4), (4, 4)])
    equal(text(result), "Long running operation completed. Duration: 1 seconds, Steps: 4.")


async def cancel(client, prefix):
    async def tell(now, total, message):
        scope.cancel()

    with anyio.CancelScope() as scope:
        await client.call_tool(prefix + LONG, {"duration": 20, "steps": 40}, progress_callback=tell)
    equal(scope.cancelled_caught, True)
    equal(text(await client.call_tool(prefix + "echo", {"message": "still here"})), "Echo: still here")


async def at_once(client, prefixes):
    async def one(number):
        name = prefixes[number % len(prefixes)] + "echo"
        equal(text(await client.call_tool(name, {"message": str(number)})), f"Echo: {number}")

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(one, number)


async def local(mode, command, seconds, names):
    names = names.split(",")
    began = time.monotonic()
    async with Client(command, mode=mode) as client:
        tools = await every_tool(client)
        took = time.monotonic() - began
        async with step(f"first answers within {seconds} s", mode):
            if took > float(seconds):
                raise AssertionError(f"took {took:.2f} s")
        async with step(f"every last known tool of {len(names)} connections listed", mode):
            of_one = [name.split("__")[1] for name in tools if name.startswith(f"{names[0]}__")]
            equal(len(of_one) > 8, True)
            equal([f"{name}__{tool}" for name in names for tool in of_one if f"{name}__{tool}" not in tools], [])
        ended = []
        async with step("each answers for itself", mode), anyio.create_task_group() as group:
            for name in names:
                group.start_soon(answer, client, name, ended)
        if "hung" in names:
            async with step("nobody waited for the one that hangs", mode):
                equal(ended[-1], "hung")


async def answer(client, name, ended):
    """A connection called `dead…` or `hung` gives an error that names it, every other one works."""
    result = await client.call_tool(f"{name}__echo", {"message": name})
    if name.startswith(("dead", "hung")):
        equal((result.is_error, name in text(result)), (True, True))
    else:
        equal(text(result), f"Echo: {name}")
    ended.append(name)


async def reload(mode, command, change):
    told = anyio.Event()

    async def hear(message):
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    async def listen(task_status):
        async with client.listen(tools_list_changed=True) as events:
            task_status.started()
            async for _ in events:
                told.set()

    async with Client(command, mode=mode, message_handler=hear) as client, anyio.create_task_group() as group:
        if mode == "auto":
            await group.start(listen)
        equal("two__echo" in await every_tool(client), True)
        await anyio.run_process(change, stdout=subprocess.DEVNULL)
        async with step("a changed configuration is told within 3 s", mode):
            with anyio.fail_after(3):
                await told.wait()
            tools = await every_tool(client)
            equal(("one__echo" in tools, "two__echo" in tools), (True, False))
        group.cancel_scope.cancel()


def main():
    split = sys.argv.index("--")
    scenario, mode, *rest = sys.argv[1:split]
    program, *args = sys.argv[split + 1 :]
    command = StdioServerParameters(command=program, args=args)
    anyio.run({"same": same, "local": local, "reload": reload}[scenario], mode, command, *rest)


if __name__ == "__main__":
    main()

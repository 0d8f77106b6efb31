"""Calls a tool that the user is asked for first, with the Python SDK's client, and prints one line a check.

usage: approvals.py forms MODE TOOL -- COMMAND…           the client has forms: yes, no, closed
       approvals.py page  TOOL BROWSE REPORTS -- COMMAND…  it has none: BROWSE REPORT URL ANSWER answers on the page
MODE is auto (server/discover first) or legacy (initialize).
"""

import re
import subprocess
import sys
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters


@asynccontextmanager
async def step(what, limit=90):
    try:
        with anyio.fail_after(limit):
            yield
    except Exception as error:
        print(f"FAILED {what}: {type(error).__name__}: {str(error)[:400]}", flush=True)
    else:
        print(f"ok {what}", flush=True)


def equal(got, want):
    if got != want:
        raise AssertionError(f"{got!r} instead of {want!r}")


def holds(part, text):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def text(result):
    return "".join(block.text for block in result.content if block.type == "text")


async def forms(mode, tool, command):
    asked = []
    says = types.ElicitResult(action="accept", content={})

    async def callback(context, params):
        asked.append(params.message)
        return says

    async with Client(command, mode=mode, elicitation_callback=callback) as client:
        async with step(f"a form that is accepted sends the call ({mode})"):
            result = await client.call_tool(tool, {"message": "hi"})
            equal((result.is_error or False, text(result)), (False, "Echo: hi"))
            holds('"message": "hi"', asked[0])
        for action, told in (("decline", "the user refused"), ("cancel", "closed the question")):
            says = types.ElicitResult(action=action)
            async with step(f"{action} sends nothing ({mode})"):
                result = await client.call_tool(tool, {"message": "no"})
                equal(result.is_error, True)
                holds(told, text(result))
        async with step(f"each call was asked for once ({mode})"):
            equal(len(asked), 3)


async def page(tool, browse, reports, command):
    def link(result):
        equal(result.is_error, True)
        return re.search(r"http://127\.0\.0\.1:\d+/approve/\S+", text(result)).group()

    async def visit(name, url, answer):
        done = await anyio.run_process([browse, f"{reports}/{name}", url, answer], check=False)
        equal(done.returncode, 0)

    async with Client(command) as client:
        async def call(message):
            return await client.call_tool(tool, {"message": message, "to": "somebody@example.org"})

        async with step("a client without forms gets a link"):
            first = link(await call("hi"))
        async with step("approved in the browser, the same call works"):
            await visit("approve", first, "approve")
            equal(text(await call("hi")), "Echo: hi")
        async with step("once"):
            equal(link(await call("hi")) == first, False)
            await visit("used", first, "look")
        async with step("refused in the browser, it is told so"):
            await visit("refuse", link(await call("no")), "refuse")
            holds("the user refused", text(await call("no")))
        async with step("a long call is shown short"):
            await visit("long", link(await call("x" * 50_000)), "look")


async def expired(tool, browse, reports, command):
    async with Client(command) as client:
        async with step("a link ends after its time"):
            result = await client.call_tool(tool, {"message": "late"})
            url = re.search(r"http://\S+", text(result)).group()
            await anyio.sleep(1.5)
            done = await anyio.run_process([browse, f"{reports}/expired", url, "look"], check=False)
            equal(done.returncode, 0)


async def main(words):
    at = words.index("--")
    (kind, *rest), (program, *args) = words[:at], words[at + 1 :]
    command = StdioServerParameters(command=program, args=args, env=None)
    await {"forms": forms, "page": page, "expired": expired}[kind](*rest, command)


anyio.run(main, sys.argv[1:])

"""A real MCP server (the Python SDK's, both eras) that can demand a bearer token; its tools are named as server-everything's.

usage: upstream.py PORT      serves http://127.0.0.1:PORT/mcp; UPSTREAM_TOKEN in the environment is demanded, without it the server is open
"""

import os
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("guarded")


@server.tool()
async def echo(message: str) -> str:
    """Says it again."""
    return f"Echo: {message}"


@server.tool(name="get-sum")
async def get_sum(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


@server.tool(name="trigger-long-running-operation")
async def long_operation(duration: float, steps: int, ctx: Context) -> str:
    """Takes its time and tells each step."""
    for step in range(1, steps + 1):
        await anyio.sleep(duration / steps)
        await ctx.report_progress(step, steps)
    return f"Long running operation completed. Duration: {duration:g} seconds, Steps: {steps}."


class Guard:
    """Answers 401 to whoever does not bring the token."""

    def __init__(self, app, token):
        self.app, self.token = app, f"Bearer {token}".encode()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != self.token:
            headers = [(b"www-authenticate", b'Bearer realm="guarded"'), (b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b"no valid token\n"})
            return
        await self.app(scope, receive, send)


def main():
    app = server.streamable_http_app()
    if token := os.environ.get("UPSTREAM_TOKEN"):
        app = Guard(app, token)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()

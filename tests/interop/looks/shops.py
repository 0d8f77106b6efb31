"""Many small MCP servers on one port, for pictures of a terminal.

    shops.py PORT GATE

`/NAME/mcp` has as many tools as its name has letters. The first part of a name says how it is: `slow-…` answers
once the file GATE is there, `shut-…` wants a key, `broken-…` answers 500; every other answers at once.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GATE = Path(sys.argv[2])
WORDS = "Finds, makes and changes what the shop has of it, and tells who did what when and why, page by page."


def tools(name):
    """What each is called and says, in several scripts."""
    kinds = ["leads_list", "leads_update", "contacts_search_by_phone_number", "note", "замовлення", "在庫を調べる", "delete_everything"]
    for at in range(len(name)):
        kind = kinds[at % len(kinds)] + ("" if at < len(kinds) else f"_{at}")
        properties = {"id": {"type": "integer", "description": WORDS}, "query": {"type": "string"}}
        schema = {"type": "object", "properties": properties, "required": ["id"]}
        yield {"name": kind, "description": f"{kind.replace('_', ' ')}: {WORDS}", "inputSchema": schema}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, **headers):
        body = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(404)

    do_DELETE = do_GET

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.split("/")[1]
        if name.startswith("slow"):
            while not GATE.exists():
                time.sleep(0.02)
        if name.startswith("shut") and self.headers.get("Authorization") != "Bearer key":
            return self.answer(401, WWW_Authenticate="Bearer")
        if name.startswith("broken"):
            return self.answer(500)
        if "id" not in request:
            return self.answer(202)
        done = {"jsonrpc": "2.0", "id": request["id"]}
        method, params = request["method"], request.get("params", {})
        if method == "initialize":
            own = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "instructions": f"Ask before you change anything. {WORDS}"}
            done["result"] = {**own, "serverInfo": {"name": name, "title": f"The {name} shop", "version": "1.2"}}
        elif method == "tools/list":
            done["result"] = {"tools": list(tools(name))}
        elif method == "tools/call" and params["name"] == "delete_everything":
            done["error"] = {"code": -32000, "message": f"the shop keeps what it has. {WORDS}"}
        elif method == "tools/call":
            wrong = params["name"] == "leads_update"
            done["result"] = {"content": [{"type": "text", "text": "done " * 999}], "isError": wrong}
        else:
            done["error"] = {"code": -32601, "message": f"no {method}"}
        return self.answer(200, done)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()

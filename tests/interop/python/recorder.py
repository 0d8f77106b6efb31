"""An HTTP server that is no MCP server: recorder.py ADDRESS:PORT [LOCATION]

Answers every request with a page, or with a redirect to LOCATION, and prints one line for each: method, path, credential.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>Shop</title><p>Welcome to our shop"


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        print(self.command, self.path, self.headers.get("authorization") or "no credential", flush=True)
        location = sys.argv[2:]
        self.send_response(307 if location else 200)
        if location:
            self.send_header("Location", location[0])
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


address, port = sys.argv[1].rsplit(":", 1)
ThreadingHTTPServer((address, int(port)), Recorder).serve_forever()

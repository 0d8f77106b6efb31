"""A stand-in for Kommo, not Kommo: its consent, its token endpoint and three paths of its API, on loopback.

kommo.py PORT REDIRECT_URI LOG: one JSON line in LOG for each request. The token endpoint is strict: JSON alone, the integration's own
redirect URI, a code once; a refresh token until the one after it was used. The consent is a page with a form, as a person meets it.
"""

import base64
import html
import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = {"client_id": "b9f6c2a0-0000-4000-8000-000000000002", "client_secret": "interop-secret-canary"}
PORT, REDIRECT, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
LIFE = 86400

lock = threading.Lock()
codes, refreshes, accesses = set(), [], set()


def jwt():
    """Access tokens are JWTs that a client may look into; nobody here checks a signature."""
    part = lambda it: base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=").decode()
    return f"{part({'typ': 'JWT', 'alg': 'none'})}.{part({'exp': int(time.time()) + LIFE, 'jti': secrets.token_hex(8)})}.canaryis"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body=None, kind="application/json", **headers):
        data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(data), **headers}.items():
            if not (status == 204 and name.startswith("Content")):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        return status

    def problem(self, status, hint):
        return self.say(status, {"hint": hint, "title": "Bad Request", "status": status}, "application/problem+json")

    def note(self, **more):
        with lock, open(LOG, "a") as log:
            log.write(json.dumps(more) + "\n")

    def handle_one(self, body):
        at = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(at.query).items()}
        if at.path == "/oauth":
            return self.consent(query)
        if at.path == "/agreed":
            code = secrets.token_hex(16)
            codes.add(code)
            back = {"code": code, "state": query.get("state", ""), "referer": query.get("account", "127.0.0.1"), "platform": "2"}
            return self.say(302, "", Location=f"{REDIRECT}?{urlencode(back)}")
        if at.path == "/oauth2/access_token":
            return self.token(body)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in accesses:
            return self.problem(401, "Incorrect login credentials")
        if at.path == "/api/v4/account":
            return self.say(200, {"id": 99, "name": "Acme Sales", "subdomain": "acme"}, "application/hal+json")
        if at.path == "/api/v4/leads" and query.get("query") != "nobody":
            page, limit = int(query.get("page", 1)), int(query.get("limit", 50))
            ids = range(1, 6)[(page - 1) * limit : page * limit]
            if ids:
                links = {"next": {"href": "x"}} if ids[-1] < 5 else {}
                leads = [{"id": i, "name": f"lead {i}", "price": 100 * i, "_links": {}} for i in ids]
                return self.say(200, {"_page": page, "_links": links, "_embedded": {"leads": leads}}, "application/hal+json")
        return self.say(204)

    def consent(self, query):
        if query.get("client_id") != CLIENT["client_id"]:
            return self.say(404, "<title>no such integration</title>", "text/html")
        fields = "".join(f'<input type=hidden name={name} value="{html.escape(query.get(name, ""))}">' for name in ("state",))
        return self.say(200, f"<title>consent</title><form action=/agreed>{fields}<button type=submit>Allow</button></form>", "text/html")

    def token(self, body):
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            return self.problem(400, "The request has to be JSON")
        asked = json.loads(body)
        seen = {"grant": asked.get("grant_type"), "keys": sorted(asked)}
        if {key: asked.get(key) for key in CLIENT} != CLIENT:
            status = self.problem(401, "client not found")
        elif asked.get("redirect_uri") != REDIRECT:
            status = self.problem(400, "Redirect URI is not the integration's")
        else:
            status = self.granted(asked)
        self.note(token=True, status=status, **seen)
        return status

    def granted(self, asked):
        with lock:
            if asked["grant_type"] == "authorization_code":
                if asked.get("code") not in codes:
                    return self.problem(401, "Authorization code has been revoked")
                codes.remove(asked["code"])
            elif asked["grant_type"] == "refresh_token" and asked.get("refresh_token") in refreshes:
                del refreshes[: refreshes.index(asked["refresh_token"])]
            else:
                return self.problem(401, "Token has been revoked")
            access, refresh = jwt(), f"def502-canary-{secrets.token_hex(16)}"
            accesses.add(access)
            refreshes.append(refresh)
        return self.say(200, {"token_type": "Bearer", "expires_in": LIFE, "access_token": access, "refresh_token": refresh})

    def do_GET(self):
        if self.path == "/end-access":  # for the check: every access token has ended
            accesses.clear()
            return self.say(200, {})
        if self.path == "/code":  # for the check: the code that Kommo shows in Keys and scopes
            codes.add("shown-code-canary")
            return self.say(200, {})
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = self.handle_one(body)
        if not self.path.startswith("/oauth2/"):
            self.note(method=self.command, path=urlsplit(self.path).path, status=status, mode=parse_qs(urlsplit(self.path).query).get("mode"))

    do_POST = do_GET


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

"""PyPI amocrm-api, the client that others use, against the stand-in: is that one as strict and as kind as its own clients expect?

kommo_peer.py ORIGIN REDIRECT_URI: prints `ok …` or `FAILED …` lines. Only where it sends its requests is changed.
"""

import sys
from urllib.parse import urlsplit
from urllib.request import urlopen

import requests

ORIGIN, REDIRECT = sys.argv[1], sys.argv[2]
sent = []
real = requests.Session.request


def redirected(self, method, url, **more):
    sent.append(urlsplit(url).netloc)
    return real(self, method, ORIGIN + urlsplit(url).path, **more)


requests.Session.request = redirected
from amocrm.v2 import Lead, tokens  # noqa: E402  (it makes its session as it is imported)


def check(what, holds):
    print(("ok " if holds else "FAILED ") + what, flush=True)


def refused(what):
    try:
        what()
    except Exception as error:
        return str(error)
    return ""


store = tokens.MemoryTokensStorage()
manager = tokens.default_token_manager
manager(client_id="b9f6c2a0-0000-4000-8000-000000000002", client_secret="interop-secret-canary", subdomain="acme", redirect_url=REDIRECT, storage=store)
check("amocrm-api: a wrong code is refused in words", "revoked" in refused(lambda: manager.init("wrong")))
urlopen(f"{ORIGIN}/code").read()
manager.init("shown-code-canary")
check("amocrm-api: the code becomes tokens", bool(store.get_access_token() and store.get_refresh_token()))
check("amocrm-api: the code is good once", "revoked" in refused(lambda: manager.init("shown-code-canary")))
leads = [lead.name for lead in Lead.objects.all()]
check("amocrm-api: reads the leads", leads == [f"lead {i}" for i in range(1, 6)])
first = store.get_refresh_token()
store.save_tokens(*manager._get_new_tokens())
check("amocrm-api: renews, and the refresh token is another one", store.get_refresh_token() != first)
check("amocrm-api: nothing went elsewhere by name", set(sent) == {"acme.amocrm.ru"})

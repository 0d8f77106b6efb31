"""Every Bitrix24 tool of the catalog against the vendor's own Python SDK, PyPI b24pysdk.

bitrix24.py MANIFEST: for each tool the SDK's call of the same method is made, with a value for everything that it takes, and what the
SDK would send is compared with what the tool sends: the method, the names of the parameters, and those without which the SDK makes no
call. Nothing is sent. One line a tool, `ok …` or `FAILED …`, or `listed …` where the two differ on purpose.
"""

import inspect
import re
import sys
import tomllib
import typing
from datetime import datetime

from b24pysdk import BitrixWebhook, Client

# Where we are right and the SDK is not, with the reason.
DIFFERENT = {
    ("user.get", "FILTER"): "the vendor's documents write FILTER and the server takes both; the SDK has filter",
}


def find(client, method):
    here = client
    for part in method.split("."):
        found = next((getattr(here, name, None) for name in (part, snake(part), part + "_") if hasattr(here, name)), None)
        if found is None:
            return None
        here = found
    return here


def snake(name):
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def value(annotation):
    """Something that the SDK takes for a parameter of this type."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        literal = next((one for one in typing.get_args(annotation)[1:] if typing.get_origin(one) is typing.Literal), None)
        return typing.get_args(literal)[0] if literal else value(typing.get_args(annotation)[0])
    if origin is typing.Literal:
        return typing.get_args(annotation)[0]
    if origin is typing.Union:
        return value(next(one for one in typing.get_args(annotation) if one is not type(None)))
    for kind, one in ((bool, True), (int, 1), (float, 1.0), (str, "x"), (datetime, datetime(2026, 1, 2))):
        if annotation is kind:
            return one
    if origin is dict or annotation is dict:
        return {}
    return ["x"]


def sent_by_sdk(call):
    """What the SDK sends at most, and at least."""
    most, least = {}, {}
    for name, parameter in inspect.signature(call).parameters.items():
        if name == "timeout" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        most[name] = value(parameter.annotation)
        if parameter.default is parameter.empty:
            least[name] = most[name]
    names = []
    for arguments in (most, least):
        request = call(**arguments)
        names.append(set(request._params or {}))
    return request._api_method, *names


def check(client, tool, pages):
    method = tool["path"].removeprefix("/")
    call = find(client, method)
    if call is None:
        yield "FAILED", f"the SDK has no {method}"
        return
    theirs, most, least = sent_by_sdk(call)
    if theirs.lower() != method.lower():
        yield "FAILED", f"the SDK calls {theirs}"
    ours = {arg.get("key", arg["name"]).split(".")[0] for arg in tool.get("args", [])}
    sure = {arg.get("key", arg["name"]).split(".")[0] for arg in tool.get("args", []) if arg.get("required") or "default" in arg}
    if tool.get("pages"):
        ours.add(pages[tool["pages"]]["query"])
    if tool["method"] != "POST":
        yield "FAILED", f"it is a {tool['method']}"
    for name in sorted(ours - most):
        reason = DIFFERENT.get((method, name))
        yield ("listed", reason) if reason else ("FAILED", f"{name} is unknown")
    for name in sorted(least - sure):
        yield "FAILED", f"{name} is required"


def main():
    manifest = tomllib.load(open(sys.argv[1], "rb"))
    client = Client(BitrixWebhook(domain="example.bitrix24.com", webhook_token="1/none"))
    for tool in manifest["tools"]:
        try:
            found = list(check(client, tool, manifest["http"]["pages"]))
        except Exception as error:  # a call that the SDK refuses is a finding, not an end
            found = [("FAILED", f"the SDK refused the call: {error!r}"[:300])]
        wrong = [text for kind, text in found if kind == "FAILED"]
        listed = [text for kind, text in found if kind == "listed"]
        if wrong:
            print(f"FAILED bitrix24 {tool['name']}: {'; '.join(wrong)}")
            continue
        for text in listed:
            print(f"listed bitrix24 {tool['name']}: {text}")
        print(f"ok bitrix24 {tool['name']}: {tool['path'][1:]}")


main()

"""Every YouGile tool of the catalog against the vendor's own description of its API, as PyPI yougile-mcp carries it.

yougile.py MANIFEST: prints one line a tool, `ok …` or `FAILED …`, and a line `listed …` for a part of the API that has no tool on
purpose. The package is read, not imported: it is installed without what it needs to run.
"""

import json
import re
import sys
import tomllib
from importlib.metadata import distribution

# What the API has and we leave out, with the reason.
LEFT_OUT = {
    ("POST", "/auth/companies"): "a part of the sign-in",
    ("POST", "/auth/keys/get"): "lists keys; none of our tools reads secrets",
    ("POST", "/auth/keys"): "a part of the sign-in",
    ("DELETE", "/auth/keys/{}"): "a part of disconnect",
    ("POST", "/users"): "invites a stranger into the company",
    ("PUT", "/users/{}"): "makes somebody an administrator",
    ("DELETE", "/users/{}"): "takes a person out of the company for good",
    ("GET", "/companies{}"): "its path is written wrongly in the description itself",
    ("PUT", "/companies{}"): "renames or deletes the company",
    ("POST", "/upload-file"): "takes a file, which a tool cannot send",
    ("GET", "/projects/{}/roles"): "roles are an administrator's",
    ("POST", "/projects/{}/roles"): "roles are an administrator's",
    ("GET", "/projects/{}/roles/{}"): "roles are an administrator's",
    ("PUT", "/projects/{}/roles/{}"): "roles are an administrator's",
    ("DELETE", "/projects/{}/roles/{}"): "roles are an administrator's",
    ("GET", "/tasks"): "deprecated by the vendor: /task-list",
    ("POST", "/chats/{}/typing"): "shows that somebody types, which nobody does",
    ("GET", "/chats/{}/messages/{}"): "comments_list gives the same",
    ("PUT", "/chats/{}/messages/{}"): "changes what a person has written",
}


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def schema(spec, node):
    """The schema behind references; an empty one where the description has a hole."""
    for _ in range(9):
        if "$ref" not in node:
            return node
        here = spec
        for part in node["$ref"].split("/")[1:]:
            here = here.get(part, {})
        node = here
    return {}


def places(tool, pages):
    """Names of what a tool sends, by where they go, and those of them that are always sent."""
    out = {"path": set(), "query": set(tool.get("query", {})), "body": {key.split(".")[0] for key in tool.get("body", {})}}
    sure = set(out["query"]) | set(out["body"])
    default = "query" if tool["method"] in ("GET", "DELETE") else "body"
    for arg in tool.get("args", []):
        in_path = "{%s}" % arg["name"] in tool["path"]
        place = arg.get("in") or ("path" if in_path else default)
        key = arg["name"] if place == "path" else arg.get("key", arg["name"]).split(".")[0]
        out[place].add(key)
        if arg.get("required") or "default" in arg:
            sure.add(key)
    if tool.get("pages"):
        out[default].add(pages[tool["pages"]]["query"])
    return out, sure


def check(spec, operation, tool, pages):
    """What is wrong with a tool, in words."""
    sent, sure = places(tool, pages)
    parameters = operation.get("parameters", [])
    known = {"path": set(), "query": set(), "body": set()}
    required = set()
    for parameter in parameters:
        known.setdefault(parameter["in"], set()).add(parameter["name"])
        if parameter.get("required"):
            required.add(parameter["name"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = schema(spec, content["schema"])
        known["body"] |= set(body.get("properties", {}))
        required |= set(body.get("required", []))
    wrong = [f"{place} {name} is unknown" for place in ("path", "query", "body") for name in sorted(sent[place] - known[place])]
    wrong += [f"{name} is required" for name in sorted(required - sure)]
    return wrong


def main():
    manifest = tomllib.load(open(sys.argv[1], "rb"))
    package = distribution("yougile-mcp")
    spec = json.loads(package.locate_file("yougile_mcp/data/openapi.json").read_text(encoding="utf-8"))
    operations = {(method.upper(), shape(path.removeprefix("/api-v2"))): operation for path, all_ in spec["paths"].items() for method, operation in all_.items()}
    used = set()
    for tool in manifest["tools"]:
        at = (tool["method"], shape(tool["path"]))
        used.add(at)
        if at not in operations:
            print(f"FAILED yougile {tool['name']}: no {at[0]} {at[1]} in the vendor's description")
            continue
        wrong = check(spec, operations[at], tool, manifest["http"]["pages"])
        print(f"FAILED yougile {tool['name']}: {'; '.join(wrong)}" if wrong else f"ok yougile {tool['name']}: {at[0]} {tool['path']}")
    for step in manifest["auth"][1]["login"]["steps"] + [manifest["auth"][1]["login"]["revoke"]]:
        at = (step["method"], shape(step["path"].replace("$", "")))
        print(f"{'ok' if at in operations else 'FAILED'} yougile sign-in: {at[0]} {at[1]}")
    for at in sorted(set(operations) - used):
        reason = LEFT_OUT.get(at)
        print(f"listed yougile {at[0]} {at[1]}: {reason}" if reason else f"FAILED yougile {at[0]} {at[1]} has no tool, and nobody says why")


main()

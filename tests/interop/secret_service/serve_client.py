#!/usr/bin/python3
"""Drives one `allmcp serve` while the keyring is locked and unlocked under it.

Arguments: the public name of a tool, its arguments as JSON, a command that locks, one that
unlocks, and after `--` the command that starts the server. Exits with 1 and says why.
"""

import json
import subprocess
import sys
import time

LIMIT = 4.0


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last_id = 0
        self.request("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "secret-service-test", "version": "1"}})
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method, params):
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"the server ended before it answered {method}")
            answer = json.loads(line)
            if answer.get("id") == self.last_id and "method" not in answer:
                return answer

    def call(self, tool, arguments):
        """The text of the result, and whether it is an error."""
        begun = time.monotonic()
        answer = self.request("tools/call", {"name": tool, "arguments": arguments})
        took = time.monotonic() - begun
        if took > LIMIT:
            sys.exit(f"tools/call took {took:.1f} s")
        result = answer.get("result")
        if result is None:
            sys.exit(f"tools/call was refused: {answer}")
        texts = [part.get("text", "") for part in result.get("content", [])]
        return " ".join(texts), bool(result.get("isError"))

    def end(self):
        self.process.stdin.close()
        if self.process.wait(timeout=10) != 0:
            sys.exit(f"the server ended with {self.process.returncode}")


def expect(what, answer, is_error, word=""):
    text, was_error = answer
    if was_error != is_error or word not in text:
        sys.exit(f"{what}: isError is {was_error}, text is {text!r}")


def main():
    tool, arguments, lock, unlock = sys.argv[1:5]
    command, arguments = sys.argv[6:], json.loads(arguments)

    server = Server(command)
    expect("unlocked", server.call(tool, arguments), False)
    subprocess.run(lock, shell=True, check=True)
    expect("locked, credential in memory", server.call(tool, arguments), False)
    server.end()

    server = Server(command)
    expect("started while locked", server.call(tool, arguments), True, "unlock")
    subprocess.run(unlock, shell=True, check=True)
    expect("unlocked again, without a restart", server.call(tool, arguments), False)
    server.end()


if __name__ == "__main__":
    main()

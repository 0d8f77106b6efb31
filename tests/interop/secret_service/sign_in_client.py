#!/usr/bin/python3
"""Drives one `allmcp serve` that is signed in, while the keyring is locked and its access token ends.

Arguments: the public name of a tool, its arguments as JSON, the seconds that an access token lasts, a command that
locks, one that unlocks, and after `--` the command that starts the server. Exits with 1 and says why.
"""

import json
import subprocess
import sys
import time

from serve_client import Server, expect


def main():
    tool, arguments, life, lock, unlock = sys.argv[1:6]
    command, arguments = sys.argv[7:], json.loads(arguments)

    server = Server(command)
    # It may have to renew first; then a whole life is left.
    expect("unlocked", server.call(tool, arguments), False)
    subprocess.run(lock, shell=True, check=True)
    expect("locked, tokens in memory", server.call(tool, arguments), False)
    time.sleep(float(life) + 1)
    expect("locked, and they have ended", server.call(tool, arguments), True, "unlock")
    expect("asked once more", server.call(tool, arguments), True, "unlock")
    subprocess.run(unlock, shell=True, check=True)
    expect("unlocked again, without a restart", server.call(tool, arguments), False)
    server.end()


main()

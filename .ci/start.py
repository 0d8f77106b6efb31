#!/usr/bin/env python3
"""Writes .ci/start.ld: the functions that run before `allmcp serve` is idle, in their order.

    cargo bench --profile dist --bench traffic --no-run
    cargo rustc --profile dist --bin allmcp -- -C strip=none
    .ci/start.py target/dist/allmcp target/dist/deps/traffic-HASH >.ci/start.ld

Both programs are as in the idle row of the bench (tests/bench/README.md). Each function has a
breakpoint of its own, which is taken away when it is met. Names lose their hashes, and a module of
which much runs is named as a whole, so that the list stays good for a while when the code, a
dependency or the compiler changes; run this again when the idle row rises. Linux on x86_64 only.
"""

import collections
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

TRACEME, CONT, GETREGS, SETREGS, SETOPTIONS = 0, 7, 12, 13, 0x4200
TRACECLONE, WALL = 8, 0x40000000
RIP = 16

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


# A module is named as a whole when this part of its code runs.
MUCH = 0.35


def functions(binary):
    """Rust functions by address, and sizes by name. Assembly is left alone: it may hold data."""
    found, sizes = {}, {}
    names = subprocess.run(["nm", "-S", binary], check=True, capture_output=True, text=True)
    for line in names.stdout.splitlines():
        part = line.split()
        if len(part) == 4 and part[2] in "tT" and part[3].startswith(("_ZN", "_R")):
            found.setdefault(int(part[0], 16), part[3])
            sizes[part[3]] = int(part[1], 16)
    if not found:
        sys.exit("error: %s has no names; build it with -C strip=none" % binary)
    return found, sizes


def module(name):
    """The crate and its module, as they begin a name; none for what has no path of its own."""
    rest, parts = name[3:], []
    while name.startswith("_ZN") and len(parts) < 2:
        length = re.match(r"[0-9]+", rest)
        if not length or rest.startswith("_"):
            break
        end = len(length[0]) + int(length[0])
        parts.append(rest[:end])
        rest = rest[end:]
    whole = len(parts) == 2 and rest[:1].isdigit() and not re.match(r"17h[0-9a-f]{16}E", rest)
    return "_ZN" + "".join(parts) if whole and "$" not in "".join(parts) else None


def patterns(order, sizes):
    """The sections of what ran, in any build."""
    all_of, ran_of = collections.Counter(), collections.Counter()
    for name, size in sizes.items():
        all_of[module(name)] += size
    for name in set(order):
        ran_of[module(name)] += sizes[name]
    for name in order:
        part = module(name)
        if part and ran_of[part] >= MUCH * all_of[part]:
            name = part + "*"
        elif name.startswith("_ZN"):
            name = re.sub(r"17h[0-9a-f]{16}E.*$", "17h*", name)
        else:
            name = re.sub(r"Cs[0-9A-Za-z]+_", "C*_", name)
        yield "*(.text.*%s)" % name


def client(to, out, done):
    """What the idle row of the bench does, and then a call of each kind."""
    sent, received = os.fdopen(to, "wb", 0), os.fdopen(out, "rb")

    def ask(number, method, params):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        sent.write(json.dumps(message).encode() + b"\n")
        while json.loads(received.readline()).get("id") != number:
            pass

    info = {"name": "bench", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
    ask(1, "initialize", hello)
    sent.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    ask(2, "tools/list", {})
    time.sleep(5)
    for number in (0, 1, 2, 3):
        call = {"name": "c%02d__tool_0" % number, "arguments": {"size": 16, "delay_ms": 0}}
        ask(3 + number, "tools/call", call)
    time.sleep(1)
    done()


def trace(binary, environment):
    (names, sizes), order = functions(binary), []
    stdin, stdout = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(stdin[0], 0)
        os.dup2(stdout[1], 1)
        os.closerange(3, 64)
        libc.ptrace(TRACEME, 0, None, None)
        os.execve(binary, [binary, "serve"], environment)
    os.close(stdin[0])
    os.close(stdout[1])
    os.waitpid(child, 0)
    libc.ptrace(SETOPTIONS, child, None, TRACECLONE)
    with open("/proc/%d/maps" % child) as maps:
        base = min(int(line.split("-")[0], 16) for line in maps if binary in line)
    memory = open("/proc/%d/mem" % child, "r+b", buffering=0)

    def at(address):
        memory.seek(base + address)
        return memory

    first = {address: at(address).read(1) for address in names}
    for address in names:
        at(address).write(b"\xcc")
    end = lambda: os.kill(child, signal.SIGKILL)
    threading.Thread(target=client, args=(stdin[1], stdout[0], end), daemon=True).start()
    registers = (ctypes.c_ulonglong * 27)()
    libc.ptrace(CONT, child, None, None)
    while True:
        thread, status = os.waitpid(-1, WALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if thread == child:
                return order, sizes
            continue
        met = os.WSTOPSIG(status)
        if met == signal.SIGTRAP and status >> 16 == 0:
            libc.ptrace(GETREGS, thread, None, ctypes.addressof(registers))
            address = registers[RIP] - 1 - base
            if address in first:
                at(address).write(first[address])
                order.append(names[address])
                registers[RIP] -= 1
                libc.ptrace(SETREGS, thread, None, ctypes.addressof(registers))
        passed = 0 if met in (signal.SIGTRAP, signal.SIGSTOP) else met
        libc.ptrace(CONT, thread, None, passed)


def main():
    binary, traffic = (os.path.realpath(path) for path in sys.argv[1:3])
    upstream = subprocess.Popen(
        [traffic, "--upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    port = upstream.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as home:
        with open(home + "/config.toml", "w") as config:
            config.write('version = 1\n[settings]\nmode = "full"\n')
            for n in range(30):
                url = "http://127.0.0.1:%s/%s" % (port, ("json", "sse")[n % 2])
                config.write('[connections.c%02d]\nurl = "%s"\nauth = "none"\n' % (n, url))
        environment = {"ALLMCP_HOME": home, "HOME": home, "PATH": "/usr/bin:/bin"}
        quiet = subprocess.DEVNULL
        subprocess.run([binary, "sync"], env=environment, check=True, stdin=quiet, stdout=quiet)
        order, sizes = trace(binary, environment)
    upstream.kill()
    print("/* Written by start.py, which says what this is. */")
    print("SECTIONS\n{\n  .text.start :\n  {")
    for line in dict.fromkeys(patterns(order, sizes)):
        print("    " + line)
    print("  }\n}\nINSERT BEFORE .text;")


main()

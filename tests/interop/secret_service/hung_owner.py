#!/usr/bin/python3
"""Owns org.freedesktop.secrets and never answers; prints "ready" once it does.

To a client this is a keyring daemon that has stopped, or waits for a prompt that nobody sees.
"""

import signal
import sys

import dbus

DO_NOT_QUEUE = 4
OWNER = 1

bus = dbus.SessionBus()
if bus.request_name("org.freedesktop.secrets", DO_NOT_QUEUE) != OWNER:
    sys.exit("somebody else owns org.freedesktop.secrets")
print("ready", flush=True)
# No main loop: what arrives stays unread.
signal.pause()

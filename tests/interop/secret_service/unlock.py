#!/usr/bin/python3
"""Unlocks gnome-keyring's login collection with the password in argv, without a prompt.

`gnome-keyring-daemon --unlock` only does that for a daemon that it starts itself.
"""

import sys

import dbus

LOGIN = "/org/freedesktop/secrets/collection/login"

bus = dbus.SessionBus()
service = bus.get_object("org.freedesktop.secrets", "/org/freedesktop/secrets")
empty = dbus.String("", variant_level=1)
_, session = dbus.Interface(service, "org.freedesktop.Secret.Service").OpenSession("plain", empty)
password = dbus.ByteArray(sys.argv[1].encode())
secret = dbus.Struct((session, dbus.ByteArray(b""), password, "text/plain"), signature="oayays")
internal = dbus.Interface(service, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface")
internal.UnlockWithMasterPassword(dbus.ObjectPath(LOGIN), secret)

"""Types into a shell on a terminal of its own and presses Tab.

tab.py insert SHELL… -- TYPED…     prints each line as the shell made it of what was typed and one Tab
tab.py list:WORDS SHELL… -- TYPED… prints those of WORDS (with commas) that two Tabs show

The shell's prompt is READY> and a space.
"""

import os
import pty
import re
import select
import signal
import sys
import time

PATIENCE = 30
ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-B]|[=>78M])|\x07")


class Screen:
    def __init__(self, shell):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(shell[0], shell)
        import fcntl, struct, termios
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))

    def text(self):
        return ESCAPES.sub(b"", self.seen).decode(errors="replace").replace("\r", "")

    def until(self, what):
        """Waits until a pattern is on the screen, and forgets everything up to its end."""
        end = time.monotonic() + PATIENCE
        while True:
            found = re.search(what, self.text(), re.M)
            if found:
                before = self.text()[: found.start()]
                self.seen = self.text()[found.end() :].encode()
                return found, before
            left = end - time.monotonic()
            if left <= 0:
                sys.exit(f"waited in vain for {what!r} on this screen:\n{self.text()}")
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    sys.exit(f"the shell ended before {what!r}:\n{self.text()}")

    def type(self, keys):
        os.write(self.fd, keys.encode())


def main():
    mode, rest = sys.argv[1], sys.argv[2:]
    at = rest.index("--")
    screen = Screen(rest[:at])
    screen.until(r"READY> ")
    for number, typed in enumerate(rest[at + 1 :]):
        if mode == "insert":
            # Afterwards the line becomes the argument of echo, and so what the shell says it is.
            screen.type(typed + "\t" + "\x01echo '<" + "\x05" + ">'\r")
            found, _ = screen.until(r"^<(allmcp.*)>$")
            print(found[1])
        else:
            screen.type(typed + "\t\t")
            # What is typed next is drawn when the list is.
            mark = f"end{number}"
            screen.type("\x15" + f"echo '{mark}'\r")
            _, shown = screen.until(f"^{mark}$")
            words = mode.removeprefix("list:").split(",")
            print(*(word for word in words if re.search(rf"\b{word}\b", shown)))
        screen.until(r"READY> ")
    os.kill(screen.pid, signal.SIGKILL)
    os.waitpid(screen.pid, 0)


main()

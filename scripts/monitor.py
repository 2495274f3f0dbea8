# SPDX-License-Identifier: MIT
"""QEMU's monitor (QMP) behind a socket."""

import json
import socket
import time


class VmError(Exception):
    """The machine cannot be started; the text says why."""


class MonitorClosed(VmError):
    """QEMU ended before it answered a monitor command."""


class Monitor:
    """QEMU's monitor behind a socket, which QEMU makes a moment after it is
    started; alive() says whether there is any use in waiting for it.  Use as a
    context manager, or connect() and close()."""

    def __init__(self, path, alive=lambda: True):
        self.path = str(path)
        self.alive = alive
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.file = None

    def connect(self, timeout=20):
        limit = time.monotonic() + timeout
        while True:
            try:
                self.socket.connect(self.path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > limit or not self.alive():
                    raise VmError(f"no monitor after {timeout} s") from None
                time.sleep(0.01)
        self.file = self.socket.makefile("r")
        self.file.readline()
        self.qmp("qmp_capabilities")

    def close(self):
        if self.file:
            self.file.close()
        self.socket.close()

    def __enter__(self):
        self.connect()
        return self

    def __exit__(self, *_):
        self.close()

    def qmp(self, command, **arguments):
        """Run one command; what it returns."""
        closed = MonitorClosed(f"monitor: {command}: QEMU ended before it "
                               "answered")
        try:
            self.socket.sendall(json.dumps(
                {"execute": command, "arguments": arguments}).encode())
        except (BrokenPipeError, ConnectionResetError):
            raise closed from None
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = ""
            if not line.endswith("\n"):
                raise closed
            reply = json.loads(line)
            if "error" in reply:
                raise VmError(f"monitor: {command}: {reply['error']}")
            if "return" in reply:
                return reply["return"]

# SPDX-License-Identifier: MIT
"""The commands of docs/unlock.md for a TPM 1.2, with the logs of two boots and a
TPM of the host in place of the guest's, into which their events are extended.
trousers' daemon talks to it.  The disk is a file."""

import contextlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest

from test_attestation import free_ports
from test_unlock_update import log_of_boot
import tcglog
import vm

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pageblocks                                   # noqa: E402

TOOLS = ("tcsd", "tpm_createek", "tpm_sealdata", "cryptsetup")
WAIT_S = 60

pytestmark = pytest.mark.slow


def connect(port, process):
    limit = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < limit:
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), 5)
        time.sleep(0.02)
    raise OSError(f"{process.args[0]} does not listen at port {port}")


def extend(tpm, pcr, digest):
    """TPM_Extend (TPM Main 1.2, part 3, 16.1)."""
    tpm.sendall(struct.pack(">HIII", 0xc1, 34, 0x14, pcr) + digest)
    answer = tpm.recv(30, socket.MSG_WAITALL)
    assert answer[6:10] == bytes(4), answer


class Guest:
    """Boots on one TPM, with one disk."""

    def __init__(self, work):
        self.work = work
        self.disk, self.passphrase = work / "disk.img", work / "passphrase"
        self.passphrase.write_text("a passphrase")
        self.disk.write_bytes(bytes(32 << 20))
        subprocess.run([
            "cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf",
            "pbkdf2", "--pbkdf-force-iterations", "1000", self.disk,
            self.passphrase], check=True, timeout=60)
        tpm = vm.Tpm("1.2", work / "tpm")
        tpm.manufacture()
        tpm.stop()
        # tcsd runs as tss, and takes no other's files.
        self.daemon = work / "tcsd"
        self.daemon.mkdir()
        shutil.chown(self.daemon, "tss", "tss")
        self.config = self.daemon / "tcsd.conf"
        self.stack = self.env = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.stack:
            self.stack.close()

    def start(self, *argv, **kwargs):
        # pylint: disable=consider-using-with
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **kwargs)

        def end():
            process.terminate()
            process.wait(10)

        self.stack.callback(end)
        return process

    def boot(self, log):
        """A start of the TPM, and the events of this log's file."""
        self.__exit__()
        self.stack = contextlib.ExitStack()
        port = free_ports()
        swtpm = self.start(
            "swtpm", "socket", "--tpmstate", f"dir={self.work}/tpm",
            "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
            "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
            "--flags", "not-need-init,startup-clear")
        with connect(port, swtpm) as tpm:
            for event in tcglog.parse(log.read_bytes()).events:
                if event.type != tcglog.EV_NO_ACTION:
                    extend(tpm, event.pcr, event.digests["sha1"])
        own = free_ports()
        self.config.write_text(f"port = {own}\nsystem_ps_file = "
                               f"{self.daemon}/system.data\n")
        self.config.chmod(0o640)
        shutil.chown(self.config, "root", "tss")
        tcsd = self.start(
            "tcsd", "-e", "-f", "-c", self.config, env=dict(
                os.environ, TCSD_TCP_DEVICE_HOSTNAME="127.0.0.1",
                TCSD_TCP_DEVICE_PORT=str(port)))
        connect(own, tcsd).close()
        self.env = dict(os.environ, TSS_TCSD_PORT=str(own))

    def page(self, name):
        """Type what the page says; does it succeed?"""
        text = pageblocks.blocks(ROOT / "docs/unlock.md")[name]
        for old, new in (
                ("/dev/vda2 data", f"--test-passphrase {self.disk}"),
                ("luksAddKey", f"luksAddKey --key-file {self.passphrase} "
                 "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"),
                ("/dev/vda2", self.disk), ("/run/", f"{self.work}/"),
                ("/etc/", f"{self.work}/")):
            text = text.replace(old, str(new))
        return subprocess.run(
            ["bash", "-c", "set -e -o pipefail\n" + text], env=self.env,
            text=True, capture_output=True, timeout=WAIT_S, check=False)


def test_sealed_to_a_boot(tests):
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"scripts/setup full was not run: no {missing[0]}")
    if os.getuid():
        pytest.skip("tcsd wants to be started by root")
    now, other = (log_of_boot(tests, cmdline, "1.2")
                  for cmdline in ("quiet", "loud"))
    sealed = tests.tmp / "disk.sealed"
    with Guest(tests.tmp) as guest:
        guest.boot(now)
        for name in ("tpm12-owner", "tpm12-seal", "tpm12-open"):
            done = guest.page(name)
            assert done.returncode == 0, (name, done.stdout, done.stderr)
        assert not (tests.tmp / "disk.key").exists()
        guest.boot(other)
        done = guest.page("tpm12-open")
        assert done.returncode != 0, "another command line"
        assert done.stderr == "Nothing to read on input.\n", done.stderr
        assert b"TSS" in sealed.read_bytes(), "it was there"
        guest.boot(now)
        done = guest.page("tpm12-open")
        assert done.returncode == 0, done.stderr

# SPDX-License-Identifier: MIT
"""docs/attestation.md: a secret sealed to a predicted boot.

It is sealed before the machine has ever been started.  Then machines boot,
as predicted and with one thing changed each; the events of each guest's log
are extended into the TPM that holds the secret, whose PCRs then are the
machine's (the test checks that), and tpm2_unseal is asked."""

import contextlib
import os
import socket
import subprocess

import pytest

from conftest import log_of, pcrs_of
from test_handover import CMDLINE, kernel_args, keelpcr
import tcglog
import vm

SELECTION = "sha256:0,2,4,5,8,9"
SECRET = b"the disk's key"


def free_ports():
    """Two neighbouring TCP ports: swtpm's commands and control."""
    for port in range(21000 + os.getpid() % 20000, 65000, 2):
        with contextlib.suppress(OSError), socket.socket() as a, \
                socket.socket() as b:
            a.bind(("127.0.0.1", port))
            b.bind(("127.0.0.1", port + 1))
            return port
    raise OSError("no free ports")


class HostTpm:
    """An swtpm that tpm2-tools of the host talk to."""

    def __init__(self, work):
        self.work = work
        self.state = work / "host-tpm"
        self.state.mkdir(exist_ok=True)

    def __enter__(self):
        port = free_ports()
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen([
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}",
            "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
            "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
            "--flags", "not-need-init,startup-clear"])
        self.env = dict(os.environ, TPM2TOOLS_TCTI=
                        f"swtpm:host=127.0.0.1,port={port}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def run(self, tool, *args, check=True):
        done = subprocess.run([tool, *[str(a) for a in args]],
                              cwd=self.work, env=self.env,
                              capture_output=True, check=False, timeout=60)
        if check:
            assert done.returncode == 0, (tool, done.stderr.decode())
        return done

    def seal(self, pcrs):
        (self.work / "secret").write_bytes(SECRET)
        self.run("tpm2_createprimary", "-C", "o", "-g", "sha256", "-c",
                 "primary.ctx")
        self.run("tpm2_startauthsession", "-S", "session.ctx")
        self.run("tpm2_policypcr", "-S", "session.ctx", "-l", SELECTION,
                 "-f", pcrs, "-L", "policy")
        self.run("tpm2_flushcontext", "session.ctx")
        self.run("tpm2_create", "-C", "primary.ctx", "-L", "policy", "-i",
                 "secret", "-u", "key.pub", "-r", "key.priv")
        self.run("tpm2_flushcontext", "-t")
        self.run("tpm2_load", "-C", "primary.ctx", "-u", "key.pub", "-r",
                 "key.priv", "-c", "key.ctx")
        self.run("tpm2_evictcontrol", "-C", "o", "-c", "key.ctx",
                 "0x81010001")

    def take_pcrs_of(self, dump):
        events = [e for e in log_of(dump).events
                  if e.type != tcglog.EV_NO_ACTION]
        for start in range(0, len(events), 8):
            self.run("tpm2_pcrextend", *[
                f"{e.pcr}:sha256={e.digests['sha256'].hex()}"
                for e in events[start:start + 8]])
        values = self.run("tpm2_pcrread", "-o", "values", SELECTION)
        assert values.returncode == 0
        read = pcrs_of(dump)["sha256"]
        assert (self.work / "values").read_bytes() == \
            b"".join(read[n] for n in (0, 2, 4, 5, 8, 9))

    def unseal(self):
        self.run("tpm2_startauthsession", "--policy-session", "-S",
                 "session.ctx")
        self.run("tpm2_policypcr", "-S", "session.ctx", "-l", SELECTION)
        done = self.run("tpm2_unseal", "-c", "0x81010001", "-p",
                        "session:session.ctx", check=False)
        self.run("tpm2_flushcontext", "session.ctx")
        return done.stdout if done.returncode == 0 else None


def changed(tests, source, text, name):
    """A copy of a file with a byte changed where nobody minds."""
    data = bytearray(source.read_bytes())
    at = data.find(text)
    assert at > 0
    data[at] ^= 0x20
    path = tests.tmp / name
    path.write_bytes(data)
    return path


def seal_to_prediction(tests, args):
    with tests.tpm("2.0-crb", name="argv") as tpm:
        argv = vm.qemu_argv(tests.bios, "q35", tpm, args=args)
    done = keelpcr("predict", "--format", "pcr-file", "--pcrs", SELECTION,
                   "-o", tests.tmp / "pcrs.bin", "--", *argv,
                   "-serial", "stdio")
    assert done.returncode == 0, done.stderr
    with HostTpm(tests.tmp) as tpm:
        tpm.seal("pcrs.bin")


def assert_unseals(tests, what, machine):
    """What is called "as predicted" gets the secret, nothing else does."""
    dump = tests.boot_and_dump("q35", "tpm", tpm="2.0-crb", disk=None,
                               **machine)
    with HostTpm(tests.tmp) as tpm:
        tpm.take_pcrs_of(dump)
        want = SECRET if what == "as predicted" else None
        assert tpm.unseal() == want, what


@pytest.mark.slow
def test_kernel_boot(tests):
    args = kernel_args(tests.guest)
    seal_to_prediction(tests, args)
    kernel = changed(tests, tests.guest["vmlinuz"],
                     b"No setup signature found", "vmlinuz")
    bios = changed(tests, tests.bios, b"Booting from DVD/CD", "bios.bin")
    for what, machine in (
            ("as predicted", {"args": args}),
            ("kernel", {"args": kernel_args(
                dict(tests.guest, vmlinuz=kernel))}),
            ("command line", {"args": kernel_args(tests.guest,
                                                  CMDLINE + " x")}),
            ("another option ROM", {"args": args, "vga": "std"}),
            ("firmware", {"args": args, "bios": bios}),
            ("as predicted", {"args": args})):
        assert_unseals(tests, what, machine)


@pytest.mark.slow
def test_disk_boot(tests):
    def with_byte(at):
        """The GRUB disk with a bit changed that GRUB does not use."""
        path = tests.tmp / f"disk{at}"
        data = bytearray(tests.guest["disk.img"].read_bytes())
        if at is not None:
            data[at] ^= 1
        path.write_bytes(data)
        return {"args": vm.disk(path, "virtio", "q35")}

    seal_to_prediction(tests, with_byte(None)["args"])
    for what, at in (("as predicted", None), ("MBR", 0x1b0),
                     ("disk signature", 0x1b8), ("MBR gap", 2000 * 512),
                     ("as predicted", -1)):
        assert_unseals(tests, what, with_byte(at))

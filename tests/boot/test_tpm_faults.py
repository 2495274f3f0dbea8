# SPDX-License-Identifier: MIT
"""A TPM that is slow, dead, or answers wrongly, at each command of POST: the
machine boots within the specification's time-outs and says what is wrong, and
either nothing was lost, or PCRs are capped or the TPM is disabled."""

import contextlib
import os
import signal
import time

import pytest

import faketpm
import measured
import vm

KINDS = ["2.0-crb", "2.0-tis", "1.2"]


# ----------------------------------------------- swtpm stopped from the start

def seconds_with_swtpm_stopped(tests, kind, limit, bios=None):
    """From the first instruction to the boot sector; None: not in limit
    seconds.  And what the consoles say."""
    port = tests.tmp / "port403"
    args = ["-S", "-chardev", f"file,id=port403,path={port}",
            "-device", "isa-debugcon,iobase=0x403,chardev=port403"]
    args += vm.disk(tests.guest["clock.img"], "virtio", "q35")
    with tests.tpm(kind) as tpm, tests.machine(
            "q35", None, tpm=tpm, mem="32M", args=args, bios=bios, vga="none",
            machine_options=",graphics=off") as m:
        connect(m)
        os.kill(tpm.process.pid, signal.SIGSTOP)
        try:
            m.qmp("cont")
            start = time.monotonic()
            while time.monotonic() < start + limit:
                if port.exists() and len(port.read_bytes()) >= 8:
                    return time.monotonic() - start, m
                time.sleep(0.02)
            return None, m
        finally:
            os.kill(tpm.process.pid, signal.SIGCONT)


def connect(m, limit=20):
    """QEMU's monitor, while QEMU may not have made it yet."""
    end = time.monotonic() + limit
    while True:
        try:
            return m.qmp("query-status")
        except (FileNotFoundError, ConnectionRefusedError):
            m.monitor = None
            assert time.monotonic() < end and m.alive(), m.report("no monitor")
            time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_swtpm_stopped(tests, kind):
    """The host has stopped swtpm (SIGSTOP) before the first instruction: 2 s,
    the time of a start-up, and one clear line."""
    took, m = seconds_with_swtpm_stopped(tests, kind, 60)
    assert took is not None, m.report("the boot sector did not run")
    print(f"\n{kind}: boot sector after {took:.1f} s")
    assert took < 10, "2 s are due, the rest is for a loaded host"
    for text in (bytes(m.serial), m.debug()):
        assert b"TPM: start-up failed: it did not answer in time" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["2.0-crb"])
def test_swtpm_stopped_seabios(tests, kind):
    """SeaBIOS does not come up, and says nothing."""
    took, m = seconds_with_swtpm_stopped(tests, kind, 65, vm.SEABIOS)
    assert took is None, f"SeaBIOS took {took} s"
    assert b"TPM" not in m.serial and b"timeout" not in m.debug().lower()

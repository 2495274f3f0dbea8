# SPDX-License-Identifier: MIT
"""A service returns, and the CPU is as it was, but for the service's results:
tests/rm/cpustate.S calls all of them, in every state that a real-mode program
may be in.

Limits of segments are checked by Bochs' CPU, not by QEMU's TCG."""

import collections
import contextlib
import re

import pytest

import bochs
import vm
from conftest import Tests
from rm16 import assemble

COM1 = b"\xf8\x03"
SHOWN = 40                          # lines of a failure
CALLS = 3000                        # that there are at least


def on_bochs(bios, work, cpus=1):
    # With two processors Bochs 3.0 has read a sector before its keyboard's
    # interrupt comes.
    options = ["-DBOCHS"] + (["-DSLOW_DISK"] if cpus == 1 else [])
    return bochs.Bochs(bios, work / "run", cpus=cpus, mem=256,
                       disk=assemble("cpustate", work, *options))


@contextlib.contextmanager
def on_qemu(bios, work, machine, vga=None, console=False, tpm=None, cpu=None):
    """console: on a serial port, beside the display if there is one."""
    args = vm.disk(assemble("cpustate", work), "ide", machine)
    args += ["-device", "isa-debug-exit,iobase=0x501"]
    if cpu:
        args += ["-cpu", cpu]
    if console:
        (work / "sercon-port").write_bytes(COM1)
        args += ["-fw_cfg",
                 f"name=etc/sercon-port,file={work / 'sercon-port'}"]
    with Tests(bios, None, work).tpm(tpm) as made:
        argv = vm.qemu_argv(bios, machine, made, vga=vga, args=args)
        with vm.Machine(argv, work / "run") as m:
            yield m


def by_register(failed):
    """How many calls changed each."""
    return collections.Counter(
        name for line in failed
        for name in re.findall(r"(?:: |, )([\w ]+?) \w{8} not \w{8}", line))


def not_in_time(text):
    """Calls of INT 13h in which no key came.  The disk of Bochs 3.1 answers
    before one can; where it waits (2.7, 3.0), the key has to come."""
    version = re.search(r"Bochs x86 Emulator (\d+)\.(\d+)", text)
    if not version or tuple(map(int, version.groups())) < (3, 1):
        return set()
    return set(re.findall(r"^FAIL (INT 13h AH=02h, IRQ 1, .*): "
                          r"no IRQ 0{7}1 not 0{8}$", text, re.M))


def as_before(m, checked):
    """No call changed anything.  checked: the CPU checks limits."""
    m.wait_debug(rb"^done$", 120)
    text = m.debug().decode(errors="replace")
    for call in not_in_time(text):
        text = re.sub(rf"^FAIL {re.escape(call)}: .*$", f"ok {call}", text,
                      flags=re.M)
    lines = text.split("\n")
    failed = [line for line in lines if line.startswith("FAIL ")]
    counts = ", ".join(f"{name} {count}" for name, count in
                       by_register(failed).most_common())
    assert not failed, m.report("\n".join(
        [f"{len(failed)} calls leave the CPU changed: {counts}",
         *failed[:SHOWN], "..." if len(failed) > SHOWN else ""]))
    assert sum(line.startswith("ok ") for line in lines) >= CALLS, \
        m.report("the program left calls out")
    assert ("limits are checked" in lines) is checked, m.report("limits")


@pytest.fixture(autouse=True)
def ours(under_seabios):
    if under_seabios:
        pytest.skip("BIOS= names SeaBIOS, which does not promise this: GDTR "
                    "and limits are its own after a call")


@pytest.mark.parametrize("cpus", [1, 2])
def test_bochs(bios, tmp_path, cpus):
    with on_bochs(bios, tmp_path, cpus) as m:
        as_before(m, checked=True)


@pytest.mark.parametrize("machine,options", [
    ("pc", {}),
    ("pc", {"console": True}),
    ("q35", {"console": True, "tpm": "2.0-tis"}),
    ("q35", {"console": True, "tpm": "2.0-crb", "cpu": "qemu64,-sse2"}),
    ("q35", {"console": True, "tpm": "2.0-crb", "cpu": "max"}),
    ("q35", {"vga": "std", "console": True}),
], ids=["pc", "pc-console", "q35-console-tpm", "q35-tpm-no-sse2", "q35-tpm-avx2",
        "q35-vga-console"])
def test_qemu(bios, tmp_path, machine, options):
    with on_qemu(bios, tmp_path, machine, **options) as m:
        as_before(m, checked=False)

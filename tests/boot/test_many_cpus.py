# SPDX-License-Identifier: MIT
"""More processors than an APIC ID of eight bits can name: QEMU 9.0 or newer."""

import subprocess
import time

import pytest

import agent
import measured
import vm

CPUS = 288
BEYOND = 0xff                   # IDs from here on need x2APIC
LINE = ["-device", "intel-iommu,intremap=on,eim=on",
        "-cpu", "qemu64,+x2apic"]
LAPIC, ICR_LOW, ICR_HIGH = 0xfee00000, 0x300, 0x310
INIT, STARTUP = 0x4500, 0x4600
CODE = 0x50000                  # of the processors that the test starts
COUNTER = CODE + 0x100
# lock inc dword [cs:100h]; cli; 1: hlt; jmp 1b
COUNTS = bytes.fromhex("f02e66ff060001" "fa" "f4" "ebfd")


@pytest.fixture(name="many")
def fixture_many(tests):
    """agent.started() with so many, where QEMU takes them under TCG."""
    refused = subprocess.run(
        [vm.QEMU, "-S", "-accel", "tcg", "-M", "q35", "-smp", str(CPUS), *LINE,
         "-display", "none", "-nodefaults", "-qmp", "stdio"], check=False,
        input='{"execute": "qmp_capabilities"} {"execute": "quit"}',
        capture_output=True, timeout=60, text=True)
    if refused.returncode:
        pytest.skip(f"{vm.QEMU}: {refused.stderr.strip()}")
    return lambda **kwargs: agent.started(
        tests, "q35", None, args=LINE, mem="32M", smp=CPUS, **kwargs)


def started_by(a, apic_id):
    """How many processors come when that one is called."""
    a.write(CODE, COUNTS)
    a.write(COUNTER, bytes(4))
    a.command(f"W {LAPIC + ICR_HIGH:x} {apic_id << 24:x}")
    for message in (INIT, STARTUP | CODE >> 12):
        a.command(f"W {LAPIC + ICR_LOW:x} {message:x}")
        time.sleep(0.5)
    return int.from_bytes(a.read(COUNTER, 4), "little")


def test_all_are_there(many):
    """All answer, also after S3; none with a long ID comes for another's; ACPI
    names them, an MP table could not."""
    with many() as a:
        assert b"CPUs:" not in a.m.debug()
        ram = measured.memory(a.m)
        madt = next(measured.tables(ram, b"APIC"))
        kinds, at = [], 44
        while at < len(madt):
            kinds.append(madt[at])
            at += madt[at + 1]
        assert kinds.count(0) == BEYOND and kinds.count(9) == CPUS - BEYOND
        assert b"_MP_" not in ram[0xf0000:0x100000]
        assert started_by(a, 1) == 1
        a.suspend()
        a.wake()
        assert b"CPUs:" not in a.m.debug()
        assert started_by(a, 2) == 1

# SPDX-License-Identifier: MIT
"""More processors than an APIC ID of eight bits can name: QEMU 9.0 or newer."""

import subprocess

import pytest

import agent
import measured
import vm

CPUS = 288
BEYOND = 0xff                   # IDs from here on need x2APIC
LINE = ["-device", "intel-iommu,intremap=on,eim=on",
        "-cpu", "qemu64,+x2apic"]


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


def test_all_are_there(many):
    """All answer, also after S3; ACPI names them, an MP table could not."""
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
        a.suspend()
        a.wake()
        assert b"CPUs:" not in a.m.debug()


def test_linux_starts_one_with_a_long_id(tests, many):
    """Beside one that is the same in eight bits; in x2APIC mode."""
    def cpu(number):
        return ["-device", "qemu64-x86_64-cpu,x2apic=on,die-id=0,core-id=0,"
                f"thread-id=0,socket-id={number}"]

    with tests.machine(
            "q35", smp=f"1,sockets={CPUS},maxcpus={CPUS}", disk="virtio",
            mem="512M", args=LINE + cpu(1) + cpu(CPUS - 1) + cpu(257)) as m:
        m.ready(180)
        assert b"CPUs:" not in m.debug()
        assert "x2apic: enabled by BIOS" in m.command("dmesg | grep x2apic")
        text = m.command("grep apicid /proc/cpuinfo")
        assert sorted(int(line.split(":")[1]) for line in text.splitlines()
                      if line.startswith("apicid")) == [0, 1, 257, CPUS - 1]

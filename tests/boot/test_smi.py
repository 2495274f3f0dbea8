# SPDX-License-Identifier: MIT
"""SMIs that an operating system leaves on their way when it resets the
machine: after a reset a CPU looks for their handler at 38000h, in RAM.

The boot sector tests/rm/smi.S plants a handler and resets many times.  QEMU
from 9.2 on has timers on q35 that outlive a reset, and vm.py takes them away
unless a test wants them (docs/threat-model.md).
"""

import re
import subprocess

import pytest

import agent
import measured
import vm

DONE = 0x63                     # isa-debug-exit for 31h
# What arms: the ICH9's software SMI timer, the local APIC's LINT0, the I/O
# APIC, the local APIC's timer.
SWSMI, LINT0, IOAPIC, APIC_TIMER = range(4)
# 1.5 ms and 16 ms, and how long the boot sector waits after arming.
PACES = [(0, 1), (0, 300), (0, 1000), (1, 1), (1, 4000), (1, 12000)]
SAID = rb"TPM: this machine's SMI timers outlive a reset, so an operating "
EVENT = b"SMI timers outlive a reset"


@pytest.fixture
def smi_timers():
    """For what only a QEMU that has the timers can show."""
    if not vm.smi_timers_off():
        pytest.skip(f"{vm.QEMU} has no SMI timers that outlive a reset: they "
                    "came with QEMU 9.2 (QEMU= names another)")


def interrupted(tests, machine, tries, method, rate=0, delay=1, **kwargs):
    """Where the planted handler's SMIs came in, after the resets; EIPs."""
    obj, disk = tests.tmp / "smi.o", tests.tmp / "smi.img"
    subprocess.run(["gcc", "-m32", "-c", agent.RM / "smi.S", "-o", obj,
                    f"-DMETHOD={method}", f"-DRATE={rate}",
                    f"-DDELAY={delay}", f"-DTRIES={tries}"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext",
                    "0", "-e", "0", obj, "-o", disk], check=True)
    assert disk.stat().st_size == 512
    with open(disk, "r+b") as file:
        file.truncate(1 << 20)
    args = ["-device", "isa-debug-exit,iobase=0x501,iosize=1"] + \
        vm.disk(disk, "virtio")
    with tests.machine(machine, None, args=args, mem="64M", **kwargs) as m:
        assert m.wait(120) == DONE, m.report("not all boots came")
        text = m.marker().decode()
        seen = re.compile(r"S([0-9A-F]{8})")
        assert seen.sub("", text).count("E") == tries, m.report(text)
        # Without the boot sector's own addresses: the reset comes later.
        return [int(eip, 16) for eip in seen.findall(text)
                if not eip.startswith(("00007C", "00007D"))]


@pytest.mark.parametrize("options", ["", ",smm=off"])
@pytest.mark.parametrize("machine,method,rate", [
    ("q35", SWSMI, 0), ("q35", SWSMI, 1), ("pc", IOAPIC, 0),
    ("q35", IOAPIC, 0), ("pc", APIC_TIMER, 500000),
    ("q35", APIC_TIMER, 4000000)])
def test_no_smi_outlives_a_reset(tests, machine, options, method, rate):
    """Without ICH9's timers."""
    assert interrupted(tests, machine, 20, method, rate,
                       machine_options=options) == []


def test_timers_are_stopped_at_once(tests, smi_timers):
    """Where they are, the firmware stops them before it leaves real mode; at
    the first instruction there was an SMI already, or never."""
    for rate, delay in PACES:
        seen = interrupted(tests, "q35", 20, SWSMI, rate, delay,
                           smi_timers=True)
        assert all(eip < 0x10000 for eip in seen), \
            f"rate {rate}, delay {delay}: {[hex(eip) for eip in seen]}"


OUT_OF_REACH = pytest.mark.xfail(
    strict=True, raises=AssertionError,
    reason="QEMU's reset leaves an SMI on its way: docs/threat-model.md, out "
    "of reach")


@pytest.mark.slow
@OUT_OF_REACH
@pytest.mark.parametrize("options", ["", ",smm=off"])
def test_timer_before_the_first_instruction(tests, smi_timers, options):
    """It runs out during the reset, and the SMI is there first.  Also with
    smm=off, which TCG does not care about."""
    for rate, delay in PACES:
        assert interrupted(tests, "q35", 20, SWSMI, rate, delay,
                           machine_options=options, smi_timers=True) == []


@pytest.mark.slow
@OUT_OF_REACH
@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("options", ["", ",smm=off"])
def test_lint0_before_the_first_instruction(tests, machine, options):
    """As with an NMI (test_trust.py)."""
    assert interrupted(tests, machine, 20, LINT0,
                       machine_options=options) == []


@pytest.mark.parametrize("kind", ["2.0-crb", "1.2"])
def test_timers_are_reported(tests, smi_timers, kind):
    """In words, and as the last event about the machine in PCR 1."""
    seen = {}
    for timers in (True, False):
        with measured.watched(tests, kind) as tpm, measured.boot(
                tests, "q35", tpm, smi_timers=timers) as m:
            log = measured.log(m)
            assert not log.check(tpm.pcrs()), m.report("the log is wrong")
            seen[timers] = [e for e in log.events if e.pcr == 1]
            assert bool(re.search(SAID, m.debug())) == timers
    named = [e for e in seen[True] if e.data == EVENT]
    assert [e.name for e in named] == ["EV_PLATFORM_CONFIG_FLAGS"]
    assert seen[True][-2] is named[0]       # then the separator
    seen[True].remove(named[0])
    assert [e.digests for e in seen[True]] == [e.digests for e in seen[False]]


def test_no_report_without_a_tpm(tests, smi_timers):
    """Nothing is measured, so nothing can be forged."""
    with measured.boot(tests, "q35", None, smi_timers=True) as m:
        assert not re.search(SAID, m.debug())


# q35's host bridge, configuration space (in memory: MMCFG)
MMCFG, EXTENDED_TSEG, ESMRAMC = 0xb0000000, 0x50, 0x9e
T_EN, SIZE_EXTENDED = 1 << 0, 3 << 1
TOP, LEFT = 256 << 20, 1 << 20          # of RAM; what POST keeps at the top


@pytest.mark.parametrize("mib", [1, 64, 0xffe])
def test_tseg(tests, mib):
    """It is RAM, and an OS cannot hide its part of RAM in it any more."""
    with agent.started(tests, "q35", None, mem="256M", args=[
            "-global", f"mch.extended-tseg-mbytes={mib}"]) as a:
        a.write(MMCFG + EXTENDED_TSEG, b"\xff\xff")
        assert a.read(MMCFG + EXTENDED_TSEG, 2) == mib.to_bytes(2, "little")
        a.write(MMCFG + ESMRAMC, bytes([SIZE_EXTENDED | T_EN]))
        assert not a.pci(0, 0)[ESMRAMC] & T_EN
        ram = max(e for e in a.e820() if e[2] == 1)
        assert ram[0] == 1 << 20 and TOP - LEFT <= sum(ram[:2]) <= TOP
        a.write(TOP - LEFT - 4, b"RAM.")
        assert a.read(TOP - LEFT - 4, 4) == b"RAM."

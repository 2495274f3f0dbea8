# SPDX-License-Identifier: MIT
"""The memory overwrite request: as an operating system makes it through ACPI,
what the firmware clears before any other code runs, and a reset in the
middle.

QEMU clears RAM itself at a reset with the request there.  The firmware's own
clearing shows where QEMU did not act: its loader device writes both the
request and the contents of RAM after QEMU's wipe.
"""

import os
import re
import subprocess
import time

import pytest

import agent
import ppihost
import vm

MOVV = agent.PPI + agent.MOVV
SECRET = b"KEELBIOS SECRET!"
# Below 640 KiB, EBDA, where POST runs, low RAM's end, above 4 GiB.  (Before the
# first instruction C0000-FFFFF is not RAM.)
EBDA = 0x9fc00
PLACES = [0x500 + 0x8000, 0x90000, EBDA, 0x1f0000, 0x4000000, 0x7800000,
          0x100000000, 0x107f00000]
MACHINES = ["pc", "q35"]
SPLIT = ["-M", "max-ram-below-4g=128M"]     # of 256 MiB, half is above


def loader(tests, places, movv):
    """Arguments that put a pattern into RAM, and the request."""
    args = SPLIT + ["-device", f"loader,addr={MOVV:#x},data={movv},data-len=1"]
    args += ppihost.page(agent.MARK_AT, agent.MARK)
    for at in places:
        if at == EBDA:              # up to the hole for video memory
            path = tests.tmp / "short"
            path.write_bytes(SECRET * 64)
        else:
            path = tests.tmp / "pattern"
            path.write_bytes(SECRET * 256)
        args += ["-device",
                 f"loader,file={path},addr={at:#x},force-raw=on"]
    return args


def physical(m, path, at, size=4096):
    m.qmp("pmemsave", val=at, size=size, filename=str(path))
    return path.read_bytes()


def left_over(tests, m, places):
    found = []
    for at in places:
        data = physical(m, tests.tmp / "memory", at)
        found += [hex(at + i) for i in [data.find(SECRET)] if i >= 0]
    return found


@pytest.mark.parametrize("machine,movv,want", [
    ("pc", 0x01, 0x00), ("q35", 0x11, 0x10), ("pc", 0x10, 0x10),
    pytest.param("q35", 0x01, 0x00, marks=pytest.mark.slow),
    pytest.param("pc", 0xff, 0xfe, marks=pytest.mark.slow),
    pytest.param("q35", 0x00, 0x00, marks=pytest.mark.slow)])
def test_cleared_before_anything_runs(tests, machine, movv, want):
    """The pattern is gone when the boot sector runs, the request with it;
    DisableAutoDetect and bits that are nobody's stay."""
    with tests.tpm("2.0-crb") as tpm, ppihost.Agent(
            tests, machine, tpm, args=loader(tests, PLACES, movv)) as h:
        left = left_over(tests, h.m, PLACES)
        assert h.a.read(MOVV, 1) == bytes([want])
        if movv & 1:
            assert not left, "still in memory at " + ", ".join(left)
            assert b"Memory overwritten" in h.m.debug()
        else:
            assert len(left) > 4, "the pattern was never there"
            assert b"overwritten" not in h.m.debug()


@pytest.mark.parametrize("machine,kind", [("pc", "1.2"), ("q35", "2.0-crb")])
@pytest.mark.parametrize("junk", [b"\xff", bytes(range(1, 252)), b"\x05"])
def test_power_on_is_no_request(tests, machine, kind, junk):
    """QEMU leaves that memory uninitialised at power-on.  Whatever is there:
    nobody is asked, nothing is answered, RAM stays, the page is zeros."""
    with tests.tpm(kind) as tpm, ppihost.Agent(
            tests, machine, tpm,
            args=ppihost.page(0x100, (junk * 0x300)[:0x300])) as h:
        assert h.a.read(agent.PPI + 0x100, 0x2f0) == bytes(0x2f0), \
            h.m.report("the memory's contents")
        assert h.a.read(agent.PPI + agent.MARK_AT, len(agent.MARK)) == agent.MARK
        said = re.findall(rb"^.*(?:request|PPI|overwritten).*$", h.m.debug(),
                          re.M | re.I)
        assert not said, h.m.report(f"nothing was asked: {said}")


FIRST, LAST = 0x4000000, 0x137f00000        # of 1 GiB, in the order of clearing


@pytest.mark.parametrize("machine", MACHINES)
def test_cut_short(tests, machine):
    """A reset while the firmware clears: the request is still there then, so
    the next start clears again.  The firmware is in flash, since QEMU wipes
    at that reset, too."""
    with tests.tpm("2.0-crb") as tpm:
        argv = vm.qemu_argv(
            tests.bios, machine, tpm, mem="1G", pflash=True,
            args=loader(tests, [FIRST, LAST], 0x11) + ["-S"]
            + vm.disk(agent.image(tests.tmp), "ide", machine))
        with vm.Machine(argv, tests.tmp / "run") as m:
            host = agent.Agent(m)
            path = tests.tmp / "memory"
            for _ in range(3000):
                if os.path.exists(m.qmp_path):
                    break
                time.sleep(0.01)
            m.qmp("cont")
            # Until the first place is cleared, and the last one is not.
            for _ in range(2000):
                m.qmp("stop")
                if SECRET not in physical(m, path, FIRST):
                    break
                m.qmp("cont")
            assert SECRET in physical(m, path, LAST), \
                "too late to cut it"
            assert physical(m, path, MOVV, 1) == b"\x11"
            m.qmp("system_reset")
            m.qmp("cont")
            host.ready(120)
            assert not left_over(tests, m, [FIRST, LAST])
            assert host.read(MOVV, 1) == b"\x10"


def dsdt(h):
    """The machine's own DSDT, by way of RSDP, RSDT and FADT."""
    path = h.tests.tmp / "memory"

    def table(at):
        size = physical(h.m, path, at + 4, 4)
        return physical(h.m, path, at, int.from_bytes(size, "little"))

    area = physical(h.m, path, 0xe0000, 0x20000)
    at = next(i for i in range(0, len(area), 16)
              if area[i:i + 8] == b"RSD PTR " and not sum(area[i:i + 20]) & 255)
    rsdt = table(int.from_bytes(area[at + 16:at + 20], "little"))
    for i in range(36, len(rsdt), 4):
        found = table(int.from_bytes(rsdt[i:i + 4], "little"))
        if found[:4] == b"FACP":
            return table(int.from_bytes(found[40:44], "little"))
    raise AssertionError("no FADT")


def acpiexec(path, line):
    return subprocess.run(["acpiexec", "-b", line, path], check=True,
                          capture_output=True, text=True, timeout=60).stdout


def run_dsm(path, value):
    """Run the TPM device's _DSM, function 1, with this value; the address of
    its field MOVV, and what is there before and after."""
    # 376054ED-CC13-4675-901C-4756D7F2D45D
    uuid = "ED 54 60 37 13 CC 75 46 90 1C 47 56 D7 F2 D4 5D"
    device = re.search(r"(\\\S+)\.MOVV\b", acpiexec(path, "find MOVV"))[1]
    field = rf"evaluate {device}.MOVV"
    out = acpiexec(path, f"{field};evaluate {device}._DSM ({uuid}) 1 1 "
                   f"[{value}];{field}")
    before, returned, after = [int(v, 16) for v in re.findall(
        r"\[Integer\] = ([0-9A-F]+)", out)]
    assert returned == 0, out
    region = re.search(r"MOVV .*?Rgn \[(\w+)\] Off 000 Len 08",
                       acpiexec(path, f"namespace {device}"))[1]
    address = re.search(rf"{region} Region .*?Addr ([0-9A-F]+) Len 0001",
                        acpiexec(path, f"namespace {device}"))[1]
    return int(address, 16), before, after


@pytest.mark.parametrize("machine,kind", [
    ("q35", "2.0-crb"), ("pc", "1.2"),
    pytest.param("pc", "2.0-tis", marks=pytest.mark.slow)])
def test_asked_for_through_acpi(tests, machine, kind):
    """acpiexec runs the machine's own _DSM; the byte that it writes, written
    in the machine, makes the next start clear memory.  With the firmware in
    flash: QEMU's wipe takes one that was given by -bios along."""
    with tests.tpm(kind) as tpm, ppihost.Agent(
            tests, machine, tpm, pflash=True) as h:
        path = tests.tmp / "dsdt.dat"
        path.write_bytes(dsdt(h))
        address, before, after = run_dsm(path, 0x11)
        assert (address, before, after) == (MOVV, 0, 0x11)
        h.a.write(0x4000000, SECRET * 64)
        h.a.write(address, bytes([after]))
        h.reset()
        h.m.wait_debug(rb"Memory overwritten", 60)
        h.m.expect(h.up, 60)
        assert SECRET not in h.a.read(0x4000000, 1024)
        assert h.a.read(MOVV, 1) == b"\x10"
        # Once: the next start leaves memory alone.
        h.a.write(0x4000000, SECRET)
        h.restart()
        assert h.a.read(0x4000000, len(SECRET)) == SECRET

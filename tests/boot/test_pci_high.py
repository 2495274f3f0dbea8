# SPDX-License-Identifier: MIT
"""opt/org.seabios/pci64: what goes above 4 GiB, and where there."""

import re

import pytest

import roms
import vm
from needs import device_property

GIB = 1 << 30
AMD_HOLE = 0xfd00000000
DEVICES = ["-device", "virtio-gpu-pci", "-device", "virtio-net-pci",
           "-device", "pcie-root-port,id=empty,slot=1",
           "-device", "pcie-root-port,id=full,slot=2"]
AMD = "qemu64,vendor=AuthenticAMD"
INTEL = "qemu64,vendor=GenuineIntel"


@pytest.fixture
def placed(bios, tmp_path):
    """Boots from virtio-blk; {what 'info pci' calls a device: [address of
    each 64-bit BAR or prefetchable window]}."""
    disk = roms.sector(tmp_path / "disk.img", "disk")

    def run(switch, cpu="qemu64", mem="64M", bus=",bus=full"):
        args = DEVICES + ["-cpu", cpu] + vm.disk(disk, "virtio")
        args[-1] += bus
        if switch:
            args += ["-fw_cfg",
                     f"name=opt/org.seabios/pci64,string={switch}"]
        argv = vm.qemu_argv(bios, "q35", mem=mem, args=args)
        with vm.Machine(argv, tmp_path / "run") as m:
            m.wait_debug(rb"\[sector disk\]", 30)
            text = m.hmp("info pci")
        found = {}
        for part in re.split(r"(?m)^  Bus +", text)[1:]:
            number = re.match(r"(\d+), device +(\d+)", part)
            name = re.search(r"(?m)^    (.*?):", part)[1]
            base = [int(x, 16) for x in re.findall(
                r"64 bit prefetchable memory at (0x[0-9a-f]+)|"
                r"prefetchable memory range \[(0x[0-9a-f]+)", part)
                    for x in x if x]
            found[f"{number[1]}:{number[2]} {name}"] = base
        return found
    return run


def above(found):
    """The devices that have an address above 4 GiB, and those addresses."""
    return {name: [a for a in base if a >= 4 * GIB]
            for name, base in found.items()
            if any(a >= 4 * GIB for a in base)}


@pytest.mark.parametrize("switch,cpu", [
    (None, AMD), ("off", AMD), ("0", AMD), ("on", AMD + ",lm=off")])
def test_all_is_low(placed, switch, cpu):
    assert not above(placed(switch, cpu))


@pytest.mark.parametrize("cpu,bits,end", [
    (AMD + ",phys-bits=40", 40, AMD_HOLE), (AMD + ",phys-bits=42", 42, 1 << 42),
    (INTEL + ",phys-bits=39", 39, 1 << 39),
    (INTEL + ",phys-bits=46", 44, 1 << 44)])
def test_window_is_at_the_end(placed, cpu, bits, end):
    """Only what the firmware and ROMs do not use, in the last eighth."""
    high = above(placed("on", cpu))
    assert len(high) == 2, high             # the display, the empty port
    for name, base in high.items():
        for address in base:
            assert end - (1 << bits - 3) <= address < end, \
                f"{name} is at {address:#x}, of {end:#x}"


def test_bits_that_are_not_believed(placed):
    """QEMU says 40 bits on Intel's without knowing: behind the RAM."""
    high = above(placed("on", INTEL + ",phys-bits=40"))
    assert len(high) == 2
    assert max(max(base) for base in high.values()) < 8 * GIB, high


def test_guest_bits(placed):
    """A host without 5-level paging translates 48 bits of 52, say."""
    device_property("qemu64-x86_64-cpu", "guest-phys-bits")
    end = 1 << 42
    high = above(placed("on", AMD + ",phys-bits=43,guest-phys-bits=42"))
    assert high and all(end - end // 8 <= a < end
                        for base in high.values() for a in base), high


def test_ports_have_room(placed):
    """An empty port's window is 1/2048 of all addresses, and aligned so."""
    found = placed("on", AMD + ",phys-bits=42")
    assert any(a % (1 << 31) == 0 and a >= 4 * GIB
               for name, base in found.items() for a in base
               if "PCI bridge" in name), found


def test_linux_takes_it_over(tests):
    """The kernel claims what the firmware has placed, and moves nothing."""
    with tests.linux("q35", nic=True, args=[
            *DEVICES[:2], *DEVICES[4:6], "-fw_cfg",
            "name=opt/org.seabios/pci64,string=1"]) as m:
        m.ready()
        log = m.command("dmesg")
        for text in ("can't claim", "no compatible bridge window",
                     "failed to assign", "no space for"):
            assert text not in log, m.report(text)
        assert re.search(r"root bus resource \[mem 0x[0-9a-f]{9,}-", log), \
            m.report("no window above 4 GiB")

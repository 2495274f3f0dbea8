# SPDX-License-Identifier: MIT
"""What a disk is said to be like (tests/rm/geometry.S): INT 13h AH=08h, 15h,
48h, the table of INT 41h, CMOS; on every bus, with and without QEMU's secs=,
heads=, cyls= and their l-, beside SeaBIOS.  Partition tables have been written
under SeaBIOS, so a difference needs a reason, and all are named here."""

import re
import struct

import pytest

from rm16 import assemble
from test_int13 import run
import vm

MIB = 1 << 20
CASES = {
    "16M": (16 * MIB, ""),
    "1G": (1024 * MIB, ""),
    "20G": (20480 * MIB, ""),
    "secs-32": (1024 * MIB, "secs=32,heads=16,cyls=4096"),
    "secs-17": (1024 * MIB, "secs=17,heads=15,cyls=977"),
    "heads-64": (1024 * MIB, "secs=32,heads=64,cyls=1024"),
    "heads-64-not-all": (1024 * MIB, "secs=17,heads=64,cyls=1024"),
    "heads-255": (65 * 255 * 63 * 512, "secs=63,heads=255,cyls=65"),
    "secs-128": (1024 * MIB, "secs=128,heads=64,cyls=256"),
    "secs-32-20G": (20480 * MIB, "secs=32,heads=64,cyls=20480"),
    "lsecs-32": (1024 * MIB, "lsecs=32,lheads=64,lcyls=1024"),
}
SCSI = ["virtio-scsi-pci", "lsi53c895a", "megasas", "pvscsi"]
BUSES = {
    "ide": ["-M", "pc", "-device", "ide-hd,drive=d,bus=ide.0"],
    "ahci": ["-M", "q35", "-device", "ide-hd,drive=d,bus=ide.0"],
    "virtio-blk": ["-M", "pc", "-device", "virtio-blk-pci,drive=d"],
    **{name: ["-M", "pc", "-device", name, "-device", "scsi-hd,drive=d"]
       for name in SCSI},
    "usb": ["-M", "pc", "-device", "qemu-xhci", "-device",
            "usb-storage,drive=d"],
    "nvme": ["-M", "pc", "-device", "nvme,drive=d,serial=1"],
}
NO_OPTIONS = ("usb", "nvme")            # their devices have none of these
ATA = ("ide", "ahci")                   # at most 16 heads
SCSI_LIKE = (*SCSI, "usb")


class Answers:
    def __init__(self, text):
        line = {}
        for row in text.splitlines():
            name, _, value = row.partition(" ")
            line[name] = value
        assert "done" in line, text

        def numbers(name):
            return [int(n, 16) for n in line[name].split()]
        _, cx, dx, carry = numbers("AH=08h")
        assert not carry, text
        self.chs = (cx >> 8 | (cx & 0xc0) << 2, dx >> 8, cx & 63)
        self.count = dx & 0xff
        self.ah15 = numbers("AH=15h")
        edd = bytes.fromhex(line["AH=48h"])
        (self.flags, self.cylinders, self.heads, self.sectors, self.size,
         self.sector_size) = struct.unpack("<HIIIQH", edd[2:])
        self.path = bytes.fromhex(line["path"])
        self.table = bytes.fromhex(line["INT41h"])
        self.cmos, self.disks = line["CMOS"], line["disks"]


def answers(bios, work, bus, case):
    size, options = CASES[case]
    image = assemble("geometry", work)
    with open(image, "r+b") as file:
        file.truncate(size)
    args = [a + "," + options if options and "drive=d" in a else a
            for a in BUSES[bus]]
    return Answers(run(bios, work, "-drive",
                       f"file={image},format=raw,if=none,id=d,snapshot=on",
                       *args, seconds=20))


def cases(bus):
    for case, (_, options) in CASES.items():
        heads = re.search(r"\bheads=(\d+)", options)
        if bus in NO_OPTIONS and options or \
                bus in ATA and heads and int(heads[1]) > 16:
            continue
        yield case


def compare_chs(bus, case, us, sea):
    if case == "secs-128" or case == "16M" and bus in SCSI_LIKE:
        # SeaBIOS counts 128 (or 64) sectors to a track and says "0", since
        # AH=08h has six bits for it: nothing can be read by CHS.
        assert sea.chs[2] == 0 and us.chs[2] == 63
        return
    if case in ("secs-17", "heads-64-not-all") and bus in SCSI_LIKE:
        # SeaBIOS takes secs= of a SCSI disk to be what is missing of its size,
        # and leaves all three when that is no whole number.  secs= is honoured.
        assert us.chs[2] == 17 and us.chs != sea.chs
        return
    assert us.chs == sea.chs
    assert us.ah15 == sea.ah15


def compare_edd(bus, case, us, sea):
    if case in ("secs-17", "heads-64-not-all") and bus in SCSI_LIKE:
        assert us.sectors == 17 and us.flags & 2    # see above
        return
    assert (us.flags, us.cylinders, us.heads, us.sectors, us.size,
            us.sector_size) == (sea.flags, sea.cylinders, sea.heads,
                                sea.sectors, sea.size, sea.sector_size)
    if any(sea.path):                   # SeaBIOS: only of IDE and virtio
        ours = bytearray(us.path)
        if bus not in ATA:
            assert ours[21] == 0xff     # EDD 3.0: no channels; SeaBIOS: 0
            ours[21] = 0
        # The last is the checksum.
        assert ours[:35] == sea.path[:35]
    assert us.path[:2] == b"\xdd\xbe" and sum(us.path) & 0xff == 0


def compare_table(us, sea):
    """INT 41h."""
    assert us.table[:3] == bytes([us.chs[0] + 2 & 0xff, us.chs[0] + 2 >> 8,
                                  us.chs[1] + 1])
    assert us.table[14] == us.chs[2]
    if us.table[3] == 0xa0:
        assert sum(us.table) & 0xff == 0
    if us.chs != sea.chs:
        return
    if us.heads == 0:
        # No geometry of its own: SeaBIOS says that it is translated, from 0.
        assert sea.table[3] == 0xa0 and not any(sea.table[9:14])
        assert us.table[3] == 0 and us.table[15] == 0
        assert us.table[:3] == sea.table[:3]
    else:
        assert us.table == sea.table


@pytest.mark.parametrize("bus", BUSES)
def test_disk_is_described_as_by_seabios(bios, tmp_path, under_seabios, bus):
    if under_seabios:
        pytest.skip("BIOS= names SeaBIOS, with which the test compares")
    for case in cases(bus):
        us = answers(bios, tmp_path, bus, case)
        sea = answers(vm.SEABIOS, tmp_path, bus, case)
        try:
            compare_chs(bus, case, us, sea)
            compare_edd(bus, case, us, sea)
            compare_table(us, sea)
            assert (us.cmos, us.disks, us.count) == \
                (sea.cmos, sea.disks, sea.count)
        except AssertionError as error:
            raise AssertionError(f"{bus}, {case}: {vars(us)} instead of "
                                 f"{vars(sea)}") from error


GEOMETRIES = {
    "secs-32": (1024, 64, 32), "secs-17": (977, 15, 17),
    "heads-64": (1024, 64, 32), "heads-64-not-all": (1024, 64, 17),
    "heads-255": (65, 255, 63), "lsecs-32": (1024, 64, 32),
}


@pytest.mark.parametrize("bus", SCSI)
@pytest.mark.parametrize("case", GEOMETRIES)
def test_geometry_of_a_scsi_disk(bios, tmp_path, under_seabios, bus, case):
    if under_seabios and case in ("secs-17", "heads-64-not-all"):
        pytest.skip("SeaBIOS gives up secs= where it does not divide the "
                    "disk's size: docs/compatibility.md")
    found = answers(bios, tmp_path, bus, case).chs
    assert (found[0] + 2, found[1] + 1, found[2]) == GEOMETRIES[case]

# SPDX-License-Identifier: MIT
"""Option ROMs whose image for the initialisation has no room in C0000-DFFFF: a
ROM that can be moved is initialised elsewhere, and nothing of that is left."""

import os
import pathlib
import re
import struct

import pytest

import measured
import roms
import tcglog
import vm

SPACE, SPACE_END = 0xc0000, 0xe0000
LENT, LENT_END = 0x20000, 0x40000
BEHIND_VGA = 0xca000
LEFT = SPACE_END - BEHIND_VGA
NAME = "Option ROM of PCI 00:{:02x}.0"
SECTOR = rb"\[sector disk\]"


class Booted:
    """What came on port 402h up to the disk's boot sector, and memory then."""

    def __init__(self, machine, work):
        machine.wait_debug(SECTOR, 60)
        machine.qmp("stop")
        file = work / "memory"
        machine.qmp("pmemsave", val=0, size=1 << 20, filename=str(file))
        self.text = machine.debug().decode(errors="replace")
        self.memory = file.read_bytes()

    def kept(self):
        """(start, end) of what stays at the display's end, with good sums."""
        at, found = BEHIND_VGA, []
        while self.memory[at:at + 2] == b"\x55\xaa":
            end = at + self.memory[at + 2] * 512
            assert sum(self.memory[at:end]) & 0xff == 0, f"{at:#x}"
            found.append((at, end))
            at = -(-end // 2048) * 2048
        return found

    def check(self, kept):
        """So many ROMs have stayed; no vector leads to what has not, and all
        that was lent is zero."""
        found = self.kept()
        assert len(found) == kept, f"{found}\n{self.text}"
        end = found[-1][1] if found else BEHIND_VGA
        assert not any(self.memory[LENT:LENT_END]), self.text
        assert not any(self.memory[end:SPACE_END]), self.text
        for number in range(256):
            off, seg = struct.unpack_from("<HH", self.memory, number * 4)
            at = seg * 16 + off
            assert not LENT <= at < LENT_END, f"vector {number:#x}: {at:#x}"
            assert not end <= at < SPACE_END, f"vector {number:#x}: {at:#x}"


@pytest.fixture
def boot(bios, tmp_path, under_seabios):
    """Boot a disk behind a display and these ROMs, in slots from 4 on."""
    if under_seabios:
        pytest.skip("messages and memory are KeelBIOS's own")

    def go(*images, machine="pc", display="VGA", order="nc", args=()):
        disk = roms.sector(tmp_path / "disk.img", "disk")
        devices = ["-device", display] if display else []
        for slot, data in enumerate(images, 4):
            path = tmp_path / f"card{slot}.rom"
            path.write_bytes(data)
            devices += ["-device", f"e1000,addr={slot},romfile={path}"]
        # kvmvapic.bin would take a place of its own.
        argv = vm.qemu_argv(
            bios, machine, mem="64M",
            args=devices + ["-global", "apic-common.vapic=off", "-boot",
                            f"order={order}"]
            + vm.disk(disk, "virtio") + list(args))
        with vm.Machine(argv, tmp_path / "run") as m:
            return Booted(m, tmp_path)
    return go


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_moves(boot, machine):
    """A ROM as large as iPXE 2.0's beside a display: all of it is there when it
    is initialised; what stays of it boots and hooks an interrupt."""
    booted = boot(roms.large(), machine=machine)
    text = booted.text
    assert "not used" not in text and "[ROM TORN]" not in text
    order = ["[ROM init]", "[ROM moves]", "[ROM boot entry]", "[ROM hook]",
             "[sector disk]"]
    places = [text.find(word) for word in order]
    assert -1 not in places and places == sorted(places), text
    booted.check(1)
    assert booted.kept() == [(BEHIND_VGA, BEHIND_VGA + 8 * 512)]


def test_four(boot):
    """Four of them: each has its place."""
    booted = boot(*[roms.large()] * 4)
    assert booted.text.count("[ROM moves]") == 4
    assert "not used" not in booted.text
    booted.check(4)


def test_largest(boot):
    """An image of 127.5 KiB, of which less stays than anything else."""
    booted = boot(roms.large(units=255, runtime=1))
    assert "[ROM boot entry]" in booted.text and "TORN" not in booted.text
    booted.check(1)


def test_with_room_it_stays(boot):
    """A ROM that has room where it will lie is initialised there, as of PCI
    2.1, whatever its revision."""
    booted = boot(roms.large(units=136))
    assert "[ROM stays]" in booted.text and "[ROM hook]" in booted.text
    # INT 13h leads to its place.
    assert booted.kept() == [(BEHIND_VGA, BEHIND_VGA + 8 * 512)]


def test_without_display_it_stays(boot):
    booted = boot(roms.large(revision=2), display=None)
    assert "[ROM stays]" in booted.text and "[ROM hook]" in booted.text


def test_all_but_too_large(boot):
    """The last byte of the space is a ROM's."""
    booted = boot(roms.large(units=LEFT // 512, revision=2))
    assert "[ROM stays]" in booted.text


@pytest.mark.parametrize("rom,why", [
    (dict(revision=2), f"no room (108544 bytes, {LEFT} left)"),
    (dict(runtime=0), f"no room (108544 bytes, {LEFT} left)"),
    (dict(runtime=LEFT // 512 + 1),
     f"no room ({LEFT + 512} bytes to stay, {LEFT} left)"),
    (dict(runtime=0x8001), f"no room (108544 bytes, {LEFT} left)"),
], ids=["revision-2", "no-size", "too-much-stays", "size-wraps"])
def test_no_room(boot, rom, why):
    """The line names the way out."""
    booted = boot(roms.large(**rom))
    assert "[ROM" not in booted.text
    assert f"{NAME.format(4)}: {why}, not used; romfile= " in booted.text
    booted.check(0)


@pytest.mark.parametrize("fault,why", [
    ("nothing", "it left no option ROM in its place"),
    ("garbage", "it left no option ROM in its place"),
    ("grows", "more is to stay of it than it has said"),
    ("bad-sum", "wrong checksum after its initialisation"),
])
def test_what_it_left_is_wrong(boot, fault, why):
    """Nothing of it stays, and the next one has its place."""
    booted = boot(roms.large(fault=fault), roms.large())
    assert f"{NAME.format(4)}: {why} ({BEHIND_VGA:05x}), not used" \
        in booted.text
    assert booted.text.count("[ROM moves]") == 2
    assert booted.text.count("[ROM boot entry]") == 1
    booted.check(1)


def test_hooks_into_lent_memory(boot):
    """A ROM that hooks interrupts to where it was initialised."""
    booted = boot(roms.large(fault="hooks"))
    assert "[ROM boot entry]" in booted.text
    assert "[ROM hook]" not in booted.text
    assert "INT 19h" not in booted.text
    booted.check(1)


def test_writes_past_its_place(boot):
    booted = boot(roms.large(fault="past"))
    assert "[ROM boot entry]" in booted.text
    booted.check(1)


def test_wrong_sum_does_not_matter(boot, tmp_path):
    zero = tmp_path / "zero"
    zero.write_bytes(b"\0")
    booted = boot(roms.large(fault="bad-sum"), args=[
        "-fw_cfg", f"name=etc/optionroms-checksum,file={zero}"])
    assert "[ROM boot entry]" in booted.text


def test_of_a_file(boot, tmp_path):
    """-option-rom: the same way.  romfile= would be no help, so no line says
    so."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(roms.large())
    bad.write_bytes(roms.large(revision=2))
    booted = boot(args=["-option-rom", good, "-option-rom", bad])
    assert "[ROM moves]" in booted.text and "[ROM boot entry]" in booted.text
    line, = re.findall(r"Option ROM .*: no room .*", booted.text)
    assert line.endswith("not used")


def test_is_measured(tests):
    """The digest in PCR 2 is that of the whole image as it was initialised."""
    rom = tests.tmp / "rom"
    rom.write_bytes(roms.large())
    disk = roms.sector(tests.tmp / "disk.img", "disk")
    args = ["-device", "VGA", "-device", f"e1000,addr=9,romfile={rom}"] + \
        vm.disk(disk, "virtio")
    with measured.watched(tests, "2.0-crb") as tpm, \
            tests.machine("pc", None, tpm=tpm, args=args, mem="32M",
                          vga="none") as m:
        m.wait_debug(SECTOR, 60)
        m.qmp("stop")
        log = measured.log(m)
        assert not log.check(tpm.pcrs())
        assert "[ROM moves]" in m.debug().decode(errors="replace")
    event, = [e for e in log.events if e.name == "EV_EVENT_TAG" and e.pcr == 2
              and e.data[8:12] == struct.pack("<HH", 0, 9 << 3)]
    assert tcglog.hashlib.sha256(rom.read_bytes()).digest() in event.data


def ipxe(card):
    """The ROM that QEMU gives that card: $IPXE or the installed package."""
    for where in (os.environ.get("IPXE"), "/usr/lib/ipxe/qemu",
                  "/usr/share/qemu"):
        file = pathlib.Path(where or "/nowhere") / f"efi-{card}.rom"
        if file.is_file():
            return file
    pytest.fail(f"no efi-{card}.rom: run scripts/setup (package ipxe-qemu)")


@pytest.mark.parametrize("machine,card,cards", [
    ("pc", "e1000", 1), ("q35", "e1000e", 1),       # as without -nodefaults
    pytest.param("pc", "e1000", 4, marks=pytest.mark.slow)])
def test_ipxe(bios, tmp_path, machine, card, cards):
    """iPXE as installed, beside a display: each card fetches a script, which
    gives the boot back.  From iPXE 1.21 on (Debian 13) it is such a ROM."""
    rom = ipxe(card)
    (tmp_path / "test.ipxe").write_text("#!ipxe\necho It works\nexit 1\n")
    disk = roms.sector(tmp_path / "disk.img", "disk")
    args = ["-device", "VGA"] + vm.disk(disk, "virtio", boot=9)
    for n in range(cards):
        args += [
            "-netdev", f"user,id=n{n},tftp={tmp_path},bootfile=test.ipxe",
            "-device", f"{card},addr={n + 4},netdev=n{n},romfile={rom},"
                       f"bootindex={n}",
            "-object", f"filter-dump,id=f{n},netdev=n{n},"
                       f"file={tmp_path}/pcap{n}"]
    with vm.Machine(vm.qemu_argv(bios, machine, mem="128M", args=args),
                    tmp_path / "run") as m:
        m.wait_debug(SECTOR, 60 + 30 * cards)
        assert "not used" not in m.debug().decode(errors="replace")
    for n in range(cards):
        assert b"echo It works" in (tmp_path / f"pcap{n}").read_bytes(), n

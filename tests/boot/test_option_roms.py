# SPDX-License-Identifier: MIT
"""Option ROMs: good ones run, broken ones are named and left alone, and in
both cases the machine boots."""

import re

import pytest

import roms
import vm

NOT_USED = "Option ROM of PCI 00:03.0: {}, not used"


@pytest.fixture
def run(bios, tmp_path, under_seabios):
    """Boot a disk with this ROM on a network card; returns what came on port
    402h up to the disk's boot sector (or to the text `until`)."""
    if under_seabios:
        pytest.skip("messages and order are KeelBIOS's own")

    def go(rom, until="[sector disk]", machine="pc", args=(), boot=None):
        path = tmp_path / "card.rom"
        path.write_bytes(rom)
        disk = roms.sector(tmp_path / "disk.img", "disk")
        argv = vm.qemu_argv(
            bios, machine, mem="64M",
            args=["-device", f"e1000,addr=3,romfile={path}"
                  + (f",bootindex={boot}" if boot else "")]
            + vm.disk(disk, "virtio") + list(args))
        with vm.Machine(argv, tmp_path / "run") as m:
            m.wait_debug(until.encode().replace(b"[", rb"\["), 30)
            return m.debug().decode(errors="replace")
    return go


def broken_checksum():
    data = roms.image("bev")
    data[-1] ^= 1
    return data


def header_says_more():
    data = roms.image("bev")
    data[2] = 0xf0
    return data


def no_pcir():
    data = roms.image("bev")
    data[0x18:0x1a] = b"\0\0"
    return data


def pcir_outside():
    data = roms.image("bev")
    data[0x18:0x1a] = b"\xfe\xff"
    return data


def images_loop():
    """A first image for another machine, of length 0."""
    data = roms.image("bev", code_type=3, last=False)
    data[0x30:0x32] = b"\0\0"
    return data


def images_run_out():
    data = roms.image("bev", code_type=3, last=False)
    data[0x30:0x32] = b"\xff\x7f"
    return data


@pytest.mark.parametrize("rom,why", [
    (broken_checksum, "wrong checksum"),
    (header_says_more, "shorter than its header says"),
    (no_pcir, "no PCI data structure"),
    (pcir_outside, "no PCI data structure"),
    (images_loop, "an image of length 0"),
    (images_run_out, "its images run past its end"),
    (lambda: b"\x12\x34" * 2048, "no option ROM signature"),
])
def test_broken(run, rom, why):
    text = run(rom())
    assert "[ROM" not in text
    assert NOT_USED.format(why) in text


def test_too_large(run):
    """125 KiB are too much beside a display's ROM."""
    text = run(roms.image("bev", units=250), args=["-device", "VGA"])
    assert NOT_USED.format("no room (128000 bytes, 90112 left)") in text
    assert "[ROM" not in text


def test_room_for_several(bios, tmp_path):
    """A display's ROM and those of four network cards, none over another."""
    disk = roms.sector(tmp_path / "disk.img", "disk")
    args = ["-device", "VGA"] + vm.disk(disk, "virtio", boot=1)
    for slot in range(4, 8):
        args += ["-device", f"e1000,addr={slot}"]
    with vm.Machine(vm.qemu_argv(bios, mem="64M", args=args),
                    tmp_path / "run") as m:
        m.wait_debug(rb"\[sector disk\]", 60)
        text = m.debug().decode(errors="replace")
        m.qmp("pmemsave", val=0xc0000, size=0x20000,
              filename=str(tmp_path / "roms"))
    assert "not used" not in text
    # Large ones say where they start, and then where they are to stay.
    places = [int(at, 16) - 0xc0000 for at in dict(re.findall(
        r"Option ROM of PCI (\S+): .* at ([0-9a-f]+)", text)).values()]
    assert len(places) == 5, text
    memory = (tmp_path / "roms").read_bytes()
    for at, after in zip(places, places[1:] + [len(memory)]):
        assert memory[at:at + 2] == b"\x55\xaa", f"{at:#x}\n{text}"
        length = memory[at + 2] * 512
        assert 0 < length <= after - at, f"{at:#x}: {length}\n{text}"
        assert sum(memory[at:at + length]) & 0xff == 0, f"{at:#x}\n{text}"


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_boot_entry_comes_back(run, machine):
    """The network card is first; its entry returns, the disk is next."""
    text = run(roms.image("bev"), machine=machine, args=["-boot", "order=nc"])
    assert text.index("[ROM init]") < text.index("[ROM boot entry]") < \
        text.index("[sector disk]")


def test_second_image(run):
    """An image for EFI in front of the one for this machine."""
    text = run(roms.image("bev", code_type=3, last=False) + roms.image("bev"))
    assert text.count("[ROM init]") == 1


def test_device_list(run):
    """A ROM of revision 3 may name further devices it is for."""
    text = run(roms.image("bev", ids=(0x8086, 0x1234), devices=True))
    assert "[ROM init]" in text


def test_other_device(run):
    text = run(roms.image("bev", ids=(0x8086, 0x1234)))
    assert "[ROM init]" not in text


def test_checksum_may_be_ignored(run, tmp_path):
    zero = tmp_path / "zero"
    zero.write_bytes(b"\0")
    text = run(broken_checksum(), args=[
        "-fw_cfg", f"name=etc/optionroms-checksum,file={zero}"])
    assert "[ROM init]" in text


@pytest.mark.parametrize("level,runs", [(0, False), (1, False), (2, True)])
def test_roms_switched_off(run, tmp_path, level, runs):
    file = tmp_path / "level"
    file.write_bytes(bytes([level]))
    text = run(roms.image("bev"), args=[
        "-fw_cfg", f"name=etc/pci-optionrom-exec,file={file}"])
    assert ("[ROM init]" in text) == runs


def test_disk_of_a_rom(run):
    """A BCV is called in boot order: the ROM's disk is the first."""
    text = run(roms.image("bcv"))
    assert text.index("[ROM init]") < text.index("[ROM BCV]")


def test_disk_of_a_rom_first(run):
    """With the first place in the order the ROM's disk is 80h, and the
    firmware's own disk comes after it."""
    text = run(roms.image("disk"), until="[81h is a disk]",
               boot=1)
    assert text.index("[ROM BCV]") < text.index("[sector of the ROM]")


def test_legacy(run):
    assert "[ROM init]" in run(roms.image("legacy"))


@pytest.mark.parametrize("kind", ["legacy-19", "pnp-19"])
def test_hooked_int19_keeps_its_place(run, kind):
    """A ROM that takes INT 19h does not jump the queue: the disk is first,
    and INT 19h is the firmware's again."""
    text = run(roms.image(kind))
    assert "[ROM init]" in text and "[ROM INT 19h]" not in text


def test_services(run):
    """PnP and PMM as an option ROM calls them."""
    text = run(roms.image("pmm"))
    assert "[ROM services good]" in text


HIGH = ["-fw_cfg", "name=opt/org.seabios/pci64,string=on"]


@pytest.mark.parametrize("card,args", [
    ("e1000", []), pytest.param("virtio-net-pci", [], marks=pytest.mark.slow),
    ("virtio-net-pci", HIGH), pytest.param("rtl8139", [],
                                           marks=pytest.mark.slow)])
def test_network_boot(bios, tmp_path, card, args):
    """QEMU's own iPXE ROM fetches a script, which gives the boot back.  It
    cannot use registers above 4 GiB."""
    (tmp_path / "tftp").mkdir()
    (tmp_path / "tftp" / "test.ipxe").write_text("#!ipxe\necho It works\n"
                                                 "exit 1\n")
    disk = roms.sector(tmp_path / "disk.img", "disk")
    argv = vm.qemu_argv(bios, mem="64M", args=[
        "-netdev", f"user,id=n0,tftp={tmp_path}/tftp,bootfile=test.ipxe",
        "-device", f"{card},netdev=n0,bootindex=1",
        "-object", f"filter-dump,id=f,netdev=n0,file={tmp_path}/pcap"]
        + vm.disk(disk, "virtio", boot=2) + args)
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"\[sector disk\]", 90)
    assert b"echo It works" in (tmp_path / "pcap").read_bytes()


@pytest.mark.parametrize("machine", [
    "pc", pytest.param("q35", marks=pytest.mark.slow)])
@pytest.mark.parametrize("display", [
    "VGA", "cirrus-vga", "qxl-vga", "virtio-vga", "vmware-svga",
    "bochs-display", "ramfb"])
def test_display(bios, tmp_path, machine, display):
    """Each display's ROM brings up text mode; what is printed is on the
    screen: not all of it is black."""
    disk = roms.sector(tmp_path / "disk.img", "disk")
    argv = vm.qemu_argv(bios, machine, mem="64M", args=["-device", display]
                        + vm.disk(disk, "virtio"))
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"\[sector disk\]", 30)
        shot = tmp_path / "shot.ppm"
        m.qmp("screendump", filename=str(shot))
        pixels = shot.read_bytes()[15:]
    bright = sum(1 for v in pixels[:len(pixels) // 4:3] if v > 0x80)
    assert bright > 200, "the screen's upper quarter is dark"


BROKEN_FILES = {
    "empty": (b"", "no option ROM, not used"),
    "two-bytes": (b"\x55\xaa", "no option ROM, not used"),
    "zeros": (bytes(4096), "no option ROM, not used"),
    "short": (b"\x55\xaa\x80" + bytes(4093),
              "shorter than its header says, not used"),
    "checksum": (b"\x55\xaa\x08" + bytes(4093), "wrong checksum, not used"),
    "large": (b"\x55\xaa\xff" + bytes(1 << 17), "no room (130560 bytes, "),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_file(run, tmp_path, case):
    """A file in genroms/ that is no option ROM, or not a good one."""
    data, why = BROKEN_FILES[case]
    file = tmp_path / "rom"
    file.write_bytes(data)
    text = run(roms.image("bev"), args=[
        "-fw_cfg", f"name=genroms/test.bin,file={file}"])
    assert f"Option ROM genroms/test.bin: {why}" in text


def test_file_for_a_device(run, tmp_path):
    """pciVVVV,DDDD.rom stands in for the card's own ROM."""
    file = tmp_path / "rom"
    file.write_bytes(roms.image("pmm", ids=(1, 2)))
    # QEMU wants a comma in a name doubled.
    text = run(roms.image("bev"), args=[
        "-fw_cfg", f"name=pci8086,,100e.rom,file={file}"])
    assert text.count("[ROM init]") == 1
    assert "[ROM services good]" in text


def test_option_rom_argument(run, tmp_path):
    """-option-rom: QEMU puts it into genroms/, with a place in the order."""
    file = tmp_path / "test.rom"
    file.write_bytes(roms.image("bev"))
    text = run(roms.image("bev"), args=[
        "-option-rom", str(file)])
    assert text.count("[ROM init]") == 2

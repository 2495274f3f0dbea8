# SPDX-License-Identifier: MIT
"""INT 13h from real mode (tests/rm/int13.c), on every kind of drive, and
drives that fail."""

import struct
import subprocess

import pytest

from rm16 import PROGRAM_UNITS, compile_program
import vm

UNIT = 512
UNITS = 2880                    # of the pattern: a floppy's size
BASE = 0x5a000000
CD_CATALOG, CD_IMAGE = 19, 400  # in CD sectors
FLOPPY_144, HARD_DISK = 2, 4    # El Torito media types

def pattern(units, first=0):
    return bytearray().join(
        struct.pack("<128I", *((BASE + u * 128 + i) & 0xffffffff
                               for i in range(128)))
        for u in range(first, first + units))


def put(image, unit, data):
    image[unit * UNIT:unit * UNIT + len(data)] = data


def make_cd(media, boot_image, count, edit=None):
    cd = pattern(8000)
    volume = bytearray(2048)
    volume[0:7] = b"\0CD001\1"
    volume[7:30] = b"EL TORITO SPECIFICATION"
    volume[0x47:0x4b] = struct.pack("<I", CD_CATALOG)
    catalog = bytearray(2048)
    catalog[0], catalog[30], catalog[31] = 1, 0x55, 0xaa
    total = sum(struct.unpack("<16H", catalog[:32]))
    catalog[28:30] = struct.pack("<H", -total & 0xffff)
    catalog[32], catalog[33] = 0x88, media
    catalog[38:44] = struct.pack("<HI", count, CD_IMAGE)
    if edit:
        edit(catalog)
    put(cd, 17 * 4, volume)
    put(cd, CD_CATALOG * 4, catalog)
    put(cd, CD_IMAGE * 4, boot_image)
    return cd


def make_media(where, **defines):
    """The images by name, in that directory; which is what it returns."""
    program = compile_program("int13", where, EMULATED=0, **defines)
    emulated = compile_program("int13", where, EMULATED=1, **defines)
    disk = pattern(UNITS)
    put(disk, 0, program)
    floppy, boot_floppy = pattern(UNITS), pattern(UNITS)
    put(floppy, 0, emulated)
    put(boot_floppy, 0, program)
    images = {
        "disk": disk + bytes(16 << 20),
        "floppy": boot_floppy,
        "cd": make_cd(0, program, PROGRAM_UNITS),
        "cd-floppy": make_cd(FLOPPY_144, floppy, 1),
        "cd-disk": make_cd(HARD_DISK, floppy, 1),
        "cd-bad-catalog": make_cd(
            0, program, PROGRAM_UNITS,
            lambda c: c.__setitem__(5, c[5] ^ 1)),
        "cd-huge-image": make_cd(0, program, 0xffff),
    }
    for name, data in images.items():
        (where / name).write_bytes(data)
    return where


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return make_media(tmp_path_factory.mktemp("int13"))


def run(bios, tmp_path, *args, seconds=60):
    """Start a machine; what it wrote to port 402h."""
    log = tmp_path / "debug"
    argv = [vm.QEMU, "-accel", "tcg", "-m", "64", "-display", "none", "-vga",
            "none", "-nodefaults", "-no-reboot", "-bios", str(bios),
            "-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402",
            "-device", "isa-debug-exit,iobase=0x501", *map(str, args)]
    process = subprocess.Popen(argv)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return log.read_text(errors="replace")


def drive(path, extra=""):
    return ["-drive",
            f"file={path},format=raw,if=none,id=d,snapshot=on{extra}"]


DRIVES = {
    "pc-ide": ["-M", "pc", "-device", "ide-hd,bus=ide.0,unit=0,drive=d"],
    "pc-ide-last": ["-M", "pc", "-device", "ide-hd,bus=ide.1,unit=1,drive=d"],
    "pc-ahci": ["-M", "pc", "-device", "ahci,id=a", "-device",
                "ide-hd,bus=a.3,drive=d"],
    "pc-virtio": ["-M", "pc", "-device", "virtio-blk-pci,drive=d"],
    "pc-virtio-legacy": ["-M", "pc", "-device",
                         "virtio-blk-pci,drive=d,disable-modern=on"],
    "q35-ahci": ["-M", "q35", "-device", "ide-hd,bus=ide.0,drive=d"],
    "q35-ahci-last": ["-M", "q35", "-device", "ide-hd,bus=ide.5,drive=d"],
    "q35-virtio": ["-M", "q35", "-device", "pcie-root-port,id=r", "-device",
                   "virtio-blk-pci,drive=d,bus=r"],
    "q35-virtio-iommu": ["-M", "q35", "-device", "virtio-blk-pci,drive=d,"
                         "disable-legacy=on,iommu_platform=on"],
    "pc-virtio-scsi": ["-M", "pc", "-device", "virtio-scsi-pci", "-device",
                       "scsi-hd,drive=d,scsi-id=7,lun=3"],
    "q35-virtio-scsi": ["-M", "q35", "-device", "virtio-scsi-pci", "-device",
                        "scsi-hd,drive=d"],
    "pc-nvme": ["-M", "pc", "-device", "nvme,drive=d,serial=1"],
    "q35-nvme": ["-M", "q35", "-device", "pcie-root-port,id=r", "-device",
                 "nvme,serial=1,mdts=1,bus=r", "-device",
                 "nvme-ns,drive=d,nsid=3"],
}
for name, controller in (("xhci", "qemu-xhci"), ("ehci", "usb-ehci"),
                         ("uhci", "piix3-usb-uhci")):
    DRIVES["pc-" + name] = ["-M", "pc", "-device", controller, "-device",
                            "usb-storage,drive=d"]
HBAS = ("lsi53c895a", "pvscsi", "megasas")
for hba in HBAS:
    DRIVES["pc-" + hba] = ["-M", "pc", "-device", f"{hba},id=s", "-device",
                           "scsi-hd,drive=d,scsi-id=3"]
CD_DRIVES = {
    "pc": ["-M", "pc", "-device", "ide-cd,bus=ide.1,drive=d"],
    "q35": ["-M", "q35", "-device", "ide-cd,bus=ide.2,drive=d"],
    "virtio-scsi": ["-M", "q35", "-device", "virtio-scsi-pci", "-device",
                    "scsi-cd,drive=d"],
    **{hba: ["-M", "pc", "-device", hba, "-device", "scsi-cd,drive=d"]
       for hba in HBAS},
}


def quick(names):
    """The other SCSI adapters differ in few lines, USB waits long: only with
    `slow`."""
    return [pytest.param(name, marks=pytest.mark.slow)
            if name.split("-")[-1] in (*HBAS, "ehci", "uhci") else name
            for name in names]


def check_all(out):
    lines = out.splitlines()
    assert "done" in lines, out
    assert not [x for x in lines if x.startswith("FAIL")], out
    assert sum(x.startswith("ok ") for x in lines) > 8, out


@pytest.mark.parametrize("name", DRIVES)
def test_disk(bios, media, tmp_path, name):
    check_all(run(bios, tmp_path, *drive(media / "disk"), *DRIVES[name]))


@pytest.mark.parametrize("unit", [0, 1])
def test_floppy(bios, media, tmp_path, unit):
    """Without a second disk: the program runs from drive A only."""
    args = [] if unit == 0 else ["-device", "floppy,unit=1"]
    out = run(bios, tmp_path, *drive(media / "floppy"), "-M", "pc",
              "-device", "floppy,unit=0,drive=d", *args)
    check_all(out)
    assert f"Floppy [drive {'AB'[unit]}]" in out, out


@pytest.mark.parametrize("image", ["cd", "cd-floppy", "cd-disk"])
@pytest.mark.parametrize("name", quick(CD_DRIVES))
def test_cd(bios, media, tmp_path, name, image):
    check_all(run(bios, tmp_path, *drive(media / image), *CD_DRIVES[name]))


KINDS = ["pc-ide", "q35-ahci", "pc-virtio", "pc-virtio-scsi", "pc-nvme",
         "pc-lsi53c895a", "pc-pvscsi", "pc-megasas", "pc-ehci", "pc-uhci"]


@pytest.mark.parametrize("name", quick(KINDS))
def test_slow_disk(bios, media, tmp_path, name):
    """Answers take their time: waits, but no failures."""
    check_all(run(bios, tmp_path, *drive(media / "disk",
                                         ",throttling.bps-total=400000"),
                  *DRIVES[name]))


@pytest.mark.parametrize("name", quick(KINDS))
def test_unreadable_sector(bios, media, tmp_path, name):
    """One sector fails: its call fails, those before and after do not."""
    conf = tmp_path / "blkdebug"
    conf.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\n'
                    'sector = "400"\n')
    disk = tmp_path / "disk"
    disk.write_bytes((media / "disk").read_bytes())
    out = run(bios, tmp_path, "-drive",
              f"file=blkdebug:{conf}:{disk},format=raw,if=none,id=d,"
              "rerror=report,werror=report", *DRIVES[name])
    failed = [x for x in out.splitlines() if x.startswith("FAIL")]
    assert len(failed) == 1 and failed[0].startswith("FAIL read one"), out
    assert "failed" in out.split("FAIL read one")[0], out
    assert "done" in out.splitlines(), out


@pytest.mark.parametrize("name", quick(CD_DRIVES))
def test_cd_is_read_again(bios, media, tmp_path, name):
    """A sector of the boot image that fails once."""
    conf = tmp_path / "blkdebug"
    conf.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\n'
                    f'sector = "{CD_IMAGE * 4}"\nonce = "on"\n')
    cd = tmp_path / "cd"
    cd.write_bytes((media / "cd").read_bytes())
    check_all(run(bios, tmp_path, "-drive",
                  f"file=blkdebug:{conf}:{cd},format=raw,if=none,id=d,"
                  "readonly=on,rerror=report", *CD_DRIVES[name]))


@pytest.mark.parametrize("name,image,text", [
    ("pc", "cd-bad-catalog", "checksum"), ("q35", "cd-bad-catalog", "checksum"),
    ("pc", "cd-huge-image", "does not fit"), ("pc", None, "no medium"),
    ("q35", None, "no medium"), ("virtio-scsi", None, "no medium"),
    *(pytest.param(hba, None, "no medium", marks=pytest.mark.slow)
      for hba in HBAS)])
def test_bad_cd(bios, media, tmp_path, name, image, text):
    args = (drive(media / image) if image else
            ["-drive", "if=none,id=d,media=cdrom"])
    out = run(bios, tmp_path, *args, *CD_DRIVES[name], seconds=4)
    assert text in out and "No bootable device" in out, out


def test_large_sectors_refused(bios, media, tmp_path):
    out = run(bios, tmp_path, *drive(media / "disk"), "-M", "q35", "-device",
              "virtio-blk-pci,drive=d,logical_block_size=4096,"
              "physical_block_size=4096", seconds=4)
    assert "sectors of 4096 bytes" in out, out


@pytest.mark.parametrize("name", ["pc-ide", "q35-ahci", "q35-virtio"])
def test_geometry_of_the_user(bios, media, tmp_path, name):
    args = [a + ",lcyls=90,lheads=8,lsecs=40" if "drive=d" in a else a
            for a in DRIVES[name]]
    check_all(run(bios, tmp_path, *drive(media / "disk"), *args))


def nested(bios, media, tmp_path, image, args, **defines):
    """Run tests/rm/nested.c from a medium that answers eight times a second,
    with a floppy and a drive of the other kind beside it."""
    program = compile_program("nested", tmp_path, **defines)
    for kind in ("disk", "cd"):
        data = bytearray((media / kind).read_bytes())
        put(data, CD_IMAGE * 4 if kind == "cd" else 0, program)
        (tmp_path / kind).write_bytes(data)
    other = "cd" if image == "disk" else "disk"
    device = "scsi-hd" if other == "disk" else "scsi-cd"
    first = [a + ",bootindex=0" if "drive=d" in a else a for a in args]
    if "q35" in args:
        first += ["-device", "isa-fdc"]
    return run(bios, tmp_path,
               *drive(tmp_path / image, ",throttling.iops-total=8"), *first,
               "-drive", f"file={media / 'floppy'},format=raw,if=none,id=f,"
               "snapshot=on", "-device", "floppy,drive=f",
               "-drive", f"file={tmp_path / other},format=raw,if=none,id=o,"
               "snapshot=on", "-device", "virtio-scsi-pci,id=other",
               "-device", f"{device},drive=o,bus=other.0,bootindex=1")


NESTED = KINDS + ["pc-xhci"]


@pytest.mark.parametrize("name", quick(NESTED))
def test_call_within_a_call(bios, media, tmp_path, under_seabios, name):
    """A hook of the tick calls INT 13h while INT 13h waits: the inner call
    fails at once, the outer one does what it shall."""
    if under_seabios:
        pytest.skip("SeaBIOS sends both to the controller; which answer "
                    "comes is chance: docs/compatibility.md")
    check_all(nested(bios, media, tmp_path, "disk", DRIVES[name]))


@pytest.mark.parametrize("name", quick(CD_DRIVES))
def test_call_within_a_call_cd(bios, media, tmp_path, under_seabios, name):
    if under_seabios:
        pytest.skip("SeaBIOS sends both to the controller; which answer "
                    "comes is chance: docs/compatibility.md")
    out = nested(bios, media, tmp_path, "cd", CD_DRIVES[name])
    assert "ok eject in a read" in out, out
    check_all(out)


@pytest.mark.parametrize("vector", [0x18, 0x19])
@pytest.mark.parametrize("name", quick(NESTED))
def test_boot_within_a_call(bios, media, tmp_path, under_seabios, name,
                            vector):
    """The hook asks for another boot instead: the drive is as it was."""
    if under_seabios:
        pytest.skip("SeaBIOS leaves the controller in the middle")
    out = nested(bios, media, tmp_path, "disk", DRIVES[name], AGAIN=vector)
    assert "ok the disk after another boot" in out, out
    assert "FAIL" not in out, out

# SPDX-License-Identifier: MIT
"""Services for programs in virtual-8086 mode, as under EMM386 and Windows, by
a monitor of our own (tests/rm/v86*): disks, keyboard, screen, and all others.
"""

import subprocess

import pytest

from rm16 import compile_v86
from test_int13 import pattern, put
import vm

NAMED = 190                     # the unit that begins with the disk's name
NONE, PAGES, PAE, LARGE = range(4)              # tests/rm/v86.h: MODE_...
IOPL0, PAGE0, DEVICES = 4, 8, 0x10
MODES = [NONE, PAGES, PAE | IOPL0, LARGE, PAGES | IOPL0 | PAGE0 | DEVICES]


@pytest.fixture(scope="module")
def disks(tmp_path_factory):
    """An image of that name; the program in it, unless that is None."""
    where = tmp_path_factory.mktemp("v86")
    data = pattern(2880)

    def make(name, program=None):
        image = bytearray(data)
        put(image, NAMED, name.encode().ljust(16, b"\0"))
        if program:
            put(image, 0, program)
        file = where / f"{name}.img"
        file.write_bytes(image + bytes(0 if name == "floppy" else 16 << 20))
        return file
    return make


# All in one machine; the first one, boot, has the program.
BUSES = {
    "ahci": ["ahci,id=ahci", "ide-hd,bus=ahci.1"],
    "virtio": ["virtio-blk-pci"],
    "virtio-legacy": ["virtio-blk-pci,disable-modern=on"],
    "virtio-scsi": ["virtio-scsi-pci,id=vscsi", "scsi-hd,bus=vscsi.0"],
    "lsi": ["lsi53c895a,id=lsi", "scsi-hd,bus=lsi.0"],
    "megasas": ["megasas,id=megasas", "scsi-hd,bus=megasas.0"],
    "pvscsi": ["pvscsi,id=pvscsi", "scsi-hd,bus=pvscsi.0"],
    "nvme": ["nvme,serial=1"],
    "xhci": ["qemu-xhci,id=xhci", "usb-storage,bus=xhci.0"],
    "ehci": ["usb-ehci,id=ehci", "usb-storage,bus=ehci.0"],
    "uhci": ["piix3-usb-uhci,id=uhci", "usb-storage,bus=uhci.0"],
    "floppy": ["floppy,unit=0"],
    "cd": ["ide-cd"],
}


def all_buses(disks, machine, program, names=BUSES):
    """Arguments for a machine that has a disk on each of these, and one at its
    chipset that it boots from."""
    args = ["-M", machine]
    for name in ("boot", *names):
        device = BUSES[name] if name != "boot" else ["ide-hd,bus=ide.0"]
        file = disks(name, program if name == "boot" else None)
        args += ["-drive", f"file={file},format=raw,if=none,id={name}d"
                 + (",media=cdrom,readonly=on" if name == "cd"
                    else ",snapshot=on")]
        for i, word in enumerate(device):
            if i == len(device) - 1:
                word += f",drive={name}d"
            if name == "boot":
                word += ",bootindex=0"
            if name == "cd":
                word += ",bus=ide.2" if machine == "q35" else ",bus=ide.1"
            if name == "floppy" and machine == "q35":
                args += ["-device", "isa-fdc,id=fdc"]
            args += ["-device", word]
    return args


def c_list(modes):
    return "{" + ",".join(map(str, modes)) + "}"


def run(bios, tmp_path, *args, seconds=60, qemu=None):
    """Start a machine; what it wrote to port 402h."""
    log = tmp_path / "debug"
    argv = [qemu or vm.QEMU, "-accel", "tcg", "-m", "64", "-display", "none",
            "-nodefaults", "-no-reboot", "-bios", str(bios),
            "-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402",
            "-device", "isa-debug-exit,iobase=0x501", *map(str, args)]
    try:
        subprocess.run(argv, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        pass
    return log.read_text(errors="replace")


def check_all(out, least):
    lines = out.splitlines()
    assert "done" in lines, out
    assert not [x for x in lines if x.startswith("FAIL")], out
    assert sum(x.startswith("ok ") for x in lines) >= least, out


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_first(bios, disks, tmp_path, machine):
    program = compile_v86(tmp_path / "o", MODES=c_list(MODES), SERVICES=1)
    name = "ide" if machine == "pc" else "ahci"
    out = run(bios, tmp_path, "-M", machine, "-vga", "std", "-drive",
              f"file={disks(name, program)},format=raw,if=none,id=d,"
              "snapshot=on", "-device", "ide-hd,bus=ide.0,drive=d")
    check_all(out, 30 * len(MODES))

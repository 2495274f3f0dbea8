# SPDX-License-Identifier: MIT
"""Services for programs in virtual-8086 mode, as under EMM386 and Windows, by
a monitor of our own (tests/rm/v86*): on disks of every bus, in every kind of
page tables, with IOPL 3 and 0, with devices of the monitor's own.

The table "Virtual-8086 mode" of docs/compatibility.md is what these programs
report under both firmwares: BIOS=/usr/share/seabios/bios-256k.bin.
"""

import re
import subprocess

import pytest

from rm16 import assemble, compile_v86
from test_int13 import pattern, put
import vm

NAMED = 190                     # the unit that begins with the disk's name
NONE, PAGES, PAE, LARGE = range(4)              # tests/rm/v86.h: MODE_...
IOPL0, PAGE0, DEVICES = 4, 8, 0x10
# Each kind of tables, and each other property, once; then all that there is.
MODES = [NONE, PAGES, PAE | IOPL0, LARGE, PAGES | IOPL0 | PAGE0 | DEVICES]
ALL_MODES = [paging | other for paging in (NONE, PAGES, PAE, LARGE)
             for other in (0, IOPL0, DEVICES, IOPL0 | DEVICES)] + \
            [paging | PAGE0 | other for paging in (PAGES, PAE)
             for other in (0, IOPL0, DEVICES, IOPL0 | DEVICES)]
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
LETTERS = 600                   # v86_tasks.c
COM1 = b"\xf8\x03"


@pytest.fixture(autouse=True)
def only_ours(under_seabios):
    if under_seabios:
        pytest.skip("SeaBIOS does not know of page tables: compatibility.md")


PATTERN = pattern(2880)


def disk_image(name, code=None):
    """What tests/rm/v86_disk.c expects of the disk of that name; code: the
    program, if it is the one to boot from."""
    image = bytearray(PATTERN)
    put(image, NAMED, name.encode().ljust(16, b"\0"))
    if code:
        put(image, 0, code)
    return image


@pytest.fixture(scope="module")
def disks(tmp_path_factory):
    """Makes the file of disk_image()."""
    where = tmp_path_factory.mktemp("v86")

    def make(name, code=None):
        file = where / f"{name}.img"
        file.write_bytes(disk_image(name, code) +
                         bytes(0 if name == "floppy" else 16 << 20))
        return file
    return make


def all_buses(disks, machine, program, names=BUSES, throttle=""):
    """Arguments for a machine that has a disk on each of these, and one at its
    chipset that it boots from."""
    args = ["-M", machine]
    for name in ("boot", *names):
        device = BUSES[name] if name != "boot" else ["ide-hd,bus=ide.0"]
        file = disks(name, program if name == "boot" else None)
        args += ["-drive", f"file={file},format=raw,if=none,id={name}d"
                 + (",media=cdrom,readonly=on" if name == "cd"
                    else ",snapshot=on" + throttle)]
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


def program(tmp_path, modes, **defines):
    modes = "{" + ",".join(map(str, modes)) + "}"
    return compile_v86(tmp_path / "o", MODES=modes, **defines)


def check_all(out, least):
    lines = out.splitlines()
    assert "done" in lines, out
    assert not [x for x in lines if x.startswith("FAIL")], out
    assert sum(x.startswith("ok ") for x in lines) >= least, out


# --------------------------------------------------------------------- disks

def disks_of_all_buses(bios, disks, tmp_path, machine, modes, **kwargs):
    """The checks of each drive, in each mode."""
    code = program(tmp_path, modes, DISKS=1)
    out = run(bios, tmp_path, *all_buses(disks, machine, code), **kwargs)
    check_all(out, 300 * len(modes))
    for name in ("boot", *BUSES):
        seen = len(re.findall(rf"^ok {name}: ", out, re.M))
        least = {"floppy": 10, "cd": 5}.get(name, 26)
        assert seen >= least * len(modes), f"{name} was left out\n{out}"


@pytest.mark.parametrize("machine,modes", [("pc", MODES), ("q35", MODES[1:3])])
def test_disks(bios, disks, tmp_path, machine, modes):
    disks_of_all_buses(bios, disks, tmp_path, machine, modes)


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_disks_in_all_modes(bios, disks, tmp_path, machine):
    disks_of_all_buses(bios, disks, tmp_path, machine, ALL_MODES, seconds=300)


def test_disks_on_a_32_bit_processor(bios, disks, tmp_path):
    """Its state in SMRAM has another layout."""
    disks_of_all_buses(bios, disks, tmp_path, "pc", [PAE | IOPL0],
                       qemu="qemu-system-i386")


# ------------------------------------------------------------------ services

def with_console(tmp_path):
    """The first serial port goes to the file serial, and the console to it."""
    (tmp_path / "port").write_bytes(COM1)
    return ["-serial", f"file:{tmp_path / 'serial'}",
            "-fw_cfg", f"name=etc/sercon-port,file={tmp_path / 'port'}"]


def services(bios, disks, tmp_path, machine, modes, *args, tpm=None,
             console=False, qemu=None, **defines):
    code = program(tmp_path, modes, DISKS=0, SERVICES=1, **defines)
    args = [*all_buses(disks, machine, code, ()), *args]
    if tpm:
        args += tpm.arguments()
    args += with_console(tmp_path)[:None if console else 2]
    out = run(bios, tmp_path, *args, qemu=qemu)
    check_all(out, 60 * len(modes))
    return (tmp_path / "serial").read_bytes()


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_services(bios, disks, tmp_path, machine):
    sent = services(bios, disks, tmp_path, machine, MODES, "-vga", "std")
    assert sent.count(b"sent by 01h") == len(MODES)


def test_services_on_a_32_bit_processor(bios, disks, tmp_path):
    services(bios, disks, tmp_path, "pc", [PAGES, PAE | IOPL0], "-vga", "std",
             "-cpu", "pentium3", qemu="qemu-system-i386")


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_services_in_all_modes(bios, disks, tmp_path, machine):
    services(bios, disks, tmp_path, machine, ALL_MODES, "-vga", "std", ALARM=1)


@pytest.mark.parametrize("vga", ["none", "std"])
def test_serial_console(bios, disks, tmp_path, vga):
    modes = [PAGES, PAE | IOPL0]
    sent = services(bios, disks, tmp_path, "pc", modes, "-vga", vga,
                    console=True)
    for text in (b"printed by 0Eh", b"printed by 13h"):
        assert sent.count(text) == len(modes), sent


def test_no_screen(bios, disks, tmp_path):
    services(bios, disks, tmp_path, "pc", [PAGES], "-vga", "none", SCREEN=0)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_boot_resets(bios, disks, tmp_path, machine):
    """INT 19h: the memory is the monitor's, so all begins anew."""
    code = program(tmp_path, [PAGES | IOPL0], DISKS=0, BOOT=1)
    argv = vm.qemu_argv(bios, machine, mem="64M", args=[
        *all_buses(disks, machine, code, ())[2:], "-no-reboot"])
    with vm.Machine(argv, tmp_path / "run") as m:
        assert m.wait(20) == 0
        assert m.debug().endswith(b"asks for a boot\n"), m.report("no reset")


@pytest.mark.parametrize("kind", ["1.2", "2.0-crb", pytest.param(
    "2.0-tis", marks=pytest.mark.slow)])
def test_tpm(tests, bios, disks, tmp_path, kind):
    with tests.tpm(kind) as tpm:
        services(bios, disks, tmp_path, "q35", [PAGES, PAE | IOPL0], "-vga",
                 "std", tpm=tpm, TPM=1)


def test_alarm(bios, disks, tmp_path):
    services(bios, disks, tmp_path, "pc", [PAGES, PAE | IOPL0 | DEVICES],
             "-vga", "std", ALARM=1)


def test_a20_is_the_monitors(bios, disks, tmp_path):
    """Whoever traps port 92h has INT 15h AH=24h, too."""
    services(bios, disks, tmp_path, "pc", [PAGES | DEVICES,
                                           PAE | IOPL0 | DEVICES],
             "-vga", "std", A20=1)


# -------------------------------------------------- calls that wait, two tasks

def tasks(bios, disks, tmp_path, modes, *args, throttle="", **defines):
    code = program(tmp_path, modes, DISKS=0, TASKS=1, **defines)
    out = run(bios, tmp_path,
              *all_buses(disks, "pc", code, (), throttle=throttle), *args,
              seconds=30 + 20 * len(modes))
    check_all(out, 6)
    return out


@pytest.mark.parametrize("mode", [PAGES, PAE | IOPL0 | DEVICES])
def test_tasks(bios, disks, tmp_path, mode):
    """Hooks of the tick call services while one waits; two tasks, whose calls
    end in any order."""
    tasks(bios, disks, tmp_path, [mode])


@pytest.mark.slow
def test_tasks_in_all_modes(bios, disks, tmp_path):
    tasks(bios, disks, tmp_path, ALL_MODES)


@pytest.mark.slow
def test_tasks_and_a_slow_disk(bios, disks, tmp_path):
    tasks(bios, disks, tmp_path, [PAGES], throttle=",throttling.iops-total=15")


@pytest.mark.slow
@pytest.mark.parametrize("vga", ["none", "std"])
def test_two_tasks_print(bios, disks, tmp_path, vga):
    tasks(bios, disks, tmp_path, [PAGES], "-vga", vga, *with_console(tmp_path))
    sent = (tmp_path / "serial").read_bytes()
    assert [sent.count(b"%"), sent.count(b"&")] == [LETTERS, LETTERS]


def test_tasks_that_end_in_a_call(bios, disks, tmp_path):
    """As when a DOS box is closed: calls are refused for a while, then a slot
    is taken back."""
    tasks(bios, disks, tmp_path, [PAGES], KILLS=6)


# ------------------------------------------------- without SMM, and attackers

NO_SMM = "No SMI by port B2h"


@pytest.mark.parametrize("machine,vga,console", [
    ("pc", "none", False), ("pc", "std", True), ("q35", "std", False),
    ("q35", "none", True)])
def test_smi_switched_off(bios, disks, tmp_path, machine, vga, console):
    """By the program.  What needs no C is served, all else refused."""
    code = program(tmp_path, [PAGES, PAE | IOPL0 | DEVICES], DISKS=0, ALONE=1,
                   SMI_OFF=1, SCREEN=int(vga != "none"))
    args = with_console(tmp_path) if console else []
    out = run(bios, tmp_path, *all_buses(disks, machine, code, ()), "-vga",
              vga, *args)
    check_all(out, 40)


def test_no_smm(bios, disks, tmp_path):
    """Without the power management function nothing raises an SMI."""
    code = program(tmp_path, [PAGES, PAE | IOPL0], DISKS=0, ALONE=1)
    out = run(bios, tmp_path, *all_buses(disks, "pc,acpi=off", code, ()),
              "-vga", "std")
    check_all(out, 40)
    assert NO_SMM in out


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_smm_off(bios, disks, tmp_path, machine):
    """TCG does not care about the switch: then it is served all the same, or
    POST says that it is not."""
    for kind in ("SERVICES", "ALONE"):
        code = program(tmp_path, [PAGES], DISKS=0, **{kind: 1})
        out = run(bios, tmp_path, *all_buses(disks, machine + ",smm=off", code,
                                             ()), "-vga", "std", seconds=20)
        if (NO_SMM in out) == (kind == "ALONE"):
            check_all(out, 20)
            return
    pytest.fail(out)


def symbols(bios):
    """Addresses for v86_attack.c, of the image under test."""
    wanted = ("v86_box", "v86_call", "v86_called", "smi_start", "smi_exchange")
    elf = bios.with_suffix(".elf")
    if not elf.exists():
        pytest.skip(f"BIOS= names an image without {elf.name} beside it, "
                    "which says what to attack")
    text = subprocess.run(["nm", elf], check=True, capture_output=True,
                          text=True).stdout
    found = {name.upper(): "0x" + at for at, name in
             re.findall(r"^(\w+) \w (\w+)$", text, re.M) if name in wanted}
    assert len(found) == len(wanted), found
    return found


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_attack(bios, disks, tmp_path, machine):
    """With a display: QEMU has RAM at A0000 where there is none."""
    code = program(tmp_path, MODES, DISKS=0, ATTACK=1, **symbols(bios))
    out = run(bios, tmp_path, *all_buses(disks, machine, code, ()), "-vga",
              "std")
    check_all(out, 18 * len(MODES))
    assert ("smram locked" in out) == (machine == "q35")


@pytest.mark.slow
@pytest.mark.xfail(strict=True, raises=AssertionError,
                   reason="system management mode is no border against the "
                   "OS, which has SMBASE of all processors but the first in "
                   "its RAM: docs/threat-model.md, the SMI handler")
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_smi_on_the_second_processor(bios, tmp_path, machine):
    disk = assemble("v86_ap", tmp_path)
    out = run(bios, tmp_path, "-M", machine, "-smp", 2, *vm.disk(
        disk, "ide", machine))
    check_all(out, 3)


# -------------------------------------------------------------- keys typed

@pytest.mark.parametrize("keyboard", ["ps2", "usb"])
def test_typed_keys(bios, disks, tmp_path, keyboard):
    args = [] if keyboard == "ps2" else ["-device", "qemu-xhci", "-device",
                                         "usb-kbd"]
    code = program(tmp_path, [PAGES], DISKS=0, KEYS=1)
    argv = vm.qemu_argv(bios, "pc", mem="64M", args=[
        *all_buses(disks, "pc", code, ())[2:], *args,
        "-device", "isa-debug-exit,iobase=0x501"])
    with vm.Machine(argv, tmp_path / "run") as m:
        for i, (key, code) in enumerate([("a", b"1e61"), ("shift-b", b"3042"),
                                         ("f1", b"3b00"), ("esc", b"011b")]):
            m.wait_debug(rb"(ready.*){%d}" % (i + 1))
            m.press(f"sendkey {key}")
            if key != "esc":
                m.wait_debug(rb"key ax=0000" + code)
        m.wait_debug(rb"^done$", 20)
        check_all(m.debug().decode(errors="replace"), 4)

# SPDX-License-Identifier: MIT
"""Totals: whatever walks over things that others made ends in bounded time
and memory also when every single thing is within its own bounds, says so in
one line on the console and on port 402h, and the machine boots.

docs/architecture.md, "Bounds", lists the walks.  Time is virtual (-icount,
every instruction takes 1 ns), so a busy host changes nothing."""

import re
import struct
import subprocess

import pytest

import fakeusb
import rehearse
import pcrpredict
import roms
import tcglog
import vm
from test_bad import (BOOTED, EXIT, R, START, T, checksum, fw_cfg, pointer,
                      rom)
from test_handover import gpt_sectors, keelpcr, predict
from test_usb import boots, redirected, stick          # noqa: F401

SLOTS = ["-global", "fw_cfg_io.x-file-slots=400"]


# ------------------------------------------------------------ hostile inputs

def many_checksums(tests):
    """1000 commands, each over 1 MiB: one GiB to add up."""
    return "pc", ["-machine", "acpi=off"] + fw_cfg(tests, **{
        "etc__table-loader": START + checksum(T, 9, 0, 1 << 20) * 1000,
        "etc__acpi__tables": bytes(1 << 20),
        "etc__acpi__rsdp": b"RSD PTR " + bytes(12)})


def long_root_table(tests):
    """An RSDT of two million tables, none of which is there."""
    size = 8 << 20
    return "pc", ["-machine", "acpi=off"] + fw_cfg(tests, **{
        "etc__table-loader": START + pointer(R, T, 16, 4)
        + checksum(R, 8, 0, 20),
        "etc__acpi__tables": (b"RSDT" + struct.pack("<I", size)
                              ).ljust(size, b"\0"),
        "etc__acpi__rsdp": b"RSD PTR " + bytes(12)})


# push ds; push cs; pop ds; mov byte [2], 0; pop ds; retf
GIVES_ALL_BACK = bytes.fromhex("1e0e1fc6060200001fcb")


def pnp_rom(headers, init=b"\xcb", size=8):
    """A ROM with PnP headers, each of which offers a boot entry."""
    image = bytearray(rom(size, init, checksum=False))
    struct.pack_into("<H", image, 0x1a, 0x40)
    for n in range(headers):
        at = 0x40 + n * 0x20
        struct.pack_into("<4sBBH", image, at, b"$PnP", 1, 2,
                         at + 0x20 if n + 1 < headers else 0)
        struct.pack_into("<H", image, at + 0x1a, 3)
    image[-1] = -sum(image) & 0xff
    return bytes(image)


def many_roms(tests):
    """Each gives its space back, so that the next one fits."""
    data = pnp_rom(1, GIVES_ALL_BACK, 96)
    return "q35", SLOTS + fw_cfg(
        tests, **{f"genroms__{n:08}": data for n in range(150)})


def many_early_lines(tests):
    """Display ROMs that are none: a line each, before there is a console."""
    return "q35", SLOTS + fw_cfg(
        tests, **{f"vgaroms__{n:08}": b"\0" * 99 for n in range(60)})


def many_boot_entries(tests):
    data = pnp_rom(16)
    return "q35", SLOTS + fw_cfg(
        tests, **{f"genroms__{n:08}": data for n in range(20)})


def endless_device_list(tests):
    """pci-testdev's ROM, whose PCI data structure is for other devices."""
    image = bytearray(b"\1" * (4 << 20))
    image[:4] = b"\x55\xaa\x08\xcb"
    struct.pack_into("<H", image, 0x18, 0x20)
    struct.pack_into("<4sHHHHB3sHHBB", image, 0x20, b"PCIR", 0x1b36, 0x7777,
                     0x18, 0x18, 3, bytes(3), 8, 0, 0, 0x80)
    path = tests.tmp / "list.rom"
    path.write_bytes(image)
    return "q35", ["-device", f"pci-testdev,romfile={path}"]


def many_units(_):
    """Disks on every unit of some targets."""
    args = ["-device", "virtio-scsi-pci,id=s"]
    for n in range(530):
        args += ["-blockdev", f"null-co,node-name=n{n},size=1048576",
                 "-device", f"scsi-hd,drive=n{n},bus=s.0,scsi-id={n // 60},"
                 f"lun={n % 60}"]
    return "q35", args


# name: what makes it, what is said, virtual milliseconds to the boot sector
CASES = {
    "checksums": (many_checksums,
                  rb"checksums over more than 16 MiB in all; going on", 20),
    "root-table": (long_root_table,
                   rb"root table names 2097143 tables, more than 256", 20),
    "roms": (many_roms, rb"Option ROM genroms/\d+: more than 64 option ROMs",
             20),
    "early-lines": (many_early_lines, rb"Not all messages up to here had room",
                    20),
    "boot-entries": (many_boot_entries, rb"Boot list: more than 64 entries of "
                     rb"option ROMs, the rest is left out", 20),
    "device-list": (endless_device_list,
                    rb"its list of devices does not end, not used", 20),
    "units": (many_units, rb"Drives: 512 units or 60 s are enough", 100),
}


@pytest.mark.parametrize("name", CASES)
def test_total(tests, name):
    make, message, limit_ms = CASES[name]
    machine, args = make(tests)
    clock = tests.tmp / "clock"
    args = args + EXIT + [
        "-icount", "shift=0,sleep=off",
        "-chardev", f"file,id=clock,path={clock}",
        "-device", "isa-debugcon,iobase=0x403,chardev=clock"]
    args += vm.disk(tests.guest["clock.img"], "virtio", machine, boot=0)
    with tests.machine(machine, None, args=args, vga="std",
                       machine_options=",graphics=off") as m:
        assert m.wait(60) == BOOTED, m.report("the boot sector did not run")
        m.reader.join(5)
        # A line of the console ends after 80 characters.
        for text in (m.debug(), bytes(m.serial).replace(b"\r\n", b"")):
            assert len(re.findall(message, text)) == 1, m.report(
                f"not one line of {message!r}")
        took = struct.unpack("<Q", clock.read_bytes())[0] / 1e6
        print(f"\n{name}: {took:.1f} ms")
        assert took < limit_ms, m.report(f"{took} ms")


# ------------------------------------------------------------ areas of a disk

def disk_of_areas(tests, bios_boot, legacy, active=False):
    """A GPT of so many BIOS boot partitions and so many with the legacy-boot
    attribute, each with something in it; clock.img's boot sector."""
    parts = [(b"Hah!IdontNeedEFI", 4096 + n, 4096 + n + 2047, 0)
             for n in range(bios_boot)]
    parts += [(b"another kind....", 4200 + n, 8000 + n, 4)
              for n in range(legacy)]
    total = 16384
    mbr, table = gpt_sectors(total, parts)
    image = bytearray(total * 512)
    image[:512] = tests.guest["clock.img"].read_bytes()[:512]
    image[446:462] = mbr
    if active:
        image[462:478] = struct.pack("<B3sB3sII", 0x80, bytes(3), 0x83,
                                     bytes(3), 9000, 100)
    image[510:512] = b"\x55\xaa"
    image[512:512 + len(table)] = table
    for lba in range(4096, 16000):
        image[lba * 512:lba * 512 + 4] = struct.pack("<I", lba)
    path = tests.tmp / "areas.img"
    path.write_bytes(image)
    return path


AREA, RECORD = "BIOS BOOT PARTITION", "PARTITION BOOT RECORD"
LEFT_OUT = pcrpredict.LEFT_OUT


@pytest.mark.parametrize("kind,case,want", [
    ("2.0-crb", (100, 0), [AREA] * 4 + [LEFT_OUT]),
    ("2.0-tis", (3, 1, True), [AREA] * 3 + [RECORD, LEFT_OUT]),
    pytest.param("2.0-crb", (4, 0), [AREA] * 4, marks=pytest.mark.slow),
    pytest.param("1.2", (0, 100), [RECORD] * 4 + [LEFT_OUT],
                 marks=pytest.mark.slow),
])
def test_areas_of_a_disk(tests, kind, case, want):
    """The first four count; that there are more is said and measured, and
    keelpcr predicts the same PCRs."""
    args = vm.disk(disk_of_areas(tests, *case), "virtio", "q35")
    more = {"machine_options": ",graphics=off", "vga": "std"}
    prediction = predict(tests, "q35", kind, args, **more)
    with tests.machine("q35", None, tpm=kind, args=args, **more) as m:
        m.wait_debug(rb"Booting from 0000:7c00", 60)
        m.find(rb"Booting from Hard Disk", 5)
        path = tests.tmp / "log"
        path.write_bytes(rehearse.log_bytes(m, tests.tmp / "memory"))
        log = tcglog.parse(path.read_bytes())
        said = [len(re.findall(rb"more than 4 areas of boot code", text))
                for text in (m.debug(), bytes(m.serial))]
    found = [e.data.decode() for e in log.events
             if e.pcr == 4 and e.name == "EV_IPL"]
    assert found == ["MBR"] + want
    assert said == [LEFT_OUT in want] * 2
    done = keelpcr("check", path, "--prediction", prediction)
    assert done.returncode == 0, done.stdout + done.stderr


# --------------------------------------------------------------- a full log

@pytest.mark.parametrize("kind", ["2.0-crb", "1.2"])
def test_log_that_is_full(tests, kind):
    """A boot sector that comes back by INT 19h again and again: the log ends
    with an entry that says so, readers take it, and one line is printed."""
    disk = roms.sector(tests.tmp / "again.img", "again", tail=0x19)
    with tests.machine("q35", None, tpm=kind, vga="std",
                       args=vm.disk(disk, "virtio", "q35"),
                       machine_options=",graphics=off") as m:
        m.wait_debug(rb"TPM: the event log is full \(65536 bytes\)", 120)
        m.expect(rb"TPM: the event log is full", 10)
        m.wait_debug(rb"is full(.*\[sector again\]){3}", 20)
        path = tests.tmp / "log"
        path.write_bytes(rehearse.log_bytes(m, tests.tmp / "memory"))
        assert m.debug().count(b"event log is full") == 1
    log = tcglog.parse(path.read_bytes())
    last = log.events[-1]
    # Linux gives readers no more than the entries.
    area = path.read_bytes()
    path.write_bytes(area[:area.rindex(last.data) + len(last.data)])
    assert (last.name, last.pcr) == ("EV_NO_ACTION", 0)
    assert last.data == b"KeelBIOS full\0\0\0"
    done = keelpcr("replay", path)
    assert done.returncode == 0 and "KeelBIOS full" in done.stdout
    assert "ends early" in done.stderr
    if kind != "1.2":
        done = subprocess.run(["tpm2_eventlog", path], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("EventNum:") == len(log.events)


# -------------------------------------------------------------------- USB

class ManyInterfaces(fakeusb.Stick):
    """Forty disks in one device, none of which ever answers a command."""
    config = b"\t\2" + struct.pack("<HBBBBB", 9 + 40 * 23, 40, 1, 0, 0xc0, 0) \
        + b"".join(bytes.fromhex("0904%02x000208065000" "07058102000200"
                                 "07050202000200" % n) for n in range(40))

    def data_out(self, ep, data):
        return None


@pytest.mark.slow
def test_one_usb_device_that_costs_time(redirected, boots):     # noqa: F811
    """5 s for each of its interfaces are within the bound of each; in all it
    is 30 s and what is under way then."""
    with redirected(ManyInterfaces, stick(boots.sector("a"), port=2)) as \
            (m, _):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*USB: 48 devices or 30 s are "
                     rb"enough", 60)
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*(\[sector|No bootable device)",
                     20)

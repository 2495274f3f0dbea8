# SPDX-License-Identifier: MIT
"""Predict the event log and the PCRs of a boot of KeelBIOS.

    facts = Facts(bios=..., boot=..., ...)
    log = predict(facts)            -> tcglog.Log; log.replay() has the PCRs

The firmware's rules are docs/measurements.md; this file is those rules, written
down a second time on purpose: the tests compare the two.

Computed from files: PCR 0, 4, 5, 8, 9, and the separators.  What depends on
the virtual hardware (PCR 1: SMBIOS and ACPI tables; PCR 2 and 3: option ROMs)
comes from the log of a boot on the same hardware, which rehearse.py can make
without TPM, disk or operating system of the real machine.  predictionfile.py writes and reads predictions.
"""

import hashlib
import pathlib
import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field

import tcglog
from tcglog import Event, Log

SECTOR = 512
CD_SECTOR = 2048
CODE_MAX = 1 << 20          # measured of one area of a disk
AREAS_MAX = 4               # of one disk
LEFT_OUT = "BOOT CODE NOT MEASURED"
CD_CODE_MAX = 3 << 20
GPT_TABLE_MAX = 0x20000
BLOCK_MAX = 0xffffffff      # further out no boot sector reads
LABELLED_MAX = 2048
TEXT_MAX = 64

IMAGE_HEADER = b"KeelBIOS image\r\n"
EV_POST_CODE, EV_SEPARATOR, EV_ACTION, EV_EVENT_TAG = 0x01, 0x04, 0x05, 0x06
EV_S_CRTM_VERSION, EV_IPL, EV_IPL_PARTITION_DATA = 0x08, 0x0d, 0x0e
TAG_ROM_EXECUTE = 7
BIOS_BOOT_TYPE = b"Hah!IdontNeedEFI"
LINUX_FILLED = ((0x1fa, 2), (0x210, 2), (0x218, 8), (0x224, 2), (0x228, 4),
                (0x250, 8))
SETUP_DTB = 2               # a type of setup data
FLOPPY_KIB = {1: 1200, 2: 1440, 3: 2880}
BANK_IDS = {name: alg for alg, (name, _) in tcglog.ALGORITHMS.items()}


class PredictError(ValueError):
    """A prediction is impossible; the text says what is missing."""


# ------------------------------------------------------------------- events

class Recorder:
    """Collects the events of a boot, as the firmware would log them."""

    def __init__(self, family, banks):
        if family == "1.2":
            banks = ["sha1"]
        unknown = [b for b in banks if b not in BANK_IDS]
        if unknown:
            raise PredictError(f"unknown bank {unknown[0]!r}; there are: "
                               + " ".join(sorted(BANK_IDS)))
        self.family = family
        sizes = {b: tcglog.ALGORITHMS[BANK_IDS[b]][1] for b in banks}
        self.log = Log("sha1" if family == "1.2" else "crypto-agile", sizes)

    def digests(self, data):
        result = {}
        for bank in self.log.banks:
            name = tcglog.HASHLIB_NAMES.get(bank, bank)
            try:
                result[bank] = hashlib.new(name, data).digest()
            except ValueError:
                raise PredictError(f"this host's Python cannot compute "
                                   f"{bank}") from None
        return result

    def add(self, pcr, kind, measured, logged=None):
        """An event over the bytes measured; logged None: the same bytes."""
        self.log.events.append(Event(
            len(self.log.events), pcr, kind, self.digests(measured),
            measured if logged is None else logged))

    def action(self, pcr, text):
        self.add(pcr, EV_ACTION, text.encode("ascii", "replace"))

    def code(self, pcr, kind, data, text):
        self.add(pcr, kind, data, text.encode("ascii"))

    def copy(self, event):
        """An event of another log with the same banks."""
        self.log.events.append(Event(len(self.log.events), event.pcr,
                                     event.type, dict(event.digests),
                                     event.data))

    def option_rom(self, pfa, image):
        """A tagged event: the image's digests are in the event's data."""
        inner = struct.pack("<HH", 0, pfa)
        digests = self.digests(image)
        if self.family != "1.2":
            inner += struct.pack("<I", len(digests))
            for bank, value in digests.items():
                inner += struct.pack("<H", BANK_IDS[bank]) + value
        else:
            inner += digests["sha1"]
        self.add(2, EV_EVENT_TAG,
                 struct.pack("<II", TAG_ROM_EXECUTE, len(inner)) + inner)


# -------------------------------------------------------------------- media

class Medium:
    """A disk or CD image; anything that qemu-img reads."""

    def __init__(self, path, sector=SECTOR):
        self.path = path
        self.sector = sector
        self.temporary = None
        with open(path, "rb") as file:
            raw = file.read(4) not in (b"QFI\xfb", b"KDMV", b"VHDX")
        if not raw:
            # pylint: disable=consider-using-with
            self.temporary = tempfile.NamedTemporaryFile(
                prefix="keelpcr-", suffix=".raw")
            done = subprocess.run(
                ["qemu-img", "convert", "-O", "raw", path,
                 self.temporary.name], capture_output=True, text=True,
                check=False)
            if done.returncode:
                raise PredictError(f"{path}: {done.stderr.strip()}")
            path = self.temporary.name
        # pylint: disable=consider-using-with
        self.file = open(path, "rb")
        self.file.seek(0, 2)
        self.sectors = self.file.tell() // sector

    def read(self, lba, count):
        """Sectors; None when they are not all there, as for the firmware."""
        if lba > self.sectors or count > self.sectors - lba:
            return None
        self.file.seek(lba * self.sector)
        return self.file.read(count * self.sector)

    def close(self):
        self.file.close()
        if self.temporary:
            self.temporary.close()


def without_zeros(data):
    """Up to the last sector that is not all zeros."""
    used = len(data.rstrip(b"\0"))
    return data[:-(-used // SECTOR) * SECTOR]


class Areas:
    """A disk being measured: so many areas of it count."""

    def __init__(self, disk):
        self.disk = disk
        self.left = AREAS_MAX
        self.over = False


def record_area(out, areas, lba, count, text):
    disk = areas.disk
    if lba >= disk.sectors or areas.over:
        return
    if areas.left == 0:
        areas.over = True
        out.code(4, EV_IPL, LEFT_OUT.encode(), LEFT_OUT)
        return
    areas.left -= 1
    count = min(count, disk.sectors - lba, CODE_MAX // SECTOR)
    data = without_zeros(disk.read(lba, count))
    if data:
        out.code(4, EV_IPL, data, text)


def record_gpt(out, areas):
    disk = areas.disk
    header = disk.read(1, 1)
    if not header or header[:8] != b"EFI PART":
        return
    length = struct.unpack_from("<I", header, 12)[0]
    lba, count, size = struct.unpack_from("<QII", header, 72)
    if not 92 <= length <= SECTOR or not 1 <= lba <= BLOCK_MAX or \
            count == 0 or \
            not 128 <= size <= GPT_TABLE_MAX or count > GPT_TABLE_MAX // size:
        return
    table = disk.read(lba, -(-count * size // SECTOR))
    if table is None:
        return
    table = table[:count * size]
    out.code(5, EV_IPL_PARTITION_DATA, header[:length] + table, "GPT")
    for at in range(0, len(table), size):
        kind = table[at:at + 16]
        first, last, attributes = struct.unpack_from("<QQI", table, at + 32)
        if first == 0 or last < first or last > BLOCK_MAX:
            continue
        if kind == BIOS_BOOT_TYPE:
            record_area(out, areas, first, last - first + 1,
                        "BIOS BOOT PARTITION")
        elif attributes & 4:
            record_area(out, areas, first, 1, "PARTITION BOOT RECORD")


def record_disk(out, path, boot_code):
    """A hard disk's boot: number 80h, its first sector, what that loads."""
    disk = Medium(path)
    try:
        sector = disk.read(0, 1)
        out.action(4, "Booting BCV Device 80h (HDD)")
        if not sector or sector[510:] != b"\x55\xaa":
            raise PredictError(f"{path} has no boot sector")
        out.code(4, EV_IPL, sector[:0x1b8], "MBR")
        out.code(5, EV_IPL_PARTITION_DATA, sector[0x1b8:],
                 "MBR PARTITION_TABLE")
        if boot_code:
            record_disk_code(out, disk, sector)
    finally:
        disk.close()


def record_disk_code(out, disk, sector):
    areas = Areas(disk)
    starts, active, gpt = [], 0, False
    for at in range(446, 510, 16):
        status, kind = sector[at], sector[at + 4]
        start = struct.unpack_from("<I", sector, at + 8)[0]
        if kind == 0 or start == 0:
            continue
        gpt |= kind == 0xee
        starts.append(start)
        if status & 0x80 and kind != 0xee and not active:
            active = start
    if gpt:
        record_gpt(out, areas)
    elif starts and min(starts) > 1:
        record_area(out, areas, 1, min(starts) - 1, "MBR GAP")
    if active:
        record_area(out, areas, active, 1, "PARTITION BOOT RECORD")


def choose_cd_entry(catalog):
    """The first bootable x86 entry of an El Torito catalog."""
    x86, left, last = catalog[1] == 0, 1, False
    for at in range(32, CD_SECTOR, 32):
        entry = catalog[at:at + 32]
        if left == 0:
            if last or entry[0] not in (0x90, 0x91):
                break
            last, x86 = entry[0] == 0x91, entry[1] == 0
            left = struct.unpack_from("<H", entry, 2)[0]
        elif entry[0] != 0x44:
            if x86 and entry[0] == 0x88:
                return entry
            left -= 1
    raise PredictError("the CD's boot catalog has no entry for a PC BIOS")


def record_cd(out, path, name, boot_code):
    cd = Medium(path, CD_SECTOR)
    try:
        out.action(4, "Booting BCV Device " + name[:TEXT_MAX])
        descriptor = cd.read(17, 1)
        if not descriptor or descriptor[7:30] != b"EL TORITO SPECIFICATION":
            raise PredictError(f"{path} is not a bootable CD")
        catalog = cd.read(struct.unpack_from("<I", descriptor, 0x47)[0], 1)
        if catalog is None:
            raise PredictError(f"{path}: the boot catalog is outside the CD")
        out.code(5, EV_IPL_PARTITION_DATA, catalog, "BOOT CATALOG")
        entry = choose_cd_entry(catalog)
        count, lba = struct.unpack_from("<HI", entry, 6)
        media = entry[1] & 0xf
        image = cd.read(lba, -(-count * SECTOR // CD_SECTOR))
        if image is None:
            raise PredictError(f"{path}: the boot image is outside the CD")
        image = image[:count * SECTOR]
        out.code(4, EV_IPL, image, "EL TORITO IPL")
        whole = 0
        if media == 0 and len(image) >= 20 and \
                struct.unpack_from("<I", image, 12)[0] == lba:
            whole = struct.unpack_from("<I", image, 16)[0]
        elif media in FLOPPY_KIB:
            whole = FLOPPY_KIB[media] * 1024
        if boot_code and len(image) < whole <= CD_CODE_MAX:
            data = cd.read(lba, -(-whole // CD_SECTOR))
            if data is not None:
                out.code(4, EV_IPL, data[:whole], "EL TORITO IMAGE")
    finally:
        cd.close()


# ------------------------------------------------------------------- kernels

@dataclass
class Kernel:
    """A Linux kernel as files; initrds are what the loader joins."""
    path: str
    cmdline: str = ""
    initrds: list = field(default_factory=list)
    dtb: object = None          # QEMU's -dtb


def split_kernel(path):
    """A bzImage's (setup, protected-mode payload)."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 0x268 or data[0x1fe:0x200] != b"\x55\xaa" or \
            data[0x202:0x206] != b"HdrS" or not data[0x211] & 1 or \
            struct.unpack_from("<H", data, 0x206)[0] < 0x202:
        return None
    setup = ((data[0x1f1] or 4) + 1) * SECTOR
    payload = data[setup:]
    version, = struct.unpack_from("<H", data, 0x206)
    units, = struct.unpack_from("<I", data, 0x1f4)
    if version < 0x204:
        units &= 0xffff
    if units and units * 16 <= len(payload):
        payload = payload[:units * 16]
    return bytearray(data[:setup]), payload


def record_kernel(out, kernel, direct):
    """Command line, kernel, initrd; direct: QEMU's -kernel."""
    cmdline = kernel.cmdline.encode()
    label = b"kernel_cmdline: "
    parts = split_kernel(kernel.path)
    initrd = b""
    for path in kernel.initrds:
        with open(path, "rb") as file:
            initrd += file.read()
    out.add(8, EV_IPL, cmdline, label + cmdline[:LABELLED_MAX] + b"\0")
    if parts is None:
        raise PredictError(
            f"{kernel.path} is no bzImage of boot protocol 2.02 or later: "
            "its measurement depends on what QEMU makes of it")
    setup, payload = parts
    if direct:
        for at, size in LINUX_FILLED:
            setup[at:at + size] = bytes(size)
        out.code(9, EV_IPL, bytes(setup), "Linux setup")
    out.code(9, EV_IPL, payload, "Linux kernel")
    if initrd:
        out.code(9, EV_IPL, initrd, "Linux initrd")
    if kernel.dtb:
        tree = pathlib.Path(kernel.dtb).read_bytes()
        out.code(9, EV_IPL, struct.pack("<I", SETUP_DTB) + tree,
                 "Linux setup data")


# ---------------------------------------------------------------- everything

@dataclass
class Facts:
    """What a boot depends on.

    bios        the image; None: the reference's PCR 0
    reference   Log of a boot on the same virtual hardware: PCR 1, 2 and 3;
                None leaves them with their separators and what roms says
    roms        [(PCI address as bus << 8 | devfn, image)] instead of the
                reference's PCR 2; None: the reference's
    boot        ("kernel", Kernel), ("disk", path), ("cd", path, name),
                ("network", entry's name or None: the reference's) or ("none",)
    grub        (lines of grubevents.py, directory of the files), or None: what
                the disk's or CD's GRUB measures itself
    linux       a Kernel that the disk's or CD's loader starts through the
                16-bit entry, or None
    """
    bios: object = None
    family: str = "2.0"
    banks: tuple = ("sha1", "sha256", "sha384", "sha512")
    reference: object = None
    roms: object = None
    boot: tuple = ("none",)
    grub: object = None
    linux: object = None
    boot_code: bool = True
    linux_hook: bool = True


def bios_version(image):
    """The version that the image says of itself: in the SMBIOS structure it
    has for itself, vendor, version, date."""
    found = re.findall(rb"KeelBIOS\0([!-~]+)\0\d\d/\d\d/\d{4}\0", image)
    if len(found) != 1:
        raise PredictError("the firmware image does not say its version: is "
                           "it KeelBIOS?")
    return found[0]


def record_platform(out, facts):
    """PCR 1, 2, 3 from the reference, up to its separators; PCR 0 without an
    image."""
    ref = facts.reference
    if ref and list(ref.banks) != list(out.log.banks):
        raise PredictError("the reference log has banks "
                           + " ".join(ref.banks) + ", the prediction "
                           + " ".join(out.log.banks))
    copied = (1, 2, 3) if facts.bios else (0, 1, 2, 3)
    done = set()
    for event in ref.events if ref else []:
        if event.type == EV_SEPARATOR:
            done.add(event.pcr)
        if event.pcr in copied and event.pcr not in done and \
                event.type != tcglog.EV_NO_ACTION and \
                not (event.pcr == 2 and facts.roms is not None):
            out.copy(event)
    if facts.roms:
        out.action(2, "Start Option ROM Scan")
        for pfa, image in facts.roms:
            out.option_rom(pfa, image)


BEV_TEXT = "Booting BEV Device "


def network_name(facts):
    """The boot entry of a network card's ROM as the boot menu names it."""
    if facts.boot[1]:
        return facts.boot[1]
    for event in facts.reference.events if facts.reference else []:
        text = event.data.decode("ascii", "replace")
        if event.pcr == 4 and event.type == EV_ACTION and \
                text.startswith(BEV_TEXT):
            return text[len(BEV_TEXT):]
    raise PredictError("how the network card's ROM calls its boot entry is "
                       "not known: say --network with the name that the boot "
                       "menu shows")


def used_part(image):
    """The firmware from its header on: what is before it is never looked at."""
    at = image.find(IMAGE_HEADER)
    if at < 0 or any(image[:at]):
        raise PredictError("the firmware is no KeelBIOS image, or an older "
                           "one: there is no header behind zeros")
    return image[at:]


def record_firmware(out, path):
    with open(path, "rb") as file:
        image = file.read()
    version = b"KeelBIOS " + bios_version(image) + b"\0"
    out.add(0, EV_S_CRTM_VERSION, version.decode().encode("utf-16-le"))
    out.code(0, EV_POST_CODE, used_part(image), "POST CODE")


def predict(facts):
    """The log that this boot will have; offsets are event numbers."""
    out = Recorder(facts.family, list(facts.banks))
    if facts.bios:
        record_firmware(out, facts.bios)
    record_platform(out, facts)
    out.action(4, "Calling INT 19h")
    for pcr in range(8):
        out.add(pcr, EV_SEPARATOR, b"\xff\xff\xff\xff")
    if facts.boot[0] == "kernel":
        out.action(4, "Booting BEV Device Linux kernel")
        record_kernel(out, facts.boot[1], True)
    elif facts.boot[0] == "network":
        # The ROM's code is in PCR 2; what it loads, no BIOS sees.
        out.action(4, BEV_TEXT + network_name(facts)[:TEXT_MAX])
    elif facts.boot[0] == "disk":
        record_disk(out, facts.boot[1], facts.boot_code)
    elif facts.boot[0] == "cd":
        record_cd(out, facts.boot[1], facts.boot[2], facts.boot_code)
    if facts.grub:
        import grubevents               # which needs this module
        grubevents.record(out, *facts.grub)
    if facts.linux and facts.linux_hook:
        record_kernel(out, facts.linux, False)
    return out.log


def first_difference(log, prediction, pcrs=range(10)):
    """[(pcr, event of log or None, event predicted or None)]: in each PCR
    that differs, the first event that does."""
    result = []
    banks = [b for b in log.banks if b in prediction.banks]
    for pcr in pcrs:
        have, want = ([e for e in x.events if e.pcr == pcr
                       and e.type != tcglog.EV_NO_ACTION]
                      for x in (log, prediction))
        for n in range(max(len(have), len(want))):
            a = have[n] if n < len(have) else None
            b = want[n] if n < len(want) else None
            if a is None or b is None or a.type != b.type or \
                    any(a.digests[k] != b.digests[k] for k in banks):
                result.append((pcr, a, b))
                break
    return result

# SPDX-License-Identifier: MIT
"""Which events a boot leaves in the log, and that ordinary command-line tools
give their digests, as docs/measurements.md says."""

import contextlib
import re
import struct
import subprocess

import pytest

import measured
import roms
import tcglog
import vm


def texts(log, *pcrs):
    """The text of events, less separators."""
    return [e.data.decode() for e in log.events
            if e.pcr in pcrs and e.name not in ("EV_SEPARATOR",
                                                "EV_NO_ACTION")]


@contextlib.contextmanager
def boot_until(tests, kind, pattern, args):
    """Boot devices of our own up to a text on port 402h; then the machine
    stands still."""
    with measured.watched(tests, kind) as tpm, \
            tests.machine("pc", None, tpm=tpm, args=args, mem="32M",
                          vga="none") as m:
        m.wait_debug(pattern, 60)
        m.qmp("stop")
        yield measured.log(m), tpm


@pytest.mark.parametrize("kind", ["2.0-crb", "1.2"])
def test_boot_attempts(tests, kind):
    """A ROM's boot entry that comes back, a disk that gives up by INT 18h, a
    floppy without boot sector: each attempt and each failure, in order."""
    rom = tests.tmp / "rom"
    rom.write_bytes(roms.image("bev"))
    empty = tests.tmp / "empty"
    empty.write_bytes(bytes(1474560))
    gives_up = roms.sector(tests.tmp / "a", "a", tail=0x18)
    args = ["-device", f"e1000,romfile={rom},bootindex=1"] + \
        vm.disk(gives_up, "ide", index=0, boot=2) + \
        ["-drive", f"if=floppy,format=raw,file={empty}",
         "-global", "isa-fdc.bootindexA=3"]
    with boot_until(tests, kind, rb"No bootable device\.", args) as (log, tpm):
        assert not log.check(tpm.pcrs())
        found = texts(log, 4)
        order = [e for e in log.events if e.data[:11] == b"Boot order:"]
    bev = found.pop(1)
    assert bev.startswith("Booting BEV Device "), bev
    assert found == [
        "Calling INT 19h", "Return via INT 18h",
        "Booting BCV Device 80h (HDD)", "MBR", "Return via INT 18h",
        "Booting BCV Device 00h (Floppy)"]
    # PCR 1: the boot order as QEMU gave it.
    assert len(order) == 1 and order[0].pcr == 1
    lines = order[0].data[12:].rstrip(b"\0").split(b"\n")
    assert [re.search(rb"/(ethernet|drive|floppy)@", line)[1]
            for line in lines] == [b"ethernet", b"drive", b"floppy"]
    for bank, digest in order[0].digests.items():
        assert digest == tcglog.hashlib.new(bank, order[0].data[12:]).digest()


def test_int19(tests):
    """INT 19h of a boot sector starts the list again."""
    disk = roms.sector(tests.tmp / "a", "a", tail=0x19)
    with boot_until(tests, "2.0-tis", rb"\[sector a\].*\[sector a\]",
                    vm.disk(disk, "ide")) as (log, _):
        found = texts(log, 4)
    again = ["Returned INT 19h", "Booting BCV Device 80h (HDD)", "MBR"]
    assert found[:6] == ["Calling INT 19h"] + again[1:] + again
    assert set(found) == set(again) | {"Calling INT 19h"}


def shell(line, where):
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", line], cwd=where,
                          text=True, capture_output=True, check=True)
    return done.stdout.split()[0]


def test_digests_by_command_line_tools(tests):
    """docs/measurements.md: sha256sum and dd give the digests of PCR 0, 2, 4
    and 5 from the files alone."""
    rom = tests.tmp / "rom"
    rom.write_bytes(roms.image("bev", units=8) + bytes(512))
    disk = bytearray(tests.guest["clock.img"].read_bytes())
    # A partition from sector 8 on; the gap's last used sector is 5.
    struct.pack_into("<B3sB3sII", disk, 0x1be, 0, b"", 0x83, b"", 8, 100)
    disk[5 * 512 + 7] = 1
    path = tests.tmp / "disk"
    path.write_bytes(disk)
    (tests.tmp / "bios.bin").write_bytes(tests.bios.read_bytes())
    args = ["-device", f"e1000,romfile={rom},addr=9"] + \
        vm.disk(path, "virtio")
    with measured.watched(tests, "2.0-crb") as tpm, \
            measured.boot(tests, "pc", tpm, args=args, disk=None) as m:
        log = measured.log(m)
        assert not log.check(tpm.pcrs())
        version = re.search(rb"^KeelBIOS (\S+)", m.debug(), re.M)[1].decode()

    def digest(text):
        found = [e for e in log.events if e.text() == repr(text)]
        assert len(found) == 1, text
        return found[0].digests["sha256"].hex()

    crtm = [e for e in log.events if e.name == "EV_S_CRTM_VERSION"][0]
    for want, line in (
            (crtm.digests["sha256"].hex(),
             f"printf 'KeelBIOS %s\\0' {version} | iconv -t utf-16le"
             " | sha256sum"),
            (digest("POST CODE"),
             "tail -c +$(($(grep -abo 'KeelBIOS image' bios.bin"
             " | cut -d: -f1) + 1)) bios.bin | sha256sum"),
            (digest("MBR"), "dd if=disk bs=440 count=1 | sha256sum"),
            (digest("MBR PARTITION_TABLE"),
             "dd if=disk bs=1 skip=440 count=72 | sha256sum"),
            (digest("MBR GAP"), "dd if=disk bs=512 skip=1 count=5 | sha256sum"),
            (digest("Calling INT 19h"),
             "printf 'Calling INT 19h' | sha256sum")):
        assert shell(line, tests.tmp) == want, line
    # A tagged event: its digest is that of the structure, which holds those of
    # the ROM's first (byte 2) x 512 bytes.
    event, = [e for e in log.events if e.name == "EV_EVENT_TAG" and e.pcr == 2
              and e.data[8:12] == struct.pack("<HH", 0, 9 << 3)]
    size = rom.read_bytes()[2] * 512
    inner = shell(f"head -c {size} rom | sha256sum", tests.tmp)
    assert bytes.fromhex(inner) in event.data
    (tests.tmp / "event").write_bytes(event.data)
    assert shell("sha256sum event", tests.tmp) == \
        event.digests["sha256"].hex()
    # A PCR: extend by extend.
    value = "00" * 32
    for e in log.events:
        if e.pcr == 0 and e.type != tcglog.EV_NO_ACTION:
            both = value + e.digests["sha256"].hex()
            value = shell(f"printf %s {both.upper()} | basenc -d --base16"
                          " | sha256sum", tests.tmp)
    assert value == tpm_value(log, 0)


def tpm_value(log, pcr):
    return log.replay()["sha256"][pcr].hex()

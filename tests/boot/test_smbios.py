# SPDX-License-Identifier: MIT
"""Entry points of SMBIOS: version 3 with one of version 2 beside it, and tables
that are too large for that one.  dmidecode reads what there is."""

import pathlib
import re
import struct
import subprocess

import pytest

import measured
from needs import needed
from test_tables import anchored

F_SEGMENT = 0xf0000
OLD, NEW = b"_SM_", b"_SM3_"
# Anchor: (where its length is, where the table's address is and its format,
# the parts that add up to zero, as (first byte, checksum)).
LAYOUT = {OLD: (5, 0x18, "<I", [(0x10, 0x15), (0, 4)]),
          NEW: (6, 0x10, "<Q", [(0, 5)])}
TEXTS, TEXT = 24, 3000          # 72 KB


def anchor(ram, name):
    """The entry point, or None; there are not two of them."""
    length = LAYOUT[name][0]
    found = list(anchored(ram[F_SEGMENT:F_SEGMENT + 0x10000], name,
                          lambda d, at: d[at + length]))
    assert len(found) < 2
    return found[0] if found else None


def decoded(tests, ram, name):
    """dmidecode's text, from the line behind the table's address."""
    tool = needed("dmidecode", "dmidecode")
    entry = bytearray(anchor(ram, name))
    _, field, form, sums = LAYOUT[name]
    at, = struct.unpack_from(form, entry, field)
    length = struct.unpack_from("<H", entry, 0x16)[0] if name == OLD else \
        struct.unpack_from("<I", entry, 0x0c)[0]
    struct.pack_into(form, entry, field, 32)
    for first, checksum in sums:
        entry[checksum] = 0
        entry[checksum] = -sum(entry[first:]) & 0xff
    dump = tests.tmp / "dump"
    dump.write_bytes(bytes(entry).ljust(32, b"\0") + ram[at:at + length])
    done = subprocess.run([tool, "--from-dump", dump], check=True, text=True,
                          capture_output=True)
    assert not done.stderr
    for word in ("Wrong", "Invalid", "broken", "<TRUNCATED>"):
        assert word not in done.stdout
    return done.stdout


def structures(text):
    return text[text.index("\nHandle "):]


def longest(table):
    """Bytes of the longest structure, with its strings."""
    at, most = 0, 0
    while at < len(table):
        end = table.index(b"\0\0", at + table[at + 1]) + 2
        at, most = end, max(most, end - at)
    return most


def booted(tests, kind, args=()):
    with measured.boot(tests, "q35", None, args=[
            "-machine", f"q35,smbios-entry-point-type={kind}", *args]) as m:
        return measured.memory(m), m.debug()


def test_version_2(tests):
    ram, _ = booted(tests, 32)
    assert anchor(ram, NEW) is None
    text = decoded(tests, ram, OLD)
    assert "Vendor: KeelBIOS" in text
    last = (pathlib.Path(__file__).parents[2] / "VERSION").read_text().split()
    major, minor = last[-1].split(".")[:2]
    # The label is longer in newer releases of dmidecode.
    assert re.search(rf"^\s+(BIOS|Platform Firmware) Revision: {major}\.{minor}$",
                     text, re.M), text


@pytest.mark.parametrize("args", [
    (), ("-smbios", "type=0,vendor=" + "V" * 200),
    ("-smbios", "type=11,value=" + "T" * 900)], ids=["plain", "own", "long"])
def test_version_3_with_2(tests, args):
    """A loader of Windows looks for the old one only."""
    ram, _ = booted(tests, 64, args)
    old, new = (decoded(tests, ram, name) for name in (OLD, NEW))
    assert structures(old) == structures(new)
    entry = anchor(ram, OLD)
    assert entry[6:8] == anchor(ram, NEW)[7:9] and entry[0x1e] == \
        entry[6] << 4 | entry[7]
    size, = struct.unpack_from("<H", entry, 0x16)
    count, = struct.unpack_from("<H", entry, 0x1c)
    assert f"\n{count} structures occupying {size} bytes.\n" in old
    assert struct.unpack_from("<H", entry, 8)[0] == longest(
        ram[struct.unpack_from("<I", entry, 0x18)[0]:][:size])


def test_large_tables(tests):
    """More than 64 KiB: an entry point of version 2 cannot say so."""
    args = []
    for n in range(TEXTS):
        path = tests.tmp / f"text{n}"
        path.write_text(f"text {n} ".ljust(TEXT, "x"))
        args += ["-smbios", f"type=11,path={path}"]
    ram, said = booted(tests, 64, args)
    assert anchor(ram, OLD) is None
    assert b"SMBIOS:" not in said
    text = decoded(tests, ram, NEW)
    for n in range(TEXTS):
        assert f"text {n} ".ljust(TEXT, "x") + "\n" in text

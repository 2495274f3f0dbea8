# SPDX-License-Identifier: MIT
"""The addresses of IBM's ROM: entries, tables and the font in segment F000, as
programs of that time use them (tests/rm/ibmrom.S)."""
import contextlib
import pathlib
import re

import pytest

from rm16 import assemble, finished
import vm

FONT_TEXT = pathlib.Path(__file__).parents[2] / "src/services/font8x8.txt"


@contextlib.contextmanager
def program(bios, work, *options, machine="pc"):
    printed = work / "printed"
    args = vm.disk(assemble("ibmrom", work, *options), "ide", machine) + [
        "-chardev", f"file,id=printer,path={printed}",
        "-parallel", "chardev:printer",
        "-device", "isa-debug-exit,iobase=0x501"]
    with vm.Machine(vm.qemu_argv(bios, machine, args=args, vga="std"),
                    work / "run") as m:
        yield m


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_entries(bios, tmp_path, machine):
    with program(bios, tmp_path, machine=machine) as m:
        passed = finished(m)
    assert len(passed) > 30, "the program left checks out"
    lines = (tmp_path / "printed").read_bytes().split(b"\r\n")
    assert lines[0] == b"" and lines[-1] == b"", lines
    lines = [line.rstrip() for line in lines[1:-1]]
    assert len(lines) == 25 and not any(lines[2:]), lines
    assert lines[:2] == [b"A line for the printer", b"and another"]


@pytest.mark.parametrize("entry,firmwares", [("CALL_INT19", 1),
                                             ("CALL_E05B", 2)])
def test_entries_that_boot(bios, tmp_path, entry, firmwares):
    """INT 19h boots again; the entry of POST is a real reset."""
    with program(bios, tmp_path, f"-D{entry}") as m:
        m.wait_debug(rb"^again$", 20)
        banners = re.findall(rb"^(?:KeelBIOS|SeaBIOS \()", m.debug(), re.M)
        assert len(banners) == firmwares, m.report("banners")


def drawn():
    """The font, as its source shows it."""
    lines = [line.split() for line in FONT_TEXT.read_text("utf-8").split("\n")
             if line and line[0] != ";"]
    assert len(lines) == 128 and all(len(line) == 8 for line in lines)
    bits = str.maketrans(".#", "01")
    return bytes(int(lines[c // 8 * 8 + y][c % 8].translate(bits), 2)
                 for c in range(128) for y in range(8))


def test_font(bios, tmp_path, under_seabios):
    """All of it is where graphics programs draw from."""
    with program(bios, tmp_path, "-DDUMP_FONT") as m:
        m.wait_debug(rb"^done$", 30)
        dump, = re.findall(rb"^[0-9A-F]{2048}$", m.debug(), re.M)
    font = bytes.fromhex(dump.decode())
    glyphs = [font[i:i + 8] for i in range(0, len(font), 8)]
    if not under_seabios:
        assert font == drawn()
    for c in range(0x21, 0x7f):
        assert any(glyphs[c]), f"{chr(c)} is not drawn"
        assert glyphs.count(glyphs[c]) == 1, f"{chr(c)} is drawn twice"
    assert not any(glyphs[0x20])

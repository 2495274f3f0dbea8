# SPDX-License-Identifier: MIT
"""What src/pci/pci_known_post.c says of the chipset's own functions, and the
firmware does not ask, is what this QEMU has: its registers are read through
QEMU's test protocol, before the first instruction."""

import pathlib
import re
import subprocess

import pytest

import vm

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
ROW = re.compile(r"\{ (BDF_\w+), (ID_\w+), (0x[0-9a-f]+), ([^,]+), (\d), "
                 r"(\w+), (true|false),\s+\w+ \}")
COMMAND, CLASS, HEADER, LINE = 0x04, 0x08, 0x0c, 0x3c
BARS = [0x10 + 4 * n for n in range(6)] + [0x30]


def constants():
    """{name: value} of the chipset's numbers in hw/chipset.h."""
    text = (SRC / "hw/chipset.h").read_text(encoding="utf-8")
    found = {name: int(value, 0) for name, value in re.findall(
        r"#define ((?:ID|IRQ)_\w+)\s+(\w+?)u\n", text)}
    for name, device, function in re.findall(
            r"#define (BDF_\w+)\s+PCI_BDF\(0, (\w+), (\d)\)", text):
        found[name] = int(device, 0) << 3 | int(function)
    return found


def rows():
    known = constants()
    text = (SRC / "pci/pci_known_post.c").read_text(encoding="utf-8")
    for bdf, ident, code, bars, pin, line, multi in ROW.findall(text):
        mask = 0
        for bit in re.findall(r"1u << (\d)", bars):
            mask |= 1 << int(bit)
        yield (known[bdf], known[ident], int(code, 0), mask, int(pin),
               known.get(line, 0), multi == "true")


@pytest.fixture(params=["pc", "q35"])
def machine(request, bios):
    """(its name, read a register, write it and read it)"""
    argv = vm.qemu_argv(bios, request.param, args=["-S", "-qtest", "stdio"])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, bufsize=1,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as qemu:
        def ask(command):
            qemu.stdin.write(command + "\n")
            answer = qemu.stdout.readline().split()
            assert answer and answer[0] == "OK", (command, answer)
            return int(answer[1], 0) if len(answer) > 1 else None

        def read(bdf, reg):
            ask(f"outl 0xcf8 {0x80000000 | bdf << 8 | reg:#x}")
            return ask("inl 0xcfc")

        def attempt(bdf, reg, value):
            read(bdf, reg)
            ask(f"outl 0xcfc {value:#x}")
            return ask("inl 0xcfc")

        try:
            yield request.param, read, attempt
        finally:
            qemu.kill()


def test_table_is_read():
    assert len(list(rows())) == 8
    assert {0, 0xfa, 0xfb} < {row[0] for row in rows()}


def test_known_functions(machine):
    name, read, attempt = machine
    found = 0
    for bdf, ident, code, bars, pin, _, multi in rows():
        if read(bdf, 0) != ident:
            assert bdf == 0 or (bdf > 0x80) != (name == "q35"), hex(ident)
            continue
        found += 1
        where = f"{name} {bdf:#x} {ident:#x}"
        assert read(bdf, CLASS) >> 8 == code, where
        # The firmware looks at this of a device's first function only.
        header = read(bdf, HEADER) >> 16 & 0xff
        assert header & 0x7f == 0, where
        assert bool(header & 0x80) == multi or bdf & 7, where
        assert read(bdf, LINE) >> 8 & 0xff == pin, where
        # A reset leaves nothing in the command that would have to stay.
        assert read(bdf, COMMAND) & 0xffff == 0, where
        if code >> 8 == 0x0600:
            continue                # a host bridge's are not touched
        there = [n for n, reg in enumerate(BARS)
                 if attempt(bdf, reg, 0xfffff800 if reg == 0x30
                            else 0xffffffff)]
        assert there == [n for n in range(7) if bars >> n & 1], where
    assert found == 4

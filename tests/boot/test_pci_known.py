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
ROW = re.compile(r"\{ (BDF_\w+), (ID_\w+), (0x[0-9a-f]+), \{ (\w+), (\w+) "
                 r"\},\s+(\d),\s+(\w+),\s+(true|false) \}")
# A few of each kind that can be plugged in, for what holds for all.
PLUGGED = {"pc": ["pci-bridge,chassis_nr=1"],
           "q35": ["pcie-root-port", "i82801b11-bridge", "ich9-usb-uhci1"]}
PLUGGED_ANYWHERE = [
    "VGA", "bochs-display", "e1000", "rtl8139", "virtio-net-pci",
    "virtio-scsi-pci", "virtio-rng-pci", "lsi53c895a", "megasas", "pvscsi",
    "qemu-xhci", "usb-ehci", "piix3-usb-uhci", "intel-hda", "ich9-ahci",
    "nvme,serial=1", "edu", "pci-serial"]
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
    for bdf, ident, code, bar4, bar5, pin, line, multi in ROW.findall(text):
        yield (known[bdf], known[ident], int(code, 0),
               [0, 0, 0, 0, int(bar4, 0), int(bar5, 0), 0], int(pin),
               known.get(line, 0), multi == "true")


@pytest.fixture(params=["pc", "q35"])
def machine(request, bios):
    """(its name, read a register, write it and read it)"""
    plugged = [word for device in PLUGGED[request.param] + PLUGGED_ANYWHERE
               for word in ("-device", device)]
    argv = vm.qemu_argv(bios, request.param,
                        args=["-S", "-qtest", "stdio", *plugged])
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
        ones = [attempt(bdf, reg, 0xfffff800 if reg == 0x30 else 0xffffffff)
                for reg in BARS]
        assert ones == bars, f"{where}: {[*map(hex, ones)]}"
    assert found == 4


def test_reset_leaves_no_smi(machine):
    """What smi_off_early() relies on: the PIIX4 raises no SMI at port B2h
    after a reset, except where there is no SMM (bit 25 is set for the OS)."""
    name, read, _ = machine
    if name == "pc":
        assert read(constants()["BDF_PIIX4_PM"], 0x58) == 0


def test_command_is_clear(machine):
    """POST writes the command of every function without a look at it."""
    _, read, _ = machine
    there = [bdf for bdf in range(256) if read(bdf, 0) & 0xffff != 0xffff]
    assert len(there) > len(PLUGGED_ANYWHERE)
    assert [(hex(bdf), hex(read(bdf, 0)), hex(command)) for bdf in there
            if (command := read(bdf, COMMAND) & 0xffff)] == []

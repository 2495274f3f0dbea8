# SPDX-License-Identifier: MIT
"""What has its address from IBM's ROM is there, in the image that was built."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("O") or TOP / "out")

# Where programs look, in segment F000, and what a jump there leads to.
JUMPS = {
    0xe05b: "reset_soft", 0xe2c3: "entry_iret", 0xe3fe: "entry_13",
    0xe6f2: "entry_19", 0xe739: "entry_14", 0xe82e: "entry_16",
    0xe987: "entry_09", 0xec59: "entry_13", 0xef57: "entry_irq1",
    0xefd2: "entry_17", 0xf065: "entry_10", 0xf841: "entry_12",
    0xf84d: "entry_11", 0xf859: "entry_15", 0xfe6e: "entry_1a",
    0xfea5: "entry_08", 0xff54: "print_screen", 0xfff0: "reset_hard",
}
# Or what bytes are there.
BYTES = {
    0xefc7: rb"\xaf\x02\x25\x02\x12\x1b\xff\x6c\xf6\x0f\x08",
    0xf0a4: rb"\x38\x28\x2d\x0a.{76}\x2c\x28\x2d\x29\x2a\x2e\x1e\x29",
    0xfa6e: rb"\0{8}.{1016}",
    0xff53: rb"\xcf",
    0xfff5: rb"(?:0\d|1[012])/[0-3]\d/\d\d",
    0xfffe: rb"\xfc",
}


@pytest.fixture(scope="module")
def segment():
    return (OUT / "bios.bin").read_bytes()[-0x10000:]


@pytest.fixture(scope="module")
def symbols():
    text = subprocess.run(["nm", OUT / "bios.elf"], check=True,
                          capture_output=True, text=True).stdout
    return {name: int(value, 16) for value, name in
            re.findall(r"^(\w+) \w (\S+)$", text, re.M)}


@pytest.mark.parametrize("at", JUMPS, ids="{:X}".format)
def test_entry(segment, symbols, at):
    length = {0xe9: 2, 0xeb: 1}[segment[at]]
    distance = int.from_bytes(segment[at + 1:at + 1 + length], "little",
                              signed=True)
    target = at + 1 + length + distance & 0xffff
    assert 0xf0000 + target == symbols[JUMPS[at]], f"it goes to {target:X}"


@pytest.mark.parametrize("at", BYTES, ids="{:X}".format)
def test_bytes(segment, at):
    assert re.match(BYTES[at], segment[at:], re.S), segment[at:at + 16].hex()

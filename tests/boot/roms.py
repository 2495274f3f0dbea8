# SPDX-License-Identifier: MIT
"""Option ROMs and boot sectors for tests, built from roms/option_rom.S and
roms/large_rom.S."""

import pathlib
import subprocess
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parent / "roms"
KINDS = ("sector", "bev", "bcv", "legacy", "legacy-19", "pnp-19", "pmm",
         "disk")
FAULTS = ("none", "nothing", "garbage", "grows", "bad-sum", "hooks", "past")
E1000 = (0x8086, 0x100e)
# From where a ROM may ask for the boot, and what kind of ROM it is then.
BOOT_FROM = {"init": (1, "bev"), "bcv": (2, "bcv"), "bev": (3, "bev"),
             "tick": (4, "bcv")}


def assemble(source="option_rom.S", **defines):
    with tempfile.TemporaryDirectory() as work:
        obj, out = work + "/rom.o", work + "/rom.bin"
        subprocess.run(
            ["gcc", "-m32", "-c", str(SOURCES / source), "-o", obj]
            + [f"-D{key}={value}" for key, value in defines.items()],
            check=True)
        # The offsets are 16-bit, so link at 0 before taking the bytes.
        subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0", "-e", "0",
                        obj, "-o", obj + ".elf"], check=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text",
                        obj + ".elf", out], check=True)
        return bytearray(pathlib.Path(out).read_bytes())


def sector(path, name, tail=0, magic=0xaa55, size=1 << 20):
    """A disk image whose boot sector says "[sector NAME]" and then halts
    (tail 0) or gives the boot back (tail 0x18, 0x19)."""
    data = assemble(KIND=0, NAME=f'"{name}"', TAIL=tail, MAGIC=magic)
    pathlib.Path(path).write_bytes(data[:512] + bytes(size - 512))
    return path


def image(kind, units=4, ids=E1000, code_type=0, last=True, devices=False,
          **more):
    """One option ROM image, with a right checksum."""
    defines = dict(KIND=KINDS.index(kind), SIZE=units, VENDOR=ids[0],
                   DEVICE=ids[1], CODE_TYPE=code_type,
                   INDICATOR=0x80 if last else 0, **more)
    if devices:
        defines["LIST"] = 1
    data = assemble(**defines)
    data[-1] = -sum(data[:-1]) & 0xff
    return data


def large(units=212, runtime=8, revision=3, fault="none", ids=E1000):
    """An image as large as iPXE 2.0's, of which little is to stay."""
    data = assemble("large_rom.S", SIZE=units, RUNTIME=runtime,
                    REVISION=revision, VENDOR=ids[0], DEVICE=ids[1],
                    FAULT=FAULTS.index(fault))
    data[-1] = -sum(data[:-1]) & 0xff
    return data


def asks_for_boot(place, vector):
    """A ROM that issues INT 18h or 19h from one of BOOT_FROM."""
    number, kind = BOOT_FROM[place]
    return image(kind, BOOT_FROM=number, BOOT_BY=vector)

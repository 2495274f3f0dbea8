# SPDX-License-Identifier: MIT
"""Build the real-mode test programs in C (tests/rm)."""

import pathlib
import subprocess

RM = pathlib.Path(__file__).resolve().parent.parent / "rm"
PROGRAM_UNITS = 36              # 512-byte units, as int13.S loads

GCC = ["gcc", "-march=i686", "-ffreestanding", "-fno-pic",
       "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
       "-fno-zero-initialized-in-bss", "-mregparm=3",
       "-fcf-protection=none", "-Wall",
       "-Wextra", "-Werror", "-Os"]


def compile_program(name, where, units=PROGRAM_UNITS, **defines):
    """The boot sector and the rest of tests/rm/NAME.c, as one image."""
    obj = [where / "entry.o", where / f"{name}.o"]
    subprocess.run(GCC + ["-m32", f"-DSECTORS={units - 1}", "-c", RM / "int13.S",
                          "-o", obj[0]],
                   check=True)
    subprocess.run(GCC + ["-m16"] + [f"-D{k}={v}" for k, v in defines.items()]
                   + ["-c", RM / f"{name}.c", "-o", obj[1]], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext",
                    "0x7c00", "-e", "_start", "-o", where / "program"] + obj,
                   check=True)
    code = (where / "program").read_bytes()
    assert len(code) <= units * 512, f"{len(code)} bytes"
    return code.ljust(units * 512, b"\0")

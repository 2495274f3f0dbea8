# SPDX-License-Identifier: MIT
"""Build the real-mode test programs (tests/rm), and read what they report."""

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
    options = [f"-D{k}={v}" for k, v in defines.items()]
    subprocess.run(GCC + ["-m32", f"-DSECTORS={units - 1}", *options, "-c",
                          RM / "int13.S", "-o", obj[0]], check=True)
    subprocess.run(GCC + ["-m16", *options, "-c", RM / f"{name}.c", "-o",
                          obj[1]], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext",
                    "0x7c00", "-e", "_start", "-o", where / "program"] + obj,
                   check=True)
    code = (where / "program").read_bytes()
    assert len(code) <= units * 512, f"{len(code)} bytes"
    return code.ljust(units * 512, b"\0")


def assemble(name, work, *options):
    """A disk image that boots tests/rm/NAME.S."""
    obj, image = work / f"{name}.o", work / f"{name}.img"
    subprocess.run(["gcc", "-m32", *options, "-c", RM / f"{name}.S", "-o", obj],
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat",
                    "binary", "-o", image, obj], check=True)
    with open(image, "r+b") as file:
        file.truncate(1 << 20)
    return image


def finished(m, timeout=30):
    """The program's report; every check in it must have passed."""
    m.wait_debug(rb"^done$", timeout)
    lines = m.debug().decode(errors="replace").split("\n")
    failed = [line for line in lines if line.startswith("FAIL ")]
    assert not failed, m.report("\n".join(failed))
    passed = [line for line in lines if line.startswith("ok ")]
    return passed


# The monitor of tests/rm/v86.c, and the flags that its two halves share.
V86_FLAGS = ["-mno-sse", "-mno-mmx", "-fno-strict-aliasing",
             "-fno-delete-null-pointer-checks",
             "-mpreferred-stack-boundary=2", "-ffunction-sections",
             "-fdata-sections"]
V86_GUEST = ("v86", "v86_disk", "v86_services", "v86_queries",
             "v86_tasks", "v86_alone", "v86_attack")
V86_MONITOR = ("v86_monitor", "v86_monitor_memory", "v86_monitor_devices")
V86_UNITS = 128


def compile_v86(where, **defines):
    """The boot sector, tests/rm/v86*.c in 16 bits, and its monitor in 32."""
    where.mkdir(exist_ok=True)
    args = [f"-D{k}={v}" for k, v in defines.items()]
    for name, source in (("entry", "int13"), ("v86_glue", "v86"),
                         ("m_entry", "v86_monitor_entry")):
        subprocess.run(["gcc", "-m32", f"-DSECTORS={V86_UNITS - 1}", *args,
                        "-c", RM / f"{source}.S", "-o", where / f"{name}.o"],
                       check=True)
    for name in V86_GUEST:
        subprocess.run(GCC + V86_FLAGS + ["-m16", *args, "-c", RM / f"{name}.c",
                       "-o", where / f"{name}.o"], check=True)
    for name in V86_MONITOR:
        subprocess.run(GCC + V86_FLAGS + ["-m32", *args, "-c", RM / f"{name}.c",
                       "-o", where / f"m_{name}.o"], check=True)
    # Each half has a mode.
    monitor = where / "monitor.o"
    subprocess.run(["ld", "-m", "elf_i386", "-r", "-o", monitor,
                    *sorted(where.glob("m_*.o"))], check=True)
    subprocess.run(["objcopy", "-G", "monitor_main", monitor], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "--gc-sections", "-e", "_start",
                    "--no-warn-rwx-segments", "-z", "noexecstack",
                    "-T", RM / "v86.lds", "-o", where / "linked",
                    where / "entry.o", *sorted(where.glob("v86*.o")), monitor],
                   check=True)
    subprocess.run(["objcopy", "-O", "binary", where / "linked",
                    where / "program"], check=True)
    code = (where / "program").read_bytes()
    assert len(code) <= V86_UNITS * 512, f"{len(code)} bytes"
    return code.ljust(V86_UNITS * 512, b"\0")

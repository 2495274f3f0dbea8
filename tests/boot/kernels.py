# SPDX-License-Identifier: MIT
"""A kernel for tests, tests/rm/kernel.S: any loader of Linux starts it in a
fraction of Linux's time, and it reports the PCRs."""

import pathlib
import struct
import subprocess

import tcglog

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "rm" / "kernel.S"
INITRD_LEN = 300001


def build(directory):
    """{"vmlinuz": path, "initramfs": path}, names as scripts/guest has them."""
    directory.mkdir(parents=True, exist_ok=True)
    obj, kernel = directory / "kernel.o", directory / "vmlinuz"
    subprocess.run(["gcc", "-m32", "-c", SOURCE, "-o", obj], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0", "-e", "0",
                    "--oformat", "binary", "-o", kernel, obj], check=True)
    initrd = directory / "initramfs"
    initrd.write_bytes(bytes(n * n >> 3 & 0xff for n in range(INITRD_LEN)))
    return {"vmlinuz": kernel, "initramfs": initrd}


def arguments(path):
    """QEMU's, for what the kernel writes to port 403h."""
    return ["-chardev", f"file,id=pcrs,path={path}",
            "-device", "isa-debugcon,iobase=0x403,chardev=pcrs"]


def pcrs(data):
    """{bank: {pcr: value}} from the TPM's answers; those that are errors are
    commands of the other TPM family, or for a bank that is not active."""
    found, at = {}, 0
    count12 = 0
    while at < len(data):
        tag, size, code = struct.unpack_from(">HII", data, at)
        answer, at = data[at:at + size], at + size
        if tag == 0xc4:
            if code == 0:
                found.setdefault("sha1", {})[count12] = answer[10:30]
            count12 += 1
        elif code == 0:
            alg, = struct.unpack_from(">H", answer, 18)
            chosen = int.from_bytes(answer[21:24], "little")
            numbers = [n for n in range(24) if chosen >> n & 1]
            bank, size = tcglog.ALGORITHMS[alg]
            for i, pcr in enumerate(numbers):
                start = 28 + i * (2 + size) + 2
                found.setdefault(bank, {})[pcr] = answer[start:start + size]
    return found

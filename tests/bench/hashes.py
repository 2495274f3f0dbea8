# SPDX-License-Identifier: MIT
"""MB/s of the firmware's hashes: natively and in a guest under TCG, beside
OpenSSL's.

The very objects of the firmware are timed (hashes.c says how).  A system that
runs no 32-bit code gets the same sources compiled with the same options but for
the instruction set: 64-bit code that has pointers of 32 bits and the seven
registers of i686.  SHA-3 has no meaning there: it is plain 64-bit C.
"""

import functools
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "bench"
# Beyond where Linux may put a program's heap: the first GiB behind it.
BASE = 0x50000000
HASH = ["hash", "sha1", "sha256", "sha512", "sha512_sse2", "sha512_avx2",
        "sm3", "keccak", "sha_ni"]
OBJECTS = [f"src/hash/{n}.o" for n in HASH] + [
    "src/tcg/multihash.o", "src/lib/string.o", "src/lib/div64.o"]
NO_CODE32 = 3               # exit status of hashes.c
MASK = "0:0"                # OPENSSL_ia32cap: no features
LIMIT_S = 300

# bank: name for `openssl speed`, for hashlib
ALGS = {
    "sha1": ("sha1", "sha1"), "sha256": ("sha256", "sha256"),
    "sha384": ("sha384", "sha384"), "sha512": ("sha512", "sha512"),
    "sm3_256": ("sm3", "sm3"), "sha3_256": ("sha3-256", "sha3_256"),
    "sha3_384": ("sha3-384", "sha3_384"),
    "sha3_512": ("sha3-512", "sha3_512"),
}
# Several in one pass; and banks that processors have more than 386 code for.
TOGETHER = {"long": "sha384 and sha512 in one pass",
            "banks": "the first four in one pass"}
FASTER = ("sha1", "sha256", "sha384", "sha512")


class HashError(Exception):
    """No figures; the text says why."""


def run(argv, **kwargs):
    try:
        done = subprocess.run([str(a) for a in argv], cwd=ROOT, text=True,
                              capture_output=True, check=False,
                              timeout=LIMIT_S, **kwargs)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise HashError(f"{argv[0]}: {err}") from None
    if done.returncode:
        raise HashError(f"{' '.join(map(str, argv))}: exit status "
                        f"{done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def compile_commands(out):
    """{source: words of the compiler's command}, as the Makefile has them."""
    text = run(["make", "-n", "-B", "V=1", f"O={out}",
                *[f"{out}/obj/{o}" for o in OBJECTS]])
    found = {}
    for line in text.splitlines():
        words = shlex.split(line) if " -c src/" in line else []
        if "-c" in words and "-o" in words:
            found[words[words.index("-c") + 1]] = words
    missing = [o for o in OBJECTS if o[:-1] + "c" not in found]
    if missing:
        raise HashError(f"make does not say how it compiles {missing[0]}")
    return found


def with_pointers32(words):
    """The same command for 64-bit code with i686's pointers and registers."""
    swap = {"-m32": "-mx32", "-march=i486": "-march=x86-64",
            "-mregparm=3": "-mno-red-zone",
            "-mpreferred-stack-boundary=2": "-mcmodel=small"}
    return [swap.get(w, w) for w in words] + [
        f"-ffixed-r{n}" for n in range(8, 16)]


def build(work, pointers32, out, libcrypto32=None):
    """The program; work is a directory for it."""
    work = pathlib.Path(work)
    commands = compile_commands(out)
    like = commands["src/hash/hash.c"]
    define = []
    if pointers32:
        objects, machine = [], "elf32_x86_64"
        for source, words in commands.items():
            name = work / (pathlib.Path(source).stem + ".x32.o")
            words = with_pointers32(words)
            words[words.index("-o") + 1] = str(name)
            run([w for w in words if w not in ("-MMD", "-MP")])
            objects.append(name)
        like, define = with_pointers32(like), ["-DPOINTERS32"]
        libcrypto32 = None
    else:
        objects = [pathlib.Path(out) / "obj" / o for o in OBJECTS]
        machine = "elf_i386"
    half = work / "hashes32.o"
    words = like[:like.index("-MMD")] + like[like.index("-c"):]
    words[words.index("-c") + 1] = str(HERE / "hashes32.c")
    words[words.index("-o") + 1] = str(half)
    if libcrypto32:
        words.append("-DWITH_OPENSSL32")
    run(words)
    elf, flat = work / "hashes32.elf", work / "hashes32.bin"
    run(["ld", "-m", machine, "-N", "-Ttext", hex(BASE), "-e", "hashes32",
         "--gc-sections", "--no-warn-rwx-segments", "-o", elf, half,
         *objects, *([libcrypto32] if libcrypto32 else [])])
    # The firmware's sections have prefixes that say to which part they belong.
    run(["objcopy", "-O", "binary", "-w", "--set-section-flags",
         "*bss*=alloc,load,contents", elf, flat])
    entry = re.search(r"^([0-9a-f]+) T hashes32$", run(["nm", elf]), re.M)
    program = work / "hashes"
    run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-no-pie",
         "-fno-pie", *define, f'-DIMAGE="{flat}"', f"-DBASE={BASE}u",
         f"-DENTRY=0x{entry[1]}u", "-o", program, HERE / "hashes.c"])
    return program


@functools.lru_cache
def data_of(mib):
    """The bytes that hashes.c hashes; they repeat: bits 13 to 20 of i times
    an odd number depend on the low 21 bits of i."""
    period = bytes((i * 2654435761 & 0xffffffff) >> 13 & 0xff
                   for i in range(1 << 21))
    return (period * (mib // 2 + 1))[:mib << 20]


def expected(bank, mib):
    """The digest that hashes.c must print, or None: no such hash here."""
    try:
        h = hashlib.new(ALGS[bank][1])
    except ValueError:
        return None
    h.update(data_of(mib))
    return h.hexdigest()


def parse(text):
    """{(who, bank): (MB/s, digest)}"""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([a-z0-9-]+) (\w+) ([0-9.]+) ([0-9a-f]+)",
                             line.strip())
        if match:
            found[match[1], match[2]] = (float(match[3]), match[4])
    return found


def native(work, out, seconds, mib=16):
    """(parse(), is it 32-bit code?)"""
    for pointers32 in (False, True):
        program = build(work, pointers32, out)
        done = subprocess.run([program, str(seconds), str(mib)], text=True,
                              capture_output=True, check=False,
                              timeout=LIMIT_S)
        if done.returncode == 0:
            return parse(done.stdout), not pointers32
        if done.returncode != NO_CODE32:
            break
    raise HashError(f"{program}: exit status {done.returncode}\n"
                    + done.stderr.strip())


def openssl(bank, seconds, mask):
    """MB/s of `openssl speed`; mask: without the processor's features."""
    env = dict(os.environ)
    if mask:
        env["OPENSSL_ia32cap"] = MASK
    text = run(["openssl", "speed", "-mr", "-evp", ALGS[bank][0], "-bytes",
                "16384", "-seconds", str(max(1, round(seconds)))], env=env)
    match = re.search(r"^\+F:\d+:[^:]+:([0-9.]+)$", text, re.M)
    if not match:
        raise HashError(f"openssl speed gave no figure for {bank}")
    return float(match[1]) / 1e6


def processor_ns(pid):
    """Time that a process's threads have run: on a busy host what a guest
    takes for time says little."""
    return sum(int(p.read_text().split()[0]) for p in
               pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def in_guest(work, out, guest_module, guest, vm, libcrypto32):
    """{(who, bank): MB/s} in Linux under TCG, by QEMU's processor time."""
    program = build(work, False, out, libcrypto32)
    initrd = pathlib.Path(work) / "initrd"
    first = guest["initramfs"].read_bytes()
    # The kernel sees a second archive at a multiple of four only.
    initrd.write_bytes(first + bytes(-len(first) % 4) + guest_module.cpio_newc([
        ("bin/hashes", 0o100755, program.read_bytes())]))
    # QEMU's far return reads a user's stack as the kernel would.
    argv = vm.qemu_argv(vm.SEABIOS, "q35", mem="512M", args=[
        "-cpu", "max,smap=off,pku=off", "-kernel", guest["vmlinuz"],
        "-initrd", initrd, "-append", "console=ttyS0,115200 panic=-1"])
    found = {}
    with vm.Machine(argv, pathlib.Path(work) / "vm") as m:
        m.ready(LIMIT_S)

        def cost(who, bank, mib):
            before = processor_ns(m.process.pid)
            text = m.command(f"hashes 0.001 {mib} {who} {bank}", LIMIT_S)
            return processor_ns(m.process.pid) - before, parse(text)

        for who in ("firmware", "firmware-sse2", "firmware-avx2",
                    "openssl32"):
            for bank in [*ALGS, *TOGETHER]:
                mib = 16 if bank in ("sha1", "sha256") else 4
                ns, result = cost(who, bank, mib)
                if (who, bank) in result:
                    ns -= cost("nobody", bank, mib)[0]
                    # three passes, as hashes.c takes the best of three
                    found[who, bank] = 3 * (mib << 20) / ns * 1e3
    return found


def rows(out, seconds, guest_module, vm, libcrypto32=None):
    """[(bank, {column: MB/s})], notes for the reader."""
    with tempfile.TemporaryDirectory(prefix="keel-hashes-") as work:
        own, code32 = native(work, out, seconds)
        guest = in_guest(work, out, guest_module, guest_module.build(), vm,
                         libcrypto32)
    found = {key: value[0] for key, value in own.items()}
    table = []
    for bank in [*ALGS, *TOGETHER]:
        row = {}
        for column, rates, who in (
                ("firmware", found, "firmware"),
                ("firmware-sse2", found, "firmware-sse2"),
                ("firmware-avx2", found, "firmware-avx2"),
                ("firmware-sha", found, "firmware-sha"),
                ("guest", guest, "firmware"),
                ("guest-sse2", guest, "firmware-sse2"),
                ("guest-avx2", guest, "firmware-avx2"),
                ("guest-openssl32", guest, "openssl32")):
            if (who, bank) in rates:
                row[column] = rates[who, bank]
        if bank in ALGS:
            row["openssl"] = openssl(bank, seconds, True)
        if bank in FASTER:
            row["openssl-all"] = openssl(bank, seconds, False)
        if not code32 and bank.startswith("sha3_"):
            row.pop("firmware", None)
        table.append((TOGETHER.get(bank, bank), row))
    return table, code32

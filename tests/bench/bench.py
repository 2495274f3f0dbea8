#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time from reset to the first instruction of what is booted, KeelBIOS
beside SeaBIOS in the same run; with --accesses, how often a device is read or
written meanwhile (accesses.py); with --initrd, time to the kernel's with
initrds of several sizes, measured and not; with --hash, how fast the hashes
are.

Virtual time under `-icount shift=0,sleep=off`: every instruction counts 1 ns,
idle time is skipped but counted, so that the figures do not depend on the
host and repeat exactly.  The boot sector (scripts/guest, clock.img) reads the
time stamp counter, which QEMU then derives from virtual time, writes it to
port 403h and ends QEMU.  A second table gives wall-clock time with a TPM.

    tests/bench/bench.py [--boot] [--accesses] [--growth] [--initrd]
                         [--processors] [--hash] [--bios FILE] [--update]

Without any of the first six: --boot --accesses.  --update writes the tables
into docs/performance.md.
"""

import argparse
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import vm                                           # noqa: E402
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import accesses                                     # noqa: E402
import growth                                       # noqa: E402
import hashes                                       # noqa: E402
import processors                                   # noqa: E402
import wallclock                                    # noqa: E402

EXIT_STATUS = 0x63          # (31h << 1) | 1, from isa-debug-exit
LIMIT_S = 60
QBOOT = pathlib.Path("/usr/share/qemu/qboot.rom")
INITRD_MIB = (1, 16, 64, 256)
INITRD_LIMIT_S = 900        # 256 MiB, four banks, TCG, a busy host


class BenchError(Exception):
    """A run gave no figure; the text says why."""


def load_guest():
    path = str(ROOT / "scripts" / "guest")
    loader = importlib.machinery.SourceFileLoader("guest", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("guest", loader))
    loader.exec_module(module)
    return module


def build_guest():
    return load_guest().build(names=["clock.img", "clock.kernel"])


def rows(guest):
    """(name, machine, options of qemu_argv, arguments)."""
    image, kernel = guest["clock.img"], guest["clock.kernel"]

    def disk(kind, machine):
        return vm.disk(image, kind, machine)

    return [
        ("pc, IDE", "pc", {}, disk("ide", "pc")),
        ("pc, IDE, VGA", "pc", {"vga": "std"}, disk("ide", "pc")),
        ("pc, virtio-blk", "pc", {}, disk("virtio", "pc")),
        ("pc, virtio-blk, VGA", "pc", {"vga": "std"}, disk("virtio", "pc")),
        ("q35, AHCI", "q35", {}, disk("ahci", "q35")),
        ("q35, AHCI, VGA", "q35", {"vga": "std"}, disk("ahci", "q35")),
        ("q35, AHCI, 4 CPUs", "q35", {"smp": 4}, disk("ahci", "q35")),
        ("q35, AHCI, 8 CPUs", "q35", {"smp": 8}, disk("ahci", "q35")),
        ("q35, virtio-blk", "q35", {}, disk("virtio", "q35")),
        ("q35, virtio-scsi", "q35", {}, disk("virtio-scsi", "q35")),
        ("pc, lsi53c895a", "pc", {}, disk("lsi53c895a", "pc")),
        ("q35, NVMe", "q35", {}, disk("nvme", "q35")),
        ("q35, usb xhci", "q35", {}, disk("usb-xhci", "q35")),
        ("q35, usb ehci", "q35", {}, disk("usb-ehci", "q35")),
        ("pc, usb uhci", "pc", {}, disk("usb-uhci", "pc")),
        ("pc, -kernel", "pc", {}, ["-kernel", kernel]),
        ("q35, -kernel", "q35", {}, ["-kernel", kernel]),
    ]


def clock_devices(out):
    """What the guest writes its time to, and ends QEMU by."""
    return ["-chardev", f"file,id=clock,path={out}",
            "-device", "isa-debugcon,iobase=0x403,chardev=clock",
            "-device", "isa-debug-exit,iobase=0x501,iosize=1"]


def run(argv, limit=LIMIT_S):
    """Run QEMU to its end; the time stamp that the guest wrote, in ns."""
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as tmp:
        out, debug = (os.path.join(tmp, n) for n in ("clock", "debug"))
        argv = argv + clock_devices(out)
        shown = vm.shown(argv + ["-debugcon", "stdio", "-global",
                                 "isa-debugcon.iobase=0x402"])
        try:
            done = subprocess.run(argv, capture_output=True, timeout=limit,
                                  check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise BenchError(f"no boot in {limit} s; again with output:\n"
                             f"  {shown}") from None
        data = pathlib.Path(out).read_bytes() if os.path.exists(out) else b""
        if done.returncode != EXIT_STATUS or len(data) != 8:
            raise BenchError(
                f"QEMU ended with {done.returncode}, {len(data)} bytes of "
                f"time: {done.stderr.decode(errors='replace').strip()}\n"
                f"  {shown}\n  ({debug})")
        return struct.unpack("<Q", data)[0]


def virtual(bios, row, tpm=None, limit=LIMIT_S):
    _, machine, options, args = row
    argv = vm.qemu_argv(bios, machine, tpm, args=list(args) + [
        "-icount", "shift=0,sleep=off",
        # The date is one more thing that firmware spends time on.
        "-rtc", "base=2026-01-01T00:00:00,clock=vm"], **options)
    return run(argv, limit)


def cpu_time(bios, tpm, args, count, limit, **options):
    """Least processor time of a QEMU run, in seconds: on a busy host the
    wall clock says little."""
    times = []
    for _ in range(count):
        if tpm:
            tpm.start()
        argv = vm.qemu_argv(bios, "q35", tpm, args=args, **options)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(argv, limit)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime
                     - before.ru_utime - before.ru_stime)
        if tpm:
            tpm.process.wait(10)
    return min(times)


def empty_firmware(directory):
    """An image that does what clock.img does in its first instructions:
    what QEMU and swtpm themselves take."""
    image = bytearray(64 << 10)
    # mov dx, 403h; mov cx, 8; 1: out dx, al; loop 1b; mov dx, 501h;
    # mov al, 31h; out dx, al.  The reset vector jumps here.
    code = bytes.fromhex("ba0304" "b90800" "ee" "e2fd" "ba0105" "b031" "ee")
    image[0xff00:0xff00 + len(code)] = code
    image[0xfff0:0xfff3] = b"\xe9\x0d\xff"
    path = pathlib.Path(directory) / "empty.bin"
    path.write_bytes(image)
    return path


def attempt(function, *args):
    try:
        return function(*args), None
    except (BenchError, vm.VmError) as err:
        return None, str(err)


def measure(bios, only):
    """All rows: [(name, keel, seabios)] and error texts."""
    guest, table, errors = build_guest(), [], []
    for row in rows(guest):
        if only and not re.search(only, row[0]):
            continue
        values = []
        for path in (bios, vm.SEABIOS):
            value, error = attempt(virtual, path, row)
            values.append(value / 1e6 if value is not None else None)
            if error:
                errors.append(f"{row[0]}, {path}: {error}")
        table.append((row[0], *values))
        print(line(*table[-1], "ms"), flush=True)
    return table, errors


def ratio(keel, seabios):
    if not keel or not seabios:
        return "-"
    return f"1/{seabios / keel:.1f}" if keel <= seabios \
        else f"{keel / seabios:.2f}"


def number(value):
    return "failed" if value is None else f"{value:.3f}"


def line(name, keel, seabios, unit):
    return (f"{name:30} {number(keel):>9} {number(seabios):>9} "
            f"{ratio(keel, seabios):>7}  {unit}")


def markdown(table):
    out = ["| from reset to the first instruction | KeelBIOS, ms | "
           "SeaBIOS 1.16.2, ms | ratio |", "|---|---|---|---|"]
    return out + [f"| {n} | {number(k)} | {number(s)} | {ratio(k, s)} |"
                  for n, k, s in table]


# --------------------------------------------------------- kernel and initrd

INITRD_ROWS = [
    # (name, is it the firmware under test, TPM's banks or None)
    ("KeelBIOS", True, None),
    ("KeelBIOS, SHA-256", True, "sha256"),
    ("KeelBIOS, four banks", True, vm.BANKS),
    ("SeaBIOS", False, None),
    ("SeaBIOS, TPM, initrd not measured", False, "sha256"),
    ("qboot", None, None),
]


def initrd_of(work, mib):
    path = pathlib.Path(work) / f"initrd{mib}"
    if not path.exists():
        # No zeros: QEMU's file would have holes, and nobody's initrd is so.
        block = bytes(range(256)) * 4096
        with open(path, "wb") as file:
            for _ in range(mib):
                file.write(block)
    return path


def initrd_row(bios, kernel, row, mib, work, runs):
    """(virtual ms, processor ms) to the kernel's first instruction."""
    name, own, banks = row
    image = bios if own else QBOOT if own is None else vm.SEABIOS
    initrd = initrd_of(work, mib)
    args = ["-kernel", kernel, "-initrd", initrd, "-append", "x"]
    options = {"mem": "1G"}
    tpm = None
    if banks:
        tpm = vm.Tpm("2.0-crb", os.path.join(work, banks.replace(",", "+")),
                     banks)
        tpm.start()
    try:
        ns = virtual(image, (name, "q35", options, args), tpm,
                     INITRD_LIMIT_S)
        if tpm:
            tpm.process.wait(10)    # it ends with QEMU, and is started anew
        base = cpu_time(empty_firmware(work), tpm, args, runs,
                        INITRD_LIMIT_S, **options)
        took = cpu_time(image, tpm, args, runs, INITRD_LIMIT_S, **options)
        return ns / 1e6, (took - base) * 1e3
    finally:
        if tpm:
            tpm.stop()


def measure_initrds(bios, runs):
    """[(name, [(virtual ms, processor ms) or None per size])], errors"""
    kernel, table, errors = build_guest()["clock.kernel"], [], []
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as work:
        for row in INITRD_ROWS:
            if row[1] is None and not QBOOT.exists():
                errors.append(f"{QBOOT} is not there (qemu-system-data)")
                continue
            cells = []
            for mib in INITRD_MIB:
                cell, error = attempt(initrd_row, bios, kernel, row, mib,
                                      work, runs)
                cells.append(cell)
                if error:
                    errors.append(f"{row[0]}, {mib} MiB: {error}")
                print(f"{row[0]:34} {mib:4} MiB  "
                      + (f"{cell[0]:9.1f} ms virtual {cell[1]:8.0f} ms CPU"
                         if cell else "failed"), flush=True)
            table.append((row[0], cells))
    return table, errors


def initrd_markdown(table):
    head = "| ms to the kernel, q35, initrd of | " + " | ".join(
        f"{mib} MiB" for mib in INITRD_MIB) + " |"
    out = []
    for n, what in enumerate(("virtual time", "processor time of QEMU under TCG, less "
                              "what it takes with an empty firmware")):
        out += [f"{what[0].upper()}{what[1:]}:", "", head,
                "|---" * (len(INITRD_MIB) + 1) + "|"]
        for name, cells in table:
            out.append(f"| {name} | " + " | ".join(
                "failed" if c is None else f"{c[n]:.1f}" if n == 0 else
                f"{c[n]:.0f}" for c in cells) + " |")
        out.append("")
    return out[:-1]


# -------------------------------------------------------------------- hashes

HASH_COLUMNS = [
    ("firmware", "ours, i486"), ("firmware-sse2", "with SSE2"),
    ("firmware-avx2", "with AVX2, alone"),
    ("firmware-sha", "with SHA extensions, too"),
    ("openssl", "OpenSSL, 64-bit, masked"), ("openssl-all", "unmasked"),
    ("guest", "ours, i486, guest"), ("guest-sse2", "with SSE2, guest"),
    ("guest-avx2", "with AVX2, guest"),
    ("guest-openssl32", "OpenSSL, i386, masked, guest"),
]


def hash_markdown(table, code32):
    out = ["| MB/s | " + " | ".join(t for _, t in HASH_COLUMNS) + " |",
           "|---" * (len(HASH_COLUMNS) + 1) + "|"]
    for bank, row in table:
        out.append(f"| {bank} | " + " | ".join(
            f"{row[c]:.0f}" if c in row else "-" for c, _ in HASH_COLUMNS)
            + " |")
    out += ["", "The columns without \"guest\" are native, on " + cpu_name() + (
        "." if code32 else
        ", which ran no 32-bit code: \"ours\" is there the firmware's sources "
        "as 64-bit code with 32-bit pointers and i686's seven registers.")]
    return out


def hash_costs(table):
    """What an initrd of 64 MiB costs, and four banks beside one, in words."""
    rates = dict(table)
    four = rates[hashes.TOGETHER["banks"]]
    costs = []
    for row, column, text in (
            (rates["sha256"], "firmware-sha", "{} ms with the SHA extensions"),
            (rates["sha256"], "firmware", "{} ms without"),
            (rates["sha512"], "firmware-avx2", "the SHA-512 bank {} ms with "
             "AVX2"),
            (rates["sha512"], "firmware-sse2", "{} ms with SSE2"),
            (four, "firmware-sha", "four banks {} ms with them"),
            (four, "firmware-sse2", "{} ms with SSE2 only")):
        if column in row:
            costs.append(text.format(round(64 * 1.048576e3 / row[column])))
    times = [rates["sha512"]["firmware-sse2"] / four[c]
             for c in ("firmware-sha", "firmware-sse2") if c in four]
    return ["", "So natively 64 MiB cost the SHA-256 bank " + ", ".join(costs)
            + ". Four banks take " + " and ".join(f"{t:.1f}" for t in times)
            + " times as long as SHA-512 alone."]


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    match = re.search(r"^model name\s*: (.*)$", text, re.M)
    return match[1] if match else "this processor"


# ---------------------------------------------------------------------- docs

def update(section, lines):
    """Replace one section of docs/performance.md."""
    path = ROOT / "docs" / "performance.md"
    start = f"<!-- bench {section}: written by `make bench` -->"
    end = f"<!-- bench {section}: end -->"
    text = path.read_text()
    if start not in text or end not in text:
        sys.exit(f"bench: {path} has no section {section}")
    head, rest = text.split(start, 1)
    path.write_text(head + start + "\n\n" + "\n".join(lines) + "\n" + end
                    + rest.split(end, 1)[1])
    print(f"written: {path.relative_to(ROOT)}, {section}")


def arguments():
    """The command line, with what it leaves out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--bios", default=str(ROOT / "out" / "bios.bin"))
    parser.add_argument("--boot", action="store_true",
                        help="time to the boot sector beside SeaBIOS")
    parser.add_argument("--accesses", action="store_true",
                        help="accesses to devices up to the boot sector")
    parser.add_argument("--initrd", action="store_true",
                        help="time to the kernel with initrds of 1 to 256 "
                             "MiB, measured and not")
    parser.add_argument("--processors", action="store_true",
                        help="what one thread of QEMU runs while several "
                             "processors hash an initrd")
    parser.add_argument("--hash", action="store_true",
                        help="MB/s of the hashes, natively and in a guest")
    parser.add_argument("--growth", action="store_true",
                        help="how the cost grows with disks, functions, CPUs, "
                             "RAM and events")
    parser.add_argument("--libcrypto32", metavar="FILE",
                        help="OpenSSL's libcrypto.a for i386 (Debian: "
                             "libssl-dev:i386), compared with in the guest")
    parser.add_argument("--update", action="store_true",
                        help="write docs/performance.md")
    parser.add_argument("--only", help="rows whose name matches")
    parser.add_argument("--runs", type=int, default=2,
                        help="runs per figure of processor time")
    args = parser.parse_args()
    if not os.path.exists(args.bios):
        sys.exit(f"bench: there is no firmware {args.bios}: run make first")
    if not any((args.boot, args.accesses, args.growth, args.initrd,
                args.processors, args.hash)):
        args.boot = args.accesses = True
    return args


def main():
    args, errors = arguments(), []
    if args.boot:
        print(f"{'':30} {'KeelBIOS':>9} {'SeaBIOS':>9} {'ratio':>7}")
        table, errors = measure(args.bios, args.only)
        walls, more = wallclock.measure(sys.modules[__name__], args.bios,
                                        args.only)
        errors += more
        if args.update and not errors:
            update("boot", markdown(table) + wallclock.markdown(walls))
    if args.accesses:
        table, more = accesses.measure(sys.modules[__name__], args.bios,
                                       args.only)
        rows_of_qboot, others = accesses.measure_qboot(
            sys.modules[__name__], args.bios)
        more += others
        errors += more
        if args.update and not more:
            update("accesses", accesses.markdown(table)
                   + accesses.qboot_markdown(rows_of_qboot))
    if args.growth:
        table, more = growth.measure(
            sys.modules[__name__], args.bios,
            lambda name: not args.only or re.search(args.only, name))
        errors += more
        if args.update and not more:
            update("growth", growth.markdown(table))
    if args.initrd:
        table, more = measure_initrds(args.bios, max(1, args.runs))
        errors += more
        if args.update and not more:
            update("initrd", initrd_markdown(table))
    if args.processors:
        table, more = processors.measure(sys.modules[__name__], args.bios,
                                         max(1, args.runs))
        errors += more
        if args.update and not more:
            update("processors", processors.markdown(table))
    if args.hash:
        try:
            table, code32 = hashes.rows(
                pathlib.Path(args.bios).resolve().parent, 0.5, load_guest(),
                vm, args.libcrypto32)
            lines = hash_markdown(table, code32) + hash_costs(table)
            print("\n".join(lines))
            if args.update:
                update("hash", lines)
        except (hashes.HashError, vm.VmError) as err:
            errors.append(str(err))
    for error in errors:
        print("bench: " + error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time from reset to the first instruction of what is booted, KeelBIOS
beside SeaBIOS in the same run.

Virtual time under `-icount shift=0,sleep=off`: every instruction counts 1 ns,
idle time is skipped but counted, so that the figures do not depend on the
host and repeat exactly.  The boot sector (scripts/guest, clock.img) reads the
time stamp counter, which QEMU then derives from virtual time, writes it to
port 403h and ends QEMU.  A second table gives wall-clock time with a TPM.

    tests/bench/bench.py [--bios FILE] [--update]

--update writes the tables into docs/performance.md.
"""

import argparse
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import vm                                           # noqa: E402

EXIT_STATUS = 0x63          # (31h << 1) | 1, from isa-debug-exit
LIMIT_S = 60
SECTION = "<!-- bench: written by tests/bench/bench.py --update -->"
SECTION_END = "<!-- bench: end -->"


class BenchError(Exception):
    """A run gave no figure; the text says why."""


def load_guest():
    path = str(ROOT / "scripts" / "guest")
    loader = importlib.machinery.SourceFileLoader("guest", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("guest", loader))
    loader.exec_module(module)
    return module.build(names=["clock.img", "clock.kernel"])


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
        ("pc, -kernel", "pc", {}, ["-kernel", kernel]),
        ("q35, -kernel", "q35", {}, ["-kernel", kernel]),
    ]


def run(argv, limit=LIMIT_S):
    """Run QEMU to its end; the time stamp that the guest wrote, in ns."""
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as tmp:
        out, debug = (os.path.join(tmp, n) for n in ("clock", "debug"))
        argv = argv + [
            "-chardev", f"file,id=clock,path={out}",
            "-device", "isa-debugcon,iobase=0x403,chardev=clock",
            "-device", "isa-debug-exit,iobase=0x501,iosize=1"]
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


def virtual(bios, row):
    _, machine, options, args = row
    argv = vm.qemu_argv(bios, machine, args=list(args) + [
        "-icount", "shift=0,sleep=off",
        # The date is one more thing that firmware spends time on.
        "-rtc", "base=2026-01-01T00:00:00,clock=vm"], **options)
    return run(argv)


def wall(bios, tpm, args, count):
    """Median wall-clock time of a QEMU run, in seconds."""
    times = []
    for _ in range(count):
        tpm.start()
        argv = vm.qemu_argv(bios, "q35", tpm, args=args)
        before = time.monotonic()
        run(argv)
        times.append(time.monotonic() - before)
        tpm.process.wait(10)
    return sorted(times)[count // 2]


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


def measure(bios, only, wall_runs):
    """All rows: [(name, keel, seabios, unit)] and error texts."""
    guest, table, errors = load_guest(), [], []
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
    walls = []
    if wall_runs and (not only or re.search(only, "tpm")):
        for kind in ("2.0-crb", "2.0-tis"):
            args = vm.disk(guest["clock.img"], "virtio", "q35")
            values = []
            with tempfile.TemporaryDirectory(prefix="keel-bench-") as tmp:
                tpm = vm.Tpm(kind, os.path.join(tmp, "state"))
                tpm.manufacture()
                base = wall(empty_firmware(tmp), tpm, args, wall_runs)
                for path in (bios, vm.SEABIOS):
                    value, error = attempt(wall, path, tpm, args, wall_runs)
                    values.append((value - base) * 1e3 if value else None)
                    if error:
                        errors.append(f"TPM {kind}, {path}: {error}")
                tpm.stop()
            walls.append((f"q35, virtio-blk, TPM {kind}", *values))
            print(line(*walls[-1], "ms wall clock"), flush=True)
    return table, walls, errors


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


def markdown(table, walls):
    out = ["", "| from reset to the first instruction | KeelBIOS, ms | "
           "SeaBIOS 1.16.2, ms | ratio |", "|---|---|---|---|"]
    out += [f"| {n} | {number(k)} | {number(s)} | {ratio(k, s)} |"
            for n, k, s in table]
    if walls:
        out += ["", "Wall clock with a TPM (TCG, swtpm), less what QEMU "
                "takes with an empty firmware; depends on the host, the "
                "ratio is what counts:", "",
                "| | KeelBIOS, ms | SeaBIOS 1.16.2, ms | ratio |",
                "|---|---|---|---|"]
        out += [f"| {n} | {k and round(k) or 'failed'} | "
                f"{s and round(s) or 'failed'} | {ratio(k, s)} |"
                for n, k, s in walls]
    return "\n".join(out + [""])


INTRODUCTION = f"""\
<!-- SPDX-License-Identifier: MIT -->
# Performance

How long the firmware takes from reset to the first instruction of what it
boots. Virtual time under `-icount shift=0,sleep=off`: one instruction is one
nanosecond, so the figures are the same on every host. All measured by

    make bench BENCH_ARGS=--update

which also writes the tables below (`tests/bench/bench.py`).

{SECTION}
{SECTION_END}
"""


def update(table, walls):
    path = ROOT / "docs" / "performance.md"
    text = path.read_text() if path.exists() else INTRODUCTION
    if SECTION not in text:
        text += f"\n{SECTION}\n{SECTION_END}\n"
    head, rest = text.split(SECTION, 1)
    tail = rest.split(SECTION_END, 1)[1]
    path.write_text(head + SECTION + "\n" + markdown(table, walls)
                    + SECTION_END + tail)
    print(f"written: {path.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--bios", default=str(ROOT / "out" / "bios.bin"))
    parser.add_argument("--update", action="store_true",
                        help="write docs/performance.md")
    parser.add_argument("--only", help="rows whose name matches")
    parser.add_argument("--wall-runs", type=int, default=5,
                        help="runs per wall-clock figure (0: none)")
    args = parser.parse_args()
    if not os.path.exists(args.bios):
        sys.exit(f"bench: there is no firmware {args.bios}: run make first")
    print(f"{'':30} {'KeelBIOS':>9} {'SeaBIOS':>9} {'ratio':>7}")
    table, walls, errors = measure(args.bios, args.only, args.wall_runs)
    for error in errors:
        print("bench: " + error, file=sys.stderr)
    if args.update and not errors:
        update(table, walls)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

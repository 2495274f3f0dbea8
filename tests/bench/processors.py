# SPDX-License-Identifier: MIT
"""How long an initrd takes to be loaded and hashed by several processors: by the
thread of QEMU's TCG that runs longest.

What each thread has run says what the boot would take if each virtual processor
had one of the host for itself; the wall clock says that only on an idle host
with enough of them."""

import os
import pathlib
import subprocess
import tempfile
import time

import vm

MIB = 32
CPUS = (1, 2, 4)
BANKS = ("sha512", "sha256", "sha384,sha512", "sha1,sha256,sha384,sha512")
LIMIT_S = 300
EVERY_S = 0.02


def threads(pid):
    """{thread of a virtual processor: ns it has run}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            if "TCG" in (task / "comm").read_text():
                found[task.name] = int(
                    (task / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            pass                                # it has just ended
    return found


def longest(bench, bios, tpm, args, cpus, work):
    """ms that the thread has run which has run longest."""
    out = os.path.join(work, "clock")
    argv = vm.qemu_argv(bios, "q35", tpm, mem="1G", smp=cpus, args=args + [
        "-name", "bench,debug-threads=on", *bench.clock_devices(out)])
    ran = {}
    end = time.monotonic() + LIMIT_S
    tpm.start()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            ran.update(threads(process.pid))
            if time.monotonic() > end:
                process.kill()
                raise bench.BenchError(f"no boot in {LIMIT_S} s: "
                                       + vm.shown(argv))
            time.sleep(EVERY_S)
    tpm.process.wait(10)
    if process.returncode != bench.EXIT_STATUS:
        raise bench.BenchError(f"QEMU ended with {process.returncode}: "
                               + vm.shown(argv))
    return max(ran.values()) / 1e6


def measure(bench, bios, runs, mib=MIB, which=BANKS, numbers=CPUS):
    """[(banks, [ms for each number of processors])], errors"""
    kernel = bench.build_guest()["clock.kernel"]
    took = {banks: [[] for _ in numbers] for banks in which}
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as work:
        args = ["-kernel", kernel, "-initrd", bench.initrd_of(work, mib),
                "-append", "x"]
        # In turn: a host's slow seconds hit all of them.
        for banks in [*which] * runs:
            tpm = vm.Tpm("2.0-crb", os.path.join(work, banks.replace(",", "+")),
                         banks)
            try:
                for cpus, all_ms in zip(numbers, took[banks]):
                    all_ms.append(longest(bench, bios, tpm, args, cpus, work))
            except bench.BenchError as err:
                return [], [f"{banks}: {err}"]
            finally:
                tpm.stop()
    table = [(banks, [min(ms) for ms in took[banks]]) for banks in which]
    for banks, row in table:
        print(f"{banks:28} " + " ".join(f"{ms:8.0f} ms" for ms in row),
              flush=True)
    return table, []


def markdown(table):
    alone = table[0][1][0]
    out = [f"| banks, {MIB} MiB | " + " | ".join(
        f"{n} processor{'s' if n > 1 else ''}" for n in CPUS) + " |",
        "|---" * (len(CPUS) + 1) + "|"]
    for banks, row in table:
        out.append(f"| {banks.replace(',', ', ')} | " + " | ".join(
            f"{ms:.0f} ms, {ms / alone:.2f}" for ms in row) + " |")
    return out

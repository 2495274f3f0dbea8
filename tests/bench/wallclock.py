# SPDX-License-Identifier: MIT
"""Wall-clock time to the boot sector with a TPM, and what it is made of: swtpm's
own processor time, what the same boot takes without a TPM, and the rest, which
is ours: hashing, and talking to the TPM.

All figures are the least of some runs, less what QEMU and swtpm take with an
empty firmware.
"""

import os
import re
import resource
import tempfile
import time

RUNS = 25                   # of each; the least counts

# (row's name, kind of TPM, its active banks or None for all)
ROWS = [("q35, virtio-blk, CRB, one bank", "2.0-crb", "sha256"),
        ("q35, virtio-blk, CRB, four banks", "2.0-crb", None),
        ("q35, virtio-blk, TIS, one bank", "2.0-tis", "sha256"),
        ("q35, virtio-blk, TIS, four banks", "2.0-tis", None)]


def children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def boot(bench, image, tpm, args):
    """(wall clock, swtpm's processor time) of one boot, in ms."""
    if tpm:
        tpm.start()
    argv = bench.vm.qemu_argv(image, "q35", tpm, args=args)
    before = time.monotonic()
    bench.run(argv)
    wall = time.monotonic() - before
    before = children_s()               # QEMU's is in it
    if tpm:
        tpm.process.wait(10)            # it ends with QEMU
    return wall * 1e3, (children_s() - before) * 1e3


def cost(bench, bios, row, args, count, work):
    """{"keel", "seabios": ms, "swtpm": ms of KeelBIOS's, "plain": KeelBIOS's
    without a TPM}"""
    name, kind, banks = row
    empty = bench.empty_firmware(work)
    state = os.path.join(work, re.sub(r"\W", "-", name))
    with bench.vm.Tpm(kind, state, banks or bench.vm.BANKS) as tpm:
        tpm.process.terminate()         # only to make its state
        tpm.process.wait(10)
        todo = {"empty": (empty, tpm), "keel": (bios, tpm),
                "seabios": (bench.vm.SEABIOS, tpm),
                "plain empty": (empty, None), "plain": (bios, None)}
        took = {who: [] for who in todo}
        # In turn: a host's slow seconds hit all of them.
        for _ in range(count):
            for who, (image, its) in todo.items():
                took[who].append(boot(bench, image, its, args))
    wall = {who: min(t[0] for t in times) for who, times in took.items()}
    swtpm = {who: min(t[1] for t in times) for who, times in took.items()}
    return {"keel": wall["keel"] - wall["empty"],
            "seabios": wall["seabios"] - wall["empty"],
            "swtpm": swtpm["keel"] - swtpm["empty"],
            "plain": wall["plain"] - wall["plain empty"]}


def measure(bench, bios, only, count=RUNS):
    """[(row's name, cost())] and error texts."""
    table, errors = [], []
    args = bench.vm.disk(bench.build_guest()["clock.img"], "virtio", "q35")
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as work:
        for row in ROWS:
            if only and not re.search(only, row[0]):
                continue
            value, error = bench.attempt(cost, bench, bios, row, args, count,
                                         work)
            if error:
                errors.append(f"{row[0]}, wall clock: {error}")
                continue
            table.append((row[0], value))
            print(f"{row[0]}: wall clock, ms: "
                  + ", ".join(f"{k} {v:.1f}" for k, v in value.items()),
                  flush=True)
    return table, errors


def markdown(table):
    out = ["", "Wall clock with a TPM (TCG, swtpm), less what QEMU and swtpm "
           "take with an empty firmware.  It depends on the host; the ratio "
           "is what counts.  Of KeelBIOS's time so much is swtpm's own "
           "processor time, so much the same boot takes without a TPM, and "
           "the rest is hashing, slow under TCG, and talking to the TPM:", "",
           "| | KeelBIOS, ms | SeaBIOS 1.16.2, ms | ratio | swtpm | no TPM | "
           "rest |", "|---" * 7 + "|"]
    for name, c in table:
        rest = c["keel"] - c["swtpm"] - c["plain"]
        out.append(f"| {name} | {c['keel']:.0f} | {c['seabios']:.0f} | "
                   f"{c['keel'] / c['seabios']:.2f} | {c['swtpm']:.0f} | "
                   f"{c['plain']:.0f} | {rest:.0f} |")
    return out if table else []

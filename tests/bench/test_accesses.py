# SPDX-License-Identifier: MIT
"""Accesses to devices up to the boot sector: no row of docs/performance.md
costs more than it says there, and a few.  Who needs more, or needs less from
now on, runs `make bench BENCH_ARGS='--accesses --update'`."""
import os
import pathlib
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "bench"))
import accesses                                     # noqa: E402
import bench                                        # noqa: E402

QUICK = ("pc, IDE", "pc, virtio-blk", "q35, AHCI", "q35, virtio-blk",
         "q35, virtio-blk, CRB, one bank")
EXITS_MOST = 300    # to the boot sector, without a display's ROM and a TPM
MOST = {"pc, IDE": 300, "pc, virtio-blk": 300, "q35, AHCI": 215,
        "q35, virtio-blk": 250}     # accesses; a string of them is one
ATTEMPTS = 3        # devices answer in the host's time: take the best
DOCUMENTED = accesses.documented(
    (TOP / "docs/performance.md").read_text(encoding="utf-8"))
GUEST = bench.build_guest()
ROWS = {row[0]: row for row in bench.rows(GUEST)}
TPM_ROWS = {row[0]: row for row in accesses.TPM_ROWS}


def count(name, work):
    bios = os.environ.get("BIOS") or str(TOP / "out/bios.bin")
    if name in ROWS:
        return accesses.run(bench, bios, ROWS[name])
    return accesses.run_tpm(bench, bios, TPM_ROWS[name], bench.vm.disk(
        GUEST["clock.img"], "virtio", "q35"), work)


def too_many(name, came):
    expected = DOCUMENTED[name]
    rows = [*((column, came[column], expected[column]) for column in came),
            ("all", sum(came.values()), sum(expected.values()))]
    return [f"{name}: {column}: {number} came, {want} expected, "
            f"{accesses.bound(column, want)} allowed"
            for column, number, want in rows
            if number > accesses.bound(column, want)]


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in [*ROWS, *TPM_ROWS]])
def test_no_more_accesses(name, tmp_path):
    assert name in DOCUMENTED, f"{name}: no row in docs/performance.md"
    wrong = [""]
    for attempt in range(ATTEMPTS):
        work = tmp_path / str(attempt)
        counts = count(name, work)
        wrong = too_many(name, accesses.by_column(counts))
        exits = accesses.exits(counts)
        if name in ROWS and "VGA" not in name and exits > EXITS_MOST:
            wrong.append(f"{name}: {exits} exits to QEMU, {EXITS_MOST} "
                         "expected at most")
        single = accesses.total(counts) - counts.work[accesses.STRING]
        if single > MOST.get(name, single):
            wrong.append(f"{name}: {single} accesses, {MOST[name]} expected "
                         "at most")
        if not wrong:
            break
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("row", accesses.qboot_rows(bench, GUEST),
                         ids=lambda row: row[0])
def test_beside_qboot(row):
    """A kernel costs at most twice what it costs a firmware that does nothing
    else."""
    bios = os.environ.get("BIOS") or str(TOP / "out/bios.bin")
    ours, theirs = accesses.beside_qboot(bench, bios, row)
    assert ours[0] <= 2 * theirs[0], f"accesses: {ours[0]}, qboot {theirs[0]}"
    assert ours[1] <= 2 * theirs[1], f"ms: {ours[1]}, qboot {theirs[1]}"


def test_what_leaves_for_qemu():
    """Strings, address ports and the kernel's devices do not."""
    data = ("read", 0x1f0, 1, "ide")
    counts = accesses.count(lines_of(
        ("write", 0xcf8, 0x80000000, "pci-conf-idx"),
        ("read", 0xcfc, 0x12378086, "pci-conf-data"),
        ("write", 0x1f7, 0xec, "ide"), data, data, data,
        ("write", 0x70, 0xf, "rtc-index"), ("read", 0x71, 0, "rtc"), data,
        ("write", 0x21, 0xff, "pic"), ("write", 0x40, 0, "pit"),
        ("write", 0xb8000, 0x20, "vga-lowmem"), ("write", 0x3c0, 0, "vga")))
    assert accesses.total(counts) == 13
    assert accesses.exits(counts) == 6      # CFCh, 1F7h, 1F0h twice, 71h, 3C0h
    columns = accesses.by_column(counts)
    assert {c: n for c, n in columns.items() if n} == {
        "PCI": 2, "drives": 5, "RTC": 2, "8259": 1, "timers": 1, "VGA": 2}
    # What is computed before the first instruction is not the firmware's.
    maps = ["flatview_new 0x1 (root 0x2)\n"]
    traced = accesses.count(maps * 3 + [*lines_of(
        ("write", 0xcf8, 0x80000000, "pci-conf-idx"))] + maps * 2)
    assert (accesses.total(traced), traced.maps) == (1, 1)


def lines_of(*items):
    """A trace of (read or write, port, value, region's name)."""
    return [f"memory_region_ops_{kind} cpu 0 mr 0x1 addr {port:#x} "
            f"value {value:#x} size 1 name '{name}'"
            for kind, port, value, name in items]


def test_polling_is_told_from_work():
    status = ("read", 0x1f7, 0x80, "ide")
    ready = ("read", 0x1f7, 0x50, "ide")
    order = ("write", 0x1f7, 0xec, "ide")
    gate = [("read", 0x92, 2, "port92"), ("write", 0x92, 2, "port92")]
    def clock(value):
        return ("read", 0x608, value, "acpi-tmr")

    # A loop with a clock, and with pauses that ask it once or twice
    work, polling, _ = accesses.count(lines_of(
        status, clock(1), status, clock(2), clock(3), status, clock(4),
        ready))
    assert (work["IDE"], polling["IDE"]) == (2, 2)
    assert (work["timers"], polling["timers"]) == (1, 3)
    # Orders that are the same are work, and so is what nobody waits for.
    work, polling, _ = accesses.count(lines_of(order, ready, order, ready,
                                            *gate, *gate))
    assert work == {"IDE": 4, "port 92h": 4} and not polling
    # The guest's accesses do not count.
    work, _, _ = accesses.count(lines_of(
        order, ("write", 0x403, 0, "isa-debugcon"), order))
    assert work == {"IDE": 1}

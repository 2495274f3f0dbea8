# SPDX-License-Identifier: MIT
"""What a boot costs grows with what a machine has, and not faster."""
import os
import pathlib
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "bench"))
import bench                                        # noqa: E402
import growth                                       # noqa: E402

QUICK = ("virtio-blk disks beside the first", "PCI functions without a driver")
NAMES = [series.name for series in growth.all_series("")]


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in NAMES])
def test_linear(name, tmp_path):
    bios = os.environ.get("BIOS") or str(TOP / "out/bios.bin")
    series, = [s for s in growth.all_series(tmp_path) if s.name == name]
    disk = growth.boot_disk(bench)
    costs = [growth.cost(bench, bios, series, number, disk, tmp_path)
             for number in series.numbers]
    wrong = growth.too_steep(series, costs)
    assert not wrong, "\n".join([*wrong, f"accesses, virtual ms: {costs}"])


@pytest.mark.parametrize("counts,right", [
    ([320, 590, 3290], True),           # 30 each
    ([320, 590, 3900], True),           # 36.8: 1.22 times as many
    ([320, 590, 4190], False),          # 40
    ([320, 320, 450], True),            # 1.4 more each: an odd one
    ([320, 320, 590], False),           # 3
    ([320, 300, 500], False),
])
def test_bound(counts, right):
    series = growth.Series("things", "thing", [1, 10, 100], None)
    for part, _, noise in growth.PARTS:
        costs = [[0, 0] for _ in counts]
        for cost, count in zip(costs, counts):
            cost[part] = count * noise / 2
        wrong = growth.too_steep(series, costs)
        assert (not wrong) == right, (part, wrong)
    assert not growth.too_steep(series, [(320, None)] * 3)

# SPDX-License-Identifier: MIT
"""How the cost of a boot grows with what a machine has: accesses to devices
and virtual time up to the boot sector, for a few numbers of each thing.

Each step's cost per thing is compared with the first step's: no step may be
worse than linear.  bench.py has --growth.
"""

import collections
import pathlib
import tempfile

import accesses

# name; what there is one more of; machine of number: options of qemu_argv and
# arguments; numbers; is it counted with a TPM?
Series = collections.namedtuple("Series", "name of numbers make tpm",
                                defaults=[False])

FUNCTIONS = 8               # a slot has so many
ATTEMPTS = 4
SLACK = 1.25                # a step's cost per thing, in that of the first step
# Of a cost: index, unit, and so much of it per thing is noise.
PARTS = ((0, "accesses", 2.0), (1, "virtual ms", 0.0003))


def slots(number, first=4):
    """(slot, function) for so many devices."""
    return [(first + n // FUNCTIONS, n % FUNCTIONS) for n in range(number)]


def at(place):
    return f"addr={place[0]:#x}.{place[1]},multifunction=on"


def disks(number):
    """One more than the disk that is booted."""
    args = []
    for n, place in enumerate(slots(number)):
        args += ["-drive", f"if=none,id=more{n},driver=null-co,"
                 "size=1M,read-zeroes=on",
                 "-device", f"virtio-blk-pci,drive=more{n},{at(place)}"]
    return {}, args


def functions(number):
    args = []
    for place in slots(number):
        args += ["-device", f"virtio-rng-pci,{at(place)}"]
    return {}, args


def cpus(number):
    return {"smp": number}, []


def ram(mib):
    # More address bits than a qemu64 has, and host memory only as it is used
    return {"mem": f"{mib}M", "machine_options": ",memory-backend=m"}, [
        "-object", f"memory-backend-ram,id=m,size={mib}M,reserve=off",
        "-cpu", "qemu64,phys-bits=48"]


def option_roms(work):
    """Images that do nothing: an event each."""
    def make(number):
        args = []
        for n in range(number):
            # Signature, size, return; its number; checksum
            rom = bytearray(512)
            rom[:5] = b"\x55\xaa\x01\xcb" + bytes([n])
            rom[5] = -sum(rom) & 0xff
            path = pathlib.Path(work) / f"rom{n}"
            path.write_bytes(rom)
            args += ["-option-rom", path]
        return {}, args
    return make


def all_series(work):
    return [
        Series("virtio-blk disks beside the first", "disk", [1, 10, 100],
               disks),
        Series("PCI functions without a driver", "function", [1, 20, 200],
               functions),
        Series("CPUs", "CPU", [1, 16, 64, 255], cpus),
        Series("MiB of RAM", "MiB", [8, 256, 4096, 65536, 1 << 20], ram),
        Series("option ROMs, one bank, CRB (an event each)", "event",
               [1, 8, 16], option_roms(work), True),
    ]


def row_of(series, number, disk):
    options, args = series.make(number)
    return series.name, "q35", options, disk + args


def accesses_of(bench, bios, series, number, disk, work):
    """Accesses without polling of one boot."""
    row = row_of(series, number, disk)
    counts = accesses.run(bench, bios, row) if not series.tpm else \
        accesses.run_tpm(bench, bios, (series.name, "2.0-crb", "sha256"),
                         row[3], work)
    return accesses.total(counts)


def cost(bench, bios, series, number, disk, work):
    """(accesses, virtual ms): the best of a few where they depend on when a
    disk or a TPM answers.  With a TPM there is no virtual time."""
    count = min(accesses_of(bench, bios, series, number, disk, work)
                for _ in range(ATTEMPTS if series.tpm else 1))
    if series.tpm:
        return count, None
    row = row_of(series, number, disk)
    return count, min(bench.virtual(bios, row)
                      for _ in range(ATTEMPTS)) / 1e6


def boot_disk(bench):
    return bench.vm.disk(bench.build_guest()["clock.img"], "virtio", "q35",
                         boot=0)


def per_thing(numbers, values):
    """What one more costs, for each step."""
    return [(v - u) / (n - m) for m, n, u, v in
            zip(numbers, numbers[1:], values, values[1:])]


def too_steep(series, costs):
    """Steps in which accesses or time grow faster than in the first one, as
    texts."""
    return [text for part, unit, noise in PARTS
            for text in steep(series, [c[part] for c in costs], unit, noise)]


def steep(series, values, unit, noise):
    if None in values:                  # with a TPM there is no virtual time
        return []
    steps = per_thing(series.numbers, values)
    bound = max(steps[0], 0) * SLACK + noise
    return [f"{series.name}: from {m} to {n}: {step:.4g} {unit} per "
            f"{series.of}, at most {bound:.4g} expected (first step: "
            f"{steps[0]:.4g})"
            for m, n, step in zip(series.numbers[1:], series.numbers[2:],
                                  steps[1:]) if step > bound]


def measure(bench, bios, only=lambda name: True):
    """[(series, [cost])], and error texts."""
    table, errors = [], []
    disk = boot_disk(bench)
    with tempfile.TemporaryDirectory(prefix="keel-growth-") as work:
        for series in filter(lambda s: only(s.name), all_series(work)):
            costs = []
            for number in series.numbers:
                value, error = bench.attempt(cost, bench, bios, series, number,
                                             disk, work)
                if error:
                    errors.append(f"{series.name}, {number}: {error}")
                    break
                costs.append(value)
                print(f"{series.name:44} {number:8}  {value[0]:7} accesses  "
                      + ("" if value[1] is None else f"{value[1]:9.3f} ms"),
                      flush=True)
            else:
                table.append((series, costs))
    return table, errors


def markdown(table):
    out = ["| q35, what grows | number | accesses | for each one more | "
           "virtual ms | for each one more, us |", "|---" * 6 + "|"]
    for series, costs in table:
        counts, times = ([c[i] for c in costs] for i in (0, 1))
        steps = ["", *(f"{s:.1f}" for s in per_thing(series.numbers, counts))]
        clocks = [""] * len(steps)
        if times[0] is not None:
            clocks[1:] = (f"{s * 1e3:.1f}"
                          for s in per_thing(series.numbers, times))
        for i, number in enumerate(series.numbers):
            took = "-" if times[i] is None else f"{times[i]:.3f}"
            out.append(f"| {series.name if i == 0 else ''} | {number} | "
                       f"{counts[i]} | {steps[i]} | {took} | {clocks[i]} |")
    return out

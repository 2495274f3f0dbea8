# SPDX-License-Identifier: MIT
"""How often the firmware reads or writes a device from reset to the first
instruction of what is booted.  Under KVM each such access leaves the guest;
that, and not the instructions, is what a boot costs there.

QEMU writes each access to its trace (memory_region_ops_read and _write: ports
and memory alike).  bench.py has the machines and --accesses.

Waiting is told from work: a group of accesses that comes again at once and the
same is polling, if a device is asked in it and none is told to do anything
(repeats()).  How often it comes is the host's matter; all else is the same in
every run, but for a few accesses where a disk or a TPM answers before or after
it is first asked.
"""

import collections
import os
import pathlib
import re
import shutil
import tempfile

EVENT = re.compile(
    r"memory_region_ops_(read|write) cpu (\d+) mr \S+ addr 0x([0-9a-f]+) "
    r"value 0x([0-9a-f]+) size (\d+) name '(.*)'")
MAP = "flatview_new"        # QEMU computes what lies where anew
END_PORT = 0x403            # the guest's first instructions write to it
LIMIT_S = 600               # SeaBIOS polls a TPM of a busy host long
MEMORY = {"tpm-ppi"}        # only TCG asks QEMU for it; for KVM it is memory

PCI, FWCFG, A20 = "PCI configuration", "fw_cfg", "port 92h"
TIMER, DEBUG = "timers", "port 402h"
PCI_INDEX, RTC_INDEX = "PCI configuration, address", "RTC and CMOS, address"
PIC, PIT, APIC = "8259", "8254", "local APIC, I/O APIC"
VGA_MEMORY, STRING = "VGA memory", "IDE, more of a string"

# Where KVM's kernel side has the device, or keeps writes until the next access
# that leaves for QEMU: no exit to QEMU of their own.
IN_KERNEL = {PCI_INDEX, RTC_INDEX, PIC, PIT, APIC, VGA_MEMORY, STRING}

# (device, QEMU's name of the region, column of the table in the docs)
DEVICES = [
    (PCI_INDEX, r"pci-conf-idx", "PCI"),
    (PCI, r"pci-conf-|pcie-mmcfg", "PCI"),
    (FWCFG, r"fwcfg", "fw_cfg"),
    (A20, r"port92", "92h"),
    (PIC, r"pic$|elcr", "8259"),
    ("8042", r"i8042", "8042"),
    (RTC_INDEX, r"rtc-index", "RTC"),
    ("RTC and CMOS", r"rtc", "RTC"),
    (PIT, r"pit$", "timers"),
    (TIMER, r"acpi-tmr|hpet|pcspk", "timers"),
    ("TPM", r"tpm-", "TPM"),
    (VGA_MEMORY, r"vga-lowmem", "VGA"),
    ("VGA", r"vga|vbe|edid|bochs dispi|qemu extended", "VGA"),
    ("virtio", r"virtio-", "drives"),
    ("AHCI", r"ahci", "drives"),
    ("IDE", r"ide$|piix-bmdma|bmdma", "drives"),
    (STRING, r"$", "drives"),
    ("NVMe", r"nvme", "drives"),
    ("SCSI adapter", r"lsi-", "drives"),
    ("USB", r"uhci|ehci|xhci|capabilities|operational|runtime|doorbell|ports|"
     r"usb\d port", "drives"),
    ("power management", r"acpi-|apm-|sm-tco", "other"),
    (APIC, r"apic-msi|ioapic", "other"),
]
# Ports without a device have the region "io".
NOBODY = [(DEBUG, range(0x402, 0x403)),
          ("parallel ports", [*range(0x278, 0x27b), *range(0x378, 0x37b)]),
          ("serial ports", [p + i for p in (0x2e8, 0x2f8, 0x3e8, 0x3f8)
                            for i in range(8)]),
          ("power management", range(0x600, 0x680))]
COLUMNS = ["PCI", "fw_cfg", "92h", "8259", "8042", "RTC", "timers", "drives",
           "TPM", "VGA", "other"]
MAPS = "maps"               # those accesses that cost the most
COLUMN_OF = {name: column for name, _, column in DEVICES}

# Nobody waits for these, so that what is done twice there is work done twice;
# queues' bytes may repeat.
NOT_POLLED = {PCI, PCI_INDEX, FWCFG, A20}
PAUSES = {0x92, 0x70, 0xb2, 0xb3}   # written in SeaBIOS's and our pauses
IDE_DATA = {0x1f0, 0x170}           # read by string instructions
QUEUES = IDE_DATA | {0xfed40024, 0xfed40080}        # and TIS's
CLOCKS = {0x608, 0x40, 0x42}        # ACPI timer, PIT: another value each time
GROUP_MAX = 64              # accesses of a loop that waits


def device_of(name, address):
    for device, pattern, _ in DEVICES:
        if re.match(pattern, name):
            return device
    if name == "io":
        for device, ports in NOBODY:
            if address in ports:
                return device
    return "other"


class Access(collections.namedtuple("Access", "write address value size "
                                    "device")):
    """One access.  Two are the same if nothing but a clock's value differs."""
    __slots__ = ()

    def orders(self):
        """Is this a device told to do something?"""
        return self.write and self.address not in PAUSES

    def asks(self):
        """May this be a device asked whether it is ready?"""
        return not self.write and self.device not in NOT_POLLED and \
            self.address not in QUEUES


def parse(lines):
    """[[Access]], a list for each processor, up to the guest."""
    by_cpu, devices = collections.defaultdict(list), {}
    seen = {}                   # one object for all that are the same
    for line in lines:
        match = EVENT.match(line)
        if not match:
            continue            # also what a device did: "cpu -1"
        kind, cpu, address, value, size, name = match.groups()
        address = int(address, 16)
        if address == END_PORT and kind == "write":
            break
        if name in MEMORY:
            continue
        key = (name, address)
        if key not in devices:
            devices[key] = device_of(name, address)
        if address in CLOCKS and kind == "read":
            value = ""
        device = devices[key]
        if address in IDE_DATA and by_cpu[cpu] and \
                by_cpu[cpu][-1].address == address:
            device = STRING
        access = Access(kind == "write", address, value, int(size), device)
        by_cpu[cpu].append(seen.setdefault(access, access))
    return list(by_cpu.values())


def repeats(accesses, at, longest):
    """How many accesses from there on are those just before once more, and
    ask a device without an order to any; else 0."""
    for length in range(1, min(longest, at, len(accesses) - at) + 1):
        if accesses[at] is not accesses[at - length]:
            continue
        group = accesses[at:at + length]
        if group == accesses[at - length:at] and \
                any(a.asks() for a in group) and \
                not any(a.orders() for a in group):
            return length
    return 0


def without_polling(accesses, longest, polling):
    """The accesses without repeats(), which are added to a Counter."""
    work, at = [], 0
    while at < len(accesses):
        length = repeats(accesses, at, longest)
        if length:
            polling.update(a.device for a in accesses[at:at + length])
        else:
            work.append(accesses[at])
        at += max(length, 1)
    return work


class Counts(collections.namedtuple("Counts", "work polling maps")):
    """Counters of device: accesses, and of device: polling; after how many
    accesses QEMU has computed its maps of memory and ports."""


def count(lines):
    """Counts of a trace."""
    work, polling = collections.Counter(), collections.Counter()
    seen = collections.Counter()

    def watched():
        for line in lines:
            if line.startswith(MAP):
                seen[MAP] += seen.pop("access", 0)  # several come of one
            elif " cpu 0 " in line:
                seen["access"] = 1
            yield line

    for accesses in parse(watched()):
        # A loop may wait, a number of times, for a clock.
        once = without_polling(accesses, 1, polling)
        work.update(a.device
                    for a in without_polling(once, GROUP_MAX, polling))
    return Counts(work, polling, seen[MAP])


def run(bench, bios, row, tpm=None):
    """count() of one boot."""
    name, machine, options, args = row
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as tmp:
        trace = os.path.join(tmp, "trace")
        bench.virtual(bios, (name, machine, options, [
            *args, "-d", "trace:memory_region_ops_read,"
            "trace:memory_region_ops_write,trace:" + MAP, "-D", trace]), tpm,
            LIMIT_S)
        with open(trace, encoding="utf-8", errors="replace") as lines:
            return count(lines)


# ---------------------------------------------------------------- with a TPM

TPM_ROWS = [("q35, virtio-blk, CRB, one bank", "2.0-crb", "sha256"),
            ("q35, virtio-blk, CRB, four banks", "2.0-crb", None),
            ("q35, virtio-blk, TIS, one bank", "2.0-tis", "sha256"),
            ("q35, virtio-blk, TIS, four banks", "2.0-tis", None)]


def run_tpm(bench, bios, row, disk, work):
    """count() of one boot with a TPM as its manufacturer left it."""
    name, kind, banks = row
    banks = banks or bench.vm.BANKS
    made = pathlib.Path(work) / ("made-" + banks.replace(",", "+"))
    bench.vm.Tpm(kind, made, banks).manufacture()
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as tmp:
        state = os.path.join(tmp, "state")
        shutil.copytree(made, state)
        with bench.vm.Tpm(kind, state, banks) as tpm:
            return run(bench, bios, (name, "q35", {}, disk), tpm)


# -------------------------------------------------------------- beside qboot

def beside_qboot(bench, bios, row):
    """((accesses, virtual ms) of KeelBIOS, those of qboot), which boots kernels
    of -kernel and nothing else."""
    return [(sum(run(bench, str(image), row)[0].values()),
             bench.virtual(str(image), row) / 1e6)
            for image in (bios, bench.QBOOT)]


def qboot_rows(bench, guest):
    return [row for row in bench.rows(guest) if "-kernel" in row[3]]


def measure_qboot(bench, bios):
    """[(row's name, as beside_qboot())] and error texts."""
    table, errors = [], []
    for row in qboot_rows(bench, bench.build_guest()):
        value, error = bench.attempt(beside_qboot, bench, bios, row)
        if error:
            errors.append(f"{row[0]}, beside qboot: {error}")
            continue
        table.append((row[0], *value))
        print(f"{row[0]}: (accesses, ms) {value[0]}, qboot {value[1]}",
              flush=True)
    return table, errors


def qboot_markdown(table):
    out = ["", "Beside qboot, which boots a kernel of -kernel and can do "
           "nothing else:", "",
           "| | accesses | qboot | ratio | virtual ms | qboot | ratio |",
           "|---" * 7 + "|"]
    for name, (ours, our_ms), (theirs, their_ms) in table:
        out.append(f"| {name} | {ours} | {theirs} | {ours / theirs:.2f} | "
                   f"{our_ms:.3f} | {their_ms:.3f} | "
                   f"{our_ms / their_ms:.2f} |")
    return out


# -------------------------------------------------------------------- tables

def measure(bench, bios, only):
    """[(row's name, (work, polling), SeaBIOS's)] and error texts."""
    guest, table, errors = bench.build_guest(), [], []
    disk = bench.vm.disk(guest["clock.img"], "virtio", "q35")
    with tempfile.TemporaryDirectory(prefix="keel-bench-") as work:
        todo = [(row[0], lambda image, r=row: run(bench, image, r))
                for row in bench.rows(guest)]
        todo += [(row[0], lambda image, r=row: run_tpm(bench, image, r, disk,
                                                       work))
                 for row in TPM_ROWS]
        for name, function in todo:
            if only and not re.search(only, name):
                continue
            counts = []
            for image in (bios, bench.vm.SEABIOS):
                value, error = bench.attempt(function, image)
                counts.append(value)
                if error:
                    errors.append(f"{name}, {image}: {error}")
            table.append((name, *counts))
            show(table[-1])
    return table, errors


def total(counts):
    """A cell: accesses but for polling."""
    return sum(counts.work.values()) if counts else None


def exits(counts):
    """Of total() those that leave KVM for QEMU."""
    return sum(number for device, number in counts.work.items()
               if device not in IN_KERNEL) if counts else None


def ratio(keel, seabios):
    return f"{total(keel) / total(seabios):.2f}" if keel and seabios else "-"


def show(row):
    """One row in full, to the terminal."""
    name, keel, seabios = row
    print(f"{name}: accesses without polling; polling")
    devices = sorted({d for c in (keel, seabios) if c for w in c[:2]
                      for d in w}, key=lambda d: -(keel or seabios).work[d])
    for device in devices + ["total"]:
        cells = []
        for counts in (keel, seabios):
            cells += ["failed", ""] if not counts else [
                sum(c.values()) if device == "total" else c[device]
                for c in counts[:2]]
        print(f"  {device:22} {cells[0]:>7} {cells[1]:>7}   SeaBIOS "
              f"{cells[2]:>7} {cells[3]:>7}")
    print(f"  {'ratio':22} {ratio(keel, seabios)}")
    print(f"  {'maps computed':22} {keel and keel.maps}, SeaBIOS "
          f"{seabios and seabios.maps}", flush=True)


def cell(keel, seabios, column):
    """Both firmwares' accesses to the devices of a column."""
    texts = [str(by_column(counts)[column]) if counts else "failed"
             for counts in (keel, seabios)]
    return "-" if texts == ["0", "0"] else " / ".join(texts)


def markdown(table):
    out = ["| accesses to devices | KeelBIOS | SeaBIOS 1.16.2 | ratio | "
           "KeelBIOS, exits | SeaBIOS, exits | KeelBIOS, polling | "
           "SeaBIOS, polling |", "|---" * 8 + "|"]
    for name, keel, seabios in table:
        polls = [sum(c.polling.values()) if c else "failed"
                 for c in (keel, seabios)]
        out.append(f"| {name} | {total(keel) or 'failed'} | "
                   f"{total(seabios) or 'failed'} | {ratio(keel, seabios)} | "
                   f"{exits(keel) or 'failed'} | "
                   f"{exits(seabios) or 'failed'} | {polls[0]} | {polls[1]} |")
    out += ["", "By device, KeelBIOS / SeaBIOS, without polling:", "",
            "| | " + " | ".join([*COLUMNS, MAPS]) + " |",
            "|---" * (len(COLUMNS) + 2) + "|"]
    out += [f"| {name} | " + " | ".join(cell(keel, seabios, c)
                                        for c in [*COLUMNS, MAPS]) + " |"
            for name, keel, seabios in table]
    return out


# -------------------------------------------------------------------- bounds

def documented(text):
    """{row: {column: KeelBIOS's accesses}}, from the table that markdown()
    has written into docs/performance.md."""
    found = {}
    head = ["", *COLUMNS, MAPS]
    lines = [[c.strip() for c in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    if head not in lines:
        return found
    for cells in lines[lines.index(head) + 2:]:
        if len(cells) != len(head):
            break
        found[cells[0]] = {
            column: 0 if value == "-" else int(value.split(" / ")[0])
            for column, value in zip(head[1:], cells[1:])}
    return found


def by_column(counts):
    """{column: accesses without polling, or maps}"""
    found = dict.fromkeys(COLUMNS, 0)
    for device, number in counts.work.items():
        found[COLUMN_OF.get(device, "other")] += number
    return {**found, MAPS: counts.maps}


def bound(column, number):
    """How many accesses are still as many.  Where a device's answer is waited
    for, it depends on when that comes.  Another QEMU may do it otherwise."""
    if column in ("timers", "drives", "TPM", "all"):
        return number + max(number // 10, 25)
    return number + max(number // 20, 4)

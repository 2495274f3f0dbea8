# SPDX-License-Identifier: MIT
"""Measured boots that end in a boot sector which halts: a third of a second
instead of Linux's ten.  The log comes from the guest's memory, the PCRs from
swtpm past QEMU.

    with measured.boot(tests, "q35", tpm) as m:
        log = measured.log(m)
        assert not log.check(tpm.pcrs())
"""

import contextlib
import struct
import time

import faketpm
import tcglog
import vm

RAM = 32 << 20
NO_TABLE = "no ACPI table of the guest names an event log"


@contextlib.contextmanager
def watched(tests, kind, spoil=None, banks=vm.BANKS):
    """A TPM of its own behind a proxy."""
    with tests.tpm(kind, banks) as made:
        made.stop()
        with faketpm.FakeTpm(kind, made.state, spoil) as tpm:
            yield tpm


@contextlib.contextmanager
def boot(tests, machine, tpm, limit=60, args=(), disk="virtio", **kwargs):
    """A machine whose boot sector has been reached; m.stopped is when (of
    time.monotonic()), m.tsc what the time stamp counter was."""
    port = tests.tmp / f"port403-{tests.count}"
    args = list(args) + [
        "-chardev", f"file,id=port403,path={port}",
        "-device", "isa-debugcon,iobase=0x403,chardev=port403"]
    if disk:
        args += vm.disk(tests.guest["clock.img"], disk, machine)
    kwargs.setdefault("mem", "32M")
    start = time.monotonic()
    with tests.machine(machine, None, tpm=tpm, args=args, vga="none",
                       machine_options=",graphics=off", **kwargs) as m:
        while not port.exists() or len(port.read_bytes()) < 8:
            if time.monotonic() - start > limit or not m.alive():
                raise vm.VmError(m.report(
                    f"the boot sector did not run in {limit} s"))
            time.sleep(0.01)
        m.tsc = struct.unpack("<Q", port.read_bytes())[0]
        m.took = time.monotonic() - start
        yield m


def memory(m):
    """All RAM of a machine of 32 MiB."""
    path = m.work / "memory"
    m.qmp("pmemsave", val=0, size=RAM, filename=str(path))
    return path.read_bytes()


def tables(ram, name):
    """ACPI tables of that name, by their checksum."""
    at = ram.find(name)
    while at >= 0:
        size = struct.unpack("<I", ram[at + 4:at + 8])[0]
        if 36 <= size < 0x10000 and not sum(ram[at:at + size]) & 255:
            yield ram[at:at + size]
        at = ram.find(name, at + 1)


def log_area(ram):
    """The bytes of the area that the guest's ACPI tables name."""
    for table in tables(ram, b"TPM2"):
        size, at = struct.unpack("<IQ", table[64:76])
        return ram[at:at + size]
    for table in tables(ram, b"TCPA"):
        size, at = struct.unpack("<IQ", table[38:50])
        return ram[at:at + size]
    raise ValueError(NO_TABLE)


def log(m):
    return tcglog.parse(log_area(memory(m)))


def log_bytes(m):
    """The log without the unused area behind it."""
    area = log_area(memory(m))
    last = tcglog.parse(area).events[-1]
    size = 12 if area[32:48] != b"Spec ID Event03\0" else \
        16 + sum(2 + len(d) for d in last.digests.values())
    if size == 12:
        size += 20
    return area[:last.offset + size + len(last.data)]

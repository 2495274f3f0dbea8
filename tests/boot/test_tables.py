# SPDX-License-Identifier: MIT
"""What the firmware tells the OS equals what SeaBIOS tells it, but for names,
versions and addresses."""

import re
import struct

import pytest

import vm
from test_matrix import BLK, MEMORY
from rm16 import assemble, finished

MACHINES = ["pc", "q35"]
OPTIONS = {"vga": "std", "nic": True, "smp": 2, "load": True,
           "disk": "none"}


@pytest.fixture(params=MACHINES)
def pair(request, generic, seabios_dump):
    """The same machine under the firmware and under SeaBIOS."""
    machine = request.param
    options = dict(OPTIONS, tpm="2.0-crb", args=vm.disk(
        generic.guest["disk.img"], "ide" if machine == "pc" else "ahci",
        machine))
    ours = generic.boot_and_dump(machine, **options)
    theirs = seabios_dump(machine, **options)
    return ours, theirs


# What else changes the tables, several of it in one machine, for each is two
# boots of Linux: (machine, mem, smp, arguments).
MORE = {
    "numa-bridges-smbios": ("pc", "5G", "4", [
        "-object", "memory-backend-ram,id=m0,size=1G",
        "-object", "memory-backend-ram,id=m1,size=4G",
        "-numa", "node,memdev=m0,cpus=0-1",
        "-numa", "node,memdev=m1,cpus=2-3",
        "-device", "pci-bridge,id=b1,chassis_nr=8",
        "-device", "pci-bridge,id=b2,bus=b1,addr=4,chassis_nr=9",
        "-device", "e1000,bus=b2,addr=3,romfile=",
        "-device", "pxb,id=p,bus_nr=100",
        "-device", "e1000,bus=p,addr=1,romfile=",
        "-uuid", "12345678-1234-1234-1234-123456789abc",
        "-smbios", "type=1,manufacturer=M,product=P,version=1,serial=S,"
        "sku=K,family=F",
        "-smbios", "type=2,manufacturer=M,product=B,asset=A,location=L",
        "-smbios", "type=3,manufacturer=C,serial=T,sku=U",
        "-smbios", "type=4,sock_pfx=X,manufacturer=Y,part=Z",
        "-smbios", "type=11,value=one,value=two",
        "-smbios", "type=17,loc_pfx=D,bank=E,speed=2666,part=Q"]),
    "dimm-bridges-smbios-3": ("q35", "4G,maxmem=16G,slots=4", "2,maxcpus=8", [
        "-object", "memory-backend-ram,id=m,size=1G",
        "-device", "pc-dimm,memdev=m",
        "-device", "pcie-root-port,id=r1,chassis=1,slot=1",
        "-device", "pcie-root-port,id=r2,chassis=2,slot=2,"
        "mem-reserve=32M,pref64-reserve=1G,io-reserve=4k",
        "-device", "pcie-pci-bridge,id=b1,bus=r1",
        "-device", "pci-bridge,id=b2,bus=b1,addr=2,chassis_nr=9",
        "-device", "e1000,bus=b2,addr=3,romfile=",
        "-device", "pxb-pcie,id=p,bus_nr=100",
        "-device", "pcie-root-port,id=r3,bus=p,chassis=3,slot=3",
        "-device", "virtio-net-pci,bus=r3,romfile=",
        "-machine", "q35,smbios-entry-point-type=64",
        "-smbios", "type=0,vendor=V,version=W,date=01/02/2026,uefi=on"]),
    "large-bar": ("q35", "2G", "1", [
        "-object", "memory-backend-ram,id=s,size=8G,reserve=off,share=on",
        "-device", "ivshmem-plain,memdev=s",
        "-cpu", "qemu64,phys-bits=42"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_same_with(generic, seabios_dump, name):
    machine, mem, smp, args = MORE[name]
    options = dict(disk="ide" if machine == "pc" else "ahci", mem=mem,
                   smp=smp, args=args, load=True)
    differ(generic.boot_and_dump(machine, **options),
           seabios_dump(machine, **options))


# Every comparison of one machine in one test: a boot takes ten seconds.
def test_same_as_seabios(pair):
    differ(*pair)


def differ(ours, theirs):
    problems = []
    for check in (memory_map, acpi, smbios, pci, processors, area,
                  warnings):
        problems += [f"{check.__name__}: {p}" for p in check(ours, theirs)]
    assert not problems, "\n".join(
        [f"{len(problems)} differences (ours, SeaBIOS's)"] + problems
        + ["command: " + ours["argv"].decode()])


def e820(dump):
    """[(start, end, type)] of /sys/firmware/memmap."""
    entry = {}
    for line in dump["memmap"].decode().splitlines():
        path, _, value = line.partition(":")
        number, name = path.split("/")[-2:]
        entry.setdefault(int(number), {})[name] = value
    return sorted((int(e["start"], 16), int(e["end"], 16) + 1, e["type"])
                  for e in entry.values())


def memory_map(ours, theirs):
    yield from same_map(e820(ours), e820(theirs))


def same_map(a, b):
    """The same entries; a limit inside RAM may move by 128 KiB below 1 MiB
    and by 512 KiB above."""
    def text(entries):
        return "".join(f"\n    {s:#x}-{e:#x} {t}" for s, e, t in entries)

    if [x[2] for x in a] != [x[2] for x in b]:
        yield f"other entries:{text(a)}\n  SeaBIOS:{text(b)}"
        return
    for x, y in zip(a, b):
        for i in (0, 1):
            slack = 0x20000 if y[i] <= 0x100000 else 0x80000
            if abs(x[i] - y[i]) > slack or (y[i] in (0x100000, 1 << 32)
                                            and x[i] != y[i]):
                yield f"{x} where SeaBIOS has {y}"


QUICK = "1T", "numa", "below-4g", "tseg"


# What Linux under TCG has no room or no time for.
@pytest.mark.parametrize("name", [
    *QUICK, *(pytest.param(name, marks=pytest.mark.slow)
              for name in MEMORY if name not in (*QUICK, "4M"))])
def test_e820(bios, tmp_path, name):
    """INT 15h AX=E820h beside SeaBIOS's, from a boot sector."""
    machine, mem, args = MEMORY[name]
    machine, _, options = machine.partition(",")
    disk = assemble("e820", tmp_path)
    maps = []
    for who, firmware in (("ours", bios), ("seabios", vm.SEABIOS)):
        argv = vm.qemu_argv(
            firmware, machine, mem=mem, smp=2,
            machine_options="," + options if options else "", args=args + [
                "-drive", f"if=none,id=d,format=raw,file={disk},snapshot=on",
                "-device", BLK, "-device", "isa-debug-exit,iobase=0x501"])
        with vm.Machine(argv, tmp_path / who) as m:
            finished(m)
            maps.append([
                (base, base + length, kind) for base, length, kind in (
                    (int(x, 16) for x in line.split()[1:])
                    for line in m.debug().decode(errors="replace").split("\n")
                    if line.startswith("entry "))])
    assert len(maps[1]) > 3
    problems = list(same_map(*maps))
    assert not problems, "\n".join(problems)


def tables(dump):
    return {name[5:]: data for name, data in dump.items()
            if name.startswith("acpi/")}


# Fields that are addresses: {table: [(offset, size)]}; the checksum is 9.
ADDRESSES = {"FACP": [(36, 8), (132, 16)], "TPM2": [(68, 8)],
             "FACS": [(8, 4), (12, 4)]}


def acpi(ours, theirs):
    a, b = tables(ours), tables(theirs)
    if sorted(a) != sorted(b):
        yield f"tables {sorted(a)}, SeaBIOS {sorted(b)}"
    for name in sorted(set(a) & set(b)):
        if name != "FACS" and sum(a[name]) & 0xff:
            yield f"{name}: checksum is wrong"
        x, y = bytearray(a[name]), bytearray(b[name])
        if len(x) != len(y):
            yield f"{name}: {len(x)} bytes, SeaBIOS {len(y)}"
            continue
        for at, size in ADDRESSES.get(name, []) + [(9, 1)]:
            x[at:at + size] = y[at:at + size] = bytes(size)
        if name in ("DSDT", "SSDT"):
            continue            # holds the PCI windows that were chosen
        differ = [i for i in range(len(x)) if x[i] != y[i]]
        if differ:
            yield f"{name}: bytes differ at {differ[:8]}: " \
                f"{x.hex()} {y.hex()}"


def structures(dump):
    """{type: [(formatted area without handle, strings)]}."""
    data, at, found = dump["dmi/DMI"], 0, {}
    while at + 4 <= len(data):
        kind, length = data[at], data[at + 1]
        end = data.index(b"\0\0", at + length) + 2
        strings = data[at + length:end].rstrip(b"\0").split(b"\0")
        found.setdefault(kind, []).append(
            (bytes(data[at + 4:at + length]), strings))
        if kind == 127:
            break
        at = end
    return found


def smbios(ours, theirs):
    a, b = structures(ours), structures(theirs)
    if sorted(a) != sorted(b):
        yield f"types {sorted(a)}, SeaBIOS {sorted(b)}"
    for kind in sorted(set(a) & set(b) - {0}):
        if a[kind] != b[kind]:
            yield f"type {kind}: {a[kind]} SeaBIOS {b[kind]}"
    x, y = (d["dmi/smbios_entry_point"] for d in (ours, theirs))
    if x[:4] != y[:4] or len(x) != len(y):
        yield f"entry point {x.hex()} SeaBIOS {y.hex()}"


# A header's fields that the firmware decides, and how they compare.
COMMAND, LINE, PIN, BRIDGE_LIMITS = 4, 0x3c, 0x3d, 0x18
STATUS_BITS_OF_COMMAND = 0x547      # enables, parity, SERR, INTx


def resources(text):
    """[(size, flags)] of the sysfs resource file."""
    for line in text.splitlines():
        start, end, flags = (int(w, 16) for w in line.split())
        yield (end - start + 1 if end else 0, flags & 0xffffffff, start)


def pci(ours, theirs):
    def devices(dump):
        return sorted({n.split("/")[1] for n in dump
                       if n.startswith("pci/")})
    if devices(ours) != devices(theirs):
        yield f"devices {devices(ours)}, SeaBIOS {devices(theirs)}"
    for name in sorted(set(devices(ours)) & set(devices(theirs))):
        x, y = (d[f"pci/{name}/config"] for d in (ours, theirs))
        a = struct.unpack_from("<H", x, COMMAND)[0] & STATUS_BITS_OF_COMMAND
        b = struct.unpack_from("<H", y, COMMAND)[0] & STATUS_BITS_OF_COMMAND
        if a != b:
            yield f"{name}: command {a:04x}, SeaBIOS {b:04x}"
        if x[LINE] != y[LINE]:
            yield f"{name}: IRQ {x[LINE]}, SeaBIOS {y[LINE]}"
        r, s = (list(resources(d[f"pci/{name}/resource"].decode()))
                for d in (ours, theirs))
        for i, (p, q) in enumerate(zip(r, s)):
            if p[:2] != q[:2]:
                yield f"{name}: resource {i} is {p}, SeaBIOS {q}"
            elif p[0] and p[2] % p[0] and i < 6:
                yield f"{name}: resource {i} is not aligned: {p[2]:#x}"


def processors(ours, theirs):
    a, b = (d["cpuinfo"].count(b"\nprocessor") for d in (ours, theirs))
    if a != b:
        yield f"{a} more processors than one, SeaBIOS {b}"
    if ours["mtrr"] != theirs["mtrr"]:
        yield f"MTRRs {ours['mtrr'].decode()!r}, SeaBIOS " \
            f"{theirs['mtrr'].decode()!r}"
    for d in (ours, theirs):
        d["mp"] = b"found SMP MP-table" in d["dmesg"]
    if ours["mp"] != theirs["mp"]:
        yield "Linux finds " + ("an MP table" if ours["mp"]
                                else "no MP table")
    if ours["power_state"] != theirs["power_state"]:
        yield f"sleep states {ours['power_state']}, " \
            f"SeaBIOS {theirs['power_state']}"


BIOS_AREA = 0xe0000


def anchored(data, anchor, length=None):
    """Structures of the BIOS area by their anchor, at paragraphs, whose bytes
    add up to 0.  length: of (area, offset)."""
    for at in range(0, len(data), 16):
        if data.startswith(anchor, at):
            whole = data[at:at + length(data, at)]
            if not sum(whole) & 0xff:
                yield whole


def mp_table(data):
    """(features, header without address, entries) of the MP table (MP
    Specification 1.4, 4); None: there is none."""
    for pointer in anchored(data, b"_MP_", lambda d, at: d[at + 8] * 16):
        at = struct.unpack_from("<I", pointer, 4)[0] - BIOS_AREA
        assert 0 <= at < len(data), f"MP table at {at + BIOS_AREA:#x}"
        size, count = struct.unpack_from("<H", data, at + 4)[0], \
            struct.unpack_from("<H", data, at + 34)[0]
        table = data[at:at + size]
        assert table[:4] == b"PCMP" and not sum(table) & 0xff, table[:44]
        entries, at = [], 44
        for _ in range(count):
            size = 20 if table[at] == 0 else 8
            entries.append(table[at:at + size].hex())
            at += size
        assert at == len(table), "entries do not fill the table"
        return pointer[11:16].hex(), table[36:40].hex(), entries
    return None


def routing(data):
    """(the router, {(bus, device): (pins, slot)}) of $PIR (PCI IRQ Routing
    Table Specification 1.0)."""
    for table in anchored(data, b"$PIR", lambda d, at: struct.unpack_from(
            "<H", d, at + 6)[0]):
        slots = {}
        for at in range(32, len(table), 16):
            pins = [struct.unpack_from("<BH", table, at + 2 + 3 * i)
                    for i in range(4)]
            slots[table[at], table[at + 1]] = pins, table[at + 14]
        return table[8:10].hex(), table[10:16].hex(), slots
    return None


def services(data):
    """Which entry points there are; version 2's beside version 3's is ours."""
    found = sorted(name.decode() for name, length in (
        (b"_32_", lambda d, at: d[at + 9] * 16),
        (b"$PnP", lambda d, at: d[at + 5]),
        (b"RSD PTR ", lambda d, at: 20),
        (b"_SM_", lambda d, at: d[at + 5]),
        (b"_SM3_", lambda d, at: d[at + 6]))
        if list(anchored(data, name, length)))
    return [x for x in found if x != "_SM_" or "_SM3_" not in found]


def area(ours, theirs):
    a, b = (d["bios-area"] for d in (ours, theirs))
    for name, read in (("MP table", mp_table), ("$PIR", routing),
                       ("entry points", services)):
        x, y = read(a), read(b)
        if x != y or not x:
            yield f"{name} {x}\n  SeaBIOS {y}"


def plain(line):
    """A kernel message without what differs from boot to boot."""
    line = re.sub(r"^<\d+>\[ *[\d.]+\] ", "", line)
    return re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,16}\b|\d+", "#", line)


# What a busy host does to an emulated machine's clocks, under any firmware.
# (How the 8254 is wired, the kernel knows from QEMU's MADT, not from us.)
HOST_IS_BUSY = re.compile(
    r"hpet: Lost|calibration|clocksource|[Cc]lockevent|TSC|tsc:|"
    r"8254 timer not connected|perf: interrupt took|rcu:|Measured .* cycles|hrtimer")


def warnings(ours, theirs):
    """Kernel messages of level warning or worse, and what Linux says about
    firmware, that SeaBIOS does not cause."""
    def lines(dump):
        text = dump["warnings"].decode(errors="replace").splitlines()
        text += [x for x in dump["dmesg"].decode(errors="replace")
                 .splitlines() if re.search(r"(?i)firmware bug|bios bug|"
                                            r"\[Firmware|can't claim", x)]
        # Of a warning's text, what names the firmware or depends on KASLR.
        return [x for x in text if "Hardware name:" not in x and
                " Code: " not in x]
    known = {plain(x) for x in lines(theirs)}
    for line in lines(ours):
        if plain(line) not in known and not HOST_IS_BUSY.search(line):
            yield f"Linux says: {line}"

# SPDX-License-Identifier: MIT
"""The boot matrix: every device, bus and switch that people boot from, on a
boot sector that ends QEMU (fast), and real loaders and kernels (slow).

Each fast case has a decoy: a disk that boots if the device under test does
not.  Run with BIOS= to see what another firmware does with a case.
"""

import struct

import pytest

import vm

PICKED, DECOY = 0x21, 0x11      # what the boot sectors write to port 501h
DISK = 1 << 20


def status(code):
    """QEMU's exit status when a guest writes code to isa-debug-exit."""
    return code << 1 | 1


def sector(code):
    """A boot sector that writes code to port 501h, with an MBR's table."""
    data = bytearray(512)
    data[:9] = bytes([0xba, 0x01, 0x05,         # mov dx, 501h
                      0xb0, code, 0xee,         # mov al, code; out dx, al
                      0xf4, 0xeb, 0xfd])        # hlt; jmp to the hlt
    struct.pack_into("<B3sB3sII", data, 0x1be, 0x80, b"\xfe\xff\xff", 0x83,
                     b"\xfe\xff\xff", 1, DISK // 512 - 1)
    data[510:] = b"\x55\xaa"
    return bytes(data)


def image(path, code=PICKED, size=DISK):
    with open(path, "wb") as file:
        file.write(sector(code))
        file.truncate(size)
    return path


def drive(name, path, extra=""):
    return ["-drive", f"if=none,id={name},format=raw,file={path},"
            f"snapshot=on{extra}"]


def devices(*lines):
    return [word for line in lines for word in ("-device", line)]


@pytest.fixture
def boots(bios, tmp_path):
    """Start a machine with the decoy and the case's arguments; it must end
    with that code, and QEMU itself must not complain."""
    def go(args, machine="q35", code=PICKED, decoy=True, limit=60, **kwargs):
        line = list(args)
        if decoy:
            line += drive("decoy", image(tmp_path / "decoy", DECOY)) + \
                devices("ide-hd,drive=decoy,bus=ide.0,bootindex=9")
        line += devices("isa-debug-exit,iobase=0x501,iosize=1")
        machine, _, options = machine.partition(",")
        argv = vm.qemu_argv(bios, "q35" if "q35" in machine else "pc",
                            args=line, **kwargs)
        at = argv.index("-machine") + 1
        argv[at] = machine + argv[at][argv[at].index(","):] + \
            ("," + options if options else "")
        with vm.Machine(argv, tmp_path / "run") as m:
            got = m.wait(limit)
            if got != status(code):
                what = {status(PICKED): "the device under test booted",
                        status(DECOY): "the decoy booted instead"}
                pytest.fail(m.report(what.get(
                    got, f"QEMU ended with {got}")), pytrace=False)
            return m.debug().decode(errors="replace")
    return go


ROOT_PORT = "pcie-root-port,id=r,chassis=1,slot=1"
BLK = "virtio-blk-pci,drive=d,bootindex=1"
SCSI = "virtio-scsi-pci,id=s"
HD = "scsi-hd,drive=d,bootindex=1"
slow = pytest.mark.slow

# name: (machine, devices); the disk under test is drive d.
DISKS = {
    "virtio-pc": ("pc", [BLK]),
    "virtio-q35": ("q35", [BLK]),
    "virtio-legacy": ("pc", [BLK + ",disable-modern=on"]),
    "virtio-modern": ("pc", [BLK + ",disable-legacy=on"]),
    "virtio-packed": ("q35", [BLK + ",packed=on"]),
    "virtio-many-queues": ("q35", [BLK + ",num-queues=4,queue-size=1024"]),
    "virtio-root-port": ("q35", [ROOT_PORT, BLK + ",bus=r"]),
    "virtio-root-port-no-hotplug": (
        "q35", [ROOT_PORT + ",hotplug=off", BLK + ",bus=r"]),
    "virtio-root-port-reserve": (
        "q35", [ROOT_PORT + ",io-reserve=4k,mem-reserve=32M,"
                "pref64-reserve=64M,bus-reserve=4", BLK + ",bus=r"]),
    "virtio-switch": (
        "q35", [ROOT_PORT, "x3130-upstream,id=u,bus=r",
                "xio3130-downstream,id=n,bus=u,chassis=2,slot=2",
                BLK + ",bus=n"]),
    "virtio-pcie-pci-bridge": (
        "q35", [ROOT_PORT, "pcie-pci-bridge,id=b,bus=r",
                BLK + ",bus=b,addr=3"]),
    "virtio-dmi-bridge": (
        "q35", ["i82801b11-bridge,id=i",
                "pci-bridge,id=b,bus=i,chassis_nr=3", BLK + ",bus=b,addr=3"]),
    "virtio-pci-bridge": (
        "pc", ["pci-bridge,id=b,chassis_nr=3", BLK + ",bus=b,addr=3"]),
    "virtio-three-bridges": (
        "pc", ["pci-bridge,id=b1,chassis_nr=3",
               "pci-bridge,id=b2,bus=b1,addr=2,chassis_nr=4",
               "pci-bridge,id=b3,bus=b2,addr=2,chassis_nr=5",
               BLK + ",bus=b3,addr=3"]),
    "virtio-pxb": ("pc", ["pxb,id=p,bus_nr=128", BLK + ",bus=p,addr=3"]),
    "virtio-pxb-pcie": (
        "q35", ["pxb-pcie,id=p,bus_nr=128", ROOT_PORT + ",bus=p",
                BLK + ",bus=r"]),
    "virtio-two-pxb": (
        "q35", ["pxb-pcie,id=p1,bus_nr=64", "pxb-pcie,id=p2,bus_nr=200,bus=pcie.0",
                "pcie-root-port,id=o,bus=p1,chassis=2,slot=2",
                ROOT_PORT + ",bus=p2", BLK + ",bus=r"]),
    "virtio-8-functions": (
        "q35", [f"pcie-root-port,id=r{i},chassis={i},slot={i},addr=4.{i},"
                "multifunction=on" for i in range(8)] + [BLK + ",bus=r5"]),
    "virtio-24-root-ports": (
        "q35", [f"pcie-root-port,id=r{i},chassis={i},slot={i}"
                for i in range(24)] + [BLK + ",bus=r20"]),
    "virtio-iommu-platform": (
        "q35", ["virtio-iommu-pci", BLK + ",disable-legacy=on,"
                "iommu_platform=on"]),
    "virtio-scsi-pc": ("pc", [SCSI, HD]),
    "virtio-scsi-q35": ("q35", [SCSI, HD]),
    "virtio-scsi-root-port": ("q35", [ROOT_PORT, SCSI + ",bus=r", HD]),
    "virtio-scsi-last": ("q35", [SCSI, HD + ",scsi-id=255,lun=16383"]),
    "virtio-scsi-lun": ("pc", [SCSI, HD + ",scsi-id=3,lun=7"]),
    **{f"{name}-{machine}": (machine, [f"{name},id=s", f"{HD},scsi-id=1"])
       for machine in ("pc", "q35")
       for name in ("lsi53c895a", "lsi53c810", "pvscsi", "megasas",
                    "megasas-gen2")},
    "lsi-lun": ("pc", ["lsi53c895a,id=s", HD + ",scsi-id=6,lun=5"]),
    "lsi-bridge": ("q35", ["i82801b11-bridge,id=i",
                           "lsi53c895a,id=s,bus=i,addr=4", HD]),
    "pvscsi-last": ("q35", ["pvscsi,id=s", HD + ",scsi-id=63"]),
    "megasas-root-port": ("q35", [ROOT_PORT, "megasas-gen2,id=s,bus=r", HD]),
    "ide-slave": ("pc", ["ide-hd,bus=ide.1,unit=1,drive=d,bootindex=1"]),
    "ide-second-controller": (
        "q35", ["piix3-ide,id=p", "ide-hd,bus=p.0,drive=d,bootindex=1"]),
    "ahci-pc": ("pc", ["ahci,id=a", "ide-hd,bus=a.3,drive=d,bootindex=1"]),
    "ahci-q35": ("q35", ["ide-hd,bus=ide.5,drive=d,bootindex=1"]),
    "ahci-root-port": ("q35", [ROOT_PORT, "ahci,id=a,bus=r",
                               "ide-hd,bus=a.3,drive=d,bootindex=1"]),
    "nvme-pc": ("pc", ["nvme,drive=d,serial=1,bootindex=1"]),
    "nvme-q35": ("q35", ["nvme,drive=d,serial=1,bootindex=1"]),
    "nvme-root-port": ("q35", [ROOT_PORT, "nvme,drive=d,serial=1,bus=r,"
                               "bootindex=1"]),
    "nvme-namespace": ("q35", ["nvme,serial=1,id=n",
                               "nvme-ns,drive=d,bus=n,bootindex=1"]),
}
RARE_DISKS = {
    "virtio-legacy", "virtio-modern", "virtio-many-queues",
    "virtio-root-port-no-hotplug", "virtio-dmi-bridge", "virtio-pci-bridge",
    "virtio-8-functions", "virtio-scsi-lun", "ahci-pc", "ide-second-controller",
    "virtio-iommu-platform", "nvme-pc", "lsi53c895a-q35", "lsi53c810-pc",
    "lsi53c810-q35", "megasas-pc", "megasas-gen2-pc", "pvscsi-pc", "lsi-lun",
    "megasas-root-port", "pvscsi-last",
}


def cases(table, rare=()):
    return [pytest.param(name, marks=slow) if name in rare else name
            for name in table]


@pytest.mark.parametrize("name", cases(DISKS, RARE_DISKS))
def test_disk(boots, tmp_path, name):
    """bootindex puts the disk before the decoy."""
    machine, lines = DISKS[name]
    boots(drive("d", image(tmp_path / "disk")) + devices(*lines), machine)


@pytest.mark.parametrize("kib", [
    pytest.param(160, marks=slow), pytest.param(320, marks=slow), 360, 720,
    pytest.param(1200, marks=slow), 1440, pytest.param(1680, marks=slow),
    2880])
@pytest.mark.parametrize("machine", ["pc", pytest.param("q35", marks=slow)])
def test_floppy_format(boots, tmp_path, machine, kib):
    """The drive is what QEMU makes of the image's size."""
    path = image(tmp_path / "floppy", size=kib << 10)
    boots(drive("d", path) + devices("isa-fdc,id=f,bootindexA=1",
                                     "floppy,drive=d,unit=0")
          if machine == "q35" else
          drive("d", path) + ["-global", "isa-fdc.bootindexA=1"]
          + devices("floppy,drive=d,unit=0"), machine)


@pytest.mark.parametrize("kind,kib", [
    ("144", 720), pytest.param("144", 360, marks=slow),
    pytest.param("120", 720, marks=slow), pytest.param("288", 1440, marks=slow),
    pytest.param("144", 2880, marks=slow)])
def test_floppy_in_a_larger_drive(boots, tmp_path, kind, kib):
    path = image(tmp_path / "floppy", size=kib << 10)
    boots(drive("d", path) + devices(f"floppy,drive=d,unit=0,drive-type={kind}"),
          "pc", decoy=False)


def test_second_floppy(boots, tmp_path):
    boots(drive("d", image(tmp_path / "floppy", size=1440 << 10))
          + devices("floppy,unit=0", "floppy,drive=d,unit=1")
          + ["-global", "isa-fdc.bootindexB=1"], "pc")


# Processors without CMOV, without CPUID's newer leaves, and large ones.
@pytest.mark.parametrize("cpu", [
    "486", "pentium", pytest.param("pentium3", marks=slow),
    pytest.param("qemu32", marks=slow), pytest.param("n270", marks=slow),
    "max", pytest.param("EPYC", marks=slow),
    pytest.param("Skylake-Server", marks=slow)])
def test_cpu(boots, tmp_path, cpu):
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK)
          + ["-cpu", cpu], "pc", smp=2)


@pytest.mark.parametrize("machine,smp", [
    ("pc", "8"), ("q35", "4,sockets=2,dies=2,cores=3,threads=2,maxcpus=24"),
    ("q35", "1,maxcpus=64"), pytest.param("q35", "64", marks=slow),
    pytest.param("pc", "64", marks=slow), pytest.param("q35", "255", marks=slow),
    pytest.param("pc", "255", marks=slow)])
def test_smp(boots, tmp_path, machine, smp):
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK), machine,
          smp=smp, limit=300)


TIB = ["-object", "memory-backend-ram,id=m,size=1T,reserve=off",
       "-cpu", "qemu64,phys-bits=48"]
MEMORY = {
    "8M": ("pc", "8M", []),
    "32M": ("q35", "32M", []),
    "3G": ("pc", "3G", []),
    "4G": ("q35", "4G", []),
    "1T": ("q35,memory-backend=m", "1T", TIB),
    "slots": ("q35", "8G,maxmem=1T,slots=2", ["-cpu", "qemu64,phys-bits=48"]),
    "dimm": ("pc", "1G,maxmem=8G,slots=4",
             ["-object", "memory-backend-ram,id=m,size=1G"]
             + devices("pc-dimm,memdev=m")),
    "nvdimm": ("q35,nvdimm=on", "1G,maxmem=8G,slots=4",
               ["-object", "memory-backend-ram,id=m,size=1G"]
               + devices("nvdimm,memdev=m")),
    "virtio-mem": ("q35", "1G,maxmem=8G,slots=4",
                   ["-object", "memory-backend-ram,id=m,size=1G"]
                   + devices("virtio-mem-pci,memdev=m")),
    "numa": ("q35", "6G",
             ["-object", "memory-backend-ram,id=m0,size=1G",
              "-object", "memory-backend-ram,id=m1,size=5G",
              "-numa", "node,memdev=m0", "-numa", "node,memdev=m1"]),
    "below-4g": ("q35,max-ram-below-4g=1G", "4G", []),
}


@pytest.mark.parametrize("name", cases(MEMORY, {"32M", "slots", "virtio-mem",
                                                "below-4g", "4G"}))
def test_memory(boots, tmp_path, name):
    machine, mem, args = MEMORY[name]
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK) + args, machine,
          mem=mem, smp=2)


@pytest.mark.parametrize("machine", [
    "pc-i440fx-2.0", "pc-q35-2.4", "q35,hpet=off", "q35,acpi=off",
    "pc,i8042=off"] + [pytest.param(m, marks=slow) for m in (
        "pc-i440fx-1.4", "pc-i440fx-2.4", "pc-i440fx-2.9", "pc-i440fx-5.0",
        "pc-i440fx-7.2", "pc-q35-2.9", "pc-q35-4.0", "pc-q35-6.0",
        "pc-q35-7.2", "q35,pit=off", "q35,smm=off", "q35,vmport=off",
        "q35,usb=on", "q35,i8042=off", "pc,acpi=off", "pc,graphics=off")])
def test_machine(boots, tmp_path, machine):
    """Old machine types, and machines without one of their devices."""
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK), machine)


@pytest.mark.parametrize("args", [
    ["-icount", "shift=auto"], ["-rtc", "base=2000-01-01"]],
    ids=["icount", "old-clock"])
def test_time(boots, tmp_path, args):
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK) + args, "pc")


@pytest.mark.parametrize("lines", [
    [BLK], ["virtio-scsi-pci", HD], ["ide-hd,drive=d,bus=ide.3,bootindex=1"],
    ["nvme,drive=d,serial=1,bootindex=1"]],
    ids=["virtio", "virtio-scsi", "ahci", "nvme"])
def test_3_tib(boots, tmp_path, lines):
    boots(drive("d", image(tmp_path / "disk", size=3 << 40))
          + devices(*lines))


@pytest.mark.parametrize("lines", [
    [BLK], ["virtio-scsi-pci", HD], ["nvme,drive=d,serial=1,bootindex=1"]],
    ids=["virtio", "virtio-scsi", "nvme"])
def test_4_kib_sectors(boots, tmp_path, lines):
    """A BIOS has 512-byte sectors only: said so, and the next device boots."""
    lines = [x + ",logical_block_size=4096,physical_block_size=4096"
             if "drive=d" in x else x for x in lines]
    text = boots(drive("d", image(tmp_path / "disk")) + devices(*lines),
                 code=DECOY)
    assert "cannot be booted from by a BIOS" in text

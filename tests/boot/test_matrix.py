# SPDX-License-Identifier: MIT
"""The boot matrix: every device, bus and switch that people boot from, on a
boot sector that ends QEMU (fast), and real loaders and kernels (slow).

Each fast case has a decoy: a disk that boots if the device under test does
not.  Run with BIOS= to see what another firmware does with a case.

Long because it is one table of devices, with what makes each of them.
"""

import pathlib
import shutil
import struct
import subprocess
import time

import pytest

import vm
from needs import machine_type, needed

RM = pathlib.Path(__file__).resolve().parent.parent / "rm"
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
    "lsi-last": ("pc", ["lsi53c895a,id=s", HD + ",scsi-id=6"]),
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
    "nvme-subsys": ("q35", ["nvme-subsys,id=y", "nvme,serial=1,subsys=y,id=n",
                            "nvme-ns,drive=d,bus=n,nsid=7,bootindex=1"]),
}
RARE_DISKS = {
    "virtio-legacy", "virtio-modern", "virtio-many-queues",
    "virtio-root-port-no-hotplug", "virtio-dmi-bridge", "virtio-pci-bridge",
    "virtio-8-functions", "virtio-scsi-lun", "ahci-pc", "ide-second-controller",
    "virtio-iommu-platform", "nvme-pc", "lsi53c895a-q35", "lsi53c810-pc",
    "lsi53c810-q35", "megasas-pc", "megasas-gen2-pc", "pvscsi-pc", "lsi-last",
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


# Devices that boot, but whose bootindex cannot be seen: QEMU's path of an
# empty expander bus counts.
UNSEEN = {
    "empty-pxb": ["pxb-pcie,id=p1,bus_nr=64",
                  "pxb-pcie,id=p2,bus_nr=200,bus=pcie.0",
                  ROOT_PORT + ",bus=p2", BLK + ",bus=r"],
}


@pytest.mark.parametrize("name", UNSEEN)
def test_disk_alone(boots, tmp_path, name):
    boots(drive("d", image(tmp_path / "disk")) + devices(*UNSEEN[name]),
          decoy=False)


def test_reserve_beyond_4_gib(boots, tmp_path, under_seabios):
    """A port's window that is too large to lie below 4 GiB takes the disk
    with it: said, and the next device."""
    if under_seabios:
        pytest.skip("KeelBIOS refuses what SeaBIOS boots")
    text = boots(drive("d", image(tmp_path / "disk")) + devices(
        ROOT_PORT + ",pref64-reserve=16G", BLK + ",bus=r"), code=DECOY)
    assert "registers not below 4 GiB, device ignored" in text


def test_left_out(boots, tmp_path):
    """Controllers without a driver of ours do no harm."""
    args = devices("sdhci-pci", "sd-card,drive=card", "pci-ohci,id=o",
                   "usb-storage,drive=stick,bus=o.0") + \
        drive("card", image(tmp_path / "card")) + \
        drive("stick", image(tmp_path / "stick"))
    for i, name in enumerate(("mptsas1068", "am53c974", "dc390")):
        args += devices(f"{name},id=c{i}", f"scsi-hd,drive=d{i},bus=c{i}.0") \
            + drive(f"d{i}", image(tmp_path / f"disk{i}"))
    boots(args, code=DECOY)


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
    "4M": ("pc", "4M", []),
    "8M": ("q35", "8M", []),
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
    "tseg": ("q35", "128M", ["-global", "mch.extended-tseg-mbytes=64"]),
}


# Those of them that tables::e820 boots, too, are slow here.
@pytest.mark.parametrize("name", cases(MEMORY, {
    "1T", "8M", "32M", "slots", "virtio-mem", "numa", "below-4g", "4G",
    "tseg"}))
def test_memory(boots, tmp_path, name):
    machine, mem, args = MEMORY[name]
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK) + args, machine,
          mem=mem, smp=2)


@pytest.mark.parametrize("mem", ["1M", "3M"])
def test_too_little_memory(bios, tmp_path, under_seabios, mem):
    """Said on port 402h; POST needs what SeaBIOS does without."""
    if under_seabios:
        pytest.skip("KeelBIOS refuses what SeaBIOS boots")
    argv = vm.qemu_argv(bios, mem=mem)
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"4 MiB of memory are the least \(-m 4M\)", 30)


@pytest.mark.parametrize("targets,luns,picked", [
    pytest.param(60, 1, 30, marks=slow), (100, 1, 99), (1, 40, 20)])
def test_many_disks(boots, tmp_path, targets, luns, picked):
    """Any one of them has the bootindex."""
    args = devices(SCSI) + drive("d", image(tmp_path / "disk"))
    other = image(tmp_path / "other", DECOY)
    for n in range(targets * luns):
        where = f",scsi-id={n // luns},lun={n % luns}"
        if n == picked:
            args += devices(HD + where)
        else:
            args += drive(f"x{n}", other) + \
                devices(f"scsi-hd,drive=x{n}" + where)
    boots(args)


@pytest.mark.parametrize("machine", [
    "pc-i440fx-2.0", "pc-q35-2.4", "q35,hpet=off", "q35,acpi=off",
    "pc,i8042=off"] + [pytest.param(m, marks=slow) for m in (
        "pc-i440fx-1.4", "pc-i440fx-2.4", "pc-i440fx-2.9", "pc-i440fx-5.0",
        "pc-i440fx-7.2", "pc-q35-2.9", "pc-q35-4.0", "pc-q35-6.0",
        "pc-q35-7.2", "q35,pit=off", "q35,smm=off", "q35,vmport=off",
        "q35,usb=on", "q35,i8042=off", "pc,acpi=off", "pc,graphics=off")])
def test_machine(boots, tmp_path, machine):
    """Old machine types, and machines without one of their devices."""
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK),
          machine_type(machine))


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_pflash(boots, tmp_path, machine):
    boots(drive("d", image(tmp_path / "disk")) + devices(BLK), machine,
          pflash=True)


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


# ------------------------------------------------------- CDs, in 512-byte form

CD_FORMS = {"no-emulation": 0, "1.2M": 1, "1.44M": 2, "2.88M": 3, "disk": 4}


def cd(path, media=0, segment=0, count=1, edit=None, boot=sector(PICKED)):
    """A CD with this boot image; edit changes the catalog."""
    data = bytearray(2048 * 24)
    data[16 * 2048:16 * 2048 + 6] = b"\1CD001"
    data[17 * 2048:17 * 2048 + 30] = b"\0CD001\1EL TORITO SPECIFICATION"
    struct.pack_into("<I", data, 17 * 2048 + 0x47, 20)
    catalog = bytearray(2048)
    catalog[0], catalog[30], catalog[31] = 1, 0x55, 0xaa
    catalog[32], catalog[33] = 0x88, media
    struct.pack_into("<HHHI", catalog, 34, segment, 0, count, 24)
    if edit:
        edit(catalog)
    catalog[28:30] = b"\0\0"
    struct.pack_into("<H", catalog, 28,
                     -sum(struct.unpack("<16H", catalog[:32])) & 0xffff)
    data[20 * 2048:21 * 2048] = catalog
    with open(path, "wb") as file:
        file.write(data + boot)
        file.truncate(len(data) + (3 << 20))
    return path


def second_entry(catalog):
    """The default entry cannot be booted; one of a section can."""
    catalog[32] = 0
    catalog[64], catalog[66] = 0x91, 2
    catalog[128] = 0x88
    struct.pack_into("<HI", catalog, 128 + 6, 1, 24)


def efi_first(catalog):
    """The default entry is for EFI, a section is for us."""
    catalog[1] = 0xef
    catalog[64], catalog[66] = 0x91, 1
    catalog[96] = 0x88
    struct.pack_into("<HI", catalog, 96 + 6, 1, 24)


def bios_then_efi(catalog):
    """As on every installation medium."""
    catalog[64], catalog[65], catalog[66] = 0x91, 0xef, 1
    catalog[96] = 0x88
    struct.pack_into("<HI", catalog, 96 + 6, 1, 22)


def never_ending(catalog):
    """Sections that go on for ever, and nothing to boot."""
    catalog[32] = 0
    for at in range(64, 2048, 32):
        catalog[at], catalog[at + 2] = 0x90, 0


CD_DRIVES = {
    "ide": ("pc", ["ide-cd,drive=d,bus=ide.1,bootindex=1"]),
    "ahci": ("q35", ["ide-cd,drive=d,bus=ide.2,bootindex=1"]),
    "ahci-pc": ("pc", ["ahci,id=a", "ide-cd,drive=d,bus=a.2,bootindex=1"]),
    "usb": ("q35", ["qemu-xhci", "usb-bot,id=b",
                    "scsi-cd,drive=d,bus=b.0,bootindex=1"]),
    **{hba: ("pc", [hba, "scsi-cd,drive=d,bootindex=1"])
       for hba in ("virtio-scsi-pci", "lsi53c895a", "pvscsi", "megasas")},
}


@pytest.mark.parametrize("name", cases(CD_DRIVES, {"ahci-pc", "pvscsi",
                                                   "megasas"}))
def test_cd(boots, tmp_path, name):
    machine, lines = CD_DRIVES[name]
    boots(drive("d", cd(tmp_path / "cd"), ",media=cdrom") + devices(*lines),
          machine)


@pytest.mark.parametrize("form", CD_FORMS)
def test_cd_form(boots, tmp_path, form):
    path = cd(tmp_path / "cd", CD_FORMS[form])
    boots(drive("d", path, ",media=cdrom") + devices(*CD_DRIVES["ahci"][1]))


@pytest.mark.parametrize("edit", [second_entry, efi_first, bios_then_efi])
def test_cd_catalog(boots, tmp_path, edit):
    boots(drive("d", cd(tmp_path / "cd", edit=edit), ",media=cdrom")
          + devices(*CD_DRIVES["ahci"][1]))


def test_cd_catalog_never_ends(boots, tmp_path):
    text = boots(drive("d", cd(tmp_path / "cd", edit=never_ending),
                       ",media=cdrom") + devices(*CD_DRIVES["ahci"][1]),
                 code=DECOY)
    assert "no entry for a PC BIOS" in text


def test_cd_load_segment(boots, tmp_path):
    boots(drive("d", cd(tmp_path / "cd", segment=0x1000, count=4),
                ",media=cdrom") + devices(*CD_DRIVES["ahci"][1]))


def program(tmp_path):
    path = tmp_path / "swapped.img"
    obj = tmp_path / "swapped.o"
    subprocess.run(["gcc", "-m32", "-c", RM / "swapped.S", "-o", obj],
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat",
                    "binary", "-o", path, obj], check=True)
    return path.read_bytes()


def tagged(path, tag):
    with open(path, "r+b") as file:
        file.seek((8 if path.suffix == ".floppy" else 32) * 512)
        file.write(tag)
    return path


SWAPPED = {
    "floppy": ("pc", ["floppy,drive=d,id=x"]),
    "ide": ("pc", ["ide-cd,drive=d,bus=ide.1,id=x"]),
    "ahci": ("q35", ["ide-cd,drive=d,bus=ide.2,id=x"]),
    "virtio-scsi": ("q35", ["virtio-scsi-pci", "scsi-cd,drive=d,id=x"]),
    "usb": ("q35", ["qemu-xhci", "usb-bot,id=b", "scsi-cd,drive=d,id=x"]),
    "pvscsi": ("pc", ["pvscsi", "scsi-cd,drive=d,id=x"]),
}


@pytest.mark.parametrize("name", cases(SWAPPED, {"virtio-scsi", "pvscsi"}))
def test_media_change(bios, tmp_path, name):
    """Reads behind a change of the medium see the new one."""
    machine, lines = SWAPPED[name]
    code = program(tmp_path)
    if name == "floppy":
        paths = [tmp_path / "a.floppy", tmp_path / "b.floppy"]
        for path in paths:
            path.write_bytes(code.ljust(1440 << 10, b"\0"))
        drive_args = drive("d", paths[0])
    else:
        paths = [cd(tmp_path / f"{x}.iso", count=len(code) // 512, boot=code)
                 for x in "ab"]
        drive_args = drive("d", paths[0], ",media=cdrom")
    for path, tag in zip(paths, (b"A", b"B")):
        tagged(path, tag)
    argv = vm.qemu_argv(bios, machine, mem="64M",
                        args=drive_args + devices(*lines))
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"^tag A$.*^swap$", 60)
        m.qmp("blockdev-change-medium", id="x", filename=str(paths[1]),
              format="raw", force=True)
        m.send("x")
        m.wait_debug(rb"^done$", 60)
        text = m.debug().decode(errors="replace")
        assert "\ntag B\n" in text and "\nFAIL" not in text, m.report(
            "not the new medium, or an error")


# ------------------------------------------------ disks without a bootindex

RANKS = {
    "ahci": ["ide-hd,drive={},bus=ide.3"],
    "virtio-scsi": ["virtio-scsi-pci,id=vs", "scsi-hd,drive={},bus=vs.0"],
    "virtio-blk": ["virtio-blk-pci,drive={}"],
    "lsi": ["lsi53c895a,id=ls", "scsi-hd,drive={},bus=ls.0"],
    "megasas": ["megasas,id=me", "scsi-hd,drive={},bus=me.0"],
    "pvscsi": ["pvscsi,id=pv", "scsi-hd,drive={},bus=pv.0"],
    "nvme": ["nvme,serial=1,drive={}"],
}


@pytest.mark.parametrize("first,second", zip(list(RANKS), list(RANKS)[1:]))
def test_first_without_bootindex(boots, tmp_path, first, second):
    """The kind decides, not the place on the bus (which is against it)."""
    args = drive("d", image(tmp_path / "disk")) + \
        drive("e", image(tmp_path / "other", DECOY))
    for kind, name in ((second, "e"), (first, "d")):
        args += devices(*(x.format(name) for x in RANKS[kind]))
    boots(args, decoy=False)


# --------------------------------------------- the command lines of people


LINES = {
    "hda": ("pc", lambda a, b: ["-hda", a, "-snapshot"]),
    "hda-q35": ("q35", lambda a, b: ["-hda", a, "-snapshot"]),
    "first-of-two": ("pc", lambda a, b: ["-hda", a, "-hdb", b, "-snapshot"]),
    "if-virtio": ("pc", lambda a, b: [
        "-drive", f"if=virtio,format=raw,file={a}", "-snapshot"]),
    "fda": ("pc", lambda a, b: [
        "-drive", f"if=floppy,format=raw,file={a}", "-snapshot"]),
    "fda-boot-a": ("pc", lambda a, b: [
        "-drive", f"if=floppy,format=raw,file={a}", "-hda", b, "-boot", "a",
        "-snapshot"]),
    "cdrom-boot-d": ("pc", lambda a, b: [
        "-cdrom", f"{a}.iso", "-hda", b, "-boot", "d", "-snapshot"]),
    "cdrom-order-dc": ("q35", lambda a, b: [
        "-cdrom", f"{a}.iso", "-hda", b, "-boot", "order=dc", "-snapshot"]),
    "cdrom-once": ("pc", lambda a, b: [
        "-cdrom", f"{a}.iso", "-hda", b, "-boot", "once=d", "-snapshot"]),
    "cdrom-only": ("q35", lambda a, b: ["-cdrom", f"{a}.iso"]),
}


@pytest.mark.parametrize("name", LINES)
def test_plain_line(bios, tmp_path, name):
    """As typed by hand: with all of QEMU's default devices."""
    machine, line = LINES[name]
    a, b = image(tmp_path / "a"), image(tmp_path / "b", DECOY)
    cd(tmp_path / "a.iso")
    argv = [vm.QEMU, "-M", machine, "-bios", str(bios), "-display", "none",
            "-nic", "none", *line(str(a), str(b)),
            *devices("isa-debug-exit,iobase=0x501,iosize=1")]
    done = subprocess.run(argv, timeout=60, check=False, capture_output=True,
                          text=True)
    assert done.returncode == status(PICKED), (
        f"QEMU ended with {done.returncode}, expected {status(PICKED)} "
        f"({status(DECOY)}: the other disk booted)\n{vm.shown(argv)}\n"
        + done.stderr)


def test_once_is_once(bios, tmp_path):
    """-boot once=d: after a reset the order is the usual one."""
    cd_path = cd(tmp_path / "cd")
    with open(cd_path, "r+b") as file:
        file.seek(24 * 2048)
        # out 2, out 6 to CF9h: reset, in place of the way out
        file.write(bytes([0xba, 0xf9, 0x0c, 0xb0, 0x02, 0xee, 0xb0, 0x06,
                          0xee, 0xf4, 0xeb, 0xfd]))
    argv = vm.qemu_argv(bios, "q35", args=[
        "-cdrom", cd_path, "-hda", image(tmp_path / "disk"), "-snapshot",
        "-boot", "once=d,order=c",
        *devices("isa-debug-exit,iobase=0x501,iosize=1")])
    with vm.Machine(argv, tmp_path / "run") as m:
        assert m.wait(60) == status(PICKED), m.report("no boot from the disk")
        assert b"Booting from DVD/CD" in m.debug()


def test_isapc_is_refused(bios, tmp_path, under_seabios):
    """No PCI, no PM timer: said on port 402h."""
    if under_seabios:
        pytest.skip("SeaBIOS's image of 256 KiB does not fit isapc")
    log = tmp_path / "log"
    argv = [vm.QEMU, "-M", "isapc", "-bios", str(bios), "-display", "none",
            "-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402"]
    end = time.monotonic() + 30
    with subprocess.Popen(argv) as process:
        while not (log.exists() and b"Stopped" in log.read_bytes()) and \
                process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    assert "this machine type is not supported" in log.read_text()


# ---------------------------------------------------------------- hot-plug

HOTPLUG = {
    "pc": ["-device", "pci-bridge,id=r,chassis_nr=3"],
    "q35": ["-device", ROOT_PORT + ",pref64-reserve=256M"],
}


@slow
@pytest.mark.parametrize("machine", HOTPLUG)
def test_hotplug(tests, machine):
    """What the firmware leaves is enough for what comes later: windows for a
    network card and a BAR of 128 MiB behind a port or bridge, the second
    processor, and memory."""
    big = machine == "q35"
    args = HOTPLUG[machine] + [
        "-object", "memory-backend-ram,id=s,size=128M,share=on",
        "-object", "memory-backend-ram,id=m,size=128M"]
    with tests.linux(machine, mem="256M,slots=2,maxmem=1G",
                     smp="1,sockets=2,maxcpus=2", args=args) as m:
        m.ready()
        before = int(m.command("grep -c ' System RAM' /proc/iomem"))
        m.qmp("device_add", driver="ivshmem-plain" if big else "e1000",
              id="new", bus="r", **{"memdev": "s"} if big else {"addr": "3"})
        m.qmp("device_add", driver="qemu64-x86_64-cpu", id="cpu",
              **{"socket-id": 1, "core-id": 0, "thread-id": 0,
                 **({"die-id": 0} if big else {})})
        m.qmp("device_add", driver="pc-dimm", id="dimm", memdev="m")
        # the name of the new function, once its largest BAR has an address
        m.command("until for d in /sys/bus/pci/devices/*; do "
                  "case $(readlink $d) in */*:*:*/*:*:*) "
                  f"awk 'NR == {3 if big else 1} && $1 !~ /^0x0*$/ "
                  "{found = 1} END {exit !found}' $d/resource && break;; "
                  "*) false;; esac; done; do sleep 1; done", 90)
        m.command("until echo 1 > /sys/devices/system/cpu/cpu1/online; do "
                  "sleep 1; done 2>/dev/null; grep -c ^processor "
                  "/proc/cpuinfo | grep -qx 2", 90)
        m.command("for f in /sys/devices/system/memory/memory*/state; do "
                  "echo online > $f; done 2>/dev/null; until [ $(grep -c "
                  f"' System RAM' /proc/iomem) -gt {before} ]; do sleep 1; "
                  "done", 90)
        m.send("reboot -f\n")           # POST with all of it
        m.ready()
        assert m.command("grep -c ^processor /proc/cpuinfo").strip() == "2"


# ------------------------------------------------- real loaders and kernels

KERNEL_LINE = "console=ttyS0,115200 panic=-1"
GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
MEMTEST = "/boot/memtest86+x64.bin"
XEN = "/boot/xen-4.*-amd64.gz"


def netboot():
    return needed("/usr/lib/debian-installer/images/1?/amd64/text/pxelinux.0",
                  "debian-installer-12-netboot-amd64").parent


@slow
@pytest.mark.parametrize("name", [
    "virtio-pc", "virtio-root-port", "virtio-pxb-pcie", "virtio-scsi-q35",
    "virtio-scsi-last", "lsi53c895a-pc", "pvscsi-q35", "megasas-q35",
    "ide-slave", "ahci-q35", "ahci-pc", "nvme-pc", "nvme-root-port",
    "nvme-namespace"])
def test_grub_linux(tests, name):
    """GRUB reads a kernel of 8 MiB and its initrd by INT 13h."""
    machine, lines = DISKS[name]
    with tests.machine(machine, None, args=drive(
            "d", tests.guest["disk.img"]) + devices(*lines)) as m:
        m.ready()


@slow
@pytest.mark.parametrize("name,loader", [
    (name, ("isolinux.iso", "grub.iso")[i % 2])
    for i, name in enumerate(CD_DRIVES) if name != "usb"])
def test_cd_linux(tests, name, loader):
    """USB's is in test_usb.py."""
    machine, lines = CD_DRIVES[name]
    with tests.machine(machine, None, args=drive(
            "d", tests.guest[loader], ",media=cdrom") + devices(*lines)) as m:
        m.ready()


@slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_isohybrid(tests, tmp_path, machine):
    """An installation medium copied to a USB stick or disk: isolinux's MBR."""
    mbr = needed("/usr/lib/ISOLINUX/isohdpfx.bin", "isolinux")
    tree = tmp_path / "tree"
    (tree / "isolinux").mkdir(parents=True)
    for name, source in (
            ("vmlinuz", tests.guest["vmlinuz"]),
            ("initramfs", tests.guest["initramfs"]),
            ("isolinux/isolinux.bin", "/usr/lib/ISOLINUX/isolinux.bin"),
            ("isolinux/ldlinux.c32",
             "/usr/lib/syslinux/modules/bios/ldlinux.c32")):
        shutil.copy(source, tree / name)
    (tree / "isolinux" / "isolinux.cfg").write_text(
        f"DEFAULT a\nLABEL a\nKERNEL /vmlinuz\nINITRD /initramfs\n"
        f"APPEND {KERNEL_LINE}\n")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-b",
                    "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
                    "-no-emul-boot", "-boot-load-size", "4",
                    "-boot-info-table", "-isohybrid-mbr", mbr, "-o",
                    tmp_path / "iso", tree], check=True)
    with tests.machine(machine, None, args=vm.disk(
            tmp_path / "iso", "virtio", machine)) as m:
        m.ready()


def grub_cd(tmp_path, config, files):
    """A CD with these files below /boot, and GRUB, which does config."""
    tree = tmp_path / "tree"
    (tree / "boot" / "grub").mkdir(parents=True)
    for name, source in files.items():
        shutil.copy(source, tree / "boot" / name)
    (tree / "boot" / "grub" / "grub.cfg").write_text("set timeout=0\n"
                                                     + config)
    subprocess.run(["grub-mkimage", "-O", "i386-pc-eltorito", "-p",
                    "/boot/grub", "-d", GRUB, "-o",
                    tree / "boot" / "grub" / "core.img", "biosdisk",
                    "iso9660", "linux", "linux16", "multiboot2", "gzio",
                    "normal"], check=True)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-b",
                    "boot/grub/core.img", "-no-emul-boot", "-boot-load-size",
                    "4", "-boot-info-table", "-o", tmp_path / "iso", tree],
                   check=True)
    return tmp_path / "iso"


@slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("way", ["grub", "kernel"])
def test_memtest(tests, tmp_path, machine, way):
    """It reads E820, ACPI and SMBIOS, and runs all processors."""
    line = "console=ttyS0,115200"
    args = ["-kernel", str(needed(MEMTEST, "memtest86+")), "-append", line]
    if way == "grub":
        args = vm.cdrom(grub_cd(
            tmp_path, f"linux /boot/memtest {line}\nboot\n",
            {"memtest": needed(MEMTEST, "memtest86+")}), machine)
    with tests.machine(machine, None, mem="128M", smp=2, args=args) as m:
        m.expect(rb"Memtest86\+", 90)
        m.expect(rb"127M|128M", 90, "the size of memory")
        m.expect(rb"[Pp]ass", 90)


@slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_xen(generic, tmp_path, machine):
    """Xen wants E820, the MP or ACPI tables and VGA; dom0 the rest.  The cloud
    kernel cannot be dom0."""
    iso = grub_cd(tmp_path, "multiboot2 /boot/xen.gz console=com1 "
                  "com1=115200,8n1\n"
                  "module2 /boot/vmlinuz console=hvc0 panic=-1\n"
                  "module2 /boot/initramfs\nboot\n",
                  {"xen.gz": needed(XEN, "xen-hypervisor-4.17-amd64"),
                   "vmlinuz": generic.guest["vmlinuz"],
                   "initramfs": generic.guest["initramfs"]})
    with generic.machine(machine, None, mem="1G", smp=2,
                       args=vm.cdrom(iso, machine)) as m:
        m.expect(rb"Xen version 4\.\d+", 90)
        m.expect(rb"\(XEN\) +\[?0000000000000000, 000000000009f", 90,
                 "the memory map")
        m.expect(rb"KEEL-READY", 240)


@slow
@pytest.mark.parametrize("card", ["e1000", "virtio-net-pci", "rtl8139"])
def test_pxelinux_linux(tests, tmp_path, card):
    """PXE: iPXE in the card's ROM, pxelinux, Debian's kernel."""
    boot = netboot()
    tree = tmp_path / "tftp"
    (tree / "pxelinux.cfg").mkdir(parents=True)
    for name, source in (("pxelinux.0", boot / "pxelinux.0"),
                         ("ldlinux.c32", boot / "ldlinux.c32"),
                         ("vmlinuz", tests.guest["vmlinuz"]),
                         ("initramfs", tests.guest["initramfs"])):
        shutil.copy(source, tree / name)
    (tree / "pxelinux.cfg" / "default").write_text(
        f"DEFAULT a\nLABEL a\nKERNEL vmlinuz\nINITRD initramfs\n"
        f"APPEND {KERNEL_LINE}\n")
    with tests.machine("q35", None, args=[
            "-netdev", f"user,id=n,tftp={tree},bootfile=pxelinux.0",
            "-device", f"{card},netdev=n,bootindex=1"]) as m:
        m.ready(300)


@slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_debian_installer(tests, tmp_path, machine):
    """The netboot image as it comes, told to use the serial console."""
    tree = tmp_path / "tftp"
    shutil.copytree(netboot(), tree, symlinks=False)
    config = tree / "pxelinux.cfg"
    if config.is_symlink() or config.exists():
        shutil.rmtree(config)
    config.mkdir()
    (config / "default").write_text(
        "DEFAULT a\nLABEL a\nKERNEL debian-installer/amd64/linux\n"
        "INITRD debian-installer/amd64/initrd.gz\n"
        "APPEND console=ttyS0,115200 vga=off ---\n")
    with tests.machine(machine, None, mem="1500M", args=[
            "-netdev", f"user,id=n,tftp={tree},bootfile=pxelinux.0",
            "-device", "e1000,netdev=n,bootindex=1"]) as m:
        m.expect(rb"Linux version", 240)
        m.expect(rb"(?i)select a language|choose language", 300)


@slow
@pytest.mark.parametrize("machine,mem,mib", [
    ("pc", "1G", 300), ("q35", "4G", 1200), ("q35", "2815M", 2650),
    ("pc", "5G", 2300), ("pc", "3580M", 3380)])
def test_large_initrd(tests, tmp_path, machine, mem, mib):
    """-kernel with an initrd of that size: the guest's, and zeros that the
    kernel skips.  QEMU wants it below 4 GiB, whole: the last one is as large
    as that can be."""
    initrd = tmp_path / "initrd"
    shutil.copy(tests.guest["initramfs"], initrd)
    with open(initrd, "r+b") as file:
        file.truncate(mib << 20)
    with tests.machine(machine, None, mem=mem, args=[
            "-kernel", str(tests.guest["vmlinuz"]), "-initrd", str(initrd),
            "-append", KERNEL_LINE]) as m:
        m.ready(300)

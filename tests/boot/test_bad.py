# SPDX-License-Identifier: MIT
"""Bad input: one clear line on the console and on port 402h, and the machine
goes on to its boot sector or stops with a message."""

import re
import struct

import pytest

import faketpm
import vm
from needs import machine_type

# The boot sector of clock.img ends QEMU with this status.
BOOTED = 0x63
EXIT = ["-device", "isa-debug-exit,iobase=0x501,iosize=1"]


def run(tests, args=(), machine="q35", message=None, disk="virtio", tpm=None,
        limit=30, quiet=None):
    """The machine reaches the boot sector; message is on both consoles."""
    args = list(args) + EXIT
    if disk:
        args += vm.disk(tests.guest["clock.img"], disk, machine, index=0)
    with tests.machine(machine, None, tpm=tpm, args=args, vga="std",
                       machine_options=",graphics=off") as m:
        status = m.wait(limit)
        assert status == BOOTED, m.report(
            f"QEMU ended with {status}, not by the boot sector")
        m.reader.join(5)
        for name, text in (("port 402h", m.debug()),
                           ("the console", bytes(m.serial))):
            if message and not re.search(message, text):
                pytest.fail(m.report(f"{name} says nothing like {message!r}"),
                            pytrace=False)
            found = quiet and re.search(quiet, text)
            if found:
                pytest.fail(m.report(f"{name} says {found[0]!r}"),
                            pytrace=False)


def fw_cfg(tests, **files):
    """Arguments that add fw_cfg files: name with / as __."""
    args = []
    for n, (name, data) in enumerate(files.items()):
        path = tests.tmp / f"fw_cfg{n}-{name[-8:]}"
        path.write_bytes(data)
        args += ["-fw_cfg", f"name={name.replace('__', '/')},file={path}"]
    return args


# ------------------------------------------------------------- disks and CDs

def failing_disk(path, kind, machine, events="read_aio"):
    drive = ("if=none,id=bad,snapshot=on,driver=raw,file.driver=blkdebug,"
             f"file.image.driver=file,file.image.filename={path},"
             f"file.inject-error.0.event={events},"
             "file.inject-error.0.errno=5")
    device = {"ide": "ide-hd,drive=bad,bus=ide.1",
              "virtio": "virtio-blk-pci,drive=bad"}[kind]
    return ["-drive", drive, "-device", device + ",bootindex=0"]


@pytest.mark.parametrize("machine,kind", [
    ("pc", "ide"), ("q35", "ide"), ("q35", "virtio")])
def test_disk_that_errors(tests, machine, kind):
    """Nothing else to boot: says so, in words, and stops."""
    args = failing_disk(tests.guest["clock.img"], kind, machine)
    with tests.machine(machine, None, args=args,
                       machine_options=",graphics=off") as m:
        m.expect(rb"(?i)could not read|read error|cannot be read|failed",
                 40, "a line about the failed read")
        m.expect(rb"(?i)no bootable device", 40)
        assert re.search(rb"(?i)no bootable device", m.debug())


def test_cd_after_disk_that_errors(tests):
    cd = vm.cdrom(tests.guest["isolinux.iso"], "q35", boot=1)
    args = failing_disk(tests.guest["clock.img"], "virtio", "q35") + cd
    with tests.machine("q35", None, args=args,
                       machine_options=",graphics=off") as m:
        m.expect(rb"Linux version", 60)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_nothing_to_boot(tests, machine):
    with tests.machine(machine, None, machine_options=",graphics=off") as m:
        m.expect(rb"(?i)no bootable device", 30)
        assert re.search(rb"(?i)no bootable device", m.debug())


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_empty_cd_drive(tests, machine):
    """No medium: the disk behind it boots, without a wait."""
    bus = "ide.1" if machine == "pc" else "ide.3"
    run(tests, ["-device", f"ide-cd,bus={bus},bootindex=0"], machine,
        limit=15)


def spoil_iso(tests, change):
    data = bytearray(tests.guest["isolinux.iso"].read_bytes())
    change(data)
    path = tests.tmp / "bad.iso"
    path.write_bytes(data)
    return path


CATALOG = 17 * 2048 + 0x47


def catalog_beyond_end(data):
    struct.pack_into("<I", data, CATALOG, 0x7fffffff)


def catalog_checksum(data):
    at = struct.unpack_from("<I", data, CATALOG)[0] * 2048
    data[at + 0x1c] ^= 0x55


def image_beyond_end(data):
    at = struct.unpack_from("<I", data, CATALOG)[0] * 2048
    struct.pack_into("<I", data, at + 0x28, 0x7ffffff0)


def load_over_bios(data):
    at = struct.unpack_from("<I", data, CATALOG)[0] * 2048
    struct.pack_into("<HBBH", data, at + 0x22, 0xf000, 0, 0, 0xffff)


def load_over_bda(data):
    at = struct.unpack_from("<I", data, CATALOG)[0] * 2048
    struct.pack_into("<HBBH", data, at + 0x22, 0x0010, 0, 0, 200)


@pytest.mark.parametrize("change", [
    catalog_beyond_end, catalog_checksum, image_beyond_end, load_over_bios,
    load_over_bda])
def test_broken_cd(tests, change):
    """The CD comes first; what is wrong is said, and the disk boots."""
    cd = vm.cdrom(spoil_iso(tests, change), "q35", boot=0)
    run(tests, cd, message=rb"(?i)CD|El Torito|boot catalog|boot image")


# --------------------------------------------------------------- option ROMs

def rom(size=1, init=b"\xcb", pcir=None, total=None, checksum=True,
        signature=b"\x55\xaa"):
    """An option ROM image; init is the code at offset 3."""
    image = bytearray(max(size, 1) * 512 if total is None else total)
    image[0:2] = signature
    image[2] = size & 0xff
    image[3:3 + len(init)] = init
    if pcir is not None:
        struct.pack_into("<H", image, 0x18, pcir)
    if checksum and 0 < size * 512 <= len(image):
        image[size * 512 - 1] = -sum(image[:size * 512]) & 0xff
    return bytes(image)


ROMS = {
    "no-signature": rom(signature=b"\x12\x34"),
    "length-zero": rom(size=0),
    "longer-than-file": rom(size=0x80, total=1024),
    "bad-checksum": rom(checksum=False, init=b"\xcb\x11\x22"),
    "pcir-outside": rom(pcir=0xfff0),
    "one-byte": b"\x55",
}


@pytest.mark.parametrize("name", sorted(ROMS))
def test_broken_option_rom(tests, name):
    run(tests, fw_cfg(tests, **{"genroms__bad.bin": ROMS[name]}),
        message=None if name == "pcir-outside" else rb"(?i)ROM")


@pytest.mark.parametrize("name", ["no-signature", "longer-than-file",
                                  "bad-checksum", "pcir-outside"])
def test_broken_pci_rom(tests, name):
    path = tests.tmp / "bad.rom"
    path.write_bytes(ROMS[name])
    run(tests, ["-device", f"pci-testdev,romfile={path}"])


def test_huge_option_rom(tests):
    """More than the space of option ROMs."""
    run(tests, fw_cfg(tests, genroms__big=rom(size=0xff, total=0xff * 512),
                      genroms__huge=rom(size=0xff, total=4 << 20)),
        message=rb"(?i)ROM")


# ------------------------------------------------------- ACPI loader scripts

def name56(text):
    return text.encode().ljust(56, b"\0")


def allocate(file, align=16, zone=1):
    return (struct.pack("<I", 1) + name56(file)
            + struct.pack("<IB", align, zone)).ljust(128, b"\0")


def pointer(dest, src, offset, size):
    return (struct.pack("<I", 2) + name56(dest) + name56(src)
            + struct.pack("<IB", offset, size)).ljust(128, b"\0")


def checksum(file, offset, start, length):
    return (struct.pack("<I", 3) + name56(file)
            + struct.pack("<III", offset, start, length)).ljust(128, b"\0")


def write_pointer(dest, src, dst_offset, src_offset, size):
    return (struct.pack("<I", 4) + name56(dest) + name56(src)
            + struct.pack("<IIB", dst_offset, src_offset, size)
            ).ljust(128, b"\0")


T = "etc/acpi/tables"
R = "etc/acpi/rsdp"
START = allocate(T, 64, 1) + allocate(R, 16, 2)
SCRIPTS = {
    "truncated": (START + pointer(R, T, 16, 4))[:-7],
    "odd-size": b"\1\0\0",
    "pointer-outside": START + pointer(R, T, 0xfffffffe, 4),
    "pointer-size": START + pointer(R, T, 16, 3),
    "checksum-outside": START + checksum(T, 0, 8, 0xfffffff0),
    "checksum-offset": START + checksum(T, 0x7fffffff, 0, 16),
    "unknown-file": START + pointer("etc/nothing", T, 0, 4),
    "no-such-file": allocate("etc/nothing") + START,
    "align-three": allocate(T, 3, 1),
    "align-huge": allocate(T, 0x80000000, 1),
    "zone": allocate(T, 16, 9),
    "twice": START + allocate(T, 64, 1),
    "before-allocate": pointer(R, T, 16, 4) + START,
    "unterminated-name": struct.pack("<I", 1) + b"e" * 124,
    "write-pointer": START + write_pointer("etc/nothing", T, 0, 0, 8),
    "write-pointer-offset": START + write_pointer(T, T, 0xfffffffc,
                                                  0xffffffff, 8),
    "many": START + pointer(R, T, 16, 4) * 20000,
}
HARMLESS = {"twice", "many"}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_broken_loader_script(tests, name):
    """acpi=off leaves the names free for files of ours."""
    table = b"RSDT" + struct.pack("<I", 40) + bytes(32)
    files = fw_cfg(tests, **{"etc__table-loader": SCRIPTS[name],
                             "etc__acpi__tables": table + bytes(1000),
                             "etc__acpi__rsdp": b"RSD PTR " + bytes(12)})
    run(tests, ["-machine", "acpi=off"] + files, machine="pc",
        message=None if name in HARMLESS else rb"(?i)ACPI|loader")


def test_looping_tables(tests):
    """An RSDT whose entries are the RSDT itself."""
    table = bytearray(b"RSDT" + struct.pack("<IBB", 44, 1, 0) + bytes(34))
    files = fw_cfg(tests, **{
        "etc__table-loader": START + pointer(T, T, 36, 4)
        + pointer(T, T, 40, 4) + pointer(R, T, 16, 4),
        "etc__acpi__tables": bytes(table),
        "etc__acpi__rsdp": b"RSD PTR " + bytes(12)})
    run(tests, ["-machine", "acpi=off"] + files, machine="pc", tpm="2.0-tis")


def test_oversized_acpi_file(tests):
    """64 MiB of tables on a machine of 32 MiB."""
    path = tests.tmp / "huge"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    args = ["-machine", "acpi=off", "-fw_cfg", f"name={T},file={path}"] + fw_cfg(
        tests, **{"etc__table-loader": START,
                  "etc__acpi__rsdp": b"RSD PTR " + bytes(12)}) + EXIT + \
        vm.disk(tests.guest["clock.img"], "ide", "pc")
    with tests.machine("pc", None, args=args, mem="32M",
                       machine_options=",graphics=off") as m:
        assert m.wait(30) == BOOTED, m.report("the boot sector did not run")
        assert re.search(rb"(?i)ACPI|loader|memory", m.debug())


# ------------------------------------------------------- other fw_cfg files

@pytest.mark.parametrize("data", [b"", b"\1", b"x" * 100000,
                                  bytes(range(256)) * 16],
                         ids=["empty", "one", "large", "binary"])
def test_odd_fw_cfg_files(tests, data):
    """Files that the firmware reads, with sizes it does not expect.  (Those
    that QEMU always provides cannot be replaced.)"""
    names = ["etc__boot-menu-message", "etc__boot-menu-key", "etc__show-boot-menu",
             "etc__sercon-port", "etc__ps2-keyboard-spinup",
             "etc__extra-pci-roots", "etc__msr_feature_control",
             "etc__tpm__config", "etc__optionroms-checksum",
             "etc__screen-and-debug", "etc__max-cpus"]
    with tests.machine(
            "pc", None, args=fw_cfg(tests, **{n: data for n in names})
            + EXIT + vm.disk(tests.guest["clock.img"], "ide", "pc")) as m:
        try:
            status = m.wait(30)
        except vm.VmError:
            if re.search(rb"(?i)boot menu", m.debug()):
                return          # the menu was asked for, and waits
            raise
        assert status == BOOTED, m.report("the boot sector did not run")


def test_broken_smbios_files(tests):
    """An old machine type leaves the names free."""
    anchor = b"_SM_" + bytes([0, 31, 2, 8]) + struct.pack("<H", 0xffff) + \
        bytes(6) + b"_DMI_" + b"\0" + struct.pack("<HIHB", 0xfff0, 0, 999, 40)
    files = fw_cfg(tests, **{"etc__smbios__smbios-anchor": anchor,
                             "etc__smbios__smbios-tables":
                             b"\1\xff\0\0" + b"\1" * 50})
    machine = machine_type("pc-i440fx-2.0") + ",graphics=off"
    args = ["-machine", machine] + files + EXIT + \
        vm.disk(tests.guest["clock.img"], "ide", "pc")
    with tests.machine("pc", None, args=args, tpm="2.0-tis") as m:
        assert m.wait(30) == BOOTED, m.report("the boot sector did not run")


# ---------------------------------------------------------------------- TPMs

STARTUP, SELF_TEST, GET_CAPABILITY, EXTEND, AUTH = \
    0x144, 0x143, 0x17a, 0x182, 0x129
FAULTS = {
    "silent": faketpm.silent,
    "garbage": faketpm.garbage,
    "failure": faketpm.all_failure,
    "silent-from-3": faketpm.silent_from(3),
    "silent-from-9": faketpm.silent_from(9),
    "startup-fails": faketpm.fail_code(STARTUP, 0x101),
    "selftest-fails": faketpm.fail_code(SELF_TEST, 0x101),
    "capability-fails": faketpm.fail_code(GET_CAPABILITY, 0x101),
    "extend-fails": faketpm.fail_code(EXTEND, 0x101),
    "auth-fails": faketpm.fail_code(AUTH, 0x101),
    "capability-truncated": faketpm.truncated(GET_CAPABILITY),
    "capability-count": faketpm.stuffed(GET_CAPABILITY, 15,
                                        b"\xff\xff\xff\xff"),
    "capability-size": faketpm.stuffed(GET_CAPABILITY, 21, b"\xff"),
}
QUICK = {"silent", "garbage", "failure", "extend-fails", "capability-count"}


@pytest.mark.parametrize("kind", ["2.0-crb", "2.0-tis"])
@pytest.mark.parametrize("fault", [
    f if f in QUICK else pytest.param(f, marks=pytest.mark.slow)
    for f in sorted(FAULTS)])
def test_bad_tpm(tests, kind, fault):
    """The machine boots, and says that the TPM is not usable."""
    with tests.tpm(kind) as made:       # for its state
        made.stop()
        with faketpm.FakeTpm(kind, made.state, FAULTS[fault]) as tpm:
            run(tests, machine="q35", tpm=tpm, message=rb"TPM", limit=120)


def test_tpm_that_asks_to_retry(tests):
    """TPM_RC_RETRY is not a fault."""
    with tests.tpm("2.0-tis") as made:
        made.stop()
        with faketpm.FakeTpm("2.0-tis", made.state,
                             faketpm.retry_first(2)) as tpm:
            run(tests, machine="q35", tpm=tpm,
                quiet=rb"(?i)TPM[^\n]*(fail|disab|error|not )")


def test_no_tpm_behind_the_device(tests):
    """swtpm went away after QEMU connected."""
    with tests.tpm("2.0-tis") as made:
        made.stop()

        def vanish(_n, _code, _answer):
            raise EOFError

        with faketpm.FakeTpm("2.0-tis", made.state, vanish) as tpm:
            run(tests, machine="q35", tpm=tpm, message=rb"TPM", limit=120)

# SPDX-License-Identifier: MIT
"""Hand-over: what is started is measured, and scripts/keelpcr predicts it.

Each boot is predicted before it is made, from files and a rehearsal of the
same command line, and must give exactly that, PCR 0-9 in every bank."""

import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import zlib

import pytest

from conftest import ROOT, load_script, log_of, pcrs_of
import machinefacts
import pcrpredict
import tcglog
import vm

ALL = ["sha1", "sha256", "sha384", "sha512"]
CMDLINE = "console=ttyS0,115200 panic=-1"
SYSLINUX = pathlib.Path("/usr/lib/syslinux")


def keelpcr(*args):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "keelpcr", *args],
        capture_output=True, text=True, check=False)


def predict(tests, machine, kind, args, *more, **kwargs):
    """Run keelpcr for the command line the tests will start."""
    with tests.tpm(kind, name=f"argv{tests.count}") as tpm:
        argv = vm.qemu_argv(tests.bios, machine, tpm, args=args, **kwargs)
    out = tests.tmp / f"prediction{tests.count}.json"
    done = keelpcr("predict", *more, "--tpm",
                   "1.2" if kind == "1.2" else "2.0",
                   "--format", "json", "-o", out, "--", *argv,
                   "-serial", "stdio")
    assert done.returncode == 0, done.stderr
    return out


def assert_as_predicted(tests, dump, prediction):
    """By keelpcr itself, and by the PCRs that the guest's kernel read."""
    path = tests.tmp / f"log{tests.count}"
    path.write_bytes(dump["tpm/log"])
    done = keelpcr("check", path, "--prediction", prediction)
    assert done.returncode == 0, done.stdout + done.stderr
    want = json.loads(prediction.read_text())["pcrs"]
    read = pcrs_of(dump)
    assert sorted(read) == sorted(want)
    for bank, pcrs in want.items():
        for n in range(10):
            assert read[bank][n].hex() == pcrs[str(n)], f"{bank} PCR {n}"


def events_of(dump, pcr):
    return [(e.name, e.data) for e in log_of(dump).events if e.pcr == pcr]


def texts(dump, *pcrs):
    return [e.data.decode() for e in log_of(dump).events
            if e.pcr in pcrs and e.name.startswith("EV_IPL")]


def kernel_args(guest, cmdline=CMDLINE):
    return ["-kernel", guest["vmlinuz"], "-initrd", guest["initramfs"],
            "-append", cmdline]


# ------------------------------------------------------------------- -kernel

@pytest.mark.parametrize("machine,kind,extra", [
    ("pc", "2.0-crb", {}), ("q35", "2.0-tis", {"vga": "std", "nic": True}),
    ("pc", "1.2", {"smp": 2, "mem": "6G"}),
    pytest.param("q35", "2.0-crb", {"smp": 4, "mem": "3G"},
                 marks=pytest.mark.slow)])
def test_kernel(tests, machine, kind, extra):
    args = kernel_args(tests.guest)
    want = predict(tests, machine, kind, args, **extra)
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=None,
                               args=args, **extra)
    assert_as_predicted(tests, dump, want)
    assert texts(dump, 8, 9) == [
        "kernel_cmdline: " + CMDLINE, "Linux setup", "Linux kernel",
        "Linux initrd"]


def test_kernel_digests_are_those_of_the_files(tests):
    """The log's digests, computed here with ordinary tools from the files."""
    dump = tests.boot_and_dump("q35", "tpm", tpm="2.0-crb", disk=None,
                               args=kernel_args(tests.guest))
    found = {e.data: e.digests["sha256"] for e in log_of(dump).events
             if e.pcr in (8, 9)}

    def sha(data):
        return hashlib.sha256(data).digest()

    kernel = tests.guest["vmlinuz"].read_bytes()
    start = (kernel[0x1f1] + 1) * 512
    size = struct.unpack_from("<I", kernel, 0x1f4)[0] * 16
    assert found[b"Linux initrd"] == sha(
        tests.guest["initramfs"].read_bytes())
    assert found[b"Linux kernel"] == sha(kernel[start:start + size])
    assert found[b"kernel_cmdline: " + CMDLINE.encode()] == \
        sha(CMDLINE.encode())


def test_kernel_needs_no_tpm(tests):
    """Without TPM, with little memory, without initrd."""
    with tests.machine("pc", disk=None, mem="128M", args=[
            "-kernel", tests.guest["vmlinuz"], "-append", CMDLINE]) as m:
        m.expect(rb"Linux version", 60)
        m.expect(rb"Unable to mount root|No init found|VFS: Cannot open", 60)
        assert b"linuxboot" not in m.debug().split(b"Booting from ROM")[1]


def test_kernel_that_does_not_fit(tests):
    """An initrd larger than RAM is refused with a reason, and the next
    device has its turn."""
    big = tests.tmp / "big"
    with open(big, "wb") as file:
        file.truncate(60 << 20)
    # QEMU itself refuses more than RAM; the kernel takes the rest here.
    with tests.machine("pc", disk=None, mem="64M", args=[
            "-kernel", tests.guest["vmlinuz"], "-initrd", big]) as m:
        m.wait_debug(rb"kernel of -kernel is not started: .*RAM\n", 30)
        m.wait_debug(rb"No bootable device", 30)


def test_multiboot_kernel(tests):
    """What an option ROM will load is measured from fw_cfg before it runs."""
    kernel = tests.tmp / "multiboot"
    magic, flags, at = 0x1badb002, 1 << 16, 0x100000
    code = struct.pack("<IIIIIIII", magic, flags, -(magic + flags) & (2**32 - 1),
                       at, at, at + 34, 0, at + 32) + b"\xeb\xfe"
    kernel.write_bytes(code)
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=[
            "-kernel", kernel, "-append", "words"]) as m:
        m.wait_debug(rb"Booting from [0-9a-f]+:", 30)
        log = machinefacts.read_log(m, tests.tmp / "memory")
    # QEMU puts command line and modules into the kernel's item, and its
    # multiboot information into the initrd's.
    assert [(e.pcr, e.data) for e in log.events if e.pcr in (8, 9)] == [
        (9, b"kernel"), (9, b"initrd")]


@pytest.mark.parametrize("change", ["cmdline", "kernel", "initrd"])
def test_a_changed_byte_shows(tests, change):
    """The prediction of the unchanged files names the event."""
    files = dict(tests.guest)
    cmdline = CMDLINE
    want = predict(tests, "q35", "2.0-crb", kernel_args(files))
    if change == "cmdline":
        cmdline += " x"
    else:
        name = {"kernel": "vmlinuz", "initrd": "initramfs"}[change]
        data = bytearray(files[name].read_bytes())
        # A byte nobody looks at: the second sector's end in the kernel's
        # payload is inside compressed code, so take the setup's messages.
        if change == "kernel":
            at = data.find(b"No setup signature found")
            data[at] ^= 0x20
        else:
            data += bytes(4)
        files[name] = tests.tmp / name
        files[name].write_bytes(data)
    dump = tests.boot_and_dump("q35", "tpm", tpm="2.0-crb", disk=None,
                               args=kernel_args(files, cmdline))
    path = tests.tmp / "log"
    path.write_bytes(dump["tpm/log"])
    done = keelpcr("check", path, "--prediction", want)
    assert done.returncode == 1
    differing = [line for line in done.stdout.splitlines()
                 if line.startswith("PCR ")]
    pcr = {"cmdline": 8, "kernel": 9, "initrd": 9}[change]
    assert len(differing) == 1 and \
        differing[0].startswith(f"PCR {pcr} differs first"), done.stdout
    event = {"cmdline": "kernel_cmdline", "kernel": "Linux setup",
             "initrd": "Linux initrd"}[change]
    assert event in done.stdout


# ------------------------------------------------------------- boot loaders

GRUB_LINUX16 = f"""\
set timeout=0
menuentry 'KeelBIOS' {{
    linux16 /boot/vmlinuz {CMDLINE}
    initrd16 /boot/initramfs
}}
"""


def grub_core(guest_module, work, prefix, modules):
    core = work / "core.img"
    guest_module.run("grub-mkimage", "-O", "i386-pc", "-p", prefix, "-d",
                     guest_module.GRUB, "-o", core, "biosdisk", "ext2",
                     "normal", *modules)
    return bytearray(core.read_bytes())


def gpt_sectors(total, partitions):
    """Protective MBR's table, header and entries: (mbr part, sectors 1-33)."""
    entries = b""
    for kind, first, last, attributes in partitions:
        entries += struct.pack("<16s16sQQQ72s", kind, kind[::-1], first,
                               last, attributes, b"")
    entries = entries.ljust(128 * 128, b"\0")

    def header(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92,
                           crc, 0, 1, total - 1, 34, total - 34, b"k" * 16,
                           2, 128, 128, zlib.crc32(entries))
    sealed = header(zlib.crc32(header(0)))
    mbr = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff" * 3, 1,
                      total - 1)
    return mbr, sealed.ljust(512, b"\0") + entries


def gpt_disk(tests):
    """GPT, GRUB's core image in a BIOS boot partition, ext2; GRUB starts
    the kernel through the 16-bit entry."""
    guest = load_script("guest")
    work = tests.tmp / "gpt"
    top = work / "top"
    top.mkdir(parents=True)
    guest.boot_tree(top, tests.guest["vmlinuz"].parent)
    (top / "boot" / "grub" / "grub.cfg").write_text(GRUB_LINUX16)
    core = grub_core(guest, work, "(hd0,gpt2)/boot/grub",
                     ["part_gpt", "linux16"])
    first, start = 2048, 4096
    struct.pack_into("<Q", core, 0x1f4, first + 1)      # diskboot's list
    used = sum(f.stat().st_size for f in top.rglob("*") if f.is_file())
    size = (used + (16 << 20)) >> 20 << 11
    total = start + size + 64
    mbr, table = gpt_sectors(total, [
        (b"Hah!IdontNeedEFI", first, start - 1, 0),
        (bytes.fromhex("af3dc60f838472478e793d69d8477de4"), start,
         start + size - 1, 0)])
    boot = bytearray((guest.GRUB / "boot.img").read_bytes()[:440]
                     .ljust(512, b"\0"))
    struct.pack_into("<Q", boot, 0x5c, first)           # core's first sector
    boot[0x66:0x68] = b"\x90\x90"
    boot[0x1be:0x1be + 16] = mbr
    boot[510:] = b"\x55\xaa"
    image = work / "disk.img"
    with open(image, "wb") as disk:
        disk.truncate(total * 512)
    guest.run("mke2fs", "-q", "-F", "-t", "ext2", "-E",
              f"offset={start * 512}", "-d", top, image, f"{size // 2}k")
    with open(image, "r+b") as disk:
        disk.write(boot + table)
        disk.seek(first * 512)
        disk.write(core)
    return image


def linux_options(tests, cmdline):
    return ["--linux", tests.guest["vmlinuz"], "--linux-initrd",
            tests.guest["initramfs"], "--linux-cmdline", cmdline]


@pytest.mark.parametrize("machine,kind", [
    ("q35", "2.0-crb"),
    pytest.param("pc", "1.2", marks=pytest.mark.slow)])
def test_grub_on_gpt_with_linux16(tests, machine, kind):
    args = vm.disk(gpt_disk(tests), "virtio", machine)
    want = predict(tests, machine, kind, args, *linux_options(
        tests, "BOOT_IMAGE=/boot/vmlinuz " + CMDLINE))
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=None,
                               args=args)
    assert_as_predicted(tests, dump, want)
    assert texts(dump, 4, 5) == ["MBR", "MBR PARTITION_TABLE", "GPT",
                                 "BIOS BOOT PARTITION"]
    assert texts(dump, 8, 9) == [
        f"kernel_cmdline: BOOT_IMAGE=/boot/vmlinuz {CMDLINE}",
        "Linux kernel", "Linux initrd"]


@pytest.mark.parametrize("machine,kind,disk", [
    ("pc", "2.0-crb", "ide"), ("q35", "1.2", "ahci")])
def test_grub_in_the_mbr_gap(tests, machine, kind, disk):
    """GRUB's linux command goes to the kernel's 32-bit entry, which no BIOS
    sees: PCR 8 and 9 stay empty."""
    args = tests.storage(disk, machine)
    want = predict(tests, machine, kind, args)
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=disk)
    assert_as_predicted(tests, dump, want)
    assert texts(dump, 4, 5) == ["MBR", "MBR PARTITION_TABLE", "MBR GAP"]
    assert not texts(dump, 8, 9)


@pytest.mark.parametrize("machine,kind", [
    ("pc", "2.0-crb"), ("q35", "1.2"),
    pytest.param("q35", "2.0-tis", marks=pytest.mark.slow)])
def test_isolinux(tests, machine, kind):
    guest = load_script("guest")
    args = tests.storage("isolinux", machine)
    want = predict(tests, machine, kind, args, *linux_options(
        tests, f"BOOT_IMAGE=/boot/vmlinuz {guest.CMDLINE} "
        "initrd=/boot/initramfs"))
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk="isolinux")
    assert_as_predicted(tests, dump, want)
    assert "EL TORITO IMAGE" in texts(dump, 4)


def syslinux_disk(tests):
    """MBR with an active FAT partition, booted by SYSLINUX (the disk
    sibling of EXTLINUX; it installs without mounting)."""
    image = tests.tmp / "syslinux.img"
    start, size = 2048, 64 << 11
    with open(image, "wb") as disk:
        disk.truncate((start + size) * 512)
    part = f"{image}@@{start * 512}"
    config = tests.tmp / "syslinux.cfg"
    config.write_text("DEFAULT keel\nLABEL keel\n  KERNEL vmlinuz\n"
                      f"  INITRD initrd\n  APPEND {CMDLINE}\n")
    run = load_script("guest").run
    run("mkfs.fat", "-i", "4b45454c", "--offset", start, image, size // 2)
    for source, name in ((tests.guest["vmlinuz"], "vmlinuz"),
                         (tests.guest["initramfs"], "initrd"),
                         (config, "syslinux.cfg")):
        run("mcopy", "-i", part, source, f"::{name}")
    run("syslinux", "--offset", start * 512, "--install", image)
    mbr = bytearray((SYSLINUX / "mbr" / "mbr.bin").read_bytes()
                    .ljust(512, b"\0"))
    struct.pack_into("<B3sB3sII", mbr, 0x1be, 0x80, b"\xfe\xff\xff", 0x0e,
                     b"\xfe\xff\xff", start, size)
    mbr[510:] = b"\x55\xaa"
    with open(image, "r+b") as disk:
        disk.write(mbr)
    return image


@pytest.mark.parametrize("machine,kind", [("pc", "2.0-crb")])
def test_syslinux(tests, machine, kind):
    args = vm.disk(syslinux_disk(tests), "ide", machine)
    want = predict(tests, machine, kind, args, *linux_options(
        tests, f"BOOT_IMAGE=vmlinuz {CMDLINE} initrd=initrd"))
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=None,
                               args=args)
    assert_as_predicted(tests, dump, want)
    assert "PARTITION BOOT RECORD" in texts(dump, 4)


# ----------------------------------------------------------------- switches

@pytest.mark.parametrize("value", [
    "0", pytest.param("off", marks=pytest.mark.slow)])
def test_switches(tests, value):
    """opt/org.keelbios/measure-linux and measure-boot-code turn it off, and
    the prediction knows."""
    args = tests.storage("isolinux", "pc")
    for name in ("measure-linux", "measure-boot-code"):
        args += ["-fw_cfg", f"name=opt/org.keelbios/{name},string={value}"]
    want = predict(tests, "pc", "2.0-crb", args, *linux_options(tests, ""))
    dump = tests.boot_and_dump("pc", "tpm", tpm="2.0-crb", disk=None,
                               args=args)
    assert_as_predicted(tests, dump, want)
    assert not texts(dump, 8, 9)
    assert texts(dump, 4) == ["EL TORITO IPL"]


def test_what_may_differ_between_machines(tests):
    """Machines that differ in UUID, MAC address and the disk's content
    behind the boot code have the same PCR 0-9; those that differ in
    RAM size and TPM interface, all but PCR 1."""
    other = tests.tmp / "other.img"
    data = bytearray(tests.guest["disk.img"].read_bytes())
    data[-1000:] = b"x" * 1000          # free space of the file system
    other.write_bytes(data)

    def boot(image, more, **kwargs):
        dump = tests.boot_and_dump(
            "q35", "tpm", disk=None, args=vm.disk(image, "virtio", "q35")
            + more, **kwargs)
        return pcrs_of(dump)["sha256"]

    one = boot(tests.guest["disk.img"], [
        "-uuid", "11111111-1111-1111-1111-111111111111",
        "-nic", "user,model=virtio-net-pci,mac=52:54:00:00:00:01"],
        tpm="2.0-crb")
    two = boot(other, [
        "-uuid", "22222222-2222-2222-2222-222222222222",
        "-nic", "user,model=virtio-net-pci,mac=52:54:00:00:00:02"],
        tpm="2.0-crb")
    assert [n for n in range(10) if one[n] != two[n]] == []
    three = boot(other, ["-nic", "user,model=virtio-net-pci"],
                 tpm="2.0-tis", mem="384M")
    assert [n for n in range(10) if one[n] != three[n]] == [1]


# ------------------------------------------------------------ hostile callers

def test_headers_that_lie(tests):
    """tests/rm/linux.S: nothing crashes, what is not in RAM is said and not
    measured, the good header is measured once."""
    from test_services import assemble
    image = assemble("linux", tests.tmp)
    args = vm.disk(image, "ide", "pc")
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=args) as m:
        m.wait_debug(rb"^done$", 60)
        text = m.debug().decode()
        assert "FAIL" not in text, m.report("a call failed")
        log = machinefacts.read_log(m, tests.tmp / "memory")
    assert text.count("ok EC00") == 21 + 6 + 2
    assert "Linux kernel (256 bytes at fed40000) is not in RAM" in text
    assert "Linux initrd (4294967295 bytes" in text
    assert "Linux command line (1 bytes at ffffffff)" in text
    found = [e for e in log.events if e.pcr in (8, 9)]

    def sha(data):
        return hashlib.sha256(data).digest()

    assert [(e.data, e.digests["sha256"]) for e in found[-3:]] == [
        (b"kernel_cmdline: root=/dev/keel quiet",
         sha(b"root=/dev/keel quiet")),
        (b"Linux kernel", sha(bytes(256))),
        (b"Linux initrd", sha(bytes(0x1001)))]


@pytest.mark.parametrize("what", ["start", "size", "table", "entries",
                                  "short"])
def test_gpt_that_lies(tests, what):
    """A GPT with impossible numbers: the machine boots the sector, the
    prediction agrees about what is measured."""
    image = tests.tmp / "gpt.img"
    total = 4096
    first, last = 100, 120
    if what == "start":
        first, last = 0xffffffff, 0xffffffffffffffff
    mbr, table = gpt_sectors(total, [
        (b"Hah!IdontNeedEFI", first, last, 0),
        (b"Hah!IdontNeedEFI", 4000, 0xfffffff0, 0),
        (b"x" * 16, 200, 300, 4)])
    table = bytearray(table)
    if what == "size":
        struct.pack_into("<II", table, 80, 0xffffffff, 0xffffffff)
    elif what == "table":
        struct.pack_into("<Q", table, 72, 0xfffffffffffffff0)
    elif what == "entries":
        struct.pack_into("<II", table, 80, 1, 0x20000)
    elif what == "short":
        struct.pack_into("<I", table, 12, 0xffffffff)
    data = bytearray(b"\xf4\xeb\xfd".ljust(total * 512, b"\0"))    # hlt
    data[510:512] = b"\x55\xaa"
    data[0x1be:0x1be + 16] = mbr
    data[512:512 + len(table)] = table
    data[100 * 512:101 * 512] = b"c" * 512
    data[200 * 512:201 * 512] = b"v" * 512
    data[4050 * 512:4051 * 512] = b"e" * 512
    image.write_bytes(data)
    args = vm.disk(image, "ide", "pc")
    want = predict(tests, "pc", "2.0-crb", args)
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=args) as m:
        m.wait_debug(rb"Booting from 0000:7c00", 30)
        log = machinefacts.read_log(m, tests.tmp / "memory")
    wrong = pcrpredict.first_difference(
        log, pcrpredict.from_json(json.loads(want.read_text())))
    assert not wrong, wrong

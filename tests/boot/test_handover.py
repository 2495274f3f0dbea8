# SPDX-License-Identifier: MIT
"""Hand-over: what is started is measured, and scripts/keelpcr predicts it.

Each boot is predicted before it is made, from files and a rehearsal of the
same command line, and must give exactly that, PCR 0-9 in every bank.

Long because every kind of boot shares one way to predict, boot and compare.
"""

import fcntl
import hashlib
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zlib

import pytest

from conftest import ROOT, load_script, log_of, pcrs_of
import kernels
import machinefacts
import rehearse
import pcrpredict
import predictionfile
import tcglog
from test_sleep import suspend_and_wake
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
    return [e.data.decode().rstrip("\0") for e in log_of(dump).events
            if e.pcr in pcrs and e.name.startswith("EV_IPL")]


def kernel_args(guest, cmdline=CMDLINE):
    return ["-kernel", guest["vmlinuz"], "-initrd", guest["initramfs"],
            "-append", cmdline]


def boot_small_kernel(tests, machine, kind, args, want, look=None, watch=None,
                      **kwargs):
    """Boot what ends in kernels.py's kernel; log and PCRs must be as
    predicted.  Returns the log.  look(log) is called before that, watch() with
    the machine that still runs."""
    out = tests.tmp / f"pcrs{tests.count}"
    with tests.machine(machine, disk=None, tpm=kind,
                       args=[*args, *kernels.arguments(out)], **kwargs) as m:
        m.wait_debug(rb"kernel done", 120)
        log = rehearse.read_log(m, tests.tmp / "memory")
        read = kernels.pcrs(out.read_bytes())
        if watch:
            watch(m)
    if look:
        look(log)
    data = json.loads(want.read_text())
    wrong = pcrpredict.first_difference(log, predictionfile.from_json(data))
    assert not wrong, wrong
    assert sorted(read) == sorted(data["pcrs"])
    for bank, pcrs in data["pcrs"].items():
        assert {str(n): v.hex() for n, v in read[bank].items()} == \
            {n: v for n, v in pcrs.items() if int(n) < 10}, bank
    return log


def log_texts(log, *pcrs):
    return [e.data.decode().rstrip("\0") for e in log.events
            if e.pcr in pcrs and e.name.startswith("EV_IPL")]


# ------------------------------------------- the grid: machine, loader, TPM

@pytest.fixture(name="small")
def small_kernel(tests):
    return kernels.build(tests.tmp / "small")


def extlinux_disk(tests, files, shared_dir):
    """MBR, ext2 partition, EXTLINUX.  It installs to a mounted file system
    only, so the test guest mounts it, once a session."""
    image = shared_dir / "extlinux.img"
    with open(shared_dir / "extlinux.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            fresh = tests.tmp / "extlinux.img"
            make_extlinux_disk(tests, files, fresh)
            shutil.move(fresh, image)
    return image


def make_extlinux_disk(tests, files, image):
    guest = load_script("guest")
    start, size = 2048, 16 << 11
    top = tests.tmp / "extlinux"
    (top / "boot").mkdir(parents=True)
    for name, path in files.items():
        shutil.copy(path, top / "boot" / name)
    shutil.copy(guest.SYSLINUX, top / "boot" / "ldlinux.c32")
    (top / "boot" / "extlinux.conf").write_text(
        "DEFAULT keel\nLABEL keel\n  KERNEL vmlinuz\n  INITRD initramfs\n"
        f"  APPEND {CMDLINE}\n")
    with open(image, "wb") as disk:
        disk.write(partitioned_mbr(0x83, start, size))
        disk.truncate((start + size) * 512)
    guest.run("mke2fs", "-q", "-F", "-t", "ext2", "-E",
              f"offset={start * 512}", "-d", top, image, f"{size // 2}k")
    # The tool and the libraries it names, behind the guest's own archive.
    tool = pathlib.Path(shutil.which("extlinux"))
    libraries = re.findall(r"(/\S+) \(0x", guest.run("ldd", tool).decode())
    folders = {str(folder).lstrip("/") for path in libraries
               for folder in list(pathlib.Path(path).parents)[:-1]}
    entries = [(name, 0o040755, b"") for name in sorted(folders)]
    for path in [str(tool), *libraries]:
        name = path.lstrip("/") if path in libraries else "bin/extlinux"
        entries.append((name, 0o100755, pathlib.Path(path).read_bytes()))
    initrd = tests.tmp / "initrd-extlinux"
    first = tests.guest["initramfs"].read_bytes()
    # Linux looks for another archive at multiples of 4 only
    initrd.write_bytes(first + b"\0" * (-len(first) % 4)
                       + guest.cpio_newc(entries))
    args = vm.disk(image, "virtio", "q35", snapshot=False) + kernel_args(
        {"vmlinuz": tests.guest["vmlinuz"], "initramfs": initrd})
    with tests.machine("q35", disk=None, args=args) as m:
        m.ready()
        m.command("keel-load")
        m.command("mkdir /mnt && mount /dev/vda1 /mnt")
        m.command("/bin/extlinux --install /mnt/boot && umount /mnt && sync")
        m.send("poweroff -f\n")
        m.wait()


def partitioned_mbr(kind, start, size):
    """SYSLINUX's MBR and one active partition."""
    mbr = bytearray((SYSLINUX / "mbr" / "mbr.bin").read_bytes()
                    .ljust(512, b"\0"))
    struct.pack_into("<B3sB3sII", mbr, 0x1be, 0x80, b"\xfe\xff\xff", kind,
                     b"\xfe\xff\xff", start, size)
    mbr[510:] = b"\x55\xaa"
    return mbr


def grid_case(tests, loader, machine, files, shared_dir):
    """(arguments, command line that the kernel gets or None for -kernel)"""
    guest = load_script("guest")
    directory = files["vmlinuz"].parent
    if loader == "kernel":
        return kernel_args(files), None
    if loader == "isolinux":
        image = tests.tmp / "isolinux.iso"
        guest.build_isolinux(image, directory)
        return vm.cdrom(image, machine), \
            f"BOOT_IMAGE=/boot/vmlinuz {guest.CMDLINE} initrd=/boot/initramfs"
    disk = "ahci" if machine == "q35" else "ide"
    if loader == "extlinux":
        image = extlinux_disk(tests, files, shared_dir)
        return vm.disk(image, disk, machine), \
            f"BOOT_IMAGE=vmlinuz {CMDLINE} initrd=initramfs"
    image = tests.tmp / "grub.img"
    guest.build_disk(image, directory, GRUB_LINUX16, ("linux16",))
    return vm.disk(image, disk, machine), \
        "BOOT_IMAGE=/boot/vmlinuz " + CMDLINE


BOOT_CODE = {
    "kernel": [], "isolinux": ["EL TORITO IPL", "EL TORITO IMAGE"],
    "extlinux": ["MBR", "PARTITION BOOT RECORD"],
    "grub": ["MBR", "MBR GAP"],     # the partition's first sector is zeros
}


@pytest.mark.parametrize("machine,kind", [
    ("pc", "1.2"), ("pc", "2.0-tis"), ("q35", "1.2"), ("q35", "2.0-crb")])
@pytest.mark.parametrize("loader", list(BOOT_CODE))
def test_grid(tests, small, shared_dir, loader, machine, kind):
    """Every loader, machine and TPM family, PCR 0-9 in every bank."""
    args, cmdline = grid_case(tests, loader, machine, small, shared_dir)
    options = [] if cmdline is None else linux_options(small, cmdline)
    want = predict(tests, machine, kind, args, *options)
    log = boot_small_kernel(tests, machine, kind, args, want)
    assert log_texts(log, 4) == BOOT_CODE[loader]
    setup = ["Linux setup"] if loader == "kernel" else []
    assert log_texts(log, 8, 9) == [
        "kernel_cmdline: " + (CMDLINE if cmdline is None else cmdline),
        *setup, "Linux kernel", "Linux initrd"]


# ------------------------------------------------------------------- -kernel

@pytest.mark.parametrize("machine,kind,extra", [
    ("q35", "2.0-tis", {"vga": "std", "nic": True}),
    ("pc", "1.2", {"smp": 2, "mem": "6G"}),
    ("q35", "2.0-crb", {"smp": 4, "mem": "3G", "vga": "virtio",
                        "pflash": True})])
def test_kernel_on_other_hardware(tests, small, machine, kind, extra):
    """Option ROMs, CPUs, RAM beyond 4 GiB, the firmware as a flash device: PCR
    1 and 2 from the rehearsal."""
    args = kernel_args(small)
    want = predict(tests, machine, kind, args, **extra)
    boot_small_kernel(tests, machine, kind, args, want, **extra)


def symbol(tests, name):
    """Its address in the firmware."""
    elf = pathlib.Path(tests.bios).with_suffix(".elf")
    if not elf.exists():
        pytest.skip(f"BIOS= names an image without {elf.name} beside it")
    text = subprocess.run(["nm", elf], check=True, capture_output=True,
                          text=True).stdout
    return int(re.search(rf"^(\w+) \w {name}$", text, re.M)[1], 16)


def word_of(tests, m, name):
    path = tests.tmp / name
    m.qmp("pmemsave", val=symbol(tests, name), size=4, filename=str(path))
    return int.from_bytes(path.read_bytes(), "little")


def large_kernel(small):
    """Its initrd is large enough to be shared."""
    small["initramfs"].write_bytes(bytes(range(253)) * 5000)
    return kernel_args(small)


@pytest.mark.parametrize("machine,smp,banks", [
    ("q35", 1, ["sha512"]), ("pc", 1, ["sha384"]), ("q35", 2, ["sha512"]),
    ("q35", 1, ["sha384", "sha512"]), ("pc", 4, ALL)])
def test_kernel_with_avx2(tests, small, machine, smp, banks):
    """By a processor that has all that TCG has."""
    args = large_kernel(small) + ["-cpu", "max"]
    want = predict(tests, machine, "2.0-crb", args, "--banks",
                   ",".join(banks), smp=smp)
    with tests.tpm("2.0-crb", ",".join(banks), "some-banks") as tpm:
        boot_small_kernel(tests, machine, tpm, args, want, smp=smp)


@pytest.mark.parametrize("machine,smp,banks,shared", [
    ("q35", 1, ALL, 0), ("pc", 2, ALL, 3), ("q35", 4, ALL, 3),
    ("q35", 1, ["sha256"], 0), ("q35", 2, ["sha256"], 1),
    ("pc", 4, ["sha256"], 1), ("pc", 3, ["sha384", "sha512"], 1)])
def test_kernel_by_many_processors(tests, small, machine, smp, banks, shared):
    """Each bank by another one, as far as there are any; all as predicted."""
    args = large_kernel(small)
    want = predict(tests, machine, "2.0-crb", args, "--banks",
                   ",".join(banks), smp=smp)
    found = []
    with tests.tpm("2.0-crb", ",".join(banks), "some-banks") as tpm:
        log = boot_small_kernel(
            tests, machine, tpm, args, want, smp=smp,
            watch=lambda m: found.extend(
                word_of(tests, m, name) for name in ("smp_jobs", "smp_done")))
    assert list(log.banks) == banks
    assert found[0] == shared
    if shared != 1:                 # of one job the first may be there first
        assert (found[1] != 0) is (shared != 0)     # others have done some


@pytest.mark.parametrize("machine,cpu", [
    ("q35", "qemu64,-sse2"), ("pc", "qemu64,-fxsr")])
def test_kernel_without_sse2(tests, small, machine, cpu):
    """Each bank for itself then."""
    args = large_kernel(small) + ["-cpu", cpu]
    want = predict(tests, machine, "2.0-crb", args, smp=2)
    found = []
    boot_small_kernel(tests, machine, "2.0-crb", args, want, smp=2,
                      watch=lambda m: found.append(
                          word_of(tests, m, "smp_jobs")))
    assert found == [4]


def patched(tests, code):
    """Go on with a firmware whose functions begin with other code."""
    image = bytearray(pathlib.Path(tests.bios).read_bytes())
    for function, new in code.items():
        at = len(image) - 0x100000 + symbol(tests, function)
        image[at:at + len(new)] = new
    elf = pathlib.Path(tests.bios).with_suffix(".elf")
    tests.bios = tests.tmp / "patched.bin"
    tests.bios.write_bytes(image)
    shutil.copy(elf, tests.bios.with_suffix(".elf"))


HANGS = {"smp_worker": b"\xeb\xfe"}             # jmp to itself
# No job but the first one of each other processor, and none for this one.
OTHERS = {"smp_take": b"\x83\xc8\xff\xc3"}      # or eax, -1; ret


@pytest.mark.parametrize("code,banks,want_jobs", [
    (HANGS, ALL, 0), (HANGS | OTHERS, ["sha256"], 0),
    (OTHERS, ["sha256"], 1), (OTHERS, ["sha384", "sha512"], 1)])
def test_kernel_by_processors_that_hang(tests, small, code, banks, want_jobs):
    """Another one takes a bank and does not come back: the first one does it,
    and the machine goes on.  If it does come back, it alone has worked."""
    patched(tests, code)
    args = large_kernel(small)
    want = predict(tests, "q35", "2.0-crb", args, "--banks", ",".join(banks),
                   smp=2)
    found = []
    with tests.tpm("2.0-crb", ",".join(banks), "some-banks") as tpm:
        log = boot_small_kernel(
            tests, "q35", tpm, args, want, smp=2,
            watch=lambda m: found.extend(
                word_of(tests, m, name) for name in ("smp_jobs", "smp_done")))
    assert list(log.banks) == banks
    assert found == [want_jobs, want_jobs]          # 0: it has been stopped


@pytest.mark.parametrize("smp", [1, 2])
def test_kernel_without_dma(tests, small, smp):
    """What comes through a port byte by byte is hashed by steps, too."""
    args = large_kernel(small) + ["-global", "fw_cfg_io.dma_enabled=off"]
    want = predict(tests, "q35", "2.0-crb", args, smp=smp)
    boot_small_kernel(tests, "q35", "2.0-crb", args, want, smp=smp)


def test_processors_are_linux_afterwards(tests):
    """It starts those that have hashed, also after S3."""
    online = "cat /sys/devices/system/cpu/online"
    with tests.by_kernel("q35", tpm="2.0-crb", smp=4) as m:
        m.ready(180)
        assert word_of(tests, m, "smp_done")
        assert m.command(online).strip() == "0-3"
        suspend_and_wake(m)
        assert word_of(tests, m, "smp_jobs") == 0
        assert m.command(online).strip() == "0-3"


@pytest.mark.parametrize("machine,kind", [
    ("pc", "2.0-crb"), pytest.param("q35", "1.2", marks=pytest.mark.slow)])
def test_kernel(tests, machine, kind):
    """A real Linux, and the PCRs that it reads."""
    args = kernel_args(tests.guest)
    want = predict(tests, machine, kind, args)
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=None, args=args)
    assert_as_predicted(tests, dump, want)
    assert texts(dump, 8, 9) == [
        "kernel_cmdline: " + CMDLINE, "Linux setup", "Linux kernel",
        "Linux initrd"]
    assert_digests_of_files(dump, tests.guest)


def assert_digests_of_files(dump, files):
    """The log's digests, computed here with ordinary tools from the files."""
    found = {e.data: e.digests for e in log_of(dump).events
             if e.pcr in (8, 9)}
    kernel = files["vmlinuz"].read_bytes()
    start = (kernel[0x1f1] + 1) * 512
    size = struct.unpack_from("<I", kernel, 0x1f4)[0] * 16
    for bank in log_of(dump).banks:
        for name, data in (
                (b"Linux initrd", files["initramfs"].read_bytes()),
                (b"Linux kernel", kernel[start:start + size]),
                (b"kernel_cmdline: " + CMDLINE.encode() + b"\0",
                 CMDLINE.encode())):
            assert found[name][bank] == hashlib.new(bank, data).digest()


def test_kernel_needs_no_tpm(tests, small):
    """Without TPM, with little memory, without initrd; QEMU's ROM for it does
    not run."""
    with tests.machine("pc", disk=None, mem="16M", args=[
            "-kernel", small["vmlinuz"], "-append", CMDLINE]) as m:
        m.wait_debug(rb"kernel done", 60)
        assert b"Option ROM genroms/linuxboot" not in m.debug()


@pytest.mark.parametrize("loader", [
    "kernel", pytest.param("grub", marks=pytest.mark.slow)])
def test_progress_line(tests, small, shared_dir, loader):
    """What takes more than half a second says so, on VGA and serial."""
    port = tests.tmp / "sercon-port"
    port.write_bytes(b"\xf8\x03")
    files = dict(small, initramfs=small["initramfs"])
    files["initramfs"].write_bytes(bytes(range(256)) * (24 << 12))
    args, _ = grid_case(tests, loader, "pc", files, shared_dir)
    args += ["-fw_cfg", f"name=etc/sercon-port,file={port}"]
    line = "Measuring Linux initrd, 24 MiB..."
    with tests.machine("pc", disk=None, tpm="2.0-crb", vga="std",
                       args=args) as m:
        m.wait_debug(rb"kernel done", 120)
        m.expect(re.escape(line).encode(), 5)
        path = tests.tmp / "screen"
        m.qmp("stop")
        m.qmp("pmemsave", val=0xb8000, size=4000, filename=str(path))
        screen = path.read_bytes()[::2].decode("cp437")
        assert line in screen
        assert m.debug().count(b"Measuring") == 1     # not for the kernel


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
        log = rehearse.read_log(m, tests.tmp / "memory")
    # QEMU puts command line and modules into the kernel's item, and its
    # multiboot information into the initrd's.
    assert [(e.pcr, e.data) for e in log.events if e.pcr in (8, 9)] == [
        (9, b"kernel"), (9, b"initrd")]


def device_tree():
    """A flattened device tree that is empty."""
    nodes = struct.pack(">4I", 1, 0, 2, 9)      # begin, "", end, end of all
    return struct.pack(">10I", 0xd00dfeed, 56 + len(nodes), 56, 56 + len(nodes),
                       40, 17, 16, 0, 0, len(nodes)) + bytes(16) + nodes


def handed_over(log):
    nothing = hashlib.sha1(bytes(4)).digest()
    if any(e.digests["sha1"] == nothing for e in log.events
           if e.data == b"Linux setup data"):
        pytest.skip("this QEMU points to a device tree, but hands over none: "
                    "so do 10.0's and 11.1's, with any firmware")


@pytest.mark.parametrize("machine,kind", [("pc", "2.0-tis"),
                                          ("q35", "2.0-crb")])
def test_device_tree(tests, small, machine, kind):
    """-dtb: QEMU puts it behind the kernel, which it patches for that."""
    tree = tests.tmp / "tree.dtb"
    tree.write_bytes(device_tree())
    args = kernel_args(small) + ["-dtb", tree]
    want = predict(tests, machine, kind, args)
    boot_small_kernel(tests, machine, kind, args, want, look=handed_over)
    without = predict(tests, machine, kind, args[:-2])
    assert json.loads(want.read_text())["pcrs"] != \
        json.loads(without.read_text())["pcrs"], "the tree is not measured"


@pytest.mark.parametrize("change", ["cmdline", "setup", "kernel", "initrd"])
def test_a_changed_byte_shows(tests, small, change):
    """The prediction of the unchanged files names the event, and no other
    PCR differs."""
    want = predict(tests, "q35", "2.0-crb", kernel_args(small))
    files, cmdline = dict(small), CMDLINE
    if change == "cmdline":
        cmdline = cmdline.replace("panic", "Panic")
    else:
        name = "initramfs" if change == "initrd" else "vmlinuz"
        data = bytearray(files[name].read_bytes())
        data[{"initrd": -1, "kernel": 0x1000, "setup": 0x180}[change]] ^= 1
        files[name] = tests.tmp / name
        files[name].write_bytes(data)
    with tests.machine("q35", tpm="2.0-crb", disk=None,
                       args=kernel_args(files, cmdline)) as m:
        m.wait_debug(rb"kernel done", 120)
        path = tests.tmp / "log"
        path.write_bytes(rehearse.log_bytes(m, tests.tmp / "memory"))
    done = keelpcr("check", path, "--prediction", want)
    assert done.returncode == 1
    differing = [line for line in done.stdout.splitlines()
                 if line.startswith("PCR ")]
    pcr = 8 if change == "cmdline" else 9
    assert len(differing) == 1 and \
        differing[0].startswith(f"PCR {pcr} differs first"), done.stdout
    event = {"cmdline": "kernel_cmdline", "setup": "Linux setup",
             "kernel": "Linux kernel", "initrd": "Linux initrd"}[change]
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


def gpt_disk(tests, files):
    """GPT, GRUB's core image in a BIOS boot partition, ext2; GRUB starts
    the kernel through the 16-bit entry."""
    guest = load_script("guest")
    work = tests.tmp / "gpt"
    top = work / "top"
    top.mkdir(parents=True)
    guest.boot_tree(top, files["vmlinuz"].parent, GRUB_LINUX16)
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


def linux_options(files, cmdline):
    return ["--linux", files["vmlinuz"], "--linux-initrd",
            files["initramfs"], "--linux-cmdline", cmdline]


GPT_CODE = ["MBR", "MBR PARTITION_TABLE", "GPT", "BIOS BOOT PARTITION"]
GPT_CMDLINE = "BOOT_IMAGE=/boot/vmlinuz " + CMDLINE


@pytest.mark.parametrize("machine,kind", [("q35", "2.0-crb"), ("pc", "1.2")])
def test_grub_on_gpt(tests, small, machine, kind):
    args = vm.disk(gpt_disk(tests, small), "virtio", machine)
    want = predict(tests, machine, kind, args,
                   *linux_options(small, GPT_CMDLINE))
    log = boot_small_kernel(tests, machine, kind, args, want)
    assert log_texts(log, 4, 5) == GPT_CODE


@pytest.mark.slow
def test_linux16_of_grub(tests):
    """As above, with a real Linux."""
    args = vm.disk(gpt_disk(tests, tests.guest), "virtio", "q35")
    want = predict(tests, "q35", "2.0-crb", args,
                   *linux_options(tests.guest, GPT_CMDLINE))
    dump = tests.boot_and_dump("q35", "tpm", tpm="2.0-crb", disk=None,
                               args=args)
    assert_as_predicted(tests, dump, want)
    assert texts(dump, 4, 5) == GPT_CODE
    assert texts(dump, 8, 9) == ["kernel_cmdline: " + GPT_CMDLINE,
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


@pytest.mark.slow
@pytest.mark.parametrize("machine,kind", [("pc", "2.0-crb"), ("q35", "1.2")])
def test_isolinux(tests, machine, kind):
    guest = load_script("guest")
    args = tests.storage("isolinux", machine)
    want = predict(tests, machine, kind, args, *linux_options(
        tests.guest, f"BOOT_IMAGE=/boot/vmlinuz {guest.CMDLINE} "
        "initrd=/boot/initramfs"))
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk="isolinux")
    assert_as_predicted(tests, dump, want)
    assert "EL TORITO IMAGE" in texts(dump, 4)


def syslinux_disk(tests, files):
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
    for source, name in ((files["vmlinuz"], "vmlinuz"),
                         (files["initramfs"], "initrd"),
                         (config, "syslinux.cfg")):
        run("mcopy", "-i", part, source, f"::{name}")
    run("syslinux", "--offset", start * 512, "--install", image)
    with open(image, "r+b") as disk:
        disk.write(partitioned_mbr(0x0e, start, size))
    return image


def test_syslinux(tests, small):
    args = vm.disk(syslinux_disk(tests, small), "ide", "pc")
    want = predict(tests, "pc", "2.0-crb", args, *linux_options(
        small, f"BOOT_IMAGE=vmlinuz {CMDLINE} initrd=initrd"))
    log = boot_small_kernel(tests, "pc", "2.0-crb", args, want)
    assert log_texts(log, 4) == ["MBR", "PARTITION BOOT RECORD"]


# ------------------------------------------------------------------ network

PXELINUX = pathlib.Path("/usr/lib/PXELINUX/pxelinux.0")


def tftp_directory(tests, files, loader):
    """What QEMU's TFTP server has: PXELINUX or an iPXE script, the kernel."""
    top = tests.tmp / "tftp"
    (top / "pxelinux.cfg").mkdir(parents=True)
    for path in (*files.values(), PXELINUX, load_script("guest").SYSLINUX):
        shutil.copy(path, top)
    (top / "pxelinux.cfg" / "default").write_text(
        "DEFAULT keel\nLABEL keel\n  KERNEL vmlinuz\n  INITRD initramfs\n"
        f"  APPEND {CMDLINE}\n")
    (top / "script.ipxe").write_text(
        f"#!ipxe\nkernel vmlinuz {CMDLINE}\ninitrd initramfs\nboot\n")
    return top, {"pxelinux": PXELINUX.name, "ipxe": "script.ipxe"}[loader]


@pytest.mark.parametrize("loader,machine,kind,card", [
    ("pxelinux", "pc", "2.0-crb", "e1000"),
    ("ipxe", "q35", "1.2", "virtio-net-pci"),
    pytest.param("ipxe", "pc", "2.0-tis", "rtl8139", marks=pytest.mark.slow),
    pytest.param("pxelinux", "q35", "1.2", "e1000e",
                 marks=pytest.mark.slow)])
def test_network(tests, small, loader, machine, kind, card):
    """The card's ROM (iPXE) is in PCR 2, its boot entry in PCR 4, the kernel
    that it or PXELINUX starts in PCR 8 and 9."""
    top, bootfile = tftp_directory(tests, small, loader)
    args = ["-netdev", f"user,id=n,tftp={top},bootfile={bootfile}",
            "-device", f"{card},netdev=n,bootindex=0"]
    cmdline = {"pxelinux": f"BOOT_IMAGE=vmlinuz {CMDLINE} initrd=initramfs",
               "ipxe": CMDLINE}[loader]
    want = predict(tests, machine, kind, args,
                   *linux_options(small, cmdline))
    log = boot_small_kernel(tests, machine, kind, args, want)
    assert log_texts(log, 8, 9) == [
        "kernel_cmdline: " + cmdline, "Linux kernel", "Linux initrd"]
    assert [e.data for e in log.events if e.pcr == 4 and e.data.startswith(
        b"Booting BEV Device iPXE")]


# ----------------------------------------------------------------- switches

@pytest.mark.parametrize("value", ["0", "off"])
def test_switches(tests, small, shared_dir, value):
    """opt/org.keelbios/measure-linux and measure-boot-code turn it off, and
    the prediction knows."""
    args, _ = grid_case(tests, "isolinux", "pc", small, shared_dir)
    for name in ("measure-linux", "measure-boot-code"):
        args += ["-fw_cfg", f"name=opt/org.keelbios/{name},string={value}"]
    want = predict(tests, "pc", "2.0-crb", args, *linux_options(small, ""))
    log = boot_small_kernel(tests, "pc", "2.0-crb", args, want)
    assert not log_texts(log, 8, 9)
    assert log_texts(log, 4) == ["EL TORITO IPL"]


def test_what_may_differ_between_machines(tests, small, shared_dir):
    """Machines that differ in UUID, serial number, MAC address and the disk's
    content behind the boot code have the same PCR 0-9; those that differ in
    RAM size and TPM interface, all but PCR 1; in the partition table or disk
    signature, all but PCR 5 (docs/measurements.md, "What may differ")."""
    grid_case(tests, "grub", "q35", small, shared_dir)
    data = bytearray((tests.tmp / "grub.img").read_bytes())
    image = tests.tmp / "other.img"

    def boot(more, kind="2.0-crb", **kwargs):
        image.write_bytes(data)
        out = tests.tmp / f"pcrs{tests.count}"
        with tests.machine("q35", disk=None, tpm=kind, args=[
                *vm.disk(image, "virtio", "q35"), *more,
                *kernels.arguments(out)], **kwargs) as m:
            m.wait_debug(rb"kernel done", 120)
            return kernels.pcrs(out.read_bytes())

    def differing(one, two):
        assert sorted(one) == sorted(two) == sorted(ALL)
        return sorted({n for bank in one for n in one[bank]
                       if one[bank][n] != two[bank][n]})

    one = boot(["-uuid", "11111111-1111-1111-1111-111111111111",
                "-smbios", "type=1,serial=1", "-name", "one",
                "-nic", "user,model=virtio-net-pci,mac=52:54:00:00:00:01"])
    data[-1000:] = b"x" * 1000          # free space of the file system
    more = ["-uuid", "22222222-2222-2222-2222-222222222222",
            "-smbios", "type=1,serial=2", "-name", "two",
            "-nic", "user,model=virtio-net-pci,mac=52:54:00:00:00:02"]
    two = boot(more)
    assert differing(one, two) == []
    assert differing(two, boot(more, "2.0-tis", mem="384M")) == [1]
    data[0x1b8] ^= 1                    # disk signature
    assert differing(two, boot(more)) == [5]


# ------------------------------------------------------------ hostile callers

def test_headers_that_lie(tests):
    """tests/rm/linux.S: nothing crashes, what is not in RAM is said and not
    measured, the good header is measured once."""
    from rm16 import assemble
    image = assemble("linux", tests.tmp)
    args = vm.disk(image, "ide", "pc")
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=args) as m:
        m.wait_debug(rb"^done$", 60)
        text = m.debug().decode()
        assert "FAIL" not in text, m.report("a call failed")
        log = rehearse.read_log(m, tests.tmp / "memory")
    assert text.count("ok EC00") == 28 + 6 + 2 + 2
    assert "Linux kernel (256 bytes at fed40000) is not in RAM" in text
    assert "Linux kernel (256 bytes at 20000000) is not in RAM" in text
    assert "Linux initrd (4294967295 bytes" in text
    assert "Linux initrd (4287627264 bytes at 00700000) is not in RAM" in text
    assert "Linux command line (1 bytes at ffffffff)" in text
    found = [e for e in log.events if e.pcr in (8, 9)]

    def sha(data):
        return hashlib.sha256(data).digest()

    # A command line without its NUL counts as far as its protocol lets it.
    endless = [e for e in found if e.data.startswith(b"kernel_cmdline: AAA")]
    assert [e.digests["sha256"] for e in endless] == [
        sha(b"A" * 0x7ff), sha(b"A" * 0x10000)]
    assert endless[-1].data == b"kernel_cmdline: " + b"A" * 2048 + b"\0"
    assert [(e.data, e.digests["sha256"]) for e in found[-3:]] == [
        (b"kernel_cmdline: root=/dev/keel quiet\0",
         sha(b"root=/dev/keel quiet")),
        (b"Linux kernel", sha(bytes(256))),
        (b"Linux initrd", sha(bytes(0x1001)))]


# ------------------------------------------ boot code behind the first sector

def disk_of(path, pieces, sectors=4096, table=()):
    """A disk that halts in its first sector.  pieces: (sector, bytes);
    table: (status, type, first sector, count) of the MBR."""
    data = bytearray(sectors * 512)
    data[:3] = b"\xf4\xeb\xfd"           # hlt; jmp
    for n, (status, kind, first, count) in enumerate(table):
        struct.pack_into("<B3xB3xII", data, 0x1be + 16 * n, status, kind,
                         first, count)
    data[510:512] = b"\x55\xaa"
    for sector, piece in pieces:
        data[sector * 512:sector * 512 + len(piece)] = piece
    path.write_bytes(data)
    return path


def halted_boot(tests, args, boot, **kwargs):
    """Boot to the first sector; the log must be as predicted for boot (the
    log itself says what the hardware adds).  Returns log, port 402h."""
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=args,
                       **kwargs) as m:
        m.wait_debug(rb"Booting from [0-9a-f]{4}:[0-9a-f]{4}", 60)
        log = rehearse.read_log(m, tests.tmp / "memory")
        text = m.debug().decode()
    want = pcrpredict.predict(pcrpredict.Facts(
        bios=tests.bios, banks=tuple(log.banks), reference=log, boot=boot))
    wrong = pcrpredict.first_difference(log, want)
    assert not wrong, wrong
    return log, text


MIB = 2048          # sectors
MBR_CASES = {
    # name: (pieces, sectors, table, texts in PCR 4)
    "gap of 3 MiB": (
        [(3, b"a"), (MIB, b"last"), (MIB + 1, b"beyond"), (3 * MIB, b"part")],
        4 * MIB, [(0, 0x83, 3 * MIB, MIB)], ["MBR", "MBR GAP"]),
    "gap of zeros": ([(2048, b"x")], 4096, [(0, 0x83, 2048, 2048)], ["MBR"]),
    "no gap": ([(1, b"x")], 4096, [(0, 0x83, 1, 4095)], ["MBR"]),
    "no partitions": ([(1, b"x")], 4096, [], ["MBR"]),
    "two active": (
        [(1, b"g"), (100, b"one"), (200, b"two")], 4096,
        [(0, 0x83, 300, 9), (0x80, 7, 200, 9), (0x80, 7, 100, 9)],
        ["MBR", "MBR GAP", "PARTITION BOOT RECORD"]),
    "active beyond the end": (
        [(1, b"g")], 4096, [(0x80, 7, 4096, 9)], ["MBR", "MBR GAP"]),
    "active at the end of numbers": (
        [(1, b"g")], 4096, [(0x80, 7, 0xffffffff, 0xffffffff)],
        ["MBR", "MBR GAP"]),
    "all beyond the end": (
        [(1, b"g"), (4095, b"z")], 4096, [(0, 7, 0xfffffff0, 0xffffffff)],
        ["MBR", "MBR GAP"]),
}


@pytest.mark.parametrize("case", list(MBR_CASES))
def test_code_behind_an_mbr(tests, case):
    pieces, sectors, table, texts4 = MBR_CASES[case]
    image = disk_of(tests.tmp / "disk", pieces, sectors, table)
    log, _ = halted_boot(tests, vm.disk(image, "ide", "pc"), ("disk", image))
    assert log_texts(log, 4) == texts4
    gap = [e for e in log.events if e.data == b"MBR GAP"]
    if case == "gap of 3 MiB":          # 1 MiB of it counts
        data = image.read_bytes()[512:512 + (1 << 20)]
        assert gap[0].digests["sha256"] == hashlib.sha256(data).digest()


@pytest.mark.parametrize("kind", ["ide", "virtio"])
def test_gap_that_cannot_be_read(tests, kind):
    """The drive's error is reported, the sector runs; what is behind the gap
    is measured."""
    image = disk_of(tests.tmp / "disk", [(9, b"gap"), (100, b"record")],
                    table=[(0x80, 0x83, 100, 900)])
    rules = tests.tmp / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nsector = "9"\n'
                     'errno = "5"\n')
    device = {"ide": "ide-hd,drive=bad,bus=ide.0",
              "virtio": "virtio-blk-pci,drive=bad"}[kind]
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=[
            "-drive", f"file=blkdebug:{rules}:{image},format=raw,if=none,"
            "id=bad,rerror=report,werror=report", "-device", device]) as m:
        m.wait_debug(rb"the MBR GAP cannot be read, not measured\n", 60)
        m.wait_debug(rb"Booting from 0000:7c00", 60)
        log = rehearse.read_log(m, tests.tmp / "memory")
    assert log_texts(log, 4) == ["MBR", "PARTITION BOOT RECORD"]


def cd_of(path, media, image, length=None):
    """A CD whose boot image, in sector 20, halts.  length: what its boot
    information table says."""
    image = bytearray(image)
    image[:3] = b"\xf4\xeb\xfd"
    if length is not None:
        struct.pack_into("<II", image, 12, 20, length)
    if media in (1, 2, 3):
        image[510:512] = b"\x55\xaa"
    catalog = bytearray(2048)
    catalog[:2], catalog[30:32] = b"\1\0", b"\x55\xaa"
    words = struct.unpack("<16H", catalog[:32])
    struct.pack_into("<H", catalog, 28, -sum(words) & 0xffff)
    struct.pack_into("<BBHBxHI", catalog, 32, 0x88, media, 0, 0, 4, 20)
    data = bytearray(20 * 2048) + image
    data[16 * 2048:16 * 2048 + 6] = b"\1CD001"
    struct.pack_into("<B5sB32s32xI", data, 17 * 2048, 0, b"CD001", 1,
                     b"EL TORITO SPECIFICATION", 19)
    data[19 * 2048:20 * 2048] = catalog
    path.write_bytes(data.ljust(-(-len(data) // 2048) * 2048, b"\0"))
    return path


@pytest.mark.parametrize("name,media,size,length,whole", [
    ("no table", 0, 9000, None, False), ("table", 0, 9000, 9000, True),
    ("not more than is loaded", 0, 9000, 2048, False),
    ("longer than the CD", 0, 9000, 1 << 20, False),
    ("longer than the cap", 0, 4 << 20, (3 << 20) + 1, False),
    ("as long as the cap", 0, 4 << 20, 3 << 20, True),
    ("wraps", 0, 9000, 0xffffffff, False),
    ("1.2 MB floppy", 1, 1200 << 10, None, True),
    ("1.44 MB floppy", 2, 1440 << 10, None, True),
    ("short floppy", 2, 9000, None, False)])
def test_boot_image_of_a_cd(tests, name, media, size, length, whole):
    image = bytes(n * 7 & 0xff for n in range(4096)) * (size // 4096 + 1)
    cd = cd_of(tests.tmp / "cd.iso", media, image[:size], length)
    log, text = halted_boot(
        tests, vm.cdrom(cd, "pc"),
        ("cd", cd, machinefacts.cd_name("ata1-0")))
    assert log_texts(log, 4) == ["EL TORITO IPL"] + \
        ["EL TORITO IMAGE"] * whole, name
    assert ("the boot image cannot be read, not measured" in text) == \
        (name in ("longer than the CD", "short floppy"))


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
    disk_of(image, [(1, table), (100, b"c" * 512), (200, b"v" * 512),
                    (4050, b"e" * 512)], total)
    data = bytearray(image.read_bytes())
    data[0x1be:0x1be + 16] = mbr
    image.write_bytes(data)
    log, text = halted_boot(tests, vm.disk(image, "ide", "pc"),
                            ("disk", image))
    assert ("GPT" in log_texts(log, 5)) == (what in ("start", "entries"))
    if what != "start" and what != "entries":
        assert "the GPT has impossible numbers, not measured" in text


def test_gpt_whose_table_cannot_be_read(tests):
    """The sector runs all the same."""
    image = tests.tmp / "gpt.img"
    mbr, table = gpt_sectors(4096, [(b"Hah!IdontNeedEFI", 100, 120, 0)])
    disk_of(image, [(1, table), (100, b"c")])
    data = bytearray(image.read_bytes())
    data[0x1be:0x1be + 16] = mbr
    image.write_bytes(data)
    rules = tests.tmp / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nsector = "7"\n'
                     'errno = "5"\n')
    with tests.machine("pc", disk=None, tpm="2.0-crb", args=[
            "-drive", f"file=blkdebug:{rules}:{image},format=raw,if=none,"
            "id=bad,rerror=report", "-device", "ide-hd,drive=bad"]) as m:
        m.wait_debug(rb"the GPT cannot be read, not measured\n", 60)
        m.wait_debug(rb"Booting from 0000:7c00", 60)
        log = rehearse.read_log(m, tests.tmp / "memory")
    assert log_texts(log, 4, 5) == ["MBR", "MBR PARTITION_TABLE"]

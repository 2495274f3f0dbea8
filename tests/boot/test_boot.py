# SPDX-License-Identifier: MIT
"""A Debian kernel boots from each kind of medium, on both machines."""

import re

import pytest

from conftest import OUT, Tests, load_script
import vm
from needs import needed

def slow(*values):
    """A variant: each kind of medium, loader and machine is there without."""
    return pytest.param(*values, marks=pytest.mark.slow)


DISKS = [("pc", "ide", "sda"), slow("pc", "ahci", "sda"),
         ("pc", "virtio-legacy", "vda"), slow("pc", "virtio-modern", "vda"),
         ("q35", "ahci", "sda"), slow("q35", "virtio-legacy", "vda"),
         ("q35", "virtio-modern", "vda")]
CDS = [("pc", "isolinux"), slow("pc", "grub-cd"), slow("q35", "isolinux"),
       ("q35", "grub-cd")]


def off(m):
    m.send("poweroff -f\n")
    assert m.wait() == 0


def driving(tests, generic, disk):
    """The kernel that has a driver for this kind of disk."""
    return generic if disk == "ahci" else tests


@pytest.mark.parametrize("machine,disk,name", DISKS)
def test_grub_disk(tests, generic, machine, disk, name):
    with driving(tests, generic, disk).machine(machine, disk) as m:
        m.ready()
        assert re.search(rf" {name}1$", m.command("keel-load"), re.M), \
            m.report(f"Linux does not see {name}1")
        off(m)


@pytest.mark.parametrize("machine,kind", CDS)
def test_cd(tests, generic, machine, kind):
    with driving(tests, generic, "ide" if machine == "pc" else "ahci") \
            .machine(machine, kind) as m:
        m.ready()
        assert " sr0" in m.command("keel-load")
        off(m)


@pytest.mark.parametrize("machine", ["pc", slow("q35")])
def test_kernel_argument(tests, machine):
    """-kernel, -initrd, -append: QEMU's own option ROM boots it."""
    args = ["-kernel", tests.guest["vmlinuz"],
            "-initrd", tests.guest["initramfs"],
            "-append", "console=ttyS0,115200 panic=-1 keel.mark=42"]
    with tests.machine(machine, None, args=args) as m:
        m.ready()
        assert "keel.mark=42" in m.command("cat /proc/cmdline")
        off(m)


@pytest.mark.parametrize("machine,smp", [
    ("q35", 4), slow("pc", 4), slow("pc", 8), slow("q35", 8)])
def test_cpus(tests, machine, smp):
    with tests.linux(machine, smp=smp) as m:
        m.ready()
        assert int(m.command("grep -c ^processor /proc/cpuinfo")) == smp
        off(m)


@pytest.mark.parametrize("machine,mem", [
    ("q35", "6G"), slow("pc", "96M"), slow("q35", "96M"), slow("pc", "512M"),
    slow("pc", "6G"), slow("q35", "2816M"), slow("pc", "3584M")])
def test_memory(tests, machine, mem):
    """All of -m is there, but less than 1 MiB.  96M is the least that an
    amd64 kernel of Debian's needs, under any firmware: it unpacks to 51 MiB
    and more from 16 MiB on."""
    want = int(mem[:-1]) * (1024 if mem[-1] == "G" else 1)
    with tests.linux(machine, mem=mem) as m:
        m.ready()
        lines = m.command("grep -E ' System RAM$' /proc/iomem").splitlines()
        total = 0
        for line in filter(None, lines):
            a, b = line.split()[0].split("-")
            total += int(b, 16) - int(a, 16) + 1
        assert (want - 1) << 20 <= total <= want << 20, \
            m.report(f"System RAM is {total >> 10} KiB of {want} MiB: {lines}")
        off(m)


@pytest.mark.parametrize("machine,way", [
    ("pc", "grub"), ("q35", "kernel"), slow("q35", "grub"),
    slow("pc", "kernel")])
def test_linux_with_64_mib(bios, tmp_path, machine, way):
    """Debian's i386 installer kernel, through GRUB and by -kernel."""
    guest = load_script("guest")
    needed(str(guest.SMALL_KERNEL), guest.KERNELS["small"])
    small = Tests(bios, guest.build(
        OUT, ["disk.img"], "small"), tmp_path)
    args = [] if way == "grub" else [
        "-kernel", small.guest["vmlinuz"], "-initrd",
        small.guest["initramfs"], "-append", "console=ttyS0,115200 panic=-1"]
    with small.machine(machine, "virtio" if way == "grub" else None,
                       mem="64M", args=args) as m:
        total = int(m.expect(rb"total (\d+) KiB", 120)[1])
        assert 32 << 10 < total < 64 << 10, m.report(f"{total} KiB")
        assert m.wait(60) == 0


@pytest.mark.parametrize("mem", ["8M", "16M", "64M"])
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_little_memory(tests, machine, mem):
    """The firmware starts a boot sector with less than Linux needs."""
    args = ["-drive", f"file={tests.guest['clock.img']},format=raw,"
            "if=virtio,snapshot=on",
            "-device", "isa-debug-exit,iobase=0x501,iosize=1"]
    with tests.machine(machine, None, mem=mem, args=args) as m:
        assert m.wait(30) == 0x63, m.report("the boot sector did not run")


def test_cd_when_disk_has_no_signature(tests):
    """A blank disk comes first: one line, then the CD's loader runs."""
    blank = tests.tmp / "blank.img"
    blank.write_bytes(bytes(1 << 20))
    args = vm.disk(blank, "ide", boot=1) + \
        vm.cdrom(tests.guest["isolinux.iso"], boot=2)
    with tests.machine("pc", None, args=args,
                       machine_options=",graphics=off") as m:
        m.expect(rb"(?i)not a bootable disk|not bootable|no .{0,20}signature",
                 40, "a line about the blank disk")
        m.expect(rb"ISOLINUX", 40)


@pytest.mark.slow                       # usb::linux_from_a_stick reboots, too
def test_reboot(tests):
    """A reboot by Linux comes up again."""
    with tests.machine("q35") as m:
        m.ready()
        m.send("reboot -f\n")
        m.ready()
        off(m)

# SPDX-License-Identifier: MIT
"""Resets at any moment and by any means, and S3 many times over: always a
working machine."""

import random
import subprocess
import time

import pytest

import agent
import roms
import vm
from test_sleep import suspend_and_wake

BOOTED = 0x63
METHODS = ["cf9", "keyboard", "triple-fault", "jump-ffff", "jump-f000",
           "port-92", "warm", "spoilt-memory", "int19"]


def second_boot(bios, tmp_path, machine, method, shutdown=0):
    """Reset by roms/reset.S: the second boot sector runs."""
    source = roms.SOURCES / "reset.S"
    obj = tmp_path / "reset.o"
    subprocess.run(["gcc", "-m32", "-c", source, "-o", obj,
                    f"-DMETHOD={method}", f"-DSHUTDOWN={shutdown}"],
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext",
                    "0", "-e", "0", obj, "-o", tmp_path / "reset.bin"],
                   check=True)
    data = (tmp_path / "reset.bin").read_bytes()
    assert len(data) == 512
    disk = tmp_path / "disk.img"
    disk.write_bytes(data + bytes((1 << 20) - 512))
    argv = vm.qemu_argv(bios, machine, mem="64M", args=[
        "-device", "isa-debug-exit,iobase=0x501,iosize=1"]
        + vm.disk(disk, "virtio"))
    with vm.Machine(argv, tmp_path / "run") as m:
        assert m.wait(60) == BOOTED, m.report("no second boot")


@pytest.mark.parametrize("machine", [
    "pc", pytest.param("q35", marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", METHODS)
def test_reset_by(bios, tmp_path, machine, method):
    second_boot(bios, tmp_path, machine, METHODS.index(method))


@pytest.mark.parametrize("code", [5, 9, 0xa])
def test_shutdown_codes_jump_nowhere(bios, tmp_path, under_seabios, code):
    """CMOS byte 0Fh asks for a jump without POST: what runs there would be
    measured by nobody, so there is a POST."""
    if under_seabios:
        pytest.skip("SeaBIOS honours the codes: it jumps")
    second_boot(bios, tmp_path, "q35", len(METHODS), code)


def booted(m, since, limit=60):
    """Wait until the boot sector has printed its line after byte `since` of
    the debug port's log."""
    end = time.monotonic() + limit
    while b"[sector a]" not in m.debug()[since:]:
        if time.monotonic() > end or not m.alive():
            raise vm.VmError(m.report("no boot after the last reset"))
        time.sleep(0.01)


def shake(m, count, seed):
    """Reset count times, each at a random moment of what the machine does;
    after every fifth, let it come up.  How long it takes to come up is
    measured first: moments are spread over that, and a little beyond."""
    start = time.monotonic()
    booted(m, 0)
    span = 1.2 * (time.monotonic() - start)
    rng = random.Random(seed)
    for n in range(1, count + 1):
        since = len(m.debug())
        m.qmp("system_reset")
        if n % 5 == 0:
            booted(m, since)
        else:
            time.sleep(rng.uniform(0, span))
    since = len(m.debug())
    m.qmp("system_reset")
    booted(m, since)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_half_an_address_left(tests, machine):
    """In fw_cfg's DMA register, by an OS that stopped in the middle; QEMU's
    reset keeps it.  The first operation of POST, or of a resume, would go
    to memory that is not there."""
    with agent.started(tests, machine, None, mem="32M", vga="none",
                       args=["-device", "vmgenid,guid=auto"]) as a:
        cold = a.m.debug()
        assert not a.m.hmp("o/w 0x514 0xffffffff")
        a.suspend()
        a.wake()
        said = a.m.debug()[len(cold):]
        assert said == b"S3 resume\n", said
        assert not a.m.hmp("o/w 0x514 0xffffffff")
        a.reset()
        assert a.m.debug()[len(cold) + len(said):] == cold


@pytest.mark.slow
def test_watchdog_left_on(tests):
    """ICH9's, at 2.4 s; where QEMU resets the bit against rebooting to 0 (seen
    with 11.1) it would reset the next boot."""
    with agent.started(tests, "q35", None) as a:
        a.command("W fed1f410 0")           # GCS: rebooting is allowed
        for port, value in ((0x672, 4), (0x673, 0), (0x668, 0), (0x669, 0),
                            (0x660, 1)):    # TCO_TMR, TCO1_CNT, TCO_RLD
            a.command(f"o {port:x} {value:x}")
        a.reset()
        assert a.m.find(rb"AGENT", 8) is None, a.m.report("one boot too many")


RESETS = [("pc", "ide", None, 20), ("q35", "virtio", "2.0-crb", 20)]
MANY = [("pc", "virtio", None, 200), ("q35", "ide", None, 200),
        ("q35", "nvme", "2.0-tis", 200),
        ("pc", "ide", "1.2", 60)]       # takes a second each


@pytest.mark.parametrize("machine,disk,tpm,count", RESETS + [
    pytest.param(*case, marks=pytest.mark.slow) for case in MANY])
def test_resets_in_post(tests, tmp_path, machine, disk, tpm, count):
    path = roms.sector(tmp_path / "a.img", "a")
    with tests.machine(machine, None, tpm=tpm, smp=2, vga="std", nic=True,
                       args=vm.disk(path, disk, machine, boot=1)) as m:
        shake(m, count, seed=count + len(machine))


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_resets_in_the_menu(tests, tmp_path, machine):
    """Most moments lie in the wait for a key."""
    path = roms.sector(tmp_path / "a.img", "a")
    with tests.machine(machine, None, args=[
            "-boot", "menu=on,splash-time=300"]
            + vm.disk(path, "virtio", machine, boot=1)) as m:
        shake(m, 60, seed=7)


@pytest.mark.slow
@pytest.mark.parametrize("machine,tpm", [
    ("pc", None), ("q35", None), ("q35", "2.0-crb")])
def test_sleep_50_times(tests, machine, tpm):
    """S3 in a row; the clock of ACPI, which SeaBIOS loses on q35, and the
    way to the next reset are still there afterwards."""
    with tests.machine(machine, tpm=tpm, smp=2) as m:
        m.ready()
        for _ in range(50):
            suspend_and_wake(m)
        assert m.command("cat /sys/devices/system/cpu/online").strip() == \
            "0-1"
        m.command("grep -q acpi_pm /sys/devices/system/clocksource/"
                  "clocksource0/available_clocksource")
        m.send("reboot -f\n")
        m.ready()


@pytest.mark.slow
@pytest.mark.parametrize("machine,way", [
    ("pc", "kbd"), ("pc", "bios"), ("pc", "triple"), ("q35", "acpi"),
    ("q35", "pci"), ("q35", "triple")])
def test_linux_reboots(tests, machine, way):
    """reboot= of the kernel's command line, given by -kernel."""
    with tests.machine(machine, None, args=[
            "-kernel", str(tests.guest["vmlinuz"]),
            "-initrd", str(tests.guest["initramfs"]),
            "-append", f"console=ttyS0,115200 panic=-1 reboot={way}"]) as m:
        m.ready()
        m.send("reboot -f\n")
        m.ready()


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_power_off(tests, machine):
    """S5."""
    with tests.machine(machine, "virtio") as m:
        m.ready()
        m.send("poweroff -f\n")
        assert m.wait(60) == 0, m.report("no power off")

# SPDX-License-Identifier: MIT
"""The machine's state, taken to another QEMU or saved and loaded again, at
moments of POST, in the boot menu and in Linux.

    QEMU=old QEMU_TARGET=new pytest test_migration.py   from one version to
                                                        another
"""

import os
import random
import re
import subprocess
import time

import pytest

import roms
from test_sleep import PCRS, PCRS_12, suspend_and_wake
import vm

PROMPT = rb"Press ESC for boot menu\."
TITLE = rb"Select boot device:"


def wait_migrated(m, limit=120):
    end = time.monotonic() + limit
    while True:
        status = m.qmp("query-migrate").get("status")
        if status == "completed":
            return
        if status == "failed" or time.monotonic() > end:
            raise vm.VmError(m.report(f"migration: {status}"))
        time.sleep(0.02)


def of_version(argv):
    """The command line with the machine's type of this version, "pc-i440fx-7.2"
    say, instead of "pc": another version's "pc" is another machine."""
    known = subprocess.run([argv[0], "-machine", "help"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    at = argv.index("-machine") + 1
    alias, _, rest = argv[at].partition(",")
    name = re.search(rf"^{alias} .*\(alias of (\S+)\)", known, re.M)[1]
    return argv[:at] + [f"{name},{rest}"] + argv[at + 1:]


class Mover:
    """Starts one command line twice: what the first has become goes on in
    the second."""

    def __init__(self, argv, work, tpm=None):
        """tpm: the one of argv; its volatile state moves with the machine's,
        the rest is in its directory."""
        self.argv, self.work, self.tpm = of_version(argv), work, tpm
        self.target = [os.environ.get("QEMU_TARGET") or argv[0],
                       *self.argv[1:]]

    def source(self):
        """It stands still until it is told to go on."""
        return vm.Machine(self.argv + ["-S"], self.work / "source")

    def move(self, m):
        """A machine that is to be entered as a context; it runs."""
        state = self.work / "state"
        m.qmp("migrate", uri=f"exec:cat > {state}")
        wait_migrated(m)
        m.qmp("quit")
        m.wait(60)
        if self.tpm:
            self.tpm.process.wait(10)       # it ends with QEMU
            self.tpm.start()
        return vm.Machine(self.target + ["-incoming", f"exec:cat {state}"],
                          self.work / "target")


def wait_running(m, limit=120):
    end = time.monotonic() + limit
    while m.qmp("query-status")["status"] == "inmigrate":
        if time.monotonic() > end:
            raise vm.VmError(m.report("the state does not arrive"))
        time.sleep(0.02)
    m.qmp("cont")


def in_post(bios, tmp_path, machine, disk, moments, seed):
    """Move at so many moments of POST; the boot sector runs in the end,
    and again after a reset."""
    path = roms.sector(tmp_path / "a.img", "a")
    argv = vm.qemu_argv(bios, machine, mem="64M", smp=2, vga="std",
                        args=vm.disk(path, disk, machine, boot=1))
    start = time.monotonic()
    with vm.Machine(argv, tmp_path / "time") as m:
        m.wait_debug(rb"\[sector a\]", 60)
    span = time.monotonic() - start
    rng = random.Random(seed)
    for n in range(moments):
        mover = Mover(argv, tmp_path / f"move{n}")
        with mover.source() as m:
            m.qmp("cont")
            time.sleep(rng.uniform(0, span))
            done = b"[sector a]" in m.debug()
            with mover.move(m) as target:
                wait_running(target)
                if not done and b"[sector a]" not in m.debug():
                    target.wait_debug(rb"\[sector a\]", 60)
                before = len(target.debug())
                target.qmp("system_reset")
                end = time.monotonic() + 60
                while b"[sector a]" not in target.debug()[before:]:
                    assert time.monotonic() < end, target.report(
                        "no boot after a reset of the moved machine")
                    time.sleep(0.02)


@pytest.mark.parametrize("machine,disk", [("pc", "ide"), ("q35", "virtio")])
def test_in_post(bios, tmp_path, machine, disk):
    in_post(bios, tmp_path, machine, disk, 2, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("machine,disk", [
    ("pc", "virtio"), ("pc", "virtio-scsi"), ("q35", "ide"),
    ("q35", "usb-xhci")])
def test_in_post_often(bios, tmp_path, machine, disk):
    """QEMU does not move a machine that has an NVMe disk."""
    in_post(bios, tmp_path, machine, disk, 10, seed=2)


def menu_argv(bios, tmp_path, machine):
    args = ["-boot", "menu=on,splash-time=60000"]
    for i, name in enumerate("ab"):
        path = roms.sector(tmp_path / f"{name}.img", name)
        args += vm.disk(path, "virtio", machine, index=i, boot=i + 1)
    sercon = tmp_path / "sercon"
    sercon.write_bytes(b"\xf8\x03")
    return vm.qemu_argv(bios, machine, mem="64M", args=args + [
        "-fw_cfg", f"name=etc/sercon-port,file={sercon}"])


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_in_the_menu(bios, tmp_path, machine):
    """Once while the firmware waits for ESC, once in the list."""
    argv = menu_argv(bios, tmp_path, machine)
    mover = Mover(argv, tmp_path / "wait")
    with mover.source() as m:
        m.qmp("cont")
        m.expect(PROMPT, 60)
        with mover.move(m) as target:
            wait_running(target)
            target.send("\x1b")
            target.expect(TITLE, 60)
            target.send("2")
            target.wait_debug(rb"\[sector b\]", 60)
    mover = Mover(argv, tmp_path / "list")
    with mover.source() as m:
        m.qmp("cont")
        m.expect(PROMPT, 60)
        m.send("\x1b")
        m.expect(rb"2\. [^\n]*\n", 60)
        with mover.move(m) as target:
            wait_running(target)
            target.send("2")
            target.wait_debug(rb"\[sector b\]", 60)


@pytest.mark.slow
@pytest.mark.parametrize("machine,kind,pcrs", [
    ("pc", None, "true"), ("q35", None, "true"), ("q35", "2.0-crb", PCRS),
    ("pc", "2.0-tis", PCRS), ("pc", "1.2", PCRS_12)])
def test_in_linux(tests, tmp_path, machine, kind, pcrs):
    """Linux goes on, sleeps and wakes (which runs the firmware's code),
    and reboots.  PCRs are those of before, and after the reboot again: with
    another QEMU, PCR 0."""
    with tests.tpm(kind) as tpm:
        argv = vm.qemu_argv(tests.bios, machine, tpm, smp=2,
                            args=tests.storage("ide", machine))
        mover = Mover(argv, tmp_path, tpm)
        with mover.source() as m:
            m.qmp("cont")
            m.ready()
            m.command("echo kept > /tmp/state")
            before = m.command(pcrs).strip()
            with mover.move(m) as target:
                wait_running(target)
                assert target.command("cat /tmp/state").strip() == "kept"
                assert target.command(pcrs).strip() == before
                suspend_and_wake(target)
                assert target.command(pcrs).strip() == before
                target.send("reboot -f\n")
                target.ready()
                after = target.command(pcrs).strip()
                # Another version's tables and option ROMs are others: PCR 1
                # and 2.
                if mover.target[0] != argv[0]:
                    after, before = after[:60], before[:60]
                assert after == before


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_savevm_in_post(bios, tmp_path, machine):
    """One QEMU: saved in the menu, then booted, then loaded: it is in the
    menu again and boots the other disk."""
    store = tmp_path / "store.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", store, "1M"],
                   check=True)
    args = ["-drive", f"if=none,id=store,format=qcow2,file={store}"]
    with vm.Machine(menu_argv(bios, tmp_path, machine) + args,
                    tmp_path / "run") as m:
        m.expect(PROMPT, 60)
        m.send("\x1b")
        m.expect(rb"2\. [^\n]*\n", 60)
        said = m.hmp("savevm s")
        assert said == "", m.report(f"savevm: {said}")
        m.send("1")
        m.wait_debug(rb"\[sector a\]", 60)
        said = m.hmp("loadvm s")
        assert said == "", m.report(f"loadvm: {said}")
        m.send("2")
        m.wait_debug(rb"\[sector b\]", 60)

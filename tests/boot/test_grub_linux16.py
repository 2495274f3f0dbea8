# SPDX-License-Identifier: MIT
"""contrib/grub.d/06_linux16: entries for the kernels that are there, as
grub-mkconfig would have them made, and what they start is measured.

GRUB's own library runs, but for what asks which disk / is on."""

import os
import pathlib
import re
import subprocess

from conftest import load_script
import kernels
import rehearse
import vm

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "contrib/grub.d/06_linux16"
LIBRARY = """\
. /usr/share/grub/grub-mkconfig_lib
prepare_grub_to_access_device() { echo "set root=hd0,msdos1"; }
make_system_path_relative_to_its_root() { echo /boot; }
"""


def entries(work, **settings):
    """What it writes for the kernels in work/boot."""
    (work / "grub-mkconfig_lib").write_text(LIBRARY)
    done = subprocess.run(
        [SCRIPT], text=True, capture_output=True, check=False, timeout=60,
        env=dict(os.environ, KEEL_BOOT=str(work / "boot"),
                 pkgdatadir=str(work), GRUB_DEVICE="/dev/vda1",
                 GRUB_DISTRIBUTOR="Debian", **settings))
    assert done.returncode == 0, done.stderr
    path = work / "grub.cfg"
    path.write_text(done.stdout)
    subprocess.run(["grub-script-check", path], check=True, timeout=60)
    return done.stdout


def test_follows_the_kernels(tmp_path):
    """The newest comes first, each with its own initrd; a kernel that comes is
    there the next time, and one that goes is not."""
    boot = tmp_path / "boot"
    boot.mkdir()
    for name in ("vmlinuz-6.1.0-9-amd64", "vmlinuz-6.1.0-10-amd64",
                 "initrd.img-6.1.0-10-amd64", "config-6.1.0-9-amd64"):
        (boot / name).write_text("")
    text = entries(tmp_path, GRUB_CMDLINE_LINUX="console=ttyS0",
                   GRUB_CMDLINE_LINUX_DEFAULT="quiet")
    assert re.findall(r"linux16 /boot/vmlinuz-(\S+) root=/dev/vda1 ro "
                      r"console=ttyS0 quiet\n", text) == \
        ["6.1.0-10-amd64", "6.1.0-9-amd64"]
    assert re.findall(r"initrd16 (\S+); then", text) == \
        ["/boot/initrd.img-6.1.0-10-amd64"]
    (boot / "vmlinuz-6.1.0-11-amd64").write_text("")
    (boot / "vmlinuz-6.1.0-9-amd64").unlink()
    assert re.findall(r"--id 'linux16-(\S+)'", entries(tmp_path)) == \
        ["6.1.0-11-amd64", "6.1.0-10-amd64"]


def test_what_it_starts_is_measured(tests):
    boot = tests.tmp / "boot"
    files = kernels.build(boot)
    files["vmlinuz"].rename(boot / "vmlinuz-1")
    files["initramfs"].rename(boot / "initrd.img-1")
    config = "set timeout=0\n" + entries(tests.tmp)
    files = kernels.build(tests.tmp / "small")
    image = tests.tmp / "disk.img"
    load_script("guest").build_disk(
        image, files["vmlinuz"].parent,
        config.replace("vmlinuz-1 ", "vmlinuz ")
        .replace("initrd.img-1;", "initramfs;"), ("linux16", "test", "halt"))
    with tests.machine("q35", disk=None, tpm="2.0-crb", args=[
            *vm.disk(image, "virtio", "q35"), "-no-shutdown"]) as m:
        m.wait_debug(rb"kernel done", 120)
        log = rehearse.read_log(m, tests.tmp / "memory")
    assert [e.data.rstrip(b"\0") for e in log.events if e.pcr in (8, 9)] == [
        b"kernel_cmdline: BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro",
        b"Linux kernel", b"Linux initrd"]

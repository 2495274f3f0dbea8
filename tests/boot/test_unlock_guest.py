# SPDX-License-Identifier: MIT
"""docs/attestation.md, "A root disk that unlocks by itself": the page's commands
in a fresh Debian 13, and then its boots: as they were, with one thing changed
each, and after an update that was announced.

What compiles runs on the host's processor in the guest's files, all else in the
guest."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import debian13
from test_attestation import changed

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pageblocks                                   # noqa: E402
import vm                                           # noqa: E402

PAGE = ROOT / "docs/attestation.md"
CLEVIS_PAGE = ROOT / "docs/unlock.md"
CLEVIS_S = 240          # it answers a question that is shown all the same
COMMANDS_MAX = 15
KIND = "2.0-crb"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def page(name, where=PAGE):
    return pageblocks.commands(pageblocks.blocks(where)[name])


def test_number_of_commands():
    blocks = [page(f"unlock-{name}") for name in ("build", "install", "bind")]
    assert sum(map(len, blocks)) <= COMMANDS_MAX


class Boots:
    """Of copies of one disk and one TPM."""

    def __init__(self, tests, disk, state, patience=0):
        self.tests, self.disk, self.state = tests, disk, state
        self.patience = patience
        self.found = {}

    def copies(self):
        disk, state = self.tests.tmp / "case.img", self.tests.tmp / "case-tpm"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(self.state, state)
        subprocess.run(["cp", "--sparse=always", self.disk, disk], check=True)
        return disk, state

    def boot(self, what, change=None, bios=None, args=()):
        """Note whether it unlocks by itself.  change(disk): before it."""
        disk, state = self.copies()
        if change:
            change(disk)
        with vm.Tpm(KIND, state) as tpm, debian13.started(
                self.tests, disk, tpm, bios=bios, args=args) as guest:
            self.found[what] = guest.unlocks(patience=self.patience)
            print(f"{what}: {'unlocks' if self.found[what] else 'asks'}",
                  flush=True)


def boot_file(disk, name):
    """A file of /boot."""
    return subprocess.run(
        ["debugfs", "-R", f"cat {name}", f"{disk}?offset={debian13.BOOT_AT}"],
        check=True, capture_output=True, timeout=60).stdout


def put_boot_file(tmp, disk, name, data):
    (tmp / "put").write_bytes(data)
    (tmp / "debugfs").write_text(f"rm {name}\nwrite {tmp}/put {name}\n")
    subprocess.run(["debugfs", "-w", "-f", tmp / "debugfs",
                    f"{disk}?offset={debian13.BOOT_AT}"],
                   check=True, capture_output=True, timeout=60)
    assert boot_file(disk, name) == data


def editing(tests, name, edit):
    """A change of one file of /boot."""
    def change(disk):
        put_boot_file(tests.tmp, disk, name, edit(boot_file(disk, name)))
    return change


def changing_byte(at):
    """A change of the disk's first sectors."""
    def change(disk):
        with open(disk, "r+b") as file:
            file.seek(at)
            value = file.read(1)[0]
            file.seek(at)
            file.write(bytes([value ^ 1]))
    return change


def reads(tests, install, bind, patience=0):
    """(disk, the TPM's state) of a guest whose owner has typed GRUB's module,
    then these commands, and was asked for the passphrase in between."""
    if os.getuid():
        pytest.skip("only root may make a bare system")
    if not shutil.which("mmdebstrap"):
        pytest.skip("scripts/setup stacks was not run: no mmdebstrap")
    system = debian13.System(tests.tmp)
    for command in page("unlock-build"):
        system.type(command)
    for command in install:
        if command.startswith("apt install"):
            system.fetch(command)
    with tests.tpm(KIND, banks="sha256") as tpm:
        disk = debian13.with_grub(tests, system, tests.tmp, tpm)
        system.remove()
        tpm.start()
        with debian13.started(tests, disk, tpm) as guest:
            assert not guest.comes_up(), "bound before the page was read"
            for command in install:
                guest.type(command)
            assert not guest.comes_up(), "nothing is bound to the new initrd"
            for command in bind:
                guest.type(command)
            assert guest.comes_up(patience=patience), "the last boot asks"
            guest.off()
        return disk, tpm.state


def update(boots):
    """A kernel of another name, and its initrd: the page's commands bind to
    them while the old ones run, and nobody types a passphrase."""
    disk, state = boots.copies()
    with vm.Tpm(KIND, state) as tpm, \
            debian13.started(boots.tests, disk, tpm) as guest:
        assert guest.comes_up()
        first, *rest = page("unlock-update")
        guest.type(first)
        guest.type("cd /boot && for f in *-$(uname -r); do mv $f $f+1; done; "
                   "truncate -s +512 initrd.img-$(uname -r)+1; "
                   "sed -i s/$(uname -r)/$(uname -r)+1/g grub/grub.cfg; cd")
        for command in rest:
            guest.type(command.replace("6.12.57", "$(uname -r)").replace(
                "6.12.63", "$(uname -r)+1"))
        guest.type("reboot")
        boots.found["kernel and initrd, announced"] = guest.comes_up()
        guest.off()


def test_root_disk(tests):
    boots = Boots(tests, *reads(tests, page("unlock-install"),
                                page("unlock-bind")))
    release = subprocess.run(
        ["debugfs", "-R", "ls -p /", f"{boots.disk}?offset={debian13.BOOT_AT}"],
        check=True, capture_output=True, text=True).stdout
    version, = {line.split("/")[5].removeprefix("vmlinuz-")
                for line in release.splitlines() if "/vmlinuz-" in line}
    boots.boot("nothing")
    boots.boot("kernel's command line", editing(
        tests, "/grub/grub.cfg",
        lambda text: text.replace(b" quiet", b" quiet edited", 1)))
    boots.boot("initrd", editing(tests, f"/initrd.img-{version}",
                                 lambda data: data + bytes(512)))
    boots.boot("a comment in grub.cfg", editing(
        tests, "/grub/grub.cfg", lambda text: text + b"# more\n"))
    boots.boot("GRUB's core image", changing_byte(2047 * 512))
    boots.boot("firmware", bios=changed(
        tests, tests.bios, b"Booting from DVD/CD", "bios.bin"))
    update(boots)
    unlocks = ("nothing", "kernel and initrd, announced")
    assert boots.found == {
        what: what in unlocks for what in boots.found}, boots.found


def test_clevis(tests):
    """docs/unlock.md's, with the initrd of initramfs-tools."""
    disk, state = reads(
        tests, [page("unlock-install")[0],
                *page("clevis-install", CLEVIS_PAGE)],
        page("clevis-bind", CLEVIS_PAGE), CLEVIS_S)
    boots = Boots(tests, disk, state, CLEVIS_S)
    boots.boot("nothing")
    boots.boot("kernel's command line", editing(
        tests, "/grub/grub.cfg",
        lambda text: text.replace(b" quiet", b" quiet edited", 1)))
    assert boots.found == {
        what: what == "nothing" for what in boots.found}, boots.found

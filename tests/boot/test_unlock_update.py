# SPDX-License-Identifier: MIT
"""The commands of docs/unlock.md for systemd-pcrlock, with the logs of boots and
a TPM of the host in place of the guest's, into which their events are extended.
The volume is a file; its key is used by systemd-cryptenroll, which unlocks it to
add another one."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import kernels
import measured
from test_attestation import HostTpm
import tcglog

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pageblocks                                   # noqa: E402

PCRLOCK = pathlib.Path("/usr/lib/systemd/systemd-pcrlock")
LOG = "/sys/kernel/security/tpm0/binary_bios_measurements"
# What systemd-pcrlock keeps where; the guest's own take their place.
PLACES = {"etc": "/etc/pcrlock.d", "lib": "/var/lib/pcrlock.d",
          "policy": "/var/lib/systemd"}

pytestmark = pytest.mark.slow


def log_of_boot(tests, cmdline, kind="2.0-crb"):
    """The log's file."""
    work = tests.tmp / cmdline
    files = kernels.build(work)
    with measured.watched(tests, kind) as tpm, tests.machine(
            "q35", None, tpm=tpm, mem="32M", args=[
                "-kernel", files["vmlinuz"], "-initrd", files["initramfs"],
                "-append", cmdline, *kernels.arguments(work / "pcrs")]) as m:
        m.wait_debug(rb"kernel done", 60)
        path = work / "log"
        path.write_bytes(measured.log_bytes(m))
    return path


class Guest:
    """Boots on one TPM, with one disk."""

    def __init__(self, work):
        self.work = work
        self.tpm = self.log = None
        self.disk, self.key = work / "disk.img", work / "key"
        self.key.write_text("a passphrase")
        self.key.chmod(0o600)
        self.disk.write_bytes(bytes(32 << 20))
        subprocess.run([
            "cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf",
            "pbkdf2", "--pbkdf-force-iterations", "1000", self.disk,
            self.key], check=True, timeout=60)
        self.private = ""
        for name, place in PLACES.items():
            (work / name).mkdir()
            self.private += f"mkdir -p {place}\n" \
                            f"mount --bind {work / name} {place}\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.tpm:
            self.tpm.__exit__()

    def boot(self, path):
        self.__exit__()
        self.tpm, self.log = HostTpm(self.work).__enter__(), path
        self.tpm.env.update(SYSTEMD_TPM2_DEVICE=self.device(),
                            SYSTEMD_MEASURE_LOG_FIRMWARE=str(path),
                            SYSTEMD_MEASURE_LOG_USERSPACE="/dev/null")
        for event in tcglog.parse(path.read_bytes()).events:
            if event.type != tcglog.EV_NO_ACTION:
                self.tpm.run("tpm2_pcrextend", f"{event.pcr}:" + ",".join(
                    f"{bank}={value.hex()}"
                    for bank, value in event.digests.items()))

    def device(self):
        return self.tpm.env["TPM2TOOLS_TCTI"]

    def shell(self, text, check=True):
        return self.tpm.run("unshare", "--mount", "sh", "-c",
                            f"set -e\n{self.private}{text}", check=check)

    def page(self, name):
        """Type what the page says."""
        text = pageblocks.blocks(ROOT / "docs/unlock.md")[name]
        for old, new in ((LOG, self.log), ("/dev/vda2", self.disk),
                         ("tpm2-device=auto", f"tpm2-device={self.device()}"),
                         ("next.json", self.work / "next.json"),
                         ("keelpcr ", f"{ROOT}/scripts/keelpcr "),
                         ("systemd-cryptenroll ", "systemd-cryptenroll "
                          f"--unlock-key-file={self.key} ")):
            text = text.replace(old, str(new))
        return self.shell(text)

    def unlocks(self):
        """Does the TPM give the disk's key?"""
        return self.shell(
            f"systemd-cryptenroll --unlock-tpm2-device={self.device()} "
            f"--wipe-slot=recovery --recovery-key {self.disk}",
            check=False).returncode == 0


def test_an_update_without_a_passphrase(tests):
    missing = [tool for tool in ("systemd-cryptenroll", "cryptsetup")
               if not shutil.which(tool)]
    if missing or not PCRLOCK.exists():
        pytest.skip("systemd has no systemd-pcrlock (Debian 12), or "
                    "scripts/setup full was not run")
    if os.getuid():
        pytest.skip("only root may mount directories over systemd's")
    now, update = log_of_boot(tests, "quiet"), log_of_boot(tests, "loud")
    other = log_of_boot(tests, "other")
    shutil.copy(update, tests.tmp / "next.json")    # a log will do, too
    with Guest(tests.tmp) as guest:
        guest.boot(now)
        guest.page("pcrlock")
        assert guest.unlocks()
        guest.boot(update)
        assert not guest.unlocks(), "an update that nobody announced"
        guest.boot(now)
        guest.page("pcrlock-next")
        assert guest.unlocks()
        guest.boot(other)
        assert not guest.unlocks(), "another boot than what was announced"
        guest.boot(update)
        assert guest.unlocks()
        # It has come: the old boot is not let in any more.
        again = guest.tpm.env["SYSTEMD_MEASURE_LOG_FIRMWARE"]
        guest.shell(f"{ROOT}/scripts/keelpcr pcrlock {again}\n"
                    f"{PCRLOCK} make-policy --pcr=0,1,2,3,4,5,7,8,9")
        assert guest.unlocks()
        guest.boot(now)
        assert not guest.unlocks(), "the boot from before the update"

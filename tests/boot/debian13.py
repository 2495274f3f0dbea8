# SPDX-License-Identifier: MIT
"""Debian 13 on a disk, as its installer leaves it: GRUB, /boot, and a root file
system in LUKS that a passphrase opens.

It is made without privileges of the kernel's: the files by mmdebstrap and apt in
a bare system (barestack.py), the volume by cryptsetup's header and our own
encryption of what is behind it.  What takes a machine, installing GRUB, is done
in one.
"""

import contextlib
import pathlib
import re
import shutil
import subprocess
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import barestack                                    # noqa: E402
import vm                                           # noqa: E402

PASSPHRASE = "a passphrase"
VOLUME = "vda2_crypt"
PACKAGES = ["linux-image-cloud-amd64", "systemd-sysv", "udev", "grub-pc",
            "initramfs-tools", "cryptsetup-initramfs", "e2fsprogs", "python3"]
ASKS = rb"(?:[Ee]nter (?:current )?passphrase|unlock disk|LUKS password)[^\n]*:"
READY = rb"KEEL-READY"
MIB = 1 << 20
BOOT_AT, BOOT_SIZE = 1 * MIB, 400 * MIB
ROOT_AT = BOOT_AT + BOOT_SIZE
PAYLOAD_AT = 16 * MIB           # of LUKS2, behind its header
SECTOR = 4096
UUID = {"boot": "6b65656c-0000-4000-8000-000000000001",
        "root": "6b65656c-0000-4000-8000-000000000002",
        "luks": "6b65656c-0000-4000-8000-000000000003"}
# AES without AVX: what a guest does with that is not always right in TCG of
# QEMU 7.2.  Tests of ciphers take it longer than Linux's watchdog waits.
CPU = "qemu64,+ssse3,+sse4.1,+sse4.2,+aes"
CMDLINE = "console=ttyS0,115200 cryptomgr.notests"
# A terminal on the serial port, for who needs no password, and a shell that
# vm.Machine.command() understands.
FILES = {
    "etc/hostname": "keel\n",
    "etc/fstab": f"/dev/mapper/{VOLUME} / ext4 defaults 0 1\n"
                 f"UUID={UUID['boot']} /boot ext4 defaults 0 2\n",
    "etc/crypttab": f"{VOLUME} UUID={UUID['luks']} none luks,initramfs\n",
    "etc/default/grub":
        "GRUB_DISTRIBUTOR=Debian\nGRUB_TIMEOUT=0\nGRUB_TERMINAL=serial\n"
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n"
        f"GRUB_CMDLINE_LINUX='{CMDLINE}'\n",
    "etc/systemd/system/serial-getty@ttyS0.service.d/root.conf":
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root "
        "--keep-baud 115200 %I dumb\n",
    "root/.bash_profile":
        "PS1='# '; PROMPT_COMMAND='echo KEEL-RC $?'\n"
        "bind 'set enable-bracketed-paste off'; stty cols 500\n"
        "export DEBIAN_FRONTEND=noninteractive\n"
        "while [ \"$(systemctl is-system-running)\" = starting ]; do\n"
        "    sleep 1\ndone\necho KEEL-READY\n",
    "etc/apt/apt.conf.d/99yes": 'APT::Get::Assume-Yes "true";\n',
    # TCG would compress for minutes.
    "etc/dracut.conf.d/fast.conf": 'compress="cat"\n',
    "etc/initramfs-tools/conf.d/fast": "COMPRESS=zstd\nCOMPRESSLEVEL=1\n",
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}
# They wait, write or ask for nothing that a test wants.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer",
          "fstrim.timer", "man-db.timer", "systemd-pstore.service",
          "e2scrub_reap.service", "networking.service"]


class System(barestack.Bare):
    """Its files, in a directory."""

    def __init__(self, work):
        barestack.CACHE.mkdir(parents=True, exist_ok=True)
        super().__init__("trixie", barestack.CACHE, "unlock")
        self.log = work / "system.log"
        for name, text in FILES.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.root / "usr/sbin/policy-rc.d").chmod(0o755)
        sources = self.root / "etc/apt/sources.list"
        lines = sources.read_text()
        sources.write_text(lines + re.sub(r"(?m)^deb ", "deb-src ", lines))
        self.type("apt-get update && echo 'grub-pc grub-pc/install_devices_empty"
                  " boolean true' > /tmp/answers")
        self.type("debconf-set-selections < /tmp/answers && apt-get install "
                  "--no-install-recommends " + " ".join(PACKAGES))
        self.type("systemctl mask " + " ".join(MASKED))
        subprocess.run(["git", "clone", "-q", "--no-local", ROOT,
                        self.root / "root/keelbios"], check=True)

    def type(self, command, limit=3000):
        """A shell's line, as root in it, by the host's processor."""
        with open(self.log, "ab") as log:
            log.write(f"\n== {command}\n".encode())
            log.flush()
            done = subprocess.run(
                self.argv(f"cd /root && export DEBIAN_FRONTEND=noninteractive "
                          f"&& {command}"), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, check=False,
                timeout=limit)
        assert done.returncode == 0, f"{command}: see {self.log}\n" + \
            self.log.read_text(errors="replace")[-2000:]

    def fetch(self, command):
        """Let the guest's apt have what this will install: the guest has no
        network."""
        self.type(command.replace(
            "install", "install --download-only "
            "-o Dir::Cache::archives=/var/cache/fetched", 1))
        for path in (self.root / "var/cache/fetched").glob("*.deb"):
            shutil.move(path, self.root / "var/cache/apt/archives")

    def kernel(self):
        """(kernel, initrd)"""
        boot = self.root / "boot"
        version, = (p.name[8:] for p in boot.glob("vmlinuz-*"))
        return boot / f"vmlinuz-{version}", boot / f"initrd.img-{version}"


def file_system(image, tree, size, uuid):
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid, "-d", tree,
                    image, f"{size // MIB}M"], check=True, timeout=600)


def encrypt(source, target, key, at):
    """As dm-crypt does: aes-xts-plain64 in sectors of 4096 bytes, whose numbers
    count 512 bytes."""
    with open(source, "rb") as plain, open(target, "r+b") as out:
        out.seek(at)
        for n in range(0, source.stat().st_size // SECTOR):
            tweak = (n * SECTOR // 512).to_bytes(16, "little")
            coder = Cipher(algorithms.AES(key), modes.XTS(tweak)).encryptor()
            out.write(coder.update(plain.read(SECTOR)))


def volume(work, plain):
    """A LUKS2 volume with that file system, that PASSPHRASE opens."""
    image, key = work / "volume.img", work / "volume.key"
    with open("/dev/urandom", "rb") as random:
        key.write_bytes(random.read(64))
    with open(image, "wb") as file:
        file.truncate(PAYLOAD_AT + plain.stat().st_size)
    subprocess.run(
        ["cryptsetup", "luksFormat", "-q", "--type", "luks2", "--uuid",
         UUID["luks"], "--cipher", "aes-xts-plain64", "--key-size", "512",
         "--volume-key-file", key, "--sector-size", str(SECTOR), "--offset",
         str(PAYLOAD_AT // 512), "--pbkdf", "pbkdf2",
         "--pbkdf-force-iterations", "1000", image, "-"],
        input=PASSPHRASE.encode(), check=True, timeout=120)
    encrypt(plain, image, key.read_bytes(), PAYLOAD_AT)
    return image


def partition(start, size, active=False):
    """An entry of the MBR's table."""
    return (bytes([0x80 if active else 0]) + b"\xfe\xff\xff\x83"
                    b"\xfe\xff\xff" + (start // 512).to_bytes(4, "little")
                    + (size // 512).to_bytes(4, "little"))


def build(system, work):
    """The disk; the system's directory is used up."""
    tree, boot, disk = system.root, work / "boot", work / "disk.img"
    shutil.move(tree / "boot", boot)
    (tree / "boot").mkdir()
    out = subprocess.run(["du", "-sm", tree], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    size = (int(out.split()[0]) * 5 // 4 + 400) * MIB
    plain = work / "root.img"
    file_system(plain, tree, size, UUID["root"])
    root = volume(work, plain)
    plain.unlink()
    file_system(work / "boot.img", boot, BOOT_SIZE, UUID["boot"])
    mbr = bytearray(512)
    for number, entry in enumerate((
            partition(BOOT_AT, BOOT_SIZE, True),
            partition(ROOT_AT, root.stat().st_size))):
        mbr[446 + 16 * number:462 + 16 * number] = entry
    mbr[510:] = b"\x55\xaa"
    disk.write_bytes(mbr)
    for at, name in ((BOOT_AT, work / "boot.img"), (ROOT_AT, root)):
        subprocess.run(["dd", f"if={name}", f"of={disk}", "bs=1M",
                        f"seek={at // MIB}", "conv=notrunc,sparse",
                        "status=none"], check=True, timeout=600)
        name.unlink()
    subprocess.run(["truncate", "-s", f"%{MIB}", disk], check=True)
    return disk


class Guest:
    """A machine with that disk and a TPM, and who sits at its terminal."""

    def __init__(self, machine):
        self.m = machine

    def unlocks(self, limit=600, patience=0):
        """Does it come up, and not ask for its passphrase?  patience: seconds
        for somebody else to answer: clevis does that."""
        match = self.m.expect(READY + b"|" + ASKS, limit,
                              "the guest to ask for its passphrase or to "
                              "come up")
        if match[0] != READY and \
                not (patience and self.m.find(READY, patience)):
            return False
        self.m.expect(rb"KEEL-RC 0\r?\n", 60)
        return True

    def comes_up(self, patience=0):
        """unlocks(); if not, it is given the passphrase, and does."""
        if self.unlocks(patience=patience):
            return True
        self.m.send(PASSPHRASE + "\n")
        assert self.unlocks(), self.m.report("the passphrase was refused")
        return False

    def type(self, command, limit=2400):
        """What it says.  A tool that asks for the passphrase gets it."""
        print(f"guest: {command}", flush=True)
        if command == "reboot":
            self.m.send("reboot\n")
            return ""
        start = self.m.seen
        self.m.send(command + "\n")
        while True:
            match = self.m.expect(rb"KEEL-RC (\d+)\r?\n|" + ASKS, limit,
                                  f"the guest to finish {command!r}")
            if match[1] is not None:
                break
            self.m.send(PASSPHRASE + "\n")
        text = bytes(self.m.serial[start:match.start()]).decode(
            errors="replace").replace("\r", "")
        assert match[1] == b"0", self.m.report(f"{command!r} failed: {text}")
        return text

    def off(self):
        self.m.send("poweroff\n")
        self.m.wait(300)


@contextlib.contextmanager
def started(tests, disk, tpm, bios=None, args=()):
    """A Guest that begins to boot from the disk, which it writes to."""
    with tests.machine("q35", None, tpm=tpm, bios=bios, mem="1G", args=[
            *vm.disk(disk, "virtio", "q35", snapshot=False), "-cpu", CPU,
            *args]) as m:
        yield Guest(m)


def with_grub(tests, system, work, tpm):
    """The disk, when the machine has installed its GRUB and configuration."""
    kernel, initrd = (shutil.copy(path, work) for path in system.kernel())
    disk = build(system, work)
    with started(tests, disk, tpm, args=[
            "-kernel", kernel, "-initrd", initrd, "-append",
            f"root=/dev/mapper/{VOLUME} ro {CMDLINE}"]) as guest:
        assert not guest.comes_up()
        guest.type("grub-install /dev/vda")
        guest.type("update-grub")
        guest.off()
    return disk

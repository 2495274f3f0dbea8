# SPDX-License-Identifier: MIT
"""docs/attestation.md: a secret sealed to a predicted boot.

It is sealed before the machine has ever been started.  Then machines boot,
as predicted and with one thing changed each; the events of each guest's log
are extended into the TPM that holds the secret, whose PCRs then are the
machine's (the test checks that), and tpm2_unseal is asked.  The kernel is that
of kernels.py; the slow variant is Linux.

And GRUB with signature checking, as that page sets it up."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

from conftest import load_script, log_of, pcrs_of
from test_handover import (CMDLINE, GRUB_LINUX16, grid_case, kernel_args,
                           keelpcr)
import kernels
import rehearse
import roms
import tcglog
import vm

SELECTION = "sha256:0,2,4,5,8,9"
SECRET = b"the disk's key"


def free_ports():
    """Two neighbouring TCP ports: swtpm's commands and control."""
    for port in range(21000 + os.getpid() % 20000, 65000, 2):
        with contextlib.suppress(OSError), socket.socket() as a, \
                socket.socket() as b:
            a.bind(("127.0.0.1", port))
            b.bind(("127.0.0.1", port + 1))
            return port
    raise OSError("no free ports")


class HostTpm:
    """An swtpm that tpm2-tools of the host talk to."""

    def __init__(self, work):
        self.work = work
        self.state = work / "host-tpm"
        self.state.mkdir(exist_ok=True)

    def __enter__(self):
        for _ in range(10):             # somebody may be faster with a port
            port = free_ports()
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen([
                "swtpm", "socket", "--tpm2", "--tpmstate",
                f"dir={self.state}",
                "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
                "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
                "--flags", "not-need-init,startup-clear"],
                stderr=subprocess.DEVNULL)
            if self.listens(port + 1):
                self.env = dict(os.environ, TPM2TOOLS_TCTI=
                                f"swtpm:host=127.0.0.1,port={port}")
                return self
            self.__exit__()
        raise OSError("swtpm does not listen")

    def listens(self, port):
        """Wait until it does, or has ended."""
        limit = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < limit:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 5).close()
                return True
            time.sleep(0.02)
        return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def run(self, tool, *args, check=True):
        done = subprocess.run([tool, *[str(a) for a in args]],
                              cwd=self.work, env=self.env,
                              capture_output=True, check=False, timeout=60)
        if check:
            assert done.returncode == 0, (tool, done.stderr.decode())
        return done

    def seal(self, pcrs):
        (self.work / "secret").write_bytes(SECRET)
        self.run("tpm2_createprimary", "-C", "o", "-g", "sha256", "-c",
                 "primary.ctx")
        self.run("tpm2_startauthsession", "-S", "session.ctx")
        self.run("tpm2_policypcr", "-S", "session.ctx", "-l", SELECTION,
                 "-f", pcrs, "-L", "policy")
        self.run("tpm2_flushcontext", "session.ctx")
        self.run("tpm2_create", "-C", "primary.ctx", "-L", "policy", "-i",
                 "secret", "-u", "key.pub", "-r", "key.priv")
        self.run("tpm2_flushcontext", "-t")
        self.run("tpm2_load", "-C", "primary.ctx", "-u", "key.pub", "-r",
                 "key.priv", "-c", "key.ctx")
        self.run("tpm2_evictcontrol", "-C", "o", "-c", "key.ctx",
                 "0x81010001")

    def take_pcrs_of(self, log, read):
        events = [e for e in log.events if e.type != tcglog.EV_NO_ACTION]
        for start in range(0, len(events), 8):
            self.run("tpm2_pcrextend", *[
                f"{e.pcr}:sha256={e.digests['sha256'].hex()}"
                for e in events[start:start + 8]])
        self.run("tpm2_pcrread", "-o", "values", SELECTION)
        assert (self.work / "values").read_bytes() == \
            b"".join(read["sha256"][n] for n in (0, 2, 4, 5, 8, 9))

    def check_with_tools(self, log_data):
        """keelpcr check against what tpm2_pcrread and tpm2_quote give."""
        (self.work / "log").write_bytes(log_data)
        text = self.run("tpm2_pcrread", "sha1:0+sha256:0,1,4,9").stdout
        (self.work / "read").write_bytes(
            text[text.index(b"  sha256"):])     # only that bank was extended
        self.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa")
        self.run("tpm2_flushcontext", "-t")
        self.run("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "rsa",
                 "-g", "sha256", "-s", "rsassa")
        self.run("tpm2_flushcontext", "-t")
        self.run("tpm2_quote", "-c", "ak.ctx", "-l", SELECTION, "-q", "abcd",
                 "-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs")
        log = self.work / "log"
        for args in ([self.work / "read"],
                     [self.work / "values", "--pcrs", SELECTION],
                     [self.work / "quote.pcrs"],
                     ["--quote", self.work / "quote.msg"]):
            done = keelpcr("check", log, *args)
            assert done.returncode == 0, (args, done.stdout, done.stderr)

    def unseal(self):
        self.run("tpm2_startauthsession", "--policy-session", "-S",
                 "session.ctx")
        self.run("tpm2_policypcr", "-S", "session.ctx", "-l", SELECTION)
        done = self.run("tpm2_unseal", "-c", "0x81010001", "-p",
                        "session:session.ctx", check=False)
        self.run("tpm2_flushcontext", "session.ctx")
        return done.stdout if done.returncode == 0 else None


def changed(tests, source, at, name):
    """A copy of a file with a byte changed where nobody minds: at an offset,
    or at a text."""
    data = bytearray(source.read_bytes())
    if isinstance(at, bytes):
        at = data.find(at)
        assert at > 0
    data[at] ^= 0x20
    path = tests.tmp / name
    path.write_bytes(data)
    return path


def seal_to_prediction(tests, args, more=()):
    with tests.tpm("2.0-crb", name="argv") as tpm:
        argv = vm.qemu_argv(tests.bios, "q35", tpm, args=args)
    done = keelpcr("predict", "--format", "pcr-file", "--pcrs", SELECTION,
                   "-o", tests.tmp / "pcrs.bin", *more, "--", *argv,
                   "-serial", "stdio")
    assert done.returncode == 0, done.stderr
    with HostTpm(tests.tmp) as tpm:
        tpm.seal("pcrs.bin")


def assert_unseals(tests, what, machine):
    """What is called "as predicted" gets the secret, nothing else does."""
    dump = tests.boot_and_dump("q35", "tpm", tpm="2.0-crb", disk=None,
                               **machine)
    assert_answer(tests, what, log_of(dump), pcrs_of(dump))


def assert_answer(tests, what, log, read, log_data=None):
    with HostTpm(tests.tmp) as tpm:
        tpm.take_pcrs_of(log, read)
        if log_data:
            tpm.check_with_tools(log_data)
        want = SECRET if what == "as predicted" else None
        assert tpm.unseal() == want, what


def boot_and_unseal(tests, what, bios=None, args=(), tools=False):
    """The same with kernels.py's kernel."""
    out = tests.tmp / f"pcrs{tests.count}"
    with tests.machine("q35", disk=None, tpm="2.0-crb", bios=bios,
                       args=[*args, *kernels.arguments(out)]) as m:
        m.wait_debug(rb"kernel done", 120)
        data = rehearse.log_bytes(m, tests.tmp / "memory")
        read = kernels.pcrs(out.read_bytes())
    assert_answer(tests, what, tcglog.parse(data), read,
                  data if tools else None)


def rom_args(tests, name, flip=False):
    """A network card with an option ROM of ours."""
    data = roms.image("bev")
    if flip:
        data[-9] ^= 1
        data[-1] = -sum(data[:-1]) & 0xff
    path = tests.tmp / name
    path.write_bytes(data)
    return ["-device", f"e1000,romfile={path}"]


def test_kernel_boot(tests):
    """-kernel, and an option ROM."""
    files = kernels.build(tests.tmp / "small")
    rom = rom_args(tests, "good.rom")
    args = kernel_args(files) + rom
    seal_to_prediction(tests, args)

    def with_file(name, at):
        return kernel_args({**files, name: changed(
            tests, files[name], at, name)}) + rom

    for what, change in (
            ("as predicted", {"args": args, "tools": True}),
            ("kernel", {"args": with_file("vmlinuz", 0x2000)}),
            ("initrd", {"args": with_file("initramfs", 0x2000)}),
            ("command line", {"args": kernel_args(
                files, CMDLINE.replace("panic", "Panic")) + rom}),
            ("option ROM", {"args": kernel_args(files)
                            + rom_args(tests, "bad.rom", True)}),
            ("firmware", {"args": args, "bios": changed(
                tests, tests.bios, b"Booting from DVD/CD", "bios.bin")})):
        boot_and_unseal(tests, what, **change)


def test_disk_boot(tests, shared_dir):
    """GRUB in the MBR gap of a disk."""
    files = kernels.build(tests.tmp / "small")
    grid_case(tests, "grub", "q35", files, shared_dir)
    good = (tests.tmp / "grub.img").read_bytes()
    image = tests.tmp / "disk.img"

    def with_byte(at):
        """A bit changed that GRUB does not use."""
        data = bytearray(good)
        if at is not None:
            data[at] ^= 1
        image.write_bytes(data)
        return vm.disk(image, "virtio", "q35")

    seal_to_prediction(tests, with_byte(None), [
        "--linux", files["vmlinuz"], "--linux-initrd", files["initramfs"],
        "--linux-cmdline", "BOOT_IMAGE=/boot/vmlinuz " + CMDLINE])
    for what, at in (("as predicted", None), ("MBR", 0x1b0),
                     ("disk signature", 0x1b8), ("MBR gap", 2000 * 512),
                     ("as predicted", -1)):
        boot_and_unseal(tests, what, args=with_byte(at))


@pytest.mark.slow
def test_linux_boot(tests):
    args = kernel_args(tests.guest)
    seal_to_prediction(tests, args)
    kernel = changed(tests, tests.guest["vmlinuz"],
                     b"No setup signature found", "vmlinuz")
    for what, machine in (
            ("as predicted", {"args": args}),
            ("kernel", {"args": kernel_args(
                dict(tests.guest, vmlinuz=kernel))}),
            ("another option ROM", {"args": args, "vga": "std"})):
        assert_unseals(tests, what, machine)


# ------------------------------------------------- GRUB's signature checking

EARLY_CFG = """\
set check_signatures=enforce
set superusers=root
export superusers
configfile $prefix/grub.cfg
echo "grub.cfg is missing or its signature is bad."
halt
"""
SIGNED_CFG = GRUB_LINUX16.replace("{", "--unrestricted {", 1).replace(
    "    initrd16 /boot/initramfs\n",
    "    if ! initrd16 /boot/initramfs; then\n"
    "        echo 'The initrd is refused.'; halt\n    fi\n")


class Signer:
    """A key of GnuPG's, and detached signatures by it."""

    def __init__(self):
        # Its agent's socket has a path of at most 107 bytes.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="keel-gpg-"))

    def __enter__(self):
        self.gpg("--quick-generate-key", "--passphrase", "", "keel@example.org",
                 "rsa2048", "sign", "never")
        return self

    def __exit__(self, *_):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill",
                        "gpg-agent"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *args):
        return subprocess.run(
            ["gpg", "--homedir", self.home, "--batch", "--yes",
             "--pinentry-mode", "loopback", *map(str, args)],
            check=True, capture_output=True).stdout

    def sign(self, path):
        self.gpg("--detach-sign", path)


def signed_disk(tests, signer, files, spoil=None, config=SIGNED_CFG):
    """A GRUB disk as docs/attestation.md makes it; spoil: a file of /boot in
    which a byte changes once it is signed."""
    guest = load_script("guest")
    work = tests.tmp / "signed"
    work.mkdir(exist_ok=True)
    (work / "boot.pub").write_bytes(signer.gpg("--export"))
    (work / "early.cfg").write_text(EARLY_CFG)
    plain = guest.run

    def run(*argv, **kwargs):
        """mke2fs makes the file system of signed files."""
        argv = [str(a) for a in argv]
        if argv[0] == "grub-mkimage":
            argv += ["--pubkey", work / "boot.pub", "-c", work / "early.cfg",
                     "configfile", "halt"]
        if argv[0] == "mke2fs":
            boot = pathlib.Path(argv[argv.index("-d") + 1]) / "boot"
            for path in [boot / "vmlinuz", boot / "initramfs",
                         boot / "grub" / "grub.cfg"]:
                signer.sign(path)
            if spoil:
                data = bytearray((boot / spoil).read_bytes())
                data[-10] ^= 1
                (boot / spoil).write_bytes(data)
        return plain(*argv, **kwargs)

    guest.run = run
    image = work / "disk.img"
    guest.build_disk(image, files["vmlinuz"].parent, config,
                     ("linux16", "pgp", "gcry_rsa", "gcry_sha256",
                      "gcry_sha512"))
    return image


@pytest.mark.parametrize("spoil", [
    None, "vmlinuz", pytest.param("initramfs", marks=pytest.mark.slow),
    "grub/grub.cfg"])
def test_grub_that_checks_signatures(tests, spoil):
    """What is signed boots; GRUB refuses a kernel, an initrd and a grub.cfg of
    which a byte has changed.  PCR 4 does not depend on them."""
    files = kernels.build(tests.tmp / "small")
    port = tests.tmp / "sercon-port"
    port.write_bytes(b"\xf8\x03")
    with Signer() as signer:
        image = signed_disk(tests, signer, files, spoil)
    args = vm.disk(image, "virtio", "q35") + [
        "-no-shutdown", "-fw_cfg", f"name=etc/sercon-port,file={port}"]
    with tests.machine("q35", disk=None, tpm="2.0-crb", args=args) as m:
        if spoil is None:
            m.wait_debug(rb"kernel done", 120)
        else:
            m.expect({"vmlinuz": rb"bad signature",
                      "initramfs": rb"The initrd is refused",
                      "grub/grub.cfg": rb"its signature is bad"}[spoil], 120)
            assert b"kernel done" not in m.debug()
            assert b"grub>" not in m.serial
        log = rehearse.read_log(m, tests.tmp / "memory")
    gap = [e for e in log.events if e.data == b"MBR GAP"]
    assert len(gap) == 1
    data = image.read_bytes()[512:1 << 20].rstrip(b"\0")
    data += bytes(-len(data) % 512)
    assert gap[0].digests["sha256"] == \
        hashlib.sha256(data).digest()
    assert bool([e for e in log.events if e.pcr == 9]) == (spoil is None)


@pytest.mark.slow
def test_grub_offers_no_shell(tests):
    """Whoever is at the console cannot turn the checking off."""
    files = kernels.build(tests.tmp / "small")
    port = tests.tmp / "sercon-port"
    port.write_bytes(b"\xf8\x03")
    with Signer() as signer:
        image = signed_disk(tests, signer, files, None, SIGNED_CFG.replace(
            "set timeout=0", "set timeout=-1"))
    args = vm.disk(image, "virtio", "q35") + [
        "-fw_cfg", f"name=etc/sercon-port,file={port}"]
    with tests.machine("q35", disk=None, args=args) as m:
        for key in "ce":
            m.expect(rb"GNU GRUB", 120)
            m.expect(rb"KeelBIOS", 60)
            m.send(key)
            m.expect(rb"Enter username", 60)
            m.send("root\r\r")

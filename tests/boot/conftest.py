# SPDX-License-Identifier: MIT
"""Fixtures of the boot tests: start a machine with the firmware under test,
or with SeaBIOS to compare, and read what the guest found.

    BIOS=path pytest tests/boot     another firmware (default out/bios.bin)
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tcglog                                       # noqa: E402
import vm                                           # noqa: E402

OUT = pathlib.Path(os.environ.get("O") or ROOT / "out").resolve()
TPM2_KINDS = ("2.0-crb", "2.0-tis")
# For tests that are not about it: hashing a kernel takes TCG two seconds.  (Of
# -kernel it turns nothing off.)
NO_KERNEL_HASH = ["-fw_cfg",
                  "name=opt/org.keelbios/measure-linux,string=0"]


def pytest_configure(config):
    # A failure's text names case, expectation, output and command; what the
    # harness did in between does not help.
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "short"


def pytest_collection_modifyitems(items):
    """Each worker is given runs of tests.  Spread those of a file, or one
    worker has all the long ones when the others have ended."""
    items[:] = [test for i in range(16) for test in items[i::16]]


def pytest_report_header():
    return f"firmware under test: {firmware()}"


def firmware():
    return pathlib.Path(os.environ.get("BIOS") or OUT / "bios.bin").resolve()


def load_script(name):
    path = str(ROOT / "scripts" / name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bios():
    path = firmware()
    if not path.exists():
        pytest.fail(f"there is no firmware {path}: run make first")
    return path


@pytest.fixture(scope="session")
def under_seabios(bios):
    """Is SeaBIOS the firmware under test?"""
    return bios == vm.SEABIOS.resolve()


@pytest.fixture(scope="session")
def guest():
    return load_script("guest").build(OUT)


@pytest.fixture(scope="session")
def generic_guest():
    return load_script("guest").build(OUT, kernel="generic")


@pytest.fixture(scope="session")
def shared_dir(tmp_path_factory):
    """One directory for all workers of this session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def fast_linux(guest):
    """Arguments for Linux by the shortest way, where how it came to run does
    not matter."""
    return ["-kernel", guest["vmlinuz"], "-initrd", guest["initramfs"],
            "-append", "console=ttyS0,115200 iomem=relaxed panic=-1 "
            "cryptomgr.notests",
            *NO_KERNEL_HASH]


@functools.cache
def swtpm_version():
    """An older one cannot read what a newer one has made."""
    text = subprocess.run(["swtpm", "--version"], capture_output=True,
                          text=True, check=False).stdout
    return re.search(r"version ([\d.]+)|$", text)[1]


class Tests:
    """What a test needs to run machines; one per test.  guest: the files of
    scripts/guest."""

    __test__ = False            # for pytest: nothing to collect

    def __init__(self, bios, guest, tmp_path, shared=None):
        self.bios = bios
        self.guest = guest
        self.tmp = tmp_path
        self.shared = shared or tmp_path    # by all tests of this session
        self.count = 0

    def storage(self, kind, machine="pc", boot=None):
        """Arguments for the GRUB disk or a CD, by one word."""
        if kind in ("isolinux", "grub-cd"):
            name = "isolinux.iso" if kind == "isolinux" else "grub.iso"
            return vm.cdrom(self.guest[name], machine, boot)
        return vm.disk(self.guest["disk.img"], kind, machine, boot=boot)

    @contextlib.contextmanager
    def tpm(self, kind, banks=vm.BANKS, name="tpm", make=vm.Tpm):
        """A TPM of its own, made by copying one that was set up before:
        swtpm_setup takes seconds.  make(kind, state directory)."""
        if kind in (None, "none"):
            yield None
            return
        key = ("1.2" if kind == "1.2" else "2.0-" + banks).replace(",", "+")
        master = OUT / "test-tpm" / f"{swtpm_version()}-{key}"
        master.parent.mkdir(parents=True, exist_ok=True)
        with open(OUT / "test-tpm" / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = vm.Tpm(kind, master, banks)
            made.manufacture()
            made.stop()
        state = self.tmp / name
        subprocess.run(["cp", "-r", master, state], check=True)
        with make(kind, state) as tpm:
            yield tpm

    @contextlib.contextmanager
    def machine(self, machine="pc", disk="ide", tpm=None, bios=None,
                args=(), **kwargs):
        """A running machine; tpm is a kind or a started Tpm.  Its CPUs share
        a thread: QEMU 7.2 crashed (signal 11) where one CPU of four moved a
        BAR."""
        self.count += 1
        work = self.tmp / f"run{self.count}"
        args = list(args)
        if disk:
            args = self.storage(disk, machine) + args
        with contextlib.ExitStack() as stack:
            if isinstance(tpm, str):
                tpm = stack.enter_context(
                    self.tpm(tpm, name=f"tpm{self.count}"))
            cpus = int(str(kwargs.get("smp", 1)).partition(",")[0])
            argv = vm.qemu_argv(bios or self.bios, machine, tpm, args=args,
                                one_thread=cpus > 1, **kwargs)
            yield stack.enter_context(vm.Machine(argv, work))

    def by_kernel(self, machine, args=(), **kwargs):
        """Linux by -kernel."""
        return self.machine(machine, None, args=[
            *fast_linux(self.guest), *args], **kwargs)

    def linux(self, machine, args=(), **kwargs):
        """Linux by the shortest way, half the work of GRUB's: where how it
        came to run does not matter.  With a TPM 2.0 that is isolinux: -kernel
        is measured, which takes TCG three seconds for four banks.  (With bios=
        the firmware is SeaBIOS, which does not.)"""
        tpm = kwargs.get("tpm")
        if getattr(tpm, "kind", tpm) not in TPM2_KINDS or "bios" in kwargs:
            return self.by_kernel(machine, args, **kwargs)
        return self.machine(machine, None, args=[
            *self.storage("isolinux", machine, boot=0), *NO_KERNEL_HASH,
            *args], **kwargs)

    def boot_and_dump(self, machine="pc", what="", load=False, **kwargs):
        """Boot Linux, collect what it sees, power off.  disk: see machine();
        "none": by_kernel()."""
        start = self.machine
        if kwargs.get("disk") == "none":
            start = self.by_kernel
            del kwargs["disk"]
        with start(machine, **kwargs) as m:
            m.ready()
            disks = m.command("keel-load") if load else ""
            dump = m.dump(what)
            m.send("poweroff -f\n")
            m.wait()
            dump["debug"] = m.debug()
            dump["serial"] = bytes(m.serial)
            dump["disks"] = disks.encode()
            dump["argv"] = vm.shown(m.argv).encode()
            return dump


@pytest.fixture
def tests(bios, guest, tmp_path, shared_dir):
    """With Debian's cloud kernel, which starts faster."""
    return Tests(bios, guest, tmp_path, shared_dir)


@pytest.fixture
def generic(bios, generic_guest, tmp_path, shared_dir):
    """With Debian's generic kernel, which has more drivers."""
    return Tests(bios, generic_guest, tmp_path, shared_dir)


@pytest.fixture
def seabios_dump(generic_guest, tmp_path, shared_dir):
    """boot_and_dump() of the generic kernel under SeaBIOS; each
    configuration once a session."""
    def get(machine="pc", **kwargs):
        key = hashlib.sha256(json.dumps(
            [machine, kwargs], sort_keys=True, default=str).encode())
        file = shared_dir / f"seabios-{key.hexdigest()[:16]}.pickle"
        with open(file.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                other = Tests(vm.SEABIOS, generic_guest, tmp_path / "seabios")
                other.tmp.mkdir()
                dump = other.boot_and_dump(machine, **kwargs)
                file.write_bytes(pickle.dumps(dump))
            return pickle.loads(file.read_bytes())
    return get


# ---------------------------------------------------------- reading a dump

def pcrs_of(dump):
    """{bank: {pcr: bytes}} as the guest's kernel read them."""
    return tcglog.parse_pcrs(dump["tpm/pcrs"].decode()) or \
        tcglog.parse_pcrs_12(dump.get("tpm/pcrs-1.2", b"").decode())


def log_of(dump):
    assert dump.get("tpm/log"), \
        "the guest has no event log\n" + dump["argv"].decode()
    return tcglog.parse(dump["tpm/log"])


def assert_log_matches(dump, banks):
    """The log replays to PCR 0-7 of exactly these banks."""
    log, read = log_of(dump), pcrs_of(dump)
    assert sorted(log.banks) == sorted(banks), "banks of the log"
    assert sorted(read) == sorted(banks), "banks of the TPM"
    wrong = log.check(read)
    assert not wrong, "\n".join(
        f"{bank} PCR {pcr}: log gives {want and want.hex()}, TPM has "
        f"{got and got.hex()}" for bank, pcr, want, got in wrong) + \
        "\n" + dump["argv"].decode()
    return log

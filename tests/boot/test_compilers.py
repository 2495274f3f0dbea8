# SPDX-License-Identifier: MIT
"""The firmware as other compilers build it: no warning, it fits (the linker
and scripts/image say so), services answer, and a measured boot replays."""

import fcntl
import pathlib
import subprocess

import pytest

import test_v86
from conftest import assert_log_matches
from rm16 import assemble, compile_v86, finished
import vm

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clang_bios(shared_dir, under_seabios):
    """One for all workers: the first one builds it."""
    if under_seabios:
        pytest.skip("BIOS= names a firmware that is not built here")
    out = shared_dir / "clang"
    with open(shared_dir / "clang.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-C", ROOT, f"O={out}", "CC=clang"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    return out / "bios.bin"


def test_services(clang_bios, tmp_path):
    argv = vm.qemu_argv(clang_bios, "q35", args=[
        *vm.disk(assemble("services", tmp_path), "ahci", "q35"),
        "-device", "isa-debug-exit,iobase=0x501"])
    with vm.Machine(argv, tmp_path / "run") as m:
        assert len(finished(m, 60)) > 130, m.report("checks are left out")


def test_virtual_8086(clang_bios, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(test_v86.disk_image("boot", compile_v86(
        tmp_path / "o", MODES="{1,6}", DISKS=1)) + bytes(16 << 20))
    argv = vm.qemu_argv(clang_bios, "pc", mem="64M", args=[
        *vm.disk(disk, "ide", "pc"),
        "-device", "isa-debug-exit,iobase=0x501"])
    with vm.Machine(argv, tmp_path / "run") as m:
        assert len(finished(m, 60)) > 60, m.report("checks are left out")


@pytest.mark.parametrize("kind", ["1.2", "2.0-crb"])
def test_measured_boot(tests, clang_bios, kind):
    dump = tests.boot_and_dump("pc", "tpm", tpm=kind, disk="virtio",
                               bios=clang_bios)
    assert_log_matches(dump, ["sha1"] if kind == "1.2"
                       else vm.BANKS.split(","))

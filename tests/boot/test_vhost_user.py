# SPDX-License-Identifier: MIT
"""Disks of another process (vhost-user): qemu-storage-daemon has the image and
reads and writes the guest's memory."""

import contextlib
import pathlib
import subprocess
import tempfile
import time

import pytest

import vm
from needs import needed
from rm16 import assemble, finished


@contextlib.contextmanager
def backend(image):
    """The daemon; yields the path of its socket."""
    tool = needed("qemu-storage-daemon", "qemu-utils")
    with tempfile.TemporaryDirectory(prefix="keel-vu-") as work, \
            open(f"{work}/log", "w+", encoding="utf-8") as log:
        path = f"{work}/socket"
        with subprocess.Popen([
                tool, "--blockdev", f"driver=file,node-name=f,filename={image}",
                "--export", "type=vhost-user-blk,id=e,addr.type=unix,"
                f"addr.path={path},node-name=f,writable=on",
                "--pidfile", f"{work}/pid"],
                stdout=log, stderr=subprocess.STDOUT) as daemon:
            try:
                end = time.monotonic() + 10
                while not (pathlib.Path(work) / "pid").exists():
                    assert daemon.poll() is None and time.monotonic() < end
                    time.sleep(0.02)
                yield path
            finally:
                daemon.terminate()
        log.seek(0)
        assert log.read() == "", "the daemon was not happy"


# QEMU wants a power of two that is not 0.
@pytest.mark.parametrize("machine,size", [
    ("q35", 128), ("pc", 128), ("q35", 4), ("q35", 2), ("pc", 1)])
def test_boots(bios, tmp_path, machine, size):
    """The daemon says size_max 0, which is no limit.  It ends when the memory
    map changes while its device runs."""
    with backend(assemble("e820", tmp_path)) as path:
        argv = vm.qemu_argv(bios, machine, machine_options=",memory-backend=m",
                            args=[
            "-object", "memory-backend-memfd,id=m,size=256M,share=on",
            "-chardev", f"socket,id=vu,path={path}",
            "-device", "vhost-user-blk-pci,chardev=vu,num-queues=1,"
            f"queue-size={size},bootindex=1",
            "-device", "isa-debug-exit,iobase=0x501"])
        with vm.Machine(argv, tmp_path / "run") as m:
            finished(m)

# SPDX-License-Identifier: MIT
"""A second emulator, Bochs: its CPU checks segment limits, reserved bits and
much else that QEMU's TCG lets pass (docs/testing.md, "Bochs", says what the
machine has and what it lacks).

    with bochs.Bochs(bios, work, disk=image) as m:
        m.wait_debug(rb"^done$", 60)

The same methods as vm.Machine's, but for QEMU's monitor.  What the programs of
tests/rm report goes to port E9h here, and debug() is that.
"""

import os
import pathlib
import pty
import shutil
import subprocess
import threading
import tty

import vm

BOCHS = os.environ.get("BOCHS", "bochs")
VGA_ROM = "/usr/share/vgabios/vgabios.bin"
CYLINDER = 16 * 63 * 512            # Bochs finds out a disk's geometry from
SECOND = 20_000_000                 # instructions: the emulated machine's

# rfb: a display that nobody has to look at, and that needs no X server.  A panic
# ends Bochs: nobody is there to be asked.
CONFIG = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: {plugins}
cpu: model={cpu}, count={cpus}, ips={ips}, reset_on_triple_fault=0
clock: sync=none, time0={time}
megs: {mem}
romimage: file="{bios}"
vgaromimage: file="{vga}"
com1: enabled=1, mode=term, dev="{serial}"
port_e9_hack: enabled=1
boot: {boot}
log: "{log}"
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""
NOT_LOADED = ("biosdev", "gameport", "iodebug", "parallel", "speaker")


def whole_cylinders(path, work):
    """The image as Bochs takes a hard disk; a copy if that needs one."""
    size = os.path.getsize(path)
    if size % CYLINDER == 0:
        return path
    copy = work / f"cylinders-{pathlib.Path(path).name}"
    subprocess.run(["cp", "--sparse=always", path, copy], check=True)
    os.truncate(copy, -(-size // CYLINDER) * CYLINDER)
    return copy


class Bochs(vm.Machine):
    """A running Bochs.

    disk, cd, floppy: images.  Writes to a disk are lost.
    extra: more lines of its configuration.
    """

    emulator, debug_port = "Bochs", "E9h"

    def __init__(self, bios, work, disk=None, cd=None, floppy=None, cpus=1,
                 mem=64, cpu="corei7_haswell_4770", extra=""):
        super().__init__([], work)
        self.debug_path = self.work / "port-e9.log"
        self.error_path = self.work / "bochs.log"
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        boot = "floppy" if floppy else "cdrom" if cd and not disk else "disk"
        text = CONFIG.format(
            plugins=", ".join(f"{name}=0" for name in NOT_LOADED),
            cpu=cpu, cpus=cpus, ips=SECOND, mem=mem, bios=bios, vga=VGA_ROM,
            serial=os.ttyname(self.slave), boot=boot, time=1709210096,
            log=self.error_path)
        if disk:
            text += (f'ata0-master: type=disk, mode=volatile, cylinders=0, '
                     f'path="{whole_cylinders(disk, self.work)}"\n')
        if cd:
            text += f'ata1-master: type=cdrom, status=inserted, path="{cd}"\n'
        if floppy:
            text += f'floppya: 1_44="{floppy}", status=inserted\n'
        (self.work / "bochsrc").write_text(text + extra)
        # Debian's is built with a debugger, which waits for a command.
        (self.work / "commands").write_text("continue\n")
        self.argv = [BOCHS, "-q", "-f", str(self.work / "bochsrc"),
                     "-rc", str(self.work / "commands")]

    def __enter__(self):
        with open(self.debug_path, "wb") as out, \
                open(self.work / "stderr.log", "wb") as errors:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out,
                stderr=errors)
        self.reader = threading.Thread(target=self.read_serial, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        vm.end(self.process)
        os.close(self.slave)
        self.reader.join(5)
        os.close(self.master)
        self.serial_path.write_bytes(self.serial)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def read_serial(self):
        """Until both ends of the terminal but this one are closed."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            with self.changed:
                self.serial += data
                self.changed.notify_all()
            if not data:
                return

    def send(self, text):
        os.write(self.master, text.encode())

    def qmp(self, command, **arguments):
        raise vm.VmError(f"Bochs has no QMP for {command}")

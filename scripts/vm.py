# SPDX-License-Identifier: MIT
"""Compose and start a virtual machine: the one place that knows QEMU's and
swtpm's command lines.

    tpm = Tpm("2.0-crb", state_dir)         # context manager: swtpm runs
    argv = qemu_argv(bios, machine="q35", tpm=tpm, disks=[disk(path, "ahci")])

scripts/run uses it for people, tests/boot/conftest.py for tests.
"""

import base64
import contextlib
import functools
import io
import os
import pathlib
import re
import select
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time

from monitor import Monitor, MonitorClosed, VmError      # noqa: F401

SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
TPM_KINDS = ("none", "1.2", "2.0-tis", "2.0-crb")
BANKS = "sha1,sha256,sha384,sha512"


def end(process):
    """End a process; by force if it takes more than 5 s."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(path):
    """Does a process listen on that socket of the file system?  Its file is
    there a moment earlier; and a connection made to find out would end swtpm,
    which ends with its first one.  (proc(5), /proc/net/unix: __SO_ACCEPTCON)"""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        return any(line.split()[3] == "00010000" for line in file
                   if line.endswith(f" {path}\n"))


class Tpm:
    """One swtpm with its state in a directory, made on first use."""

    def __init__(self, kind, state, banks=BANKS):
        if kind not in TPM_KINDS[1:]:
            raise VmError(f"unknown TPM kind {kind!r}; there are: "
                          + ", ".join(TPM_KINDS))
        if "," in str(state):
            raise VmError(f"swtpm cannot use a path with a comma: {state}")
        self.kind = kind
        self.state = pathlib.Path(state)
        self.banks = banks
        self.process = None
        # Socket paths are limited to 107 bytes, so not below the tree.
        self.run_dir = tempfile.mkdtemp(prefix="keel-tpm-")
        self.socket = os.path.join(self.run_dir, "ctrl")

    @property
    def version2(self):
        return self.kind != "1.2"

    def setup_arguments(self):
        argv = ["swtpm_setup", "--tpmstate", str(self.state), "--overwrite"]
        return argv + (["--tpm2", "--pcr-banks", self.banks]
                       if self.version2 else [])

    def manufacture(self):
        """Create the TPM: endorsement key and active banks."""
        self.state.mkdir(parents=True, exist_ok=True)
        file = "tpm2-00.permall" if self.version2 else "tpm-00.permall"
        if (self.state / file).exists():
            return
        # It wants to keep its own log and a certificate authority in the
        # home directory; without certificates it needs neither.
        done = subprocess.run(self.setup_arguments(), capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise VmError("swtpm_setup failed: " + done.stdout + done.stderr)

    def command(self):
        argv = ["swtpm", "socket", "--tpmstate", f"dir={self.state}",
                "--ctrl", f"type=unixio,path={self.socket}",
                "--log", f"file={self.run_dir}/log,level=1", "--terminate"]
        return argv + (["--tpm2"] if self.version2 else [])

    def start(self):
        self.manufacture()
        if self.process and self.process.poll() is None:
            return self
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        limit = time.monotonic() + 10
        while not listens(self.socket):
            if self.process.poll() is not None:
                raise VmError("swtpm ended at once: "
                              + self.process.stderr.read().decode())
            if time.monotonic() > limit:
                raise VmError("swtpm did not open its socket in 10 s")
            time.sleep(0.01)
        return self

    def stop(self):
        if self.process:
            end(self.process)
            self.process.stderr.close()
            self.process = None
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def arguments(self):
        device = "tpm-crb" if self.kind == "2.0-crb" else "tpm-tis"
        return ["-chardev", f"socket,id=chrtpm,path={self.socket}",
                "-tpmdev", "emulator,id=tpm0,chardev=chrtpm",
                "-device", f"{device},tpmdev=tpm0"]


def drive_format(path):
    """qcow2 or raw, by the file's first bytes."""
    with open(path, "rb") as file:
        return "qcow2" if file.read(4) == b"QFI\xfb" else "raw"


def disk(path, kind="ide", machine="pc", index=0, snapshot=True, boot=None,
         extra=""):
    """Arguments for one disk.  kind: ide, ahci, virtio, virtio-legacy,
    virtio-modern, virtio-scsi, lsi53c895a, nvme, usb-xhci, usb-ehci,
    usb-uhci.  On q35 "ide" is AHCI, as QEMU wires it."""
    name = f"disk{index}"
    args = ["-drive", f"if=none,id={name},format={drive_format(path)},"
            f"file={str(path).replace(',', ',,')},"
            f"snapshot={'on' if snapshot else 'off'}{extra}"]
    device = {
        "ide": f"ide-hd,drive={name},bus=ide.{index}",
        "ahci": f"ide-hd,drive={name},bus="
                + (f"ide.{index}" if machine == "q35" else f"ahci.{index}"),
        "virtio": f"virtio-blk-pci,drive={name}",
        "virtio-legacy": f"virtio-blk-pci,drive={name},disable-modern=on,"
                         "disable-legacy=off",
        "virtio-modern": f"virtio-blk-pci,drive={name},disable-legacy=on,"
                         "disable-modern=off",
        "virtio-scsi": f"scsi-hd,drive={name},scsi-id={index}",
        "lsi53c895a": f"scsi-hd,drive={name},scsi-id={index}",
        "nvme": f"nvme,drive={name},serial=keel{index}",
        "usb-xhci": f"usb-storage,drive={name},bus=hc.0",
        "usb-ehci": f"usb-storage,drive={name},bus=hc.0",
        "usb-uhci": f"usb-storage,drive={name},bus=hc.0",
    }[kind]
    if kind in ("virtio-scsi", "lsi53c895a") and index == 0:
        args += ["-device", "virtio-scsi-pci" if kind == "virtio-scsi"
                 else kind]
    if kind == "ahci" and machine != "q35":
        args += ["-device", "ich9-ahci,id=ahci"]
    controllers = {"usb-xhci": "qemu-xhci", "usb-ehci": "usb-ehci",
                   "usb-uhci": "piix3-usb-uhci"}
    if kind in controllers:
        args += ["-device", f"{controllers[kind]},id=hc"]
    if boot is not None:
        device += f",bootindex={boot}"
    return args + ["-device", device]


def cdrom(path, machine="pc", boot=None):
    """Arguments for a CD-ROM drive behind the machine's own controller."""
    bus = "ide.2" if machine == "q35" else "ide.1"
    device = f"ide-cd,drive=cd0,bus={bus}"
    if boot is not None:
        device += f",bootindex={boot}"
    return ["-drive", f"if=none,id=cd0,format=raw,media=cdrom,readonly=on,"
            f"file={str(path).replace(',', ',,')}", "-device", device]


@functools.cache
def smi_timers_off():
    """Arguments that take the SMI timers from q35, with which an OS can run
    code before the next boot's first instruction (docs/threat-model.md); none
    for a QEMU that has no such timers and does not know the switches."""
    try:
        known = subprocess.run([QEMU, "-device", "ICH9-LPC,help"], check=False,
                               capture_output=True, text=True).stdout
    except OSError as err:
        raise VmError(f"{QEMU}: {err.strerror}") from None
    return [word for name in ("x-smi-swsmi-timer", "x-smi-periodic-timer")
            if name + "=" in known
            for word in ("-global", f"ICH9-LPC.{name}=off")]


def qemu_argv(bios, machine="pc", tpm=None, mem="256M", smp=1, accel="tcg",
              nic=False, vga=None, machine_options="", display="none",
              pflash=False, smi_timers=False, one_thread=False, args=()):
    """The command line up to devices and consoles, which go into args.
    pflash: the firmware as a flash device, not by -bios; smi_timers: q35 keeps
    what smi_timers_off() takes away; one_thread: of TCG, for all CPUs."""
    if machine not in ("pc", "q35"):
        raise VmError(f"unknown machine {machine!r}; there are: pc, q35")
    firmware = ["-bios", str(bios)]
    if pflash:
        firmware = ["-drive", "if=pflash,unit=0,format=raw,readonly=on,"
                    f"file={bios}"]
    machine_argv = ["-machine", f"{machine},accel={accel}{machine_options}"]
    if one_thread:
        machine_argv = ["-machine", f"{machine}{machine_options}",
                        "-accel", f"{accel},thread=single"]
    argv = [QEMU, "-nodefaults", "-no-user-config", "-display", display,
            *machine_argv, *firmware, "-m", str(mem), "-smp", str(smp)]
    if machine == "q35" and not smi_timers:
        argv += smi_timers_off()
    if vga is not None:
        argv += ["-vga", vga]
    if nic:
        argv += ["-nic", "user,model=e1000"]
    if tpm:
        argv += tpm.arguments()
    return argv + [str(a) for a in args]


def shown(argv):
    """A command line to paste into a shell."""
    return " ".join(shlex.quote(a) for a in argv)


class Machine:
    """A running QEMU: its serial console, debug port and monitor.

    Everything the guest prints on the first serial port is kept in
    self.serial; port 402h goes to the file self.debug_path, port E9h (the
    attack tool's marker) to self.marker_path.  Use as a context manager; on
    leaving, QEMU is ended.
    """

    emulator, debug_port = "QEMU", "402h"       # in reports

    def __init__(self, argv, work, echo=None, qmp=True):
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.debug_path = self.work / "debug.log"
        self.marker_path = self.work / "marker.log"
        self.error_path = self.work / "qemu.log"
        self.serial_path = self.work / "serial.log"
        self.run_dir = tempfile.mkdtemp(prefix="keel-vm-")
        self.qmp_path = os.path.join(self.run_dir, "qmp")
        self.argv = argv + [
            "-chardev", "stdio,id=serial0,signal=off",
            "-serial", "chardev:serial0",
            "-chardev", f"file,id=debug0,path={self.debug_path}",
            "-device", "isa-debugcon,iobase=0x402,chardev=debug0",
            "-chardev", f"file,id=marker0,path={self.marker_path}",
            "-device", "isa-debugcon,iobase=0xe9,chardev=marker0"]
        if qmp:
            self.argv += ["-qmp", f"unix:{self.qmp_path},server=on,wait=off"]
        self.echo = echo
        self.serial = bytearray()
        self.seen = 0               # expect() looks from here on
        self.changed = threading.Condition()
        self.process = None
        self.reader = None
        self.monitor = None

    def __enter__(self):
        # What an earlier machine said here is not this one's.
        for path in (self.debug_path, self.marker_path):
            path.unlink(missing_ok=True)
        with open(self.error_path, "wb") as errors:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, bufsize=0)
        self.reader = threading.Thread(target=self.read_serial, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        end(self.process)
        self.reader.join(5)
        self.process.stdin.close()
        self.process.stdout.close()
        if self.monitor:
            self.monitor.close()
        self.serial_path.write_bytes(self.serial)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def read_serial(self):
        """QEMU writes each character by itself.  What comes within a moment is
        read together: who waits looks at all of it each time."""
        output = self.process.stdout.fileno()
        while True:
            select.select([output], [], [])
            time.sleep(0.001)
            data = os.read(output, 65536)
            with self.changed:
                self.serial += data
                self.changed.notify_all()
            if not data:
                return
            if self.echo:
                self.echo(data)

    # ------------------------------------------------------------- waiting

    def alive(self):
        return self.process.poll() is None

    def find(self, pattern, timeout):
        """Wait for a regular expression (bytes) on the serial console, from
        where the last one ended; returns the match or None."""
        regex = re.compile(pattern, re.S | re.M)
        limit = time.monotonic() + timeout
        with self.changed:
            while True:
                match = regex.search(self.serial, self.seen)
                if match:
                    self.seen = match.end()
                    return match
                left = limit - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    return None
                self.changed.wait(min(left, 0.5))

    def expect(self, pattern, timeout=60, what=None):
        match = self.find(pattern, timeout)
        if match is None:
            raise VmError(self.report(
                f"waited {timeout} s for {what or pattern!r} on the serial "
                "console" + ("" if self.alive() else f"; {self.emulator} "
                             f"ended with {self.process.poll()}")))
        return match

    def wait(self, timeout=30):
        """Wait for QEMU's end; returns its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise VmError(self.report(
                f"{self.emulator} still runs after {timeout} s")) from None

    def wait_debug(self, pattern, timeout=20):
        """Wait for a regular expression (bytes) on port 402h."""
        limit = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.debug(), re.S | re.M)
            if match:
                return match
            if time.monotonic() > limit or not self.alive():
                raise VmError(self.report(
                    f"waited {timeout} s for {pattern!r} on port "
                    f"{self.debug_port}"))
            time.sleep(0.05)

    # ------------------------------------------------------------- talking

    def send(self, text):
        self.process.stdin.write(text.encode())

    def ready(self, timeout=120):
        """Wait until the guest's Linux takes commands."""
        return self.expect(rb"KEEL-READY", timeout,
                           "the guest's Linux to come up")

    def command(self, line, timeout=60, check=True):
        """Run a shell line in the guest; returns its output as text."""
        start = self.seen
        self.send(line + "\n")
        match = self.expect(rb"KEEL-RC (\d+)\r?\n", timeout,
                            f"the guest to finish {line!r}")
        text = bytes(self.serial[start:match.start()]).decode(
            errors="replace").replace("\r", "")
        if check and match[1] != b"0":
            raise VmError(self.report(
                f"the guest's {line!r} failed ({match[1].decode()}): {text}"))
        return text

    def dump(self, what="", timeout=90):
        """What keel-dump collects: {path: bytes}."""
        self.send(f"keel-dump {what}\n")
        match = self.expect(rb"KEEL-DUMP-BEGIN\r?\n(.*?)KEEL-DUMP-END[^\n]*\n",
                            timeout, "the guest's dump")
        self.expect(rb"KEEL-RC 0\r?\n", 10)
        return unpack_dump(match[1])

    def qmp(self, command, **arguments):
        """Run one monitor command."""
        if self.monitor is None:
            monitor = Monitor(self.qmp_path, self.alive)
            try:
                monitor.connect()
            except VmError as err:
                monitor.close()
                raise VmError(self.report(str(err))) from None
            self.monitor = monitor
        return self.monitor.qmp(command, **arguments)

    def hmp(self, line):
        """Run one command of the monitor for people; what it says."""
        return self.qmp("human-monitor-command", **{"command-line": line})

    def press(self, line):
        """Type keys or move the mouse: hmp(), but the guest may answer the
        input by ending QEMU, at times before QEMU has answered us."""
        with contextlib.suppress(MonitorClosed):
            self.hmp(line)

    # ----------------------------------------------------------- reporting

    def debug(self):
        try:
            return self.debug_path.read_bytes()
        except OSError:
            return b""

    def marker(self):
        try:
            return self.marker_path.read_bytes()
        except OSError:
            return b""

    def report(self, problem):
        """problem, and what one needs to see why."""
        def tail(data, lines):
            text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(data))
            text = text.decode(errors="replace").replace("\r", "")
            return "\n".join("    " + x for x in text.split("\n")[-lines:])
        errors = self.error_path.read_bytes() \
            if self.error_path.exists() else b""
        code = self.process.poll() if self.process else None
        if code is not None and code < 0:
            problem += f"\n  {self.emulator} was ended by signal {-code}"
        return "\n".join([
            problem,
            "  serial console, last lines:", tail(self.serial, 25),
            f"  port {self.debug_port}, last lines:", tail(self.debug(), 30),
            f"  {self.emulator}'s own messages:", tail(errors, 8),
            "  files: " + str(self.work),
            "  command: " + shown(self.argv)])


def unpack_dump(data):
    """base64 tar.gz as it came over the console: {path: bytes}."""
    try:
        raw = base64.b64decode(data)
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as tar:
            return {m.name[2:] if m.name.startswith("./") else m.name:
                    tar.extractfile(m).read()
                    for m in tar.getmembers() if m.isfile()}
    except (ValueError, tarfile.TarError, EOFError, OSError) as err:
        raise VmError(f"the guest's dump is damaged: {err}") from None

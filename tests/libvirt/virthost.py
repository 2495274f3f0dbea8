# SPDX-License-Identifier: MIT
"""A libvirt of the tests' own: a libvirtd in session mode whose directories
are all temporary, so that one that runs here is not disturbed.

    with Libvirt(bios) as host:             # libvirtd runs
        with Guest(host, xml, work) as guest:
            guest.start()                   # with virsh console on it
            guest.ready()

Session mode is for users other than root: it needs neither systemd nor rights.
Root gets it by a user namespace in which it has another number.  What is
special to the system's libvirtd is not tried like this: AppArmor
(tests/scripts/test_install.py), and the user that QEMU runs as.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import xml.etree.ElementTree as ET

import pexpect
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "boot")]
import tcglog                                       # noqa: E402
import vm                                           # noqa: E402

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
SETUP = "run scripts/setup libvirt"
USER = "1"                  # in the namespace; it must have a name here
QUESTION = "asked this firmware to.*?Refused in"


OTHER_NAME = "echo keel-other > /proc/sys/kernel/hostname && exec \"$0\" \"$@\""


def as_user():
    """Words before a command that make it run as somebody else than root."""
    if os.geteuid():
        return []
    return ["unshare", "--user", f"--map-user={USER}", f"--map-group={USER}"]


def on_other_host():
    """The same, on what has another name: libvirt migrates to no host that is
    called like the one it comes from."""
    name = ["unshare", "--uts", *(["--user", "--map-root-user"]
                                  if os.geteuid() else [])]
    return name + ["sh", "-c", OTHER_NAME, "unshare", "--user",
                   f"--map-user={USER}", f"--map-group={USER}"]


def program(name):
    """Its path, or None; libvirtd is in /usr/sbin."""
    return shutil.which(name, path=PATH)


def require_libvirt():
    """Skips where libvirt cannot be tried, and says why."""
    for name in ("libvirtd", "virsh"):
        if not program(name):
            pytest.skip(f"{name} is not installed: {SETUP}")
    tried = subprocess.run([*as_user(), "true"], capture_output=True,
                           text=True, check=False)
    if tried.returncode:
        pytest.skip("root cannot become another user by a user namespace "
                    f"here, so libvirtd would be the system's: {tried.stderr}")


def firmware():
    """The image under test, as in tests/boot."""
    out = pathlib.Path(os.environ.get("O") or ROOT / "out")
    path = pathlib.Path(os.environ.get("BIOS") or out / "bios.bin").resolve()
    if not path.exists():
        pytest.fail(f"there is no firmware {path}: run make first")
    return path


def load_script(name):
    """Import a script that has no .py."""
    loader = importlib.machinery.SourceFileLoader(
        name, str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def descriptor(directory, bios):
    """What `make install` puts into qemu/firmware, for this image."""
    text = (ROOT / "data/firmware.json").read_text(encoding="utf-8")
    directory.mkdir(parents=True)
    (directory / "60-keelbios.json").write_text(
        text.replace("@BIOSFILE@", str(bios)), encoding="utf-8")


class Libvirt:
    """One libvirtd, its directories, and virsh."""

    def __init__(self, bios, other=False):
        """other: it believes to be on another host than one without it."""
        self.bios = bios
        self.prefix = on_other_host() if other else as_user()
        # Sockets are below it, so its name is short.
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="keel-lv-"))
        self.log_path = self.top / "libvirtd.log"
        names = {"XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config",
                 "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data",
                 "XDG_STATE_HOME": "state", "HOME": "home"}
        self.env = {**os.environ, "LC_ALL": "C",
                    "LIBVIRT_DEFAULT_URI": "qemu:///session",
                    "PATH": PATH}
        for variable, name in names.items():
            (self.top / name).mkdir(mode=0o700)
            self.env[variable] = str(self.top / name)
        descriptor(self.top / "config/qemu/firmware", bios)
        self.config = self.top / "libvirtd.conf"
        self.config.write_text(f'host_uuid = "{uuid.uuid4()}"\n',
                               encoding="utf-8")
        self.socket = self.top / "run/libvirt/libvirt-sock"
        self.process = None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                [*self.prefix, "libvirtd", "--config", str(self.config)],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        limit = time.monotonic() + 60
        while not vm.listens(self.socket):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise vm.VmError("libvirtd did not open its socket: "
                                 + self.log())
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        # What a test that was interrupted has left would outlive libvirtd.
        for name in self.run("virsh", "list", "--name").stdout.split():
            self.run("virsh", "destroy", name)
        vm.end(self.process)
        # libvirtd has started virtlogd, which would stay for two minutes.
        pid = self.top / "run/libvirt/virtlogd.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        shutil.rmtree(self.top, ignore_errors=True)

    def log(self):
        return self.log_path.read_text(errors="replace")[-3000:]

    def run(self, *argv, limit=300):
        """Run a program as this libvirt's user."""
        return subprocess.run([*as_user(), *map(str, argv)], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=limit)

    def virsh(self, *argv, limit=300):
        """What virsh says; it must succeed."""
        done = self.run("virsh", *argv, limit=limit)
        if done.returncode:
            raise vm.VmError(f"virsh {' '.join(map(str, argv))} failed: "
                             f"{done.stderr}\nlibvirtd said: {self.log()}")
        return done.stdout

    def refuses(self, *argv):
        """Why virsh fails; it must."""
        done = self.run("virsh", *argv)
        assert done.returncode, f"virsh {argv} succeeded: {done.stdout}"
        return done.stderr

    def tpm_states(self):
        """The states of TPMs that are kept."""
        return sorted((self.top / "config/libvirt/qemu/swtpm").glob(
            "*/tpm*/*.permall"))


class Guest:
    """A defined machine, and what is said on its serial console."""

    def __init__(self, host, domain, work):
        self.host, self.work = host, work
        self.name = domain.findtext("name")
        self.xml = work / f"{self.name}.xml"
        self.xml.write_text(ET.tostring(domain, encoding="unicode"))
        self.said = open(work / "console.log", "ab")    # pylint: disable=R1732
        self.console = None

    def __enter__(self):
        self.host.virsh("define", self.xml)
        return self

    def __exit__(self, *_):
        self.hang_up()
        self.said.close()
        self.host.run("virsh", "destroy", self.name)
        self.host.run("virsh", "undefine", self.name, "--snapshots-metadata",
                      "--managed-save")

    @contextlib.contextmanager
    def moved(self, target):
        """It is at another libvirt, which forgets it at the end."""
        home, self.host = self.host, target
        try:
            yield
        finally:
            self.hang_up()
            self.host.run("virsh", "destroy", self.name)
            self.host.run("virsh", "undefine", self.name)
            self.host = home

    def attach(self, *argv):
        """Have a virsh command on the console."""
        self.hang_up()
        words = [*as_user(), "virsh", *argv]
        self.console = pexpect.spawn(words[0], words[1:], env=self.host.env,
                                     timeout=60, logfile=self.said)
        self.console.logfile_read, self.console.logfile = self.said, None
        self.console.setecho(False)
        return self.console

    def hang_up(self):
        if self.console:
            self.console.close(force=True)
            self.console = None

    def start(self):
        """Start it with the console attached, so that nothing is missed."""
        self.attach("start", self.name, "--console")

    def call(self):
        """Attach the console of a machine that runs."""
        self.attach("console", self.name, "--force")
        self.expect("Escape character", 60)

    def expect(self, pattern, limit, what=None):
        """Wait for a regular expression on the console."""
        try:
            self.console.expect(re.compile(pattern.encode(), re.S), limit)
        except (pexpect.TIMEOUT, pexpect.EOF):
            self.said.flush()
            text = (self.work / "console.log").read_text(errors="replace")
            raise vm.VmError(
                f"waited {limit} s for {what or pattern!r} on the console of "
                f"{self.name}; it said: {text[-1500:]}") from None
        return self.console.match

    def ready(self, limit=400):
        self.expect("KEEL-READY", limit, "the guest's Linux to come up")

    def send(self, text):
        self.console.send(text)

    def command(self, line, limit=180):
        """Run a shell line in the guest; its output."""
        self.send(line + "\n")
        found = self.expect(r"KEEL-RC (\d+)\r?\n", limit, f"{line!r} to end")
        text = self.console.before.decode(errors="replace")
        assert found[1] == b"0", f"the guest's {line!r} failed: {text}"
        return text.replace("\r", "")

    def request(self, operation):
        """As Linux asks the firmware; then a reboot."""
        self.command(f"echo {operation} > /sys/class/tpm/tpm0/ppi/request")
        self.send("reboot -f\n")

    def response(self):
        return self.command("cat /sys/class/tpm/tpm0/ppi/response").strip()

    def dump(self):
        """The TPM's part of keel-dump."""
        self.send("keel-dump tpm\n")
        found = self.expect(r"KEEL-DUMP-BEGIN\r?\n(.*?)KEEL-DUMP-END[^\n]*\n"
                            r".*?KEEL-RC 0\r?\n", 240, "the guest's dump")
        return vm.unpack_dump(found[1])

    def check_log(self, banks):
        """keelpcr finds that the log gives the PCRs, in exactly these banks;
        returns the PCRs' text."""
        dump = self.dump()
        text = dump.get("tpm/pcrs", b"") or dump.get("tpm/pcrs-1.2", b"")
        (self.work / "log").write_bytes(dump["tpm/log"])
        (self.work / "pcrs").write_bytes(text)
        done = subprocess.run(
            [ROOT / "scripts/keelpcr", "check", self.work / "log",
             self.work / "pcrs"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted(tcglog.parse(dump["tpm/log"]).banks) == sorted(banks)
        return text.decode()

    def events(self):
        """What keelpcr shows of the log that check_log() took."""
        return subprocess.run(
            [ROOT / "scripts/keelpcr", "replay", self.work / "log"],
            capture_output=True, text=True, check=True).stdout

# SPDX-License-Identifier: MIT
"""An operating system that asks the firmware for changes of the TPM: the test
agent, which writes the interface's memory as QEMU's ACPI code does; a real
Linux, by its sysfs files; or both, Linux to ask and the agent to look.  All
have the same methods.

    with ppihost.Agent(tests, "q35", tpm, policy="confirm") as host:
        asked = host.do(5, answer="accept")
"""

import contextlib
import fcntl
import re
import shutil
import subprocess

import agent
from conftest import NO_KERNEL_HASH
import faketpm
import vm
from needs import device_property

ABORT, FAILURE = 0xfffffff0, 0xfffffff1
SYSFS = "/sys/class/tpm/tpm0/ppi/"
QUESTION = rb"asked this firmware to.*?Refused in"
F10, F12, ESC = "\x1b[21~", "\x1b[24~", "\x1b"


def no_interface():
    """Arguments for a machine whose TPM has no physical presence interface;
    QEMU 11 has none such."""
    device_property("tpm-tis", "ppi")
    return ["-global", "tpm-crb.ppi=off", "-global", "tpm-tis.ppi=off"]


def config(policy=None, timeout=None):
    """QEMU's arguments."""
    args = []
    for name, value in (("policy", policy), ("timeout", timeout)):
        if value is not None:
            args += ["-fw_cfg",
                     f"name=opt/org.keelbios/ppi-{name},string={value}"]
    return args


def page(at, data):
    """Arguments that put bytes into the PPI memory at each reset.  (QEMU 10
    does not load files there.)"""
    args = []
    for i in range(0, len(data), 8):
        value = int.from_bytes(data[i:i + 8], "little")
        args += ["-device", f"loader,addr={agent.PPI + at + i:#x},"
                 f"data={value:#x},data-len=8"]
    return args


class Host:
    """What both have in common."""

    up = rb""               # what it says when it has come up

    def __init__(self, tests, machine, tpm, policy=None, timeout=60,
                 args=(), **kwargs):
        self.tests, self.tpm_device, self.machine = tests, tpm, machine
        self.args = config(policy, timeout) + list(args)
        kwargs.setdefault("machine_options", ",graphics=off")
        self.kwargs = kwargs
        self.stack = None
        self.m = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.stack = contextlib.ExitStack()
        self.m = self.stack.enter_context(self.open())
        self.m.expect(self.up, 120, "the guest to come up")

    def stop(self):
        """End QEMU; swtpm ends with it, but behind a proxy, which keeps it
        to be asked for its PCRs."""
        if self.stack:
            self.stack.close()
            self.stack = None
            if isinstance(self.tpm_device, faketpm.FakeTpm):
                self.tpm_device.process.terminate()
            self.tpm_device.process.wait(10)

    def power_cycle(self):
        self.stop()
        self.tpm_device.start()
        self.start()

    def restart(self, answer=None):
        """Restart; the number of questions that the firmware asked.  Each is
        answered with these keys; None: there must be none."""
        asked = 0
        self.reset()
        while True:
            found = self.m.expect(QUESTION + b"|" + self.up, 120,
                                  "a question or the guest")
            if not re.match(QUESTION, found[0], re.S):
                return asked
            asked += 1
            assert answer is not None, self.m.report("an unexpected question")
            self.m.send(answer)

    def talk(self, data):
        """One command; its response code, and all of its answer.  A proxy is
        asked itself: the answer is the same, and takes a twentieth of the
        time."""
        if isinstance(self.tpm_device, faketpm.FakeTpm):
            answer = self.tpm_device.ask(data)
            return int.from_bytes(answer[6:10], "big"), answer
        return self.talk_by_guest(data)

    def do(self, code, parameter=0, answer=None):
        self.request(code, parameter)
        return self.restart(answer)


class Agent(Host):
    """The test agent."""

    up = rb"^AGENT\r?\n"

    def open(self):
        disk = self.tests.tmp / "agent.img"
        if not disk.exists():
            agent.image(self.tests.tmp)
        return self.tests.machine(
            self.machine, None, tpm=self.tpm_device, args=self.args
            + vm.disk(disk, "ide", self.machine), **self.kwargs)

    @property
    def a(self):
        return agent.Agent(self.m)

    def reset(self):
        self.a.reset_begin()

    def talk_by_guest(self, data):
        return self.a.tpm(data)

    def request(self, code, parameter=0):
        self.a.request(code, parameter)

    def pending(self):
        return self.a.pending()

    def response(self):
        return self.a.response()

    def func(self):
        return {n: v for n, v in enumerate(self.a.func()) if v}


class Linux(Host):
    """Debian's kernel."""

    up = rb"KEEL-READY"

    def __init__(self, *args, **kwargs):
        # With little RAM, Linux often comes to lie where it was before the
        # reset.  TCG takes up to a minute then to write over code it knows.
        kwargs.setdefault("mem", "1G")
        super().__init__(*args, **kwargs)

    def open(self):
        return self.tests.linux(self.machine, tpm=self.tpm_device,
                                args=self.args, **self.kwargs)

    def reset(self):
        self.m.send("reboot -f\n")

    def talk_by_guest(self, data):
        text = "".join(f"\\x{b:02x}" for b in data)
        half = len(text) // 8 * 4       # the console takes 4095 characters
        write = f"printf '{text}' >&3"
        if len(data) > 900:             # more than a shell writes at once
            write = (f"printf '{text[:half]}' > /tmp/c; "
                     f"printf '{text[half:]}' >> /tmp/c; "
                     "dd if=/tmp/c bs=4096 count=1 2>/dev/null >&3")
        # Each process costs more than the TPM's command.
        out = self.m.command(f"exec 3<>/dev/tpm0; {write}; "
                             "hexdump -v -e '1/1 \"%02x\"' <&3; echo")
        answer = bytes.fromhex(out.split()[-1])
        return int.from_bytes(answer[6:10], "big"), answer

    def request(self, code, parameter=0):
        text = f"{code} {parameter}" if parameter else str(code)
        self.m.command(f"echo '{text}' > {SYSFS}request")

    def pending(self):
        return int(self.m.command(f"cat {SYSFS}request").split()[0])

    def response(self):
        text = self.m.command(f"cat {SYSFS}response").strip()
        found = re.match(r"(\d+) (?:0x)?([0-9a-fA-F]+): ", text)
        if not found:
            assert text == "0: No Recent Request", text
            return 0, 0
        return int(found[1]), int(found[2], 16)

    def func(self):
        text = self.m.command(f"cat {SYSFS}tcg_operations "
                              f"{SYSFS}vs_operations")
        # Newer kernels list what is not implemented (0) as well.
        return {int(n): int(s) for n, s in
                re.findall(r"^(\d+) ([1-9]): ", text, re.M)}


class Saved(Host):
    """Debian's kernel asks, and the agent, which boots then, looks.  Linux is
    not started each time but loaded from its state when it had come up; the
    TPM has to be a FakeTpm, which keeps its own state meanwhile."""

    up = Agent.up
    pending, response = Agent.pending, Agent.response
    func, a = Agent.func, Agent.a
    talk_by_guest = Agent.talk_by_guest

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.linux = False              # does it run now?

    def arguments(self, store, cd=None):
        """What the machine that saves and the one that loads have alike."""
        disk = self.tests.tmp / "agent.img"
        if not disk.exists():
            agent.image(self.tests.tmp)
        bus = "ide.2" if self.machine == "q35" else "ide.1"
        return self.args + NO_KERNEL_HASH + vm.disk(
            disk, "virtio", self.machine, snapshot=False,
            extra=",readonly=on", boot=1) + [
            "-drive", "if=none,id=cd0,media=cdrom,readonly=on"
            + (f",format=raw,file={cd}" if cd else ""),
            "-device", f"ide-cd,drive=cd0,bus={bus},bootindex="
            + ("0" if cd else "2"),
            "-drive", f"if=none,id=store,format=qcow2,file={store}"]

    def running(self, store, cd=None):
        return self.tests.machine(
            self.machine, None, tpm=self.tpm_device, mem=112,
            args=self.arguments(store, cd), **self.kwargs)

    def save(self, store):
        """Start Linux from a CD, and save it."""
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", store,
                        "1M"], check=True)
        with self.running(store, self.tests.guest["isolinux.iso"]) as self.m:
            self.m.ready()
            # What the kernel still does then, it would do at each load.
            self.m.command("sleep 2; attack")
            self.monitor("eject -f cd0")
            self.monitor("savevm linux")
        self.tpm_device.process.terminate()
        self.tpm_device.process.wait(10)
        self.tpm_device.start()

    def open(self):
        tpm = self.tpm_device
        master = self.tests.shared / f"linux-{self.machine}-{tpm.kind}.qcow2"
        store = self.tests.tmp / "store.qcow2"
        with open(master.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not master.exists():
                self.save(store)
                store.rename(master)
        shutil.copyfile(master, store)
        self.linux = False
        return self.running(store)

    def monitor(self, line):
        """A command that touches the machine's state, not the TPM's."""
        self.tpm_device.keep = True
        said = self.m.hmp(line)
        self.tpm_device.keep = False
        assert not said, self.m.report(f"{line}: {said}")

    def load(self):
        """Linux runs, and takes commands."""
        if not self.linux:
            self.monitor("loadvm linux")
            self.m.seen = len(self.m.serial)
            self.linux = True

    def command(self, line, check=True):
        """Have Linux run it; its output."""
        self.load()
        return self.m.command(line, check=check)

    def request(self, code, parameter=0):
        text = f"{code} {parameter}" if parameter else str(code)
        self.command(f"echo '{text}' > {SYSFS}request")

    def reset(self):
        if self.linux:
            self.m.send("reboot -f\n")
        else:
            self.a.reset_begin()
        self.linux = False

    def poke(self, *writes):
        """Root writes to physical memory, (address, bytes) each, and resets
        the machine."""
        self.load()
        self.m.send("attack " + " ".join(
            f"poke={at:x}:{data.hex()}" for at, data in writes) + " cf9\n")
        self.linux = False
        self.m.expect(self.up, 60, f"a start after {writes}")

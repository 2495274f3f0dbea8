# SPDX-License-Identifier: MIT
"""A TPM that is slow, dead, or answers wrongly, at each command of POST: the
machine boots within the specification's time-outs and says what is wrong, and
either nothing was lost, or PCRs are capped or the TPM is disabled."""

import concurrent.futures
import hashlib
import os
import re
import signal
import struct
import time

import pytest

import conftest
import faketpm
import measured
import tcglog
import vm

KINDS = ["2.0-crb", "2.0-tis", "1.2"]


# ----------------------------------------------- swtpm stopped from the start

def seconds_with_swtpm_stopped(tests, kind, limit, bios=None):
    """From the first instruction to the boot sector; None: not in limit
    seconds.  And what the consoles say."""
    port = tests.tmp / "port403"
    args = ["-S", "-chardev", f"file,id=port403,path={port}",
            "-device", "isa-debugcon,iobase=0x403,chardev=port403"]
    args += vm.disk(tests.guest["clock.img"], "virtio", "q35")
    with tests.tpm(kind) as tpm, tests.machine(
            "q35", None, tpm=tpm, mem="32M", args=args, bios=bios, vga="none",
            machine_options=",graphics=off") as m:
        connect(m)
        os.kill(tpm.process.pid, signal.SIGSTOP)
        try:
            m.qmp("cont")
            start = time.monotonic()
            faketpm.slowed(m.process.pid)
            while time.monotonic() < start + limit:
                if port.exists() and len(port.read_bytes()) >= 8:
                    return time.monotonic() - start, m
                time.sleep(0.02)
            return None, m
        finally:
            os.kill(tpm.process.pid, signal.SIGCONT)


def connect(m, limit=20):
    """QEMU's monitor, while QEMU may not have made it yet."""
    end = time.monotonic() + limit
    while True:
        try:
            return m.qmp("query-status")
        except (FileNotFoundError, ConnectionRefusedError):
            m.monitor = None
            assert time.monotonic() < end and m.alive(), m.report("no monitor")
            time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_swtpm_stopped(tests, kind):
    """The host has stopped swtpm (SIGSTOP) before the first instruction: a
    line after 2 s, the time of a start-up, another one 3 s later, and 15 s more
    before the boot."""
    took, m = seconds_with_swtpm_stopped(tests, kind, 60)
    assert took is not None, m.report("the boot sector did not run")
    print(f"\n{kind}: boot sector after {took:.1f} s")
    assert took < 35, "20 s are due, the rest is for a loaded host"
    for text in (bytes(m.serial), m.debug()):
        assert b"TPM: start-up: it did not answer in time" in text
        assert b"TPM: start-up failed: it did not answer in time" in text
        assert b"TPM: it has not answered by the end of POST" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["2.0-crb"])
def test_swtpm_stopped_seabios(tests, kind):
    """SeaBIOS does not come up, and says nothing."""
    took, m = seconds_with_swtpm_stopped(tests, kind, 65, vm.SEABIOS)
    assert took is None, f"SeaBIOS took {took} s"
    assert b"TPM" not in m.serial and b"timeout" not in m.debug().lower()


# -------------------------------------------- one fault at each command of POST

# TPM2_CC_* and TPM_ORD_*
STARTUP, SELF_TEST = (0x144, 0x99), (0x143, 0x53)
EXTEND = (0x182, 0x14)
HIERARCHY_CONTROL, SET_TEMP_DEACTIVATED = 0x121, 0x73
ERROR_SEPARATOR = b"\1\0\0\0"
# After these QEMU waits for a rest that never comes, or takes the rest for the
# next answer: nobody reaches the TPM any more.
SILENT = ("lost", "size too big", "size too small")
REFUSED = {"retry": (0x922, 0x800), "testing": (0x90a, 0x802),
           "yielded": (0x908, 0x801), "error": (0x120, 3)}
PASSING = ("late", "retry", "testing", "yielded")
FAULTS = ("late", "retry", "testing", "yielded", "error", "failure", "garbage",
          "cut", "longer", "size too small", "wrong tag", "lost",
          "size too big", "too late")
WAITING = ("lost", "size too big", "too late")


class Fault:
    """The fault `name` at the guest's n-th command after the first ones."""

    def __init__(self, kind, name, n, first=0):
        self.old = kind == "1.2"
        self.name, self.n, self.first = name, n, first
        self.count = -1
        self.times = 0
        self.struck = None              # the ordinal that was hit
        self.size = None                # of the answer that was spoilt
        self.broken = False             # nobody reaches the TPM any more
        if name in REFUSED or name == "failure":
            self.refuse = self.refuse_command

    def refuse_command(self, code):
        """Error codes: the command is not executed."""
        self.count += 1
        if self.count < self.n:
            return None
        self.struck = self.struck or code
        tag = 0xc4 if self.old else 0x8001
        if self.name == "failure":      # for ever
            rc = 0x1c if self.old else 0x101
        else:
            self.times += 1
            if self.times > (1 if self.name == "error" else 3):
                return None
            # The command comes again: count it as the same one.
            rc = REFUSED[self.name][self.old]
        return struct.pack(">HII", tag, 10, rc)

    def too_late(self, code):
        """A little more than the time the firmware gives; it answers while
        it is being cancelled."""
        if code in STARTUP:
            return 5.5
        if code in SELF_TEST:
            return 20.5 if self.old else 10.5
        return 2.7

    def __call__(self, n, code, answer):
        if n - self.first != self.n or hasattr(self, "refuse"):
            return answer
        self.struck = code
        self.broken = self.name in SILENT
        size = self.size = len(answer)
        if self.name == "late":
            time.sleep(0.4)
        elif self.name == "too late":
            time.sleep(self.too_late(code))
        elif self.name == "lost":
            return None
        elif self.name == "garbage":
            return faketpm.garbage(n, code, answer)
        elif self.name == "cut":
            return faketpm.sized(answer[:10 + (size - 10) // 2])
        elif self.name == "longer":
            return faketpm.sized(answer + b"\1\2\3\4")
        elif self.name == "size too big":
            return answer[:2] + struct.pack(">I", size + 8) + answer[6:]
        elif self.name == "size too small":     # the rest comes next
            return answer[:2] + struct.pack(">I", max(size - 3, 10)) + \
                answer[6:]
        elif self.name == "wrong tag":
            return bytes([answer[0], answer[1] ^ 3]) + answer[2:]
        return answer


def last_extends(tpm):
    """{pcr: (digests as sent)} of the last extend that swtpm executed."""
    last = {}
    for command, answer in tpm.exchanges:
        code = struct.unpack(">I", command[6:10])[0]
        if answer and code in EXTEND and not any(answer[6:10]):
            pcr = struct.unpack(">I", command[10:14])[0]
            last[pcr] = command[14:]
    return last


def is_capped(tpm):
    digest = hashlib.sha1(ERROR_SEPARATOR).digest()
    last = last_extends(tpm)
    return all(digest in last.get(pcr, b"") for pcr in range(8))


def is_disabled(tpm):
    """swtpm was told to be off, and did it."""
    off = [c for c, a in tpm.exchanges if a and not any(a[6:10])
           and struct.unpack(">I", c[6:10])[0] in (HIERARCHY_CONTROL,
                                                   SET_TEMP_DEACTIVATED)]
    return len(off) == (1 if tpm.kind == "1.2" else 3)


def events_of(log):
    return [(e.pcr, e.type, e.data) for e in log.events]


def judge(tests, kind, name, n, normal):
    """Boot with one fault; "" or what is wrong.  normal: the events of a boot
    without."""
    fault = Fault(kind, name, n)
    with measured.watched(tests, kind, fault) as tpm, \
            measured.boot(tests, "q35", tpm, limit=60) as m:
        assert fault.struck, f"there is no command {n}"
        debug = m.debug()
        said = re.findall(rb"^TPM: ([^\n]*)", debug, re.M)
        said = [line for line in said if not line.startswith(QUIET)]
        hit = f"{kind}, {name} at command {n} ({fault.struck:#x})"
        where = hit + ", " + b" / ".join(said).decode()
        silent = name in SILENT
        # The last wait before a boot, and the times of commands before.
        limit = 40 + (29 if silent or name == "too late" else 0) + \
            (20 if fault.struck in SELF_TEST else 0)
        if m.took > limit:
            return f"{where}: took {m.took:.1f} s"
        missing = missing_on_console(m, said)
        if missing:
            return f"{where}: not on the console: {missing}"
        failed = any(b"without measured boot" in line or b"not used" in line
                     or b"without it" in line for line in said)
        if name in PASSING and failed:
            return f"{where}: closed for nothing"
        if not failed:
            if must_fail(name, fault.struck):
                return f"{where}: went on"
            try:
                log = measured.log(m)
            except tcglog.LogError as err:
                return f"{where}: {err}"
            wrong = log.check(tpm.pcrs())
            if wrong or events_of(log) != normal:
                return f"{where}: the log and the PCRs differ"
            return ""
        if b"in failure mode" in debug:
            return "" if name == "failure" else f"{where}: which failure?"
        if silent:
            # Nothing reaches swtpm any more, from nobody.
            return ""
        if not is_capped(tpm):
            return f"{where}: PCRs not capped"
        # After hand-over nobody can disable it any more.
        if n < len(normal) - 3 and not is_disabled(tpm):
            return f"{where}: TPM not disabled"
        return ""


# Lines for port 402h alone, and the one of a TPM 1.2's first start.
QUIET = (b"no physical presence", b"physical presence cannot be asserted",
         b"no properties", b"its NV storage was open to everybody")


def missing_on_console(m, lines, limit=5):
    """Lines, wrapped at 80 columns, that do not come up on the console."""
    end = time.monotonic() + limit
    while True:
        shown = bytes(m.serial).replace(b"\r\n", b"")
        missing = [line for line in lines if line not in shown]
        if not missing or time.monotonic() > end:
            return missing
        time.sleep(0.02)


def must_fail(name, code):
    """Faults that nobody may take for a success: of what is measured and of
    what gives authority away.  (A start-up is tried again, nobody looks at a
    self-test's answer, a capability may only cost words.)"""
    if name in PASSING or code in STARTUP + SELF_TEST:
        return name in ("failure",) + WAITING and code in STARTUP
    return code in EXTEND + (0x129, 0x17b)


@pytest.fixture(scope="session")
def normal(bios, guest, tmp_path_factory):
    """{kind: (number of commands, events)} without faults."""
    found = {}
    for kind in KINDS:
        tests = conftest.Tests(bios, guest, tmp_path_factory.mktemp("normal"))
        with measured.watched(tests, kind) as tpm, \
                measured.boot(tests, "q35", tpm) as m:
            found[kind] = len(tpm.commands), events_of(measured.log(m))
    return found


def run_all(tests, kind, normal, cases, workers=2):
    """Several machines at once: most of the time they wait."""
    def one(case):
        name, n = case
        path = tests.tmp / f"{name}-{n}".replace(" ", "-")
        path.mkdir()
        return judge(conftest.Tests(tests.bios, tests.guest, path), kind, name,
                     n, normal[kind][1])

    in_parallel(one, cases, workers)


def in_parallel(one, cases, workers):
    """one(case) says what is wrong, or nothing."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        wrong = [text for text in pool.map(one, cases) if text]
    assert not wrong, "\n".join(wrong)


def workers_for(name):
    """Machines at once: most of the time those with these faults wait."""
    return 6 if name in WAITING else 3 if name == "late" else 2


@pytest.mark.parametrize("kind", KINDS)
def test_fault_at_each_command(tests, kind, normal):
    """A different fault at each command of POST."""
    quick = [f for f in FAULTS if f not in WAITING]
    start = KINDS.index(kind) * 4
    run_all(tests, kind, normal, [
        (quick[(n + start) % len(quick)], n)
        for n in range(normal[kind][0])])


@pytest.mark.parametrize("kind", [
    "2.0-crb", pytest.param("2.0-tis", marks=pytest.mark.slow), "1.2"])
def test_no_answer(tests, kind, normal):
    """To a capability and to the first extend."""
    cases = [("lost", 0), ("lost", 1), ("lost", 5), ("too late", 6)]
    run_all(tests, kind, normal, cases, workers=4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_at_each_command(tests, kind, name, normal):
    run_all(tests, kind, normal,
            [(name, n) for n in range(normal[kind][0])],
            workers_for(name))


# ------------------------------------------------------------ and then Linux

IN_THE_FAST_SET = ("garbage", "lost")


@pytest.mark.parametrize("name", [
    n if n in IN_THE_FAST_SET else pytest.param(n, marks=pytest.mark.slow)
    for n in FAULTS])
def test_linux_boots(tests, name):
    """One boot per kind of fault, at the first extend: Linux is there, and the
    TPM is as the firmware said."""
    kind = KINDS[FAULTS.index(name) % 3]
    n = {"1.2": 6}.get(kind, 4)
    fault = Fault(kind, name, n)
    with measured.watched(tests, kind, fault) as tpm, \
            tests.machine("q35", "virtio", tpm=tpm) as m:
        m.ready(240)
        assert fault.struck in EXTEND, f"{fault.struck or 0:#x}"
        said = re.findall(rb"^TPM: ([^\n]*)", m.debug(), re.M)
        said = [line for line in said if not line.startswith(QUIET)]
        if name in PASSING:
            assert not said
            dump = m.dump("tpm")
            dump["argv"] = vm.shown(m.argv).encode()
            conftest.assert_log_matches(
                dump, vm.BANKS.split(",") if tpm.version2 else ["sha1"])
            return
        assert any(b"PCR0 could not be extended" in line for line in said)
        assert any(b"starting without measured boot" in line for line in said)
        if name in SILENT:
            assert any(b"PCRs not capped" in line for line in said)
        elif name == "failure":
            assert any(b"in failure mode" in line for line in said)
        else:
            assert b"PCRs capped, TPM disabled; starting without measured " \
                b"boot" in said
            assert is_capped(tpm) and is_disabled(tpm)

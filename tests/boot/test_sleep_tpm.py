# SPDX-License-Identifier: MIT
"""S3 with a TPM that is stopped, or answers wrongly, when the machine wakes:
the operating system goes on in bounded time, and what port 402h says of the TPM
is true."""

import contextlib
import os
import re
import signal
import struct
import time

import pytest

import agent
import conftest
import measured
from test_sleep import suspend_and_wake
from test_tpm_faults import (
    FAULTS, PASSING, SILENT, WAITING, Fault, in_parallel, workers_for)

KINDS = ["2.0-crb", "2.0-tis", "1.2"]
SAVE = {True: "8001 0000000c 00000145 0001", False: "00c1 0000000a 00000098"}
LATE = 40           # seconds; the time-outs of a resume, on a loaded host


@contextlib.contextmanager
def asleep(tests, machine, kind, saved=True):
    """(agent, TPM, its PCRs): the machine sleeps, the OS has saved the TPM's
    state or not."""
    with measured.watched(tests, kind) as tpm, agent.started(
            tests, machine, tpm, mem="32M", vga="none",
            machine_options=",graphics=off") as a:
        before = tpm.pcrs()
        if saved:
            code, _ = a.tpm(bytes.fromhex(SAVE[tpm.version2]))
            assert code == 0, f"the TPM's state was not saved: {code:#x}"
        a.suspend()
        yield a, tpm, before


def said(m):
    """(what is printed of the TPM on resume, the line that sums it up)"""
    text = m.debug().split(b"S3 resume\n")[-1].decode()
    lines = re.findall(r"^TPM: (.*)", text, re.M)
    last = re.search(r"^S3 resume: TPM (.*)", text, re.M)
    assert last, m.report("no line about the TPM after the resume")
    return lines, last[1]


def hierarchies(tpm):
    """TPM 2.0: which are on: bits of TPMA_STARTUP_CLEAR."""
    answer = tpm.ask(struct.pack(">HIIIII", 0x8001, 22, 0x17a, 6, 0x201, 1))
    return answer[-1] & 7


def gone(before, after):
    """The PCRs that neither hold what they did nor what a start gives."""
    return {n for n in range(17) if all(
        after[bank][n] not in (values[n], bytes(len(values[n])))
        for bank, values in before.items())}


@contextlib.contextmanager
def stopped_on_wake(tpm):
    """swtpm is stopped (SIGSTOP) from the end of the sleep on.  (Not before:
    QEMU itself waits for it when it resets the TPM.)"""
    tpm.stop_at_init = True
    try:
        yield
    finally:
        tpm.stop_at_init = False
        os.kill(tpm.process.pid, signal.SIGCONT)


def on_its_way(_n, _code, answer):
    """Every answer: swtpm has given it, QEMU gets it a while later."""
    time.sleep(0.5)
    return answer


def assert_stopped_is_told(m):
    lines, last = said(m)
    assert last == "does not answer", last
    assert any("did not answer in time; waiting once more" in line
               for line in lines), lines
    assert any("it cannot be capped" in line for line in lines), lines
    assert not any("disabled" in line for line in lines), lines


@pytest.mark.parametrize("machine,kind", [
    ("q35", "2.0-crb"), ("pc", "2.0-tis"), ("q35", "1.2")])
def test_stopped(tests, machine, kind):
    """A start-up's time, then the OS goes on.  When swtpm runs again it does
    what it was told: the state is that of before the sleep, and nobody has the
    platform's authority."""
    with asleep(tests, machine, kind) as (a, tpm, before):
        with stopped_on_wake(tpm):
            tpm.spoil = on_its_way
            took = a.wake()
            print(f"\n{kind}: awake after {took:.1f} s")
            assert took < LATE
            assert_stopped_is_told(a.m)
        assert tpm.pcrs() == before
        if tpm.version2:
            code, _ = a.tpm(bytes.fromhex(
                "8002 0000001b 00000126 4000000c 00000009 40000009 0000 00 "
                "0000"))                    # TPM2_Clear
            assert code == 0x9a2, f"{code:#x}"
        else:
            code, _ = a.tpm(bytes.fromhex("00c1 0000000c 4000000a 0008"))
            assert code == 3, f"{code:#x}"


def garbage(_n, _code, answer):
    """Every answer: the size is right, all else is not."""
    return b"\x55\xaa" + answer[2:6] + bytes(
        i * 37 + 5 & 0xff for i in range(len(answer) - 6))


@pytest.mark.parametrize("machine,kind,saved", [
    ("pc", "2.0-crb", True), ("q35", "2.0-tis", False), ("pc", "1.2", True)])
def test_garbage(tests, machine, kind, saved):
    """Nothing that it answers can be understood, whether the state was saved
    or lost: PCRs that nobody can take for good ones, and no claim."""
    with asleep(tests, machine, kind, saved) as (a, tpm, before):
        tpm.spoil = garbage
        assert a.wake() < LATE
        lines, last = said(a.m)
        assert last == "not trusted: not all of it capped and disabled", last
        assert "start-up failed: its answer is malformed; going on without " \
            "it" in lines, lines
        assert any("could not all be capped" in line for line in lines), lines
        assert gone(before, tpm.pcrs()) == set(range(17))


def judge(tests, kind, name, n):
    """A resume with one fault at its n-th command; "" or what is wrong."""
    with asleep(tests, "q35", kind) as (a, tpm, before):
        fault = tpm.spoil = Fault(kind, name, n, len(tpm.commands))
        took = a.wake(120)
        lines, last = said(a.m)
        tpm.spoil = measured.faketpm.untouched
        where = f"{kind}, {name} at command {n} ({fault.struck or 0:#x}), " + \
            " / ".join(lines + [last]) + ": "
        if not fault.struck:
            return where + "there is no such command"
        if took > LATE + 20:
            return where + f"took {took:.1f} s"
        if last != "restored" and not lines:
            return where + "no message"
        if name in PASSING and last != "restored":
            return where + "closed for nothing"
        if name in SILENT or "failure mode" in where:
            # Nobody reaches it any more, or it does nothing.
            return "" if last != "restored" or harmless(fault) else \
                where + "restored?"
        if name in WAITING and "PCRs not capped" in where:
            return ""                   # as it says; a busy host is slower
        after = tpm.pcrs()
        if last in ("restored", "does not answer"):
            if after != before:
                return where + "the PCRs are not those of before"
            return ""
        if gone(before, after) < set(range(8)):
            return where + f"only {gone(before, after)} are capped"
        if last.endswith(": capped and disabled") and tpm.version2 \
                and hierarchies(tpm):
            return where + "it is not disabled"
        return ""


def harmless(fault):
    """A start-up is asked again, nobody waits for a self-test's answer, and an
    answer of ten bytes cannot be said to be smaller."""
    return fault.struck in (0x144, 0x99, 0x143, 0x53) or \
        fault.name == "size too small" and fault.size == 10


def commands_of_a_resume(tests, kind):
    with asleep(tests, "q35", kind) as (a, tpm, before):
        first = len(tpm.commands)
        a.wake()
        assert said(a.m) == ([], "restored")
        count = len(tpm.commands) - first
        assert tpm.pcrs() == before
        return count


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault(tests, kind, name):
    """At each command of a resume."""
    def one(n):
        path = tests.tmp / str(n)
        path.mkdir()
        return judge(conftest.Tests(tests.bios, tests.guest, path), kind, name,
                     n)

    in_parallel(one, range(commands_of_a_resume(tests, kind)),
                workers_for(name))


PCRS = "cat /sys/class/tpm/tpm0/pcr-sha256/[0-7]"
PCRS_12 = "head -8 /sys/class/tpm/tpm0/device/pcrs || " \
    "head -8 /sys/class/tpm/tpm0/pcrs"


@pytest.mark.slow
@pytest.mark.parametrize("machine,kind,how", [
    ("pc", "2.0-crb", "stopped"), ("q35", "2.0-crb", "garbage"),
    ("q35", "1.2", "stopped"), ("pc", "1.2", "garbage")])
def test_linux(tests, machine, kind, how):
    """Linux sleeps, and goes on.  swtpm runs again once the firmware is done:
    the driver's own look at TPM_ACCESS stops QEMU until then."""
    with measured.watched(tests, kind) as tpm, \
            tests.machine(machine, tpm=tpm) as m:
        m.ready()
        pcrs = PCRS if tpm.version2 else PCRS_12
        before = m.command(pcrs).strip()
        if how == "garbage":
            def on_wake(n, code, answer):
                # From the firmware's start-up to the end of its resume.
                on_wake.now |= code in (0x144, 0x99)
                on_wake.now &= b"S3 resume: TPM" not in m.debug()
                return garbage(n, code, answer) if on_wake.now else answer

            on_wake.now = False
            tpm.spoil = on_wake
            suspend_and_wake(m)
            assert said(m)[1].startswith("not trusted: not all of it")
            assert "KEEL" in m.command("echo KEEL")
            if tpm.version2:
                assert m.command(pcrs).strip() != before
            return
        with stopped_on_wake(tpm):
            suspend_and_wake(m, until=lambda: m.wait_debug(
                rb"^S3 resume: TPM does not answer", 60))
        m.expect(rb"KEEL-RC 0\r?\n", 60, "the guest to go on after S3")
        assert_stopped_is_told(m)
        assert m.command(pcrs).strip() == before

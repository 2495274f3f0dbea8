# SPDX-License-Identifier: MIT
"""A TPM that somebody else has started before the firmware: its PCRs say
whether it can be used.  An emulator's that cannot was an earlier operating
system's, and is closed; a real one is the host's, and is left alone."""

import re
import struct

import pytest

import agent
import measured
from test_tpm_faults import is_capped
import vm

KINDS = ("2.0-crb", "2.0-tis", "1.2")
STARTUP = {"2.0": bytes.fromhex("80010000000c000001440000"),
           "1.2": bytes.fromhex("00c10000000c000000990001")}
EXTEND = {  # PCR 7; of a TPM 2.0 its SHA-256 bank
    "2.0": bytes.fromhex("8002000000410000018200000007"
                         "00000009400000090000000000" "00000001000b")
    + bytes(range(32)),
    "1.2": bytes.fromhex("00c1000000220000001400000007") + bytes(range(20))}


class Before:
    """What has been done to the TPM when the firmware's first command comes;
    vendor: who it says has made it."""

    def __init__(self, commands, vendor=None):
        self.todo = list(commands)
        self.vendor = vendor
        self.tpm = None

    def refuse(self, _code):
        while self.todo:
            answer = self.tpm.ask(self.todo.pop(0))
            assert not any(answer[6:10]), answer.hex()

    def __call__(self, _n, _code, answer):
        return answer.replace(b"IBM", self.vendor) if self.vendor else answer


def commands(kind, *which):
    family = "1.2" if kind == "1.2" else "2.0"
    return [{"start": STARTUP, "extend": EXTEND}[w][family] for w in which]


def said(m):
    return re.findall(rb"^TPM: ([^\n]*)", m.debug(), re.M)


@pytest.mark.parametrize("kind", KINDS)
def test_untouched(tests, kind):
    before = Before(commands(kind, "start"))
    with measured.watched(tests, kind, before) as before.tpm, \
            measured.boot(tests, "q35", before.tpm) as m:
        assert (b"it was started before this firmware ran; its PCRs are still "
                b"those of a start-up: used") in said(m)
        log = measured.log(m)
        assert {e.pcr for e in log.events} >= set(range(8))
        assert not log.check(before.tpm.pcrs())


@pytest.mark.parametrize("kind", KINDS)
def test_used(tests, kind):
    """An emulator's."""
    before = Before(commands(kind, "start", "extend"))
    with measured.watched(tests, kind, before) as before.tpm, \
            measured.boot(tests, "q35", before.tpm) as m:
        lines = said(m)
        assert (b"it was started and its PCRs were changed before this "
                b"firmware ran") in lines
        assert b"PCRs capped, TPM disabled; starting without measured boot" \
            in lines
        assert is_capped(before.tpm)
        with pytest.raises(ValueError):
            measured.log(m)


@pytest.mark.parametrize("kind", KINDS)
def test_used_and_real(tests, kind):
    """One that libtpms has not made, such as a passed-through one."""
    before = Before(commands(kind, "start", "extend"), b"IFX")
    with measured.watched(tests, kind, before) as before.tpm, \
            measured.boot(tests, "q35", before.tpm) as m:
        assert said(m) == [b"it was started before this firmware ran; not "
                           b"used"]
        values = next(iter(before.tpm.pcrs().values()))
        assert not any(values[0]), "it was extended"


def test_used_and_linux(tests):
    """Linux has the real one; there is no log."""
    before = Before(commands("2.0-crb", "start", "extend"), b"IFX")
    with measured.watched(tests, "2.0-crb", before) as before.tpm, \
            tests.linux("q35", tpm=before.tpm) as m:
        m.ready()
        m.command("[ -e /dev/tpm0 ]")
        m.command("[ ! -e /sys/kernel/security/tpm0 ]")


@pytest.mark.parametrize("kind,code", [("2.0-crb", 0x100), ("1.2", 0x26)])
def test_nothing_else_is_answered(tests, kind, code):
    """TPM_RC_INITIALIZE (1.2: TPM_INVALID_POSTINIT) whatever is asked: one
    line, few commands, and the boot sector."""
    def spoil(_n, _code, answer):
        return answer

    spoil.refuse = lambda _code: struct.pack(
        ">HII", 0xc4 if kind == "1.2" else 0x8001, 10, code)
    with measured.watched(tests, kind, spoil) as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        assert said(m) == [b"it was started before this firmware ran; not "
                           b"used"]
        assert len(tpm.commands) <= 4, [hex(c) for c in tpm.commands]


class SelfStarting(vm.Tpm):
    """swtpm --flags startup-clear, as people use it."""

    def command(self):
        return super().command() + ["--flags", "startup-clear"]


@pytest.mark.parametrize("kind", KINDS)
def test_startup_clear(tests, kind):
    """At power-on and after a reset: measured as ever."""
    with tests.tpm(kind, make=SelfStarting) as tpm, \
            agent.started(tests, "q35", tpm, mem="32M") as a:
        for _ in range(2):
            log = measured.log(a.m)
            assert {e.pcr for e in log.events} >= set(range(8)), a.m.report(
                "not measured")
            assert not log.check(a.pcrs(kind))
            a.reset()

# SPDX-License-Identifier: MIT
"""TPMs as people start them without swtpm_setup: swtpm makes one in an empty
directory, without an endorsement key or certificates.  And what newer ones do
by themselves: --flags startup-*, and the automatic shutdown (swtpm 0.8 and
newer), which saves a TPM 2.0's state when QEMU resets it."""

import pytest

import agent
import measured
import needs
import vm

KINDS = ("2.0-crb", "2.0-tis", "1.2")
NO_SHUTDOWN = "disable-auto-shutdown"
SHUTDOWN_CLEAR = bytes.fromhex("80010000000c000001450000")
EXTEND_PCR7 = bytes.fromhex("8002000000410000018200000007"
                            "00000009400000090000000000" "00000001000b") \
    + bytes(range(32))


class Bare(vm.Tpm):
    """swtpm without swtpm_setup, with these flags."""

    flags = ()

    def manufacture(self):
        self.state.mkdir(parents=True, exist_ok=True)

    def command(self):
        return super().command() + (
            ["--flags", ",".join(self.flags)] if self.flags else [])


def bare(tests, kind, flags=()):
    tpm = Bare(kind, tests.tmp / f"state-{kind}-{'-'.join(flags)}")
    tpm.flags = flags
    return tpm


def started(tests, tpm):
    return agent.started(tests, "q35", tpm, mem="32M", vga="none",
                         machine_options=",graphics=off")


def boots(tests, kind, flags=()):
    """PCRs of two power-ons and a reset each; each is measured."""
    for _ in range(2):
        with bare(tests, kind, flags) as tpm, started(tests, tpm) as a:
            for n in range(2):
                pcrs = a.pcrs(kind)
                log = measured.log(a.m)
                assert not log.check(pcrs)
                assert {e.pcr for e in log.events} >= set(range(8))
                assert b"measured boot has failed" not in a.m.debug()
                yield pcrs
                if n == 0:
                    a.reset()


@pytest.mark.parametrize("kind", KINDS)
def test_empty(tests, kind):
    """It boots and is measured, the first time and later."""
    first, *others = boots(tests, kind)
    assert all(pcrs == first for pcrs in others)


def test_empty_tpm12_and_linux(tests):
    with bare(tests, "1.2") as tpm, \
            tests.linux("q35", tpm=tpm) as m:
        m.ready()
        m.command("[ -e /dev/tpm0 ]")
        lines = m.command("cat /sys/kernel/security/tpm0/"
                          "ascii_bios_measurements").splitlines()
        assert {int(line.split()[0]) for line in lines} >= set(range(8))


@pytest.mark.parametrize("kind", ("2.0-crb", "1.2"))
@pytest.mark.parametrize("flag", ["clear", "state", "none", "deactivated"])
def test_startup_flags(tests, kind, flag):
    """swtpm starts the TPM; QEMU initialises it once more before the first
    instruction, which takes that back.  So a boot is as without the flag.  (A
    TPM that is not initialised again: test_started.py.)"""
    if (kind, flag) == ("2.0-crb", "deactivated"):
        with pytest.raises(vm.VmError), bare(tests, kind,
                                             ["startup-" + flag]) as tpm:
            tpm.process.wait(10)
            raise vm.VmError("swtpm knows no such TPM 2.0")
        return
    first = next(boots(tests, kind))
    assert all(pcrs == first
               for pcrs in boots(tests, kind, ["startup-" + flag]))


def sleep_unsaved(a, kind, last=None):
    """S3; the OS has extended PCR 7 and has saved nothing; last: a command it
    sends then.  The PCRs before and after, and what the firmware says."""
    assert a.tpm(EXTEND_PCR7)[0] == 0
    before = a.pcrs(kind)
    assert not last or a.tpm(last)[0] == 0
    a.suspend()
    a.wake()
    return before, a.pcrs(kind), a.m.debug().split(b"S3 resume\n")[-1]


@pytest.mark.parametrize("flags", [(), ("startup-state",)])
def test_automatic_shutdown(tests, flags):
    """The state is saved for the OS: the PCRs after the sleep are those before
    it.  A reset and a power-on give those of a cold boot nevertheless."""
    needs.swtpm("flags-opt-" + NO_SHUTDOWN, "0.8")
    kind = "2.0-crb"
    cold = next(boots(tests, kind, flags))
    with bare(tests, kind, flags) as tpm, started(tests, tpm) as a:
        for _ in range(2):
            before, after, said = sleep_unsaved(a, kind)
            assert after == before != cold
            assert b"S3 resume: TPM restored" in said
        a.reset()
        assert a.pcrs(kind) == cold
        sleep_unsaved(a, kind)
    assert next(boots(tests, kind, flags)) == cold


@pytest.mark.parametrize("last", [
    None, pytest.param(SHUTDOWN_CLEAR, id="shutdown-clear")])
def test_no_automatic_shutdown(tests, last):
    """swtpm before 0.8, or told not to, or an OS that has said that it will not
    go on: the state is lost, all is capped."""
    kind = "2.0-crb"
    flags = [NO_SHUTDOWN] if not last and needs.swtpm_has(
        "flags-opt-" + NO_SHUTDOWN) else []
    with bare(tests, kind, flags) as tpm, started(tests, tpm) as a:
        cold = a.pcrs(kind)
        before, after, said = sleep_unsaved(a, kind, last)
        assert b"its state was lost in the sleep" in said
        assert all(value not in (before[bank][n], bytes(len(value)))
                   for bank, values in after.items()
                   for n, value in values.items())
        a.reset()
        assert a.pcrs(kind) == cold

# SPDX-License-Identifier: MIT
"""Physical presence interface: what Linux asks for through sysfs happens at
the next start, once it is confirmed, and Linux sees it.  All operations:
test_ppi_operations.py; hostile contents: test_ppi_hostile.py; any moment of
a cut: test_ppi_cut.py.  There Linux asks, too, but a test agent looks."""

import pytest

import agent
from conftest import assert_log_matches
import faketpm
import ppihost
from ppihost import ABORT, ESC, F10, F12
from test_ppi_operations import ALL_BANKS, KINDS, Course


def poke(m, at, value):
    """A byte of the interface's memory."""
    m.command(f"devmem {agent.PPI + at:#x} 8 {value:#x}")


def active_banks(m):
    """As Linux shows them."""
    text = m.command("ls -d /sys/class/tpm/tpm0/pcr-* | sed 's/.*pcr-//'")
    return tuple(sorted(text.split()))


def kill(h, delay, timeout):
    """End machine and TPM by force, that long after the confirmation, and
    start them again."""
    h.m.expect(ppihost.QUESTION, 120)
    h.m.send("accept")
    h.m.find(rb"never printed", delay)
    for process in (h.m.process, h.tpm_device.process):
        process.kill()
        process.wait()
    h.stop()
    h.tpm_device.start()
    h.args = ppihost.config(timeout=timeout)
    h.start()
    assert b"asked this firmware to" not in h.m.debug(), "confirmed twice"
    assert h.pending() == 0


def until_the_cut20(c):
    # With a follow-up that nobody asked for.  Wrong keys do nothing.
    poke(c.host.m, agent.NEXT_STEP, 22)
    c.op(5, answer=F10 + "yY\r" + ESC, response=ABORT)
    c.op(18, answer=F12)
    c.host.request(23, 2)


def after_the_cut20(c):
    """The flag holds; the banks are the old ones or the new."""
    banks = active_banks(c.host.m)
    assert banks in (ALL_BANKS, ("sha256",))
    assert c.host.response() == (0, 0)
    dump = c.host.m.dump("tpm")
    dump["argv"] = b""
    assert_log_matches(dump, banks)
    c.compare({"banks": banks}, "after the cut")
    c.op(33, answer="", response=ABORT)         # the time refuses


DOWN = {"enabled": False, "active": False}


def until_the_cut12(c):
    poke(c.host.m, agent.NEXT_STEP, 22)
    c.op(5, answer=F10 + "yY\r" + ESC, response=ABORT)
    c.op(15)
    c.host.request(22)


def after_the_cut12(c):
    """The flag holds; the clear in two starts is done or was not begun."""
    owned = c.tpm.state()["owned"]
    response = c.host.response()
    assert response == (0, 0) or response == (22, 0) and not owned, response
    c.compare({"owned": owned}, "after the cut")
    c.op(7, answer="", response=ABORT)          # the time refuses
    c.op(7, answer=F10, changes=DOWN)


@pytest.mark.parametrize("machine,kind", KINDS)
def test_linux_asks(tests, machine, kind):
    """ESC and time refuse, the wrong key does nothing, the right one and the
    typed word confirm; what was done is in the TPM and in Linux's files, also
    after machine and TPM were ended in the middle of an operation."""
    first, second = (until_the_cut12, after_the_cut12) if kind == "1.2" else \
        (until_the_cut20, after_the_cut20)
    with tests.tpm(kind, make=faketpm.FakeTpm) as tpm, \
            ppihost.Linux(tests, machine, tpm) as h:
        course = Course(h, kind)
        assert h.func() == course.func()
        assert h.response() == (0, 0)
        course.take()
        first(course)
        h.reset()
        kill(h, 0.05, 5)
        second(course)


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.4])
def test_killed_in_the_middle(tests, delay):
    """QEMU and swtpm end while the firmware changes banks: the next start
    has the old ones or the new ones, and a log that fits."""
    with tests.tpm("2.0-tis") as tpm, ppihost.Linux(tests, "pc", tpm) as h:
        h.request(23, 2)
        h.reset()
        kill(h, delay, 60)
        banks = active_banks(h.m)
        assert banks in (ALL_BANKS, ("sha256",)), banks
        dump = h.m.dump("tpm")
        dump["argv"] = b""
        assert_log_matches(dump, banks)


@pytest.mark.slow
def test_denied_in_linux(tests):
    """Linux does not pass on what func[] says is blocked; asked for behind
    its back it is refused."""
    with tests.tpm("2.0-crb") as tpm, \
            ppihost.Linux(tests, "q35", tpm, "deny") as h:
        assert h.func()[5] == 2
        h.m.command(f"! echo 5 > {ppihost.SYSFS}request")
        poke(h.m, agent.PPRQ, 5)
        assert h.restart() == 0
        assert h.response() == (5, ABORT)
        assert b"refused by the host's policy" in h.m.debug()


# -------------------------------------------------------- memory overwrite

def physical(m, path, at, size=4):
    m.qmp("pmemsave", val=at, size=size, filename=str(path))
    return path.read_bytes()


@pytest.mark.slow
def test_memory_overwrite_by_the_guest(tests):
    """Linux asks for it; with the firmware in flash (with -bios QEMU wipes
    the firmware, too) the next POST clears memory and the request.  What
    boots then is not waited for: docs/ppi.md says why GRUB hangs."""
    with tests.tpm("2.0-crb") as tpm, tests.machine(
            "q35", tpm=tpm, pflash=True) as m:
        m.ready()
        m.command("devmem 0x50000 32 0x4b45454c")
        assert physical(m, tests.tmp / "memory", 0x50000) == b"LEEK"
        poke(m, agent.MOVV, 0x11)
        m.send("reboot -f\n")
        m.wait_debug(rb"Memory overwritten.*Booting from 0000:7c00", 60)
        assert physical(m, tests.tmp / "memory", 0x50000) == bytes(4)
        assert physical(m, tests.tmp / "movv", agent.PPI + agent.MOVV,
                        1) == b"\x10"

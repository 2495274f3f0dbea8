# SPDX-License-Identifier: MIT
"""What an operating system may leave in the interface's memory, and what the
machine may say about it: nothing is changed that nobody confirmed, nothing
hangs, nothing beside the region is written."""

import random
import re
import struct

import pytest

import agent
import ppihost
from ppihost import ABORT, FAILURE
from test_ppi_operations import Course
import tpmstate

KINDS = [("q35", "2.0-crb"), ("pc", "2.0-tis"), ("pc", "1.2")]
KNOWN = 34                      # the interface's own numbers
BEYOND = [0x100, 0x105, 0x8005, 0x10005, 0x80000005, 0xfffffff0, 0xffffffff]


@pytest.fixture(params=KINDS, ids=lambda p: "-".join(p))
def host(request, tests):
    """A TPM with owners, in a machine where nobody confirms anything."""
    machine, kind = request.param
    with tests.tpm(kind, banks="sha256") as tpm, \
            ppihost.Agent(tests, machine, tpm, timeout=0) as h:
        course = Course(h, kind)
        course.take()
        h.course = course
        h.rng = random.Random(f"keel {kind}")
        yield h


def asked(m):
    """The numbers of questions so far."""
    return len(re.findall(rb"asked this firmware to", m.debug()))


def ask_before_all(course):
    """By default a TPM 1.2 is enabled and disabled without a question."""
    if 15 in course.rows:
        course.op(15)


def numbers(fast):
    return list(range(0, 40)) + [96, 101, 128, 255] + BEYOND if fast else \
        list(range(256)) + BEYOND


@pytest.mark.parametrize("fast", [True, pytest.param(
    False, marks=pytest.mark.slow)], ids=["sample", "all"])
def test_every_number(host, fast):
    """All 256 numbers and some beyond, with random parameters and follow-ups
    of any value."""
    course = host.course
    ask_before_all(course)
    for number in numbers(fast):
        questions = asked(host.m)
        step = host.rng.choice([0, number & 255, host.rng.randrange(256)])
        parameter = host.rng.choice([0, 1, host.rng.getrandbits(32)])
        host.a.write(agent.PPI + agent.NEXT_STEP, bytes([step]))
        host.request(number, parameter)
        host.reset()
        host.m.expect(host.up, 60, f"a start after request {number:#x}, "
                      f"parameter {parameter:#x}, next_step {step}")
        what = f"request {number:#x} {parameter:#x}, next_step {step}"
        assert host.pending() == 0, what
        assert host.a.read(agent.PPI + agent.NEXT_STEP, 1) == b"\0", what
        if not number:
            continue
        code, response = host.response()
        assert code == number, what
        row = course.rows.get(number)
        if number == 23 and row:
            assert response in (ABORT, FAILURE), what
        elif row:
            wanted = ABORT if course.asks(number) else 0
            assert response == wanted, f"{what}: {response:#x}"
            assert (asked(host.m) > questions) == bool(wanted), what
            if "SET_FLAGS" in row["step"] and not wanted:
                course.flags.add(row["flags"].strip())
        else:
            assert response == (0 if number <= KNOWN else FAILURE), what
        # The TPM's whole state takes long to read: not after each.
        if row or number % 16 == 15:
            course.compare({}, what)
    course.compare({}, "after all")
    host.power_cycle()
    course.compare({}, "after a power cycle")


def test_follow_ups_of_any_value(host):
    """next_step alone, without a request: at most a question."""
    course = host.course
    ask_before_all(course)
    for step in [*range(0, 24), 34, 128, 255]:
        host.a.write(agent.PPI + agent.NEXT_STEP, bytes([step]))
        host.reset()
        host.m.expect(host.up, 60, f"a start with next_step {step}")
        course.compare({}, f"next_step {step}")
        assert host.a.read(agent.PPI + agent.NEXT_STEP, 1) == b"\0"


def test_region_full_of_noise(host):
    course = host.course
    for _ in range(6):
        noise = bytearray(host.rng.randbytes(0x400))
        noise[agent.MOVV] &= 0xfe           # that is for test_ppi_mor.py
        host.a.write(agent.PPI, bytes(noise))
        host.reset()
        host.m.expect(host.up, 60)
        course.compare({}, "after noise")
        after = host.a.read(agent.PPI, 0x400)
        # The firmware writes its own fields and nothing else.
        ours = set(range(0x100)) | set(range(0x105, 0x115)) | {0x159}
        changed = {i for i in range(0x400) if after[i] != noise[i]} - ours
        assert not changed, f"wrote {sorted(map(hex, changed))}"


# ---------------------------------------------------------- etc/tpm/config
#
# Without its own interface (ppi=off) QEMU leaves the file's name free.  The
# file has no place above 4 GiB: its address is 32 bits wide.

RAM, ROM = 0x4000000, 0xf0000
CONFIGS = {
    "ram": (RAM, 2, 1), "rom": (ROM, 2, 1), "low": (0x400, 2, 1),
    "tpm": (0xfed40000, 2, 1), "beside": (0xfed45001, 2, 1),
    "end-of-4g": (0xffffff00, 2, 1), "version-0": (0xfed45000, 2, 0),
    "version-2": (0xfed45000, 2, 2), "version-255": (0xfed45000, 2, 255),
    "family-0": (0xfed45000, 0, 1), "family-1": (0xfed45000, 1, 1),
    "family-255": (0xfed45000, 255, 1),
}
FAST_CONFIGS = {"ram", "version-2"}


@pytest.mark.parametrize("name", [
    n if n in FAST_CONFIGS else pytest.param(n, marks=pytest.mark.slow)
    for n in CONFIGS])
def test_config_that_lies(tests, name):
    """A request for a clear lies where the file says that the region is."""
    address, family, version = CONFIGS[name]
    path = tests.tmp / "config"
    path.write_bytes(struct.pack("<IBB", address, family, version))
    with tests.tpm("2.0-crb", banks="sha256") as tpm:
        arguments = tpm.arguments()
        tpm.arguments = lambda: [
            a + ",ppi=off" if a.startswith("tpm-") else a for a in arguments]
        with ppihost.Agent(tests, "q35", tpm, policy="allow", args=[
                "-fw_cfg", f"name=etc/tpm/config,file={path}"]) as h:
            state = tpmstate.tpm("2.0-crb", h.talk)
            state.take()
            before = state.state()
            page = bytearray(random.Random(name).randbytes(0x400))
            struct.pack_into("<II", page, agent.PPRQ, 5, 0)
            page[agent.NEXT_STEP] = 22
            if name == "ram":
                h.a.write(RAM, bytes(page))
            h.reset()
            h.m.expect(h.up, 60)
            assert state.state() == before
            assert b"not used" in h.m.debug()
            if name == "ram":
                assert h.a.read(RAM, 0x400) == bytes(page)


@pytest.mark.parametrize("data", [b"", b"\0\x50\xd4\xfe\2",
                                  b"\0\x50\xd4\xfe\2\1\0", bytes(4096)],
                         ids=["empty", "short", "long", "page"])
def test_config_of_wrong_size(tests, data):
    path = tests.tmp / "config"
    path.write_bytes(data)
    with tests.tpm("2.0-tis", banks="sha256") as tpm:
        arguments = tpm.arguments()
        tpm.arguments = lambda: [
            a + ",ppi=off" if a.startswith("tpm-") else a for a in arguments]
        with ppihost.Agent(tests, "pc", tpm, policy="allow", args=[
                "-fw_cfg", f"name=etc/tpm/config,file={path}"]) as h:
            assert b"request" not in h.m.debug()

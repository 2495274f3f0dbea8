# SPDX-License-Identifier: MIT
"""What root in Linux may leave in the interface's memory, and what the machine
may say about it: nothing is changed that nobody confirmed, nothing hangs,
nothing beside the region is written."""

import random
import re
import struct

import pytest

import agent
import faketpm
import ppihost
from ppihost import ABORT, FAILURE
from test_ppi_operations import KINDS, Course
import tpmstate

KNOWN = 34                      # the interface's own numbers
BEYOND = [0x100, 0x105, 0x8005, 0x10005, 0x80000005, 0xfffffff0, 0xffffffff]
FIELDS = 0x160                  # all that is read or written is before it


@pytest.fixture(params=KINDS, ids=lambda p: "-".join(p))
def host(request, tests):
    """A TPM with owners, in a machine where nobody confirms anything."""
    machine, kind = request.param
    with tests.tpm(kind, banks="sha256", make=faketpm.FakeTpm) as tpm, \
            ppihost.Saved(tests, machine, tpm, timeout=0) as h:
        course = Course(h, kind)
        course.take()
        h.course, h.kind = course, request.param
        h.rng = random.Random(f"keel {kind}")
        yield h


def leave(host, code, parameter, step, linux=True):
    """A request and a follow-up are left by root in Linux, or by the agent,
    which takes a third of the time; the interface's memory when the agent
    runs next."""
    request = struct.pack("<II", code, parameter)
    if linux:
        host.poke((agent.PPI + agent.PPRQ, request),
                  (agent.PPI + agent.NEXT_STEP, bytes([step])))
    else:
        host.a.write(agent.PPI + agent.PPRQ, request)
        host.a.write(agent.PPI + agent.NEXT_STEP, bytes([step]))
        host.a.reset()
    return host.a.read(agent.PPI, FIELDS)


def asked(m):
    """The numbers of questions so far."""
    return len(re.findall(rb"asked this firmware to", m.debug()))


def ask_before_all(course):
    """By default a TPM 1.2 is enabled and disabled without a question."""
    if 15 in course.rows:
        course.op(15)


def test_what_linux_passes_on(host):
    """What func[] allows, of all 256 numbers; only the last one counts."""
    text = host.command(
        "for n in $(seq 0 255); do echo $n > "
        f"{ppihost.SYSFS}request 2> /dev/null && echo took $n; done; true")
    taken = {int(n) for n in re.findall(r"^took (\d+)$", text, re.M)}
    func = host.course.func()
    assert taken == set(func)
    assert host.restart() == 0
    assert host.response() == (max(taken), ABORT)
    host.course.compare({}, "after all")


SHARES = 7
SHARE = {"2.0-crb": {0, 1, 2}, "2.0-tis": {3, 4, 5}, "1.2": {6}}


@pytest.mark.parametrize("each", [False, pytest.param(
    True, marks=pytest.mark.slow)])
def test_every_number(host, each):
    """All 256 numbers and some beyond, with random parameters and all 256
    follow-ups; by Linux those that mean something, and some more.  Without
    each the three machines share: what means nothing to any TPM, the
    follow-ups, and what Linux leaves; a TPM 1.2 has a seventh of it, as its
    start takes swtpm twice the time of all else."""
    course = host.course
    ask_before_all(course)
    mine = set(range(SHARES)) if each else SHARE[host.kind[1]]
    numbers = [n for n in range(256) if n <= KNOWN or n % SHARES in mine]
    steps = random.Random("steps").sample(range(256), 256)
    steps = [step for n, step in enumerate(steps) if n % SHARES in mine] * 3
    for number, step in zip([*numbers, *BEYOND], steps):
        questions = asked(host.m)
        parameter = host.rng.choice([0, 1, host.rng.getrandbits(32)])
        what = f"request {number:#x} {parameter:#x}, next_step {step}"
        after = leave(host, number, parameter, step,
                      linux=(number <= KNOWN and number % SHARES in mine) or
                      number % 16 == 5)
        response, request, _, code = struct.unpack_from("<4I", after,
                                                        agent.PPRP)
        assert request == 0, what
        assert after[agent.NEXT_STEP] == 0, what
        if not number:
            continue
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
    """next_step alone, without a request: at most a question.  (Linux leaves
    them in test_every_number.)"""
    course = host.course
    ask_before_all(course)
    for step in [*range(24), KNOWN, 128, 255]:
        after = leave(host, 0, host.rng.getrandbits(32), step, linux=False)
        assert after[agent.NEXT_STEP] == 0
        assert not any(after[agent.PPRQ:agent.PPRQ + 4])
        course.compare({}, f"next_step {step}")


def test_region_full_of_noise(host):
    course = host.course
    for _ in range(6):
        noise = bytearray(host.rng.randbytes(0x400))
        noise[agent.MOVV] &= 0xfe           # that is for test_ppi_mor.py
        noise[agent.MARK_AT:] = agent.MARK  # so is power-on
        host.poke((agent.PPI, bytes(noise)))
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

RAM, ROM, REGION = 0x4000000, 0xf0000, agent.PPI
OWN = None                      # the family of the TPM that is there
CONFIGS = {                     # address, family (1: 1.2; 2: 2.0), version
    "ram": (RAM, OWN, 1), "rom": (ROM, OWN, 1), "low": (0x400, OWN, 1),
    "tpm": (0xfed40000, OWN, 1), "beside": (REGION + 1, OWN, 1),
    "end-of-4g": (0xffffff00, OWN, 1), "version-0": (REGION, OWN, 0),
    "version-2": (REGION, OWN, 2), "version-255": (REGION, OWN, 255),
    "family-0": (REGION, 0, 1), "family-3": (REGION, 3, 1),
    "family-255": (REGION, 255, 1), "other-family": (REGION, "other", 1),
}
PLANTED = {"rom", "low"}    # where an OS can write what is read as a request


@pytest.mark.parametrize("machine,kind", KINDS)
def test_configs_that_lie(tests, machine, kind):
    """A request for a clear lies where the file says that the region is; in
    RAM it is QEMU's loader that writes it at the reset."""
    config, page = tests.tmp / "config", tests.tmp / "page"
    noise = bytearray(random.Random(kind).randbytes(0x400))
    struct.pack_into("<II", noise, agent.PPRQ, 5, 0)
    noise[agent.NEXT_STEP] = 22
    page.write_bytes(noise)
    with tests.tpm(kind, banks="sha256", make=faketpm.FakeTpm) as tpm:
        own = 1 if kind == "1.2" else 2
        for name, (address, family, version) in CONFIGS.items():
            config.write_bytes(struct.pack(
                "<IBB", address, {OWN: own, "other": 3 - own}.get(
                    family, family), version))
            tpm.start()
            with ppihost.Agent(tests, machine, tpm, policy="allow", args=[
                    *ppihost.no_interface(),
                    "-fw_cfg", f"name=etc/tpm/config,file={config}",
                    "-device", f"loader,file={page},addr={RAM:#x},"
                    "force-raw=on"]) as h:
                state = tpmstate.tpm(kind, h.talk)
                state.take()
                before = state.state()
                if name in PLANTED:
                    h.a.write(address, noise)
                assert h.restart() == 0, name
                assert state.state() == before, name
                assert h.m.debug().count(b"not used") == 2, name
                assert h.a.read(RAM, 0x400) == noise, name


@pytest.mark.parametrize("data", [b"", b"\0\x50\xd4\xfe\2",
                                  b"\0\x50\xd4\xfe\2\1\0", bytes(4096)],
                         ids=["empty", "short", "long", "page"])
def test_config_of_wrong_size(tests, data):
    path = tests.tmp / "config"
    path.write_bytes(data)
    with tests.tpm("2.0-tis", banks="sha256") as tpm:
        with ppihost.Agent(tests, "pc", tpm, policy="allow", args=[
                *ppihost.no_interface(),
                "-fw_cfg", f"name=etc/tpm/config,file={path}"]) as h:
            assert b"request" not in h.m.debug()

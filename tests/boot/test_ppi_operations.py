# SPDX-License-Identifier: MIT
"""Every operation of the table, on every kind of TPM: what it changes in the
TPM and nothing else, what it asks, what it answers, and that all of it holds
when the machine and the TPM were off."""

import pytest

from conftest import load_script
import faketpm
import ppihost
from ppihost import ABORT, FAILURE
import tpmstate

TABLE = load_script("ppi_table")
DEFAULTS = {"PPI_F_CLEAR", "PPI_F_TURN_OFF", "PPI_F_CHANGE_EPS",
            "PPI_F_CHANGE_PCRS", "PPI_F_MAINTENANCE"}
NEW = object()                  # of a seed: none that was there before
OFF = {"storage": False, "endorsement": False, "storage seed": None,
       "endorsement seed": None, "index": None}
CLEARED = {"owner": False, "endorser": False, "lockout": False,
           "clear disabled": False, "storage seed": NEW, "index": None}
ALL_BANKS = ("sha1", "sha256", "sha384", "sha512")


class Course:
    """Operations one after another, with what should be seen."""

    def __init__(self, host, kind):
        self.host = host
        self.tpm = tpmstate.tpm(kind, host.talk)
        family = "F12" if kind == "1.2" else "F20"
        self.rows = {int(r["code"]): r for r in TABLE.rows()
                     if r["family"].strip() == family}
        self.flags = set(DEFAULTS)
        self.done = {0}
        self.now = self.tpm.state()
        self.seeds = set()

    def asks(self, code):
        row = self.rows.get(code, {})
        return "always" in row or any(
            flag in self.flags for flag in row.get("confirm", "").split())

    def func(self):
        """What the table makes of the flags."""
        return {0: 4} | {code: 3 if self.asks(code) else 4
                         for code in self.rows}

    def take(self):
        """Owners and data that a clear destroys."""
        self.tpm.take()
        self.now = self.tpm.state()

    def compare(self, changes, what):
        after = self.tpm.state()
        for name, want in (self.now | changes).items():
            if want is NEW:
                assert after[name] and after[name] not in self.seeds, \
                    f"{what}: {name} is not new"
            else:
                assert after[name] == want, f"{what}: {name}"
        self.now = after
        self.seeds |= {v for k, v in after.items() if k.endswith("seed")}
        assert self.host.func() == self.func(), what

    def op(self, code, parameter=0, changes=None, response=0, answer="accept",
           questions=None):
        what = f"operation {code} {parameter:#x}"
        row = self.rows.get(code, {})
        wanted = int(self.asks(code)) if questions is None else questions
        self.seeds |= {v for k, v in self.now.items() if k.endswith("seed")}
        asked = self.host.do(code, parameter, answer)
        assert asked == wanted, f"{what} asked {asked} times"
        if response == 0 and row.get("flags", "").split():
            flag = row["flags"].strip()
            if "SET_FLAGS" in row["step"]:
                self.flags.add(flag)
            else:
                self.flags.discard(flag)
        if code:
            assert self.host.response() == (code, response), what
        assert self.host.pending() == 0, what
        self.compare(changes or {}, what)
        self.done.add(code)

    def power_cycle(self):
        self.host.power_cycle()
        self.compare({}, "after a power cycle")

    def finish(self):
        """Nothing of the table was left out, and all of it holds."""
        self.power_cycle()
        assert self.done >= {0, *self.rows}


def operations20(c):
    assert c.host.func() == c.func()
    c.take()
    seeds = {k: c.now[k] for k in ("storage seed", "endorsement seed")}
    owners = {"storage": True, "storage seed": seeds["storage seed"],
              "index": tpmstate.CONTENTS}
    c.op(0)
    c.op(1)
    c.op(2, changes=OFF)
    c.power_cycle()
    c.op(34, changes=owners)
    c.power_cycle()
    on = {"storage": True, "endorsement": True,
          "endorsement seed": seeds["endorsement seed"]}
    c.op(1, changes=on)
    for code in (5, 14, 21, 22):
        c.take()
        if code != 5:
            c.op(2, changes=OFF)
        c.op(code, changes=CLEARED | on)
    c.take()
    # Banks: none, one that is not there, two, all.
    c.op(23, 0, response=FAILURE, questions=0)
    c.op(23, 0x102, response=FAILURE, questions=0)
    c.op(23, 0x10, response=FAILURE, questions=0)
    c.op(23, 0x3, changes={"banks": ("sha1", "sha256")})
    c.op(33, changes={"banks": ALL_BANKS})
    c.op(24, changes={"endorsement seed": NEW, "endorser": False})
    # Do not ask any more; ask again.  All of them hold.
    for code in (18, 25, 27, 29, 31):
        c.op(code)
    c.power_cycle()
    c.take()
    c.op(5, changes=CLEARED, questions=0)
    c.op(23, 0x2, changes={"banks": ("sha256",)}, questions=0)
    c.op(28)
    for code in (17, 26, 30, 32):
        c.op(code)
    assert {n for n, v in c.func().items() if v == 3} == \
        {1, 2, 5, 14, 18, 21, 22, 23, 24, 25, 27, 29, 31, 33, 34}


def operations12(c):
    down = {"enabled": False, "active": False}
    up = {"enabled": True, "active": True}
    assert c.host.func() == c.func()
    c.take()
    c.op(0)
    c.op(7, changes=down)
    c.power_cycle()
    c.op(1, changes={"enabled": True})
    c.op(3, changes={"active": True})
    c.op(4, changes={"active": False})
    c.op(2, changes={"enabled": False})
    c.op(6, changes=up)
    c.op(5, changes=down | {"owned": False})
    c.op(10, changes=up)
    c.op(9, changes={"owner allowed": False})
    c.power_cycle()
    c.op(8, changes={"owner allowed": True})
    c.op(11, changes=down | {"owner allowed": False})
    c.op(10, changes=up | {"owner allowed": True})
    c.take()
    c.op(14, changes={"owned": False})
    c.take()
    # Confirmed once, for both of its starts.
    c.op(21, changes=down | {"owned": False})
    c.op(6, changes=up)
    c.take()
    c.op(22, changes={"owned": False})
    for code in (18, 20, 15):
        c.op(code)
    c.power_cycle()
    c.op(7, answer=ppihost.ESC, response=ABORT)
    for code in (16, 19, 17):
        c.op(code)
    assert {n for n, v in c.func().items() if v == 3} == \
        {5, 14, 16, 18, 20, 21, 22}


KINDS = [("q35", "2.0-crb"), ("pc", "2.0-tis"), ("pc", "1.2")]


@pytest.mark.parametrize("machine,kind", KINDS)
def test_every_operation(tests, machine, kind):
    """Linux asks, by its sysfs files."""
    with tests.tpm(kind, make=faketpm.FakeTpm) as tpm, \
            ppihost.Saved(tests, machine, tpm) as h:
        course = Course(h, kind)
        (operations12 if kind == "1.2" else operations20)(course)
        course.finish()


# ------------------------------------------------------------ confirmation

def press(m, key):
    m.qmp("send-key", keys=[{"type": "qcode", "data": key}])


def question(m, number):
    """Wait for a question, the number-th of this machine, to be on screen."""
    m.wait_debug(rb"(asked this firmware to.*?Refused in.*?){%d}" % number, 60)


@pytest.mark.parametrize("machine,kind", KINDS)
def test_keys_on_a_screen(tests, machine, kind):
    """VGA and a keyboard: the wrong key does nothing, ESC refuses, F12
    confirms what destroys keys, F10 the rest."""
    with tests.tpm(kind) as tpm, ppihost.Agent(
            tests, machine, tpm, vga="std", machine_options="") as h:
        state = tpmstate.tpm(kind, h.talk)
        state.take()
        before = state.state()
        destroys, other = 5, 16 if kind == "1.2" else 29
        asked = 0
        for code, keys, response in (
                (destroys, ["f10", "y", "ret", "esc"], ABORT),
                (other, ["f12", "spc", "esc"], ABORT),
                (other, ["f12", "f10"], 0), (destroys, ["f10", "f12"], 0)):
            h.request(code)
            h.reset()
            asked += 1
            question(h.m, asked)
            for key in keys:
                press(h.m, key)
            h.m.expect(h.up, 60)
            assert h.response() == (code, response), keys
            if response:
                assert state.state() == before
        assert state.state() != before


@pytest.mark.parametrize("machine,kind", KINDS)
def test_nobody_answers(tests, machine, kind):
    """The time refuses; it is counted down where people see it."""
    with tests.tpm(kind) as tpm, \
            ppihost.Agent(tests, machine, tpm, timeout=2) as h:
        course = Course(h, kind)
        course.take()
        course.op(5, answer="", response=ABORT)
        course.op(14, answer="accep", response=ABORT)
        for left in (2, 1):
            assert b"Refused in %d s" % left in h.m.serial


@pytest.mark.parametrize("machine,kind", KINDS)
def test_nobody_can_answer(tests, machine, kind):
    """Neither screen nor serial console, and a policy that nobody knows: the
    time refuses."""
    with tests.tpm(kind) as tpm, ppihost.Agent(
            tests, machine, tpm, "perhaps", 1, machine_options="") as h:
        course = Course(h, kind)
        assert b"ppi-policy is 'perhaps'" in h.m.debug()
        course.take()
        course.op(5, answer="", questions=0, response=ABORT)
        assert b"request to clear the TPM refused" in h.m.debug()


@pytest.mark.parametrize("machine,kind", KINDS)
def test_policy_of_the_host(tests, machine, kind):
    """allow: no question; deny: no, and func[] says so."""
    with tests.tpm(kind) as tpm:
        with ppihost.Agent(tests, machine, tpm, "deny") as h:
            state = tpmstate.tpm(kind, h.talk)
            state.take()
            before = state.state()
            func = h.func()
            assert func.pop(0) == 4 and set(func.values()) == {2}
            for code in sorted({1, 5, 14, 18, 22, 23} & set(func)):
                h.do(code, 2)
                assert h.response() == (code, ABORT)
            assert b"refused by the host's policy" in h.m.debug()
            assert state.state() == before
        tpm.process.wait(10)
        tpm.start()
        with ppihost.Agent(tests, machine, tpm, "allow") as h:
            state = tpmstate.tpm(kind, h.talk)
            assert set(h.func().values()) == {4}
            assert h.do(14) == 0
            assert h.response() == (14, 0)
            assert not state.state()["owned" if kind == "1.2" else "owner"]

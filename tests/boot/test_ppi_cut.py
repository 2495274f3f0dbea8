# SPDX-License-Identifier: MIT
"""An operation that Linux asks for is cut short at any of its TPM commands: QEMU
is killed, or the machine reset, just before the TPM has the command or just
after it carried it out.  The next start has the old state or the new one, and
what is reported about it is true."""

import contextlib
import re
import shutil
import threading

import pytest

import agent
import faketpm
import ppihost
from ppihost import ABORT, FAILURE
import tpmstate
import vm

STARTUP = {"1.2": 0x99, "2.0": 0x144}
# The first of an operation's own commands comes after this one: presence
# made final (1.2), platformAuth made random (2.0); and the status line's.
EXTEND = {"1.2": 0x14, "2.0": 0x182}

DONE = rb"request to .* done"
TAKEN_UP = rb"(?:finishing the interrupted|going on with) operation %d: to "


class CutTpm(faketpm.FakeTpm):
    """Counts commands, and does something at one of them."""

    def __init__(self, kind, state):
        super().__init__(kind, state, self)
        self.point = None           # counted from the next TPM_Startup
        self.at = None              # index into commands, after that
        self.before = True          # or when the TPM has carried it out
        self.action = None
        self.happened = threading.Event()

    def refuse(self, code):
        if self.point is not None and code == STARTUP[self.kind[:3]]:
            self.at = len(self.commands) - 1 + self.point
            self.point = None
        if self.before and len(self.commands) - 1 == self.at:
            self.act()
        return None

    def __call__(self, n, _code, answer):
        if not self.before and n == self.at:
            self.act()
        return answer

    def act(self):
        try:
            self.action()
        finally:
            self.happened.set()


class Case:
    """One operation on a TPM that was prepared for it.  asker: who asks for
    it, ppihost.Saved or, in half the time, ppihost.Agent."""

    def __init__(self, tests, machine, kind, code, parameter, prepare,
                 asker=ppihost.Saved):
        self.asker = asker
        self.tests, self.machine, self.kind = tests, machine, kind
        self.family = kind[:3]
        self.code, self.parameter = code, parameter
        self.count = 0
        with tests.tpm(kind, make=faketpm.FakeTpm) as tpm:
            with ppihost.Agent(tests, machine, tpm) as h:
                state = tpmstate.tpm(kind, h.talk)
                for step in prepare:
                    if step == "take":
                        state.take()
                    else:
                        h.do(*step, answer="accept")
                self.old = self.look(h)
            self.prepared = tpm.state
        with self.cut_machine() as (h, tpm):
            start = len(tpm.commands)
            h.do(code, parameter, answer="accept")
            assert h.response() == (code, 0), h.response()
            start = tpm.commands.index(STARTUP[self.family], start)
            self.sequence = tpm.commands[start:]
            self.new = self.look(h)
        assert self.new != self.old

    def look(self, h):
        return tpmstate.tpm(self.kind, h.talk).state() | {"func": h.func()}

    def copy(self):
        self.count += 1
        state = self.tests.tmp / f"cut{self.count}"
        shutil.copytree(self.prepared, state)
        return state

    @contextlib.contextmanager
    def cut_machine(self):
        with CutTpm(self.kind, self.copy()) as tpm, \
                self.asker(self.tests, self.machine, tpm) as h:
            yield h, tpm

    def points(self):
        """The commands from the end of POST's own measurements to the
        restart or to the next measurement, counted from TPM_Startup."""
        extend, startup = EXTEND[self.family], STARTUP[self.family]
        first = [i for i, c in enumerate(self.sequence) if c != extend
                 and extend in self.sequence[:i]][0]
        last = first
        while last < len(self.sequence) and \
                self.sequence[last] not in (extend, startup):
            last += 1
        return range(first, last)

    def is_either(self, state):
        """"old" or "new"; seeds are new in their own way each time."""
        for name, want in (("old", self.old), ("new", self.new)):
            differs = {k for k in state if state[k] != want[k]}
            fresh = {k for k in differs if k.endswith("seed") and state[k]
                     and name == "new" and state[k] != self.old[k]
                     and want[k] != self.old[k]}
            if differs == fresh:
                return name
        raise AssertionError(
            "neither old nor new: " + ", ".join(
                f"{k} is {state[k]}, was {self.old[k]}, should become "
                f"{self.new[k]}" for k in state
                if state[k] not in (self.old[k], self.new[k])
                or (self.old[k] != self.new[k])))

    def begin(self, h, tpm, point, before, action):
        """Ask for it; returns when the action was done."""
        tpm.action, tpm.before = action, before
        h.request(self.code, self.parameter)
        tpm.point = point
        h.reset()
        for _ in range(600):        # a question, unless the cut is before it
            if tpm.happened.wait(0.05):
                return
            if h.m.alive() and h.m.find(ppihost.QUESTION, 0.1):
                h.m.send("accept")
        raise AssertionError(h.m.report("the command was never sent"))

    def kill(self, point, before):
        """Kill QEMU there; the TPM's state."""
        with CutTpm(self.kind, self.copy()) as tpm:
            with self.asker(self.tests, self.machine, tpm) as h:
                def kill():
                    h.m.process.kill()
                    h.m.process.wait()
                    raise EOFError  # the command does not reach the TPM
                try:
                    self.begin(h, tpm, point, before, kill)
                finally:
                    h.m.process.kill()
            return tpm.state

    def killed(self, point, before, reader=ppihost.Agent):
        """Kill QEMU there and start it again; the state afterwards, by name.
        reader: who looks for it."""
        with faketpm.FakeTpm(self.kind, self.kill(point, before)) as tpm, \
                reader(self.tests, self.machine, tpm) as h:
            found = self.is_either(self.look(h))
            assert h.pending() == 0
            # The interface's memory went with the machine: what it tells is
            # of this start.
            response = h.response()
            if self.taken_up(h.m.debug()):
                assert response == (self.code, 0) and found == "new"
            else:
                assert response == (0, 0)
            self.check_status(h)
            # Once was enough.
            assert h.restart() == 0
            assert self.is_either(self.look(h)) == found
            return found

    def reset(self, point):
        """Reset the machine behind that command: what the operating system
        reads about it is true as well."""
        with self.cut_machine() as (h, tpm):
            self.begin(h, tpm, point, False, lambda: h.m.qmp("stop"))
            said = len(h.m.debug())
            h.m.qmp("system_reset")
            h.m.qmp("cont")
            # Cut before it was read, the request is still there.
            if h.m.expect(ppihost.QUESTION + b"|" + h.up, 120)[0].endswith(
                    b"Refused in"):
                h.m.send(ppihost.ESC)
                h.m.expect(h.up, 60)
            found = self.is_either(self.look(h))
            code, response = h.response()
            assert code == self.code and h.pending() == 0
            assert response in (0, FAILURE, ABORT)
            assert found == "new" or response, "success, and nothing done"
            # "done" was said if, and only if, that is the answer.
            assert (response == 0) == bool(re.search(DONE, h.m.debug()))
            if re.search(TAKEN_UP % self.code, h.m.debug()[said:]):
                assert response == 0
            return found

    def taken_up(self, text):
        """Did the start that said this finish what was cut short?  Then it
        said both."""
        taken = re.search(TAKEN_UP % self.code, text)
        assert bool(taken) == bool(re.search(DONE, text)), text
        return taken

    def check_status(self, h):
        """The line that names the TPM says what is active."""
        line = [x for x in h.m.debug().decode(errors="replace").split("\n")
                if x.startswith("TPM ")][-1]
        if self.kind != "1.2":
            banks = tuple(b.lower() for b in line.split("banks ")[1].split())
            assert tuple(sorted(banks)) == self.look(h)["banks"], line


CASES = {
    "clear": ("q35", "2.0-crb", 5, 0, ["take"]),
    "clear-and-on": ("q35", "2.0-crb", 22, 0, ["take", (2,)]),
    "banks": ("pc", "2.0-tis", 23, 2, []),
    "all-banks": ("pc", "2.0-tis", 33, 0, [(23, 2)]),
    "flag": ("q35", "2.0-crb", 18, 0, []),
    "flag-back": ("q35", "2.0-crb", 17, 0, [(18,)]),
    "off": ("pc", "2.0-tis", 2, 0, []),
    "on": ("pc", "2.0-tis", 1, 0, [(2,)]),
    "storage-only": ("q35", "2.0-crb", 34, 0, [(2,)]),
    "endorsement-seed": ("q35", "2.0-crb", 24, 0, ["take"]),
    "1.2-clear": ("pc", "1.2", 5, 0, ["take"]),
    "1.2-clear-and-on": ("pc", "1.2", 14, 0, ["take"]),
    "1.2-all": ("pc", "1.2", 22, 0, ["take", (7,)]),
    "1.2-on": ("pc", "1.2", 6, 0, [(7,)]),
    "1.2-flag": ("pc", "1.2", 18, 0, []),
}


FAST = ["clear-and-on", "banks", "1.2-clear-and-on"]    # one on each TPM


@pytest.mark.parametrize("name,fast", [(name, True) for name in FAST] + [
    pytest.param(name, False, marks=pytest.mark.slow) for name in CASES])
def test_cut_at_each_command(tests, name, fast):
    """Every command of the operation.  fast: what the TPM has after a command
    and before the next is the same, so not both; fewer resets; Linux asks
    once only."""
    case = Case(tests, *CASES[name],
                asker=ppihost.Agent if fast else ppihost.Saved)
    points = case.points()
    found = {}
    for n, point in enumerate(points):
        found[point, "killed before"] = case.killed(point, True)
        if not fast or point == points[-1]:
            found[point, "killed after"] = case.killed(point, False)
        if not fast or n % 4 == 1:
            found[point, "reset after"] = case.reset(point)
    assert set(found.values()) == {"old", "new"}, found
    assert found[points[0], "killed before"] == "old"
    assert found[points[-1], "killed after"] == "new"
    # Linux asks for it, and is told what is true.  (It leaves the TPM in
    # another state than the agent: the same point is not the same command.)
    case.asker = ppihost.Saved
    case.killed(points[len(points) // 2], True, ppihost.Linux)


def test_other_request_meanwhile(tests):
    """What was begun comes first; a request that is there as well (QEMU's
    loader writes it at each reset) is named and dropped."""
    case = Case(tests, *CASES["clear-and-on"])
    points = case.points()
    state = case.kill(points[len(points) // 2], True)
    with vm.Tpm(case.kind, state) as tpm, ppihost.Agent(
            tests, case.machine, tpm,
            args=ppihost.page(agent.MARK_AT, agent.MARK) + [
                "-device", f"loader,addr={agent.PPI + agent.PPRQ:#x},data=17,"
                "data-len=4"]) as h:
        assert b"request 17 is dropped: operation 22 comes first" in \
            h.m.debug()
        assert case.taken_up(h.m.debug())
        assert case.is_either(case.look(h)) == "new"

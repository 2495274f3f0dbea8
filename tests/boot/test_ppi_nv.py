# SPDX-License-Identifier: MIT
"""The NV index with the firmware's settings: one that is not the firmware's,
one with other contents, and what an operating system would write there."""

import hashlib
import os
import socket
import struct
import time

import pytest

import faketpm
import ppihost
from ppihost import FAILURE
from test_ppi_operations import CLEARED, Course
import tpmstate
import vm

KINDS = [("q35", "2.0-crb"), ("pc", "1.2")]
INDEX_12, LOCK_12 = 0x14b42, 0xffffffff
PP_WRITE_12, STCLEAR_12 = 1, 0x4001
ATTRIBUTES_20, OWNER_READ_20 = 0x42010001, 0x20000
MAGIC = 0x4b504901
MAXNVWRITES_12 = 0x48           # TPM_MAXNVWRITES


class Direct(vm.Tpm):
    """A TPM without a machine, as its manufacturer has it: with physical
    presence, and without a password of the platform."""

    def __init__(self, kind, state):
        super().__init__(kind, state)
        self.path = os.path.join(self.run_dir, "commands")
        self.line = socket.socket(socket.AF_UNIX)

    def command(self):
        return super().command() + [
            "--server", f"type=unixio,path={self.path}",
            "--flags", "not-need-init,startup-clear"]

    def start(self):
        super().start()
        for _ in range(1000):
            if self.line.connect_ex(self.path) == 0:
                return self
            time.sleep(0.01)
        raise vm.VmError(f"swtpm does not listen at {self.path}")

    def stop(self):
        self.line.close()
        super().stop()

    def talk(self, data):
        self.line.sendall(data)
        answer = faketpm.receive_command(self.line)
        return struct.unpack(">I", answer[6:10])[0], answer


def define20(tpm, size, attributes):
    public = struct.pack(">IHIHH", tpmstate.FIRMWARE_INDEX, 11, attributes, 0,
                         size)
    tpm.must(0x12a, struct.pack(">HH", 0, len(public)) + public,
             [tpmstate.PLATFORM], b"")


def write20(tpm, data):
    tpm.must(0x137, struct.pack(">H", len(data)) + data + b"\0\0",
             [tpmstate.PLATFORM, tpmstate.FIRMWARE_INDEX], b"")


def read20(tpm):
    """Public area and contents; those only when the owner may read them."""
    index = tpmstate.FIRMWARE_INDEX
    public = tpm.must(0x169, handles=[index])
    code, body = tpm.run(0x14e, struct.pack(">HH", 4, 0),
                         [tpmstate.OWNER, index],
                         tpm.password(tpmstate.OWNER))
    return public, body[6:10] if code == 0 else None


# To be written only while PCR 6 and 7 are as a start-up leaves them.
BOUND_12 = b"\0\3\xc0\0\0\x1f" + hashlib.sha1(
    b"\0\3\xc0\0\0" + struct.pack(">I", 40) + bytes(40)).digest()
UNBOUND_12 = b"\0\3" + bytes(3) + b"\x1f" + bytes(20)


def define12(tpm, index, size, attributes, to_write=UNBOUND_12):
    return tpm.run(0xcc, struct.pack(">HI", 0x18, index) + UNBOUND_12
                   + to_write
                   + struct.pack(">HI3xI", 0x17, attributes, size)
                   + bytes(20))[0]


def write12(tpm, data):
    return tpm.run(0xcd, struct.pack(">III", INDEX_12, 0, len(data))
                   + data)[0]


def read12(tpm):
    public = tpm.capability(0x11, INDEX_12)
    return public, tpm.run(0xcf, struct.pack(">III", INDEX_12, 0, 8))


def plant(tpm, kind, contents, foreign):
    """Make the index before the machine's first start."""
    tpm.stop()
    with Direct(kind, tpm.state) as device:
        direct = tpmstate.tpm(kind, device.talk)
        if kind == "1.2":
            assert define12(direct, INDEX_12, len(contents), STCLEAR_12
                            if foreign else PP_WRITE_12, BOUND_12) == 0
            assert write12(direct, contents) == 0
            assert define12(direct, LOCK_12, 0, 0) == 0
        else:
            define20(direct, len(contents),
                     ATTRIBUTES_20 | (OWNER_READ_20 if foreign else 0))
            write20(direct, contents)
            direct.must(0x145, b"\0\0")         # shut down
    return vm.Tpm(kind, tpm.state)


def not_usable(kind):
    index = INDEX_12 if kind == "1.2" else tpmstate.FIRMWARE_INDEX
    return b"settings in NV index %08x are not usable: defaults" % index


@pytest.mark.parametrize("machine,kind", KINDS)
def test_index_of_somebody_else(tests, machine, kind):
    """Flags that ask for nothing, in an index with other attributes: defaults
    and a message.  What would change it fails; without a place for the note,
    an operation of two starts asks at each of them."""
    read = read12 if kind == "1.2" else read20
    with tests.tpm(kind) as tpm, plant(
            tpm, kind, struct.pack(">II", MAGIC, 0), True) as planted, \
            ppihost.Agent(tests, machine, planted) as h:
        course = Course(h, kind)
        assert not_usable(kind) in h.m.debug()
        assert h.func() == course.func()
        course.take()
        before = read(course.tpm)
        course.op(18, response=FAILURE)
        course.op(17)               # as it is by default: nothing to write
        if kind == "1.2":
            course.op(21, questions=2, changes={
                "enabled": False, "active": False, "owned": False})
            course.op(6, changes={"enabled": True, "active": True})
        else:
            course.op(2, response=FAILURE)
            course.op(5, changes=CLEARED)
        assert read(course.tpm) == before


@pytest.mark.parametrize("machine,kind", KINDS)
def test_contents_of_somebody_else(tests, machine, kind):
    """The firmware's attributes and version, but unknown bits: defaults and a
    message, until the next change of a flag."""
    with tests.tpm(kind) as tpm, plant(
            tpm, kind, struct.pack(">II", MAGIC, 1 << 31), False) as planted, \
            ppihost.Agent(tests, machine, planted) as h:
        course = Course(h, kind)
        assert not_usable(kind) in h.m.debug()
        assert h.func() == course.func()
        course.op(18)
        course.power_cycle()
        assert b"not usable" not in h.m.debug()


def test_note_of_an_operating_system(tests):
    """A TPM 1.2 whose NV storage its manufacturer left open: an operating
    system makes the firmware's index there, with a note that a clear was
    confirmed, and locks it."""
    with tests.tpm("1.2") as tpm, ppihost.Agent(tests, "pc", tpm) as h:
        course = Course(h, "1.2")
        course.take()
        define12(course.tpm, INDEX_12, 0, 0)
        define12(course.tpm, INDEX_12, 8, PP_WRITE_12)
        write12(course.tpm, struct.pack(">II", MAGIC, 5 << 16))
        define12(course.tpm, LOCK_12, 0, 0)
        assert h.restart() == 0
        course.compare({}, "after a note that is not the firmware's")
        assert b"interrupted" not in h.m.debug()


@pytest.mark.slow
def test_sixty_four_writes(tests):
    """A TPM 1.2 without an owner takes no more than that; the request for a
    flag after them fails and changes nothing.  An owner does not end it, a
    clear, which needs no flag, does."""
    with tests.tpm("1.2") as tpm, \
            ppihost.Agent(tests, "pc", tpm, policy="allow") as h:
        state = tpmstate.tpm("1.2", h.talk)
        func = []
        for n, code in enumerate([18, 17] * 35):
            func.append(h.func())
            h.do(code)
            if h.response() != (code, 0):
                break
        assert 50 < n < 65
        assert h.response() == (code, MAXNVWRITES_12)
        assert h.func() == func[-1]
        state.take()
        h.do(code)
        assert h.response() == (code, MAXNVWRITES_12)
        h.do(22)                        # two starts, without a note
        assert h.response() == (22, 0)
        now = state.state()
        assert now["enabled"] and now["active"] and not now["owned"]
        h.do(code)
        assert h.response() == (code, 0)

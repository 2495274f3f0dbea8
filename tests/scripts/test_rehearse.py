# SPDX-License-Identifier: MIT
"""The log that is read out of a machine that runs: stopped in the middle of an
entry, whichever byte that is, it goes on until the entry is whole."""

import itertools
import pathlib
import struct
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import rehearse                                     # noqa: E402
import tcglog                                       # noqa: E402

MAP = "  0000000000100000-0000000007ffffff (prio 0, ram): pc.ram\n"
HEADER = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHHHB", 0, 0, 2, 105, 1, 2,
                                             4, 20, 11, 32, 0)
FIRST = struct.pack("<II20xI", 0, 3, len(HEADER)) + HEADER


def entry(pcr, data):
    return struct.pack("<IIIH", pcr, 0xd, 2, 4) + b"\x11" * 20 + \
        struct.pack("<H", 11) + b"\x22" * 32 + struct.pack("<I", len(data)) + \
        data


def states(log, data):
    """Of memory while the last entry, whose data this is, is written: from
    the first byte to the last, and its data's size behind all of them."""
    size_at = len(log) - len(data) - 4
    unsized = log[:size_at] + bytes(4) + data
    at = size_at - len(entry(0, b"")) + 4
    return [unsized[:n] for n in range(at + 1, len(log) + 1)]


class Machine:
    """Its log is another one after each continuation."""

    def __init__(self, logs):
        self.logs = iter(logs)
        self.log = next(self.logs)
        self.commands = []

    def qmp(self, command, **args):
        self.commands.append(command)
        if command == "cont":
            self.log = next(self.logs)
        if command == "pmemsave":
            memory = bytearray(args["size"])
            memory[4096:4096 + len(self.log)] = self.log
            pathlib.Path(args["filename"]).write_bytes(memory)
        return MAP if command == "human-monitor-command" else {}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(rehearse.time, "sleep", lambda s: None)


@pytest.mark.parametrize("pcr", [0, 8])
def test_stopped_in_the_middle_of_an_entry(tmp_path, pcr):
    data = b"kernel_cmdline: quiet"
    before = FIRST + entry(4, b"MBR")
    whole = before + entry(pcr, data)
    read_again = 0
    for torn in states(whole, data):
        machine = Machine([torn, whole])
        log = rehearse.read_log(machine, tmp_path / "memory")
        assert machine.commands[0] == "stop"
        assert "cont" not in machine.commands[-3:], "it has to stay stopped"
        read = [(e.pcr, e.data) for e in log.events][1:]
        if "cont" in machine.commands:
            read_again += 1
            assert read == [(4, b"MBR"), (pcr, data)], torn
        else:           # nothing of it but zeros
            assert not any(torn[len(before):])
            assert read == [(4, b"MBR")], torn
    assert read_again > len(entry(pcr, data)) - 5


def test_an_entry_without_data(tmp_path):
    """Not torn, though it looks so: any client of INT 1Ah can make one."""
    log = FIRST + entry(4, b"MBR") + entry(8, b"")
    machine = Machine(itertools.repeat(log))
    read = rehearse.read_log(machine, tmp_path / "memory")
    assert [e.pcr for e in read.events] == [0, 4, 8]
    assert machine.commands.count("stop") == rehearse.TORN_TRIES


def test_a_log_that_stays_broken_is_an_error(tmp_path):
    data = b"MBR"
    log = FIRST + entry(4, data)
    machine = Machine(itertools.repeat(states(log, data)[20]))
    with pytest.raises(tcglog.LogError, match="offset 0x"):
        rehearse.read_log(machine, tmp_path / "memory")
    assert machine.commands.count("stop") == rehearse.TORN_TRIES
    assert machine.commands[-1] == "pmemsave"

# SPDX-License-Identifier: MIT
"""INT 1Ah AH=BBh from real mode (tests/rm/int1a.c): what it returns, and that
afterwards the log replays to the PCRs in every bank and says what was asked
for."""

import contextlib
import hashlib
import re
import struct
import time

import pytest

import agent
import faketpm
from rm16 import compile_program
import tcglog
import vm

KINDS = ["1.2", "2.0-tis", "2.0-crb"]
UNITS = 48
RAM = 32 << 20
LOG_SIZE = 0x10000
# As int1a.c has them: data above 1 MiB, an event above 1 MiB.
BIG, BIG_LEN = 0x200000, 0x100003
FAR, FAR_PCR, FAR_DATA = 0x600001, 11, 100
LARGE_AT = 0x800001         # likewise
EV_IPL, EV_NO_ACTION = 13, 3


@contextlib.contextmanager
def program(tests, kind, bios=None, large=(), **defines):
    """A machine that runs int1a.c, and its TPM, which is only watched."""
    image = tests.tmp / "disk"
    code = compile_program("int1a", tests.tmp, UNITS,
                           FAMILY=12 if kind == "1.2" else 20, **defines)
    image.write_bytes(code.ljust(1 << 20, b"\0"))
    args = vm.disk(image, "ide")
    for name, at, data in (
            ("big", BIG, bytes((i * 11 + (i >> 8)) & 255
                               for i in range(BIG_LEN))),
            ("far", FAR, struct.pack("<II20sI", FAR_PCR, EV_IPL, b"",
                                     FAR_DATA) + b"f" * FAR_DATA),
            *large):
        path = tests.tmp / name
        path.write_bytes(data)
        args += ["-device", f"loader,file={path},addr={at},force-raw=on"]
    with tests.tpm(kind) as made:
        made.stop()
        with faketpm.FakeTpm(kind, made.state) as tpm, \
                tests.machine("pc", None, tpm=tpm, args=args,
                              mem="96M" if large else "32M", bios=bios) as m:
            yield m, tpm


def byte_at(m, address):
    """By the monitor: the memory of a device is not in pmemsave's reach."""
    return int(m.hmp(f"xp /1bx {address:#x}").split(":")[1], 0)


def memory(m, tests):
    path = tests.tmp / "memory"
    m.qmp("pmemsave", val=0, size=RAM, filename=str(path))
    return path.read_bytes()


def lines(m, what):
    """The numbers of the program's lines that begin with a word."""
    return [[int(n, 16) for n in re.findall(r" =([0-9a-f]+)", line)]
            for line in m.debug().decode(errors="replace").split("\n")
            if line.startswith(what + " =")]


def told(m, ram):
    """What the program says was logged: (PCR, type, {bank: digest} or None,
    event data, extended); a digest of None is any."""
    found = []
    for line in m.debug().decode(errors="replace").split("\n"):
        numbers = [int(n, 16) for n in re.findall(r" =([0-9a-f]+)", line)]
        word = line.split(" ")[0]
        if word in ("event", "logged") and len(numbers) == 6:
            pcr, kind, at, size, data, data_len = numbers
            covered, sha1 = ram[at:at + size], None
        elif word == "digest" and len(numbers) == 5:
            pcr, kind, at, data, data_len = numbers
            covered = sha1 = ram[at:at + 20]
        else:
            continue
        digests = {bank: hashlib.new(bank, covered).digest()
                   for bank in vm.BANKS.split(",")}
        if sha1:
            digests["sha1"] = sha1
        # AL=07h logs a number.
        text = ram[data:data + data_len] if data else \
            struct.pack("<I", data_len)
        found.append((pcr, kind, digests, text, word != "logged"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_int1a(tests, kind):
    with program(tests, kind) as (m, tpm):
        m.wait_debug(rb"^done$", 60)
        out = m.debug().decode(errors="replace").split("\n")
        failed = [line for line in out if line.startswith("FAIL")]
        assert not failed, m.report("\n".join(failed))
        assert sum(line.startswith("ok ") for line in out) > 250, \
            m.report("the program left checks out")
        assert byte_at(m, agent.PPI + agent.MOVV) == 1, \
            "AL=08h: bit 0 of movv"
        ram, pcrs = memory(m, tests), tpm.pcrs()
        (start, last), = lines(m, "log")
        log = tcglog.parse(ram[start:start + LOG_SIZE])
        assert log.events[-1].offset == last - start, "EDI of the status check"

        # The end of the log is what the program was told, event by event.
        events = told(m, ram)
        assert len(events) > 60
        for entry, (pcr, kind_, digests, data, _) in zip(
                log.events[-len(events):], events):
            where = f"entry at {entry.offset:#x}"
            assert (entry.pcr, entry.type, entry.data) == (pcr, kind_, data), \
                where
            assert entry.digests == {b: digests[b] for b in log.banks}, where

        # All PCRs of all banks come from the log, less what was not extended.
        skipped = [e for e, t in zip(log.events[-len(events):], events)
                   if not t[4]]
        assert skipped and {e.pcr for e in skipped} == {14}
        log.events = [e for e in log.events if e not in skipped]
        replayed = log.replay()
        assert set(replayed) == set(pcrs)
        for bank, values in pcrs.items():
            for pcr in range(17):
                want = replayed[bank].get(pcr, bytes(len(values[pcr])))
                assert values[pcr] == want, f"{bank} PCR {pcr}"
        assert {e.pcr for e in log.events} >= {4, 8, 9, 10, 11, 12, 23}
        for at, data, size in lines(m, "sha1"):
            assert ram[at:at + 20] == \
                hashlib.sha1(ram[data:data + size]).digest(), hex(at)


@pytest.mark.slow
def test_large_initrd(tests):
    """One call hashes 64 MiB for all banks; what reaches beyond RAM is refused
    at once."""
    size = 64 << 20
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    with program(tests, "2.0-crb", large=[("large", LARGE_AT, data)],
                 LARGE=hex(size)) as (m, tpm):
        m.wait_debug(rb"^large done$", 240)
        m.wait_debug(rb"^done$", 10)
        out = m.debug().decode(errors="replace").split("\n")
        failed = [line for line in out if line.startswith("FAIL")]
        assert not failed, m.report("\n".join(failed))
        pcrs = tpm.pcrs()
        for bank in vm.BANKS.split(","):
            digest = hashlib.new(bank, data).digest()
            want = hashlib.new(bank, bytes(len(digest)) + digest).digest()
            assert pcrs[bank][9] == want, bank


@pytest.mark.parametrize("kind", ["1.2", "2.0-tis"])
def test_seabios_fails(tests, kind):
    """The same calls under SeaBIOS: with 2.0 nothing is extended, and a length
    of FFFFFFFFh hangs it.  So the test can fail."""
    with program(tests, kind, vm.SEABIOS, BRIEF=1) as (m, tpm):
        m.wait_debug(rb"^hostile$", 60)
        out = m.debug().decode(errors="replace")
        extended = [n for n in (4, 9, 10, 12, 23)
                    if any(tpm.pcrs()["sha1"][n])]
        if kind == "1.2":
            assert set(extended) >= {9, 10, 12, 23}
        else:
            assert extended == [4], "PCR 4 has SeaBIOS's own events"
            assert re.search(r"^FAIL compact, one byte eax=0000001a", out,
                             re.M), m.report("AL=07h")
            assert re.search(r"^FAIL extend, short block eax=0000001a", out,
                             re.M), m.report("AL=01h")
        time.sleep(1)
        assert b"length FFFFFFFF" not in m.debug().split(b"\nhostile")[1], \
            m.report("SeaBIOS came back")
        m.process.kill()                # it cannot be asked to end

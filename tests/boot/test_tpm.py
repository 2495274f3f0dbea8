# SPDX-License-Identifier: MIT
"""Measured boot: the log replays to the PCRs, and says what was measured."""

import collections
import contextlib
import itertools
import os
import re
import socket
import struct
import subprocess
import time

import pytest

import agent
from conftest import assert_log_matches, pcrs_of
from test_bad import R, START, T, checksum, fw_cfg, pointer
import measured
import tcglog
import vm
from needs import needed

ALL = ["sha1", "sha256", "sha384", "sha512"]
SEPARATORS = (b"\xff\xff\xff\xff", b"\0\0\0\0")
CASES = [("pc", "2.0-crb", "ide"), ("q35", "2.0-tis", "isolinux")] + [
    pytest.param(*case, marks=pytest.mark.slow) for case in (
        ("pc", "2.0-tis", "virtio"), ("q35", "2.0-crb", "ahci"))]


def events_of(log, pcr):
    return [e for e in log.events
            if e.pcr == pcr and e.type != tcglog.EV_NO_ACTION]


@pytest.mark.parametrize("machine,kind,disk", CASES)
def test_log_replays(tests, machine, kind, disk):
    """Every bank, PCR 0-7; the order and content of the log; a parser
    nobody here wrote agrees."""
    dump = tests.boot_and_dump(machine, "tpm", tpm=kind, disk=disk,
                               vga="std", nic=True)
    log = assert_log_matches(dump, ALL)
    for pcr in range(8):
        normal = [e for e in events_of(log, pcr) if e.name == "EV_SEPARATOR"]
        assert len(normal) == 1, f"PCR {pcr} has {len(normal)} separators"
        assert normal[0].data in SEPARATORS, f"PCR {pcr} was capped"
    for pcr in (0, 1, 2, 4, 5):
        assert len(events_of(log, pcr)) > 1, \
            f"PCR {pcr} holds nothing but a separator"
    # Text events are measured as they are logged.
    for e in log.events:
        if e.name in ("EV_ACTION", "EV_SEPARATOR", "EV_S_CRTM_VERSION"):
            for bank, digest in e.digests.items():
                assert digest == tcglog.hashlib.new(bank, e.data).digest(), \
                    f"{e.name} at {e.offset:#x}: digest of {bank}"
    path = tests.tmp / "log"
    path.write_bytes(dump["tpm/log"])
    assert_other_parser_agrees(path, pcrs_of(dump))


def assert_other_parser_agrees(path, pcrs):
    done = subprocess.run(["tpm2_eventlog", path], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, "tpm2_eventlog: " + done.stderr
    # Its output ends with "pcrs:", banks and "  0  : 0x..." lines.
    bank, found = None, {}
    for line in done.stdout.split("\npcrs:\n", 1)[1].splitlines():
        name, _, value = line.strip().partition(":")
        if not value.strip():
            bank = name.strip()
        elif bank:
            found.setdefault(bank, {})[int(name)] = \
                bytes.fromhex(value.strip()[2:])
    for bank, values in pcrs.items():
        for pcr, value in found.get(bank, {}).items():
            assert value == values[pcr], f"tpm2_eventlog: {bank} PCR {pcr}"
    assert set(found) == set(pcrs), "banks as tpm2_eventlog sees them"


@pytest.mark.parametrize("kind", ["1.2", "2.0-crb"])
def test_other_parser_has_no_complaint(tests, kind):
    """tpm2_eventlog takes a log with all kinds of events, of either family,
    without a word."""
    path = tests.tmp / "log"
    with measured.watched(tests, kind) as tpm, measured.boot(
            tests, "pc", tpm, disk=None, nic=True, args=[
                "-kernel", tests.guest["clock.kernel"],
                "-append", "keel.mark=a"]) as m:
        path.write_bytes(measured.log_bytes(m))
        pcrs = tpm.pcrs()
    done = subprocess.run(["tpm2_eventlog", path], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert_other_parser_agrees(path, pcrs)


@contextlib.contextmanager
def ibm_tss(tests, banks):
    """Run IBM TSS's tools against a TPM of their own; yields a function."""
    with tests.tpm("2.0-crb", banks, name="other") as other:
        other.stop()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        argv = ["swtpm", "socket", "--tpm2", "--tpmstate",
                f"dir={other.state}", "--server",
                f"type=tcp,port={port},disconnect=off",
                "--ctrl", f"type=unixio,path={tests.tmp}/ctrl",
                "--flags", "not-need-init"]
        env = dict(os.environ, TPM_INTERFACE_TYPE="socsim",
                   TPM_SERVER_TYPE="raw", TPM_COMMAND_PORT=str(port),
                   TPM_SERVER_NAME="127.0.0.1",     # no /etc/hosts needed
                   TPM_DATA_DIR=str(tests.tmp))

        def tool(name, *args):
            return subprocess.run([name, *map(str, args)], env=env, text=True,
                                  capture_output=True, check=False,
                                  timeout=120)

        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
            try:
                limit = time.monotonic() + 20
                while tool("tssstartup").returncode:
                    assert time.monotonic() < limit, "swtpm did not come up"
                yield tool
            finally:
                process.terminate()


@pytest.mark.parametrize("banks", ["sha1,sha256,sha384", "sha256",
                                   "sha1,sha384"])
def test_ibm_tss_extends_the_log(tests, banks):
    """tsseventextend takes the log and extends another TPM with it: that one
    then has the PCRs of the first.  (Debian 12's knows no SHA-512, and reads
    no logs of TPM 1.2.)"""
    needed("tsseventextend", "tss2")
    path = tests.tmp / "log"
    with measured.watched(tests, "2.0-tis", banks=banks) as tpm, \
            measured.boot(tests, "pc", tpm, nic=True) as m:
        path.write_bytes(measured.log_bytes(m))
        pcrs = tpm.pcrs()
    with ibm_tss(tests, banks) as tool:
        done = tool("tsseventextend", "-if", path)
        assert done.returncode == 0, done.stdout + done.stderr
        for bank in banks.split(","):
            for n in range(24):
                out = tool("tsspcrread", "-ha", n, "-halg", bank, "-ns")
                assert out.stdout.strip() == pcrs[bank][n].hex(), \
                    f"{bank} PCR {n}"


def test_kernel_boot_is_measured(tests):
    """The log replays, and another command line for -kernel gives another value
    in a PCR from 4 on, and in no other."""
    def pcrs(machine, mark):
        with measured.watched(tests, "2.0-crb") as tpm, measured.boot(
                tests, machine, tpm, disk=None, args=[
                    "-kernel", tests.guest["clock.kernel"],
                    "-append", f"keel.mark={mark}"]) as m:
            assert not measured.log(m).check(tpm.pcrs())
            return tpm.pcrs()["sha256"]

    pcrs("pc", "a")
    one, two = (pcrs("q35", mark) for mark in "ab")
    differ = [n for n in range(16) if one[n] != two[n]]
    assert differ, "no PCR depends on the kernel's command line"
    assert not set(differ) & {0, 1, 2, 3, 6, 7}, differ


@pytest.mark.slow
def test_active_banks(tests):
    """Linux reads a log with the active banks, no more and no fewer."""
    with tests.tpm("2.0-crb", "sha256") as tpm:
        dump = tests.boot_and_dump("q35", "tpm", tpm=tpm, disk="virtio")
    assert_log_matches(dump, ["sha256"])


@pytest.mark.parametrize("banks", [
    ",".join(names) for n in range(1, len(ALL) + 1)
    for names in itertools.combinations(ALL, n)])
def test_every_subset_of_banks(tests, banks):
    """The log replays in exactly the banks that are active."""
    kind = ("2.0-crb", "2.0-tis")[banks.count(",") % 2]
    with measured.watched(tests, kind, banks=banks) as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        log, pcrs = measured.log(m), tpm.pcrs()
        assert sorted(pcrs) == sorted(log.banks) == sorted(banks.split(","))
        assert not log.check(pcrs)
        for name in banks.split(","):
            assert name.upper().encode() in status_line(m)


def promises(tests, version=None, method=None, tcpa=False):
    """Without QEMU's ACPI tables its files' names are free: tables and
    etc/tpm/config that say something of our choice about the TPM."""
    tables = []
    if method is not None:
        tables.append(struct.pack("<4sIB39xI24x", b"TPM2", 76, 4, method))
    if tcpa:
        tables.append(struct.pack("<4sI42x", b"TCPA", 50))
    rsdt = 36 + 4 * len(tables)
    data = struct.pack("<4sI", b"RSDT", rsdt).ljust(36, b"\0")
    ends = list(itertools.accumulate(map(len, tables), initial=rsdt))
    data += b"".join(struct.pack("<I", at) for at in ends[:-1])
    script = START + pointer(R, T, 16, 4)
    for n in range(len(tables)):
        script += pointer(T, T, 36 + 4 * n, 4)
    script += checksum(R, 8, 0, 20)
    files = {}
    if tables:
        files = {"etc__table-loader": script,
                 "etc__acpi__tables": data + b"".join(tables),
                 "etc__acpi__rsdp": b"RSD PTR " + bytes(12)}
    if version is not None:
        files["etc__tpm__config"] = struct.pack("<IBB", 0xfed45000, version,
                                                1)
    return ["-machine", "acpi=off"] + fw_cfg(tests, **files)


@pytest.mark.parametrize("kind,promise,said", [
    ("2.0-crb", {"version": 1, "method": 6, "tcpa": True},
     [b"etc/tpm/config says version 1.2, the hardware 2.0",
      b"TPM2 table's start method 6 does not fit",
      b"TCPA table is for TPM 1.2, the hardware is TPM 2.0"]),
    ("2.0-tis", {"version": 9, "method": 7},
     [b"etc/tpm/config says version code 9, which is unknown",
      b"TPM2 table's start method 7 does not fit"]),
    ("1.2", {"version": 2, "method": 6},
     [b"etc/tpm/config says version 2.0, the hardware 1.2",
      b"TPM2 table is for TPM 2.0, the hardware is TPM 1.2"]),
    (None, {"version": 2, "method": 7}, [b"fw_cfg etc/tpm/config promises"]),
    (None, {"method": 7}, [b"ACPI TPM2 table promises one, but its registers"]),
    (None, {"tcpa": True}, [b"ACPI TCPA table promises one, but its"])])
def test_contradictions(tests, kind, promise, said):
    """What fw_cfg and the ACPI tables say, against the hardware: each
    contradiction is a line on both consoles, and the boot goes on."""
    with tests.tpm(kind) as tpm, \
            measured.boot(tests, "pc", tpm,
                          args=promises(tests, **promise)) as m:
        for text in said:
            assert text in m.debug(), m.report(f"not on port 402h: {text}")
        assert len(re.findall(rb"^TPM: [^\n]*(?:says|table's|table is|promises)",
                              m.debug(), re.M)) == len(said), m.report("more")
        console = without_wraps(m)
        for text in said:
            assert text in console, m.report(f"not on the console: {text}")


def without_wraps(m):
    """The serial console without what a width of 80 columns adds."""
    m.expect(rb"Booting from", 20)      # comes later
    return bytes(m.serial).replace(b"\r\n", b"")


def status_line(m):
    return re.search(rb"^TPM (1.2|2.0) \(.*$", m.debug(), re.M)[0]


@pytest.mark.parametrize("kind,want", [
    ("2.0-crb", rb"TPM 2\.0 \(IBM, firmware [0-9a-f.]+\) by CRB; banks SHA1 "
     rb"SHA256 SHA384 SHA512"),
    ("2.0-tis", rb"TPM 2\.0 \(IBM, firmware [0-9a-f.]+\) by TIS; banks SHA1 "
     rb"SHA256 SHA384 SHA512"),
    ("1.2", rb"TPM 1\.2 \(IBM, firmware [0-9.]+\) by TIS; bank SHA1")])
def test_status_line(tests, kind, want):
    """One line on the console, and no other about a TPM but the one of a TPM
    1.2's first start; port 402h has it."""
    with measured.watched(tests, kind) as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        m.expect(rb"Booting from", 20)      # comes later
        text = re.sub(rb"\x1b\[[0-9;]*[A-Za-z]|\r", b"", bytes(m.serial))
        found = [line for line in text.split(b"\n") if b"TPM" in line
                 and b"NV storage was open to everybody" not in line]
        assert len(found) == 1 and re.fullmatch(want, found[0]), found
        assert found[0] in m.debug()


# Of TPM 2.0: TPM2_CC_*; of 1.2: TPM_ORD_*.
COMMANDS = {
    0x144: "Startup", 0x17a: "GetCapability", 0x143: "SelfTest",
    0x17b: "GetRandom", 0x129: "HierarchyChangeAuth", 0x182: "PCR_Extend",
    0x169: "NV_ReadPublic",
    0x99: "Startup", 0x65: "GetCapability", 0x53: "ContinueSelfTest",
    0x4000000a: "PhysicalPresence", 0x14: "Extend", 0xcc: "NV_DefineSpace",
}


@pytest.mark.parametrize("kind,fixed", [
    ("2.0-crb", {"Startup": 1, "GetCapability": 2, "SelfTest": 1,
                 "GetRandom": 1, "HierarchyChangeAuth": 1,
                 "NV_ReadPublic": 1}),
    ("1.2", {"Startup": 1, "GetCapability": 4, "ContinueSelfTest": 1,
             "PhysicalPresence": 2, "NV_DefineSpace": 3})])
def test_number_of_commands(tests, kind, fixed):
    """A normal POST sends one extend per event, all banks in it, and these
    commands; none of them asks for the same thing twice.  Here it is the first
    POST of a TPM 1.2, which closes its NV storage."""
    with measured.watched(tests, kind) as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        events = [e for e in measured.log(m).events
                  if e.type != tcglog.EV_NO_ACTION]
        sent = [command for command, _ in tpm.exchanges]
    count = collections.Counter(COMMANDS[c] for c in tpm.commands)
    print(f"\n{kind}: {len(sent)} commands for {len(events)} events: "
          + ", ".join(f"{n} {name}" for name, n in count.items()))
    extends = count.pop("PCR_Extend", 0) + count.pop("Extend", 0)
    assert extends == len(events)
    assert dict(count) == fixed
    asked = [c for c in sent if c[6:10] in (b"\0\0\1\x7a", b"\0\0\0\x65")]
    assert len(set(asked)) == len(asked), "a capability was read twice"


def test_kernel_boot_sends_no_more(tests):
    """A kernel of -kernel costs its own events and nothing else."""
    with measured.watched(tests, "2.0-crb") as tpm, \
            measured.boot(tests, "q35", tpm, disk=None, args=[
                "-kernel", tests.guest["clock.kernel"], "-append", "x"]) as m:
        events = [e for e in measured.log(m).events
                  if e.type != tcglog.EV_NO_ACTION]
    assert tpm.commands.count(0x182) == len(events)
    assert len(tpm.commands) == len(events) + 7


def test_tpm12(tests):
    with tests.machine("pc", tpm="1.2") as m:
        m.ready()
        shown = m.command(
            "cat /sys/kernel/security/tpm0/ascii_bios_measurements")
        dump = m.dump("tpm")
        dump["argv"] = vm.shown(m.argv).encode()
    log = assert_log_matches(dump, ["sha1"])
    # Linux's own parser of these logs: PCR, digest, type, words.
    lines = [line.split()[:3] for line in shown.splitlines() if line.strip()]
    assert lines == [[str(e.pcr), e.digests["sha1"].hex(), f"{e.type:02x}"]
                     for e in log.events]
    for pcr in (0, 1, 2, 4, 5):
        assert len(events_of(log, pcr)) > 1, \
            f"PCR {pcr} holds nothing but a separator"


def test_same_boot_same_pcrs(tests):
    """Two cold boots of one machine agree; a changed boot sector shows in
    PCR 4 and a changed partition table in PCR 5, and nowhere else."""
    with open(tests.guest["clock.img"], "rb") as file:
        image = file.read()

    def boot(name, change):
        path = tests.tmp / name
        data = bytearray(image)
        change(data)
        path.write_bytes(data)
        with measured.watched(tests, "2.0-tis") as tpm, measured.boot(
                tests, "pc", tpm, disk=None, args=vm.disk(path, "virtio")):
            return tpm.pcrs()["sha256"]

    def same(_):
        pass

    def code(data):
        assert not data[0x1b0], "the boot sector has code there"
        data[0x1b0] ^= 1

    def table(data):
        data[0x1b8] ^= 1        # disk signature

    first = boot("first", same)
    for name, change, want in (("again", same, []), ("code", code, [4]),
                               ("table", table, [5])):
        other = boot(name, change)
        assert [n for n in range(8) if first[n] != other[n]] == want, name


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_no_tpm_no_text(tests, machine):
    with measured.boot(tests, machine, None) as m:
        m.expect(rb"Booting from", 20)
        assert b"TPM" not in m.serial and b"TCG" not in m.serial
        assert b"TPM" not in m.debug(), m.report("debug output names a TPM")


def test_platform_hierarchy_is_closed(tests):
    """The OS cannot use platform authority: HierarchyControl with an empty
    platformAuth fails with an authorisation error."""
    with agent.started(tests, "q35", "2.0-crb") as a:
        code, _ = a.tpm(bytes.fromhex(
            "8002 00000020 00000121 4000000c 00000009 40000009 0000 00 0000 "
            "40000001 01"))
        assert code & 0xbf in (0x8e, 0xa2), a.m.report(f"{code:#x}")


def test_log_of_tpm12_has_no_spec_id(tests):
    """Readers take that for a log of TPM 2.0 (docs/tcg.md)."""
    with measured.watched(tests, "1.2") as tpm, \
            measured.boot(tests, "pc", tpm) as m:
        log = measured.log(m)
    assert log.format == "sha1"
    assert log.events[0].name == "EV_S_CRTM_VERSION"
    assert "EV_NO_ACTION" not in [e.name for e in log.events]


def test_log_starts_with_spec_id(tests):
    with measured.watched(tests, "2.0-crb") as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        log = measured.log(m)
    assert log.format == "crypto-agile"
    assert log.events[0].data[:16] == b"Spec ID Event03\0"
    names = [e.name for e in log.events[1:]]
    assert "EV_S_CRTM_VERSION" in names and "EV_POST_CODE" in names
    order = [e.pcr for e in log.events[1:] if e.name != "EV_NO_ACTION"]
    assert order[0] == 0, "something was measured before the S-CRTM"

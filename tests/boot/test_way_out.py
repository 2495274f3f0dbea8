# SPDX-License-Identifier: MIT
"""Every way out of POST gives up the same: whatever was booted, however, and
whatever became of the TPM, what runs then cannot act as the platform, finds no
secret in memory, and finds the memory map and the BIOS area of an ordinary
boot."""

import contextlib
import struct

import pytest

import agent
import conftest
import faketpm
import kernels
import measured
import roms
from test_ppi_nv import INDEX_12, PP_WRITE_12, define12
from test_tpm_faults import FAULTS, SILENT, Fault, in_parallel
import tpmstate
import vm

KINDS = ("2.0-crb", "2.0-tis", "1.2")
HIERARCHY_CHANGE_AUTH = 0x129
CRB_BUFFER = 0xfed40080, 0xf80
PAM = {"pc": 0x58, "q35": 0x90}


# ------------------------------------- what an operating system must not get

def attempts12(talk):
    """Name and response code of what only physical presence allows."""
    tpm = tpmstate.Tpm12(talk)
    for name, ordinal, body in (
            ("lift the presence lock", 0x4000000a, b"\0\x20"),
            ("assert physical presence", 0x4000000a, b"\0\x08"),
            ("write the firmware's index", 0xcd,
             struct.pack(">III", INDEX_12, 0, 8) + struct.pack(
                 ">II", 0x4b504901, 5 << 16)),
            ("disable the TPM", 0x70, b""),
            ("deactivate the TPM", 0x72, b"\1"),
            ("clear the TPM", 0x5d, b"")):
        code = tpm.run(ordinal, body)[0]
        # Without the presence that it follows, the first one is harmless.
        if ordinal != 0x4000000a or body[1] != 0x20:
            yield name, code


def attempts20(talk, auths):
    """The same for the platform hierarchy, with each authorisation."""
    tpm = tpmstate.Tpm20(talk)
    index = tpmstate.FIRMWARE_INDEX
    for auth in auths:
        how = f" ({auth.hex() or 'empty'} authorisation)"
        yield "write the firmware's index" + how, tpm.run(
            0x137, struct.pack(">HIIH", 8, 0x4b504901, 5 << 16, 0),
            [tpmstate.PLATFORM, index], auth)[0]
        yield "change platformAuth" + how, tpm.run(
            0x129, b"\0\0", [tpmstate.PLATFORM], auth)[0]
        yield "clear the TPM" + how, tpm.run(
            0x126, b"", [tpmstate.PLATFORM], auth)[0]


def secrets(tpm):
    """Every platformAuth that the TPM has taken from the firmware."""
    found = []
    for command, answer in tpm.exchanges:
        if struct.unpack(">I", command[6:10])[0] == HIERARCHY_CHANGE_AUTH \
                and answer and not any(answer[6:10]):
            at = 14 + 4 + struct.unpack(">I", command[14:18])[0]
            size = struct.unpack(">H", command[at:at + 2])[0]
            found.append(command[at + 2:at + 2 + size])
    return found


def used(ram):
    """Its parts that are not all zero, (address, bytes): pages of 4 KiB, with
    one more on each side, so that what crosses a border is whole."""
    size, zero = 4096, bytes(4096)
    full = [ram[at:at + size] != zero[:len(ram) - at]
            for at in range(0, len(ram), size)]
    start = None
    for n in range(len(full) + 1):
        near = n < len(full) and any(full[max(n - 1, 0):n + 2])
        if near and start is None:
            start = n
        if not near and start is not None:
            yield start * size, ram[start * size:n * size]
            start = None


def memory_problems(m, tpm):
    """What a search through RAM and the CRB's buffer finds of a secret, by
    pieces of 8 bytes."""
    places = [("RAM", measured.memory(m))]
    if tpm.kind == "2.0-crb":
        path = m.work / "buffer"
        m.qmp("pmemsave", val=CRB_BUFFER[0], size=CRB_BUFFER[1],
              filename=str(path))
        places.append(("the CRB's buffer", path.read_bytes()))
    places = [(name, at, part) for name, data in places
              for at, part in used(data)]
    for secret in secrets(tpm):
        for i in range(0, len(secret) - 7):
            for name, start, data in places:
                at = data.find(secret[i:i + 8])
                if at >= 0:
                    yield f"platformAuth is in {name} at {start + at:#x}"
                    return


def tpm_problems(m, tpm, talk=None):
    """Texts: what an operating system could do as the platform.  talk: how to
    reach the TPM, past QEMU if not given."""
    if tpm is None:
        return
    yield from memory_problems(m, tpm)
    talk = talk or answer_of(tpm)
    tries = attempts12(talk) if tpm.kind == "1.2" else attempts20(talk, [b""])
    for name, code in tries:
        if code == 0:
            yield f"it can {name}"


def answer_of(tpm):
    def talk(data):
        answer = tpm.ask(data)
        return struct.unpack(">I", answer[6:10])[0], answer
    return talk


def pam(m, machine):
    """The seven registers with the attributes of F0000-FFFFF, then C0000-EFFFF
    by 32 KiB, through QEMU's monitor."""
    data = b""
    for reg in (PAM[machine], PAM[machine] + 4):
        m.hmp(f"o/w 0xcf8 {1 << 31 | reg:#x}")
        text = m.hmp("i/w 0xcfc")
        data += int(text.split("=")[1], 16).to_bytes(4, "little")
    return data[:7] if machine == "q35" else data[1:]


def writable(values):
    """The places that can be written to: the firmware's own variables only."""
    return [where for where, value in zip(
        ("F0000", "C0000", "C8000", "D0000", "D8000", "E0000", "E8000"),
        values) if value & 0x22]


def reserved_problems(m, e820):
    """ACPI tables and the event log are nobody's memory."""
    ram = measured.memory(m)
    places = [ram.find(table) for table in measured.tables(ram, b"FACP")]
    for table in measured.tables(ram, b"TPM2"):
        places.append(struct.unpack("<Q", table[68:76])[0])
    for table in measured.tables(ram, b"TCPA"):
        places.append(struct.unpack("<Q", table[42:50])[0])
    assert places
    for at in places:
        if any(start <= at < start + size and kind == 1
               for start, size, kind in e820):
            yield f"E820 gives {at:#x} to everybody"


# ------------------------------------------------------------- the ways out

def rom_card(tests, place, vector, **options):
    path = tests.tmp / f"{place}-{vector:x}.rom"
    path.write_bytes(roms.asks_for_boot(place, vector))
    return ["-device", ",".join(
        [f"e1000,addr=9,romfile={path}"]
        + [f"{key}={value}" for key, value in options.items()])]


def floppy(tests, tail):
    path = roms.sector(tests.tmp / f"floppy-{tail:x}.img", "floppy", tail,
                       size=1474560)
    return ["-drive", f"if=none,id=fd,format=raw,file={path}",
            "-device", "isa-fdc,bootindexA=0", "-device", "floppy,drive=fd"]


# Name: arguments of QEMU.  A ROM that wants the boot from inside POST gets
# POST's end first: its disk is still the one that is booted.
WAYS = {
    "ordinary": lambda tests: [],
    "menu": lambda tests: ["-boot", "menu=on,splash-time=20000"],
    "int 18h of a boot sector": lambda tests: floppy(tests, 0x18),
    "int 18h of a boot entry": lambda tests: rom_card(tests, "bev", 0x18,
                                                      bootindex=0),
}
for _place in ("init", "bcv", "tick"):
    for _vector in (0x18, 0x19):
        WAYS[f"int {_vector:x}h of a ROM's {_place}"] = \
            lambda tests, p=_place, v=_vector: rom_card(tests, p, v)
INSIDE_POST = [name for name in WAYS if "ROM's" in name]


@contextlib.contextmanager
def reached(tests, machine, tpm, way, boot=1, **kwargs):
    """The agent, booted by one of the ways."""
    disk = tests.tmp / "agent.img"
    if not disk.exists():
        agent.image(tests.tmp)
    args = WAYS[way](tests) + vm.disk(disk, "ide", machine, boot=boot)
    port = tests.tmp / "sercon"         # the console, for the menu
    port.write_bytes(b"\xf8\x03")
    args += ["-fw_cfg", f"name=etc/sercon-port,file={port}"]
    with tests.machine(machine, None, tpm=tpm, mem="32M", args=args,
                       **kwargs) as m:
        if way == "menu":
            m.expect(rb"Press ESC for boot menu\.", 30)
            m.send("\x1b")
            m.expect(rb"Select boot device:.*1\. [^\n]*\n", 30)
            m.send("1")
        a = agent.Agent(m)
        a.ready()
        yield a


@contextlib.contextmanager
def watched(tests, kind, spoil=None):
    if kind == "none":
        yield None
        return
    with measured.watched(tests, kind, spoil) as tpm:
        yield tpm


@pytest.fixture(scope="session")
def ordinary(bios, guest, tmp_path_factory):
    """What E820 is, by machine and TPM."""
    found = {}

    def get(machine, kind):
        if (machine, kind) not in found:
            tests = conftest.Tests(bios, guest,
                                   tmp_path_factory.mktemp("ordinary"))
            with watched(tests, kind) as tpm, \
                    reached(tests, machine, tpm, "ordinary") as a:
                found[machine, kind] = a.e820()
        return found[machine, kind]
    return get


MACHINES = (("q35", "2.0-crb"), ("q35", "1.2"), ("pc", "2.0-tis"),
            ("pc", "none"))


def ways():
    """Every way with every TPM; in `make check` each way with one of the first
    two, and the ordinary one with all."""
    for n, way in enumerate(WAYS):
        for i, (machine, kind) in enumerate(MACHINES):
            quick = way == "ordinary" or i == n % 2
            yield pytest.param(way, machine, kind, marks=[] if quick else
                               pytest.mark.slow)


@pytest.mark.parametrize("way,machine,kind", ways())
def test_way(tests, ordinary, machine, kind, way):
    want = ordinary(machine, kind)
    with watched(tests, kind) as tpm, \
            reached(tests, machine, tpm, way) as a:
        problems = list(tpm_problems(a.m, tpm))
        found = a.e820(), pam(a.m, machine)
        if kind != "none":
            log = measured.log(a.m)
            wrong = log.check(tpm.pcrs())
            assert not wrong, a.m.report(f"the log and the PCRs differ: {wrong}")
            done = {e.pcr for e in log.events
                    if e.type == 4 and e.data == b"\xff" * 4}
            assert done == set(range(8)), a.m.report(f"separators: {done}")
        assert not problems, a.m.report(", ".join(problems))
        assert found[0] == want, a.m.report(
            f"E820 is not an ordinary boot's: {found[0]}, not {want}")
        problems = list(reserved_problems(a.m, found[0]))
        assert not problems, a.m.report(", ".join(problems))
        assert writable(found[1]) == ["E0000"], a.m.report(
            f"PAM is {found[1].hex()}, writable {writable(found[1])}")
        if way in INSIDE_POST:
            assert b"before POST has ended: not yet" in a.m.debug()
            a.reset()           # and not only once
            assert not list(tpm_problems(a.m, tpm))


@pytest.mark.parametrize("kind", KINDS)
def test_kernel(tests, tmp_path, kind):
    """-kernel."""
    files = kernels.build(tmp_path / "kernel")
    with watched(tests, kind) as tpm, tests.machine(
            "q35", None, tpm=tpm, mem="32M", args=[
                "-kernel", files["vmlinuz"], "-initrd", files["initramfs"],
                *kernels.arguments(tmp_path / "pcrs")]) as m:
        m.wait_debug(rb"kernel done", 60)
        problems = list(tpm_problems(m, tpm))
        assert not problems, m.report(", ".join(problems))
        assert writable(pam(m, "q35")) == ["E0000"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("saved", [True, False])
def test_resume(tests, kind, saved):
    """From S3, with the TPM's state and without."""
    with watched(tests, kind) as tpm, \
            reached(tests, "q35", tpm, "ordinary") as a:
        if saved:
            code, _ = a.tpm(bytes.fromhex(
                "00c10000000a00000098" if kind == "1.2" else
                "80010000000c000001450001"))
            assert code == 0
        a.suspend()
        a.wake()
        problems = list(tpm_problems(a.m, tpm))
        assert not problems, a.m.report(", ".join(problems))


# ------------------------------------------------- the fault grid, and then

def judge(tests, kind, name, n):
    """One fault at the n-th command; "" or what is wrong then."""
    fault = Fault(kind, name, n)
    with measured.watched(tests, kind, fault) as tpm, \
            reached(tests, "q35", tpm, "ordinary") as a:
        where = f"{kind}, {name} at command {n} ({fault.struck or 0:#x})"
        # As the OS does it, by QEMU's device: not of those that are dead.
        problems = list(memory_problems(a.m, tpm) if name in SILENT else
                        tpm_problems(a.m, tpm, a.tpm))
        if problems:
            said = [line for line in a.m.debug().decode().splitlines()
                    if line.startswith("TPM:")]
            return f"{where}: {', '.join(problems)}; {said}"
        return ""


def run_grid(tests, kind, cases):
    def one(case):
        name, n = case
        path = tests.tmp / f"{name}-{n}".replace(" ", "-")
        path.mkdir()
        return judge(conftest.Tests(tests.bios, tests.guest, path), kind, name,
                     n)

    in_parallel(one, cases, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_faults(tests, kind):
    """Each fault at the start-up, and a third of them, another one for each
    kind of TPM, at one command behind it."""
    shift = KINDS.index(kind)
    run_grid(tests, kind, [(name, 0) for name in FAULTS] + [
        (name, 1 + (i + 5 * shift) % 20) for i, name in enumerate(FAULTS)
        if i % 3 == shift and name not in SILENT])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAULTS)
def test_faults_everywhere(tests, kind, name):
    run_grid(tests, kind, [(name, n) for n in range(26)])


# ------------------------------------------------ a note that the OS has left

def left_open(_n, _code, answer):
    """The firmware locks physical presence, and nothing of it arrives."""
    return answer


left_open.refuse = lambda code: struct.pack(">HII", 0xc4, 10, 0) \
    if code == 0x4000000a else None


@pytest.mark.parametrize("made_anew", [False, True])
def test_note_on_an_open_tpm(tests, made_anew):
    """A TPM 1.2 whose physical presence was left to an operating system once:
    it cannot write the firmware's index, and one that it makes in its place is
    not believed."""
    with measured.watched(tests, "1.2") as tpm:
        disk = tests.tmp / "agent.img"
        agent.image(tests.tmp)
        args = vm.disk(disk, "ide", "pc")
        with tests.machine("pc", None, tpm=tpm, mem="32M", args=args) as m:
            a = agent.Agent(m)
            a.ready()
            a.request(15)               # the firmware makes its index
            a.reset()
            assert a.response() == (15, 0)
            tpm.spoil = left_open
            a.reset()
            os_ = tpmstate.Tpm12(answer_of(tpm))
            assert os_.run(0x4000000a, b"\0\x20")[0] == 0
            assert os_.run(0x4000000a, b"\0\x08")[0] == 0, "presence is open"
            note = struct.pack(">II", 0x4b504901, 5 << 16)
            write = struct.pack(">III", INDEX_12, 0, 8) + note
            assert os_.run(0xcd, write)[0] != 0, "the note was taken"
            if made_anew:
                assert define12(os_, INDEX_12, 8, PP_WRITE_12) == 0
                assert os_.run(0xcd, write)[0] == 0
            tpm.spoil = faketpm.untouched
            a.reset()
            text = m.debug().decode().split("KeelBIOS ")[-1]
            assert "interrupted" not in text and "clear" not in text, text
            assert ("could be written by an operating system: made anew"
                    in text) == made_anew, text
            a.reset()
            text = m.debug().decode().split("KeelBIOS ")[-1]
            assert "made anew" not in text, text

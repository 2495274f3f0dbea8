# SPDX-License-Identifier: MIT
"""GRUB's module of contrib/grub: what GRUB did and opened is in PCR 8 and 9 and in
the log, whichever way an entry was started, and a BIOS that cannot measure does
not keep a boot from going on.

The kernel is that of kernels.py.  Slow because the module is built first."""

import contextlib
import hashlib
import json
import re
import struct

import pytest

import faketpm
import grubmodule
import kernels
import rehearse
import tcglog
from test_handover import keelpcr, predict
import vm

pytestmark = pytest.mark.slow

ENTRY = """\
menuentry 'Small' {
    linux /boot/vmlinuz quiet one
    initrd /boot/initramfs
}
"""
AT_ONCE = "set timeout=0\n" + ENTRY
CONFIG = "/boot/grub/grub.cfg"
PCR_EXTEND = {"1.2": 0x14, "2.0-crb": 0x182, "2.0-tis": 0x182}
MARK = b"not measured"


@pytest.fixture(name="small")
def small_kernel(tests):
    return kernels.build(tests.tmp / "small")


@contextlib.contextmanager
def booting(tests, image, kind, bios=None, spoil=None, mem="256M"):
    """(machine, TPM or None) that boots that disk."""
    args = vm.disk(image, "ide")
    if kind == "none":
        with tests.machine("pc", None, args=args, bios=bios, mem=mem,
                           vga="std") as m:
            yield m, None
        return
    with tests.tpm(kind, name=f"tpm{tests.count}") as made:
        made.stop()
        with faketpm.FakeTpm(kind, made.state, spoil) as tpm, \
                tests.machine("pc", None, tpm=tpm, args=args, bios=bios,
                              mem=mem, vga="std") as m:
            yield m, tpm


def commands(*lines):
    return [(8, f"grub_cmd: {line}") for line in lines]


def entry_events(extra=""):
    """Of an entry, from the moment that it is chosen."""
    return [*commands("setparams Small",
                      f"linux /boot/vmlinuz quiet one{extra}"),
            (9, "/boot/vmlinuz"),
            (8, f"kernel_cmdline: /boot/vmlinuz quiet one{extra}"),
            *commands("initrd /boot/initramfs"), (9, "/boot/initramfs")]


def head_events(*lines):
    """Of grub.cfg, up to its last command."""
    return [(9, f"(hd0,msdos1){CONFIG}"),
            *commands(*grubmodule.HEAD.splitlines(), *lines)]


DEFINE = "menuentry Small " + ENTRY[ENTRY.index("{"):].rstrip("\n")


def without_repeats(events):
    """GRUB 2.12 opens a configuration twice."""
    return [e for i, e in enumerate(events) if not i or e != events[i - 1]]


def assert_measured(m, tpm, tests, want, contents):
    """The log has these events, the PCRs are the log's, and the digests those
    of the files; returns the log."""
    log = rehearse.read_log(m, tests.tmp / "memory")
    events = [e for e in log.events if e.pcr in (8, 9)]
    assert all(e.type == 0x0d and e.data[-1:] == b"\0" for e in events)
    assert without_repeats([(e.pcr, e.data[:-1].decode()) for e in events]) \
        == want
    for event in events:
        text = event.data[:-1]
        data = re.sub(rb"^\w+: ", b"", text) if event.pcr == 8 else \
            contents[re.sub(r"^\(.*\)", "", text.decode())]
        assert event.digests == {b: hashlib.new(b, data).digest()
                                 for b in log.banks}, text
    read, replayed = tpm.pcrs(), log.replay()
    for bank, values in read.items():
        assert all(values[n] == replayed[bank][n] for n in range(10)), bank
    return log


def contents_of(files, config, **more):
    return {"/boot/vmlinuz": files["vmlinuz"].read_bytes(),
            "/boot/initramfs": files["initramfs"].read_bytes(),
            CONFIG: (grubmodule.HEAD + config).encode(),
            **{f"/boot/grub/{n}.cfg": t.encode() for n, t in more.items()}}


@pytest.mark.parametrize("kind", ["1.2", "2.0-crb"])
def test_menu_entry(tests, small, kind):
    image = grubmodule.disk(tests, small, AT_ONCE)
    with booting(tests, image, kind) as (m, tpm):
        m.wait_debug(rb"kernel done", 120)
        assert_measured(m, tpm, tests,
                        [*head_events("set timeout=0", DEFINE),
                         *entry_events()], contents_of(small, AT_ONCE))


def test_edited_entry(tests, small):
    """What a person changes before the start is measured as changed."""
    image = grubmodule.disk(tests, small, WAITING)
    with booting(tests, image, "2.0-crb") as (m, tpm):
        start(m, EDITING)
        assert_measured(m, tpm, tests,
                        [*head_events("set timeout=-1", DEFINE),
                         *entry_events(" edited=1")],
                        contents_of(small, WAITING))


def test_configfile(tests, small):
    more = MORE % "two"
    image = grubmodule.disk(tests, small, CONFIGFILE,
                            {"boot/grub/more.cfg": more})
    want = [*head_events(CONFIGFILE.rstrip("\n")),
            (9, "/boot/grub/more.cfg"), *commands("linux /boot/vmlinuz two"),
            (9, "/boot/vmlinuz"), (8, "kernel_cmdline: /boot/vmlinuz two"),
            *commands("initrd /boot/initramfs"), (9, "/boot/initramfs"),
            *commands("boot")]
    with booting(tests, image, "2.0-tis") as (m, tpm):
        start(m)
        assert_measured(m, tpm, tests, want,
                        contents_of(small, CONFIGFILE, more=more))


def test_large_initrd(tests, small):
    small["initramfs"].write_bytes(bytes(range(256)) * (64 << 12))
    image = grubmodule.disk(tests, small, AT_ONCE)
    with booting(tests, image, "2.0-crb", mem="512M") as (m, tpm):
        start(m)
        assert_measured(m, tpm, tests,
                        [*head_events("set timeout=0", DEFINE),
                         *entry_events()], contents_of(small, AT_ONCE))


# ----------------------------------------------------------------- prediction
#
# A boot's log gives the list of what GRUB does; with the lines changed that will
# be different, and with the files of then, it gives the PCRs of a boot that has
# not happened.

def root_of(tests, files, config, **more):
    """The disk's files as a directory."""
    root = tests.tmp / "root"
    for name, data in contents_of(files, config, **more).items():
        path = root / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def start(m, keys=()):
    """Choose the entry, edited by these keys, where GRUB waits for that."""
    if keys:
        m.expect(rb"Small", 60)
    for text, wanted in keys:
        m.send(text)
        if wanted:
            m.expect(wanted, 30)
    m.wait_debug(rb"kernel done", 400)


def log_file(tests, m, name):
    path = tests.tmp / name
    path.write_bytes(rehearse.log_bytes(m, tests.tmp / "memory"))
    return path


DOWN_DOWN_END, CTRL_X = "\x0e\x0e\x05", "\x18"
EDITING = [("e", rb"setparams"), (DOWN_DOWN_END + " edited=1", rb"edited=1"),
           (CTRL_X, None)]
CONFIGFILE = "configfile /boot/grub/more.cfg\n"
MORE = "linux /boot/vmlinuz %s\ninitrd /boot/initramfs\nboot\n"
WAITING = "set timeout=-1\n" + ENTRY
# What the first and the second boot have: grub.cfg, keys, other files of GRUB's,
# size of the initrd; and what is changed in the list by hand.
CHANGES = {
    "menu-entry": [(AT_ONCE, (), {}, 0),
                   (AT_ONCE.replace("quiet one", "quiet two"), (), {}, 100),
                   ("quiet one", "quiet two")],
    "edited-entry": [(WAITING, [("\r", None)], {}, 0),
                     (WAITING, EDITING, {}, 0),
                     (r"(linux /boot/vmlinuz|^kernel_cmdline: .*)( quiet one)"
                      r"(?!.*\\n)", r"\1\2 edited=1")],
    "configfile": [(CONFIGFILE, (), {"more": MORE % "two"}, 0),
                   (CONFIGFILE, (), {"more": MORE % "three"}, 0),
                   ("two", "three")],
    "large-initrd": [(AT_ONCE, (), {}, 0), (AT_ONCE, (), {}, 64 << 20), ()],
}


@pytest.mark.parametrize("name,kind", [
    *((name, "2.0-crb") for name in CHANGES), ("menu-entry", "1.2"),
    ("edited-entry", "1.2"), ("configfile", "1.2")])
def test_prediction(tests, small, name, kind):
    before, after, edits = CHANGES[name]
    initrd = small["initramfs"].read_bytes()
    # One machine for both, as PCR 1 has its RAM.
    mem = "512M" if name == "large-initrd" else "256M"

    def disk(config, more, size):
        small["initramfs"].write_bytes(initrd + bytes(size))
        return grubmodule.disk(tests, small, config, {
            f"boot/grub/{n}.cfg": text for n, text in more.items()})

    config, keys, more, size = before
    with booting(tests, disk(config, more, size), kind, mem=mem) as (m, _):
        start(m, keys)
        first = log_file(tests, m, "log1")
    done = keelpcr("grub", first)
    assert done.returncode == 0, done.stderr
    listed = tests.tmp / "list"
    listed.write_text(re.sub(*edits, done.stdout, flags=re.M) if edits else
                      done.stdout)
    config, keys, more, size = after
    image = disk(config, more, size)
    want = predict(tests, "pc", kind, vm.disk(image, "ide"), "--grub", listed,
                   "--grub-root", root_of(tests, small, config, **more),
                   vga="std", mem=mem)
    with booting(tests, image, kind, mem=mem) as (m, tpm):
        start(m, keys)
        second, read = log_file(tests, m, "log2"), tpm.pcrs()
    done = keelpcr("check", second, "--prediction", want)
    assert done.returncode == 0, done.stdout + done.stderr
    for bank, values in json.loads(want.read_text())["pcrs"].items():
        assert values == {n: read[bank][int(n)].hex() for n in values}, bank
    done = keelpcr("check", first, "--prediction", want)
    assert done.returncode == 1
    differ = re.findall(r"^PCR (\d)", done.stdout, re.M)
    assert differ == {"menu-entry": ["8", "9"], "edited-entry": ["8"],
                      "configfile": ["8", "9"],
                      # The partition is larger, too.
                      "large-initrd": ["5", "9"]}[name]


# --------------------------------------------------------- nothing to measure

def screen(m, tests):
    path = tests.tmp / "screen"
    m.qmp("pmemsave", val=0xb8000, size=4000, filename=str(path))
    return path.read_bytes()[::2].decode("cp437")


def assert_one_line(m, tests, text):
    shown = screen(m, tests)
    lines = [shown[i:i + 80].rstrip() for i in range(0, len(shown), 80)]
    assert [line for line in lines if line.startswith("tpm: ")] == \
        ([text] if text else []), lines


NOTHING = "nothing is measured."
NONE = f"tpm: the BIOS has no TPM interface; {NOTHING}"


@pytest.mark.parametrize("firmware,kind,text", [
    ("ours", "none", f"tpm: the BIOS answers 230001h; {NOTHING}"),
    ("seabios", "none", f"tpm: the BIOS answers 23h; {NOTHING}"),
    ("seabios", "1.2", None),
    ("seabios", "2.0-tis",
     "tpm: the BIOS answers 1ah; not everything is measured.")])
def test_other_firmware(tests, small, firmware, kind, text):
    """The boot goes on; SeaBIOS measures with a TPM 1.2 and cannot with 2.0."""
    image = grubmodule.disk(tests, small, AT_ONCE)
    with booting(tests, image, kind,
                 vm.SEABIOS if firmware == "seabios" else None) as (m, tpm):
        m.wait_debug(rb"kernel done", 120)
        assert_one_line(m, tests, text)
        if kind == "1.2":
            assert any(tpm.pcrs()["sha1"][8]) and any(tpm.pcrs()["sha1"][9])
        m.process.kill()                # a SeaBIOS cannot be asked to end


def test_failed_tpm(tests, small):
    """A TPM that failed closed in POST."""
    image = grubmodule.disk(tests, small, AT_ONCE)
    with booting(tests, image, "2.0-crb",
                 spoil=faketpm.all_failure) as (m, _):
        m.wait_debug(rb"kernel done", 180)
        assert_one_line(m, tests, f"tpm: the BIOS answers 240001h; {NOTHING}")


def refuse_extends(first, last, kind):
    """A TPM that does not carry out its extends with these numbers."""
    tag = 0xc4 if kind == "1.2" else 0x8001
    count = -1

    def refuse(code):
        nonlocal count
        count += code == PCR_EXTEND[kind]
        if code != PCR_EXTEND[kind] or not first <= count <= last:
            return None
        return struct.pack(">HII", tag, 10, 9 if kind == "1.2" else 0x101)

    def spoil(_n, _code, answer):
        return answer

    spoil.refuse = refuse
    return spoil


@pytest.mark.parametrize("kind", ["1.2", "2.0-crb"])
@pytest.mark.parametrize("once", [True, False])
def test_tpm_that_refuses(tests, small, kind, once):
    """Once: a mark stands for what was not measured, and the rest is.  For
    ever: one line, and the boot goes on."""
    image = grubmodule.disk(tests, small, AT_ONCE)
    with booting(tests, image, kind) as (m, tpm):
        m.wait_debug(rb"kernel done", 120)
        events = rehearse.read_log(m, tests.tmp / "memory").events
    before = sum(e.pcr < 8 and e.type != tcglog.EV_NO_ACTION for e in events)
    spoil = refuse_extends(before, before if once else 1 << 20, kind)
    with booting(tests, image, kind, spoil=spoil) as (m, tpm):
        m.wait_debug(rb"kernel done", 120)
        assert_one_line(m, tests, "tpm: the BIOS answers 1a0001h; not "
                                  "everything is measured.")
        log = rehearse.read_log(m, tests.tmp / "memory")
        found = [e for e in log.events if e.pcr in (8, 9)]
        if once:
            assert found[0].data == MARK + b"\0"
            assert found[0].digests["sha1"] == hashlib.sha1(MARK).digest()
            assert [e.data for e in found[1:]] == \
                [e.data for e in events if e.pcr in (8, 9)][1:]
        else:
            assert not found
        replayed = log.replay()
        for bank, values in tpm.pcrs().items():
            for n in (8, 9):
                want = replayed[bank].get(n, bytes(len(values[n])))
                assert values[n] == want, f"{bank} PCR {n}"

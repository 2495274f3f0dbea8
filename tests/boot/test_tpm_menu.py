# SPDX-License-Identifier: MIT
"""The "t. TPM Configuration" screens, over the serial console and on VGA."""

import contextlib
import re

import pytest

import ppihost
import tpmstate


@contextlib.contextmanager
def machine(tests, kind, name="pc"):
    """The test agent's machine with a TPM; its boot menu waits longer than any
    test, for enter() or boot()."""
    with tests.tpm(kind) as tpm:
        h = ppihost.Agent(tests, name, tpm, args=[
            "-boot", "menu=on,splash-time=60000"])
        with h.open() as h.m:
            yield h


def enter(m):
    m.expect(rb"Press ESC for boot menu", 60)
    m.send("\x1b")
    m.expect(rb"t\. TPM Configuration", 20)
    m.send("t")
    m.expect(rb"ESC leaves this menu", 20)


def boot(h, at_menu=False):
    """Leave the boot menu; the test agent comes up."""
    if not at_menu:
        h.m.expect(rb"Press ESC for boot menu", 60)
        h.m.send("\x1b")
    h.m.expect(rb"Select boot device", 20)
    h.m.send("\x1b")
    h.m.expect(h.up, 60)


def confirm(m, key):
    """Choose what the key stands for; returns what was asked."""
    m.send(key)
    question = m.expect(rb"This will .*?Y confirms|Change the banks.*?Y "
                        rb"confirms", 20)[0]
    m.send("y")
    return question


def screen_lines(text):
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return text.replace("\r", "").split("\n")


def test_pages(tests):
    """Every page, at most 80 x 24; wrong keys do nothing; ESC goes back to
    the boot menu and then boots; entering it is in the log."""
    with machine(tests, "2.0-crb", "q35") as h:
        m = h.m
        enter(m)
        text = bytes(m.serial).decode(errors="replace")
        assert re.search(r"TPM 2\.0 \(IBM, firmware \S+\) by CRB", text)
        assert "Storage hierarchy on, endorsement hierarchy on" in text
        assert "Owner password not set, lockout password not set" in text
        for key in "0679bqz ":
            m.send(key)
        m.send("4")
        m.expect(rb"a\. clears the TPM: yes", 10)
        m.expect(rb"ESC leaves\.", 10)
        m.send("a")
        m.expect(rb"a\. clears the TPM: no", 10)
        m.send("a")
        m.expect(rb"a\. clears the TPM: yes", 10)
        m.expect(rb"ESC leaves\.", 10)
        m.send("\x1b")
        m.expect(rb"ESC leaves this menu", 10)
        start = len(m.serial)
        m.send("5")
        for _ in range(3):
            m.expect(rb"Any key goes on", 10)
            if b"PCRs of bank" in m.serial[start:]:
                break
            m.send(" ")
        for bank in ("SHA1", "SHA256", "SHA384", "SHA512"):
            assert f"PCRs of bank {bank}:".encode() in m.serial[start:]
            m.send(" ")
            m.find(rb"Any key goes on|ESC leaves this menu", 10)
        pages = bytes(m.serial[start:]).decode()
        assert pages.count("as logged") == 32 and "the log gives" not in pages
        # Once, although the TPM's menu is behind the boot menu.
        assert pages.count("Entering ROM Based Setup") == 1
        for page in re.split("Any key goes on|ESC leaves this menu", pages):
            lines = screen_lines(page)
            assert len(lines) <= 24, page
            assert max(map(len, lines)) <= 80, page
        m.send("\x1b")
        boot(h, at_menu=True)


def test_changes(tests):
    """Clear asks again; banks; off and on."""
    with machine(tests, "2.0-tis") as h:
        m = h.m
        boot(h)
        tpm = tpmstate.tpm("2.0-tis", h.talk)
        tpm.take()
        before = tpm.state()
        h.reset()
        enter(m)
        assert b"Owner password set, lockout password set" in m.serial
        m.send("1")
        m.expect(rb"WARNING.*Y confirms", 20)
        m.send("n")
        m.expect(rb"Owner password set.*ESC leaves this menu", 20)
        assert b"WARNING" in confirm(m, "1")
        enter(m)                    # after a reset
        m.send("2")
        m.expect(rb"1\. SHA1 on.*ESC leaves all", 20)
        m.send("1")
        m.expect(rb"1\. SHA1 off.*ESC leaves all", 20)
        confirm(m, "a")
        m.expect(rb"resetting", 20)
        boot(h)
        cleared = tpm.state()
        assert before["owner"] and not cleared["owner"]
        assert cleared["index"] is None
        assert cleared["storage seed"] != before["storage seed"]
        assert cleared["banks"] == ("sha256", "sha384", "sha512")
        h.reset()
        enter(m)
        assert b"turn the TPM off" in confirm(m, "3")
        boot(h)
        off = tpm.state()
        assert not off["storage"] and not off["endorsement"]
        h.reset()
        enter(m)
        assert b"turn the TPM on" in confirm(m, "3")
        boot(h)
        assert tpm.state() == cleared


def test_tpm12(tests):
    """The keys that people know from SeaBIOS."""
    with machine(tests, "1.2") as h:
        m = h.m
        enter(m)
        assert b"The TPM is enabled and activated" in m.serial
        confirm(m, "p")
        m.expect(rb"an owner cannot be installed.*ESC leaves this menu", 20)
        confirm(m, "d")
        m.expect(rb"is disabled and activated.*ESC leaves this menu", 20)
        confirm(m, "e")
        m.expect(rb"is enabled and activated.*ESC leaves this menu", 20)
        confirm(m, "v")
        enter(m)
        assert b"enabled and deactivated" in m.serial
        confirm(m, "a")
        boot(h)
        tpm = tpmstate.tpm("1.2", h.talk)
        assert tpm.state() == {"enabled": True, "active": True,
                               "owner allowed": False, "owned": False}
        h.reset()
        enter(m)
        confirm(m, "s")
        m.expect(rb"an owner can be installed.*ESC leaves this menu", 20)
        m.send("\x1b")
        boot(h, at_menu=True)
        tpm.take()
        assert tpm.state()["owned"]
        h.reset()
        enter(m)
        assert b"It is owned" in m.serial
        assert b"WARNING" in confirm(m, "c")
        boot(h)
        assert tpm.state() == {"enabled": False, "active": False,
                               "owner allowed": True, "owned": False}


@pytest.mark.parametrize("kind", ["2.0-crb"])
def test_on_vga(tests, kind):
    """The screen of a VGA card, read from its text memory."""
    with tests.tpm(kind) as tpm, tests.machine(
            "pc", tpm=tpm, vga="std", nic=False,
            args=["-boot", "menu=on,splash-time=20000"]) as m:
        m.wait_debug(rb"Press ESC for boot menu", 40)
        m.qmp("send-key", keys=[{"type": "qcode", "data": "esc"}])
        m.wait_debug(rb"t\. TPM Configuration", 20)
        m.qmp("send-key", keys=[{"type": "qcode", "data": "t"}])
        m.wait_debug(rb"ESC leaves this menu", 20)
        m.find(rb"never printed", 1)
        path = tests.tmp / "screen"
        m.qmp("pmemsave", val=0xb8000, size=4000, filename=str(path))
        text = path.read_bytes()[::2].decode("cp437")
        lines = [text[i:i + 80].rstrip() for i in range(0, 2000, 80)]
        assert "1. Clear TPM" in lines, "\n".join(lines)
        assert any("Storage hierarchy on" in x for x in lines)


def test_no_entry_without_tpm(tests):
    with tests.machine("q35", args=["-boot", "menu=on,splash-time=20000"],
                       machine_options=",graphics=off") as m:
        m.expect(rb"Press ESC for boot menu", 40)
        m.send("\x1b")
        m.expect(rb"Select boot device:", 20)
        m.find(rb"never printed", 1)
        assert b"TPM Configuration" not in m.serial

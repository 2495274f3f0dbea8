# SPDX-License-Identifier: MIT
"""The "t. TPM Configuration" screens, over the serial console and on VGA."""

import contextlib
import re

import pytest

from test_ppi import flags12, hierarchies, is_owned, active_banks, set_owner


@contextlib.contextmanager
def menu(tests, machine, tpm, vga=None, first=True):
    """A machine with its TPM menu open, or a Linux after a reset of it."""
    with tests.machine(machine, tpm=tpm, vga=vga,
                       args=["-boot", "menu=on,splash-time=3000"],
                       machine_options=",graphics=off") as m:
        if first:
            enter(m)
        yield m


def enter(m):
    m.expect(rb"Press ESC for boot menu", 40)
    m.send("\x1b")
    m.expect(rb"t\. TPM Configuration", 20)
    m.send("t")
    m.expect(rb"ESC leaves this menu", 20)


def screen_lines(text):
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return text.replace("\r", "").split("\n")


def test_pages(tests):
    """Every page, at most 80 x 24; wrong keys do nothing; ESC goes back to
    the boot menu and then boots; entering it is in the log."""
    with tests.tpm("2.0-crb") as tpm, menu(tests, "q35", tpm) as m:
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
        m.expect(rb"Select boot device", 10)
        m.send("\x1b")
        m.ready()


def test_changes(tests):
    """Clear asks again; banks; off and on."""
    with tests.tpm("2.0-tis") as tpm:
        with menu(tests, "pc", tpm, first=False) as m:
            m.ready()
            set_owner(m)
            m.send("reboot -f\n")
            enter(m)
            assert b"Owner password set" in m.serial
            m.send("1")
            m.expect(rb"WARNING.*Y confirms", 10)
            m.send("n")
            m.expect(rb"Owner password set", 10)
            m.expect(rb"ESC leaves this menu", 10)
            m.send("1")
            m.expect(rb"Y confirms", 10)
            m.send("y")
            enter(m)                # after a reset
            m.send("2")
            m.expect(rb"1\. SHA1 on.*ESC leaves all", 10)
            m.send("1")
            m.expect(rb"1\. SHA1 off.*ESC leaves all", 10)
            m.send("a")
            m.expect(rb"Y confirms", 10)
            m.send("y")
            m.expect(rb"resetting", 10)
            m.ready()
            assert not is_owned(m)
            assert active_banks(m) == ["sha256", "sha384", "sha512"]
            m.send("reboot -f\n")
            enter(m)
            m.send("3")
            m.expect(rb"turn the TPM off.*Y confirms", 10)
            m.send("y")
            m.ready()
            assert hierarchies(m) == (False, False)
            m.send("reboot -f\n")
            enter(m)
            m.send("3")
            m.expect(rb"turn the TPM on.*Y confirms", 10)
            m.send("y")
            m.ready()
            assert hierarchies(m) == (True, True)


def test_tpm12(tests):
    """The keys that people know from SeaBIOS."""
    with tests.tpm("1.2") as tpm, menu(tests, "pc", tpm) as m:
        assert b"The TPM is enabled and activated" in m.serial
        m.send("p")
        m.expect(rb"Y confirms", 10)
        m.send("y")
        m.expect(rb"an owner cannot be installed", 10)
        m.expect(rb"ESC leaves this menu", 10)
        m.send("v")
        m.expect(rb"Y confirms", 10)
        m.send("y")
        enter(m)
        m.expect(rb"", 1)
        assert b"enabled and deactivated" in m.serial
        m.send("a")
        m.expect(rb"Y confirms", 10)
        m.send("y")
        m.ready()
        assert flags12(m) == (True, True, False)


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

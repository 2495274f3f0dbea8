# SPDX-License-Identifier: MIT
"""`make run`: what README promises of it, by its script."""

import os
import subprocess
import sys

import pexpect
import pytest

import vm
from conftest import OUT, ROOT

# Writes its message to the serial port and turns the machine off by PM1.
SECTOR = (bytes.fromhex("31c08ed8 be1c7c ac 84c0 7406 baf803 ee ebf5"
                        "ba0406 b80020 ef f4 ebfd")
          + b"your own guest\r\n\0").ljust(510, b"\0") + b"\x55\xaa"
ALL = "PCRs match the log: sha1 sha256 sha384 sha512"


@pytest.fixture
def run(bios, generic_guest, tmp_path):
    """The script, with an output directory of its own."""
    (tmp_path / "guest").symlink_to(OUT / "guest")

    def start(**settings):
        return [sys.executable, str(ROOT / "scripts" / "run"), "--bios",
                str(bios)], {k: v for k, v in os.environ.items()
                             if k != "BIOS"} | {"O": str(tmp_path)} | settings
    return start


def finish(run, **settings):
    argv, env = run(**settings)
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=300)
    return done.returncode, done.stdout.replace("\r", "")


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "my disk.img"
    path.write_bytes(SECTOR.ljust(1 << 20, b"\0"))
    return path


def iso(disk):
    """A CD that boots the same sector."""
    path = disk.with_suffix(".iso")
    tree = disk.parent / "tree"
    tree.mkdir()
    (tree / "boot").write_bytes(SECTOR)
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-quiet", "-o", str(path), "-b", "boot",
         "-no-emul-boot", "-boot-load-size", "4", str(tree)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return path


@pytest.mark.parametrize("settings,last", [
    ({}, ALL),
    ({"MACHINE": "q35", "TPM": "1.2", "SMP": "2", "MEM": "256M"},
     "PCRs match the log: sha1"),
    pytest.param({"TPM": "2.0-tis"}, ALL, marks=pytest.mark.slow),
    pytest.param({"TPM": "none"}, None, marks=pytest.mark.slow)])
def test_default_guest(run, tmp_path, settings, last):
    code, text = finish(run, **settings)
    lines = text.splitlines()
    assert code == 0, text
    if last is None:
        assert "event log" not in text
        return
    assert last in lines, text
    state = next(t for t in lines if "its state is kept in" in t).split()[-1]
    assert state.startswith(str(tmp_path)) and os.listdir(state)
    assert "'KeelBIOS " in text and "option ROM, executed 00:0" in text
    # As the last lines say, it can be done again by hand.
    again = next(t for t in lines if t.startswith("    scripts/keelpcr"))
    done = subprocess.run(again.split(), cwd=ROOT, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0 and last in done.stdout, done


def test_own_disk_and_cd(run, disk, tmp_path):
    code, text = finish(run, DISK=str(disk), TPM="none",
                        QEMU_ARGS="-name 'two words'")
    assert code == 0 and "your own guest" in text, text
    assert "'two words'" in text
    code, text = finish(run, ISO=str(iso(disk)), MACHINE="q35")
    assert code == 0 and "your own guest" in text, text
    assert "event log" not in text


def test_menu(run, disk):
    argv, env = run(DISK=str(disk), MENU="1")
    child = pexpect.spawn(argv[0], argv[1:], env=env, timeout=60,
                          dimensions=(25, 80))
    child.expect_exact("ESC")
    child.send("\x1b")
    child.expect("1. .*\r\n")
    child.send("1")
    child.expect_exact("your own guest")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_a_x_ends_it(run, disk):
    argv, env = run(DISK=str(disk), MENU="1", TPM="none")
    child = pexpect.spawn(argv[0], argv[1:], env=env, timeout=60)
    child.expect_exact("Ctrl-A X ends QEMU")
    child.expect_exact("ESC")
    child.send("\x01x")
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus is None


@pytest.mark.parametrize("settings,message", [
    ({"DISK": "/nowhere/disk"}, "/nowhere/disk does not exist"),
    ({"ISO": "/nowhere/cd"}, "/nowhere/cd does not exist"),
    ({"TPM": "3.0"}, "3.0"),
    ({"MACHINE": "isapc"}, "isapc"),
    ({"QEMU_ARGS": "-no-such-option", "TPM": "none"}, "-no-such-option"),
    ({"QEMU_ARGS": "'", "TPM": "none"}, "quotation"),
    ({"BIOS": "/nowhere/bios"}, "no firmware /nowhere/bios")])
def test_mistakes_have_a_message(run, settings, message):
    code, text = finish(run, **settings)
    assert code == 1, text
    assert message in text and "Traceback" not in text, text

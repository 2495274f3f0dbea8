# SPDX-License-Identifier: MIT
"""keelpcr grub and predict --grub: GRUB's measurements as a list of lines."""

import hashlib
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import grubevents                                   # noqa: E402
import pcrpredict                                   # noqa: E402

EV_IPL = 13
MENU = "menuentry 'A \\ B' {\n\tlinux /vmlinuz\n}"
LINES = ["file: (hd0,msdos1)/boot/grub/grub.cfg", "grub_cmd: set x=1",
         "grub_cmd: menuentry 'A \\\\ B' {\\n\tlinux /vmlinuz\\n}",
         "kernel_cmdline: /vmlinuz quiet", "file: /boot/vmlinuz"]
FILES = {"boot/grub/grub.cfg": b"set x=1\n", "boot/vmlinuz": b"kernel"}


def sha(data):
    return hashlib.sha256(data).digest()


@pytest.fixture
def root(tmp_path):
    for name, data in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "root"


def recorder(*events):
    out = pcrpredict.Recorder("2.0", ["sha1", "sha256"])
    for event in events:
        out.add(*event)
    return out


def grub_boot():
    """What a boot of LINES logs."""
    cfg, vmlinuz = FILES.values()
    return [(9, EV_IPL, cfg, b"(hd0,msdos1)/boot/grub/grub.cfg\0"),
            (8, EV_IPL, b"set x=1", b"grub_cmd: set x=1\0"),
            (8, EV_IPL, MENU.encode(), b"grub_cmd: " + MENU.encode() + b"\0"),
            (8, EV_IPL, b"/vmlinuz quiet",
             b"kernel_cmdline: /vmlinuz quiet\0"),
            (9, EV_IPL, vmlinuz, b"/boot/vmlinuz\0")]


def test_there_and_back(root):
    boot = recorder((4, EV_IPL, b"x", b"MBR"), *grub_boot())
    assert grubevents.from_log(boot.log) == LINES
    again = recorder((4, EV_IPL, b"x", b"MBR"))
    grubevents.record(again, ["# a comment", "", *LINES, ""], root)
    assert again.log.events == boot.log.events


def test_the_firmwares_own_events_are_left_out():
    """linux16: after GRUB's, the firmware measures what it sees."""
    boot = recorder(*grub_boot(),
                    (8, EV_IPL, b"quiet", b"kernel_cmdline: quiet\0"),
                    (9, EV_IPL, b"k", b"Linux kernel"),
                    (9, EV_IPL, b"i", b"Linux initrd"))
    assert grubevents.from_log(boot.log) == LINES


@pytest.mark.parametrize("events,text", [
    ([], "GRUB has measured nothing"),
    ([(8, EV_IPL, b"set x=1", b"grub_cmd: set x=\0")], "not all of the text"),
    ([(9, EV_IPL, b"not measured", b"not measured\0")],
     "a measurement failed"),
    ([(8, EV_IPL, b"x", b"other: x\0")], "is not GRUB's"),
    ([(8, EV_IPL, b"x", b"grub_cmd: \xff\0")], "UTF-8"),
    ([*grub_boot(), (0, 3, b"", b"KeelBIOS full\0\0\0")], "was full")])
def test_logs_that_do_not_do(events, text):
    with pytest.raises(pcrpredict.PredictError, match=text):
        grubevents.from_log(recorder((4, EV_IPL, b"x", b"MBR"), *events).log)


@pytest.mark.parametrize("line,text", [
    ("file: (hd0)/boot/none", r"\(hd0\)/boot/none, which is .*No such file"),
    ("command: x", "line 1 of the list")])
def test_lists_that_do_not_do(root, line, text):
    with pytest.raises(pcrpredict.PredictError, match=text):
        grubevents.record(recorder(), [line], root)


def log_bytes(log):
    """As the firmware writes it: SHA-1 format."""
    return b"".join(struct.pack("<II20sI", e.pcr, e.type, e.digests["sha1"],
                                len(e.data)) + e.data for e in log.events)


def test_the_command(tmp_path, root):
    boot = pcrpredict.Recorder("1.2", [])
    for event in [(4, EV_IPL, b"x", b"MBR"), *grub_boot()]:
        boot.add(*event)
    log, listed = tmp_path / "log", tmp_path / "list"
    log.write_bytes(log_bytes(boot.log))
    bios = tmp_path / "bios.bin"
    bios.write_bytes(b"KeelBIOS image\r\ncode\0KeelBIOS\0" b"1.2\0"
                     b"04/01/2014\0")

    def keelpcr(*args):
        return subprocess.run([sys.executable, ROOT / "scripts" / "keelpcr",
                               *args], capture_output=True, text=True,
                              check=False)
    done = keelpcr("grub", log)
    assert done.stdout.split("\n")[1:-1] == LINES, done.stderr
    listed.write_text(done.stdout.replace("quiet", "loud"))
    args = ["predict", "--bios", bios, "--banks", "sha256", "--grub", listed]
    done = keelpcr(*args, "--grub-root", root)
    assert done.returncode == 0, done.stderr
    value = bytes(32)
    for text in (b"set x=1", MENU.encode(), b"/vmlinuz loud"):
        value = sha(value + sha(text))
    assert f"sha256    8 {value.hex()}" in done.stdout
    value = bytes(32)
    for data in FILES.values():
        value = sha(value + sha(data))
    assert f"sha256    9 {value.hex()}" in done.stdout
    done = keelpcr(*args)
    assert done.returncode == 2 and "--grub-root" in done.stderr

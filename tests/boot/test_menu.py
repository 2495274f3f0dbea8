# SPDX-License-Identifier: MIT
"""The boot menu over the serial console."""

import re

import pytest

import vm

PROMPT = rb"Press ESC for boot menu"


def devices(text):
    """{number: name} of the menu's lines."""
    return dict(re.findall(r"^\s*([0-9a-z])\. (.*?)\s*$", text, re.M))


def open_menu(m, prompt=PROMPT, key="\x1b"):
    m.expect(prompt, 40, "the menu's prompt")
    m.send(key)
    m.expect(rb"Select boot device:", 20, "the menu")
    m.find(rb"\n[^\n]*\d\. [^\n]*\n\s*\n?", 5)
    # The list is printed in one go; give its last line time to come.
    m.find(rb"never printed", 1)
    text = bytes(m.serial).decode(errors="replace").replace("\r", "")
    return devices(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "",
                          text.split("Select boot device:")[-1]))


def pick(m, found, pattern):
    for key, name in found.items():
        if re.search(pattern, name):
            m.send(key)
            return name
    raise AssertionError(m.report(f"no menu line matches {pattern}: {found}"))


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_pick_entry(tests, machine):
    """A blank disk, which comes first, and a CD: the menu lists both, and
    the CD that is picked boots."""
    blank = tests.tmp / "blank.img"
    blank.write_bytes(bytes(4 << 20))
    args = vm.disk(blank, "ide", machine, boot=1) + \
        vm.cdrom(tests.guest["isolinux.iso"], machine, boot=2) + \
        ["-boot", "menu=on,splash-time=20000"]
    with tests.machine(machine, None, args=args,
                       machine_options=",graphics=off") as m:
        found = open_menu(m)
        assert any("QEMU HARDDISK" in name for name in found.values()), found
        pick(m, found, r"(?i)DVD")
        m.ready()
        m.send("poweroff -f\n")
        m.wait()
        early = bytes(m.serial).split(b"Linux version")[0]
        assert b"not a bootable disk" not in early


def test_second_disk(tests):
    """The second of two disks is picked; it becomes drive 80h, so that GRUB
    finds itself."""
    blank = tests.tmp / "blank.img"
    blank.write_bytes(bytes(4 << 20))
    args = vm.disk(blank, "ide", index=0, boot=1) + \
        vm.disk(tests.guest["disk.img"], "virtio", index=1) + \
        ["-boot", "menu=on,splash-time=20000"]
    with tests.machine("pc", None, args=args,
                       machine_options=",graphics=off") as m:
        pick(m, open_menu(m), r"(?i)virtio")
        m.ready()
        m.send("poweroff -f\n")
        m.wait()


def test_no_key_goes_on(tests):
    """The prompt's time is what splash-time says; then the disk boots."""
    with tests.machine("q35", args=["-boot", "menu=on,splash-time=1500"],
                       machine_options=",graphics=off") as m:
        m.expect(PROMPT, 40)
        m.ready()
        m.send("poweroff -f\n")
        m.wait()


def test_menu_is_off_by_default(tests):
    with tests.machine("q35", machine_options=",graphics=off") as m:
        m.expect(rb"Linux version", 60)
        assert b"boot menu" not in bytes(m.serial).split(b"Linux version")[0]


def test_tpm_entry(tests):
    """With a TPM the menu offers its configuration."""
    with tests.machine("q35", tpm="2.0-crb",
                       args=["-boot", "menu=on,splash-time=20000"],
                       machine_options=",graphics=off") as m:
        found = open_menu(m)
        assert "t" in found, m.report(f"no line for the TPM: {found}")


def test_fw_cfg_key_and_message(tests):
    """etc/boot-menu-key and etc/boot-menu-message keep their meaning."""
    key, text = tests.tmp / "key", tests.tmp / "text"
    key.write_bytes((0x58).to_bytes(2, "little"))       # F12
    text.write_bytes(b"\nPress the other key now.\n\0")
    args = ["-boot", "menu=on",
            "-fw_cfg", f"name=etc/boot-menu-message,file={text}",
            "-fw_cfg", f"name=etc/boot-menu-key,file={key}"]
    with tests.machine("q35", args=args,
                       machine_options=",graphics=off") as m:
        m.expect(rb"Press the other key now\.", 40)
        m.ready()

# SPDX-License-Identifier: MIT
"""The boot menu, on the serial console."""

import contextlib
import subprocess
import time

import pytest

import roms
import vm

PROMPT = rb"Press ESC for boot menu\."
TITLE = rb"Select boot device:"


@pytest.fixture
def menu(bios, tmp_path):
    """A machine with three virtio disks a, b, c and the console on the first
    serial port; options are -boot's, files {fw_cfg name: bytes}."""
    @contextlib.contextmanager
    def go(options="menu=on,splash-time=20000", files=None, count=3,
           machine="pc", args=()):
        line = ["-boot", options] + list(args)
        files = {"etc/sercon-port": b"\xf8\x03", **(files or {})}
        for i, (name, data) in enumerate(files.items()):
            path = tmp_path / f"file{i}"
            path.write_bytes(data)
            line += ["-fw_cfg", f"name={name},file={path}"]
        for i in range(count):
            name = "abc"[i % 3] + (str(i // 3) if i > 2 else "")
            path = roms.sector(tmp_path / f"{name}.img", name)
            line += vm.disk(path, "virtio", machine, index=i, boot=i + 1)
        argv = vm.qemu_argv(bios, machine, mem="64M", args=line)
        with vm.Machine(argv, tmp_path / "run") as m:
            yield m
    return go


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("vga", [None, "std"])
def test_pick(menu, machine, vga):
    with menu(machine=machine, args=["-vga", vga] if vga else []) as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(TITLE, 20)
        m.expect(rb"1\. .*2\. .*3\. [^\n]*\n", 20)
        m.send("3")
        m.wait_debug(rb"\[sector c\]", 20)
        assert b"[sector a]" not in m.debug()


def test_wrong_keys_and_leaving(menu):
    """Keys without meaning do nothing; ESC boots as if nobody had asked."""
    with menu() as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(TITLE, 20)
        for key in "09qt ":
            m.send(key)
        m.send("\x1b")
        m.wait_debug(rb"\[sector a\]", 20)


def test_other_key_ends_the_wait(menu):
    with menu() as m:
        m.expect(PROMPT, 20)
        m.send("x")
        m.wait_debug(rb"\[sector a\]", 10)
        assert b"Select boot device" not in m.serial


def test_wait_ends(menu):
    with menu("menu=on,splash-time=500") as m:
        m.wait_debug(rb"\[sector a\]", 10)
        assert b"Press ESC for boot menu." in m.serial


@pytest.mark.parametrize("size,wait", [(8, -1), (8, -60000), (4, -1)])
def test_wait_for_ever(menu, size, wait):
    """A negative time, which `-boot splash-time=` does not take: the menu comes
    without a key, and waits longer than anybody asks for."""
    with menu("menu=on", files={"etc/boot-menu-wait": wait.to_bytes(
            size, "little", signed=True)}) as m:
        m.expect(TITLE, 20)
        time.sleep(3)                   # 2.5 s are the default
        assert b"[sector" not in m.debug()
        m.send("2")
        m.wait_debug(rb"\[sector b\]", 20)


def test_longest_wait_of_qemu(menu):
    """Two bytes are no negative number."""
    with menu("menu=on,splash-time=65535") as m:
        m.expect(PROMPT, 20)
        time.sleep(3)
        assert b"Select boot device" not in m.serial
        assert b"[sector" not in m.debug()


def test_no_menu(menu):
    with menu("menu=off") as m:
        m.wait_debug(rb"\[sector a\]", 20)
        assert b"Press ESC" not in m.debug()


def test_picked_in_spite_of_strict(menu):
    """HALT stands behind the listed devices, but a person may pick."""
    with menu("menu=on,splash-time=20000,strict=on") as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(TITLE, 20)
        m.send("2")
        m.wait_debug(rb"\[sector b\]", 20)


def test_splash_picture(menu, tmp_path):
    """-boot splash= shows no picture, and does not hinder the menu."""
    picture = tmp_path / "splash.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(5000))
    with menu(f"menu=on,splash-time=20000,splash={picture}",
              args=["-vga", "std"]) as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(TITLE, 20)
        m.send("2")
        m.wait_debug(rb"\[sector b\]", 20)


def test_own_message_and_key(menu):
    """etc/boot-menu-message and etc/boot-menu-key (a scan code: Enter)."""
    with menu(files={"etc/boot-menu-message": b"Speak, friend.\n",
                     "etc/boot-menu-key": b"\x1c"}) as m:
        m.expect(rb"Speak, friend\.", 20)
        m.send("\r")
        m.expect(TITLE, 20)
        m.send("2")
        m.wait_debug(rb"\[sector b\]", 20)


def test_function_key_of_a_terminal(menu):
    """As INT 16h AH=10h has its scan code: F12."""
    with menu(files={"etc/boot-menu-key": b"\x86"}) as m:
        m.expect(PROMPT, 20)
        m.send("\x1b[24~")
        m.expect(TITLE, 20)


@pytest.mark.parametrize("count,shown", [(1, False), (2, True)])
def test_menu_unless_alone(menu, count, shown):
    """etc/show-boot-menu 2.  QEMU's own ROMs are entries, too, so there is
    one disk and no ROM."""
    with menu("menu=off,splash-time=300", count=count,
              files={"etc/show-boot-menu": b"\x02"},
              args=["-machine", "pc", "-cpu", "qemu64,-apic"]) as m:
        m.wait_debug(rb"\[sector a\]", 20)
        assert (b"Press ESC" in m.debug()) == shown


def test_more_than_nine(menu):
    """From the tenth on entries have letters, and t is not one of them."""
    with menu(count=12) as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(rb"9\. .*a\. .*b\. .*c\. ", 20)
        m.send("b")
        m.wait_debug(rb"\[sector b3\]", 20)


def test_name_of_a_cd(menu, tmp_path):
    """The medium's name stands behind the drive's."""
    tree = tmp_path / "tree"
    tree.mkdir()
    iso = tmp_path / "cd.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-V", "KEEL CD 1",
                    "-o", str(iso), str(tree)], check=True)
    with menu(args=vm.cdrom(iso)) as m:
        m.expect(PROMPT, 20)
        m.send("\x1b")
        m.expect(TITLE, 20)
        m.expect(rb"DVD/CD \[[^\n]*\] \(KEEL CD 1\)", 20)

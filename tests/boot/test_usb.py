# SPDX-License-Identifier: MIT
"""USB: sticks, CDs and keyboards on every kind of controller, also behind
hubs; what is not a boot device; what does not work.

Long because all cases share the sticks, hubs and faults made here.
"""

import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest

import fakeusb
import roms
import vm
from rm16 import assemble, finished
from test_services import KEYS, keys_of, wait_lines

XHCI = ["qemu-xhci", "nec-usb-xhci"]
SEND_KEY = 20                       # ms that a key is held


def stick(path, port=None, index=0, boot=None, extra=""):
    """Arguments for a USB stick, on the first controller unless extra names
    a bus."""
    name = f"stick{index}"
    device = f"usb-storage,drive={name}{extra}"
    if port is not None:
        device += f",port={port}"
    if boot is not None:
        device += f",bootindex={boot}"
    return ["-drive", f"if=none,id={name},format=raw,file={path},snapshot=on",
            "-device", device]


@pytest.fixture
def boots(bios, tmp_path):
    """Boot with these arguments until port 402h has said that; its text.
    sector(name) makes the image of a stick that says [sector NAME]."""
    def go(args, until, machine="q35", limit=60, **kwargs):
        argv = vm.qemu_argv(bios, machine, mem="64M", args=args, **kwargs)
        work = tempfile.mkdtemp(prefix="run", dir=tmp_path)
        with vm.Machine(argv, work) as m:
            m.wait_debug(until, limit)
            return m.debug().decode(errors="replace")

    go.sector = lambda name, **kwargs: roms.sector(
        tmp_path / f"{name}.img", name, **kwargs)
    return go


# ------------------------------------------------------------------- drives

@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("controller", XHCI)
def test_stick(boots, machine, controller):
    text = boots(["-device", controller] + stick(boots.sector("a")),
                 rb"\[sector a\]", machine)
    # as SeaBIOS names it
    assert "USB MSC Drive QEMU QEMU HARDDISK 2.5+\n" in text


def test_bootindex_of_sticks(boots):
    """The second of two, in the third hub of a row, and another controller's
    behind a PCIe root port."""
    hubs = []
    for port in ("2", "2.1", "2.1.3"):
        hubs += ["-device", f"usb-hub,bus=x.0,port={port}"]
    base = (["-device", "pcie-root-port,id=rp,chassis=1,addr=4",
             "-device", "qemu-xhci,id=x,bus=rp",
             "-device", "nec-usb-xhci,id=y,addr=6"] + hubs)

    def sticks(order):
        where = [("x.0", "1"), ("x.0", "2.1.3.4"), ("y.0", "4")]
        return sum((stick(boots.sector("abc"[i]), port, i, order[i],
                          f",bus={bus}")
                    for i, (bus, port) in enumerate(where)), [])

    for order, first in [((2, 1, 3), "b"), ((3, 2, 1), "c")]:
        text = boots(base + sticks(order), rb"\[sector \w\]")
        assert f"[sector {first}]" in text
        assert text.count("USB MSC Drive") == 3


def test_units_of_one_device(boots):
    """usb-bot: a CD drive without a medium, a disk with large sectors, and
    the disk that is booted by its bootindex."""
    path, large = boots.sector("a"), boots.sector("large")
    text = boots(
        ["-device", "qemu-xhci", "-device", "usb-bot,id=bot",
         "-device", "scsi-cd,bus=bot.0,lun=0",
         "-drive", f"if=none,id=large,format=raw,file={large}",
         "-device", "scsi-hd,drive=large,bus=bot.0,lun=1,"
         "logical_block_size=4096,physical_block_size=4096",
         "-drive", f"if=none,id=b,format=raw,file={boots.sector('b')}",
         "-device", "scsi-hd,drive=b,bus=bot.0,lun=2,bootindex=2",
         "-drive", f"if=none,id=a,format=raw,file={path}",
         "-device", "scsi-hd,drive=a,bus=bot.0,lun=3,bootindex=1"],
        rb"\[sector a\]")
    assert "[sector b]" not in text
    assert "DVD/CD [USB MSC Drive QEMU QEMU CD-ROM 2.5+]" in text
    assert re.search("sectors of 4096 bytes cannot be booted from", text)


def test_disk_beyond_2_tib(boots, tmp_path):
    path = boots.sector("big")
    with open(path, "r+b") as file:
        file.truncate(3 << 40)
    boots(["-device", "qemu-xhci"] + stick(path), rb"\[sector big\]")


def test_storage_of_another_kind(boots):
    """UAS: one line, and the next device."""
    text = boots(
        ["-device", "qemu-xhci", "-device", "usb-uas,id=uas,port=1",
         "-drive", f"if=none,id=u,format=raw,file={boots.sector('u')}",
         "-device", "scsi-hd,drive=u,bus=uas.0"]
        + stick(boots.sector("a"), port=2), rb"\[sector a\]")
    assert re.search(r"xHCI PCI:\S+ device@1: storage of a kind that is not "
                     r"supported", text)


def test_devices_of_no_use(boots):
    """Tablets, mice, audio: no word about them, no harm by them."""
    text = boots(
        ["-device", "qemu-xhci,p2=8,p3=8", "-device", "usb-tablet",
         "-device", "usb-mouse", "-audiodev", "none,id=mute",
         "-device", "usb-audio,audiodev=mute",
         "-device", "usb-ccid", "-device", "usb-braille,chardev=null",
         "-chardev", "null,id=null"]
        + stick(boots.sector("a")), rb"\[sector a\]")
    assert "ignored" not in text


def test_more_devices_than_there_is_room_for(boots):
    """72 of them on hubs: the search ends, with a word, and what was found
    is booted."""
    args = ["-device", "qemu-xhci,p2=9"] + stick(boots.sector("a"), port=1)
    for port in range(2, 10):
        args += ["-device", f"usb-hub,port={port}"]
        for i in range(1, 9):
            args += ["-device", f"usb-mouse,port={port}.{i}"]
    text = boots(args, rb"\[sector a\]")
    assert re.search(r"USB: 48 devices or .*, the rest is ignored", text)


def test_stick_that_errors(boots):
    """Reads fail: said in words; then the next kind of device."""
    bad = ["-drive", "if=none,id=bad,snapshot=on,driver=raw,"
           "file.driver=blkdebug,file.image.driver=file,"
           f"file.image.filename={boots.sector('bad')},rerror=report,"
           "file.inject-error.0.event=read_aio,file.inject-error.0.errno=5",
           "-device", "usb-storage,drive=bad,bootindex=1"]
    text = boots(["-device", "qemu-xhci"] + bad, rb"No bootable device")
    assert re.search("USB MSC Drive .*: read of 1 sectors at 0 failed", text)
    assert "could not read the boot disk" in text


def test_write_protected(bios, tmp_path):
    """INT 13h says so from the first write on."""
    image = assemble("protected", tmp_path)
    args = ["-device", "qemu-xhci", "-device", "usb-storage,drive=d",
            "-drive", f"if=none,id=d,format=raw,readonly=on,file={image}",
            "-device", "isa-debug-exit,iobase=0x501"]
    with vm.Machine(vm.qemu_argv(bios, "q35", args=args),
                    tmp_path / "run") as m:
        finished(m)


# -------------------------------------------------------------- whole boots

def test_linux_from_a_stick(generic):
    """GRUB, and Linux takes over the controller."""
    args = ["-device", "qemu-xhci", "-device", "usb-kbd",
            "-device", "usb-hub,port=3"] \
        + stick(generic.guest["disk.img"], port="3.2")
    with generic.machine("q35", None, args=args) as m:
        m.ready(180)
        m.command("keel-load; until grep -q ' sda1$' /proc/partitions; do "
                  "sleep 1; done", 120)
        log = m.command("dmesg | grep -i -E 'xhci|usb' ; true")
        assert not re.search("(?i)BIOS handoff failed|HC died|timed? ?out",
                             log), log
        m.send("reboot -f\n")           # and POST takes it back
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*USB keyboard.*USB MSC Drive.*"
                     rb"Booting from 0000:7c00", 60)


def cd_args(tests, kind):
    drive = ["-drive", "if=none,id=cd,format=raw,media=cdrom,readonly=on,"
             f"file={tests.guest['isolinux.iso']}"]
    if kind == "usb-storage":
        return drive + ["-device", "usb-storage,drive=cd"]
    return drive + ["-device", "usb-bot,id=bot",
                    "-device", "scsi-cd,drive=cd,bus=bot.0"]


@pytest.mark.slow                       # matrix::test_cd[usb] is the quick one
@pytest.mark.parametrize("kind", ["usb-bot", "usb-storage"])
def test_linux_from_a_cd(generic, kind):
    args = ["-device", "qemu-xhci"] + cd_args(generic, kind)
    with generic.machine("pc", None, args=args) as m:
        m.ready(180)
        assert b"DVD/CD [USB MSC Drive QEMU QEMU" in m.debug()


# ---------------------------------------------------------------- keyboards

SCREENS = ["-vga", "none"] + [word for n in range(3) for word in (
    "-device", f"{'secondary-vga' if n else 'VGA'},id=s{n}")]
KEYBOARDS = {
    "alone": ["-device", "qemu-xhci", "-device", "usb-kbd"],
    "hub": ["-device", "nec-usb-xhci", "-device", "usb-hub,port=2",
            "-device", "usb-kbd,port=2.5"],
    # Each takes the keys that are typed into a display of its own.
    "three-on-one": SCREENS + [
        "-device", "qemu-xhci", "-device", "usb-hub,port=1",
        "-device", "usb-kbd,port=1.1,display=s0",
        "-device", "usb-kbd,port=1.2,display=s1",
        "-device", "usb-kbd,port=2,display=s2"],
    "three-controllers": SCREENS + [
        "-device", "qemu-xhci,id=x", "-device", "usb-kbd,bus=x.0,display=s0",
        "-device", "usb-ehci,id=e", "-device", "usb-kbd,bus=e.0,display=s1",
        "-device", "piix3-usb-uhci,id=u",
        "-device", "usb-kbd,bus=u.0,display=s2"],
}


@pytest.fixture
def keys(bios, tmp_path):
    """tests/rm/keys.S with no keyboard but USB's."""
    @contextlib.contextmanager
    def go(where, machine="q35"):
        args = vm.disk(assemble("keys", tmp_path), "ide", machine)
        args += KEYBOARDS[where] + ["-device", "isa-debug-exit,iobase=0x501"]
        argv = vm.qemu_argv(bios, machine, args=args,
                            machine_options=",i8042=off")
        with vm.Machine(argv, tmp_path / "run") as m:
            m.wait_debug(rb"^ready$", 60)
            yield m
    return go


@pytest.mark.parametrize("machine,where", [
    ("q35", "hub"), pytest.param("pc", "alone", marks=pytest.mark.slow)])
def test_keyboard(keys, machine, where):
    """The same keys as of the PS/2 keyboard, but those that QEMU's USB
    keyboard does not have."""
    expected = []
    with keys(where, machine) as m:
        for name, *meaning in KEYS:
            m.press(f"sendkey {name} {SEND_KEY}")
            if meaning[0]:
                expected.append(tuple(x.encode() for x in meaning))
                wait_lines(m, rb"key .*\n", len(expected), 20)
                assert keys_of(m)[-1] == expected[-1], name
            else:
                time.sleep(0.3)
        finished(m)
    assert keys_of(m) == expected


@pytest.mark.parametrize("where", ["three-on-one", "three-controllers"])
def test_several_keyboards(keys, where):
    """They are one keyboard to the program: a key of each in turn, and what is
    held on one goes with what another has."""
    def key(m, screen, name, down):
        m.qmp("input-send-event", device=f"s{screen}", head=0, events=[
            {"type": "key", "data": {
                "down": down, "key": {"type": "qcode", "data": name}}}])

    with keys(where) as m:
        expected = []
        for n in range(2):
            for screen, name, meaning in (
                    (0, "a", b"1E61"), (1, "b", b"3062"), (2, "c", b"2E63")):
                key(m, screen, name, True)
                expected.append(meaning)
                wait_lines(m, rb"key .*\n", len(expected), 20)
                key(m, screen, name, False)
        key(m, 2, "shift", True)
        time.sleep(0.3)
        key(m, 0, "a", True)
        key(m, 1, "b", True)
        wait_lines(m, rb"key .*\n", len(expected) + 2, 20)
        assert sorted(x[0] for x in keys_of(m)[len(expected):]) == [
            b"1E41", b"3042"]
        assert [x[0] for x in keys_of(m)[:len(expected)]] == expected
        for screen, name in ((0, "a"), (1, "b"), (2, "shift"), (1, "ctrl")):
            key(m, screen, name, name == "ctrl")
        time.sleep(0.3)
        with contextlib.suppress(vm.MonitorClosed):
            key(m, 0, "d", True)
        finished(m)


def test_held_key_repeats(keys):
    """After half a second, about eleven times a second, until released."""
    with keys("alone") as m:
        def press(down):
            m.qmp("input-send-event", events=[
                {"type": "key", "data": {
                    "down": down, "key": {"type": "qcode", "data": "a"}}}])
        press(True)
        wait_lines(m, rb"key 1E61", 5, 30)
        press(False)
        time.sleep(0.5)
        before = len(keys_of(m))
        time.sleep(1)
        assert len(keys_of(m)) == before
        m.press("sendkey ctrl-d")
        finished(m)


@pytest.mark.slow
def test_physical_presence_by_usb_keyboard(tests):
    """The question whether to clear the TPM comes early in POST: F12."""
    ppi = "/sys/class/tpm/tpm0/ppi/"
    args = KEYBOARDS["hub"] + [
        "-fw_cfg", "name=opt/org.keelbios/ppi-timeout,string=60"]
    with tests.machine("q35", disk="virtio", tpm="2.0-crb", args=args,
                       vga="std", machine_options=",i8042=off") as m:
        m.ready(180)
        m.command(f"echo 5 > {ppi}request")
        m.send("reboot -f\n")
        m.wait_debug(rb"asked this firmware to.*Refused in", 90)
        m.press("sendkey f12")
        m.ready(180)
        assert m.command(f"cat {ppi}response").strip().startswith("5 0:")


def test_menu_by_usb_keyboard(boots, bios, tmp_path):
    args = ["-device", "qemu-xhci", "-device", "usb-kbd",
            "-boot", "menu=on,splash-time=60000"]
    args += stick(boots.sector("a"), index=0, boot=1)
    args += stick(boots.sector("b"), index=1, boot=2)
    argv = vm.qemu_argv(bios, "q35", mem="64M", args=args, vga="std",
                        machine_options=",i8042=off")
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"Press ESC for boot menu\.", 60)
        m.press("sendkey esc")
        m.wait_debug(rb"Select boot device:.*2\. USB MSC Drive", 60)
        m.press("sendkey 2")
        m.wait_debug(rb"\[sector b\]", 60)


GRUB_CFG = """
set timeout=-1
menuentry one {
    outb 0x402 0x31
    outb 0x402 0x0a
}
menuentry two {
    outb 0x402 0x32
    outb 0x402 0x0a
}
outb 0x402 0x47
outb 0x402 0x0a
"""


def grub_image(work):
    """GRUB with nothing but a menu; it says G when it begins, and 1 or 2
    when an entry is picked."""
    grub = pathlib.Path("/usr/lib/grub/i386-pc")
    (work / "grub").mkdir()
    (work / "grub" / "grub.cfg").write_text(GRUB_CFG)
    subprocess.run(["tar", "cf", "memdisk", "grub"], cwd=work, check=True)
    # -p behind -m, which sets another one
    subprocess.run(["grub-mkimage", "-O", "i386-pc", "-d", grub,
                    "-m", "memdisk", "-p", "(memdisk)/grub", "-o", "core.img",
                    "biosdisk", "normal", "iorw", "memdisk", "tar"],
                   cwd=work, check=True)
    boot = bytearray((grub / "boot.img").read_bytes())
    boot[0x66:0x68] = b"\x90\x90"           # DL is right
    image = work / "grub.img"
    image.write_bytes(boot + (work / "core.img").read_bytes())
    with open(image, "r+b") as file:
        file.truncate(2 << 20)
    return image


def test_grub_menu_by_usb_keyboard(bios, tmp_path):
    """Down and Enter pick the second entry."""
    args = ["-device", "qemu-xhci", "-device", "usb-kbd"] \
        + stick(grub_image(tmp_path))
    argv = vm.qemu_argv(bios, "q35", args=args, vga="std",
                        machine_options=",i8042=off")
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"^G$", 60)
        m.press("sendkey down")
        m.press("sendkey ret")
        m.wait_debug(rb"^2$", 60)


# ---------------------------------------------------------- hostile devices

class Silent(fakeusb.Device):
    """Answers no request at all."""

    def control(self, *request):
        return None


class Mute(fakeusb.Stick):
    """Answers requests, but takes no command."""

    def data_out(self, ep, data):
        return None


class NoData(fakeusb.Stick):
    """Takes commands, and then NAKs for ever."""

    def data_in(self, ep, length):
        return None


class Staller(fakeusb.Stick):
    """Stalls everything that it can stall."""

    def data_in(self, ep, length):
        return fakeusb.STALL


class Babbler(fakeusb.Stick):
    """Sends too much."""

    def data_in(self, ep, length):
        return bytes(length + 1024)


class Failing(fakeusb.Stick):
    """Errors on the bus."""

    def data_in(self, ep, length):
        return fakeusb.IO_ERROR


class BadStatus(fakeusb.Stick):
    """Its status is of another command."""

    def data_in(self, ep, length):
        answer = super().data_in(ep, length)
        return b"USBS" + bytes(9) if len(answer) == 13 else answer


class NoCapacity(fakeusb.Stick):
    def scsi(self, cdb):
        return b"" if cdb[0] == 0x25 else super().scsi(cdb)


class BadConfig(fakeusb.Device):
    config = bytes.fromhex("0904ffff0101000000")


class NoEndpoints(fakeusb.Device):
    config = fakeusb.Stick.config[:18]


class BadPacket(fakeusb.Device):
    packet0 = 3


class LyingHub(fakeusb.Hub):
    """Says that all of its 255 ports have a device."""


class ResettingHub(fakeusb.Hub):
    """Its ports are in reset for ever."""
    status = b"\x11\x01\0\0"
    ports = 2


NO_INQUIRY = rb"storage@1/channel@0/disk@0,0: no answer to INQUIRY, ignored"
HOSTILE = [
    (Silent, rb"device@1: does not answer, ignored"),
    (Mute, NO_INQUIRY), (NoData, NO_INQUIRY), (Staller, NO_INQUIRY),
    (Babbler, NO_INQUIRY), (Failing, NO_INQUIRY), (BadStatus, NO_INQUIRY),
    (NoCapacity, rb"REDIRECTED STICK 1\.0: cannot read its capacity"),
    (BadConfig, rb"device@1: gives a broken configuration, ignored"),
    (NoEndpoints, rb"device@1: storage of a kind that is not supported"),
    (BadPacket, rb"device@1: does not introduce itself properly, ignored"),
    (LyingHub, rb"hub@1/device@1: .*ignored"),
    (ResettingHub, rb"a port of this hub cannot be reset|does not answer"),
]


@pytest.fixture
def redirected(bios, tmp_path):
    """A machine that has started for the second time, with a device of that
    class on port 1 of an xHCI: usb-redir sleeps until the machine runs."""
    @contextlib.contextmanager
    def go(cls, args, *more, controller=("qemu-xhci",)):
        # Short, for a socket's name.
        work = tempfile.mkdtemp(prefix="keel-usb-")
        device = cls(work, *more)
        line = ["-device", *controller] + device.arguments() \
            + list(args)
        argv = vm.qemu_argv(bios, "q35", mem="64M", args=line)
        try:
            with vm.Machine(argv, tmp_path / "run") as m:
                m.wait_debug(rb"\[sector \w\]|No bootable device", 40)
                assert device.known.wait(20), m.report("no usb-redir")
                limit = time.monotonic() + 20
                while cls.speed != fakeusb.LOW and \
                        "Speed 1.5 Mb/s, Product USB Redir" in \
                        (text := m.hmp("info usb")):
                    assert time.monotonic() < limit, text
                    time.sleep(0.05)
                device.requests = 0
                m.qmp("system_reset")
                m.wait_debug(rb"(?s)KeelBIOS.*KeelBIOS", 20)
                yield m, device
        finally:
            device.close()
            shutil.rmtree(work)
    return go


@pytest.mark.parametrize("cls,message", [
    pytest.param(*case, id=case[0].__name__,
                 marks=pytest.mark.slow if case[0] in (NoData, Mute) else [])
    for case in HOSTILE])
def test_hostile_device(redirected, boots, cls, message):
    """The next device is found and booted."""
    with redirected(cls, stick(boots.sector("a"), port=2)) as (m, device):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*\[sector a\]", 60)
        assert device.requests > 0, "it was never asked"
        assert re.search(message, m.debug()), m.report("no such message")


def test_redirected_stick(redirected, boots):
    """The device that the hostile ones are made from works."""
    image = boots.sector("r").read_bytes()
    with redirected(fakeusb.Stick, [], image) as (m, _):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*\[sector r\]", 40)
        assert b"USB MSC Drive KEEL REDIRECTED STICK 1.0\n" in m.debug()


class DiesLater(fakeusb.Stick):
    """Works until the boot sector is read, then NAKs for ever."""

    def scsi(self, cdb):
        self.read = cdb[0] == 0x28
        return super().scsi(cdb)

    def data_in(self, ep, length):
        return None if self.read else super().data_in(ep, length)


@pytest.mark.slow
def test_stick_that_dies_after_post(redirected):
    with redirected(DiesLater, []) as (m, _):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*STICK 1\.0: does not answer, reset"
                     rb".*could not read the boot disk.*No bootable device",
                     90)


def test_stick_pulled_out(tests, tmp_path):
    """While a program runs that then reads: an error, in bounded time."""
    args = ["-device", "qemu-xhci", "-device", "isa-debug-exit,iobase=0x501"]
    args += stick(assemble("pulled", tmp_path))
    args[-1] += ",id=victim"
    with vm.Machine(vm.qemu_argv(tests.bios, "q35", args=args),
                    tmp_path / "run") as m:
        m.wait_debug(rb"^pull$", 60)
        m.qmp("device_del", id="victim")
        m.send("x")                 # COM1: go on
        finished(m)

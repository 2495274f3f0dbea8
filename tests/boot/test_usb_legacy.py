# SPDX-License-Identifier: MIT
"""USB on EHCI and UHCI controllers, alone and as companions of each other:
sticks, hubs, keyboards, the boot order, hostile devices, an OS that takes over.
What does not depend on the controller is in test_usb.py."""

import re

import pytest

import fakeusb
import vm
from test_usb import (HOSTILE, Babbler, BadConfig,  # noqa: F401
                      Staller, boots, redirected, stick)

EHCI = ["usb-ehci,id=u"]
PIIX3 = ["piix3-usb-uhci,id=u"]
PIIX4 = ["piix4-usb-uhci,id=u"]
ICH9 = ["ich9-usb-ehci1,id=u,addr=1d.7,multifunction=on"] + [
    f"ich9-usb-uhci{n + 1},masterbus=u.0,firstport={2 * n},addr=1d.{n}"
    + (",multifunction=on" if n == 0 else "") for n in range(3)]
CONTROLLERS = {"uhci-piix3": PIIX3, "uhci-piix4": PIIX4, "ehci": EHCI,
               "ich9": ICH9}


def devices(*names):
    return [word for name in names for word in ("-device", name)]


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("kind", CONTROLLERS)
def test_stick(boots, machine, kind):
    """A stick of high speed, or of full speed where the controller has only
    that."""
    text = boots(devices(*CONTROLLERS[kind]) + stick(boots.sector("a")),
                 rb"\[sector a\]", machine)
    assert "USB MSC Drive QEMU QEMU HARDDISK 2.5+\n" in text
    assert "ignored" not in text


def test_usb_on_pc(boots):
    """-usb, as people write it."""
    boots(["-usb"] + stick(boots.sector("a")), rb"\[sector a\]", "pc")


@pytest.mark.parametrize("kind", ["uhci-piix3", "ich9"])
def test_bootindex_behind_hubs(boots, kind):
    """QEMU's hubs have full speed: on ICH9 they hang on a companion, and the
    boot order names them by the EHCI."""
    base = devices(*CONTROLLERS[kind], "usb-hub,bus=u.0,port=2",
                   "usb-hub,bus=u.0,port=2.3")

    def sticks(order):
        return sum((stick(boots.sector("abc"[i]), port, i, order[i],
                          ",bus=u.0")
                    for i, port in enumerate(["1", "2.1", "2.3.2"])), [])

    for order, first in [((2, 1, 3), "b"), ((3, 2, 1), "c")]:
        text = boots(base + sticks(order), rb"\[sector \w\]")
        assert f"[sector {first}]" in text
        assert text.count("USB MSC Drive") == 3


def test_companions_share_the_ports(boots):
    """Keyboards of full speed and sticks of high speed on all six ports."""
    args = devices(*ICH9, *(f"usb-kbd,usb_version=1,bus=u.0,port={port}"
                            for port in (1, 4, 5)))
    for index, port in enumerate(("2", "3", "6")):
        args += stick(boots.sector("abc"[index]), port, index,
                      3 - index, ",bus=u.0")
    text = boots(args, rb"\[sector c\]")
    assert text.count("USB keyboard\n") == 3
    assert text.count("USB MSC Drive") == 3


class LowSpeed(BadConfig):
    speed = fakeusb.LOW
    packet0 = 8


def test_low_speed_is_a_companions(redirected, boots):
    """Its port is handed over; the stick's is kept."""
    with redirected(LowSpeed, stick(boots.sector("a"), port=2),
                    controller=devices(*ICH9)[1:]) as (m, device):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*\[sector a\]", 60)
        assert re.search(rb"UHCI PCI:00:1d\.0 device@1: gives a broken "
                         rb"configuration", m.debug())
        assert device.requests > 0


@pytest.mark.parametrize("kind,version", [
    ("uhci-piix3", 2), ("ich9", 2), ("ich9", 1)])
def test_menu_by_keyboard(boots, bios, tmp_path, kind, version):
    """Version 1: full speed, so on ICH9 a companion's."""
    args = devices(*CONTROLLERS[kind],
                   f"usb-kbd,usb_version={version},bus=u.0,port=1") + [
        "-boot", "menu=on,splash-time=60000"]
    args += stick(boots.sector("a"), "2", 0, 1, ",bus=u.0")
    args += ["-drive", "if=virtio,format=raw,snapshot=on,file="
             f"{boots.sector('b')}"]
    argv = vm.qemu_argv(bios, "q35", mem="64M", args=args, vga="std",
                        machine_options=",i8042=off")
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"Press ESC for boot menu\.", 60)
        m.press("sendkey esc")
        m.wait_debug(rb"Select boot device:.*2\. ", 60)
        m.press("sendkey 2")
        m.wait_debug(rb"\[sector b\]", 60)


@pytest.mark.slow                       # in test_usb.py there is a quick one
@pytest.mark.parametrize("kind", ["ich9", "uhci-piix3"])
def test_linux(generic, kind):
    """GRUB reads the kernel, Linux takes the controllers over, and POST takes
    them back."""
    args = devices(*CONTROLLERS[kind], "usb-kbd,bus=u.0,port=1") \
        + stick(generic.guest["disk.img"], "2", extra=",bus=u.0")
    with generic.machine("q35", None, args=args) as m:
        m.ready(240)
        m.command("keel-load; until grep -q ' sda1$' /proc/partitions; do "
                  "sleep 1; done", 120)
        log = m.command("dmesg | grep -i -E 'ehci|uhci|usb' ; true")
        assert not re.search("(?i)handoff failed|HC died|timed? ?out|halted",
                             log), log
        m.send("reboot -f\n")
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*USB keyboard.*USB MSC Drive.*"
                     rb"Booting from 0000:7c00", 120)


def at_speed_of(controller, cls):
    """The same device at the only speed that the controller has."""
    if controller == "usb-ehci":
        return type(cls.__name__, (cls,), {"speed": fakeusb.HIGH})
    return type(cls.__name__, (cls,), {
        "speed": fakeusb.FULL, "bulk_packet": 64,
        "config": cls.config.replace(b"\x02\0\x02\0", b"\x02\x40\0\0")})


QUICK = (BadConfig, Staller, Babbler)


@pytest.mark.parametrize("controller", ["usb-ehci", "piix3-usb-uhci"])
@pytest.mark.parametrize("cls,message", [
    pytest.param(*case, id=case[0].__name__,
                 marks=[] if case[0] in QUICK else pytest.mark.slow)
    for case in HOSTILE])
def test_hostile_device(redirected, boots, controller, cls, message):
    """The next device is found and booted."""
    cls = at_speed_of(controller, cls)
    with redirected(cls, stick(boots.sector("a"), port=2),
                    controller=(controller,)) as (m, device):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*\[sector a\]", 120)
        assert device.requests > 0, "it was never asked"
        assert re.search(message, m.debug()), m.report("no such message")


@pytest.mark.parametrize("controller", ["usb-ehci", "piix3-usb-uhci"])
def test_redirected_stick(redirected, boots, controller):
    """The device that the hostile ones are made from works."""
    image = boots.sector("r").read_bytes()
    with redirected(at_speed_of(controller, fakeusb.Stick), [], image,
                    controller=(controller,)) as (m, _):
        m.wait_debug(rb"KeelBIOS.*KeelBIOS.*\[sector r\]", 40)

# SPDX-License-Identifier: MIT
"""docs/libvirt.md, tried with a libvirtd of our own (virthost.py): its XML is
taken as it stands there, but for the accelerator and the paths.  QEMU runs
without KVM."""

import copy
import shlex
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

import virthost
from virthost import QUESTION, Guest, Libvirt
import pageblocks
import vm

pytestmark = pytest.mark.slow

PAGE = virthost.ROOT / "docs/libvirt.md"
DISK = "/var/lib/libvirt/images/keel.qcow2"
ESC, F12 = "\x1b", "\x1b[24~"


def blocks():
    return pageblocks.blocks(PAGE)


def fragment(name):
    """A marked block that is an element, of which there may be several."""
    text = "<top xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" + \
        blocks()[name] + "</top>"
    return list(ET.fromstring(text))


def replace(parent, element):
    """Put an element where the one of its name was."""
    old = parent.find(element.tag)
    if old is not None:
        parent.remove(old)
    parent.append(element)


@pytest.fixture(scope="session")
def host():
    virthost.require_libvirt()
    bios = virthost.firmware()
    with Libvirt(bios) as running:
        yield running


@pytest.fixture(scope="session")
def disk_image():
    return virthost.load_script("guest").build(names=["disk.img"])["disk.img"]


@pytest.fixture(scope="session")
def qcow2(disk_image, tmp_path_factory):
    """The test guest, as the page's machine has it."""
    path = tmp_path_factory.mktemp("disk") / "keel.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", disk_image, path],
                   check=True)
    return path


@pytest.fixture
def disk(qcow2, tmp_path):
    """A copy that the test may write to."""
    return shutil.copy(qcow2, tmp_path / "keel.qcow2")


@pytest.fixture
def domain(disk):
    """The page's machine, without KVM and with our disk; each test changes
    its own."""
    text = blocks()["domain"]
    assert "type='kvm'" in text and DISK in text
    tree = ET.fromstring(text.replace("type='kvm'", "type='qemu'")
                         .replace(DISK, str(disk)))
    tree.find("memory").text = "256"
    return tree


def set_tpm(domain, block):
    replace(domain.find("devices"), fragment(block)[0])


def test_boot_and_menu(host, domain, tmp_path):
    """The machine as it stands there: the descriptor's image, the menu on
    the console, one bank, and a log that gives the PCRs."""
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.expect(r"Press ESC for boot menu\.", 120)
        guest.send(ESC)
        guest.expect(r"Select boot device:.*1\. [^\n]*\n", 20)
        guest.send("1")
        guest.ready()
        guest.check_log(["sha256"])
        assert "Entering ROM Based Setup" in guest.events()
        running = ET.fromstring(host.virsh("dumpxml", "keel"))
        assert running.findtext("os/loader") == str(host.bios)
        assert running.find("os/loader").get("type") == "rom"


def test_virt_install(host, disk, tmp_path):
    """The page's command makes a machine that boots."""
    if not virthost.program("virt-install"):
        pytest.skip(f"virt-install is not installed: {virthost.SETUP}")
    command, _ = pageblocks.commands(blocks()["virt-install"])
    words = shlex.split(command.replace("\\\n", " ").replace(DISK, str(disk)))
    assert str(disk) in " ".join(words)
    done = host.run(*words, "--virt-type", "qemu")
    assert done.returncode == 0, done.stdout + done.stderr
    made = ET.fromstring(host.virsh("dumpxml", "keel", "--inactive"))
    with Guest(host, made, tmp_path) as guest:
        guest.call()
        guest.ready()
        guest.check_log(["sha256"])
        assert made.find("os/bios").get("useserial") == "yes"
        assert made.find("os/bootmenu").get("timeout") == "3000"


def test_request_is_confirmed(host, domain, tmp_path):
    """Linux asks, the question is on the console; ESC refuses and F12
    confirms."""
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.ready()
        for answer, response in ((ESC, "5 0xFFFFFFF0: User Abort"),
                                 (F12, "5 0: Success")):
            guest.request(5)
            guest.expect(QUESTION, 120)
            guest.send(answer)
            guest.ready()
            assert guest.response() == response
        guest.check_log(["sha256"])


def test_question_without_console(host, domain, tmp_path):
    """Without useserial and without a display nobody sees it, and it counts as
    refused.  A request is lost when the machine is powered off."""
    domain.find("os").remove(domain.find("os/bios"))
    entry = ET.SubElement(ET.SubElement(domain, "sysinfo", type="fwcfg"),
                          "entry", name="opt/org.keelbios/ppi-timeout")
    entry.text = "2"
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.ready()
        guest.request(5)
        guest.ready()
        assert b"asked this firmware" not in guest.console.before
        assert guest.response() == "5 0xFFFFFFF0: User Abort"
        guest.command("echo 5 > /sys/class/tpm/tpm0/ppi/request")
        host.virsh("destroy", "keel")
        guest.start()
        guest.ready()
        assert guest.response() == "0: No Recent Request"


def test_tpm12(host, domain, tmp_path):
    set_tpm(domain, "tpm12")
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.ready()
        guest.check_log(["sha1"])


def test_banks(host, domain, tmp_path):
    """active_pcr_banks holds at each start: other banks, which Linux has asked
    for, last until then.  By the page's switch nobody is asked."""
    set_tpm(domain, "banks")
    domain.extend(fragment("switches"))
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.ready()
        guest.check_log(["sha256", "sha384"])
        guest.request("23 2")
        guest.ready()
        assert b"Refused in" not in guest.console.before
        assert guest.response() == "23 0: Success"
        guest.check_log(["sha256"])
        host.virsh("destroy", "keel")
        guest.start()
        guest.expect(r"TPM 2\.0 [^\n]* banks SHA256 SHA384", 120)


def test_state_of_the_tpm(host, domain, tmp_path):
    """undefine takes it away; with --keep-tpm it stays, for a machine of the
    same UUID."""
    before = host.tpm_states()
    with Guest(host, domain, tmp_path) as guest:
        domain = ET.fromstring(host.virsh("dumpxml", "keel", "--inactive"))
        guest.xml.write_text(ET.tostring(domain, encoding="unicode"))
        guest.start()
        guest.expect(r"Press ESC", 120)
        host.virsh("destroy", "keel")
        made = set(host.tpm_states()) - set(before)
        assert len(made) == 1
        contents = made.pop().read_bytes()
        host.virsh("undefine", "keel", "--keep-tpm")
        state = set(host.tpm_states()) - set(before)
        assert [path.read_bytes() for path in state] == [contents]
        host.virsh("define", guest.xml)
        host.virsh("undefine", "keel")
        assert host.tpm_states() == before


@pytest.mark.parametrize("orders,said", [
    (("1", "2"), "GRUB loading"), (("2", "1"), "not a bootable disk")])
def test_device_order(host, domain, tmp_path, orders, said):
    """<boot order=> of the devices, in place of <boot dev=>: the disk with the
    system comes first, or an empty one."""
    empty = tmp_path / "empty.img"
    empty.write_bytes(bytes(1 << 20))
    domain.find("os").remove(domain.find("os/boot"))
    devices = domain.find("devices")
    other = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(other, "source", file=str(empty))
    ET.SubElement(other, "target", dev="vdb", bus="virtio")
    for disk, order in zip(devices.findall("disk"), orders):
        disk.append(fragment("order")[0])
        disk.find("boot").set("order", order)
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        found = guest.expect("GRUB loading|not a bootable disk", 120)
        assert found[0].decode() == said


def name_image(host, domain, block):
    """The image by its path, as this block has it; returns the <loader>."""
    system = domain.find("os")
    del system.attrib["firmware"]
    loader = fragment(block)[0]
    loader.text = str(host.bios)
    system.append(loader)
    return loader


def test_reboot_timeout(host, domain, tmp_path):
    """A machine that nothing boots is reset after this time."""
    name_image(host, domain, "loader")
    devices = domain.find("devices")
    devices.remove(devices.find("disk"))
    domain.find("os/bios").set("rebootTimeout", "2000")
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        for _ in range(2):
            guest.expect(r"Press ESC for boot menu\.", 120)
        began = time.monotonic()
        guest.expect(r"Press ESC for boot menu\.", 120)
        assert time.monotonic() - began > 2


def test_smi_timers(host, domain, tmp_path):
    """The page's arguments reach QEMU; one that has the timers starts."""
    domain.extend(fragment("smi-timers"))
    with Guest(host, domain, tmp_path) as guest:
        line = host.virsh("domxml-to-native", "qemu-argv", guest.xml)
        for name in ("x-smi-swsmi-timer", "x-smi-periodic-timer"):
            assert f"-global ICH9-LPC.{name}=off" in line
        if vm.smi_timers_off():
            host.virsh("start", "keel")
        else:
            assert "x-smi-swsmi-timer' not found" in \
                host.refuses("start", "keel")


def test_what_libvirt_refuses(host, domain, tmp_path):
    """As the page says: two kinds of boot order in one machine, a console for
    the firmware without a serial port, switches that do not begin with opt/."""
    def refused(change):
        wrong = copy.deepcopy(domain)
        change(wrong)
        path = tmp_path / "wrong.xml"
        path.write_text(ET.tostring(wrong, encoding="unicode"))
        return host.refuses("define", path)

    def both_orders(wrong):
        wrong.find("devices/disk").append(fragment("order")[0])

    def no_serial(wrong):
        for name in ("serial", "console"):
            wrong.find("devices").remove(wrong.find(f"devices/{name}"))

    def other_name(wrong):
        wrong.extend(fragment("switches"))
        wrong.find("sysinfo/entry").set("name", "etc/boot-menu-key")

    def crb12(wrong):
        set_tpm(wrong, "tpm12")
        wrong.find("devices/tpm").set("model", "tpm-crb")

    assert "per-device boot elements cannot be used" in refused(both_orders)
    assert "serial port" in refused(no_serial)
    assert "Invalid firmware name" in refused(other_name)
    said = refused(crb12)           # in the words of 9.0, and of 11.3
    assert "Unsupported interface 'tpm-crb' for TPM 1.2" in said or \
        "TPM 1.2 is not supported for model 'tpm-crb'" in said


def test_flash(host, domain, tmp_path):
    """The image as flash: only with stateless='yes'."""
    loader = name_image(host, domain, "flash")
    with Guest(host, domain, tmp_path) as guest:
        guest.start()
        guest.expect(r"TPM 2\.0 .*GRUB loading", 120)
        host.virsh("destroy", "keel")
        del loader.attrib["stateless"]
        guest.xml.write_text(ET.tostring(domain, encoding="unicode"))
        host.virsh("undefine", "keel")
        host.virsh("define", guest.xml)
        assert "unable to find any master var store" in \
            host.refuses("start", "keel")


def in_the_menu(guest):
    """Stop in the TPM's menu, which waits for ever."""
    guest.start()
    guest.expect(r"Press ESC for boot menu\.", 120)
    guest.send(ESC)
    guest.expect("Select boot device:", 60)
    guest.send("t")
    guest.expect("ESC leaves this menu", 60)


def pcrs_as_logged(guest):
    """The machine goes on, and the menu's page of PCRs finds in the TPM what
    the log, which is in memory, gives: both are of one moment."""
    guest.call()
    guest.send("5")
    said = ""
    for _ in range(6):
        guest.expect("Any key goes on", 60)
        said += guest.console.before.decode(errors="replace")
        guest.send(" ")
        if "PCRs of bank SHA256" in said:
            break
    guest.expect("ESC leaves this menu", 60)
    assert said.count("as logged") == 8, said


def test_saved_and_back(host, domain, tmp_path):
    """managedsave and start; save and restore; an internal snapshot and back,
    after the boot had extended more."""
    file = tmp_path / "saved"
    with Guest(host, domain, tmp_path) as guest:
        in_the_menu(guest)
        host.virsh("managedsave", "keel")
        host.virsh("start", "keel")
        pcrs_as_logged(guest)
        host.virsh("save", "keel", file)
        host.virsh("restore", file)
        pcrs_as_logged(guest)
        host.virsh("snapshot-create-as", "keel", "one")
        guest.send(ESC)
        guest.expect("Select boot device:", 60)
        guest.send("1")
        guest.expect("GRUB loading", 120)
        host.virsh("snapshot-revert", "keel", "one")
        pcrs_as_logged(guest)


def test_migration(host, domain, tmp_path):
    """To another libvirtd, by a socket; the disk is shared."""
    with Libvirt(host.bios, other=True) as target, \
            Guest(host, domain, tmp_path) as guest:
        in_the_menu(guest)
        guest.hang_up()
        host.virsh("migrate", "keel",
                   f"qemu+unix:///session?socket={target.socket}",
                   f"unix://{target.top}/migration", "--live", "--unsafe",
                   "--persistent", "--undefinesource")
        with guest.moved(target):
            pcrs_as_logged(guest)


def test_snapshot_wants_qcow2(host, domain, disk_image, tmp_path):
    raw = tmp_path / "raw.img"
    raw.write_bytes(disk_image.read_bytes())
    domain.find("devices/disk/driver").set("type", "raw")
    domain.find("devices/disk/source").set("file", str(raw))
    with Guest(host, domain, tmp_path):
        host.virsh("start", "keel")
        assert "internal snapshot for disk vda unsupported for storage type " \
            "raw" in host.refuses("snapshot-create-as", "keel", "one")

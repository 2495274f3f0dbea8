# SPDX-License-Identifier: MIT
"""What a QEMU command line or a libvirt domain says about a boot, and the
rehearsal that finds out what neither says.

    m = from_qemu(argv)         -> Machine
    m = from_libvirt(xml_text)  -> Machine
    log = rehearse(argv, bios, family, banks)

A rehearsal starts that command line with KeelBIOS and a TPM that is thrown
away; drives are opened for reading only, consoles and networks' character
devices go nowhere.  It ends when the firmware begins to boot; what was logged
until then is what the virtual hardware adds to the PCRs.
"""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree
from dataclasses import dataclass, field

import tcglog
import vm

REHEARSAL_S = 60
LOG_AREA = 0x10000
LOOK_AT = 8 << 20           # bytes below the end of low RAM


class FactsError(ValueError):
    """The description is not enough; the text says what is missing."""


@dataclass
class Drive:
    kind: str               # "disk", "cd" or "network"
    path: str
    bootindex: object = None
    place: str = ""         # for CDs: "ata1-0" or "AHCI/2"


@dataclass
class Machine:
    bios: object = None
    machine: str = "pc"
    kernel: object = None
    initrd: object = None
    cmdline: str = ""
    tpm: object = None      # "2.0-crb", "2.0-tis" or None
    order: str = "cad"
    drives: list = field(default_factory=list)
    nics: list = field(default_factory=list)        # Drive(kind="network")
    switches: dict = field(default_factory=dict)

    def boot(self):
        """("kernel",) or ("disk", path) or ("cd", path, name) or
        ("network",): what the firmware tries first."""
        found = [(d.bootindex, d) for d in self.drives + self.nics
                 if d.bootindex is not None]
        if self.kernel:
            found.append((0, None))
        if not found:
            letters = {"disk": "c", "cd": "d", "network": "n"}
            # Network cards are one entry: the first that has a ROM.
            ranks = [(self.order.find(letters[d.kind]), d)
                     for d in self.drives + self.nics[:1]]
            found = [(r if r >= 0 else "cdn".find(letters[d.kind]) + 9, d)
                     for r, d in ranks]
        if not found:
            return ("none",)
        best = min(rank for rank, _ in found)
        first = [d for rank, d in found if rank == best]
        if None in first:
            return ("kernel",)
        if len(first) > 1:
            raise FactsError("several drives may be the first to boot: give "
                             "one a bootindex, or say --disk or --cdrom")
        if first[0].kind == "network":
            return ("network",)
        if first[0].kind == "disk":
            return ("disk", first[0].path)
        return ("cd", first[0].path, cd_name(first[0].place))


def cd_name(place):
    """How the firmware names QEMU's CD drive."""
    if not place:
        raise FactsError("where the CD drive is attached is not known: say "
                         "--cd-name, as the boot menu shows the drive")
    return f"DVD/CD [{place}: QEMU DVD-ROM ATAPI-4 DVD/CD]"


def flattened(data, prefix=""):
    """JSON's {"a": {"b": 1}} as QEMU's a.b=1."""
    result = {}
    for key, value in data.items():
        if isinstance(value, dict):
            result.update(flattened(value, f"{prefix}{key}."))
        else:
            result[prefix + key] = ("on" if value else "off") \
                if isinstance(value, bool) else str(value)
    return result


def options(text):
    """QEMU's "first,key=value,flag" with ",," for a comma, or the same as
    JSON."""
    result, first = {}, None
    if text.startswith("{"):
        try:
            result = flattened(json.loads(text))
        except (ValueError, AttributeError) as err:
            raise FactsError(f"not JSON: {text}: {err}") from None
        return result.get("driver"), result
    for n, part in enumerate(text.replace(",,", "\0").split(",")):
        part = part.replace("\0", ",")
        key, equal, value = part.partition("=")
        if n == 0 and not equal:
            first = part
        else:
            result[key] = value if equal else "on"
    return first, result


def ide_place(machine, bus, unit):
    return f"AHCI/{bus}" if "q35" in machine else f"ata{bus}-{unit}"


def switch_value(opts):
    """A switch as the firmware reads it, or None when it is in a file."""
    text = opts.get("string", "")
    return not (text == "" or text[0] in "0n" or text.startswith("of"))


def add_switch(m, file, opts):
    if file.startswith("opt/org.keelbios/"):
        m.switches[file.rsplit("/", 1)[1]] = switch_value(opts)


def from_qemu(argv):
    """Facts of a command line; argv[0] is the program."""
    m = Machine()
    blocks, devices, flash = {}, [], None
    it = iter(argv[1:])
    for arg in it:
        name = arg[1:] if arg.startswith("--") else arg
        if not name.startswith("-"):
            m.drives.append(Drive("disk", arg))
            continue
        if name in WITHOUT_VALUE:
            continue
        value = next(it, None)
        if value is None:
            break
        first, opts = options(value)
        if name in ("-M", "-machine"):
            m.machine = first or opts.get("type", m.machine)
            flash = opts.get("pflash0", flash)
        elif name == "-bios":
            m.bios = value
        elif name == "-kernel":
            m.kernel = value
        elif name == "-initrd":
            m.initrd = value
        elif name == "-append":
            m.cmdline = value
        elif name == "-boot":
            order = first or opts.get("once") or opts.get("order")
            m.order = order or m.order
        elif name == "-fw_cfg":
            add_switch(m, opts.get("name") or first or "", opts)
        elif name in ("-hda", "-hdb", "-hdc", "-hdd"):
            m.drives.append(Drive("disk", value))
        elif name == "-cdrom":
            place = "AHCI/2" if "q35" in m.machine else "ata1-0"
            m.drives.append(Drive("cd", value, None, place))
        elif name in ("-nic", "-net") and first != "none":
            # -net nic: a card; other -net: what it is connected to
            if name == "-nic" or first == "nic":
                m.nics.append(Drive("network", ""))
        elif name == "-drive":
            blocks[opts.get("id", f"drive{len(blocks)}")] = opts
            if is_firmware(opts):
                m.bios = opts.get("file")
        elif name == "-blockdev":
            # Used by -device or -machine only, as if it were if=none.
            blocks[opts.get("node-name", "")] = dict(opts, **{"if": "none"})
        elif name == "-device":
            devices.append((first or opts.get("driver", ""), opts))
    for name, block in blocks.items():
        if "file" not in block or block["file"] in blocks:
            block["file"] = node_file(blocks, name)
    if flash:
        m.bios = node_file(blocks, flash)
    place_drives(m, blocks, devices)
    names = {"-" + arg.lstrip("-") for arg in argv if arg.startswith("-")}
    if not m.nics and not names & {"-nodefaults", "-nic", "-net", "-netdev"}:
        m.nics.append(Drive("network", ""))         # QEMU's own
    return m


def is_firmware(drive):
    """Is this the flash device that holds the firmware?"""
    return drive.get("if") == "pflash" and \
        drive.get("unit", drive.get("index", "0")) == "0"


def node_file(blocks, name):
    """The file behind a chain of -blockdev nodes, "" if it has none."""
    for _ in range(len(blocks)):
        block = blocks.get(name, {})
        for key in ("filename", "file.filename"):
            if block.get(key):
                return block[key]
        name = block.get("file", "")
        if name and name not in blocks:
            return name
    return ""


NETWORK_CARDS = {
    "e1000", "e1000e", "e1000-82544gc", "e1000-82545em", "igb", "ne2k_pci",
    "pcnet", "rtl8139", "virtio-net", "virtio-net-pci",
    "virtio-net-pci-transitional", "virtio-net-pci-non-transitional",
    "vmxnet3",
}

# Options of QEMU that stand alone.
WITHOUT_VALUE = {
    "-nodefaults", "-no-user-config", "-nographic", "-snapshot", "-S", "-s",
    "-enable-kvm", "-no-reboot", "-no-shutdown", "-daemonize", "-no-acpi",
    "-no-hpet", "-full-screen", "-preconfig", "-only-migratable", "-usb",
    "-no-fd-bootchk", "-win2k-hack", "-nouserconfig",
}


def place_drives(m, blocks, devices):
    used = set()
    for driver, opts in devices:
        if driver in ("tpm-crb", "tpm-tis"):
            m.tpm = "2.0-crb" if driver == "tpm-crb" else "2.0-tis"
        if (driver in NETWORK_CARDS or re.fullmatch("i825[0-9a-z]+", driver)) \
                and opts.get("romfile") != "" and opts.get("rombar") != "0":
            index = opts.get("bootindex")
            m.nics.append(Drive("network", "",
                                None if index is None else int(index)))
        block = blocks.get(opts.get("drive"))
        if block is None:
            continue
        used.add(opts["drive"])
        kind = "cd" if driver.endswith("-cd") else "disk"
        place = ""
        bus = re.fullmatch(r"ide\.(\d+)", opts.get("bus", ""))
        if kind == "cd" and bus:
            place = ide_place(m.machine, int(bus[1]),
                              int(opts.get("unit", 0)))
        index = opts.get("bootindex")
        m.drives.append(Drive(kind, block.get("file", ""),
                              None if index is None else int(index), place))
    count = 0
    for name, block in blocks.items():
        if name in used or block.get("if") == "none" or "file" not in block \
                or block.get("if") in ("pflash", "mtd", "floppy"):
            continue
        kind = "cd" if block.get("media") == "cdrom" else "disk"
        index = int(block.get("index", count))
        count = index + 1
        place = f"AHCI/{index}" if "q35" in m.machine \
            else f"ata{index // 2}-{index % 2}"
        m.drives.append(Drive(kind, block["file"], None, place))


def from_libvirt(text):
    """Facts of a domain's XML."""
    try:
        top = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError as err:
        raise FactsError(f"not XML: {err}") from None
    osx = top.find("os")
    if top.tag != "domain" or osx is None:
        raise FactsError("not a libvirt domain: no <domain> with <os>")
    kind = osx.find("type")
    m = Machine(bios=osx.findtext("loader"), kernel=osx.findtext("kernel"),
                initrd=osx.findtext("initrd"),
                cmdline=osx.findtext("cmdline") or "")
    if kind is not None:
        m.machine = kind.get("machine", "pc")
    letters = {"hd": "c", "cdrom": "d", "network": "n", "fd": "a"}
    order = "".join(letters.get(b.get("dev"), "") for b in
                    osx.findall("boot"))
    m.order = order or m.order
    for disk in top.findall("devices/disk"):
        source = disk.find("source")
        path = source.get("file") or source.get("dev") \
            if source is not None else None
        if not path:
            continue
        boot, address = disk.find("boot"), disk.find("address")
        cd = disk.get("device") == "cdrom"
        place = libvirt_place(m, disk, address) if cd else ""
        m.drives.append(Drive("cd" if cd else "disk", path,
                              None if boot is None else
                              int(boot.get("order")), place))
    for card in top.findall("devices/interface"):
        boot, rom = card.find("boot"), card.find("rom")
        if rom is None or rom.get("enabled") != "no":
            m.nics.append(Drive("network", "", None if boot is None else
                                int(boot.get("order"))))
    tpm = top.find("devices/tpm")
    if tpm is not None:
        backend = tpm.find("backend")
        old = backend is not None and backend.get("version") == "1.2"
        m.tpm = "2.0-crb" if tpm.get("model") == "tpm-crb" else \
            "1.2" if old else "2.0-tis"
    for entry in top.findall("sysinfo[@type='fwcfg']/entry"):
        add_switch(m, entry.get("name", ""), {"string": entry.text or ""})
    more = [a.get("value", "") for a in top.iter(QEMU_NAMESPACE + "arg")]
    m.switches.update(from_qemu(["qemu", *more]).switches)
    return m


QEMU_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"


def libvirt_place(m, disk, address):
    """Where a CD drive is: by its address, or by its target's name, from which
    libvirt makes one."""
    target = disk.find("target")
    if address is not None and address.get("type") == "drive":
        bus, unit = int(address.get("bus", "0")), int(address.get("unit", "0"))
    elif target is not None and re.fullmatch("(hd|sd)[a-d]",
                                             target.get("dev", "")):
        bus, unit = divmod(ord(target.get("dev")[2]) - ord("a"), 2)
        if "q35" in m.machine:
            unit += bus * 2
    else:
        return ""
    return f"AHCI/{unit}" if "q35" in m.machine else f"ata{bus}-{unit}"


# ---------------------------------------------------------------- rehearsal

def rehearsal_argv(argv, bios):
    """The command line without what would touch the world outside."""
    out = [argv[0]]
    dropped = {"-bios", "-tpmdev", "-qmp", "-mon", "-monitor", "-display",
               "-pidfile", "-D", "-d", "-debugcon", "-incoming", "-loadvm",
               "-runas", "-vnc", "-spice", "-gdb"}
    it = iter(argv[1:])
    for arg in it:
        name = arg[1:] if arg.startswith("--") else arg
        if name in ("-daemonize", "-S", "-s", "-snapshot", "-no-reboot"):
            continue
        if name == "-nographic":
            out += ["-serial", "null", "-machine", "graphics=off"]
            continue
        if not name.startswith("-") or name in WITHOUT_VALUE:
            out.append(arg)
            continue
        value = next(it, None)
        if value is None:
            out.append(arg)
            break
        first, opts = options(value)
        if name in dropped:
            continue
        if name == "-device" and (
                first in ("tpm-crb", "tpm-tis") or
                (first == "isa-debugcon" and
                 int(opts.get("iobase", "0xe9"), 0) == 0x402)):
            continue
        if name == "-global" and value.startswith("isa-debugcon"):
            continue
        if name == "-drive" and is_firmware(opts):
            continue
        if name == "-blockdev" and opts.get("read-only") != "on":
            raise FactsError("a rehearsal must not write to drives, and QEMU's "
                             "-snapshot does not protect those of -blockdev: "
                             "say read-only=on, use -drive, or give a "
                             "--reference")
        if name in ("-machine", "-M"):
            value = re.sub(r",pflash0=[^,]*", "", value)
        if name in ("-serial", "-parallel"):
            value = "null" if value != "none" else value
        if name == "-chardev":
            if opts.get("id", "").startswith("chrtpm"):
                continue
            value = f"null,id={opts.get('id', '')}"
        out += [name, value]
    return out + ["-bios", str(bios), "-display", "none", "-snapshot",
                  "-monitor", "none"]


def find_log(memory):
    """The event log in guest memory, with its unused area."""
    at = memory.find(b"Spec ID Event0")
    if at < 0:
        at = memory.find("KeelBIOS".encode("utf-16-le"))
    if at < 32:
        raise FactsError("the rehearsal's memory holds no event log")
    at -= 32
    return memory[at:at + LOG_AREA]


def wait_for_boot(process, debug, errors, kernel):
    """Until the platform and, for an option ROM's entry, its name are logged;
    kernel: the machine has one by -kernel, whose entry's name is known."""
    # The entry's name is logged between "from ROM" and the jump's address.
    started = rb"Booting from|No bootable" if kernel else \
        rb"Booting from (?!ROM)|No bootable"
    limit = time.monotonic() + REHEARSAL_S
    while True:
        text = debug.read_bytes() if debug.exists() else b""
        if re.search(started, text):
            return
        if process.poll() is not None:
            raise FactsError("the rehearsal's QEMU ended: "
                             + errors.read_text(errors="replace").strip())
        if time.monotonic() > limit:
            raise FactsError(f"the rehearsal did not boot in {REHEARSAL_S} "
                             "s; port 402h said:\n"
                             + text.decode(errors="replace"))
        time.sleep(0.02)


def rehearse(argv, bios, kind, banks):
    """Run the firmware up to its first boot attempt; returns its log.

    kind    "1.2", "2.0-crb" or "2.0-tis", as the machine will have it
    """
    work = tempfile.mkdtemp(prefix="keelpcr-")
    try:
        return rehearse_in(pathlib.Path(work), argv, bios, kind, banks)
    except vm.VmError as err:
        raise FactsError(f"the rehearsal: {err}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def rehearse_in(work, argv, bios, kind, banks):
    debug, errors = work / "debug", work / "errors"
    runner = vm.Machine.__new__(vm.Machine)     # for its monitor only
    runner.monitor = None
    runner.qmp_path = str(work / "qmp")
    with vm.Tpm(kind, work / "tpm", ",".join(banks)) as tpm, \
            open(errors, "wb") as err:
        args = rehearsal_argv(argv, bios) + tpm.arguments() + [
            "-chardev", f"file,id=keelpcr,path={debug}",
            "-device", "isa-debugcon,iobase=0x402,chardev=keelpcr",
            "-qmp", f"unix:{runner.qmp_path},server=on,wait=off"]
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=err,
                              stdout=subprocess.DEVNULL) as process:
            try:
                wait_for_boot(process, debug, errors, "-kernel" in argv)
                return read_log(runner, work / "memory")
            finally:
                if runner.monitor:
                    runner.monitor.close()
                process.kill()


def read_log(runner, path):
    """The log that a running machine has in memory; path: a file for it."""
    return tcglog.parse(log_bytes(runner, path))


def log_bytes(runner, path):
    runner.qmp("stop")
    tree = runner.qmp("human-monitor-command", **{
        "command-line": "info mtree -f"})
    match = re.search(r"0*100000-([0-9a-f]{16}) \(prio 0, ram\)", tree)
    if not match:
        raise FactsError("QEMU does not say where the machine's RAM ends")
    end = int(match[1], 16) + 1
    start = max(0x100000, end - LOOK_AT)
    runner.qmp("pmemsave", val=start, size=end - start, filename=str(path))
    return find_log(path.read_bytes())

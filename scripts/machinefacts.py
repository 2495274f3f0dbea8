# SPDX-License-Identifier: MIT
"""What a QEMU command line or a libvirt domain says about a boot.  What
neither says, rehearse.py finds out.

    m = from_qemu(argv)         -> Machine
    m = from_libvirt(xml_text)  -> Machine
"""

import json
import re
import xml.etree.ElementTree
from dataclasses import dataclass, field


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
    dtb: object = None
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


class CommandLine:
    """QEMU's options one after another, and what they come to."""

    def __init__(self):
        self.m = Machine()
        self.blocks, self.devices, self.flash = {}, [], None

    # Each takes the option's name and value, and what options() makes of it.

    def machine(self, _name, _value, first, opts):
        self.m.machine = first or opts.get("type", self.m.machine)
        self.flash = opts.get("pflash0", self.flash)
        for name, fact in MACHINE_TEXTS.items():
            setattr(self.m, fact, opts.get(name, getattr(self.m, fact)))

    def text(self, name, value, _first, _opts):
        setattr(self.m, TEXTS[name], value)

    def boot(self, _name, _value, first, opts):
        order = first or opts.get("once") or opts.get("order")
        self.m.order = order or self.m.order

    def fw_cfg(self, _name, _value, first, opts):
        add_switch(self.m, opts.get("name") or first or "", opts)

    def hard_disk(self, _name, value, _first, _opts):
        self.m.drives.append(Drive("disk", value))

    def cdrom(self, _name, value, _first, _opts):
        place = "AHCI/2" if "q35" in self.m.machine else "ata1-0"
        self.m.drives.append(Drive("cd", value, None, place))

    def nic(self, name, _value, first, _opts):
        # -net nic: a card; other -net: what it is connected to
        if first != "none" and (name == "-nic" or first == "nic"):
            self.m.nics.append(Drive("network", ""))

    def drive(self, _name, _value, _first, opts):
        self.blocks[opts.get("id", f"drive{len(self.blocks)}")] = opts
        if is_firmware(opts):
            self.m.bios = opts.get("file")

    def blockdev(self, _name, _value, _first, opts):
        # Used by -device or -machine only, as if it were if=none.
        self.blocks[opts.get("node-name", "")] = dict(opts, **{"if": "none"})

    def device(self, _name, _value, first, opts):
        self.devices.append((first or opts.get("driver", ""), opts))

    def finish(self):
        """The machine, once all options are known."""
        for name, block in self.blocks.items():
            if "file" not in block or block["file"] in self.blocks:
                block["file"] = node_file(self.blocks, name)
        if self.flash:
            self.m.bios = node_file(self.blocks, self.flash)
        place_drives(self.m, self.blocks, self.devices)
        return self.m


# Options whose value is a fact as it is.
TEXTS = {"-bios": "bios", "-kernel": "kernel", "-initrd": "initrd",
         "-append": "cmdline", "-dtb": "dtb"}

# The same as properties of -machine.
MACHINE_TEXTS = {"kernel": "kernel", "initrd": "initrd", "append": "cmdline",
                 "dtb": "dtb"}

READERS = {
    "-M": CommandLine.machine, "-machine": CommandLine.machine,
    **{name: CommandLine.text for name in TEXTS},
    "-boot": CommandLine.boot,
    "-fw_cfg": CommandLine.fw_cfg,
    "-hda": CommandLine.hard_disk, "-hdb": CommandLine.hard_disk,
    "-hdc": CommandLine.hard_disk, "-hdd": CommandLine.hard_disk,
    "-cdrom": CommandLine.cdrom,
    "-nic": CommandLine.nic, "-net": CommandLine.nic,
    "-drive": CommandLine.drive,
    "-blockdev": CommandLine.blockdev,
    "-device": CommandLine.device,
}


def from_qemu(argv):
    """Facts of a command line; argv[0] is the program."""
    line = CommandLine()
    it = iter(argv[1:])
    for arg in it:
        name = arg[1:] if arg.startswith("--") else arg
        if not name.startswith("-"):
            line.m.drives.append(Drive("disk", arg))
            continue
        if name in WITHOUT_VALUE:
            continue
        value = next(it, None)
        if value is None:
            break
        first, opts = options(value)
        if name in READERS:
            READERS[name](line, name, value, first, opts)
    m = line.finish()
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
                initrd=osx.findtext("initrd"), dtb=osx.findtext("dtb"),
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

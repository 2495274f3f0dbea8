# SPDX-License-Identifier: MIT
"""Root of trust: what a hostile root user leaves behind does not reach the
next measured boot.

The attacks are made in a real Linux guest (tests/boot/guest/attack.c).  It is
booted once for each machine; its state is saved, and loaded again for the next
attack.  What boots after the reset is the test agent, which says what the TPM
has; the event log, memory and registers are read from outside.  Every boot must
have exactly the cold boot's PCR 0-7, log and registers, or a TPM that is capped
and disabled, and the planted code, which prints HOSTILE on port E9h, must never
run.  The last tests make the same attacks under SeaBIOS and demand that they
succeed: that is how we know that these tests can fail.

Long because every attack is compared in all that the next boot finds.
"""

import contextlib
import hashlib
import re
import struct
import subprocess

import pytest

from conftest import NO_KERNEL_HASH, assert_log_matches, pcrs_of
import agent
import machinefacts
import rehearse
import vm

GRID = [(machine, kind) for machine in ("pc", "q35")
        for kind in ("2.0-crb", "1.2")]

# What is left behind, and how the machine is reset.  "save" is a TPM state
# saved for a sleep that does not come.
ATTACKS = {
    "bios-area": "bios cf9",
    "rom-area": "roms cf9",
    "low-memory": "low ebda kbd",
    "smram": "smram smbase cf9",
    "reserved": "reserved port92",
    "cmos-05": "low ebda cmos=05 cf9",
    "cmos-09": "low ebda cmos=09 kbd",
    "cmos-0a": "low ebda cmos=0a cf9",
    "cmos-0b": "low ebda cmos=0b cf9",
    "cmos-0c": "low ebda cmos=0c kbd",
    "cmos-zero": "cmos-zero cf9",
    "forged-s3": "bios low s3 cf9",
    "registers": "low smbase registers cf9",
    "nmi": "low ioapic-nmi cf9",
    "tpm": "tpm kbd",
    "init": "bios roms low ebda init",
    "init-s3": "save bios roms low ebda smbase s3 init",
    "everything": "bios roms low ebda reserved smram cmos-all cmos=fe s3 tpm "
                  "registers kbd",
    "forged-s3-saved": "save bios low s3 cf9",
    "saved-for-another-boot": "save cf9",
}
# What needs the firmware in a flash device.  QEMU clears all RAM at the
# reset when movv bit 0 is set, with -bios the firmware as well.
FLASH_ATTACKS = {
    "memory-wipe": "bios low movv cf9",
    "flash": "bios flash cf9",
}
# Isolinux brings Linux up sooner than GRUB; PCR 0-7 do not cover the kernel,
# and hashing it takes longer than all else.
FAST_BOOT = {"disk": "isolinux", "args": NO_KERNEL_HASH}

SAVE_STATE = {"2.0": bytes.fromhex("80010000000c000001450001"),
              "1.2": bytes.fromhex("00c10000000a00000098")}


def first_seven(dump):
    return {bank: {n: v for n, v in values.items() if n < 8}
            for bank, values in pcrs_of(dump).items()}


def monitor(m, line):
    said = m.hmp(line)
    assert not said, m.report(f"{line}: {said}")


# --------------------------------------- what the next boot finds, as text

LOW_END = 0x9fc00
AGENT = 0x7c00
# What an operating system searches base memory for, at multiples of 16.
ANCHORS = (b"iBFT", b"_MP_", b"RSD PTR ", b"_SM_", b"_SM3_", b"$PIR", b"$PnP",
           b"_DMI_", b"_32_")
# Masks of the 8259, edge or level, A20, events and control of power
# management; SMI sources.
PORTS = [0x21, 0xa1, 0x4d0, 0x4d1, 0x92, 0x602, 0x603, 0x604, 0x605]
PC_PORTS = [0x628, 0x629, 0x62a, 0x62b]
Q35_PORTS = [0x630, 0x631, 0x632, 0x633]


def memory(m, size):
    path = m.work / "memory"
    m.qmp("pmemsave", val=0, size=size, filename=str(path))
    data = path.read_bytes()
    path.unlink()
    return data


# Registers that QEMU neither resets nor, after a reset, looks at: memory and
# bus timing, SMI_LOCK (in force only when it is written).
KEPT = {
    ("pc", 0, 0): [(0x50, 0x59), (0x60, 0x72), (0x73, 0xa0)],
    ("pc", 1, 0): [(0x68, 0xc0)],
    ("pc", 1, 1): [(0x44, 0x50)],
    ("q35", 31, 0): [(0xa0, 0xa4)],
}


def pci_lines(a, machine, functions):
    """Configuration space of functions of bus 0."""
    for dev, fn in functions:
        data = bytearray(a.pci(dev, fn) or b"")
        for start, end in KEPT.get((machine, dev, fn), []):
            data[start:end] = bytes(end - start)
        for reg in range(0, len(data), 4):
            yield f"PCI {dev:x}.{fn:x} {reg:02x}: {data[reg:reg + 4].hex()}"


def functions_of(m):
    text = m.hmp("info pci")
    return [(int(dev), int(fn)) for dev, fn in re.findall(
        r"Bus +0, device +(\d+), function (\d+)", text)]


def interrupt_lines(m):
    """Local APIC, I/O APIC, 8259s and HPET; not what is pending."""
    for line in ("info lapic", "info pic", "xp /1gx 0xfed00010",
                 "xp /12gx 0xfed00100"):
        text = m.hmp(line)
        for said in text.splitlines():
            if "IRR" not in said and "ISR" not in said:
                yield re.sub(r"[ir]rr=\w+ |isr=\w+ ", "", said.strip())


def found(m, a, machine, kind):
    """Everything that the next operating system finds, line by line."""
    ram = memory(m, 0x100000)
    lines = [f"{ram[i:i + 16]} in base memory at {i:x}"
             for i, first in zip(range(0x500, LOW_END, 16),
                                 ram[0x500:LOW_END:16])
             if first in b"i_R$" and ram.startswith(ANCHORS, i)
             and not AGENT <= i < AGENT + agent.SECTORS * 512]
    for name, at, size in (("vectors", 0, 0x400), ("BDA", 0x400, 0x6c),
                           ("BDA", 0x471, 0x8f), ("EBDA", LOW_END, 0x400),
                           ("ROMs", 0xc0000, 0x20000),
                           ("BIOS", 0xe8000, 0x18000)):
        for i in range(at, at + size, 0x400):
            digest = hashlib.sha256(ram[i:min(i + 0x400, at + size)])
            lines.append(f"{name} {i:05x}: {digest.hexdigest()[:16]}")
    ports = PORTS + (Q35_PORTS if machine == "q35" else PC_PORTS)
    lines += [f"port {port:x}: {a.command(f'i {port:x}').hex()}"
              for port in ports]
    lines += pci_lines(a, machine, functions_of(m))
    lines += interrupt_lines(m)
    for bank, values in a.pcrs(kind).items():
        lines += [f"{bank} PCR {n} {v.hex()}" for n, v in values.items()]
    try:
        log = rehearse.log_bytes(m, m.work / "log")
        lines.append(f"log {hashlib.sha256(log).hexdigest()}")
    except machinefacts.FactsError:
        lines.append("no log")
    m.qmp("cont")
    return lines


# -------------------------------------------------------------- the attacker

class Attacker:
    """A machine in which Linux waits for its orders, again and again."""

    def __init__(self, m, kind):
        self.m, self.kind = m, kind
        self.agent = agent.Agent(m)
        self.again = False

    def orders(self):
        """Linux, as it was when it came up."""
        if self.again:
            monitor(self.m, "loadvm linux")
            self.m.seen = len(self.m.serial)
        self.again = True

    def attack(self, todo):
        """Leave behind what is to be left, and wait for the next boot: what
        is wrong with it, or None."""
        self.orders()
        before = len(self.m.marker())
        if todo.startswith("save "):
            todo = todo[5:]
            answer = tpm_command(self.m, SAVE_STATE[self.kind[:3]])
            if answer[6:10] != bytes(4):
                return f"the TPM did not save its state: {answer.hex()}"
        self.m.send(f"attack {todo}\n")
        came = self.m.find(rb"^AGENT\r?\n|KEEL-RC", 120)
        if b"HOSTILE" in self.m.marker()[before:]:
            return "the planted code ran"
        if not came or came[0].startswith(b"KEEL"):
            return self.m.report("no boot after it")
        return None


@contextlib.contextmanager
def attacker(tests, machine, kind, check=None, **kwargs):
    """The cold boot runs the agent, which also saves the TPM's state, for a
    sleep that does not come; the next one runs Linux from a CD that is taken
    out before its state is saved.  check(machine, agent): of the cold boot."""
    disk, store = agent.image(tests.tmp), tests.tmp / "store.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", store, "1M"],
                   check=True)
    args = vm.disk(disk, "ide", machine, boot=1) + [
        "-drive", "if=none,id=cd0,media=cdrom,readonly=on",
        "-device", "ide-cd,drive=cd0,bootindex=0,bus="
        + ("ide.2" if machine == "q35" else "ide.1"),
        "-drive", f"if=none,id=store,format=qcow2,file={store}"]
    with tests.machine(machine, None, tpm=kind, args=args + NO_KERNEL_HASH,
                       **kwargs) as m:
        a = Attacker(m, kind)
        a.agent.ready()
        if check:
            check(m, a.agent)
        code, _ = a.agent.tpm(SAVE_STATE[kind[:3]])
        assert code == 0, m.report("the TPM does not save its state")
        monitor(m, f"change cd0 {tests.guest['isolinux.iso']} raw")
        a.agent.reset_begin()
        m.ready()
        # What the kernel still does then, it would do at each load.
        m.command("sleep 2; attack")
        monitor(m, "eject -f cd0")
        monitor(m, "savevm linux")
        yield a


def try_all(tests, machine, kind, attacks, **kwargs):
    """Problems of the boots after all these attacks, and of an unsaved sleep
    in the end (the state that was saved in the boot before Linux's is not
    believed); the cold boot is the reference."""
    problems, cold = [], []

    def check(m, a):
        cold.extend(found(m, a, machine, kind))
        cold.sort()

    with attacker(tests, machine, kind, check, **kwargs) as a:
        dump = a.m.dump("tpm")
        dump["argv"] = vm.shown(a.m.argv).encode()
        assert_log_matches(dump, ["sha1"] if kind == "1.2"
                           else vm.BANKS.split(","))
        for name, todo in attacks.items():
            wrong = a.attack(todo)
            if wrong:
                problems.append(f"{name}: {wrong}")
                continue
            now = found(a.m, a.agent, machine, kind)
            problems += [f"{name}: the cold boot has {x}"
                         for x in cold if x not in now]
            problems += [f"{name}: the next boot has {x}"
                         for x in now if x not in cold]
        a.orders()
        problems += unsaved_sleep_problems(a.m, kind, first_seven(dump))
    return problems


@pytest.mark.parametrize("machine,kind", GRID)
def test_no_attack_reaches_the_next_boot(tests, machine, kind):
    """With the firmware in a flash device, which is exposed to more."""
    problems = try_all(tests, machine, kind, ATTACKS | FLASH_ATTACKS,
                       pflash=True)
    if problems:
        pytest.fail(f"{len(problems)} problems\n" + "\n".join(problems),
                    pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("machine,kind", GRID)
def test_no_attack_with_bios(tests, machine, kind):
    problems = try_all(tests, machine, kind, ATTACKS)
    if problems:
        pytest.fail(f"{len(problems)} problems\n" + "\n".join(problems),
                    pytrace=False)


# ------------------------------------------------- RAM, before the first boot

RAM = 32 << 20


def hostile_ram(path, size):
    """As the attack tool's pages: NOPs, then code that prints HOSTILE."""
    code = b"".join(b"\xb0%c\xe6\xe9" % c for c in b"HOSTILE\n") \
        + b"\xfa\xf4\xeb\xfe"
    path.write_bytes((b"\x90" * (4096 - len(code)) + code) * (size // 4096))
    return path


@pytest.mark.parametrize("machine,kind", GRID)
def test_ram_full_of_hostile_code(tests, machine, kind):
    """QEMU writes it before the first instruction of each boot: all of RAM but
    C0000-FFFFF, which the grid has; also where POST runs and keeps its
    tables and log."""
    disk = vm.disk(agent.image(tests.tmp), "ide", machine)
    low = hostile_ram(tests.tmp / "low", 0xa0000)
    high = hostile_ram(tests.tmp / "high", RAM - 0x100000)
    loads = ["-device", f"loader,file={low},addr=0,force-raw=on",
             "-device", f"loader,file={high},addr=0x100000,force-raw=on"]
    seen = []
    for args in ([], loads):
        with tests.machine(machine, None, tpm=kind, args=disk + args,
                           mem=RAM >> 20) as m:
            a = agent.Agent(m)
            a.ready()
            seen.append(found(m, a, machine, kind))
            assert not m.marker(), m.report("the planted code ran")
            if args:
                assert a.read(0x100000, 16) == b"\x90" * 16
    assert seen[0] == seen[1]


# ------------------------------------------------------ devices' own access

PRD = 0x50000                   # where the agent's disk controller reads
TARGET = (0x60000, 0x70000)     # and writes


def start_ide_read(a, base, at, sectors=64):
    """By the PIIX3's bus master; returns while it goes on."""
    a.write(PRD, struct.pack("<IHH", at, sectors * 512, 0x8000))
    for port, value in ([(base, 0), (base + 2, 6)]
                        + [(base + 4 + n, PRD >> 8 * n & 0xff)
                           for n in range(4)]
                        + [(0x1f6, 0xe0), (0x1f2, sectors), (0x1f3, 0),
                           (0x1f4, 1), (0x1f5, 0), (0x1f7, 0xc8),
                           (base, 9)]):
        a.command(f"o {port:x} {value:x}")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["cf9", "kbd"])
def test_disk_read_in_flight(tests, way):
    """QEMU waits for it before the first instruction: what it has not written
    by then it never writes."""
    disk = agent.image(tests.tmp)
    with open(disk, "r+b") as file:
        file.seek(256 * 512)
        file.write(b"FROM DISK " * 4096)
    with tests.machine("pc", None, args=vm.disk(disk, "ide")) as m:
        a = agent.Agent(m)
        a.ready()
        base = int.from_bytes(a.pci(1, 1)[0x20:0x24], "little") & ~15
        m.qmp("block_set_io_throttle", device="disk0", bps=8192, bps_rd=0,
              bps_wr=0, iops=0, iops_rd=0, iops_wr=0)
        start_ide_read(a, base, TARGET[0])
        while a.command(f"i {base + 2:x}")[0] & 1:      # uses up the allowance
            pass
        a.command("i 1f7")
        start_ide_read(a, base, TARGET[1])
        assert a.read(TARGET[1], 4) == bytes(4), m.report("it was not slow")
        if way == "cf9":
            a.reset_begin()
        else:
            m.send("o 64 fe\n")
        a.ready()
        before = a.read(TARGET[1], 16)
        a.write(TARGET[1], b"mine")
        assert m.find(rb"never printed", 10) is None
        assert before in (bytes(16), b"FROM DISK FROM D")
        assert a.read(TARGET[1], 4) == b"mine", m.report(
            "the read of before the reset wrote to memory")


IOMMU = 0xfed90000


def translating(m):
    said = m.hmp(f"xp /1wx {IOMMU + 0x1c:#x}")
    return int(said.split()[-1], 16) >> 31


@pytest.mark.slow
def test_iommu_left_on(tests):
    """With tables in which no device may access anything."""
    disk = agent.image(tests.tmp)
    with tests.machine("q35", None, args=vm.disk(disk, "ide", "q35") + [
            "-device", "intel-iommu"]) as m:
        a = agent.Agent(m)
        a.ready()
        a.command(f"W {IOMMU + 0x20:x} {TARGET[0]:x}")  # root table: empty
        a.command(f"W {IOMMU + 0x24:x} 0")
        a.command(f"W {IOMMU + 0x18:x} 40000000")
        a.command(f"W {IOMMU + 0x18:x} 80000000")       # translation on
        assert translating(m), m.report("it is not on")
        a.reset()
        assert not translating(m)


# ------------------------------------------------------------------ S3

def sleep_and_wake(m):
    m.send("echo mem > /sys/power/state\n")
    for _ in range(300):
        if m.qmp("query-status")["status"] == "suspended":
            break
        m.find(rb"never printed", 0.1)
    else:
        pytest.fail(m.report("the guest did not go to sleep"), pytrace=False)
    m.qmp("system_wakeup")
    m.expect(rb"KEEL-RC \d+\r?\n", 60, "the guest to wake up")


def driver_of_tpm(m):
    """(directory of the driver, name of the device): kernels differ."""
    text = m.command("d=$(readlink -f /sys/class/tpm/tpm0/device); "
                     "echo $(readlink -f $d/driver) ${d##*/}")
    return text.split()


# GetCapability of TPM_PT_STARTUP_CLEAR: which hierarchies are on
STARTUP_CLEAR = (b"\x80\x01\0\0\0\x16\0\0\x01\x7a" b"\0\0\0\x06"
                 b"\0\0\x02\x01" b"\0\0\0\x01")


def tpm_command(m, data):
    """Send bytes to /dev/tpm0 in the guest; the answer."""
    text = "".join(f"\\x{b:02x}" for b in data)
    out = m.command(
        "exec 3<>/dev/$(ls /sys/class/tpm | grep -m1 '^tpm[0-9]'); "
        f"printf '{text}' > /tmp/c; cat /tmp/c >&3; "
        "dd bs=4096 count=1 <&3 2>/dev/null | hexdump -v -e '1/1 \"%02x\"'",
        check=False)
    return bytes.fromhex(out.strip().split()[-1] if out.strip() else "")


def unsaved_sleep(m):
    """S3 without TPM2_Shutdown(STATE): the driver is taken off first."""
    driver, device = driver_of_tpm(m)
    m.command(f"echo {device} > {driver}/unbind", check=False)
    if "tpm0" in m.command("ls /sys/class/tpm"):
        pytest.fail(m.report("the driver is still bound"), pytrace=False)
    sleep_and_wake(m)
    m.command(f"echo {device} > {driver}/bind", check=False)


PCR_READ_12 = bytes.fromhex("00c10000000e0000001500000000")
TPM12_OFF = (0x06, 0x1c)        # deactivated; failed self-test (libtpms)


def cap_of(bank):
    size = hashlib.new(bank).digest_size
    return hashlib.new(bank, bytes(size) + hashlib.new(
        bank, b"\1\0\0\0").digest()).digest()


def unsaved_sleep_problems(m, kind, before):
    """The firmware has started the TPM, capped every PCR and disabled it:
    2.0 by its hierarchies, 1.2 deactivated; the log in memory says so, and
    Linux goes on."""
    unsaved_sleep(m)
    path = m.work / "memory"
    events = rehearse.read_log(m, path).events
    m.qmp("cont")
    path.unlink()
    if not any(e.name == "EV_NO_ACTION" and
               e.data.startswith(b"KeelBIOS resumed") for e in events):
        yield "unsaved sleep: the log in memory does not name it"
    said = {e.pcr for e in events
            if e.name == "EV_SEPARATOR" and e.data == b"\1\0\0\0"}
    if kind != "1.2" and not said >= set(range(17)):
        yield f"unsaved sleep: the log shows {said} of the PCRs capped"
    if kind == "1.2" and "tpm" not in m.command("ls /sys/class/tpm"):
        # Linux does not even bind to a TPM in failure mode.
        if b"it is in failure mode and of no use" not in m.debug():
            yield m.report("unsaved sleep: Linux finds no TPM")
    elif kind == "1.2":
        answer = tpm_command(m, PCR_READ_12)
        if int.from_bytes(answer[6:10], "big") not in TPM12_OFF:
            yield f"unsaved sleep: PCR read answered {answer.hex()}"
    else:
        after = first_seven(m.dump("tpm"))
        if sorted(after) != sorted(before):
            yield m.report(f"unsaved sleep: banks {sorted(after)}")
        for bank, values in after.items():
            for n, value in values.items():
                if value != cap_of(bank):
                    yield f"unsaved sleep: {bank} PCR {n} is {value.hex()}"
        answer = tpm_command(m, STARTUP_CLEAR)
        bits = int.from_bytes(answer[-4:], "big")
        if len(answer) != 27 or bits & 7:
            yield f"unsaved sleep: hierarchies: {answer.hex()}"


@pytest.mark.parametrize("machine,kind", [
    ("pc", "2.0-tis"), ("q35", "2.0-tis"),
    pytest.param("pc", "1.2", marks=pytest.mark.slow)])
def test_unsaved_sleep_with_tis(tests, machine, kind):
    """The TPM 2.0 that the grid leaves out, and one as in the grid, alone."""
    with tests.machine(machine, tpm=kind, **FAST_BOOT) as m:
        m.ready()
        problems = list(unsaved_sleep_problems(
            m, kind, first_seven(m.dump("tpm"))))
    assert not problems, "\n".join(problems)


# ------------------------------------------------------- out of reach

@pytest.mark.slow
@pytest.mark.xfail(strict=True, raises=AssertionError,
                   reason="QEMU's reset leaves an NMI pending: "
                   "docs/threat-model.md, out of reach")
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_nmi_before_the_first_instruction(tests, machine):
    """Under TCG the CPU is reset before the devices whose interrupts it takes
    as NMIs are.  The handler's address is read from RAM."""
    with attacker(tests, machine, "2.0-crb") as a:
        a.m.send("attack low lint0-nmi cf9\n")
        for _ in range(600):
            if b"HOSTILE" in a.m.marker() or a.m.find(rb"^AGENT", 0.1):
                break
        assert b"HOSTILE" not in a.m.marker()


# ----------------------------------------------- the same under SeaBIOS

@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_breaks_work_on_seabios(tests, machine):
    """Unsaved sleep gives the OS a TPM with empty PCRs; the code planted in
    the BIOS area runs first after the next reset."""
    with tests.linux(machine, tpm="2.0-crb", bios=vm.SEABIOS) as m:
        m.ready()
        unsaved_sleep(m)
        after = first_seven(m.dump("tpm"))
        assert after and all(value == bytes(len(value))
                             for values in after.values()
                             for value in values.values()), \
            m.report("PCRs are not zero: the attack did not work")
        m.send(f"attack {ATTACKS['bios-area']}\n")
        for _ in range(600):
            if b"HOSTILE" in m.marker():
                return
            m.find(rb"KEEL-READY", 0.1)
        pytest.fail(m.report("the attack did not work"), pytrace=False)

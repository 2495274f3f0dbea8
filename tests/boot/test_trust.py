# SPDX-License-Identifier: MIT
"""Root of trust: what a hostile root user leaves behind does not reach the
next measured boot.

The attacks are made in a real Linux guest (tests/boot/guest/attack.c), each
followed by a reset, and the Linux that comes up is the next one's attacker.
Every boot must have exactly the cold boot's PCR 0-7 and event log, or a TPM
that is capped and disabled, and the planted code, which prints HOSTILE on
port E9h, must never run.  The last tests make the same attacks under SeaBIOS
and demand that they succeed: that is how we know that these tests can fail.
"""

import hashlib

import pytest

from conftest import assert_log_matches, pcrs_of
import machinefacts
import vm

GRID = [(machine, kind) for machine in ("pc", "q35")
        for kind in ("2.0-crb", "1.2")]

# What is left behind, and how the machine is reset.  "save" is a TPM state
# saved for a sleep that does not come.
ATTACKS = {
    "bios-area": "bios cf9",
    "rom-area": "roms cf9",
    "low-memory": "low ebda kbd",
    "smram": "smram cf9",
    "cmos-05": "low ebda cmos=05 cf9",
    "cmos-09": "low ebda cmos=09 kbd",
    "cmos-0a": "low ebda cmos=0a cf9",
    "cmos-0b": "low ebda cmos=0b cf9",
    "cmos-0c": "low ebda cmos=0c kbd",
    "forged-s3": "bios low s3 cf9",
    "everything": "bios roms low ebda smram cmos-all cmos=fe s3 kbd",
    "forged-s3-saved": "save bios low s3 cf9",
    "saved-for-another-boot": "save cf9",
}
# Isolinux brings Linux up sooner than GRUB; PCR 0-7 do not cover the kernel,
# and hashing it takes longer than all else.
FAST_BOOT = {"disk": "isolinux", "args": [
    "-fw_cfg", "name=opt/org.keelbios/measure-linux,string=0"]}

SAVE_STATE = {"2.0": bytes.fromhex("80010000000c000001450001"),
              "1.2": bytes.fromhex("00c10000000a00000098")}


def first_seven(dump):
    return {bank: {n: v for n, v in values.items() if n < 8}
            for bank, values in pcrs_of(dump).items()}


def differences(before, after):
    return [f"{bank} PCR {n}: {value.hex()} before, "
            f"{after.get(bank, {}).get(n, b'').hex()} after"
            for bank, values in before.items()
            for n, value in values.items()
            if after.get(bank, {}).get(n) != value]


def fingerprint(m):
    """What a boot measured, as text lines: PCR 0-7 in every bank, the event
    log's digest."""
    text = m.command(
        "cd /sys/class/tpm/tpm0; grep . pcr-*/[0-7] 2>/dev/null || "
        "grep '^PCR-0[0-7]:' device/pcrs; "
        "sha256sum < /sys/kernel/security/tpm0/binary_bios_measurements")
    return text.strip().splitlines()


def survive(m, kind, attack):
    """Make an attack and wait for the next boot: what is wrong with it, or
    None.  The machine is of no more use when it did not come up."""
    todo = ATTACKS[attack]
    if todo.startswith("save "):
        todo = todo[5:]
        answer = tpm_command(m, SAVE_STATE[kind[:3]])
        if answer[6:10] != bytes(4):
            return f"the TPM did not save its state: {answer.hex()}"
    m.send(f"attack {todo}\n")
    found = m.find(rb"KEEL-READY|KEEL-RC", 120)
    if b"HOSTILE" in m.marker():
        return "the planted code ran"
    if not found or found[0] != b"KEEL-READY":
        return "no boot after it"
    return None


@pytest.mark.parametrize("machine,kind", GRID)
def test_no_attack_reaches_the_next_boot(tests, machine, kind):
    """All of ATTACKS in one machine, then an unsaved sleep (the state that
    was saved in the boot before is not believed); the cold boot is the
    reference."""
    problems, left = [], list(ATTACKS)
    while left:
        with tests.machine(machine, tpm=kind, **FAST_BOOT) as m:
            m.ready()
            dump = m.dump("tpm")
            dump["argv"] = vm.shown(m.argv).encode()
            assert_log_matches(dump, ["sha1"] if kind == "1.2"
                               else vm.BANKS.split(","))
            cold = fingerprint(m)
            assert len(cold) == (9 if kind == "1.2" else 33), m.report(
                f"PCRs and log cannot be read: {cold}")
            while left:
                attack = left.pop(0)
                wrong = survive(m, kind, attack)
                if wrong:
                    problems.append(m.report(f"{attack}: {wrong}"))
                    break           # a new machine for those that are left
                now = fingerprint(m)
                if now != cold:
                    problems += [f"{attack}: the cold boot has"] + \
                        [x for x in cold if x not in now] + \
                        [f"{attack}: the next boot has"] + \
                        [x for x in now if x not in cold]
            else:
                problems += unsaved_sleep_problems(m, kind, first_seven(dump))
    if problems:
        pytest.fail(f"{len(problems)} problems\n" + "\n".join(problems),
                    pytrace=False)


@pytest.mark.parametrize("machine,kind", GRID)
def test_memory_wipe(tests, machine, kind):
    """QEMU clears all RAM at the reset (movv bit 0); the next boot measures
    what the first one did.

    With -bios QEMU's wipe takes the firmware along, for ever: pflash.  Under
    TCG it also leaves translations of the old memory behind, which Linux and
    GRUB run into: so the second boot is looked at in its event log, which is
    read from the machine's memory.
    """
    with tests.machine(machine, tpm=kind, pflash=True, **FAST_BOOT) as m:
        m.ready()
        before = first_seven(m.dump("tpm"))
        m.send("attack bios low movv cf9\n")
        m.wait_debug(rb"(?s)(Booting from 0000:7c00.*){2}", 60)
        path = tests.tmp / "memory"
        log = machinefacts.read_log(m, path)
        path.unlink()
        assert b"HOSTILE" not in m.marker(), m.report("the planted code ran")
        after = {bank: {n: v for n, v in values.items() if n < 8}
                 for bank, values in log.replay().items()}
        wrong = differences(before, after)
        if wrong:
            pytest.fail(m.report("\n".join(["PCRs changed:"] + wrong)),
                        pytrace=False)


# ------------------------------------------------------------------ S3

# The driver that holds the TPM, and how Linux names the device.
DRIVERS = {
    "2.0-crb": "/sys/bus/acpi/drivers/tpm_crb MSFT0101:00",
    "2.0-tis": "/sys/bus/platform/drivers/tpm_tis MSFT0101:00",
    "1.2": "/sys/bus/pnp/drivers/tpm_tis *",
}


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


def rebind(m, kind, action):
    path, device = DRIVERS[kind].split()
    if device == "*":
        device = "$(basename $(readlink -f /sys/class/tpm/tpm0/device))"
    return m.command(f"echo {device} > {path}/{action} 2>&1; ls {path}",
                     check=False)


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


def unsaved_sleep(m, kind):
    """S3 without TPM2_Shutdown(STATE): the driver is taken off first."""
    rebind(m, kind, "unbind")
    if "tpm0" in m.command("ls /sys/class/tpm"):
        pytest.fail(m.report("the driver is still bound"), pytrace=False)
    sleep_and_wake(m)
    rebind(m, kind, "bind")


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
    unsaved_sleep(m, kind)
    path = m.work / "memory"
    events = machinefacts.read_log(m, path).events
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


# ----------------------------------------------- the same under SeaBIOS

@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_break_1_works_on_seabios(tests, machine):
    with tests.machine(machine, tpm="2.0-crb", bios=vm.SEABIOS,
                       disk="isolinux") as m:
        m.ready()
        m.send(f"attack {ATTACKS['bios-area']}\n")
        for _ in range(400):
            if b"HOSTILE" in m.marker():
                return
            m.find(rb"KEEL-READY", 0.1)
        pytest.fail(m.report("the attack did not work"), pytrace=False)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_break_2_works_on_seabios(tests, machine):
    with tests.machine(machine, tpm="2.0-crb", bios=vm.SEABIOS,
                       disk="isolinux") as m:
        m.ready()
        unsaved_sleep(m, "2.0-crb")
        after = first_seven(m.dump("tpm"))
        assert after and all(value == bytes(len(value))
                             for values in after.values()
                             for value in values.values()), \
            m.report("PCRs are not zero: the attack did not work")

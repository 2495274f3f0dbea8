# SPDX-License-Identifier: MIT
"""Root of trust: what a hostile root user leaves behind does not reach the
next measured boot.

Each attack is made in a real Linux guest (tests/boot/guest/attack.c), then
the machine is reset.  The next boot must have exactly the PCR 0-7 of the cold
boot before it, and the planted code, which prints HOSTILE on port E9h, must
never run.  The last tests make the same attacks under SeaBIOS and demand that
they succeed: that is how we know that these tests can fail.
"""

import hashlib

import pytest

from conftest import assert_log_matches, pcrs_of
import machinefacts
import vm

CASES = [("pc", "2.0-crb"), ("q35", "2.0-crb"), ("pc", "1.2")]
SLOW_CASES = [("q35", "1.2")]

# What is left behind, and how the machine is reset.
ATTACKS = {
    "bios-area": "bios cf9",
    "rom-area": "roms cf9",
    "low-memory": "low ebda kbd",
    "smram": "smram cf9",
    "cmos-05": "low ebda cmos=05 cf9",
    "cmos-0a": "low ebda cmos=0a cf9",
    "forged-s3": "bios low s3 cf9",
    "everything": "bios roms low ebda smram cmos-all cmos=fe s3 kbd",
    "cmos-09": "low ebda cmos=09 kbd",
    "cmos-0b": "low ebda cmos=0b cf9",
    "cmos-0c": "low ebda cmos=0c kbd",
}
# One boot costs ten seconds: of each kind one in `make check`.
QUICK = {("bios-area", "pc"), ("bios-area", "q35"), ("everything", "pc"),
         ("everything", "q35"), ("forged-s3", "pc"), ("forged-s3", "q35"),
         ("rom-area", "q35"), ("cmos-05", "pc"), ("cmos-0a", "q35"),
         ("low-memory", "pc"), ("smram", "pc")}


def cases():
    for machine, kind in CASES + SLOW_CASES:
        for attack in ATTACKS:
            quick = (attack, machine) in QUICK and (
                kind != "1.2" or attack in ("bios-area", "forged-s3")) \
                and (machine, kind) not in SLOW_CASES
            yield pytest.param(machine, kind, attack, marks=[] if quick
                               else [pytest.mark.slow])


def first_seven(dump):
    return {bank: {n: v for n, v in values.items() if n < 8}
            for bank, values in pcrs_of(dump).items()}


def differences(before, after):
    return [f"{bank} PCR {n}: {value.hex()} before, "
            f"{after.get(bank, {}).get(n, b'').hex()} after"
            for bank, values in before.items()
            for n, value in values.items()
            if after.get(bank, {}).get(n) != value]


@pytest.mark.parametrize("machine,kind,attack", cases())
def test_next_boot_is_a_cold_boot(tests, machine, kind, attack):
    with tests.machine(machine, tpm=kind) as m:
        m.ready()
        before = m.dump("tpm")
        m.send(f"attack {ATTACKS[attack]}\n")
        found = m.find(rb"KEEL-READY|KEEL-RC", 60)
        if not found or found[0] != b"KEEL-READY":
            pytest.fail(m.report(
                "no boot after the attack" +
                (": the planted code ran" if b"HOSTILE" in m.marker()
                 else "")), pytrace=False)
        after = m.dump("tpm")
        if b"HOSTILE" in m.marker():
            pytest.fail(m.report("the planted code ran"), pytrace=False)
        wrong = differences(first_seven(before), first_seven(after))
        if wrong:
            pytest.fail(m.report("\n".join(["PCRs changed:"] + wrong)),
                        pytrace=False)
    banks = ["sha1"] if kind == "1.2" else vm.BANKS.split(",")
    after["argv"] = vm.shown(m.argv).encode()
    assert_log_matches(after, banks)


@pytest.mark.parametrize("machine,kind", [
    ("q35", "2.0-crb"),
    pytest.param("pc", "2.0-crb", marks=pytest.mark.slow),
    pytest.param("pc", "2.0-tis", marks=pytest.mark.slow)])
def test_memory_wipe(tests, machine, kind):
    """QEMU clears all RAM at the reset (movv bit 0); the next boot measures
    what the first one did.

    With -bios QEMU's wipe takes the firmware along, for ever: pflash.  Under
    TCG it also leaves translations of the old memory behind, which Linux and
    GRUB run into: so the second boot is looked at in its event log, which is
    read from the machine's memory.
    """
    with tests.machine(machine, tpm=kind, pflash=True) as m:
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


@pytest.mark.parametrize("machine,kind", [
    ("pc", "2.0-tis"), ("q35", "2.0-crb"),
    pytest.param("pc", "1.2", marks=pytest.mark.slow)])
def test_sleep_keeps_the_pcrs(tests, machine, kind):
    """S3 as Linux does it, with TPM2_Shutdown(STATE): nothing changes."""
    with tests.machine(machine, tpm=kind) as m:
        m.ready()
        before = first_seven(m.dump("tpm"))
        sleep_and_wake(m)
        wrong = differences(before, first_seven(m.dump("tpm")))
        if wrong:
            pytest.fail(m.report("\n".join(wrong)), pytrace=False)


def rebind(m, kind, action):
    path, device = DRIVERS[kind].split()
    if device == "*":
        device = "$(basename $(readlink -f /sys/class/tpm/tpm0/device))"
    return m.command(f"echo {device} > {path}/{action} 2>&1; ls {path}",
                     check=False)


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


@pytest.mark.parametrize("machine,kind", [
    ("pc", "2.0-tis"), ("q35", "2.0-crb")])
def test_unsaved_sleep_caps_and_disables(tests, machine, kind):
    """The TPM is started by the firmware, every PCR capped, the hierarchies
    are off; Linux goes on."""
    with tests.machine(machine, tpm=kind) as m:
        m.ready()
        before = first_seven(m.dump("tpm"))
        unsaved_sleep(m, kind)
        after = first_seven(m.dump("tpm"))
        if not after:
            pytest.fail(m.report("no PCRs to read after the sleep"),
                        pytrace=False)
        for bank, values in after.items():
            for n, value in values.items():
                if value in (bytes(len(value)), before[bank][n]):
                    pytest.fail(m.report(
                        f"{bank} PCR {n} is {value.hex()}"), pytrace=False)
                cap = hashlib.new(bank, bytes(len(value)) + hashlib.new(
                    bank, b"\1\0\0\0").digest()).digest()
                assert value == cap, f"{bank} PCR {n}: another cap"
        answer = tpm_command(m, STARTUP_CLEAR)
        bits = int.from_bytes(answer[-4:], "big")
        if len(answer) != 27 or bits & 7:
            pytest.fail(m.report(f"hierarchies: {answer.hex()}"),
                        pytrace=False)


# ----------------------------------------------- the same under SeaBIOS

@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_break_1_works_on_seabios(tests, machine):
    with tests.machine(machine, tpm="2.0-crb", bios=vm.SEABIOS) as m:
        m.ready()
        m.send(f"attack {ATTACKS['bios-area']}\n")
        for _ in range(400):
            if b"HOSTILE" in m.marker():
                return
            m.find(rb"KEEL-READY", 0.1)
        pytest.fail(m.report("the attack did not work"), pytrace=False)


def test_break_2_works_on_seabios(tests):
    with tests.machine("q35", tpm="2.0-crb", bios=vm.SEABIOS) as m:
        m.ready()
        unsaved_sleep(m, "2.0-crb")
        after = first_seven(m.dump("tpm"))
        assert after and all(value == bytes(len(value))
                             for values in after.values()
                             for value in values.values()), \
            m.report("PCRs are not zero: the attack did not work")

# SPDX-License-Identifier: MIT
"""S3: suspend to RAM and resume, with and without a TPM."""
import time

import pytest

import vm

SUSPEND = "echo deep > /sys/power/mem_sleep 2>/dev/null; echo mem > /sys/power/state"
PCRS = "cat /sys/class/tpm/tpm0/pcr-sha256/[0-9] /sys/class/tpm/tpm0/pcr-sha1/[0-9]"
PCRS_12 = "cat /sys/class/tpm/tpm0/device/pcrs || cat /sys/class/tpm/tpm0/pcrs"


def wait_status(m, status, limit=60):
    end = time.monotonic() + limit
    while m.qmp("query-status")["status"] != status:
        if time.monotonic() > end:
            raise vm.VmError(m.report(f"not {status} after {limit} s"))
        time.sleep(0.05)


def suspend_and_wake(m, line=SUSPEND, until=None):
    """The guest goes to S3, is woken, and its shell goes on; or until() waits
    for something that comes first."""
    m.send(line + "\n")
    wait_status(m, "suspended")
    m.qmp("system_wakeup")
    if until:
        until()
        return
    m.expect(rb"KEEL-RC 0\r?\n", 60, "the guest to go on after S3")


KINDS = [(None, "true"), ("2.0-crb", PCRS), ("2.0-tis", PCRS),
         ("1.2", PCRS_12)]


@pytest.mark.parametrize("machine,tpm,pcrs", [
    # each kind once, and the other machine's in the slow set
    pytest.param(machine, *kind, marks=[] if n % 2 == i else pytest.mark.slow)
    for n, kind in enumerate(KINDS) for i, machine in enumerate(("pc", "q35"))])
def test_resume(tests, machine, tpm, pcrs):
    """PCRs are those of before the sleep, twice in a row; the guest's log,
    ACPI timer and second CPU still work."""
    with tests.linux(machine, tpm=tpm, smp=2) as m:
        m.ready()
        before = m.command(pcrs)
        for _ in range(2):
            suspend_and_wake(m)
            after = m.command(pcrs)
            assert after.strip() == before.strip(), m.report(
                f"PCRs changed by S3: expected\n{before}\ncame\n{after}")
        assert "S3 resume" in m.debug().decode(errors="replace"), m.report(
            "the firmware did not take the resume path")
        assert m.command("cat /sys/devices/system/cpu/online").strip() == "0-1"
        m.command("[ $(cat /proc/sys/kernel/tainted) = 0 ] || "
                  "[ $(( $(cat /proc/sys/kernel/tainted) & 0x200 )) = 0 ]")


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_hibernate(tests, machine):
    """S4: the memory goes to a disk, the machine off; another run of it finds
    the same memory map, and the guest goes on."""
    swap = tests.tmp / "swap"
    with open(swap, "wb") as file:
        file.truncate(512 << 20)
    args = ["-drive", f"if=none,id=swap,format=raw,file={swap}", "-device",
            "virtio-blk-pci,drive=swap"]
    with tests.machine(machine, smp=2, args=args) as m:
        m.ready()
        m.command("keel-load; mkswap /dev/vda; swapon /dev/vda; "
                  "echo kept > /tmp/state")
        m.send("echo disk > /sys/power/state\n")
        assert m.wait(120) == 0, m.report("the machine is not off")
    with tests.machine(machine, smp=2, args=args) as m:
        m.ready()
        m.command("keel-load")
        m.send("cat /sys/block/vda/dev > /sys/power/resume\n")
        m.expect(rb"KEEL-RC 0\r?\n", 120, "the guest to go on")
        assert m.command("cat /tmp/state").strip() == "kept"

# SPDX-License-Identifier: MIT
"""keelpcr doctor about logs and PCRs of real boots."""

import pathlib
import re
import subprocess

import measured
import vm

KEELPCR = pathlib.Path(__file__).resolve().parents[2] / "scripts/keelpcr"


def doctor(tests, name, log, pcrs):
    """What it says about a guest that has these."""
    root = tests.tmp / name
    security = root / "sys/kernel/security/tpm0"
    security.mkdir(parents=True)
    (security / "binary_bios_measurements").write_bytes(log)
    for bank, values in pcrs.items():
        where = root / f"sys/class/tpm/tpm0/pcr-{bank}"
        where.mkdir(parents=True)
        for n, value in values.items():
            (where / str(n)).write_text(value.hex())
    return subprocess.run([KEELPCR, "doctor", "--root", root], text=True,
                          capture_output=True, check=False).stdout


def test_real_boot(tests):
    """A boot sector that halts: no kernel was measured.  With QEMU 9.2 or
    newer, once more with the timers that it has."""
    for timers in (False, True)[:1 + bool(vm.smi_timers_off())]:
        with measured.watched(tests, "2.0-crb") as tpm, \
                measured.boot(tests, "q35", tpm, smi_timers=timers) as m:
            said = doctor(tests, f"root-{timers}", measured.log_bytes(m),
                          tpm.pcrs())
        assert re.search(r"ok +The firmware is KeelBIOS \S", said), said
        assert "ok       The log replays: it gives PCR 0 to 7 of sha1" in said
        assert "boot code: MBR" in said
        assert "hole     Kernel, command line and initrd are not" in said
        assert ("SMI timers outlive a reset" in said) == timers

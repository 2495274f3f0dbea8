# SPDX-License-Identifier: MIT
"""keelpcr doctor, beside a /sys that each test makes."""

import hashlib
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402
import tcglog                                       # noqa: E402
from test_predict import (bios, kernel_file,        # noqa: E402, F401
                          log_file, predict)
from test_tcglog import run                         # noqa: E402

SMI_TEXT = b"SMI timers outlive a reset"
CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
SYS_TPM = "sys/class/tpm/tpm0"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def with_event(log, pcr, kind, data):
    digests = {bank: hashlib.new(bank, data).digest() for bank in log.banks}
    log.events.append(tcglog.Event(len(log.events), pcr, kind, digests, data))
    return log


def guest(root, log, pcrs=None, vendor="KeelBIOS"):
    """/sys of a guest with that log; pcrs: another TPM's."""
    securityfs = root / "sys/kernel/security/tpm0"
    securityfs.mkdir(parents=True)
    log_file(securityfs / "binary_bios_measurements", log)
    for bank, values in (pcrs or predictionfile.complete(log)).items():
        for n, value in values.items():
            write(root / SYS_TPM / f"pcr-{bank}" / str(n),
                  value.hex().upper() + "\n")
    write(root / "sys/class/dmi/id/bios_vendor", vendor + "\n")
    write(root / "sys/class/dmi/id/bios_version", "1.2\n")
    write(root / CLOCKS, "kvm-clock tsc hpet acpi_pm \n")
    write(root / "sys/class/dmi/id/product_name",
          "Standard PC (Q35 + ICH9, 2009)\n")
    return root


def doctor(root):
    """(exit status, {state: its texts}), the lines joined again."""
    done = run("doctor", "--root", root)
    assert not done.stderr and done.stdout, done
    found = {"ok": [], "hole": [], "unknown": []}
    for line in done.stdout.splitlines():
        assert len(line) <= 79
        state, text = line[:8].strip(), line[9:]
        if state:
            found[state].append(text)
            last = found[state]
        else:
            last[-1] += " " + text
    return done.returncode, {k: "\n".join(v) for k, v in found.items()}


def booted(bios, tmp_path):                         # noqa: F811
    path, _ = kernel_file(tmp_path)
    return predict(bios, boot=("kernel", pcrpredict.Kernel(path, "quiet")))


def test_all_is_well(bios, tmp_path):               # noqa: F811
    log = booted(bios, tmp_path)
    status, found = doctor(guest(tmp_path, log))
    assert status == 0 and not found["hole"] and not found["unknown"]
    assert "KeelBIOS" in found["ok"]
    assert "The log replays: it gives PCR 0 to 7 of sha1" in found["ok"]
    assert "command line (PCR 8), Linux setup, Linux kernel" in found["ok"]
    assert "no SMI timers" in found["ok"] and "Q35" in found["ok"]
    assert log.replay()["sha256"][0].hex() in found["ok"]


def test_grub_linux_is_a_hole(bios, tmp_path):      # noqa: F811
    log = predict(bios)
    status, found = doctor(guest(tmp_path / "zero", log))
    assert status == 1 and "GRUB's `linux`" in found["hole"]
    assert "PCR 8 and 9 are zero" in found["hole"]
    pcrs = predictionfile.complete(log)
    pcrs["sha256"][9] = b"\1" * 32
    status, found = doctor(guest(tmp_path / "other", log, pcrs))
    assert status == 2 and "no kernel" in found["unknown"]


def test_grub_measures(bios, tmp_path):             # noqa: F811
    log = predict(bios)
    for pcr, text in ((9, b"/boot/grub/grub.cfg"), (8, b"grub_cmd: boot"),
                      (9, b"/boot/vmlinuz")):
        with_event(log, pcr, 0x0d, text + b"\0")
    status, found = doctor(guest(tmp_path, log))
    assert status == 0 and not found["hole"], found
    assert "1 commands and command lines (PCR 8), 2 files" in found["ok"]


def test_smi_timers(bios, tmp_path):                # noqa: F811
    log = with_event(booted(bios, tmp_path), 1, 0x0a, SMI_TEXT)
    status, found = doctor(guest(tmp_path, log))
    assert status == 1 and "x-smi-swsmi-timer=off" in found["hole"]
    assert "no SMI timers" not in found["ok"]


@pytest.mark.parametrize("pcr, kind, data, words", [
    (0, 0x04, b"\1\0\0\0", "capped PCRs"),
    (4, 0x0d, b"BOOT CODE NOT MEASURED", "Not all boot code")])
def test_what_the_firmware_says(bios, tmp_path, pcr, kind,  # noqa: F811
                                data, words):
    log = with_event(booted(bios, tmp_path), pcr, kind, data)
    status, found = doctor(guest(tmp_path, log))
    assert status == 1 and words in found["hole"]


def test_without_kvm(bios, tmp_path):               # noqa: F811
    root = guest(tmp_path, booted(bios, tmp_path))
    write(root / CLOCKS, "tsc hpet acpi_pm \n")
    status, found = doctor(root)
    assert status == 2 and "no kvm-clock" in found["unknown"]


def test_wrong_pcr(bios, tmp_path):                 # noqa: F811
    log = booted(bios, tmp_path)
    pcrs = predictionfile.complete(log)
    pcrs["sha256"][4] = bytes(32)
    status, found = doctor(guest(tmp_path, log, pcrs))
    assert status == 1 and "differ in sha256 PCR 4." in found["hole"]


def test_logs_that_end_early(bios, tmp_path):       # noqa: F811
    log = booted(bios, tmp_path)
    log.events.append(tcglog.Event(
        len(log.events), 0, 3, {b: bytes(n) for b, n in log.banks.items()},
        b"KeelBIOS full\0\0\0"))
    status, found = doctor(guest(tmp_path / "full", log))
    assert status == 1 and "ends early" in found["hole"]
    root = guest(tmp_path / "cut", log)
    path = root / "sys/kernel/security/tpm0/binary_bios_measurements"
    path.write_bytes(path.read_bytes()[:-5])
    status, found = doctor(root)
    assert status == 1 and "not well-formed: offset 0x" in found["hole"]


def test_tpm_12(bios, tmp_path):                    # noqa: F811
    """Older kernels have all PCRs of a TPM 1.2 in one file."""
    log = pcrpredict.predict(pcrpredict.Facts(bios=bios, family="1.2",
                                              banks=("sha1",)))
    root = guest(tmp_path, log, {"sha1": {}})
    values = predictionfile.complete(log)["sha1"]
    write(root / SYS_TPM / "pcrs", "".join(
        f"PCR-{n:02}: {values.get(n, bytes(20)).hex(' ').upper()}\n"
        for n in range(24)))
    _, found = doctor(root)
    assert "gives PCR 0 to 7 of sha1." in found["ok"]


def test_another_firmware(bios, tmp_path):          # noqa: F811
    """What it does not log says nothing."""
    log = booted(bios, tmp_path)
    log.events = [e for e in log.events if e.type != tcglog.EV_S_CRTM_VERSION]
    status, found = doctor(guest(tmp_path, log, vendor="SeaBIOS"))
    assert status == 2 and "not KeelBIOS but SeaBIOS 1.2" in found["unknown"]
    assert "SMI timers" in found["unknown"]


@pytest.mark.parametrize("there, words", [
    ((), "no TPM"), ((SYS_TPM,), "mount -t securityfs"),
    ((SYS_TPM, "sys/kernel/security/lockdown"), "no event log")])
def test_nothing_there(tmp_path, there, words):
    for name in there:
        (tmp_path / name).mkdir(parents=True)
    status, found = doctor(tmp_path)
    assert status in (1, 2) and words in found["hole"] + found["unknown"]


def test_manual_names_the_states():
    page = (ROOT / "docs/keelpcr.1").read_text(encoding="utf-8")
    for word in ("doctor", "ok", "hole", "unknown"):
        assert f".B {word}" in page

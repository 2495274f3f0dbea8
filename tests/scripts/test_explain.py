# SPDX-License-Identifier: MIT
"""keelpcr explain: in words, why two logs give different PCRs."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import explain                                      # noqa: E402
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402

BOOT = [(0, 1, b"image", b"POST CODE"), (1, 10, b"acpi", b"ACPI DATA"),
        (4, 13, b"sector", b"MBR"), (4, 13, b"core", b"MBR GAP"),
        (5, 14, b"table", b"MBR PARTITION_TABLE"),
        (8, 13, b"quiet", b"kernel_cmdline: quiet\0"),
        (9, 13, b"k", b"/boot/vmlinuz\0"), (9, 13, b"i", b"/boot/initramfs\0")]


def log(*events, banks=("sha256",)):
    out = pcrpredict.Recorder("2.0", list(banks))
    for event in events:
        out.add(*event)
    return out.log


def other_boot(number, *event):
    """BOOT with one event changed, or left out."""
    return BOOT[:number] + ([event] if event else []) + BOOT[number + 1:]


@pytest.mark.parametrize("events,want", [
    (BOOT, []),
    (other_boot(0, 0, 1, b"other", b"POST CODE"),
     ["PCR 0: 'POST CODE' is another one: another firmware image"]),
    (other_boot(3, 4, 13, b"other", b"MBR GAP"),
     ["PCR 4: 'MBR GAP' is another one: another core image of GRUB: it was "
      "installed again or updated"]),
    (other_boot(5, 8, 13, b"loud", b"kernel_cmdline: loud\0"),
     ["PCR 8: 'kernel_cmdline: loud' in place of 'kernel_cmdline: quiet': "
      "another command line of the kernel"]),
    (other_boot(7), ["PCR 9: it ends before '/boot/initramfs': another "
                     "initrd"]),
    (BOOT + [(9, 13, b"x", b"/boot/x\0")],
     ["PCR 9: it goes on with '/boot/x': another file, or one more or fewer"]),
    (other_boot(2, 4, 4, b"\1\0\0\0"),
     ["PCR 4: the firmware failed while it measured, and closed the TPM"])])
def test_words(events, want):
    assert explain.explain(log(*events), log(*BOOT)) == want


def test_banks():
    two = log(*BOOT, banks=("sha1", "sha256"))
    assert explain.explain(two, log(*BOOT)) == [
        "banks: sha1 sha256 in place of sha256, which changes PCR 1 and 2"]
    with pytest.raises(ValueError, match="no bank in common"):
        explain.explain(log(*BOOT, banks=("sha1",)), log(*BOOT))


def test_the_command(tmp_path):
    """Beside a prediction; exit status 1 when something differs."""
    want = tmp_path / "want.json"
    want.write_text(json.dumps(predictionfile.to_json(
        log(*BOOT, banks=("sha1",)))))
    path = tmp_path / "log"
    for events, code in ((BOOT, 0), (other_boot(
            5, 8, 13, b"loud", b"kernel_cmdline: loud\0"), 1)):
        found = pcrpredict.Recorder("1.2", [])
        for event in events:
            found.add(*event)
        path.write_bytes(b"".join(
            e.pcr.to_bytes(4, "little") + e.type.to_bytes(4, "little")
            + e.digests["sha1"] + len(e.data).to_bytes(4, "little") + e.data
            for e in found.log.events))
        done = subprocess.run(
            [sys.executable, ROOT / "scripts" / "keelpcr", "explain", path,
             want], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("no PCR differs" in done.stdout) == (code == 0)

# SPDX-License-Identifier: MIT
"""keelpcr check takes the file that tpm2_quote -o writes."""

import pathlib
import struct
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402
import tcglog                                       # noqa: E402
from test_predict import (bios, log_file,           # noqa: E402, F401
                          predict)
from test_tcglog import run                         # noqa: E402


def saved(pcrs, selection):
    """As tpm2-tools 5.4 write it (checked against a file of theirs)."""
    data = struct.pack("<I", len(selection))
    for n in range(16):
        bank, numbers = selection[n] if n < len(selection) else (None, [])
        data += struct.pack("<HB4sx", pcrpredict.BANK_IDS.get(bank, 0),
                            3 if bank else 0, sum(
                                1 << n for n in numbers).to_bytes(4, "little"))
    values = [pcrs[bank][n] for bank, numbers in selection for n in numbers]
    lists = [values[at:at + 8] for at in range(0, len(values), 8)]
    data += struct.pack("<I", len(lists))
    for part in lists:
        data += struct.pack("<I", len(part)) + b"".join(
            struct.pack("<H64s", len(value), value)
            for value in part + [b""] * (8 - len(part)))
    return data


def test_file_of_tpm2_quote(bios, tmp_path):        # noqa: F811
    log = predict(bios)
    pcrs = predictionfile.complete(log)
    selection = [("sha256", list(range(10))), ("sha1", [0, 4])]
    data = saved(pcrs, selection)
    assert len(data) == 1200
    path = tmp_path / "quote.pcrs"
    path.write_bytes(data)
    done = run("check", log_file(tmp_path / "log", log), path)
    assert done.returncode == 0, done.stderr
    assert "PCRs match the log: sha1 sha256\n" in done.stdout
    pcrs["sha256"][9] = b"\1" * 32
    path.write_bytes(saved(pcrs, selection))
    done = run("check", tmp_path / "log", path)
    assert done.returncode == 1 and "sha256 PCR 9" in done.stdout
    for n in range(len(data)):
        with pytest.raises(tcglog.LogError):
            tcglog.parse_saved_pcrs(data[:n])
    for at in (0, 3, 4, 6, 132, 136, 140):
        lie = bytearray(data)
        lie[at] ^= 0xff
        with pytest.raises(tcglog.LogError):
            tcglog.parse_saved_pcrs(bytes(lie))

# SPDX-License-Identifier: MIT
"""keelpcr pcrlock: components that give systemd-pcrlock the PCRs of a boot.  The
program itself: tests/boot/test_unlock.py."""

import hashlib
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import pcrlock                                      # noqa: E402
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402

END = b"\xff\xff\xff\xff"
BOOT = [(0, 8, b"version", b"version"), (0, 1, b"image", b"POST CODE"),
        (1, 10, b"acpi", b"ACPI DATA"), (2, 6, b"rom", b"option ROM"),
        (4, 5, b"INT 19h", b"Calling INT 19h"),
        *((pcr, 4, END, END) for pcr in range(8)),
        (4, 13, b"sector", b"MBR"), (5, 14, b"table", b"PARTITION_TABLE"),
        (8, 13, b"quiet", b"kernel_cmdline: quiet\0"),
        (9, 13, b"k", b"Linux kernel"), (9, 13, b"i", b"Linux initrd")]


def log(events, family="2.0"):
    out = pcrpredict.Recorder(family, ["sha1"] if family == "1.2" else
                              ["sha1", "sha256"])
    for event in events:
        out.add(*event)
    return out.log


def variants(directory):
    """{component: {variant: records}}, with systemd's own for separators."""
    found = {"500-separator": {"own": [
        {"pcr": pcr, "digests": [
            {"hashAlg": bank, "digest": hashlib.new(bank, END).hexdigest()}
            for bank in ("sha1", "sha256")]} for pcr in range(8)]}}
    for path in pathlib.Path(directory).glob("*.pcrlock.d/*.pcrlock"):
        name = path.parent.name.removesuffix(".pcrlock.d")
        found.setdefault(name, {})[path.stem] = json.loads(
            path.read_text())["records"]
    return found


def pcrs(found, variant="now"):
    """What systemd-pcrlock makes of them: components by name, one after
    another.  Where a component has no such variant, its only one."""
    result = {(bank, pcr): bytes(hashlib.new(bank).digest_size)
              for bank in ("sha1", "sha256") for pcr in range(10)}
    for _, known in sorted(found.items()):
        records = known[variant] if variant in known else \
            next(iter(known.values()))
        for record in records:
            for digest in record["digests"]:
                key = digest["hashAlg"], record["pcr"]
                result[key] = hashlib.new(key[0], result[key] + bytes.fromhex(
                    digest["digest"])).digest()
    return result


def wanted(events):
    return {(bank, pcr): value
            for bank, values in predictionfile.complete(log(events)).items()
            for pcr, value in values.items() if pcr < 10}


def test_they_give_the_pcrs(tmp_path):
    written = pcrlock.write(log(BOOT), tmp_path, "now")
    assert sorted(p.parent.name.split(".")[0] for p in written) == [
        "210-keelbios-firmware", "220-keelbios-machine", "230-keelbios-roms",
        "240-keelbios-attempts", "610-keelbios-loader", "640-keelbios-kernel"]
    assert pcrs(variants(tmp_path)) == wanted(BOOT)


@pytest.mark.parametrize("n,component", [
    (1, "210-keelbios-firmware"), (2, "220-keelbios-machine"),
    (3, "230-keelbios-roms"), (4, "240-keelbios-attempts"),
    (-5, "610-keelbios-loader"), (-4, "610-keelbios-loader"),
    (-3, "640-keelbios-kernel"), (-1, "640-keelbios-kernel")])
def test_an_update_is_one_more_variant(tmp_path, n, component):
    """Of what it changes; the old boot still has its PCRs."""
    event = BOOT[n]
    update = list(BOOT)
    update[n] = (event[0], event[1], b"other", b"other")
    pcrlock.write(log(BOOT), tmp_path, "now")
    written = pcrlock.write(log(update), tmp_path, "next")
    assert [p.parent.name for p in written] == [component + ".pcrlock.d"]
    found = variants(tmp_path)
    assert pcrs(found) == wanted(BOOT) != wanted(update)
    assert pcrs(found, "next") == wanted(update)
    # The update has come: now it is the boot, and "next" is no news.
    pcrlock.write(log(update), tmp_path, "now")
    pcrlock.write(log(update), tmp_path, "next")
    found = variants(tmp_path)
    assert {len(known) for known in found.values()} == {1}
    assert pcrs(found) == wanted(update)


@pytest.mark.parametrize("events,family,variant,said", [
    (BOOT, "1.2", "now", "TPM 1.2"),
    (BOOT[:5] + [(0, 4, b"\1\0\0\0", b"\1\0\0\0")], "2.0", "now",
     "capped PCR 0"),
    (BOOT, "2.0", "../now", "name"), (BOOT, "2.0", "", "name")])
def test_nothing_to_bind_to(tmp_path, events, family, variant, said):
    with pytest.raises(ValueError, match=said):
        pcrlock.write(log(events, family), tmp_path / "d", variant)
    assert not (tmp_path / "d").exists()


def test_the_command(tmp_path):
    """From a prediction; it says which files it wrote."""
    prediction = tmp_path / "next.json"
    prediction.write_text(json.dumps(predictionfile.to_json(log(BOOT))))
    argv = [ROOT / "scripts/keelpcr", "pcrlock", "-o", tmp_path / "d",
            prediction]
    done = subprocess.run(argv, capture_output=True, text=True, check=True,
                          timeout=60)
    files = [pathlib.Path(line) for line in done.stdout.splitlines()]
    assert len(files) == 6 and all(path.is_file() for path in files)
    assert pcrs(variants(tmp_path / "d")) == wanted(BOOT)
    prediction.write_text("{")
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 2 and "next.json: not a prediction" in done.stderr

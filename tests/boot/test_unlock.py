# SPDX-License-Identifier: MIT
"""The commands of docs/unlock.md, where this system has the tools, with a TPM
of the host in place of the guest's.  No disk is opened: clevis encrypts a text
instead, and systemd-cryptenroll writes into a file."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from test_attestation import HostTpm

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pageblocks                                   # noqa: E402

PCRS = (0, 2, 4, 8, 9)
EVENT = hashlib.sha256(b"an event").digest()
DISK = "/dev/vda2"
# systemd-cryptenroll of all zeros, by systemd 252 and 257
ZEROS = "not initialized|effectively unenforced"


def command(name, *tools):
    """The page's; skips where these are not installed."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"scripts/setup full was not run: no {missing}")
    return pageblocks.blocks(ROOT / "docs/unlock.md")[name]


def after(value):
    """What a PCR of this value becomes by EVENT."""
    return hashlib.sha256(value + EVENT).digest()


def test_clevis_binds_to_what_will_be(tmp_path):
    """It opens when the PCRs have become what was predicted, not before."""
    text = command("clevis", "clevis-encrypt-tpm2", "jose")
    config = re.fullmatch(rf"clevis luks bind -d {DISK} tpm2 (.*)", text,
                          re.S)[1]
    (tmp_path / "pcrs.bin").write_bytes(after(bytes(32)) * len(PCRS))
    (tmp_path / "key").write_text("the disk's key")
    with HostTpm(tmp_path) as tpm:
        tpm.run("bash", "-c",
                f"clevis encrypt tpm2 {config} < key > sealed")
        opened = ("bash", "-c", "clevis decrypt < sealed")
        assert tpm.run(*opened, check=False).returncode != 0
        tpm.run("tpm2_pcrextend",
                *(f"{n}:sha256={EVENT.hex()}" for n in PCRS))
        assert tpm.run(*opened).stdout == b"the disk's key"
        tpm.run("tpm2_pcrextend", f"9:sha256={EVENT.hex()}")
        assert tpm.run(*opened, check=False).returncode != 0


def test_cryptenroll_takes_zeros(tmp_path):
    """It binds to the page's PCRs.  That they are zeros it says only where all
    are."""
    words = command("cryptenroll", "systemd-cryptenroll", "cryptsetup")
    image, key = tmp_path / "disk.img", tmp_path / "key"
    image.write_bytes(bytes(32 << 20))
    key.write_text("a passphrase")
    key.chmod(0o600)
    subprocess.run(["cryptsetup", "luksFormat", "-q", "--type", "luks2",
                    "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
                    image, key], check=True, timeout=60)
    with HostTpm(tmp_path) as tpm:
        device = tpm.env["TPM2TOOLS_TCTI"]
        words = words.replace(DISK, str(image)).replace(
            "--tpm2-device=auto", f"--tpm2-device={device} "
            f"--unlock-key-file={key}")
        said = tpm.run("bash", "-c", words).stderr.decode()
        assert re.search(ZEROS, said), said
        tpm.run("tpm2_pcrextend", f"0:sha256={EVENT.hex()}")
        said = tpm.run("bash", "-c", words + " --wipe-slot=tpm2")
        assert not re.search(ZEROS, said.stderr.decode()), said.stderr
    dump = subprocess.run(["cryptsetup", "luksDump", "--dump-json-metadata",
                           image], check=True, capture_output=True, timeout=60)
    token, = json.loads(dump.stdout)["tokens"].values()
    assert token["type"] == "systemd-tpm2"
    assert tuple(token["tpm2-pcrs"]) == PCRS

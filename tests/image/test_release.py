# SPDX-License-Identifier: MIT
"""A release, signed with a key that is thrown away, is checked and rebuilt by
the commands of docs/verify.md as they stand there."""
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from test_image import TOP, run
from test_packages import fixture_tools             # noqa: F401
from test_version import fixture_clone              # noqa: F401

sys.path[:0] = [str(TOP / "scripts"), str(TOP / "tests/scripts")]
import pcrpredict                                   # noqa: E402
from test_predict import log_file                   # noqa: E402

PAGE = TOP / "docs/verify.md"


def commands(heading):
    """The indented lines of that part of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    return re.findall(r"^    (.*)$", text.split("\n## ")[0], re.M)


def shell(lines, where, env):
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c",
                           "\n".join(lines)], cwd=where, env=env, text=True,
                          capture_output=True, check=False)


@pytest.fixture(name="env")
def fixture_env(tmp_path_factory):
    if not shutil.which("gpg"):
        pytest.fail("gpg is missing: run scripts/setup")
    home = tmp_path_factory.mktemp("gpg")       # short: it has sockets
    home.chmod(0o700)
    env = dict(os.environ, GNUPGHOME=str(home))
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key",
        "Releases <releases@example.org>", "ed25519", "sign", env=env)
    yield env
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=False)


def changed(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
def test_release(clone, env):
    said = run("make", "--no-print-directory", "release",
               "SIGN_KEY=releases@example.org", cwd=clone, env=env)
    assert "signed with releases@example.org" in said
    release = clone / "out/release"
    names = {path.name for path in release.iterdir()}
    assert {"bios.bin", "pcr0.txt", "reference.json", "sbom.spdx.json",
            "SHA256SUMS", "SHA256SUMS.asc"} < names and len(names) == 9, names
    parts = json.loads((release / "sbom.spdx.json").read_text())
    described = {p["name"]: p for p in parts["packages"]}
    assert {"bios.bin", "gcc", "binutils"} < set(described)
    sums = dict(reversed(line.split()) for line in
                (release / "SHA256SUMS").read_text().splitlines())
    assert described["bios.bin"]["checksums"][0]["checksumValue"] == \
        sums["bios.bin"]
    values = json.loads((release / "reference.json").read_text())
    only, = values["images"]
    assert only["sha256"] == sums["bios.bin"]
    assert [f"{bank:8} 0 {value}".split() for bank, value in
            only["pcr0"].items()] == [line.split() for line in (
                release / "pcr0.txt").read_text().splitlines()]

    # A guest's log, and keelpcr as if it were installed.
    log_file(release / "binary_bios_measurements", pcrpredict.predict(
        pcrpredict.Facts(bios=str(release / "bios.bin"))))
    env["PATH"] = f"{TOP}/scripts:{env['PATH']}"
    for heading in ("Is it the project's?", "Does it come from this source?",
                    "Does a machine run it?"):
        lines = commands(heading)
        assert lines
        done = shell(lines, release, env)
        assert done.returncode == 0, (lines, done.stdout, done.stderr)
        if "gpg" in lines[0]:
            assert "Good signature" in done.stderr
            assert len(re.findall(": OK$", done.stdout, re.M)) == 7

    whose = commands("Is it the project's?")
    changed(release / "bios.bin")
    assert shell(whose[:1], release, env).returncode == 0
    assert "bios.bin: FAILED" in shell(whose, release, env).stdout
    assert shell(commands("Does it come from this source?")[-3:-2], release,
                 env).returncode != 0
    changed(release / "SHA256SUMS")
    assert shell(whose[:1], release, env).returncode != 0


def test_without_a_key(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader(
        "release", str(TOP / "scripts/release"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    release = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("release", loader))
    loader.exec_module(release)
    assert "not signed" in release.sign(tmp_path, None)
    assert not list(tmp_path.iterdir())

# SPDX-License-Identifier: MIT
"""The Debian packages: reproducible, and nothing for lintian to say."""
import os
import shutil
import subprocess

import pytest

from test_image import build, run, sha256
from test_version import fixture_clone, make_dist, unpack  # noqa: F401

TOOLS = {"dpkg-buildpackage": "dpkg-dev", "dh": "debhelper",
         "dh_python3": "dh-python", "lintian": "lintian"}


@pytest.fixture(name="tools")
def fixture_tools():
    """Skips without them: `make check` does not install them."""
    missing = [f"{tool} (package {package})" for tool, package in TOOLS.items()
               if not shutil.which(tool)]
    if missing:
        pytest.skip(f"scripts/setup deb full was not run: no {missing}")


def packages(where):
    return {path.name.split("_")[0]: path for path in where.glob("*.deb")}


def unpacked(package, file):
    tar = subprocess.run(["dpkg", "--fsys-tarfile", package], check=True,
                         capture_output=True).stdout
    return subprocess.run(["tar", "xO", f"./{file}"], input=tar, check=True,
                          capture_output=True).stdout


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
def test_deb(clone, tmp_path):
    """`make deb`, and by hand from the tarball in a longer directory: the same
    bytes; the image is the clone's."""
    build(clone)
    run("make", "--no-print-directory", "deb", cwd=clone)
    first = packages(clone / "out")
    assert set(first) == {"keelbios", "keelpcr"}
    tree = unpack(make_dist(clone), tmp_path / "a-longer-name/deeper")
    run("dpkg-buildpackage", "-us", "-uc", cwd=tree)
    second = packages(tree.parent)
    for name, path in first.items():
        assert sha256(path) == sha256(second[name]), \
            f"{path} and {second[name]} differ: compare them with diffoscope"
    needs = subprocess.run(["dpkg", "-f", first["keelpcr"], "Depends"],
                           check=True, text=True, capture_output=True).stdout
    assert "python3:any" in needs, "python3-minimal is not enough"
    assert unpacked(first["keelbios"], "var/lib/keelbios/bios.bin") == \
        (clone / "out/bios.bin").read_bytes()
    changes, = tree.parent.glob("*.changes")
    done = subprocess.run(
        ["lintian", "--allow-root", "-i", "--fail-on", "error,warning",
         changes], env=dict(os.environ, LANG="C.UTF-8"), text=True,
        capture_output=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr

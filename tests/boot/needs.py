# SPDX-License-Identifier: MIT
"""What a test needs from the machine that not every release of Debian has."""

import functools
import pathlib
import re
import shutil
import subprocess

import pytest

import vm

SETUP = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "setup"


def gone():
    """Packages of Debian 12 that later releases do not have."""
    table = re.search(r"^since_13='\n(.*?)^'", SETUP.read_text(), re.M | re.S)[1]
    return {line.split()[0] for line in table.splitlines()
            if len(line.split()) == 1}


def needed(what, package):
    """A file, or the newest of a pattern, or a program on the path.  Where its
    package (as Debian 12 calls it) is gone the test is skipped and says so."""
    found = sorted(pathlib.Path("/").glob(what[1:])) if what[0] == "/" else \
        list(filter(None, [shutil.which(what)]))
    if found:
        return pathlib.Path(found[-1])
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', pathlib.Path(
        "/etc/os-release").read_text(), re.M))
    if package in gone() and release.get("VERSION_ID") != "12":
        pytest.skip(f"{release.get('PRETTY_NAME')} has no package {package}, "
                    f"which has {what}")
    pytest.fail(f"{what} is missing: run scripts/setup (package {package})")


@functools.cache
def machine_types():
    out = subprocess.run([vm.QEMU, "-M", "help"], check=True, text=True,
                         stdout=subprocess.PIPE, timeout=30).stdout
    return {line.split()[0] for line in out.splitlines()[1:] if line}


def machine_type(name):
    """QEMU drops machine types after some years: where that is so, the test is
    skipped and says so."""
    if name.partition(",")[0] not in machine_types():
        pytest.skip(f"{vm.QEMU} has no machine type {name} any more")
    return name


@functools.cache
def cpu_properties():
    return subprocess.run([vm.QEMU, "-device", "qemu64-x86_64-cpu,help"],
                          check=True, text=True, stdout=subprocess.PIPE,
                          timeout=30).stdout


def cpu_property(name):
    """A property of QEMU's processors that older ones do not have."""
    if not re.search(rf"^ +{name}=", cpu_properties(), re.M):
        pytest.skip(f"{vm.QEMU}'s processors have no {name}")

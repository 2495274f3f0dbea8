# SPDX-License-Identifier: MIT
"""What a test needs from the machine that not every release of Debian has."""

import functools
import json
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
def output(*argv):
    """What a program says of itself."""
    return subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=60).stdout


def machine_type(name):
    """QEMU drops machine types after some years: where that is so, the test is
    skipped and says so."""
    known = output(vm.QEMU, "-M", "help").splitlines()
    if name.partition(",")[0] not in {line.split()[0] for line in known if line}:
        pytest.skip(f"{vm.QEMU} has no machine type {name} any more")
    return name


def device_property(device, name):
    """Skips where this QEMU's device has no such property."""
    if not re.search(rf"^ +{name}=", output(vm.QEMU, "-device",
                                            f"{device},help"), re.M):
        pytest.skip(f"{vm.QEMU}: {device} has no {name}")


def linux_on_bochs(version):
    """Skips for kernels that do not start on Bochs, whatever the firmware: with
    SeaBIOS 1.17, too, 7.2 divides by zero in register_refined_jiffies()."""
    if int(version.partition(".")[0]) >= 7:
        pytest.skip(f"Linux {version} does not start on Bochs 3.1, with any "
                    "firmware")


def swtpm_has(feature):
    text = output("swtpm", "socket", "--tpm2", "--print-capabilities")
    return feature in json.loads(text or "{}").get("features", [])


def swtpm(feature, since):
    """Skips where swtpm cannot do that, and says since which version it can."""
    if not swtpm_has(feature):
        pytest.skip(f"swtpm has no {feature}, which {since} has")

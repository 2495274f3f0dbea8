# SPDX-License-Identifier: MIT
"""GRUB with the module of contrib/grub: built once for each version of GRUB and
of the module, under out/grub-tpm, and disks that it boots."""

import fcntl
import hashlib
import os
import re
import pathlib
import subprocess

import pytest

from conftest import OUT, ROOT, load_script

CONTRIB = ROOT / "contrib" / "grub"
NO_SOURCE = 3               # exit status of build

# In the core image, so that GRUB loads nothing else; the serial port is its
# terminal, and what it says before that stays on the screen.
MODULES = ("linux", "tpm", "serial", "terminal", "configfile", "boot")
HEAD = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
"""


def source_lists(work):
    """An APT_CONFIG that has the sources of what this machine takes packages
    from, for machines without deb-src."""
    parts = work / "sources.list.d"
    for folder in (parts, work / "lists" / "partial",
                   work / "cache" / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    for path in [pathlib.Path("/etc/apt/sources.list"),
                 *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = re.sub(r"^(Types: *)deb *$", r"\1deb-src", path.read_text(),
                      flags=re.M)
        text = re.sub(r"^deb ", "deb-src ", text, flags=re.M)
        (parts / path.name).write_text(text)
    config = work / "apt.conf"
    config.write_text(f'Dir::Etc::sourceparts "{parts}";\n'
                      'Dir::Etc::sourcelist "/dev/null";\n'
                      f'Dir::State::lists "{work}/lists";\n'
                      f'Dir::Cache "{work}/cache";\n'
                      'APT::Sandbox::User "root";\n')
    env = dict(os.environ, APT_CONFIG=str(config))
    subprocess.run(["apt-get", "update", "-q"], env=env, check=False,
                   capture_output=True, timeout=600)
    return env


def modules_built(work):
    """The directory of GRUB's modules with ours."""
    version = subprocess.run(
        ["dpkg-query", "-W", "-f", "${source:Version}", "grub-pc-bin"],
        capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256((CONTRIB / "tpm.c").read_bytes()
                         + (CONTRIB / "build").read_bytes()).hexdigest()[:12]
    built = OUT / "grub-tpm" / f"{version}-{key}"
    built.parent.mkdir(parents=True, exist_ok=True)
    with open(built.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if built.exists():
            return built
        fresh = work / "grub-tpm"
        done = subprocess.run([CONTRIB / "build", "--output", fresh],
                              env=source_lists(work / "apt"), check=False,
                              capture_output=True, text=True, timeout=3000)
        if done.returncode == NO_SOURCE:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stdout + done.stderr
        subprocess.run(["cp", "-r", fresh, f"{built}.new"], check=True)
        os.rename(f"{built}.new", built)
    return built


def disk(tests, files, config, more=None):
    """A disk whose GRUB measures and has this grub.cfg."""
    image = tests.tmp / "grub-tpm.img"
    load_script("guest").build_disk(
        image, files["vmlinuz"].parent, HEAD + config, MODULES,
        modules_built(tests.tmp), more)
    return image

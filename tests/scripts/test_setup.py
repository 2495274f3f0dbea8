# SPDX-License-Identifier: MIT
"""scripts/setup on a system that has none of the packages, with a package
manager that only notes what it is asked for."""

import os
import pathlib
import re
import subprocess

SETUP = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "setup"
GROUPS = re.findall(r"\w+", re.search(
    r"setup \[([\w|]+)\]", SETUP.read_text(encoding="utf-8"))[1])


def run_setup(tmp_path, *groups):
    """(what it did, its lines to the package manager)"""
    asked = tmp_path / "asked"
    asked.write_text("")
    for name, text in {"dpkg-query": "exit 1", "sudo": 'exec "$@"',
                       "apt-get": f'echo "$@" >> {asked}'}.items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{text}\n")
        tool.chmod(0o755)
    done = subprocess.run(
        [SETUP, *groups], capture_output=True, text=True, check=False,
        env=dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}"))
    return done, asked.read_text().splitlines()


def packages(lines):
    last = lines[-1].split()
    return last[last.index("--no-install-recommends") + 1:]


def test_all_groups(tmp_path):
    """Every name can be a package's, none is asked for twice, and nothing but
    the one line is said."""
    done, asked = run_setup(tmp_path, *GROUPS)
    assert done.returncode == 0 and not done.stderr, done.stderr
    names = packages(asked)
    assert done.stdout == f"setup: installing {' '.join(names)}\n"
    assert len(names) > 40 and len(set(names)) == len(names), names
    for name in names:
        assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name), name


def test_each_group(tmp_path):
    """Each adds something, and no argument means the first three."""
    for group in GROUPS:
        done, asked = run_setup(tmp_path, group)
        assert done.returncode == 0 and packages(asked), group
    assert packages(run_setup(tmp_path)[1]) == packages(
        run_setup(tmp_path, *GROUPS[:3])[1])


def test_what_make_needs(tmp_path):
    """The firmware is 32-bit code without a C library: no headers for it."""
    assert "gcc-multilib" not in packages(run_setup(tmp_path, "build")[1])

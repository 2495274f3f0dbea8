# SPDX-License-Identifier: MIT
"""The pictures in docs/img show the facts of source and build."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ELF = pathlib.Path(os.environ.get("O") or ROOT / "out") / "bios.elf"


def check(root):
    return subprocess.run(
        [ROOT / "scripts/diagrams", "--check", "--root", root, "--elf", ELF],
        capture_output=True, text=True, check=False)


def test_pictures_are_up_to_date():
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name,old,new,said", [
    ("src/main/post.c", "    smp_start();\n", "", "post.svg"),
    ("src/tcg/setup_post.c", "t->state = TCG_MEASURING", "(void)t",
     "tcg_attach_log"),
    ("src/boot/boot.c", "read_sector(", "load_sector(", "read_sector"),
    ("src/core/layout.h", "0x300000", "0x380000", "memory-map.svg"),
])
def test_a_changed_fact_is_found(tmp_path, name, old, new, said):
    for part in ("src", "docs", "Kconfig"):
        copy = shutil.copy2 if part == "Kconfig" else shutil.copytree
        copy(ROOT / part, tmp_path / part)
    path = tmp_path / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} has changed: mend this test"
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = check(tmp_path)
    assert done.returncode != 0 and said in done.stderr, done

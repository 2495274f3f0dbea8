# SPDX-License-Identifier: MIT
"""The folders of src stand in one order, from the ground up.  A file includes,
and calls, what is in its own folder or below.  So there is no circle between
folders, and what is low can be read without what is high."""

import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SRC = TOP / "src"
OUT = pathlib.Path(os.environ.get("O") or TOP / "out")

# From the ground up; docs/architecture.md says what is in each.
ORDER = ["lib", "core", "hw", "fw", "pci", "hash", "tpmdev", "tcg", "measure",
         "disk", "hba", "services", "usb", "boot", "tpm", "main"]
# Assembly at the bottom enters C at the top; these are the only two ways.
WAYS_UP = {("core/entry", "start"), ("core/entry", "real_dispatch"),
           ("core/v86_entry", "real_dispatch")}
# Who includes it, besides the folder itself: nobody.
PRIVATE = {"tcg/internal.h", "boot/boot_list.h"}
FILES_MAX = 36                  # in a folder, with headers


def rank(name):
    return ORDER.index(name.split("/")[0])


def sources(root=SRC):
    return sorted(path for path in root.rglob("*")
                  if path.suffix in (".c", ".h", ".S"))


def upward_includes(root=SRC):
    """Texts: file, what it includes."""
    for path in sources(root):
        name = str(path.relative_to(root))
        for other in re.findall(r'^\s*#\s*include "([^"]+)"',
                                path.read_text(encoding="utf-8"), re.M):
            folder = other.split("/")[0]
            if folder == "generated":
                continue
            if folder not in ORDER:
                yield f"src/{name} includes {other}, which is in no folder"
            elif rank(other) > rank(name):
                yield f"src/{name} includes {other}, which is above it"
            elif other in PRIVATE and rank(other) != rank(name):
                yield f"src/{name} includes {other}, which is its folder's own"


def symbols(obj):
    """(defined, undefined) names."""
    text = subprocess.run(["nm", "-g", obj], check=True, text=True,
                          capture_output=True).stdout
    found = re.findall(r"^(?:[0-9a-f]+| +) (\w) (\S+)$", text, re.M)
    return ({name for kind, name in found if kind != "U"},
            {name for kind, name in found if kind == "U"})


def upward_symbols(out=OUT):
    """Texts: file, the name it uses, and whose that is."""
    objects = out / "obj" / "src"
    tables = {}
    for path in sources():
        name = path.relative_to(SRC).with_suffix("")
        if path.suffix != ".h" and (objects / name).with_suffix(".o").exists():
            tables[str(name)] = symbols((objects / name).with_suffix(".o"))
    owner = {name: file for file, (defined, _) in tables.items()
             for name in defined}
    for file, (_, undefined) in sorted(tables.items()):
        for name in sorted(undefined):
            other = owner.get(name)
            if other and rank(other) > rank(file) and \
                    (file, name) not in WAYS_UP:
                yield f"src/{file} uses {name} of src/{other}, which is above"


def test_every_folder_has_its_place():
    folders = {path.name for path in SRC.iterdir() if path.is_dir()}
    assert folders == set(ORDER)
    assert not [path for path in SRC.iterdir() if path.is_file()]
    large = {folder: count for folder in ORDER if (count := len(
        [p for p in sources() if p.relative_to(SRC).parts[0] == folder]))
        > FILES_MAX}
    assert not large, f"more than {FILES_MAX} files: {large}"


def test_includes_run_one_way():
    wrong = list(upward_includes())
    assert not wrong, "\n".join(wrong)


def test_symbols_run_one_way():
    assert (OUT / "bios.elf").exists(), f"no {OUT}/bios.elf: run make first"
    wrong = list(upward_symbols())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file,other,why", [
    ("lib/print.c", "core/real.h", "above it"),
    ("tpm/linux.c", "tcg/internal.h", "its folder's own"),
    ("fw/e820.c", "e820.h", "in no folder"),
])
def test_it_can_fail(tmp_path, file, other, why):
    """One include turned upwards is found, with both files' names."""
    for path in sources():
        copy = tmp_path / path.relative_to(SRC)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with open(tmp_path / file, "a", encoding="utf-8") as text:
        text.write(f'#include "{other}"\n')
    wrong = list(upward_includes(tmp_path))
    assert len(wrong) == 1 and f"src/{file} includes {other}" in wrong[0] \
        and why in wrong[0], wrong

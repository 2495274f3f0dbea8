# SPDX-License-Identifier: MIT
"""What check_stacks and check_packages share, as far as it needs no system:
rows in the table of a page, and the commands that are in a page."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import barestack                                    # noqa: E402
import pageblocks                                   # noqa: E402

HEAD = ["stack", "date"]


def row(suite, date):
    return barestack.line([barestack.label(suite), date])


def test_rows_of_a_page(tmp_path, monkeypatch):
    """A row replaces the one of its release, in their order; the rest of the
    page stays."""
    page = tmp_path / "page.md"
    before, after = "text\n<!-- a begins -->\n", "<!-- a ends -->\nmore\n"
    page.write_text(before + "\n" + after)
    monkeypatch.setattr(barestack, "PAGE", page)
    barestack.write_page("a", HEAD, {"trixie": row("trixie", "1")})
    barestack.write_page("a", HEAD, {"bookworm": row("bookworm", "2"),
                                     "trixie": row("trixie", "3")})
    barestack.write_page("a", HEAD, {"bookworm": row("bookworm", "4")})
    assert page.read_text() == (
        before + "\n| stack | date |\n|---|---|\n"
        "| Debian 12 (bookworm) | 4 |\n| Debian 13 (trixie) | 3 |\n\n" + after)


def test_commands_of_a_block():
    assert pageblocks.commands("one\ntwo \\\n    more \\\n    words\nthree") == \
        ["one", "two \\\n    more \\\n    words", "three"]


def test_what_check_packages_types():
    """The page has it: two commands each where it wants two."""
    page = pageblocks.blocks(ROOT / "docs/libvirt.md")
    counts = {name: len(pageblocks.commands(page[name]))
              for name in ("packages", "virt-install", "check")}
    assert counts == {"packages": 2, "virt-install": 2, "check": 1}
    for name in counts:
        subprocess.run(["bash", "-n"], input=page[name], text=True, check=True)
    assert "firmware=bios" in page["virt-install"]


@pytest.mark.parametrize("name", ["check_stacks", "check_packages"])
def test_unknown_release(name):
    done = subprocess.run([ROOT / "scripts" / name, "woody"], check=False,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "unknown: woody" in done.stderr

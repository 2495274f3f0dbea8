# SPDX-License-Identifier: MIT
"""docs/ppi.md shows the operations table of the source."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_page_is_up_to_date():
    done = subprocess.run([ROOT / "scripts/ppi_table", "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

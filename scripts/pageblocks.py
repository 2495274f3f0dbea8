# SPDX-License-Identifier: MIT
"""The marked blocks of a page, which tests take from it as they stand there:

    <!-- test: name -->

        the text, four columns to the right
"""

import pathlib
import re
import textwrap


def blocks(page):
    """{name: text}"""
    found = re.findall(r"<!-- test: ([\w-]+) -->\n\n((?:    [^\n]*\n|\n)+)",
                       pathlib.Path(page).read_text(encoding="utf-8"))
    return {name: textwrap.dedent(text).strip() for name, text in found}


def commands(block):
    """Its commands, each with the lines that it goes on in."""
    return re.findall(r"(?:[^\n]*\\\n)*[^\n]+", block)

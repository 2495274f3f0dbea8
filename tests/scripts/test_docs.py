# SPDX-License-Identifier: MIT
"""The pages name files, functions and tests that exist."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# What a recipe invents.
EXAMPLES = re.compile(r"NAME|FILE")


def text(path):
    return path.read_text(encoding="utf-8")


def test_files_exist():
    """Paths from the top: src/tcg/tcg.h, tests/boot/test_bad.py."""
    wrong = []
    for page in PAGES:
        if page.name == "CHANGELOG.md":     # what was, may be gone
            continue
        for name in set(re.findall(
                r"\b((?:src|tests|scripts|docs)/[\w./-]*\w)(?![\w*])", text(page))):
            if not EXAMPLES.search(name) and "*" not in name and \
                    not (ROOT / name).exists():
                wrong.append(f"{page.name}: {name}")
    assert not wrong, "\n".join(wrong)


def test_links_lead_somewhere():
    wrong = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(page)):
            if not link.startswith("http") and \
                    not (page.parent / link).exists():
                wrong.append(f"{page.name}: {link}")
    assert not wrong, "\n".join(wrong)


def test_stops_of_the_tour():
    """Ten stops; each function is in its file, each test in its own."""
    tour = text(ROOT / "docs/tour.md")
    stops = re.findall(r"^## \d+\. (\S+): (\w+)\(\)\n(.*?)(?=^## )", tour,
                       re.M | re.S)
    assert len(stops) == 10
    wrong = []
    for file, function, words in stops:
        if not re.search(rf"^[a-zA-Z].*\b{function}\(", text(ROOT / file),
                         re.M):
            wrong.append(f"{file} has no {function}()")
        tests = re.findall(r"(test_\w+)\.py", words)
        assert tests, f"stop {function}() names no test"
        sources = "".join(text(ROOT / f"tests/boot/{t}.py") for t in tests)
        for test in re.findall(r"`(test_\w+)`", words):
            if f"def {test}(" not in sources:
                wrong.append(f"{function}(): no {test}")
    # Functions that the words name, with the file in parentheses behind.
    for function, file in re.findall(r"`(\w+)\(\)`[^`]{0,6}\(`(src/\S+?)`\)",
                                     tour):
        if f"{function}(" not in text(ROOT / file):
            wrong.append(f"{file} has no {function}()")
    assert not wrong, "\n".join(wrong)

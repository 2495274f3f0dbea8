# SPDX-License-Identifier: MIT
"""The limits of the style: length of functions, nesting, files, lines.

C is laid out by `make format`, so that columns tell what a parser would: a
function's body is between lines "{" and "}", and each level is four columns.
"""
import ast
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]

FUNCTION_MAX = 60           # lines of a body
NESTING_MAX = 3             # of control statements in a function
FILE_MAX = 500              # lines, unless the file's head says why
COLUMNS = 80
REASON = "Long because "    # in the head comment
HEAD = 40                   # lines in which that is looked for

C = ("src/*.c", "src/*.h", "tests/*.c", "tests/*.h")
CONTROL = re.compile(r"( +)(?:\} )?(?:if|for|while|switch|do|else)\b")

# What is not mended yet: (file, what) and why.  An entry without need fails.
ALLOWED = {
    ("src/lib/print.c", "function"): "one format's letters in one switch",
}


def files(*patterns):
    """Tracked files, as (name, lines)."""
    names = subprocess.run(["git", "ls-files", "--", *patterns], cwd=TOP,
                           check=True, capture_output=True,
                           text=True).stdout.split()
    return [(n, (TOP / n).read_text(encoding="utf-8").split("\n"))
            for n in names if (TOP / n).is_file()]


def functions_c(lines):
    """(number of the line "{", lines of the body) of each function."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, lines[start:number - 1]
            start = None


def check(found, *kinds):
    """Fail with what was found of these kinds, but for what is allowed."""
    new = [text for name, kind, text in found if (name, kind) not in ALLOWED]
    assert not new, "\n" + "\n".join(new)
    there = {(name, kind) for name, kind, _ in found}
    mended = [key for key in ALLOWED if key[1] in kinds and key not in there]
    assert not mended, f"not needed in ALLOWED any more: {mended}"


def kept_short(lines):
    return len(lines) - 1 <= FILE_MAX or REASON in "\n".join(lines[:HEAD])


def test_c_functions():
    found = []
    for name, lines in files(*C):
        for start, body in functions_c(lines):
            if len(body) > FUNCTION_MAX:
                found.append((name, "function",
                              f"{name}:{start}: a function of {len(body)} "
                              f"lines, at most {FUNCTION_MAX}"))
            for number, line in enumerate(body, start + 1):
                control = CONTROL.match(line)
                depth = len(control[1]) // 4 if control else 0
                if depth > NESTING_MAX:
                    found.append((name, "nesting",
                                  f"{name}:{number}: nesting of {depth}, "
                                  f"at most {NESTING_MAX}"))
    check(found, "function", "nesting")


OTHERS = ("*.S", "*.py", "scripts/*")


def test_files():
    check([(name, "file", f"{name}:1: {len(lines) - 1} lines, at most "
                          f"{FILE_MAX}, or the head says \"{REASON}...\"")
           for name, lines in files(*C, *OTHERS) if not kept_short(lines)],
          "file")


@pytest.mark.parametrize("top", ["tests", "src"])
def test_columns(top):
    check([(name, "line", f"{name}:{number}: {len(line)} columns, at most "
                          f"{COLUMNS}")
           for name, lines in files(*C) if name.startswith(top + "/")
           for number, line in enumerate(lines, 1) if len(line) > COLUMNS])


def test_names_of_tests():
    """pytest does not collect a second file of a name."""
    names = [pathlib.Path(name).name for name, _ in files("tests")]
    twice = {name for name in names if name.startswith("test_")
             and names.count(name) > 1}
    assert not twice, f"rename one each of {sorted(twice)}"


def python_files():
    """Python by its name, or by its first line."""
    return [(name, lines) for name, lines in files("scripts", "tests", ".ci")
            if name.endswith(".py")
            or re.match(r"#!.*\bpython3?$", lines[0])]


def test_python_functions():
    found = []
    for name, lines in python_files():
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            length = node.end_lineno - node.lineno
            if length > FUNCTION_MAX:
                found.append((name, "function",
                              f"{name}:{node.lineno}: {node.name}() has "
                              f"{length} lines, at most {FUNCTION_MAX}"))
    assert not found, "\n" + "\n".join(text for _, _, text in found)


def test_no_source_is_included():
    """A test is linked with what it tests."""
    found = [(name, "include", f"{name}:{number}: {line}")
             for name, lines in files("tests/*.c", "tests/*.h")
             for number, line in enumerate(lines, 1)
             if re.match(r'\s*#\s*include\s+".*\.c"', line)]
    check(found)

# SPDX-License-Identifier: MIT
"""scripts/stackuse: what it computes for a few functions of C, and how it ends
when something does not hold."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = pathlib.Path(os.environ.get("O") or ROOT / "out").resolve()
CFLAGS = ("-m32 -march=i486 -std=gnu11 -ffreestanding -fno-pic -fno-pie "
          "-fno-stack-protector -fno-asynchronous-unwind-tables -mregparm=3 "
          "-mpreferred-stack-boundary=2 -fcf-protection=none "
          "-ffunction-sections -fdata-sections -fcallgraph-info=su").split()


def load():
    loader = importlib.machinery.SourceFileLoader(
        "stackuse", str(ROOT / "scripts/stackuse"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("stackuse", loader))
    loader.exec_module(module)
    return module


stackuse = load()

START = """
extern void real_call(void);
static void use(volatile char *p) { p[0] = 1; }
#define FRAME(n) volatile char room[n]; use(room)
"""


@pytest.fixture
def graph(tmp_path):
    """A Graph of C source; the rules of stack_table are given by name."""
    def make(source, through=None, level="-Oz", **rules):
        path = tmp_path / "sample.c"
        path.write_text(START + source)
        subprocess.run(["gcc", *CFLAGS, level, "-c", path,
                        "-o", path.with_suffix(".o")], check=True)
        names = {"POINTERS": {}, "ASSEMBLY": {"real_call": 2000},
                 "PASSED": set(), "STARTED": set(), "RARE": set(),
                 "RECURSION": {},
                 "ENTRIES": [], "REPORTED": [], "NESTED": []}
        objects = stackuse.Objects("objdump", [str(path.with_suffix(".o"))])
        return stackuse.Graph(objects, types.SimpleNamespace(
            **{**names, **rules}), [path.read_text()], through)
    return make


def names(chain):
    return [name for name, _ in chain]


CHAIN = """
__attribute__((noinline)) int deep(int a) { FRAME(300); return a + room[1]; }
__attribute__((noinline)) int flat(int a) { FRAME(20); return a - room[1]; }
int top(int a) { FRAME(100); return flat(a) + deep(a) + room[0]; }
"""


@pytest.mark.parametrize("level", ["-Oz", "-O2", "-O0"])
def test_chain(graph, level):
    used, chain = graph(CHAIN, level=level).worst("top")
    assert 408 <= used <= 520
    assert names(chain)[:2] == ["top", "deep"]
    # Each part is what this function has in use where it goes on.
    assert sum(part for _, part in chain) == used


def test_to_a_call_of_real_mode(graph):
    source = CHAIN + """
    int other(int a) { FRAME(50); real_call(); return a + top(a) + room[0]; }
    """
    used, chain = graph(source).worst("other")
    assert 2050 < used < 2100 and names(chain) == ["other", "real_call"]
    assert graph(source, through="real_call").worst("top") is None


POINTER = """
struct ops { int (*read)(int); };
static int small(int a) { FRAME(16); return a + room[0]; }
static int big(int a) { FRAME(400); return a + room[0]; }
const struct ops one = { .read = small }, two = { .read = big };
int top(const struct ops *ops) { return ops->read(1) + 1; }
"""


def test_pointer_by_its_field(graph):
    g = graph(POINTER)
    g.check_pointers()
    used, chain = g.worst("top")
    assert 408 <= used < 450 and names(chain) == ["top", "big"]


def test_pointer_by_a_table(graph):
    source = POINTER.replace(".read = ", "") + """
    int again(const struct ops *ops) { return ops->read(2) - 1; }
    """
    with pytest.raises(stackuse.Problem, match="top: whom 'read' calls is not"):
        graph(source).worst("top")
    with pytest.raises(stackuse.Problem, match="big: its address is in two"):
        graph(source, POINTERS={"read": ["table:one"]}).check_pointers()
    g = graph(source, POINTERS={"read": ["table:one", "big"]})
    g.check_pointers()
    assert names(g.worst("again")[1]) == ["again", "big"]


def test_switch_and_pointer_arguments(graph):
    source = """
    static int small(int a) { FRAME(16); return a + room[0]; }
    static int big(int a) { FRAME(400); return a + room[0]; }
    __attribute__((noipa)) int via(int (*fn)(int), int a) { return fn(a) + 1; }
    int one(int a) { return via(small, a) + 1; }
    int two(int a) { return via(big, a) + 1; }
    int select(int a, int b) {
        switch (a) {
        case 0: return one(b); case 1: return b * 3; case 2: return b - 9;
        case 3: return b / 7; case 4: return two(b) + 1; case 5: return b ^ 5;
        }
        return 0;
    }
    """
    g = graph(source, POINTERS={"fn": ["small", "big"]}, PASSED={"via"})
    assert names(g.worst("one")[1]) == ["one", "via", "small"]
    assert names(g.worst("select")[1]) == ["select", "two", "via", "big"]


RECURSIVE = """
int down(int a);
__attribute__((noinline)) int step(int a)
{ FRAME(60); return down(a) + room[0]; }
int down(int a) { FRAME(100); return a ? step(a - 1) + room[0] : 0; }
int top(int a) { return down(a) + 1; }
"""


def test_recursion(graph):
    with pytest.raises(stackuse.Problem, match="recursion without a bound: "
                       "down -> step -> down"):
        graph(RECURSIVE).worst("top")
    once = graph(RECURSIVE, RECURSION={"down": 1}).worst("top")[0]
    twice = graph(RECURSIVE, RECURSION={"down": 2}).worst("top")[0]
    often = graph(RECURSIVE, RECURSION={"down": 5}).worst("top")[0]
    assert 160 < twice - once < 220
    assert often - once == 4 * (twice - once)


def test_what_is_not_known(graph):
    with pytest.raises(stackuse.Problem, match="memset: neither in C nor in"):
        graph("void *memset(void *, int, unsigned);"
              "int top(char *p) { memset(p, 0, 9); return 1; }").worst("top")
    with pytest.raises(stackuse.Problem, match="top: its stack pointer after"):
        graph("int top(int n) { volatile char a[n]; a[0] = 1; use(a); "
              "return a[n - 1]; }").worst("top")


LIMITS = {"STACK_RESERVE": 440, "STACK_SIZE": 3000, "ENTRY_SIZE": 52}


def test_limits(graph):
    source = CHAIN + """
    int wait(int a) { real_call(); return a + 1; }
    int (*const entries[])(int) = { top };
    int serve(int n) { return entries[n](n) + 1; }
    """
    good = {"SERVICES": ("serve", "entries", "STACK_RESERVE"),
            "ENTRIES": [("start", ["wait"], "STACK_SIZE")],
            "NESTED": [("nested", [("wait", ["wait"]), "top"])]}

    def check(limits, **rules):
        g = graph(source, **rules)
        calls = graph(source, through="real_call", **rules)
        return "\n".join(stackuse.check(g, calls, g.rules, limits))

    assert re.findall(r"^  (\w+)", check(LIMITS, **good), re.M) == \
        ["top", "start", "nested"]
    with pytest.raises(stackuse.Problem) as e:
        check({**LIMITS, "STACK_RESERVE": 400}, **good)
    assert re.fullmatch(r"top: \d+ bytes of stack, STACK_RESERVE is 400:\n"
                        r"    serve \d+ > top \d+ > deep \d+",
                        str(e.value)), e.value
    with pytest.raises(stackuse.Problem, match="nested: .* STACK_SIZE is 2500"):
        check({**LIMITS, "STACK_SIZE": 2500}, **good)


def test_firmware_is_above_the_compilers_figures():
    """GCC counts no push that it makes for a constant or an argument: less than
    the machine code has, never more."""
    objects = stackuse.Objects("objdump", sorted(
        map(str, (OUT / "obj/src").rglob("*.o"))))
    figures = {}
    for ci in (OUT / "obj/src").rglob("*.ci"):
        for title, size in re.findall(r'node: { title: "([^"]+)" label: '
                                      r'"[^"]*?(\d+) bytes', ci.read_text()):
            name = title.rsplit(":", 1)[-1]
            path = str(ci.with_suffix(".o"))
            figures[(path, name) if ":" in title else name] = int(size)
    assert len(figures) > 700
    wrong = [f"{place}: {objects.functions[place].own} < {size}"
             for place, size in figures.items()
             if objects.functions[place].own < size]
    assert not wrong, "\n".join(wrong)

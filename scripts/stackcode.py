# SPDX-License-Identifier: MIT
"""Functions, calls and stack depths, from the machine code in objects; for
scripts/stackuse.

Depths and direct calls come from the disassembly.  GCC's own figures
(-fstack-usage) leave out some pushes under -Oz.  Which expression in the source
a call through a pointer comes from is in the .ci file beside each object
(-fcallgraph-info).
"""
import pathlib
import re
import subprocess

RETURN = 4                      # bytes that a call pushes
RUNAWAY = 0x10000               # deeper than any frame: not understood
KEYWORDS = {"void", "if", "while", "return", "sizeof"}
NOWHERE = object()              # a jump that stays in its function


class Problem(Exception):
    """What the build ends with."""


class Function:
    """own: its frame at its deepest, from the return address on.
    calls: {(callee, is a tail call): depth there}; callee None: a pointer."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self.code = []              # (address, instruction, relocation)
        self.own, self.calls = RETURN, {}
        self.pointers = set()       # expressions that are called

    def returns(self):
        """Does it come back?  One that jumps elsewhere may."""
        return any(text.startswith(("ret", "iret")) or
                   text.startswith("j") and (symbol or "*" in text)
                   for _, text, symbol in self.code)


def number(text):
    value = int(text, 16)
    return value - (1 << 32) if value >= 1 << 31 else value


class Step:
    """The depth after an instruction, and where frame pointers point."""
    LEA_SP = re.compile(r"lea\s+(-?0x[0-9a-f]+)?\(%(\w+)\),%esp$")
    LEA = re.compile(r"lea\s+(-?0x[0-9a-f]+)?\(%esp\),%(\w+)$")
    MOV = re.compile(r"mov\s+%(\w+),%(\w+)$")
    SUM = re.compile(r"(sub|add)\s+\$(0x[0-9a-f]+),%esp$")
    ALIGN = re.compile(r"and\s+\$0x(fffffff[08]),%esp$")

    def __init__(self, depth, frames):
        self.depth, self.frames = depth, frames

    def after(self, text):
        depth, frames = self.depth, self.frames
        op = text.split(None, 1)[0]
        if op.startswith(("pusha", "popa", "enter")):
            raise KeyError(text)
        if op.startswith("push"):
            depth += 2 if op.endswith("w") else 4
        elif op.startswith("pop"):
            depth -= 2 if op.endswith("w") else 4
        elif text.startswith("leave"):
            depth = frames["ebp"] - 4
        elif m := self.SUM.match(text):
            depth += number(m[2]) if m[1] == "sub" else -number(m[2])
        elif m := self.ALIGN.match(text):       # the worst: 4 past a bound
            depth += 0x100000000 - int(m[1], 16) - 4
        elif m := self.LEA_SP.match(text):
            depth = (depth if m[2] == "esp" else frames[m[2]]) \
                - number(m[1] or "0")
        elif m := self.LEA.match(text):
            frames = {**frames, m[2]: depth - number(m[1] or "0")}
        elif (m := self.MOV.match(text)) and m[1] == "esp":
            frames = {**frames, m[2]: depth}
        elif m and m[2] == "esp":
            depth = frames[m[1]]
        elif re.search(r"[ ,]%e?sp$", text):
            raise KeyError(text)
        return Step(depth, frames)


def follow(function, never_returns):
    """Fill in own and calls by walking all paths through the function."""
    index = {at: i for i, (at, _, _) in enumerate(function.code)}
    seen, work, switch = {}, [(0, Step(RETURN, {}))], None
    while work or switch:
        if not work:                # the cases of a switch
            rest = next((i for i in range(len(index)) if i not in seen), None)
            if rest is None:
                break
            work.append((rest, switch))
        i, step = work.pop()
        if i >= len(index) or seen.get(i, -1) >= step.depth:
            continue
        seen[i] = step.depth
        _, text, symbol = function.code[i]
        try:
            then = step.after(text)
        except KeyError:
            raise Problem(f"{function.name}: its stack pointer after "
                          f"'{text}' is not understood") from None
        function.own = max(function.own, then.depth)
        if then.depth > RUNAWAY:
            raise Problem(f"{function.name}: its stack use is not understood "
                          f"at '{text}'")
        goes, target = transfer(function, text, symbol)
        if target is not NOWHERE:
            key = (target, goes != "call")
            function.calls[key] = max(function.calls.get(key, 0), then.depth)
            if goes == "call" and target in never_returns:
                continue
        if goes == "switch":
            switch = then
        if goes in ("jump", "branch") and target is NOWHERE:
            work.append((index[int(text.split()[1], 16)], then))
        if goes in (None, "call", "branch"):
            work.append((i + 1, then))


def transfer(function, text, symbol):
    """How an instruction goes on: (None, call, jump, branch, switch, end), and
    the function where it goes."""
    op = text.split(None, 1)[0]
    if op in ("ret", "iret", "ud2"):
        return "end", NOWHERE
    if op == "call":
        if "*" in text:
            return "call", None
        return "call", symbol or function.place
    if op == "jmp" and "*" in text:
        # Of a switch without its table in the same instruction nothing can
        # be told from a tail call: both are assumed.
        table = symbol and ".rodata" in str(symbol)
        return "switch", NOWHERE if table or not function.pointers else None
    if op.startswith("j"):
        return ("jump" if op == "jmp" else "branch"), symbol or NOWHERE
    return None, NOWHERE


class Objects:
    """
    What a set of objects has.  A place is a global name, or (object, name).

    functions  {place: Function}
    tables     {name of a constant: places that it points to}
    taken      {place of a function: who has its address, places of functions
               and names of constants}
    sources    paths of the C files
    """
    SYMBOL = re.compile(r"^[0-9a-f]{8} ([lgw]).{5}F (\S+)\t[0-9a-f]+ (.+)$")
    LABEL = re.compile(r"^[0-9a-f]+ <(.+)>:$")
    CODE = re.compile(r"^ *([0-9a-f]+):\t(.+?)\s*$")
    RELOC = re.compile(r"^\s+[0-9a-f]+: (R_386_\w+)\t(\S+)")
    DATA = re.compile(r"^[0-9a-f]+ (R_386_\w+) +(\S+)")
    PREFIX = re.compile(r"^(?:rep\w*|bnd|notrack) +(?=ret|jmp|call)")

    def __init__(self, objdump, paths, never_returns=()):
        """never_returns: functions in assembly."""
        self.functions, self.tables, self.taken = {}, {}, {}
        self.locals, self.sections, self.sources = set(), {}, []
        paths = [p for p in paths if ci_of(p).exists()]     # not assembly
        self.read(run(objdump, "-t", "-d", "-r", "--no-show-raw-insn", *paths))
        self.read_data(run(objdump, "-r", *paths))
        for path in paths:
            self.read_pointers(path)
        quiet = {place for place, f in self.functions.items()
                 if not f.returns()} | set(never_returns)
        for function in self.functions.values():
            follow(function, quiet)
            if not function.pointers and any(
                    to is None for to, _ in function.calls):
                raise Problem(f"{function.name}: a call through a pointer "
                              "that the compiler does not report")

    def place(self, path, symbol):
        """Of what a relocation names, which for a local function is its
        section."""
        symbol = re.sub(r"[+-]0x[0-9a-f]+$", "", symbol)
        name = self.sections.get((path, symbol), symbol)
        return (path, name) if (path, name) in self.locals else name

    def read(self, lines):
        path = function = None
        for line in lines.split("\n"):
            if ":     file format" in line:
                path, function = line.split(":", 1)[0], None
            elif m := self.SYMBOL.match(line):
                self.sections[path, m[2]] = m[3]
                if m[1] == "l":
                    self.locals.add((path, m[3]))
            elif m := self.LABEL.match(line):
                place = self.place(path, m[1])
                function = Function(m[1], place)
                self.functions[place] = function
            elif function and (m := self.CODE.match(line)):
                text = self.PREFIX.sub("", m[2])
                function.code.append((int(m[1], 16), text, None))
            elif function and (m := self.RELOC.match(line)):
                at, code, _ = function.code[-1]
                place = self.place(path, m[2])
                function.code[-1] = (at, code, place)
                if m[1] == "R_386_32" and place != function.place:
                    self.taken.setdefault(place, set()).add(function.place)

    def read_data(self, text):
        path = section = None
        for line in text.split("\n"):
            if ":     file format" in line:
                path = line.split(":", 1)[0]
            elif line.startswith("RELOCATION RECORDS"):
                section = re.search(r"\[(.*)\]", line)[1]
            elif (m := self.DATA.match(line)) and ".text" not in section:
                name = re.sub(r"^.*\.(?:ro)?data\.(?:rel\.ro\.)?(?:local\.)?",
                              "", section)
                place = self.place(path, m[2])
                self.tables.setdefault(re.sub(r"\.\d+$", "", name),
                                       []).append(place)
                if place not in (name, (path, name)):   # not of its switch
                    self.taken.setdefault(place, set()).add(name)

    def read_pointers(self, path):
        text = ci_of(path).read_text()
        self.sources.append(re.match(r'graph: { title: "(.+)"', text)[1])
        for title, file, line, col in re.findall(
                r'sourcename: "([^"]+)" targetname: "__indirect_call" '
                r'label: "(.+):(\d+):(\d+)"', text):
            name = title.rsplit(":", 1)[-1]
            place = (path, name) if (path, name) in self.locals else name
            self.functions[place].pointers.add(
                expression(file, int(line), int(col)))


def ci_of(path):
    return pathlib.Path(path).with_suffix(".ci")


def run(*command):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def expression(file, line, col):
    """The name by which source calls: 'rw' for d->ops->rw(d, ...)."""
    source = pathlib.Path(file).read_text().split("\n")
    text = " ".join([source[line - 1][col - 1:]] + source[line:line + 2])
    m = re.match(r"(?:\w+|->|\.|\[[^\]]*\]|\([^()]*\)(?=->))+(?=\s*\()", text)
    name = m and re.sub(r"\[[^\]]*\]", "", m[0])
    names = [name] if name else re.findall(r"(\w+)\)\s*\(", text)
    names = [re.search(r"\w+$", n)[0] for n in names]
    names = [n for n in names if n not in KEYWORDS]
    if not names:
        raise Problem(f"{file}:{line}: which pointer is called here is not "
                      "understood")
    return names[0]

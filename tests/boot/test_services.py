# SPDX-License-Identifier: MIT
"""The BIOS services, by the real-mode programs in tests/rm: memory, time, PCI
BIOS, keyboard, mouse, and the screen on a VGA and on a serial terminal."""

import contextlib
import re
import time

import pyte
import pytest

from rm16 import RM, assemble, finished
import vm
from monitor import MonitorClosed

COM1 = b"\xf8\x03"
MACHINES = ["pc", "q35"]


@pytest.fixture
def program(bios, tmp_path):
    """A machine that runs one of the programs; console: the serial one."""
    @contextlib.contextmanager
    def run(name, machine="pc", console=False, args=(), **kwargs):
        args = vm.disk(assemble(name, tmp_path), "ide", machine) + list(args)
        args += ["-device", "isa-debug-exit,iobase=0x501"]
        if console:
            port = tmp_path / "sercon-port"
            port.write_bytes(COM1)
            args += ["-fw_cfg", f"name=etc/sercon-port,file={port}"]
        argv = vm.qemu_argv(bios, machine, args=args, **kwargs)
        with vm.Machine(argv, tmp_path / "run") as m:
            yield m
    return run


@pytest.mark.parametrize("machine", MACHINES)
def test_services(program, machine):
    with program("services", machine) as m:
        passed = finished(m)
    assert len(passed) > 130, "the program left checks out"
    assert "ok BIOS32 last bus" in passed
    assert ("ok B10A without MMCFG" in passed) == (machine == "q35")


def expected_of_stack(ss, sp):
    """What a service does for a caller with this stack (src/core/entry.S): one in the
    resident stack's last bytes is refused; one whose own frame lies in the
    first variables has spoilt them, and either will do."""
    layout = (RM.parent.parent / "src/core/layout.h").read_text()
    reserve = int(re.search(r"STACK_RESERVE +(\w+)", layout)[1], 16)
    frame = 40 + int(re.search(r"ENTRY_SIZE +\(BREG_SIZE \+ (\d+)", layout)[1])
    end = ss * 16 + (sp - 18 & 0xffff) - 0xe0000
    if 0x4000 - 18 < end < 0x4020:
        return {"served", "refused"}
    refused = 0 <= end <= 0x4000 and end & ~3 < reserve + frame
    return {"refused" if refused else "served"}


def check_stacks(m):
    """All calls that tests/rm/stacks.S has made were answered as they should."""
    calls = re.findall(r"^ok (\w{4}) (\w{4}) (\w{4}) (served|refused)$",
                       "\n".join(finished(m)), re.M)
    for ss, sp, number, answer in calls:
        assert answer in expected_of_stack(int(ss, 16), int(sp, 16)), \
            m.report(f"INT {number}h with stack {ss}:{sp}: {answer}")
    assert len(calls) > 140, "the program left calls out"


@pytest.mark.parametrize("machine", MACHINES)
def test_stacks(program, machine, under_seabios):
    """A caller's stack in or beside the resident one makes the firmware write
    neither beside its stack nor over what is in use there."""
    if under_seabios:
        pytest.skip("its stack is elsewhere")
    with program("stacks", machine) as m:
        check_stacks(m)


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_left_of_another_boot(program, machine):
    """Where operating systems search for tables (80000-9FFFF, C0000-FFFFF), none
    is found that an earlier one has planted there."""
    with program("leftover", machine) as m:
        m.wait_debug(rb"^done$", 30)
        left = re.findall(rb"^left (\w+)$", m.debug(), re.M)
    assert left == [b"0000"], m.report("forged ACPI roots (hexadecimal)")


def wait_lines(m, start, count, timeout=20):
    """Wait until count lines of the report begin like that."""
    limit = time.monotonic() + timeout
    while len(re.findall(rb"^" + start, m.debug(), re.M)) < count:
        if time.monotonic() > limit:
            raise vm.VmError(m.report(
                f"waited {timeout} s for {count} lines {start!r}"))
        time.sleep(0.02)


def test_time_of_day(program):
    """40:6C has the ticks since midnight by the real-time clock."""
    with program("keys", args=["-rtc", "base=2024-02-29T12:34:56"]) as m:
        m.wait_debug(rb"^ready$")
        answer = m.hmp("xp /1wx 0x46c")
    ticks = int(answer.split(":")[1], 16)
    start = (12 * 3600 + 34 * 60 + 56) * 1193182 // 65536
    assert start - 1 <= ticks <= start + 30 * 18


# ----------------------------------------------------------------- keyboard

def keys_of(m):
    return re.findall(rb"key (\w+) low (\w+) high (\w+)", m.debug())


KEYS = [
    # QEMU's name, AX of INT 16h AH=10h, AL and AH of AH=12h
    ("a", "1E61", "00", "00"), ("shift-a", "1E41", "02", "00"),
    ("ctrl-a", "1E01", "04", "01"), ("alt-a", "1E00", "08", "02"),
    ("shift_r-2", "0340", "01", "00"), ("ctrl_r-c", "2E03", "04", "04"),
    ("alt_r-f4", "6B00", "08", "08"),
    ("up", "48E0", "00", "00"), ("kp_8", "4800", "00", "00"),
    ("num_lock", None, None, None), ("kp_8", "4838", "20", "00"),
    ("shift-kp_8", "4800", "22", "00"), ("num_lock", None, None, None),
    ("caps_lock", None, None, None), ("a", "1E41", "40", "00"),
    ("shift-a", "1E61", "42", "00"), ("1", "0231", "40", "00"),
    ("caps_lock", None, None, None),
    *((f"f{n}", f"{0x3a + n:X}00", "00", "00") for n in range(1, 11)),
    ("shift-f1", "5400", "02", "00"), ("ctrl-f1", "5E00", "04", "01"),
    ("f11", "8500", "00", "00"), ("f12", "8600", "00", "00"),
    ("shift-f12", "8800", "02", "00"), ("ctrl-f11", "8900", "04", "01"),
    ("alt-f12", "8C00", "08", "02"),
    ("ret", "1C0D", "00", "00"), ("kp_enter", "E00D", "00", "00"),
    ("kp_divide", "E02F", "00", "00"), ("esc", "011B", "00", "00"),
    ("tab", "0F09", "00", "00"), ("shift-tab", "0F00", "02", "00"),
    ("backspace", "0E08", "00", "00"), ("spc", "3920", "00", "00"),
    ("delete", "53E0", "00", "00"), ("ctrl-left", "73E0", "04", "01"),
    ("pause", None, None, None), ("a", "1E61", "00", "00"),
    ("print", None, None, None), ("b", "3062", "00", "00"),
    ("ctrl-pause", "0000", "04", "01"), ("1", "0231", "00", "00"),
    ("less", "565C", "00", "00"), ("ctrl-d", "2004", "04", "01"),
]


def press(m, key, down):
    """Press or release a key; the guest may end QEMU at it, too."""
    with contextlib.suppress(MonitorClosed):
        m.qmp("input-send-event", events=[
            {"type": "key", "data": {
                "down": down, "key": {"type": "qcode", "data": key}}}])


@pytest.mark.parametrize("machine", MACHINES)
def test_keyboard(program, machine):
    expected = []
    with program("keys", machine) as m:
        m.wait_debug(rb"^ready$")
        for name, *meaning in KEYS:
            keys = name.split("-")
            for key in keys:
                press(m, key, True)
            if meaning[0]:
                # Held until the program has seen the shift state.
                expected.append(tuple(x.encode() for x in meaning))
                wait_lines(m, rb"key .*\n", len(expected))
                assert keys_of(m)[-1] == expected[-1], name
                if name == "ctrl-d":        # the program ends
                    break
            for key in reversed(keys):
                press(m, key, False)
        finished(m)
    assert keys_of(m) == expected


def test_alt_and_keypad_type_a_character(program):
    with program("keys") as m:
        m.wait_debug(rb"^ready$")
        press(m, "alt", True)
        for digit in ("kp_1", "kp_9", "kp_8"):
            press(m, digit, True)
            press(m, digit, False)
        press(m, "alt", False)
        m.wait_debug(rb"key 00C6", 20)


def test_locks_toggle_while_lights_are_set(program):
    """Caps Lock again and again: setting the light loses no release."""
    with program("keys") as m:
        m.wait_debug(rb"^ready$")
        for i in range(12):
            m.press("sendkey caps_lock 5")
            m.press("sendkey a 5")
            wait_lines(m, rb"key .*\n", i + 1)
            assert keys_of(m)[-1][0] == (b"1E61" if i % 2 else b"1E41")


def test_ctrl_alt_delete_resets(program):
    with program("keys", args=["-no-reboot"]) as m:
        m.wait_debug(rb"^ready$")
        m.press("sendkey ctrl-alt-delete")
        m.wait(10)


@pytest.mark.parametrize("machine", MACHINES)
def test_hooks_that_look_at_bytes_first(program, machine):
    """Of INT 09h, INT 74h and INT 15h AH=4Fh."""
    with program("chains", machine) as m:
        m.wait_debug(rb"^ready$", 20)
        for i, (key, meaning) in enumerate([
                ("a", "1E61"), ("shift-b", "3042"), ("kp_8", "4800"),
                ("f12", "8600"), ("up", "4800"), ("ctrl-d", "2004")]):
            # QEMU sends all bytes of a key at once, so the hook of a key with
            # a prefix takes the prefix, and the BIOS the code behind it.
            m.press(f"sendkey {key}")
            wait_lines(m, rb"key .*\n", i + 1)
            keys = re.findall(rb"^key (\w+)", m.debug(), re.M)
            assert keys[-1] == meaning.encode() and len(keys) == i + 1, key
        finished(m)


def test_mouse(program):
    with program("mouse") as m:
        m.wait_debug(rb"^ready$")
        for i, (command, packet) in enumerate([
                ("mouse_move 5 3", b"0028 0005 00FD"),
                ("mouse_button 1", b"0009 0000 0000"),
                ("mouse_button 0", b"0008 0000 0000"),
                ("mouse_move -7 -2", b"0018 00F9 0002")]):
            m.press(command)
            wait_lines(m, rb"mouse .*\n", i + 1)
            assert re.findall(rb"mouse ([^\n]*)\n", m.debug())[-1] == packet
        m.press("sendkey a")
        finished(m)


# ----------------------------------------------------------- serial console

# F1 to F12: of a VT220; F1 to F4 of xterm, F1 to F5 of the Linux console.
AX_OF_F = [*(f"{code:X}00" for code in range(0x3b, 0x45)), "8500", "8600"]
FUNCTION_KEYS = [
    *zip([f"\x1b[{n}~" for n in (11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23,
                                 24)], AX_OF_F),
    *zip(["\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS"], AX_OF_F),
    *zip([f"\x1b[[{c}" for c in "ABCDE"], AX_OF_F)]
SEQUENCES = [
    ("a", "1E61"), ("A", "1E41"), ("\x01", "1E01"), ("*", "372A"),
    ("\r", "1C0D"), ("\n", "1C0D"), ("\t", "0F09"), ("\x7f", "0E08"),
    ("\x1b[A", "48E0"), ("\x1b[B", "50E0"), ("\x1bOC", "4DE0"),
    ("\x1b[D", "4BE0"), ("\x1b[1;5C", "4DE0"), ("\x1b[H", "47E0"),
    ("\x1b[1~", "47E0"), ("\x1b[4~", "4FE0"), ("\x1b[3~", "53E0"),
    ("\x1b[5~", "49E0"), *FUNCTION_KEYS, ("\x1b[24;5~", "8600"),
    ("\x1b[1;2P", "3B00"), ("\x1b[25~a", "1E61"), ("\x1b", "011B"),
]


@pytest.mark.parametrize("vga", [None, "std"])
def test_serial_keys(program, vga):
    with program("keys", console=True, vga=vga) as m:
        m.wait_debug(rb"^ready$")
        for i, (text, meaning) in enumerate(SEQUENCES):
            m.send(text)
            wait_lines(m, rb"key .*\n", i + 1)
            assert keys_of(m)[-1][0] == meaning.encode(), repr(text)
        m.send("typed ahead in one go")     # more than a FIFO and the buffer
        wait_lines(m, rb"key .*\n", len(SEQUENCES) + 21, 10)
        m.send("\x04")
        finished(m)


ANSI = ["black", "blue", "green", "cyan", "red", "magenta", "brown", "white"]


def vga_cells(m, work):
    """[(character, foreground, bright, background)] from the VGA's memory."""
    path = work / "screen.bin"
    m.qmp("pmemsave", val=0xb8000, size=4000, filename=str(path))
    data = path.read_bytes()
    return [(glyph(data[i]), ANSI[data[i + 1] & 7],
             bool(data[i + 1] & 8), ANSI[data[i + 1] >> 4 & 7])
            for i in range(0, 4000, 2)]


def glyph(code):
    """What code page 437 shows; its first 32 as the standard names them."""
    low = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
    return low[code] if code < 32 else bytes([code]).decode("cp437")


def terminal(m):
    screen = pyte.Screen(80, 25)
    pyte.ByteStream(screen).feed(bytes(m.serial))
    return screen


def settled(m, done, limit=20):
    """The terminal when all that was sent has arrived: as expected, or after
    that many seconds."""
    end = time.monotonic() + limit
    while True:
        screen = terminal(m)
        if done(screen) or time.monotonic() > end:
            return screen
        time.sleep(0.05)


def terminal_cells(screen):
    default = {"fg": "white", "bg": "black"}
    cells = []
    for row in range(25):
        for col in range(80):
            c = screen.buffer[row][col]
            cells.append((c.data,
                          default["fg"] if c.fg == "default" else c.fg,
                          c.bold,
                          default["bg"] if c.bg == "default" else c.bg))
    return cells


def rows_of(cells):
    return ["".join(c[0] for c in cells[i:i + 80]) for i in range(0, 2000, 80)]


def screen_of(program, tmp_path, vga):
    with program("screen", console=True, vga=vga) as m:
        m.wait_debug(rb"^ready$", 30)       # the program now waits for a key
        drawn = settled(m, lambda t: (t.cursor.y, t.cursor.x) == (7, 9))
        memory = vga_cells(m, tmp_path) if vga else None
        cursor = (drawn.cursor.y, drawn.cursor.x)
        cells = terminal_cells(drawn)
        m.send("x")
        m.wait_debug(rb"^cleared$", 30)
        after = settled(m, lambda t: t.cursor.hidden and
                        not "".join(t.display).strip())
        m.send("x")
        finished(m)
    assert cursor == (7, 9)
    assert not "".join(after.display).strip(), "the screen was cleared"
    assert after.cursor.hidden
    return cells, memory


def test_terminal_shows_what_the_vga_shows(program, tmp_path):
    """Characters and colours of the whole screen, cell by cell."""
    shown, memory = screen_of(program, tmp_path, "std")
    assert rows_of(shown) == rows_of(memory)
    # A space has no foreground that one could see.
    visible = [(c[0], c[3]) if c[0] == " " else c for c in shown]
    wanted = [(c[0], c[3]) if c[0] == " " else c for c in memory]
    assert visible == wanted


def test_terminal_without_vga_is_the_same(program, tmp_path):
    with_vga, _ = screen_of(program, tmp_path, "std")
    without, _ = screen_of(program, tmp_path, None)
    assert rows_of(without) == rows_of(with_vga)
    assert without == with_vga


def test_text_in_a_graphics_mode(program):
    """Rows of 100 columns: the terminal has the first 80 of each."""
    with program("graphics", console=True, vga="std") as m:
        finished(m)
        rows = terminal(m).display
    text = "".join(chr(ord("0") + i % 64) for i in range(120))
    assert rows[0] == text[:80]
    assert rows[1].rstrip() == text[100:]


def test_serial_console_follows_graphics_off(program):
    """-nographic: the host has no display, the first serial port is the
    console without being asked for."""
    with program("keys", machine_options=",graphics=off") as m:
        m.wait_debug(rb"^ready$")
        m.send("\x04")
        finished(m)
        assert b"Booting from" in m.serial


def test_no_keyboard_controller(program):
    """Without the 8042 the serial console still has its keys."""
    with program("keys", console=True, machine_options=",i8042=off") as m:
        m.wait_debug(rb"^ready$")
        m.send("a\x04")
        finished(m)
        assert keys_of(m)[0][0] == b"1E61"


def test_no_serial_port_for_the_console(program, tmp_path):
    port = tmp_path / "port"
    port.write_bytes(b"\xe8\x03")           # nothing is there
    with program("keys", args=["-fw_cfg",
                               f"name=etc/sercon-port,file={port}"]) as m:
        m.wait_debug(rb"^ready$")
        assert b"no 16550" in m.debug()

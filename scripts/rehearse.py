# SPDX-License-Identifier: MIT
"""The rehearsal of a boot, which finds out what a command line does not say.

    log = rehearse(argv, bios, kind, banks)

It starts that command line with KeelBIOS and a TPM that is thrown away; drives
are opened for reading only, consoles and networks' character devices go
nowhere.  It ends when the firmware begins to boot; what was logged until then
is what the virtual hardware adds to the PCRs.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import tcglog
import vm
from monitor import Monitor
from machinefacts import WITHOUT_VALUE, FactsError, is_firmware, options

REHEARSAL_S = 60
LOG_AREA = 0x10000
LOOK_AT = 8 << 20           # bytes below the end of low RAM
TORN_TRIES = 10             # readings until an entry is whole
# The log's first entry: the header for TPM 2.0, the firmware's version for 1.2,
# whose digest has any bytes.
FIRST_ENTRY = re.compile(
    rb"\0{4}(?:\x03\0{23}.\0{3}Spec ID Event0|"
    rb"\x08\0{3}.{21}\0{3}" + "KeelBIOS".encode("utf-16-le") + rb")",
    re.DOTALL)
FIRST_WORDS = re.compile(b"Spec ID Event0|" + "KeelBIOS".encode("utf-16-le"))
WORDS_AT = 32               # bytes into the entry


def rehearsal_argv(argv, bios):
    """The command line without what would touch the world outside."""
    out = [argv[0]]
    dropped = {"-bios", "-tpmdev", "-qmp", "-mon", "-monitor", "-display",
               "-pidfile", "-D", "-d", "-debugcon", "-incoming", "-loadvm",
               "-runas", "-vnc", "-spice", "-gdb"}
    it = iter(argv[1:])
    for arg in it:
        name = arg[1:] if arg.startswith("--") else arg
        if name in ("-daemonize", "-S", "-s", "-snapshot", "-no-reboot"):
            continue
        if name == "-nographic":
            out += ["-serial", "null", "-machine", "graphics=off"]
            continue
        if not name.startswith("-") or name in WITHOUT_VALUE:
            out.append(arg)
            continue
        value = next(it, None)
        if value is None:
            out.append(arg)
            break
        first, opts = options(value)
        if name in dropped:
            continue
        if name == "-device" and (
                first in ("tpm-crb", "tpm-tis") or
                (first == "isa-debugcon" and
                 int(opts.get("iobase", "0xe9"), 0) == 0x402)):
            continue
        if name == "-global" and value.startswith("isa-debugcon"):
            continue
        if name == "-drive" and is_firmware(opts):
            continue
        if name == "-blockdev" and opts.get("read-only") != "on":
            raise FactsError("a rehearsal must not write to drives, and QEMU's "
                             "-snapshot does not protect those of -blockdev: "
                             "say read-only=on, use -drive, or give a "
                             "--reference")
        if name in ("-machine", "-M"):
            value = re.sub(r",pflash0=[^,]*", "", value)
        if name in ("-serial", "-parallel"):
            value = "null" if value != "none" else value
        if name == "-chardev":
            if opts.get("id", "").startswith("chrtpm"):
                continue
            value = f"null,id={opts.get('id', '')}"
        out += [name, value]
    return out + ["-bios", str(bios), "-display", "none", "-snapshot",
                  "-monitor", "none"]


def first_entry(memory):
    """Where the log begins in memory, or None.  Its words are looked for, as
    the zeros before them are everywhere."""
    for word in re.finditer(FIRST_WORDS, memory):
        start = word.start() - WORDS_AT
        if start >= 0 and FIRST_ENTRY.match(memory, start):
            return start
    return None


def find_log(memory):
    """The event log in guest memory, with its unused area."""
    start = first_entry(memory)
    if start is None:
        raise FactsError("the rehearsal's memory holds no event log")
    return memory[start:start + LOG_AREA]


def wait_for_boot(process, debug, errors, kernel):
    """Until the platform and, for an option ROM's entry, its name are logged;
    kernel: the machine has one by -kernel, whose entry's name is known."""
    # The entry's name is logged between "from ROM" and the jump's address.
    started = rb"Booting from|No bootable" if kernel else \
        rb"Booting from (?!ROM)|No bootable"
    limit = time.monotonic() + REHEARSAL_S
    while True:
        text = debug.read_bytes() if debug.exists() else b""
        if re.search(started, text):
            return
        if process.poll() is not None:
            raise FactsError("the rehearsal's QEMU ended: "
                             + errors.read_text(errors="replace").strip())
        if time.monotonic() > limit:
            raise FactsError(f"the rehearsal did not boot in {REHEARSAL_S} "
                             "s; port 402h said:\n"
                             + text.decode(errors="replace"))
        time.sleep(0.02)


def rehearse(argv, bios, kind, banks):
    """Run the firmware up to its first boot attempt; returns its log.

    kind    "1.2", "2.0-crb" or "2.0-tis", as the machine will have it
    """
    work = tempfile.mkdtemp(prefix="keelpcr-")
    try:
        return rehearse_in(pathlib.Path(work), argv, bios, kind, banks)
    except vm.VmError as err:
        raise FactsError(f"the rehearsal: {err}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def rehearse_in(work, argv, bios, kind, banks):
    debug, errors, qmp = work / "debug", work / "errors", work / "qmp"
    with vm.Tpm(kind, work / "tpm", ",".join(banks)) as tpm, \
            open(errors, "wb") as err:
        args = rehearsal_argv(argv, bios) + tpm.arguments() + [
            "-chardev", f"file,id=keelpcr,path={debug}",
            "-device", "isa-debugcon,iobase=0x402,chardev=keelpcr",
            "-qmp", f"unix:{qmp},server=on,wait=off"]
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=err,
                              stdout=subprocess.DEVNULL) as process:
            try:
                wait_for_boot(process, debug, errors, "-kernel" in argv)
                with Monitor(qmp) as monitor:
                    return read_log(monitor, work / "memory")
            finally:
                process.kill()


def read_log(monitor, path):
    """The log that a running machine has in memory; monitor: anything with
    qmp(); path: a file for the memory.  The machine stays stopped."""
    return tcglog.parse(log_bytes(monitor, path))


def log_bytes(monitor, path):
    """As read_log; the bytes, with the unused area.  A machine can be stopped
    while an entry is being written: then it goes on for a moment.  The
    firmware writes the size of an entry's data last."""
    for _ in range(TORN_TRIES - 1):
        monitor.qmp("stop")
        data = find_log(low_ram(monitor, path))
        if whole(data):
            return data
        monitor.qmp("cont")
        time.sleep(0.02)
    monitor.qmp("stop")
    return find_log(low_ram(monitor, path))


def whole(data):
    """Is the log's last entry one that is certainly complete?"""
    try:
        return bool(tcglog.parse(data).events[-1].data)
    except tcglog.LogError:
        return False


def low_ram(monitor, path):
    """The last bytes below 4 GiB that are RAM; path: a file for them."""
    tree = monitor.qmp("human-monitor-command", **{
        "command-line": "info mtree -f"})
    match = re.search(r"0*100000-([0-9a-f]{16}) \(prio 0, ram\)", tree)
    if not match:
        raise FactsError("QEMU does not say where the machine's RAM ends")
    end = int(match[1], 16) + 1
    start = max(0x100000, end - LOOK_AT)
    monitor.qmp("pmemsave", val=start, size=end - start, filename=str(path))
    return path.read_bytes()

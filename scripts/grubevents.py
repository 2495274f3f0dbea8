# SPDX-License-Identifier: MIT
"""What GRUB measures by its module (contrib/grub), as a list of lines.

    from_log(log)               the lines of a boot that was
    record(out, lines, root)    the events of a boot that will be, into a
                                Recorder of pcrpredict.py; root: the directory
                                that has GRUB's files

A line is an event, in order: "grub_cmd: ...", "kernel_cmdline: ..." or
"module_cmdline: ..." for PCR 8, whose digest is that of what follows, and
"file: NAME" for PCR 9, whose digest is that of the file's contents.  A line feed
in a text is \\n, a backslash \\\\.  Empty lines and those with # are comments.
"""

import hashlib
import pathlib
import re

import tcglog
from pcrpredict import EV_IPL, PredictError

STRING_PCR, FILE_PCR = 8, 9
STRINGS = ("grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ")
FILE = "file: "
MARK = "not measured"       # contrib/grub/tpm.c, for what the BIOS refused
# The firmware's own event, when the kernel's 16-bit entry is taken.
FIRMWARE = b"Linux kernel"


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def events_of_grub(log):
    """Of PCR 8 and 9, up to where the firmware measures a kernel."""
    events = [e for e in log.events if e.pcr in (STRING_PCR, FILE_PCR)
              and e.type != tcglog.EV_NO_ACTION]
    for n, event in enumerate(events):
        if event.data.rstrip(b"\0") == FIRMWARE:
            # Before it stands the command line, by the firmware, too.
            return events[:max(n - 1, 0)]
    return events


def measured_is(event, data):
    """Is that what the event's digests are of?  Of the banks that this host can
    compute."""
    return all(hashlib.new(bank, data).digest() == value
               for bank, value in event.digests.items()
               if bank in hashlib.algorithms_available)


def line_of(event):
    """An event as a line, without its line end."""
    place = f"event at offset {event.offset:#x}"
    try:
        text = event.data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise PredictError(f"{place}: its text is not UTF-8") from None
    if text == MARK and measured_is(event, MARK.encode()):
        raise PredictError(f"{place}: a measurement failed in that boot; take "
                           "the log of another one")
    if event.pcr == FILE_PCR:
        return FILE + escape(text)
    for label in STRINGS:
        if text.startswith(label):
            if measured_is(event, text[len(label):].encode()):
                return escape(text)
            raise PredictError(f"{place}: the log has not all of the text that "
                               "was measured")
    raise PredictError(f"{place}: PCR {event.pcr} has an event that is not "
                       f"GRUB's: {text!r}")


def from_log(log):
    if log.ends_early():
        raise PredictError("the log was full: it does not have all that GRUB "
                           "measured")
    lines = [line_of(e) for e in events_of_grub(log)]
    if not lines:
        raise PredictError("GRUB has measured nothing in that boot: is the "
                           "module of contrib/grub in its core image?")
    return lines


def file_of(name, root):
    """The contents of what GRUB calls NAME, with a device before it or not."""
    path = pathlib.Path(root) / re.sub(r"^\([^)]*\)", "", name).lstrip("/")
    try:
        return path.read_bytes()
    except OSError as err:
        raise PredictError(f"GRUB opens {name}, which is {path} here: "
                           f"{err.strerror}") from None


def record(out, lines, root):
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        text = unescape(line)
        label = next((s for s in STRINGS if text.startswith(s)), None)
        if line.startswith(FILE):
            name = text[len(FILE):]
            out.add(FILE_PCR, EV_IPL, file_of(name, root),
                    name.encode() + b"\0")
        elif label:
            out.add(STRING_PCR, EV_IPL, text[len(label):].encode(),
                    text.encode() + b"\0")
        else:
            raise PredictError(f"line {number} of the list of GRUB's events "
                               f"begins with no {FILE!r} and none of "
                               f"{', '.join(STRINGS)}")

# SPDX-License-Identifier: MIT
"""Components of systemd-pcrlock (its *.pcrlock files) from a log, or from a
prediction of one.

    write(log, directory, variant)      the files that were written

systemd-pcrlock puts a boot together from components in the order of their names,
of each one variant, and so gets the values that PCRs may have.  A component is
here what changes at once: the firmware, the machine, its option ROMs, the boot
loader, the kernel.  Separators are components of systemd's own (400, 500).
"""

import json
import os
import pathlib
import re

import tcglog

EV_SEPARATOR = 4
SEPARATORS = (b"\0\0\0\0", b"\xff\xff\xff\xff")
# PCRs, and the component of what comes before their separators, and behind.
COMPONENTS = [
    ((0,), "210-keelbios-firmware", "560-keelbios-firmware-late"),
    ((1,), "220-keelbios-machine", "570-keelbios-machine-late"),
    ((2, 3), "230-keelbios-roms", "580-keelbios-roms-late"),
    ((4, 5), "240-keelbios-attempts", "610-keelbios-loader"),
    ((6, 7), "250-keelbios-other", "590-keelbios-other-late"),
    ((8, 9), "640-keelbios-kernel", "640-keelbios-kernel"),
]


def component_of(pcr, late):
    for pcrs, early_name, late_name in COMPONENTS:
        if pcr in pcrs:
            return late_name if late else early_name
    return None


def record(event):
    return {"pcr": event.pcr, "digests": [
        {"hashAlg": bank, "digest": value.hex()}
        for bank, value in event.digests.items()]}


def components(log):
    """{component: its records}.  ValueError: nothing can be bound to that."""
    if log.format == "sha1":
        raise ValueError("systemd-pcrlock wants a TPM 2.0; this is a TPM 1.2's "
                         "log")
    if log.ends_early():
        raise ValueError("the log was full and ends early: what it gives is "
                         "not what the PCRs have")
    found, late = {}, set()
    for event in log.events:
        if event.type == tcglog.EV_NO_ACTION:
            continue
        if event.type == EV_SEPARATOR and event.pcr < 8:
            if event.data not in SEPARATORS:
                raise ValueError(f"the firmware has capped PCR {event.pcr} "
                                 "after an error: boot without one")
            late.add(event.pcr)
            continue
        name = component_of(event.pcr, event.pcr in late)
        if name:
            found.setdefault(name, []).append(record(event))
    return found


def is_known(folder, variant, text):
    """Does another variant of the component say the same?"""
    return any(path.read_text(encoding="utf-8") == text
               for path in folder.glob("*.pcrlock")
               if path.name != f"{variant}.pcrlock")


def write(log, directory, variant):
    """Replace this variant of each component, and take it away where it is no
    news."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", variant):
        raise ValueError(f"a variant's name has letters, digits and _.+-, not "
                         f"as {variant!r}")
    written, made = [], components(log)
    for name in dict.fromkeys(n for _, *names in COMPONENTS for n in names):
        folder = pathlib.Path(directory) / f"{name}.pcrlock.d"
        path = folder / f"{variant}.pcrlock"
        text = json.dumps({"records": made.get(name, [])}, indent=1) + "\n"
        if name not in made or is_known(folder, variant, text):
            path.unlink(missing_ok=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
        written.append(path)
    return written

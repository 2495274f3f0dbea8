# SPDX-License-Identifier: MIT
"""Why PCRs differ: what the first event that differs means, in words.

    explain(log, other)         [text], one for each PCR that differs
"""

import re

import tcglog
from pcrpredict import first_difference

# What another digest or another text of an event comes from: PCR, a pattern of
# the event's type and text, words.  The first that fits counts.
CAUSES = [
    (0, r"EV_S_CRTM_VERSION", "another version of the firmware"),
    (0, r"EV_POST_CODE", "another firmware image"),
    (1, r"SMBIOS", "other hardware as SMBIOS tells it: RAM size, CPUs, QEMU's "
                   "version or machine type, -smbios"),
    (1, r"ACPI DATA", "other devices or CPUs, or another QEMU (ACPI tables)"),
    (1, r"Boot order", "another bootindex or boot device"),
    (1, r"SMI timers", "a machine with other SMI timers (docs/threat-model.md)"),
    (1, r"ROM Based Setup", "a person opened a menu of the firmware"),
    (2, r"option ROM", "another option ROM, or a card in another slot"),
    (4, r"User Intervention", "a person chose another device in the boot menu"),
    (4, r"Booting B[CE]V", "the boot from another device, or more attempts"),
    (4, r"Return", "a device gave the boot back"),
    (4, r"'MBR'", "another boot sector: a boot loader was installed"),
    (4, r"MBR GAP|BIOS BOOT", "another core image of GRUB: it was installed "
                              "again or updated"),
    (4, r"BOOT RECORD|EL TORITO", "another boot loader on the medium"),
    (5, r"PARTITION_TABLE|GPT", "another partition table or disk signature"),
    (5, r"CATALOG", "another CD"),
    (8, r"kernel_cmdline", "another command line of the kernel"),
    (8, r"grub_cmd", "other commands of GRUB: another configuration, menu "
                     "entry or edited entry"),
    (9, r"initr", "another initrd"),
    (9, r"grub\.cfg|\.cfg'", "another configuration of GRUB"),
    (9, r"grubenv", "GRUB's environment has changed, next_entry say"),
    (9, r"Linux kernel|vmlinuz", "another kernel"),
    (9, r"Linux setup", "another kernel, or what a loader fills in"),
    (9, r"not measured'", "the firmware refused a measurement of GRUB"),
    (9, r"", "another file, or one more or fewer"),
]


def cause_of(pcr, *events):
    shown = [f"{e.name} {e.text()}" for e in events if e]
    for number, pattern, words in CAUSES:
        if number == pcr and any(re.search(pattern, text) for text in shown):
            return words
    return "another event"


def is_error(event):
    return event and event.type == 4 and event.data == b"\1\0\0\0"


def explain_one(pcr, have, want):
    """Of the two logs the first event that differs in that PCR."""
    if is_error(have) and not is_error(want):
        return "the firmware failed while it measured, and closed the TPM"
    if have is None:
        return f"it ends before {want.text() or want.name}: " \
            + cause_of(pcr, want)
    if want is None:
        return f"it goes on with {have.text() or have.name}: " \
            + cause_of(pcr, have)
    same = have.type == want.type and have.text() == want.text()
    words = cause_of(pcr, have) if same else cause_of(pcr, have, want)
    if same:
        return f"{have.text() or have.name} is another one: {words}"
    return f"{have.text() or have.name} in place of " \
        f"{want.text() or want.name}: {words}"


def explain(log, other):
    if not [b for b in log.banks if b in other.banks]:
        raise ValueError("the two have no bank in common: other banks are "
                         "active, which changes PCR 1 and 2 by itself")
    texts = [f"PCR {pcr}: {explain_one(pcr, have, want)}"
             for pcr, have, want in first_difference(log, other,
                                                     range(tcglog.PCR_COUNT))]
    if list(log.banks) != list(other.banks):
        texts.append("banks: " + " ".join(log.banks) + " in place of "
                     + " ".join(other.banks) + ", which changes PCR 1 and 2")
    return texts

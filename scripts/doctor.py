# SPDX-License-Identifier: MIT
"""What a guest can say about its own measured boot, in words.

    findings = examine(root)    -> [(state, text)]; state: OK, HOLE, UNKNOWN

It reads the event log, the PCRs and SMBIOS, below root, which tests set.  A
guest that was taken over can make them up: what a verifier believes is a quote
(docs/attestation.md).
"""

import pathlib
import subprocess

import tcglog

OK, HOLE, UNKNOWN = "ok", "hole", "unknown"
TPM = "sys/class/tpm/tpm0"
LOG = "sys/kernel/security/tpm0/binary_bios_measurements"
DMI = "sys/class/dmi/id"
CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
VENDOR = "KeelBIOS"
SMI_EVENT = b"SMI timers outlive a reset"
LEFT_OUT = b"BOOT CODE NOT MEASURED"
ERROR_SEPARATOR = b"\1\0\0\0"
EV_SEPARATOR, EV_EVENT_TAG, EV_IPL = 0x04, 0x06, 0x0d


class Guest:
    """Files of the running system."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def text(self, name):
        """A file's text, "" if it is not there or not for us."""
        try:
            return (self.root / name).read_text(encoding="utf-8",
                                                errors="replace").strip()
        except OSError:
            return ""

    def log(self):
        return tcglog.parse((self.root / LOG).read_bytes())

    def pcrs(self):
        """{bank: {pcr: value}}, {} if nothing here says them."""
        pcrs = {}
        for path in sorted(self.root.glob(f"{TPM}/pcr-*/*")):
            bank = path.parent.name[len("pcr-"):]
            pcrs.setdefault(bank, {})[int(path.name)] = \
                bytes.fromhex(path.read_text(encoding="ascii").strip())
        old = self.text(f"{TPM}/pcrs") or self.text(f"{TPM}/device/pcrs")
        if not pcrs and old:
            pcrs = tcglog.parse_pcrs_12(old)
        if not pcrs and self.root == pathlib.Path("/"):
            pcrs = tpm2_pcrread()
        return pcrs


def tpm2_pcrread():
    """By tpm2-tools, for kernels before 5.12; {} without them."""
    try:
        done = subprocess.run(["tpm2_pcrread"], capture_output=True,
                              text=True, check=False)
    except FileNotFoundError:
        return {}
    banks = tcglog.parse_pcrs(done.stdout) if done.returncode == 0 else {}
    return {bank: values for bank, values in banks.items() if values}


def crtm_version(log):
    """What the firmware measured of itself, "" if nothing."""
    return next((e.text().strip("'") for e in log.events
                 if e.type == tcglog.EV_S_CRTM_VERSION), "")


def is_ours(log):
    return crtm_version(log).startswith(VENDOR + " ")


def firmware(guest, log):
    """By SMBIOS, and by the log, which the host's -smbios does not change."""
    vendor = guest.text(f"{DMI}/bios_vendor")
    version = guest.text(f"{DMI}/bios_version")
    said = crtm_version(log) if log else ""
    if log and is_ours(log):
        return OK, f"The firmware is {said}, as the event log says."
    if said or (vendor and vendor != VENDOR):
        return UNKNOWN, (
            f"The firmware is not {VENDOR} but {said or vendor + ' ' + version}"
            ": what follows about measurements may not hold for it.")
    if vendor:
        return OK, f"The firmware is {vendor} {version}, as SMBIOS says."
    return UNKNOWN, (f"Which firmware this is, nothing here says: there is "
                     f"neither a log nor /{DMI}.")


def replay(log, pcrs):
    """Does the log give the PCRs that the TPM has?"""
    if log.ends_early():
        return HOLE, ("The event log was full and ends early: it cannot give "
                      "the PCRs' values, and nobody can verify this boot.")
    if not pcrs:
        return UNKNOWN, ("Whether the log replays is not known: nothing says "
                         "the PCRs.  Run this as root, with Linux 5.12 or "
                         "newer, or install tpm2-tools.")
    wrong = log.check(pcrs)
    if not wrong:
        return OK, ("The log replays: it gives PCR 0 to 7 of "
                    + ", ".join(sorted(pcrs)) + ".")
    places = [f"bank {bank}" if pcr is None else f"{bank} PCR {pcr}"
              for bank, pcr, _, _ in wrong]
    return HOLE, ("The log does not replay: it and the TPM differ in "
                  + ", ".join(places) + ".  What differs in PCR 0 to 7 was "
                  "extended without the log, or the log was changed.")


def count(log, pcr, *kinds):
    return sum(1 for e in log.events if e.pcr == pcr and e.type in kinds)


def measured(log):
    """What the log says was measured before the kernel."""
    parts = ["the firmware (PCR 0)", "the machine (PCR 1)"]
    roms = count(log, 2, EV_EVENT_TAG)
    if roms:
        parts.append(f"{roms} option ROM{'s' * (roms > 1)} (PCR 2)")
    boot = [e.text().strip("'") for e in log.events
            if e.pcr == 4 and e.type == EV_IPL]
    if boot:
        parts.append(f"boot code: {', '.join(boot)} (PCR 4)")
    return OK, "Measured: " + "; ".join(parts) + "."


def capped(log):
    """None if the firmware measured to the end."""
    if any(e.type == EV_SEPARATOR and e.data == ERROR_SEPARATOR
           for e in log.events):
        return HOLE, ("The firmware capped PCRs: measuring failed, and the "
                      "console said why.")
    return None


def boot_code(log):
    """None if all of it is measured."""
    if any(e.data.rstrip(b"\0") == LEFT_OUT for e in log.events):
        return HOLE, ("Not all boot code is measured: the disk has more than "
                      "four areas of it.")
    return None


def kernel(log, pcrs):
    """The kernel, its command line and initrd: PCR 8 and 9."""
    names = [e.text().strip("'") for e in log.events
             if e.pcr == 9 and e.type == EV_IPL]
    ours = [name for name in names if name.startswith("Linux ")]
    if ours:
        return OK, ("Measured: command line (PCR 8), " + ", ".join(ours)
                    + " (PCR 9).")
    if names:
        return OK, (f"Measured by the boot loader: {count(log, 8, EV_IPL)} "
                    f"commands and command lines (PCR 8), {len(names)} files "
                    "(PCR 9).")
    values = [bank.get(n, b"") for bank in pcrs.values() for n in (8, 9)]
    if any(any(value) for value in values):
        return UNKNOWN, ("PCR 8 or 9 has a value, but the log has no kernel: "
                         "a loader or this system extended it.")
    return HOLE, (
        "Kernel, command line and initrd are not measured: PCR 8 and 9 are "
        "zero.  That is so when GRUB's `linux` starts the kernel.  With "
        "`linux16` and `initrd16` they are measured, and with GRUB's module "
        "of contrib/grub.  Do not seal to PCR 8 and 9 as they are.")


def timers(guest, log):
    """Can an OS forge the next boot's measurements?"""
    if any(e.pcr == 1 and e.data.rstrip(b"\0") == SMI_EVENT
           for e in log.events):
        return HOLE, (
            "The machine's SMI timers outlive a reset: an operating system can "
            "forge the next boot's measurements.  The host takes them away by "
            "-global ICH9-LPC.x-smi-swsmi-timer=off "
            "-global ICH9-LPC.x-smi-periodic-timer=off")
    if not is_ours(log):
        return UNKNOWN, ("Whether the machine has SMI timers that outlive a "
                         f"reset is not known: only {VENDOR} says it.")
    machine = guest.text(f"{DMI}/product_name")
    return OK, ("The machine has no SMI timers that outlive a reset"
                + (f" ({machine})." if machine else "."))


def accelerator(guest):
    """Emulated, an interrupt can be there before the firmware's first
    instruction (docs/threat-model.md, out of reach)."""
    if "kvm-clock" in guest.text(CLOCKS).split():
        return OK, "The machine runs under KVM: it has kvm-clock."
    return UNKNOWN, ("Whether the machine runs under KVM is not known: it has "
                     "no kvm-clock.  Without KVM an operating system can forge "
                     "the next boot's measurements.")


def about_log(guest, log):
    found = [replay(log, guest.pcrs()), capped(log), measured(log),
             boot_code(log), kernel(log, guest.pcrs()), timers(guest, log),
             accelerator(guest)]
    return [item for item in found if item]


def without_log(guest, err):
    """Why there is none, as far as that can be told."""
    if isinstance(err, tcglog.LogError):
        return HOLE, f"The event log is not well-formed: {err}."
    if isinstance(err, PermissionError):
        return UNKNOWN, "Only root can read the event log: run this as root."
    if not (guest.root / TPM).exists():
        return HOLE, ("There is no TPM: give the machine one, and the kernel "
                      "its driver (tpm_crb or tpm_tis).")
    if not any((guest.root / "sys/kernel/security").glob("*")):
        return UNKNOWN, ("securityfs is not mounted: mount -t securityfs "
                         "securityfs /sys/kernel/security")
    return HOLE, ("The kernel found no event log: the firmware wrote none, or "
                  "ACPI does not say where.  Nothing can be verified.")


def examine(root="/"):
    guest = Guest(root)
    try:
        log = guest.log()
    except (OSError, tcglog.LogError) as err:
        return [firmware(guest, None), without_log(guest, err)]
    found = [firmware(guest, log), *about_log(guest, log)]
    pcr0 = guest.pcrs().get("sha256", {}).get(0)
    if pcr0:
        found.append((OK, f"PCR 0 (sha256) is {pcr0.hex()}; pcr0.txt of a "
                          "release says which one it should be."))
    return found

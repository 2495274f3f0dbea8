# SPDX-License-Identifier: MIT
"""Policy "keelbios" for keylime's measured boot attestation.

    verifier.conf:      measured_boot_imports = ["keelbios"]
                        measured_boot_policy_name = keelbios
    the reference:      keelpcr keylime LOG-OR-PREDICTION... > reference.json

This file has to be where the verifier's Python finds modules.  The reference has
a number of boots that are good.  A log is accepted if one of them has the same
events, in the same order, in each PCR that the reference names.
"""

from keylime.mba.elchecking import policies, tests

NAME = "keelbios"


class ReferenceError(ValueError):
    """The reference is not what `keelpcr keylime` writes."""


def events_of(log, bank, pcrs):
    """{PCR: [(type, digest)]} of what tpm2_eventlog made of the log."""
    found = {pcr: [] for pcr in pcrs}
    for event in log["events"]:
        kind, pcr = event["EventType"], str(event["PCRIndex"])
        if kind == "EV_NO_ACTION" or pcr not in found:
            continue
        digests = event.get("Digests") or []
        value = [d["Digest"] for d in digests if d["AlgorithmId"] == bank]
        found[pcr].append((kind, value[0] if value else None))
    return found


def first_difference(have, want):
    """(PCR, what the log has, what was to come), or None."""
    for pcr in sorted(want, key=int):
        a, b = have[pcr], [tuple(event) for event in want[pcr]]
        for n in range(max(len(a), len(b))):
            pair = [x[n] if n < len(x) else None for x in (a, b)]
            if pair[0] != pair[1]:
                return (pcr, *pair)
    return None


def named(event):
    return f"{event[0]} {event[1]}" if event else "no more event"


class Boots(tests.Test):
    """One of these boots."""

    def __init__(self, reference):
        try:
            self.bank = reference["bank"]
            self.boots = {name: {str(int(pcr)): [(str(k), str(v))
                                                 for k, v in events]
                                 for pcr, events in boot.items()}
                          for name, boot in reference["boots"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ReferenceError("not a reference that `keelpcr keylime` "
                                 f"writes: {err!r}") from None
        if not self.boots or not all(self.boots.values()):
            raise ReferenceError("the reference names no boot, or no PCR of "
                                 "one")

    def why_not(self, globs, subject):
        reasons = []
        for name, want in self.boots.items():
            try:
                have = events_of(subject, self.bank, want)
            except (AttributeError, KeyError, TypeError) as err:
                return f"is no event log: {err!r}"
            differs = first_difference(have, want)
            if differs is None:
                return ""
            pcr, found, wanted = differs
            reasons.append(f"differs from {name} first in PCR {pcr}: has "
                           f"{named(found)}, expected {named(wanted)}")
        return "; ".join(reasons)


class KeelBios(policies.Policy):
    """keylime asks for quotes of these PCRs."""

    def get_relevant_pcrs(self):
        return frozenset(range(10))

    def refstate_to_test(self, refstate):
        return Boots(refstate)


policies.register(NAME, KeelBios())

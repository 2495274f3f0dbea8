# SPDX-License-Identifier: MIT
"""Predictions as files: JSON, and the PCRs that tpm2-tools read.

    to_json(log)                for json.dumps; from_json() reads it
    pcr_file(log, "sha256:0,4") for tpm2_policypcr -f
    cryptenroll(log, "sha256:0,4") for systemd-cryptenroll --tpm2-pcrs=
    keylime(logs, "sha256:0,4") for the policy of contrib/keylime
    complete(log)               PCR 0-9 of all banks
"""

import pcrpredict
import tcglog
from tcglog import Event, Log


def to_json(log):
    """A prediction as data for json.dumps."""
    return {
        "format": log.format,
        "banks": list(log.banks),
        "pcrs": {bank: {str(n): value.hex()
                        for n, value in sorted(pcrs.items())}
                 for bank, pcrs in complete(log).items()},
        "events": [{"pcr": e.pcr, "type": e.name, "number": e.type,
                    "data": e.data.hex(), "text": e.text(),
                    "digests": {b: d.hex() for b, d in e.digests.items()}}
                   for e in log.events if e.type != tcglog.EV_NO_ACTION],
    }


def from_json(data):
    """The log of a prediction that to_json() made."""
    try:
        log = Log(data["format"], {
            b: tcglog.ALGORITHMS[pcrpredict.BANK_IDS[b]][1]
            for b in data["banks"]})
        for n, e in enumerate(data["events"]):
            digests = {b: bytes.fromhex(e["digests"][b]) for b in log.banks}
            log.events.append(Event(n, int(e["pcr"]), int(e["number"]),
                                    digests, bytes.fromhex(e["data"])))
        return log
    except (KeyError, TypeError, ValueError) as err:
        raise pcrpredict.PredictError(
            f"not a prediction of keelpcr: {err!r}") from None


def complete(log):
    """PCR 0-9 of every bank, also those that nothing extends."""
    pcrs = log.replay()
    for bank, values in pcrs.items():
        for n in range(10):
            values.setdefault(n, bytes(log.banks[bank]))
    return pcrs


def parse_selection(text):
    """"sha256:0,2,4+sha1:0" as tpm2-tools write it: [(bank, [pcr])]."""
    result = []
    for part in text.split("+"):
        bank, _, numbers = part.partition(":")
        try:
            pcrs = sorted({int(n) for n in numbers.split(",")})
        except ValueError:
            pcrs = []
        if bank not in pcrpredict.BANK_IDS or not pcrs or pcrs[-1] > 23:
            raise pcrpredict.PredictError(f"not a PCR selection: {part!r} "
                                          "(such as sha256:0,4,8,9)")
        result.append((bank, pcrs))
    return result


def selected(log, selection):
    """The values as (bank, number, value), in the selection's order."""
    pcrs = complete(log)
    for bank, numbers in parse_selection(selection):
        if bank not in pcrs:
            raise pcrpredict.PredictError(f"the prediction has no bank {bank}")
        for n in numbers:
            if n not in pcrs[bank]:
                raise pcrpredict.PredictError(f"PCR {n} is not predicted")
            yield bank, n, pcrs[bank][n]


def pcr_file(log, selection):
    """The values one after another, as tpm2_policypcr -f reads them."""
    return b"".join(value for _, _, value in selected(log, selection))


def cryptenroll(log, selection):
    """One line, as systemd-cryptenroll --tpm2-pcrs= takes it."""
    return "+".join(f"{n}:{bank}={value.hex()}" for bank, n, value in
                    selected(log, selection)).encode() + b"\n"


def keylime(logs, selection):
    """A reference of good boots, {name: log}, for json.dumps."""
    (bank, pcrs), *more = parse_selection(selection)
    if more:
        raise pcrpredict.PredictError("a reference has one bank: say --pcrs "
                                      "with one, such as sha256:0,4,8,9")
    for name, log in logs.items():
        if bank not in log.banks:
            raise pcrpredict.PredictError(f"{name} has no bank {bank}")
        if log.ends_early():
            raise pcrpredict.PredictError(f"{name} was full and ends early")
    return {"bank": bank, "boots": {
        name: {str(pcr): [(e.name, e.digests[bank].hex()) for e in log.events
                          if e.pcr == pcr and e.type != tcglog.EV_NO_ACTION]
               for pcr in pcrs}
        for name, log in logs.items()}}

# SPDX-License-Identifier: MIT
"""Read TCG event logs and replay them.

    log = parse(data)           -> Log(format, algorithms, events)
    log.replay()                -> {bank: {pcr: digest}}
    log.check(read)             -> list of differences (empty: they match)

Formats: the TPM 1.2 log of TCG_PCClientPCREvent structures, and the
crypto-agile log that starts with "Spec ID Event03" (TCG PC Client Platform
Firmware Profile 1.05, section 10).  Every length is checked against what is
there; a log that is not well-formed raises LogError with the offset of the
first bad byte.  Zero bytes after the last event are the unused area.
"""

import hashlib
import struct
import uuid
from dataclasses import dataclass, field

EV_NO_ACTION, EV_EVENT_TAG, EV_S_CRTM_VERSION = 3, 6, 8

EVENT_NAMES = {
    0x00: "EV_PREBOOT_CERT", 0x01: "EV_POST_CODE", 0x02: "EV_UNUSED",
    0x03: "EV_NO_ACTION", 0x04: "EV_SEPARATOR", 0x05: "EV_ACTION",
    0x06: "EV_EVENT_TAG", 0x07: "EV_S_CRTM_CONTENTS",
    0x08: "EV_S_CRTM_VERSION", 0x09: "EV_CPU_MICROCODE",
    0x0a: "EV_PLATFORM_CONFIG_FLAGS", 0x0b: "EV_TABLE_OF_DEVICES",
    0x0c: "EV_COMPACT_HASH", 0x0d: "EV_IPL", 0x0e: "EV_IPL_PARTITION_DATA",
    0x0f: "EV_NONHOST_CODE", 0x10: "EV_NONHOST_CONFIG",
    0x11: "EV_NONHOST_INFO", 0x12: "EV_OMIT_BOOT_DEVICE_EVENTS",
}

# Identifiers of tagged events (conventional BIOS profile 1.21, 11.3.2)
TAG_OPTION_ROM = 7
TAG_NAMES = {1: "SMBIOS structure", TAG_OPTION_ROM: "option ROM, executed"}

# TPM_ALG_ID: bank name, digest size, hashlib name (None: not on every host)
ALGORITHMS = {
    0x0004: ("sha1", 20), 0x000b: ("sha256", 32), 0x000c: ("sha384", 48),
    0x000d: ("sha512", 64), 0x0012: ("sm3_256", 32),
    0x0027: ("sha3_256", 32), 0x0028: ("sha3_384", 48),
    0x0029: ("sha3_512", 64),
}
HASHLIB_NAMES = {"sm3_256": "sm3"}
PCR_COUNT = 24
AREA_LIMIT = 16 << 20       # no event is larger than any sane log


class LogError(ValueError):
    """The log is not well-formed; offset is where."""

    def __init__(self, offset, text):
        super().__init__(f"offset {offset:#x}: {text}")
        self.offset = offset


class Reader:
    """A cursor over the log that knows where it is."""

    def __init__(self, data, start=0, end=None):
        self.data = data
        self.at = start
        self.end = len(data) if end is None else end

    def left(self):
        return self.end - self.at

    def bytes(self, n, what):
        if n > self.left():
            raise LogError(self.at, f"{what} needs {n} bytes, "
                                    f"{self.left()} are left")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, form, what):
        return struct.unpack("<" + form,
                             self.bytes(struct.calcsize(form), what))[0]


def tag_text(data):
    """A tagged event: its identifier, and the address of an option ROM."""
    tag, size = struct.unpack("<II", data[:8])
    place = ""
    if tag == TAG_OPTION_ROM and len(data) >= 12:
        address = struct.unpack("<H", data[10:12])[0]
        place = (f" {address >> 8:02x}:{address >> 3 & 31:02x}."
                 f"{address & 7}")
    return f"{TAG_NAMES.get(tag, f'tag {tag}')}{place} ({size} bytes)"


@dataclass
class Event:
    """One entry; digests by bank name."""
    offset: int
    pcr: int
    type: int
    digests: dict
    data: bytes

    @property
    def name(self):
        return EVENT_NAMES.get(self.type, f"type {self.type:#x}")

    def text(self):
        """The event's data for people."""
        if not self.data:
            return ""
        if self.type == EV_EVENT_TAG and len(self.data) >= 8:
            return tag_text(self.data)
        plain = self.data.rstrip(b"\0")
        if self.type == EV_NO_ACTION and platform_id(self.data):
            guid, maker, version = platform_id(self.data)
            return f"{maker} {version}, reference manifest {guid}"
        if self.type == EV_NO_ACTION:
            plain = self.data[:16].rstrip(b"\0")        # its signature
        elif self.type == EV_S_CRTM_VERSION and not any(self.data[1::2]):
            plain = self.data[::2].rstrip(b"\0")        # UTF-16
        if plain and all(32 <= c < 127 for c in plain):
            return repr(plain.decode("ascii"))
        more = "..." if len(self.data) > 32 else ""
        return f"{self.data[:32].hex()}{more} ({len(self.data)} bytes)"


PLATFORM_ID = b"SP800-155 Event2"


def platform_id(data):
    """Of the data of such an event, which names who made the firmware (TCG PC
    Client Platform Firmware Profile 1.05, 10.4.5.2): (GUID of the reference
    manifest, maker, version); None if it is none."""
    if data[:16] != PLATFORM_ID or len(data) < 36:
        return None
    r = Reader(data)
    r.bytes(20, "signature and vendor")
    guid = uuid.UUID(bytes_le=bytes(r.bytes(16, "reference manifest")))
    texts = []
    try:
        for name in ("maker", "model", "version", "firmware's maker",
                     "firmware's version"):
            if name == "firmware's version":
                r.number("I", "firmware's maker's number")
            texts.append(r.bytes(r.number("B", "size"), name)
                         .rstrip(b"\0").decode())
    except (LogError, UnicodeDecodeError):
        return None
    return guid, texts[3], texts[4]


@dataclass
class Log:
    """format: "sha1" (TPM 1.2) or "crypto-agile"; banks: name to size."""
    format: str
    banks: dict
    events: list = field(default_factory=list)

    def locality(self):
        """Locality of TPM2_Startup as the log states it (0 if it does not)."""
        for event in self.events:
            if event.type == EV_NO_ACTION and event.pcr == 0 and \
                    event.data[:16] == b"StartupLocality\0" and \
                    len(event.data) == 17:
                return event.data[16]
        return 0

    def ends_early(self):
        """Did the firmware have no room for what it extended afterwards?"""
        last = self.events[-1]
        return last.type == EV_NO_ACTION and \
            last.data.rstrip(b"\0") == b"KeelBIOS full"

    def replay(self):
        """PCR values that the log accounts for: {bank: {pcr: bytes}}, only
        PCRs that an event extends, and 0-7 always."""
        result = {}
        for bank, size in self.banks.items():
            try:
                hashlib.new(HASHLIB_NAMES.get(bank, bank))
            except ValueError:
                continue        # no such hash on this host
            pcrs = {n: bytes(size) for n in range(8)}
            pcrs[0] = bytes(size - 1) + bytes([self.locality()])
            for event in self.events:
                if event.type == EV_NO_ACTION:
                    continue
                # Dynamic launch PCRs start at all ones.
                start = b"\xff" if 17 <= event.pcr <= 22 else b"\0"
                old = pcrs.get(event.pcr, start * size)
                pcrs[event.pcr] = extend(bank, old, event.digests[bank])
            result[bank] = pcrs
        return result

    def check(self, read, first=0, last=7, partly=False):
        """Compare with PCRs that were read: {bank: {pcr: bytes}}.

        Returns [(bank, pcr, replayed, read)], pcr None when a bank is in
        one of the two only.  partly: only some PCRs were read; only they
        are looked at."""
        replayed, wrong = self.replay(), []
        for bank in sorted(set(replayed) | set(read)):
            if partly and bank not in read:
                continue
            if bank not in replayed or bank not in read:
                wrong.append((bank, None, bank in replayed, bank in read))
                continue
            for pcr in range(first, last + 1):
                if partly and pcr not in read[bank]:
                    continue
                want, got = replayed[bank].get(pcr), read[bank].get(pcr)
                if want != got:
                    wrong.append((bank, pcr, want, got))
        return wrong


def extend(bank, old, digest):
    """PCR extend: H(old || digest)."""
    return hashlib.new(HASHLIB_NAMES.get(bank, bank), old + digest).digest()


def unused(data, at):
    """Is the rest of the area unused?"""
    return not any(data[at:])


def read_header(r):
    """The fields that both formats begin with: pcr, type."""
    start = r.at
    pcr = r.number("I", "pcrIndex")
    kind = r.number("I", "eventType")
    if pcr >= PCR_COUNT:
        raise LogError(start, f"pcrIndex {pcr} does not exist")
    return pcr, kind


def read_sha1_event(r):
    start = r.at
    pcr, kind = read_header(r)
    digest = r.bytes(20, "digest")
    size = r.number("I", "eventDataSize")
    return Event(start, pcr, kind, {"sha1": digest},
                 r.bytes(size, "event data"))


def read_agile_event(r, banks):
    start = r.at
    pcr, kind = read_header(r)
    at = r.at
    count = r.number("I", "digest count")
    if count != len(banks):
        raise LogError(at, f"{count} digests, but the header names "
                           f"{len(banks)} algorithms")
    digests = {}
    for _ in range(count):
        at = r.at
        alg = r.number("H", "algorithm id")
        if alg not in banks:
            raise LogError(at, f"algorithm {alg:#06x} is not in the header")
        name, size = banks[alg]
        if name in digests:
            raise LogError(at, f"two digests of bank {name}")
        digests[name] = r.bytes(size, f"{name} digest")
    at = r.at
    size = r.number("I", "eventSize")
    if size > AREA_LIMIT:
        raise LogError(at, f"event of {size} bytes")
    event = Event(start, pcr, kind, digests, r.bytes(size, "event data"))
    if kind == EV_NO_ACTION and any(any(d) for d in digests.values()):
        raise LogError(start, "EV_NO_ACTION with a digest that is not zero")
    return event


def read_spec_id(event):
    """Banks of a Spec ID Event03: {alg id: (name, size)}."""
    base = event.offset + 32
    r = Reader(event.data)
    try:
        r.bytes(20, "signature and platform class")
        minor, major = r.number("B", "minor"), r.number("B", "major")
        r.bytes(2, "errata and uintnSize")
        if (major, minor) != (2, 0):
            raise LogError(r.at - 4, f"specification version {major}.{minor}")
        count = r.number("I", "numberOfAlgorithms")
        if not 1 <= count <= 16:
            raise LogError(r.at - 4, f"{count} algorithms")
        banks = {}
        for _ in range(count):
            alg = r.number("H", "algorithm id")
            size = r.number("H", "digest size")
            if alg in banks:
                raise LogError(r.at - 4, f"algorithm {alg:#06x} named twice")
            name, known = ALGORITHMS.get(alg, (f"alg_{alg:04x}", size))
            if size != known or not 1 <= size <= 128:
                raise LogError(r.at - 2, f"digest size {size} of {name}")
            banks[alg] = (name, size)
        r.bytes(r.number("B", "vendorInfoSize"), "vendor information")
        if r.left():
            raise LogError(r.at, f"{r.left()} bytes after the header's end")
    except LogError as err:
        raise LogError(base + err.offset,
                       "Spec ID event: " + str(err).split(": ", 1)[1]) \
            from None
    return banks


def parse(data):
    """Parse a log of either format."""
    if not data or unused(data, 0):
        raise LogError(0, "the log is empty")
    r = Reader(data)
    first = read_sha1_event(r)
    if first.type == EV_NO_ACTION and first.data[:16] == b"Spec ID Event03\0":
        if first.pcr != 0 or any(first.digests["sha1"]):
            raise LogError(0, "Spec ID event with PCR or digest not zero")
        banks = read_spec_id(first)
        log = Log("crypto-agile", dict(banks.values()))
        # The header carries no digests of the banks.
        first.digests = {name: bytes(n) for name, n in banks.values()}

        def read_next():
            return read_agile_event(r, banks)
    else:
        log = Log("sha1", {"sha1": 20})

        def read_next():
            return read_sha1_event(r)
    log.events.append(first)
    while r.left() and not unused(data, r.at):
        log.events.append(read_next())
    return log


def parse_pcrs(text):
    """PCRs as text: lines "bank index hex", or as tpm2_pcrread prints them:
    "bank:" and then "index : 0xhex".  Hex may be upper case."""
    pcrs, bank = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(":", " : ").split()
        if not words:
            continue
        try:
            if len(words) == 2 and words[1] == ":":
                bank = words[0]
                continue
            if len(words) == 3 and words[1] == ":":
                pcr, value = words[0], words[2]
                if bank is None or value[:2].lower() != "0x":
                    raise ValueError
                pcrs.setdefault(bank, {})[int(pcr)] = bytes.fromhex(value[2:])
                continue
            name, pcr, value = words
            pcrs.setdefault(name, {})[int(pcr)] = bytes.fromhex(value)
        except ValueError:
            raise ValueError(f"line {number}: expected \"bank pcr hex\" or "
                             f"tpm2_pcrread's output, got {line!r}") from None
    return pcrs


def split_pcrs(data, selection):
    """PCRs as tpm2_pcrread -o writes them, one after another: [(bank, [pcr])]
    says which."""
    pcrs, at = {}, 0
    sizes = dict(ALGORITHMS.values())
    for bank, numbers in selection:
        for pcr in numbers:
            pcrs.setdefault(bank, {})[pcr] = data[at:at + sizes[bank]]
            at += sizes[bank]
    if at != len(data):
        raise ValueError(f"{len(data)} bytes, but this selection of PCRs has "
                         f"{at}")
    return pcrs


# What tpm2-tools write as they have it in memory: TPML_PCR_SELECTION, a number
# of TPML_DIGEST, and these.  Little-endian, whatever the machine.
SELECTION_FORM, SELECTION_COUNT = struct.Struct("<HB4sx"), 16
DIGEST_FORM, DIGEST_COUNT = struct.Struct("<H64s"), 8
DIGESTS_SIZE = 4 + DIGEST_COUNT * DIGEST_FORM.size


def read_saved_selection(r):
    count = r.number("I", "the number of banks")
    forms = [SELECTION_FORM.unpack(r.bytes(SELECTION_FORM.size, "a selection"))
             for _ in range(SELECTION_COUNT)]
    if not 1 <= count <= SELECTION_COUNT or \
            any(alg not in ALGORITHMS or size > len(bits)
                for alg, size, bits in forms[:count]):
        raise LogError(0, "not a file of tpm2_quote -o")
    return [(ALGORITHMS[alg][0],
             [n for n in range(PCR_COUNT) if int.from_bytes(
                 bits[:size], "little") >> n & 1])
            for alg, size, bits in forms[:count]]


def parse_saved_pcrs(data):
    """PCRs as tpm2_quote -o writes them, if not told otherwise."""
    r = Reader(data)
    selection = read_saved_selection(r)
    values = []
    for _ in range(r.number("I", "the number of digest lists")):
        lists = Reader(r.bytes(DIGESTS_SIZE, "a list of digests"))
        count = lists.number("I", "the number of digests")
        if count > DIGEST_COUNT:
            raise LogError(r.at, f"a list of {count} digests")
        for _ in range(count):
            size, value = DIGEST_FORM.unpack(
                lists.bytes(DIGEST_FORM.size, "a digest"))
            values.append(value[:size])
    named = [(bank, n) for bank, numbers in selection for n in numbers]
    if r.left() or len(values) != len(named) or any(
            len(value) != dict(ALGORITHMS.values())[bank]
            for (bank, _), value in zip(named, values)):
        raise LogError(r.at, "the digests are not those of the selection")
    pcrs = {}
    for (bank, n), value in zip(named, values):
        pcrs.setdefault(bank, {})[n] = value
    return pcrs


@dataclass
class Quote:
    """What a TPM's quote is about: [(bank, [pcr])], and the digest of these
    PCRs, one after another."""
    selection: list
    digest: bytes

    def matches(self, pcrs):
        """Are {bank: {pcr: value}} the quoted ones?  None: not all are
        there."""
        names = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
        try:
            data = b"".join(pcrs[bank][pcr] for bank, numbers in
                            self.selection for pcr in numbers)
        except KeyError:
            return None
        return hashlib.new(names[len(self.digest)], data).digest() == \
            self.digest


def parse_quote(data):
    """A TPMS_ATTEST, as tpm2_quote -m writes it (TPM 2.0 Library part 2,
    10.12.12).  Whose signature it has is not looked at here."""
    at = 0

    def take(n):
        nonlocal at
        if n > len(data) - at:
            raise LogError(at, f"the quote needs {n} more bytes, "
                               f"{len(data) - at} are left")
        at += n
        return data[at - n:at]

    def number(n):
        return int.from_bytes(take(n), "big")

    if take(4) != b"\xffTCG" or number(2) != 0x8018:
        raise LogError(0, "not a quote of a TPM 2.0 (TPMS_ATTEST)")
    take(number(2))                     # the signer's name
    take(number(2))                     # extraData: the nonce
    take(17 + 8)                        # clock, firmware version
    selection = []
    for _ in range(number(4)):
        alg = number(2)
        bits = int.from_bytes(take(number(1)), "little")
        if alg not in ALGORITHMS:
            raise LogError(at, f"the quote has unknown algorithm {alg:#06x}")
        selection.append((ALGORITHMS[alg][0],
                          [n for n in range(PCR_COUNT) if bits >> n & 1]))
    digest = take(number(2))
    if at != len(data) or len(digest) not in (20, 32, 48, 64):
        raise LogError(at, "the quote does not end with its digest")
    return Quote(selection, digest)


def parse_pcrs_12(text):
    """The pcrs file of Linux for a TPM 1.2: "PCR-00: 01 02 ..." lines."""
    pcrs = {}
    for line in text.splitlines():
        head, _, value = line.partition(":")
        if head.startswith("PCR-"):
            pcrs[int(head[4:])] = bytes.fromhex(value)
    return {"sha1": pcrs} if pcrs else {}

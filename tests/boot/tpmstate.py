# SPDX-License-Identifier: MIT
"""What a TPM holds that administration changes, read by TPM commands, and
owners put into it to see whether they are gone.

talk(bytes) sends one command and returns (response code, response): the
agent's tpm(), or Linux's /dev/tpm0.

TPM 2.0 Library parts 2 and 3; TPM Main 1.2 parts 2 and 3.
"""

import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

OWNER, ENDORSEMENT, LOCKOUT, PLATFORM = (0x40000001, 0x4000000b, 0x4000000a,
                                         0x4000000c)
NAMES = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}
SECRET = b"abc"                 # of the owners made here
INDEX = 0x01500001              # an owner's NV index made here
CONTENTS = b"keel"
FIRMWARE_INDEX = 0x01404b42     # where the firmware keeps its settings

# An ECC storage key; all of it comes from the hierarchy's seed.
PRIMARY = bytes.fromhex("0023 000b 00030472 0000"
                        "0006 0080 0043 0010 0003 0010 0000 0000")


class Tpm20:
    """A TPM 2.0."""

    def __init__(self, talk):
        self.talk = talk

    def run(self, code, body=b"", handles=(), auth=None):
        """(response code, parameters); auth: the password of one session."""
        head = b"".join(h.to_bytes(4, "big") for h in handles)
        if auth is not None:
            area = struct.pack(">IHBH", 0x40000009, 0, 0, len(auth)) + auth
            head += struct.pack(">I", len(area)) + area
        data = head + body
        code, answer = self.talk(struct.pack(
            ">HII", 0x8001 if auth is None else 0x8002, len(data) + 10,
            code) + data)
        return code, answer[10:]

    def must(self, *args, **kwargs):
        code, body = self.run(*args, **kwargs)
        assert code == 0, f"TPM command {args[0]:#x}: {code:#x}"
        return body

    def property(self, which):
        body = self.must(0x17a, struct.pack(">III", 6, which, 1))
        return struct.unpack(">I", body[-4:])[0]

    def banks(self):
        """The names of the active banks, sorted."""
        body = self.must(0x17a, struct.pack(">III", 5, 0, 16))
        count, at, found = struct.unpack(">I", body[5:9])[0], 9, []
        for _ in range(count):
            alg, size = struct.unpack(">HB", body[at:at + 3])
            if any(body[at + 3:at + 3 + size]):
                found.append(NAMES.get(alg, hex(alg)))
            at += 3 + size
        return tuple(sorted(found))

    def password(self, handle):
        """The one that take() gave, if it is set."""
        bit = {OWNER: 1, ENDORSEMENT: 2, LOCKOUT: 4}[handle]
        return SECRET if self.property(0x200) & bit else b""

    def primary(self, handle):
        """Digest that follows from the hierarchy's seed; None if it is off."""
        body = struct.pack(">HHHH", 4, 0, 0, len(PRIMARY)) + PRIMARY + \
            bytes(6)
        code, body = self.run(0x131, body, [handle], self.password(handle))
        if code:
            return None
        self.must(0x165, body[:4])              # flush
        size = struct.unpack(">H", body[8:10])[0]
        return hashlib.sha256(body[10:10 + size]).hexdigest()[:16]

    def contents(self):
        """Of the index that take() made; None if it is not to be had."""
        code, body = self.run(0x14e, struct.pack(">HH", 4, 0),
                              [INDEX, INDEX], b"")
        return body[6:10] if code == 0 else None

    def indices(self):
        body = self.must(0x17a, struct.pack(">III", 1, 0x01000000, 64))
        return struct.unpack(f">{(len(body) - 9) // 4}I", body[9:])

    def state(self):
        """All that an operation may change, by names."""
        permanent, startup = self.property(0x200), self.property(0x201)
        return {
            "owner": bool(permanent & 1), "endorser": bool(permanent & 2),
            "lockout": bool(permanent & 4),
            "clear disabled": bool(permanent & 0x100),
            "storage": bool(startup & 2), "endorsement": bool(startup & 4),
            "banks": self.banks(), "storage seed": self.primary(OWNER),
            "endorsement seed": self.primary(ENDORSEMENT),
            "index": self.contents(),
        }

    def take(self):
        """Passwords of owner, endorsement and lockout, an index with
        contents; TPM2_Clear by the lockout's password forbidden."""
        if self.property(0x200) & 4:
            return
        for handle in (OWNER, ENDORSEMENT, LOCKOUT):
            self.must(0x129, struct.pack(">H", len(SECRET)) + SECRET,
                      [handle], b"")
        public = struct.pack(">IHIHH", INDEX, 11, 0x02060006, 0, 4)
        self.must(0x12a, b"\0\0" + struct.pack(">H", len(public)) + public,
                  [OWNER], SECRET)
        self.must(0x137, struct.pack(">H", 4) + CONTENTS + b"\0\0",
                  [INDEX, INDEX], b"")
        self.must(0x127, b"\1", [LOCKOUT], SECRET)


class Tpm12:
    """A TPM 1.2."""

    def __init__(self, talk):
        self.talk = talk

    def run(self, ordinal, body=b"", tag=0xc1):
        code, answer = self.talk(struct.pack(">HII", tag, len(body) + 10,
                                             ordinal) + body)
        return code, answer[10:]

    def must(self, *args, **kwargs):
        code, body = self.run(*args, **kwargs)
        assert code == 0, f"TPM command {args[0]:#x}: {code:#x}"
        return body

    def capability(self, area, which):
        return self.must(0x65, struct.pack(">III", area, 4, which))[4:]

    def state(self):
        flags = self.capability(4, 0x108)
        return {
            "enabled": not flags[2], "owner allowed": bool(flags[3]),
            "active": not flags[4],
            "owned": bool(self.capability(5, 0x111)[0]),
        }

    def take(self):
        """Make an owner, whose storage root key has the same secret."""
        if self.state()["owned"]:
            return
        code, body = self.run(0x7c, bytes(20))
        if code:                                # no endorsement key yet
            self.must(0x78, bytes(20) + bytes.fromhex(
                "00000001 0003 0001 0000000c 00000800 00000002 00000000"))
            body = self.must(0x7c, bytes(20))
        size = struct.unpack(">I", body[8:12])[0]
        at = 12 + size
        size = struct.unpack(">I", body[at:at + 4])[0]
        modulus = int.from_bytes(body[at + 4:at + 4 + size], "big")
        key = rsa.RSAPublicNumbers(65537, modulus).public_key()
        secret = hashlib.sha1(SECRET).digest()
        sealed = [struct.pack(">I", 256) + key.encrypt(
            secret, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(),
                                 b"TCPA")) for _ in range(2)]
        srk = bytes.fromhex("01010000 0011 00000000 01 00000001 0003 0001"
                            "0000000c 00000800 00000002 00000000"
                            "00000000 00000000 00000000")
        session = self.must(0x0a)
        odd = os.urandom(20)
        body = struct.pack(">H", 5) + b"".join(sealed) + srk
        digest = hashlib.sha1(struct.pack(">I", 0x0d) + body).digest()
        proof = hmac.new(secret, digest + session[4:24] + odd + b"\0",
                         hashlib.sha1).digest()
        self.must(0x0d, body + session[:4] + odd + b"\0" + proof, tag=0xc2)


def tpm(kind, talk):
    return Tpm12(talk) if kind == "1.2" else Tpm20(talk)

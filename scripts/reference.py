#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reference values of an image: what a verifier compares a machine with.

    make reference      writes out/reference.json

"event" is the data of the event by which a log names the firmware and this
document: EV_NO_ACTION "SP800-155 Event2" (TCG PC Client Platform Firmware
Profile 1.05, 10.4.5.2).  The firmware does not log it (docs/verify.md says
why); the log names the version, and referenceManifestGuid follows from it.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import sys
import uuid

import pcrpredict
import predictionfile
import tcglog

FIRMWARE = "KeelBIOS"
PLATFORM = "QEMU"
NO_NUMBER = 0               # the project has no IANA enterprise number
BANKS = ("sha1", "sha256", "sha384", "sha512")


def guid(version):
    """Of the reference values of a version."""
    project = uuid.uuid5(uuid.NAMESPACE_DNS, "keelbios.org")
    return uuid.uuid5(project, version)


def text(value):
    """A string with its size in front, which counts the NUL at its end."""
    data = value.encode() + b"\0"
    return bytes([len(data)]) + data


def event(version):
    """The event's data in the log of this version, as bytes."""
    return tcglog.PLATFORM_ID + struct.pack("<I", NO_NUMBER) + \
        guid(version).bytes_le + \
        text(PLATFORM) + text("") + text("") + \
        text(FIRMWARE) + struct.pack("<I", NO_NUMBER) + text(version)


def image(path, compiler):
    """What is compared, of one image."""
    data = path.read_bytes()
    pcrs = predictionfile.complete(pcrpredict.predict(pcrpredict.Facts(
        bios=str(path), banks=BANKS)))
    return {"compiler": compiler, "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "pcr0": {bank: pcrs[bank][0].hex() for bank in BANKS}}


def document(images):
    """images: [(path of bios.bin, compiler)], all of one version."""
    versions = {pcrpredict.bios_version(path.read_bytes()).decode()
                for path, _ in images}
    if len(versions) != 1:
        raise ValueError("the images are of several versions: "
                         + ", ".join(sorted(versions)))
    version = versions.pop()
    return {"firmware": FIRMWARE, "version": version,
            "referenceManifestGuid": str(guid(version)),
            "event": event(version).hex(),
            "images": [image(*each) for each in images]}


def write(path, images):
    """The same images give the same bytes."""
    path.write_text(json.dumps(document(images), indent=1, sort_keys=True)
                    + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="make reference runs this.")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("images", nargs="+", metavar="BIOS=COMPILER")
    args = parser.parse_args()
    images = [each.partition("=")[::2] for each in args.images]
    try:
        write(args.out, [(pathlib.Path(path), name) for path, name in images])
    except (OSError, ValueError, pcrpredict.PredictError) as err:
        print(f"reference: {err}", file=sys.stderr)
        return 1
    print(f"{args.out}: reference values of {len(images)} image(s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""The CRB interface of QEMU 11.1 and newer, which can take commands and give
answers in chunks (PC Client Platform TPM Profile 1.07)."""

import agent
import measured
import needs

INTF_ID, CHUNK = 0xfed40030, 1 << 10


def test_chunks_are_not_used(tests):
    """A device that offers them is measured into as one that does not: by the
    same commands."""
    needs.device_property("tpm-crb", "cap-chunk")
    seen = {}
    for chunk in ("on", "off"):
        args = ["-global", f"tpm-crb.cap-chunk={chunk}"]
        with measured.watched(tests, "2.0-crb") as tpm, agent.started(
                tests, "q35", tpm, args, mem="32M") as a:
            capable = int.from_bytes(a.read(INTF_ID, 4), "little") & CHUNK
            assert bool(capable) == (chunk == "on")
            seen[chunk] = tpm.pcrs(), tpm.commands[:]
            assert not measured.log(a.m).check(tpm.pcrs())
    assert seen["on"] == seen["off"]

# SPDX-License-Identifier: MIT
"""Where the TPM's ACPI table says that the event log is: by the revision of
TPM2 and the platform class of TCPA (TCG ACPI Specification 1.2 to 1.4).  QEMU
delivers revision 4 and the client's class; the other tables are ours."""

import re
import struct

import pytest

from test_bad import R, START, T, allocate, checksum, fw_cfg, pointer
from rehearse import first_entry
import measured
import tcglog

LOG = "etc/tpm/log"
LOG_SIZE = 0x8000
RSDT = 40
TABLE = 64              # where it is in its file
NO_LOG = b"TPM: there is no memory for an event log"


def tables(tests, signature, kind, length, laml, size=LOG_SIZE):
    """Arguments for a machine whose only table is the TPM's.  laml: the
    offset of the log's size; the address follows it."""
    table = bytearray(length)
    struct.pack_into("<4sIB", table, 0, signature, length,
                     2 if signature == b"TCPA" else kind)
    width = 8 if (signature, kind) == (b"TCPA", 1) else 4
    if signature == b"TCPA":
        struct.pack_into("<H", table, 36, kind)
    else:
        struct.pack_into("<I", table, 48, 7)        # start method: CRB
    script = START + allocate(LOG) + pointer(R, T, 16, 4)
    script += pointer(T, T, 36, 4)
    if laml:
        table[laml:laml + width] = size.to_bytes(width, "little")
        script += pointer(T, LOG, TABLE + laml + width, 8)
    script += checksum(T, TABLE + 9, TABLE, length) + checksum(R, 8, 0, 20)
    rsdt = struct.pack("<4sI28xI", b"RSDT", RSDT, TABLE)
    return ["-machine", "acpi=off"] + fw_cfg(
        tests, **{
            "etc__table-loader": script,
            "etc__acpi__tables": rsdt.ljust(TABLE, b"\0") + table,
            "etc__acpi__rsdp": b"RSD PTR " + bytes(12),
            "etc__tpm__log": bytes(LOG_SIZE)})


@pytest.mark.parametrize("signature,kind,length,laml", [
    (b"TPM2", 4, 76, 64), (b"TPM2", 5, 80, 68), (b"TPM2", 5, 200, 68),
    (b"TCPA", 0, 50, 38), (b"TCPA", 1, 100, 40)])
def test_log(tests, signature, kind, length, laml):
    """The log is where the table says, as long as that."""
    tpm_kind = "2.0-crb" if signature == b"TPM2" else "1.2"
    with measured.watched(tests, tpm_kind) as tpm, measured.boot(
            tests, "pc", tpm,
            args=tables(tests, signature, kind, length, laml)) as m:
        assert b"event log" not in m.debug(), m.report("a message")
        ram = measured.memory(m)
        table, = measured.tables(ram, signature)
        width = 8 if (signature, kind) == (b"TCPA", 1) else 4
        at = struct.unpack_from("<Q", table, laml + width)[0]
        assert first_entry(ram) == at
        log = tcglog.parse(ram[at:at + LOG_SIZE])
        assert {e.pcr for e in log.events} >= set(range(8))
        assert not log.check(tpm.pcrs())


@pytest.mark.parametrize("signature,kind,length,laml,why", [
    (b"TPM2", 3, 52, 0, b"is of a kind whose event log is not known"),
    (b"TPM2", 6, 80, 68, b"is of a kind whose event log is not known"),
    (b"TPM2", 4, 64, 0, b"ends before its event log"),
    (b"TPM2", 5, 76, 0, b"ends before its event log"),
    (b"TPM2", 5, 80, 0, b"names no event log"),
    (b"TCPA", 2, 100, 40, b"is of a kind whose event log is not known"),
    (b"TCPA", 1, 50, 0, b"ends before its event log"),
    (b"TCPA", 0, 50, 0, b"names no event log")])
def test_no_log(tests, signature, kind, length, laml, why):
    """A line says why there is none; PCRs are extended all the same."""
    tpm_kind = "2.0-crb" if signature == b"TPM2" else "1.2"
    with measured.watched(tests, tpm_kind) as tpm, measured.boot(
            tests, "pc", tpm,
            args=tables(tests, signature, kind, length, laml)) as m:
        said = m.debug()
        assert re.search(rb"^TPM: the ACPI table " + signature
                         + rb" \(.*" + why, said, re.M), m.report("not said")
        assert NO_LOG in said
        assert all(any(value[n]) for value in tpm.pcrs().values()
                   for n in range(8))
        assert first_entry(measured.memory(m)) is None, "a log somewhere"

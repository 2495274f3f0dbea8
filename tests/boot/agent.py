# SPDX-License-Identifier: MIT
"""The test agent (tests/rm/agent.c): a boot sector that reads and writes
memory, talks to the TPM and resets the machine when the test says so.  For
what needs an operating system, but not Linux: a boot costs a third of a
second.

    with agent.started(tests, "q35", tpm, args) as a:
        a.request(5)            # as QEMU's ACPI code does it
        a.reset()
        assert a.response() == (5, 0)
"""

import contextlib
import pathlib
import struct
import subprocess
import time

import measured
import tcglog
import vm

RM = pathlib.Path(__file__).resolve().parent.parent / "rm"
SECTORS = 25                    # with the boot sector
GCC = ["gcc", "-m32", "-Os", "-march=i686", "-ffreestanding", "-fno-pic",
       "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
       "-fno-zero-initialized-in-bss", "-fcf-protection=none", "-Wall",
       "-Wextra", "-Werror", "-c"]

WAKE = 0x7c08                   # in agent.S
SLEEP = 0x2400                  # in PM1_CNT: SLP_EN, type 1, which is S3

PPI = 0xfed45000
PPRP, PPRQ, PPRM, LPPR = 0x105, 0x109, 0x10d, 0x111
NEXT_STEP, MOVV = 0x159, 0x15a
MARK_AT, MARK = 0x3f0, b"KeelBIOS was on\0"   # ppi_memory_post.c


def image(work):
    """A disk image that boots the agent."""
    objs = [work / "agent-entry.o", work / "agent-main.o"]
    for source, obj in zip(("agent.S", "agent.c"), objs):
        subprocess.run(GCC + [RM / source, "-o", obj], check=True)
    disk = work / "agent.img"
    subprocess.run(["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext",
                    "0x7c00", "-e", "_start", "-o", disk] + objs, check=True)
    assert disk.stat().st_size <= SECTORS * 512, "agent.S: SECTORS"
    with open(disk, "r+b") as file:
        file.truncate(1 << 20)
    return disk


class Agent:
    """The agent in a machine that runs."""

    def __init__(self, machine):
        self.m = machine

    def ready(self, timeout=60):
        self.m.expect(rb"^AGENT\r?\n", timeout, "the test agent")

    def command(self, line, timeout=60):
        start = self.m.seen
        self.m.send(line + "\n")
        end = self.m.expect(rb"\r?\n\.\r?\n", timeout,
                            f"the agent's answer to {line[:40]!r}")
        # Not a part of that expression: it would try each digit as the first.
        said = end.string[start:end.start()]
        digits = said[len(said.rstrip(b"0123456789abcdef")):]
        return bytes.fromhex(digits.decode())

    def read(self, at, length):
        return self.command(f"r {at:x} {length:x}")

    def write(self, at, data):
        for i in range(0, len(data), 2048):
            self.command(f"w {at + i:x} {data[i:i + 2048].hex()}")

    def reset_begin(self):
        """Hard reset; the firmware runs now."""
        self.m.send("o cf9 2\n")
        self.m.expect(rb"\n\.\r?\n", 10)
        self.m.send("o cf9 6\n")

    def reset(self, timeout=60):
        self.reset_begin()
        self.ready(timeout)

    def e820(self):
        """[(start, length, type)], as it was when the agent was booted."""
        size = int.from_bytes(self.read(0x6000, 2), "little")
        return [entry[:3] for entry in struct.iter_unpack(
            "<QQII", self.read(0x6002, size))]

    def pci(self, dev, fn):
        """Configuration space of a function of bus 0, or None."""
        data = self.command(f"c {1 << 31 | dev << 11 | fn << 8:x}")
        return None if data[:4] == b"\xff" * 4 else data

    # ----------------------------------------------------------------- S3

    def suspend(self, timeout=20):
        """To S3; the agent itself is what wakes up.  For a machine of 32 MiB
        of RAM."""
        fadt = next(measured.tables(measured.memory(self.m), b"FACP"))
        facs, = struct.unpack("<I", fadt[36:40])
        pm1_control, = struct.unpack("<I", fadt[64:68])
        self.write(facs + 12, struct.pack("<I", WAKE))
        self.m.send(f"p {pm1_control:x} {SLEEP:x}\n")
        end = time.monotonic() + timeout
        while self.m.qmp("query-status")["status"] != "suspended":
            assert time.monotonic() < end, self.m.report("it does not sleep")
            time.sleep(0.01)

    def wake(self, timeout=60):
        """Returns the seconds until the agent was there again."""
        start = time.monotonic()
        self.m.qmp("system_wakeup")
        self.ready(timeout)
        return time.monotonic() - start

    # ------------------------------------------------------------- the TPM

    def tpm(self, data):
        """(response code, response)"""
        answer = self.command("t " + data.hex())
        assert len(answer) >= 10, self.m.report(
            f"no answer from the TPM to {data.hex()}")
        return int.from_bytes(answer[6:10], "big"), answer

    def pcrs(self, kind):
        """{bank: {pcr: value}} of PCR 0-7."""
        if kind == "1.2":
            return {"sha1": {n: self.tpm(struct.pack(
                ">HIII", 0xc1, 14, 0x15, n))[1][10:30] for n in range(8)}}
        result = {}
        for alg, (bank, size) in tcglog.ALGORITHMS.items():
            code, answer = self.tpm(struct.pack(
                ">HIIIHB3s", 0x8001, 20, 0x17e, 1, alg, 3, b"\xff\0\0"))
            if code == 0 and answer[21]:    # of what was selected: the bank
                result[bank] = {
                    n: answer[30 + n * (2 + size):][:size] for n in range(8)}
        return result

    # ------------------------------------ physical presence, as ACPI does it

    def request(self, code, parameter=0):
        self.write(PPI + PPRQ, code.to_bytes(4, "little")
                   + parameter.to_bytes(4, "little"))

    def pending(self):
        return int.from_bytes(self.read(PPI + PPRQ, 4), "little")

    def response(self):
        """(request last executed, its response)"""
        last = self.read(PPI + LPPR, 4)
        return (int.from_bytes(last, "little"),
                int.from_bytes(self.read(PPI + PPRP, 4), "little"))

    def func(self):
        return self.read(PPI, 256)


@contextlib.contextmanager
def started(tests, machine, tpm, args=(), **kwargs):
    disk = tests.tmp / "agent.img"
    if not disk.exists():
        image(tests.tmp)
    with tests.machine(machine, None, tpm=tpm,
                       args=vm.disk(disk, "ide", machine) + list(args),
                       **kwargs) as m:
        a = Agent(m)
        a.ready()
        yield a

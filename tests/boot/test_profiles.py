# SPDX-License-Identifier: MIT
"""TPMs 2.0 without some commands or algorithms, as the profiles of libtpms 0.10
make them: each is measured into as ever, and nobody has the platform's
authority.  On every swtpm the commands are refused by the proxy; where swtpm
has profiles, it refuses them itself."""

import json
import re

import pytest

from test_tpm_faults import is_capped
import agent
import faketpm
import measured
import needs
import vm

GET_RANDOM, CONTROL, CHANGE_AUTH = 0x17b, 0x121, 0x129
# NV_UndefineSpace, NV_DefineSpace, NV_Increment to NV_Write, NV_ReadLock and
# what else of them a profile can leave out.
NV = (0x11f, 0x122, 0x12a, 0x134, 0x135, 0x136, 0x137, 0x138, 0x13b, 0x14f,
      0x184)
CLEAR = bytes.fromhex("8002 0000001b 00000126 4000000c 00000009 40000009 0000 "
                      "00 0000")        # TPM2_Clear by an empty platformAuth
SECRET, OFF, NO_COMMAND = 0x9a2, 0x185, 0x143
RDRAND = {True: ["-cpu", "qemu64,+rdrand"], False: ["-cpu", "qemu64,-rdrand"]}
NO_RANDOM = b"TPM: no random numbers: it has no TPM2_GetRandom, and this " \
    b"machine no RDRAND; the platform hierarchy "


def missing(*codes):
    """A TPM without these commands."""
    def spoil(_n, _code, answer):
        return answer

    spoil.refuse = lambda code: \
        faketpm.error(NO_COMMAND) if code in codes else None
    return spoil


def said(m):
    """Without what a new TPM's first start says."""
    return [line for line in re.findall(rb"^TPM: [^\n]*", m.debug(), re.M)
            if line != b"TPM: no physical presence settings: defaults"]


def platform(tpm):
    """What the TPM says to somebody who claims to be the platform."""
    return int.from_bytes(tpm.ask(CLEAR)[6:10], "big")


def secret(tpm):
    """The platformAuth that was set."""
    command, = [c for c, _ in tpm.exchanges
                if c[6:10] == CHANGE_AUTH.to_bytes(4, "big")]
    return command[-32:]


def assert_measured(m, tpm):
    log = measured.log(m)
    assert {e.pcr for e in log.events} >= set(range(8))
    assert not log.check(tpm.pcrs())
    assert not any(e.data == b"\1\0\0\0" for e in log.events), "capped"


@pytest.mark.parametrize("kind", ["2.0-crb", "2.0-tis"])
@pytest.mark.parametrize("codes", [(GET_RANDOM,), (GET_RANDOM, CONTROL)])
def test_rdrand(tests, kind, codes):
    """The secret comes from the processor, and is another one each time."""
    secrets = set()
    for _ in range(2):
        with measured.watched(tests, kind, missing(*codes)) as tpm, \
                measured.boot(tests, "q35", tpm, args=RDRAND[True]) as m:
            assert not said(m)
            assert_measured(m, tpm)
            assert platform(tpm) == SECRET
            secrets.add(secret(tpm))
            words = [secret(tpm)[i:i + 4] for i in range(0, 32, 4)]
            assert len(set(words)) == 8 and bytes(4) not in words
    assert len(secrets) == 2


def test_no_source(tests):
    """Neither has random numbers: the platform hierarchy is off before option
    ROMs run."""
    with measured.watched(tests, "2.0-crb", missing(GET_RANDOM)) as tpm, \
            measured.boot(tests, "q35", tpm, args=RDRAND[False]) as m:
        assert said(m) == [NO_RANDOM + b"is off, so requests and the menu "
                           b"cannot change the TPM"]
        assert_measured(m, tpm)
        assert platform(tpm) == OFF


def test_neither(tests):
    """Nor can the hierarchy be turned off: an operating system would have it,
    so measured boot fails closed."""
    with measured.watched(tests, "2.0-crb",
                          missing(GET_RANDOM, CONTROL)) as tpm, \
            measured.boot(tests, "q35", tpm, args=RDRAND[False]) as m:
        lines = said(m)
        assert lines[0] == NO_RANDOM + b"cannot be turned off either"
        assert b"TPM: PCRs capped, TPM could not be disabled; starting " \
            b"without measured boot" in lines
        assert any(b"the operating system has it" in line for line in lines)
        log = measured.log(m)
        assert not log.check(tpm.pcrs())
        assert {e.pcr for e in log.events if e.data == b"\1\0\0\0"} == \
            set(range(8))


@pytest.mark.parametrize("codes", [(CONTROL,), NV, NV + (0x169, 0x14e)])
def test_not_needed(tests, codes):
    """Without TPM2_HierarchyControl or those of NV storage (and even NV_Read and
    NV_ReadPublic) a boot is as ever; the flags of requests are the defaults."""
    with measured.watched(tests, "2.0-crb", missing(*codes)) as tpm, \
            measured.boot(tests, "q35", tpm) as m:
        assert said(m) == ([b"TPM: the physical presence settings in NV index "
                            b"01404b42 are not usable: defaults"]
                           if 0x169 in codes else [])
        assert_measured(m, tpm)
        assert platform(tpm) == SECRET


@pytest.mark.parametrize("codes,rdrand,platform_says", [
    ((GET_RANDOM,), True, SECRET), ((GET_RANDOM,), False, OFF)])
def test_sleep(tests, codes, rdrand, platform_says):
    """A resume turns the platform hierarchy on again: the same holds."""
    with measured.watched(tests, "2.0-crb", missing(*codes)) as tpm, \
            agent.started(tests, "q35", tpm, RDRAND[rdrand], mem="32M",
                          vga="none", machine_options=",graphics=off") as a:
        before = tpm.pcrs()
        a.tpm(bytes.fromhex("8001 0000000c 00000145 0001"))
        a.suspend()
        a.wake()
        assert b"S3 resume: TPM restored" in a.m.debug()
        assert tpm.pcrs() == before
        assert platform(tpm) == platform_says


@pytest.mark.parametrize("rdrand,codes", [
    (True, (GET_RANDOM,)), (False, (GET_RANDOM,)), (True, NV)])
def test_requests(tests, rdrand, codes):
    """Clear and change of banks, asked for by an operating system: done with
    the secret; answered with an error where there is none."""
    args = RDRAND[rdrand] + ["-fw_cfg", "name=opt/org.keelbios/ppi-policy,"
                             "string=allow"]
    with measured.watched(tests, "2.0-crb", missing(*codes)) as tpm, \
            agent.started(tests, "q35", tpm, args, mem="32M") as a:
        for code, parameter in ((5, 0), (23, 2)):
            a.request(code, parameter)
            a.reset()
            last, response = a.response()
            done = response == 0
            print(f"\n{code}: {response:#x}")
            assert last == code and done == (rdrand or GET_RANDOM not in codes)
            assert not measured.log(a.m).check(tpm.pcrs())
        assert (sorted(tpm.pcrs()) == ["sha256"]) == done


@pytest.mark.parametrize("codes", [(CONTROL,), NV])
def test_turn_off(tests, codes):
    """What cannot be done or kept is answered with the TPM's error, and the
    next start is as ever."""
    args = ["-fw_cfg", "name=opt/org.keelbios/ppi-policy,string=allow"]
    with measured.watched(tests, "2.0-crb", missing(*codes)) as tpm, \
            agent.started(tests, "q35", tpm, args, mem="32M") as a:
        a.request(2)
        for _ in range(2):
            a.reset()
            assert a.response() == (2, NO_COMMAND)
            assert_measured(a.m, tpm)
            assert platform(tpm) == SECRET


def test_turned_off_before(tests):
    """Turned off while there was a secret; then there is none, and the platform
    hierarchy is off too early: what was asked for cannot be had."""
    with tests.tpm("2.0-crb") as made:
        made.stop()
    args = ["-fw_cfg", "name=opt/org.keelbios/ppi-policy,string=allow"]
    for rdrand in (True, False):
        with faketpm.FakeTpm("2.0-crb", made.state,
                             missing(GET_RANDOM)) as tpm, agent.started(
                tests, "q35", tpm, RDRAND[rdrand] + args, mem="32M") as a:
            if rdrand:
                a.request(2)
                a.reset()
                assert a.response() == (2, 0)
                continue
            assert b"TPM: measured boot has failed: a hierarchy could not be " \
                b"turned off as asked for" in said(a.m)
            assert is_capped(tpm)


# ------------------------------------------------------- profiles of swtpm 0.10

def profile(name, commands=(), algorithms=()):
    """A TPM of a profile: of libtpms's own names, or without these."""
    text = needs.output("swtpm", "socket", "--tpm2", "--print-profiles")
    known = {p["Name"]: p for p in json.loads(text)["AvailableProfiles"]}
    wanted = {"Name": name}
    if name not in known:
        base = known["custom"]
        wanted["Commands"] = ",".join(without(base["Commands"], commands))
        wanted["Algorithms"] = ",".join(
            a for a in base["Algorithms"].split(",") if a not in algorithms)

    class Made(faketpm.FakeTpm):
        def setup_arguments(self):
            return super().setup_arguments() + ["--profile",
                                                json.dumps(wanted)]
    return Made


def without(ranges, codes):
    """libtpms's list of command codes without some of them."""
    for part in ranges.split(","):
        first, last = (int(x, 16) for x in (part.split("-") * 2)[:2])
        for code in range(first, last + 1):
            if code not in codes:
                yield f"{code:#x}"


PROFILES = {
    "null": ("null",),
    "default-v1": ("default-v1",),
    "no-random": ("custom:a", (GET_RANDOM,)),
    "no-control": ("custom:a", (CONTROL,)),
    "no-nv": ("custom:a", NV),
    "none-of-these": ("custom:a", (GET_RANDOM, CONTROL) + NV),
    "no-sha1": ("custom:a", (), ("sha1",)),
    "no-sha512": ("custom:a", (), ("sha512",)),
}


@pytest.mark.parametrize("name", PROFILES)
def test_profile(tests, name):
    """Measured, with the banks that there are; nobody is the platform."""
    needs.swtpm("cmdarg-profile", "0.10")
    lost = (PROFILES[name] + ((), ()))[2]
    banks = [b for b in vm.BANKS.split(",") if b not in lost]
    make = profile(*PROFILES[name])
    with make("2.0-crb", tests.tmp / "state", banks=",".join(banks)) as tpm, \
            measured.boot(tests, "q35", tpm, args=RDRAND[True]) as m:
        assert not said(m)
        assert sorted(tpm.pcrs()) == sorted(banks)
        assert_measured(m, tpm)
        assert platform(tpm) == SECRET

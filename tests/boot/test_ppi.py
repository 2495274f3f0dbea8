# SPDX-License-Identifier: MIT
"""Physical presence interface: what Linux asks for through sysfs happens at
the next start, and only what was confirmed or what the host allows.  All
operations: test_ppi_operations.py; hostile contents: test_ppi_hostile.py."""

import contextlib
import re

import pytest

from conftest import assert_log_matches
import vm

PPI = "/sys/class/tpm/tpm0/ppi/"
ABORT = "User Abort"
KINDS = [("q35", "2.0-crb"), ("pc", "2.0-tis")]


@contextlib.contextmanager
def started(tests, machine, tpm, policy=None, timeout="3", keys=True,
            extra=()):
    """A machine with Linux whose console shows the confirmation, too."""
    args = list(extra)
    if policy:
        args += ["-fw_cfg", f"name=opt/org.keelbios/ppi-policy,string={policy}"]
    if timeout:
        args += ["-fw_cfg",
                 f"name=opt/org.keelbios/ppi-timeout,string={timeout}"]
    options = ",graphics=off" if keys else ""
    with tests.machine(machine, tpm=tpm, args=args,
                       machine_options=options) as m:
        m.ready()
        yield m


def ask_for(m, request):
    m.command(f"echo {request} > {PPI}request")
    m.send("reboot -f\n")


def response(m):
    return m.command(f"cat {PPI}response").strip()


def pending(m):
    return m.command(f"cat {PPI}request").strip()


def operations(m):
    """{number: state} as Linux lists them."""
    text = m.command(f"cat {PPI}tcg_operations {PPI}vs_operations")
    return {int(n): int(s) for n, s in
            re.findall(r"^(\d+) (\d): ", text, re.M)}


def tpm2(m, command, *body, handle=None, auth=None):
    """A command to the TPM from the guest; (response code, response)."""
    data = b"".join(body)
    if handle is not None:
        head = handle.to_bytes(4, "big")
        if auth is not None:
            area = b"\x40\0\0\x09\0\0\0" + len(auth).to_bytes(2, "big") + auth
            head += len(area).to_bytes(4, "big") + area
        data = head + data
    tag = b"\x80\x01" if auth is None else b"\x80\x02"
    data = tag + (len(data) + 10).to_bytes(4, "big") + \
        command.to_bytes(4, "big") + data
    return raw(m, data)


def raw(m, data):
    text = "".join(f"\\x{b:02x}" for b in data)
    out = m.command(
        f"exec 3<>/dev/tpm0; printf '{text}' > /tmp/c; cat /tmp/c >&3; "
        "dd bs=4096 count=1 <&3 2>/dev/null | hexdump -v -e '1/1 \"%02x\"'")
    answer = bytes.fromhex(out.strip().split()[-1])
    return int.from_bytes(answer[6:10], "big"), answer


def property_of(m, which):
    code, answer = tpm2(m, 0x17a, b"\0\0\0\6", which.to_bytes(4, "big"),
                        b"\0\0\0\1")
    assert code == 0, answer.hex()
    return int.from_bytes(answer[-4:], "big")


def set_owner(m):
    code, _ = tpm2(m, 0x129, b"\0\3abc", handle=0x40000001, auth=b"")
    assert code == 0, hex(code)
    assert is_owned(m)


def is_owned(m):
    return bool(property_of(m, 0x200) & 1)


def hierarchies(m):
    """(storage on, endorsement on)"""
    bits = property_of(m, 0x201)
    return bool(bits & 2), bool(bits & 4)


def active_banks(m):
    text = m.command("ls -d /sys/class/tpm/tpm0/pcr-* | sed 's/.*pcr-//'")
    return sorted(text.split())


@pytest.mark.parametrize("machine,kind", KINDS)
def test_allowed_by_the_host(tests, machine, kind):
    """Clear; banks; hierarchies off, also after power-off; on again."""
    with tests.tpm(kind) as tpm:
        with started(tests, machine, tpm, "allow") as m:
            ops = operations(m)
            assert {n for n in ops if ops[n] == 4} == \
                {0, 1, 2, 5, 14, 17, 18, 21, 22, 23, 24, 25, 26, 27, 28, 29,
                 30, 31, 32, 33, 34}, ops
            set_owner(m)
            ask_for(m, 5)
            m.ready()
            assert response(m) == "5 0: Success"
            assert pending(m).split()[0] == "0"
            assert not is_owned(m)
            ask_for(m, "23 2")
            m.ready()
            assert response(m) == "23 0: Success"
            assert active_banks(m) == ["sha256"]
            ask_for(m, 33)
            m.ready()
            assert active_banks(m) == sorted(vm.BANKS.split(","))
            ask_for(m, 2)
            m.ready()
            assert response(m) == "2 0: Success"
            assert hierarchies(m) == (False, False)
            m.send("poweroff -f\n")
            m.wait()
        tpm.start()
        with started(tests, machine, tpm, "allow") as m:
            assert hierarchies(m) == (False, False)
            ask_for(m, 34)
            m.ready()
            assert hierarchies(m) == (True, False)
            ask_for(m, 1)
            m.ready()
            assert hierarchies(m) == (True, True)
            # Nothing is done a second time.
            set_owner(m)
            m.send("reboot -f\n")
            m.ready()
            assert is_owned(m)


QUESTION = rb"asked this firmware to"


@pytest.mark.parametrize("machine,kind", [
    ("q35", "2.0-crb"), pytest.param("pc", "2.0-tis",
                                     marks=pytest.mark.slow)])
def test_confirmation(tests, machine, kind):
    """ESC and time refuse, the wrong key does nothing, the right one and the
    typed word confirm."""
    with tests.tpm(kind) as tpm, \
            started(tests, machine, tpm, timeout="20") as m:
        assert operations(m)[5] == 3
        set_owner(m)
        for keys, done in (("\x1b", False), ("\x1b[21~yY\r\x1b", False),
                           ("\x1b[24~", True), ("accept", True)):
            if not is_owned(m):
                set_owner(m)
            ask_for(m, 5)
            m.expect(QUESTION, 30)
            m.expect(rb"Refused in", 10)
            for key in re.findall("\x1b\\[\\d+~|.", keys, re.S):
                m.send(key)
                m.find(rb"never printed", 0.3)
            m.ready()
            assert response(m).startswith("5 0:" if done else "5 ")
            assert (ABORT in response(m)) != done
            assert is_owned(m) != done, keys


def test_time_refuses(tests):
    with tests.tpm("2.0-crb") as tpm, \
            started(tests, "q35", tpm, timeout="1") as m:
        set_owner(m)
        ask_for(m, 14)
        m.ready()
        assert ABORT in response(m)
        assert is_owned(m)


def test_headless_machine_refuses(tests):
    """No screen, no serial console: nobody can confirm."""
    with tests.tpm("2.0-tis") as tpm, \
            started(tests, "pc", tpm, timeout="1", keys=False) as m:
        set_owner(m)
        ask_for(m, 5)
        m.ready()
        assert ABORT in response(m)
        assert is_owned(m)


@pytest.mark.parametrize("policy,message", [
    ("deny", b"refused by the host's policy"), ("perhaps", b"is 'perhaps'")])
def test_policy_refuses(tests, policy, message):
    with tests.tpm("2.0-crb") as tpm, \
            started(tests, "q35", tpm, policy, timeout="1") as m:
        set_owner(m)
        if policy == "deny":
            assert operations(m)[5] == 2
            # Linux itself refuses to pass it on, so ask around its back.
            poke(m, 0x109, 5)
            m.send("reboot -f\n")
        else:
            ask_for(m, 5)
        m.ready()
        assert ABORT in response(m)
        assert is_owned(m)
        assert message in m.debug()


def poke(m, at, *values):
    for i, value in enumerate(values):
        m.command(f"devmem {0xfed45000 + at + i:#x} 8 {value:#x}")


def test_flags_outlive_power(tests):
    """"Do not ask before a clear": confirmed once, in force afterwards, also
    when TPM and machine were off."""
    with tests.tpm("2.0-crb") as tpm:
        with started(tests, "q35", tpm, timeout="20") as m:
            ask_for(m, 18)
            m.expect(QUESTION, 30)
            m.expect(rb"Refused in", 10)
            m.send("\x1b[24~")
            m.ready()
            assert response(m) == "18 0: Success"
            assert operations(m)[5] == 4
            m.send("poweroff -f\n")
            m.wait()
        tpm.start()
        with started(tests, "q35", tpm) as m:
            assert operations(m)[5] == 4
            set_owner(m)
            ask_for(m, 5)
            m.ready()
            assert response(m) == "5 0: Success"
            assert not is_owned(m)
            ask_for(m, 17)
            m.ready()
            assert operations(m)[5] == 3


# ---------------------------------------------------------------- TPM 1.2

def flags12(m):
    """(enabled, active in the next boot, an owner can be installed)"""
    code, answer = raw(m, bytes.fromhex(
        "00c1000000160000006500000004" "0000000400000108"))
    assert code == 0, answer.hex()
    return not answer[16], not answer[18], bool(answer[17])


def test_tpm12(tests):
    with tests.tpm("1.2") as tpm, started(tests, "pc", tpm, "allow") as m:
        ops = operations(m)
        assert {n for n in ops if ops[n] == 4} == \
            {0, *range(1, 12), *range(14, 23)}, ops
        for request, want in ((7, (False, False)), (10, (True, True)),
                              (14, (True, True))):
            ask_for(m, request)
            m.ready()
            assert flags12(m)[:2] == want, request
            assert response(m) == f"{request} 0: Success"
        ask_for(m, 9)
        m.ready()
        assert flags12(m) == (True, True, False)


def test_tpm12_confirmation(tests):
    """A clear is asked for; enabling is not, unless that was asked for."""
    with tests.tpm("1.2") as tpm:
        with started(tests, "pc", tpm, timeout="20") as m:
            assert operations(m)[5] == 3
            assert operations(m)[6] == 4
            ask_for(m, 5)
            m.expect(rb"Refused in", 60)
            m.send("\x1b")
            m.ready()
            assert ABORT in response(m)
            assert flags12(m)[0]
            ask_for(m, 15)              # ask before provisioning
            m.ready()
            assert response(m) == "15 0: Success"
            assert operations(m)[6] == 3
            m.send("poweroff -f\n")
            m.wait()
        tpm.start()
        with started(tests, "pc", tpm, timeout="1") as m:
            assert operations(m)[6] == 3
            ask_for(m, 7)
            m.ready()
            assert ABORT in response(m)
            assert flags12(m)[:2] == (True, True)


# -------------------------------------------------------- memory overwrite

def physical(m, path, at, size=4):
    m.qmp("pmemsave", val=at, size=size, filename=str(path))
    return path.read_bytes()


def test_memory_overwrite_by_the_guest(tests):
    """Linux asks for it; with the firmware in flash (with -bios QEMU wipes
    the firmware, too) the next POST clears memory and the request.  What
    boots then is not waited for: docs/ppi.md says why GRUB hangs."""
    with tests.tpm("2.0-crb") as tpm, tests.machine(
            "q35", tpm=tpm, pflash=True) as m:
        m.ready()
        m.command("devmem 0x50000 32 0x4b45454c")
        assert physical(m, tests.tmp / "memory", 0x50000) == b"LEEK"
        poke(m, 0x15a, 0x11)
        m.send("reboot -f\n")
        m.wait_debug(rb"Memory overwritten.*Booting from 0000:7c00", 60)
        assert physical(m, tests.tmp / "memory", 0x50000) == bytes(4)
        assert physical(m, tests.tmp / "movv", 0xfed4515a, 1) == b"\x10"


# --------------------------------------------------------------- cut short

@pytest.mark.parametrize("delay", [
    0.05, pytest.param(0.0, marks=pytest.mark.slow),
    pytest.param(0.1, marks=pytest.mark.slow),
    pytest.param(0.2, marks=pytest.mark.slow),
    pytest.param(0.4, marks=pytest.mark.slow)])
def test_killed_in_the_middle(tests, delay):
    """QEMU and swtpm end while the firmware changes banks: the next start
    has the old ones or the new ones, and a log that fits."""
    old, new = sorted(vm.BANKS.split(",")), ["sha256"]
    with tests.tpm("2.0-tis") as tpm:
        with started(tests, "pc", tpm, "allow") as m:
            m.command(f"echo '23 2' > {PPI}request")
            m.send("reboot -f\n")
            m.wait_debug(rb"Booting from.*KeelBIOS ", 60)
            m.find(rb"never printed", delay)
            m.process.kill()
            m.process.wait()
            m.process.poll()
        tpm.process.kill()
        tpm.process.wait()
        tpm.start()
        with started(tests, "pc", tpm, "allow") as m:
            banks = active_banks(m)
            assert banks in (old, new), banks
            dump = m.dump("tpm")
            dump["argv"] = b""
            assert_log_matches(dump, banks)

# SPDX-License-Identifier: MIT
"""The log reader: known values, and every way a log can be broken."""

import hashlib
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import reference                                    # noqa: E402
import tcglog                                       # noqa: E402

SIZES = {4: 20, 0xb: 32, 0xc: 48, 0xd: 64}


def spec_id(algs=tuple(SIZES.items())):
    data = b"Spec ID Event03\0" + struct.pack("<IBBBB", 0, 0, 2, 0, 2)
    data += struct.pack("<I", len(algs))
    data += b"".join(struct.pack("<HH", *a) for a in algs) + b"\0"
    return struct.pack("<II", 0, 3) + bytes(20) + \
        struct.pack("<I", len(data)) + data


def event(pcr, kind, data, measured=None, algs=SIZES, zero=False):
    out = struct.pack("<III", pcr, kind, len(algs))
    for alg in algs:
        name, size = tcglog.ALGORITHMS[alg]
        digest = hashlib.new(name, data if measured is None
                             else measured).digest()
        out += struct.pack("<H", alg) + (bytes(size) if zero else digest)
    return out + struct.pack("<I", len(data)) + data


def good_log():
    return spec_id() + event(0, 8, b"v1") + event(4, 13, b"MBR", b"code") + \
        event(0, 4, b"\xff" * 4)


def test_replay():
    log = tcglog.parse(good_log())
    pcr = log.replay()["sha256"]

    def sha(x):
        return hashlib.sha256(x).digest()

    assert pcr[4] == sha(bytes(32) + sha(b"code"))
    assert pcr[0] == sha(sha(bytes(32) + sha(b"v1")) + sha(b"\xff" * 4))
    assert pcr[7] == bytes(32)


def test_no_action_is_not_extended_and_locality_counts():
    data = spec_id() + event(0, 3, b"StartupLocality\0\3", zero=True)
    pcrs = tcglog.parse(data).replay()
    assert pcrs["sha256"][0] == bytes(31) + b"\3"
    assert pcrs["sha1"][0] == bytes(19) + b"\3"
    assert pcrs["sha1"][1] == bytes(20)


def test_who_made_the_firmware():
    """As logs say it; what is malformed is shown as bytes."""
    data = reference.event("1.2-3-gabc")
    log = tcglog.parse(spec_id() + event(0, 3, data, zero=True)
                       + event(0, 8, b"v1"))
    guid = reference.guid("1.2-3-gabc")
    assert log.events[1].text() == \
        f"KeelBIOS 1.2-3-gabc, reference manifest {guid}"
    assert reference.event("1.2-3-gabd")[20:36] != data[20:36]
    for cut in range(len(data)):
        assert tcglog.platform_id(data[:cut]) is None
    assert tcglog.platform_id(data[:-3] + b"\xff\xff\0") is None


def test_unused_area_behind_the_log():
    assert len(tcglog.parse(good_log() + bytes(1000)).events) == 4


def test_every_truncation_is_an_error_or_a_shorter_log():
    data = good_log()
    whole = [e.offset for e in tcglog.parse(data).events] + [len(data)]
    for n in range(len(data)):
        if n in whole[1:]:
            tcglog.parse(data[:n])
            continue
        cut = data[:n]
        if not any(cut[max(x for x in whole if x <= n):]):
            continue            # zeros only: looks like the unused area
        with pytest.raises(tcglog.LogError) as err:
            tcglog.parse(cut)
        assert err.value.offset <= n
        assert str(err.value).startswith("offset 0x")


@pytest.mark.parametrize("change,text", [
    (lambda b: b.__setitem__(slice(93, 94), b"\x63"), "pcrIndex"),
    (lambda b: b.__setitem__(slice(56, 60), b"\xff\xff\xff\xff"),
     "algorithms"),
    (lambda b: b.__setitem__(slice(28, 32), b"\xff\xff\xff\x7f"),
     "event data"),
])
def test_lies_in_length_and_index(change, text):
    data = bytearray(good_log())
    if text == "pcrIndex":
        at = tcglog.parse(bytes(data)).events[1].offset
        data[at] = 0x63
    else:
        change(data)
    with pytest.raises(tcglog.LogError, match=text):
        tcglog.parse(bytes(data))


def test_unknown_and_repeated_algorithm():
    with pytest.raises(tcglog.LogError, match="not in the header"):
        tcglog.parse(spec_id(((4, 20),)) + event(0, 8, b"x", algs=(0xb,)))
    with pytest.raises(tcglog.LogError, match="two digests"):
        tcglog.parse(spec_id(((4, 20), (0xb, 32)))
                     + event(0, 8, b"x", algs=(4, 4)))
    with pytest.raises(tcglog.LogError, match="digests, but"):
        tcglog.parse(spec_id() + event(0, 8, b"x", algs=(4,)))
    with pytest.raises(tcglog.LogError, match="digest size"):
        tcglog.parse(spec_id(((4, 21),)))


def test_tpm12_log():
    digest = hashlib.sha1(b"x").digest()
    data = struct.pack("<II", 2, 5) + digest + struct.pack("<I", 1) + b"x"
    log = tcglog.parse(data + bytes(64))
    assert log.format == "sha1" and len(log.events) == 1
    assert log.replay()["sha1"][2] == \
        hashlib.sha1(bytes(20) + digest).digest()


def test_check_names_bank_and_pcr():
    log = tcglog.parse(good_log())
    read = log.replay()
    assert not log.check(read)
    read["sha384"][4] = bytes(48)
    assert [(w[0], w[1]) for w in log.check(read)] == [("sha384", 4)]
    del read["sha1"]
    assert ("sha1", None) in [(w[0], w[1]) for w in log.check(read)]


def run(*args):
    return subprocess.run([sys.executable, ROOT / "scripts" / "keelpcr",
                           *args], capture_output=True, text=True,
                          check=False)


def test_command(tmp_path):
    (tmp_path / "log").write_bytes(good_log())
    (tmp_path / "bad").write_bytes(good_log()[:-1])
    log = tcglog.parse(good_log())
    lines = [f"{bank} {n} {v.hex().upper()}"
             for bank, pcrs in log.replay().items() for n, v in pcrs.items()]
    (tmp_path / "pcrs").write_text("\n".join(lines))
    done = run("check", tmp_path / "log", tmp_path / "pcrs")
    assert done.returncode == 0
    assert "PCRs match the log: sha1 sha256 sha384 sha512" in done.stdout
    (tmp_path / "pcrs").write_text("\n".join(lines[:-1] + [
        "sha512 7 " + "00" * 63 + "01"]))
    done = run("check", tmp_path / "log", tmp_path / "pcrs")
    assert done.returncode == 1 and "sha512 PCR 7" in done.stdout
    done = run("replay", tmp_path / "bad")
    assert done.returncode == 2 and "offset 0x" in done.stderr
    done = run("replay", tmp_path / "absent")
    assert done.returncode == 2

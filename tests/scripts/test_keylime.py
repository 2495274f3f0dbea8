# SPDX-License-Identifier: MIT
"""contrib/keylime and `keelpcr keylime`: which boots the policy accepts, and what
it says of the others.

Where keylime is not installed (Debian has no package) its two modules that the
policy imports are stood in for by what they promise: keylime/mba/elchecking of
version 7.14."""

import importlib
import importlib.util
import json
import pathlib
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402

BOOT = [(0, 8, b"version", b"version"), (0, 1, b"image", b"POST CODE"),
        (1, 10, b"acpi", b"ACPI DATA"), (4, 5, b"INT 19h", b"Calling INT 19h"),
        *((pcr, 4, b"\xff" * 4, b"\xff" * 4) for pcr in range(8)),
        (4, 13, b"sector", b"MBR"), (9, 13, b"kernel", b"/boot/vmlinuz\0")]
OTHER = [*BOOT[:-1], (9, 13, b"another", b"/boot/vmlinuz\0")]


def log(events):
    out = pcrpredict.Recorder("2.0", ["sha1", "sha256"])
    for event in events:
        out.add(*event)
    return out.log


def as_keylime_has_it(events):
    """tpm2_eventlog's YAML of a crypto-agile log, read."""
    found = [{"EventNum": 0, "PCRIndex": 0, "EventType": "EV_NO_ACTION",
              "Digest": "00" * 20, "EventSize": 45,
              "SpecID": [{"Signature": "Spec ID Event03"}]}]
    for event in log(events).events:
        found.append({"EventNum": len(found), "PCRIndex": event.pcr,
                      "EventType": event.name, "DigestCount": 2,
                      "Digests": [{"AlgorithmId": bank, "Digest": value.hex()}
                                  for bank, value in event.digests.items()],
                      "EventSize": len(event.data), "Event": ""})
    return {"events": found}


def stand_in(monkeypatch):
    """keylime's registry of policies, and the base classes."""
    class Test:
        pass

    class Policy:
        def evaluate(self, refstate, eventlog):
            return self.refstate_to_test(refstate).why_not({}, eventlog)

    known = {}
    modules = {name: types.ModuleType(name) for name in (
        "keylime", "keylime.mba", "keylime.mba.elchecking",
        "keylime.mba.elchecking.policies", "keylime.mba.elchecking.tests")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    policies = modules["keylime.mba.elchecking.policies"]
    policies.Policy, policies.register = Policy, known.__setitem__
    policies.get_policy = known.get
    modules["keylime.mba.elchecking.tests"].Test = Test


@pytest.fixture(name="policy")
def policy_of(monkeypatch):
    if not importlib.util.find_spec("keylime"):
        stand_in(monkeypatch)
    monkeypatch.syspath_prepend(str(ROOT / "contrib/keylime"))
    monkeypatch.delitem(sys.modules, "keelbios", raising=False)
    importlib.import_module("keelbios")
    return importlib.import_module(
        "keylime.mba.elchecking.policies").get_policy("keelbios")


def reference(tmp_path, *boots, pcrs="sha256:0,4,9"):
    files = []
    for n, events in enumerate(boots):
        path = tmp_path / f"boot{n}"
        path.write_text(json.dumps(predictionfile.to_json(log(events))))
        files.append(path)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/keelpcr", "keylime", "--pcrs", pcrs,
         *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_known_boots(policy, tmp_path):
    assert policy.get_relevant_pcrs() == frozenset(range(10))
    one, both = (reference(tmp_path, *boots)
                 for boots in ((BOOT,), (BOOT, OTHER)))
    assert policy.evaluate(one, as_keylime_has_it(BOOT)) == ""
    assert policy.evaluate(both, as_keylime_has_it(OTHER)) == ""
    said = policy.evaluate(one, as_keylime_has_it(OTHER))
    assert said.startswith("differs from boot0 first in PCR 9: has EV_IPL ")
    # PCR 1 is not named, and counts where it is.
    hardware = [(1, 10, b"more RAM", b"ACPI DATA") if e[0:2] == (1, 10) else e
                for e in BOOT]
    assert policy.evaluate(one, as_keylime_has_it(hardware)) == ""
    strict = reference(tmp_path, BOOT, pcrs="sha256:0,1")
    assert "PCR 1" in policy.evaluate(strict, as_keylime_has_it(hardware))


@pytest.mark.parametrize("change", [
    lambda events: events[:-1], lambda events: events + events[-1:],
    lambda events: [events[1], events[0], *events[2:]], lambda events: []])
def test_other_sequences(policy, tmp_path, change):
    """Missing, repeated, in another order, none at all."""
    said = policy.evaluate(reference(tmp_path, BOOT),
                           as_keylime_has_it(change(BOOT)))
    assert "differs from boot0" in said


@pytest.mark.parametrize("n", range(len(BOOT)))
def test_each_event_counts(policy, tmp_path, n):
    pcr, kind, _, logged = BOOT[n]
    events = [*BOOT[:n], (pcr, kind, b"changed", logged), *BOOT[n + 1:]]
    said = policy.evaluate(
        reference(tmp_path, BOOT, pcrs="sha256:0,1,2,3,4,5,6,7,8,9"),
        as_keylime_has_it(events))
    assert f"first in PCR {pcr}: " in said


@pytest.mark.parametrize("bad", [
    {}, [], None, {"bank": "sha256", "boots": {}}, {"bank": "sha256"},
    {"bank": "sha256", "boots": {"a": {}}},
    {"bank": "sha256", "boots": {"a": {"x": []}}},
    {"bank": "sha256", "boots": {"a": {"0": [1]}}}])
def test_bad_reference(policy, bad):
    """Nothing is accepted by mistake."""
    with pytest.raises(ValueError, match="reference"):
        policy.evaluate(bad, as_keylime_has_it(BOOT))


@pytest.mark.parametrize("bad", [None, [], {}, {"events": None},
                                 {"events": [{}]}, {"events": [1]}])
def test_bad_log(policy, tmp_path, bad):
    assert policy.evaluate(reference(tmp_path, BOOT), bad)


def test_what_has_no_reference(tmp_path):
    def run(*args):
        return subprocess.run([sys.executable, ROOT / "scripts/keelpcr",
                               "keylime", *args], capture_output=True,
                              text=True, check=False)
    path = tmp_path / "boot"
    path.write_text(json.dumps(predictionfile.to_json(log(BOOT))))
    for pcrs, said in (("sha512:0", "has no bank sha512"),
                       ("sha256:0+sha1:0", "one bank"),
                       ("sha256:99", "not a PCR selection")):
        done = run("--pcrs", pcrs, path)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    done = run(path, path)
    assert done.returncode == 2 and "same name" in done.stderr

# SPDX-License-Identifier: MIT
"""What `make install` puts where: for everybody, and for packages."""

import ast
import json
import pathlib
import re
import shutil
import subprocess
import sys
import uuid

import pytest

from test_tcglog import good_log

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AA_HELPER = pathlib.Path("/usr/lib/libvirt/virt-aa-helper")
DOMAIN = """<domain type='qemu'><name>keelbios</name><uuid>{uuid}</uuid>
<memory>131072</memory><os><type arch='x86_64' machine='pc'>hvm</type>
<loader type='rom'>{loader}</loader></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>
"""
# Where it refuses a loader.
REFUSED = "/usr/share/keelbios/keelbios.bin"


def install(where, **variables):
    """The directory that stands for /."""
    out = where / "out"
    out.mkdir(exist_ok=True)
    (out / "bios.bin").write_bytes(b"the image")
    root = where / "root"
    done = subprocess.run(
        ["make", "--no-print-directory", "install", f"O={out}",
         f"DESTDIR={root}", *(f"{k}={v}" for k, v in variables.items())],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root


def descriptor(root, where):
    return json.loads((root / where / "qemu/firmware/60-keelbios.json")
                      .read_text(encoding="utf-8"))


def test_places(tmp_path):
    """By itself /usr/local, and the descriptor where libvirt looks."""
    root = install(tmp_path)
    image = descriptor(root, "etc")["mapping"]["filename"]
    assert image == "/usr/local/share/keelbios/bios.bin"
    assert (root / image[1:]).read_bytes() == b"the image"
    assert not (root / "usr/share").exists()


def test_usr(tmp_path):
    """As packages have it: a descriptor as QEMU's interop/firmware.json wants
    it, and the image by two names."""
    root = install(tmp_path, PREFIX="/usr")
    data = descriptor(root, "usr/share")
    assert set(data) == {"description", "interface-types", "mapping",
                         "targets", "features", "tags"}
    assert data["interface-types"] == ["bios"]
    assert data["mapping"] == {"device": "memory",
                               "filename": "/var/lib/keelbios/bios.bin"}
    assert {t["architecture"]: t["machines"] for t in data["targets"]} == \
        dict.fromkeys(("i386", "x86_64"), ["pc-i440fx-*", "pc-q35-*"])
    link = root / "usr/share/keelbios/bios.bin"
    assert str(link.readlink()) == data["mapping"]["filename"]
    assert (root / str(link.readlink())[1:]).read_bytes() == b"the image"
    assert not (root / "etc").exists()


def test_nothing_is_built_as_root(tmp_path):
    done = subprocess.run(
        ["make", "install", f"O={tmp_path}/none", f"DESTDIR={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "build it first" in done.stderr


@pytest.mark.parametrize("where", ["source", "installed"])
def test_keelpcr_runs(tmp_path, where):
    """From anywhere, also by its link."""
    program = ROOT / "scripts/keelpcr" if where == "source" else \
        install(tmp_path, PREFIX="/usr") / "usr/bin/keelpcr"
    (tmp_path / "log").write_bytes(good_log())
    done = subprocess.run([program, "replay", "log"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "EV_S_CRTM_VERSION" in done.stdout, done
    done = subprocess.run([program, "predict", "--bios", "log"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no KeelBIOS image" in done.stderr or \
        "does not say its version" in done.stderr, done


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


def test_keelpcr_is_whole(tmp_path):
    """Each module that an installed one imports is Python's or installed."""
    share = install(tmp_path, PREFIX="/usr") / "usr/share/keelpcr"
    programs = [share / "keelpcr", *share.glob("*.py")]
    missing = [(path.name, name) for path in programs
               for name in imports(path)
               if name not in sys.stdlib_module_names
               and not (share / f"{name}.py").exists()]
    assert not missing
    needed = {name for path in programs for name in imports(path)}
    extra = {p.stem for p in share.glob("*.py")} - needed
    assert not extra, f"nothing imports {extra}"
    assert (share / "06_linux16").stat().st_mode & 0o111


def completed(*words):
    """What bash offers for these words; the last one is unfinished."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = (f". {ROOT}/data/keelpcr.bash\nCOMP_WORDS=({quoted})\n"
              f"COMP_CWORD={len(words) - 1}\ncompopt() {{ :; }}\n"
              'declare -F _keelpcr > /dev/null && _keelpcr\n'
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return set(subprocess.run(["bash", "-c", script], check=True, text=True,
                              capture_output=True).stdout.split())


def test_completion():
    """It offers what the program takes."""
    def usage(*args):
        return subprocess.run([ROOT / "scripts/keelpcr", *args, "--help"],
                              check=True, text=True,
                              capture_output=True).stdout
    commands = set(re.search(r"\{(.*?)\}", usage())[1].split(","))
    assert completed("keelpcr", "") == commands
    for command in commands:
        options = set(re.findall(r"^  (?:-\w(?: \S+)?, )?(--[a-z-]+)",
                                 usage(command), re.M))
        assert completed("keelpcr", command, "--") == options - {"--help"}
    assert completed("keelpcr", "predict", "--tpm", "1") == {"1.2"}


def test_manual_has_all_switches():
    """Each fw_cfg file that the firmware names."""
    text = (ROOT / "docs/keelbios.7").read_text(encoding="utf-8")
    text = re.sub(r'\\f.|"| ,', "", text.replace("\\-", "-"))
    sources = "".join(path.read_text(encoding="utf-8")
                      for path in (ROOT / "src").rglob("*.c"))
    names = set(re.findall(
        r'"((?:etc|opt)/[a-z0-9._/-]+|bootorder|bios-geometry)"', sources))
    assert len(names) > 15
    missing = {name for name in names if name not in text}
    assert not missing, f"docs/keelbios.7 does not say what {missing} is"


def test_manual_page():
    done = subprocess.run(["groff", "-ww", "-z", "-man", "-Tutf8",
                           ROOT / "docs/keelbios.7"], capture_output=True,
                          text=True, check=True)
    assert not done.stderr


def aa_helper(loader):
    """(does it take this loader, what it says)"""
    name = str(uuid.uuid4())
    done = subprocess.run(
        [AA_HELPER, "-c", "-d", "-u", f"libvirt-{name}"], check=False,
        input=DOMAIN.format(uuid=name, loader=loader), text=True,
        capture_output=True)
    said = done.stdout + done.stderr
    return done.returncode == 0 and f'"{loader}" r' in said, said


def test_apparmor_takes_the_image(tmp_path):
    """libvirt's helper, asked as by a domain that a descriptor completes: a
    ROM that is not said to be read-only."""
    if not AA_HELPER.exists() or not shutil.which("apparmor_parser"):
        pytest.skip(f"{AA_HELPER} (package libvirt-daemon-system) or AppArmor "
                    "is not installed")
    takes, said = aa_helper(REFUSED)
    assert not takes and "skipped restricted file" in said
    for directory, variables in (("etc", {}),
                                 ("usr/share", {"PREFIX": "/usr"})):
        place = tmp_path / directory.replace("/", "-")
        place.mkdir()
        data = descriptor(install(place, **variables), directory)
        takes, said = aa_helper(data["mapping"]["filename"])
        assert takes, said

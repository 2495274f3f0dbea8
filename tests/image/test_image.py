# SPDX-License-Identifier: MIT
"""The build: what `make` promises apart from the firmware's behaviour."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"


def run(*args, cwd=TOP, env=None):
    """Run a command; a failure shows it with its output."""
    done = subprocess.run(args, cwd=cwd, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, (
        f"{' '.join(map(str, args))} in {cwd} ended with {done.returncode}:\n"
        f"{done.stdout[-4000:]}")
    return done.stdout


def tracked():
    """Tracked files that are in the work tree."""
    names = run("git", "ls-files").split("\n")
    return [n for n in names if n and (TOP / n).is_file()]


def copy_tree(to):
    """The work tree's tracked files in another directory, as a clone that
    describes itself as the same version."""
    for name in tracked():
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, target)
    (to / "VERSION").write_text("0.0-test\n", encoding="utf-8")
    return to


def build(where, *args):
    # GIT_DIR: the copy must not find a repository above it
    env = dict(os.environ, GIT_DIR="/nonexistent", V="0")
    return run("make", "--no-print-directory", *args, cwd=where, env=env)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def halves(image):
    """What is before the used part, and that."""
    data = image.read_bytes()
    at = data.index(b"KeelBIOS image\r\n")
    return data[:at], data[at:]


def test_images(tmp_path):
    """Two builds, in directories of different names: identical images, and
    the summary names every region.  The default gives 192 KiB, the other choice
    of Kconfig 256; the used part is the same, whatever is before it."""
    one = copy_tree(tmp_path / "a")
    two = copy_tree(tmp_path / "a-longer-name" / "deeper")
    text = build(one)
    build(two, "O=elsewhere")
    assert sha256(one / "out/bios.bin") == \
        sha256(two / "elsewhere/bios.bin"), \
        f"images differ: compare {one}/out with {two}/elsewhere"
    assert (one / "out/bios.bin").stat().st_size == 192 * 1024
    before, used = halves(one / "out/bios.bin")
    assert not any(before) and used.startswith(b"KeelBIOS image\r\n")
    for region in ("image", "POST-only code", "resident code",
                   "resident data"):
        assert region in text, f"no line about {region!r} in:\n{text}"
    config = one / "out/.config"
    config.write_text("CONFIG_IMAGE_256K=y\n# CONFIG_DEBUG_PORT is not set\n",
                      encoding="utf-8")
    build(one, "olddefconfig")
    build(one)
    assert (one / "out/bios.bin").stat().st_size == 256 * 1024
    build(one, "savedefconfig")
    saved = (one / "out/defconfig").read_text(encoding="utf-8")
    assert "CONFIG_IMAGE_256K=y" in saved, saved
    build(one, "defconfig")
    assert "CONFIG_IMAGE_192K=y" in config.read_text(encoding="utf-8")


def test_quiet_and_verbose(tmp_path):
    """One line a step; V=1 shows the commands."""
    tree = copy_tree(tmp_path / "tree")
    quiet = build(tree, "out/obj/src/lib/string.o")
    assert re.search(r"^  CC +src/lib/string\.c$", quiet, re.M), quiet
    assert "-ffreestanding" not in quiet, quiet
    (tree / "out/obj/src/lib/string.o").unlink()
    assert "-ffreestanding" in build(tree, "V=1", "out/obj/src/lib/string.o")


def test_help_and_clean(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    text = build(tree, "help")
    for target in ("menuconfig", "make run", "make check", "make bench"):
        assert target in text, f"make help does not name {target}:\n{text}"
    build(tree, "out/generated/version.h")
    build(tree, "clean")
    assert not (tree / "out").exists()


def test_spdx_everywhere():
    """Every source file names its licence in its first lines."""
    kinds = (".c", ".h", ".S", ".py", ".mk", ".md", ".sh")
    missing = []
    for name in tracked():
        path = TOP / name
        text = path.read_text(encoding="utf-8", errors="replace")[:300]
        script = text.startswith("#!")
        if name.endswith(kinds) or script or path.name in (
                "Makefile", "Kconfig", "LICENSE"):
            licence = "GPL-3.0-or-later" if name.startswith("contrib/grub/") \
                else "MIT"
            if f"SPDX-License-Identifier: {licence}" not in text:
                missing.append(name)
    assert not missing, f"no SPDX line in {missing}"


# Who knows when an overlay is there (src/core/overlay.h).
OVERLAY_CALLERS = {"post", "gates_post", "drives_post"}


def test_only_few_call_into_overlays():
    """Code of every boot names nothing in an overlay, but for those places
    that look first whether it is loaded."""
    out = pathlib.Path(os.environ.get("O") or TOP / "out")
    assert (out / "bios.elf").exists(), f"no {out}/bios.elf: run make first"
    sections = run("readelf", "-SW", out / "bios.elf")
    ranges = [(int(at, 16), int(at, 16) + int(size, 16)) for at, size in
              re.findall(r"\.\w+_(?:res|init)\s+PROGBITS\s+(\w+) \w+ (\w+)",
                         sections)]
    assert len(ranges) >= 2, sections
    inside = {name for at, _, name in re.findall(
        r"^(\w+) ([B-Z]) (\S+)$", run("nm", out / "bios.elf"), re.M)
        if any(low <= int(at, 16) < high for low, high in ranges)}
    assert "tcg_start" in inside
    wrong = []
    for obj in sorted((out / "obj" / "src").rglob("*.o")):
        if re.search(r" \.\w+\.(res|init)\.", run("objdump", "-h", obj)):
            continue
        source = TOP / "src" / obj.relative_to(out / "obj" / "src")
        if not list(source.parent.glob(obj.stem + ".[cS]")):
            continue                    # of a build before a file was renamed
        names = set(run("nm", "-u", obj).split()) & inside
        if names and obj.stem not in OVERLAY_CALLERS:
            wrong.append(f"{obj.name}: {' '.join(sorted(names))}")
    assert not wrong, "\n".join(wrong)

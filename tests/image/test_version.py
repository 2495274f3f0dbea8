# SPDX-License-Identifier: MIT
"""The version, and with it PCR 0, is the source's wherever the source lies."""
import os
import re
import subprocess
import tarfile

import pytest

from test_image import build, copy_tree, run, sha256

COMMITTER = {f"GIT_{who}_{what}": value
             for who in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", "A Tester"),
                                 ("EMAIL", "tester@example.org"),
                                 ("DATE", "2026-11-29T23:30:00+0000"))}


def git(where, *args):
    return run("git", *args, cwd=where, env=dict(
        os.environ, **COMMITTER, GIT_CONFIG_GLOBAL="/dev/null")).strip()


def commit_all(where, *tag):
    where.mkdir(parents=True, exist_ok=True)
    git(where, "init", "-q")
    git(where, "add", "-A", "-f")
    git(where, "commit", "-q", "--allow-empty", "-m", "all")
    for name in tag:
        git(where, "tag", name)


@pytest.fixture(name="clone")
def fixture_clone(tmp_path):
    """The work tree's files as a repository's only commit."""
    tree = copy_tree(tmp_path / "clone")
    commit_all(tree)
    return tree


def make_dist(clone):
    """The tarball's path."""
    path = build(clone, "dist").strip().split("\n")[-1]
    return clone / path


def unpack(tarball, where):
    where.mkdir(parents=True, exist_ok=True)
    run("tar", "xf", tarball, "-C", where)
    tree, = (path for path in where.iterdir() if path.name != ".git")
    return tree


def header(tree, *args):
    """What the Makefile compiles in."""
    build(tree, *args, "out/generated/version.h")
    return (tree / "out/generated/version.h").read_text(encoding="utf-8")


def foreign(where):
    """A directory in somebody else's repository."""
    commit_all(where, "v9.9")
    return where / "packages"


def refused(tree, *args, **env):
    done = subprocess.run(
        ["make", "--no-print-directory", *args], cwd=tree, text=True,
        env=dict(os.environ, **env), capture_output=True, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_places(clone, tmp_path):
    """Clone, tarball, tarball in another repository, tarball that became a
    repository: one version and one day."""
    want = header(clone)
    commit = git(clone, "rev-parse", "--short=12", "HEAD")
    assert f'KEEL_VERSION "{commit}"' in want and '"11/29/26"' in want
    assert "RELEASE_MAJOR 0\n" in want
    tarball = make_dist(clone)
    alone = unpack(tarball, tmp_path / "alone")
    assert header(alone) == want
    assert header(unpack(tarball, foreign(tmp_path / "other"))) == want
    commit_all(alone, "v8.8")
    assert header(alone) == want


def test_folder_of_another_repository(clone, tmp_path):
    """A clone's files without its .git, in a repository that is not ours."""
    run("rm", "-rf", clone / ".git")
    inside = foreign(tmp_path / "other")
    clone.rename(inside)
    assert 'KEEL_VERSION "0.0-test"' in header(inside)


def test_tags(clone):
    """A release's tag is the version; a packager's tag is not."""
    git(clone, "tag", "debian/7.7")
    assert "7.7" not in header(clone)
    git(clone, "tag", "v2.3.4")
    assert header(clone).endswith('KEEL_VERSION "v2.3.4"\n'
                                  '#define KEEL_DATE "11/29/26"\n'
                                  "#define KEEL_RELEASE_MAJOR 2\n"
                                  "#define KEEL_RELEASE_MINOR 3\n")
    (clone / "README.md").write_text("changed", encoding="utf-8")
    assert 'KEEL_VERSION "v2.3.4-dirty"' in header(clone)


def test_tarball(clone, tmp_path):
    """The same bytes twice, and a version that Debian can sort."""
    git(clone, "tag", "v2.3.4")
    (clone / "README.md").write_text("changed", encoding="utf-8")
    assert "not committed" in refused(clone, "dist")
    git(clone, "commit", "-qam", "more")
    one = make_dist(clone)
    two = tmp_path / "two"
    git(tmp_path, "clone", "-q", clone, two)
    assert sha256(one) == sha256(make_dist(two))
    with tarfile.open(one) as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.mtime) for m in members} == \
        {(0, 0, members[0].mtime)}
    tree = unpack(one, tmp_path / "alone")
    assert re.match(r"keelbios \(2\.3\.4\+1\+g[0-9a-f]{12}\) unstable; ",
                    (tree / "debian/changelog").read_text(encoding="utf-8"))
    assert "no git clone" in refused(tree, "dist")


@pytest.mark.parametrize("where", ["make", "environment"])
def test_override(clone, where):
    if where == "make":
        text = header(clone, "KEEL_VERSION=1.7~rc1")
    else:
        env = dict(os.environ, KEEL_VERSION="1.7~rc1")
        run("make", "out/generated/version.h", cwd=clone, env=env)
        text = (clone / "out/generated/version.h").read_text(encoding="utf-8")
    assert 'KEEL_VERSION "1.7~rc1"' in text and '"11/29/26"' in text
    assert "RELEASE_MAJOR 1\n" in text and "RELEASE_MINOR 7\n" in text


def test_bad_versions(clone):
    for version, words in (
            ("1." + "2" * 60, "at most 48"), ('1.0"', "characters"),
            ("1.0 beta", "characters"), ("-1", "characters"),
            ("1.ä", "characters")):
        text = refused(clone, f"KEEL_VERSION={version}", "out/bios.bin")
        assert words in text and "make KEEL_VERSION=..." in text
    assert not (clone / "out/generated/version.h").exists()


def test_clone_that_git_cannot_read(clone):
    """It must not build as another version without a word."""
    (clone / ".git/HEAD").write_text("nonsense", encoding="utf-8")
    assert "git cannot say" in refused(clone, "out/generated/version.h")


@pytest.mark.slow
def test_one_image(clone, tmp_path):
    """The bytes themselves; KEEL_VERSION stands in them."""
    tarball = make_dist(clone)
    moved = tmp_path / "a-longer-name" / "deeper"
    git(tmp_path, "clone", "-q", clone, moved)
    trees = [clone, moved, unpack(tarball, tmp_path / "alone"),
             unpack(tarball, foreign(tmp_path / "other"))]
    for tree in trees:
        build(tree)
    assert len({sha256(tree / "out/bios.bin") for tree in trees}) == 1
    longest = "1." + "2" * 46
    build(clone, f"KEEL_VERSION={longest}")
    image = (clone / "out/bios.bin").read_bytes()
    assert image.count(b"KeelBIOS\0" + longest.encode() + b"\0") == 1

# SPDX-License-Identifier: MIT
"""Bare systems of several releases of Debian, for check_stacks and
check_packages: made by mmdebstrap, unpacked for each run, entered in name spaces
of their own, and the tables of docs/compatibility.md.

A bare system has nothing but make and git.  The cache keeps what it was unpacked
from, and the packages that were fetched in it.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
CACHE = pathlib.Path("/var/cache/keelbios-stacks")
MIRROR = "http://deb.debian.org/debian"
SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "unstable"}
MAKING_S = 3600
# The mounts go with the name space, all processes with its first one, and that
# one with this script.  The root is pivoted: the kernel gives user name spaces
# to nobody in a mere chroot.  Packages change owners in /dev, and libvirt makes
# control groups, so both are not the host's.  There is no KVM.
ENTER = """set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
umount -R -l "$1/sys/fs/cgroup" 2> /dev/null || true
mount -t tmpfs -o mode=755 dev "$1/dev"
mkdir "$1/dev/pts" "$1/dev/shm" "$1/dev/net"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 pts "$1/dev/pts"
mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
while read -r name major minor; do
    mknod -m 666 "$1/dev/$name" c "$major" "$minor"
done << END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
net/tun 10 200
END
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do
    ln -s "fd/${n%:*}" "$1/dev/${n#*:}"
done
mount --bind "$2" "$1/var/cache/apt/archives"
cp /etc/resolv.conf "$1/etc/resolv.conf"
cd "$1"
pivot_root . mnt
umount -l /mnt
exec chroot . /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c "$3"
"""


class StackError(Exception):
    """The text says what failed, and what to do."""


def apt_settings():
    """This system's apt settings of how to reach and check an archive."""
    out = subprocess.run(["apt-config", "dump"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return "".join(line + "\n" for line in out.splitlines() if re.match(
        r"Acquire::(https?::|Check-|Retries)", line))


def archive(suite, cache):
    """The system as a tar file, made at the first use."""
    made = cache / f"{suite}.tar"
    if made.exists():
        return made
    print(f"stacks: making a bare {suite}", flush=True)
    settings = cache / "apt.conf"
    settings.write_text(apt_settings())
    new = cache / f"{suite}.new.tar"
    with open(cache / f"{suite}.log", "wb") as log:
        done = subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--include=make,git",
             f"--aptopt={settings}", suite, new, MIRROR],
            stdout=log, stderr=subprocess.STDOUT, check=False,
            timeout=MAKING_S)
    if done.returncode:
        raise StackError(f"mmdebstrap could not make a bare {suite}: see "
                         f"{log.name}")
    new.rename(made)
    return made


class Bare:
    """One release, unpacked."""

    def __init__(self, suite, cache, use):
        """use: a word; each use has a directory of its own."""
        self.suite = suite
        self.root = cache / f"{suite}.{use}"
        self.debs = cache / f"{suite}.debs"
        (self.debs / "partial").mkdir(parents=True, exist_ok=True)
        self.remove()
        self.root.mkdir()
        subprocess.run(["tar", "-C", self.root, "-xf",
                        archive(suite, cache)], check=True)
        # Debian's images of containers forget packages that are installed.
        (self.root / "etc/apt/apt.conf.d/99keep").write_text(
            'Binary::apt-get::APT::Keep-Downloaded-Packages "true";\n'
            'Binary::apt::APT::Keep-Downloaded-Packages "true";\n')

    def remove(self):
        if self.root.exists():
            shutil.rmtree(self.root)

    def argv(self, command):
        """Words that run a shell's command in it, as root."""
        return ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount",
                "--propagation", "private", "--pid", "--fork", "--kill-child",
                "sh", "-c", ENTER, "sh", str(self.root), str(self.debs),
                command]

    def versions(self, shown):
        """{what: version} as far as it is installed.  shown: {what: names of
        the package, between bars}"""
        status = self.root / "var/lib/dpkg/status"
        known = dict(re.findall(
            r"^Package: (\S+)\nStatus: install ok installed\n(?:.+\n)*?"
            r"Version: (?:\d+:)?(\S+)", status.read_text(), re.M))
        found = {}
        for what, names in shown.items():
            for name in names.split("|"):
                if name in known:
                    found[what] = re.split(r"[+~-]", known[name])[0]
        return found


def label(suite):
    return f"{SUITES[suite]} ({suite})"


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(head, rows):
    """rows: {suite: line}"""
    return (line(head) + "|---" * len(head) + "|\n" +
            "".join(rows[suite] for suite in SUITES if suite in rows))


def write_page(name, head, rows):
    """Replace these rows of the page's table of that name."""
    begin, end = f"<!-- {name} begins -->\n", f"<!-- {name} ends -->\n"
    before, begin, rest = PAGE.read_text().partition(begin)
    old, end, after = rest.partition(end)
    known = {suite: text + "\n" for suite in SUITES
             for text in old.splitlines()
             if text.startswith(f"| {label(suite)} |")}
    PAGE.write_text(before + begin + "\n" + table(head, {**known, **rows}) +
                    "\n" + end + after)


def commit():
    """The newest one, by its short name."""
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                          check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def arguments(parser, suites):
    """What both scripts take, of these suites; both want root."""
    parser.add_argument("suites", nargs="*", metavar="suite",
                        help=f"of {', '.join(suites)}; default: all")
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    parser.add_argument("--keep", action="store_true",
                        help="leave the systems of failed stacks to look at")
    options = parser.parse_args()
    options.suites = options.suites or list(suites)
    if unknown := set(options.suites) - set(suites):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are "
                     f"{', '.join(suites)}")
    if os.getuid():
        os.execvp("sudo", ["sudo", sys.executable, *sys.argv])
    if not shutil.which("mmdebstrap"):
        raise StackError("mmdebstrap is missing: run `scripts/setup stacks`")
    options.cache.mkdir(parents=True, exist_ok=True)
    return options

# SPDX-License-Identifier: MIT
"""Which device is booted, and what happens when one does not boot."""

import pytest

import roms
import vm


@pytest.fixture
def run(bios, tmp_path):
    """Boot with these disks, [(name, bootindex, arguments of sector())];
    returns port 402h up to the text `until` (a regular expression)."""
    def go(disks, until, machine="pc", args=(), kind="virtio"):
        line = list(args)
        for i, (name, boot, sector) in enumerate(disks):
            path = roms.sector(tmp_path / f"{name}.img", name, **sector)
            line += vm.disk(path, kind, machine, index=i, boot=boot)
        argv = vm.qemu_argv(bios, machine, mem="64M", args=line)
        with vm.Machine(argv, tmp_path / "run") as m:
            m.wait_debug(until, 30)
            return m.debug().decode(errors="replace")
    return go


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("kind", ["ide", "virtio"])
def test_bootindex(run, machine, kind):
    run([("a", 2, {}), ("b", 1, {})], rb"\[sector b\]", machine, kind=kind)


@pytest.mark.parametrize("dma", ["on", "off"])
def test_behind_many_files(run, dma):
    """The directory of fw_cfg is sorted, and read in two parts if it is that
    long: the order is in the second one."""
    files = [word for i in range(70)
             for word in ("-fw_cfg", f"name=a/{i},string=x")]
    run([("a", 2, {}), ("b", 1, {})], rb"\[sector b\]", args=[
        "-global", "fw_cfg_io.x-file-slots=128",
        "-global", f"fw_cfg_io.dma_enabled={dma}", *files])


@pytest.mark.parametrize("bus,unit", [("ide.0", 1), ("ide.1", 0),
                                      ("ide.1", 1)])
def test_one_ide_disk_anywhere(run, tmp_path, bus, unit):
    """A channel that is empty is asked once (ata_post.c); not so one whose first
    device is missing."""
    path = roms.sector(tmp_path / "ide.img", "ide")
    run([("a", 2, {})], rb"\[sector ide\]", args=[
        "-drive", f"if=none,id=ide,format=raw,file={path}", "-device",
        f"ide-hd,bus={bus},unit={unit},drive=ide,bootindex=1"])


def test_default_is_first(run):
    run([("a", None, {}), ("b", None, {})], rb"\[sector a\]")


def test_behind_a_bridge(run, bios, tmp_path):
    a = roms.sector(tmp_path / "a.img", "a")
    b = roms.sector(tmp_path / "b.img", "b")
    args = (["-device", "pcie-root-port,id=rp,chassis=1,addr=4"]
            + vm.disk(a, "virtio", "q35", boot=2)
            + vm.disk(b, "virtio", "q35", index=1, boot=1))
    args[-1] += ",bus=rp"
    argv = vm.qemu_argv(bios, "q35", mem="64M", args=args)
    with vm.Machine(argv, tmp_path / "run") as m:
        m.wait_debug(rb"\[sector b\]", 30)


def test_int18_goes_on(run, tmp_path):
    """INT 18h: the next device, here a CD drive without a medium, and then
    the end of the list."""
    text = run([("a", None, {"tail": 0x18})], rb"No bootable device\.",
               args=["-device", "ide-cd,bus=ide.1"])
    assert text.index("[sector a]") < text.index("Booting from DVD/CD...")


def test_int19_starts_again(run):
    run([("a", None, {"tail": 0x19})], rb"\[sector a\].*\[sector a\]")


@pytest.mark.parametrize("order,first", [("c", "disk"), ("d", "cd"),
                                         ("dc", "cd"), ("cd", "disk")])
def test_order_of_classes(run, order, first):
    want = {"disk": rb"Booting from Hard Disk", "cd": rb"Booting from DVD/CD"}
    text = run([("a", None, {})], rb"\[sector a\]",
               args=["-device", "ide-cd,bus=ide.1", "-boot", f"order={order}"])
    other = want["cd" if first == "disk" else "disk"].decode()
    assert want[first].decode() in text
    if first == "disk":
        assert other not in text


def test_strict(run):
    """-boot strict=on: what has no bootindex is not booted."""
    text = run([("a", 1, {"tail": 0x18}), ("b", None, {})],
               rb"No bootable device\.", args=["-boot", "strict=on"])
    assert "[sector a]" in text and "[sector b]" not in text


def test_not_a_boot_sector(run):
    text = run([("a", None, {"magic": 0x1234})], rb"No bootable device\.")
    assert "Boot failed: not a bootable disk" in text


def test_unreadable(run, tmp_path, under_seabios):
    """A disk whose first sector cannot be read."""
    rules = tmp_path / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nsector = "0"\n'
                     'errno = "5"\nimmediately = "off"\n')
    path = roms.sector(tmp_path / "bad.img", "bad")
    text = run([], rb"No bootable device\.", args=[
        "-drive", f"if=none,id=bad,driver=raw,file.driver=blkdebug,"
        f"file.config={rules},file.image.filename={path},rerror=report",
        "-device", "ide-hd,drive=bad,bus=ide.0"])
    assert "Boot failed: could not read the boot disk" in text


def test_retry_resets(run):
    """-boot reboot-timeout: the machine starts over after that time."""
    run([("a", None, {"tail": 0x18})],
        rb"\[sector a\].*Retrying in 1 seconds.*\[sector a\]",
        args=["-boot", "reboot-timeout=1000"])


def test_nothing_at_all(run):
    run([], rb"No bootable device\.")

# SPDX-License-Identifier: MIT
"""keelpcr predict: what it reads out of command lines, domains and disks, and
what it writes."""

import hashlib
import json
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import machinefacts                                 # noqa: E402
import pcrpredict                                   # noqa: E402
import tcglog                                       # noqa: E402

BANKS = ["sha1", "sha256"]


def sha(data):
    return hashlib.sha256(data).digest()


@pytest.fixture
def bios(tmp_path):
    path = tmp_path / "bios.bin"
    path.write_bytes(b"code\0\0KeelBIOS\0" + b"1.2-3-gabc\0"
                     b"04/01/2014\0\0".ljust(1000, b"\xff"))
    return path


def predict(bios, **facts):
    return pcrpredict.predict(pcrpredict.Facts(bios=bios, banks=BANKS,
                                               **facts))


def found(log, pcr):
    return [(e.data, e.digests["sha256"]) for e in log.events
            if e.pcr == pcr and e.type != pcrpredict.EV_SEPARATOR]


# ------------------------------------------------------------ command lines

def test_qemu_options_that_matter():
    m = machinefacts.from_qemu([
        "qemu-system-x86_64", "-nodefaults", "-M", "q35,accel=tcg", "-bios",
        "b", "-kernel", "k", "-initrd", "i", "-append", "a b=c", "-fw_cfg",
        "name=opt/org.keelbios/measure-boot-code,string=off", "-device",
        "tpm-tis,tpmdev=t"])
    assert (m.machine, m.bios, m.kernel, m.initrd, m.cmdline) == \
        ("q35", "b", "k", "i", "a b=c")
    assert m.tpm == "2.0-tis" and m.switches == {"measure-boot-code": False}
    assert m.boot() == ("kernel",)


@pytest.mark.parametrize("args,want", [
    (["-hda", "d"], ("disk", "d")),
    (["d"], ("disk", "d")),
    (["-hda", "d", "-cdrom", "c"], ("disk", "d")),
    (["-hda", "d", "-cdrom", "c", "-boot", "d"],
     ("cd", "c", "DVD/CD [ata1-0: QEMU DVD-ROM ATAPI-4 DVD/CD]")),
    (["-M", "q35", "-cdrom", "c"],
     ("cd", "c", "DVD/CD [AHCI/2: QEMU DVD-ROM ATAPI-4 DVD/CD]")),
    (["-drive", "if=none,id=x,file=a,,b", "-device",
      "virtio-blk-pci,drive=x"], ("disk", "a,b")),
    (["-drive", "if=none,id=x,file=a", "-drive", "if=none,id=y,file=b",
      "-device", "virtio-blk-pci,drive=x,bootindex=2", "-device",
      "ide-hd,drive=y,bootindex=1"], ("disk", "b")),
    (["-drive", "file=a,if=ide,media=cdrom,index=3"],
     ("cd", "a", "DVD/CD [ata1-1: QEMU DVD-ROM ATAPI-4 DVD/CD]")),
    (["-drive", "if=pflash,file=p"], ("none",)),
])
def test_what_boots_first(args, want):
    assert machinefacts.from_qemu(["qemu", *args]).boot() == want


def test_undecided_order_is_an_error():
    m = machinefacts.from_qemu(["qemu", "-hda", "a", "-hdb", "b"])
    with pytest.raises(machinefacts.FactsError, match="bootindex"):
        m.boot()


def test_rehearsal_touches_nothing():
    argv = machinefacts.rehearsal_argv([
        "qemu", "-M", "pc", "-bios", "old", "-nographic", "-chardev",
        "file,id=log,path=/precious", "-serial", "chardev:log", "-tpmdev",
        "emulator,id=t,chardev=chrtpm", "-device", "tpm-crb,tpmdev=t",
        "-chardev", "socket,id=chrtpm,path=/x", "-device", "e1000",
        "-daemonize", "-qmp", "stdio", "-pidfile", "/p"], "new")
    text = " ".join(argv)
    for word in ("precious", "old", "tpm", "daemonize", "qmp", "/p"):
        assert word not in text, word
    assert "-snapshot" in argv and "null,id=log" in argv and \
        "-bios new" in text and "-device e1000" in text


DOMAIN = """
<domain type='kvm'><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
 <loader readonly='yes' type='rom'>/bios.bin</loader><boot dev='cdrom'/></os>
 <devices>
  <disk type='file' device='disk'><source file='/d'/><target dev='vda'/></disk>
  <disk type='file' device='cdrom'><source file='/c'/>
   <address type='drive' controller='0' bus='0' target='0' unit='2'/></disk>
  <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
 </devices></domain>"""


def test_libvirt():
    m = machinefacts.from_libvirt(DOMAIN)
    assert m.bios == "/bios.bin" and m.tpm == "2.0-crb"
    assert m.boot() == ("cd", "/c",
                        "DVD/CD [AHCI/2: QEMU DVD-ROM ATAPI-4 DVD/CD]")
    assert machinefacts.from_libvirt(DOMAIN.replace(
        "<boot dev='cdrom'/>", "<boot dev='hd'/>")).boot() == ("disk", "/d")
    for bad in ("<domain", "<network/>"):
        with pytest.raises(machinefacts.FactsError):
            machinefacts.from_libvirt(bad)


# -------------------------------------------------------------------- events

def test_firmware_and_separators(bios):
    log = predict(bios)
    version = "KeelBIOS 1.2-3-gabc\0".encode("utf-16-le")
    assert found(log, 0) == [(version, sha(version)),
                             (b"POST CODE", sha(bios.read_bytes()))]
    pcrs = log.replay()["sha256"]
    separator = sha(b"\xff" * 4)
    assert pcrs[7] == sha(bytes(32) + separator)
    assert found(log, 4) == [(b"Calling INT 19h", sha(b"Calling INT 19h"))]


def test_an_image_of_something_else(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"SeaBIOS" * 100)
    with pytest.raises(pcrpredict.PredictError, match="version"):
        predict(path)


def test_mbr_disk(bios, tmp_path):
    disk = bytearray(64 * 512)
    disk[:3] = b"\xeb\xfe\x90"
    struct.pack_into("<BxxxBxxxII", disk, 446, 0x80, 0x83, 40, 20)
    disk[510:512] = b"\x55\xaa"
    disk[512 * 5 + 7] = 1           # the gap's last used sector is 5
    disk[512 * 40 + 3] = 2
    path = tmp_path / "disk"
    path.write_bytes(disk)
    log = predict(bios, boot=("disk", path))
    assert found(log, 4)[2:] == [
        (b"MBR", sha(disk[:440])), (b"MBR GAP", sha(disk[512:6 * 512])),
        (b"PARTITION BOOT RECORD", sha(disk[40 * 512:41 * 512]))]
    assert found(log, 5) == [(b"MBR PARTITION_TABLE", sha(disk[440:512]))]
    log = predict(bios, boot=("disk", path), boot_code=False)
    assert [e[0] for e in found(log, 4)[2:]] == [b"MBR"]
    path.write_bytes(bytes(1024))
    with pytest.raises(pcrpredict.PredictError, match="no boot sector"):
        predict(bios, boot=("disk", path))


def kernel_file(tmp_path):
    data = bytearray(4 * 512)
    data[0x1f1] = 1
    data[0x1fe:0x200] = b"\x55\xaa"
    struct.pack_into("<4sH", data, 0x202, b"HdrS", 0x20f)
    data[0x210], data[0x211] = 7, 1
    struct.pack_into("<I", data, 0x1f4, 64)
    data[1024:2048] = b"p" * 1024
    data += b"signature"
    path = tmp_path / "vmlinuz"
    path.write_bytes(data)
    return path, data


def test_kernel(bios, tmp_path):
    path, data = kernel_file(tmp_path)
    (tmp_path / "i").write_bytes(b"initrd")
    kernel = pcrpredict.Kernel(path, "root=x", [tmp_path / "i"])
    log = predict(bios, boot=("kernel", kernel))
    assert found(log, 8) == [(b"kernel_cmdline: root=x", sha(b"root=x"))]
    setup = bytearray(data[:1024])
    setup[0x210] = setup[0x211] = 0
    assert found(log, 9) == [
        (b"Linux setup", sha(setup)), (b"Linux kernel", sha(b"p" * 1024)),
        (b"Linux initrd", sha(b"initrd"))]
    log = predict(bios, linux=kernel)
    assert [e[0] for e in found(log, 9)] == [b"Linux kernel", b"Linux initrd"]
    assert not found(predict(bios, linux=kernel, linux_hook=False), 9)
    path.write_bytes(b"\x7fELF" + bytes(2000))
    with pytest.raises(pcrpredict.PredictError, match="no bzImage"):
        predict(bios, boot=("kernel", kernel))


def test_option_rom_and_reference(bios):
    ref = predict(bios, roms=[(0x10, b"rom one")])
    events = [e for e in ref.events if e.pcr == 2]
    assert events[0].data == b"Start Option ROM Scan"
    tag, size, zero, pfa, count = struct.unpack_from("<IIHHI", events[1].data)
    assert (tag, size, zero, pfa, count) == (7, 64, 0, 0x10, 2)
    assert hashlib.sha1(b"rom one").digest() in events[1].data
    again = predict(bios, reference=ref)
    assert again.replay() == ref.replay()
    other = predict(bios, reference=ref, roms=[(0x10, b"rom two")])
    wrong = pcrpredict.first_difference(ref, other)
    assert [w[0] for w in wrong] == [2] and wrong[0][1] == events[1]
    with pytest.raises(pcrpredict.PredictError, match="banks"):
        pcrpredict.predict(pcrpredict.Facts(bios=bios, banks=["sha1"],
                                            reference=ref))


def test_tpm12_has_the_old_form(bios):
    log = pcrpredict.predict(pcrpredict.Facts(
        bios=bios, family="1.2", roms=[(0x10, b"rom")]))
    rom = [e for e in log.events if e.pcr == 2][1]
    assert len(rom.data) == 8 + 24 and list(log.banks) == ["sha1"]


# --------------------------------------------------------------------- files

def test_json_and_pcr_file(bios):
    log = predict(bios)
    data = json.loads(json.dumps(pcrpredict.to_json(log)))
    back = pcrpredict.from_json(data)
    assert back.replay() == log.replay()
    assert data["pcrs"]["sha256"]["9"] == "00" * 32
    pcrs = pcrpredict.complete(log)
    assert pcrpredict.pcr_file(log, "sha1:7+sha256:9,0") == \
        pcrs["sha1"][7] + pcrs["sha256"][0] + pcrs["sha256"][9]
    for bad in ("", "sha256", "md5:0", "sha256:24", "sha256:x", "sha512:0"):
        with pytest.raises(pcrpredict.PredictError):
            pcrpredict.pcr_file(log, bad)
    for bad in ({}, [], {"format": "x", "banks": ["md5"], "events": []}):
        with pytest.raises(pcrpredict.PredictError):
            pcrpredict.from_json(bad)


def run(*args):
    return subprocess.run([sys.executable, ROOT / "scripts" / "keelpcr",
                           *args], capture_output=True, text=True,
                          check=False)


def test_command(bios, tmp_path):
    path, _ = kernel_file(tmp_path)
    out = tmp_path / "p.json"
    done = run("predict", "--bios", bios, "--kernel", path, "--append", "x",
               "--banks", "sha256", "--format", "json", "-o", out)
    assert done.returncode == 0 and "PCR 1 and 2" in done.stderr
    assert json.loads(out.read_text())["banks"] == ["sha256"]
    text = run("predict", "--bios", bios, "--kernel", path).stdout
    assert "Linux setup" in text and "sha512" in text
    done = run("predict", "--kernel", path)
    assert done.returncode == 2 and "--bios" in done.stderr
    done = run("predict", "--bios", bios, "--rom", "x")
    assert done.returncode == 2 and "BUS:DEV.FN" in done.stderr
    done = run("predict", "--bios", tmp_path / "absent")
    assert done.returncode == 2 and "absent" in done.stderr


def test_check_names_the_first_event(bios, tmp_path):
    """A TPM 1.2 log as bytes, against its prediction and another."""
    path, _ = kernel_file(tmp_path)
    out = tmp_path / "p.json"
    run("predict", "--bios", bios, "--tpm", "1.2", "--kernel", path,
        "--append", "one", "--format", "json", "-o", out)
    log = pcrpredict.from_json(json.loads(out.read_text()))
    (tmp_path / "log").write_bytes(b"".join(
        struct.pack("<II20sI", e.pcr, e.type, e.digests["sha1"],
                    len(e.data)) + e.data for e in log.events))
    done = run("check", tmp_path / "log", "--prediction", out)
    assert done.returncode == 0 and "as predicted" in done.stdout
    run("predict", "--bios", bios, "--tpm", "1.2", "--kernel", path,
        "--append", "two", "--format", "json", "-o", out)
    done = run("check", tmp_path / "log", "--prediction", out)
    assert done.returncode == 1
    assert "PCR 8 differs first at offset 0x" in done.stdout
    assert "kernel_cmdline: one" in done.stdout
    assert "PCR 9" not in done.stdout
    assert tcglog.parse((tmp_path / "log").read_bytes()).events

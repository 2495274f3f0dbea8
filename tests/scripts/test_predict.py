# SPDX-License-Identifier: MIT
"""keelpcr predict: what it reads out of command lines, domains and disks, and
what it writes.

Long because each source of facts (command line, domain, disk) is read and
predicted from by one set of helpers.
"""

import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import machinefacts                                 # noqa: E402
import rehearse                                     # noqa: E402
import pcrpredict                                   # noqa: E402
import predictionfile                               # noqa: E402
import tcglog                                       # noqa: E402

BANKS = ["sha1", "sha256"]


def sha(data):
    return hashlib.sha256(data).digest()


# Of an image, from its header on.
USED = b"KeelBIOS image\r\n" + (
    b"code\0\0KeelBIOS\0" b"1.2-3-gabc\0" b"04/01/2014\0\0").ljust(
        1000, b"\xff")


@pytest.fixture
def bios(tmp_path):
    path = tmp_path / "bios.bin"
    path.write_bytes(bytes(500) + USED)
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
    (["-nodefaults", "-drive", "if=pflash,file=p"], ("none",)),
    (["-drive", "if=pflash,file=p", "-nic", "none"], ("none",)),
    (["-drive", "if=pflash,file=p"], ("network",)),         # QEMU's own card
    (["-nodefaults", "-nic", "user,model=e1000"], ("network",)),
    (["-hda", "d", "-nic", "user", "-boot", "order=nc"], ("network",)),
    (["-hda", "d", "-nic", "user", "-nic", "user"], ("disk", "d")),
    (["-drive", "if=none,id=x,file=a", "-device",
      "virtio-blk-pci,drive=x,bootindex=2", "-netdev", "user,id=n", "-device",
      "virtio-net-pci,netdev=n,bootindex=1"], ("network",)),
    (["-drive", "if=none,id=x,file=a", "-device", "virtio-blk-pci,drive=x",
      "-device", "e1000,romfile=,bootindex=1"], ("disk", "a")),
])
def test_what_boots_first(args, want):
    assert machinefacts.from_qemu(["qemu", *args]).boot() == want


def test_flash_and_block_devices():
    """The firmware as a flash device; drives as libvirt gives them to
    QEMU."""
    m = machinefacts.from_qemu(["qemu", "-drive",
                                "if=pflash,unit=0,format=raw,file=f"])
    assert m.bios == "f"
    m = machinefacts.from_qemu([
        "qemu", "-machine", "q35,pflash0=fw", "-nodefaults",
        "-blockdev", '{"driver":"file","filename":"/f","node-name":"s"}',
        "-blockdev", '{"node-name":"fw","driver":"raw","file":"s"}',
        "-blockdev", "driver=file,filename=/d,,1,node-name=d0",
        "-blockdev", "driver=qcow2,file=d0,node-name=d",
        "-blockdev", '{"driver":"raw","node-name":"c",'
                     '"file":{"driver":"file","filename":"/c"}}',
        "-device", '{"driver":"virtio-blk-pci","drive":"d","bootindex":2}',
        "-device", '{"driver":"ide-cd","bus":"ide.2","drive":"c",'
                   '"bootindex":1}'])
    assert m.bios == "/f"
    assert [(d.kind, d.path) for d in m.drives] == [("disk", "/d,1"),
                                                    ("cd", "/c")]
    assert m.boot() == ("cd", "/c",
                        "DVD/CD [AHCI/2: QEMU DVD-ROM ATAPI-4 DVD/CD]")
    argv = rehearse.rehearsal_argv(
        ["qemu", "-machine", "q35,pflash0=fw,accel=tcg", "-drive",
         "if=pflash,file=old"], "new")
    assert "old" not in " ".join(argv) and "q35,accel=tcg" in argv
    with pytest.raises(machinefacts.FactsError, match="--reference"):
        rehearse.rehearsal_argv(
            ["qemu", "-blockdev", "driver=file,filename=/d,node-name=d"], "b")
    with pytest.raises(machinefacts.FactsError, match="not JSON"):
        machinefacts.from_qemu(["qemu", "-device", "{"])


def test_undecided_order_is_an_error():
    m = machinefacts.from_qemu(["qemu", "-hda", "a", "-hdb", "b"])
    with pytest.raises(machinefacts.FactsError, match="bootindex"):
        m.boot()


def test_rehearsal_touches_nothing():
    argv = rehearse.rehearsal_argv([
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


KERNEL_DOMAIN = """
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
 <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
  <loader readonly='yes' type='pflash'>/flash.bin</loader>
  <kernel>/k</kernel><initrd>/i</initrd><cmdline>root=/dev/vda a="b c"</cmdline>
 </os>
 <sysinfo type='fwcfg'>
  <entry name='opt/org.keelbios/measure-linux'>0</entry></sysinfo>
 <devices>
  <disk type='block' device='disk'><source dev='/dev/vg/x'/>
   <target dev='sda' bus='scsi'/></disk>
  <tpm model='tpm-tis'><backend type='emulator' version='1.2'/></tpm>
 </devices>
 <qemu:commandline><qemu:arg value='-fw_cfg'/><qemu:arg
  value='name=opt/org.keelbios/measure-boot-code,string=off'/>
 </qemu:commandline></domain>"""


def test_libvirt_kernel():
    """-kernel, flash, TPM 1.2, switches by both ways."""
    m = machinefacts.from_libvirt(KERNEL_DOMAIN)
    assert (m.bios, m.kernel, m.initrd, m.cmdline) == (
        "/flash.bin", "/k", "/i", 'root=/dev/vda a="b c"')
    assert m.tpm == "1.2" and m.boot() == ("kernel",)
    assert m.switches == {"measure-linux": False, "measure-boot-code": False}


@pytest.mark.parametrize("devices,want", [
    ("<disk device='disk'><source dev='/dev/x'/><boot order='2'/></disk>"
     "<interface type='user'><boot order='1'/></interface>", ("network",)),
    ("<disk device='disk'><source dev='/dev/x'/></disk>"
     "<interface type='user'/>", ("disk", "/dev/x")),
    ("<disk device='disk'><source file='/a'/><boot order='2'/></disk>"
     "<disk device='cdrom'><source file='/c'/><boot order='1'/>"
     "<target dev='hdc' bus='ide'/></disk>",
     ("cd", "/c", "DVD/CD [ata1-0: QEMU DVD-ROM ATAPI-4 DVD/CD]")),
    ("<interface type='user'><rom enabled='no'/></interface>", ("none",)),
    ("<disk device='cdrom'><target dev='hdc' bus='ide'/></disk>", ("none",)),
])
def test_libvirt_boot_order(devices, want):
    m = machinefacts.from_libvirt(
        "<domain><os><type machine='pc'>hvm</type></os><devices>" + devices
        + "</devices></domain>")
    assert m.boot() == want


def test_libvirt_end_to_end(bios, tmp_path):
    """A domain on the command line: what it says is used, and what it cannot
    say is named."""
    path, _ = kernel_file(tmp_path)
    (tmp_path / "i").write_bytes(b"initrd")
    domain = tmp_path / "domain.xml"
    domain.write_text(KERNEL_DOMAIN.replace("/flash.bin", str(bios))
                      .replace("/k<", f"{path}<")
                      .replace("/i<", f"{tmp_path / 'i'}<"))
    done = run("predict", "--libvirt", domain, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "PCR 1 and 2 are predicted as if" in done.stderr
    data = json.loads(done.stdout)
    assert data["banks"] == ["sha1"]            # of a TPM 1.2
    want = pcrpredict.predict(pcrpredict.Facts(
        bios=bios, family="1.2", boot=("kernel", pcrpredict.Kernel(
            path, 'root=/dev/vda a="b c"', [tmp_path / "i"]))))
    assert data["pcrs"]["sha1"] == {
        str(n): v.hex()
        for n, v in predictionfile.complete(want)["sha1"].items()}
    domain.write_text("<domain")
    done = run("predict", "--libvirt", domain)
    assert done.returncode == 2 and f"{domain}: not XML" in done.stderr


# -------------------------------------------------------------------- events

def test_firmware_and_separators(bios):
    log = predict(bios)
    version = "KeelBIOS 1.2-3-gabc\0".encode("utf-16-le")
    assert found(log, 0) == [(version, sha(version)),
                             (b"POST CODE", sha(USED))]
    pcrs = log.replay()["sha256"]
    separator = sha(b"\xff" * 4)
    assert pcrs[7] == sha(bytes(32) + separator)
    assert found(log, 4) == [(b"Calling INT 19h", sha(b"Calling INT 19h"))]


def test_an_image_of_something_else(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"SeaBIOS" * 100)
    with pytest.raises(pcrpredict.PredictError, match="version"):
        predict(path)
    path.write_bytes(b"x" + USED)           # what is not zero, nobody has made
    with pytest.raises(pcrpredict.PredictError, match="header"):
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


def test_network_boot(bios):
    """The entry's name: said, or from the reference."""
    text = b"Booting BEV Device iPXE (PCI 00:03.0)"
    log = predict(bios, boot=("network", "iPXE (PCI 00:03.0)"))
    assert found(log, 4)[1:] == [(text, sha(text))]
    again = predict(bios, boot=("network", None), reference=log)
    assert again.replay() == log.replay()
    with pytest.raises(pcrpredict.PredictError, match="--network"):
        predict(bios, boot=("network", None), reference=predict(bios))


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
    assert found(log, 8) == [(b"kernel_cmdline: root=x\0", sha(b"root=x"))]
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
    data = json.loads(json.dumps(predictionfile.to_json(log)))
    back = predictionfile.from_json(data)
    assert back.replay() == log.replay()
    assert data["pcrs"]["sha256"]["9"] == "00" * 32
    pcrs = predictionfile.complete(log)
    assert predictionfile.pcr_file(log, "sha1:7+sha256:9,0") == \
        pcrs["sha1"][7] + pcrs["sha256"][0] + pcrs["sha256"][9]
    for bad in ("", "sha256", "md5:0", "sha256:24", "sha256:x", "sha512:0"):
        with pytest.raises(pcrpredict.PredictError):
            predictionfile.pcr_file(log, bad)
    for bad in ({}, [], {"format": "x", "banks": ["md5"], "events": []}):
        with pytest.raises(pcrpredict.PredictError):
            predictionfile.from_json(bad)


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


def log_file(path, log):
    """A log of either format as the firmware would have written it."""
    if log.format == "sha1":
        data = b"".join(struct.pack("<II20sI", e.pcr, e.type,
                                    e.digests["sha1"], len(e.data)) + e.data
                        for e in log.events)
    else:
        algs = [(pcrpredict.BANK_IDS[b], b, n) for b, n in log.banks.items()]
        head = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2,
                                                  len(algs))
        head += b"".join(struct.pack("<HH", a, n) for a, _, n in algs) + b"\0"
        data = struct.pack("<II20xI", 0, 3, len(head)) + head
        for e in log.events:
            data += struct.pack("<III", e.pcr, e.type, len(algs))
            for alg, bank, _ in algs:
                data += struct.pack("<H", alg) + e.digests[bank]
            data += struct.pack("<I", len(e.data)) + e.data
    path.write_bytes(data)
    return path


def quote_of(pcrs, numbers, bank="sha256"):
    """A TPMS_ATTEST as a TPM makes one."""
    bits = sum(1 << n for n in numbers)
    digest = sha(b"".join(pcrs[bank][n] for n in numbers))
    return b"\xffTCG\x80\x18" + b"\0\2ab" + b"\0\4once" + bytes(17 + 8) + \
        struct.pack(">IHB", 1, pcrpredict.BANK_IDS[bank], 3) + \
        bits.to_bytes(3, "little") + struct.pack(">H", 32) + digest


def test_check_reads_pcrs_and_quotes(bios, tmp_path):
    """What tpm2_pcrread prints and writes, and what tpm2_quote signs."""
    path, _ = kernel_file(tmp_path)
    kernel = pcrpredict.Kernel(path, "x")
    want = predict(bios, boot=("kernel", kernel))
    log = log_file(tmp_path / "log", want)
    pcrs = predictionfile.complete(want)
    text, wrong, binary, quote = (tmp_path / n for n in (
        "text", "wrong", "binary", "quote"))

    def printed(values):
        return "".join(f"  {bank}:\n" + "".join(
            f"    {n:<2}: 0x{v.hex().upper()}\n" for n, v in some.items())
            for bank, some in values.items())

    text.write_text(printed(pcrs))
    done = run("check", log, text)
    assert done.returncode == 0 and "sha1 sha256" in done.stdout
    other = {"sha256": {**pcrs["sha256"], 4: bytes(32)}}
    wrong.write_text(printed({"sha256": {n: other["sha256"][n]
                                         for n in (0, 4, 9)}}))
    done = run("check", log, wrong)
    assert done.returncode == 1 and "sha256 PCR 4: the log" in done.stdout
    assert "PCR 9" not in done.stdout and "sha1" not in done.stdout
    binary.write_bytes(pcrs["sha256"][0] + pcrs["sha256"][9])
    assert run("check", log, binary, "--pcrs",
               "sha256:0,9").returncode == 0
    done = run("check", log, binary, "--pcrs", "sha256:0,8")
    assert done.returncode == 1 and "PCR 8" in done.stdout
    done = run("check", log, binary)
    assert done.returncode == 2 and "--pcrs" in done.stderr
    done = run("check", log, binary, "--pcrs", "sha256:0")
    assert done.returncode == 2 and "64 bytes" in done.stderr

    quote.write_bytes(quote_of(pcrs, [0, 4, 8, 9]))
    done = run("check", log, "--quote", quote)
    assert done.returncode == 0 and "gives the quoted PCRs: " \
        "sha256:0,4,8,9" in done.stdout
    quote.write_bytes(quote_of(other, [0, 4]))
    done = run("check", log, "--quote", quote)
    assert done.returncode == 1 and "DOES NOT give" in done.stdout
    data = quote_of(pcrs, [0])
    for n in range(len(data)):
        quote.write_bytes(data[:n])
        done = tcglog_error(data[:n])
        assert done and done.startswith("offset 0x"), n
    done = run("check", log, "--quote", text)
    assert done.returncode == 2 and "offset 0x0: not a quote" in done.stderr
    quote.write_bytes(quote_of({"sha256": {10: bytes(32)}}, [10]))
    done = run("check", log, "--quote", quote)
    assert done.returncode == 2 and "sha256:10" in done.stderr


def tcglog_error(data):
    try:
        tcglog.parse_quote(data)
    except tcglog.LogError as err:
        return str(err)
    return None


def test_in_the_guest(bios, tmp_path):
    """Its own log in place of the image, and a line for systemd-cryptenroll."""
    path, _ = kernel_file(tmp_path)
    now = log_file(tmp_path / "now", predict(bios, roms=[(0x10, b"rom")]))
    done = run("predict", "--reference", now, "--kernel", path, "--format",
               "cryptenroll", "--pcrs", "sha256:0,2,9")
    assert done.returncode == 0, done.stderr
    pcrs = predictionfile.complete(predict(
        bios, roms=[(0x10, b"rom")],
        boot=("kernel", pcrpredict.Kernel(path))))["sha256"]
    assert done.stdout == "+".join(
        f"{n}:sha256={pcrs[n].hex()}" for n in (0, 2, 9)) + "\n"
    # Another image counts, where there is one.
    other = tmp_path / "other.bin"
    other.write_bytes(bios.read_bytes()[:-1] + b"x")
    done = run("predict", "--reference", now, "--bios", other, "--format",
               "cryptenroll", "--pcrs", "sha256:0")
    assert done.stdout not in ("", f"0:sha256={pcrs[0].hex()}\n")


def test_malformed_log_names_the_offset(bios, tmp_path):
    log = log_file(tmp_path / "log", predict(bios))
    data = log.read_bytes()
    log.write_bytes(data[:-3])
    done = run("replay", log)
    assert done.returncode == 2
    assert f"{log}: offset 0x" in done.stderr
    at = tcglog.parse(data).events[2].offset
    log.write_bytes(data[:at] + b"\xff" + data[at + 1:])
    done = run("check", log, "--prediction", log)
    assert done.returncode == 2 and f"{log}: offset {at:#x}: pcrIndex" in \
        done.stderr
    log.write_bytes(data)
    done = run("check", log, "--prediction", bios)
    assert done.returncode == 2 and "not a prediction" in done.stderr


def test_man_page():
    """It names every option, and groff has nothing to say against it."""
    page = ROOT / "docs" / "keelpcr.1"
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z", page],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    text = page.read_text().replace("\\-", "-")
    for command in ("replay", "check", "predict", "doctor"):
        shown = run(command, "--help").stdout
        for option in set(re.findall(r"--[a-z0-9-]+", shown)) - {"--help"}:
            assert option in text, f"{command} {option}"


def test_check_names_the_first_event(bios, tmp_path):
    """A TPM 1.2 log as bytes, against its prediction and another."""
    path, _ = kernel_file(tmp_path)
    out = tmp_path / "p.json"
    run("predict", "--bios", bios, "--tpm", "1.2", "--kernel", path,
        "--append", "one", "--format", "json", "-o", out)
    log = predictionfile.from_json(json.loads(out.read_text()))
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

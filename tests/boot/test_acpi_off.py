# SPDX-License-Identifier: MIT
"""Machines without ACPI: processors and PCI interrupts come from the MP table,
and from $PIR where there is no I/O APIC in use."""

import re

import pytest

from conftest import fast_linux

COMPLAINTS = ["not connected to IO-APIC", "ID mismatch",
              "nobody cared", "unexpected IRQ", "can't find IRQ",
              "No IRQ known", "lost interrupt"]
DEVICES = sum((["-device", f"virtio-blk-pci,drive={name},addr={slot}",
                "-drive", f"if=none,id={name},format=raw,file.driver=null-co,"
                "file.size=1048576,file.read-zeroes=on"]
               for name, slot in (("x", 5), ("y", 9))), [])     # share a pin


@pytest.mark.parametrize("machine,smp,append", [
    ("pc", 2, ""), ("q35", 4, ""),
    pytest.param("pc", 1, " noapic nolapic", marks=pytest.mark.slow),
    pytest.param("q35", 1, " noapic nolapic", marks=pytest.mark.slow)])
def test_linux(generic, machine, smp, append):
    args = fast_linux(generic.guest) + DEVICES
    at = args.index("-append") + 1
    # Without no_timer_check Linux counts ticks of the host's time: on a busy
    # host it misses them, and takes the timer for one that is not connected.
    # Here the ticks of its pin are looked for instead.
    args[at] += " pci=nomsi no_timer_check" + append
    with generic.machine(machine, smp=smp, disk="ide", args=args,
                         machine_options=",acpi=off", nic=True) as m:
        m.ready()
        m.command("keel-load", 120)
        assert m.command("grep -c ^processor /proc/cpuinfo").strip() == \
            str(smp), m.report("processors")
        for disk in ("vda", "vdb", "sda"):
            m.command(f"dd if=/dev/{disk} of=/dev/null bs=64k count=8", 60)
        log, seen = m.command("dmesg"), m.command("cat /proc/interrupts")
        for text in COMPLAINTS:
            assert text not in log, m.report(text)
        table = "MPTABLE: OEM ID: KEELBIOS" if not append else "$PIR|PIIX|PCI"
        assert re.search(table, log), m.report("whose interrupt table?")
        wire = "XT-PIC" if append else "IO-APIC +2-edge"
        assert re.search(rf"^ *0:.* [1-9].* {wire} +timer", seen, re.M), \
            m.report(f"no ticks by the {wire}: {seen}")
        for driver in ("virtio0", "virtio1"):
            assert re.search(rf"^ *\d+:.*[1-9].*\b{driver}\b", seen, re.M), \
                m.report(f"no interrupt of {driver}: {seen}")

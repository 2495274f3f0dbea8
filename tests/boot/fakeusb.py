# SPDX-License-Identifier: MIT
"""A USB device made of Python, behind QEMU's usb-redir: a stick that works,
to be broken by subclasses, and other devices that do what none should.

The usbredir protocol (version 0.7) with the capabilities that QEMU demands
for xHCI: sizes of packets, long bulk packets, and numbers of 64 bits.  Every
packet has a head of type and length, 32 bits each, and number, little-endian;
the first one's number has 32 bits.
"""

import os
import socket
import struct
import threading

HELLO, CONNECT, RESET, INTERFACES, ENDPOINTS = 0, 1, 3, 4, 5
SET_CONFIG, GET_CONFIG, CONFIG_STATUS = 6, 7, 8
SET_ALT, GET_ALT, ALT_STATUS = 9, 10, 11
START_INTERRUPT, INTERRUPT_STATUS, CANCEL = 15, 17, 21
CAPABILITIES = 1 << 4 | 1 << 5 | 1 << 6
CONTROL, BULK, INTERRUPT = 100, 101, 103
SUCCESS, CANCELLED, IO_ERROR, STALL, BABBLE = 0, 1, 3, 4, 6
LOW, FULL, HIGH, SUPER = range(4)


class Device:
    """A device that answers descriptors and stalls the rest.  control(),
    data_in() and data_out() return bytes, a status, or None: no answer, ever
    (the device NAKs)."""

    speed = HIGH
    device_class = 0
    packet0 = 64
    bulk_packet = 512
    config = b""
    # (address, type): 0 control, 1 isochronous, 2 bulk, 3 interrupt
    endpoints = ()

    def __init__(self, directory):
        self.path = os.path.join(directory, "redir")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.peer = None
        self.requests = 0
        self.configured = 0
        self.known = threading.Event()  # QEMU has heard of the device
        threading.Thread(target=self.run, daemon=True).start()

    def arguments(self, bus="", port=1):
        return ["-chardev", f"socket,id=redir,path={self.path}",
                "-device", f"usb-redir,chardev=redir,port={port}{bus}"]

    def close(self):
        self.server.close()
        if self.peer:
            self.peer.close()

    # ------------------------------------------------------------ protocol

    def run(self):
        try:
            self.peer, _ = self.server.accept()
            hello = b"keel".ljust(64, b"\0") + struct.pack("<I",
                                                           CAPABILITIES)
            self.peer.sendall(struct.pack("<3I", HELLO, len(hello), 0)
                              + hello)
            kind, length, _ = struct.unpack("<3I", self.get(12))
            self.get(length)
            self.introduce()
            while True:
                kind, length, number = struct.unpack("<IIQ", self.get(16))
                self.packet(kind, number, self.get(length))
        except (OSError, EOFError):
            pass                        # QEMU has ended

    def get(self, n):
        data = b""
        while len(data) < n:
            part = self.peer.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def send(self, kind, number, data):
        self.peer.sendall(struct.pack("<IIQ", kind, len(data), number)
                          + data)

    def introduce(self):
        types, packets = bytearray([255] * 32), [0] * 32
        for address, kind in ((0, 0), (0x80, 0)) + tuple(self.endpoints):
            types[(address & 0x80) >> 3 | address & 15] = kind
            packets[(address & 0x80) >> 3 | address & 15] = \
                self.bulk_packet if kind == 2 else 64
        self.send(INTERFACES, 0, struct.pack("<I", 1) + bytes(128))
        self.send(ENDPOINTS, 0, bytes(types) + bytes([10] * 32) + bytes(32)
                  + struct.pack("<32H", *packets))
        self.send(CONNECT, 0, struct.pack("<4B2H", self.speed, 0, 0, 0,
                                          0x1234, 0x5678))
        self.known.set()

    def packet(self, kind, number, data):
        if kind == SET_CONFIG:
            self.configured = data[0]
            self.send(CONFIG_STATUS, number, bytes([SUCCESS, data[0]]))
        elif kind == GET_CONFIG:
            self.send(CONFIG_STATUS, number,
                      bytes([SUCCESS, self.configured]))
        elif kind in (SET_ALT, GET_ALT):
            self.send(ALT_STATUS, number, bytes([SUCCESS, data[0], 0]))
        elif kind == START_INTERRUPT:
            self.send(INTERRUPT_STATUS, number, bytes([SUCCESS, data[0]]))
        elif kind == CANCEL:
            self.cancelled(number)
        elif kind == CONTROL:
            self.on_control(number, data)
        elif kind == BULK:
            self.on_bulk(number, data)

    def cancelled(self, number):
        """QEMU does not wait for an answer to what it has cancelled."""

    def on_control(self, number, packet):
        ep, request, kind, _, value, index, length = struct.unpack(
            "<4B3H", packet[:10])
        self.requests += 1
        answer = self.control(kind, request, value, index, length)
        if answer is None:
            return
        status, data = (answer, b"") if isinstance(answer, int) \
            else (SUCCESS, answer[:length])
        moved = len(data) if kind & 0x80 or status else length
        self.send(CONTROL, number, struct.pack(
            "<4B3H", ep, request, kind, status, value, index, moved) + data)

    def on_bulk(self, number, packet):
        ep, _, low, stream, high = struct.unpack("<BBHIH", packet[:10])
        length = high << 16 | low
        if ep & 0x80:
            answer = self.data_in(ep, length)
        else:
            answer = self.data_out(ep, packet[10:])
        if answer is None:
            return
        status, data = (answer, b"") if isinstance(answer, int) \
            else (SUCCESS, answer)
        moved = len(data) if ep & 0x80 or status else length
        self.send(BULK, number, struct.pack(
            "<BBHIH", ep, status, moved & 0xffff, stream, moved >> 16) + data)

    # ---------------------------------------------------- what a device does

    def device_descriptor(self):
        return struct.pack("<BBH4BHHH4B", 18, 1, 0x200, self.device_class, 0,
                           0, self.packet0, 0x1234, 0x5678, 0, 0, 0, 0, 1)

    def control(self, kind, request, value, index, length):
        if (kind, request) == (0x80, 6):
            return {1: self.device_descriptor(), 2: self.config}.get(
                value >> 8, STALL)
        if request == 1:                # CLEAR_FEATURE
            return b""
        return STALL

    def data_in(self, ep, length):
        return STALL

    def data_out(self, ep, data):
        return STALL


class Stick(Device):
    """Mass storage with an image in memory."""

    config = bytes.fromhex("09022000010100c000" "090400000208065000"
                           "07058102000200" "07050202000200")
    endpoints = ((0x81, 2), (0x02, 2))

    def __init__(self, directory, image=bytes(1 << 20)):
        super().__init__(directory)
        self.image = image
        self.data = self.csw = None

    def control(self, kind, request, value, index, length):
        if (kind, request) == (0xa1, 0xfe):
            return b"\0"
        if (kind, request) == (0x21, 0xff):
            self.data = self.csw = None
            return b""
        return super().control(kind, request, value, index, length)

    def data_out(self, ep, data):
        _, tag, length = struct.unpack("<3I", data[:12])
        answer = self.scsi(data[15:31])
        self.data = answer[:length] if length else None
        self.csw = b"USBS" + struct.pack("<IIB", tag,
                                         length - len(self.data or b""), 0)
        return b""

    def scsi(self, cdb):
        if cdb[0] == 0x12:
            return b"\0\0\5\2\x1f\0\0\0" + b"KEEL    " + b"REDIRECTED STICK" \
                + b"1.0 "
        if cdb[0] == 0x25:
            return struct.pack(">II", len(self.image) // 512 - 1, 512)
        if cdb[0] == 0x28:
            lba, count = struct.unpack(">IxH", cdb[2:9])
            return self.image[lba * 512:][:count * 512]
        return b""

    def data_in(self, ep, length):
        if self.data is None:
            data, self.csw = self.csw, None
            return data
        data, self.data = self.data[:length], self.data[length:]
        if not self.data:
            self.data = None
        return data


class Hub(Device):
    """A hub whose ports all have something, says it."""

    device_class = 9
    speed = FULL
    config = bytes.fromhex("09021900010100e000" "090400000109000000"
                           "07058103080 0ff".replace(" ", ""))
    endpoints = ((0x81, 3),)
    ports = 255
    status = b"\x03\x01\0\0"            # connected, enabled

    def control(self, kind, request, value, index, length):
        if (kind, request) == (0xa0, 6):
            return bytes([9, 0x29, self.ports, 0, 0, 1, 0, 0, 0xff])
        if (kind, request) == (0xa3, 0):
            return self.status
        if kind in (0x20, 0x23):
            return b""
        return super().control(kind, request, value, index, length)

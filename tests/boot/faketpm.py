# SPDX-License-Identifier: MIT
"""A TPM that is watched, or misbehaves: sits between QEMU and swtpm.

    with FakeTpm("2.0-crb", state, spoil) as tpm: ...

spoil(n, code, response) is called for the n-th command of the guest (from 0)
with its ordinal and what swtpm answered; it returns what QEMU gets, or None
for no answer at all, and may take its time; spoil.broken: QEMU cannot make
anything of this answer, nor of any that follows.  Before the TPM's first
initialisation QEMU itself asks which version it is; that is answered as it
should be.  QEMU speaks to swtpm over a control socket and passes in one
message the socket for TPM commands; that one is replaced.

With tpm.keep set, what QEMU saves and loads of a machine's state has nothing of
the TPM, which goes on as it is.

tpm.pcrs() asks swtpm for its PCRs, past QEMU and spoil, also after QEMU has
ended.

A guest that waits for an answer polls.  Meanwhile QEMU is stopped most of the
time (slowed()): the guest's time goes on, and other tests have the processor.
"""

import array
import os
import signal
import socket
import struct
import threading
import time

import vm

HEADER = 10
CMD_INIT = 2            # of swtpm's control channel
CMD_SHUTDOWN = 3
WAIT = 20               # seconds that the firmware waits for a start-up

# TPM_ALG_ID: bank, digest size
BANKS = {4: ("sha1", 20), 11: ("sha256", 32), 12: ("sha384", 48),
         13: ("sha512", 64)}


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive_command(sock):
    """One TPM command or response: the size is in its header."""
    head = receive(sock, HEADER)
    size = struct.unpack(">I", head[2:6])[0]
    return head + receive(sock, max(size, HEADER) - HEADER)


def slow_down(pid, enough):
    """After a moment, let the process run for a twentieth of the time only:
    for as long as a start-up may wait, or until `enough` is set."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if enough.wait(0.3):
            return
        end = time.monotonic() + WAIT
        while time.monotonic() < end and not enough.is_set():
            signal.pidfd_send_signal(process, signal.SIGSTOP)
            enough.wait(0.1)
            signal.pidfd_send_signal(process, signal.SIGCONT)
            enough.wait(0.005)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


def slowed(pid):
    """Begin slow_down() in the background; what is returned ends it."""
    enough = threading.Event()
    thread = threading.Thread(target=slow_down, args=(pid, enough),
                              daemon=True)
    thread.start()

    def stop():
        enough.set()
        thread.join()
    return stop


class FakeTpm(vm.Tpm):
    """An swtpm whose answers are spoiled."""

    def __init__(self, kind, state, spoil=None, banks=vm.BANKS):
        super().__init__(kind, state, banks)
        self.spoil = spoil or untouched
        self.commands = []          # ordinals seen
        self.exchanges = []         # (command, what swtpm answered or None)
        self.control = self.data = None     # sockets of swtpm
        self.in_use = threading.Lock()      # of the latter
        self.fake_socket = os.path.join(self.run_dir, "fake")
        self.listener = None
        self.closing = False
        self.initialised = False
        self.stop_at_init = False   # SIGSTOP when QEMU has reset the TPM
        self.keep = False
        self.run = lambda: None     # QEMU, at full speed again

    def start(self):
        super().start()
        if os.path.exists(self.fake_socket):
            os.unlink(self.fake_socket)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.fake_socket)
        self.listener.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def stop(self):
        self.closing = True
        self.run()
        if self.listener:
            self.listener.close()
        super().stop()

    def arguments(self):
        return [a.replace(self.socket, self.fake_socket)
                for a in super().arguments()]

    def serve(self):
        """Relay control messages; they are request and reply in turn."""
        try:
            ours, _ = self.listener.accept()
            pid = struct.unpack("3i", ours.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            real = self.control = socket.socket(socket.AF_UNIX)
            real.connect(self.socket)
            said = {}
            while True:
                data, ancillary, _, _ = ours.recvmsg(
                    8192, socket.CMSG_SPACE(4))
                if not data:
                    return
                command = struct.unpack(">I", data[:4])[0]
                if self.keep:       # as swtpm said last; of state: nothing
                    ours.sendall(said.get(command, bytes(16)))
                    continue
                if command == CMD_INIT:
                    self.initialised = True
                if command == CMD_SHUTDOWN:         # not before stop()
                    ours.sendall(bytes(4))
                    continue
                fds = [array.array("i", d[:4])[0] for _, t, d in ancillary
                       if t == socket.SCM_RIGHTS]
                if fds:
                    near, far = socket.socketpair()
                    self.data = near
                    real.sendmsg([data], [(
                        socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", [far.fileno()]))])
                    far.close()
                    qemu = socket.socket(fileno=fds[0])
                    threading.Thread(target=self.relay,
                                     args=(qemu, near, pid),
                                     daemon=True).start()
                else:
                    real.sendall(data)
                reply = real.recv(8192)
                if command == CMD_INIT and self.stop_at_init:
                    os.kill(self.process.pid, signal.SIGSTOP)
                said[command] = reply
                ours.sendall(reply)
        except (OSError, EOFError):
            pass

    def relay(self, qemu, real, pid):
        """Commands one way, spoiled answers the other."""
        try:
            while True:
                command = receive_command(qemu)
                self.run()
                if not self.initialised:
                    real.sendall(command)
                    qemu.sendall(receive_command(real))
                    continue
                code = struct.unpack(">I", command[6:10])[0]
                number = len(self.commands)
                self.commands.append(code)
                # A command that is refused must not take effect.
                refused = getattr(self.spoil, "refuse", None)
                answer = refused(code) if refused else None
                if answer is None:
                    if self.spoil is not untouched:
                        self.run = slowed(pid)
                    answer = self.ask(command)
                    self.exchanges.append((command, answer))
                    answer = self.spoil(number, code, answer)
                else:
                    self.exchanges.append((command, None))
                if answer is not None:
                    if not getattr(self.spoil, "broken", False):
                        self.run()
                    qemu.sendall(answer)
        except (OSError, EOFError):
            pass

    def ask(self, command):
        """One command to swtpm; its answer."""
        with self.in_use:
            self.data.sendall(command)
            return receive_command(self.data)

    def pcrs(self):
        """{bank: {pcr: digest}} of all banks that are active."""
        if not self.version2:
            return {"sha1": {n: self.ask(struct.pack(
                ">HIII", 0xc1, 14, 0x15, n))[HEADER:] for n in range(24)}}
        answer = self.ask(struct.pack(">HIIIII", 0x8001, 22, 0x17a, 5, 0, 64))
        at, banks = 19, {}
        for _ in range(struct.unpack(">I", answer[15:19])[0]):
            alg, size = struct.unpack(">HB", answer[at:at + 3])
            if any(answer[at + 3:at + 3 + size]):
                banks[alg] = {}
            at += 3 + size
        for alg, values in banks.items():
            for n in range(24):
                answer = self.ask(struct.pack(
                    ">HIIIHB", 0x8001, 20, 0x17e, 1, alg, 3)
                    + (1 << n).to_bytes(3, "little"))
                values[n] = answer[-BANKS[alg][1]:]
        return {BANKS[alg][0]: values for alg, values in banks.items()}


def untouched(_n, _code, answer):
    return answer


def sized(data):
    """data with its own length in the header."""
    return data[:2] + struct.pack(">I", len(data)) + data[6:]


def error(code):
    return struct.pack(">HII", 0x8001, HEADER, code)


# ------------------------------------------------------------ kinds of faults

def silent(_n, _code, _answer):
    return None


def garbage(n, _code, answer):
    body = bytes((i * 37 + n * 11 + 5) & 0xff for i in range(len(answer)))
    return sized(body)


def all_failure(_n, _code, _answer):
    return error(0x101)             # TPM_RC_FAILURE


def silent_from(number):
    return lambda n, _code, answer: None if n >= number else answer


def fail_code(ordinal, rc):
    """One ordinal fails."""
    return lambda _n, code, answer: error(rc) if code == ordinal else answer


def truncated(ordinal):
    """Answers of one ordinal end in the middle, with a matching size."""
    return lambda _n, code, answer: (
        sized(answer[:(HEADER + len(answer)) // 2])
        if code == ordinal else answer)


def stuffed(ordinal, at, value):
    """A field of one ordinal's answers lies."""
    def spoil(_n, code, answer):
        if code == ordinal and len(answer) >= at + len(value):
            return answer[:at] + value + answer[at + len(value):]
        return answer
    return spoil


def retry_first(times):
    """TPM_RC_RETRY for the first commands of each ordinal."""
    seen = {}

    def refuse(code):
        seen[code] = seen.get(code, 0) + 1
        return error(0x922) if seen[code] <= times else None

    def spoil(_n, _code, answer):
        return answer

    spoil.refuse = refuse
    return spoil

"""A proxy between a client and a daemon that sees whole DCE/RPC packets, and may change them."""
import contextlib
import socket
import struct
import threading

REQUEST, BIND, ALTER = 0, 11, 14
HEADER_SIGNING = 0x04


def split(data):
    """The whole PDUs at the front of data, and the rest."""
    pdus = []
    while len(data) >= 16 and len(data) >= struct.unpack_from("<H", data, 8)[0]:
        length = struct.unpack_from("<H", data, 8)[0]
        pdus.append(data[:length])
        data = data[length:]
    return pdus, data


def is_signed(pdu):
    """A request with a trailer."""
    return pdu[2] == REQUEST and struct.unpack_from("<H", pdu, 10)[0] > 0


def without_trailer(pdu):
    """A signed request as it would be without."""
    if not is_signed(pdu):
        return [pdu]
    trailer = len(pdu) - struct.unpack_from("<H", pdu, 10)[0] - 8
    end = trailer - pdu[trailer + 2]
    return [pdu[:8] + struct.pack("<HH", end, 0) + pdu[12:end]]


def without_header_signing(pdu):
    """As if whoever logs in had not asked for it."""
    return [pdu[:3] + bytes([pdu[3] & ~HEADER_SIGNING]) + pdu[4:] if pdu[2] in (BIND, ALTER) else pdu]


class Between(threading.Thread):
    """Passes one connection of listener's on to what there() connects to then: a daemon does not wait for a bind for as
    long as a client may take to begin. What the client sends goes through change(pdu) -> pdus. When it has said all, what
    after(sent) gives follows."""

    def __init__(self, listener, there, change=lambda pdu: [pdu], after=lambda sent: []):
        super().__init__(daemon=True)
        self.change, self.after = change, after
        self.sent, self.answers = [], []
        self.listener, self.connect, self.there = listener, there, None
        self.listener.settimeout(60)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        here, _ = self.listener.accept()
        self.there = self.connect()
        back = threading.Thread(target=self.pass_back, args=(here,), daemon=True)
        back.start()
        data = b""
        with contextlib.suppress(OSError):
            while got := here.recv(65536):
                pdus, data = split(data + got)
                for pdu in pdus:
                    self.sent.append(pdu)
                    self.there.sendall(b"".join(self.change(pdu)))
        with contextlib.suppress(OSError):
            self.there.sendall(b"".join(self.after(self.sent)))
            self.there.shutdown(socket.SHUT_WR)
        back.join(60)
        here.close()

    def pass_back(self, here):
        data = b""
        with contextlib.suppress(OSError):
            while got := self.there.recv(65536):
                pdus, data = split(data + got)
                self.answers += pdus
                with contextlib.suppress(OSError):
                    here.sendall(got)
        with contextlib.suppress(OSError):
            here.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.join(60)
        self.listener.close()
        if self.there is not None:
            self.there.close()

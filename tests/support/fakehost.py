"""A KMS host made by hand, for a relay to talk to: its syntax, byte order and fragments are the test's to choose,
and so are its faults. It answers through a real host, and keeps every byte array that it got and gave."""
import contextlib
import socket
import struct
import threading

from rpc_pdu import (BIND, BIND_ACK, FAULT, FIRST, LAST, LITTLE, NDR, NDR64, REQUEST, RESPONSE, order, pdu, read_pdu,
                     syntax)

ACCEPTED, REJECTED = (0, 0), (2, 2)


def array_of(stub, wide):
    """The byte array of a little-endian request; nothing but padding may follow."""
    if wide:
        size, maximum = struct.unpack_from("<I4xQ", stub)
        at = 16
    else:
        size, maximum = struct.unpack_from("<II", stub)
        at = 8
    assert size == maximum and len(stub) - at - size in range(8)
    return stub[at:at + size]


def answer_stub(message, result, *, wide=False, drep=LITTLE, size=None):
    """The output parameters; size may lie about the array."""
    mark = order(drep)
    size = len(message) if size is None else size
    pointer = 0x20000 if message else 0
    head = struct.pack(mark + ("I4xQ" if wide else "II"), size, pointer)
    if message:
        head += struct.pack(mark + ("Q" if wide else "I"), size) + message + bytes(-len(message) % 4)
    return head + struct.pack(mark + "I", result)


def fragments_of(stub, call_id, drep, size):
    """A response in fragments of at most size bytes of stub."""
    parts = [stub[i:i + size] for i in range(0, len(stub), size)] or [b""]
    last = len(parts) - 1
    return b"".join(
        pdu(RESPONSE, struct.pack(order(drep) + "IHH", len(stub) - i * size, 0, 0) + part,
            (FIRST if i == 0 else 0) | (LAST if i == last else 0), call_id=call_id, drep=drep)
        for i, part in enumerate(parts))


def reset(sock):
    """Closes with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Call:
    """One request that a misbehaving host got; its parts are sent as the test likes."""

    def __init__(self, host, sock, call_id, wide, message):
        self.host, self.sock, self.call_id, self.wide, self.message = host, sock, call_id, wide, message

    def stub(self, **lies):
        message, result = self.host.answer(self.message)
        return answer_stub(message, result, wide=self.wide, drep=self.host.drep, **lies)

    def response(self, stub):
        return fragments_of(stub, self.call_id, self.host.drep, self.host.fragment)

    def fault(self, status):
        return pdu(FAULT, struct.pack("<IHHII", 0, 0, 0, status, 0), call_id=self.call_id)


class FakeHost:
    """Listens until it is closed. on_call(Call) replaces the proper answer; on_bind(sock) the proper ack."""

    def __init__(self, answer, *, wide=True, drep=LITTLE, fragment=5800, on_call=None, on_bind=None,
                 listen="127.0.0.1"):
        self.answer, self.wide, self.drep, self.fragment = answer, wide, drep, fragment
        self.on_call, self.on_bind = on_call, on_bind
        self.got, self.gave = [], []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.open = set()
        self.accepted = 0
        wide_address = ":" in listen
        self.listener = socket.create_server((listen, 0), family=socket.AF_INET6 if wide_address else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.address = f"[{listen}]:{self.port}" if wide_address else f"{listen}:{self.port}"
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.closing.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for sock in self.open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(timeout=30)

    def _accept(self):
        while not self.closing.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(sock)
                self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(sock,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        try:
            with contextlib.suppress(OSError, AssertionError):
                self._converse(sock)
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def _ack(self, data):
        """Takes the first context whose syntax is ours; the others are rejected."""
        count, at, results, chosen = data[24], 28, [], None
        for _ in range(count):
            number, transfer = struct.unpack_from("<H", data, at)[0], data[at + 24:at + 44]
            mine = transfer == syntax(NDR64) and self.wide or transfer == syntax(NDR) and not self.wide
            if mine and chosen is None:
                chosen = number, transfer
                results.append(ACCEPTED + (transfer,))
            else:
                results.append(REJECTED + (bytes(20),))
            at += 44
        mark = order(self.drep)
        body = struct.pack(mark + "HHIH", 5840, 5840, 77, 0) + b"\0\0" + bytes([len(results), 0, 0, 0])
        for result, reason, transfer in results:
            body += struct.pack(mark + "HH", result, reason) + self._uuid(transfer)
        return pdu(BIND_ACK, body, call_id=struct.unpack_from("<I", data, 12)[0], drep=self.drep)

    def _uuid(self, transfer):
        if transfer == bytes(20):
            return transfer
        return syntax(NDR64 if self.wide else NDR, self.drep)

    def _converse(self, sock):
        stub = b""
        while data := read_pdu(sock):
            if data[2] == BIND and self.on_bind is not None:
                self.on_bind(sock)
            elif data[2] == BIND:
                sock.sendall(self._ack(data))
            elif data[2] == REQUEST:
                stub += data[24:]
                if data[3] & LAST:
                    self._call(sock, struct.unpack_from("<I", data, 12)[0], stub)
                    stub = b""

    def _call(self, sock, call_id, stub):
        call = Call(self, sock, call_id, self.wide, array_of(stub, self.wide))
        with self.lock:
            self.got.append(call.message)
        if self.on_call is not None:
            self.on_call(call)
            return
        message, result = self.answer(call.message)
        with self.lock:
            self.gave.append(message)
        sock.sendall(call.response(answer_stub(message, result, wide=self.wide, drep=self.drep)))

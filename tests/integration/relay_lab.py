"""A gateway of one realm, its clients of another, and what stands between two daemons."""
import contextlib
import socket
import struct
import threading

import kms_model as model
from kms_lab import Clients
from lab import wait_for
from rpc_pdu import (BIND, BIND_ACK, FAULT, LAST, LITTLE, NDR, NDR64, REQUEST, RESPONSE, activation_stub, answer_of,
                     bind_pdu, context, read_pdu, request, syntax)

UNAVAILABLE, TOO_BUSY = 0x6BA, 0x1C010014
NOT_SERVED = 0xC004F042
PATIENT = {"relay.patience": "60s", "relay.attempt": "30s"}  # a slow machine is no upstream that failed
QUICK = {"relay.patience": "10s", "relay.attempt": "2s", "relay.check": "1s"}


class Gateway:
    """adbad of realm A with upstreams, clients of both realms."""

    def __init__(self, lab, other, *upstreams, name="a", **options):
        self.daemon = lab.daemon(name, options={"relay.upstream": ", ".join(upstreams), **PATIENT, **options})
        lab.install_hostkey(self.daemon)
        self.own = Clients(lab, self.daemon.port)
        self.foreign = Clients(other, self.daemon.port)

    def status(self):
        return self.daemon.ctl("relay", "status", "--json").json

    def upstream(self, number=0):
        return self.status()["upstreams"][number]

    def wait_state(self, state, number=0):
        wait_for(lambda: self.upstream(number)["state"] == state, f"upstream {number} is {state}")
        return self

    def relayed(self, count):
        """The ledger's rows, oldest first, once there are so many."""
        def rows():
            found = self.daemon.ctl("relay", "list", "--json", "--limit", "0").json["relayed"]
            return found if len(found) >= count else None
        return wait_for(rows, f"{count} rows of the relay")[::-1]


@contextlib.contextmanager
def bound(port, transfer=NDR, drep=LITTLE, source="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as s:
        s.sendall(bind_pdu([context(0, transfers=(transfer,), drep=drep)], drep=drep))
        assert read_pdu(s)[2] == BIND_ACK
        yield s


def response_of(sock):
    """The stub of a response in however many fragments, or a fault's status, or None for a close."""
    stub = b""
    while True:
        data = read_pdu(sock)
        if not data:
            return None
        if data[2] == FAULT:
            return struct.unpack_from("<I", data, 24)[0]
        assert data[2] == RESPONSE
        stub += data[24:]
        if data[3] & LAST:
            return stub


def outcome(gateway, message=None):
    """What a client of realm B gets: "served", a result, ("fault", status) or "closed"."""
    message = message or gateway.foreign.seal()
    with bound(gateway.daemon.port) as s:
        s.sendall(request(activation_stub(message)))
        got = response_of(s)
    if got is None:
        return "closed"
    if isinstance(got, int):
        return "fault", got
    data, result = answer_of(got)
    if result:
        return result
    model.open_response(gateway.foreign.keys, message, data)
    return "served"


class Tap:
    """Stands between two daemons, or a client and a daemon, and keeps the stubs of the calls that pass. PDUs go on as
    they came, or as change(pdu) gives them; if that gives less the connection ends there."""

    def __init__(self, port, change=lambda data: data):
        self.port, self.change = port, change
        self.stubs, self.pdus = {REQUEST: b"", RESPONSE: b""}, {REQUEST: 0, RESPONSE: 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.own_port}"
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(timeout=30)

    def take(self):
        """(request's stub, its fragments, response's stub, its fragments) since the last time."""
        taken = tuple(kept[kind] for kind in (REQUEST, RESPONSE) for kept in (self.stubs, self.pdus))
        self.stubs, self.pdus = {REQUEST: b"", RESPONSE: b""}, {REQUEST: 0, RESPONSE: 0}
        return taken

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.port))
                except OSError:
                    near.close()
                    continue
                for ends in ((near, far), (far, near)):
                    self.threads.append(threading.Thread(target=self._pass_on, args=ends))
                    self.threads[-1].start()

    def _pass_on(self, source, to):
        with contextlib.suppress(OSError, AssertionError):
            while data := read_pdu(source):
                if data[2] in self.stubs:
                    self.stubs[data[2]] += data[24:]
                    self.pdus[data[2]] += 1
                changed = self.change(data)
                to.sendall(changed)
                if len(changed) < len(data):
                    break
        for sock in (source, to):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def without_ndr64(data):
    """A bind that offers NDR 2.0 alone, and another syntax that nobody knows."""
    return data.replace(syntax(NDR64), bytes(20)) if data[2] == BIND else data

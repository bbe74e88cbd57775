"""RequestActivation in packets made by hand, and what comes back in words that tests compare."""
import socket
import struct
import uuid

import kms_model as model
from kms_lab import Clients
from rpc_pdu import (ALTER_RESP, BIND_ACK, BIND_NAK, DID_NOT_EXECUTE, FAULT, RESPONSE, activation_stub, answer_of,
                     request)


def nak(reason):
    return "nak", reason


def fault(status, call_id=2, flags=DID_NOT_EXECUTE, number=0):
    return "fault", hex(status), call_id, flags, number


def served(call_id=2):
    return "served", call_id


def refused(result, call_id=2):
    return "refused", hex(result), call_id


ACK = ("ack", (0, 0))


class RawClient:
    """Activations in hand-made packets, of a daemon that has a host key for them, and what answers mean."""

    def __init__(self, lab, **options):
        self.daemon = lab.daemon(**options)
        lab.install_hostkey(self.daemon)
        self.clients = Clients(lab, self.daemon.port)
        self.sealed = {}
        self.client_id = None  # of the last message

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.daemon.port), timeout=30)

    def message(self, call_id=2, wide=False):
        """A sealed request, whose answer is expected under this call id."""
        self.client_id = uuid.uuid4()
        sealed = self.clients.seal(major=4, client_id=self.client_id)
        self.sealed.setdefault(call_id, []).append((sealed, wide))
        return sealed

    def stub(self, call_id=2, **fields):
        return activation_stub(self.message(call_id, fields.get("wide", False)), **fields)

    def call(self, call_id=2, *, wide=False, **fields):
        """A whole request that will be served."""
        drep = fields.get("drep", b"\x10\0\0\0")
        return request(self.stub(call_id, wide=wide, drep=drep), call_id, **fields)

    def meaning(self, data):
        """An answer in the words of the tables below."""
        ptype, flags, call_id = data[2], data[3], struct.unpack_from("<I", data, 12)[0]
        if ptype == BIND_NAK:
            return nak(struct.unpack_from("<H", data, 16)[0])
        if ptype == FAULT:
            number, status = struct.unpack_from("<HxxI", data, 20)
            return fault(status, call_id, flags & DID_NOT_EXECUTE, number)
        if ptype == RESPONSE:
            return self.opened(call_id, data[24:])
        assert ptype in (BIND_ACK, ALTER_RESP)
        at = 26 + struct.unpack_from("<H", data, 24)[0]
        at += -at % 4
        return "ack", *(struct.unpack_from("<HH", data, at + 4 + 24 * i) for i in range(data[at]))

    def opened(self, call_id, stub):
        sealed, wide = self.sealed[call_id].pop(0)
        message, result = answer_of(stub, wide)
        if result != 0:
            return refused(result, call_id)
        assert model.open_response(self.clients.keys, sealed, message).count >= 1
        return served(call_id)

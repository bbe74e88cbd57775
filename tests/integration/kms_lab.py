"""KMS clients for tests that are about something else: impacket's RPC and the Python model."""
import csv
import io
import socket
import struct
import subprocess
import uuid

import kms_model as model
from kms_impacket import Connection

WINDOWS = uuid.UUID("55c92734-d682-4d71-983e-d6ec3f16059f")
OFFICE = uuid.UUID("0ff1ce15-a989-479d-af46-f275c6370663")


def product_ids(lab, product, edition):
    """The ids of one product, as fields of model.Request."""
    out = subprocess.run([lab.program("catalog_dump"), "products"], check=True, timeout=30,
                         capture_output=True).stdout.decode()
    for row in csv.DictReader(io.StringIO(out)):
        if (row["product"], row["edition"]) == (product, edition):
            return {"application_id": uuid.UUID(row["application_id"]),
                    "activation_id": uuid.UUID(row["activation_id"]),
                    "kms_id": uuid.UUID(row["kms_id"]),
                    "required_count": int(row["n_policy"])}
    raise AssertionError(f"catalog_dump names no {product} {edition}")


BIND = 11
REQUEST = 0


def pdu(ptype, body=b"", flags=3, frag_length=None, call_id=1):
    """One PDU by hand (C706 12.6), for what no RPC library would send."""
    length = 16 + len(body) if frag_length is None else frag_length
    return struct.pack("<BBBBIHHI", 5, 0, ptype, flags, 0x10, length, 0, call_id) + body


def bind_pdu():
    """A bind to the activation interface with NDR 2.0."""
    activation = uuid.UUID("51c82175-844e-4750-b0d8-ec255555bc06").bytes_le + struct.pack("<HH", 1, 0)
    ndr = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<HH", 2, 0)
    return pdu(BIND, struct.pack("<HHIBBHHBB", 5840, 5840, 0, 1, 0, 0, 0, 1, 0) + activation + ndr)


def request_pdu(message, call_id=2):
    """RequestActivation with a sealed message."""
    stub = struct.pack("<II", len(message), len(message)) + message
    return pdu(REQUEST, struct.pack("<IHH", len(stub), 0, 0) + stub, call_id=call_id)


def read_pdu(sock):
    """The next PDU, or b"" if the peer closed before it (impacket would wait for ever)."""
    data = b""
    while len(data) < 10 or len(data) < struct.unpack_from("<H", data, 8)[0]:
        part = sock.recv(8192)
        if not part:
            assert data == b""
            return b""
        data += part
    return data


class Clients:
    """Simple clients of one daemon's realm, each request from a new machine unless told."""

    def __init__(self, lab, port, product="Windows 11", edition="Enterprise", bundle=None):
        self.port = port
        self.ids = product_ids(lab, product, edition)
        self.keys = model.Keys.from_bundle(bundle or lab.bundle)

    def connect(self):
        return Connection("127.0.0.1", self.port)

    def seal(self, **fields):
        """A sealed request."""
        return model.seal_request(self.keys, model.Request(**{**self.ids, **fields}))

    def ask(self, connection=None, **fields):
        """One activation; returns (answer or None, result)."""
        sealed = self.seal(**fields)
        if connection is not None:
            data, result = connection.call(sealed)
        else:
            with self.connect() as own:
                data, result = own.call(sealed)
        return (model.open_response(self.keys, sealed, data) if data else None), result

    def count(self, **fields):
        """One activation that must be answered; returns the count it was told."""
        answer, result = self.ask(**fields)
        assert result == 0
        return answer.count

    def is_left_unanswered(self, **fields):
        """One activation: True if the connection was closed without an answer to it."""
        sealed = self.seal(**fields)
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
            s.sendall(bind_pdu())
            assert read_pdu(s)[2] == 12  # bind_ack
            s.sendall(request_pdu(sealed))
            return read_pdu(s) == b""

"""KMS clients for tests that are about something else: impacket's RPC and the Python model."""
import collections
import csv
import io
import json
import os
import socket
import subprocess
import threading
import uuid

import kms_model as model
from kms_impacket import Connection
from lab import wait_for
from ledger_model import Ledger
from rpc_pdu import bind_pdu, read_pdu, request_pdu

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


Told = collections.namedtuple("Told", "cmid host count")


class Callers:
    """So many clients at a time, each a new machine once it was answered. ask(CMID) gives which host answered, and the
    count that it told; what it raises ends the test."""

    def __init__(self, number, ask):
        self.ask, self.told, self.failures = ask, [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._go_on) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def _go_on(self):
        while not self.stop.is_set():
            cmid = uuid.uuid4()
            try:
                host, count = self.ask(cmid)
            except Exception as e:  # pylint: disable=broad-except
                self.failures.append(f"{type(e).__name__} {e}")
                return
            self.told.append(Told(cmid, host, count))

    def wait_for_more(self, number, what):
        had = len(self.told)
        wait_for(lambda: self.failures or len(self.told) >= had + number, what)
        assert not self.failures, self.failures

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures


def check_ledger(host, told, cut_off):
    """A host's ledger is whole, each row has the count that the rows before it give, and what clients were told is
    there; besides that at most so many whose answers were cut off."""
    assert host.ctl("ledger", "check").code == 0
    exported = [json.loads(line) for line in host.ctl("ledger", "export").out.splitlines()]
    assert {(t.cmid, t.count) for t in told} <= {(uuid.UUID(row["client_id"]), row["count"]) for row in exported}
    ledger = Ledger(os.path.join(host.folder, "state", "ledger.db"))
    assert ledger.is_intact()
    cmids = [uuid.UUID(bytes_le=row.client_id) for row in ledger.read_on()]
    assert 0 <= len(cmids) - len(told) <= cut_off
    assert len(cmids) == ledger.answered() == host.status()["totals"]["answered"]
    assert host.status()["applications"][0]["count"] == min(len(set(cmids)), 50)

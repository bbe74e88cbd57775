"""A domain controller that stops answering in the middle of everything: KMS does not wait for it."""
import socket
import struct

import pytest

import kms_model as model
from kms_lab import Clients
from lab import Lab, wait_for
from rpc_pdu import bind_pdu, read_pdu, request_pdu
from sambalab import ACCOUNT, DOMAIN, SambaLab

ACTIVATIONS = 1000
CONNECTIONS = 4
BIND_ACK, RESPONSE = 12, 2


@pytest.fixture(scope="module")
def frozen_later():
    """A domain with one controller, and a KMS host beside it whose directory calls may take five minutes."""
    with SambaLab("one") as ad:
        keytab = ad.prepare()[1]
        settings = {"uri": ad.dc1.uri, "mechanism": "gssapi", "keytab": keytab, "principal": ACCOUNT,
                    "lab_forest": DOMAIN, "timeout": "300s", "retry": "1s", "sync_interval": "1h"}
        with Lab(prefix=ad.client.enter(), directory=lambda: settings) as lab:
            yield ad, lab


def ask(daemon, command):
    answer = daemon.ask(command)
    assert answer["ok"], answer
    return answer


def membership(daemon):
    return ask(daemon, "membership.status")["status"]


def readings_ended(daemon):
    return membership(daemon)["sync"]


def connect(port):
    """A connection that stays open, bound to the activation interface."""
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.sendall(bind_pdu())
    assert read_pdu(s)[2] == BIND_ACK
    return s


def activate(clients, connection):
    """One activation of a new machine on an open connection; the count that it was told."""
    sealed = clients.seal()
    connection.sendall(request_pdu(sealed))
    answer = read_pdu(connection)
    assert answer[2] == RESPONSE
    size, _, _ = struct.unpack_from("<3I", answer, 24)
    return model.open_response(clients.keys, sealed, answer[36:36 + size]).count


def activate_many(clients):
    """ACTIVATIONS of them, by turns on CONNECTIONS; the counts that were told."""
    open_ones = [connect(clients.port) for _ in range(CONNECTIONS)]
    try:
        return [activate(clients, open_ones[i % CONNECTIONS]) for i in range(ACTIVATIONS)]
    finally:
        for s in open_ones:
            s.close()


def test_a_thousand_activations_are_answered_while_a_directory_call_waits_for_a_frozen_controller(frozen_later):
    ad, lab = frozen_later
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    daemon.wait_log("directory .* is up")
    wait_for(lambda: readings_ended(daemon) > 0, "the computer accounts are read")
    ad.dc1.freeze()
    try:
        reading = ask(daemon, "membership.sync")["sync"]
        told = ad.client.inside(lambda: activate_many(Clients(lab, daemon.port)))
        # All have their answers, and only now the directory may give its own.
        assert readings_ended(daemon) < reading
        answered = len(daemon.log())
    finally:
        ad.dc1.resume()
    wait_for(lambda: readings_ended(daemon) >= reading, "the reading ends", 90)
    assert told[:60] == [min(i, 50) for i in range(1, 61)] and set(told[60:]) == {50}
    assert daemon.log()[:answered].count(": answered, count ") == ACTIVATIONS
    assert "not usable" not in daemon.log() and "could not be read" not in daemon.log()
    assert membership(daemon)["failed"] == 0
    assert daemon.status()["directory"]["state"] == "up"

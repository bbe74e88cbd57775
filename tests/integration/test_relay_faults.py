"""What happens to a gateway's clients, and to what the ledgers say, while real hosts and DNS die, freeze, restart and
come back: daemons of two realms, clients of the second ask at the first."""
import contextlib
import os
import signal
import socket
import threading
import uuid

import pytest

import procfs
from dnsmasq import Dns
from kms_lab import Callers, check_ledger
from lab import Lab, wait_for
from ledger_model import Ledger
from relay_lab import QUICK, UNAVAILABLE, Gateway, Tap, bound, outcome, response_of
from rpc_pdu import RESPONSE, activation_stub, request

CLIENTS = 4
# Who is dead is known at once; a machine that is slow is not dead.
STEADY = {"relay.patience": "30s", "relay.attempt": "10s", "relay.check": "1s"}
REAL_TIME = {"lab.enabled": None, "lab.clock": None}


@pytest.fixture(name="other")
def realm_b():
    with Lab(realm="B") as b:
        yield b


@pytest.fixture(name="pair")
def hosts_of_realm_b(other):
    """Each tells its clients another interval, by which an answer shows whose it is."""
    hosts = [other.daemon(f"b{n}", options={**REAL_TIME, "kms.activation_interval": f"{n}h"}) for n in (1, 2)]
    for host in hosts:
        other.install_hostkey(host)
    return hosts


def recorded(host):
    """The CMIDs of a host's rows, in their order."""
    return [uuid.UUID(bytes_le=row.client_id)
            for row in Ledger(os.path.join(host.folder, "state", "ledger.db")).read_on()]


# -- one host --

@pytest.mark.parametrize("another", [True, False])
def test_a_host_killed_in_the_middle_of_its_answer(lab, other, pair, another):
    """It had recorded what it was about to say. The client is served by the other host, or told to ask elsewhere."""
    cmid = uuid.uuid4()

    def killed(data):
        if data[2] != RESPONSE:
            return data
        pair[0].kill()
        return data[:len(data) // 2]

    with Tap(pair[0].port, killed) as tap:
        upstreams = [tap.address] + [pair[1].address] * another
        gateway = Gateway(lab, other, *upstreams, **STEADY)
        result = outcome(gateway, gateway.foreign.seal(major=4, client_id=cmid))
        assert result == ("served" if another else ("fault", UNAVAILABLE))
        gateway.daemon.stop()
    rows = gateway.daemon.ctl("relay", "list", "--json").json["relayed"]
    assert [(r["client_id"], r["upstream"]) for r in rows] == [(str(cmid), pair[1].address)] * another
    pair[0].start()
    assert [recorded(host) for host in pair] == [[cmid], [cmid] * another]


def test_the_only_host_frozen_and_thawed(lab, other, pair):
    gateway = Gateway(lab, other, pair[0].address, **QUICK)
    assert outcome(gateway) == "served"
    procfs.stop(pair[0].process.pid)
    try:
        results = []
        clients = [threading.Thread(target=lambda: results.append(outcome(gateway))) for _ in range(4)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            assert gateway.own.count() >= 1  # who asks this realm does not notice
        assert results == [("fault", UNAVAILABLE)] * 4
    finally:
        pair[0].process.send_signal(signal.SIGCONT)
    wait_for(lambda: outcome(gateway) == "served", "it is asked again")


# -- what the gateway itself lacks --

def test_what_is_relayed_needs_no_ledger(lab, other, pair):
    gateway = Gateway(lab, other, pair[0].address, **STEADY)
    path = os.path.join(gateway.daemon.folder, "state", "ledger.db")
    os.rename(path, path + ".away")
    gateway.daemon.wait_log("not recorded and therefore not answered")
    assert gateway.own.is_left_unanswered()
    assert outcome(gateway) == "served"
    os.rename(path + ".away", path)
    gateway.daemon.wait_log("the ledger is back")
    assert gateway.own.count() == 1


def test_a_gateway_without_descriptors_blames_no_upstream(lab, other, pair):
    gateway = Gateway(lab, other, pair[0].address, **{**STEADY, "relay.check": "1h"}).wait_state("up")
    message = gateway.foreign.seal()
    with bound(gateway.daemon.port) as s, procfs.without_more_descriptors(gateway.daemon.process.pid):
        s.sendall(request(activation_stub(message)))
        assert response_of(s) == UNAVAILABLE
    assert "too many open files" in gateway.daemon.wait_log("relay-failed: .*").group(0)
    assert (gateway.upstream()["state"], gateway.upstream()["failed"]) == ("up", 0)
    assert outcome(gateway, message) == "served"


# -- DNS --

@contextlib.contextmanager
def mute(port):
    """Questions are taken, and that is all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))
        yield


@pytest.mark.parametrize("down", [mute, contextlib.nullcontext])
def test_without_dns_from_the_start_clients_get_a_fault_in_time_and_are_served_once_it_is_there(lab, other, pair, down):
    dns = Dns(lab.folder)
    try:
        with down(dns.port):
            gateway = Gateway(lab, other, "auto", **{"relay.domain": "lab.example",
                                                     "relay.dns_server": f"127.0.0.1:{dns.port}", **QUICK})
            assert outcome(gateway) == ("fault", UNAVAILABLE)  # and nobody has answered
            assert gateway.own.count() == 1
            gateway.daemon.wait_log(r"\[relay\] upstream = auto: ")
        dns.serve(f"--srv-host=_vlmcs._tcp.lab.example,kms.lab.example,{pair[0].port},0,0",
                  "--address=/kms.lab.example/127.0.0.1")
        wait_for(lambda: [u["state"] for u in gateway.status()["upstreams"]] == ["up"], "its host is found")
        assert outcome(gateway) == "served"
    finally:
        dns.stop()


# -- a site of two hosts --

def test_both_hosts_of_a_site_restarted_in_turn_under_load(lab, other, pair):
    """Everybody is served; each answer is in the ledger of the host that gave it, with the count
    that it tells; and the gateway has one row for each, which names that host."""
    gateway = Gateway(lab, other, *(f"{host.address} priority=1 weight=1" for host in pair), **STEADY)

    def ask(cmid):
        answer, result = gateway.foreign.ask(major=4, client_id=cmid)  # of this version the gateway sees the CMID
        assert (result, answer.client_id) == (0, cmid)
        return pair[answer.activation_interval // 60 - 1], answer.count

    callers = Callers(CLIENTS, ask)
    for turn, sig in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGTERM)):
        host = pair[turn % 2]
        callers.wait_for_more(20, "both serve")
        host.stop(sig)
        callers.wait_for_more(20, "the other one serves")
        host.start()
        wait_for(lambda: [u["state"] for u in gateway.status()["upstreams"]] == ["up", "up"], "both are asked again")
    callers.end()
    rows = gateway.relayed(len(callers.told))
    assert sorted((row["client_id"], row["upstream"]) for row in rows) == sorted(
        (str(told.cmid), told.host.address) for told in callers.told)
    for host in pair:
        told = [t for t in callers.told if t.host is host]
        assert told
        check_ledger(host, told, 2 * CLIENTS)  # its two ends cut off so many at most

"""The relay: clients of realm B are served through the gateway of realm A by a host of realm B."""
import contextlib
import itertools
import json
import os
import queue
import signal
import socket
import sqlite3
import struct
import threading
import uuid

import pytest

import kms_model as model
import procfs
from dnsmasq import Dns
from fakehost import FakeHost, answer_stub, array_of, fragments_of, reset
from kms_lab import Clients
from lab import Lab, free_port, wait_for
from relay_lab import (NOT_SERVED, QUICK, TOO_BUSY, UNAVAILABLE, Gateway, Tap, bound, outcome, response_of,
                       without_ndr64)
from rpc_pdu import BIG, LITTLE, NDR, NDR64, activation_stub, answer_of, fragments, request


@pytest.fixture(name="other", scope="module")
def realm_b():
    with Lab(realm="B") as b:
        yield b


@pytest.fixture(name="host", scope="module")
def host_of_realm_b(other):
    daemon = other.daemon("b", options={"lab.enabled": None, "lab.clock": None})
    other.install_hostkey(daemon)
    return daemon


@pytest.fixture(name="answer")
def answers_of_the_host(other, host):
    """What host B answers to a byte array: (array, result)."""
    def ask(message):
        with Clients(other, host.port).connect() as connection:
            return connection.call(message)
    return ask


# -- byte for byte --

WAYS = list(itertools.product((4, 5, 6), (NDR, NDR64), (LITTLE, BIG), (None, 16)))


@pytest.mark.parametrize("wide,drep,fragment", [(True, LITTLE, 5800), (False, LITTLE, 5800), (True, LITTLE, 8),
                                                (False, LITTLE, 8), (False, BIG, 5800), (True, BIG, 8)])
def test_byte_arrays_travel_unchanged(lab, other, answer, wide, drep, fragment):
    """Every version, syntax, byte order and size of fragments at the client, against each of them at the host."""
    with FakeHost(answer, wide=wide, drep=drep, fragment=fragment) as host:
        gateway = Gateway(lab, other, host.address, **{"relay.check": "1h"})
        for number, (major, transfer, order, size) in enumerate(WAYS):
            message = gateway.foreign.seal(major=major)
            stub = activation_stub(message, wide=transfer == NDR64, drep=order)
            with bound(gateway.daemon.port, transfer, order) as s:
                for part in fragments(stub, size or len(stub), drep=order):
                    s.sendall(part)
                got = response_of(s)
            assert isinstance(got, bytes), gateway.daemon.log()[-1000:]
            data, result = answer_of(got, transfer == NDR64)
            assert result == 0
            assert (host.got[number], host.gave[number]) == (message, data)
            assert model.open_response(gateway.foreign.keys, message, data).count >= 1
        assert host.accepted <= os.cpu_count() + 1  # connections are pooled: each worker's, and the health check's
        rows = gateway.relayed(len(WAYS))
        # each worker writes its own
        assert sorted((r["version"], r["size"]) for r in rows) == [(w[0], model.REQUEST_LEN[w[0]]) for w in WAYS]


@pytest.mark.parametrize("wide", [True, False])
def test_between_two_daemons_byte_arrays_are_equal_on_both_sides(lab, other, host, wide):
    """Every version, syntax and size of fragments at the client; wide: the host speaks NDR64. Who stands on either side
    sees the same arrays, and where both sides agree on syntax the same parameters."""
    with Tap(host.port, without_ndr64 if not wide else lambda data: data) as far:
        gateway = Gateway(lab, other, far.address, **{"relay.check": "1h"})
        with Tap(gateway.daemon.port) as near:
            for major, transfer, size in itertools.product((4, 5, 6), (NDR, NDR64), (None, 16)):
                message, theirs = gateway.foreign.seal(major=major), transfer == NDR64
                stub = activation_stub(message, wide=theirs)
                with bound(near.own_port, transfer) as s:
                    for part in fragments(stub, size or len(stub)):
                        s.sendall(part)
                    answer = answer_of(response_of(s), theirs)
                asked, parts, answered, _ = near.take()
                passed_on, _, came_back, _ = far.take()
                assert asked == stub and (parts > 1) == (size is not None)
                assert array_of(passed_on, wide) == message
                assert answer_of(answered, theirs) == answer_of(came_back, wide) == answer
                assert (asked == passed_on and answered == came_back) == (wide == theirs)
                model.open_response(gateway.foreign.keys, message, answer[0])
            gateway.daemon.stop()


@pytest.mark.parametrize("size", [4, 5, 260, 3000, 30000])
def test_messages_of_any_size_and_version_are_relayed_as_they_are(lab, other, size):
    """What a genuine client sends is nobody's business: any bytes after the version."""
    message = struct.pack("<HH", 0, 6) + os.urandom(size - 4)
    with FakeHost(lambda m: (m[::-1], 0x4004F040)) as host:
        gateway = Gateway(lab, other, host.address)
        with gateway.own.connect() as connection:
            assert connection.call(message) == (message[::-1], 0x4004F040)
            strange = struct.pack("<HH", 1, 9) + message
            assert connection.call(strange) == (strange[::-1], 0x4004F040)
            assert connection.call(b"\0\0\6") == (b"", 0x8007000D)  # not even a version: ours to refuse
        assert host.got == [message, strange]


def test_a_refusal_of_the_upstream_is_passed_on_with_its_result(lab, other):
    with FakeHost(lambda m: (b"", 0xC004F06C)) as host:
        gateway = Gateway(lab, other, host.address)
        assert gateway.foreign.ask() == (None, 0xC004F06C)
        (row,) = gateway.relayed(1)
        assert (row["status"], row["fault"], row["answer_size"]) == ("0xC004F06C", False, 0)


def test_own_requests_stay_here_and_counts_stay_apart(lab, other, host):
    gateway = Gateway(lab, other, host.address)
    cmid = uuid.uuid4()
    before = host.status()["totals"]["answered"]
    assert [gateway.own.count() for _ in range(3)] == [1, 2, 3]
    gateway.foreign.count(major=4, client_id=cmid, workstation="PC-B")
    gateway.foreign.count(major=6)
    assert host.status()["totals"]["answered"] == before + 2
    status = gateway.daemon.status()
    assert (status["totals"]["answered"], status["totals"]["failed"]) == (3, 0)
    assert status["applications"][0]["count"] == 3
    clear, sealed = sorted(gateway.relayed(2), key=lambda r: r["version"])
    assert (clear["workstation"], clear["client_id"], clear["product"]) == ("PC-B", str(cmid), "Windows 11")
    assert (sealed["workstation"], sealed["client_id"], sealed["product"]) == (None, None, None)
    assert {r["upstream"] for r in (clear, sealed)} == {host.address}
    assert all(r["channel"] == "relay" and r["peer"].startswith("127.0.0.1:") for r in (clear, sealed))


def test_with_only_all_nothing_is_answered_here(lab, other, host):
    gateway = Gateway(lab, other, host.address, **{"relay.only": "all"})
    assert gateway.own.ask() == (None, NOT_SERVED)  # host B does not know our realm
    assert gateway.foreign.count() >= 1
    assert gateway.daemon.status()["totals"]["answered"] == 0


def test_without_an_upstream_the_refusal_tells_how_to_configure_one(lab, other):
    daemon = lab.daemon("a")
    assert Clients(other, daemon.port).ask() == (None, NOT_SERVED)
    assert "[relay] upstream" in daemon.wait_log("0xC004F042 foreign.*").group(0)
    assert "Nothing is relayed" in daemon.ctl("relay", "status").out
    assert "[relay] upstream" in daemon.ctl("relay", "test", expect=3).err


# -- upstreams that misbehave --

def too_large(call):
    call.sock.sendall(call.response(answer_stub(bytes(70000), 0, wide=call.wide)))


def trickle(call):
    data = call.response(call.stub())
    while not call.host.closing.wait(0.2):
        call.sock.sendall(data[:1])
        data = data[1:] + b"\0"


def half_then(end):
    def half(call):
        data = call.response(call.stub())
        call.sock.sendall(data[:len(data) // 2])
        end(call)
    return half


def silent(call):
    call.host.closing.wait()


def once(go):
    def late(call):
        while not go.wait(0.1) and not call.host.closing.is_set():
            pass
        call.sock.sendall(call.response(call.stub()))
    return late


BAD = {
    "a stub cut short": lambda call: call.sock.sendall(call.response(call.stub()[:-9])),
    "a stub with a tail": lambda call: call.sock.sendall(call.response(call.stub() + bytes(64))),
    "a size that lies": lambda call: call.sock.sendall(call.response(call.stub(size=9))),
    "a size of 4 GiB": lambda call: call.sock.sendall(call.response(call.stub(size=0xFFFFFFFF))),
    "an empty stub": lambda call: call.sock.sendall(fragments_of(b"", call.call_id, call.host.drep, 1)),
    "too large": too_large,
    "one byte at a time": trickle,
    "half, then a reset": half_then(lambda call: reset(call.sock)),
    "half, then the end": half_then(lambda call: call.sock.shutdown(socket.SHUT_RDWR)),
    "half, then silence": half_then(silent),
    "silence": silent,
    "a reset": lambda call: reset(call.sock),
    "no RPC": lambda call: call.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n"),
    "another call's answer": lambda call: call.sock.sendall(call.response(call.stub()).replace(
        struct.pack("<I", call.call_id), struct.pack("<I", call.call_id + 1), 1)),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_a_bad_answer_is_a_fault_in_time_and_nobody_elses_business(lab, other, answer, what):
    with FakeHost(answer, on_call=BAD[what]) as bad:
        gateway = Gateway(lab, other, bad.address, **QUICK).wait_state("up")
        results = []
        client = threading.Thread(target=lambda: results.append(outcome(gateway)))
        client.start()
        while client.is_alive():  # others are served meanwhile
            gateway.own.count()
        assert results == [("fault", UNAVAILABLE)]  # while who is silent still is
        assert bad.got
        assert gateway.daemon.status()["connections"]["closed"].get("unanswered", 0) == 0
        assert gateway.upstream()["failed"] >= 1
        assert bad.address in gateway.daemon.wait_log("0x000006BA relay-(down|timeout): .*").group(0)


@pytest.mark.parametrize("what", ["silence", "half, then a reset", "a size that lies"])
def test_the_next_upstream_serves_when_one_misbehaves(lab, other, answer, host, what):
    with FakeHost(answer, on_call=BAD[what]) as bad:
        gateway = Gateway(lab, other, bad.address, host.address, **QUICK)
        for _ in range(5):  # three failures open the breaker
            assert outcome(gateway) == "served"
        assert len(bad.got) in (3, 4)  # the fourth: on trial
        assert gateway.status()["since_start"]["relay-answered"] == 5
        assert {r["upstream"] for r in gateway.relayed(5)} == {host.address}


def test_a_fault_is_an_answer_that_another_upstream_may_better(lab, other, answer, host):
    with FakeHost(answer, on_call=lambda call: call.sock.sendall(call.fault(0x1C010003))) as faulty:
        gateway = Gateway(lab, other, faulty.address)
        assert outcome(gateway) == ("fault", 0x1C010003)
        assert gateway.upstream()["state"] == "up"
        (row,) = gateway.relayed(1)
        assert (row["fault"], row["status"]) == (True, "0x1C010003")
        gateway = Gateway(lab, other, faulty.address, host.address, name="second")
        assert outcome(gateway) == "served"
        with FakeHost(answer, on_call=lambda call: reset(call.sock)) as broken:  # the ledger tells whose fault it is
            gateway = Gateway(lab, other, faulty.address, broken.address, name="third")
            assert outcome(gateway) == ("fault", 0x1C010003)
            assert broken.got
            (row,) = gateway.relayed(1)
            assert (row["status"], row["upstream"]) == ("0x1C010003", faulty.address)


def nak(sock):
    sock.sendall(bytes.fromhex("05000d0310000000180000000100000004000000") + b"\0\0\0\0")


@pytest.mark.parametrize("on_bind", [nak, lambda sock: sock.shutdown(socket.SHUT_RDWR), reset,
                                     lambda sock: sock.sendall(b"220 mail.example\r\n")])
def test_who_refuses_the_bind_is_down(lab, other, answer, on_bind):
    with FakeHost(answer, on_bind=on_bind) as bad:
        gateway = Gateway(lab, other, bad.address, **QUICK).wait_state("down")
        assert gateway.status()["healthy"] is False
        assert gateway.upstream()["why"]
        assert outcome(gateway) == ("fault", UNAVAILABLE)
        assert bad.got == []
        gateway.daemon.ctl("relay", "test", expect=6)


def test_a_connection_that_the_host_closed_while_idle_is_no_failure(lab, other, answer):
    with FakeHost(answer, on_call=None) as host:
        gateway = Gateway(lab, other, host.address, **{"kms.workers": "1"})
        assert outcome(gateway) == "served"
        for sock in list(host.open):
            reset(sock)
        assert outcome(gateway) == "served"
        assert gateway.upstream()["failed"] == 0


# -- hosts that die, freeze and come back --

def test_a_host_killed_under_load_costs_no_client_its_answer(lab, other, host):
    mortal = other.daemon("mortal", options={"lab.enabled": None, "lab.clock": None})
    other.install_hostkey(mortal)
    gateway = Gateway(lab, other, mortal.address, host.address, **QUICK)
    stop, results = threading.Event(), []

    def ask():
        while not stop.is_set():
            results.append(outcome(gateway))

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    wait_for(lambda: len(results) > 50, "some are served")
    mortal.kill()
    killed = len(results)
    wait_for(lambda: len(results) > killed + 100, "the other host serves")
    stop.set()
    for client in clients:
        client.join()
    assert set(results) == {"served"}
    rows = gateway.relayed(len(results))  # every answer, and nothing else, with who gave it
    assert len(rows) == len(results)
    assert {(r["status"], r["fault"]) for r in rows} == {("0x00000000", False)}
    assert {r["upstream"] for r in rows} == {mortal.address, host.address}
    mortal.start()
    gateway.wait_state("trial")
    assert outcome(gateway) == "served"
    assert gateway.upstream()["state"] == "up"


def test_a_frozen_host_is_left_for_the_next_and_found_again(lab, other, host):
    frozen = other.daemon("frozen", options={"lab.enabled": None, "lab.clock": None})
    other.install_hostkey(frozen)
    gateway = Gateway(lab, other, frozen.address, host.address, **QUICK)
    assert outcome(gateway) == "served"
    procfs.stop(frozen.process.pid)
    try:
        assert [outcome(gateway) for _ in range(6)] == ["served"] * 6
        gateway.wait_state("down")
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: outcome(gateway) == "served" and gateway.upstream()["state"] == "up", "it is asked again")


def test_the_daemon_ends_with_requests_out_queued_and_connections_pooled(lab, other, answer):
    def first_a_fault(call):
        if len(call.host.got) == 1:
            call.sock.sendall(call.fault(0x1C010003))
        else:
            silent(call)

    with FakeHost(answer, on_call=first_a_fault) as host, FakeHost(answer) as second:
        gateway = Gateway(lab, other, host.address, second.address,
                          **{"kms.workers": "1", "relay.connections": "1", "relay.check": "1h"})
        assert outcome(gateway) == "served"  # by the second: its connection is in the pool
        with bound(gateway.daemon.port) as out, bound(gateway.daemon.port) as waiting:
            out.sendall(request(activation_stub(gateway.foreign.seal())))
            wait_for(lambda: len(host.got) == 2, "the request is out")
            waiting.sendall(request(activation_stub(gateway.foreign.seal())))
            wait_for(lambda: gateway.status()["waiting"] == 1, "the other waits")
            assert gateway.daemon.stop() == 0


def test_clients_that_leave_meanwhile_harm_nobody(lab, other, answer):
    go = threading.Event()
    with FakeHost(answer, on_call=once(go)) as host:
        gateway = Gateway(lab, other, host.address)
        for number in range(4):
            with bound(gateway.daemon.port) as s:
                s.sendall(request(activation_stub(gateway.foreign.seal())))
                wait_for(lambda: len(host.got) == number + 1, "the request is out")
        go.set()
        gateway.relayed(4)
        assert outcome(gateway) == "served"


# -- limits and loops --

def test_more_than_connections_wait_and_more_than_the_queue_get_a_fault(lab, other, answer):
    go = threading.Event()
    with FakeHost(answer, on_call=once(go)) as host:
        gateway = Gateway(lab, other, host.address, **{"relay.connections": "1", "relay.queue": "4",
                                                       "kms.workers": "1", "relay.patience": "21s",
                                                       "relay.attempt": "20s"})
        results = []
        clients = [threading.Thread(target=lambda: results.append(outcome(gateway))) for _ in range(3)]
        for number, client in enumerate(clients):
            client.start()
            wait_for(lambda: (len(host.got), gateway.status()["waiting"]) == (1, number), "it is out or waits")
        assert outcome(gateway) == ("fault", TOO_BUSY)  # one address has half of the queue
        with contextlib.ExitStack() as stack:
            elsewhere = [stack.enter_context(bound(gateway.daemon.port, source=f"127.0.0.{n}")) for n in (2, 3, 4)]
            for number, s in enumerate(elsewhere):
                s.sendall(request(activation_stub(gateway.foreign.seal())))
                wait_for(lambda: gateway.status()["waiting"] == min(3 + number, 4), "it waits if it may")
            assert response_of(elsewhere[2]) == TOO_BUSY
            go.set()
            assert all(isinstance(response_of(s), bytes) for s in elsewhere[:2])
        for client in clients:
            client.join()
        assert results == ["served"] * 3
        assert gateway.status()["since_start"]["relay-busy"] == 2
        refusals = gateway.daemon.status()["totals"]["failed"]
        assert refusals == 2


def test_all_workers_together_keep_the_limit_of_connections(lab, other, answer):
    go = threading.Event()
    with FakeHost(answer, on_call=once(go)) as host:
        gateway = Gateway(lab, other, host.address, **{"relay.connections": "2", "kms.workers": "4",
                                                       "relay.check": "1h"})
        results = []
        clients = [threading.Thread(target=lambda: results.append(outcome(gateway))) for _ in range(12)]
        for client in clients:
            client.start()
        wait_for(lambda: len(host.got) + gateway.status()["waiting"] == 12, "each is out or waits")
        assert len(host.got) == 2
        go.set()
        for client in clients:
            client.join()
        assert results == ["served"] * 12


@pytest.mark.lengthy
def test_patience_ends_for_who_waits_too(lab, other, answer):
    with FakeHost(answer, on_call=silent) as host:
        gateway = Gateway(lab, other, host.address, **{"relay.connections": "1", "kms.workers": "1",
                                                       "relay.patience": "9s", "relay.attempt": "5s"})
        messages = [request(activation_stub(gateway.foreign.seal())) for _ in range(3)]
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(bound(gateway.daemon.port)) for _ in messages]
            for s, message in zip(clients, messages):
                s.sendall(message)
            assert [response_of(s) for s in clients] == [UNAVAILABLE] * 3
        totals = gateway.status()["since_start"]  # the second is asked when the first has had its attempt
        assert (totals["relay-down"], totals["relay-timeout"]) == (1, 2)


def test_silence_until_patience_ends_counts_as_a_failure(lab, other, answer):
    with FakeHost(answer, on_call=silent) as first, FakeHost(answer, on_call=silent) as second:
        gateway = Gateway(lab, other, first.address, second.address,
                          **{"relay.patience": "5s", "relay.attempt": "3s", "relay.check": "1h"})
        assert outcome(gateway) == ("fault", UNAVAILABLE)
        assert gateway.status()["since_start"]["relay-timeout"] == 1
        assert [u["failed"] for u in gateway.status()["upstreams"]] == [1, 1]


def test_who_waits_for_one_upstream_holds_nobody_up_who_waits_for_another(lab, other, answer):
    orders, go = queue.Queue(), threading.Event()

    def as_ordered(call):
        if orders.get(timeout=20) == "answer":
            call.sock.sendall(call.response(call.stub()))
        else:
            reset(call.sock)

    with FakeHost(answer, on_call=as_ordered) as first, FakeHost(answer, on_call=once(go)) as second:
        gateway = Gateway(lab, other, first.address, second.address,
                          **{"relay.connections": "1", "kms.workers": "1", "relay.check": "1h"})
        results, clients = [], []

        def ask(asked, waiting):
            clients.append(threading.Thread(target=lambda: results.append(outcome(gateway))))
            clients[-1].start()
            wait_for(lambda: (len(first.got), gateway.status()["waiting"]) == (asked, waiting), "it is out or waits")

        ask(1, 0)
        orders.put("reset")
        wait_for(lambda: second.got, "it has gone on to the second")
        ask(2, 0)
        orders.put("reset")
        wait_for(lambda: gateway.status()["waiting"] == 1, "it waits for the second")
        ask(3, 1)
        ask(3, 2)
        orders.put("answer")
        wait_for(lambda: len(first.got) == 4, "the one that waited for the first got on")
        orders.put("answer")
        go.set()
        for client in clients:
            client.join()
        assert results == ["served"] * 4


def test_a_client_that_leaves_the_queue_gives_up_its_place(lab, other, answer):
    go = threading.Event()
    with FakeHost(answer, on_call=once(go)) as host:
        gateway = Gateway(lab, other, host.address, **{"relay.connections": "1", "kms.workers": "1",
                                                       "relay.check": "1h"})
        results = []
        client = threading.Thread(target=lambda: results.append(outcome(gateway)))
        client.start()
        wait_for(lambda: host.got, "one is out")
        with bound(gateway.daemon.port) as s:
            s.sendall(request(activation_stub(gateway.foreign.seal())))
            wait_for(lambda: gateway.status()["waiting"] == 1, "one waits")
        wait_for(lambda: gateway.status()["waiting"] == 0, "its place is free")
        go.set()
        client.join()
        assert results == ["served"] and len(host.got) == 1
        assert gateway.status()["since_start"]["relay-left"] == 1
        assert gateway.daemon.status()["totals"]["failed"] == 0


def test_bytes_that_come_round_are_refused_at_once(lab, other):
    """Two gateways name each other; neither realm is the client's."""
    first, second = lab.daemon("a1", wait=False), lab.daemon("a2", wait=False)
    for daemon, upstream in ((first, second), (second, first)):
        daemon.options = {"relay.upstream": upstream.address, "relay.check": "1s",
                          "relay.patience": "120s", "relay.attempt": "60s"}  # more than this client has
        daemon.write_conf()
        daemon.start()
    for daemon in (first, second):
        daemon.wait_log("upstream .* takes calls")
    clients = Clients(other, first.port)
    with bound(first.port) as s:
        s.sendall(request(activation_stub(clients.seal())))
        assert response_of(s) == UNAVAILABLE
    first.wait_log("0x000006BA relay-loop")
    totals = [d.ctl("relay", "status", "--json").json["since_start"] for d in (first, second)]
    assert totals[0]["relay-loop"] == 1
    assert sum(t["relay-answered"] for t in totals) == 0


@pytest.mark.parametrize("listen,name", [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.9"),
                                         ("0.0.0.0", "localhost")])
def test_the_daemon_never_asks_itself(lab, other, host, listen, name):
    daemon = lab.daemon("a", wait=False)
    daemon.options = {"kms.listen": f"{listen}:{daemon.port}",
                      "relay.upstream": f"{name}:{daemon.port}, {host.address}"}
    daemon.write_conf()
    daemon.start()
    daemon.wait_log("is this daemon itself; it is left out")
    assert Clients(other, daemon.port).count() >= 1
    rows = daemon.ctl("relay", "status", "--json").json["upstreams"]
    assert [r["state"] for r in rows] == ["ourselves", "up"]
    assert rows[0]["failed"] == 0


# -- who is asked --

def test_upstreams_of_dns_are_found_and_followed(lab, other, host):
    dns = Dns(lab.folder)
    srv = "--srv-host=_vlmcs._tcp.lab.example,kms.lab.example,{},{},0"
    address = "--address=/kms.lab.example/127.0.0.1"
    try:
        dns.serve(srv.format(9, 20), address)
        gateway = Gateway(lab, other, "auto", **{"relay.domain": "lab.example", "relay.dns_server": f"127.0.0.1:{dns.port}",
                                                 **QUICK})
        gateway.wait_state("down")
        assert outcome(gateway) == ("fault", UNAVAILABLE)
        dns.serve(srv.format(9, 20), srv.format(host.port, 10), srv.format(gateway.daemon.port, 0), address)
        wait_for(lambda: [u["state"] for u in gateway.status()["upstreams"]] == ["ourselves", "up", "down"],
                 "the new records are known")
        assert outcome(gateway) == "served"
        tested = gateway.daemon.ctl("relay", "test", "--json", expect=7).json["upstreams"]
        assert sorted((t["upstream"], t["works"]) for t in tested) == sorted(
            [("kms.lab.example:9", False), (f"kms.lab.example:{host.port}", True),
             (f"kms.lab.example:{gateway.daemon.port}", True)])
        dns.stop()
        gateway.daemon.wait_log("upstream = auto: .*the upstreams that are known stay")
        assert outcome(gateway) == "served"
    finally:
        dns.stop()


@contextlib.contextmanager
def listening(host, port):
    """Connections are taken, and that is all."""
    with socket.create_server((host, port)):
        yield


def test_every_address_of_an_upstream_gets_its_share_of_an_attempt(lab, other, answer):
    dns = Dns(lab.folder)
    silent_ones = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    with FakeHost(answer) as host, contextlib.ExitStack() as stack:
        for address in silent_ones:
            stack.enter_context(listening(address, host.port))
        try:
            dns.serve(*(f"--address=/kms.lab.example/{a}" for a in ("127.0.0.1", *silent_ones)))  # told last first
            gateway = Gateway(lab, other, f"kms.lab.example:{host.port}",
                              **{"relay.dns_server": f"127.0.0.1:{dns.port}", "relay.patience": "10s",
                                 "relay.attempt": "4s", "relay.check": "1h"})
            assert outcome(gateway) == "served"
            assert gateway.upstream()["failed"] == 0
        finally:
            dns.stop()


def test_an_upstream_of_ipv6_serves(lab, other, answer):
    with FakeHost(answer, listen="::1") as host:
        gateway = Gateway(lab, other, host.address).wait_state("up")
        assert outcome(gateway) == "served"
        (row,) = gateway.relayed(1)
        assert row["upstream"] == f"[::1]:{host.port}"


def question_of(data):
    """The name and the type that a DNS query asks for."""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels), struct.unpack_from(">H", data, at + 1)[0]


def test_health_checks_do_not_wait_for_dns(lab, other, answer):
    with FakeHost(answer) as host, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        names = [f"kms{n}.lab.example priority=9" for n in range(4)]  # each costs its time
        gateway = Gateway(lab, other, f"{host.address} priority=1", *names,
                          **{"relay.dns_server": f"127.0.0.1:{mute.getsockname()[1]}"})
        wait_for(lambda: [u["state"] for u in gateway.status()["upstreams"]] == ["up"] + ["unresolved"] * 4,
                 "it was checked before the names were looked up")
        assert outcome(gateway) == "served"


def test_the_names_of_all_upstreams_are_asked_for_together(lab):
    """Whoever is asked says nothing: then each name has been asked for before one of them is asked for again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.settimeout(30)
        names = {f"kms{n}.lab.example" for n in range(4)}
        lab.daemon("a", options={"relay.upstream": ", ".join(names),
                                 "relay.dns_server": f"127.0.0.1:{mute.getsockname()[1]}"})
        asked = []
        while {name for name, _ in asked} != names:
            asked.append(question_of(mute.recv(512)))
        assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("there", [True, False])
def test_why_an_upstream_has_no_address_is_told(lab, other, there):
    """A name that is not there is another thing than a server that says nothing."""
    dns = Dns(lab.folder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        try:
            dns.serve()
            port = dns.port if there else mute.getsockname()[1]
            gateway = Gateway(lab, other, "kms.lab.example", **{"relay.dns_server": f"127.0.0.1:{port}"})
            why = gateway.wait_state("no-address").upstream()["why"]
        finally:
            dns.stop()
    reason = "the name does not exist" if there else "no DNS server answered in time"
    assert why == f"look up host kms.lab.example at 127.0.0.1:{port}: {reason}"


def test_more_records_than_are_used_are_told_of_once(lab, other):
    dns = Dns(lab.folder)

    def serve(first):
        dns.serve(*(f"--srv-host=_vlmcs._tcp.lab.example,kms.lab.example,{port},0,0" for port in range(first, first + 34)),
                  "--address=/kms.lab.example/127.0.0.1")

    try:
        serve(1)
        gateway = Gateway(lab, other, "auto", **{"relay.domain": "lab.example", "relay.dns_server": f"127.0.0.1:{dns.port}",
                                                 "relay.check": "1s"})
        told = "of the 34 records of _vlmcs._tcp.lab.example the first 32 are used"
        gateway.daemon.wait_log(told)
        assert len(gateway.status()["upstreams"]) == 32
        serve(101)  # as many others
        wait_for(lambda: int(gateway.upstream()["upstream"].rpartition(":")[2]) > 100, "they were looked up")
        assert gateway.daemon.log().count(told) == 1
    finally:
        dns.stop()


def test_rows_that_the_ledger_has_no_room_for_are_told_of(lab, other, answer):
    with FakeHost(answer) as host:
        gateway = Gateway(lab, other, host.address).wait_state("up")
        host.answer = lambda m: (m, 0)
        ledger = os.path.join(gateway.daemon.folder, "state", "ledger.db")
        with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as db, gateway.own.connect() as connection:
            db.execute("BEGIN IMMEDIATE")  # its writer waits
            numbers = itertools.count()
            wait_for(lambda: connection.call(struct.pack("<HHI", 0, 6, next(numbers)))
                     and "it was served, but the ledger is behind" in gateway.daemon.log(), "a row finds no room")
            db.execute("ROLLBACK")
        assert gateway.status()["unrecorded"] > 0


def test_weight_shares_the_load(lab, other, answer):
    with FakeHost(answer) as heavy, FakeHost(answer) as light:
        gateway = Gateway(lab, other, f"{heavy.address} priority=1 weight=9", f"{light.address} priority=1 weight=1")
        message = struct.pack("<HH", 0, 6)
        heavy.answer = light.answer = lambda m: (m, 0)
        with gateway.own.connect() as connection:
            for number in range(300):
                connection.call(message + struct.pack("<I", number))
        # 30 of 300 expected; beyond these bounds once in ten million runs
        assert 5 <= len(light.got) <= 65
        assert len(light.got) + len(heavy.got) == 300


@pytest.mark.parametrize("key,value,text", [
    ("relay.upstream", "kms1:x", "kms1.example:1688"), ("relay.upstream", "kms1, kms1:1688", "twice"),
    ("relay.upstream", "auto", "domain"), ("relay.only", "all", "upstream"), ("relay.attempt", "0s", "attempt"),
    ("relay.upstream", "kms1\nattempt = 8s", "shorter"),
])
def test_a_configuration_that_cannot_work_is_refused(lab, key, value, text):
    daemon = lab.daemon("a", wait=False)
    daemon.options = {key: value}
    daemon.write_conf()
    for words in (["--config", daemon.conf, "--check"], ["--config", daemon.conf]):
        assert text in lab.run("adbad", *words, expect=3).err


def test_the_commands_speak_to_people(lab, other, host):
    gateway = Gateway(lab, other, host.address).wait_state("up")
    assert gateway.status()["healthy"] is True
    gateway.foreign.count(major=4, workstation="PC-B")
    gateway.relayed(1)
    status = gateway.daemon.ctl("relay", "status").out
    assert host.address in status and "up" in status
    assert "takes calls (NDR64)" in gateway.daemon.ctl("relay", "test").out
    listed = gateway.daemon.ctl("relay", "list").out
    assert "PC-B" in listed and "Windows 11 Enterprise" in listed and "0x00000000" in listed


# -- what of it DNS tells --

def test_a_domain_outside_the_lab_waits_for_the_relays_first_health_check(lab):
    """Its upstream is down: nothing of the domain is asked of DNS, and the one refusal says why."""
    address = f"127.0.0.1:{free_port()}"
    daemon = lab.daemon("a", options={"relay.upstream": address, "dns.domains": "corp.example",
                                      "dns.host": "kms.corp.example"})
    daemon.wait_log("event 12293: .*no upstream of the relay is healthy")
    log = daemon.log()
    assert log.index(f"upstream {address} is down") < log.index("event 12293")
    assert "has ended yet" not in log
    wait_for(lambda: "domains" in daemon.status()["dns"], "the round has ended")
    (domain,) = daemon.status()["dns"]["domains"]
    assert (domain["domain"], domain["records"]) == ("corp.example", [])


def test_without_a_relay_a_domain_outside_the_lab_is_refused_at_once(lab):
    daemon = lab.daemon("a", options={"dns.domains": "corp.example", "dns.host": "kms.corp.example"})
    daemon.wait_log(r"event 12293: .*no relay is configured \(\[relay\] upstream\)")


def published(daemon):
    """The list of it, of a daemon that has not begun."""
    folder = os.path.join(daemon.folder, "state", "dns")
    os.mkdir(folder, mode=0o700)
    return os.path.join(folder, "dns.json")


def test_what_was_published_is_looked_after_when_no_domain_is_named_any_more(lab):
    """A file that cannot be read shows that it is: no DNS server has to be there."""
    daemon = lab.daemon("a", wait=False)
    with open(published(daemon), "w", encoding="ascii") as f:
        f.write("[]")
    daemon.start()
    why = wait_for(lambda: daemon.status()["dns"].get("why"), "a round that failed")
    assert "dns.json" in why


# Its name has a dot and is none; nobody but itself can be reached.
NAMELESS = ["unshare", "--uts", "--net", "sh", "-c",
            'echo no..name >/proc/sys/kernel/hostname && ip link set lo up && exec "$@"', "sh"]


def remember(daemon, *domains):
    """What an earlier life published."""
    records = [{"domain": d, "host": f"kms.{d}", "priority": 0, "weight": 0, "port": 1688} for d in domains]
    with open(published(daemon), "w", encoding="ascii") as f:
        json.dump({"records": records}, f)


def test_what_was_published_is_withdrawn_without_a_name_of_ones_own(lab):
    """What is to be there needs the name, what is to go does not: it is left to DNS alone, which is not there."""
    daemon = lab.daemon("a", wait=False, prefix=NAMELESS, options={
        "directory.lab_forest": "lab.example", "dns.domains": "lab.example, corp.example"})
    remember(daemon, "old.example", "corp.example")
    daemon.start()
    why = wait_for(lambda: {d["domain"]: d["why"] for d in daemon.status()["dns"].get("domains", [])}, "a round")
    assert "has no full DNS name" in why["lab.example"]
    assert "look up the zone of _vlmcs._tcp.old.example" in why["old.example"]
    assert "withdrawing what is there failed: look up the zone of _vlmcs._tcp.corp.example" in why["corp.example"]


def test_what_may_not_be_there_is_withdrawn_also_where_nothing_is_published(lab):
    """What of it may be there is left alone."""
    daemon = lab.daemon("a", wait=False, prefix=NAMELESS, options={
        "directory.lab_forest": "lab.example", "dns.domains": "lab.example, corp.example", "dns.publish": "no"})
    remember(daemon, "lab.example", "corp.example")
    daemon.start()
    daemon.wait_log("not withdrawn from corp.example: .*look up the zone of _vlmcs._tcp.corp.example")
    status = wait_for(lambda: "domains" in daemon.status()["dns"] and daemon.status()["dns"], "the round has ended")
    assert (status["action"], status["publishing"]) == ("retract", False)
    assert [(d["domain"], d["configured"], d["error"]) for d in status["domains"]] == [("corp.example", True, "refused")]
    assert status["next_in"] <= 300

"""adbad with several workers: what one connection does concerns the others whichever thread has them."""
import contextlib
import pathlib
import resource
import socket
import struct
import threading
import uuid

import pytest

from kms_raw import ACK, RawClient, served
from lab import wait_for
from load import memory
from rpc_pdu import MANAGEMENT, RESPONSE, bind_pdu, context, read_pdu, request, request_pdu

WORKERS = 4


@pytest.fixture(name="host")
def host_with_several_workers(lab):
    return RawClient(lab, options={"kms.workers": str(WORKERS), "kms.max_per_source": "1000", "log.level": "info"})


def threads(daemon):
    """Names of its threads."""
    folder = pathlib.Path(f"/proc/{daemon.process.pid}/task")
    return sorted((task / "comm").read_text(encoding="ascii").strip() for task in folder.iterdir())


def group_of(ack):
    return struct.unpack_from("<I", ack, 20)[0]


@contextlib.contextmanager
def connections(host, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(host.connect()) for _ in range(count)]


def test_hundreds_of_connections_are_served_and_counted_together(host):
    assert [t for t in threads(host.daemon) if t.startswith("net-")] == [f"net-{i}" for i in range(WORKERS)]
    with connections(host, 300) as crowd:
        for s in crowd:
            s.sendall(bind_pdu() + host.call())
        for s in crowd:
            assert host.meaning(read_pdu(s)) == ACK
            assert host.meaning(read_pdu(s)) == served()
        status = host.daemon.status()
        assert (status["connections"]["open"], status["connections"]["calls"]) == (300, 300)
        assert status["totals"]["answered"] == 300
        assert status["applications"][0]["count"] == status["applications"][0]["capacity"] == 50
    wait_for(lambda: host.daemon.status()["connections"]["closed"].get("peer-closed") == 300, "all are closed")
    assert host.daemon.stop() == 0


def test_an_association_group_is_known_to_every_worker(host):
    with connections(host, 64) as crowd:
        crowd[0].sendall(bind_pdu())
        group = group_of(read_pdu(crowd[0]))
        for s in crowd[1:]:
            s.sendall(bind_pdu(group=group))
            ack = read_pdu(s)
            assert host.meaning(ack) == ACK and group_of(ack) == group
        crowd[0].close()  # the others keep it
        with host.connect() as late:
            late.sendall(bind_pdu(group=group))
            assert host.meaning(read_pdu(late)) == ACK
    wait_for(lambda: host.daemon.status()["connections"]["open"] == 0, "all are closed")
    with host.connect() as after:
        after.sendall(bind_pdu(group=group))
        assert host.meaning(read_pdu(after)) == ("nak", 0)


def statistics(s):
    """calls in and out, packets in and out, as the management interface tells them."""
    s.sendall(request(struct.pack("<I", 4), opnum=1))
    return struct.unpack_from("<4I", read_pdu(s), 24 + 8)


def test_statistics_are_those_of_all_workers(host):
    with host.connect() as asking:
        asking.sendall(bind_pdu([context(0, MANAGEMENT)]))
        assert host.meaning(read_pdu(asking)) == ACK
        before = statistics(asking)
        with connections(host, 40) as crowd:
            for s in crowd:
                s.sendall(bind_pdu() + host.call())
            for s in crowd:
                read_pdu(s)
                assert host.meaning(read_pdu(s)) == served()
        after = statistics(asking)
    # This call and the answer to the one before, besides 40 calls in 80 packets.
    assert tuple(b - a for a, b in zip(before, after)) == (41, 41, 81, 81)


class Asking(threading.Thread):
    """Activates new machines one after the other over one connection until that ends."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host = host
        self.answered = []

    def run(self):
        with contextlib.suppress(OSError), self.host.connect() as s:
            s.sendall(bind_pdu())
            answer = read_pdu(s)
            while answer:
                cmid = uuid.uuid4()
                s.sendall(request_pdu(self.host.clients.seal(client_id=cmid)))
                answer = read_pdu(s)
                if answer:
                    assert answer[2] == RESPONSE
                    self.answered.append(str(cmid))


def test_the_end_meets_requests_on_all_workers_in_good_order(host):
    crowd = [Asking(host) for _ in range(32)]
    for t in crowd:
        t.start()
    wait_for(lambda: all(t.answered for t in crowd), "every connection has had an answer")
    assert host.daemon.stop() == 0
    for t in crowd:
        t.join(30)
        assert not t.is_alive()
    rows = host.daemon.ctl("kms", "activations", "--json", "--limit", "100000").json["activations"]
    recorded = {row["client_id"] for row in rows}
    assert {cmid for t in crowd for cmid in t.answered} <= recorded


# -- memory --

CROWD = 10_000
MIB = 1 << 20
UV_TCP = 248  # sizeof(uv_tcp_t), libuv 1.44 on 64 bits


@pytest.mark.uninstrumented
def test_ten_thousand_idle_connections_are_cheap(lab):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= CROWD + 1000, "raise the hard limit of descriptors (ulimit -Hn)"
    host = RawClient(lab, options={"kms.max_connections": "20000", "kms.idle": "1h", "log.level": "info",
                                   "kms.max_per_source": str(CROWD // 20)})
    crowd = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (CROWD + 1000, hard))
        with host.connect() as warm:
            warm.sendall(bind_pdu() + host.call())
            assert (host.meaning(read_pdu(warm)), host.meaning(read_pdu(warm))) == (ACK, served())
        before = memory(host.daemon.process.pid)
        bind = bind_pdu()
        for i in range(CROWD):
            s = socket.create_connection(("127.0.0.1", host.daemon.port), source_address=(f"127.0.0.{i % 20 + 2}", 0))
            crowd.append(s)
            s.sendall(bind)
        for s in crowd:
            assert read_pdu(s)[2] == 12
        assert host.daemon.status()["connections"]["open"] == CROWD
        after = memory(host.daemon.process.pid)
    finally:
        for s in crowd:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: host.daemon.status()["connections"]["open"] == 0, "all are closed")
    left = memory(host.daemon.process.pid)
    assert after["rss"] - before["rss"] < 28 * MIB
    assert left["anonymous"] - before["anonymous"] < (after["anonymous"] - before["anonymous"]) / 3
    assert (after["anonymous"] - before["anonymous"]) / CROWD <= 1024 + UV_TCP

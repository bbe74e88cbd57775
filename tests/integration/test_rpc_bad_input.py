"""What bad input on 1688 gets (docs/protocol/rpc.md): a row each, against a running daemon.

A row says which bytes are sent, what the answers mean, whether the connection stays, and under which reason
the daemon logs and counts it. Each row is played twice, whole and with every byte in a segment of its own, and
each time others are served before it, beside it and after it."""
import contextlib
import socket
import struct
import threading
from typing import Callable, NamedTuple

import pytest

from kms_raw import ACK, RawClient, fault, nak, refused, served
from lab import Lab, read_until_closed
from rpc_pdu import (ACTIVATION, ALTER, AUTH3, BIG, BIND, CANCEL, EBCDIC, FAULT, FIRST, FOREIGN, LAST, MPX, NDR64,
                     OBJECT, ORPHANED, PENDING_CANCEL, PING, RESPONSE, SHUTDOWN, VAX, activation_stub, bind_pdu, context,
                     fragments, pdu, read_pdu, request, send_bytewise)

pytestmark = pytest.mark.threads

PROTO_ERROR, ACCESS_DENIED, BAD_STUB = 0x1C01000B, 5, 0x6F7
OP_RANGE, UNKNOWN_IF, CANCELLED = 0x1C010002, 0x1C010003, 0x6BD
INVALID_DATA = 0x8007000D
ACTIVATION_MAX = 65536
ENDED_BY_PEERS = {("closed", "peer-closed"), ("closed", "peer-reset")}


class Row(NamedTuple):
    what: str
    data: Callable  # of the world: the bytes
    answers: list
    reason: str = ""  # "" if nothing is wrong
    closed: bool = True
    bound: bool = True  # a bind to the activation interface came before
    group: str = "rpc"  # where the reason of what stays open is counted


def unbound(*args, **kw):
    return Row(*args, bound=False, **kw)


def stays(*args, **kw):
    return Row(*args, closed=False, **kw)


def header(ptype=BIND, **fields):
    """A header alone, whose PDU would go on."""
    return pdu(ptype, **{"frag_length": 72, **fields})


AUTH = struct.pack("<BBBBI", 10, 2, 0, 0, 0) + b"none"

# -- the header, and packets out of turn --

HEADERS = [
    unbound("version 4", lambda w: header(version=(4, 0)), [nak(4)], "bad-version"),
    unbound("minor version 2", lambda w: header(version=(5, 2)), [nak(4)], "bad-version"),
    Row("version 4 after bind", lambda w: header(0, version=(4, 0)), [fault(PROTO_ERROR, 1)], "bad-version"),
    unbound("EBCDIC", lambda w: header(drep=EBCDIC), [nak(4)], "bad-version"),
    unbound("VAX floating point", lambda w: header(drep=VAX), [nak(4)], "bad-version"),
    unbound("connectionless ping", lambda w: bytes([4, PING]) + bytes(78), [nak(4)], "bad-version"),
    unbound("TLS hello", lambda w: bytes.fromhex("16030100c8010000c40303") + bytes(200), [], "not-rpc"),
    unbound("HTTP", lambda w: b"GET / HTTP/1.1\r\nHost: kms\r\n\r\n", [], "not-rpc"),
    Row("HTTP after bind", lambda w: b"GET / HTTP/1.1\r\n\r\n", [], "not-rpc"),
    unbound("frag_length 0", lambda w: header(frag_length=0), [], "bad-length"),
    unbound("frag_length 15", lambda w: header(frag_length=15), [], "bad-length"),
    unbound("frag_length below a bind's fixed part", lambda w: header(frag_length=24), [], "bad-length"),
    Row("frag_length below a request's fixed part", lambda w: header(0, frag_length=23), [], "bad-length"),
    unbound("bind with an empty body", lambda w: pdu(BIND), [], "bad-length"),
    Row("request with a body of 4 bytes", lambda w: pdu(0, bytes(4)), [], "bad-length"),
    Row("object flag without the UUID", lambda w: request(bytes(8), flags=FIRST | LAST | OBJECT), [], "bad-length"),
    unbound("packet type 20", lambda w: pdu(20), [], "bad-type"),
    Row("packet type 255 after bind", lambda w: pdu(255), [], "bad-type"),
    unbound("request before bind", lambda w: request(bytes(8)), [nak(4)], "not-bound"),
    unbound("request on context ffff before bind", lambda w: request(b"", ctx=0xFFFF), [nak(4)], "not-bound"),
    unbound("alter_context before bind", lambda w: bind_pdu(ptype=ALTER), [nak(4)], "not-bound"),
    unbound("auth3 before bind", lambda w: pdu(AUTH3, bytes(4)), [nak(4)], "not-bound"),
    unbound("cancel before bind", lambda w: pdu(CANCEL), [nak(4)], "not-bound"),
    unbound("orphaned before bind", lambda w: pdu(ORPHANED), [nak(4)], "not-bound"),
    unbound("ping of version 5", lambda w: pdu(PING), [nak(4)], "not-bound"),
    Row("response from a client", lambda w: pdu(RESPONSE, bytes(8)), [fault(PROTO_ERROR, 1)], "unexpected-pdu"),
    Row("fault from a client", lambda w: pdu(FAULT, bytes(16)), [fault(PROTO_ERROR, 1)], "unexpected-pdu"),
    Row("shutdown from a client", lambda w: pdu(SHUTDOWN), [fault(PROTO_ERROR, 1)], "unexpected-pdu"),
    Row("auth3 with nothing under way", lambda w: pdu(AUTH3, bytes(4)), [fault(PROTO_ERROR, 1)], "unexpected-pdu"),
    Row("second bind", lambda w: bind_pdu(), [nak(0)], "second-bind"),
]

# -- bind and alter_context --

BINDS = [
    unbound("more contexts counted than there are", lambda w: bind_pdu(count=2), [], "bad-pdu"),
    unbound("255 contexts counted, none there", lambda w: bind_pdu([], count=255), [], "bad-pdu"),
    unbound("more transfer syntaxes counted than there are", lambda w: bind_pdu([context(0, count=200)]), [],
            "bad-pdu"),
    unbound("padded far past its contexts", lambda w: bind_pdu(tail=bytes(16)), [fault(PROTO_ERROR, 1)], "bad-pdu"),
    unbound("no context", lambda w: bind_pdu([]), [nak(0)], "bad-bind"),
    unbound("unknown association group", lambda w: bind_pdu(group=0x7FFFFFFF), [nak(0)], "bad-group"),
    unbound("auth_length larger than the bind", lambda w: bind_pdu(auth_length=5000), [nak(4)], "bad-auth"),
    unbound("a trailer nobody serves", lambda w: bind_pdu(tail=AUTH, auth_length=4), [nak(8)], "bad-auth"),
    unbound("wrong interface version", lambda w: bind_pdu([context(0, (*ACTIVATION[:1], 2, 0))]),
            [("ack", (2, 1))], "rejected", closed=False),
    unbound("newer minor version", lambda w: bind_pdu([context(0, (*ACTIVATION[:1], 1, 1))]),
            [("ack", (2, 1))], "rejected", closed=False),
    unbound("foreign transfer syntax", lambda w: bind_pdu([context(0, transfers=(FOREIGN,))]),
            [("ack", (2, 2))], "rejected", closed=False),
    unbound("foreign interface", lambda w: bind_pdu([context(0, FOREIGN)]), [("ack", (2, 1))], "rejected", closed=False),
    unbound("100 contexts", lambda w: bind_pdu([context(i, FOREIGN if i < 3 else ACTIVATION) for i in range(100)])
            + w.call(ctx=3),
            [("ack", *[(2, 1)] * 3, (0, 0), *[(2, 2)] * 96), served()], closed=False),
    stays("contexts of one connection are capped", lambda w: b"".join(
        bind_pdu([context(i)], ALTER) for i in range(1, 41)) + w.call(ctx=31),
        [ACK] * 31 + [("ack", (2, 3))] * 9 + [served()], "rejected"),
    unbound("big-endian bind and request", lambda w: bind_pdu(drep=BIG) + w.call(drep=BIG), [ACK, served()],
            closed=False),
    stays("little-endian bind, big-endian request", lambda w: w.call(drep=BIG), [served()]),
    Row("alter_context to another syntax", lambda w: bind_pdu([context(0, transfers=(NDR64,))], ALTER),
        [fault(PROTO_ERROR, 1)], "bad-bind"),
]

# -- requests --

REQUESTS = [
    stays("truncated stub", lambda w: request(w.stub()[:40]), [fault(BAD_STUB, flags=0)], "bad-stub",
          group="refused"),
    stays("operation ffff", lambda w: w.call(opnum=0xFFFF), [fault(OP_RANGE)], "bad-opnum"),
    stays("operation 1", lambda w: w.call(opnum=1), [fault(OP_RANGE)], "bad-opnum"),
    stays("context that is not bound", lambda w: w.call(ctx=7), [fault(UNKNOWN_IF)], "unknown-context"),
    stays("context ffff", lambda w: w.call(ctx=0xFFFF), [fault(UNKNOWN_IF)], "unknown-context"),
    Row("auth_length larger than the fragment", lambda w: request(bytes(8), auth_length=9999),
        [fault(PROTO_ERROR)], "bad-auth"),
    Row("auth_length without a trailer", lambda w: request(b"", auth_length=4), [fault(PROTO_ERROR)], "bad-auth"),
    Row("a trailer nobody agreed on", lambda w: request(bytes(8) + AUTH, auth_length=4),
        [fault(ACCESS_DENIED, flags=0)], "bad-auth"),
    stays("with an object UUID", lambda w: w.call(flags=FIRST | LAST | OBJECT, uid=bytes(range(16))), [served()]),
    stays("call 0", lambda w: w.call(0), [served(0)]),
    stays("one call id twice", lambda w: w.call(9) + w.call(9), [served(9), served(9)]),
    stays("five pipelined", lambda w: b"".join(map(w.call, range(2, 7))), [served(i) for i in range(2, 7)]),
    Row("alloc_hint above 64 KiB", lambda w: w.call(hint=ACTIVATION_MAX + 1), [fault(ACCESS_DENIED, flags=0)],
        "too-large"),
    stays("alloc_hint of 64 KiB", lambda w: w.call(hint=ACTIVATION_MAX), [served()]),
    Row("begins cancelled", lambda w: w.call(flags=FIRST | LAST | PENDING_CANCEL), [fault(CANCELLED)], "cancelled"),
    stays("cancel and orphaned are hints", lambda w: w.call() + pdu(CANCEL, call_id=2) + pdu(ORPHANED, call_id=2),
          [served()]),
    *(stays(f"request_size {size} contradicts the array", lambda w, n=size: request(w.stub(size=n)),
            [fault(BAD_STUB, flags=0)], "bad-stub", group="refused") for size in (0, 1, 259, 2**31, 2**32 - 1)),
    *(stays(f"an array said to hold {size}", lambda w, n=size: request(w.stub(maximum=n)),
            [fault(BAD_STUB, flags=0)], "bad-stub", group="refused") for size in (0, 1, 269, 2**31)),
    *(stays(f"both sizes {size}, more than there is", lambda w, n=size: request(w.stub(size=n, maximum=n)),
            [fault(BAD_STUB, flags=0)], "bad-stub", group="refused") for size in (277, 2**31)),
    stays("more behind the array than padding", lambda w: request(w.stub() + bytes(8)), [fault(BAD_STUB, flags=0)],
          "bad-stub", group="refused"),
    *(stays(f"a message of {size} bytes", lambda w, n=size: request(activation_stub(w.message()[:n])),
            [refused(INVALID_DATA)], "bad-size", group="refused") for size in (0, 1, 259)),
    stays("a message of version 7", lambda w: request(activation_stub(b"\0\0\7\0" + w.message()[4:])),
          [refused(INVALID_DATA)], "bad-version", group="refused"),
]

# -- fragments --

BROKEN = fault(PROTO_ERROR, flags=0)


def halves(w, call_id=2, **last):
    """A request in two fragments; last changes fields of the second."""
    stub = w.stub(call_id)
    return [request(stub[:100], call_id, flags=FIRST, hint=len(stub)),
            request(stub[100:], call_id, **{"flags": LAST, **last})]


FRAGMENTS = [
    stays("eight bytes each", lambda w: b"".join(fragments(w.stub(), 8)), [served()]),
    stays("the last changes operation and context", lambda w: b"".join(halves(w, opnum=5, ctx=9)), [served()]),
    stays("a middle one is cancelled", lambda w: request(b"", flags=PENDING_CANCEL).join(halves(w)), [served()]),
    Row("fragment above 5840 bytes", lambda w: request(bytes(5841 - 24)), [BROKEN], "too-large"),
    Row("sum above 64 KiB", lambda w: b"".join(
        request(bytes(5000), flags=FIRST if i == 0 else 0) for i in range(14)), [fault(ACCESS_DENIED, flags=0)],
        "too-large"),
    Row("first twice", lambda w: halves(w)[0] * 2, [BROKEN], "bad-fragment"),
    Row("last without a first", lambda w: halves(w)[1], [BROKEN], "bad-fragment"),
    Row("another call between fragments", lambda w: halves(w)[0] + w.call(3), [BROKEN], "bad-fragment"),
    Row("fragments in two byte orders", lambda w: halves(w)[0] + request(bytes(8), flags=LAST, drep=BIG), [BROKEN],
        "bad-fragment"),
    unbound("interleaved with multiplexing", lambda w: bind_pdu(flags=FIRST | LAST | MPX) + b"".join(
        a + b for a, b in [halves(w, 2), halves(w, 3)][::-1]) + w.call(4),
        [ACK, served(3), served(2), served(4)], closed=False),
    unbound("17 calls begun at once", lambda w: bind_pdu(flags=FIRST | LAST | MPX) + b"".join(
        request(bytes(8), call_id, flags=FIRST) for call_id in range(2, 19)), [ACK, fault(PROTO_ERROR, 18, 0)],
        "bad-fragment"),
]

# -- a bind that is refused leaves a connection on which nothing is served --

AFTER_REJECTION = [
    unbound("request on a foreign interface", lambda w: bind_pdu([context(0, FOREIGN)]) + w.call(),
            [("ack", (2, 1)), fault(UNKNOWN_IF)], "unknown-context", closed=False),
]

ROWS = HEADERS + BINDS + REQUESTS + FRAGMENTS + AFTER_REJECTION


@pytest.fixture(scope="module", name="world")
def one_daemon_for_all_rows():
    with Lab() as lab:
        yield RawClient(lab)


def counters(world):
    """Every counter of refusals and ends that is not zero, except ends by the peers' own wish."""
    status = world.daemon.status()
    named = {("refused", k): v for k, v in status["refused"].items()}
    named.update((("closed", k), v) for k, v in status["connections"]["closed"].items())
    named.update((("rpc", k), v) for k, v in status["connections"]["rpc_refused"].items())
    return {k: v for k, v in named.items() if v and k not in ENDED_BY_PEERS}


@contextlib.contextmanager
def bound_connection(world):
    with world.connect() as s:
        s.sendall(bind_pdu())
        assert world.meaning(read_pdu(s)) == ACK
        yield s


def is_served(world, s, call_id=77):
    s.sendall(world.call(call_id))
    return world.meaning(read_pdu(s)) == served(call_id)


def answers(world, s, row):
    """The meanings of the row's answers; for one that closes, of all until it is closed."""
    if row.closed:
        data, found = read_until_closed(s), []
        while data:
            length = struct.unpack_from("<H", data, 8)[0]
            found.append(world.meaning(data[:length]))
            data = data[length:]
        return found
    return [world.meaning(read_pdu(s)) for _ in row.answers]


def log_lines(row, port):
    """What the log must say about the connection from that port."""
    if not row.reason:
        return []
    if row.closed:
        return [rf"127\.0\.0\.1:{port} closed: {row.reason}: .+"]
    if row.group == "rpc":
        return [rf"127\.0\.0\.1:{port} refused: {row.reason}: .+"]
    return [rf"activation 127\.0\.0\.1:{port}: refused, (fault )?0x[0-9A-F]{{8}} {row.reason}: .+"]


def expected_counters(row):
    if not row.reason:
        return {}
    times = len([a for a in row.answers if a == ("ack", (2, 3))]) or 1
    counted = {(row.group, row.reason): times}
    if row.closed:
        counted["closed", row.reason] = 1
    if row.what == "request on a foreign interface":
        counted["rpc", "rejected"] = 1
    return counted


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_bad_input_gets_what_the_table_says(world, row, bytewise):
    world.sealed.clear()
    with bound_connection(world) as bystander, world.connect() as s:
        before = counters(world)
        port = s.getsockname()[1]
        send = send_bytewise if bytewise else socket.socket.sendall
        if row.bound:
            send(s, bind_pdu())
            assert world.meaning(read_pdu(s)) == ACK
        try:
            send(s, row.data(world))
        except OSError:
            assert row.closed  # and what it said before is still to be read
        assert answers(world, s, row) == row.answers
        for pattern in log_lines(row, port):
            world.daemon.wait_log(pattern)
        after = counters(world)
        assert {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)} == expected_counters(row)
        world.sealed.clear()
        if not row.closed and row.bound:
            assert is_served(world, s)
        assert is_served(world, bystander)
    assert world.clients.count() >= 1


def test_a_bind_broken_off_by_the_peers_end_is_told(world):
    with world.connect() as s:
        port = s.getsockname()[1]
        s.sendall(bind_pdu()[:9])
    world.daemon.wait_log(rf"127\.0\.0\.1:{port} closed: peer-closed: in the middle of an exchange")
    assert world.clients.count() >= 1


# -- rows that need time: all at once, so that the deadline is waited for once --

def silence(_s):
    pass


def trickle(data):
    """One byte every second and a half, until the peer closes."""
    def send(s):
        s.settimeout(1.5)
        for i in range(len(data)):
            with contextlib.suppress(TimeoutError):
                assert s.recv(1, socket.MSG_PEEK) == b""
                return
            s.send(data[i:i + 1])
    return send


def trickle_fragments(s):
    """Whole fragments of a call that never ends."""
    s.settimeout(1.5)
    s.send(request(bytes(8), flags=FIRST, hint=0))
    for _ in range(100):
        with contextlib.suppress(TimeoutError):
            assert s.recv(1, socket.MSG_PEEK) == b""
            return
        s.send(request(bytes(8), flags=0))


SLOW = [
    ("silence", False, b"", silence, "bind-timeout"),
    ("partial header, then silence", False, bind_pdu()[:9], silence, "bind-timeout"),
    ("frag_length 65535, then silence", False, header(frag_length=65535), silence, "bind-timeout"),
    ("a byte every 1.5 s", False, b"", trickle(bind_pdu()), "bind-timeout"),
    ("partial header after bind, then silence", True, request(b"")[:9], silence, "exchange-timeout"),
    ("frag_length 65535 after bind, then silence", True, header(0, frag_length=65535), silence, "exchange-timeout"),
    ("a byte every 1.5 s after bind", True, b"", trickle(request(bytes(100))), "exchange-timeout"),
    ("a fragment every 1.5 s", True, b"", trickle_fragments, "exchange-timeout"),
]


@pytest.mark.lengthy
def test_what_takes_too_long_is_closed_at_the_deadline_of_the_whole_exchange(world):
    before = counters(world)
    with contextlib.ExitStack() as stack:
        open_now, threads = [], []
        for what, bound, data, goes_on, reason in SLOW:
            s = stack.enter_context(bound_connection(world) if bound else world.connect())
            s.sendall(data)
            open_now.append((what, s, s.getsockname()[1], reason))
            threads.append(threading.Thread(target=goes_on, args=(s,)))
            threads[-1].start()
        assert world.clients.count() >= 1
        for thread in threads:
            thread.join()
        for what, s, port, reason in open_now:
            assert (what, read_until_closed(s)) == (what, b"")
            world.daemon.wait_log(rf"127\.0\.0\.1:{port} closed: {reason}")
    assert world.clients.count() >= 1
    after = counters(world)
    for reason in ("bind-timeout", "exchange-timeout"):
        count = len([row for row in SLOW if row[-1] == reason])
        assert after["closed", reason] - before.get(("closed", reason), 0) == count

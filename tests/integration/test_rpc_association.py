"""One association as the specification lets a client use it (C706 12.6, MS-RPCE 3.3), in packets made by hand:
several interfaces and syntaxes at once, interleaved calls, fragments of answers, association groups."""
import itertools
import struct

import pytest

from kms_raw import ACK, RawClient, nak, served
from lab import Lab, wait_for
from rpc_pdu import (ACTIVATION, ALTER, BIG, CANCEL, FIRST, LAST, LITTLE, MANAGEMENT, MPX, NDR, NDR64, ORPHANED,
                     bind_pdu, context, fragments, order, pdu, read_pdu, request)
from test_rpc_impacket import lab_interface

pytestmark = pytest.mark.threads

LAB = (lab_interface()[0], 1, 0)
ECHO, IS_LISTENING = 4, 2


@pytest.fixture(scope="module", name="raw")
def one_daemon():
    with Lab() as lab:
        yield RawClient(lab)


def bind(raw, s, contexts=None, **options):
    """Binds, and returns the whole ack."""
    s.sendall(bind_pdu(contexts, **options))
    ack = read_pdu(s)
    assert raw.meaning(ack) == ACK
    return ack


def array(data, wide=False, drep=LITTLE):
    """A conformant array of bytes, as the echo takes and gives it."""
    return struct.pack(order(drep) + ("Q" if wide else "I"), len(data)) + data


def whole_answer(s, most=5840):
    """(call id, stub) of the next answer, whose fragments say consistently what is still to come."""
    stub, hints = b"", []
    while True:
        data = read_pdu(s)
        assert data[2] == 2 and len(data) <= most
        assert bool(data[3] & FIRST) == (stub == b"")
        hints.append((struct.unpack_from("<I", data, 16)[0], len(stub)))
        stub += data[24:]
        if data[3] & LAST:
            assert all(hint == len(stub) - before for hint, before in hints)
            return struct.unpack_from("<I", data, 12)[0], stub
        assert (len(data) - 24) % 8 == 0


def test_one_connection_carries_every_interface_in_both_syntaxes(raw):
    offers = list(itertools.product((ACTIVATION, MANAGEMENT, LAB), (NDR, NDR64)))
    with raw.connect() as s:
        bind(raw, s, [context(0, *offers[0][:1], (offers[0][1],))])
        for number, (interface, syntax) in enumerate(offers[1:], 1):
            s.sendall(bind_pdu([context(number, interface, (syntax,))], ALTER))
            assert raw.meaning(read_pdu(s)) == ACK
        for call_id, (number, (interface, syntax)) in enumerate(list(enumerate(offers)) * 2, 2):
            wide = syntax == NDR64
            if interface == ACTIVATION:
                s.sendall(raw.call(call_id, ctx=number, wide=wide))
                assert raw.meaning(read_pdu(s)) == served(call_id)
            elif interface == MANAGEMENT:
                s.sendall(request(b"", call_id, ctx=number, opnum=IS_LISTENING))
                assert whole_answer(s) == (call_id, struct.pack("<II", 0, 1))
            else:
                s.sendall(request(array(b"abc", wide), call_id, ctx=number, opnum=ECHO))
                assert whole_answer(s) == (call_id, array(b"abc", wide) + bytes(1 + 4))


@pytest.mark.parametrize("drep", [LITTLE, BIG], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("wide", [False, True], ids=["NDR", "NDR64"])
@pytest.mark.parametrize("interface", [ACTIVATION, MANAGEMENT, LAB], ids=["activation", "management", "lab"])
def test_either_byte_order_is_read_in_either_syntax(raw, interface, wide, drep):
    with raw.connect() as s:
        bind(raw, s, [context(0, interface, (NDR64 if wide else NDR,), drep=drep)], drep=drep)
        if interface == ACTIVATION:
            s.sendall(raw.call(wide=wide, drep=drep))
            assert raw.meaning(read_pdu(s)) == served()
        elif interface == MANAGEMENT:  # inq_stats: how many are wanted, and that many come
            s.sendall(request(struct.pack(order(drep) + "I", 3), opnum=1, drep=drep))
            _, stub = whole_answer(s)
            assert struct.unpack_from("<I", stub)[0] == 3
            assert struct.unpack_from("<Q" if wide else "<I", stub, 8 if wide else 4)[0] == 3
            assert len(stub) == (8 + 8 if wide else 4 + 4) + 3 * 4 + 4
        else:
            s.sendall(request(array(b"12345678", wide, drep), opnum=ECHO, drep=drep))
            assert whole_answer(s)[1] == array(b"12345678", wide) + bytes(4)


@pytest.mark.parametrize("most", [0, 2048, 2055, 4280, 5840, 65535])
@pytest.mark.parametrize("wide", [False, True], ids=["NDR", "NDR64"])
def test_fragments_both_ways_have_the_size_that_was_agreed(raw, wide, most):
    data = bytes(i * 7 & 0xFF for i in range(30000))
    agreed = min(max(most, 2048), 5840) & ~7
    with raw.connect() as s:
        ack = bind(raw, s, [context(0, LAB, (NDR64 if wide else NDR,))], fragment=most)
        assert struct.unpack_from("<HH", ack, 16) == (agreed, agreed)
        for part in fragments(array(data, wide), agreed - 24, opnum=ECHO):
            assert len(part) <= agreed
            s.sendall(part)
        assert whole_answer(s, agreed) == (2, array(data, wide) + bytes(4))


def test_sixteen_calls_may_be_interleaved_fragment_by_fragment(raw):
    with raw.connect() as s:
        bind(raw, s, flags=FIRST | LAST | MPX)
        calls = range(2, 18)
        rounds = zip(*(fragments(raw.stub(call_id), 64, call_id) for call_id in calls))
        for one_of_each in rounds:
            s.sendall(b"".join(one_of_each))
        assert sorted(raw.meaning(read_pdu(s)) for _ in calls) == [served(call_id) for call_id in calls]


def test_cancel_and_orphaned_never_cost_an_answer(raw):
    with raw.connect() as s:
        bind(raw, s)
        for kind in (CANCEL, ORPHANED):
            hint = pdu(kind, call_id=2)
            first, *more = fragments(raw.stub(), 100)
            s.sendall(hint + first + hint + b"".join(more) + hint)
            assert raw.meaning(read_pdu(s)) == served()


def group_of(ack):
    return struct.unpack_from("<I", ack, 20)[0]


def refused_group(raw, group):
    with raw.connect() as s:
        s.sendall(bind_pdu(group=group))
        return raw.meaning(read_pdu(s)) == nak(0)


def test_a_group_lives_as_long_as_one_of_its_connections(raw):
    with raw.connect() as first:
        group = group_of(bind(raw, first))
        with raw.connect() as stranger:
            assert group_of(bind(raw, stranger)) != group
        with raw.connect() as second:
            assert group_of(bind(raw, second, group=group)) == group
            first.close()
            with raw.connect() as third:
                assert group_of(bind(raw, third, group=group)) == group
    wait_for(lambda: refused_group(raw, group), "the group ends with its last connection")


def test_features_are_agreed_beside_a_context_that_serves(raw):
    features = ("6cb71c2c-9812-4540-0700-000000000000", 1, 0)  # one of the three is none of ours
    with raw.connect() as s:
        s.sendall(bind_pdu([context(0), context(1, transfers=(NDR64,)), context(2, transfers=(features,))]))
        assert raw.meaning(read_pdu(s)) == ("ack", (0, 0), (2, 2), (3, 3))
        s.sendall(raw.call())
        assert raw.meaning(read_pdu(s)) == served()

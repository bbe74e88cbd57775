"""DCE/RPC packets by hand (C706 12.6, MS-RPCE 2.2.2), for what no RPC library would send.

Numbers are little-endian unless a PDU says otherwise; nothing here is shared with the C code."""
import socket
import struct
import uuid

REQUEST, PING, RESPONSE, FAULT = 0, 1, 2, 3
BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP = 11, 12, 13, 14, 15
AUTH3, SHUTDOWN, CANCEL, ORPHANED = 16, 17, 18, 19

FIRST, LAST, PENDING_CANCEL, MPX = 0x01, 0x02, 0x04, 0x10
DID_NOT_EXECUTE, OBJECT = 0x20, 0x80

LITTLE, BIG, EBCDIC, VAX = b"\x10\0\0\0", b"\0\0\0\0", b"\x11\0\0\0", b"\x10\1\0\0"

ACTIVATION = ("51c82175-844e-4750-b0d8-ec255555bc06", 1, 0)
MANAGEMENT = ("afa8bd80-7d8a-11c9-bef4-08002b102989", 1, 0)
FOREIGN = ("12345778-1234-abcd-ef00-0123456789ab", 1, 0)
NDR = ("8a885d04-1ceb-11c9-9fe8-08002b104860", 2, 0)
NDR64 = ("71710533-beba-4937-8319-b5dbef9ccc36", 1, 0)


def order(drep):
    return "<" if drep[0] & 0xF0 else ">"


def pdu(ptype, body=b"", flags=FIRST | LAST, frag_length=None, call_id=1, *, version=(5, 0), drep=LITTLE,
        auth_length=0):
    """One PDU; frag_length and auth_length may lie."""
    length = 16 + len(body) if frag_length is None else frag_length
    return bytes([*version, ptype, flags]) + drep + struct.pack(order(drep) + "HHI", length, auth_length, call_id) + body


def syntax(ident, drep=LITTLE):
    name, major, minor = ident
    value = uuid.UUID(name)
    return (value.bytes_le if order(drep) == "<" else value.bytes) + struct.pack(
        order(drep) + "I", minor << 16 | major)


def context(number, interface=ACTIVATION, transfers=(NDR,), *, count=None, drep=LITTLE):
    """A presentation context; count: a number of transfer syntaxes that may lie."""
    head = struct.pack(order(drep) + "HBB", number, len(transfers) if count is None else count, 0)
    return head + syntax(interface, drep) + b"".join(syntax(t, drep) for t in transfers)


def bind_pdu(contexts=None, ptype=BIND, *, count=None, tail=b"", group=0, fragment=5840, drep=LITTLE, **header):
    """A bind (or alter_context); by default to the activation interface with NDR 2.0."""
    contexts = [context(0, drep=drep)] if contexts is None else contexts
    body = struct.pack(order(drep) + "HHIBBH", fragment, fragment, group,
                       len(contexts) if count is None else count, 0, 0)
    return pdu(ptype, body + b"".join(contexts) + tail, drep=drep, **header)


def request(stub, call_id=2, *, ctx=0, opnum=0, hint=None, uid=b"", drep=LITTLE, flags=FIRST | LAST, **header):
    """A request or one fragment of it."""
    body = struct.pack(order(drep) + "IHH", len(stub) if hint is None else hint, ctx, opnum) + uid + stub
    return pdu(REQUEST, body, flags, call_id=call_id, drep=drep, **header)


def fragments(stub, size, call_id=2, **fields):
    """A request in fragments of at most size stub bytes each."""
    parts = [stub[i:i + size] for i in range(0, len(stub), size)] or [b""]
    return [request(part, call_id, flags=(FIRST if i == 0 else 0) | (LAST if i == len(parts) - 1 else 0),
                    hint=len(stub) - i * size, **fields) for i, part in enumerate(parts)]


def activation_stub(message, *, size=None, maximum=None, wide=False, drep=LITTLE):
    """The stub of RequestActivation; request_size and the array's maximum may lie."""
    size = len(message) if size is None else size
    maximum = len(message) if maximum is None else maximum
    mark = order(drep)
    head = struct.pack(mark + "I4xQ", size, maximum) if wide else struct.pack(mark + "II", size, maximum)
    return head + message


def request_pdu(message, call_id=2):
    """RequestActivation with a sealed message, on context 0 in NDR 2.0."""
    return request(activation_stub(message), call_id)


def answer_of(stub, wide=False):
    """(message, result) of a little-endian answer to RequestActivation."""
    if wide:
        size, pointer = struct.unpack_from("<I4xQ", stub)
        at = 16
    else:
        size, pointer = struct.unpack_from("<II", stub)
        at = 8
    message = b""
    if pointer:
        length = struct.unpack_from("<Q" if wide else "<I", stub, at)[0]
        at += 8 if wide else 4
        assert length == size
        message = stub[at:at + length]
        at += length + -length % 4
    assert len(message) == size
    return message, struct.unpack_from("<I", stub, at)[0]


def read_pdu(sock):
    """The next PDU, or b"" if the peer closed before it (impacket would wait for ever)."""
    data = b""
    while len(data) < 10 or len(data) < struct.unpack_from("<H", data, 8)[0]:
        want = 10 if len(data) < 10 else struct.unpack_from("<H", data, 8)[0]
        part = sock.recv(want - len(data))
        if not part:
            assert data == b""
            return b""
        data += part
    return data


def send_bytewise(sock, data):
    """Each byte in a segment of its own. Stops early where the peer has closed already."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for i in range(len(data)):
            sock.send(data[i:i + 1])
    except OSError:
        pass

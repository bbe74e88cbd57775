#!/usr/bin/python3
"""Writes the seeds of the RPC fuzz targets into tests/fuzz/corpus (run from anywhere)."""
import os
import re
import struct
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")
with open(os.path.join(HERE, "../../src/rpc/lab.h"), encoding="utf-8") as header:
    LAB = uuid.UUID(re.search(r'RPC_LAB_UUID +"([0-9a-f-]+)"', header.read()).group(1))
MGMT = uuid.UUID("afa8bd80-7d8a-11c9-bef4-08002b102989")
NDR = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
NDR64 = (uuid.UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1)
FEATURES = (uuid.UUID("6cb71c2c-9812-4540-0300-000000000000"), 1)


def syntax(pair, e):
    u, version = pair
    return (u.bytes_le if e == "<" else u.bytes) + struct.pack(e + "I", version)


def pdu(ptype, body, flags=3, call=1, e="<", auth=0):
    head = struct.pack("BBBB4s", 5, 0, ptype, flags, b"\x10\0\0\0" if e == "<" else b"\0\0\0\0")
    return head + struct.pack(e + "HHI", 16 + len(body), auth, call) + body


def bind(contexts, ptype=11, e="<", tail=b"", auth=0, flags=3, group=0):
    body = struct.pack(e + "HHIBxxx", 5840, 5840, group, len(contexts))
    for ident, iface, transfers in contexts:
        body += struct.pack(e + "HBx", ident, len(transfers)) + syntax((iface, 1), e)
        body += b"".join(syntax(t, e) for t in transfers)
    return pdu(ptype, body + tail, flags, e=e, auth=auth)


def request(stub, opnum=0, context=0, flags=3, call=2, e="<", hint=None, obj=b"", auth=0):
    head = struct.pack(e + "IHH", len(stub) if hint is None else hint, context, opnum)
    return pdu(0, head + obj + stub, flags, call, e, auth)


def ack(results, ptype=12, address=b"1688\0", e="<"):
    body = struct.pack(e + "HHIH", 5840, 5840, 1, len(address)) + address
    body += b"\0" * (-(len(body) + 16) % 4) + struct.pack("Bxxx", len(results))
    for result, reason, transfer in results:
        body += struct.pack(e + "HH", result, reason) + syntax(transfer, e)
    return pdu(ptype, body, e=e)


def response(stub, flags=3, call=2, e="<"):
    return pdu(2, struct.pack(e + "IHBB", len(stub), 0, 0, 0) + stub, flags, call, e)


def trailer(level, value, pad=0, kind=16):
    return struct.pack("<BBBxI", kind, level, pad, 7) + value


def leg(token, level=5, ptype=11, flags=3):
    """A bind, alter_context or auth3 with a token of the provider without cryptography (fakesec.h)."""
    tail = trailer(level, token)
    if ptype == 16:
        return pdu(16, b"\0" * 4 + tail, flags, auth=len(token))
    return bind([(0, LAB, [NDR])], ptype, tail=tail, auth=len(token), flags=flags)


def signed(stub, counter=0, level=5, flags=3, call=2, opnum=4, whole=False):
    """A request with that provider's signature; whole: with header signing."""
    pad = -len(stub) % 16
    tail = trailer(level, b"\0" * 8, pad)
    p = bytearray(request(stub + b"\0" * pad + tail, opnum, flags=flags, call=call, hint=len(stub), auth=8))
    total = sum(p[:-8]) if whole else sum(p[24:-16])
    p[-8:] = struct.pack("<HHBBH", counter, total & 0xffff, 24 if whole else 0, 8 if whole else 0, 0xeeee)
    if level == 6:
        p[24:-16] = bytes(b ^ 0x55 for b in p[24:-16])
    return bytes(p)


ECHO = struct.pack("<I", 4) + b"abcd"
TRAILER = b"\x0a\x02\0\0\0\0\0\0none"
B_MGMT = bind([(0, MGMT, [NDR])])
B_BOTH = bind([(0, MGMT, [NDR]), (1, LAB, [NDR64]), (2, MGMT, [FEATURES])], flags=0x13)
B_LAB = bind([(0, LAB, [NDR])], flags=0x13)
CONN = {
    "mgmt": B_MGMT + b"".join(request(b"\4\0\0\0" + b"\0" * 4, op) for op in range(6)),
    "mgmt64": bind([(0, MGMT, [NDR64])]) + request(b"") + request(b"\4\0\0\0\0\0\0\0", 1),
    "mgmt_big": bind([(0, MGMT, [NDR])], e=">") + request(b"\0\0\0\4", 1, e=">"),
    "echo": B_LAB + request(ECHO, 4),
    "echo_object": B_LAB + request(ECHO, 4, flags=0x83, obj=LAB.bytes_le),
    "fragments": B_LAB + request(ECHO[:3], 4, flags=1) + request(ECHO[3:5], 4, flags=0) +
    request(ECHO[5:], 4, flags=2),
    "interleaved": B_LAB + request(ECHO[:4], 4, flags=1, call=2) +
    request(ECHO[:4], 4, flags=1, call=3) + request(ECHO, 4, call=4) +
    request(ECHO[4:], 4, flags=2, call=3) + request(ECHO[4:], 4, flags=2, call=2),
    "alter": B_MGMT + bind([(1, LAB, [NDR64])], 14) +
    request(struct.pack("<Q", 4) + b"abcd", 4, context=1),
    "three_contexts": B_BOTH + request(b"") + request(b"", context=7),
    "cancel": B_LAB + request(ECHO[:4], 4, flags=1) + pdu(18, b"", call=2) +
    pdu(19, b"", call=2) + request(ECHO[4:], 4, flags=6),
    "auth_bind": bind([(0, MGMT, [NDR])], tail=TRAILER, auth=4),
    "auth_request": B_MGMT + request(TRAILER, auth=4, hint=0),
    "unknown_group": bind([(0, MGMT, [NDR])], group=9),
    "no_context": bind([]),
    "before_bind": request(b""),
    "shutdown": B_MGMT + pdu(17, b""),
    "large": B_LAB + pdu(0, b"\0" * 6000),
    "version_4": b"\4" + B_MGMT[1:],
    "http": b"GET / HTTP/1.1\r\n\r\n",
}
CLIENT = {
    "response": ack([(0, 0, NDR)]) + response(b"abc"),
    "ndr64": ack([(0, 0, NDR64), (2, 2, (uuid.UUID(int=0), 0))]) + response(b"abc"),
    "big": ack([(0, 0, NDR)], e=">") + response(b"abc", e=">"),
    "fragments": ack([(0, 0, NDR)]) + response(b"abc", 1) + response(b"d", 0) + response(b"e", 2),
    "fault": ack([(0, 0, NDR)]) + pdu(3, struct.pack("<IHBBII", 32, 0, 0, 0, 0x1C010003, 0), call=2),
    "two_calls": ack([(0, 0, NDR)]) + response(b"abc") + response(b"abc", call=3),
    "nak": pdu(13, struct.pack("<HBBBxxx", 4, 1, 5, 0)),
    "rejected": ack([(2, 1, (uuid.UUID(int=0), 0))]),
    "http": b"HTTP/1.1 400 Bad Request\r\n",
}
CONN.update({
    "signed": leg(b"one") + signed(ECHO) + signed(ECHO, 1),
    "sealed": leg(b"one", 6) + signed(ECHO, level=6),
    "signed_whole": leg(b"two", 4, flags=7) + leg(b"bye", 4, 14) + signed(ECHO, level=4, whole=True),
    "signed_auth3": leg(b"two") + leg(b"end", ptype=16) + signed(ECHO),
    "signed_fragments": leg(b"one") + signed(ECHO * 2, flags=1) + signed(b"", 1, flags=2),
    "signed_refused": leg(b"one") + leg(b"two", 6, 14),
})
PDU = {
    "bind": B_BOTH,
    "bind_big": bind([(0, MGMT, [NDR])], e=">"),
    "request": request(ECHO),
    "request_auth": request(ECHO + TRAILER, auth=4),
    "request_object": request(ECHO, flags=0x83, obj=LAB.bytes_le),
    "alter": bind([(1, LAB, [NDR64, NDR])], 14),
}
NDR_SEEDS = {
    "mixed": b"\0" + b"\1\0\0\0\0\0\2\0\3\0\0\0" + bytes([0, 3, 4]),
    "wide": b"\2" + b"\1\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\3\0\0\0\0\0\0\0abc" + bytes([0, 3, 4] * 9),
    "big": b"\1" + b"\0\0\0\4abcd" + bytes([4] * 8),
}


def write(target, seeds, prefix=b""):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    for name, data in seeds.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(prefix + data)


write("fuzz_rpc_conn", CONN, b"\x06")
write("fuzz_rpc_client", {k: v for k, v in CLIENT.items() if k != "ndr64"}, b"\x0c")
write("fuzz_rpc_client", {"ndr64": CLIENT["ndr64"]}, b"\x0d")
write("fuzz_rpc_pdu", PDU)
write("fuzz_ndr", NDR_SEEDS)

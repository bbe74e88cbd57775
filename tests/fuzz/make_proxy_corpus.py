#!/usr/bin/python3
"""Writes the seeds of the PROXY protocol's fuzz target into tests/fuzz/corpus (run from anywhere)."""
import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_proxy")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack(">HH", 1234, 1688)
V6 = bytes(15) + b"\1" + bytes(15) + b"\2" + struct.pack(">HH", 1234, 1688)


def crc32c(data):
    """RFC 4960, appendix B."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def header(command, family, body):
    return SIGNATURE + struct.pack(">BBH", 0x20 | command, family, len(body)) + body


def summed(command, family, body):
    zero = header(command, family, body + tlv(3, bytes(4)))
    return zero[:-4] + struct.pack(">I", crc32c(zero))


SEEDS = {
    "local": header(0, 0, b""),
    "local-tlv": header(0, 0, tlv(4, b"1234")),
    "tcp4": header(1, 0x11, V4) + b"\5\0\13\3",
    "tcp6": header(1, 0x21, V6),
    "mapped": header(1, 0x21, bytes(10) + b"\xff\xff\xc0\0\2\7" + V6[16:]),
    "tlvs": header(1, 0x11, V4 + tlv(1, b"h2") + tlv(2, b"kms.example") + tlv(0x20, bytes(5) + tlv(0x21, b"TLSv1.3"))),
    "crc": summed(1, 0x11, V4),
    "crc6": summed(1, 0x21, V6 + tlv(5, b"id")),
    "crc-wrong": header(1, 0x11, V4 + tlv(3, b"1234")),
    "unix": header(1, 0x31, bytes(216)),
    "udp4": header(1, 0x12, V4),
    "unspec": header(1, 0, b""),
    "short": header(1, 0x21, V4),
    "tlv-long": header(1, 0x11, V4 + b"\4\0\7abc"),
    "large": header(1, 0x11, V4 + tlv(4, bytes(4064))),
    "too-large": header(1, 0x11, V4 + tlv(4, bytes(4090))),
    "version1": b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 1688\r\n",
    "rpc": b"\5\0\13\3\x10\0\0\0\x48\0\0\0",
}

os.makedirs(FOLDER, exist_ok=True)
for name, data in SEEDS.items():
    with open(os.path.join(FOLDER, name), "wb") as f:
        f.write(data)

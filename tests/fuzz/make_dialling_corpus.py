#!/usr/bin/env python3
"""Writes the first inputs of fuzz_dialling: one record of each kind that src/relay/dialling.h names."""
import os
import struct
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_dialling")
REQUEST, ANSWER = b"\0", b"\1"  # the first byte
LOOK, CONNECT, CONNECTED, FOUND, LOOKED = (bytes([n]) for n in range(1, 6))


def text(value):
    return struct.pack("<H", len(value)) + value.encode()


def address4(number, local):
    return struct.pack("<IBB", number, local, 4) + bytes([192, 0, 2, 1]) + struct.pack("<H", 1688)


def address6(number, local, scope):
    return struct.pack("<IBB", number, local, 6) + bytes(range(16)) + struct.pack("<IH", scope, 1688)


def found(host, why, *addresses):
    return (ANSWER + FOUND + text(host) + struct.pack("<HHH", 1688, 1, 2) + text(why) + bytes([len(addresses)]) +
            b"".join(addresses))


INPUTS = {
    "look": REQUEST + LOOK,
    "connect": REQUEST + CONNECT + struct.pack("<III", 1, 2, 3000),
    "connected": ANSWER + CONNECTED + struct.pack("<II", 1, 0),
    "refused": ANSWER + CONNECTED + struct.pack("<II", 1, 111),
    "found": found("kms.lab.example", "", address4(1, 0), address6(2, 1, 3)),
    "found-none": found("kms.lab.example", "the name does not exist"),
    "looked": ANSWER + LOOKED + struct.pack("<BI", 0, 34) + text(""),
    "failed": ANSWER + LOOKED + struct.pack("<BI", 1, 0) + text("no DNS server answers"),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

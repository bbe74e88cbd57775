#!/usr/bin/env python3
"""Writes the first inputs of fuzz_jobs: one packet of each kind that src/jobs reads."""
import os
import struct
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_jobs")
REQUEST, LOOK, READING, UPDATE, CLEARING = range(5)  # the first byte
GUID = bytes(range(16))


def text(value):
    data = value.encode()
    return struct.pack("<H", len(data)) + data


def error(code, hresult, why):
    return struct.pack("<BI", code, hresult) + text(why)


def record(host, port):
    return struct.pack("<HHH", 1, 2, port) + text(host)


def domain(name, result, why):
    return (text(name) + b"\1" + text("lab.example") + text("dc.lab.example") + b"\1\1" +
            bytes([result]) + error(result, 0, why))


INPUTS = {
    "request-look": (REQUEST, b"\1\0"),
    "request-accounts": (REQUEST, b"\1\1\1" + text("cookie")),
    "request-update": (REQUEST, b"\1\2\1\3\0"),
    "request-clearing": (REQUEST, b"\1\3"),
    "request-overrides": (REQUEST, b"\1\4" + struct.pack("<HIIBB", 1700, 15, 43200, 0, 1)),
    "request-clock": (REQUEST, b"\1\5" + struct.pack("<q", 86400)),
    "request-log": (REQUEST, b"\1\6"),
    "look": (LOOK, b"\4\1" + text("") + text("lab.example") + text('{"forest":"lab.example"}') +
             struct.pack("<II", 1, 1)),
    "look-object": (LOOK, b"\5" + text('{"name":"A","verdict":"good"}')),
    "look-covered": (LOOK, b"\6" + struct.pack("<H", 1) + GUID + struct.pack("<q", 2000000000)),
    "look-line": (LOOK, b"\7\2\1" + text("activation object created")),
    "notes": (READING, b"\10" + b"\0" + GUID + GUID + b"\1" + text("PC01") + text("pc01.lab.example") +
              text("CN=PC01,DC=lab,DC=example") + text("sid") + b"\1" + GUID + text("CN=PC02") + b"\2" + GUID),
    "reading": (READING, b"\11" + text("cookie") + b"\1" + text("it is the first reading") + b"\1\0" +
                struct.pack("<QQ", 7, 1)),
    "domain": (UPDATE, b"\12" + domain("lab.example", 0, "")),
    "domain-failed": (UPDATE, b"\12" + domain("lab.example", 14, "refused")),
    "record": (UPDATE, b"\13" + record("kms.lab.example", 1688) + b"\0"),
    "update": (UPDATE, b"\14" + record("kms.lab.example", 1688) + b"\0" + error(0, 0, "")),
    "clearing": (CLEARING, b"\15" + text("0123456789abcdef") + bytes(32)),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, (kind, packet) in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(bytes([kind]) + packet)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes the seeds of fuzz_selfreport into tests/fuzz/corpus (run from anywhere), by the table in
docs/protocol/lab.md. Its target adds the tag where the first byte is 1."""
import hashlib
import os
import struct
import uuid

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_selfreport")
NOW = 1790000000
DAY = 86400


def report(version=1, event=12308, hresult=0, when=NOW, activated=NOW - DAY, expires=NOW + 179 * DAY, key=b"WXYZ2",
           texts=("pc01.lab.example", "PC01$", "lab.example", "S-1-5-21-1-2-3-1104", "Büro", "CN=ao,CN=Activation Objects")):
    ids = b"".join(uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le for name in ("cmid", "app", "sku", "kms", "object"))
    out = struct.pack("<HHI", version, event, hresult) + ids + struct.pack("<qqq", when, activated, expires) + key
    for text in texts:
        data = text.encode()
        out += struct.pack("<H", len(data)) + data
    return out


SEEDS = [
    b"\1" + report(),
    b"\0" + report() + bytes(32),
    b"\1" + report(version=2),
    b"\1" + report(event=12289),
    b"\1" + report(when=NOW + 5 * 3600),
    b"\1" + report(texts=("",) * 6),
    b"\1" + report(texts=("a" * 255, "b" * 255, "c" * 255, "d" * 191, "e" * 255, "f" * 1023)),
    b"\1" + report(texts=("a\n", "", "", "", "", "x")),
    b"\1" + report()[:100],
]

if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for seed in SEEDS:
        with open(os.path.join(FOLDER, hashlib.sha1(seed).hexdigest()), "wb") as f:
            f.write(seed)

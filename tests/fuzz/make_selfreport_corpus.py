#!/usr/bin/env python3
"""Writes the seeds of fuzz_selfreport into tests/fuzz/corpus (run from anywhere). Its target adds the
tag where the first byte is 1."""
import hashlib
import os
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from selfreport import TEXTS, fields, message  # noqa: E402

FOLDER = os.path.join(HERE, "corpus", "fuzz_selfreport")
NOW = 1790000000
IDS = {name: uuid.uuid5(uuid.NAMESPACE_DNS, name) for name in ("application_id", "activation_id", "kms_id")}


def report(**changes):
    return message(fields(IDS, NOW, client_id=uuid.uuid5(uuid.NAMESPACE_DNS, "cmid").bytes_le, **changes))


SEEDS = [
    b"\1" + report(),
    b"\0" + report() + bytes(32),
    b"\1" + report(version=2),
    b"\1" + report(event=12289),
    b"\1" + report(client_when=NOW + 5 * 3600),
    b"\1" + report(**dict.fromkeys(TEXTS, "")),
    b"\1" + report(workstation="a" * 255, account="b" * 255, domain="c" * 255, sid="d" * 191, object_name="e" * 255,
                   object_dn="f" * 1023),
    b"\1" + report(workstation="a\n"),
    b"\1" + report()[:100],
]

if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for seed in SEEDS:
        with open(os.path.join(FOLDER, hashlib.sha1(seed).hexdigest()), "wb") as f:
            f.write(seed)

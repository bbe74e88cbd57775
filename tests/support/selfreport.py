"""Clients' reports as docs/protocol/lab.md has them: an independent model on Python's own hashes."""
import hmac
import struct

from activation_ids import hkdf

VERSION, EVENT = 1, 12308
TEXTS = ("workstation", "account", "domain", "sid", "object_name", "object_dn")


def key(bundle_keys):
    """The key of reports, from a realm's protocol keys."""
    return hkdf(bundle_keys.key[6]["request"]["mac"], "report")


def fields(ids, when, **changes):
    """A report that is fine: of a product's ids, activated an hour before when."""
    return {"version": VERSION, "event": EVENT, "hresult": 0, "client_id": None, "object_sku_id": bytes(16),
            "application_id": ids["application_id"].bytes_le, "activation_id": ids["activation_id"].bytes_le,
            "kms_id": ids["kms_id"].bytes_le, "client_when": when, "activated_at": when - 3600,
            "expires": when - 3600 + 180 * 86400, "key": b"WXYZ2", "workstation": "PC99", "account": "PC99$",
            "domain": "lab.example", "sid": "S-1-5-21-1-2-3-1104", "object_name": "Büro",
            "object_dn": "CN=ao,CN=Activation Objects", **changes}


def message(f):
    """Without its tag."""
    out = struct.pack("<HHI", f["version"], f["event"], f["hresult"])
    out += f["client_id"] + f["application_id"] + f["activation_id"] + f["kms_id"] + f["object_sku_id"]
    out += struct.pack("<qqq", f["client_when"], f["activated_at"], f["expires"]) + f["key"]
    for name in TEXTS:
        data = f[name].encode()
        out += struct.pack("<H", len(data)) + data
    return out


def sealed(report_key, f):
    data = message(f)
    return data + hmac.digest(report_key, b"adbad client report\0" + data, "sha256")

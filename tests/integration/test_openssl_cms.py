"""Licences of activation objects, judged by openssl and ldapsearch instead of by us."""
import base64
import calendar
import json
import os
import subprocess
import time
import uuid

import pytest

from lab import CONTAINER

GROUP = "Volume License for Windows Server 2022"


@pytest.fixture
def host(lab_with_directory):
    """A host with an installed key; its daemon need not run."""
    host = lab_with_directory.daemon(wait=False)
    lab_with_directory.install_hostkey(host, GROUP)
    return host


def openssl_verify(licence, ca, out, at=None):
    argv = ["openssl", "cms", "-verify", "-inform", "DER", "-in", licence, "-CAfile", ca,
            "-purpose", "any", "-out", out]
    if at is not None:
        argv += ["-attime", str(at)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def ldapsearch(lab, *argv):
    """Attribute values (bytes) of the only entry that is found."""
    done = subprocess.run(["ldapsearch", "-Q", "-LLL", "-o", "ldif-wrap=no", "-Y", "EXTERNAL",
                           "-H", lab.directory_uri, *argv], capture_output=True, check=True)
    values = {}
    for line in done.stdout.decode().splitlines():
        name, sep, value = line.partition(":")
        if sep:
            raw = base64.b64decode(value[1:]) if value.startswith(":") else value.strip().encode()
            values.setdefault(name, []).append(raw)
    return values


@pytest.fixture
def licence(lab_with_directory, host):
    """The DER as ldapsearch reads it, in a file."""
    host.ctl("ao", "create", "--group", GROUP, "--name", "Lab")
    entry = ldapsearch(lab_with_directory, "-b", CONTAINER, "(displayName=Lab)")
    path = os.path.join(lab_with_directory.folder, "licence.der")
    with open(path, "wb") as f:
        f.write(entry["msSPP-IssuanceLicense"][0])
    return path


def test_openssl_verifies_a_licence_against_the_issuer(lab_with_directory, licence):
    lab = lab_with_directory
    out = os.path.join(lab.folder, "doc.json")
    done = openssl_verify(licence, os.path.join(lab.realm, "issuer.crt"), out)
    assert done.returncode == 0, done.stderr
    with open(out, encoding="utf-8") as f:
        doc = json.load(f)
    assert list(doc) == ["format", "kind", "realm", "realm_id", "object", "forest", "domain_sid",
                         "group", "kms_ids", "not_before", "not_after", "validity_minutes",
                         "renewal_minutes"]
    assert doc["format"] == "adbad-licence-1"
    assert doc["kind"] == "issuance"
    assert (doc["realm"], doc["object"], doc["forest"]) == ("LAB", "Lab", "lab.example")
    assert doc["group"] == GROUP
    assert (doc["validity_minutes"], doc["renewal_minutes"]) == (180 * 1440, 7 * 1440)
    begin, end = (calendar.timegm(time.strptime(doc[m], "%Y-%m-%dT%H:%M:%SZ"))
                  for m in ("not_before", "not_after"))
    assert end - begin == 730 * 86400


def test_openssl_refuses_a_changed_licence(lab_with_directory, licence):
    ca = os.path.join(lab_with_directory.realm, "issuer.crt")
    out = os.path.join(lab_with_directory.folder, "doc.json")
    with open(licence, "rb") as f:
        good = f.read()
    at = good.index(b"lab.example")
    with open(licence, "wb") as f:
        f.write(good[:at] + b"L" + good[at + 1:])
    done = openssl_verify(licence, ca, out)
    assert done.returncode != 0
    assert "content verify error" in done.stderr


def test_openssl_refuses_another_realms_issuer(lab_with_directory, licence):
    lab = lab_with_directory
    lab.adbactl("realm", "init", "LAB", os.path.join(lab.folder, "second"))
    done = openssl_verify(licence, os.path.join(lab.folder, "second", "issuer.crt"),
                          os.path.join(lab.folder, "doc.json"))
    assert done.returncode != 0
    assert "certificate verify error" in done.stderr


def test_the_signing_time_is_the_labs(lab_with_directory, host):
    """A licence made when the lab clock stands in 2035 carries no other time."""
    lab = lab_with_directory
    when = calendar.timegm((2035, 1, 2, 3, 4, 5))
    with open(lab.clock, "w", encoding="ascii") as f:
        f.write(f"fixed {when}\n")
    path = os.path.join(lab.folder, "licence.der")
    host.ctl("ao", "create", "--group", GROUP, "--name", "Later")
    host.ctl("ao", "show", "Later", "--licence", path)
    text = subprocess.run(["openssl", "asn1parse", "-inform", "DER", "-in", path],
                          capture_output=True, text=True, check=True).stdout
    assert "UTCTIME           :350102030405Z" in text
    done = openssl_verify(path, os.path.join(lab.realm, "issuer.crt"),
                          os.path.join(lab.folder, "doc.json"), at=when)
    assert done.returncode == 0, done.stderr


def test_the_issuer_is_a_ca_of_thirty_years(lab):
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in",
                           os.path.join(lab.realm, "issuer.crt")],
                          capture_output=True, text=True, check=True).stdout
    assert "CN = LAB lab issuer" in text
    assert "CA:TRUE, pathlen:0" in text
    assert "Digital Signature, Certificate Sign" in text
    assert "NIST CURVE: P-256" in text
    shown = lab.adbactl("realm", "show", lab.realm, "--json").json
    print_ = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in",
                             os.path.join(lab.realm, "issuer.crt")],
                            capture_output=True, text=True, check=True).stdout
    assert print_.strip().split("=")[1] == shown["issuer_sha256"]


def test_the_realm_id_is_that_of_the_issuers_key(lab):
    key = subprocess.run(["openssl", "x509", "-noout", "-pubkey", "-in",
                          os.path.join(lab.realm, "issuer.crt")],
                         capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                         capture_output=True, check=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der,
                            capture_output=True, check=True).stdout.decode()
    assert lab.adbactl("realm", "show", lab.realm, "--json").json["realm_id"] == digest[:16]


def test_a_search_by_kms_id_in_wire_order_finds_the_object(lab_with_directory, host):
    """Equality as a client asks: \\xx-escaped bytes, the first three fields little-endian."""
    shown = host.ctl("ao", "create", "--group", GROUP, "--name", "Lab", "--json").json
    wire = uuid.UUID(shown["kms_ids"][3]).bytes_le
    entry = ldapsearch(lab_with_directory, "-b", CONTAINER,
                       "(msSPP-KMSIds=" + "".join(f"\\{b:02x}" for b in wire) + ")")
    assert entry["displayName"] == [b"Lab"]
    assert sorted(entry["msSPP-KMSIds"]) == sorted(
        uuid.UUID(i).bytes_le for i in shown["kms_ids"])
    assert entry["msSPP-CSVLKSkuId"] == [uuid.UUID(shown["sku_id"]).bytes_le]

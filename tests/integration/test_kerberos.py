"""Kerberos on 1688 without a domain controller: tickets made with the service's key (tickets_tool), Samba's own client,
and who comes between. What a real domain gives is tested in test_samba_kerberos.py and test_samba_proof.py."""
import os
import socket
import stat
import struct
import subprocess
import sys

import pytest

from between import Between
from lab import Lab

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.environ.get("ADBAD_TOOLS", os.path.join(HERE, "..", "..", "build", "dev", "tests"))
HOST = "kms1.lab.example"
MANAGEMENT = "afa8bd80-7d8a-11c9-bef4-08002b102989"
REQUEST = 0
ACCESS_DENIED = 5


class Realm:
    def __init__(self, lab):
        self.lab = lab
        self.folder = os.path.join(lab.folder, "kerberos")
        self.keytab = os.path.join(self.folder, "keytab")
        os.mkdir(self.folder)
        self.issue()
        os.environ["KRB5_CONFIG"] = os.path.join(self.folder, "krb5.conf")
        self.daemon = lab.daemon(options={"kms.keytab": self.keytab})

    def issue(self):
        subprocess.run([os.path.join(TOOLS, "tickets_tool"), self.folder, "PC01$@LAB.EXAMPLE",
                        f"host/{HOST}@LAB.EXAMPLE"], check=True, timeout=60)

    def call(self, security, level, port=None, calls=1):
        return subprocess.run([sys.executable, os.path.join(HERE, "rpc_secure.py"), "127.0.0.1",
                               str(port or self.daemon.port), "PC01$", os.path.join(self.folder, "ccache"), security,
                               level, str(calls), HOST], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)

    def between(self, security, level, change, calls=1):
        proxy = Between(socket.create_server(("127.0.0.1", 0)),
                        socket.create_connection(("127.0.0.1", self.daemon.port), 60), change=change)
        done = self.call(security, level, proxy.port, calls)
        proxy.close()
        return proxy, done

    def refused(self, reason):
        return self.daemon.status()["connections"]["rpc_refused"].get(reason, 0)


@pytest.fixture(name="realm", scope="module")
def a_realm():
    before = os.environ.get("KRB5_CONFIG")
    with Lab() as lab:
        yield Realm(lab)
    os.environ.pop("KRB5_CONFIG")
    if before is not None:
        os.environ["KRB5_CONFIG"] = before


@pytest.mark.parametrize("security,level", [("krb5", "connect"), ("krb5", "sign"), ("spnego", "packet"),
                                            ("spnego", "seal")])
def test_sambas_client_calls_with_a_ticket(realm, security, level):
    done = realm.call(security, level, calls=3)
    assert MANAGEMENT in done.stdout, done.stderr
    replays = os.stat(realm.daemon.control + ".rcache")
    assert replays.st_size > 0
    assert stat.S_IMODE(replays.st_mode) == 0o600


def is_signed(pdu):
    return pdu[2] == REQUEST and struct.unpack_from("<H", pdu, 10)[0] > 0


def other_level(pdu):
    """Integrity instead of privacy."""
    if not is_signed(pdu):
        return [pdu]
    at = len(pdu) - struct.unpack_from("<H", pdu, 10)[0] - 7
    assert pdu[at] == 6
    return [pdu[:at] + b"\x05" + pdu[at + 1:]]


@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_a_level_lowered_on_the_way_is_refused(realm, security):
    before = realm.refused("bad-auth")
    proxy, done = realm.between(security, "seal", other_level)
    assert done.returncode != 0
    assert struct.unpack_from("<I", proxy.answers[-1], 24)[0] == ACCESS_DENIED
    assert realm.refused("bad-auth") == before + 1


def test_the_client_is_told_that_kerberos_needs_a_name(realm):
    machine = ["--machine", os.path.join(realm.lab.folder, "PC01")]
    realm.lab.client(*machine, "init", "--name", "PC01", "--product", "Windows Server 2022", "--edition", "Standard",
                     "--bundle", realm.lab.bundle)
    realm.lab.client(*machine, "slmgr", "/skms", f"127.0.0.1:{realm.daemon.port}")
    told = realm.lab.client(*machine, "--via", "1688", "slmgr", "/ato", expect=None)
    assert told.code != 0
    assert "needs the name of the KMS host" in told.out + told.err


def test_a_keytab_that_others_may_read_is_refused_at_the_start_and_later(realm):
    before = realm.refused("auth-failed")
    os.chmod(realm.keytab, 0o644)
    try:
        assert realm.call("krb5", "sign").returncode != 0
        told = realm.lab.run("adbad", "--check", "--config", realm.daemon.conf, expect=None)
    finally:
        os.chmod(realm.keytab, 0o600)
    assert realm.refused("auth-failed") == before + 1
    assert told.code != 0
    assert realm.keytab in told.err

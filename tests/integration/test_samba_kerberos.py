"""Kerberos on 1688, beside a Samba domain controller: clients that others wrote, and who comes between."""
import os
import socket
import struct
import sys

import pytest

from between import Between, split
from lab import Lab
from sambalab import CLIENT_ADDRESS, DOMAIN, REALM, SambaLab

HERE = os.path.dirname(os.path.abspath(__file__))
RAW_TESTS = os.path.join(HERE, "..", "fixtures", "rpc", "samba_raw_auth_tests.txt")
HOST = f"kms1.{DOMAIN}"
SERVICE = "svc-kms1"
MANAGEMENT = "afa8bd80-7d8a-11c9-bef4-08002b102989"
REQUEST, FAULT, BIND, BIND_NAK = 0, 3, 11, 13
SEC_PKG_ERROR, INVALID_CHECKSUM = 0x721, 9


class Beside:
    """One adbad on the client of a Samba domain; the service has a principal of its own."""

    def __init__(self):
        self.ad = SambaLab("one")
        self.ad.add_dns("kms1", "A", CLIENT_ADDRESS)
        self.ad.dc1.tool("user", "create", SERVICE, "--random-password")
        self.ad.dc1.tool("user", "setexpiry", SERVICE, "--noexpiry")
        self.ad.dc1.tool("spn", "add", f"host/{HOST}", SERVICE)
        self.keytab = self.ad.keytab(f"host/{HOST}", os.path.join(self.ad.folder, "kms.keytab"))
        self.ccache = self.ad.kinit(f"PC01$@{REALM}", self.ad.add_computer("PC01"))
        self.lab = Lab(prefix=self.ad.client.enter())
        # 135: what Samba's raw suite insists on.
        self.daemon = self.lab.daemon("kms", options={"kms.listen": "0.0.0.0:1688, 0.0.0.0:135",
                                                      "kms.keytab": self.keytab, "kms.workers": "2"})

    def python(self, script, *argv, expect=0, **env):
        return self.ad.client.run(sys.executable, os.path.join(HERE, script), *argv, expect=expect, env=env)

    def call(self, security, level, port=1688, calls=1, **kw):
        """Samba's client calls the management interface."""
        return self.python("rpc_secure.py", HOST, port, "PC01$", self.ccache, security, level, calls, **kw)

    def refused(self, reason):
        return self.daemon.status()["connections"]["rpc_refused"].get(reason, 0)

    def close(self):
        self.lab.close()
        self.ad.close()


@pytest.fixture(scope="module", name="one")
def one_domain():
    beside = Beside()
    yield beside
    beside.close()


@pytest.mark.parametrize("level", ["connect", "packet", "sign", "seal"])
@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_sambas_client_calls_with_kerberos(one, security, level):
    assert MANAGEMENT in one.call(security, level, calls=5).stdout


def test_sambas_raw_tests_about_authentication_pass(one):
    with open(RAW_TESTS, encoding="ascii") as f:
        count = len(f.read().split())
    assert count == 87
    done = one.python("samba_raw.py", RAW_TESTS, one.ccache, "PC01$", expect=None, SERVER=HOST, TARGET_HOSTNAME=HOST,
                      REALM=REALM, MAX_NUM_AUTH="8")
    assert f"{count} of {count} run, 0 failed, 0 broken" in done.stdout, done.stderr[-3000:]


def test_impacket_calls_with_a_ticket_that_kvno_got(one):
    one.ad.client.run("kvno", f"host/{HOST}", env={"KRB5CCNAME": one.ccache})
    for level in ("connect", "privacy"):  # its own signing fails in Python 3
        done = one.python("rpc_impacket_krb5.py", HOST, 1688, level, KRB5CCNAME=one.ccache)
        assert MANAGEMENT.upper() in done.stdout.upper()
    done = one.python("rpc_impacket_krb5.py", HOST, 1688, "privacy", "--encapsulated", expect=1, KRB5CCNAME=one.ccache)
    assert "invalid_checksum" in done.stderr


# ---- between the client and us ----


def proxy_to(one, **kw):
    return Between(one.ad.client.inside(lambda: socket.create_server(("0.0.0.0", 0))),
                   lambda: one.ad.client.inside(lambda: socket.create_connection((CLIENT_ADDRESS, 1688), 60)), **kw)


def between(one, security, level, **kw):
    proxy = proxy_to(one, **kw)
    done = one.call(security, level, port=proxy.port, expect=None)
    proxy.close()
    return proxy, done


def fault_status(pdu):
    assert pdu[2] == FAULT
    return struct.unpack_from("<I", pdu, 24)[0]


def is_signed(pdu):
    return pdu[2] == REQUEST and struct.unpack_from("<H", pdu, 10)[0] > 0


@pytest.mark.parametrize("security,level", [("krb5", "sign"), ("krb5", "seal"), ("spnego", "seal")])
def test_a_request_changed_on_the_way_is_refused_and_counted(one, security, level):
    before = one.refused("bad-signature")

    def change(pdu):
        return [pdu[:24] + bytes([pdu[24] ^ 1]) + pdu[25:]] if is_signed(pdu) else [pdu]

    proxy, done = between(one, security, level, change=change)
    assert done.returncode != 0
    assert fault_status(proxy.answers[-1]) == SEC_PKG_ERROR
    assert one.refused("bad-signature") == before + 1


@pytest.mark.parametrize("security,level", [("krb5", "packet"), ("spnego", "seal")])
def test_a_request_sent_twice_is_served_once(one, security, level):
    before = one.refused("bad-signature")
    proxy, done = between(one, security, level, after=lambda sent: [p for p in sent if is_signed(p)][-1:])
    assert done.returncode == 0
    assert fault_status(proxy.answers[-1]) == SEC_PKG_ERROR
    assert one.refused("bad-signature") == before + 1


def send(one, data):
    """The answers to bytes on a connection of their own."""
    with one.ad.client.inside(lambda: socket.create_connection((CLIENT_ADDRESS, 1688), 60)) as s:
        s.sendall(data)
        answers = b""
        while got := s.recv(65536):
            answers += got
    return split(answers)[0]


@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_a_login_heard_before_is_refused_when_it_comes_again(one, security):
    proxy, done = between(one, security, "sign")
    assert done.returncode == 0
    before = one.refused("auth-failed")
    answers = send(one, proxy.sent[0])
    assert [a[2] for a in answers] == [BIND_NAK]
    assert struct.unpack_from("<H", answers[0], 16)[0] == INVALID_CHECKSUM
    assert one.refused("auth-failed") == before + 1


def test_a_ticket_for_another_service_is_refused(one):
    before = one.refused("auth-failed")
    proxy = proxy_to(one)
    done = one.python("rpc_secure.py", HOST, proxy.port, "PC01$", one.ccache, "krb5", "sign", 1, one.ad.dc1.fqdn,
                      expect=None)
    proxy.close()
    assert done.returncode != 0
    assert [a[2] for a in proxy.answers] == [BIND_NAK]
    assert one.refused("auth-failed") == before + 1


def test_a_login_with_a_changed_token_is_refused(one):
    before = one.refused("auth-failed")

    def change(pdu):
        return [pdu[:-20] + bytes([pdu[-20] ^ 1]) + pdu[-19:]] if pdu[2] == BIND else [pdu]

    proxy, _ = between(one, "krb5", "seal", change=change)
    assert [a[2] for a in proxy.answers] == [BIND_NAK]
    assert one.refused("auth-failed") == before + 1

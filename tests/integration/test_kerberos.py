"""Kerberos on 1688 without a domain controller: tickets made with the service's key (kerberos.py), Samba's own client,
and who comes between. What a real domain gives is tested in test_samba_kerberos.py and test_samba_proof.py."""
import os
import re
import shutil
import signal
import socket
import stat
import struct

import pytest

import kerberos
from between import Between, is_signed, split, without_trailer
from kerberos import HOST, REALM, Tickets
from lab import Lab

MANAGEMENT = "afa8bd80-7d8a-11c9-bef4-08002b102989"
RESPONSE, FAULT, BIND, BIND_NAK = 2, 3, 11, 13
ACCESS_DENIED, SEC_PKG_ERROR, PROTO_ERROR = 5, 0x721, 0x1c01000b
INVALID_CHECKSUM = 9


class Realm:
    def __init__(self, lab):
        self.lab = lab
        self.tickets = Tickets(os.path.join(lab.folder, "kerberos"))
        self.keytab = self.tickets.keytab
        self.daemon = lab.daemon(options={"kms.keytab": self.keytab})

    def call(self, security, level, port=None, calls=1, ccache=None, user=f"PC01$@{REALM}", padding=0):
        return kerberos.python("rpc_secure.py", "127.0.0.1", port or self.daemon.port, user,
                               ccache or self.tickets.ccache, security, level, calls, HOST, padding)

    def proxy(self, **kw):
        return Between(socket.create_server(("127.0.0.1", 0)),
                       lambda: socket.create_connection(("127.0.0.1", self.daemon.port), 60), **kw)

    def between(self, security, level, change=lambda pdu: [pdu], calls=1, **kw):
        proxy = self.proxy(change=change)
        done = self.call(security, level, proxy.port, calls, **kw)
        proxy.close()
        return proxy, done

    def refused(self, reason):
        return self.daemon.status()["connections"]["rpc_refused"].get(reason, 0)


@pytest.fixture(name="realm", scope="module")
def a_realm():
    with Lab() as lab:
        realm = Realm(lab)
        yield realm
        realm.tickets.close()


@pytest.mark.parametrize("security,level", [("krb5", "connect"), ("krb5", "sign"), ("spnego", "packet"),
                                            ("spnego", "seal")])
def test_sambas_client_calls_with_a_ticket(realm, security, level):
    done = realm.call(security, level, calls=3)
    assert MANAGEMENT in done.stdout, done.stderr
    replays = os.stat(realm.daemon.control + ".rcache")
    assert replays.st_size > 0
    assert stat.S_IMODE(replays.st_mode) == 0o600


# ---- logins ----


def is_checksum_nak(answers):
    return [a[2] for a in answers] == [BIND_NAK] and struct.unpack_from("<H", answers[0], 16)[0] == INVALID_CHECKSUM


@pytest.mark.parametrize("security", ["krb5", "spnego"])
@pytest.mark.parametrize("ticket,why", [
    ({"begins": -7200, "ends": -3600}, "[Ee]xpired"),
    ({"begins": 3600, "ends": 7200}, "not yet valid"),
    ({"client": "PC01$@OTHER.EXAMPLE", "server": f"host/{HOST}@OTHER.EXAMPLE", "key": False}, "keytab"),
    ({"key": False}, "[Dd]ecrypt|integrity"),
], ids=["expired", "early", "other realm's service", "other key"])
def test_a_ticket_that_does_not_hold_is_refused_and_counted(realm, security, ticket, why):
    before, seen = realm.refused("auth-failed"), len(realm.daemon.log())
    proxy, done = realm.between(security, "seal", ccache=realm.tickets.issue(**ticket),
                                user=ticket.get("client", f"PC01$@{REALM}"))
    assert done.returncode != 0
    assert is_checksum_nak(proxy.answers)
    assert realm.refused("auth-failed") == before + 1
    assert re.search(f"auth-failed.*{why}", realm.daemon.log()[seen:])


@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_a_login_changed_on_the_way_is_refused(realm, security):
    before = realm.refused("auth-failed")
    proxy, done = realm.between(security, "seal", lambda pdu: [
        pdu[:-20] + bytes([pdu[-20] ^ 1]) + pdu[-19:] if pdu[2] == BIND else pdu])
    assert done.returncode != 0
    assert is_checksum_nak(proxy.answers)
    assert realm.refused("auth-failed") == before + 1


@pytest.mark.parametrize("security", ["krb5", "spnego"])
def test_a_login_heard_before_is_refused_when_it_comes_again(realm, security):
    proxy, done = realm.between(security, "sign")
    assert done.returncode == 0, done.stderr
    before = realm.refused("auth-failed")
    with socket.create_connection(("127.0.0.1", realm.daemon.port), 60) as s:
        s.sendall(proxy.sent[0])
        answers = b""
        while got := s.recv(65536):
            answers += got
    assert is_checksum_nak(split(answers)[0])
    assert realm.refused("auth-failed") == before + 1


# ---- calls ----


def fault_status(pdu):
    assert pdu[2] == FAULT
    return struct.unpack_from("<I", pdu, 24)[0]


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
    assert fault_status(proxy.answers[-1]) == ACCESS_DENIED
    assert realm.refused("bad-auth") == before + 1


def test_a_request_whose_signature_is_taken_off_is_served_as_nobodys(realm):
    proxy, done = realm.between("krb5", "sign", without_trailer)
    assert done.returncode != 0  # the answer is not signed either
    assert proxy.answers[-1][2] == RESPONSE
    assert struct.unpack_from("<H", proxy.answers[-1], 10)[0] == 0


def test_a_request_with_a_header_changed_on_the_way_is_refused(realm):
    """Operation 0 becomes 1: header signing covers it."""
    before = realm.refused("bad-signature")
    proxy, done = realm.between("krb5", "sign", lambda pdu: [
        pdu[:22] + b"\x01" + pdu[23:] if is_signed(pdu) else pdu])
    assert done.returncode != 0
    assert fault_status(proxy.answers[-1]) == SEC_PKG_ERROR
    assert realm.refused("bad-signature") == before + 1


@pytest.mark.parametrize("security", ["krb5", "spnego"])
@pytest.mark.parametrize("lost", [None, 0, 1])
def test_a_call_that_loses_a_fragment_on_the_way_is_refused(realm, security, lost):
    """The last call has three sealed fragments."""
    before = realm.refused("bad-signature")
    parts = []

    def lose(pdu):
        if is_signed(pdu) and pdu[3] & 3 != 3:
            parts.append(pdu)
        return [] if parts and pdu is parts[-1] and len(parts) - 1 == lost else [pdu]

    proxy, done = realm.between(security, "seal", lose, padding=12000)
    if lost is None:
        assert done.returncode == 0, done.stderr
        assert len(parts) == 3
        return
    assert done.returncode != 0
    assert fault_status(proxy.answers[-1]) == (PROTO_ERROR if lost == 0 else SEC_PKG_ERROR)
    assert realm.refused("bad-signature") == before + (lost > 0)


def test_the_client_is_told_that_kerberos_needs_a_name(realm):
    machine = ["--machine", os.path.join(realm.lab.folder, "PC01")]
    realm.lab.client(*machine, "init", "--name", "PC01", "--product", "Windows Server 2022", "--edition", "Standard",
                     "--bundle", realm.lab.bundle)
    realm.lab.client(*machine, "slmgr", "/skms", f"127.0.0.1:{realm.daemon.port}")
    told = realm.lab.client(*machine, "--via", "1688", "slmgr", "/ato", expect=None)
    assert told.code != 0
    assert "needs the name of the KMS host" in told.out + told.err


def test_the_client_tells_that_it_left_the_directory_out(realm):
    machine = ["--machine", os.path.join(realm.lab.folder, "LEFTOUT")]
    realm.lab.client(*machine, "init", "--name", "PC01", "--product", "Windows Server 2022", "--edition", "Standard",
                     "--bundle", realm.lab.bundle, "--domain", "lab.example", "--directory", "ldap://127.0.0.1:1",
                     "--keytab", realm.keytab)
    realm.lab.client(*machine, "slmgr", "/skms", f"127.0.0.1:{realm.daemon.port}")
    told = realm.lab.client(*machine, "--via", "1688", "slmgr", "/ato", expect=None)
    assert "left out the directory ldap://127.0.0.1:1: --via 1688 leaves it out" in told.out
    assert "0x8007203A" not in told.out
    (product,) = realm.lab.client(*machine, "show", "--json", expect=None).json["products"]
    directory, host = product["attempt"]["tries"]
    assert (directory["asked"], directory["granted"], directory["code"]) == (False, False, None)
    assert host["asked"] and host["code"] is not None
    realm.lab.client(*machine, "slmgr", "/ato", expect=None)  # and it is asked again
    (product,) = realm.lab.client(*machine, "show", "--json", expect=None).json["products"]
    assert product["attempt"]["tries"][0]["code"] == "0x8007203A"


# ---- the keytab ----


@pytest.fixture(name="own")
def a_realm_of_ones_own(lab):
    realm = Realm(lab)
    yield realm
    realm.tickets.close()


def logs_in(realm, ccache):
    return realm.call("krb5", "sign", ccache=ccache).returncode == 0


def keytab_change(reply):
    assert reply["ok"] is True, reply
    return [(c["was"], c["now"]) for c in reply["applied"] if c["key"] == "[kms] keytab"]


def test_a_keytab_that_took_the_place_of_another_counts_after_a_reload(own):
    old = own.tickets.ccache
    assert logs_in(own, old)
    assert keytab_change(own.daemon.ask("reload")) == []  # the same keys
    own.tickets.rotate()
    new = own.tickets.issue()
    assert not logs_in(own, new)
    assert logs_in(own, old)
    assert keytab_change(own.daemon.ask("reload")) == [("version 1", "version 2, read anew")]
    assert logs_in(own, new)
    assert not logs_in(own, old)
    own.daemon.wait_log(r"configuration: \[kms\] keytab = version 2, read anew, was version 1")
    own.tickets.rotate()
    own.daemon.process.send_signal(signal.SIGHUP)
    own.daemon.wait_log(r"keytab = version 3, read anew, was version 2")
    assert logs_in(own, own.tickets.issue())


def text(path):
    with open(path, "w", encoding="ascii") as f:
        f.write("this is no keytab at all")


BAD = {
    "missing": (os.unlink, 4, "No such file"),
    "others may read it": (lambda path: os.chmod(path, 0o644), 5, "chmod 0600"),
    "cut off": (lambda path: os.truncate(path, os.stat(path).st_size - 1), 3, "cut off"),
    "empty": (lambda path: os.truncate(path, 0), 3, "read it"),
    "no keytab": (text, 3, "read it"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_reload_with_a_bad_keytab_changes_nothing_and_says_why(own, case):
    spoil, code, why = BAD[case]
    old = own.tickets.ccache
    own.tickets.rotate()
    new = own.tickets.issue()
    spare = own.keytab + ".good"
    shutil.copy2(own.keytab, spare)
    spoil(own.keytab)
    own.daemon.options["kms.idle"] = "7s"
    own.daemon.write_conf()
    told = own.daemon.ctl("reload", expect=None)
    assert told.code == code
    own.daemon.wait_log(r"configuration not reloaded, all stays as it was: \[kms\] keytab: .*" + why)
    for part in ("[kms] keytab", own.keytab, why):
        assert part in told.err
    assert logs_in(own, old)
    check = own.lab.run("adbad", "--check", "--config", own.daemon.conf, expect=None)
    assert check.code == code and own.keytab in check.err  # as a start would
    os.rename(spare, own.keytab)
    reply = own.daemon.ask("reload")
    assert {c["key"] for c in reply["applied"]} == {"[kms] keytab", "[kms] idle"}
    assert logs_in(own, new)
    assert not logs_in(own, old)


def test_a_keytab_of_another_service_is_refused_at_a_reload(own):
    own.tickets.rotate(server=f"cifs/{HOST}@{REALM}")
    reply = own.daemon.ask("reload")
    assert reply["ok"] is False and "keep keys of host/" in str(reply)
    assert logs_in(own, own.tickets.ccache)


def test_a_keytab_elsewhere_needs_a_restart(own):
    """What lies at the old place by then, if anything, is not looked at."""
    elsewhere = own.keytab + ".moved"
    os.rename(own.keytab, elsewhere)
    own.daemon.options["kms.keytab"] = elsewhere
    own.daemon.write_conf()
    reply = own.daemon.ask("reload")
    assert reply["ok"] is True and reply["applied"] == []
    assert [c["key"] for c in reply["restart"]] == ["[kms] keytab"]
    assert logs_in(own, own.tickets.ccache)
    own.daemon.stop()
    own.daemon.start()
    assert logs_in(own, own.tickets.ccache)

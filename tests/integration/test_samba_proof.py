"""Proven members on 1688 beside a Samba domain controller: granted as the directory grants."""
import os
import re
import socket
import sys

import pytest

from between import Between, is_signed, without_header_signing
from kms_lab import Clients
from lab import Lab, wait_for
from rpc_pdu import FIRST, LAST, activation_stub
from sambalab import BASE, CLIENT_ADDRESS, DOMAIN, REALM, SambaLab, new_password

HERE = os.path.dirname(os.path.abspath(__file__))

GROUP = "Volume License for Windows Server 2022"
HOST = f"kms1.{DOMAIN}"
BELOW_THRESHOLD = 10  # adbaclient: not licensed


class Domain:
    """A domain with an activation object, and a KMS host of its own principal without any host key."""

    def __init__(self):
        self.ad = SambaLab("one")
        self.ad.add_dns("kms1", "A", CLIENT_ADDRESS)
        self.ad.dc1.tool("user", "create", "svc-kms1", "--random-password")
        self.ad.dc1.tool("user", "setexpiry", "svc-kms1", "--noexpiry")
        self.ad.dc1.tool("spn", "add", f"host/{HOST}", "svc-kms1")
        self.keytab = self.ad.keytab(f"host/{HOST}", os.path.join(self.ad.folder, "kms.keytab"))
        self.reader = self.ad.keytab("Administrator")
        self.machine = self.ad.add_computer("PC01")
        self.ad.dc1.tool("user", "enable", "PC01$")
        self.lab = Lab(prefix=self.ad.client.enter(), directory=self.settings)
        self.count = 0
        first = self.start()
        key = os.path.join(self.lab.folder, "host.key")
        first.ctl("directory", "prepare")
        first.ctl("hostkey", "issue", "--group", GROUP, "--out", key)
        first.ctl("hostkey", "install", "--activate", key)
        first.ctl("ao", "create", "--group", GROUP)
        first.stop()

    def settings(self):
        return {"uri": self.ad.dc1.uri, "mechanism": "gssapi", "keytab": self.reader,
                "principal": "Administrator", "lab_forest": DOMAIN, "retry": "1h", "sync_interval": "1h"}

    def start(self, **options):
        self.count += 1
        daemon = self.lab.daemon(f"kms{self.count}", options={"kms.keytab": self.keytab, **options})
        daemon.options["kms.listen"] = f"0.0.0.0:{daemon.port}"
        daemon.stop()
        daemon.write_conf()
        daemon.start()
        wait_for(lambda: daemon.ctl("membership", "status", "--json").json["good"] > 0, "accounts are read")
        wait_for(lambda: daemon.status()["directory"]["state"] == "up", "the directory was looked at")
        return daemon

    def client(self, name, daemon, *argv, keytab=None, expect=0, port=None):
        """A machine that asks this host; at another port if told."""
        folder = os.path.join(self.lab.folder, f"{name}-{daemon.name}")
        if not os.path.exists(folder):
            member = ["--domain", DOMAIN, "--keytab", keytab] if keytab else []
            self.lab.run("adbaclient", "--machine", folder, "init", "--name", name, "--product", "Windows Server 2022",
                         "--edition", "Standard", "--bundle", self.lab.bundle, *member)
            self.lab.run("adbaclient", "--machine", folder, "slmgr", "/skms", f"{HOST}:{daemon.port}")
        if port is not None:
            self.lab.run("adbaclient", "--machine", folder, "slmgr", "/skms", f"{HOST}:{port}")
        return self.lab.run("adbaclient", "--machine", folder, *argv, expect=expect)

    def close(self):
        self.lab.close()
        self.ad.close()


@pytest.fixture(scope="module", name="domain")
def one_domain():
    domain = Domain()
    yield domain
    domain.close()


def answered(daemon):
    return [e for e in daemon.ctl("kms", "contacts", "--json").json["contacts"]]


def counted(daemon):
    return sum(a["count"] for a in daemon.status()["applications"])


def test_a_proven_member_is_granted_without_threshold_and_not_counted(domain):
    daemon = domain.start()
    domain.client("PC01", daemon, "--via", "1688", "slmgr", "/ato", keytab=domain.machine)
    assert daemon.status()["proofs"] == {"member": 1}
    assert counted(daemon) == 0
    daemon.wait_log(r'activation \S+ "PC01\S*" .*: granted as a member, an activation object covers it')
    contact, = answered(daemon)
    assert contact["channel"] == "adba"
    daemon.stop()
    daemon.start()
    assert counted(daemon) == 0


def test_who_is_not_proven_is_asked_for_the_threshold(domain):
    daemon = domain.start()
    daemon.ctl("hostkey", "install", "--activate", os.path.join(domain.lab.folder, "host.key"))
    domain.client("PC90", daemon, "slmgr", "/ato", expect=BELOW_THRESHOLD)
    assert daemon.status()["proofs"] == {"unauthenticated": 1}
    assert counted(daemon) == 1
    # With the keytab of another machine.
    domain.client("PC91", daemon, "--via", "1688", "slmgr", "/ato", keytab=domain.machine, expect=BELOW_THRESHOLD)
    assert daemon.status()["proofs"] == {"unauthenticated": 1, "other-name": 1}
    assert counted(daemon) == 2
    daemon.wait_log(r'"PC91\S*" of PC01\$@LAB.EXAMPLE: counted as everyone, other-name')


def drop_second_part():
    """Loses the second fragment of the first request that has several."""
    parts = []

    def change(pdu):
        if is_signed(pdu) and pdu[3] & (FIRST | LAST) != FIRST | LAST:
            parts.append(pdu)
        return [] if len(parts) == 2 and pdu is parts[1] else [pdu]

    return change


@pytest.mark.parametrize("change,options,reason,told", [
    (without_header_signing, [], None, "header"),
    (drop_second_part(), ["--max-fragment", "128"], "bad-signature", "fault 0x00000721"),
], ids=["header signing taken off", "fragment lost"])
def test_our_client_does_not_take_what_was_changed_on_the_way(domain, change, options, reason, told):
    daemon = domain.start()
    proxy = Between(domain.ad.client.inside(lambda: socket.create_server(("0.0.0.0", 0))),
                    lambda: domain.ad.client.inside(lambda: socket.create_connection((CLIENT_ADDRESS, daemon.port), 60)),
                    change=change)
    done = domain.client("PC01", daemon, "--via", "1688", *options, "slmgr", "/ato", keytab=domain.machine, expect=None,
                         port=proxy.port)
    proxy.close()
    assert done.code != 0
    assert told in done.out + done.err, done
    assert daemon.status()["proofs"] == {}
    assert daemon.status()["connections"]["rpc_refused"] == ({reason: 1} if reason else {})


# How who set his user principal name to PC77$@LAB.EXAMPLE asks for a ticket, whose name is then in it, and the verdict.
ASKED = [
    (["PC77$"], f"PC77$@{REALM}", "other-account"),
    (["-E", f"PC77$@{REALM}"], f"PC77$\\@{REALM}@{REALM}", "other-realm"),  # a name with a separator is not trusted
    (["-C", "PC77$"], f"mallory@{REALM}", "no-machine"),
]


def test_a_user_principal_name_that_is_a_machines_proves_nothing(domain):
    """Samba refuses such a name as long as there is the machine; ours knows the machine for a while longer."""
    ad = domain.ad
    ad.add_computer("PC77")
    ad.dc1.tool("user", "enable", "PC77$")
    daemon = domain.start()
    daemon.ctl("hostkey", "install", "--activate", os.path.join(domain.lab.folder, "host.key"))
    ad.dc1.tool("computer", "delete", "PC77")
    password = new_password()
    ad.dc1.tool("user", "create", "mallory", password)
    ad.modify(f"dn: CN=mallory,CN=Users,{BASE}\nchangetype: modify\nreplace: userPrincipalName\n"
              f"userPrincipalName: PC77$@{REALM}\n")
    stub = activation_stub(Clients(domain.lab, daemon.port, "Windows Server 2022", "Standard").seal(workstation="PC77"))
    counts = {}
    for number, (argv, name, verdict) in enumerate(ASKED):
        ccache = os.path.join(ad.folder, f"cc-mallory-{number}")
        ad.client.run("kinit", *argv, stdin=password + "\n", env={"KRB5CCNAME": ccache})
        listed = ad.client.run("klist", env={"KRB5CCNAME": ccache}).stdout
        assert re.search(r"principal: (.*)", listed).group(1) == name
        ad.client.run(sys.executable, os.path.join(HERE, "rpc_secure_request.py"), HOST, daemon.port, name, ccache,
                      "sign", HOST, stdin=stub.hex())
        counts[verdict] = counts.get(verdict, 0) + 1
        assert daemon.status()["proofs"] == counts
    assert all(c["channel"] == "kms" for c in answered(daemon))


def test_settings_let_members_count_or_prove_nothing(domain):
    for options in ({"kms.members": "count"}, {"directory.proof": "none"}):
        daemon = domain.start(**options)
        daemon.ctl("hostkey", "install", "--activate", os.path.join(domain.lab.folder, "host.key"))
        domain.client("PC01", daemon, "--via", "1688", "slmgr", "/ato", keytab=domain.machine, expect=BELOW_THRESHOLD)
        assert counted(daemon) == 1
        assert "member" not in daemon.status()["proofs"]


def test_a_name_alone_is_believed_only_where_it_is_asked_for(domain):
    daemon = domain.start(**{"directory.proof": "name", "kms.keytab": None})
    daemon.wait_log("proof = name: whoever names a member's name is believed")
    domain.client("PC01", daemon, "slmgr", "/ato")
    assert daemon.status()["proofs"] == {"member": 1}
    assert counted(daemon) == 0


def test_without_a_keytab_of_its_own_the_host_is_not_believed_and_says_so(domain):
    daemon = domain.start(**{"kms.keytab": None})
    told = domain.client("PC01", daemon, "--via", "1688", "slmgr", "/ato", keytab=domain.machine,
                         expect=BELOW_THRESHOLD)
    assert "authentication type not recognised" in told.out + told.err


def test_a_new_password_of_the_services_account_counts_after_a_reload(domain):
    daemon = domain.start()
    domain.ad.dc1.tool("user", "setpassword", "svc-kms1", f"--newpassword={new_password()}")
    domain.ad.keytab(f"host/{HOST}", domain.keytab)
    told = domain.client("PC01", daemon, "--via", "1688", "slmgr", "/ato", keytab=domain.machine, expect=None)
    assert told.code != 0  # its ticket is for the new key
    assert daemon.status()["proofs"] == {}
    assert re.search(r"\[kms\] keytab +version.* \d+, read anew +now", daemon.ctl("reload").out)
    domain.client("PC01", daemon, "--via", "1688", "slmgr", "/ato")
    assert daemon.status()["proofs"] == {"member": 1}

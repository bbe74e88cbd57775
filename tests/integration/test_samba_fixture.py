"""The Samba fixture itself: what each topology promises, and that nothing stays behind."""
import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

import netns
import sambalab
from lab import wait_for
from sambalab import BASE, CONFIG, DOMAIN, SERVICES, SambaLab

pytestmark = pytest.mark.no_program
SCHEMA = f"CN=Schema,{CONFIG}"


def value(ldif, attribute):
    """The first value of an attribute in LDIF text."""
    found = [line.split(": ", 1)[1] for line in ldif.splitlines() if line.lower().startswith(attribute.lower() + ":")]
    return found[0] if found else None


def container(name):
    return f"dn: CN={name},{SERVICES}\nobjectClass: container\n"


@pytest.fixture(scope="module")
def one():
    with SambaLab("one") as lab:
        yield lab


def test_one_dc_is_an_ad_ds_with_the_activation_class(one):
    root = one.search_anonymous(one.dc1, "", "base", "supportedCapabilities", "rootDomainNamingContext", "dnsHostName")
    assert "supportedCapabilities: 1.2.840.113556.1.4.800\n" in root
    assert value(root, "rootDomainNamingContext") == BASE
    assert value(root, "dnsHostName") == "dc1.lab.example"
    assert value(one.search(SCHEMA, "(objectClass=dMD)", "objectVersion", scope="base"), "objectVersion") == "69"
    assert "dn: " in one.search(SCHEMA, "(lDAPDisplayName=msSPP-ActivationObject)", "cn")
    assert value(one.search(BASE, "(objectClass=domainDNS)", "objectSid", scope="base"), "objectSid")


def test_the_client_finds_the_dc_by_dns(one):
    assert one.resolve(f"_ldap._tcp.dc._msdcs.{DOMAIN}", "SRV") == ["0 100 389 dc1.lab.example."]
    assert one.client.run("getent", "hosts", "dc1.lab.example").stdout.split()[0] == one.dc1.address


def test_ldaps_has_a_certificate_that_verifies(one):
    env = {"LDAPTLS_CACERT": one.ca_file, "LDAPTLS_REQCERT": "demand"}
    out = one.client.run("ldapsearch", "-x", "-LLL", "-H", "ldaps://dc1.lab.example", "-b", "", "-s", "base", "dnsHostName",
                         env=env).stdout
    assert value(out, "dnsHostName") == "dc1.lab.example"


def test_a_computer_account_binds_with_its_keytab(one):
    keytab = one.add_computer("PC01")
    assert os.stat(keytab).st_mode & 0o777 == 0o600
    ccache = one.kinit("PC01$", keytab)
    assert one.token(ccache)[0] == one.sid_of("PC01$")


def test_records_can_be_added_and_updated_securely(one):
    one.add_dns("host1", "A", "10.53.0.7")
    assert one.resolve(f"host1.{DOMAIN}") == ["10.53.0.7"]
    one.nsupdate(f"update add _vlmcs._tcp.{DOMAIN} 60 SRV 0 0 1688 client.{DOMAIN}")
    assert one.resolve(f"_vlmcs._tcp.{DOMAIN}", "SRV") == [f"0 0 1688 client.{DOMAIN}."]


def test_a_frozen_dc_accepts_and_does_not_answer_until_resumed(one):
    one.dc1.freeze()
    try:
        socket_test = "import socket; socket.create_connection(('dc1.lab.example', 389), timeout=5)"
        one.client.run("/usr/bin/python3", "-c", socket_test)
        quiet = one.client.run("ldapsearch", "-x", "-H", one.dc1.uri, "-b", "", "-s", "base", timeout=2, expect=None)
        assert (quiet.returncode, quiet.stdout) == (124, "")
    finally:
        one.dc1.resume()
    wait_for(lambda: "dnsHostName" in one.search_anonymous(one.dc1, "", "base", "dnsHostName", expect=None),
             "the DC answers again")


def test_a_killed_dc_keeps_its_data_and_can_be_started_again(one):
    one.modify(container("Kept"))
    one.dc1.kill()
    assert not one.dc1.node.processes()
    one.dc1.start()
    assert "dn: " in one.search(f"CN=Kept,{SERVICES}", scope="base")


def test_two_dcs_replicate_both_ways():
    with SambaLab("two") as lab:
        lab.modify(container("From1"), dc=lab.dc1)
        lab.modify(container("From2"), dc=lab.dc2)
        lab.dc2.replicate()
        lab.dc1.replicate(source="dc2")
        assert "dn: " in lab.search(f"CN=From1,{SERVICES}", scope="base", dc=lab.dc2)
        assert "dn: " in lab.search(f"CN=From2,{SERVICES}", scope="base", dc=lab.dc1)
        lab.modify(container("ByItself"), dc=lab.dc1)
        wait_for(lambda: lab.search(f"CN=ByItself,{SERVICES}", scope="base", dc=lab.dc2, expect=None),
                 "a change replicates without being asked for")
        found = lab.resolve(f"_ldap._tcp.dc._msdcs.{DOMAIN}", "SRV")
        assert found == ["0 100 389 dc1.lab.example.", "0 100 389 dc2.lab.example."]
        lab.dc1.kill()
        assert value(lab.search_anonymous(lab.dc2, "", "base", "dnsHostName"), "dnsHostName") == "dc2.lab.example"


def test_a_read_only_dc_says_so_and_refers_writes():
    with SambaLab("rodc") as lab:
        settings = value(lab.search_anonymous(lab.ro1, "", "base", "dsServiceName"), "dsServiceName")
        assert value(lab.search(settings, scope="base", dc=lab.ro1), "msDS-isRODC") is None
        assert value(lab.search(settings, "(objectClass=*)", "msDS-isRODC", scope="base", dc=lab.ro1),
                     "msDS-isRODC") == "TRUE"
        writable = value(lab.search_anonymous(lab.dc1, "", "base", "dsServiceName"), "dsServiceName")
        assert value(lab.search(writable, "(objectClass=*)", "msDS-isRODC", scope="base", dc=lab.ro1),
                     "msDS-isRODC") == "FALSE"
        refused = lab.modify(container("New"), dc=lab.ro1, expect=None)
        assert "Referral (10)" in refused.stderr
        lab.modify(container("New"), dc=lab.dc1)
        wait_for(lambda: lab.search(f"CN=New,{SERVICES}", scope="base", dc=lab.ro1, expect=None),
                 "the replica has the change")


def test_the_old_schema_has_no_activation_class():
    with SambaLab("schema47") as lab:
        assert value(lab.search(SCHEMA, "(objectClass=dMD)", "objectVersion", scope="base"), "objectVersion") == "47"
        assert lab.search(SCHEMA, "(lDAPDisplayName=msSPP-*)", "cn") == ""


def mounts():
    with open("/proc/mounts", encoding="utf-8") as f:
        return f.read()


def test_closing_leaves_no_process_mount_interface_or_file():
    before = (mounts(), socket.if_nameindex(), os.path.exists("/etc/netns"))
    lab = SambaLab("one")
    sleeper = lab.client.popen(["sleep", "1000"])
    folder, spaces = lab.folder, [lab.client.net_ns, lab.dc1.node.net_ns]
    assert all(netns.processes_in("net", n) for n in spaces)
    lab.close()
    assert sleeper.wait(timeout=10) == -signal.SIGKILL
    assert not any(netns.processes_in("net", n) for n in spaces)
    assert not netns.processes_of(folder)
    assert not os.path.exists(folder)
    assert (mounts(), socket.if_nameindex(), os.path.exists("/etc/netns")) == before


def test_a_killed_owner_leaves_nothing_that_the_next_cleanup_does_not_find(tmp_path):
    program = textwrap.dedent(f"""
        import os, sys
        sys.path.insert(0, {os.path.dirname(sambalab.__file__)!r})
        import sambalab
        lab = sambalab.SambaLab("one")
        lab.client.popen(["sleep", "1000"])
        print(lab.folder, flush=True)
        sys.stdin.read()
        """)
    owner = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "TMPDIR": str(tmp_path)})
    with owner:
        folder = owner.stdout.readline().strip()
        assert netns.cleanup_stale(str(tmp_path)) == []
        assert len(netns.processes_of(folder)) > 3
        owner.kill()
    assert netns.cleanup_stale(str(tmp_path)) == [folder]
    assert not netns.processes_of(folder)
    assert os.listdir(tmp_path) == []

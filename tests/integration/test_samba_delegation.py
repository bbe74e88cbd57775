"""docs/samba.md, done as it says: the containers, and a service account with exactly the rights it
names."""
import base64
import os
import subprocess
import uuid

import pytest

from lab import TOOLS
from sambalab import ACCOUNT, BASE, CONFIG, DOMAIN, SERVICES, SambaLab

OUTER = f"CN=Microsoft SPP,{SERVICES}"
CONTAINER = f"CN=Activation Objects,{OUTER}"
# LDAP_SERVER_SD_FLAGS (MS-ADTS 3.1.1.3.4.1.11) with the value DACL_SECURITY_INFORMATION.
ONLY_THE_LIST = "control: 1.2.840.113556.1.4.801 true:: MAMCAQQ=\n"
DENIED = "Insufficient access (50)"
pytestmark = pytest.mark.no_program


class Domain:
    """A lab prepared by the document's commands; changes go in as the service account."""

    def __init__(self, lab):
        self.lab = lab
        self.sid, keytab = lab.prepare()
        self.ccache = lab.kinit(ACCOUNT, keytab)

    def descriptor(self, text):
        done = subprocess.run([os.path.join(TOOLS, "sd_tool"), "encode", self.lab.domain_sid], input=text + "\n",
                              capture_output=True, text=True, check=True)
        return base64.b64encode(bytes.fromhex(done.stdout.strip())).decode()

    def own_descriptor(self):
        return f"D:(A;;RPLCLORC;;;AU)(A;;RPWPLCLORCWDSD;;;{self.sid})"

    def object(self, name, sddl=None):
        """LDIF of an activation object."""
        guid = base64.b64encode(uuid.uuid4().bytes_le).decode()
        text = (f"dn: CN={name},{CONTAINER}\nobjectClass: msSPP-ActivationObject\nmsSPP-KMSIds:: {guid}\n"
                f"msSPP-CSVLKSkuId:: {guid}\nmsSPP-CSVLKPartialProductKey: ABCDE\nmsSPP-CSVLKPid: lab\ndisplayName: {name}\n")
        return text + (f"nTSecurityDescriptor:: {self.descriptor(sddl)}\n" if sddl else "")

    def change(self, ldif, expect=0):
        return self.lab.modify(ldif, ccache=self.ccache, expect=expect)

    def delete(self, dn, expect=0):
        return self.lab.ldap("ldapdelete", dn, ccache=self.ccache, expect=expect)

    def must_deny(self, ldif):
        answer = self.change(ldif, expect=None)
        assert answer.returncode == 50 and DENIED in answer.stderr, answer.stderr


@pytest.fixture(scope="module")
def domain():
    with SambaLab("one") as lab:
        yield Domain(lab)


def replace(dn, attribute, value):
    return f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"


def test_the_containers_have_the_documented_entries(domain):
    for dn in (OUTER, CONTAINER):
        text = domain.lab.dc1.tool("dsacl", "get", f"--objectdn={dn}").stdout
        for entry in ("(A;;RPLCLORC;;;AU)", "(A;;RPWPCRCCLCLORCWOWDSW;;;EA)", "(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)"):
            assert entry in text


def test_an_object_is_created_changed_and_deleted_by_the_account(domain):
    dn = f"CN=mine,{CONTAINER}"
    domain.change(domain.object("mine", domain.own_descriptor()))
    domain.change(f"dn: {dn}\nchangetype: modify\ndelete: displayName\ndisplayName: mine\n-\n"
                  "add: displayName\ndisplayName: other\n")
    stale = domain.change(f"dn: {dn}\nchangetype: modify\ndelete: displayName\ndisplayName: mine\n-\n"
                          "add: displayName\ndisplayName: third\n", expect=None)
    assert "No such attribute (16)" in stale.stderr
    assert "displayName: other\n" in domain.lab.search(dn, scope="base")
    domain.delete(dn)
    assert f"dn: {dn}" not in domain.lab.search(CONTAINER)


def test_a_member_reads_the_object_as_it_was_described(domain):
    domain.change(domain.object("described", domain.own_descriptor()))
    domain.change(domain.object("bare"))
    member = domain.lab.kinit("PC01$", domain.lab.add_computer("PC01"))
    seen = domain.lab.search(CONTAINER, "(objectClass=msSPP-ActivationObject)", "msSPP-KMSIds", ccache=member)
    assert f"dn: CN=described,{CONTAINER}" in seen and "msSPP-KMSIds:: " in seen
    assert "CN=bare," not in seen
    for name in ("described", "bare"):
        domain.delete(f"CN={name},{CONTAINER}")


def test_a_lost_read_entry_can_be_put_back_by_the_account(domain):
    dn = f"CN=hidden,{CONTAINER}"
    domain.change(domain.object("hidden", f"D:(A;;RPWPLCLORCWDSD;;;{domain.sid})"))
    member = domain.lab.kinit("PC02$", domain.lab.add_computer("PC02"))
    assert dn not in domain.lab.search(CONTAINER, "(msSPP-KMSIds=*)", ccache=member)
    whole = domain.descriptor(domain.own_descriptor())
    domain.change(f"dn: {dn}\n{ONLY_THE_LIST}changetype: modify\nreplace: nTSecurityDescriptor\n"
                  f"nTSecurityDescriptor:: {domain.descriptor(domain.own_descriptor())}\n")
    assert dn in domain.lab.search(CONTAINER, "(msSPP-KMSIds=*)", ccache=member)
    domain.delete(dn)


def test_without_an_entry_for_itself_the_account_cannot_change_what_it_made(domain):
    dn = f"CN=plain,{CONTAINER}"
    domain.change(domain.object("plain", "D:(A;;RPLCLORC;;;AU)"))
    domain.must_deny(replace(dn, "displayName", "x"))
    domain.delete(dn)


@pytest.mark.parametrize("ldif", [
    f"dn: CN=x,{CONTAINER}\nobjectClass: msSPP-ActivationObjectsContainer\n",
    f"dn: CN=x,{OUTER}\nobjectClass: container\n",
    f"dn: CN=x,{SERVICES}\nobjectClass: container\n",
    f"dn: CN=x,CN=Users,{BASE}\nobjectClass: user\nsAMAccountName: x\n",
    f"dn: CN=x,CN=Computers,{BASE}\nobjectClass: computer\nsAMAccountName: x$\n",
    f"dn: OU=x,{BASE}\nobjectClass: organizationalUnit\n",
    replace(CONTAINER, "description", "x"),
    replace(OUTER, "description", "x"),
    replace(BASE, "description", "x"),
    replace(f"CN=Administrator,CN=Users,{BASE}", "description", "x"),
    f"dn: CN=Domain Admins,CN=Users,{BASE}\nchangetype: modify\nadd: member\nmember: CN={ACCOUNT},CN=Users,{BASE}\n",
])
def test_anything_else_is_denied(domain, ldif):
    answer = domain.change(ldif, expect=None)
    assert answer.returncode in (50, 64) and (DENIED in answer.stderr or "Naming violation" in answer.stderr), answer.stderr


def writable(lab, ccache):
    """What the directory says that somebody could write: {DN: lines}, the same for every DN."""
    found = {}
    for base in (BASE, CONFIG, f"DC=DomainDnsZones,{BASE}", f"DC=ForestDnsZones,{BASE}"):
        out = lab.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=10000/noprompt", "-b", base,
                       "(objectClass=*)", "allowedChildClassesEffective", "allowedAttributesEffective", "sDRightsEffective",
                       ccache=ccache).stdout
        for record in out.split("\n\n"):
            lines = record.strip().splitlines()
            rights = [line for line in lines[1:] if "Effective: " in line and line != "sDRightsEffective: 0"]
            if rights:
                found[lines[0].removeprefix("dn: ")] = sorted(rights)
    return found


def test_the_account_can_write_only_what_every_user_can_and_activation_objects(domain):
    other = domain.lab.kinit("nobody1", domain.lab.add_service_account("nobody1"))
    everybody = writable(domain.lab, other)
    ours = writable(domain.lab, domain.ccache)
    assert ours.pop(CONTAINER) == ["allowedChildClassesEffective: msSPP-ActivationObject"]
    own, others = (f"CN={name},CN=Users,{BASE}" for name in (ACCOUNT, "nobody1"))
    assert ours.pop(own) == everybody.pop(others)
    assert ours == everybody


def test_the_account_publishes_its_service_in_dns(domain):
    domain.lab.nsupdate(f"update add _vlmcs._tcp.{DOMAIN} 60 SRV 0 0 1688 client.{DOMAIN}", ccache=domain.ccache)
    assert domain.lab.resolve(f"_vlmcs._tcp.{DOMAIN}", "SRV") == [f"0 0 1688 client.{DOMAIN}."]

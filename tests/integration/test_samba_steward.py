"""Activation objects on a real AD DS: prepared, kept and judged by our own programs, with the rights
that docs/samba.md gives the service account."""
import base64
import json
import os
import re
import subprocess

import pytest

from lab import BIN, TOOLS
from sambalab import ACCOUNT, CONFIG, DOMAIN, SERVICES, SambaLab, shell_examples

# LDAP_SERVER_SD_FLAGS (MS-ADTS 3.1.1.3.4.1.11) with the value DACL_SECURITY_INFORMATION.
ONLY_THE_LIST = "1.2.840.113556.1.4.801=::MAMCAQQ="
GROUP = "Volume License for Windows Server 2022"
OUTER = f"CN=Microsoft SPP,{SERVICES}"
CONTAINER = f"CN=Activation Objects,{OUTER}"
OBJECT = f"CN={GROUP},{CONTAINER}"


class Host:
    """A machine of the domain with a realm, a host key, and adbactl."""

    def __init__(self, lab):
        self.lab = lab
        self.folder = os.path.join(lab.folder, "host")
        self.runs = 0
        os.makedirs(self.folder, mode=0o700)
        self.keytabs = {"Administrator": lab.keytab("Administrator")}
        self.ctl("realm", "init", "LAB", os.path.join(self.folder, "realm"))
        package = os.path.join(self.folder, "key")
        self.ctl("hostkey", "issue", "--group", GROUP, "--out", package)
        self.ctl("hostkey", "install", "--activate", package)

    def conf(self, user="Administrator", **directory):
        values = {"uri": self.lab.dc1.uri, "mechanism": "gssapi", "keytab": self.keytabs[user], "lab_forest": DOMAIN,
                  "timeout": "20s", **directory}
        sections = {"realm": {"dir": f"{self.folder}/realm"}, "store": {"state_dir": f"{self.folder}/state"},
                    "directory": values, "lab": {"enabled": "yes", "clock": f"{self.folder}/clock"}}
        self.runs += 1
        path = os.path.join(self.folder, f"{self.runs}.conf")
        with open(path, "w", encoding="utf-8") as f:
            for section, keys in sections.items():
                f.write(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))
        return path

    def ctl(self, *argv, expect=0, user="Administrator", **directory):
        return self.lab.client.run(os.path.join(BIN, "adbactl"), "--config", self.conf(user, **directory), *argv,
                                   expect=expect)

    def json(self, *argv, expect=0, **kw):
        return json.loads(self.ctl(*argv, "--json", expect=expect, **kw).stdout)

    def delegate(self):
        """The service account of docs/samba.md."""
        account, export = shell_examples("The service account")
        self.lab.run_example(account)
        self.keytabs[ACCOUNT] = os.path.join(self.lab.folder, "service.keytab")
        self.lab.dc1.run("sh", "-euc", export.replace(f"/root/{ACCOUNT}.keytab", self.keytabs[ACCOUNT]))

    def check(self, expect=None, **kw):
        """The doctor's lines, by their names."""
        lines = {}
        for line in self.json("directory", "check", expect=expect, **kw)["checks"]:
            lines.setdefault(line["check"], []).append(line)
        return lines

    def steward(self, *options, **kw):
        kw.setdefault("user", ACCOUNT)
        return [(a["action"], a["done"]) for a in self.json("ao", "steward", *options, **kw)["actions"]]

    def acl(self, dn):
        return self.lab.run_example(f'samba-tool dsacl get -H {self.lab.dc1.uri} --use-kerberos=required --objectdn="{dn}"').stdout

    def sd_tool(self, command, text):
        return subprocess.run([os.path.join(TOOLS, "sd_tool"), command, self.lab.domain_sid], input=text + "\n",
                              capture_output=True, text=True, check=True).stdout.strip()

    def list_of(self, dn):
        """The object's DACL as text."""
        ldif = self.lab.ldap("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "!" + ONLY_THE_LIST, "-b", dn, "-s", "base",
                             "(objectClass=*)", "nTSecurityDescriptor").stdout
        bare = base64.b64decode(re.search("nTSecurityDescriptor:: (.*)", ldif)[1])
        return self.sd_tool("decode", bare.hex())

    def set_list(self, dn, text):
        """Replaces the DACL by hand, as the administrator."""
        value = base64.b64encode(bytes.fromhex(self.sd_tool("encode", text))).decode()
        self.lab.modify(f"dn: {dn}\ncontrol: {ONLY_THE_LIST.replace('=::', ' true:: ')}\nchangetype: modify\n"
                        f"replace: nTSecurityDescriptor\nnTSecurityDescriptor:: {value}\n")

    def members_see(self):
        """The object as a computer account finds it, by attribute."""
        if "PC01" not in self.keytabs:
            self.keytabs["PC01"] = self.lab.add_computer("PC01")
        ccache = self.lab.kinit("PC01$", self.keytabs["PC01"])
        return self.lab.search(CONTAINER, "(msSPP-CSVLKPid=*)", "displayName", ccache=ccache)


def states(lines):
    return [line["state"] for line in lines]


@pytest.fixture(scope="module")
def one():
    with SambaLab("one") as lab:
        host = Host(lab)
        host.before = host.check()
        host.dry = host.json("directory", "prepare", "--dry-run")
        host.prepared = host.json("directory", "prepare")
        host.delegate()
        yield host


@pytest.fixture(scope="module")
def schema47():
    with SambaLab("schema47") as lab:
        yield Host(lab)


# -- prepare --

def test_the_doctor_names_the_missing_container_and_its_remedy(one):
    (line,) = one.before["container"]
    assert line["state"] == "failed" and "directory prepare" in line["remedy"]


def test_prepare_makes_both_containers_once(one):
    assert [c["state"] for c in one.dry["containers"]] == ["missing", "missing"]
    assert [c["state"] for c in one.prepared["containers"]] == ["created", "created"]
    assert [c["state"] for c in one.json("directory", "prepare")["containers"]] == ["there", "there"]


@pytest.mark.parametrize("dn", [OUTER, CONTAINER])
def test_the_containers_have_the_documented_entries(one, dn):
    acl = one.acl(dn)
    # samba-tool writes the same rights in an order of its own.
    for sid, rights in (("AU", "RPLCLORC"), ("EA", "RPWPCRLCLOCCRCWDWOSW"), ("SY", "RPWPCRLCLOCCDCRCWDWOSDDTSW")):
        pairs = {rights[i:i + 2] for i in range(0, len(rights), 2)}
        entries = [e.split(";") for e in acl.replace(")", "(").split("(") if e.count(";") == 5]
        own = [{e[2][i:i + 2] for i in range(0, len(e[2]), 2)} for e in entries
               if e[0] == "A" and e[1] == "" and e[5] == sid]
        assert pairs in own, acl


# -- the life of an object, as the service account --

def test_the_steward_creates_renews_and_repairs_as_the_service_account(one):
    assert one.steward("--dry-run") == [("create", False)]
    assert one.steward() == [("create", True)]
    assert f"displayName: {GROUP}" in one.members_see()
    assert one.steward() == [("leave", False)]
    report = one.json("ao", "verify", user=ACCOUNT)
    assert report["good"] is True

    one.ctl("clock", "advance", "490d")
    assert one.steward() == [("renew", True)]
    (verdict,) = one.json("ao", "verify", user=ACCOUNT)["activation_objects"]
    assert verdict["verdict"] == "good" and verdict["days_left"] >= 729

    whole = one.list_of(OBJECT)
    assert "(A;;LCRPLORC;;;AU)" in whole
    one.set_list(OBJECT, whole.replace("(A;;LCRPLORC;;;AU)", ""))
    assert "displayName" not in one.members_see()
    (line,) = one.check(user=ACCOUNT, expect=7)["object-read"]
    assert line["state"] == "failed" and "Authenticated Users" in line["finding"] and "ao steward" in line["remedy"]
    assert one.steward() == [("leave", False), ("repair", True)]
    assert f"displayName: {GROUP}" in one.members_see()
    assert states(one.check(user=ACCOUNT)["object-read"]) == ["ok"]
    assert sorted(one.list_of(OBJECT).split("(")) == sorted(whole.split("("))


def test_an_object_that_is_deleted_is_created_again(one):
    one.steward()
    one.ctl("ao", "delete", GROUP, "--yes", user=ACCOUNT)
    assert one.steward() == [("create", True)]


def test_everything_is_well_for_the_service_account(one):
    one.steward()
    found = one.check(user=ACCOUNT)
    assert "failed" not in [s for lines in found.values() for s in states(lines)], found
    for check in ("connection", "login", "clock", "directory", "forest", "schema", "writable", "functional-level",
                  "container", "container-read", "container-write", "create", "object", "object-read", "object-write",
                  "replica"):
        assert states(found[check]) == ["ok"], found[check]
    assert states(found["srv"]) == ["warning"]
    one.ctl("directory", "check", user=ACCOUNT)
    one.ctl("directory", "check", "--strict", user=ACCOUNT, expect=7)


def test_a_writer_nobody_expects_is_named(one):
    one.steward()
    whole = one.list_of(OBJECT)
    one.set_list(OBJECT, whole + "(A;;WP;;;DU)")
    (line,) = one.check(user=ACCOUNT)["object-write"]
    one.set_list(OBJECT, whole)
    assert line["state"] == "warning" and f"{one.lab.domain_sid}-513" in line["finding"]


def test_an_account_without_rights_is_told_so(one):
    one.keytabs["plain"] = one.lab.add_service_account("plain")
    (line,) = one.check(user="plain")["create"]
    assert line["state"] == "warning" and "may not create" in line["finding"]


# -- a schema without the class --

@pytest.mark.parametrize("command", [("directory", "prepare"), ("ao", "create", "--group", GROUP), ("ao", "steward")])
def test_an_old_schema_is_refused_with_the_documented_code(schema47, command):
    said = schema47.ctl(*command, expect=None)
    assert said.returncode != 0
    assert "0xC004F083" in said.stderr and "Windows Server 2012" in said.stderr


def test_the_doctor_names_an_old_schema(schema47):
    (line,) = schema47.check(expect=7)["schema"]
    assert line["state"] == "failed" and "version 47" in line["finding"] and "0xC004F083" in line["finding"]
    assert "adprep" in line["remedy"]


def test_the_printed_schema_makes_an_old_directory_usable(schema47):
    """Last, since it changes the module's domain."""
    ldif = schema47.ctl("directory", "prepare", "--schema").stdout
    assert f"dn: CN=ms-SPP-Activation-Object,CN=Schema,{CONFIG}" in ldif
    dc = schema47.lab.dc1
    with open(os.path.join(schema47.folder, "msspp.ldf"), "w", encoding="utf-8") as f:
        f.write(ldif)
    # docs/directory.md: Samba takes schema changes on its own database only, and when told to.
    dc.run("ldbmodify", "-H", "/var/lib/samba/private/sam.ldb", "--option=dsdb:schema update allowed=true", f.name)
    dc.stop()
    dc.start()
    (line,) = schema47.check()["schema"]
    assert line["state"] == "ok" and "the classes are there" in line["finding"]
    assert [c["state"] for c in schema47.json("directory", "prepare")["containers"]] == ["created", "created"]
    assert schema47.steward(user="Administrator") == [("create", True)]
    assert schema47.json("ao", "verify")["good"] is True


# -- several domain controllers --

@pytest.fixture(scope="module")
def two():
    with SambaLab("two") as lab:
        yield Host(lab)


@pytest.fixture(scope="module")
def rodc():
    with SambaLab("rodc") as lab:
        yield Host(lab)


def test_an_object_that_another_controller_lacks_is_named_until_it_is_replicated(two):
    two.lab.dc2.freeze()
    try:
        assert two.steward(user="Administrator") == [("create", True)]
        (line,) = two.check(timeout="3s")["replica"]
        assert line["state"] == "warning" and "dc2.lab.example" in line["finding"]
    finally:
        two.lab.dc2.resume()
    two.lab.dc2.replicate()
    (line,) = two.check()["replica"]
    assert line["state"] == "ok" and "dc2.lab.example holds the same 1 objects" in line["finding"]


def test_a_read_only_controller_is_told_and_not_written_to(rodc):
    uri = rodc.lab.ro1.uri
    (line,) = rodc.check(uri=uri)["writable"]
    assert line["state"] == "warning" and "ro1.lab.example" in line["finding"] and "writable" in line["remedy"]
    said = rodc.ctl("directory", "prepare", expect=None, uri=uri)
    assert said.returncode == 5 and "read-only" in said.stderr
    assert rodc.check()["writable"][0]["state"] == "ok"

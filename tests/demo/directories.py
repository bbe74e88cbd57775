"""What the demo's story needs of a directory, on the lab directory and on a real Samba AD DC.

Both have: name (for the summary), settings() (the daemon's [directory] section), begin(lab), member
(options that make a machine a domain member), disable, down, back, and licence_by_hand.
"""
import base64
import os
import subprocess

FOREST = "lab.example"
ATTRIBUTE = "msSPP-IssuanceLicense"


def licence_of(ldif):
    """The value of the issuance licence in a search's output."""
    line = next(line for line in ldif.splitlines() if line.startswith(ATTRIBUTE + "::"))
    return bytearray(base64.b64decode(line.split(":: ", 1)[1]))


def replacement(dn, licence):
    """LDIF that puts another licence in its place."""
    return (f"dn: {dn}\nchangetype: modify\nreplace: {ATTRIBUTE}\n"
            f"{ATTRIBUTE}:: {base64.b64encode(licence).decode()}\n")


class OpenLdap:
    """The lab directory of "adbactl lab up"."""

    name = "openldap-lab"
    prefix = ()
    settings = None  # the lab's own

    def __init__(self):
        self.lab = None

    def begin(self, lab):
        self.lab = lab
        lab.directory_up()

    def close(self):
        pass  # the lab stops its directory itself

    @staticmethod
    def more_steps():
        return ()

    def member(self, name, daemon):
        password = os.path.join(self.lab.folder, f"{name}.password")
        daemon.ctl("machine", "add", name, "--password-file", password)
        return ["--domain", FOREST, "--directory", self.lab.directory_uri, "--password-file", password]

    @staticmethod
    def disable(name, daemon):
        daemon.ctl("machine", "disable", name)

    def down(self):
        self.lab.directory_down()

    def back(self):
        self.lab.directory_up()

    def licence_by_hand(self, dn, change):
        """Changes the licence in place with OpenLDAP's tools, as somebody with write access could."""
        access = ["-Q", "-Y", "EXTERNAL", "-H", self.lab.directory_uri]
        found = subprocess.run(["ldapsearch", *access, "-LLL", "-o", "ldif-wrap=no", "-s", "base",
                                "-b", dn, ATTRIBUTE], capture_output=True, text=True, check=True)
        subprocess.run(["ldapmodify", *access], input=replacement(dn, change(licence_of(found.stdout))),
                       text=True, check=True, capture_output=True)


class Samba:
    """A real Samba AD domain: dc1, and ro1, a read-only domain controller."""

    name = "samba-ad"

    def __init__(self, topology="rodc"):
        from sambalab import SambaLab  # needs root and Samba's packages

        self.ad = SambaLab(topology)
        self.prefix = self.ad.client.enter()
        self.keytab = None
        self.lab = None

    def begin(self, lab):
        self.lab = lab
        _, self.keytab = self.ad.prepare()

    def close(self):
        self.ad.close()

    @staticmethod
    def more_steps():
        """What only a real AD domain can show."""
        import samba_steps

        return samba_steps.rodc, samba_steps.acl, samba_steps.schema_47

    def settings(self, dc="dc1"):
        """The daemon logs in as the service account with the rights of docs/samba.md."""
        return {"uri": f"ldap://{dc}.{FOREST}", "mechanism": "gssapi", "keytab": self.keytab,
                "principal": "svc-adbad", "lab_forest": FOREST, "retry": "1s", "timeout": "5s"}

    def member(self, name, daemon, dc="dc1"):  # pylint: disable=unused-argument
        keytab = self.ad.add_computer(name)
        return ["--domain", FOREST, "--directory", f"ldap://{dc}.{FOREST}", "--keytab", keytab]

    def disable(self, name, daemon):  # pylint: disable=unused-argument
        self.ad.dc1.tool("user", "disable", f"{name}$")

    def down(self):
        self.ad.dc1.kill()

    def back(self):
        self.ad.dc1.start()

    def licence_by_hand(self, dn, change):
        """Changes the licence in place as the domain's administrator."""
        found = self.ad.search(dn, "(objectClass=*)", ATTRIBUTE, scope="base")
        self.ad.modify(replacement(dn, change(licence_of(found))))

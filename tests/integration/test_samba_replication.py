"""Two domain controllers, and an activation object that only one of them has yet."""
import os

import pytest

from lab import Lab
from sambalab import ACCOUNT, CONFIG, DOMAIN, SambaLab

GROUP = "Volume License for Windows Server 2022"


class Forest:
    """A domain with two controllers that know the containers, a KMS host, and members of it."""

    def __init__(self, ad, lab):
        self.ad = ad
        self.lab = lab
        self.kms = lab.daemon()
        lab.install_hostkey(self.kms)

    def hold_replication(self):
        """dc2 takes nothing from dc1 until replicate()."""
        self._inbound("+")

    def replicate(self):
        self._inbound("-")
        self.ad.dc2.replicate()

    def _inbound(self, sign):
        self.ad.dc2.tool("drs", "options", self.ad.dc2.fqdn, f"--dsa-option={sign}DISABLE_INBOUND_REPL",
                         f"--use-krb5-ccache={self.ad.ccache}")

    def member(self, name, dc):
        """A machine whose directory is this controller; its account is on both."""
        keytab = self.ad.add_computer(name)
        self.ad.dc2.replicate(CONFIG.split(",", 1)[1])
        path = os.path.join(self.lab.folder, name)
        self.lab.client("--machine", path, "init", "--name", name, "--product", "Windows Server 2022", "--edition", "Standard",
                        "--bundle", self.lab.bundle, "--clock", self.lab.clock, "--kms", self.kms.address,
                        "--domain", DOMAIN, "--directory", dc.uri, "--keytab", keytab)
        return path

    def activate(self, path):
        """One attempt of a machine; what it tells of its product afterwards."""
        self.lab.client("--machine", path, "/ato", expect=None)
        return self.lab.client("--machine", path, "show", "--json").json["products"][0]

    def replica(self):
        """The doctor's line on the other controller."""
        checks = self.kms.ctl("directory", "check", "--json", expect=None).json["checks"]
        (line,) = [line for line in checks if line["check"] == "replica"]
        return line


@pytest.fixture
def forest():
    with SambaLab("two") as ad:
        keytab = ad.prepare()[1]
        ad.dc2.replicate()
        settings = {"uri": ad.dc1.uri, "mechanism": "gssapi", "keytab": keytab, "principal": ACCOUNT,
                    "lab_forest": DOMAIN, "timeout": "20s", "retry": "1s"}
        with Lab(prefix=ad.client.enter(), directory=lambda: settings) as lab:
            yield Forest(ad, lab)


def test_a_member_falls_to_kms_and_says_why_until_the_object_is_replicated_to_its_controller(forest):
    here, there = forest.member("PC01", forest.ad.dc1), forest.member("PC02", forest.ad.dc2)
    forest.hold_replication()
    forest.kms.ctl("ao", "create", "--group", GROUP)

    assert (forest.activate(here)["status"], forest.activate(here)["channel"]) == ("Licensed", "AD")
    early = forest.activate(there)
    asked, fallen = early["attempt"]["tries"]
    assert (asked["channel"], asked["code"]) == ("AD", "0xC004F081")
    assert "no activation object" in asked["text"]
    assert fallen["channel"] == "KMS" and early["status"] != "Licensed"
    assert early["last_result"] == "0xC004F038" and early["count"] == 1
    line = forest.replica()
    assert line["state"] == "warning" and forest.ad.dc2.fqdn in line["finding"]

    forest.replicate()
    later = forest.activate(there)
    assert (later["status"], later["channel"]) == ("Licensed", "AD")
    line = forest.replica()
    assert line["state"] == "ok" and f"{forest.ad.dc2.fqdn} holds the same 1 objects" in line["finding"]

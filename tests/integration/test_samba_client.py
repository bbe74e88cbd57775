"""Simulated clients as members of a real Samba domain."""
import json
import os

import pytest

from lab import Lab
from sambalab import DOMAIN, SambaLab, new_password

GROUP = "Volume License for Windows Server 2022"


class Domain:
    """A domain with an activation object, and machines in it."""

    def __init__(self, samba, lab):
        self.samba = samba
        self.lab = lab
        self.conf = os.path.join(lab.folder, "adbad.conf")
        state = os.path.join(lab.folder, "state")
        os.mkdir(state, 0o700)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"[realm]\ndir = {lab.realm}\n[store]\nstate_dir = {state}\n[directory]\nuri = auto\ndomain = {DOMAIN}\n"
                    f"mechanism = gssapi\nkeytab = {samba.keytab('Administrator')}\nlab_forest = {DOMAIN}\n")
        key = os.path.join(lab.folder, "host.key")
        self.ctl("directory", "prepare")
        self.ctl("hostkey", "issue", "--group", GROUP, "--out", key)
        self.ctl("hostkey", "install", "--activate", key)
        self.ctl("ao", "create", "--group", GROUP)

    def run(self, program, *argv, expect=0):
        return self.samba.client.run(self.lab.program(program), *argv, expect=expect)

    def ctl(self, *argv, **kw):
        return self.run("adbactl", "--config", self.conf, *argv, **kw)

    def folder(self, name):
        return os.path.join(self.lab.folder, name)

    def client(self, name, *argv, **kw):
        return self.run("adbaclient", "--machine", self.folder(name), *argv, **kw)

    def init(self, name, *options, **kw):
        return self.client(name, "init", "--product", "Windows Server 2022", "--edition", "Standard",
                           "--bundle", self.lab.bundle, *options, **kw)

    def account(self, name):
        return self.samba.dc1.local_search(f"(sAMAccountName={name}$)", "dNSHostName")


@pytest.fixture(scope="module")
def domain():
    with SambaLab("one") as samba, Lab() as lab:
        yield Domain(samba, lab)


def admin(domain):
    return ["--login-user", "Administrator", "--credential-file", domain.samba.admin_file, "--lab-forest", DOMAIN]


def assert_licensed_by_object(domain, name):
    """Licensed, and by an object: only then these lines are there."""
    shown = domain.client(name, "slmgr", "/dlv").stdout
    assert "License Status: Licensed" in shown and "AO extended PID: adbad-" in shown


def test_a_machine_with_a_keytab_is_licensed_by_the_object(domain):
    keytab = domain.samba.add_computer("PC01")
    domain.init("PC01", "--domain", DOMAIN, "--keytab", keytab)
    copy = os.path.join(domain.folder("PC01"), "keytab")
    assert os.stat(copy).st_mode & 0o777 == 0o600
    os.unlink(keytab)
    domain.client("PC01", "restart")
    assert_licensed_by_object(domain, "PC01")


def test_joining_makes_the_account_and_leaving_keeps_or_deletes_it(domain):
    domain.init("PC02")
    domain.client("PC02", "join", "--domain", DOMAIN, *admin(domain))
    assert "pc02.lab.example" in domain.account("PC02")
    copy = os.path.join(domain.folder("PC02"), "keytab")
    assert os.stat(copy).st_mode & 0o777 == 0o600
    domain.client("PC02", "restart")
    assert_licensed_by_object(domain, "PC02")
    domain.client("PC02", "leave")
    assert not os.path.exists(copy)
    assert "pc02.lab.example" in domain.account("PC02")
    domain.client("PC02", "join", "--domain", DOMAIN, "--directory", domain.samba.dc1.uri, *admin(domain))
    domain.client("PC02", "leave", "--delete", *admin(domain))
    assert "dNSHostName" not in domain.account("PC02")
    assert not os.path.exists(copy)


def test_no_account_is_made_in_a_forest_that_is_not_the_lab(domain):
    domain.init("PC03")
    how = admin(domain)[:-1]
    said = domain.client("PC03", "join", "--domain", DOMAIN, *how, "other.example", expect=5).stderr
    assert "its forest is lab.example" in said
    assert "only the lab forest is written to" in said
    domain.client("PC03", "join", "--domain", DOMAIN, *how[:-1], expect=2)
    assert "dNSHostName" not in domain.account("PC03")
    with open(os.path.join(domain.folder("PC03"), "machine.json"), encoding="utf-8") as f:
        assert json.load(f)["domain"] == ""


def test_a_wrong_administrators_password_leaves_the_machine_where_it_was(domain):
    domain.init("PC04")
    wrong = os.path.join(domain.lab.folder, "wrong")
    domain.samba.write_private(wrong, new_password())
    said = domain.client("PC04", "join", "--domain", DOMAIN, "--login-user", "Administrator", "--credential-file", wrong,
                         "--lab-forest", DOMAIN, expect=5).stderr
    assert "adcli" in said
    assert os.listdir(domain.folder("PC04")).count("keytab") == 0
    assert os.listdir(domain.folder("PC04")).count("keytab.new") == 0

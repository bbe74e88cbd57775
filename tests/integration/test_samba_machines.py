"""Machine accounts on a real Samba AD DC: made in bulk by a delegated account, and one-time passwords."""
import os
import stat

import pytest

from lab import Lab, wait_for
from sambalab import BASE, DOMAIN, REALM, SambaLab, shell_examples

MAKER = "svc-machines"  # the account of docs/samba.md


class Domain:
    """A domain, a configuration of the delegated account, and one of the administrator."""

    def __init__(self, samba, lab):
        self.samba = samba
        self.lab = lab
        self.realm = os.path.join(lab.folder, "realm")
        account, export = shell_examples("Machine accounts")
        samba.run_example(account)
        keytab = self.path(f"{MAKER}.keytab")
        samba.dc1.run("sh", "-euc", export.replace(f"/root/{MAKER}.keytab", keytab))
        self.conf = self.configure("maker", f"keytab = {keytab}")
        self.admin = self.configure("admin", f"user = Administrator\npassword_file = {samba.admin_file}")

    def path(self, *parts):
        return os.path.join(self.lab.folder, *parts)

    def configure(self, name, login, forest=DOMAIN, mechanism="gssapi"):
        path = self.path(f"{name}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[realm]\ndir = {self.lab.realm}\n[directory]\nuri = auto\ndomain = {DOMAIN}\n"
                    f"mechanism = {mechanism}\n{login}\nlab_forest = {forest}\n")
        return path

    def run(self, program, *argv, expect=0):
        return self.samba.client.run(self.lab.program(program), *argv, expect=expect)

    def machine(self, *argv, conf=None, **kw):
        return self.run("adbactl", "--config", conf or self.conf, "machine", *argv, **kw)

    def login(self, name, keytab, expect=0):
        """Whether a machine gets a ticket, by MIT's own program."""
        return self.samba.client.run("kinit", "-k", "-t", keytab, f"{name}$@{REALM}", expect=expect,
                                     env={"KRB5CCNAME": self.path(f"cc-{name}")})

    def account(self, name, *attrs):
        return self.samba.dc1.local_search(f"(sAMAccountName={name}$)", *attrs)


@pytest.fixture(scope="module")
def domain():
    with SambaLab("one") as samba, Lab() as lab:
        yield Domain(samba, lab)


def private(path):
    return stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_twenty_machines_made_at_once_log_in_with_their_keytabs(domain):
    folder = domain.path("fleet")
    said = domain.machine("add", "PC", "--count", "20", "--out-dir", folder).stdout
    assert "20 machines added" in said
    names = [f"PC{i:03}" for i in range(1, 21)]
    assert sorted(os.listdir(folder)) == [f"{name}.keytab" for name in names]
    for name in names:
        keytab = os.path.join(folder, f"{name}.keytab")
        assert private(keytab)
        domain.login(name, keytab)
    listed = domain.machine("list").stdout
    assert all(name in listed for name in names)


def test_a_keytab_has_the_version_and_both_kinds_of_keys_of_the_account(domain):
    keytab = domain.path("kv.keytab")
    domain.machine("add", "Kv01", "--keytab", keytab)
    theirs = domain.samba.keytab("KV01$")
    shown = domain.samba.client.run("klist", "-k", "-e", "-K", keytab).stdout
    exported = domain.samba.client.run("klist", "-k", "-e", "-K", theirs).stdout
    for kind in ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"):
        ours = [line.split() for line in shown.splitlines() if f"KV01$@{REALM}" in line and kind in line]
        assert len(ours) == 1
        dc = [line.split() for line in exported.splitlines() if f"KV01$@{REALM}" in line and kind in line]
        assert ours == dc
    assert f"host/kv01.{DOMAIN}@{REALM}" in shown
    names = domain.account("KV01", "dNSHostName", "servicePrincipalName", "userAccountControl")
    for line in (f"dNSHostName: kv01.{DOMAIN}", "servicePrincipalName: HOST/KV01", f"servicePrincipalName: HOST/kv01.{DOMAIN}",
                 "userAccountControl: 4096"):
        assert line + "\n" in names


def test_a_disabled_machine_is_refused_until_it_is_enabled(domain):
    keytab = domain.path("d1.keytab")
    domain.machine("add", "DIS1", "--keytab", keytab)
    domain.machine("disable", "DIS1")
    assert "revoked" in domain.login("DIS1", keytab, expect=1).stderr
    domain.machine("enable", "DIS1")
    domain.login("DIS1", keytab)


def test_a_removed_machine_is_gone(domain):
    keytab = domain.path("r1.keytab")
    domain.machine("add", "REM1", "--keytab", keytab)
    domain.machine("remove", "REM1", "--yes")
    assert "sAMAccountName" not in domain.account("REM1", "sAMAccountName")
    assert "not found" in domain.login("REM1", keytab, expect=1).stderr
    domain.machine("remove", "REM1", "--yes", expect=4)


def test_an_administrator_with_a_password_adds_one_too(domain):
    keytab = domain.path("adm.keytab")
    domain.machine("add", "ADM1", "--keytab", keytab, conf=domain.admin)
    domain.login("ADM1", keytab)


def test_a_name_that_is_taken_keeps_its_keys(domain):
    keytab = domain.path("twice.keytab")
    domain.machine("add", "TWICE", "--keytab", keytab)
    other = domain.path("other.keytab")
    assert "exists already" in domain.machine("add", "TWICE", "--keytab", other, expect=9).stderr
    assert not os.path.exists(other)
    domain.login("TWICE", keytab)


def test_domain_controllers_are_left_alone(domain):
    for verb in (["disable", "DC1"], ["remove", "DC1", "--yes"]):
        assert "domain controller" in domain.machine(*verb, conf=domain.admin, expect=5).stderr
    assert "userAccountControl: 532480" in domain.account("DC1", "userAccountControl")


def test_no_account_is_made_in_another_forest_or_without_a_way_to_keep_its_keys(domain):
    foreign = domain.configure("foreign", f"user = Administrator\npassword_file = {domain.samba.admin_file}",
                               forest="other.example")
    keytab = domain.path("no.keytab")
    said = domain.machine("add", "NO1", "--keytab", keytab, conf=foreign, expect=5).stderr
    assert "only the lab forest is written to" in said
    assert not os.path.exists(keytab)
    assert "--keytab" in domain.machine("add", "NO1", expect=2).stderr
    assert "sAMAccountName" not in domain.account("NO1", "sAMAccountName")


def test_the_delegated_account_touches_no_machine_of_others(domain):
    domain.machine("add", "THEIRS", "--keytab", domain.path("theirs.keytab"), conf=domain.admin)
    domain.machine("disable", "THEIRS", expect=5)
    domain.machine("remove", "THEIRS", "--yes", expect=5)
    assert "userAccountControl: 4096\n" in domain.account("THEIRS", "userAccountControl")
    denied = domain.samba.ldap("ldapadd", stdin=f"dn: CN=x,CN=Computers,{BASE}\nobjectClass: container\n",
                               ccache=domain.samba.kinit(MAKER, domain.path(f"{MAKER}.keytab")), expect=None)
    assert denied.returncode == 50


# -- one-time passwords --

def new_machine(domain, name):
    """A workgroup machine's folder, and the file with its account's one-time password."""
    secret = domain.path(f"{name}.once")
    said = domain.machine("add", name, "--one-time", "--password-file", secret).stdout
    assert private(secret) and secret in said
    domain.run("adbaclient", "--machine", domain.path(name), "init", "--product", "Windows 11", "--edition", "Enterprise",
               "--bundle", domain.lab.bundle)
    return secret


def join(domain, name, secret, forest=DOMAIN, **kw):
    return domain.run("adbaclient", "--machine", domain.path(name), "join", "--domain", DOMAIN,
                      "--one-time-password-file", secret, "--lab-forest", forest, **kw)


def password_works(domain, name, secret):
    """Whether the account still has the password of the file."""
    with open(secret, encoding="utf-8") as f:
        done = domain.samba.kinit_with_password(f"{name}$", f.read().strip(), ccache=domain.path("cc-once"), expect=None)
    return done.returncode == 0


def test_a_one_time_password_joins_once_and_not_twice(domain):
    secret = new_machine(domain, "Once1")
    assert password_works(domain, "ONCE1", secret)
    join(domain, "Once1", secret)
    keytab = domain.path("Once1", "keytab")
    assert private(keytab)
    domain.login("ONCE1", keytab)
    assert not password_works(domain, "ONCE1", secret)
    version = domain.account("ONCE1", "msDS-KeyVersionNumber").split("msDS-KeyVersionNumber: ")[1].split()[0]
    shown = domain.samba.client.run("klist", "-k", keytab).stdout
    assert {line.split()[0] for line in shown.splitlines() if "ONCE1$" in line} == {version}
    refused = join(domain, "Once1", secret, expect=None)
    assert refused.returncode != 0 and "password is wrong, or was changed" in refused.stderr
    assert "keytab.new" not in os.listdir(domain.path("Once1"))
    domain.login("ONCE1", keytab)


def test_a_machine_that_joined_so_reaches_the_directory(domain):
    join(domain, "Once2", new_machine(domain, "Once2"))
    tried = domain.run("adbaclient", "--machine", domain.path("Once2"), "restart", expect=10).stdout
    # It logged in and looked; in this domain nobody made the containers.
    assert "there is no container CN=Activation Objects,CN=Microsoft SPP," in tried


def test_a_password_is_not_changed_in_another_forest_and_other_ways_of_joining_are_not_mixed(domain):
    secret = new_machine(domain, "Once3")
    assert "only the lab forest is written to" in join(domain, "Once3", secret, forest="other.example", expect=5).stderr
    domain.run("adbaclient", "--machine", domain.path("Once3"), "join", "--domain", DOMAIN, "--one-time-password-file", secret,
               "--keytab", domain.path("maker.conf"), expect=2)
    assert password_works(domain, "ONCE3", secret)
    assert "keytab" not in os.listdir(domain.path("Once3"))


def test_a_wrong_one_time_password_leaves_the_machine_where_it_was(domain):
    new_machine(domain, "Once4")
    wrong = domain.path("wrong")
    domain.samba.write_private(wrong, "not this one\n")
    assert "password is wrong" in join(domain, "Once4", wrong, expect=None).stderr
    assert not {"keytab", "keytab.new"} & set(os.listdir(domain.path("Once4")))


def test_keys_that_an_earlier_try_left_are_not_thrown_away(domain):
    secret = new_machine(domain, "Once5")
    left = domain.path("Once5", "keytab.new")
    domain.samba.write_private(left, "keys")
    assert "join with --keytab and that file" in join(domain, "Once5", secret, expect=9).stderr
    with open(left, encoding="utf-8") as f:
        assert f.read() == "keys"
    assert password_works(domain, "ONCE5", secret)


def test_a_change_without_an_answer_keeps_the_keys_that_may_be_valid(domain):
    """Nothing listens where krb5.conf says that passwords are changed."""
    secret = new_machine(domain, "Once6")
    domain.samba.write_network_files(domain.samba.client)
    path = os.path.join(domain.samba.client.etc, "krb5.conf")
    with open(path, encoding="utf-8") as f:
        right = f.read()
    domain.samba.client.write_etc("krb5.conf", right.replace("        admin_server =",
                                                             "        kpasswd_server = 127.0.0.1:9\n        admin_server ="))
    try:
        said = join(domain, "Once6", secret, expect=8).stderr
    finally:
        domain.samba.client.write_etc("krb5.conf", right)
    assert "if it was changed all the same, its keys are in" in said
    assert private(domain.path("Once6", "keytab.new"))
    assert password_works(domain, "ONCE6", secret)
    os.unlink(domain.path("Once6", "keytab.new"))
    join(domain, "Once6", secret)
    domain.login("ONCE6", domain.path("Once6", "keytab"))


def test_one_time_passwords_are_made_in_bulk_and_shown_only_where_no_file_keeps_them(domain):
    folder = domain.path("once")
    domain.machine("add", "ON", "--count", "3", "--one-time", "--out-dir", folder)
    assert sorted(os.listdir(folder)) == ["ON001.password", "ON002.password", "ON003.password"]
    assert all(password_works(domain, f"ON00{i}", os.path.join(folder, f"ON00{i}.password")) for i in (1, 2, 3))
    shown = domain.machine("add", "ON9", "--one-time").stdout
    kept = domain.path("on9")
    domain.samba.write_private(kept, shown.rsplit(": ", 1)[1])
    assert password_works(domain, "ON9", kept)


def test_a_machine_joins_at_one_controller_while_its_password_is_changed_at_another():
    """krb5.conf names dc1 for passwords; dc2 hears of the new one by replication."""
    with SambaLab("two") as samba, Lab() as lab:
        two = Domain(samba, lab)
        samba.dc2.replicate(BASE)  # the delegation, which was made at dc1
        secret = new_machine(two, "Far1")
        samba.dc1.replicate(BASE, source="dc2")
        samba.dc2.replicate(BASE)
        for dc in (samba.dc1, samba.dc2):
            wait_for(lambda: "FAR1$" in dc.local_search("(sAMAccountName=FAR1$)", "sAMAccountName"),  # pylint: disable=cell-var-from-loop
                     f"FAR1 at {dc.name}", 30)
        two.run("adbaclient", "--machine", two.path("Far1"), "join", "--domain", DOMAIN, "--directory", samba.dc2.uri,
                "--one-time-password-file", secret, "--lab-forest", DOMAIN)
        two.login("FAR1", two.path("Far1", "keytab"))

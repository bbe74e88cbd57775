"""The membership registry beside real Samba domain controllers, as the service account of
docs/samba.md, which sees no tombstones, and as an administrator, who does."""
import pytest

from lab import Lab, wait_for
from sambalab import ACCOUNT, BASE, DOMAIN, SambaLab

COMPUTERS = f"CN=Computers,{BASE}"


class Beside:
    """One adbad on the client of a Samba domain."""

    def __init__(self, topology):
        self.ad = SambaLab(topology)
        self.keytab = self.ad.prepare()[1]
        self.uri = self.ad.dc1.uri
        self.principal = ACCOUNT
        self.lab = Lab(prefix=self.ad.client.enter(), directory=self.settings)
        self.count = 0

    def settings(self):
        return {"uri": self.uri, "mechanism": "gssapi", "keytab": self.keytab, "principal": self.principal,
                "lab_forest": DOMAIN, "timeout": "10s", "retry": "1h", "sync_interval": "1h"}

    def daemon(self, **options):
        self.count += 1
        daemon = self.lab.daemon(f"kms{self.count}", options={f"directory.{k}": v for k, v in options.items()})
        wait_for(lambda: status(daemon)["good"] > 0, "first reading")
        return daemon

    def administrator(self):
        return self.daemon(principal="Administrator", keytab=self.ad.keytab("Administrator"))

    def close(self):
        self.lab.close()
        self.ad.close()


@pytest.fixture(scope="module")
def one():
    beside = Beside("one")
    yield beside
    beside.close()


def status(daemon):
    return daemon.ctl("membership", "status", "--json").json


def sync(daemon, *options):
    return daemon.ctl("membership", "sync", "--json", *options).json["last"]


def show(daemon, name):
    return daemon.ctl("membership", "show", name, "--json", expect=None).json


def verdict(daemon, name):
    return show(daemon, name)["verdict"]


def create(beside, *names):
    """Enabled computer accounts; samba-tool makes them disabled."""
    for name in names:
        beside.ad.dc1.tool("computer", "create", name)
        beside.ad.dc1.tool("user", "enable", f"{name}$")


def delete(beside, name):
    beside.ad.dc1.tool("computer", "delete", name)


def test_accounts_are_read_in_full_and_then_by_changes(one):
    daemon = one.daemon()
    first = status(daemon)["last"]
    assert first["how"] == "full" and first["entries"] >= 1
    assert verdict(daemon, "DC1") == "member"
    for number in range(1, 6):
        create(one, f"ONE{number}")
    last = sync(daemon)
    assert (last["how"], last["entries"]) == ("changes", 5)
    assert sync(daemon)["entries"] == 0
    account = show(daemon, "one3$")["account"]
    assert account["sid"].startswith(one.ad.domain_sid + "-")
    assert account["domain"] == DOMAIN
    assert account["dn"].lower() == f"cn=one3,{COMPUTERS}".lower()
    for name in (account["sid"], account["guid"]):
        assert show(daemon, name)["account"]["name"] == "ONE3"
    ldif = one.ad.search(account["dn"], "(objectClass=*)", "sAMAccountName", scope="base")
    assert "sAMAccountName: ONE3$" in ldif


def test_disabled_renamed_and_moved_accounts(one):
    create(one, "TWO1")
    create(one, "TWO2")
    daemon = one.daemon()
    guid = show(daemon, "TWO2")["account"]["guid"]
    one.ad.dc1.tool("user", "disable", "TWO1$")
    one.ad.modify(f"dn: CN=TWO2,{COMPUTERS}\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: NEW2$\n-\n"
                  "replace: dNSHostName\ndNSHostName: new2.lab.example\n\n"
                  f"dn: OU=Desks,{BASE}\nchangetype: add\nobjectClass: organizationalUnit\n\n"
                  f"dn: CN=TWO2,{COMPUTERS}\nchangetype: modrdn\nnewrdn: CN=NEW2\ndeleteoldrdn: 1\nnewsuperior: OU=Desks,{BASE}\n")
    assert sync(daemon)["entries"] == 2
    assert verdict(daemon, "TWO1") == "disabled"
    assert verdict(daemon, "TWO2") == "unknown-name"
    answer = show(daemon, "new2.lab.example")
    assert answer["verdict"] == "member" and answer["account"]["guid"] == guid
    assert answer["account"]["dn"] == f"CN=NEW2,OU=Desks,{BASE}"
    one.ad.dc1.tool("user", "enable", "TWO1$")
    # A parent's new name changes no uSNChanged below it.
    one.ad.modify(f"dn: OU=Desks,{BASE}\nchangetype: modrdn\nnewrdn: OU=Tables\ndeleteoldrdn: 1\n")
    sync(daemon, "--compare")
    assert verdict(daemon, "TWO1") == "member"
    assert show(daemon, "NEW2")["account"]["dn"] == f"CN=NEW2,OU=Tables,{BASE}"


def test_the_service_account_finds_deletions_by_comparing(one):
    create(one, "THREE1")
    create(one, "THREE2")
    daemon = one.daemon()
    assert status(daemon)["tells_deletions"] is False
    guid = show(daemon, "THREE2")["account"]["guid"]
    delete(one, "THREE1")
    sync(daemon)
    assert verdict(daemon, "THREE1") == "member"  # nobody told
    last = sync(daemon, "--compare")
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 0, 1)
    assert verdict(daemon, "THREE1") == "unknown-name"
    # Made again before it was missed: two of one name, until they are compared.
    delete(one, "THREE2")
    create(one, "THREE2")
    sync(daemon)
    assert show(daemon, "THREE2")["matches"] == 2 and verdict(daemon, "THREE2") == "unknown-name"
    sync(daemon, "--compare")
    answer = show(daemon, "THREE2")
    assert answer["verdict"] == "member" and answer["account"]["guid"] != guid


def test_an_administrator_is_told_deletions(one):
    create(one, "FOUR1", "FOUR2")
    delete(one, "FOUR2")  # whoever sees no tombstone at all is not taken for one who would
    daemon = one.administrator()
    assert status(daemon)["tells_deletions"] is True
    delete(one, "FOUR1")
    last = sync(daemon)
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 0, 1)
    assert verdict(daemon, "FOUR1") == "unknown-name"


def test_another_domain_controller_is_read_in_full():
    beside = Beside("two")
    try:
        for number in (1, 2):
            create(beside, f"FIVE{number}")
        daemon = beside.daemon(uri=f"{beside.ad.dc1.uri} {beside.ad.dc2.uri}")
        beside.ad.dc2.replicate(BASE)
        beside.ad.dc1.kill()
        last = sync(daemon)
        assert last["how"] == "full" and "another domain controller" in last["why_full"]
        assert verdict(daemon, "FIVE2") == "member"
        assert sync(daemon)["how"] == "changes"
        assert status(daemon)["failed"] == 0
    finally:
        beside.close()

"""Sessions with real Samba domain controllers: logins, encryption, failover, read-only controllers,
and what is said when something is wrong."""
import json
import os
import re

import pytest

import wire
from lab import BIN, wait_for
from sambalab import ADDRESSES, BASE, CLIENT_ADDRESS, CONFIG, DOMAIN, REALM, SambaLab, krb5_conf, new_password


class Host:
    """A machine of the domain that runs adbactl with a configuration of its own."""

    def __init__(self, lab):
        self.lab = lab
        self.keytab = lab.add_service_account("adbad")
        for dc in list(lab.dcs.values())[1:]:
            dc.replicate(BASE)
        self.runs = 0

    def ctl(self, *argv, expect=0, **directory):
        """adbactl with this [directory] section over the usual one; None takes a key away."""
        values = {"uri": self.lab.dc1.uri, "mechanism": "gssapi", "keytab": self.keytab, "lab_forest": DOMAIN,
                  "timeout": "20s", **directory}
        self.runs += 1
        path = os.path.join(self.lab.folder, f"adbad-{self.runs}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[directory]\n" + "".join(f"{k} = {v}\n" for k, v in values.items() if v is not None))
        return self.lab.client.run(os.path.join(BIN, "adbactl"), "--config", path, *argv, expect=expect)

    def machines(self, **directory):
        """Names of the domain's computer accounts, as they are read here."""
        return sorted(m["name"] for m in json.loads(self.ctl("machine", "list", "--json", **directory).stdout)["machines"])

    def refused(self, code, *words, **directory):
        """What a failing session says; each word must be in it."""
        said = self.ctl("machine", "list", expect=code, **directory).stderr
        for word in words:
            assert word in said
        return said


@pytest.fixture(scope="module")
def one():
    with SambaLab("one") as lab:
        yield Host(lab)


@pytest.fixture(scope="module")
def two():
    with SambaLab("two") as lab:
        yield Host(lab)


@pytest.fixture(scope="module")
def rodc():
    with SambaLab("rodc") as lab:
        yield Host(lab)


def password_file(host, text):
    path = os.path.join(host.lab.folder, "password")
    host.lab.write_private(path, text + "\n")
    return path


def without_keytab(host, text):
    return {"keytab": None, "user": "adbad", "password_file": password_file(host, text)}


# -- logins --

def test_a_keytab_logs_in_whatever_the_environment_says(one):
    assert "DC1" in one.machines()
    env = {"KRB5CCNAME": "FILE:/nonexistent/cc", "KRB5_KTNAME": "/nonexistent/keytab", "LDAPURI": "ldap://nowhere"}
    os.environ.update(env)
    try:
        assert "DC1" in one.machines()
    finally:
        for name in env:
            del os.environ[name]


@pytest.mark.parametrize("principal", ["adbad", f"adbad@{REALM}"])
def test_the_principal_may_be_named_with_or_without_its_realm(one, principal):
    assert "DC1" in one.machines(principal=principal)


def test_spnego_and_a_password_log_in_too(one):
    assert "DC1" in one.machines(mechanism="spnego")
    password = new_password()
    one.lab.dc1.tool("user", "create", "withpassword", password)
    how = {"keytab": None, "principal": "withpassword", "password_file": password_file(one, password)}
    assert "DC1" in one.machines(**how)
    assert "DC1" in one.machines(mechanism="spnego", **how)


def captured(lab, run):
    """All bytes that the client's interface sent and received while run() ran."""
    path = os.path.join(lab.folder, "wire.pcapng")
    with wire.captured(lab.client, path):
        run()
    with open(path, "rb") as f:
        return f.read()


@pytest.mark.parametrize("how", ["gssapi", "spnego", "starttls", "ldaps"])
def test_what_is_read_is_never_shown_on_the_way(one, how):
    password = new_password()
    one.lab.dc1.tool("user", "create", f"{how}-user", password)
    simple = {"mechanism": "simple", "keytab": None, "user": f"{how}-user@{DOMAIN}", "tls_ca": one.lab.ca_file,
              "password_file": password_file(one, password)}
    settings = {"gssapi": {}, "spnego": {"mechanism": "spnego"}, "starttls": {"tls": "starttls", **simple},
                "ldaps": {"uri": "ldaps://dc1.lab.example", **simple}}[how]
    read = []
    seen = captured(one.lab, lambda: read.extend(one.machines(**settings)))
    assert "DC1" in read
    for text in (password, "dNSHostName", "OU=Domain Controllers", "dsServiceName"):
        assert text.encode() not in seen


def test_kerberos_inside_tls_is_refused_by_samba_and_the_remedy_told(one):
    one.refused(3, "allow_sasl_over_tls", tls="starttls", tls_ca=one.lab.ca_file)


def test_reading_in_clear_would_be_seen_on_the_way(one):
    seen = captured(one.lab, lambda: one.lab.search_anonymous(one.lab.dc1, "", "base", "dsServiceName"))
    assert b"dsServiceName" in seen


# -- TLS --

def test_a_simple_bind_goes_inside_tls_only(one):
    password = new_password()
    one.lab.dc1.tool("user", "create", "simple", password)
    how = {"mechanism": "simple", "keytab": None, "user": f"simple@{DOMAIN}", "password_file": password_file(one, password)}
    assert "DC1" in one.machines(tls="starttls", tls_ca=one.lab.ca_file, **how)
    assert "DC1" in one.machines(uri="ldaps://dc1.lab.example", tls_ca=one.lab.ca_file, **how)
    one.refused(3, "would show the password", "starttls", **how)


@pytest.mark.parametrize("how", [{"tls": "starttls"}, {"uri": "ldaps://dc1.lab.example"}])
def test_a_certificate_of_an_unknown_authority_is_refused(one, how):
    one.refused(5, "certificate does not verify", "tls_ca", **how)


@pytest.mark.parametrize("how", [{"tls": "starttls", "uri": "ldap://alias.lab.example"}, {"uri": "ldaps://alias.lab.example"}])
def test_a_certificate_for_another_name_is_refused(one, how):
    hosts = os.path.join(one.lab.client.etc, "hosts")
    with open(hosts, "a", encoding="utf-8") as f:
        f.write(f"{one.lab.dc1.address} alias.lab.example\n")
    one.refused(5, "certificate does not verify", tls_ca=one.lab.ca_file, **how)


def test_a_tls_ca_that_cannot_be_read_is_a_configuration_error(one):
    one.refused(3, "/nonexistent.pem", tls="starttls", tls_ca="/nonexistent.pem")


# -- what is wrong, in words --

def test_an_unknown_principal_is_named(one):
    one.refused(5, "no such account", "nobody", principal="nobody", **{"keytab": None, "password_file": password_file(one, "x")})


def test_a_principal_that_the_keytab_lacks_is_named(one):
    one.refused(3, "has no key of", "klist -k", principal="another")


def test_a_file_that_is_no_keytab_and_one_that_others_can_read_are_refused(one):
    bad = os.path.join(one.lab.folder, "bad.keytab")
    one.lab.write_private(bad, "this is no keytab at all")
    one.refused(3, "no keytab", keytab=bad)
    os.chmod(bad, 0o644)
    one.refused(5, "keytab", "0644", keytab=bad)


def test_a_wrong_password_is_told_apart_from_an_unknown_account(one):
    one.refused(5, "password is wrong", **without_keytab(one, "not the password"))


def test_a_disabled_account_is_told(one):
    keytab = one.lab.add_service_account("idle")
    one.lab.dc1.tool("user", "disable", "idle")
    one.refused(5, "disabled", keytab=keytab)


def test_an_address_instead_of_a_name_is_refused_with_the_remedy(one):
    one.refused(3, "DNS name", uri=f"ldap://{one.lab.dc1.address}")


def test_after_a_rotated_password_the_old_keytab_is_told_and_a_new_one_in_its_place_works(one):
    keytab = one.lab.add_service_account("rotated")
    assert "DC1" in one.machines(keytab=keytab)
    one.lab.dc1.tool("user", "setpassword", "rotated", f"--newpassword={new_password()}")
    one.refused(5, "password was changed after the keytab was made", "export a new keytab", keytab=keytab)
    fresh = one.lab.keytab("rotated", keytab + ".new")
    os.replace(fresh, keytab)
    assert "DC1" in one.machines(keytab=keytab)


def skewed(host, extra, run):
    """Runs adbactl ten minutes off, with more in [libdefaults] of krb5.conf."""
    host.lab.write_network_files(host.lab.client, extra_krb5=extra)
    usual = host.lab.client.run
    try:
        host.lab.client.run = lambda *argv, **kw: usual("faketime", "-f", "+10m", *argv, **kw)
        return run()
    finally:
        host.lab.client.run = usual
        host.lab.write_network_files(host.lab.client)


def test_a_clock_ten_minutes_off_is_made_up_for(one):
    assert "DC1" in skewed(one, "", one.machines)


def test_a_clock_ten_minutes_off_is_told_where_kerberos_may_not_make_up_for_it(one):
    skewed(one, "    kdc_timesync = 0\n", lambda: one.refused(5, "clocks differ", "NTP"))


def test_the_controllers_own_kdc_serves_where_krb5_conf_names_one_that_is_gone(one):
    one.lab.client.write_etc("krb5.conf", krb5_conf(["10.53.0.77"]))
    try:
        assert "DC1" in one.machines()
    finally:
        one.lab.write_network_files(one.lab.client)


def test_a_realm_that_has_no_kdc_is_unreachable(one):
    how = {"keytab": None, "principal": "adbad@OTHER.EXAMPLE", "password_file": password_file(one, "x")}
    one.refused(6, "names a KDC of the realm", **how)
    one.lab.client.write_etc("krb5.conf", krb5_conf(["10.53.0.1"]).replace(
        "[realms]", "[realms]\n    OTHER.EXAMPLE = {\n        kdc = 10.53.0.77\n    }"))
    try:
        assert re.search(r"no KDC answered within [0-2]\.\d s", one.refused(6, timeout="2s", **how))
    finally:
        one.lab.write_network_files(one.lab.client)


# -- the contract of the port --

def contract(host, suite="test_dir_contract", **env):
    program = os.path.join(BIN, "..", "tests", suite)
    keytab = os.path.join(host.lab.folder, "Administrator.keytab")
    if not os.path.exists(keytab):
        host.lab.keytab("Administrator")
    done = host.lab.client.run(program, expect=None, env={
        "DIR_CONTRACT_URI": host.lab.dc1.uri, "DIR_CONTRACT_FOREST": DOMAIN, "DIR_CONTRACT_KEYTAB": keytab, **env})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("suite", ["test_dir_contract", "test_changes_contract"])
def test_samba_keeps_the_contract(one, suite):
    code, said = contract(one, suite)
    assert code == 0, said


# -- several controllers --

AUTO = {"uri": "auto", "domain": DOMAIN}


def test_a_controller_is_found_by_dns(two):
    assert "DC1" in two.machines(**AUTO)


def test_a_domain_that_dns_does_not_know_is_told(two):
    two.refused(6, "_ldap._tcp.dc._msdcs.nowhere.example", uri="auto", domain="nowhere.example")


def test_a_killed_controller_is_passed_over_and_used_again_later(two):
    lab = two.lab
    listed = {"uri": f"{lab.dc1.uri} {lab.dc2.uri}"}
    lab.dc1.kill()
    try:
        assert "DC2" in two.machines(**listed)
        for _ in range(4):  # whatever order DNS gives
            assert "DC2" in two.machines(**AUTO)
        lab.dc2.freeze()
        said = two.refused(6, lab.dc1.uri, lab.dc2.uri, timeout="2s", **listed)
        assert "none of 2 directory servers" in said
        lab.dc2.resume()
    finally:
        lab.dc2.resume()
        lab.dc1.start()
    assert "DC1" in two.machines(**listed)


def test_a_frozen_controller_is_given_up_within_the_deadline(two):
    lab = two.lab
    lab.dc1.freeze()
    try:
        assert re.search(r"answer(ed)? within [0-2]\.\d s", two.refused(6, uri=lab.dc1.uri, timeout="2s"))
        assert "DC2" in two.machines(uri=f"{lab.dc1.uri} {lab.dc2.uri}", timeout="5s")
    finally:
        lab.dc1.resume()


def last_server(seen):
    """The controller that the last data to an LDAP port went to (IPv4 without options, flags PSH and
    ACK): packets without data still follow when another controller closes late."""
    head = bytes([*map(int, CLIENT_ADDRESS.split("."))])
    found = re.findall(re.escape(head) + rb"(....)..\x01\x85.{9}\x18", seen, re.S)
    return ".".join(map(str, found[-1]))


def test_a_controller_of_our_own_site_is_preferred(two):
    lab = two.lab
    servers = f"CN=Servers,CN=Default-First-Site-Name,CN=Sites,{CONFIG}"
    for argv in (["create", "Branch"], ["subnet", "create", "10.53.0.0/24", "Branch"]):
        lab.dc1.tool("sites", *argv)
    lab.modify(f"dn: CN=DC2,{servers}\nchangetype: moddn\nnewrdn: CN=DC2\ndeleteoldrdn: 1\n"
               f"newsuperior: CN=Servers,CN=Branch,CN=Sites,{CONFIG}\n")
    lab.dc1.tool("dns", "add", lab.dc1.fqdn, f"_msdcs.{DOMAIN}", "_ldap._tcp.Branch._sites.dc", "SRV",
                 f"{lab.dc2.fqdn} 389 0 100", f"--use-krb5-ccache={lab.ccache}")
    lab.dc2.replicate()
    lab.dc2.replicate(f"DC=ForestDnsZones,{BASE}")
    for server in (lab.dc1.address, lab.dc2.address):  # either may be asked
        wait_for(lambda s=server: lab.resolve(f"_ldap._tcp.Branch._sites.dc._msdcs.{DOMAIN}", "SRV", s),
                 f"the site's record at {server}")
    for directory in [{}] * 8 + [{"site": "Branch"}]:  # DNS gives the domain's controllers in any order
        assert last_server(captured(lab, lambda: two.machines(**AUTO, **directory))) == ADDRESSES["dc2"]


# -- a read-only controller --

def test_a_write_on_a_read_only_controller_is_refused_naming_a_writable_one(rodc):
    code, said = contract(rodc, DIR_CONTRACT_URI=rodc.lab.ro1.uri)
    assert code != 0
    assert "read-only" in said and "dc1.lab.example" in said and "on_rodc" in said


def test_a_write_on_a_read_only_controller_goes_to_a_writable_one_where_that_is_wanted(rodc):
    code, said = contract(rodc, DIR_CONTRACT_URI=rodc.lab.ro1.uri, DIR_CONTRACT_LEAVE_RODC="1")
    assert code == 0, said


# -- foreign forests --

def test_nothing_is_written_to_a_foreign_forest(one):
    def children():
        return one.lab.search(f"CN=Services,{CONFIG}", "(objectClass=*)", "cn", scope="one")

    before = children()
    code, said = contract(one, DIR_CONTRACT_FOREST="other.example")
    assert code != 0
    assert "its forest is lab.example" in said and "only the lab forest is written to" in said
    assert children() == before

"""adbad's SRV records in Samba's own DNS, with the service account of docs/samba.md and nothing else; dig looks."""
import contextlib
import json
import os
import re
import signal

import pytest

import procfs
from lab import Lab, wait_for
from sambalab import ACCOUNT, BASE, DOMAIN, SambaLab

NAME = f"_vlmcs._tcp.{DOMAIN}"
HOST = f"client.{DOMAIN}"
OTHER = f"30 7 1688 kms9.{DOMAIN}."


class Site:
    """The domain, with its service account's keytab, and a realm whose daemons run on the client machine."""

    def __init__(self, samba):
        self.samba = samba
        self.hosts = 0
        _, self.keytab = samba.prepare()
        self.ccache = samba.kinit(ACCOUNT, self.keytab)
        folder = os.path.join(samba.folder, "site")
        os.makedirs(folder, mode=0o700)
        self.realms = Lab(folder=folder, prefix=samba.client.enter(), directory=self.directory)

    def directory(self):
        return {"uri": self.samba.dc1.uri, "mechanism": "gssapi", "keytab": self.keytab, "lab_forest": DOMAIN,
                "retry": "1s"}

    def host(self, options=None, prefix=(), **dns):
        """A new host, started; its port is its record's."""
        self.hosts += 1
        return self.realms.daemon(f"kms{self.hosts}", prefix=prefix, options={
            "dns.domains": DOMAIN, "dns.retry": "1s", **{f"dns.{k}": v for k, v in dns.items()}, **(options or {})})

    def records(self, name=NAME):
        return self.samba.resolve(name, "SRV")

    def ttl(self):
        out = self.samba.client.run("dig", "+noall", "+answer", f"@{self.samba.dc1.address}", NAME, "SRV").stdout
        return {line.split()[1] for line in out.splitlines()}

    def clear(self):
        """Stops the hosts and empties the name, as whoever owns it."""
        for daemon in self.realms.daemons:
            assert daemon.stop() in (None, 0)
        self.realms.daemons.clear()
        for ccache in (self.ccache, None):
            if self.records():
                self.samba.nsupdate(f"update delete {NAME} SRV", ccache=ccache)
        assert self.records() == []


@pytest.fixture(scope="module", name="domain")
def whole_domain():
    with SambaLab("one") as samba:
        site = Site(samba)
        yield site
        site.realms.close()


@pytest.fixture(name="site")
def clean_site(domain):
    yield domain
    domain.clear()


def record(daemon, priority=0, weight=0, host=HOST):
    return f"{priority} {weight} {daemon.port} {host}."


def published(daemon):
    return daemon.wait_log(rf"event 12294: published in {DOMAIN}: _vlmcs._tcp\.{DOMAIN} leads to")


def dns(daemon, verb, expect=0):
    return daemon.ctl("dns", verb, "--json", expect=expect).json


def only(status):
    assert len(status["domains"]) == 1
    return status["domains"][0]


def caches(daemon):
    """Of the updates, and any other beside the control socket."""
    tickets = os.listdir(daemon.control + ".tickets")
    return [os.path.join(daemon.control + ".tickets", n) for n in tickets] + \
        [os.path.join(daemon.folder, n) for n in os.listdir(daemon.folder) if "ccache" in n]


def test_a_host_publishes_itself_at_start_and_leaves_no_ticket_behind(site):
    host = site.host(priority=10, weight=20, ttl="10m")
    published(host)
    assert site.records() == [record(host, 10, 20)]
    assert site.ttl() == {"600"}
    assert caches(host) == []
    event = wait_for(lambda: host.ctl("kms", "events", "--json").json["events"], "the event is recorded")[0]
    assert (event["event_id"], event["info"]) == (12294, DOMAIN)
    status = dns(host, "check")
    assert status["publishing"] is True and 86000 < status["next_in"] <= 86400
    assert only(status)["state"] == "published"
    assert (only(status)["zone"], only(status)["primary"]) == (DOMAIN, site.samba.dc1.fqdn)
    assert only(status)["records"] == [{"priority": 10, "weight": 20, "port": host.port, "host": HOST, "whose": "current"}]


@pytest.mark.uninstrumented
def test_the_accounts_keys_and_tickets_stay_with_the_steward(site):
    """While rounds, looks and readings go on, each with a login by keytab."""
    host = site.host(interval="1s")
    published(host)
    host.wait_log("directory .* is up")
    host.wait_log("computer accounts?, read in full")
    pid, keys = host.process.pid, procfs.keytab_keys(site.keytab)
    with open(site.realms.bundle, encoding="utf-8") as f:
        derived = {"a derived key": bytes.fromhex(json.load(f)["keys"]["6"]["request"]["enc"])}
    assert procfs.stat(pid)[0] == "adbad" and len(keys) > 0
    for _ in range(3):
        assert only(dns(host, "check"))["state"] == "published"  # another round
        assert procfs.scan(pid, derived) == set(derived)  # the scan finds what is there
        assert procfs.scan(pid, keys) == set()
        assert [t for t in procfs.descriptors(pid) if "keytab" in t or "ccache" in t or "krb5cc" in t] == []


@pytest.mark.uninstrumented
def test_nsupdate_has_one_ticket_which_goes_with_a_steward_that_is_killed(site):
    host = site.host(interval="1s")
    published(host)
    steward = procfs.child(host.process.pid, "adbad-steward")

    def stopped():
        """The nsupdate of a round, held before its end."""
        job = procfs.child(steward, "adbad-update")
        pid = job and procfs.child(job, "nsupdate")
        if pid is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        return pid if procfs.is_alive(pid) and len(caches(host)) == 1 else None

    pid = wait_for(stopped, "nsupdate runs")
    listed = site.samba.client.run("klist", "-c", caches(host)[0]).stdout
    assert f"DNS/{site.samba.dc1.fqdn}@" in listed and "krbtgt" not in listed
    with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
        assert re.search(r"Max core file size +0 +0 ", f.read())
    os.kill(steward, signal.SIGKILL)
    assert host.process.wait(timeout=30) == 1
    wait_for(lambda: not procfs.is_alive(pid), "nsupdate has ended too")
    assert caches(host) == []
    os.truncate(host.log_path, 0)
    host.start()
    published(host)


def test_it_publishes_anew_every_interval(site):
    host = site.host(interval="1s")
    published(host)
    site.samba.nsupdate(f"update delete {NAME} SRV", ccache=site.ccache)
    wait_for(lambda: site.records() == [record(host)], "the record is back")


def test_records_of_other_hosts_are_left_alone(site):
    site.samba.nsupdate(f"update add {NAME} 60 SRV {OTHER}", ccache=site.ccache)
    first, second = site.host(host=f"kms1.{DOMAIN}"), site.host(host=f"kms2.{DOMAIN}", priority=5)
    published(first)
    published(second)
    both = [record(first, host=f"kms1.{DOMAIN}"), record(second, 5, host=f"kms2.{DOMAIN}")]
    assert site.records() == sorted([*both, OTHER])
    whose = {r["host"]: r["whose"] for r in only(dns(first, "check"))["records"]}
    assert whose == {f"kms1.{DOMAIN}": "current", f"kms2.{DOMAIN}": "other", f"kms9.{DOMAIN}": "other"}
    assert only(dns(first, "withdraw"))["state"] == "absent"
    assert site.records() == sorted([both[1], OTHER])


def test_a_changed_record_replaces_only_its_own_predecessor(site):
    site.samba.nsupdate(f"update add {NAME} 60 SRV {OTHER}\nupdate add {NAME} 60 SRV 3 3 9999 {HOST}", ccache=site.ccache)
    host = site.host(priority=1)
    published(host)
    host.stop()
    host.options.update({"dns.priority": "2", "dns.port": "4711"})
    host.write_conf()
    os.truncate(host.log_path, 0)
    host.start()
    published(host)
    assert site.records() == sorted([f"2 0 4711 {HOST}.", f"3 3 9999 {HOST}.", OTHER])
    whose = {r["port"]: r["whose"] for r in only(dns(host, "check"))["records"]}
    assert whose == {4711: "current", 9999: "this host", 1688: "other"}


def test_withdrawn_stays_withdrawn_until_it_is_published_again(site):
    host = site.host(interval="1s")
    published(host)
    assert only(dns(host, "withdraw"))["records"] == []
    assert site.records() == []
    assert dns(host, "check", expect=7)["publishing"] is False
    host.stop()
    host.start()
    assert only(dns(host, "check", expect=7))["state"] == "absent"
    assert host.status()["overrides"]["dns_publishing"] is False
    assert only(dns(host, "publish"))["event"] == 12294
    assert site.records() == [record(host)]
    assert host.status()["overrides"]["dns_publishing"] is True


def test_slmgr_turns_publishing_off_and_on(site):
    host = site.host()
    published(host)
    site.realms.client("slmgr", "/cdns", "--control", host.control)
    assert site.records() == [record(host)]  # as Windows: it is only not published any more
    status = dns(host, "check")
    assert status["publishing"] is False and "next_in" not in status
    site.samba.nsupdate(f"update delete {NAME} SRV", ccache=site.ccache)
    host.stop()
    host.start()
    assert dns(host, "check", expect=7)["publishing"] is False
    site.realms.client("slmgr", "/sdns", "--control", host.control)
    wait_for(lambda: site.records() == [record(host)], "the record is there again")


def test_a_record_set_of_another_account_is_not_changed_and_the_refusal_is_clear(site):
    domain, theirs = f"branch.{DOMAIN}", f"_vlmcs._tcp.branch.{DOMAIN}"
    site.samba.nsupdate(f"update add {theirs} 60 SRV {OTHER}")  # as the administrator
    host = site.host(domains=domain)
    host.wait_log(rf"event 12293: 0x80072338, not published in {domain}: .*does not make the update")
    assert site.records(theirs) == [OTHER]
    done = host.ctl("dns", "publish", expect=5)
    assert "give the service account write permission" in done.err and "0x80072338" in done.err
    assert "absent" in done.out and f"kms9.{DOMAIN}" in done.out
    assert only(dns(host, "publish", expect=5))["event"] == 12293
    events = host.ctl("kms", "events", "--json").json["events"]
    assert [(e["event_id"], e["info"]) for e in events] == [(12293, f"0x80072338,{domain}")]
    # The remedy: whoever owns the records lets the account write, and the next attempt succeeds.
    node = f"DC=_vlmcs._tcp.branch,DC={DOMAIN},CN=MicrosoftDNS,DC=DomainDnsZones,{BASE}"
    site.samba.run_example(f"samba-tool dsacl set -H {site.samba.dc1.uri} --use-kerberos=required --objectdn='{node}' "
                           f"--sddl='(A;;RPWPLCRC;;;{site.samba.sid_of(ACCOUNT)})'")
    host.wait_log(rf"event 12294: published in {domain}:")
    assert site.records(theirs) == sorted([record(host), OTHER])
    dns(host, "withdraw")
    assert site.records(theirs) == [OTHER]


def test_a_domain_outside_the_lab_forest_is_refused(site):
    host = site.host(domains=f"{DOMAIN}, elsewhere.test")
    published(host)
    host.wait_log(r"event 12293: .*elsewhere\.test: it is no domain of the lab forest \(lab\.example\)")
    by_name = {d["domain"]: d for d in dns(host, "publish", expect=5)["domains"]}
    assert by_name[DOMAIN]["state"] == "published"
    assert by_name["elsewhere.test"]["error"] == "refused"


def test_a_record_outside_the_lab_forest_goes_with_its_relay(site):
    upstream = site.host(domains=None)
    host = site.host(options={"directory.lab_forest": "elsewhere.test", "relay.upstream": upstream.address,
                              "relay.check": "1s"})
    published(host)
    assert "event 12293" not in host.log()
    upstream.stop()
    host.wait_log("event 12293: .*what was published there stays for now")
    host.wait_log("event 12293: .*what was published there is withdrawn")
    assert site.records() == []
    upstream.start()
    wait_for(lambda: site.records() == [record(host)], "it is published again")
    host.stop()
    host.options["relay.upstream"] = None
    host.write_conf()
    host.start()
    wait_for(lambda: host.log().count("what was published there is withdrawn") == 2, "it is withdrawn at once")
    assert site.records() == []


def test_a_record_outside_the_lab_forest_goes_with_its_relay_also_where_nothing_is_published_by_itself(site):
    upstream = site.host(domains=None)
    host = site.host(publish="no", options={"directory.lab_forest": "elsewhere.test", "relay.upstream": upstream.address,
                                            "relay.check": "1s"})
    wait_for(lambda: host.ctl("relay", "status", "--json").json["healthy"], "the relay is healthy")
    assert only(dns(host, "publish"))["state"] == "published"
    upstream.stop()
    host.wait_log(f"not withdrawn from {DOMAIN}: .*what was published there stays for now")
    host.wait_log(f"nothing of ours is left in {DOMAIN}")
    assert site.records() == []
    upstream.start()
    wait_for(lambda: host.ctl("relay", "status", "--json").json["healthy"], "the relay is healthy again")
    assert only(dns(host, "publish"))["state"] == "published"
    host.stop()
    host.options["relay.upstream"] = None
    host.write_conf()
    host.start()
    wait_for(lambda: host.log().count(f"nothing of ours is left in {DOMAIN}") == 2, "it is withdrawn at once")
    assert site.records() == []


def test_the_last_domain_that_is_no_longer_named_is_withdrawn(site):
    host = site.host()
    published(host)
    host.stop()
    host.options["dns.domains"] = None
    host.write_conf()
    host.start()
    host.wait_log(rf"nothing of ours is left in {DOMAIN}")
    assert site.records() == []


def test_a_domain_that_is_no_longer_named_is_withdrawn(site):
    host = site.host(domains=f"{DOMAIN}, _msdcs.{DOMAIN}")
    host.wait_log(rf"event 12294: published in _msdcs\.{DOMAIN}:")
    assert site.records(f"_vlmcs._tcp._msdcs.{DOMAIN}") == [record(host)]
    host.stop()
    host.options["dns.domains"] = DOMAIN
    host.write_conf()
    host.start()
    host.wait_log(rf"nothing of ours is left in _msdcs\.{DOMAIN}")
    assert site.records(f"_vlmcs._tcp._msdcs.{DOMAIN}") == []
    assert site.records() == [record(host)]


def test_a_killed_host_still_knows_what_is_its_own(site):
    host = site.host(priority=1)
    published(host)
    host.kill()
    with open(os.path.join(host.folder, "state", "dns", "dns.json"), encoding="utf-8") as f:
        assert json.load(f)["records"] == [{"domain": DOMAIN, "host": HOST, "priority": 1, "weight": 0, "port": host.port}]
    host.options["dns.priority"] = "2"
    host.write_conf()
    host.start()
    wait_for(lambda: site.records() == [record(host, 2)], "the old record is replaced")


@pytest.mark.parametrize("settings,prefix,text", [
    ({"directory.keytab": "/nonexistent.keytab"}, [], r"keytab: .*/nonexistent\.keytab"),
    ({"directory.mechanism": "none", "directory.keytab": None}, [], "secure updates need a Kerberos account"),
    ({}, ["env", "PATH=/nonexistent"], "nsupdate is not installed"),
])
def test_what_is_missing_is_named(site, settings, prefix, text):
    host = site.host(settings, prefix)
    host.wait_log(f"event 12293: .*not published in {DOMAIN}: .*{text}")
    assert site.records() == []


def test_a_frozen_server_holds_up_neither_service_nor_the_end(site):
    site.samba.dc1.freeze()
    try:
        host = site.host()
        host.wait_log(rf"event 12293: 0x8007267C, not published in {DOMAIN}: .*in time")
        assert host.status()["dns"]["domains"][0]["error"] == "timed out"
        assert host.ctl("dns", "check", expect=6).err
        assert host.stop() == 0
    finally:
        site.samba.dc1.resume()


def test_without_dns_the_host_serves_says_so_and_publishes_when_it_comes(site):
    site.samba.dc1.stop()
    try:
        host = site.host()
        host.wait_log(rf"event 12293: 0x8007[0-9A-F]+, not published in {DOMAIN}: .*KMS requests are served meanwhile")
        site.realms.install_hostkey(host)
        machine = os.path.join(host.folder, "pc")
        site.realms.client("--machine", machine, "init", "--product", "Windows Server 2022", "--edition", "Standard",
                           "--bundle", site.realms.bundle, "--clock", site.realms.clock, "--kms", host.address)
        done = site.realms.client("--machine", machine, "slmgr", "/ato", expect=10)  # the count is 1
        assert "0xC004F038" in done.out + done.err
        assert host.ctl("dns", "check", expect=6).err
    finally:
        site.samba.dc1.start()
    published(host)
    assert site.records() == [record(host)]
    assert len(re.findall("event 12293", host.log())) <= 4  # told when it begins or changes

"""Reloading: every key that can take effect does, the others are named, and nobody who asks notices."""
import json
import os
import re
import signal
import threading

import pytest

import procfs
from kms_lab import Clients
from kms_raw import ACK, RawClient, refused, served
from lab import Lab, free_port, read_until_closed, wait_for
from rpc_pdu import bind_pdu, read_pdu

CONFIG = 3
REFUSING = 0xC004F042
GROUP = "Volume License for Windows Server 2022"
OFFICE = "Office LTSC 2021 KMS host key"


class Host(RawClient):
    """A daemon whose configuration changes while it serves."""

    def ask(self, command):
        return self.daemon.ask(command)

    def reload(self, options):
        """Puts the options into the file, and has it read."""
        self.daemon.options = dict(options)
        self.daemon.write_conf()
        return self.ask("reload")

    def change(self, options):
        """The same; the keys that took effect must be these."""
        before = dict(self.daemon.options)
        reply = self.reload(options)
        assert reply["ok"] is True, reply
        differ = {k for k in {*before, *options} if before.get(k) != options.get(k)}
        assert ({c["key"] for c in reply["applied"]}, reply["restart"]) == ({named(k) for k in differ}, [])

    def activates(self, s):
        s.sendall(bind_pdu())
        assert self.meaning(read_pdu(s)) == ACK
        s.sendall(self.call())
        return self.meaning(read_pdu(s))

    def outcome(self):
        """What a client gets on a connection of its own."""
        self.sealed.clear()
        with self.connect() as s:
            return self.activates(s)

    def is_turned_away(self):
        try:
            with self.connect() as s:
                s.sendall(bind_pdu())
                return read_until_closed(s) == b""
        except OSError:
            return True

    def closed(self, reason):
        return self.daemon.status()["connections"]["closed"].get(reason, 0)

    def key(self, group):
        (found,) = [k for k in self.daemon.status()["host_keys"] if k["group"] == group]
        return found


def named(option):
    return "[{}] {}".format(*option.split("."))


@pytest.fixture(name="host", scope="module")
def one_host_for_all():
    with Lab() as lab:
        yield Host(lab)


@pytest.fixture(autouse=True)
def the_host_is_as_it_was(request):
    yield
    if "host" in request.fixturenames:
        host = request.getfixturevalue("host")
        assert host.reload({})["ok"] is True
        assert host.outcome() == served()


# -- keys of a host without a directory: probes leave the host with other settings --

def intervals(host):
    with Clients(host.daemon.lab, host.daemon.port).connect() as c:
        answer, _ = host.clients.ask(c)
    return answer.activation_interval, answer.renewal_interval


def activation_interval(host):
    assert intervals(host) == (120, 7 * 24 * 60)
    host.change({"kms.activation_interval": "3h"})
    assert intervals(host) == (180, 7 * 24 * 60)


def renewal_interval(host):
    host.change({"kms.renewal_interval": "1d"})
    assert intervals(host) == (120, 24 * 60)


def max_connections(host):
    wait_for(lambda: host.daemon.status()["connections"]["open"] == 0, "those of before have gone")
    with host.connect() as first:
        assert host.activates(first) == served()
        host.change({"kms.max_connections": "1"})
        with host.connect() as second:
            second.sendall(bind_pdu())
            host.daemon.wait_log("accepting pauses with 1 connections open: .*max_connections")
            host.change({"kms.max_connections": "2"})
            assert host.meaning(read_pdu(second)) == ACK


def max_per_source(host):
    with host.connect() as first:
        host.change({"kms.max_per_source": "1"})
        assert host.activates(first) == served()
        assert host.is_turned_away()
    assert host.closed("source-limit") == 1


def idle(host):
    """Also who is silent already: it would have 30 s."""
    with host.connect() as s:
        assert host.activates(s) == served()
        before = host.closed("idle-timeout")
        host.change({"kms.idle": "1s"})
        s.settimeout(20)
        assert s.recv(1) == b""
        wait_for(lambda: host.closed("idle-timeout") == before + 1, "the end is counted")


def allow(host):
    with host.connect() as s:
        s.sendall(bind_pdu())
        assert host.meaning(read_pdu(s)) == ACK
        host.change({"kms.allow": "192.0.2.0/24"})
        assert host.is_turned_away()
        s.sendall(host.call())  # who is connected stays
        assert host.meaning(read_pdu(s)) == served()


def deny(host):
    host.change({"kms.deny": "127.0.0.0/8"})
    assert host.is_turned_away()


def proxies(host):
    host.change({"kms.proxies": "127.0.0.1"})
    before = host.closed("bad-proxy-header")
    assert host.is_turned_away()
    assert host.closed("bad-proxy-header") == before + 1


def mode(host):
    host.change({"kms.mode": "refuse"})
    assert host.outcome() == refused(REFUSING)
    assert host.daemon.status()["mode"] == "refuse"
    host.daemon.wait_log(r"\[kms\] mode = refuse: every request is refused")


def host_os(host):
    every = host.key(GROUP)["kms_ids_served"]
    host.change({"kms.host_os": "Windows Server 2016"})
    assert host.key(GROUP)["kms_ids_served"] < every and "KB5003638" in host.key(GROUP)["lacks"]


def updates(host):
    """They count for keys that are installed from then on; the daemon only judges their names."""
    host.change({"kms.host_os": "Windows Server 2016", "kms.updates": "KB5003638"})
    reply = host.reload({"kms.host_os": "Windows Server 2016", "kms.updates": "KB1"})
    assert reply["ok"] is False and "KB1" in reply["text"]


def packs(host):
    host.daemon.lab.install_hostkey(host.daemon, OFFICE)
    host.change({"kms.host_os": "Windows Server 2022"})
    assert host.key(OFFICE)["kms_ids_served"] == 0
    host.change({"kms.host_os": "Windows Server 2022", "kms.packs": "Office"})
    assert host.key(OFFICE)["kms_ids_served"] > 0
    host.daemon.ctl("hostkey", "uninstall", OFFICE)


def log_level(host):
    host.change({"log.level": "error"})
    host.clients.count(workstation="UNHEARD")
    host.change({"log.level": "info"})
    host.clients.count(workstation="HEARD")
    host.daemon.wait_log('"HEARD"')
    assert '"UNHEARD"' not in host.daemon.log()


ALONE = {"kms.activation_interval": activation_interval, "kms.renewal_interval": renewal_interval,
         "kms.max_connections": max_connections, "kms.max_per_source": max_per_source, "kms.idle": idle,
         "kms.allow": allow, "kms.deny": deny, "kms.proxies": proxies, "kms.mode": mode, "kms.host_os": host_os,
         "kms.updates": updates, "kms.packs": packs, "log.level": log_level}


@pytest.mark.parametrize("key", ALONE)
def test_takes_effect_in_a_host_alone(host, key):
    ALONE[key](host)


def test_keep_takes_effect(lab):
    host = Host(lab, options={"store.keep": "0d"})
    for _ in range(3):
        host.clients.count()
    host.daemon.ctl("clock", "advance", "40d")
    host.change({"store.keep": "31d"})
    host.daemon.wait_log("records from before .* left the ledger")


def test_only_takes_effect_in_a_relay(lab):
    """The upstream answers nothing: what is relayed gets a fault."""
    up = {"relay.upstream": f"127.0.0.1:{free_port()}"}
    host = Host(lab, options=up)
    host.daemon.wait_log("upstream .* is down")
    assert host.outcome() == served()
    host.change({**up, "relay.only": "all"})
    assert host.outcome()[0] == "fault"
    host.change(up)
    assert host.outcome() == served()


def test_what_refusing_means_is_told_as_it_changes(lab):
    """Where all is relayed nothing is refused; the upstream answers nothing, so what is relayed gets a fault."""
    up = {"relay.upstream": f"127.0.0.1:{free_port()}", "kms.mode": "refuse"}
    host = Host(lab, options={**up, "relay.only": "all"})
    host.daemon.wait_log(r"\[kms\] mode = refuse: nothing is refused by it, since \[relay\] only = all")
    assert host.outcome()[0] == "fault"
    assert "every request is refused" not in host.daemon.log()
    assert "(relays everything)" in host.daemon.ctl("top", "--once").out
    host.change(up)
    assert host.outcome() == refused(REFUSING)
    host.daemon.wait_log(r"\[kms\] mode = refuse: every request is refused")
    assert "(mode refuse)" in host.daemon.ctl("top", "--once").out


# -- keys of a host beside a directory --

class Beside(Host):
    def __init__(self, lab, options=None):
        super().__init__(lab, options={"directory.sync_interval": "1h", "directory.retry": "1h", **(options or {})})
        wait_for(lambda: self.membership()["state"] == "good", "first reading")

    def membership(self):
        return self.daemon.ctl("membership", "status", "--json").json

    def looks(self):
        return self.daemon.status()["directory"]["check"]

    def look(self):
        """Has the daemon look at the directory; what it then says of it."""
        number = self.ask("kms.directory-check")["check"]
        wait_for(lambda: self.looks() >= number, "the look has ended")
        return self.daemon.status()["directory"]

    def dns(self):
        return self.ask("dns.status")["status"]

    def but(self, **other):
        return {**self.daemon.options, **{f"directory.{k}": v for k, v in other.items()}}


def retry(host):
    host.change(host.but(retry="1s"))
    seen = host.looks()
    wait_for(lambda: host.looks() > seen + 1, "it looks again and again")


def sync_interval(host):
    host.change(host.but(sync_interval="1s"))
    seen = host.membership()["sync"]
    wait_for(lambda: host.membership()["sync"] > seen + 1, "it synchronizes again and again")


def max_stale(host):
    host.change(host.but(max_stale="1d"))
    host.daemon.lab.directory_down()
    host.daemon.ctl("clock", "advance", "25h")
    wait_for(lambda: host.membership()["state"] == "stale", "it holds no longer")
    host.change(host.but(max_stale="2d"))
    assert host.membership()["state"] == "good"
    verdict = host.daemon.ctl("membership", "show", "PC01", "--json", expect=None).json["verdict"]
    assert verdict == "member"


class Covered:
    """A member whose product an activation object covers."""

    def __init__(self, host):
        self.host = host
        self.covered = Clients(host.daemon.lab, host.daemon.port, "Windows Server 2022", "Standard")
        host.daemon.ctl("ao", "create", "--group", GROUP)
        host.look()

    def channel(self):
        """How the ledger has a request of the member."""
        self.covered.ask(workstation="PC01")
        return self.host.daemon.ctl("kms", "activations", "--json").json["activations"][0]["channel"]


def proof(host):
    member = Covered(host)
    assert member.channel() == "kms"
    host.change(host.but(proof="name"))
    assert member.channel() != "kms"
    host.daemon.wait_log(r"\[directory\] proof = name: whoever names a member's name is believed")
    host.change(host.but(proof="none"))
    assert member.channel() == "kms"


def members(host):
    member = Covered(host)
    host.change(host.but(proof="name"))
    assert member.channel() != "kms"
    host.change({**host.daemon.options, "kms.members": "count"})
    assert member.channel() == "kms"


def dns(beside, **other):
    return {**beside.daemon.options, **{f"dns.{k}": v for k, v in other.items()}}


def dns_publish(host):
    assert host.dns()["publishing"] is True
    host.change(dns(host, publish="no"))
    assert host.dns()["publishing"] is False


def dns_retry(host):
    """Nothing can be published here: the next round is a retry."""
    wait_for(lambda: host.dns().get("next_in", 0) > 60, "the first round failed")
    rounds = host.dns()["round"]
    host.change(dns(host, retry="1s"))
    wait_for(lambda: host.dns()["round"] > rounds + 1, "it is tried again and again")


# -- what the steward's jobs work by: it reads the files itself --

def goes_down(host, options, why):
    """The next look fails, and says so; with the old settings it is up again."""
    before = dict(host.daemon.options)
    assert host.look()["state"] == "up"
    host.change({**before, **options})
    seen = host.look()
    assert seen["state"] == "down" and why in seen["why"]
    host.change(before)
    assert host.look()["state"] == "up"


def uri(host):
    goes_down(host, {"directory.uri": "ldapi://%2Fnowhere"}, "nowhere")


def user(host):
    goes_down(host, {"directory.user": "nobody"}, "")


def mechanism(host):
    goes_down(host, {"directory.mechanism": "simple"}, "")


def password_file(host):
    path = os.path.join(host.daemon.folder, "other.password")
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("not the password\n")
    goes_down(host, {"directory.password_file": path}, "")


def lab_forest(host):
    assert not host.look()["why"]
    host.change(host.but(lab_forest="elsewhere.example"))
    assert "elsewhere.example" in host.look()["why"]


def search_base(host):
    assert host.membership()["why"] is None
    host.change(host.but(search_base="OU=Nowhere,DC=lab,DC=example"))
    wait_for(lambda: host.membership()["why"], "there is no such entry")
    assert host.membership()["state"] == "never"  # what was read before was another part


def objects(host):
    return [o["name"] for o in host.look()["objects"]]


def steward(host):
    assert objects(host) == []
    host.change({**host.daemon.options, "adba.steward": "yes"})
    assert objects(host) == [GROUP]


def groups(host):
    host.change({**host.daemon.options, "adba.steward": "yes", "adba.groups": OFFICE})
    assert objects(host) == []
    host.change({**host.daemon.options, "adba.groups": GROUP})
    assert objects(host) == [GROUP]


def published(**other):
    """A key of [dns] that the last round tells."""
    def probe(host):
        rounds = host.dns()["round"]
        host.change(dns(host, **{k: v for k, (v, _) in other.items()}))
        # One that was under way may end before.
        wait_for(lambda: host.dns()["round"] > rounds and all(told in json.dumps(host.dns()) for _, told in other.values()),
                 "a round is made at once")
    return probe


BESIDE = {"directory.retry": retry, "directory.sync_interval": sync_interval, "directory.max_stale": max_stale,
          "directory.proof": proof, "kms.members": members, "directory.uri": uri,
          "directory.user": user, "directory.mechanism": mechanism, "directory.password_file": password_file,
          "directory.lab_forest": lab_forest, "directory.search_base": search_base, "adba.steward": steward,
          "adba.groups": groups}
DNS = {"dns.publish": dns_publish, "dns.retry": dns_retry,
       "dns.domains": published(domains=("a.example", '"domain": "a.example"')),
       "dns.host": published(host=("b.example", '"host": "b.example"')),
       "dns.port": published(port=("1699", '"port": 1699')),
       "dns.priority": published(priority=("7", '"priority": 7')),
       "dns.weight": published(weight=("8", '"weight": 8')), "dns.ttl": published(ttl=("2h", '"ttl": 7200'))}
# They go the same way as their neighbours above, to jobs that the lab directory cannot have show them.
LIKEWISE = {"directory.site": "Elsewhere", "directory.keytab": None, "directory.principal": "somebody",
            "directory.tls": "starttls", "directory.tls_ca": "/elsewhere/ca", "directory.on_rodc": "switch",
            "directory.timeout": "11s", "directory.list_interval": "2h", "clearing.host": "192.0.2.1:1",
            "dns.interval": "12h"}


def beside_with_a_machine(lab):
    host = Beside(lab)
    host.daemon.ctl("machine", "add", "PC01")
    host.daemon.ctl("membership", "sync")
    return host


@pytest.mark.parametrize("key", BESIDE)
def test_takes_effect_beside_a_directory(lab_with_directory, key):
    host = beside_with_a_machine(lab_with_directory)
    BESIDE[key](host)


@pytest.mark.parametrize("key", DNS)
def test_takes_effect_in_what_is_published(lab_with_directory, key):
    DNS[key](Beside(lab_with_directory, {"dns.domains": "lab.example", "dns.host": "kms.lab.example"}))


# -- what needs a restart --

RESTART = {
    "realm.dir": "/elsewhere", "realm.bundle": "/elsewhere/client.bundle",
    "realm.secret": "/elsewhere/secret", "store.state_dir": "/elsewhere",
    "store.secrets_dir": "/elsewhere.private",
    "store.ledger": "/elsewhere/ledger.db", "kms.listen": "127.0.0.1:1", "kms.restart": "forget", "kms.workers": "1",
    "kms.keytab": "/elsewhere/keytab", "directory.domain": "elsewhere.example", "directory.job_limit": "31m",
    "relay.upstream": "192.0.2.1", "relay.domain": "elsewhere.example",
    "relay.dns_server": "192.0.2.1", "relay.connections": "1", "relay.queue": "1", "relay.patience": "9s",
    "relay.attempt": "2s", "relay.check": "11s", "clearing.serve": "yes", "catalog.dir": "/elsewhere",
    "web.listen": "127.0.0.1:1", "web.names": "elsewhere.example", "web.max_connections": "2",
    "web.max_per_source": "2", "web.timeout": "11s", "control.socket": "/elsewhere/socket", "log.target": "journal",
    "log.file": "/elsewhere/log", "lab.enabled": "no", "lab.clock": None,
}
def table(host):
    rows = host.daemon.ctl("conf", "show", "--json").json["keys"]
    return {f"{row['section']}.{row['key']}": row["takes_effect"] for row in rows}


def test_every_key_is_tried(host):
    classes = table(host)
    assert {k for k, when in classes.items() if when == "restart"} == set(RESTART)
    assert {k for k, when in classes.items() if when == "reload"} == \
        {*ALONE, *BESIDE, *DNS, *LIKEWISE, "store.keep", "relay.only"}


def test_what_needs_a_restart_is_named_and_stays_as_it_is(lab):
    """One key after the other where that can stand alone, then all of them."""
    host = Host(lab)
    for key, value in RESTART.items():
        if key in ("lab.enabled", "lab.clock"):
            continue
        reply = host.reload({key: value})
        assert reply["ok"] is True, (key, reply)
        assert named(key) in {c["key"] for c in reply["restart"]} and reply["applied"] == [], key
    reply = host.reload({**RESTART, "clearing.serve": None})
    assert reply["ok"] is True, reply
    assert {c["key"] for c in reply["restart"]} == {named(k) for k in RESTART if k != "clearing.serve"}
    assert host.outcome() == served()
    host.daemon.wait_log(r"configuration: \[kms\] listen changed, needs a restart")
    reply = host.reload({})
    assert (reply["applied"], reply["restart"]) == ([], [])


def test_what_goes_the_same_way_is_taken(lab_with_directory):
    host = Beside(lab_with_directory)
    host.change({**host.daemon.options, **{k: v for k, v in LIKEWISE.items() if v}})


def test_another_domain_needs_a_restart_with_all_of_its_section(lab_with_directory):
    """Nor do an account and a server of the other domain meet those of this one."""
    host = Beside(lab_with_directory)
    reply = host.reload(host.but(domain="elsewhere.example", user="cn=nobody", retry="2h"))
    assert (reply["applied"], {c["key"] for c in reply["restart"]}) == \
        ([], {"[directory] domain", "[directory] user", "[directory] retry"})
    assert host.look()["state"] == "up"


def test_what_is_relayed_needs_a_restart_with_its_upstream(host):
    reply = host.reload({"relay.upstream": "192.0.2.1", "relay.only": "all"})
    assert (reply["applied"], {c["key"] for c in reply["restart"]}) == ([], {"[relay] upstream", "[relay] only"})
    assert host.outcome() == served()


def test_where_a_record_leads_changes_with_the_port_alone(host):
    reply = host.reload({"kms.listen": "127.0.0.1:1", "dns.port": "1"})
    assert reply["ok"] is False
    assert "[dns] port" in reply["text"] and "[kms] listen" in reply["text"] and "restart" in reply["text"]
    reply = host.reload({"dns.port": "1"})
    assert [c["key"] for c in reply["applied"]] == ["[dns] port"]


def test_a_directory_that_appears_needs_a_restart_with_all_of_its_section(host):
    reply = host.reload({"directory.uri": "ldapi://%2Fnowhere", "directory.mechanism": "external",
                         "directory.proof": "none"})
    assert (reply["applied"], {c["key"] for c in reply["restart"]}) == \
        ([], {"[directory] uri", "[directory] mechanism", "[directory] proof"})


NOWHERE = "ldapi://%2Fnowhere"


def test_nothing_holds_of_a_directory_that_is_not_asked_any_more(lab_with_directory):
    host = beside_with_a_machine(lab_with_directory)
    member = Covered(host)
    host.change(host.but(proof="name"))
    assert member.channel() != "kms"
    before = dict(host.daemon.options)
    host.change(host.but(uri=NOWHERE))
    assert member.channel() == "kms" and host.membership()["state"] == "never"
    wait_for(lambda: "nowhere" in (host.membership()["why"] or ""), "the other one was asked")
    assert member.channel() == "kms" and host.look()["state"] == "down"
    host.change(before)
    wait_for(lambda: host.membership()["state"] == "good", "it was read")
    assert host.membership()["last"]["how"] == "full" and host.look()["state"] == "up"
    assert member.channel() != "kms"


def test_what_a_look_at_the_directory_before_still_finds_does_not_count(lab_with_directory):
    """Nor is a reading of its accounts waited for."""
    host = beside_with_a_machine(lab_with_directory)
    member = Covered(host)
    host.change(host.but(proof="name", timeout="5m"))
    assert member.channel() != "kms"
    host.look()
    steward = procfs.child(host.daemon.process.pid, "adbad-steward")
    seen = host.looks()
    with procfs.stopped(lab_with_directory.directory_pid()):
        host.ask("kms.directory-check")
        host.ask("membership.sync")
        for job in ("adbad-look", "adbad-accounts"):
            wait_for(lambda j=job: procfs.child(steward, j), "it waits for the directory")
        host.change(host.but(uri=NOWHERE))
        wait_for(lambda: "nowhere" in (host.membership()["why"] or ""), "the other one was asked")
    wait_for(lambda: host.looks() >= seen + 2, "both looks have ended")
    assert host.daemon.status()["directory"]["state"] == "down"
    assert member.channel() == "kms"


def test_a_record_that_has_to_go_is_not_left_to_another_account(lab_with_directory):
    host = Beside(lab_with_directory)
    kept = os.path.join(host.daemon.folder, "state", "dns", "dns.json")
    with open(kept, "w", encoding="ascii") as f:
        json.dump({"records": [{"domain": "lab.example", "host": "kms.lab.example",
                                "priority": 0, "weight": 0, "port": 1688}]}, f)
    before = dict(host.daemon.options)
    host.change(host.but(user="nobody"))
    host.change(before)
    reply = host.reload(host.but(lab_forest="elsewhere.example", user="nobody"))
    assert reply["ok"] is False and "lab.example would have to go" in reply["text"], reply
    assert 'run "adbactl dns withdraw" first' in reply["text"]
    os.unlink(kept)
    assert host.reload(host.daemon.options)["ok"] is True


# -- files that are wrong --

@pytest.mark.parametrize("text, what", [
    ("[kms]\nidle = 5s\nmode = maybe\n", "bad.conf:3: [kms] mode"), ("[kms]\nmode = refuse\ncolour = red\n", "colour"),
    ("[kms]\nmode = refuse\nallow = 127.0.0.1/33\n", "127.0.0.1/33"),
    ("[kms]\nmode = refuse\nhost_os = Windows 99\n", "Windows 99"), ("[relay]\nonly = all\n[kms]\nmode=refuse\n", "upstream"),
    ("[kms]\nmode = refuse\n[dns]\nhost = kms\n", "full DNS name"), ("[kms]\nmode\n", "bad.conf:2"),
    ("[kms]\nmode = refuse\nupdates = KB5003638\n", "host_os"),
    ("[kms]\nmode = refuse\nlisten = 0.0.0.0:70000\n", "bad.conf:3: [kms] listen: "),
    ("[kms]\nmode = refuse\n[web]\nnames = foo bar\n", "bad.conf:4: [web] names: "),
    ("[kms]\nmode = refuse\n[relay]\nupstream = :::\n", "bad.conf:4: [relay] upstream: "),
    ("[kms]\nmode = refuse\n[relay]\nupstream = auto\n", "bad.conf:4: [relay] upstream = auto needs domain"),
    ("[kms]\nmode = refuse\n[directory]\nuri = http://foo\n", "bad.conf:4: [directory] uri: "),
    ("[kms]\nmode = refuse\n[adba]\ngroups = Nonsense\n", "[adba] groups: there is no host-key group"),
])
def test_a_wrong_file_changes_nothing_and_is_told(host, text, what):
    folder = os.path.join(host.daemon.folder, "conf.d")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "bad.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    try:
        reply = host.ask("reload")
        assert reply["ok"] is False and reply["error"] == "configuration error" and what in reply["text"]
        assert reply["text"].startswith("configuration not reloaded, all stays as it was: ")
        host.daemon.wait_log(re.escape(reply["text"]))
        told = host.daemon.ctl("conf", "check", expect=CONFIG).err
        assert what in told  # what the reply's "adbactl conf check" tells
        assert host.outcome() == served() and host.ask("kms.status")["status"]["mode"] == "serve"
    finally:
        os.unlink(path)


def test_a_group_of_an_overlay_that_came_later_needs_a_restart(lab):
    overlay = os.path.join(lab.folder, "overlay")
    os.mkdir(overlay)
    options = {"catalog.dir": overlay}
    host = Host(lab, options=options)
    with open(os.path.join(overlay, "host_key_groups.csv"), "w", encoding="ascii") as f:
        f.write("csvlk_group,relation,product,note,source\n"
                "Later host key,host,Windows Server 2022,,a test\nLater host key,activates,Windows Server 2022,,a test\n")
    options = {**options, "adba.groups": "Later host key"}
    reply = host.reload(options)
    assert reply["ok"] is False and '[adba] groups: there is no host-key group "Later host key"' in reply["text"]
    assert reply["text"].endswith("; restart adbad if a catalogue overlay was added")
    host.daemon.ctl("conf", "check")  # by the overlay as it is
    assert host.daemon.stop() == 0
    host.daemon.start()


@pytest.mark.lengthy
def test_what_the_steward_does_not_take_changes_nothing(host):
    """Not the host keys either. Nor is anything taken later, unheard."""
    steward = procfs.child(host.daemon.process.pid, "adbad-steward")
    options = {"kms.host_os": "Windows Server 2016"}
    every = host.key(GROUP)["kms_ids_served"]
    with procfs.stopped(steward):
        reply, again = host.reload(options), host.ask("reload")
    assert reply["ok"] is False and "steward process does not answer" in reply["text"]
    assert again["ok"] is False and "a moment ago" in again["text"]  # nobody waits for it again at once
    assert host.key(GROUP)["kms_ids_served"] == every and host.outcome() == served()
    wait_for(lambda: host.reload({})["ok"], "it is asked again")
    host.change(options)
    assert host.key(GROUP)["kms_ids_served"] < every


def test_a_value_that_is_no_text_is_named(host):
    with open(host.daemon.conf, "ab") as f:
        f.write(b"[directory]\nsite = caf\xe9\n")
    reply = host.ask("reload")
    assert reply["ok"] is False and f"{host.daemon.conf}: not a readable INI file" in reply["text"]


def test_the_command_tells_what_took_effect(host):
    host.daemon.options = {"kms.idle": "7s", "kms.listen": "127.0.0.1:1"}
    host.daemon.write_conf()
    rows = [line.split(None, 2) for line in host.daemon.ctl("reload").out.splitlines()]
    assert [row[:2] for row in rows] == [["KEY", "WAS"], ["[kms]", "idle"], ["[kms]", "listen"]]
    assert rows[1][2].split(None, 2) == ["30s", "7s", "now"]
    assert rows[2][2].endswith("needs a restart")
    assert host.daemon.ctl("reload", "--json").json["applied"] == []
    with open(host.daemon.conf, "a", encoding="utf-8") as f:
        f.write("[kms]\nmode = maybe\n")
    told = host.daemon.ctl("reload", expect=CONFIG).err
    assert "[kms] mode" in told and "all stays as it was" in told and '"adbactl conf check" tells all' in told


def test_sighup_reloads(host):
    before = host.daemon.log().count("configuration reloaded")
    host.daemon.options = {"kms.mode": "refuse"}
    host.daemon.write_conf()
    host.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: host.daemon.log().count("configuration reloaded") > before, "it is told")
    assert host.outcome() == refused(REFUSING)


def written_when_read(path):
    """A pipe that somebody waits for, for writing."""
    def opened():
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None

    os.mkfifo(path)
    return opened


def test_sighup_while_it_starts_is_not_lost_and_during_the_end_kills_nobody(lab):
    """It starts no further than a catalogue that nobody has written yet; its files change meanwhile."""
    host = Host(lab)
    daemon = host.daemon
    assert daemon.stop() == 0
    overlay = os.path.join(daemon.folder, "overlay")
    os.mkdir(overlay)
    opened = written_when_read(os.path.join(overlay, "event_ids.csv"))
    daemon.options = {"catalog.dir": overlay}
    daemon.write_conf()
    daemon.launch()
    with open(wait_for(opened, "it reads the catalogue"), "w", encoding="ascii") as f:
        daemon.options = {"catalog.dir": overlay, "kms.mode": "refuse"}
        daemon.write_conf()
        daemon.process.send_signal(signal.SIGHUP)
        f.write("event_id,log,source,where,meaning,explanation,advice,fields,verified,reference\n")
    daemon.wait_log("configuration reloaded: 1 key took effect")
    daemon.process.send_signal(signal.SIGTERM)
    while daemon.process.poll() is None:
        daemon.process.send_signal(signal.SIGHUP)
    assert daemon.stop() == 0


def test_a_port_that_was_set_at_run_time_is_no_change(lab):
    """It wins over the file, at the start and now."""
    host = Host(lab)
    port = free_port()
    lab.client("slmgr", "/sprt", str(port), "--config", host.daemon.conf)
    host.daemon.stop()
    host.daemon.start()
    assert host.daemon.status()["listening"] == f"127.0.0.1:{port}"
    assert host.reload({})["restart"] == []


# -- under load --

class Asker(threading.Thread):
    """Activations one after the other, each of its own machine, on one connection or many."""

    def __init__(self, host, again):
        super().__init__()
        self.host, self.again = host, again
        self.raw = RawClient.__new__(RawClient)
        self.raw.clients, self.raw.sealed, self.raw.client_id = host.clients, {}, None
        self.over = threading.Event()
        self.results = []

    def run(self):
        try:
            while not self.over.is_set():
                with self.host.connect() as s:
                    s.sendall(bind_pdu())
                    assert self.raw.meaning(read_pdu(s)) == ACK
                    for _ in range(self.again):
                        s.sendall(self.raw.call())
                        self.results.append(self.raw.meaning(read_pdu(s)))
        except (OSError, AssertionError, IndexError) as e:
            self.results.append(repr(e))


def test_under_load_no_request_is_lost_or_refused(host):
    askers = [Asker(host, again) for again in (1, 1, 50, 50)]
    for a in askers:
        a.start()
    for n in range(30):
        host.change({"kms.idle": f"{20 + n % 2}s", "kms.max_connections": f"{100 + n % 2}",
                     "kms.deny": f"192.0.2.{n % 2}", "kms.renewal_interval": f"{1 + n % 2}d",
                     "log.level": ("warn", "info")[n % 2]})
    wait_for(lambda: all(len(a.results) > 20 for a in askers), "all of them were served meanwhile")
    for a in askers:
        a.over.set()
    for a in askers:
        a.join()
        assert set(a.results) == {served()}

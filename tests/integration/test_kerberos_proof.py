"""Who is proven a member on 1688, beside the lab directory: every verdict of docs/kerberos.md, with tickets made with the
service's key and Samba's gensec. A real domain's tickets: test_samba_proof.py."""
import concurrent.futures
import csv
import io
import json
import os
import re
import socket

import pytest

import kerberos
from between import Between, without_header_signing, without_trailer
from kerberos import REALM, Tickets
from kms_lab import Clients
from lab import Lab, free_port, wait_for
from rpc_pdu import activation_stub, answer_of
from web import get

NOT_SERVED = 0xC004F042
GROUP = "Volume License for Windows Server 2022"


class Domain:
    """A domain with three machines and an activation object, and a KMS host that could not answer but for it."""

    def __init__(self, lab):
        self.lab = lab
        lab.directory_up()
        self.tickets = Tickets(os.path.join(lab.folder, "kerberos"))
        self.web = free_port()
        self.daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{self.web}", "kms.keytab": self.tickets.keytab, "kms.workers": "2",
                                              "directory.sync_interval": "1h"})
        lab.install_hostkey(self.daemon, GROUP)
        for argv in (("ao", "create", "--group", GROUP), *(("machine", "add", f"PC0{i}") for i in (1, 2, 3)),
                     ("machine", "disable", "PC03"), ("hostkey", "uninstall", GROUP)):
            self.daemon.ctl(*argv)
        self.daemon.stop()
        self.daemon.start()
        wait_for(lambda: self.daemon.ctl("membership", "status", "--json").json["good"] > 0, "accounts are read")
        wait_for(lambda: self.daemon.status()["directory"]["state"] == "up", "the directory was looked at")
        self.sids = {m["name"]: m["sid"] for m in self.daemon.ctl("machine", "list", "--json").json["machines"]}
        self.clients = Clients(lab, self.daemon.port, "Windows Server 2022", "Standard")

    def ask(self, workstation, ccache, *options, port=None, **kw):
        """(result, None if no answer was taken; the verdicts that were counted)."""
        before = self.daemon.status()["proofs"]
        stub = activation_stub(self.clients.seal(workstation=workstation))
        answer = kerberos.activate(port or self.daemon.port, stub, ccache, *options, **kw)
        after = self.daemon.status()["proofs"]
        return answer and answer_of(answer)[1], {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}


@pytest.fixture(scope="module", name="domain")
def one_domain():
    with Lab() as lab:
        domain = Domain(lab)
        yield domain
        domain.tickets.close()


def test_a_machine_with_a_ticket_of_its_own_is_a_member(domain):
    ccache = domain.tickets.issue(sid=domain.sids["PC01"])
    for level in ("packet", "sign"):
        assert domain.ask("PC01.lab.example", ccache, level=level) == (0, {"member": 1})


def test_a_machine_with_a_ticket_of_the_services_new_key_is_a_member(domain):
    old = domain.tickets.issue(sid=domain.sids["PC01"])
    domain.tickets.rotate()
    new = domain.tickets.issue(sid=domain.sids["PC01"])
    assert domain.ask("PC01", new) == (None, {})  # its login is refused
    assert domain.ask("PC01", old) == (0, {"member": 1})
    assert "version 2, read anew" in domain.daemon.ctl("reload").out
    assert domain.ask("PC01", new) == (0, {"member": 1})
    assert domain.ask("PC01", old) == (None, {})


def test_the_ledger_tells_who_a_member_proved_to_be(domain):
    domain.ask("PC02", domain.tickets.issue(client=f"PC02$@{REALM}", sid=domain.sids["PC02"]), user=f"PC02$@{REALM}")
    proven = (f"PC02$@{REALM}", domain.sids["PC02"])

    def told(*argv):
        return domain.daemon.ctl(*argv).out

    contact, = json.loads(told("kms", "contacts", "--workstation", "PC02", "--json"))["contacts"]
    row, = csv.DictReader(io.StringIO(told("kms", "contacts", "--workstation", "PC02", "--csv")))
    line, = told("ledger", "export", "--workstation", "PC02").splitlines()
    event = next(e for e in json.loads(told("kms", "events", "--json"))["events"] if e.get("workstation") == "PC02")
    for where in (contact, row, json.loads(line), event):
        assert (where["principal"], where["sid"]) == proven
    assert f"proven to be {proven[0]}, {proven[1]}" in told("kms", "events")
    domain.daemon.wait_log(rf'"PC02" .*: granted as a member.*\({re.escape(proven[0])}, {proven[1]}, version')
    exported = os.path.join(domain.lab.folder, "export")
    with open(exported, "w", encoding="utf-8") as f:
        f.write(line)
    other = domain.lab.daemon("other", wait=False)
    other.start()
    contact, = other.ctl("kms", "contacts", "--peer", exported, "--json").json["contacts"]
    assert (contact["principal"], contact["sid"]) == proven


# ticket of whom, whose SID it tells, the workstation that asks, verdict
OTHERS = [
    ("PC01$", "PC02", "PC01", "other-account"),  # a user principal name that was set to PC01$
    ("PC01$", None, "PC01", "no-sid"),
    ("PC01$", "PC01", "PC02", "other-name"),
    ("PC01", "PC01", "PC01", "no-machine"),
    ("PC01$$", "PC01", "PC01", "no-machine"),
    ("host/PC01$", "PC01", "PC01", "no-machine"),
    ("PC03$", "PC03", "PC03", "disabled"),
    ("PC09$", "PC01", "PC09", "no-account"),
    ("PC01$@OTHER.EXAMPLE", "PC01", "PC01", "other-realm"),
]


@pytest.mark.parametrize("user,sid,workstation,verdict", OTHERS)
def test_whoever_is_not_proven_is_like_everyone(domain, user, sid, workstation, verdict):
    user = user if "@" in user else f"{user}@{REALM}"
    ccache = domain.tickets.issue(client=user, sid=sid and domain.sids[sid])
    result, verdicts = domain.ask(workstation, ccache, user=user)
    assert (result, verdicts) == (NOT_SERVED, {verdict: 1})
    told = domain.daemon.ctl("membership", "show", workstation, "--json", expect=None).json["proof"]
    explained, = domain.daemon.ctl("explain", verdict, "--json").json["matches"]
    assert told["verdict"] == verdict and told["principal"].startswith(user)
    assert told["why"] == explained["meaning"] and told["remedy"] == explained["remedy"] != ""


def test_show_tells_what_the_last_request_proved(domain):
    def show(name):
        return domain.daemon.ctl("membership", "show", name, expect=None)

    assert "Last proof" in show("PC77").out and "none since adbad's start" in show("PC77").out
    ccache = domain.tickets.issue(sid=domain.sids["PC01"])
    domain.ask("PC01.lab.example", ccache, level="connect")
    told = show("pc01").out
    assert re.search(r"Last proof: +unauthenticated, \d{4}-\S+Z, from 127\.0\.0\.1:\d+\n", told)
    assert "did not authenticate" in told and "remedy" in told
    domain.ask("PC01", ccache)
    for name in ("PC01", "PC01$", domain.sids["PC01"]):  # the last one counts
        told = domain.daemon.ctl("membership", "show", name, "--json").json["proof"]
        assert (told["verdict"], told["principal"], told["remedy"]) == ("member", f"PC01$@{REALM}", "")


def test_what_does_not_protect_the_whole_request_proves_nothing(domain):
    ccache = domain.tickets.issue(sid=domain.sids["PC01"])
    assert domain.ask("PC01", ccache, level="connect") == (NOT_SERVED, {"unauthenticated": 1})
    assert domain.ask("PC01", ccache, "--no-header-signing") == (NOT_SERVED, {"weak": 1})


@pytest.mark.parametrize("change,result,verdict", [
    (without_header_signing, NOT_SERVED, "weak"),
    (without_trailer, None, "unauthenticated"),  # and the answer is not signed
])
def test_what_is_taken_off_on_the_way_proves_nothing(domain, change, result, verdict):
    proxy = Between(socket.create_server(("127.0.0.1", 0)),
                    lambda: socket.create_connection(("127.0.0.1", domain.daemon.port), 60), change=change)
    answer = domain.ask("PC01", domain.tickets.issue(sid=domain.sids["PC01"]), port=proxy.port)
    proxy.close()
    assert answer == (result, {verdict: 1})


LOGINS = 25


def test_each_verdict_is_a_metric_of_its_own(domain):
    def counted():
        return {k: int(n) for k, n in re.findall(r'(?m)^adbad_proofs_total\{result="([a-z-]+)"\} (\d+)$',
                                                 get(domain.web, "/metrics").text)}

    before, member = counted(), domain.tickets.issue(sid=domain.sids["PC01"])
    for name, times, level in (("PC01", 3, "sign"), ("PC01", 1, "connect"), ("PC02", 2, "sign")):
        for _ in range(times):
            domain.ask(name, member, level=level)
    after = counted()
    assert {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)} == {
        "member": 3, "unauthenticated": 1, "other-name": 2}
    assert after == domain.daemon.status()["proofs"]


@pytest.mark.threads
def test_workers_take_logins_at_the_same_time(domain):
    """Both verify PACs, share the replay cache, judge by the registry and record; and others are refused meanwhile."""
    sids, issue = domain.sids, domain.tickets.issue
    callers = [(issue(sid=sids["PC01"]), f"PC01$@{REALM}"), (issue(f"PC02$@{REALM}", sid=sids["PC02"]), f"PC02$@{REALM}"),
               (issue(f"PC02$@{REALM}", sid=sids["PC01"]), f"PC02$@{REALM}"),
               (issue(sid=sids["PC01"], begins=-7200, ends=-3600), f"PC01$@{REALM}")] * 2
    before = domain.daemon.status()

    def ask(caller):
        ccache, user = caller
        stub = activation_stub(domain.clients.seal(workstation=user[:4]))
        answer = kerberos.activate(domain.daemon.port, stub, ccache, user=user, logins=LOGINS)
        return answer and answer_of(answer)[1]

    with concurrent.futures.ThreadPoolExecutor(len(callers)) as pool:
        assert list(pool.map(ask, callers)) == [0, 0, NOT_SERVED, None] * 2
    after = domain.daemon.status()
    assert {k: n - before["proofs"].get(k, 0) for k, n in after["proofs"].items() if n != before["proofs"].get(k, 0)} == \
        {"member": 4 * LOGINS, "other-account": 2 * LOGINS}
    refused = [s["connections"]["rpc_refused"].get("auth-failed", 0) for s in (before, after)]
    assert refused[1] - refused[0] == 2
    assert domain.daemon.process.poll() is None

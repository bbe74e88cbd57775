"""Two hosts of one realm behind one set of SRV records: each counts for itself, either may die, and an administrator
sees both."""
import csv
import io
import itertools
import json
import os
import signal
import uuid

import pytest
from impacket.dcerpc.v5.rpcrt import DCERPCException

from dnsmasq import Dns
from kms_lab import Callers, Clients, check_ledger

SERVER = "Volume License for Windows Server 2022"
ADDRESS = "--address=/kms.lab.example/127.0.0.1"


@pytest.fixture(name="pair")
def two_hosts(lab):
    hosts = [lab.daemon(name) for name in ("kms1", "kms2")]
    for host in hosts:
        lab.install_hostkey(host, SERVER)
    return hosts


@pytest.fixture(name="dns")
def srv_records_of_both(lab, pair):
    server = Dns(lab.folder)
    server.serve(*(f"--srv-host=_vlmcs._tcp.lab.example,kms.lab.example,{host.port},0,0" for host in pair), ADDRESS)
    yield server
    server.stop()


def machine(lab, dns, name, seed):
    path = os.path.join(lab.folder, name)
    lab.client("--machine", path, "init", "--name", name, "--dns-suffix", "lab.example", "--product",
               "Windows Server 2022", "--edition", "Datacenter", "--bundle", lab.bundle, "--clock", lab.clock,
               "--dns", f"127.0.0.1:{dns.port}", "--seed", str(seed))
    return path


def test_each_counts_for_itself_and_their_views_merge(lab, pair):
    cmids = [uuid.uuid4() for _ in range(3)]
    asked = ((0, 0, "PC-0"), (1, 1, "PC-1"), (0, 2, "PC-2"), (1, 2, "PC-2"))  # the last one went to both
    for host, number, name in asked:
        Clients(lab, pair[host].port).count(client_id=cmids[number], workstation=name)
        pair[0].ctl("clock", "advance", "60s")
    assert [h.status()["applications"][0]["count"] for h in pair] == [2, 2]
    export = os.path.join(lab.folder, "kms2.jsonl")
    with open(export, "w", encoding="utf-8") as f:
        f.write(pair[1].ctl("ledger", "export").out)
    merged = pair[0].ctl("kms", "contacts", "--peer", export, "--json").json["contacts"]
    assert [(c["client_id"], c["workstation"], c["host"]) for c in merged] == [
        (str(cmids[2]), "PC-2", export), (str(cmids[1]), "PC-1", export), (str(cmids[0]), "PC-0", "this host")]
    assert [c["last"] for c in merged] == sorted((c["last"] for c in merged), reverse=True)
    alone = pair[0].ctl("kms", "contacts", "--json").json["contacts"]
    assert [(c["workstation"], c["host"]) for c in alone] == [("PC-2", "this host"), ("PC-0", "this host")]
    rows = list(csv.DictReader(io.StringIO(pair[0].ctl("kms", "contacts", "--peer", export, "--csv").out)))
    assert [r["host"] for r in rows] == [export, export, "this host"]
    table = pair[0].ctl("kms", "contacts", "--peer", export).out
    assert "SEEN BY" in table and table.count(export) == 2
    assert "SEEN BY" not in pair[0].ctl("kms", "contacts").out
    named = pair[0].ctl("kms", "contacts", "--peer", export, "--workstation", "pc-1", "--limit", "1", "--json")
    assert [c["workstation"] for c in named.json["contacts"]] == ["PC-1"]


@pytest.mark.parametrize("text", ["no JSON\n", "{}\n", '{"when": 1}\n', "[]\n"])
def test_an_export_that_is_none_is_named_with_its_line(lab, pair, text):
    Clients(lab, pair[1].port).count()
    export = os.path.join(lab.folder, "peer")
    with open(export, "w", encoding="utf-8") as f:
        f.write(pair[1].ctl("ledger", "export").out + text)
    assert f"{export}:2" in pair[0].ctl("kms", "contacts", "--peer", export, expect=7).err
    pair[0].ctl("kms", "contacts", "--peer", export + ".missing", expect=4)


def test_of_a_long_export_only_the_last_contact_of_each_counts(lab, pair):
    """Thousands of rows of few machines, and an order that is not that of time."""
    Clients(lab, pair[1].port).count()
    row = json.loads(pair[1].ctl("ledger", "export").out)
    export = os.path.join(lab.folder, "peer")
    ids = [str(uuid.uuid4()) for _ in range(1500)]
    with open(export, "w", encoding="utf-8") as f:
        for turn in (2, 0, 3, 1):
            for number, client_id in enumerate(ids):
                f.write(json.dumps({**row, "client_id": client_id, "when": row["when"] + turn, "count": number}) + "\n")
    merged = pair[0].ctl("kms", "contacts", "--peer", export, "--limit", "0", "--json").json["contacts"]
    assert sorted(c["client_id"] for c in merged) == sorted(ids)
    assert {c["last"] for c in merged} == {row["when"] + 3}


def test_either_host_may_die_and_clients_move_on_within_one_attempt(lab, pair, dns):
    """At one moment or the other each of them is the only one; nobody needs a second attempt."""
    for filler in range(5):  # both are above a server's threshold
        for host in pair:
            Clients(lab, host.port).count(client_id=uuid.UUID(int=filler + 1))
    paths = [machine(lab, dns, f"S{n}", n) for n in range(1, 5)]
    for down in pair:
        down.kill()
        for path in paths:
            assert lab.client("--machine", path, "slmgr", "/ato").code == 0
        down.start()
    for host in pair:
        assert host.ctl("ledger", "check").code == 0


def test_both_restarted_in_turn_under_load_lose_nothing_that_was_answered(lab, pair):
    """One of them is always there: nobody is left without an answer, or makes a third attempt."""
    clients, turns, number = [Clients(lab, host.port) for host in pair], itertools.count(), 3

    def ask(cmid):
        first = next(turns) % 2  # both records have the same weight
        try:
            return pair[first], clients[first].count(client_id=cmid)
        except (OSError, EOFError, DCERPCException):
            return pair[1 - first], clients[1 - first].count(client_id=cmid)

    callers = Callers(number, ask)
    for turn, sig in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGTERM)):
        callers.wait_for_more(20, "clients are served")
        pair[turn % 2].stop(sig)
        callers.wait_for_more(20, "the other host serves")
        pair[turn % 2].start()
    callers.end()
    for host in pair:
        told = [t for t in callers.told if t.host is host]
        assert told
        check_ledger(host, told, 2 * number)  # its two ends cut off so many at most

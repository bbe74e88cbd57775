"""Two hosts of one realm behind one set of SRV records: each counts for itself, either may die, and an administrator
sees both."""
import csv
import io
import json
import os
import signal
import threading
import time
import uuid

import pytest

from dnsmasq import Dns
from kms_lab import Clients
from lab import wait_for

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
    for step, (host, number, name) in enumerate(asked):
        Clients(lab, pair[host].port).count(client_id=cmids[number], workstation=name)
        pair[0].ctl("clock", "advance", "60s")
        assert step < 4
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
    stop, answered = threading.Event(), []

    def ask():
        while not stop.is_set():
            cmid = uuid.uuid4()
            for host in pair:  # as a client goes through its records
                begin = time.monotonic()
                try:
                    Clients(lab, host.port).count(client_id=cmid)
                except Exception:  # pylint: disable=broad-except
                    assert time.monotonic() - begin < 15
                    continue
                answered.append((host.name, str(cmid)))
                break

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(4):
        had = len(answered)
        wait_for(lambda: len(answered) > had + 20, "clients are served")
        pair[turn % 2].stop(signal.SIGKILL)
        had = len(answered)
        wait_for(lambda: len(answered) > had + 20, "the other host serves")
        pair[turn % 2].start()
    stop.set()
    for thread in threads:
        thread.join()
    for host in pair:
        rows = [json.loads(line) for line in host.ctl("ledger", "export").out.splitlines()]
        recorded = {r["client_id"] for r in rows}
        assert {cmid for name, cmid in answered if name == host.name} <= recorded
        assert host.ctl("ledger", "check").code == 0

"""adbactl report: the ledger's view of a site, held against traffic that the test knows."""
import csv
import io
import os
import sqlite3
import uuid
from contextlib import closing

import pytest

from kms_lab import Clients
from lab import wait_for

DAY = 86400


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def machines(host, *argv):
    """What report machines names, in its order."""
    said = host.ctl("report", "machines", "--json", *argv).json
    return [m["workstation"] for m in said["machines"]]


@pytest.fixture(name="host")
def host_with_machines(lab):
    """pc-0 … pc-4 with Windows 11, which wants 25; srv, a server, which wants 5."""
    host = lab.daemon()
    lab.install_hostkey(host)
    windows = Clients(lab, host.port)
    server = Clients(lab, host.port, "Windows Server 2022", "Standard")
    for i in range(5):
        windows.count(client_id=uuid.UUID(int=i + 1), workstation=f"pc-{i}", status=2,
                      minutes_left=30 * 1440)
    server.count(client_id=uuid.UUID(int=9), workstation="srv")  # the sixth: servers need 5
    return host


def test_the_inventory_says_who_is_licensed_and_until_when(lab, host):
    said = host.ctl("report", "machines", "--json").json
    assert said["total"] == 6
    server = next(m for m in said["machines"] if m["workstation"] == "srv")
    assert server["status"] == "licensed" and server["count"] == 6
    assert server["expires"] == server["last"] + 180 * DAY
    assert server["member"] == "unknown"  # no directory
    client = next(m for m in said["machines"] if m["workstation"] == "pc-0")
    assert (client["status"], client["count"], client["required_count"]) == ("grace", 1, 25)
    assert client["expires"] == client["last"] + 30 * DAY

    assert machines(host, "--status", "licensed") == ["srv"]
    assert machines(host, "--sort", "machine", "--limit", "2", "--offset", "1") == ["pc-1", "pc-2"]
    assert machines(host, "--sort", "machine", "--reverse", "--limit", "1") == ["srv"]
    assert machines(host, "--search", "server") == ["srv"]
    assert machines(host, "--workstation", "PC-[34]", "--sort", "machine") == ["pc-3", "pc-4"]
    assert machines(host, "--product", "Windows 11", "--source", "192.0.2.0/24") == []
    assert machines(host, "--channel", "adba") == []
    for wrong in (["--status", "fine"], ["--sort", "colour"], ["--channel", "telex"]):
        assert wrong[0] in host.ctl("report", "machines", *wrong, expect=2).err
    assert "report compliance" in host.ctl("report", "machines", "--status", "no-report", expect=2).err
    listed = host.ctl("report", "compliance", "--member", "unknown", "--json").json["computers"]
    assert len(listed) == 6  # all, since no directory was ever read

    lab.adbactl("--config", host.conf, "clock", "advance", "160d")
    assert machines(host, "--status", "expiring") == ["srv"]
    assert machines(host, "--status", "expiring", "--within", "10d") == []
    assert len(machines(host, "--status", "not-licensed")) == 5
    assert machines(host, "--since", "7d") == []
    lab.adbactl("--config", host.conf, "clock", "advance", "21d")
    assert machines(host, "--status", "lapsed") == ["srv"]
    assert host.stop() == 0
    assert machines(host, "--status", "lapsed") == ["srv"]  # without a daemon


def test_table_csv_and_json_say_the_same(host):
    said = host.ctl("report", "machines", "--json").json["machines"]
    in_csv = rows(host.ctl("report", "machines", "--csv").out)
    assert list(in_csv[0]) == list(said[0])
    assert [{k: "" if v is None else str(int(v)) if isinstance(v, bool) else str(v) for k, v in m.items()}
            for m in said] == in_csv
    table = host.ctl("report", "machines").out.splitlines()
    assert table[0].split() == ["MACHINE", "PRODUCT", "STATUS", "CHANNEL", "EXPIRES", "LAST", "CONTACT", "MEMBER"]
    assert [line.split()[0] for line in table[1:]] == [m["workstation"] for m in said]


def test_products_have_their_counts_and_thresholds(host):
    said = host.ctl("report", "products", "--json").json["products"]
    assert [(p["product"], p["machines"], p["count"], p["required_count"], p["threshold_reached"]) for p in said] == [
        ("Windows 11", 5, 6, 25, False), ("Windows Server 2022", 1, 6, 5, True)]
    assert said[0]["by_status"]["grace"] == 5 and said[1]["by_channel"] == {"kms": 1, "adba": 0, "relay": 0}
    assert host.status()["applications"][0]["count"] == said[0]["count"]
    text = host.ctl("report", "products").out
    assert "25, 19 missing" in text and "5, reached" in text
    assert [r["machines"] for r in rows(host.ctl("report", "products", "--csv").out)] == ["5", "1"]


def test_compliance_holds_the_registry_against_the_ledger(lab_with_directory):
    lab = lab_with_directory
    host = lab.daemon()
    lab.install_hostkey(host)
    for name in ("PC01", "PC02", "PC03"):
        host.ctl("machine", "add", name, "--password-file", os.path.join(lab.folder, f"{name}.password"))
    host.ctl("machine", "disable", "PC03")
    host.ctl("membership", "sync")
    wait_for(lambda: host.ctl("membership", "status", "--json").json["saved"], "the registry is in the ledger")
    clients = Clients(lab, host.port, "Windows Server 2022", "Standard")
    for i, name in enumerate(("pc01.lab.example", "pc03", "a", "b", "stranger")):
        clients.count(client_id=uuid.UUID(int=i + 1), workstation=name, status=5)

    said = host.ctl("report", "compliance", "--json", "--limit", "0").json
    found = {c["computer"]: (c["member"], c["status"]) for c in said["computers"]}
    assert found == {"PC01": ("member", "not-licensed"), "PC02": ("member", "no-report"),
                     "PC03": ("disabled", "not-licensed"), "a": ("no-member", "not-licensed"),
                     "b": ("no-member", "not-licensed"), "stranger": ("no-member", "licensed")}
    assert said["total"] == 6 and said["registry"] is not None
    assert said["counts"]["member"]["no-report"] == 1
    assert said["counts"]["licensed_by"] == {"kms": 1, "adba": 0, "relay": 0}
    assert said["computers"][0]["status"] == "not-licensed" and said["computers"][-1]["status"] == "licensed"
    silent, = host.ctl("report", "compliance", "--json", "--status", "no-report").json["computers"]
    assert silent["computer"] == "PC02" and silent["decided_by"] is None
    strangers = rows(host.ctl("report", "compliance", "--csv", "--member", "no-member").out)
    assert [c["computer"] for c in strangers] == ["a", "b", "stranger"]
    text = host.ctl("report", "compliance", "--limit", "1").out
    assert "Licensed by: KMS 1, the directory 0" in text and "no-member" in text
    host.ctl("report", "compliance", "--member", "friend", expect=2)
    assert host.stop() == 0
    assert len(host.ctl("report", "compliance", "--json").json["computers"]) == 6


def test_a_name_cannot_steer_the_terminal(lab, host):
    with closing(sqlite3.connect(os.path.join(host.folder, "state", "ledger.db"))) as db, db:
        db.execute("UPDATE activations SET workstation = char(27) || '[2J,\"x' WHERE id = 1")
    assert "\x1b" not in host.ctl("report", "machines").out
    assert "\x1b" not in host.ctl("report", "compliance").out
    assert any(r["workstation"] == '\x1b[2J,"x' for r in rows(host.ctl("report", "machines", "--csv").out))


def test_a_name_is_no_formula(host):
    with closing(sqlite3.connect(os.path.join(host.folder, "state", "ledger.db"))) as db, db:
        db.execute("UPDATE activations SET workstation = '=1+1' WHERE id = 1")
    for words in (("report", "machines"), ("kms", "contacts"), ("ledger", "export")):
        text = host.ctl(*words, "--csv").out
        assert "'=1+1" in text and not [c for r in rows(text) for c in r.values() if c[:1] in ("=", "+", "@")]


def test_no_ledger_and_an_empty_one(lab):
    daemon = lab.daemon(wait=False)
    daemon.ctl("report", "machines", expect=4)
    daemon.start()
    assert daemon.ctl("report", "machines").out == "No machines.\n"
    assert daemon.ctl("report", "products", "--json").json == {"products": []}
    assert "none: no directory was ever read" in daemon.ctl("report", "compliance").out

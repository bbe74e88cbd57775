"""The ledger beside the daemon: what leaves it, how a start with many rows reads few, and what
adbactl ledger says and does."""
import csv
import io
import json
import os
import re
import sqlite3
import time
import uuid
from contextlib import closing, contextmanager

import pytest

import old_ledger
from kms_lab import WINDOWS, Clients
from lab import measured, wait_for

DAY = 86400


def ledger_path(daemon):
    return os.path.join(daemon.folder, "state", "ledger.db")


def query(daemon, sql, *args):
    with closing(sqlite3.connect(f"file:{ledger_path(daemon)}?mode=ro", uri=True)) as db:
        return db.execute(sql, args).fetchall()


@contextmanager
def writing(daemon):
    """A connection of our own; its transaction is committed, and the file closed."""
    with closing(sqlite3.connect(ledger_path(daemon))) as db, db:
        yield db


def fill(daemon, rows, clients, first, last):
    """Recorded activations of a Windows client OS by SQL alone, spread evenly over a time."""
    with writing(daemon) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("""
            INSERT INTO activations (at, channel, peer, version, application_id, activation_id,
                kms_id, client_id, previous_client_id, required_count, licence_status,
                minutes_left, is_virtual, count, workstation)
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
            SELECT :first + (:last - :first) * i / :rows, 0, '192.0.2.9:' || (1024 + i % 60000), 6,
                :windows, randomblob(16), randomblob(16),
                CAST(printf('%016d', i % :clients) AS BLOB), zeroblob(16), 25, 1, 1000, 0, 50,
                'pc-' || i % :clients FROM n""",
                   {"rows": rows, "clients": clients, "first": first, "last": last,
                    "windows": WINDOWS.bytes_le})


def empty_ledger(lab, **options):
    """A daemon that has made its ledger and ended; and the host key that its clients need."""
    daemon = lab.daemon(options=options)
    lab.install_hostkey(daemon)
    assert daemon.stop() == 0
    return daemon


# -- retention --

def test_old_rows_leave_and_totals_and_count_stay(lab):
    daemon = empty_ledger(lab, **{"store.keep": "0d"})
    now = int(time.time())
    fill(daemon, 1000, 1000, now - 500 * DAY, now - 401 * DAY)
    daemon.start()
    clients = Clients(lab, daemon.port)
    machines = [uuid.uuid4() for _ in range(7)]
    for machine in machines:
        counted = clients.count(client_id=machine)
    assert daemon.stop() == 0
    assert query(daemon, "SELECT count(*) FROM activations") == [(1007,)]
    daemon.options["store.keep"] = "400d"
    daemon.write_conf()
    daemon.start()
    daemon.wait_log(r"1000 records from before .* left the ledger")
    assert query(daemon, "SELECT count(*), min(id) FROM activations") == [(7, 1001)]
    assert daemon.status()["totals"]["answered"] == 1007
    assert clients.count(client_id=machines[0]) == counted
    daemon.kill()  # the count comes from what is saved and what is left
    daemon.start()
    assert clients.count(client_id=machines[3]) == counted


def test_keep_is_long_enough_for_the_count(lab):
    daemon = lab.daemon(wait=False, options={"store.keep": "30d"})
    done = lab.run("adbad", "--config", daemon.conf, "--check", expect=3)
    assert "[store] keep" in done.err and "31d" in done.err


# -- a start with many rows --

def test_a_start_with_a_million_rows_reads_few_of_them(lab):
    daemon = empty_ledger(lab)
    now = int(time.time())
    fill(daemon, 1_000_000, 60_000, now - 25 * DAY, now - 60)
    daemon.start()  # these came from somewhere else: they are read, once
    clients = Clients(lab, daemon.port)
    assert clients.count() == 50
    for _ in range(3):
        clients.count()
    daemon.kill()
    daemon.start()
    said = re.findall(r"what was saved and (\d+) activations since", daemon.log())
    assert int(said[-1]) == 4
    assert clients.count() == 50
    assert daemon.status()["totals"]["answered"] == 1_000_005
    assert daemon.stop() == 0
    daemon.start()
    said = re.findall(r"what was saved and (\d+) activations since", daemon.log())
    assert int(said[-1]) == 0


# -- from older versions --

VERSIONS = len(old_ledger.migrations())


@pytest.mark.parametrize("version", range(1, VERSIONS))
def test_a_ledger_of_an_older_version_goes_on_with_all_its_rows(lab, version):
    daemon = lab.daemon(wait=False)
    old_ledger.make(ledger_path(daemon), version, int(time.time()))
    before = old_ledger.rows_of(ledger_path(daemon))
    assert before["activations"] and query(daemon, "PRAGMA user_version") == [(version,)]
    daemon.start()
    lab.install_hostkey(daemon)
    assert daemon.status()["totals"]["answered"] == old_ledger.ROWS
    assert old_ledger.rows_of(ledger_path(daemon), like=before) == before
    Clients(lab, daemon.port).count()
    said = daemon.ctl("ledger", "check", "--json").json
    assert said["good"] and said["version"] == VERSIONS and said["activations"] == old_ledger.ROWS + 1


# -- other hands --

@pytest.mark.threads
def test_a_ledger_that_is_removed_while_in_use_is_not_begun_anew(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    clients = Clients(lab, daemon.port)
    machine = uuid.uuid4()
    assert clients.count(client_id=machine) == 1
    os.rename(ledger_path(daemon), ledger_path(daemon) + ".aside")
    assert clients.is_left_unanswered()
    daemon.wait_log(r"was removed while in use; put it back, or restart adbad")
    assert not os.path.exists(ledger_path(daemon))
    os.rename(ledger_path(daemon) + ".aside", ledger_path(daemon))
    wait_for(lambda: daemon.status()["ledger"]["state"] == "up", "the ledger is back")
    assert clients.count() == 2
    assert clients.count(client_id=machine) == 2


@pytest.mark.threads
def test_a_ledger_that_is_removed_while_nobody_asks_is_missed_all_the_same(lab):
    daemon = lab.daemon()
    os.rename(ledger_path(daemon), ledger_path(daemon) + ".aside")
    daemon.wait_log(r"was removed while in use; put it back, or restart adbad")
    assert daemon.status()["ledger"]["state"] == "down"
    os.rename(ledger_path(daemon) + ".aside", ledger_path(daemon))
    wait_for(lambda: daemon.status()["ledger"]["state"] == "up", "the ledger is back")


# -- adbactl ledger --

INVALID, NOTFOUND, STORAGE, CONFLICT = 7, 4, 8, 9


@pytest.fixture(name="host")
def host_with_ten_activations(lab):
    """Five Windows clients, three Office ones, two of another name; and a refusal."""
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    lab.install_hostkey(daemon, group="Office LTSC 2021 KMS host key")
    windows = Clients(lab, daemon.port)
    office = Clients(lab, daemon.port, "Office LTSC 2021",
                     "Office LTSC Professional Plus 2021")
    for i in range(5):
        windows.count(workstation=f"pc-{i}")
    for i in range(3):
        office.count(workstation=f"pc-{i}")
    for i in range(2):
        windows.count(workstation=f'odd "{i}", comma')
    windows.ask(client_time=0)
    wait_for(lambda: query(daemon, "SELECT times FROM all_refusals") == [(1,)], "the refusal")
    return daemon


def lines(daemon, *argv):
    return [json.loads(line) for line in daemon.ctl("ledger", "export", *argv).out.splitlines()]


def test_check_is_good_beside_the_daemon_and_without_it(host):
    for _ in range(2):
        said = host.ctl("ledger", "check", "--json").json
        assert said["good"] and said["activations"] == 10 and said["refusals"] == 1
        assert [c["check"] for c in said["checks"]] == ["integrity", "references", "totals", "tallies",
                                                        "saved count"]
        assert all(c["good"] for c in said["checks"])
        text = host.ctl("ledger", "check").out
        assert "10 answered, 1 refused" in text and "BAD" not in text
        host.stop()


@pytest.mark.parametrize("damage, check", [
    # Which of the two depends on whether the totals were written since: retention writes them, too.
    ("DELETE FROM activations WHERE id = 10", "totals or saved count"),
    ("UPDATE totals SET answered = 11", "totals"),
    ("UPDATE totals SET refused = 0", "totals"),
    ("INSERT INTO tallies VALUES (zeroblob(16), zeroblob(16), 0, 1, 0)", "tallies"),
    ("UPDATE count_mark SET checksum = 1", "saved count"),
    ("INSERT INTO clearing_grants VALUES (1, 1, 'none', 0, 0, 0, '')", "references"),
])
def test_check_finds_what_does_not_agree(host, damage, check):
    host.stop()
    with writing(host) as db:
        assert db.execute(damage).rowcount == 1
    said = host.ctl("ledger", "check", "--json", expect=INVALID).json
    assert not said["good"]
    assert set(check.split(" or ")) & {c["check"] for c in said["checks"] if not c["good"]}


def test_check_finds_a_damaged_page(host):
    host.stop()
    root, = query(host, "SELECT rootpage FROM sqlite_schema WHERE name = 'activations'")[0]
    with open(ledger_path(host), "r+b") as f:
        f.seek((root - 1) * 4096 + 3)
        f.write(b"\xff\xff\xff\xff")
    said = host.ctl("ledger", "check", "--json", expect=INVALID).json
    assert not said["checks"][0]["good"]


def test_check_of_no_ledger_and_of_a_foreign_one(lab):
    daemon = lab.daemon(wait=False)
    daemon.ctl("ledger", "check", expect=NOTFOUND)
    daemon.ctl("ledger", "compact", expect=NOTFOUND)
    assert not os.path.exists(ledger_path(daemon))
    with writing(daemon) as db:
        db.execute("CREATE TABLE t (x)")
    assert "not a ledger of adbad" in daemon.ctl("ledger", "check", expect=None).err


def test_export_has_every_row_as_it_was_recorded(host):
    rows = lines(host)
    names = ["id", "when", "time", "channel", "peer", "workstation", "product", "edition", "version",
             "application_id", "activation_id", "kms_id", "client_id", "previous_client_id",
             "required_count", "licence_status", "minutes_left", "virtual", "count",
             "client_when", "principal", "sid"]
    assert all(list(row) == names for row in rows)
    recorded = query(host, "SELECT id, at, peer, workstation, client_id, count FROM activations"
                           " ORDER BY id")
    assert [(r["id"], r["when"], r["peer"], r["workstation"], uuid.UUID(r["client_id"]).bytes_le,
             r["count"]) for r in rows] == recorded
    assert [(row["product"], row["edition"]) for row in rows[4:6]] == [
        ("Windows 11", "Enterprise"), ("Office LTSC 2021", "Office LTSC Professional Plus 2021")]
    with_headers = list(csv.DictReader(io.StringIO(host.ctl("ledger", "export", "--csv").out)))
    assert [{k: "" if v is None else str(int(v)) if isinstance(v, bool) else str(v)
             for k, v in row.items()} for row in rows] == with_headers


def test_export_filters(host):
    def ids(*argv):
        return [row["id"] for row in lines(host, *argv)]

    assert ids("--application", "office") == [6, 7, 8]
    assert ids("--workstation", "PC-1") == [2, 7]
    assert ids("--product", "Windows 11") == [1, 2, 3, 4, 5, 9, 10]
    assert ids("--channel", "adba") == [] and len(ids("--channel", "kms")) == 10
    assert ids("--source", "192.0.2.0/24") == [] and len(ids("--source", "127.0.0.0/8")) == 10
    assert len(ids("--since", "1h")) == 10 and ids("--until", "1h") == []
    assert ids("--since", "2000-01-01", "--until", "2000-01-01T00:00:01Z") == []
    refusal, = lines(host, "--refusals")
    assert refusal["reason"] == "clock-skew" and refusal["times"] == 1
    assert refusal["hresult"] == "0xC004F06C"
    for wrong in (["--since", "yesterday"], ["--channel", "telex"], ["--refusals", "--channel", "kms"],
                  ["--refused", "--channel", "kms"], ["--refused", "--refusals"]):
        host.ctl("ledger", "export", *wrong, expect=2)


def test_refused_requests_are_exported_one_by_one(host):
    row, = lines(host, "--refused")
    assert list(row) == ["id", "when", "time", "workstation", "product", "edition", "version",
                         "application_id", "activation_id", "kms_id", "client_id", "previous_client_id",
                         "required_count", "licence_status", "minutes_left", "virtual", "client_when",
                         "source", "reason", "hresult"]
    assert (row["reason"], row["hresult"], row["source"]) == ("clock-skew", "0xC004F06C", "127.0.0.1")
    assert (row["product"], row["edition"]) == ("Windows 11", "Enterprise")
    assert row["client_when"] == -11644473600  # FILETIME 0
    assert lines(host, "--refused", "--application", "office") == []
    assert lines(host, "--refused", "--source", "127.0.0.0/8", "--application", "windows") == [row]
    in_csv, = csv.DictReader(io.StringIO(host.ctl("ledger", "export", "--refused", "--csv").out))
    assert in_csv == {k: "" if v is None else str(int(v)) if isinstance(v, bool) else str(v)
                      for k, v in row.items()}


def test_compact_gives_room_back_and_loses_nothing(lab):
    daemon = empty_ledger(lab, **{"store.keep": "0d"})
    now = int(time.time())
    fill(daemon, 20_000, 1000, now - 500 * DAY, now - 401 * DAY)
    fill(daemon, 10, 10, now - DAY, now)
    daemon.options["store.keep"] = "400d"
    daemon.write_conf()
    daemon.start()
    daemon.wait_log(r"20000 records from before .* left the ledger")
    refused = daemon.ctl("ledger", "compact", expect=CONFLICT)
    assert f"in use by process {daemon.process.pid}" in refused.err
    assert daemon.stop() == 0
    before = query(daemon, "SELECT * FROM activations")
    said = daemon.ctl("ledger", "compact", "--json").json
    assert said["bytes_after"] * 10 < said["bytes_before"]
    assert os.path.getsize(ledger_path(daemon)) == said["bytes_after"]
    assert query(daemon, "SELECT * FROM activations") == before and len(before) == 10
    assert daemon.ctl("ledger", "check", "--json").json["unused_bytes"] == 0
    daemon.start()
    assert daemon.status()["totals"]["answered"] == 20_010


@pytest.mark.uninstrumented
def test_a_long_export_takes_constant_memory(lab):
    """Twice as many rows, the same peak."""
    daemon = empty_ledger(lab)
    now = int(time.time())
    peaks = []
    for _ in range(2):
        fill(daemon, 60_000, 1000, now - 10 * DAY, now)
        with measured([lab.program("adbactl"), "--config", daemon.conf, "ledger", "export"], daemon.folder) as (lines, peak):
            count = sum(1 for _ in lines)
        peaks.append((count, peak[0]))
    assert [count for count, _ in peaks] == [60_000, 120_000]
    assert peaks[1][1] < peaks[0][1] + 2048  # KiB

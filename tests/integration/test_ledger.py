"""The ledger beside the daemon: what leaves it, how a start with many rows reads few, and what
adbactl ledger says and does."""
import os
import re
import sqlite3
import time
import uuid

import pytest

from kms_lab import WINDOWS, Clients
from lab import wait_for

DAY = 86400


def ledger_path(daemon):
    return os.path.join(daemon.folder, "state", "ledger.db")


def query(daemon, sql, *args):
    with sqlite3.connect(f"file:{ledger_path(daemon)}?mode=ro", uri=True) as db:
        return db.execute(sql, args).fetchall()


def fill(daemon, rows, clients, first, last):
    """Recorded activations of a Windows client OS by SQL alone, spread evenly over a time."""
    with sqlite3.connect(ledger_path(daemon)) as db:
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
        db.execute("UPDATE totals SET answered = answered + ?, status_1 = status_1 + ?",
                   (rows, rows))


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

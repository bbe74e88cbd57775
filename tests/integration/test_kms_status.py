"""What an administrator is told of a KMS host, against what the clients of this test did."""
import csv
import io
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import time
import uuid

import pytest

import docs
from kms_lab import OFFICE, WINDOWS, Clients, product_ids
from lab import DEADLINE, measured, wait_for

STATES = ["unlicensed", "licensed", "initial_grace", "out_of_tolerance_grace", "non_genuine",
          "notification", "extended_grace"]
PRODUCTS = [("Windows 11", "Enterprise"), ("Windows 11", "Pro"), ("Windows Server 2022", "Standard")]


class World:
    """A host and machines that ask it; every request that was answered is written down."""

    def __init__(self, lab, options=None, activate=True):
        self.host = lab.daemon(options=options)
        lab.install_hostkey(self.host, activate=activate)
        self.clients = {p: Clients(lab, self.host.port, *p) for p in PRODUCTS}
        self.ids = {p: product_ids(lab, *p) for p in PRODUCTS}
        self.asked = []

    def ask(self, product, cmid, workstation, status=2, **fields):
        count = self.clients[product].count(client_id=cmid, workstation=workstation, status=status,
                                            **fields)
        self.asked.append({"product": product, "client_id": str(cmid), "workstation": workstation,
                           "status": status, "count": count})

    def refuse(self, times):
        for _ in range(times):
            self.clients[PRODUCTS[0]].ask(kms_id=uuid.uuid4())
        wait_for(lambda: self.sql("SELECT ifnull(sum(times), 0) FROM all_refusals") == [(times,)],
                 "the refusals are in the ledger")

    def last_contacts(self):
        """Newest first, by this test's own notes."""
        last = {}
        for one in self.asked:
            key = (one["client_id"], one["product"])
            last.pop(key, None)
            last[key] = one
        return list(reversed(last.values()))

    def sql(self, query):
        ledger = os.path.join(self.host.folder, "state", "ledger.db")
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
            return db.execute(query).fetchall()

    def contacts(self, *options):
        return self.host.ctl("kms", "contacts", "--json", *options).json["contacts"]

    def events(self, *options):
        return self.host.ctl("kms", "events", "--json", *options).json["events"]


@pytest.fixture(name="world")
def world_of_one_host(lab):
    return World(lab)


@pytest.fixture(name="busy")
def world_with_random_requests(world):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    machines = [(uuid.UUID(int=rng.getrandbits(128)), f"PC-{i}") for i in range(6)]
    for _ in range(40):
        cmid, name = rng.choice(machines)
        world.ask(rng.choice(PRODUCTS), cmid, name, status=rng.randrange(7))
    return world


def states_of(asked):
    return {name: sum(1 for one in asked if one["status"] == i) for i, name in enumerate(STATES)}


# -- status --

def test_totals_are_told_by_product_and_application(busy):
    busy.refuse(3)
    status = busy.host.status()
    told = {(p["product"], p["edition"]): p for p in status["products"]}
    assert set(told) == {one["product"] for one in busy.asked}
    for product, row in told.items():
        mine = [one for one in busy.asked if one["product"] == product]
        assert row["answered"] == len(mine)
        assert row["requests_by_status"] == states_of(mine)
        assert row["activation_id"] == str(busy.ids[product]["activation_id"])
    windows, office = status["applications"]
    assert (windows["id"], office["id"]) == (str(WINDOWS), str(OFFICE))
    assert (windows["answered"], office["answered"]) == (len(busy.asked), 0)
    assert windows["requests_by_status"] == states_of(busy.asked)
    assert (status["totals"]["answered"], status["totals"]["failed"]) == (len(busy.asked), 3)


def test_totals_outlive_a_crash_and_agree_with_the_rows(busy):
    before = busy.host.status()["products"]
    busy.host.kill()
    busy.host.start()
    assert busy.host.status()["products"] == before
    rows = busy.sql("SELECT activation_id, count(*), max(at) FROM activations GROUP BY 1")
    assert {(str(uuid.UUID(bytes_le=i)), n, last) for i, n, last in rows} == {
        (p["activation_id"], p["answered"], p["last"]) for p in before}


def test_a_product_that_nobody_knows_is_told_by_its_id(world):
    strange = uuid.uuid4()
    world.clients[PRODUCTS[0]].count(activation_id=strange)
    (row,) = world.host.status()["products"]
    assert (row["product"], row["activation_id"], row["answered"]) == (None, str(strange), 1)
    assert str(strange) in world.host.ctl("kms", "status").out


def test_the_document_shows_the_lines_that_there_are(world):
    """Those before its ellipsis; the rest depends on the configuration."""
    for product, status in ((PRODUCTS[0], 2), (PRODUCTS[0], 1), (PRODUCTS[2], 2)):
        world.ask(product, uuid.uuid4(), "PC01", status=status)
    world.refuse(3)
    pasted = docs.text_of("kms-status.md", "Status").split("```\n")[1]
    above, below = pasted.split("…\n")
    said = world.host.ctl("kms", "status").out.splitlines()
    labels = [re.match(r"( *[^:]+): ", line)[1] for line in above.splitlines()]
    # This world's lab clock is the only difference.
    told = [re.sub("^Lab time$", "Time", re.match(r"( *[^:]+): ", line)[1]) for line in said[:len(labels)]]
    assert told == labels
    table = said[said.index("Answered requests by product"):]
    assert [line.split() for line in table[1:2]] == [below.splitlines()[1].split()]


def test_the_text_has_what_slmgr_shows(busy):
    text = busy.host.ctl("kms", "status").out
    for label, value in (("Requests received", len(busy.asked)), ("Failed requests", 0),
                         ("  Licensed", states_of(busy.asked)["licensed"]),
                         ("Activation interval", "120 min"), ("Renewal interval", "10080 min"),
                         ("Priority", rf"{'low' if os.nice(0) > 0 else 'normal'} \(nice {os.nice(0)}\)"), ("Listening on", busy.host.address)):
        assert re.search(rf"^{label}: +{value}$", text, re.MULTILINE), label
    assert "\033" not in text


@pytest.mark.parametrize("options, said", [
    ({}, r"enabled, but no domain is configured \(\[dns\] domains\)"),
    ({"dns.domains": "lab.example", "dns.publish": "no"}, r"only by adbactl dns publish \(\[dns\] publish = no\)"),
    ({"dns.domains": "lab.example"}, "enabled")])
def test_the_text_says_whether_anything_is_published(lab, options, said):
    host = lab.daemon(options={**options, "dns.host": "kms.lab.example"})
    assert re.search(rf"^DNS publishing: +{said}$", host.ctl("kms", "status").out, re.MULTILINE)
    assert host.status()["dns"]["configured"] == ("dns.domains" in options)


# -- contacts --

def facts(row):
    return {"product": (row["product"], row["edition"]), "client_id": row["client_id"],
            "workstation": row["workstation"], "status": row["licence_status"],
            "count": row["count"]}


def test_contacts_are_the_last_of_each_machine_and_product(busy):
    rows = busy.contacts("--limit", "0")
    assert [facts(row) for row in rows] == busy.last_contacts()
    assert all(row["channel"] == "kms" and row["peer"].startswith("127.0.0.1:") for row in rows)
    assert [facts(row) for row in busy.contacts("--limit", "4")] == busy.last_contacts()[:4]


def test_contacts_can_be_filtered(busy):
    server = ("Windows Server 2022", "Standard")
    everybody = busy.last_contacts()
    for options, wanted in (
            (["--product", "windows 11"], lambda one: one["product"][0] == "Windows 11"),
            (["--product", "Windows 11 Pro"], lambda one: one["product"] == ("Windows 11", "Pro")),
            (["--product", str(busy.ids[server]["activation_id"])],
             lambda one: one["product"] == server),
            (["--workstation", "pc-[135]"], lambda one: one["workstation"][-1] in "135"),
            (["--application", "windows"], lambda one: True),
            (["--application", "office"], lambda one: False),
            (["--source", "127.0.0.0/8"], lambda one: True),
            (["--source", "192.0.2.1"], lambda one: False),
            (["--channel", "kms"], lambda one: True),
            (["--channel", "adba"], lambda one: False)):
        assert [facts(r) for r in busy.contacts(*options)] == [o for o in everybody if wanted(o)], options


@pytest.mark.parametrize("option, value, said", [
    ("--product", "Windoes 11", 'did you mean "Windows 11"'),
    ("--application", "excel", "windows, office or an id"),
    ("--source", "192.0.2.0/99", "192.0.2.0/24"),
    ("--channel", "phone", "kms, adba or relay"),
])
def test_a_filter_without_sense_is_refused(world, option, value, said):
    result = world.host.ctl("kms", "contacts", option, value, expect=2)
    assert said in result.err


def test_a_machine_that_was_renamed_is_found_by_its_last_name_only(world):
    cmid = uuid.uuid4()
    world.ask(PRODUCTS[0], cmid, "OLD-NAME")
    world.ask(PRODUCTS[0], cmid, "NEW-NAME")
    assert world.contacts("--workstation", "old*") == []
    assert [r["client_id"] for r in world.contacts("--workstation", "new*")] == [str(cmid)]


def test_since_leaves_out_who_is_silent(world):
    world.ask(PRODUCTS[0], uuid.uuid4(), "SILENT")
    world.host.ctl("clock", "advance", "8d")
    now = world.host.ctl("clock", "show", "--json").json["now"]
    world.ask(PRODUCTS[0], uuid.uuid4(), "ALIVE", client_time=(now + 11644473600) * 10_000_000)
    assert [r["workstation"] for r in world.contacts("--since", "7d")] == ["ALIVE"]


def test_names_that_strangers_chose_do_no_harm(world):
    name = 'A,"B"\033[31m'
    world.ask(PRODUCTS[0], uuid.uuid4(), name)
    (row,) = csv.DictReader(io.StringIO(world.host.ctl("kms", "contacts", "--csv").out))
    assert row["workstation"] == name
    for verb in ("contacts", "events", "activations"):
        assert "\033" not in world.host.ctl("kms", verb).out


def test_csv_and_json_tell_the_same(busy):
    rows = list(csv.DictReader(io.StringIO(busy.host.ctl("kms", "contacts", "--csv").out)))
    for a, b in zip(rows, busy.contacts(), strict=True):
        assert a == {name: "" if value is None else str(value) for name, value in b.items()}


def test_contacts_are_read_without_a_daemon(busy):
    busy.host.stop()
    assert [facts(row) for row in busy.contacts()] == busy.last_contacts()


@pytest.mark.uninstrumented
def test_a_million_rows_cost_no_memory_to_speak_of(world):
    """A few machines that asked very often: all rows are read, each machine is kept once."""
    world.host.stop()
    ledger = os.path.join(world.host.folder, "state", "ledger.db")
    with sqlite3.connect(ledger) as db:
        db.execute("""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
            INSERT INTO activations (at, channel, peer, version, application_id, activation_id,
                kms_id, client_id, previous_client_id, required_count, licence_status, minutes_left,
                is_virtual, count, workstation)
            SELECT 1000000 + i, 0, '192.0.2.1:1', 6, zeroblob(16), zeroblob(16), zeroblob(16),
                CAST(printf('%016d', i % 1000) AS BLOB), zeroblob(16), 25, 1, 0, 0, 50, 'pc-' || i
            FROM n""")
    argv = [world.host.lab.program("adbactl"), "--config", world.host.conf, "kms", "contacts",
            "--limit", "0", "--csv"]
    with measured(argv, world.host.folder) as (lines, peak):
        names = [row["workstation"] for row in csv.DictReader(lines)]
    assert names == [f"pc-{i}" for i in range(1000000, 999000, -1)]
    assert peak[0] < 64 * 1024  # KiB


# -- events --

def test_each_request_is_an_event_with_its_documented_fields(world):
    cmid = uuid.uuid4()
    sent = int(time.time()) - 3600
    world.ask(PRODUCTS[0], cmid, "pc-9.lab.example", status=2, minutes_left=40123, is_virtual=1,
              client_time=(sent + 11644473600) * 10_000_000)
    (event,) = world.events()
    at = time.gmtime(sent)
    activation_id = str(world.ids[PRODUCTS[0]]["activation_id"])
    info = (f"0x0,25,pc-9.lab.example,{cmid},{at.tm_year}/{at.tm_mon}/{at.tm_mday} "
            f"{at.tm_hour:02}:{at.tm_min:02},1,2,40123,{activation_id}")
    assert (event["event_id"], event["info"], event["times"]) == (12290, info, 1)
    assert event["log"] == "Key Management Service"
    assert (event["client_id"], event["minutes_left"], event["virtual"]) == (str(cmid), 40123, True)
    assert event["client_time"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", at)
    text = world.host.ctl("kms", "events", "--fields").out
    assert f"Info:                       {info}" in text
    assert re.search(r"Minutes to expiration: +40123", text)


def filetime(unix):
    return (unix + 11644473600) * 10_000_000


def event_info(code, product_ids_, cmid, name, sent, status, minutes, virtual):
    """Fields and their order: Volume Activation 2.0 Operations Guide, event 12290."""
    at = time.gmtime(sent)
    return (f"{code},{product_ids_['required_count']},{name},{cmid},{at.tm_year}/{at.tm_mon}/{at.tm_mday} "
            f"{at.tm_hour:02}:{at.tm_min:02},{virtual},{status},{minutes},{product_ids_['activation_id']}")


def refused_as(world, code, reason, product=PRODUCTS[0], ago=60, **fields):
    """One request that must be refused so; its event has all that the client said."""
    cmid, sent = uuid.uuid4(), int(time.time()) - ago
    name = f"pc-{cmid.hex[:6]}.lab.example"
    answer, result = world.clients[product].ask(
        client_id=cmid, workstation=name, status=5, minutes_left=77, is_virtual=1,
        client_time=filetime(sent), **fields)
    assert (answer, result) == (None, code)
    wait_for(lambda: [e for e in world.events() if e.get("client_id") == str(cmid)], "its event")
    (event,) = [e for e in world.events() if e.get("client_id") == str(cmid)]
    assert event["info"] == event_info(f"0x{code:X}", world.ids[product], cmid, name, sent, 5, 77, 1)
    assert (event["event_id"], event["hresult"], event["reason"]) == (12290, f"0x{code:08X}", reason)
    assert (event["product"], event["edition"]) == product
    assert (event["times"], event["source"]) == (1, "127.0.0.1")
    return event


def test_each_refused_request_is_an_event_with_its_documented_fields(world):
    refused_as(world, 0xC004F042, "not-served", kms_id=uuid.uuid4())
    refused_as(world, 0xC004F06C, "clock-skew", ago=5 * 3600)
    text = world.host.ctl("kms", "events", "--fields", "--limit", "1").out
    assert "Request of Windows 11 Enterprise refused (from 127.0.0.1, reason clock-skew)" in text
    assert re.search(r"Licence status: +5$", text, re.MULTILINE)
    assert all(e["times"] == 1 for e in world.events())
    assert world.host.status()["totals"]["failed"] == 2


def test_a_host_that_refuses_all_tells_whom(lab):
    refused_as(World(lab, {"kms.mode": "refuse"}), 0xC004F042, "refusing")


def test_a_host_that_is_not_activated_tells_whom_it_refused(lab):
    refused_as(World(lab, activate=False), 0xC004F041, "not-activated")


def test_what_could_not_be_read_is_one_event_a_minute_with_its_number(world):
    with world.clients[PRODUCTS[0]].connect() as c:
        for _ in range(3):
            c.call(b"\0" * 260)
    wait_for(lambda: world.sql("SELECT ifnull(sum(times), 0) FROM all_refusals") == [(3,)],
             "the refusals are in the ledger")
    events = world.events()
    assert sum(e["times"] for e in events) == 3 and len(events) <= 2  # a minute may have ended
    assert {(e["reason"], e["source"], e["info"]) for e in events} == {
        ("bad-version", "127.0.0.1", "0x8007000D,,,,,,,,")}


def test_a_start_that_failed_is_an_event_of_the_host(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world.host.stop()
        world.host.options["kms.listen"] = f"127.0.0.1:{taken.getsockname()[1]}"
        world.host.write_conf()
        world.host.launch()
        assert world.host.process.wait(timeout=DEADLINE) == 9
    (event,) = world.events()
    assert (event["event_id"], event["info"], event["hresult"]) == (12291, "0x80072740", "0x80072740")
    assert "another program listens there" in event["text"]
    assert "Event 12291" in world.host.ctl("kms", "events").out


def test_events_come_newest_or_oldest_first(busy):
    busy.refuse(1)
    newest = busy.events("--limit", "0")
    answered = [e["record"] for e in newest if "record" in e]
    assert answered == sorted(answered, reverse=True) and len(answered) == len(busy.asked)
    assert len(newest) == len(busy.asked) + 1
    oldest = busy.events("--limit", "0", "--oldest")
    assert [e["record"] for e in oldest if "record" in e] == answered[::-1]
    assert busy.events("--limit", "5", "--oldest") == oldest[:5]


def test_following_tells_what_happens_from_now_on(world):
    world.ask(PRODUCTS[0], uuid.uuid4(), "BEFORE")
    world.refuse(1)
    wait_for(lambda: len(world.events()) == 2, "the refusal's event is written")
    argv = [world.host.lab.program("adbactl"), "--config", world.host.conf, "kms", "events",
            "--follow", "--json"]
    tail = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            # A run in the background hands down an ignored SIGINT.
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        assert "Following" in tail.stderr.readline()
        world.ask(PRODUCTS[0], uuid.uuid4(), "AFTER-1")
        assert json.loads(tail.stdout.readline())["workstation"] == "AFTER-1"
        world.clients[PRODUCTS[0]].ask(kms_id=uuid.uuid4())
        assert json.loads(tail.stdout.readline())["times"] == 1
        world.ask(PRODUCTS[2], uuid.uuid4(), "AFTER-2")
        assert json.loads(tail.stdout.readline())["workstation"] == "AFTER-2"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=DEADLINE) == -signal.SIGINT
    finally:
        tail.kill()
        tail.communicate()

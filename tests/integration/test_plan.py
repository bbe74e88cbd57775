"""adbactl plan against an independent reading of the tables: every key group on every system that some
row names, with and without the updates."""
import csv
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import BIN

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MISSING, USAGE, NOT_FOUND = 7, 2, 4
S2022 = "Volume License for Windows Server 2022"


def table(name):
    with open(os.path.join(ROOT, "data", name + ".csv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


PRODUCTS, UNITS, GROUPS, UPDATES = (table(t) for t in (
    "products", "kms_products", "host_key_groups", "host_updates"))
TITLES = list(dict.fromkeys(row["product"] for row in PRODUCTS))
FAMILY = {row["product"]: row["family"] for row in reversed(PRODUCTS)}
# LTSC releases are their Windows where a table names only that.
BASE = {t: t.split(" LTS")[0] for t in TITLES}


def plan(*argv, as_json=True):
    done = subprocess.run([os.path.join(BIN, "adbactl"), "plan", *argv,
                           *(["--json"] if as_json else [])], capture_output=True, text=True,
                          timeout=30, env={k: v for k, v in os.environ.items() if k != "ADBAD_CONF"})
    return done.returncode, json.loads(done.stdout) if as_json else done.stdout, done.stderr


def title(name):
    """The product that a table's name means ("Windows 7 SP1" is Windows 7)."""
    return next(row["product"] for row in PRODUCTS
                if name == row["product"] or name in row["aliases"].split(";"))


def serves(group):
    called = {row["product"] for row in GROUPS
              if row["csvlk_group"] == group and row["relation"] == "activates"}
    return {u["kms_product"] for u in UNITS
            if called & {u["kms_product"], *u["called"].split(";")} - {""}}


def hosting(group, system):
    """What the notes of the published rows say, read in their own words."""
    verdict = "unlisted"
    for row in GROUPS:
        if (row["csvlk_group"], row["relation"]) != (group, "host"):
            continue
        named, own = title(row["product"]), BASE[system]
        later = ("or later" in row["note"] and FAMILY[named] == FAMILY[own]
                 and TITLES.index(own) <= TITLES.index(named))
        if named not in (system, own) and not later:
            continue
        if row["note"].startswith(("DISCREPANCY", "CONTRADICTED")):
            return "disputed"
        verdict = "yes"
    return verdict


def needed(system, product):
    """Updates of which one is enough; None if nothing helps; empty if none is needed."""
    rows = [row["update"] for row in UPDATES if title(row["host_os"]) in (system, BASE[system])
            and title(row["client_os"]) in (product, BASE[product])]
    return None if "(impossible)" in rows else rows


def met(system, updates, installed):
    if updates is None:
        return False
    listed = {row["update"] for row in UPDATES if title(row["host_os"]) == BASE[system]}

    def number(kb):
        return int(kb[2:])

    return not updates or any(have in updates or (have in listed and any(
        number(have) > number(kb) for kb in updates)) for have in installed)


def key_ready(group, system, installed):
    """The key itself: the row's own update, and what the group's newest server and client need."""
    for row in GROUPS:
        if (row["csvlk_group"], row["relation"], title(row["product"]) if row["relation"] == "host"
                else "") == (group, "host", BASE[system]) and re.match(r"KB\d+$", row["note"]):
            if row["note"] not in installed and not met(system, [row["note"]], installed):
                return False
    units = serves(group)
    for servers in (True, False):
        newest = next((row["product"] for row in PRODUCTS if row["kms_product"] in units
                       and (row["family"] == "server") == servers), None)
        if newest and not met(system, needed(system, newest), installed):
            return False
    return True


def expected(group, system, product, unit, installed):
    if unit not in serves(group):
        return "no-group"
    if hosting(group, system) != "yes":
        return "host"
    updates = needed(system, product)
    if updates is None:
        return "impossible"
    if not key_ready(group, system, installed) or not met(system, updates, installed):
        return "update"
    return "activated"


def clients():
    """One edition for each pair of product and KMS product."""
    found = {}
    for row in PRODUCTS:
        if row["kms_product"]:
            found.setdefault((row["product"], row["kms_product"]), row["edition"])
    return found


def systems():
    return [t for t in TITLES if FAMILY[t] != "office"]


def all_updates(system):
    return sorted({row["update"] for row in UPDATES
                   if title(row["host_os"]) == BASE[system]} - {"(impossible)"})


def questions():
    """Every group on every system that it may run on, bare and updated, and a few where it may not."""
    names = list(dict.fromkeys(row["csvlk_group"] for row in GROUPS))
    for i, group in enumerate(names):
        for k, system in enumerate(systems()):
            listed = hosting(group, system) != "unlisted"
            if listed or (i + k) % 15 == 0:
                yield group, system, []
            if listed and all_updates(system):
                yield group, system, all_updates(system)
                yield group, system, all_updates(system)[:1]


@pytest.mark.lengthy
def test_every_group_on_every_system_is_judged_as_the_tables_say():
    kinds = list(clients().items())
    asked = list(questions())
    assert len(asked) > 120

    def ask(question):
        group, system, installed = question
        argv = ["--host-os", system, "--key-group", group]
        for (product, _), edition in kinds:
            argv += ["--client", f"{product} {edition}=30"]
        for kb in installed:
            argv += ["--update", kb]
        return plan(*argv)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, asked))
    verdicts = set()
    for (group, system, installed), (status, said, err) in zip(asked, answers):
        assert status == MISSING, (group, system, err)  # no group serves all there is
        assert said["key_groups"][0]["hosting"] == hosting(group, system), (group, system)
        for ((product, unit), edition), row in zip(kinds, said["clients"]):
            assert (row["product"], row["edition"]) == (product, edition)
            want = expected(group, system, product, unit, installed)
            assert row["verdict"] == want, (group, system, installed, product, edition)
            verdicts.add(want)
            if want == "update" and row.get("need") and not row["need"]["met"]:
                assert [n["update"] for n in row["need"]["any_of"]] == needed(system, product)
    # What no update makes possible is also disputed as a host: test_catalog_overlay.py has the other.
    assert verdicts == {"no-group", "host", "update", "activated"}


def test_a_suggested_group_would_do_it():
    status, said, _ = plan("--host-os", "Windows Server 2019", "--client", "Windows 11 Pro=30",
                           "--client", "Office 2019=5")
    assert status == MISSING
    for row, unit in zip(said["clients"], ("Windows 11 Pro", "Office 2019")):
        assert row["verdict"] == "no-group" and row["groups"] and row["groups_fit_host"]
        for group in row["groups"]:
            assert unit in serves(group) and hosting(group, "Windows Server 2019") == "yes"
    groups = [arg for row in said["clients"] for arg in ("--key-group", row["groups"][0])]
    status, said, _ = plan("--host-os", "Windows Server 2019", "--client", "Windows 11 Pro=30",
                           "--client", "Office 2019=5", "--update", "KB5034768", *groups)
    assert status == 0 and said["activates"]


def test_every_fact_has_its_source():
    published = {row["source"] for row in GROUPS + UPDATES}
    _, said, _ = plan("--host-os", "Windows Server 2016", "--key-group", S2022,
                      "--client", "Windows Server 2022=60", "--domain-joined", "10")
    assert said["key_groups"][0]["source"] in published
    assert {n["source"] for need in said["key_groups"][0]["needs"] for n in need["any_of"]} <= published
    assert said["clients"][0]["source"] in published
    assert all(a["source"] for a in said["advice"]) and all(said["sources"].values())
    out = plan("--host-os", "Windows Server 2016", "--key-group", S2022,
               "--client", "Windows Server 2022=60", as_json=False)[1]
    assert "source  " in out and "KB5003638" in out


@pytest.mark.parametrize("count, members, hosts", [(49, "0", 1), (50, "0", 2), (50, "100%", 0),
                                                   (100, "51", 1), (100, "50%", 2)])
def test_two_hosts_are_advised_from_fifty_machines_on(count, members, hosts):
    said = plan("--host-os", "Windows Server 2022", "--key-group", S2022,
                "--client", f"Windows 11 Enterprise={count}", "--domain-joined", members)[1]
    assert said["hosts_advised"] == hosts
    assert any("Two KMS hosts" in a["text"] for a in said["advice"]) == (hosts == 2)


def test_how_many_are_missing_is_told():
    status, said, _ = plan("--host-os", "Windows Server 2022", "--key-group", S2022,
                           "--client", "Windows 11 Pro=20", "--client", "Windows Server 2022=4")
    assert status == MISSING
    assert [(r["verdict"], r["missing"]) for r in said["clients"]] == [("count", 1), ("activated", 0)]
    out = plan("--host-os", "Windows Server 2022", "--key-group", S2022, "--client",
               "Windows 11 Pro=20", "--client", "Windows Server 2022=4", as_json=False)[1]
    assert "1 more machine must ask the host" in out


def test_an_azure_edition_is_no_host():
    said = plan("--host-os", "Windows Server 2022 Datacenter: Azure Edition", "--key-group", S2022,
                "--client", "Windows 11 Pro=30")[1]
    assert said["key_groups"][0]["hosting"] == "edition"
    assert said["clients"][0]["verdict"] == "host"


@pytest.mark.parametrize("argv, status, text", [
    (["--client", "Windows 11 Pro=3"], USAGE, "--host-os SYSTEM is required"),
    (["--host-os", "Windows Server 2022"], USAGE, "--client"),
    (["--host-os", "Windows Server 20222", "--client", "x"], NOT_FOUND, "Windows Server 2022"),
    (["--host-os", "ws2022", "--client", "Windows 11 Prof=3"], NOT_FOUND, "no product"),
    (["--host-os", "ws2022", "--client", "Windows 11=3"], USAGE, "which edition"),
    (["--host-os", "ws2022", "--client", "Windows 11 Pro=0"], USAGE, "a product and a number"),
    (["--host-os", "ws2022", "--client", "Windows 11 Pro=x"], USAGE, "a product and a number"),
    (["--host-os", "ws2022", "--client", "Windows 11 Pro=3", "--domain-joined", "4"], USAGE, "all 3"),
    (["--host-os", "ws2022", "--client", "Windows 11 Pro=3", "--domain-joined", "101%"], USAGE, "all 3"),
    (["--host-os", "ws2022", "--key-group", "Volume License for Windows Server 2222",
      "--client", "Windows 11 Pro"], NOT_FOUND, S2022),
])
def test_what_is_asked_wrongly_is_named(argv, status, text):
    code, said, err = plan(*argv)
    assert code == status and text in err and said["error"]

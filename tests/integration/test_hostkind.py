"""What a KMS host on each system serves, held against host_key_groups.csv and host_updates.csv as
read here with Python's csv module, for every system, key group and KMS product, with no update, with
each that the tables name, and with all."""
import csv
import functools
import os
import subprocess

import pytest

from lab import BIN

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.path.join(ROOT, "data")


@functools.lru_cache(maxsize=None)
def table(name):
    with open(os.path.join(DATA, name + ".csv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def split(text):
    return text.split(";") if text else []


@functools.lru_cache(maxsize=None)
def products():
    """Name -> its row facts, in the order of the table, which goes from new to old."""
    found = {}
    for at, row in enumerate(table("products")):
        p = found.setdefault(row["product"], {"names": {row["product"]}, "family": row["family"],
                                              "base": row.get("base") or row["product"], "at": at,
                                              "units": set()})
        p["names"].update(split(row["aliases"]))
        p["units"].add(row["kms_product"])
        if row.get("base"):
            p["base"] = row["base"]
    return found


@functools.lru_cache(maxsize=None)
def named(text):
    """The first product of that name or alias."""
    exact = [name for name in products() if name == text]
    return exact[0] if exact else next(n for n, p in products().items() if text in p["names"])


@functools.lru_cache(maxsize=None)
def first_product_of(unit):
    return next(row["product"] for row in table("products") if row["kms_product"] == unit)


@functools.lru_cache(maxsize=None)
def same(row_name, product):
    """Whether a row about row_name is one about product: by name, or about what it is a release of."""
    return named(row_name) in (product, products()[product]["base"])


@functools.lru_cache(maxsize=None)
def host_row(group, system):
    """The last row that lets system be the group's host; "disputed" wins over all."""
    base = products()[system]["base"]
    found = None
    for row in table("host_key_groups"):
        if row["csvlk_group"] != group or row["relation"] != "host":
            continue
        own = named(row["product"])
        later = (row["rule"] == "or later"
                 and products()[own]["family"] == products()[base]["family"]
                 and products()[base]["at"] <= products()[own]["at"])
        if not (same(row["product"], system) or later):
            continue
        if row["rule"] == "disputed":
            return row
        found = row
    return found


def number(update):
    return int(update[2:])


@functools.lru_cache(maxsize=None)
def listed_for(system):
    return {row["update"] for row in table("host_updates") if same(row["host_os"], system)}


@functools.lru_cache(maxsize=None)
def updates_for(system, product):
    return [row["update"] for row in table("host_updates")
            if same(row["host_os"], system) and same(row["client_os"], product)]


def met(system, wanted, installed):
    """One of the wanted updates is there, or a later one that is listed for this system."""
    listed = listed_for(system)
    return any(have == want or (number(have) > number(want) and have in listed)
               for have in installed for want in wanted)


def takes(group, system, installed, packs):
    row = host_row(group, system)
    if row is None:
        return "unlisted"
    if row["rule"] == "disputed":
        return "disputed"
    if row["rule"].startswith("needs ") and not met(system, [row["rule"][6:]], installed):
        return "no-update"
    if group.startswith("Office") and not any(p in ("Office", group[:-len(" KMS host key")])
                                              for p in packs):
        return "no-pack"
    return "ok"


def serves(group, unit, system, installed, packs):
    """(verdict, the updates one of which is missing)"""
    verdict = takes(group, system, installed, packs)
    if verdict != "ok":
        row = host_row(group, system)
        return verdict, [row["rule"][6:]] if verdict == "no-update" else []
    product = first_product_of(unit)
    if products()[product]["family"] == "server" and products()[system]["family"] == "client":
        return "client-host", []
    wanted = updates_for(system, product)
    if "(impossible)" in wanted:
        return "impossible", []
    if wanted and not met(system, wanted, installed):
        return "no-update", wanted
    return "ok", []


class Tool:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(BIN, "hostkind_tool")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, system="", updates=(), packs=()):
        self.process.stdin.write(f"{system}|{','.join(updates)}|{','.join(packs)}\n")
        self.process.stdin.flush()
        rows = []
        while (line := self.process.stdout.readline().rstrip("\n")):
            rows.append(line.split(","))
        return rows

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(name="tool", scope="module")
def one_tool():
    tool = Tool()
    yield tool
    tool.close()


SYSTEMS = [name for name, p in products().items() if p["family"] != "office"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_host_serves_what_the_tables_say(tool, system):
    known = sorted({row["update"] for row in table("host_updates")
                    if row["update"].startswith("KB")})
    for installed in [[], known, *[[kb] for kb in known]]:
        for packs in ([], ["Office"], ["Office LTSC 2021"]):
            rows = tool.ask(system, installed, packs)
            assert len(rows) > 150
            for group, unit, took, served, missing in rows:
                assert took == takes(group, system, installed, packs), (group, installed, packs)
                verdict, wanted = serves(group, unit, system, installed, packs)
                assert served == verdict, (group, unit, installed, packs)
                if verdict == "no-update":
                    assert missing in wanted
                else:
                    assert bool(missing) == (verdict == "no-pack")


def test_a_host_of_no_system_serves_every_row(tool):
    assert {tuple(row[2:]) for row in tool.ask()} == {("ok", "ok", "")}


def test_no_client_system_serves_a_server(tool):
    servers = {row["kms_product"] for row in table("products") if row["family"] == "server"}
    every = [row["update"] for row in table("host_updates") if row["update"].startswith("KB")]
    asked = 0
    for system in SYSTEMS:
        if products()[system]["family"] == "client":
            for _, unit, _, served, _ in tool.ask(system, sorted(set(every)), ["Office"]):
                if unit in servers:
                    assert served != "ok"
                    asked += 1
    assert asked > 100


@pytest.mark.parametrize("line, words", [
    (("Windows Server 2O19",), "no system is called"),
    (("Office 2019",), "no system is called"),
    (("Windows Server 2019", ["5034765"]), "no update"),
    (("Windows Server 2019", [], ["Windows 10"]), "no licence pack"),
])
def test_what_is_unknown_is_named(tool, line, words):
    (said,) = tool.ask(*line)
    assert said[0].startswith("error") and words in ",".join(said)


def test_an_edition_that_may_not_be_a_host_is_refused(tool):
    group = "Volume License for Windows Server 2022"

    def took(system):
        return {row[2] for row in tool.ask(system) if row[0] == group}

    assert took("Windows Server 2022 Datacenter") == {"ok"}
    assert took("Windows Server 2022 Datacenter: Azure Edition") == {"edition"}

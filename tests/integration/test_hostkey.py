"""Host keys on a KMS host: installing on the system that it simulates, activating online, by phone
and in plain lab form, what holds for this host only, limits, and the host that answers nobody."""
import csv
import datetime
import io
import json
import os
import re
import shutil
import sqlite3
import uuid
from contextlib import closing

import pytest

import activation_ids as model
from kms_lab import Clients
from lab import wait_for

SERVER_2022 = "Volume License for Windows Server 2022"
WINDOWS_10 = "Volume License for Windows 10"
OFFICE_2021 = "Office LTSC 2021 KMS host key"

NOT_SERVED, NOT_ACTIVATED, SPENT, WRONG_HOST = 0xC004F042, 0xC004F041, 0xC004C008, 0xC004F015


def package(lab, daemon, group=SERVER_2022):
    path = os.path.join(daemon.folder, f"{len(os.listdir(daemon.folder))}.hostkey")
    daemon.ctl("hostkey", "issue", "--group", group, "--out", path)
    return path


def listed(daemon):
    return {k["group"]: k for k in daemon.ctl("hostkey", "list", "--json").json["host_keys"]}


def server(lab, daemon, product="Windows Server 2022", edition="Standard"):
    return Clients(lab, daemon.port, product, edition)


def set_options(daemon, **options):
    """Another configuration of the same host, from its next start on."""
    daemon.stop()
    daemon.options.update({f"kms.{k}": v for k, v in options.items()})
    daemon.write_conf()
    daemon.start()


@pytest.fixture(name="house")
def clearing_house(lab):
    return lab.daemon("house", options={"clearing.serve": "yes"})


@pytest.fixture(name="host")
def host_that_asks(lab, house):
    host = lab.daemon("host", options={"clearing.host": house.address})
    host.ctl("hostkey", "install", package(lab, host))
    return host


# -- activation --

def test_an_installed_key_serves_nobody_before_it_is_activated(lab):
    host = lab.daemon()
    said = host.ctl("hostkey", "install", package(lab, host))
    assert "hostkey activate" in said.err
    assert server(lab, host).ask() == (None, NOT_ACTIVATED)
    assert host.status()["refused"]["not-activated"] == 1
    assert "not activated" in host.ctl("kms", "status").out
    host.wait_log(r"refused, 0xC004F041 not-activated: .*adbactl hostkey activate")
    assert "nothing was counted" in host.ctl("hostkey", "activate").err
    assert server(lab, host).count() == 1
    key = listed(host)[SERVER_2022]
    assert (key["activated"], key["how"], key["activations"]) == (True, "lab", None)


def test_online_the_clearing_house_counts_and_the_list_shows_it(lab, house, host):
    said = host.ctl("hostkey", "activate", "--json")
    assert (said.json["how"], said.json["activations"], said.json["hosts_left"]) == ("online", 1, 5)
    assert "activation 1 of this host, 9 left" in said.err
    assert server(lab, host).count() == 1
    host.ctl("hostkey", "activate", SERVER_2022)
    key = listed(host)[SERVER_2022]
    assert (key["activations"], key["activations_left"], key["hosts"]) == (2, 8, 1)
    table = host.ctl("hostkey", "list").out
    assert "activated (online)" in table and "1 of 6" in table
    (counted,) = house.ctl("clearing", "status", "--json").json["keys"]
    (entry,) = counted["entries"]
    assert (entry["kind"], entry["activations"]) == ("host", 2)
    with open(os.path.join(host.folder, "state", "host.id"), encoding="ascii") as f:
        target = model.host_target(f.read().strip())
    assert entry["binding"] == f"{model.binding_of(target):08x}"


def test_by_phone_the_ids_are_those_of_the_documents(lab, house, host):
    iid = host.ctl("hostkey", "activate", "--iid").out.strip()
    cid = house.ctl("clearing", "confirm", iid).out.strip()
    assert server(lab, host).ask() == (None, NOT_ACTIVATED)
    wrong = cid[:-1] + str((int(cid[-1]) + 1) % 10)
    assert "0xC004F04D" in host.ctl("hostkey", "activate", "--cid", wrong, expect=7).err
    assert not listed(host)[SERVER_2022]["activated"]
    house.stop()  # nobody is asked
    host.ctl("hostkey", "activate", "--cid", cid)
    assert server(lab, host).count() == 1
    assert listed(host)[SERVER_2022]["how"] == "phone"


def test_a_confirmation_id_for_another_host_is_refused(lab, house, host):
    other = lab.daemon("other", wait=False)
    other.ctl("hostkey", "install", os.path.join(host.folder, next(
        f for f in os.listdir(host.folder) if f.endswith(".hostkey"))))
    cid = house.ctl("clearing", "confirm", other.ctl("hostkey", "activate", "--iid").out.strip())
    cid = cid.out.strip()
    refused = host.ctl("hostkey", "activate", "--cid", cid, expect=5)
    assert "0xC004F07F" in refused.err
    assert not listed(host)[SERVER_2022]["activated"]


def test_an_activation_survives_a_restart_and_a_kill(lab, host):
    host.ctl("hostkey", "activate")
    host.kill()
    host.start()
    assert server(lab, host).count() == 1


def test_an_activation_holds_for_its_host_only(lab, host):
    """A copy of the installed keys on another host is not activated there."""
    host.ctl("hostkey", "activate")
    other = lab.daemon("other", wait=False)
    for folder in ("state/hostkeys", "state.private"):
        shutil.copytree(os.path.join(host.folder, folder), os.path.join(other.folder, folder))
    other.start()
    assert server(lab, other).ask() == (None, NOT_ACTIVATED)
    other.ctl("hostkey", "activate")
    assert server(lab, other).count() == 1
    assert server(lab, host).count() == 1


def test_a_key_that_takes_anothers_place_is_not_activated(lab, host):
    host.ctl("hostkey", "activate")
    host.ctl("hostkey", "install", "--replace", package(lab, host))
    assert server(lab, host).ask() == (None, NOT_ACTIVATED)


def test_uninstalling_forgets_the_activation(lab, host):
    host.ctl("hostkey", "activate")
    path = next(os.path.join(host.folder, f) for f in os.listdir(host.folder)
                if f.endswith(".hostkey"))
    host.ctl("hostkey", "uninstall", SERVER_2022)
    for folder in ("state/hostkeys", "state.private/hostkeys"):
        assert os.listdir(os.path.join(host.folder, folder)) == []
    host.ctl("hostkey", "install", path)
    assert not listed(host)[SERVER_2022]["activated"]


def test_a_spent_key_is_refused_until_it_is_extended(lab, house, host):
    for _ in range(10):
        host.ctl("hostkey", "activate")
    refused = host.ctl("hostkey", "activate", "--json", expect=5)
    assert refused.json["code"] == "0xC004C008"
    assert server(lab, host).count() == 1  # what it has it keeps
    with open(next(os.path.join(host.folder, f) for f in os.listdir(host.folder)
                   if f.endswith(".hostkey")), encoding="utf-8") as f:
        key = json.load(f)["key"]
    extended = house.ctl("hostkey", "extend", key, "--activations", "1", "--hosts", "2", "--json")
    assert extended.json == {"hosts_max": 8, "activations_max": 11}
    host.ctl("hostkey", "activate")
    assert listed(host)[SERVER_2022]["activations_left"] == 0
    assert "--hosts" in house.ctl("hostkey", "extend", key, expect=2).err
    elsewhere = host.ctl("hostkey", "extend", SERVER_2022, "--hosts", "1", expect=None)
    assert elsewhere.code != 0 and "[clearing] serve" in elsewhere.err


def test_a_blocked_key_activates_nothing_more(lab, house, host):
    host.ctl("hostkey", "activate")
    (key,) = [k["key"] for k in house.ctl("clearing", "status", "--json").json["keys"]]
    assert house.ctl("clearing", "block", key, "--json").json == {"blocked": True}
    assert host.ctl("hostkey", "activate", "--json", expect=5).json["code"] == "0xC004C003"
    assert "blocked" in house.ctl("clearing", "status").out
    assert server(lab, host).count() == 1
    house.kill()
    house.start()
    assert "0xC004C003" in host.ctl("hostkey", "activate", expect=5).err
    house.ctl("clearing", "unblock", key)
    host.ctl("hostkey", "activate")
    assert listed(host)[SERVER_2022]["activations"] == 2
    assert "nothing was ever activated" in house.ctl("clearing", "block", "AAAAA", expect=4).err


def test_a_clearing_house_that_is_away_activates_nothing(lab, house, host):
    house.stop()
    assert house.address in host.ctl("hostkey", "activate", expect=6).err
    assert server(lab, host).ask() == (None, NOT_ACTIVATED)
    said = host.ctl("hostkey", "install", "--activate", package(lab, host, WINDOWS_10), expect=6)
    assert "installed, and not activated" in said.err
    assert WINDOWS_10 in listed(host)


def test_with_several_keys_the_group_must_be_named(lab, host):
    host.ctl("hostkey", "install", package(lab, host, WINDOWS_10))
    assert "name the group" in host.ctl("hostkey", "activate", expect=2).err
    host.ctl("hostkey", "activate", WINDOWS_10.upper())
    assert [k["activated"] for k in listed(host).values()] == [True, False]
    assert server(lab, host, "Windows 10", "Enterprise").count() == 1
    assert "hostkey list" in host.ctl("hostkey", "activate", OFFICE_2021, expect=4).err


def test_a_damaged_record_is_named_at_start(lab, host):
    host.ctl("hostkey", "activate")
    host.stop()
    (path,) = [os.path.join(host.folder, "state", "hostkeys", f)
               for f in os.listdir(os.path.join(host.folder, "state", "hostkeys"))
               if f.endswith(".host")]
    with open(path, encoding="utf-8") as f:
        good = f.read()
    for bad in (good[:-20], good.replace("online", "somehow"), good.replace('"updates"', '"upd"')):
        with open(path, "w", encoding="utf-8") as f:
            f.write(bad)
        assert path in lab.run("adbad", "--config", host.conf, "--check", expect=7).err


# -- which host it is --

def test_the_story_of_a_missing_update(lab):
    """A Windows Server 2016 host needs KB5003638 for Windows Server 2022 (host_updates.csv). The key
    that was there before the update knows nothing of it."""
    host = lab.daemon(options={"kms.host_os": "Windows Server 2016"})
    path = package(lab, host)
    said = host.ctl("hostkey", "install", "--activate", path)
    assert "Windows Server 2022 will be refused" in said.err and "KB5003638" in said.err
    assert server(lab, host, "Windows Server 2016").count() == 1
    assert server(lab, host).ask() == (None, NOT_SERVED)
    host.wait_log(r"refused, 0xC004F042 no-update: .*: KB5003638")
    (key,) = host.status()["host_keys"]
    assert key["kms_ids_served"] < key["kms_ids"] and "KB5003638" in key["lacks"]
    shown = host.ctl("kms", "status").out
    assert "KB5003638" in shown and re.search(r"Simulated system: +Windows Server 2016", shown)

    set_options(host, updates="KB5003638")
    assert server(lab, host).ask() == (None, NOT_SERVED)
    host.ctl("hostkey", "uninstall", SERVER_2022)
    again = host.ctl("hostkey", "install", path)
    assert "refused" not in again.err
    assert server(lab, host).ask() == (None, NOT_ACTIVATED)
    host.ctl("hostkey", "activate")
    assert server(lab, host).count() == 2
    assert listed(host)[SERVER_2022]["updates"] == ["KB5003638"]
    assert host.status()["host_keys"][0]["lacks"] is None


@pytest.mark.parametrize("system, group, words", [
    ("Windows Server 2012", SERVER_2022, "no host for"),
    ("Windows Server 2022 Datacenter: Azure Edition", SERVER_2022, "another edition"),
    ("Windows 11", SERVER_2022, "no host for"),
    ("Windows Server 2016", "Volume License for Windows Server 2025", "both ways"),
    ("Windows Server 2008 R2", "Office 2013 KMS host key", "KB2757817"),
    ("Windows Server 2022", OFFICE_2021, "[kms] packs"),
])
def test_a_host_that_may_not_have_the_key_refuses_it(lab, system, group, words):
    host = lab.daemon(wait=False, options={"kms.host_os": system})
    refused = host.ctl("hostkey", "install", package(lab, host, group), "--json", expect=5)
    assert refused.json["code"] == "0xC004F015"
    assert words in refused.err
    assert listed(host) == {}


def test_a_key_of_a_host_that_became_another_serves_nobody(lab):
    host = lab.daemon()
    host.ctl("hostkey", "install", "--activate", package(lab, host))
    assert server(lab, host).count() == 1
    set_options(host, host_os="Windows Server 2012")
    assert server(lab, host).ask() == (None, NOT_SERVED)
    assert "0xC004F015" in host.ctl("hostkey", "activate", expect=5).err


def test_a_client_system_activates_clients_only(lab):
    host = lab.daemon(options={"kms.host_os": "Windows 10"})
    host.ctl("hostkey", "install", "--activate", package(lab, host, WINDOWS_10))
    assert server(lab, host, "Windows 10", "Enterprise").count() == 1
    assert server(lab, host, "Windows Server 2016").ask() == (None, NOT_SERVED)


def test_office_needs_its_licence_pack(lab):
    host = lab.daemon(options={"kms.host_os": "Windows Server 2022", "kms.packs": "Office LTSC 2021"})
    host.ctl("hostkey", "install", "--activate", package(lab, host, OFFICE_2021))
    office = server(lab, host, "Office LTSC 2021", "Office LTSC Professional Plus 2021")
    assert office.count() == 1
    set_options(host, packs="Office 2019")
    assert office.ask() == (None, NOT_SERVED)
    host.wait_log(r"refused, 0xC004F042 no-pack: .*: Office LTSC 2021")


@pytest.mark.parametrize("options, words", [
    ({"kms.host_os": "Windows Server 2O22"}, "no system is called"),
    ({"kms.host_os": "Windows Server 2022", "kms.updates": "5003638"}, "no update"),
    ({"kms.host_os": "Windows Server 2022", "kms.packs": "Windows 10"}, "no licence pack"),
    ({"kms.updates": "KB5003638"}, "host_os"),
])
def test_a_host_that_cannot_be_is_refused_at_start(lab, options, words):
    daemon = lab.daemon(wait=False, options=options)
    assert words in lab.run("adbad", "--config", daemon.conf, "--check", expect=3).err


# -- the host that answers nobody --

def test_a_host_that_refuses_all_counts_nobody(lab):
    host = lab.daemon(options={"kms.mode": "refuse"})
    host.ctl("hostkey", "install", "--activate", package(lab, host))
    assert server(lab, host).ask() == (None, NOT_SERVED)
    status = host.status()
    assert (status["mode"], status["host_os"]) == ("refuse", None)
    assert "kms stragglers" in host.ctl("kms", "status").out
    assert status["refused"]["refusing"] == 1
    assert [a["count"] for a in status["applications"]] == [0, 0]
    host.wait_log(r"refused, 0xC004F042 refusing: .*mode = refuse")
    set_options(host, mode="serve")
    assert server(lab, host).count() == 1


def stragglers(host, *options):
    return host.ctl("kms", "stragglers", "--json", *options).json["stragglers"]


def test_a_host_that_refuses_all_keeps_who_still_asks(lab):
    host = lab.daemon(options={"kms.mode": "refuse"})
    asked = {}
    for n in range(3):
        for product, edition in (("Windows 11", "Enterprise"), ("Windows Server 2022", "Standard")):
            cmid = uuid.UUID(int=n + 1)
            for _ in range(n + 1):
                assert server(lab, host, product, edition).ask(
                    client_id=cmid, workstation=f"ws-{n}") == (None, NOT_SERVED)
            asked[str(cmid), f"{product} {edition}"] = (f"ws-{n}", "127.0.0.1", n + 1)

    def kept():
        found = {(s["client_id"], f"{s['product']} {s['edition']}"):
                 (s["workstation"], s["source"], s["times"]) for s in stragglers(host)}
        return found == asked

    wait_for(kept, "all who asked are listed")
    assert len(stragglers(host, "--limit", "2")) == 2
    host.ctl("clock", "advance", "3d")
    server(lab, host).ask(client_id=uuid.UUID(int=1), workstation="renamed")
    (one,) = wait_for(lambda: stragglers(host, "--since", "1d"), "the last one is listed")
    assert (one["workstation"], one["times"]) == ("renamed", 2)
    assert stragglers(host)[0] == one and one["last"] - one["first"] >= 3 * 86400
    for key in ("first", "last"):
        said = datetime.datetime.strptime(one[f"{key}_time"], "%Y-%m-%dT%H:%M:%S%z")
        assert said.timestamp() == one[key]
    host.kill()
    assert stragglers(host)[0] == one
    with closing(sqlite3.connect(os.path.join(host.folder, "state", "ledger.db"))) as ledger:
        assert ledger.execute("SELECT count(*), sum(times) FROM stragglers").fetchone() == (6, 13)
        assert ledger.execute("SELECT count(*) FROM activations").fetchone() == (0,)
    assert "renamed" in host.ctl("kms", "stragglers").out


def test_stragglers_can_be_filtered_and_come_as_csv(lab):
    host = lab.daemon(options={"kms.mode": "refuse"})
    for n in range(3):
        for product, edition in (("Windows 11", "Enterprise"), ("Windows Server 2022", "Standard")):
            server(lab, host, product, edition).ask(client_id=uuid.UUID(int=n + 1), workstation=f"ws-{n}")
    everybody = wait_for(lambda: len(stragglers(host)) == 6 and stragglers(host), "all who asked are listed")
    for options, wanted in ((["--product", "windows 11"], lambda s: s["product"] == "Windows 11"),
                            (["--product", "Windows Server 2022 Standard"], lambda s: s["edition"] == "Standard"),
                            (["--workstation", "WS-[02]"], lambda s: s["workstation"] in ("ws-0", "ws-2")),
                            (["--application", "windows"], lambda s: True),
                            (["--application", "office"], lambda s: False),
                            (["--source", "127.0.0.0/8"], lambda s: True),
                            (["--source", "2001:db8::/32"], lambda s: False)):
        assert stragglers(host, *options) == [s for s in everybody if wanted(s)], options
    assert stragglers(host, "--product", "Windows 11", "--limit", "2") == [
        s for s in everybody if s["product"] == "Windows 11"][:2]
    rows = list(csv.DictReader(io.StringIO(host.ctl("kms", "stragglers", "--csv").out)))
    assert rows == [{k: str(v) for k, v in s.items()} for s in everybody]
    assert "of that kind" in host.ctl("kms", "stragglers", "--application", "office").out
    assert "no product of that name" in host.ctl("kms", "stragglers", "--product", "Windoes", expect=2).err


def test_a_host_that_serves_keeps_no_stragglers(lab):
    host = lab.daemon()
    assert server(lab, host).ask() == (None, NOT_SERVED)
    assert stragglers(host) == []
    assert "Nobody" in host.ctl("kms", "stragglers").out

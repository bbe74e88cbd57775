"""The clearing house: online by other people's DCE/RPC and an independent model of the messages, by
phone, and through adbactl."""
import json
import os
import re
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from impacket.dcerpc.v5.rpcrt import DCERPCException

import activation_ids as model
from kms_impacket import LAB, ActivateHostKey, Connection, call_lab
from lab import CONTAINER, CommandFailed

GROUP = "Volume License for Windows Server 2022"


class Site:
    """Somebody who was given a host key's package."""

    def __init__(self, package):
        with open(package, encoding="utf-8") as f:
            package = json.load(f)
        self.key, self.group, self.pid = package["key"], package["group"], package["pid"]
        self.confirm = bytes.fromhex(package["confirmation_key"])

    def iid(self, kind, target):
        return model.Iid.make(kind, self.key, self.group, target, self.confirm)

    def request(self, name, kind=model.HOST):
        target = model.host_target(name)
        return model.request(self.iid(kind, target), self.confirm, target, self.pid, name,
                             os.urandom(16))


def call(daemon, message):
    return call_lab(daemon, ActivateHostKey, message)


@pytest.fixture(name="house")
def clearing_house(lab):
    return lab.daemon("house", options={"clearing.serve": "yes"})


@pytest.fixture(name="site")
def site_with_a_package(lab, house):
    return issue(house, lab)


def issue(house, lab, group=GROUP):
    path = os.path.join(lab.folder, f"{len(os.listdir(lab.folder))}.hostkey")
    house.ctl("hostkey", "issue", "--group", group, "--out", path)
    return Site(path)


def activate(house, site, name, kind=model.HOST):
    """The opened answer, or the code of the refusal."""
    asked = site.request(name, kind)
    data, result = call(house, asked)
    if result:
        assert data == b""
        return result
    return model.open_answer(asked, site.confirm, data)


def keys(house):
    return house.ctl("clearing", "status", "--json").json["keys"]


# ---- online ----

def test_an_activation_is_granted_counted_and_confirmed(house, site):
    answer = activate(house, site, "kms-1")
    assert (answer.used, answer.left, answer.hosts_used, answer.hosts_left) == (1, 9, 1, 5)
    iid = site.iid(model.HOST, model.host_target("kms-1"))
    assert answer.cid == iid.cid(site.confirm).replace("-", "")
    key, = keys(house)
    assert (key["key"], key["group"], key["hosts"], key["activations"]) == (site.key, GROUP, 1, 1)
    host, = key["entries"]
    assert (host["name"], host["kind"], host["pid"]) == ("kms-1", "host", site.pid)
    assert host["binding"] == f"{iid.binding:08x}"
    house.wait_log(r'clearing 127\.0\.0\.1:\d+ "kms-1": granted')


def test_the_eleventh_activation_of_a_host_is_refused(house, site):
    assert [activate(house, site, "kms-1").left for _ in range(10)] == list(range(9, -1, -1))
    assert activate(house, site, "kms-1") == 0xC004C008
    assert activate(house, site, "kms-2").used == 1  # others go on
    house.wait_log(r"refused, 0xC004C008 activations-spent")


def test_the_seventh_host_is_refused_and_the_forest_counts_as_one(house, site):
    assert activate(house, site, "lab.example", model.FOREST).hosts_used == 1
    for n in range(5):
        activate(house, site, f"kms-{n}")
    assert activate(house, site, "kms-7") == 0xC004C008
    assert activate(house, site, "kms-1").used == 2  # those that were activated may be again
    house.wait_log(r"refused, 0xC004C008 hosts-spent")


def test_keys_are_counted_apart(lab, house, site):
    other = issue(house, lab, "Volume License for Windows 8.1")
    for n in range(6):
        activate(house, site, f"kms-{n}")
    assert activate(house, site, "kms-6") == 0xC004C008
    assert activate(house, other, "kms-6").hosts_used == 1


def test_extending_a_key_lets_a_seventh_host_in(house, site):
    for n in range(6):
        activate(house, site, f"kms-{n}")
    assert house.ask("clearing.extend", key=site.key, hosts=1) == {
        "ok": True, "hosts_max": 7, "activations_max": 10}
    assert activate(house, site, "kms-6").hosts_used == 7
    assert activate(house, site, "kms-7") == 0xC004C008
    refused = house.ask("clearing.extend", key=site.key, hosts=-1)
    assert (refused["ok"], refused["error"]) == (False, "wrong usage")


def test_a_count_survives_a_kill_right_after_the_answer(house, site):
    for n in range(3):
        answer = activate(house, site, "kms-1")
        house.kill()
        house.start()
        assert answer.used == n + 1
    key, = keys(house)
    assert (key["hosts"], key["activations"]) == (1, 3)


def test_a_key_of_another_realm_is_unknown(lab, house):
    second = os.path.join(lab.folder, "second")
    lab.adbactl("realm", "init", "SECOND", second)
    other = lab.daemon("other", wait=False, options={"realm.dir": second})
    assert activate(house, issue(other, lab), "kms-1") == 0xC004C001
    assert keys(house) == []


def test_what_is_no_request_of_ours_is_refused_with_its_code(house, site):
    good = site.request("kms-1")
    assert call(house, good[:-1] + bytes([good[-1] ^ 1])) == (b"", 0xC004C001)  # tag
    assert call(house, good[:-1]) == (b"", 0xC004C014)
    assert call(house, b"") == (b"", 0xC004C014)
    iid = bytearray(good)
    iid[18] = ord("0") + (iid[18] - ord("0") + 1) % 10
    assert call(house, bytes(iid)) == (b"", 0xC004F04D)
    elsewhere = model.request(site.iid(model.HOST, model.host_target("a")), site.confirm,
                              model.host_target("b"))
    assert call(house, elsewhere) == (b"", 0xC004C002)
    counted = house.ctl("clearing", "status", "--json").json["refused_since_start"]
    assert {r: n for r, n in counted.items() if n} == {
        "unknown-key": 1, "bad-message": 2, "bad-id": 1, "bad-binding": 1}


def test_a_daemon_that_is_no_clearing_house_does_not_know_the_operation(lab, site):
    plain = lab.daemon("plain")
    with pytest.raises(DCERPCException, match="nca_s_op_rng_error|1c010002"):
        call(plain, site.request("kms-1"))
    refused = plain.ctl("clearing", "status", expect=None)
    assert refused.code != 0 and "[clearing] serve" in refused.err


def test_nothing_is_granted_that_cannot_be_recorded(lab, site):
    limited = lab.daemon("limited", options={"clearing.serve": "yes"},
                         prefix=["prlimit", "--fsize=400000"])
    assert activate(limited, site, "kms-1").used == 1
    granted = 1
    for n in range(2000):
        answer = activate(limited, site, f"kms-{n % 6}")
        if answer == 0xC004C008:
            limited.ask("clearing.extend", key=site.key, activations=10000)
        elif answer == 0xC004C013:
            break
        else:
            granted += 1
    else:
        raise AssertionError("the ledger never became full")
    limited.wait_log(r"refused, 0xC004C013 not-recorded")
    limited.stop()
    limited.prefix = []
    limited.start()
    assert keys(limited)[0]["activations"] == granted


@pytest.mark.parametrize("options, code, text", [
    ({"lab.enabled": None, "lab.clock": None}, 3, "[lab] enabled = yes"),
    ({"realm.dir": "nowhere"}, 4, "realm"),
])
def test_a_clearing_house_that_cannot_be_is_refused_at_start(lab, options, code, text):
    daemon = lab.daemon("house", wait=False, options={"clearing.serve": "yes", **options})
    checked = lab.run("adbad", "--config", daemon.conf, "--check", expect=code)
    assert text in checked.err


# ---- through adbactl ----

@pytest.fixture(name="host")
def host_in_a_forest(lab):
    """A clearing house, and a host with a directory that asks it."""
    lab.directory_up()
    house = lab.daemon("house", options={"clearing.serve": "yes", "directory.uri": None,
                                         **{f"directory.{k}": None for k in (
                                             "mechanism", "user", "password_file", "lab_forest",
                                             "retry")}})
    host = lab.daemon("host", wait=False, options={"clearing.host": house.address})
    lab.install_hostkey(host, GROUP, activate=False)
    host.house = house
    return host


def objects(host):
    return {o["name"]: o for o in host.ctl("ao", "list", "--json").json["activation_objects"]}


def test_creating_an_object_activates_the_forest_online(host):
    made = host.ctl("ao", "create", "--group", GROUP, "--name", "One", "--json")
    assert (made.json["verdict"], made.json["activated"]) == ("good", "online")
    assert "activation 1 of this forest, 9 left; host 1 of the host key, 5 left" in made.err
    host.ctl("ao", "create", "--group", GROUP, "--name", "Two")
    entry, = keys(host.house)[0]["entries"]
    assert (entry["kind"], entry["name"], entry["activations"]) == ("forest", "lab.example", 2)
    listed = host.house.ctl("clearing", "list").out
    assert "lab.example" in listed and "forest" in listed
    assert "1 of 6" in host.house.ctl("clearing", "status").out


def test_no_activation_is_spent_on_what_cannot_be_created(host):
    host.ctl("ao", "create", "--group", GROUP, "--name", "One")
    host.ctl("ao", "create", "--group", GROUP, "--name", "One", expect=9)
    host.ctl("ao", "create", "--group", GROUP, "--name", "x" * 41, expect=7)
    assert keys(host.house)[0]["activations"] == 1


def test_a_spent_key_creates_nothing_and_shows_the_code(host):
    for n in range(10):
        host.ctl("ao", "create", "--group", GROUP, "--name", f"n{n}")
    refused = host.ctl("ao", "create", "--group", GROUP, "--name", "n10", "--json", expect=5)
    assert refused.json["code"] == "0xC004C008"
    assert "n10" not in objects(host)


def test_a_clearing_house_that_is_away_is_unreachable_and_nothing_is_created(host):
    host.house.stop()
    refused = host.ctl("ao", "create", "--group", GROUP, expect=6)
    assert host.house.address in refused.err
    assert objects(host) == {}


def test_another_realms_clearing_house_does_not_know_the_key(lab, host):
    second = os.path.join(lab.folder, "second")
    lab.adbactl("realm", "init", "SECOND", second)
    other = lab.daemon("other", options={"realm.dir": second, "clearing.serve": "yes"})
    asking = lab.daemon("asking", wait=False, options={"clearing.host": other.address})
    lab.install_hostkey(asking, GROUP, activate=False)
    refused = asking.ctl("ao", "create", "--group", GROUP, expect=5)
    assert "0xC004C001" in refused.err
    assert objects(asking) == {}


def test_without_a_clearing_house_the_plain_form_says_so(lab_with_directory):
    host = lab_with_directory.daemon(wait=False)
    lab_with_directory.install_hostkey(host, GROUP)
    assert "nothing was counted" in host.ctl("ao", "create", "--group", GROUP).err


def test_the_steward_asks_once_for_what_it_keeps(host):
    assert host.ctl("ao", "steward", "--json").json["actions"][0]["done"] is True
    host.ctl("ao", "delete", GROUP, "--yes")
    assert host.ctl("ao", "steward", "--json").json["actions"][0]["done"] is True
    assert objects(host)[GROUP]["activated"] == "online"
    assert keys(host.house)[0]["activations"] == 1


def kept_answer(host):
    kept, = (os.path.join(top, f) for top, _, files in os.walk(host.folder) for f in files
             if f.endswith(".cid"))
    return kept


def test_a_kept_answer_that_cannot_be_read_is_kept_all_the_same(host):
    host.ctl("ao", "steward")
    host.ctl("ao", "delete", GROUP, "--yes")
    kept = kept_answer(host)
    with open(kept, encoding="ascii") as f:
        cid = f.read()
    os.chmod(kept, 0o644)
    told = host.ctl("ao", "steward", "--json", expect=None).json["actions"][0]
    assert told["done"] is False and kept in told["error"]
    with open(kept, encoding="ascii") as f:
        assert f.read() == cid != ""
    os.chmod(kept, 0o600)
    assert host.ctl("ao", "steward", "--json").json["actions"][0]["done"] is True
    assert keys(host.house)[0]["activations"] == 1


def test_an_earlier_answer_stays_while_the_clearing_house_is_away(host):
    host.ctl("ao", "steward")
    host.ctl("ao", "delete", GROUP, "--yes")
    kept = kept_answer(host)
    with open(kept, "r+", encoding="ascii") as f:
        earlier = f.read()[::-1]
        f.seek(0)
        f.write(earlier)
    host.house.stop()
    assert host.ctl("ao", "steward", "--json", expect=None).json["actions"][0]["done"] is False
    with open(kept, encoding="ascii") as f:
        assert f.read() == earlier


def test_the_steward_makes_nothing_that_the_clearing_house_refuses(host):
    own = Site(next(os.path.join(host.folder, f) for f in os.listdir(host.folder)
                    if f.endswith(".hostkey")))
    for n in range(6):
        activate(host.house, own, f"kms-{n}")
    told = host.ctl("ao", "steward", "--json", expect=None).json["actions"][0]
    assert told["done"] is False and "no activation left" in told["error"]
    assert objects(host) == {}


def test_the_daemons_steward_asks_too(lab, host):
    keeper = lab.daemon("keeper", wait=False, options={"clearing.host": host.house.address,
                                                       "adba.steward": "yes"})
    lab.install_hostkey(keeper, GROUP, activate=False)
    keeper.start()
    keeper.wait_log(f'steward: activation object "{GROUP}" created')
    assert keys(host.house)[0]["entries"][0]["name"] == "lab.example"


def test_a_ledger_that_is_held_up_holds_up_no_command(house, site):
    """Another program's transaction keeps the writer waiting, as a slow disk would."""
    asked = site.request("kms-1")
    ledger = os.path.join(house.folder, "state", "ledger.db")
    with closing(sqlite3.connect(ledger, isolation_level=None)) as other, \
            Connection("127.0.0.1", house.port, interface=LAB) as c, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        answer = pool.submit(c.call, asked, operation=ActivateHostKey)
        for _ in range(10):  # well within the five seconds that the writer waits
            assert house.ask("ping")["ok"]
        assert not answer.done()  # all of that came first
        other.execute("ROLLBACK")
        data, result = answer.result()
    assert result == 0 and model.open_answer(asked, site.confirm, data).used == 1
    assert keys(house)[0]["activations"] == 1


# ---- by phone ----

def test_a_forest_is_activated_by_phone(lab, host):
    iid = host.ctl("ao", "get-iid", "--group", GROUP).out.strip()
    assert re.fullmatch(r"\d{7}(-\d{7}){8}", iid)
    assert host.ctl("ao", "get-iid", "--group", GROUP, "--json").json["installation_id"] == iid
    assert model.Iid.read(iid).kind == model.FOREST
    clerk = host.house.ctl("clearing", "confirm", iid)
    cid = clerk.out.strip()
    assert re.fullmatch(r"\d{6}(-\d{6}){7}", cid)
    assert "activation 1 of this forest, 9 left" in clerk.err
    made = host.ctl("ao", "apply-cid", "--group", GROUP, cid.replace("-", " "), "--name", "Phone",
                    "--json").json
    assert (made["verdict"], made["activated"]) == ("good", "phone")
    assert (made["installation_id"], made["confirmation_id"]) == (iid, cid)
    raw = ldapsearch(lab, "Phone")
    assert f"msSPP-InstallationId: {iid}" in raw and f"msSPP-ConfirmationId: {cid}" in raw
    assert "msSPP-PhoneLicense:: " in raw and "msSPP-OnlineLicense" not in raw
    host.ctl("ao", "verify")


def ldapsearch(lab, name):
    return subprocess.run(
        ["ldapsearch", "-Q", "-LLL", "-o", "ldif-wrap=no", "-Y", "EXTERNAL", "-H",
         lab.directory_uri, "-b", f"CN={name},{CONTAINER}", "-s", "base"],
        capture_output=True, text=True, check=True).stdout


def changed(text, at):
    return text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1:]


def test_a_wrong_confirmation_id_is_refused_and_nothing_is_written(host):
    iid = host.ctl("ao", "get-iid", "--group", GROUP).out.strip()
    cid = host.house.ctl("clearing", "confirm", iid).out.strip()

    def apply(text, **kw):
        return host.ctl("ao", "apply-cid", "--group", GROUP, text, "--json", **kw).json["code"]

    assert apply(changed(cid, 8), expect=7) == "0xC004F04D"
    assert apply(cid[:-1], expect=7) == "0xC004F02F"
    assert apply(cid + "1", expect=7) == "0xC004F02F"
    assert apply(cid.replace("-", "/"), expect=7) == "0xC004F02C"
    assert objects(host) == {}


def test_the_confirmation_id_of_another_key_or_forest_is_refused(lab, host):
    own = Site(next(os.path.join(host.folder, f) for f in os.listdir(host.folder)
                    if f.endswith(".hostkey")))
    other = issue(host.house, lab)
    forest = model.forest_target("lab.example", sid_of(host))
    codes = []
    for site, target in ((other, forest), (own, model.forest_target("other.example"))):
        cid = host.house.ctl("clearing", "confirm", site.iid(model.FOREST, target).text()).out
        codes.append(host.ctl("ao", "apply-cid", "--group", GROUP, cid.strip(), "--json",
                              expect=5).json["code"])
    assert codes == ["0xC004F07E", "0xC004F07F"]
    assert objects(host) == {}


def sid_of(host):
    """The SID that the forest's installation ID is bound to: what the licences say."""
    made = host.ctl("ao", "create", "--group", GROUP, "--name", "probe", "--json").json
    host.ctl("ao", "delete", "probe", "--yes")
    return made["licence"]["domain_sid"]


def test_the_clerk_is_told_what_is_wrong(lab, host):
    iid = host.ctl("ao", "get-iid", "--group", GROUP).out.strip()
    refused = host.house.ctl("clearing", "confirm", changed(iid, 17), "--json", expect=7)
    assert refused.json["code"] == "0xC004F04D" and "group 3" in refused.json["text"]
    for _ in range(10):
        host.house.ctl("clearing", "confirm", iid)
    assert host.house.ctl("clearing", "confirm", iid, "--json",
                          expect=5).json["code"] == "0xC004C008"
    refused = host.ctl("clearing", "confirm", iid, expect=6)
    assert "no adbad answers" in refused.err


def test_phone_and_online_share_one_count(host):
    iid = host.ctl("ao", "get-iid", "--group", GROUP).out.strip()
    host.house.ctl("clearing", "confirm", iid)
    made = host.ctl("ao", "create", "--group", GROUP)
    assert "activation 2 of this forest" in made.err
    with pytest.raises(CommandFailed):
        host.house.ctl("clearing", "confirm", "0" * 63)

"""Keys of machines at the clearing house: a MAK's pool, online, by phone and by proxy, and host keys that
clients were given by mistake."""
import json
import os

import pytest

import activation_ids as model
from lab import free_port

GROUP = "Volume License for Windows Server 2022"
PRODUCT = ("--product", "Windows 11", "--edition", "Enterprise")


@pytest.fixture(name="house")
def clearing_house(lab):
    return lab.daemon("house", options={"clearing.serve": "yes"})


def issue(house, *options, product=PRODUCT):
    return house.ctl("mak", "issue", *product, *options).out.strip()


def listed(house, key):
    return next(k for k in house.ctl("mak", "list", "--json").json["keys"] if k["key"] == key)


class Machine:
    """A simulated machine with a key, in a folder of machines."""

    def __init__(self, lab, name, *options, product=PRODUCT, config=None):
        self.lab, self.folder = lab, os.path.join(lab.folder, "machines", name)
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        given = ["--config", config] if config else ["--bundle", lab.bundle, "--clock", lab.clock]
        self("init", *given, *product, *options)

    def __call__(self, *argv, **kw):
        return self.lab.client("--machine", self.folder, *argv, **kw)

    def ask(self):
        """The code of an attempt; 0: licensed."""
        self("/ato", expect=None)
        return self.result

    @property
    def shown(self):
        return self("show", "--json").json["products"][0]

    @property
    def state(self):
        with open(os.path.join(self.folder, "machine.json"), encoding="utf-8") as f:
            return json.load(f)

    @property
    def result(self):
        return int(self.state["products"][0]["last"]["result"], 16)

    @property
    def licence(self):
        return self.state["products"][0]["licence"]

    def iid(self, key, lab):
        """By the independent model."""
        with open(os.path.join(lab.realm, "secret"), "rb") as f:
            secret = f.read()
        confirm = model.machine_key(secret, key)
        return model.Iid.make_machine(key, self.state["hardware"], confirm), confirm


def machine(lab, house, name, key, **kw):
    m = Machine(lab, name, config=house.conf, **kw)
    m("/ipk", key)
    return m


# ---- online ----

def test_a_mak_licenses_a_machine_for_good_and_its_pool_counts(lab, house):
    key = issue(house, "--count", "3")
    pc = machine(lab, house, "PC01", key)
    assert pc.ask() == 0
    assert (pc.licence["status"], pc.licence["expires"]) == (1, None)
    told = listed(house, key)
    assert (told["activations"], told["activations_max"], told["activations_left"],
            told["machines"]) == (1, 3, 2, 1)
    entry, = told["entries"]
    iid, _ = pc.iid(key, lab)
    assert (entry["name"], entry["kind"], entry["binding"]) == ("PC01", "machine", f"{iid.binding:08x}")
    assert pc.ask() == 0 and listed(house, key)["activations"] == 1  # what is licensed for good asks nobody
    house.wait_log(r'"PC01": granted, machine with the key ending in \w{5} \("Windows 11 Enterprise"\): activation 1')


def test_an_empty_pool_refuses_until_it_is_extended(lab, house):
    key = issue(house, "--count", "1")
    first, second, third = (machine(lab, house, f"PC0{n}", key) for n in range(3))
    assert first.ask() == 0
    assert second.ask() == 0xC004C020
    assert "2 activations, 1 left" in house.ctl("mak", "extend", key, "1").out
    assert second.ask() == 0
    assert third.ask() == 0xC004C021
    assert listed(house, key)["extended"] is True
    assert house.ctl("mak", "extend", key, "99999", "--json", expect=None).json["code"] == "0xC004C021"
    refused = house.ctl("clearing", "status", "--json").json["refused_since_start"]
    assert (refused["pool-spent"], refused["extension-spent"]) == (1, 1)


def test_a_blocked_key_activates_nothing_more(lab, house):
    key = issue(house)
    first, second = (machine(lab, house, f"PC0{n}", key) for n in range(2))
    assert first.ask() == 0
    house.ctl("mak", "block", key)
    assert "blocked" in house.ctl("mak", "list").out
    assert second.ask() == 0xC004C003
    assert first.licence["status"] == 1
    house.ctl("mak", "unblock", key)
    assert second.ask() == 0


def test_a_new_installation_and_new_hardware_spend_one_more_each(lab, house):
    key = issue(house, "--count", "5")
    pc = machine(lab, house, "PC01", key)
    assert pc.ask() == 0
    pc("/upk")
    pc("/ipk", key)  # installed anew: asked anew, and counted
    assert pc.ask() == 0
    told = listed(house, key)
    assert (told["activations"], told["machines"]) == (2, 1)
    pc("hardware", "change")
    assert pc.licence["status"] == 5  # Notification
    assert pc.ask() == 0
    told = listed(house, key)
    assert (told["activations"], told["machines"]) == (3, 2)


def test_a_retail_key_is_for_one_machine(lab, house):
    key = issue(house, "--kind", "retail")
    first, second = (machine(lab, house, f"PC0{n}", key) for n in range(2))
    assert first.ask() == 0
    assert second.ask() == 0xC004C008


def test_an_evaluation_ends(lab, house):
    pc = machine(lab, house, "PC01", issue(house, "--kind", "evaluation", "--count", "1"))
    assert pc.ask() == 0
    assert pc.licence["expires"] is not None


def test_a_key_that_this_clearing_house_never_issued(lab, house):
    rng_key = model.key_text(12345678901234567890, "E")
    other = lab.daemon("other", options={"clearing.serve": "yes"})  # of the same realm
    pc = machine(lab, house, "PC01", issue(other))
    assert pc.ask() == 0xC004C001
    refused = house.ctl("mak", "extend", rng_key, "5", expect=4)
    assert "never issued" in refused.err
    assert "adbactl mak extend" in house.ctl("hostkey", "extend", rng_key, "--hosts", "1", expect=2).err


def test_a_machine_of_another_realm_is_not_known(lab, house):
    second = os.path.join(lab.folder, "second")
    lab.adbactl("realm", "init", "SECOND", second)
    pc = Machine(lab, "PC01", "--clearing", house.address, "--bundle", os.path.join(second, "client.bundle"))
    pc("/ipk", issue(house))
    assert pc.ask() == 0xC004C001


def test_without_a_way_to_the_clearing_house(lab, house):
    key = issue(house)
    pc = Machine(lab, "PC01")
    pc("/ipk", key)
    assert pc.ask() == 0x80072EE7
    assert "no way" in pc("clearing").out
    assert pc("clearing", f"127.0.0.1:{free_port()}").code == 0
    assert pc.ask() == 0x80072EE2
    pc("clearing", "no-such-host.invalid")
    assert pc.ask() == 0x80072EE7
    plain = lab.daemon("plain")
    pc("clearing", plain.address)
    assert pc.ask() == 0xC004C012  # there is a daemon, and it is no clearing house
    pc("clearing", house.address)
    assert pc.ask() == 0
    assert pc("clearing", "none").out == "PC01: no way to a clearing house\n"


def test_kms_to_mak_and_back(lab, house):
    key = issue(house)
    pc = Machine(lab, "PC01", config=house.conf)
    assert pc.ask() == 0xC004F042  # no host key here
    pc("mak", key)
    assert pc.ask() == 0 and pc.state["products"][0]["key"] == key
    pc("/ipk", "NPPR9-FWDCX-D2C8J-H872K-2YT43")
    assert pc.ask() == 0xC004F042
    assert listed(house, key)["activations"] == 1
    with_another = issue(house, product=("--product", "Windows 10", "--edition", "Enterprise"))
    assert "0xC004F069" in pc("mak", with_another, expect=None).err


def test_a_grant_survives_a_kill_right_after_the_answer(lab, house):
    key = issue(house)
    for n in range(3):
        pc = machine(lab, house, f"PC0{n}", key)
        assert pc.ask() == 0
        house.kill()
        house.start()
        assert listed(house, key)["activations"] == n + 1


def test_a_key_survives_a_kill_right_after_it_was_issued(house):
    keys = set()
    for _ in range(3):
        keys.add(issue(house))
        house.kill()
        house.start()
    assert {k["key"] for k in house.ctl("mak", "list", "--json").json["keys"]} == keys


# ---- issuing ----

def test_issue_tells_the_key_and_writes_it_once(lab, house):
    path = os.path.join(lab.folder, "mak")
    made = house.ctl("mak", "issue", *PRODUCT, "--count", "7", "--out", path, "--json").json
    assert (made["product"], made["kind"], made["activations_max"]) == ("Windows 11 Enterprise", "MAK", 7)
    with open(path, encoding="ascii") as f:
        assert f.read() == made["key"] + "\n"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert model.key_text(model.key_number(made["key"]), "E") == made["key"]
    house.ctl("mak", "issue", *PRODUCT, "--out", path, expect=9)


@pytest.mark.parametrize("argv, code, text", [
    (("issue",), 2, "--product is missing"),
    (("issue", "--product", "Windows 11", "--edition", "Enterprice"), 4, 'did you mean "Enterprise"'),
    (("issue", *PRODUCT, "--count", "0"), 2, "--count"),
    (("issue", *PRODUCT, "--kind", "csvlk"), 2, "mak, retail, oem, evaluation"),
    (("extend", "EAAAA", "x"), 2, "whole number"),
    (("block", "nothing"), 4, "never issued"),
    (("proxy",), 2, "--machines"),
])
def test_mistakes_are_told_with_their_remedy(house, argv, code, text):
    assert text in house.ctl("mak", *argv, expect=code).err


def test_a_daemon_that_is_no_clearing_house_issues_nothing(lab):
    plain = lab.daemon("plain")
    refused = plain.ctl("mak", "issue", *PRODUCT, expect=None)
    assert refused.code != 0 and "[clearing] serve" in refused.err


# ---- by phone ----

def test_a_clerk_answers_a_machine(lab, house):
    key = issue(house, "--count", "2")
    pc = Machine(lab, "PC01")
    iid, confirm = pc.iid(key, lab)
    clerk = house.ctl("clearing", "confirm", iid.text())
    assert clerk.out.strip() == iid.cid(confirm)
    assert "activation 1 of the key, 1 left; machine 1" in clerk.err
    again = house.ctl("clearing", "confirm", iid.text(), "--json").json
    assert (again["kind"], again["activations"], again["activations_left"]) == ("machine", 2, 0)
    assert house.ctl("clearing", "confirm", iid.text(), "--json", expect=5).json["code"] == "0xC004C020"
    entry, = listed(house, key)["entries"]
    assert (entry["name"], entry["activations"]) == ("", 2)


OFFICE = ("--product", "Office LTSC 2021", "--edition", "Professional Plus")


@pytest.mark.parametrize("product, script, read_out, deposit", [
    (PRODUCT, "slmgr", "/dti", ["/atp", "{}"]), (OFFICE, "ospp", "/dinstid", ["/actcid:{}"])])
def test_what_a_machine_reads_out_and_deposits_licenses_it(lab, house, product, script, read_out, deposit):
    key = issue(house, "--count", "2", product=product)
    pc = Machine(lab, "PC01")
    at = 0
    if product == OFFICE:
        pc("install", *product)
        at = 1
    pc(script, "/inpkey:" + key) if at else pc(script, "/ipk", key)
    iid, _ = pc.iid(key, lab)
    assert iid.text() in pc(script, read_out).out
    cid = house.ctl("clearing", "confirm", iid.text()).out.strip()

    def give(digits, **kw):
        return pc(script, *(word.format(digits) for word in deposit), **kw)

    wrong = cid[:-1] + str((int(cid[-1]) + 1) % 10)
    assert "0xC004F04D" in give(wrong, expect=None).err
    give(cid)
    told = pc("show", "--json").json["products"][at]
    assert (told["status"], told["channel"], told["expires"]) == ("Licensed", "phone", None)


def test_a_confirmation_id_is_good_for_its_machine_as_long_as_that_is_the_same(lab, house):
    key = issue(house, "--count", "3")
    pc, other = Machine(lab, "PC01"), Machine(lab, "PC02")
    for m in (pc, other):
        m("/ipk", key)
    cid, elsewhere = (house.ctl("clearing", "confirm", m.iid(key, lab)[0].text()).out.strip() for m in (pc, other))
    wrong = str((int(cid[-1]) + 1) % 10)
    for text, code in ((cid[:-1] + wrong, "0xC004F04D"), (cid[:-1], "0xC004F02F"), (cid[:-1] + "x", "0xC004F02C"),
                       (elsewhere, "0xC004F07F")):
        assert code in pc("/atp", text, expect=None).err
    assert pc.licence["status"] != 1
    pc("/atp", cid)
    assert (pc.licence["status"], pc.licence["expires"]) == (1, None)
    pc("/upk")
    pc("/ipk", key)
    pc("/atp", cid)  # kept from before: nothing is counted
    assert pc.licence["status"] == 1 and listed(house, key)["activations"] == 2
    pc("/ipk", issue(house))
    assert "0xC004F07E" in pc("/atp", cid, expect=None).err
    pc("/ipk", key)
    pc("hardware", "change")
    assert "0xC004F07F" in pc("/atp", cid, expect=None).err


def test_an_oem_key_is_nothing_for_a_clerk(lab, house):
    key = issue(house, "--kind", "oem")
    iid, _ = Machine(lab, "PC01").iid(key, lab)
    assert house.ctl("clearing", "confirm", iid.text(), "--json", expect=5).json["code"] == "0xC004C016"


# ---- by proxy ----

def test_a_proxy_activates_machines_without_a_network(lab, house):
    key = issue(house, "--count", "3")
    admin = lab.daemon("admin", wait=False, options={"clearing.host": house.address})
    pcs = [Machine(lab, f"PC0{n}") for n in range(3)]
    server = Machine(lab, "SRV1", product=("--product", "Windows Server 2022", "--edition", "Standard"))
    folder = os.path.dirname(pcs[0].folder)
    assert "--key installs one" in admin.ctl("mak", "proxy", "--machines", folder).out
    done = admin.ctl("mak", "proxy", "--machines", folder, "--key", key, "--json").json["machines"]
    assert [(m["machine"], m["result"], m["activations_left"]) for m in done] == [
        ("PC00", "activated", 2), ("PC01", "activated", 1), ("PC02", "activated", 0)]
    for pc, told in zip(pcs, done):
        iid, confirm = pc.iid(key, lab)
        assert told["installation_id"] == iid.text()
        assert told["confirmation_id"] == iid.cid(confirm).replace("-", "")
        assert (pc.licence["status"], pc.licence["expires"]) == (1, None)
    assert server.licence["status"] != 1
    again = admin.ctl("mak", "proxy", "--machines", folder)
    assert again.out.count("licensed already") == 3
    assert sorted(e["name"] for e in listed(house, key)["entries"]) == ["PC00", "PC01", "PC02"]


def test_a_proxy_tells_which_machine_was_refused(lab, house):
    key = issue(house, "--count", "1")
    admin = lab.daemon("admin", wait=False, options={"clearing.host": house.address})
    pcs = [Machine(lab, f"PC0{n}") for n in range(2)]
    folder = os.path.dirname(pcs[0].folder)
    done = admin.ctl("mak", "proxy", "--machines", folder, "--key", key, expect=10)
    assert "0xC004C020" in done.out and "PC01: " in done.err and "mak extend" in done.err
    assert [pc.licence["status"] == 1 for pc in pcs] == [True, False]
    house.ctl("mak", "extend", key, "1")
    admin.ctl("mak", "proxy", "--machines", folder)
    assert pcs[1].licence["status"] == 1


# ---- a host key on clients ----

def test_clients_that_were_given_a_host_key_are_shown(lab, house):
    path = os.path.join(lab.folder, "site.hostkey")
    key = house.ctl("hostkey", "issue", "--group", GROUP, "--out", path, "--json").json["key"]
    pcs = [machine(lab, house, f"PC0{n}", key) for n in range(7)]
    assert [pc.ask() for pc in pcs] == [0] * 6 + [0xC004C008]
    told, = house.ctl("clearing", "status", "--json").json["keys"]
    assert (told["group"], told["hosts"], told["hosts_left"]) == (GROUP, 6, 0)
    assert sorted((e["kind"], e["name"]) for e in told["entries"]) == [("machine", f"PC0{n}") for n in range(6)]
    for noun in ("status", "list"):
        said = house.ctl("clearing", noun).out
        assert f"PC05 took 1 of the activations of the host key ending in {key[-5:]}" in said
        assert "client setup key" in said and "PC06" not in said
    house.wait_log(r'"PC00": a client took an activation of the host key')
    house.ctl("hostkey", "extend", key, "--hosts", "1")
    assert pcs[6].ask() == 0


def test_a_host_key_of_another_realm_is_unknown(lab, house):
    second = os.path.join(lab.folder, "second")
    lab.adbactl("realm", "init", "SECOND", second)
    other = lab.daemon("other", wait=False, options={"realm.dir": second})
    key = other.ctl("hostkey", "issue", "--group", GROUP, "--out", os.path.join(lab.folder, "k"), "--json").json["key"]
    assert machine(lab, house, "PC01", key).ask() == 0xC004C001

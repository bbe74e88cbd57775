"""Keys of every kind on simulated machines, by adbaclient's own commands: OEM, guests, host keys by mistake,
rearming, hardware and validation; the tables of states in docs/client.md; machine.json under kill -9."""
import csv
import json
import os
import re
import signal
import subprocess
import time

import pytest

from lab import Lab

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FAILED, USAGE, CONFIG, NOTFOUND, REFUSED, BUSY, VERSION, NOT_LICENSED = 1, 2, 3, 4, 5, 9, 7, 10
KILLS = int(os.environ.get("ADBAD_CLIENT_KILLS", "100"))


def avma_key(product, edition):
    with open(os.path.join(ROOT, "data", "avma_keys.csv"), encoding="utf-8", newline="") as f:
        return next(r["key"] for r in csv.DictReader(f) if (r["product"], r["edition"]) == (product, edition))


@pytest.fixture(scope="module", name="realm")
def one_realm():
    with Lab() as lab:
        lab.machines = 0
        yield lab


class Machine:
    """A workgroup machine on a clock of its own."""

    def __init__(self, lab, *options, product="Windows 11", edition="Enterprise", kms="127.0.0.1:1"):
        lab.machines += 1
        self.lab = lab
        self.product, self.edition = product, edition
        self.folder = os.path.join(lab.folder, f"k{lab.machines}")
        self.run("init", "--product", product, "--edition", edition, "--bundle", lab.bundle,
                 "--clock", self.folder + ".clock", "--kms", kms, *options)

    def run(self, *argv, expect=0):
        return self.lab.client("--machine", self.folder, *argv, expect=expect)

    def show(self):
        return self.run("show", "--json").json

    @property
    def windows(self):
        return self.show()["products"][0]

    def key(self, kind):
        return self.lab.run("labkey_tool", kind, self.product, self.edition).out.strip()

    def events(self, *ids):
        return [e for e in self.run("events", "--json").json if e["id"] in ids]


# ---- OEM ----

def test_an_oem_machine_is_activated_by_its_firmware_and_bound_to_its_board(realm):
    pc = Machine(realm, "--oem")
    pc.run("/ipk", pc.key("oem"))
    assert "Product activated successfully" in pc.run("/ato").out
    told = pc.run("/dlv").out
    assert "OEM_SLP channel" in told and "Product Key Channel: OEM:SLP" in told
    assert "expiration" not in told and "Key Management Service" not in told
    assert "permanently activated" in pc.run("/xpr").out
    pc.run("hardware", "change")
    assert pc.windows["status"] == "Licensed"
    pc.run("hardware", "change", "--board")
    assert pc.show()["oem_firmware"] == "none" and len(pc.events(1040)) == 2
    pc.run("/ato", expect=NOT_LICENSED)
    got = pc.windows
    assert (got["status"], got["last_result"]) == ("Notification", "0xC004F057")


def test_an_oem_key_on_another_machine_has_the_documented_codes(realm):
    pc = Machine(realm)
    pc.run("/ipk", pc.key("oem"))
    pc.run("/ato", expect=NOT_LICENSED)
    assert pc.windows["last_result"] == "0xC004F057"
    seven = Machine(realm, product="Windows 7", edition="Professional")
    assert "0xC004F035" in seven.run("/ipk", seven.key("oem"), expect=REFUSED).err


# ---- guests ----

def test_a_guest_is_activated_by_an_activated_host_that_is_not_older(realm):
    vm = Machine(realm, "--avma-host", "Windows Server 2022 Datacenter", product="Windows Server 2022",
                 edition="Standard")
    vm.run("/ipk", avma_key("Windows Server 2022", "Standard"))
    vm.run("/ato", expect=NOT_LICENSED)
    assert vm.windows["last_result"] == "0xC004FD02"
    vm.run("hardware", "host", "Windows Server 2019 Datacenter", "--activated")
    vm.run("/ato", expect=NOT_LICENSED)
    assert vm.windows["last_result"] == "0xC004FD03"
    vm.run("hardware", "host", "Windows Server 2022 Datacenter", "--activated", "--no-hyper-v")
    vm.run("/ato", expect=NOT_LICENSED)
    assert vm.windows["last_result"] == "0xC004FD01"
    vm.run("hardware", "host", "WS2022 Datacenter", "--activated")
    vm.run("/ato")
    assert (vm.windows["status"], vm.windows["channel"]) == ("Licensed", "AVMA")
    assert [e["fields"] for e in vm.events(12309)] == [["Activation Denied"], ["Invalid Host"],
                                                      ["Invalid Host"], ["AVMA Success"]]
    host = vm.events(12310)
    assert [e["fields"] for e in host][-1] == ["AVMA Success"]
    assert {e["computer"] for e in host} == {"Windows Server 2022 Datacenter", "Windows Server 2019 Datacenter"}
    told = vm.run("/dlv").out
    assert "Product Key Channel: VT:IA" in told
    assert "Virtual machine activation expiration:" in told
    assert "    Host machine name: Windows Server 2022 Datacenter\n" in told


def test_what_a_guest_is_told_wrongly_is_refused(realm):
    path = os.path.join(realm.folder, "none")
    init = ["--machine", path, "init", "--product", "Windows Server 2022", "--edition", "Standard",
            "--bundle", realm.bundle]
    for argv, code in ((["--avma-host-activated"], USAGE), (["--avma-host", "Windows Server 2022"], NOTFOUND),
                       (["--avma-host", "Windows 2077 Datacenter"], NOTFOUND)):
        realm.client(*init, *argv, expect=code)
        assert not os.path.exists(path)


# ---- a host key by mistake ----

def test_a_host_key_on_a_client_is_told_with_its_remedy(realm):
    pc = Machine(realm)
    setup_key = "NPPR9-FWDCX-D2C8J-H872K-2YT43"  # client_setup_keys.csv
    pc.run("/ipk", realm.run("labkey_tool", "host").out.strip())
    told = pc.run("/dlv").out
    labels = ["VOLUME_KMS channel", "Product Key Channel: Volume:CSVLK", "Partial Product Key:", "License Status:",
              "Key Management Service is enabled on this machine", "    Current count: 0",
              "    Listening on Port: 1688", "    DNS publishing enabled", "    KMS priority: Normal",
              "Key Management Service cumulative requests received from clients",
              "    Total requests received: 0", "    Failed requests received: 0",
              "    Requests with License Status Unlicensed: 0", "    Requests with License Status Licensed: 0",
              "    Requests with License Status Initial grace period: 0",
              "    Requests with License Status License expired or Hardware out of tolerance: 0",
              "    Requests with License Status Non-genuine grace period: 0",
              "    Requests with License Status Notification: 0", f"/ipk {setup_key}"]
    places = [told.index(label) for label in labels]
    assert places == sorted(places)
    assert "Key Management Service is enabled" in pc.run("/dli").out
    shown = pc.run("show").out
    assert "warning:" in shown and setup_key in shown
    assert pc.windows["key_kind"] == "CSVLK" and setup_key in pc.windows["remedy"]
    got = pc.run("/dlv", "--json").json[0]
    assert got["IsKeyManagementServiceMachine"] is True and got["KeyManagementServiceCurrentCount"] == 0
    pc.run("/ipk", setup_key)
    assert "warning" not in pc.run("show").out
    assert pc.run("/dlv", "--json").json[0]["IsKeyManagementServiceMachine"] is False


# ---- validation, hardware, a MAK in reserve ----

def test_failed_validation_runs_through_its_grace_and_is_taken_back(realm):
    pc = Machine(realm, "--oem")
    pc.run("/ipk", pc.key("oem"))
    pc.run("/ato")
    assert "NonGenuineGrace" == pc.run("genuine", "no", "--json").json["products"][0]["status"]
    assert pc.events(8208) and pc.events(8209)
    assert "Non-genuine grace period ends" in pc.run("/xpr").out
    pc.run("pass", "29d", expect=NOT_LICENSED)
    assert pc.windows["reason"] == "0x4004F065"
    assert "\nLicense Status Reason: 0x4004F065" in pc.run("/dlv").out
    assert pc.run("/dlv", "--json").json[0]["LicenseStatusReason"] == "0x4004F065"
    pc.run("pass", "1d", expect=NOT_LICENSED)
    assert (pc.windows["status"], pc.windows["reason"]) == ("Notification", "0xC004F064")
    pc.run("/ato", expect=NOT_LICENSED)
    assert pc.windows["last_result"] == "0xC004F200"
    assert "Licensed" in pc.run("genuine", "yes").out
    pc.run("genuine", "perhaps", expect=USAGE)
    assert pc.windows["status"] == "Licensed"


def test_a_mak_in_reserve_is_taken_only_if_it_is_one_for_the_product(realm):
    pc = Machine(realm)
    assert "0xC004F050" in pc.run("mak", pc.key("retail"), expect=NOTFOUND).err
    other = realm.run("labkey_tool", "mak", "Windows 10", "Enterprise").out.strip()
    assert "0xC004F069" in pc.run("mak", other, expect=REFUSED).err
    pc.run("mak", pc.key("mak"))
    assert pc.windows["mak_in_reserve"] is True and pc.windows["key_kind"] == "GVLK"
    pc.run("mak", "none")
    assert pc.windows["mak_in_reserve"] is False
    again = Machine(realm, "--mak", pc.key("mak"))
    assert again.windows["mak_in_reserve"] is True


def test_rearming_ends_with_its_documented_code(realm):
    pc = Machine(realm, product="Windows 7", edition="Enterprise")
    for left in (3, 2, 1):
        assert f"Remaining Windows rearm count: {left}\n" in pc.run("/dlv").out
        pc.run("/rearm")
        pc.run("restart", expect=NOT_LICENSED)
    refused = pc.run("/rearm", "--json", expect=FAILED).json
    assert refused["ErrorCode"] == "0xC004D307"


# ---- the tables of states ----

def test_the_tables_in_the_document_are_the_codes_own(realm):
    with open(os.path.join(ROOT, "docs", "client.md"), encoding="utf-8") as f:
        told = f.read().split("<!-- states: begin -->\n", 1)[1].split("<!-- states: end -->", 1)[0]
    assert told.strip() == realm.client("states", "--markdown").out.strip()
    got = realm.client("states", "--json").json
    assert set(got) == {"generations", "changes", "events"} and len(got["changes"]) > 10
    text = realm.client("states").out
    assert re.search(r"^GENERATION +INITIAL GRACE", text, re.M)


# ---- machine.json ----

def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new_one(realm, rng):
    """Runs of which each changes the state are killed at random moments. What is there afterwards is what one of the
    two settings made, whole, and the machine works on."""
    pc = Machine(realm)
    path = os.path.join(pc.folder, "machine.json")
    outcomes = {"old": 0, "new": 0}
    present = "127.0.0.1"
    start = time.monotonic()
    pc.run("/skms", "127.0.0.1:1")
    whole = time.monotonic() - start  # of one run: the moments to choose from
    for cycle in range(KILLS):
        wanted = f"host{cycle}.lab.example"
        with subprocess.Popen([realm.program("adbaclient"), "--machine", pc.folder, "/skms", wanted],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(rng.random() * 1.3 * whole)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()
        with open(path, encoding="utf-8") as f:
            name = json.load(f)["kms"]["name"]
        assert name in (present, wanted), cycle
        outcomes["new" if name == wanted else "old"] += 1
        present = name
        if cycle % 10 == 9:
            assert pc.show()["kms_host"].startswith(present)
    if KILLS >= 100:
        assert outcomes["old"] > 0 and outcomes["new"] > 0, outcomes
    pc.show()  # what the killed ones left half written goes
    assert sorted(f for f in os.listdir(pc.folder) if f.startswith("machine.json")) == ["machine.json"]


def test_two_programs_on_one_folder_exclude_each_other(realm):
    pc = Machine(realm)
    lock = os.path.join(pc.folder, "lock")
    # flock(1) holds what adbaclient holds while it works
    with subprocess.Popen(["flock", lock, "sh", "-c", "echo held; read unused"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for verb in (["show"], ["/ato"], ["pass", "1d"], ["/dlv"]):
            assert "another adbaclient works on it" in pc.run(*verb, expect=BUSY).err
        holder.stdin.write("\n")
    pc.run("show")


def test_a_state_of_a_newer_version_is_refused_and_left_as_it_is(realm):
    pc = Machine(realm)
    path = os.path.join(pc.folder, "machine.json")
    with open(path, encoding="utf-8") as f:
        state = json.load(f)
    state["format"] += 1
    state["something_new"] = True
    with open(path, "w", encoding="utf-8") as f:
        json.dump(state, f)
    with open(path, "rb") as f:
        before = f.read()
    for verb in (["show"], ["/ato"], ["hardware", "change"], ["/rearm"]):
        assert "newer" in pc.run(*verb, expect=None).err
    with open(path, "rb") as f:
        assert f.read() == before

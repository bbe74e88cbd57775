"""Every row of data/slmgr_options.csv and data/ospp_options.csv on a simulated machine: what it changes,
what it tells, and what it refuses. A row without a test fails."""
import csv
import inspect
import json
import os
import re
import subprocess

import pytest

from lab import CONTAINER, Lab, free_port

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FAILED, NOT_LICENSED, NOT_MODELLED, USAGE, NOTFOUND, REFUSED = 1, 10, 11, 2, 4, 5
ALL_ZERO = "00000000-0000-0000-0000-000000000000"
WINDOWS_APP = "55c92734-d682-4d71-983e-d6ec3f16059f"  # public application ids
OFFICE_APP = "0ff1ce15-a989-479d-af46-f275c6370663"


def rows(name):
    with open(os.path.join(ROOT, "data", name), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


EDITIONS = {"Office LTSC Professional Plus 2021": "Professional Plus"}


def setup_key(product, edition):
    for row in rows("client_setup_keys.csv"):
        if product == row["product"] and edition in (row["edition"], EDITIONS.get(row["edition"])):
            return row["key"]
    raise KeyError((product, edition))


@pytest.fixture(scope="module", name="realm")
def one_realm():
    with Lab() as lab:
        lab.machines = 0
        yield lab


class Machine:
    """A workgroup machine with Windows and Office whose KMS host is a closed port."""

    def __init__(self, lab, office=True, product="Windows 11", edition="Enterprise",
                 clock=None):
        lab.machines += 1
        self.lab = lab
        self.folder = os.path.join(lab.folder, f"m{lab.machines}")
        self.clock = os.path.join(lab.folder, f"clock{lab.machines}")
        self.run("init", "--product", product, "--edition", edition, "--bundle", lab.bundle,
                 "--clock", clock or self.clock, "--dns", "127.0.0.1:1")
        if office:
            self.run("install", "--product", "Office LTSC 2021", "--edition", "Professional Plus")

    def run(self, *argv, expect=0):
        return self.lab.client("--machine", self.folder, *argv, expect=expect)

    def slmgr(self, *argv, **kw):
        return self.run("slmgr", *argv, **kw)

    def ospp(self, *argv, **kw):
        return self.run("ospp", *argv, **kw)

    def show(self):
        return self.run("show", "--json", expect=None).json

    @property
    def windows(self):
        return self.show()["products"][0]

    @property
    def office(self):
        return self.show()["products"][1]

    def events(self, *ids):
        return [e for e in self.run("events", "--json").json if e["id"] in ids]


@pytest.fixture(name="pc")
def one_machine(realm):
    return Machine(realm)


CASES = {}


def case(script, option, args=None):
    """Registers a function as the test of a row; args where an option has several rows."""
    def keep(function):
        CASES[(script, option, args)] = function
        return function
    return keep


def keys_of(script):
    return [(script, row["option"], row["args"]) for row in rows(f"{script}_options.csv")]


def case_of(key):
    return CASES.get(key) or CASES.get((key[0], key[1], None))


# ---- slmgr: keys ----

@case("slmgr", "/ipk")
def ipk(pc):
    pc.slmgr("/upk")
    assert pc.windows["partial_key"] == ""
    key = setup_key("Windows 10/11", "Enterprise")
    assert key in pc.slmgr("-ipk", key).out
    assert pc.windows["partial_key"] == key[-5:]
    wrong = pc.slmgr("/ipk", "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", "--json", expect=NOTFOUND).json
    assert (wrong["Success"], wrong["Operation"], wrong["ErrorCode"]) == \
        (False, "InstallProductKey", "0xC004F050")
    other = setup_key("Windows Server 2022", "Standard")
    assert "0xC004F069" in pc.slmgr("/ipk", other, expect=REFUSED).err
    assert pc.windows["partial_key"] == key[-5:]


@case("slmgr", "/upk")
def upk(pc):
    office = pc.office["activation_id"]
    pc.slmgr("/upk", office)
    assert (pc.office["status"], pc.office["partial_key"]) == ("Unlicensed", "")
    assert pc.windows["partial_key"] != ""
    pc.slmgr("/ipk", setup_key("Office LTSC 2021", "Professional Plus"))
    said = pc.slmgr("/upk")  # without an ID: all keys go, Windows' too, and it says so
    assert "Windows' too" in said.err
    assert [p["partial_key"] for p in pc.show()["products"]] == ["", ""]
    assert "0xC004F014" in pc.slmgr("/upk", expect=NOTFOUND).err


@case("slmgr", "/cpky")
def cpky(pc):
    before = pc.windows
    told = pc.slmgr("/cpky", "--json").json
    assert (told["Success"], told["Operation"]) == (True, "ClearProductKeyFromRegistry")
    after = pc.show()
    assert after["windows"]["key_in_registry"] is False
    assert after["products"][0]["partial_key"] == before["partial_key"]  # still in effect
    pc.slmgr("/ipk", setup_key("Windows 10/11", "Enterprise"))
    assert pc.show()["windows"]["key_in_registry"] is True


# ---- slmgr: activation and reports ----

@case("slmgr", "/ato")
def ato(pc):
    pc.slmgr("/skms", "127.0.0.1:1")
    said = pc.slmgr("/ato", expect=NOT_LICENSED)
    assert "0xC004F074" in said.out
    assert len(pc.events(12288)) == 1
    assert pc.windows["last_result"] == "0xC004F074" and pc.office["attempt"] is None
    pc.slmgr("/ato", pc.office["activation_id"], expect=NOT_LICENSED)
    assert pc.office["last_result"] == "0xC004F074"
    pc.slmgr("/ato", ALL_ZERO, expect=NOTFOUND)


@case("slmgr", "/dli")
def dli(pc):
    labels = [line.split(":")[0].strip() for line in pc.slmgr("/dli").out.splitlines() if ":" in line]
    assert labels[:4] == ["Name", "Description", "Partial Product Key", "License Status"]
    both = pc.slmgr("/dli", "All").out
    assert both.count("\nDescription:") == 2 and "Office LTSC 2021" in both
    pc.slmgr("/dli", ALL_ZERO, expect=NOTFOUND)


def product_id(pc, product):
    return f"adbad-{pc.show()['realm_id']}-{product['activation_id'][:6].upper()}-{product['partial_key']}"


@case("slmgr", "/dlv")
def dlv(pc):
    pc.slmgr("/skms", "kms.example:1700")
    out = pc.slmgr("/dlv").out
    wanted = ["Name", "Description", "Activation ID", "Application ID", "Extended PID",
              "Product Key Channel", "Partial Product Key", "License Status", "Remaining Windows rearm count",
              "Remaining SKU rearm count", "Trusted time", "Configured Activation Type",
              "Client Machine ID (CMID)", "Registered KMS machine name", "Activation interval",
              "Renewal interval"]
    places = [out.index(label + ":") for label in wanted]
    assert places == sorted(places)
    assert f"Application ID: {WINDOWS_APP}" in out and "machine name: kms.example:1700" in out
    assert "KMS host caching is enabled" in out
    assert f"\nExtended PID: {product_id(pc, pc.windows)}\n" in out
    plain = pc.slmgr("/dlv", "--standard-user").out  # allowed; some data is missing
    assert "CMID" not in plain and "License Status" in plain
    got = pc.slmgr("/dlv", "--json").json[0]
    properties = next(r for r in rows("oslicense_cmdlets.csv") if r["cmdlet"] == "Get-OSLicenseInfo")
    for name in properties["output_properties"].split(";"):
        if name == "rearm counts":
            assert got["RemainingAppReArmCount"] == 1000 and got["RemainingSkuReArmCount"] == 1000
        else:
            assert name in got
    names = next(r for r in rows("oslicense_cmdlets.csv") if r["parameter_set"] == "Default")
    for name in names["output_properties"].split(";"):
        assert name in got
    assert got["Description"] == "Windows(R) Operating System, VOLUME_KMSCLIENT channel"
    assert got["KeyManagementServiceCurrentCount"] == "N/A"  # "N/A when unavailable"
    assert got["ProductKeyID"] == product_id(pc, pc.windows)
    assert got["DiscoveredKeyManagementServiceMachineIpAddress"] is None  # nobody answered yet
    pc.slmgr("/upk", pc.windows["activation_id"])
    assert "Extended PID" not in pc.slmgr("/dlv", pc.windows["activation_id"]).out


@case("slmgr", "/xpr")
def xpr(pc):
    assert "Notification mode" in pc.slmgr("/xpr").out
    assert "grace period ends" in pc.slmgr("/xpr", pc.office["activation_id"]).out
    pc.slmgr("/upk", pc.windows["activation_id"])
    assert "Unlicensed" in pc.slmgr("/xpr").out


# ---- slmgr: licence files, rearm ----

@case("slmgr", "/ilc")
def ilc(pc, script="slmgr", option="/ilc", app="windows"):
    path = os.path.join(pc.folder, "extra.xrm-ms")
    run = getattr(pc, script)
    sep = ":" if script == "ospp" else None
    give = (lambda p: [option + sep + p]) if sep else (lambda p: [option, p])
    assert "0x80070002" in run(*give(path), expect=NOTFOUND).err
    open(path, "w", encoding="utf-8").close()
    run(*give(path))
    told = pc.show()[app]
    assert told["licence_files"] == 1 and told["licences_installed"] is not None
    other = os.path.join(pc.folder, "extra.txt")
    open(other, "w", encoding="utf-8").close()
    assert "0x80070057" in run(*give(other), expect=USAGE).err
    assert pc.show()[app]["licence_files"] == 1


@case("slmgr", "/rilc")
def rilc(pc):
    ilc(pc)
    assert "re-installed" in pc.slmgr("/rilc").out
    told = pc.show()["windows"]
    assert told["licence_files"] == 0 and told["licences_installed"] is not None


def grace_left(pc):
    return pc.office["seconds_left"] / 86400


def in_grace_for_ten_days(pc):
    pc.run("pass", "10d", expect=NOT_LICENSED)
    assert 19.9 < grace_left(pc) < 20.1  # of 30


@case("slmgr", "/rearm")
def rearm(pc):
    pc.slmgr("/skms", "127.0.0.1:1")
    pc.slmgr("/ato", expect=NOT_LICENSED)
    assert pc.windows["attempt"] is not None
    before = pc.show()["client_machine_id"]
    assert "restart the system" in pc.slmgr("/rearm").out
    assert pc.windows["rearm_pending"] and pc.windows["attempt"] is not None
    assert "0xC004D302" in pc.slmgr("/ato", expect=NOT_LICENSED).out
    pc.run("restart", expect=NOT_LICENSED)
    assert not pc.windows["rearm_pending"] and pc.windows["partial_key"] != ""
    assert pc.show()["client_machine_id"] != before
    assert pc.show()["windows"]["rearms"] == 1
    left = re.search(r"rearm count: (\d+)", pc.slmgr("/dlv").out)
    assert int(left.group(1)) == 999


@case("slmgr", "/rearm-app")
def rearm_app(pc):
    in_grace_for_ten_days(pc)
    pc.slmgr("/rearm-app", OFFICE_APP)
    assert grace_left(pc) < 20.1
    pc.run("restart", expect=NOT_LICENSED)
    assert 29.9 < grace_left(pc) <= 30
    assert (pc.show()["office"]["rearms"], pc.show()["windows"]["rearms"]) == (1, 0)
    pc.slmgr("/rearm-app", WINDOWS_APP)
    assert pc.show()["windows"]["rearms"] == 1
    pc.slmgr("/rearm-app", ALL_ZERO, expect=NOTFOUND)


@case("slmgr", "/rearm-sku")
def rearm_sku(pc):
    in_grace_for_ten_days(pc)
    sku = pc.office["activation_id"]
    pc.slmgr("/rearm-sku", sku)
    pc.run("restart", expect=NOT_LICENSED)
    assert 29.9 < grace_left(pc) <= 30
    for left in (4, 3, 2, 1):
        assert f"Remaining SKU rearm count: {left}\n" in pc.slmgr("/dlv", sku).out
        pc.slmgr("/rearm-sku", sku)
    refused = pc.slmgr("/rearm-sku", sku, "--json", expect=None)
    assert refused.code != 0 and refused.json["ErrorCode"] == "0xC004D307"
    assert pc.office["rearms"] == 5 and pc.show()["office"]["rearms"] == 0


# ---- slmgr: by phone ----

def phone(pc, *argv):
    said = pc.run(*argv, expect=FAILED)  # a client setup key; others: test_client_keys.py
    assert "0xC004F06A" in said.err and "/ato" in said.err


@case("slmgr", "/dti")
def dti(pc):
    phone(pc, "slmgr", "/dti")


@case("slmgr", "/atp")
def atp(pc):
    phone(pc, "slmgr", "/atp", "123456-123456")
    assert pc.windows["status"] == "Notification"


# ---- slmgr: KMS client ----

@case("slmgr", "/skms")
def skms(pc):
    pc.slmgr("/skms", "[::1]:1700")
    assert pc.show()["kms_host"] == "[::1]:1700"
    pc.slmgr("/skms", "other.example", pc.office["activation_id"])
    assert pc.office["kms_set"] == "other.example:1688" and pc.windows["kms_set"] is None
    pc.slmgr("/skms", "host:notaport", expect=USAGE)
    assert pc.show()["kms_host"] == "[::1]:1700"
    pc.slmgr("/skms", ":1701")
    assert pc.show()["kms_host"] == "[::1]:1701"


@case("slmgr", "/ckms")
def ckms(pc):
    pc.slmgr("/skms", "a.example:1700")
    pc.slmgr("/skms", "b.example", pc.office["activation_id"])
    pc.slmgr("/ckms", pc.office["activation_id"])
    assert pc.office["kms_set"] is None and pc.show()["kms_host"] == "a.example:1700"
    pc.slmgr("/ckms")
    assert pc.show()["kms_host"] is None
    pc.slmgr("/skms", "a.example")
    assert pc.show()["kms_host"] == "a.example:1688"  # the port went too


@case("slmgr", "/skms-domain")
def skms_domain(pc):
    pc.slmgr("/skms-domain", "kms.example")
    assert pc.show()["lookup_domain"] == "kms.example"
    pc.slmgr("/ato", expect=NOT_LICENSED)
    assert "_vlmcs._tcp.kms.example" in pc.windows["attempt"]["tries"][0]["target"]
    pc.slmgr("/skms-domain", "office.example", pc.office["activation_id"])
    pc.slmgr("/ato", pc.office["activation_id"], expect=NOT_LICENSED)
    assert "_vlmcs._tcp.office.example" in pc.office["attempt"]["tries"][0]["target"]
    pc.slmgr("/skms", "127.0.0.1:1")
    assert "overrides" in pc.slmgr("/skms-domain", "kms.example").err
    pc.slmgr("/ato", expect=NOT_LICENSED)
    assert pc.windows["attempt"]["tries"][0]["target"].startswith("127.0.0.1:1 ")


@case("slmgr", "/ckms-domain")
def ckms_domain(pc):
    pc.slmgr("/skms-domain", "kms.example")
    pc.slmgr("/skms-domain", "office.example", pc.office["activation_id"])
    pc.slmgr("/ckms-domain", pc.office["activation_id"])
    assert pc.office["lookup_domain"] == "" and pc.show()["lookup_domain"] == "kms.example"
    pc.slmgr("/ckms-domain")
    assert pc.show()["lookup_domain"] == ""


@case("slmgr", "/ckhc")
def ckhc(pc):
    assert pc.show()["host_caching"] is True
    assert "disabled" in pc.slmgr("/ckhc").out
    assert pc.show()["host_caching"] is False
    assert "KMS host caching is disabled" in pc.slmgr("/dlv").out


@case("slmgr", "/skhc")
def skhc(pc):
    pc.slmgr("/ckhc")
    assert "enabled" in pc.slmgr("/skhc").out
    assert pc.show()["host_caching"] is True


@case("slmgr", "/act-type")
def act_type(pc):
    pc.slmgr("/act-type", "2")
    assert [p["activation_type"] for p in pc.show()["products"]] == [2, 2]
    pc.slmgr("/act-type", "1", pc.office["activation_id"])
    assert [p["activation_type"] for p in pc.show()["products"]] == [2, 1]
    assert "Configured Activation Type: KMS" in pc.slmgr("/dlv").out
    pc.slmgr("/act-type", pc.office["activation_id"])  # the machine's holds for it again
    assert [p["activation_type"] for p in pc.show()["products"]] == [2, 2]
    pc.slmgr("/act-type")
    assert [p["activation_type"] for p in pc.show()["products"]] == [0, 0]
    assert "0x80070057" in pc.slmgr("/act-type", "4", expect=USAGE).err
    pc.slmgr("/skms", "127.0.0.1:1")
    pc.slmgr("/act-type", "3")
    pc.slmgr("/ato", expect=NOT_LICENSED)
    assert pc.windows["last_result"] != "0xC004F074" and pc.events(12288) == []


def test_what_the_cmdlets_set_tells_success_as_they_do(pc):
    """oslicense_cmdlets.csv: Set-KmsLicenseInfo, Invoke-KmsLicense, Set-OSLicenseInfo."""
    options = [option for row in rows("oslicense_cmdlets.csv")
               if row["cmdlet"] in ("Set-KmsLicenseInfo", "Invoke-KmsLicense", "Set-OSLicenseInfo")
               for option in row["slmgr_equivalent(inferred)"].split()]
    values = {"/skms": ["kms.example"], "/skms-domain": ["lab.example"], "/act-type": ["2"]}
    on_machine = [o for o in options if o not in ("/sai", "/sri", "/sprt", "/spri", "/cpri", "/sdns", "/cdns")]
    assert len(on_machine) >= 7
    for option in on_machine:
        got = pc.slmgr(option, *values.get(option, []), "--json").json
        assert got["Success"] is True and "Operation" not in got
    bad = pc.slmgr("/act-type", "7", "--json", expect=USAGE).json
    assert (bad["Success"], bad["ErrorCode"]) == (False, "0x80070057") and bad["ErrorMessage"]


# ---- slmgr: the KMS host ----

@pytest.fixture(scope="module", name="host")
def one_host(realm):
    return realm.daemon("host")


def on_host(option):
    """The case gets the daemon, and a function that runs the option there."""
    def keep(function):
        @case("slmgr", option)
        def run(pc, host):
            def give(*argv, **kw):
                return pc.lab.client("slmgr", option, *argv, "--control", host.control, **kw)
            refused = give(*(["15"] if "<" in usage(option) else []), "--standard-user", expect=REFUSED)
            assert "0xC004F025" in refused.err
            function(host, give)
        return run
    return keep


def usage(option):
    return next(row["args"] for row in rows("slmgr_options.csv") if row["option"] == option)


def restarted(host):
    assert host.stop() == 0
    host.start()
    return host.status()


@on_host("/sprt")
def sprt(host, give):
    port = free_port()
    assert "next start" in give(str(port)).err
    assert host.status()["overrides"]["listening_port"] == port
    assert host.status()["listening"] == f"127.0.0.1:{host.port}"
    assert restarted(host)["listening"] == f"127.0.0.1:{port}"
    for bad in ("0", "65536", "x"):
        assert "0x80070057" in give(bad, expect=USAGE).err
    assert host.status()["overrides"]["listening_port"] == port
    give(str(host.port))
    assert restarted(host)["listening"] == host.address


def interval(host, give, member):
    give("43200")
    assert host.status()[member] == 43200
    for bad in ("14", "43201", "-1", "1h"):
        assert "0x80070057" in give(bad, expect=USAGE).err
    give("15")
    assert host.status()[member] == 15
    assert restarted(host)[member] == 15


@on_host("/sai")
def sai(host, give):
    interval(host, give, "activation_interval")


@on_host("/sri")
def sri(host, give):
    interval(host, give, "renewal_interval")


@on_host("/cdns")
def cdns(host, give):
    give()
    assert host.status()["overrides"]["dns_publishing"] is False
    assert restarted(host)["overrides"]["dns_publishing"] is False
    assert re.search("DNS publishing: +disabled", host.ctl("kms", "status").out)


@on_host("/sdns")
def sdns(host, give):
    host.lab.client("slmgr", "/cdns", "--control", host.control)
    give()
    assert host.status()["overrides"]["dns_publishing"] is True


@on_host("/cpri")
def cpri(host, give):
    told = give("--json").json
    assert told["Success"] is True and told["overrides"]["low_priority"] is True
    tasks = f"/proc/{host.process.pid}/task"
    assert {nice_of(os.path.join(tasks, t)) for t in os.listdir(tasks)} == {10}
    assert restarted(host)["priority"] == "low"


def nice_of(task):
    with open(os.path.join(task, "stat"), encoding="utf-8") as f:
        return int(f.read().rpartition(")")[2].split()[16])


@on_host("/spri")
def spri(host, give):
    host.lab.client("slmgr", "/cpri", "--control", host.control)
    give()
    assert host.status()["overrides"]["low_priority"] is False
    status = restarted(host)
    assert status["overrides"]["low_priority"] is False and status["nice"] == os.nice(0)


def test_clients_are_handed_the_interval_that_sai_set(realm, host):
    realm.client("slmgr", "/sai", "77", "--config", host.conf)
    realm.install_hostkey(host)
    pc = Machine(realm, product="Windows Server 2022", edition="Standard", office=False,
                 clock=realm.clock)
    pc.slmgr("/skms", host.address)
    pc.slmgr("/ato", expect=NOT_LICENSED)
    assert pc.windows["activation_interval"] == 77


def test_a_broken_file_of_overrides_stops_the_start_and_names_the_remedy(realm):
    host = realm.daemon("broken", wait=False)
    path = os.path.join(host.folder, "state", "overrides.json")
    for text in ('{"activation_interval": 14}', '{"dns_publishing": 1}', "[]", "{"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        assert host.launch().process.wait(timeout=30) == 7
        assert "overrides.json (remove it" in host.log()
    os.unlink(path)
    host.start()


def test_host_options_name_what_is_missing(realm):
    assert "--control" in realm.client("slmgr", "/sai", "60", expect=USAGE).err
    nobody = os.path.join(realm.folder, "nobody.sock")
    realm.client("slmgr", "/sai", "60", "--control", nobody, expect=6)


# ---- slmgr: the forest ----

GROUP = "Volume License for Windows Server 2022"


class Forest:
    """A directory, a clearing house, an administrator with a host key, and a member machine."""

    def __init__(self, lab):
        self.lab = lab
        self.house = lab.daemon("house", options={"clearing.serve": "yes"})
        lab.directory_up()
        self.admin = lab.daemon("admin", wait=False, options={"clearing.host": self.house.address})
        lab.install_hostkey(self.admin, GROUP, activate=False)
        package = next(n for n in os.listdir(self.admin.folder) if n.endswith(".hostkey"))
        with open(os.path.join(self.admin.folder, package), encoding="utf-8") as f:
            self.key = json.load(f)["key"]
        self.folder = os.path.join(lab.folder, "member")
        password = os.path.join(lab.folder, "member.password")
        self.admin.ctl("machine", "add", "MEMBER", "--password-file", password)
        lab.client("--machine", self.folder, "init", "--product", "Windows 11", "--edition", "Enterprise",
                   "--clock", lab.clock, "--bundle", lab.bundle, "--domain", lab.forest, "--directory",
                   lab.directory_uri, "--password-file", password)

    def slmgr(self, *argv, **kw):
        return self.lab.client("--machine", self.folder, "slmgr", *argv, **kw)

    def write(self, *argv, **kw):
        return self.slmgr(*argv, "--config", self.admin.conf, **kw)

    def objects(self):
        return {o["Name"]: o["DistinguishedName"] for o in self.slmgr("/ao-list", "--json").json}

    def clear(self):
        for dn in self.objects().values():
            self.write("/del-ao", dn)


@pytest.fixture(scope="module", name="forest")
def one_forest():
    with Lab() as lab:
        yield Forest(lab)


@case("slmgr", "/ad-activation-online")
def ad_activation_online(pc, forest):
    forest.clear()
    said = forest.write("/ad-activation-online", forest.key, "Büro")
    assert "Activated online" in said.err and "activated successfully" in said.out
    assert list(forest.objects()) == ["Büro"]
    forest.slmgr("/ato")  # a member is licensed by it
    assert "AO DN: " + forest.objects()["Büro"] in forest.slmgr("/dlv").out
    too_long = forest.write("/ad-activation-online", forest.key, "x" * 41, "--json", expect=None)
    assert too_long.code != 0 and too_long.json["ErrorCode"] == "0xC004F082"
    wrong = forest.write("/ad-activation-online", "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", expect=NOTFOUND)
    assert "0xC004F050" in wrong.err
    assert list(forest.objects()) == ["Büro"]
    assert "--config" in forest.slmgr("/ad-activation-online", forest.key, expect=USAGE).err
    pc.slmgr("/ad-activation-online", forest.key, "--config", forest.admin.conf, expect=None)
    assert "workgroup" in pc.slmgr("/ao-list", expect=None).err  # a member's forest only


@case("slmgr", "/ad-activation-get-iid")
def ad_activation_get_iid(pc, forest):
    said = forest.write("/ad-activation-get-iid", forest.key).out
    iid = re.fullmatch(r"Installation ID: (\d{7}(-\d{7}){8})\n", said).group(1)
    assert forest.admin.ctl("ao", "get-iid", "--group", GROUP).out.strip() == iid
    told = forest.write("/ad-activation-get-iid", forest.key, "--json").json
    assert told == {"ProductKey": forest.key, "ForestInstallationId": iid}


@case("slmgr", "/ad-activation-apply-cid")
def ad_activation_apply_cid(pc, forest):
    forest.clear()
    iid = forest.write("/ad-activation-get-iid", forest.key, "--json").json["ForestInstallationId"]
    cid = forest.house.ctl("clearing", "confirm", iid).out.strip()
    wrong = cid[:-1] + str((int(cid[-1]) + 1) % 10)
    refused = forest.write("/ad-activation-apply-cid", forest.key, wrong, "--json", expect=None)
    assert refused.code != 0 and refused.json["ErrorCode"] == "0xC004F04D" and forest.objects() == {}
    told = forest.write("/ad-activation-apply-cid", forest.key, cid, "Phone", "--json").json
    assert (told["Success"], told["Operation"]) == (True, "ActivateForest")
    assert forest.objects() == {"Phone": told["DistinguishedName"]}


@case("slmgr", "/ao-list")
def ao_list(pc, forest):
    forest.clear()
    assert "No objects found" in forest.slmgr("/ao-list").out
    forest.write("/ad-activation-online", forest.key)
    out = forest.slmgr("/ao-list").out
    assert f"Activation Object name: {GROUP}" in out and CONTAINER.lower() in out.lower()
    assert forest.slmgr("/ao-list", "--json").json[0]["ObjectClass"] == "msSPP-ActivationObject"


@case("slmgr", "/del-ao")
def del_ao(pc, forest):
    forest.clear()
    for name in ("One", "Two", "Three"):
        forest.write("/ad-activation-online", forest.key, name)
    forest.write("/del-ao", forest.objects()["One"])
    forest.write("/del-ao", "CN=Two")
    told = forest.write("/del-ao", "Three", "--json").json
    assert (told["Success"], told["Operation"]) == (True, "DeleteActivationObject")
    assert forest.objects() == {}
    forest.write("/del-ao", "Three", expect=NOTFOUND)
    forest.write("/del-ao", CONTAINER, expect=NOTFOUND)  # of that class only
    assert "No objects found" in forest.slmgr("/ao-list").out


def test_a_forest_without_the_container_is_told_by_its_code(forest):
    forest.clear()
    subprocess.run(["ldapdelete", "-Q", "-Y", "EXTERNAL", "-H", forest.lab.directory_uri, CONTAINER],
                   check=True, capture_output=True)
    try:
        said = forest.slmgr("/ao-list", "--json", expect=NOTFOUND)
        assert "0x80072030" in said.err and "schema" in said.err
    finally:
        forest.admin.ctl("directory", "prepare")


# ---- slmgr: tokens ----

def not_modelled(script, *argv):
    def check(pc):
        before = pc.show()
        said = pc.run(script, *argv, expect=NOT_MODELLED)
        assert "not modelled" in said.err
        assert untimed(pc.show()) == untimed(before)
    return check


for name, words in (("/lil", ()), ("/ril", ("a", "b")), ("/ltc", ()), ("/fta", ("thumb", "1234")),
                    ("/stao", ()), ("/ctao", ())):
    case("slmgr", name)(not_modelled("slmgr", name, *words))


@pytest.mark.parametrize("option", ["/stao", "/ctao"])
def test_a_removed_option_names_its_successor(option, realm):
    assert "/act-type" in Machine(realm).slmgr(option, expect=NOT_MODELLED).err


# ---- ospp ----

@case("ospp", "/act")
def act(pc):
    pc.ospp("/sethst:127.0.0.1")
    pc.ospp("/setprt:1")
    said = pc.ospp("/act", expect=NOT_LICENSED)
    assert "ERROR CODE: 0xC004F074" in said.out and "ERROR DESCRIPTION:" in said.out
    assert pc.office["last_result"] == "0xC004F074" and pc.windows["attempt"] is None
    pc.ospp(f"/unpkey:{pc.office['partial_key']}")  # what went before is not told again
    said = pc.ospp("/act", expect=NOT_LICENSED)
    assert "ERROR CODE: 0xC004F014" in said.out and "0xC004F074" not in said.out


@case("ospp", "/inpkey")
def inpkey(pc):
    key = setup_key("Office LTSC 2021", "Professional Plus")
    pc.ospp(f"/unpkey:{key[-5:]}")
    assert "<Product key installation successful>" in pc.ospp(f"/inpkey:{key}").out
    assert pc.office["partial_key"] == key[-5:]
    windows = setup_key("Windows 10/11", "Enterprise")
    assert "0xC004F069" in pc.ospp(f"/inpkey:{windows}", expect=REFUSED).err


@case("ospp", "/unpkey")
def unpkey(pc):
    last = pc.office["partial_key"]
    pc.ospp("/unpkey:AAAAA", expect=NOTFOUND)
    assert pc.office["partial_key"] == last
    assert "<Product key uninstall successful>" in pc.ospp(f"/unpkey:{last.lower()}").out
    assert pc.office["status"] == "Unlicensed" and pc.windows["partial_key"] != ""
    pc.ospp(f"/unpkey:{last}", expect=NOTFOUND)
    pc.ospp(f"/unpkey:{pc.windows['partial_key']}", expect=NOTFOUND)  # Office's only
    pc.ospp("/unpkey:1234", expect=USAGE)


@case("ospp", "/inslic")
def inslic(pc):
    ilc(pc, "ospp", "/inslic", "office")


@case("ospp", "/dstatus")
def dstatus(pc):
    out = pc.ospp("/dstatus").out
    labels = ["PRODUCT ID", "SKU ID", "LICENSE NAME", "LICENSE DESCRIPTION", "LICENSE STATUS", "ERROR CODE",
              "REMAINING GRACE", "Last 5 characters of installed product key"]
    places = [out.index(label + ":") for label in labels]
    assert places == sorted(places)
    assert "---OOB_GRACE---" in out and "Windows" not in out
    assert f"PRODUCT ID: {product_id(pc, pc.office)}\n" in out
    assert f"installed product key: {pc.office['partial_key']}" in out
    pc.ospp(f"/unpkey:{pc.office['partial_key']}")
    out = pc.ospp("/dstatus").out
    assert "SKU ID" not in out and "<No product key is installed>" in out


def unlicensed(pc):
    pc.slmgr("/upk", pc.windows["activation_id"])
    pc.slmgr("/upk", pc.office["activation_id"])


@pytest.mark.parametrize("befall", [None, unlicensed], ids=["as-set-up", "without-keys"])
def test_every_state_but_licensed_tells_its_reason(pc, befall):
    if befall is not None:
        befall(pc)
    for product in (pc.windows, pc.office):
        label = "Notification Reason" if product["status"] == "Notification" else \
            "License Status Reason"
        code, told = product["reason"], pc.slmgr("/dlv", product["activation_id"])
        assert product["status"] != "Licensed" and re.fullmatch("0x[4C]004[0-9A-F]{4}", code)
        assert f"\n{label}: {code}" in told.out and told.out.count("Reason:") == 1
        short = pc.slmgr("/dli", product["activation_id"]).out  # the script's own lines alone
        assert ("Reason:" in short) == (product["status"] == "Notification")
        got = pc.slmgr("/dlv", product["activation_id"], "--json").json[0]
        assert got["LicenseStatusReason"] == code
    assert f"ERROR CODE: {pc.office['reason']}\n" in pc.ospp("/dstatusall").out


@case("ospp", "/dstatusall")
def dstatusall(pc):
    pc.ospp(f"/unpkey:{pc.office['partial_key']}")
    out = pc.ospp("/dstatusall").out
    assert "---UNLICENSED---" in out and out.count("SKU ID:") == 1


@case("ospp", "/dhistoryacterr")
def dhistoryacterr(pc):
    assert "No events" in pc.ospp("/dhistoryacterr").out
    act(pc)
    assert [e["id"] for e in pc.ospp("/dhistoryacterr", "--json").json] == [8198]


@case("ospp", "/dhistorykms")
def dhistorykms(pc):
    act(pc)
    got = pc.ospp("/dhistorykms", "--json").json
    assert [e["id"] for e in got] == [12288] and "127.0.0.1:1" in " ".join(got[0]["fields"])


@case("ospp", "/dinstid")
def dinstid(pc):
    phone(pc, "ospp", "/dinstid")


@case("ospp", "/actcid")
def actcid(pc):
    phone(pc, "ospp", "/actcid:123456")


@case("ospp", "/rearm", "")
def ospp_rearm(pc):
    in_grace_for_ten_days(pc)
    pc.ospp("/rearm")
    pc.ospp("/osppsvcrestart")
    assert 29.9 < grace_left(pc) <= 30
    assert (pc.show()["office"]["rearms"], pc.show()["windows"]["rearms"]) == (1, 0)


@case("ospp", "/rearm", "<SKU ID>")
def ospp_rearm_sku(pc):
    in_grace_for_ten_days(pc)
    pc.ospp(f"/rearm:{pc.office['activation_id']}")
    pc.ospp("/osppsvcrestart")
    assert 29.9 < grace_left(pc) <= 30
    pc.ospp(f"/rearm:{pc.windows['activation_id']}", expect=NOTFOUND)


@case("ospp", "/ddescr")
def ddescr(pc):
    meaning = next(r["meaning"] for r in rows("error_codes.csv") if r["code"] == "0xC004F074")
    assert f"ERROR DESCRIPTION: {meaning}" in pc.ospp("/ddescr:0xC004F074").out
    pc.lab.client("ospp", "/ddescr:0xC004F074")  # needs no machine
    pc.ospp("/ddescr:0xC00FFFFF", expect=NOTFOUND)


@case("ospp", "/dcmid")
def dcmid(pc):
    assert pc.show()["client_machine_id"] in pc.ospp("/dcmid").out


@case("ospp", "/sethst")
def sethst(pc):
    pc.ospp("/sethst:kms.example")
    assert pc.show()["office"]["kms_host"] == "kms.example:1688" and pc.show()["kms_host"] is None
    pc.ospp("/sethst:kms.example:1700", expect=USAGE)


@case("ospp", "/setprt")
def setprt(pc):
    pc.ospp("/setprt:1700")
    pc.ospp("/sethst:kms.example")
    assert pc.show()["office"]["kms_host"] == "kms.example:1700"
    for bad in ("0", "65536", "x", "1700x"):
        assert "0x80070057" in pc.ospp(f"/setprt:{bad}", expect=USAGE).err
    assert pc.show()["office"]["kms_port"] == 1700


@case("ospp", "/remhst")
def remhst(pc):
    pc.ospp("/setprt:1700")
    pc.ospp("/sethst:kms.example")
    pc.ospp("/remhst")
    assert (pc.show()["office"]["kms_host"], pc.show()["office"]["kms_port"]) == (None, 0)


@case("ospp", "/cachst")
def cachst(pc):
    pc.ospp("/cachst:FALSE")
    assert pc.show()["host_caching"] is False
    pc.ospp("/cachst:true")
    assert pc.show()["host_caching"] is True
    pc.ospp("/cachst:maybe", expect=USAGE)


@case("ospp", "/actype")
def actype(pc):
    pc.ospp("/actype:1")
    assert [p["activation_type"] for p in pc.show()["products"]] == [0, 1]
    assert "0x80070057" in pc.ospp("/actype:3", expect=USAGE).err
    pc.ospp("/actype:0")
    assert pc.office["activation_type"] == 0


@case("ospp", "/skms-domain")
def ospp_skms_domain(pc):
    pc.ospp("/skms-domain:office.example")
    assert (pc.office["lookup_domain"], pc.windows["lookup_domain"]) == ("office.example", "")
    pc.ospp("/act", expect=NOT_LICENSED)
    assert "_vlmcs._tcp.office.example" in pc.office["attempt"]["tries"][0]["target"]
    pc.ospp("/sethst:127.0.0.1")
    assert "overrides" in pc.ospp("/skms-domain:office.example").err


@case("ospp", "/ckms-domain")
def ospp_ckms_domain(pc):
    pc.ospp("/skms-domain:office.example")
    pc.ospp("/ckms-domain")
    assert pc.office["lookup_domain"] == ""


for name, words in (("/stokflag", ""), ("/ctokflag", ""), ("/dtokils", ""), ("/rtokil", ":x"),
                    ("/dtokcerts", ""), ("/tokact", ":thumb")):
    case("ospp", name)(not_modelled("ospp", name + words))


@case("ospp", "/puserops")
def puserops(pc):
    refused = pc.ospp("/sethst:kms.example", "--standard-user", expect=REFUSED)
    assert "0x80070005" in refused.err and pc.show()["office"]["kms_host"] is None
    pc.ospp("/puserops", "--standard-user", expect=REFUSED)
    pc.ospp("/puserops")
    pc.ospp("/sethst:kms.example", "--standard-user")
    assert pc.show()["office"]["kms_host"] == "kms.example:1688"


@case("ospp", "/duserops")
def duserops(pc):
    pc.ospp("/puserops")
    pc.ospp("/duserops")
    pc.ospp("/remhst", "--standard-user", expect=REFUSED)
    assert pc.show()["office"]["user_operations"] is False


@case("ospp", "/osppsvcrestart")
def osppsvcrestart(pc):
    pc.ospp("/osppsvcrestart")
    assert [e["id"] for e in pc.events(900, 902, 903)] == [903, 900, 902]
    assert pc.office["attempt"]["trigger"] == "service start" and pc.windows["attempt"] is None


@case("ospp", "/osppsvcauto")
def osppsvcauto(pc):
    assert pc.show()["office"]["service_starts_with_system"] is False
    pc.ospp("/osppsvcauto")
    assert pc.show()["office"]["service_starts_with_system"] is True


@case("ospp", "/regmof")
def regmof(pc):
    pc.ospp("/regmof")
    assert pc.show()["office"]["mof_registered"] is True


@case("ospp", "/version")
def version(pc):
    assert pc.lab.client("--version").out.split()[-1] in pc.lab.client("ospp", "/version").out


@case("ospp", "/help")
def ospp_help(pc):
    out = pc.lab.client("ospp", "/help").out
    assert all(row["option"] in out for row in rows("ospp_options.csv"))


# ---- all rows ----

FIXTURES = ("host", "forest")


@pytest.mark.parametrize("key", keys_of("slmgr") + keys_of("ospp"), ids=" ".join)
def test_row(key, pc, request):
    function = case_of(key)
    assert function is not None, f"{key} has no test"
    wanted = list(inspect.signature(function).parameters)[1:]
    function(pc, **{name: request.getfixturevalue(name) for name in wanted if name in FIXTURES})


ARGUMENTS = {"<Product Key>": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", "<last5>": "ABCDE", "TRUE|FALSE": "TRUE",
             "0|1|2": "1", "<port>": "1700"}


def may_be_used_by_all(row):
    return row["needs_admin"].startswith(("no", "KMS client: no"))


def untimed(shown):
    products = [{**p, "seconds_left": None} for p in shown["products"]]
    return {**shown, "now": None, "products": products}


@pytest.mark.parametrize("script", ["slmgr", "ospp"])
def test_what_needs_an_administrator_is_refused_to_a_standard_user(script, realm):
    pc = Machine(realm)
    code = {"slmgr": "0xC004F025", "ospp": "0x80070005"}[script]
    before = pc.show()
    refused = set()
    for row in rows(f"{script}_options.csv"):
        if may_be_used_by_all(row) or row.get("target") in ("kms-host", "adba"):
            continue
        given = [ARGUMENTS.get(a, "x") for a in re.findall(r"<[^>]*>|TRUE\|FALSE|0\|1\|2", row["args"])]
        said = pc.run(script, row["option"], *given, "--standard-user", expect=REFUSED)
        assert code in said.err, row["option"]
        refused.add(row["option"])
    assert len(refused) > 15 and "/rearm" in refused
    assert untimed(pc.show()) == untimed(before)


@pytest.mark.parametrize("script", ["slmgr", "ospp"])
def test_the_script_alone_lists_its_options_and_each_has_help(script, realm):
    out = realm.client(script).out
    for row in rows(f"{script}_options.csv"):
        assert row["option"] in out.split()
        told = realm.client(script, row["option"], "--help").out
        assert told.startswith(f"adbaclient {script} {row['option']}")
    near = realm.client(script, "/rearn", expect=USAGE)
    assert "/rearm" in near.err


def test_ospp_never_touches_a_machine_without_office(realm):
    pc = Machine(realm, office=False)
    pc.ospp("/act", expect=NOTFOUND)
    assert pc.windows["attempt"] is None
    pc.ospp("/rearm", expect=NOTFOUND)
    assert pc.show()["windows"]["rearms"] == 0
    pc.ospp("/actype:2", expect=NOTFOUND)
    assert pc.windows["activation_type"] == 0

"""adbaclient against the real daemon and the lab directory."""
import csv
import json
import os

import pytest

GROUP = "Volume License for Windows Server 2022"
NOT_LICENSED = 10


def setup_keys():
    path = os.path.join(os.path.dirname(__file__), "..", "..", "data", "client_setup_keys.csv")
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


class Site:
    """A KMS host, a directory with one activation object, and machines."""

    def __init__(self, lab):
        self.lab = lab
        self.kms = lab.daemon()
        lab.install_hostkey(self.kms, GROUP)
        self.folder = os.path.join(lab.folder, "machines")
        os.makedirs(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, product="Windows Server 2022", edition="Standard", member=False, kms=True,
            extra=(), bundle=None):
        argv = ["--machine", self.path(name), "init", "--product", product, "--edition", edition,
                "--name", name, "--clock", self.lab.clock, "--bundle", bundle or self.lab.bundle]
        if kms:
            argv += ["--kms", self.kms.address]
        if member:
            argv += self.join_options(name)
        self.lab.client(*argv, *extra)
        return name

    def join_options(self, name):
        password = os.path.join(self.lab.folder, f"{name}.password")
        if not os.path.exists(password):
            self.kms.ctl("machine", "add", name, "--password-file", password)
        return ["--domain", self.lab.forest, "--directory", self.lab.directory_uri,
                "--password-file", password]

    def run(self, name, *argv, expect=None):
        return self.lab.client("--machine", self.path(name), *argv, expect=expect)

    def all(self, *argv, expect=None):
        return self.lab.client("--machines", self.folder, *argv, expect=expect)

    def product(self, name, index=0):
        return self.run(name, "show", "--json", expect=0).json["products"][index]

    def events(self, name, wanted=None):
        return [e for e in self.run(name, "events", "--json", expect=0).json
                if wanted in (None, e["id"])]


@pytest.fixture
def site(lab):
    return Site(lab)


@pytest.fixture
def domain(lab_with_directory):
    domain = Site(lab_with_directory)
    domain.kms.ctl("ao", "create", "--group", GROUP)
    return domain


def test_servers_are_licensed_from_the_fifth_on(site):
    for i in range(1, 5):
        site.add(f"SRV{i}")
        said = site.run(f"SRV{i}", "/ato", expect=NOT_LICENSED)
        assert "0xC004F038" in said.out and f"counts {i} machines, 5 are needed" in said.out
    site.add("SRV5")
    assert "activated successfully" in site.run("SRV5", "-ato", expect=0).out
    got = site.product("SRV5")
    assert (got["status"], got["channel"], got["count"]) == ("Licensed", "KMS", 5)
    assert got["kms_host"] == site.kms.address
    assert 179.9 < got["seconds_left"] / 86400 <= 180


def test_the_address_of_the_host_that_granted_is_kept_and_told(site):
    for i in range(1, 6):
        site.add(f"SRV{i}")
        site.run(f"SRV{i}", "/ato")
    told = site.run("SRV5", "/dlv", expect=0).out
    places = [told.index(label + ": ") for label in
              ("KMS machine name", "KMS machine IP address", "KMS machine extended PID")]
    assert places == sorted(places) and "    KMS machine IP address: 127.0.0.1\n" in told
    got = site.run("SRV5", "/dlv", "--json", expect=0).json[0]
    assert got["DiscoveredKeyManagementServiceMachineIpAddress"] == "127.0.0.1"
    assert f"extended PID: {got['KeyManagementServiceProductKeyID']}\n" in told
    # A folder from before the address was kept is read all the same.
    path = os.path.join(site.path("SRV5"), "machine.json")
    with open(path, encoding="utf-8") as f:
        kept = json.load(f)
    assert kept["products"][0].pop("address") == "127.0.0.1"
    with open(path, "w", encoding="utf-8") as f:
        json.dump(kept, f)
    assert "    KMS machine IP address: not available\n" in site.run("SRV5", "/dlv", expect=0).out


def test_pass_runs_the_two_hour_retry_of_every_machine_in_time_order(site):
    for i in range(1, 6):
        site.add(f"SRV{i}")
    site.all("/ato", expect=NOT_LICENSED)
    assert [m["products"][0]["status"] for m in site.all("show", "--json").json["machines"]] \
        == ["Notification"] * 4 + ["Licensed"]
    site.all("pass", "119m", expect=NOT_LICENSED)
    said = site.all("pass", "2m", "--all", expect=0)
    assert said.out.count("activated successfully") == 4
    times = [line.split()[0] for line in said.out.splitlines() if line.startswith("20")]
    assert times == sorted(times)


def test_the_inventory_tells_of_each_machine_status_key_expiry_and_last_contact(site):
    for i in range(1, 6):
        site.add(f"SRV{i}")
    site.add("PC1", "Windows 11", "Enterprise", extra=["--no-key"])
    site.lab.client("--machine", site.path("SRV5"), "install", "--product", "Office LTSC 2021",
                    "--edition", "Professional Plus", "--no-key")
    site.all("/ato")
    found = {m["name"]: m["products"] for m in site.all("show", "--json").json["machines"]}
    assert list(found) == ["PC1", "SRV1", "SRV2", "SRV3", "SRV4", "SRV5"]

    def told(product):
        return (product["status"], product["key_kind"], product["partial_key"],
                product["expires"] is not None, product["attempt"] is not None)

    key = next(r["key"] for r in setup_keys() if (r["product"], r["edition"]) ==
               ("Windows Server 2022", "Standard"))
    assert told(found["PC1"][0]) == ("Unlicensed", None, "", False, False)
    assert told(found["SRV1"][0]) == ("Notification", "GVLK", key[-5:], False, True)
    assert told(found["SRV5"][0]) == ("Licensed", "GVLK", key[-5:], True, True)
    assert told(found["SRV5"][1]) == ("Unlicensed", None, "", False, False)
    last = found["SRV5"][0]["attempt"]
    assert last["result"] == "0x00000000" and site.kms.address in last["tries"][0]["target"]


def test_sixty_machines_activate_in_one_run_at_their_first_attempt(site):
    for i in range(1, 61):
        site.add(f"PC{i:02}", "Windows 11", "Enterprise")
    site.all("/ato", "--json")
    products = [m["products"][0] for m in site.all("show", "--json").json["machines"]]
    assert [p["count"] for p in products] == [min(i, 50) for i in range(1, 61)]
    assert [len(p["attempt"]["tries"]) for p in products] == [1] * 60


def test_a_member_is_licensed_by_the_directory_and_the_host_never_hears_of_it(domain):
    domain.add("PC01", "Windows 11", "Enterprise", member=True)
    said = domain.run("PC01", "restart", expect=0)
    assert "activated successfully" in said.out
    got = domain.product("PC01")
    assert (got["status"], got["channel"], got["ad_result"]) == ("Licensed", "AD", "0x00000000")
    assert domain.kms.status()["connections"]["accepted"] == 0
    event = domain.events("PC01", 12308)[0]
    assert event["fields"][1] == got["object"]["name"] == GROUP
    assert event["fields"][2] == got["object"]["dn"]
    assert event["fields"][0] == got["activation_id"]
    assert [e["id"] for e in domain.events("PC01")] == [
        1016, 903, 900, 902, 12308, 1036, 1003]
    told = domain.run("PC01", "/dlv", expect=0).out
    assert f"Activation Object name: {GROUP}" in told and "License Status: Licensed" in told


def test_leaving_the_domain_ends_the_directory_licence_at_the_next_service_start(domain):
    domain.add("PC01", "Windows Server 2022", "Standard", member=True)
    domain.run("PC01", "restart", expect=0)
    domain.run("PC01", "leave", expect=0)
    domain.run("PC01", "pass", "1d", expect=0)
    assert domain.product("PC01")["channel"] == "AD"
    said = domain.run("PC01", "restart", expect=NOT_LICENSED)
    assert "no longer in that forest" in said.out
    got = domain.product("PC01")
    assert (got["status"], got["reason"], got["last_result"]) \
        == ("Notification", "0xC004F080", "0xC004F038")
    domain.run("PC01", "join", *domain.join_options("PC01"), expect=0)
    domain.run("PC01", "restart", expect=0)
    assert domain.product("PC01")["channel"] == "AD"


def test_without_the_directory_kms_is_asked_and_later_the_directory_again(domain):
    domain.add("PC01", "Windows Server 2022", "Standard", member=True)
    domain.lab.directory_down()
    domain.run("PC01", "restart", expect=NOT_LICENSED)
    tries = domain.product("PC01")["attempt"]["tries"]
    assert [(t["channel"], t["code"]) for t in tries] \
        == [("AD", "0x8007203A"), ("KMS", "0xC004F038")]
    domain.lab.directory_up()
    domain.run("PC01", "pass", "2h", expect=0)
    assert domain.product("PC01")["channel"] == "AD"


def test_a_disabled_account_gets_nothing_from_the_directory(domain):
    domain.add("PC01", member=True)
    domain.kms.ctl("machine", "disable", "PC01")
    domain.run("PC01", "/ato", expect=NOT_LICENSED)
    got = domain.product("PC01")
    assert got["ad_result"] == "0x8007052E" and got["last_result"] == "0xC004F038"


def test_a_wrong_password_file_mode_is_told(domain):
    domain.add("PC01", member=True)
    os.chmod(os.path.join(domain.lab.folder, "PC01.password"), 0o644)
    said = domain.run("PC01", "/ato", expect=NOT_LICENSED)
    assert "PC01.password" in said.out and "0644" in said.out


def test_events_12288_and_12289_carry_the_documented_fields_in_order(site):
    site.add("SRV1")
    site.run("SRV1", "/ato")
    machine = site.run("SRV1", "show", "--json").json
    asked, answered = site.events("SRV1", 12288)[0], site.events("SRV1", 12289)[0]
    f = asked["fields"]
    assert len(f) == 10
    assert (f[0], f[2], f[3]) == ("0x00000000", site.kms.address, machine["client_machine_id"])
    assert (f[5], f[6], f[7]) == ("0", "5", "0")
    assert (f[8], f[9]) == (machine["products"][0]["activation_id"], "5")
    f = answered["fields"]
    assert len(f) == 8
    assert (f[0], f[2], f[4], f[5], f[6]) == ("0xC004F038", "0", "1", "120", "10080")
    failed = site.events("SRV1", 8198)[0]["fields"]
    assert failed[0] == "hr=0xC004F038" and machine["products"][0]["activation_id"] in failed[1]


def test_an_unreachable_host_is_0xc004f074_and_its_event_the_rpc_error(site):
    site.add("SRV1")
    site.kms.stop()
    said = site.run("SRV1", "/ato", expect=NOT_LICENSED)
    assert "0xC004F074" in said.out
    assert site.events("SRV1", 12288)[0]["fields"][0] == "0x800706BA"
    assert site.events("SRV1", 12289) == []


def test_a_workgroup_machine_without_a_host_finds_no_srv_record(site):
    site.add("SRV1", kms=False)
    said = site.run("SRV1", "/ato", expect=NOT_LICENSED)
    assert "0x8007232B" in said.out and "/skms" in said.out


def test_skms_and_ckms_set_and_clear_the_host(site):
    site.add("SRV1", kms=False)
    assert site.kms.address in site.run("SRV1", "/skms", site.kms.address, expect=0).out
    site.run("SRV1", "/ato")
    assert site.product("SRV1")["count"] == 1
    assert f"Registered KMS machine name: {site.kms.address}" in site.run("SRV1", "/dlv").out
    assert "IP address" not in site.run("SRV1", "/dlv").out  # of the host that licensed it
    site.run("SRV1", "slmgr", "/ckms", expect=0)
    assert "0x8007232B" in site.run("SRV1", "/ato").out
    one = site.product("SRV1")["activation_id"]
    site.run("SRV1", "/skms", site.kms.address, one, expect=0)
    assert "0xC004F038" in site.run("SRV1", "/ato").out


def test_office_on_the_same_machine_has_its_own_licence_and_the_same_cmid(site):
    site.lab.install_hostkey(site.kms, "Office LTSC 2024 KMS host key")
    site.add("PC01", "Windows 11", "Enterprise")
    site.run("PC01", "install", "--product", "Office LTSC 2024", "--edition",
             "Office LTSC Professional Plus 2024", expect=0)
    site.run("PC01", "/ato")
    site.run("PC01", "ospp", "/act")
    windows, office = (site.product("PC01", i) for i in range(2))
    assert (windows["count"], windows["required_count"]) == (1, 25)
    assert (office["count"], office["required_count"], office["status"]) == (1, 5, "OOBGrace")
    assert {e["fields"][3] for e in site.events("PC01", 12288)} \
        == {site.run("PC01", "show", "--json").json["client_machine_id"]}


def test_keys_that_do_not_fit_are_refused_with_the_documented_code(site):
    site.add("SRV1")
    before = site.product("SRV1")
    assert "0xC004F069" in site.run("SRV1", "/ipk", "NPPR9-FWDCX-D2C8J-H872K-2YT43", expect=5).err
    assert "0xC004F050" in site.run("SRV1", "/ipk", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", expect=4).err
    assert site.product("SRV1") == before
    site.run("SRV1", "/ipk", "vdybn-27wpp-v4hqt-9vmd4-vmk7h", expect=0)
    assert site.product("SRV1")["partial_key"] == "VMK7H"


def test_a_client_of_another_realm_is_refused_and_told_its_realm(site):
    other = os.path.join(site.lab.folder, "other")
    site.lab.adbactl("realm", "init", "OTHER", other)
    site.add("SRV1", bundle=os.path.join(other, "client.bundle"))
    said = site.run("SRV1", "/ato", expect=NOT_LICENSED)
    assert "0xC004F042" in said.out and "belongs to realm OTHER" in said.out


def test_a_missing_bundle_is_a_configuration_error(site):
    site.add("SRV1")
    os.remove(os.path.join(site.path("SRV1"), "client.bundle"))
    said = site.run("SRV1", "/ato", expect=3)
    assert "client.bundle" in said.err and "is missing" in said.err
    said = site.lab.client("--machine", site.path("SRV2"), "init", "--product", "Windows 11",
                           "--edition", "Enterprise", "--bundle", "/nonexistent", expect=3)
    assert "realm init" in said.err


def test_wrong_products_and_options_are_told_with_the_nearest(site):
    init = ["--machine", site.path("X"), "init", "--bundle", site.lab.bundle]
    said = site.lab.client(*init, "--product", "Windows 11", "--edition", "Enterprize", expect=4)
    assert "Enterprise" in said.err
    said = site.lab.client(*init, "--produkt", "Windows 11", expect=2)
    assert "--product" in said.err
    assert not os.path.exists(site.path("X"))
    assert site.lab.client("--machine", site.path("X"), "show", expect=4).code == 4
    assert site.lab.client("--machine", site.path("X"), "/nosuch", expect=2).code == 2


def test_pass_needs_a_lab_clock(site):
    site.lab.client("--machine", site.path("R"), "init", "--product", "Windows 11", "--edition",
                    "Enterprise", "--bundle", site.lab.bundle)
    assert "--clock" in site.run("R", "pass", "1d", expect=1).err


def test_the_same_seed_and_name_make_the_same_machine_id(site):
    ids = []
    for folder, name, seed in (("a", "PC01", "7"), ("b", "PC01", "7"), ("c", "PC02", "7"),
                               ("d", "PC01", "8")):
        site.lab.client("--machine", site.path(folder), "init", "--product", "Windows 11",
                        "--edition", "Enterprise", "--bundle", site.lab.bundle, "--name", name,
                        "--seed", seed)
        ids.append(site.run(folder, "show", "--json").json["client_machine_id"])
    assert ids[0] == ids[1] and len(set(ids)) == 3


def test_dlv_json_has_the_field_names_of_the_cmdlets(site):
    site.add("SRV1")
    got = json.loads(site.run("SRV1", "/dlv", "--json", expect=0).out)[0]
    for name in ("Name", "ActivationID", "ApplicationID", "PartialProductKey", "LicenseStatus",
                 "LicenseStatusReason", "GracePeriodRemaining", "ClientMachineID",
                 "ADActivationObjectName", "ADActivationObjectDN", "VLActivationInterval",
                 "VLRenewalInterval"):
        assert name in got

"""Catalogue overlays: next year's product comes in a folder of CSV files. It gets a host key, an
activation object and clients that are activated, through KMS and through the directory."""
import os
import uuid

import pytest

INVALID, NOT_FOUND, NOT_LICENSED = 7, 4, 10
PRODUCT, GROUP = "Windows Server 2031", "Volume License for Windows Server 2031"
KEY = "ADBAD-LABKY-FORTW-OTHRT-YONEX"
NAMESPACE = uuid.UUID("cd19028f-6ae0-43a4-8e83-e8170195a945")  # docs/catalog.md

FILES = {
    "2031.kms_products.csv": f"kms_product,called\n{PRODUCT},\n",
    "2031.products.csv":
        "product,edition,aliases,edition_aliases,family,n_policy,protocol,adba,kms_product\n"
        f"{PRODUCT},Standard,WS2031,,server,5,6,yes,{PRODUCT}\n"
        f"{PRODUCT},Datacenter,,,server,5,6,yes,{PRODUCT}\n",
    "2031.client_setup_keys.csv": f"product,edition,key\n{PRODUCT},Standard,{KEY}\n",
    "2031.host_key_groups.csv":
        "csvlk_group,relation,product,note,source\n"
        f"{GROUP},host,{PRODUCT},,a test\n{GROUP},host,Windows Server 2025,,a test\n"
        f"{GROUP},activates,{PRODUCT},,a test\n{GROUP},activates,Windows Server 2025,,a test\n",
    "2031.host_updates.csv":
        "host_os,client_os,update,date,note,source\n"
        f"Windows Server 2025,{PRODUCT},KB7654321,2031-01-14,invented,a test\n"
        "Windows Server 2022,Windows 11,(impossible),,invented,a test\n",
    "2031.error_codes.csv":
        "code,name,remedy,meaning,advice\n"
        "0xC004F99A,SL_E_INVENTED,,An invented error.,Invent a remedy.\n"
        "0xC004F038,,,Ours.,\n",
    "2031.event_ids.csv": "event_id,meaning,fields\n42042,Invented,none\n",
    "README": "not a table",
}


def write(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    return folder


class Site:
    """A host and machines that know the overlay."""

    def __init__(self, lab):
        self.lab = lab
        self.overlay = write(os.path.join(lab.folder, "catalog.d"), FILES)
        self.kms = lab.daemon(options={"catalog.dir": self.overlay})
        lab.install_hostkey(self.kms, GROUP)

    def path(self, name):
        return os.path.join(self.lab.folder, name)

    def client(self, name, *argv, expect=0):
        return self.lab.client("--machine", self.path(name), *argv, expect=expect,
                               env={"ADBAD_CATALOG": self.overlay})

    def init(self, name, *extra, product=PRODUCT):
        self.client(name, "init", "--product", product, "--edition", "Standard", "--name", name,
                    "--clock", self.lab.clock, "--bundle", self.lab.bundle, *extra)

    def product(self, name):
        return self.client(name, "show", "--json").json["products"][0]


@pytest.fixture
def site(lab):
    return Site(lab)


def test_a_product_of_an_overlay_is_activated_by_kms(site):
    for i in range(1, 6):
        site.init(f"SRV{i}", "--kms", site.kms.address)
        said = site.client(f"SRV{i}", "/ato", expect=0 if i == 5 else NOT_LICENSED)
    assert "activated successfully" in said.out
    got = site.product("SRV5")
    assert (got["product"], got["status"], got["channel"], got["count"]) == \
        (PRODUCT, "Licensed", "KMS", 5)
    assert got["activation_id"] == str(uuid.uuid5(NAMESPACE, f"activation:{PRODUCT}/Standard"))


def test_a_product_of_an_overlay_is_activated_by_the_directory(lab_with_directory):
    site = Site(lab_with_directory)
    site.kms.ctl("ao", "create", "--group", GROUP)
    password = site.path("SRV.password")
    site.kms.ctl("machine", "add", "SRV", "--password-file", password)
    site.init("SRV", "--domain", site.lab.forest, "--directory", site.lab.directory_uri,
              "--password-file", password)
    assert "activated successfully" in site.client("SRV", "restart").out
    got = site.product("SRV")
    assert (got["status"], got["channel"], got["object"]["name"]) == ("Licensed", "AD", GROUP)


def test_the_setup_key_of_an_overlay_installs_its_product(site):
    site.init("SRV", "--kms", site.kms.address)
    assert "successfully" in site.client("SRV", "/ipk", KEY).out
    assert KEY[-5:] in site.client("SRV", "/dlv", expect=None).out


def test_a_configuration_that_names_the_overlay_is_enough_to_make_a_machine(site):
    machine = site.path("LAB1")
    site.lab.client("--machine", machine, "init", "--product", PRODUCT, "--edition", "Standard",
                    "--config", site.kms.conf)
    assert site.product("LAB1")["partial_key"] == KEY[-5:]
    other = write(os.path.join(site.lab.folder, "empty.d"), {})
    site.lab.client("--catalog", other, "--machine", site.path("LAB2"), "init", "--product", PRODUCT,
                    "--edition", "Standard", "--config", site.kms.conf, expect=NOT_FOUND)


def test_without_the_overlay_nobody_knows_the_product(site):
    said = site.lab.client("--machine", site.path("PC"), "init", "--product", PRODUCT, "--edition",
                           "Standard", "--name", "PC", "--bundle", site.lab.bundle, expect=NOT_FOUND)
    assert PRODUCT in said.err
    site.init("SRV")
    assert site.lab.client("--machine", site.path("SRV"), "show", expect=None).code != 0
    plain = site.lab.client("--catalog", site.overlay, "--machine", site.path("SRV"), "show")
    assert PRODUCT in plain.out


def test_list_show_and_plan_know_it(site):
    rows = site.kms.ctl("catalog", "list", "--overlays", "--json").json["products"]
    assert [(r["product"], r["edition"], r["setup_key"], r["groups"]) for r in rows] == \
        [(PRODUCT, "Standard", KEY, [GROUP]), (PRODUCT, "Datacenter", None, [GROUP])]
    assert rows[1]["origin"] == os.path.join(site.overlay, "2031.products.csv") + ":3"
    assert len(site.kms.ctl("catalog", "list", "--group", GROUP, "--json").json["products"]) == 5
    shown = site.kms.ctl("catalog", "show", GROUP, "--json").json
    assert sorted(shown["serves"]) == ["Windows Server 2025", PRODUCT]
    assert [h["system"] for h in shown["hosts"]] == [PRODUCT, "Windows Server 2025"]
    assert PRODUCT in site.kms.ctl("catalog", "show", "ws2031").out
    want = ["plan", "--key-group", GROUP, "--client", f"{PRODUCT}=5", "--json"]
    assert site.kms.ctl(*want, "--host-os", PRODUCT).json["activates"]
    old = site.kms.ctl(*want, "--host-os", "Windows Server 2025", expect=INVALID).json
    assert old["key_groups"][0]["needs"][0]["any_of"][0]["update"] == "KB7654321"
    assert site.kms.ctl(*want, "--host-os", "Windows Server 2025", "--update", "KB7654321").code == 0


def test_what_an_overlay_calls_impossible_is(site):
    said = site.kms.ctl("plan", "--host-os", "Windows Server 2022", "--key-group",
                        "Volume License for Windows Server 2022", "--client", "Windows 11 Pro=30",
                        "--json", expect=INVALID).json
    assert said["clients"][0]["verdict"] == "impossible"


def test_a_system_of_an_overlay_is_later_than_the_built_in_ones(site):
    assert site.kms.ctl("plan", "--host-os", PRODUCT, "--key-group", "Office LTSC 2024 KMS host key",
                        "--client", "Office LTSC 2024 ProPlus=5").code == 0


def test_codes_and_events_of_an_overlay_are_explained(site):
    found = site.kms.ctl("explain", "SL_E_INVENTED", "--json").json["matches"][0]
    assert (found["code"], found["meaning"]) == ("0xC004F99A", "An invented error.")
    found = site.kms.ctl("explain", "0xC004F038", "--json").json["matches"][0]
    assert (found["name"], found["meaning"]) == ("SL_E_VL_NOT_ENOUGH_COUNT", "Ours.")
    assert site.kms.ctl("explain", "event", "42042", "--json").json["matches"][0]["name"] == "Invented"


def test_check_says_what_a_folder_or_a_file_would_add(site):
    said = site.lab.adbactl("catalog", "check", site.overlay, "--json").json
    assert (said["products_added"], said["products_replaced"], said["groups_added"],
            said["updates_added"], said["errors_added"], said["events_added"]) == (2, 0, 1, 2, 1, 1)
    assert "Good" in site.lab.adbactl("catalog", "check",
                                      os.path.join(site.overlay, "2031.event_ids.csv")).out


BAD = {
    "products.csv": ("product,edition,aliases,edition_aliases,family,n_policy,protocol,adba,kms_product\n"
                     "Windows 11,Pro,,,client,25,9,yes,Windows 11 Pro\n", ":2: protocol"),
    "x-client_setup_keys.csv": ("product,edition,key\n\nWindows 11,Pro,W269N\n", ":3: \"W269N\""),
    "x.host_key_groups.csv": ("csvlk_group,relation\n", ":1: the column \"product\" is missing"),
    "x.host_updates.csv": ("host_os,client_os,update\nWindows 99,Windows 11,KB12345\n", ":2: no product"),
    "error_codes.csv": ("code,name,remedy\n\"0xC0,a,b\n", ":2: field 1 opens a quote"),
    "colours.csv": ("a\n", ": no table is called so"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_overlay_is_named_with_file_and_line(lab, name):
    text, cause = BAD[name]
    folder = write(os.path.join(lab.folder, "bad"), {name: text})
    for path in (folder, os.path.join(folder, name)):
        said = lab.adbactl("catalog", "check", path, "--json", expect=INVALID)
        assert os.path.join(folder, name) + cause in said.err
        assert said.json["error"]


def test_adbad_does_not_start_with_a_bad_overlay(lab):
    name = "products.csv"
    folder = write(os.path.join(lab.folder, "bad"), {name: BAD[name][0]})
    daemon = lab.daemon(options={"catalog.dir": folder}, wait=False)
    daemon.launch()
    assert daemon.process.wait(timeout=30) == INVALID
    assert os.path.join(folder, name) + BAD[name][1] in daemon.log()


def test_a_folder_that_is_named_must_be_there(lab):
    assert lab.adbactl("catalog", "check", os.path.join(lab.folder, "none"), expect=NOT_FOUND).err


def test_files_are_read_in_the_order_of_their_names(lab):
    head = "code,name,remedy,meaning,advice\n"
    folder = write(os.path.join(lab.folder, "two"), {
        "10.error_codes.csv": head + "0xC004F042,,,First.,Do one.\n",
        "20.error_codes.csv": head + "0xC004F042,,,Second.,\n"})
    conf = os.path.join(lab.folder, "two.conf")
    write(lab.folder, {"two.conf": "[catalog]\ndir = two\n"})
    assert folder.endswith("/two")
    found = lab.adbactl("--config", conf, "explain", "F042", "--json").json["matches"][0]
    assert (found["meaning"], found["remedy"]) == ("Second.", "Do one.")

"""adbactl realm, hostkey and ao on a real directory."""
import os
import re
import subprocess

import pytest

from lab import CONTAINER

GROUP = "Volume License for Windows Server 2022"


@pytest.fixture
def host(lab_with_directory):
    host = lab_with_directory.daemon(wait=False)
    lab_with_directory.install_hostkey(host, GROUP)
    return host


def names(host):
    return sorted(o["name"] for o in host.ctl("ao", "list", "--json").json["activation_objects"])


def set_value(lab, name, attr, value):
    """By hand, as the lab's administrator."""
    subprocess.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", lab.directory_uri],
                   input=f"dn: CN={name},{CONTAINER}\nchangetype: modify\n"
                         f"replace: {attr}\n{attr}: {value}\n",
                   text=True, check=True, capture_output=True)


def test_an_object_is_created_listed_verified_and_deleted(host):
    host.ctl("clock", "freeze")
    assert names(host) == []
    assert "No objects found." in host.ctl("ao", "list").out
    made = host.ctl("ao", "create", "--group", GROUP.lower(), "--name", "Büro, Ost").out
    assert "Büro, Ost" in made and "good" in made
    host.ctl("ao", "create", "--group", GROUP)
    assert names(host) == ["Büro, Ost", GROUP]
    listed = host.ctl("ao", "list").out.splitlines()
    assert listed[0].split() == ["NAME", "VERDICT", "DAYS", "LEFT", "KEY", "GROUP", "KMS", "IDS"]
    assert all(re.search(r"  good +(729|730)  …[A-Z0-9]{5}  Volume", row) for row in listed[1:])
    report = host.ctl("ao", "verify", "--json").json
    assert report["good"] is True
    assert all(o["days_left"] in (729, 730) for o in report["activation_objects"])  # a second may have passed
    shown = host.ctl("ao", "show", "Büro, Ost", "--json").json
    assert shown["licence"]["object"] == "Büro, Ost"
    host.ctl("ao", "delete", shown["dn"], "--yes")
    assert names(host) == [GROUP]
    host.ctl("clock", "advance", "740d")
    (row,) = host.ctl("ao", "list", "--json").json["activation_objects"]
    assert (row["verdict"], row["days_left"]) == ("expired", -10) and "valid from" in row["why"]
    host.options["realm.bundle"] = "/nonexistent"
    host.write_conf()
    said = host.ctl("ao", "list")  # needs no realm
    assert "not judged: bundle /nonexistent" in said.err and re.search(r"  -  +-  …", said.out)


def test_deleting_is_not_done_unasked(host):
    host.ctl("ao", "create", "--group", GROUP, "--name", "Lab")
    refused = host.ctl("ao", "delete", "Lab", expect=5)
    assert "--yes" in refused.err
    assert names(host) == ["Lab"]


def test_without_a_host_key_the_remedy_is_named(lab_with_directory):
    host = lab_with_directory.daemon(wait=False)
    refused = host.ctl("ao", "create", "--group", GROUP, expect=4)
    assert "hostkey issue" in refused.err and "hostkey install" in refused.err


def test_a_name_over_forty_characters_shows_the_documented_code(host):
    host.ctl("ao", "create", "--group", GROUP, "--name", "ü" * 40)
    refused = host.ctl("ao", "create", "--group", GROUP, "--name", "ü" * 41, "--json", expect=7)
    assert "0xC004F082" in refused.err
    assert refused.json["code"] == "0xC004F082"
    assert names(host) == ["ü" * 40]


def test_a_tampered_object_is_named_with_exit_code_7(lab_with_directory, host):
    host.ctl("ao", "create", "--group", GROUP, "--name", "Good")
    host.ctl("ao", "create", "--group", GROUP, "--name", "Bad")
    set_value(lab_with_directory, "Bad", "msSPP-IssuanceLicense", "tampered")
    report = host.ctl("ao", "verify", expect=7)
    assert "Bad" in report.err and "0xC004F081" in report.err
    assert "Good" not in report.err
    host.ctl("ao", "verify", "Good")
    refused = host.ctl("ao", "delete", "Bad", "--yes", expect=5)
    assert "left alone" in refused.err
    assert names(host) == ["Bad", "Good"]


def test_another_realms_object_is_foreign_and_stays(lab_with_directory, host):
    lab = lab_with_directory
    host.ctl("ao", "create", "--group", GROUP, "--name", "Theirs")
    second = os.path.join(lab.folder, "second")
    lab.adbactl("realm", "init", "SECOND", second)
    other = lab.daemon("other", wait=False, options={"realm.dir": second})
    report = other.ctl("ao", "verify", "--json", expect=7).json
    assert report["activation_objects"][0]["verdict"] == "foreign"
    other.ctl("ao", "delete", "Theirs", "--yes", expect=5)
    assert names(host) == ["Theirs"]
    package = os.path.join(lab.folder, "x.hostkey")
    host.ctl("hostkey", "issue", "--group", GROUP, "--out", package)
    refused = other.ctl("hostkey", "install", package, expect=5)
    assert "not issued by this realm" in refused.err


@pytest.mark.parametrize("forest", ["corp.example", None])
def test_nothing_is_written_to_a_forest_that_is_not_configured(lab_with_directory, forest):
    lab = lab_with_directory
    host = lab.daemon(wait=False, options={"directory.lab_forest": forest})
    lab.install_hostkey(host, GROUP)
    refused = host.ctl("ao", "create", "--group", GROUP, "--name", "x", expect=5)
    assert "lab_forest" in refused.err
    assert names(host) == []  # reading goes on


def test_an_expired_object_is_renewed_by_creating_it_anew(lab_with_directory, host):
    host.ctl("ao", "create", "--group", GROUP, "--name", "Old")
    with open(lab_with_directory.clock, "w", encoding="ascii") as f:
        f.write(f"offset {731 * 86400}\n")
    report = host.ctl("ao", "verify", "--json", expect=7).json["activation_objects"]
    assert report[0]["verdict"] == "expired"
    host.ctl("ao", "delete", "Old", "--yes")
    host.ctl("ao", "create", "--group", GROUP, "--name", "Old")
    host.ctl("ao", "verify")


def test_a_loose_realm_folder_is_refused_with_the_remedy(lab):
    os.chmod(lab.realm, 0o750)
    refused = lab.adbactl("realm", "show", lab.realm, expect=5)
    assert f"chmod 0700 {lab.realm}" in refused.err


def test_an_unknown_group_names_the_nearest(host):
    refused = host.ctl("hostkey", "issue", "--group", "Volume Licence for Windows Server 2022",
                       expect=4)
    assert f'did you mean "{GROUP}"' in refused.err


def test_host_keys_are_listed_and_uninstalled(host):
    listed = host.ctl("hostkey", "list", "--json").json["host_keys"]
    assert [k["group"] for k in listed] == [GROUP]
    assert len(listed[0]["partial_key"]) == 5
    host.ctl("hostkey", "uninstall", GROUP)
    assert host.ctl("hostkey", "list", "--json").json["host_keys"] == []
    host.ctl("hostkey", "uninstall", GROUP, expect=4)


def test_the_key_groups_are_listed_and_an_unknown_one_is_told(host):
    groups = {g["group"]: g for g in host.ctl("hostkey", "groups", "--json").json["groups"]}
    assert groups[GROUP]["family"] == "server" and groups[GROUP]["kms_ids"] > 20
    assert all(name in host.ctl("hostkey", "groups").out for name in groups)
    said = host.ctl("hostkey", "issue", "--group", "Windows 12", expect=4)
    assert "adbactl hostkey groups" in said.err

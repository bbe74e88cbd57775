"""The steward on a lab directory: by hand (adbactl ao steward) and in the daemon."""
import re
import subprocess

import pytest

from lab import CONTAINER, wait_for

GROUP = "Volume License for Windows Server 2022"
CLIENTS = "Volume License for Windows 10"


def keeper(lab, name="kms", wait=True, **options):
    """A daemon with a steward and a host key of GROUP."""
    daemon = lab.daemon(name, wait=False, options={"adba.steward": "yes", **options})
    lab.install_hostkey(daemon, GROUP)
    return daemon.start() if wait else daemon


def ldif(lab, name):
    """An object as the directory holds it, its change times included."""
    return subprocess.run(["ldapsearch", "-Q", "-Y", "EXTERNAL", "-H", lab.directory_uri, "-LLL",
                           "-o", "ldif-wrap=no", "-s", "base", "-b", f"CN={name},{CONTAINER}", "*", "+"],
                          capture_output=True, text=True, check=False).stdout


def names(host):
    return sorted(o["name"] for o in host.ctl("ao", "list", "--json").json["activation_objects"])


def verdicts(host, **kw):
    report = host.ctl("ao", "verify", "--json", expect=None, **kw).json
    # A day that has begun does not count; the last second makes the difference right after signing.
    return {o["name"]: (o["verdict"], (o["days_left"] + 1) // 10 * 10) for o in report["activation_objects"]}


def actions(result):
    return [(a["action"], a["name"]) for a in result.json["actions"]]


# -- by hand --

def test_a_dry_run_says_what_would_be_done_and_does_nothing(lab_with_directory):
    host = keeper(lab_with_directory, wait=False)
    told = host.ctl("ao", "steward", "--dry-run", "--json")
    assert told.json["dry_run"] is True
    assert actions(told) == [("create", GROUP)]
    assert names(host) == []
    table = host.ctl("ao", "steward", "--dry-run").out
    assert "create" in table and "dry run" in table


def test_what_is_missing_is_created_and_then_left(lab_with_directory):
    host = keeper(lab_with_directory, wait=False)
    told = host.ctl("ao", "steward", "--json")
    assert actions(told) == [("create", GROUP)] and told.json["actions"][0]["done"] is True
    assert verdicts(host) == {GROUP: ("good", 730)}
    assert actions(host.ctl("ao", "steward", "--json")) == [("leave", GROUP)]


def test_a_wanted_group_without_a_key_is_named_with_the_remedy(lab_with_directory):
    host = keeper(lab_with_directory, wait=False, **{"adba.groups": f"{GROUP}, {CLIENTS}"})
    told = host.ctl("ao", "steward", expect=7)
    assert CLIENTS in told.err and "adbactl hostkey issue" in told.err
    assert names(host) == [GROUP]


def test_nothing_is_done_in_a_forest_that_is_not_configured(lab_with_directory):
    host = keeper(lab_with_directory, wait=False, **{"directory.lab_forest": "corp.example"})
    assert "lab_forest" in host.ctl("ao", "steward", expect=5).err


@pytest.mark.parametrize("dry", [True, False])
def test_prepare_finds_the_containers_of_the_lab(lab_with_directory, dry):
    host = lab_with_directory.daemon(wait=False)
    told = host.ctl("directory", "prepare", "--json", *(["--dry-run"] if dry else [])).json
    assert [c["state"] for c in told["containers"]] == ["there", "there"]


def test_prepare_makes_what_is_missing_once(lab_with_directory):
    lab = lab_with_directory
    host = lab.daemon(wait=False)
    subprocess.run(["ldapdelete", "-Q", "-Y", "EXTERNAL", "-H", lab.directory_uri, CONTAINER], check=True)

    def prepare(*options):
        return [c["state"] for c in host.ctl("directory", "prepare", "--json", *options).json["containers"]]

    assert prepare("--dry-run") == ["there", "missing"]
    assert prepare() == ["there", "created"]
    assert prepare() == ["there", "there"]


# -- in the daemon --

def test_a_deleted_object_comes_back(lab_with_directory):
    host = keeper(lab_with_directory)
    host.wait_log(f'steward: activation object "{GROUP}" created')
    host.ctl("ao", "delete", GROUP, "--yes")
    wait_for(lambda: names(host) == [GROUP], "the object is there again")
    assert verdicts(host) == {GROUP: ("good", 730)}


def test_without_being_asked_the_daemon_writes_nothing(lab_with_directory):
    lab = lab_with_directory
    host = lab.daemon(wait=False)
    lab.install_hostkey(host, GROUP)
    host.start()
    host.wait_log("directory .* is up")
    looks = host.status()["directory"]["check"]
    wait_for(lambda: host.status()["directory"]["check"] > looks + 1, "two more looks")
    assert names(host) == []


def test_a_licence_that_grows_old_is_renewed(lab_with_directory):
    host = keeper(lab_with_directory)
    host.wait_log("created")
    host.ctl("clock", "advance", "480d")
    wait_for(lambda: verdicts(host)[GROUP] == ("good", 250), "the clock has moved")
    host.ctl("clock", "advance", "7d")
    host.wait_log(f'"{GROUP}" signed anew: two thirds of its time')
    assert verdicts(host) == {GROUP: ("good", 730)}
    assert host.log().count("signed anew") == 1


def test_a_foreign_object_stays_as_it_is_byte_for_byte(lab_with_directory):
    lab = lab_with_directory
    lab.adbactl("realm", "init", "SECOND", f"{lab.folder}/second")
    other = lab.daemon("other", wait=False, options={"realm.dir": f"{lab.folder}/second"})
    lab.install_hostkey(other, GROUP)
    other.ctl("ao", "create", "--group", GROUP)
    before = ldif(lab, GROUP)
    assert "msSPP-IssuanceLicense" in before and "entryCSN" in before
    host = keeper(lab)
    host.wait_log(f'warn +steward: activation object "{GROUP}" can\'t be kept: the name is taken')
    host.ctl("clock", "advance", "800d")
    looks = host.status()["directory"]["check"]
    wait_for(lambda: host.status()["directory"]["check"] > looks + 1, "two more looks")
    assert ldif(lab, GROUP) == before
    assert host.log().count("the name is taken") == 1  # told when it began


def test_two_stewards_do_not_fight(lab_with_directory):
    lab = lab_with_directory
    hosts = [keeper(lab, "one"), keeper(lab, "two")]
    wait_for(lambda: verdicts(hosts[0]) == {GROUP: ("good", 730)}, "the object is there")
    hosts[0].ctl("clock", "advance", "490d")
    wait_for(lambda: verdicts(hosts[0]) == {GROUP: ("good", 730)}, "it was renewed")
    settled = ldif(lab, GROUP)
    for host in hosts:
        looks = host.status()["directory"]["check"]
        wait_for(lambda h=host, n=looks: h.status()["directory"]["check"] > n + 1, "two more looks")
    assert ldif(lab, GROUP) == settled
    logs = "".join(h.log() for h in hosts)
    assert logs.count("steward: activation object") == logs.count(" created: ") + logs.count("signed anew")
    assert (logs.count(" created: "), logs.count("signed anew")) == (1, 1)
    assert not any(re.search("warn +steward", h.log()) for h in hosts)

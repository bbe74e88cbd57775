"""The membership registry: the daemon beside the lab directory, seen through adbactl."""
import json
import os
import subprocess

import pytest

import procfs
from lab import wait_for

COMPUTERS = "CN=Computers,DC=lab,DC=example"


@pytest.fixture
def kms(lab_with_directory):
    """A daemon whose registry has read the directory once."""
    lab = lab_with_directory
    daemon = lab.daemon(options={"directory.sync_interval": "1h", "directory.timeout": "300s", "directory.retry": "1h"})
    wait_for(lambda: status(daemon)["state"] == "good", "first reading")
    return daemon


def status(daemon):
    return daemon.ctl("membership", "status", "--json").json


def sync(daemon, *options, **kw):
    return daemon.ctl("membership", "sync", *options, "--json", **kw).json


def show(daemon, name):
    return daemon.ctl("membership", "show", name, "--json", expect=None).json


def verdict(daemon, name):
    return show(daemon, name)["verdict"]


def machine(daemon, *argv):
    return daemon.ctl("machine", *argv, *(["--yes"] if argv[0] == "remove" else []), "--json").json


def start_again(daemon, options):
    assert daemon.stop() == 0
    daemon.options = options
    daemon.write_conf()
    daemon.start()


def ldap(lab, tool, *argv, text=None):
    """One of OpenLDAP's own tools, as the lab's administrator."""
    return subprocess.run([tool, "-Q", "-Y", "EXTERNAL", "-H", lab.directory_uri, *argv], check=True,
                          capture_output=True, text=True, input=text, timeout=60).stdout


def test_accounts_are_judged_by_name_dns_name_sid_and_guid(kms):
    machine(kms, "add", "PC01")
    machine(kms, "add", "PC02")
    machine(kms, "disable", "PC02")
    assert sync(kms)["last"]["entries"] == 2
    account = show(kms, "PC01")["account"]
    for name in ("PC01", "pc01$", "pc01.lab.example", account["sid"], account["guid"]):
        answer = show(kms, name)
        assert (answer["verdict"], answer["account"]["name"]) == ("member", "PC01")
    listed = {m["name"]: m for m in kms.ctl("machine", "list", "--json").json["machines"]}
    assert account["guid"] == listed["PC01"]["guid"] and account["sid"] == listed["PC01"]["sid"]
    assert account["domain"] == "lab.example"
    assert verdict(kms, "PC02") == "disabled"
    assert verdict(kms, "PC03") == "unknown-name"
    assert [kms.ctl("membership", "show", n, expect=None).code for n in ("PC01", "PC02", "PC03")] == \
        [0, 5, 4]


def test_lists_are_filtered_and_limited(kms, tmp_path):
    machine(kms, "add", "PC", "--count", "30", "--out-dir", str(tmp_path / "pw"))
    machine(kms, "disable", "PC007")
    sync(kms)

    def names(*options):
        return sorted(a["name"] for a in kms.ctl("membership", "list", "--json", *options).json)

    assert names() == [f"PC{i:03}" for i in range(1, 31)]
    assert names("--disabled") == ["PC007"]
    assert len(names("--enabled")) == 29
    assert names("--match", "c00") == [f"PC{i:03}" for i in range(1, 10)]
    assert len(names("--limit", "4")) == 4


def test_only_what_changed_is_read(kms, tmp_path):
    machine(kms, "add", "PC", "--count", "20", "--out-dir", str(tmp_path / "pw"))
    assert sync(kms)["last"]["entries"] == 20
    assert sync(kms)["last"]["entries"] == 0
    for name in ("PC003", "PC004", "PC005"):
        machine(kms, "disable", name)
    last = sync(kms)["last"]
    assert (last["how"], last["entries"]) == ("changes", 3)
    assert status(kms)["disabled"] == 3
    last = sync(kms, "--full")["last"]
    assert (last["how"], last["entries"], last["removed"]) == ("full", 20, 0)


@pytest.mark.parametrize("restart", [False, True], ids=["told", "slapd-restarted"])
def test_deleted_accounts_are_gone(kms, restart):
    """slapd remembers what was deleted; restarted, it only knows what is still there."""
    for name in ("PC01", "PC02", "PC03"):
        machine(kms, "add", name)
    sync(kms)
    machine(kms, "remove", "PC02")
    if restart:
        kms.lab.directory_down()
        kms.lab.directory_up()
    last = sync(kms)["last"]
    assert (last["how"], last["entries"], last["removed"]) == ("changes", 0, 1)
    assert [verdict(kms, n) for n in ("PC01", "PC02", "PC03")] == ["member", "unknown-name", "member"]


def test_an_account_made_again_is_another(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    before = show(kms, "PC01")["account"]
    machine(kms, "remove", "PC01")
    machine(kms, "add", "PC01")
    sync(kms)
    after = show(kms, "PC01")
    assert after["verdict"] == "member" and after["matches"] == 1
    assert after["account"]["guid"] != before["guid"] and after["account"]["sid"] != before["sid"]


def test_renamed_and_moved_accounts_keep_their_identity(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    guid = show(kms, "PC01")["account"]["guid"]
    ldap(kms.lab, "ldapmodify", text=f"dn: CN=PC01,{COMPUTERS}\nchangetype: modify\n"
         "replace: sAMAccountName\nsAMAccountName: DESK1$\n-\n"
         "replace: dNSHostName\ndNSHostName: desk1.lab.example\n")
    ldap(kms.lab, "ldapmodrdn", "-r", "-s", "CN=Users,DC=lab,DC=example", f"CN=PC01,{COMPUTERS}",
         "CN=DESK1")
    sync(kms)
    answer = show(kms, "DESK1")
    assert answer["verdict"] == "member" and answer["account"]["guid"] == guid
    assert answer["account"]["dn"].lower() == "cn=desk1,cn=users,dc=lab,dc=example"
    assert verdict(kms, "PC01") == verdict(kms, "pc01.lab.example") == "unknown-name"


def test_an_account_that_leaves_the_search_base_is_gone(lab_with_directory):
    daemon = lab_with_directory.daemon(options={"directory.search_base": COMPUTERS,
                                                "directory.sync_interval": "1h"})
    machine(daemon, "add", "PC01")
    sync(daemon)
    assert verdict(daemon, "PC01") == "member"
    ldap(daemon.lab, "ldapmodrdn", "-r", "-s", "CN=Users,DC=lab,DC=example", f"CN=PC01,{COMPUTERS}",
         "CN=PC01")
    sync(daemon, "--compare")
    assert verdict(daemon, "PC01") == "unknown-name"


def test_two_accounts_of_one_name_are_taken_for_nobody(kms):
    machine(kms, "add", "PC01")
    machine(kms, "add", "PC02")
    ldap(kms.lab, "ldapmodify", text=f"dn: CN=PC02,{COMPUTERS}\nchangetype: modify\n"
         "replace: dNSHostName\ndNSHostName: pc01.lab.example\n")
    sync(kms)
    answer = show(kms, "PC01.lab.example")
    assert (answer["verdict"], answer["matches"]) == ("unknown-name", 2)
    assert "2 computer accounts share" in answer["why"]


def test_changes_are_read_without_being_asked(lab_with_directory):
    daemon = lab_with_directory.daemon(options={"directory.sync_interval": "1s"})
    machine(daemon, "add", "PC01")
    wait_for(lambda: verdict(daemon, "PC01") == "member", "the account is known")


def test_the_registry_survives_a_restart_without_the_directory(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    wait_for(lambda: status(kms)["saved"], "saved")
    kms.lab.directory_down()
    kms.kill()
    kms.start()
    assert verdict(kms, "PC01") == "member"
    assert kms.wait_log(r"membership: 1 computer account, as they were at")
    kms.wait_log(r"computer accounts could not be read: .*; what was read before holds for 7 d")
    result = kms.ctl("membership", "sync", expect=6)
    assert "directory" in result.err
    assert status(kms)["failed"] >= 1
    machine_lines = status(kms)
    assert machine_lines["state"] == "good" and machine_lines["why"]
    kms.lab.directory_up()
    machine(kms, "add", "PC02")
    last = sync(kms)["last"]
    assert (last["how"], last["entries"]) == ("changes", 1)
    assert verdict(kms, "PC02") == "member"
    kms.wait_log("computer accounts can be read again")


@pytest.mark.parametrize("key, value", [("uri", "ldapi://%2Fnowhere"), ("search_base", "OU=Nowhere,DC=lab,DC=example")])
def test_a_restart_does_not_bring_back_accounts_of_elsewhere(kms, key, value):
    """Neither of the directory before, nor of the part of it that was read before."""
    machine(kms, "add", "PC01")
    sync(kms)
    wait_for(lambda: status(kms)["saved"], "saved")
    before = dict(kms.options)
    kms.lab.directory_down()
    start_again(kms, {**before, f"directory.{key}": value})
    kms.wait_log("1 computer account is saved, not known to be of this directory and search_base")
    wait_for(lambda: status(kms)["failed"], "it was asked")
    assert status(kms)["state"] == "never" and verdict(kms, "PC01") == "stale"
    start_again(kms, before)
    assert verdict(kms, "PC01") == "member"  # nothing was read in between


def test_accounts_of_elsewhere_are_gone_once_the_directory_was_read(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    wait_for(lambda: status(kms)["saved"], "saved")
    start_again(kms, {**kms.options, "directory.search_base": "CN=Configuration,DC=lab,DC=example"})
    wait_for(lambda: status(kms)["saved"] and status(kms)["state"] == "good", "read and saved")
    assert status(kms)["last"]["how"] == "full" and verdict(kms, "PC01") == "unknown-name"
    kms.lab.directory_down()
    start_again(kms, kms.options)
    assert status(kms)["state"] == "good" and verdict(kms, "PC01") == "unknown-name"


def test_verdicts_go_stale_after_max_stale_and_come_back(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    kms.lab.directory_down()
    kms.ctl("clock", "freeze")
    now = status(kms)["age"]
    kms.ctl("clock", "advance", f"{7 * 86400 - now}s")
    assert verdict(kms, "PC01") == "member"
    kms.ctl("clock", "advance", "1s")
    answer = show(kms, "PC01")
    assert answer["verdict"] == "stale" and "longer than max_stale 7 d" in answer["why"]
    assert verdict(kms, "NOBODY") == "stale"
    assert status(kms)["state"] == "stale"
    assert kms.ctl("membership", "show", "PC01", expect=6).out.startswith("Verdict:")
    kms.lab.directory_up()
    sync(kms)
    assert verdict(kms, "PC01") == "member"


def test_another_directory_at_the_same_address_is_read_anew(kms):
    machine(kms, "add", "PC01")
    sync(kms)
    kms.lab.directory_down()
    os.rename(kms.lab.directory, kms.lab.directory + ".old")
    kms.lab.directory_up()
    machine(kms, "add", "PC02")
    last = sync(kms)["last"]
    assert last["how"] == "full" and "another directory" in last["why_full"]
    assert [verdict(kms, n) for n in ("PC01", "PC02")] == ["unknown-name", "member"]


def test_a_frozen_directory_holds_up_nothing(kms):
    """The reading waits for its deadline; questions meanwhile are answered from memory."""
    machine(kms, "add", "PC01")
    sync(kms)
    with procfs.stopped(kms.lab.directory_pid()):
        reading = subprocess.Popen([kms.lab.program("adbactl"), "--config", kms.conf, "membership",
                                    "sync"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        before = status(kms)["failed"]
        for _ in range(50):
            assert verdict(kms, "PC01") == "member"
        assert reading.poll() is None and status(kms)["failed"] == before
    reading.communicate(timeout=30)
    assert reading.returncode in (0, 6)


def test_what_cannot_begin_has_failed_and_says_why(kms):
    """Of descriptors there are none for a job's socket: nobody is left to wait, or is shown what is old as new."""
    with kms.connect() as s, s.makefile("rw") as f:
        def ask(cmd):
            f.write(json.dumps({"cmd": cmd}) + "\n")
            f.flush()
            return json.loads(f.readline())

        looks = ask("kms.directory-check")["check"]
        wait_for(lambda: ask("kms.status")["status"]["directory"]["check"] >= looks, "no look is under way")
        with procfs.without_more_descriptors(kms.process.pid):
            look, reading = ask("kms.directory-check")["check"], ask("membership.sync")["sync"]
        directory = ask("kms.status")["status"]["directory"]
    assert look > looks and directory["check"] >= look and directory["state"] == "down"
    assert "Too many open files" in directory["why"]
    assert status(kms)["sync"] >= reading and status(kms)["failed"] == 1
    kms.wait_log("directory .* is not usable: make a socket for a job of the steward: Too many open files")
    kms.wait_log("computer accounts could not be read: make a socket for a job of the steward: Too many open files")
    sync(kms)
    assert status(kms)["state"] == "good"


def test_without_a_directory_the_commands_say_so(lab):
    daemon = lab.daemon()
    for verb in (["status"], ["show", "PC01"], ["list"], ["sync"]):
        assert "no directory is configured" in daemon.ctl("membership", *verb, expect=3).err

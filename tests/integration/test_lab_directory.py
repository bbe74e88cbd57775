"""adbactl lab and adbactl machine, seen by OpenLDAP's own tools."""
import base64
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

import procfs
from lab import Lab, free_port, wait_for

SUFFIX = "DC=lab,DC=example"
OBJECTS = f"CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,{SUFFIX}"
INSUFFICIENT_ACCESS, INVALID_CREDENTIALS, NO_SUCH_OBJECT = 50, 49, 32

OBJECT = f"""dn: CN=one,{OBJECTS}
objectClass: msSPP-ActivationObject
displayName: one
msSPP-KMSIds:: {base64.b64encode(bytes(range(16))).decode()}
msSPP-CSVLKSkuId:: {base64.b64encode(bytes(16)).decode()}
msSPP-CSVLKPartialProductKey: ABCDE
msSPP-CSVLKPid: 00000-00000
"""


@pytest.fixture
def place():
    """A folder for labs, without a realm."""
    with Lab(realm=None) as fresh:
        yield fresh


@pytest.fixture
def up(place):
    place.directory_up()
    return place


def conf(lab):
    return os.path.join(lab.directory, "adbad.conf")


def ctl(lab, *argv, **kw):
    return lab.adbactl("--config", conf(lab), *argv, **kw)


def pid_of(lab):
    return lab.adbactl("lab", "status", lab.directory, "--json").json["pid"]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


def ldap(lab, tool, *argv, user=None, password=None, uri=None, stdin=None):
    """One of OpenLDAP's tools; user None: the lab's administrator, "": nobody."""
    who = (["-Y", "EXTERNAL"] if user is None else ["-x"] if user == "" else
           ["-Y", "SCRAM-SHA-256", "-U", user, "-w", password])
    return subprocess.run([tool, "-Q", *who, "-H", uri or lab.directory_uri, *argv]
                          if user != "" else [tool, *who, "-H", lab.directory_uri, *argv],
                          capture_output=True, text=True, check=False, timeout=60, input=stdin)


def add_machine(lab, name):
    path = os.path.join(lab.folder, name + ".password")
    ctl(lab, "machine", "add", name, "--password-file", path)
    return {"user": name + "$", "password": read(path)}


def service(lab):
    return {"user": "adbad", "password": read(os.path.join(lab.directory, "service.password"))}


# -- up, status, down --

def test_a_lab_runs_until_it_is_taken_down(place):
    first = place.directory_up("--json").json
    assert first["running"] and not first["was_running"] and not first["ad_ds"]
    assert alive(first["pid"])
    place.directory_down()
    assert not alive(first["pid"])
    status = place.adbactl("lab", "status", place.directory, "--json", expect=6).json
    assert status["running"] is False and "pid" not in status


def test_a_second_up_changes_nothing(up):
    pid = pid_of(up)
    again = up.directory_up("--json").json
    assert again["was_running"] and again["pid"] == pid


def test_a_second_down_says_that_it_was_not_running(up):
    up.directory_down()
    assert "was not running" in up.directory_down().out


def test_up_completes_what_an_interrupted_up_left(up):
    objects = f"CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,{SUFFIX}"
    assert ldap(up, "ldapdelete", objects).returncode == 0
    assert ldap(up, "ldapdelete", f"CN=adbad,CN=Users,{SUFFIX}").returncode == 0
    assert up.directory_up("--json").json["was_running"]
    assert ldap(up, "ldapsearch", "-b", objects, "-s", "base", **service(up)).returncode == 0


def test_data_survive_down_and_up(up):
    machine = add_machine(up, "PC01")
    up.directory_down()
    up.directory_up()
    assert ldap(up, "ldapwhoami", **machine).returncode == 0


def test_the_configuration_it_writes_is_good_and_complete(up):
    ctl(up, "conf", "check")
    up.adbactl("realm", "init", "LAB", os.path.join(up.directory, "realm"))
    assert ctl(up, "realm", "show").out
    assert ctl(up, "machine", "list", "--json").json == {"machines": []}


def test_a_changed_configuration_is_kept(up):
    with open(conf(up), "a", encoding="utf-8") as f:
        f.write("\n[log]\nlevel = debug\n")
    up.directory_down()
    up.directory_up()
    assert read(conf(up)).endswith("level = debug")


def test_the_folder_and_its_secrets_are_private(up):
    assert stat.S_IMODE(os.stat(up.directory).st_mode) == 0o700
    for name in ("service.password", "slapd.conf", "adbad.conf", "slapd.log"):
        assert stat.S_IMODE(os.stat(os.path.join(up.directory, name)).st_mode) == 0o600, name


def test_kms_port_and_domain_go_into_the_configuration(place):
    place.directory_up("--domain", "Corp.Test.Example", "--kms-port", "1700")
    text = read(conf(place))
    assert "listen = 127.0.0.1:1700" in text
    assert "lab_forest = corp.test.example" in text
    root = ldap(place, "ldapsearch", "-LLL", "-b", "", "-s", "base", "rootDomainNamingContext", user="")
    assert "rootDomainNamingContext: DC=corp,DC=test,DC=example" in root.stdout
    assert ctl(place, "machine", "add", "PC01").code == 0


def test_a_lab_keeps_its_domain(up):
    refused = up.adbactl("lab", "up", up.directory, "--domain", "other.example", expect=9)
    assert "--domain" in refused.err


@pytest.mark.parametrize("domain", ["lab", "", "lab..example", "-lab.example", "lab.example,DC=x", "l@b.example"])
def test_a_bad_domain_is_refused(place, domain):
    refused = place.adbactl("lab", "up", os.path.join(place.folder, "d"), "--domain", domain, expect=2)
    assert "lab.example" in refused.err


def test_a_folder_that_holds_something_else_is_left_alone(place):
    folder = os.path.join(place.folder, "mine")
    os.mkdir(folder, 0o700)
    with open(os.path.join(folder, "letter"), "w", encoding="utf-8") as f:
        f.write("dear")
    for verb in ("up", "down", "status"):
        refused = place.adbactl("lab", verb, folder, expect=5 if verb == "up" else 4)
        assert "no lab folder" in refused.err
        assert os.listdir(folder) == ["letter"]


def test_a_folder_that_others_can_enter_is_refused_with_the_remedy(place):
    folder = os.path.join(place.folder, "open")
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    refused = place.adbactl("lab", "up", folder, expect=5)
    assert f"chmod 0700 {folder}" in refused.err
    assert os.listdir(folder) == []


def test_a_folder_whose_sockets_would_have_too_long_names_is_refused(place):
    folder = os.path.join(place.folder, "x" * (108 - len(place.folder)))
    refused = place.adbactl("lab", "up", folder, expect=7)
    assert "107" in refused.err and "shorter" in refused.err
    assert not os.path.exists(folder)


def test_blanks_and_signs_in_the_folder_name_do_no_harm(place):
    place.directory = os.path.join(place.folder, "a lab; #1 100% (here)")
    place.adbactl("lab", "up", place.directory)
    assert ctl(place, "machine", "add", "PC01").code == 0


def test_a_quote_in_the_folder_name_is_refused(place):
    folder = os.path.join(place.folder, 'a"b')
    refused = place.adbactl("lab", "up", folder, expect=5)
    assert "quote" in refused.err
    assert not os.path.exists(folder)


def test_the_proposed_commands_work_in_a_shell(place):
    place.directory = os.path.join(place.folder, "it's a lab")
    said = place.adbactl("lab", "up", place.directory).out
    command = next(line for line in said.splitlines() if "realm init" in line)
    env = {**os.environ, "PATH": f"{place.bin}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=60, env=env)
    assert os.path.exists(os.path.join(place.directory, "realm", "client.bundle"))


# -- ports --

def test_it_listens_on_a_loopback_port_when_asked(place):
    port = free_port()
    place.directory_up("--ldap-port", port)
    machine = add_machine(place, "PC01")
    who = ldap(place, "ldapwhoami", **machine, uri=f"ldap://127.0.0.1:{port}")
    assert who.stdout.strip().lower() == f"dn:cn=pc01,cn=computers,{SUFFIX}".lower()


def test_a_port_in_use_is_named_and_nothing_runs(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        place.directory = os.path.join(place.folder, "directory")
        refused = place.adbactl("lab", "up", place.directory, "--ldap-port", port, expect=9)
        assert str(port) in refused.err and "--ldap-port" in refused.err
        place.adbactl("lab", "status", place.directory, expect=6)
    place.directory_up()


# -- the process --

def test_after_a_crash_the_stale_pid_file_is_seen_through(up):
    machine = add_machine(up, "PC01")
    pid = pid_of(up)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "slapd ends")
    assert os.path.exists(os.path.join(up.directory, "slapd.pid"))
    up.adbactl("lab", "status", up.directory, expect=6)
    up.directory_up()
    assert ldap(up, "ldapwhoami", **machine).returncode == 0


@pytest.fixture
def bystander():
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_pid_file_that_names_another_process_harms_nobody(up, bystander):
    pid = pid_of(up)
    path = os.path.join(up.directory, "slapd.pid")
    kept = read(path)
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{bystander.pid}\n")
    refused = up.adbactl("lab", "down", up.directory, expect=9)
    assert "fuser" in refused.err
    assert alive(pid) and bystander.poll() is None
    with open(path, "w", encoding="ascii") as f:
        f.write(kept + "\n")
    up.directory_down()


def test_a_stale_pid_file_that_names_another_process_harms_nobody(up, bystander):
    up.directory_down()
    with open(os.path.join(up.directory, "slapd.pid"), "w", encoding="ascii") as f:
        f.write(f"{bystander.pid}\n")
    assert "was not running" in up.directory_down().out
    assert bystander.poll() is None


def test_slapd_that_cannot_start_is_explained_by_its_log(up):
    up.directory_down()
    db = os.path.join(up.directory, "db")
    for name in os.listdir(db):
        with open(os.path.join(db, name), "wb") as f:
            f.write(b"not a database" * 1000)
    failed = up.adbactl("lab", "up", up.directory, expect=1)
    assert "slapd.log says" in failed.err
    up.adbactl("lab", "status", up.directory, expect=6)


# -- who may do what --

def test_a_machine_reads_activation_objects_and_writes_none(up):
    assert ldap(up, "ldapadd", **service(up), stdin=OBJECT).returncode == 0
    machine = add_machine(up, "PC01")
    found = ldap(up, "ldapsearch", "-LLL", "-b", OBJECTS,
                 r"(msSPP-KMSIds=\00\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f)", "displayName", **machine)
    assert "displayName: one" in found.stdout
    other = OBJECT.replace("CN=one", "CN=two")
    assert ldap(up, "ldapadd", **machine, stdin=other).returncode == INSUFFICIENT_ACCESS
    change = f"dn: CN=one,{OBJECTS}\nchangetype: modify\nreplace: displayName\ndisplayName: mine\n"
    assert ldap(up, "ldapmodify", **machine, stdin=change).returncode == INSUFFICIENT_ACCESS
    assert ldap(up, "ldapdelete", f"CN=one,{OBJECTS}", **machine).returncode == INSUFFICIENT_ACCESS


def test_a_machine_sees_itself_but_no_other(up):
    machine = add_machine(up, "PC01")
    add_machine(up, "PC02")
    found = ldap(up, "ldapsearch", "-LLL", "-b", f"CN=Computers,{SUFFIX}", "(objectClass=computer)", "cn",
                 **machine)
    assert re.findall(r"^cn: (.*)$", found.stdout, flags=re.M) == ["PC01"]


def test_a_machine_cannot_enable_or_rename_itself(up):
    machine = add_machine(up, "PC01")
    change = (f"dn: CN=PC01,CN=Computers,{SUFFIX}\nchangetype: modify\nreplace: sAMAccountName\n"
              "sAMAccountName: adbad\n")
    assert ldap(up, "ldapmodify", **machine, stdin=change).returncode == INSUFFICIENT_ACCESS


def test_nobody_reads_passwords(up):
    machine = add_machine(up, "PC01")
    for who in (machine, service(up)):
        found = ldap(up, "ldapsearch", "-LLL", "-b", SUFFIX, "(objectClass=user)", "userPassword", **who)
        assert found.returncode == 0 and "userPassword" not in found.stdout


def test_who_has_not_logged_in_sees_the_root_alone(up):
    root = ldap(up, "ldapsearch", "-LLL", "-b", "", "-s", "base", "+", "*", user="")
    assert "adbadLabDirectory:" in root.stdout
    assert "1.2.840.113556.1.4.800" not in root.stdout
    found = ldap(up, "ldapsearch", "-LLL", "-b", SUFFIX, user="")
    assert found.returncode in (INSUFFICIENT_ACCESS, NO_SUCH_OBJECT) and found.stdout == ""


def test_the_service_cannot_change_the_schema_or_the_domain(up):
    change = f"dn: CN=Schema,CN=Configuration,{SUFFIX}\nchangetype: modify\nreplace: objectVersion\nobjectVersion: 1\n"
    assert ldap(up, "ldapmodify", **service(up), stdin=change).returncode == INSUFFICIENT_ACCESS


# -- machines --

def test_a_disabled_machine_cannot_log_in_until_it_is_enabled(up):
    machine = add_machine(up, "PC01")
    assert ldap(up, "ldapwhoami", **machine).returncode == 0
    ctl(up, "machine", "disable", "PC01")
    refused = ldap(up, "ldapwhoami", **machine)
    assert refused.returncode == INVALID_CREDENTIALS
    assert ctl(up, "machine", "list", "--json").json["machines"][0]["enabled"] is False
    assert "was already" in ctl(up, "machine", "disable", "PC01").out
    ctl(up, "machine", "enable", "pc01")
    assert ldap(up, "ldapwhoami", **machine).returncode == 0


def test_a_machine_account_looks_as_in_active_directory(up):
    add_machine(up, "PC01")
    add_machine(up, "PC02")
    first, second = ctl(up, "machine", "list", "--json").json["machines"]
    assert first["name"] == "PC01" and first["dns_host_name"] == "pc01.lab.example"
    domain, rid = first["sid"].rsplit("-", 1)
    assert re.fullmatch(r"S-1-5-21-\d+-\d+-\d+", domain) and rid == "1000"
    assert second["sid"] == f"{domain}-1001"
    assert first["guid"] != second["guid"]
    entry = ldap(up, "ldapsearch", "-LLL", "-b", first["dn"], "*")
    assert "sAMAccountName: PC01$" in entry.stdout and "userAccountControl: 4096" in entry.stdout


def test_many_machines_at_once(up):
    out = os.path.join(up.folder, "passwords")
    ctl(up, "machine", "add", "WS", "--count", "30", "--out-dir", out)
    assert sorted(os.listdir(out)) == [f"WS{i:03d}.password" for i in range(1, 31)]
    password = read(os.path.join(out, "WS030.password"))
    assert ldap(up, "ldapwhoami", user="WS030$", password=password).returncode == 0
    machines = ctl(up, "machine", "list", "--json").json["machines"]
    assert len({m["sid"] for m in machines}) == 30


def test_two_commands_at_once_give_no_relative_identifier_twice(up):
    argv = [up.program("adbactl"), "--config", conf(up), "machine", "add"]
    both = [subprocess.Popen(argv + [prefix, "--count", "20", "--out-dir", os.path.join(up.folder, prefix)],
                             stdout=subprocess.DEVNULL) for prefix in ("A", "B")]
    assert [p.wait(timeout=60) for p in both] == [0, 0]
    machines = ctl(up, "machine", "list", "--json").json["machines"]
    assert len({m["sid"] for m in machines}) == 40


def test_a_removed_machine_is_gone(up):
    machine = add_machine(up, "PC01")
    assert ctl(up, "machine", "remove", "PC01", expect=5).err  # not without --yes
    ctl(up, "machine", "remove", "PC01", "--yes")
    assert ldap(up, "ldapwhoami", **machine).returncode == INVALID_CREDENTIALS
    ctl(up, "machine", "remove", "PC01", "--yes", expect=4)
    ctl(up, "machine", "disable", "PC01", expect=4)


def test_a_machine_that_exists_is_not_made_again(up):
    machine = add_machine(up, "PC01")
    path = os.path.join(up.folder, "again")
    refused = ctl(up, "machine", "add", "pc01", "--password-file", path, expect=9)
    assert "pc01 exists already" in refused.err
    assert not os.path.exists(path)
    assert ldap(up, "ldapwhoami", **machine).returncode == 0


def test_a_password_file_is_never_overwritten(up):
    path = os.path.join(up.folder, "PC01.password")
    with open(path, "w", encoding="ascii") as f:
        f.write("mine\n")
    ctl(up, "machine", "add", "PC01", "--password-file", path, expect=9)
    assert read(path) == "mine"
    assert ctl(up, "machine", "list", "--json").json["machines"] == []


def test_a_password_file_is_private(up):
    add_machine(up, "PC01")
    assert stat.S_IMODE(os.stat(os.path.join(up.folder, "PC01.password")).st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "PC 01", "PC01$", "1234", "-PC", "NAMEISTOOLONG123", "PC,CN=x", "*"])
def test_a_name_that_is_none_is_refused(up, name):
    assert "15 letters" in ctl(up, "machine", "add", "--", name, expect=2).err


# -- when things are wrong --

def with_option(lab, old, new):
    path = os.path.join(lab.directory, "other.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(old, new, read(conf(lab)), flags=re.M))
    return path


def test_a_wrong_password_is_refused_as_such(up):
    path = os.path.join(up.folder, "wrong")
    with open(path, "w", encoding="ascii") as f:
        f.write("wrong\n")
    os.chmod(path, 0o600)
    other = with_option(up, r"^password_file = .*$", f"password_file = {path}")
    refused = up.adbactl("--config", other, "machine", "list", expect=5)
    assert "log in as adbad" in refused.err and "password is wrong" in refused.err


def test_a_stopped_directory_is_unreachable(up):
    up.directory_down()
    refused = ctl(up, "machine", "list", expect=6)
    assert "is the directory running?" in refused.err


def test_a_frozen_directory_is_given_up_after_the_timeout(up):
    other = with_option(up, r"^\[directory\]$", "[directory]\ntimeout = 1s")
    pid = pid_of(up)
    procfs.stop(pid)
    try:
        refused = up.adbactl("--config", other, "machine", "list", expect=6)
        assert "no answer within 1.0 s" in refused.err
    finally:
        os.kill(pid, signal.SIGCONT)
    assert up.adbactl("--config", other, "machine", "list").code == 0


@pytest.mark.parametrize("forest, says", [("lab_forest = corp.example", "lab_forest"), ("", "set lab_forest")])
def test_another_forest_is_read_but_not_written(up, forest, says):
    other = with_option(up, r"^lab_forest = .*$", forest)
    assert up.adbactl("--config", other, "machine", "list").code == 0
    refused = up.adbactl("--config", other, "machine", "add", "PC01", expect=5)
    assert says in refused.err
    assert ctl(up, "machine", "list", "--json").json["machines"] == []


def test_settings_of_ldap_tools_are_not_even_opened(up):
    os.mkfifo(os.path.join(up.folder, ".ldaprc"))  # opening it would wait for ever
    env = {"HOME": up.folder, "LDAPCONF": os.path.join(up.folder, ".ldaprc")}
    assert ctl(up, "machine", "list", env=env).code == 0

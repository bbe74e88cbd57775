"""adbactl lab up --samba: a domain for people to play in, seen by other people's tools."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

import netns
from lab import BIN, wait_for
from sambalab import shell_examples

ADBACTL = os.path.join(BIN, "adbactl")
SERVICES = "CN=Services,CN=Configuration,DC=lab,DC=example"
CONTAINER = f"CN=Activation Objects,CN=Microsoft SPP,{SERVICES}"
NOT_RUNNING, REFUSED, CONFLICT = 6, 5, 9


def ctl(*argv, expect=0, prefix=(), **kw):
    done = subprocess.run([*prefix, ADBACTL, *argv], capture_output=True, text=True, check=False, timeout=240, **kw)
    assert expect is None or done.returncode == expect, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def entry_of(sddl):
    """An entry of SDDL, its rights in no order: servers write them in another than people."""
    kind, flags, rights, *rest = sddl.strip("()").split(";")
    return kind, flags, frozenset(re.findall("..", rights)), *rest


class Domain:
    """A lab that was broken off while it was made, taken down and made again."""

    def __init__(self, folder):
        self.folder = folder
        up = subprocess.Popen([ADBACTL, "lab", "up", "--samba", folder], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        with up:
            try:
                wait_for(lambda: os.path.exists(f"{folder}/dc1.new/lib/private"), "provisioning begins")
            finally:
                up.kill()
        self.left_by_kill = netns.processes_of(folder)
        self.down()
        self.left_by_down = netns.processes_of(folder)
        self.talk = self.up().stderr

    def up(self):
        return ctl("lab", "up", "--samba", "--json", self.folder)

    def down(self, **kw):
        return ctl("lab", "down", self.folder, **kw)

    def status(self, expect=0):
        return json.loads(ctl("lab", "status", "--json", self.folder, expect=expect).stdout)

    def run(self, *argv, **kw):
        return ctl("lab", "run", self.folder, *argv, **kw)

    def path(self, name):
        return os.path.join(self.folder, name)

    def kinit(self):
        with open(self.path("administrator"), encoding="utf-8") as password:
            self.run("kinit", "Administrator", stdin=password)

    def search(self, base, *words, **kw):
        return self.run("ldapsearch", "-Q", "-N", "-Y", "GSSAPI", "-LLL", "-H", "ldap://dc1.lab.example", "-s", "base",
                        "-o", "ldif-wrap=no", "-b", base, *words, **kw).stdout


@pytest.fixture(scope="module", name="domain")
def fixture_domain():
    folder = tempfile.mkdtemp(prefix="adbad-lab-")
    try:
        yield Domain(folder)
    finally:
        if os.path.exists(os.path.join(folder, "lab.json")):
            ctl("lab", "down", folder)
        shutil.rmtree(folder)


def test_a_broken_off_up_is_ended_by_down_and_completed_by_the_next(domain):
    assert domain.left_by_kill
    assert domain.left_by_down == []
    assert "making the domain lab.example" in domain.talk
    assert not os.path.exists(domain.path("dc1.new"))


def test_kerberos_ldap_and_tls_work_inside_and_leave_no_trace_outside(domain):
    outside = [os.path.exists(p) for p in ("/etc/krb5.conf", "/tmp/krb5cc_0")]
    domain.kinit()
    assert "dn: DC=lab,DC=example" in domain.search("DC=lab,DC=example", "dn")
    tls = domain.run("ldapsearch", "-x", "-ZZ", "-LLL", "-H", "ldap://dc1.lab.example", "-s", "base", "-b", "",
                     "dnsHostName").stdout
    assert "dnsHostName: dc1.lab.example" in tls
    assert os.path.exists(domain.path("tickets-0"))
    assert [os.path.exists(p) for p in ("/etc/krb5.conf", "/tmp/krb5cc_0")] == outside


def test_the_service_account_has_the_documented_delegation(domain):
    domain.run("sh", "-c", 'KRB5CCNAME=MEMORY: kinit -k -t "$1" svc-adbad', "sh", domain.path("service.keytab"))
    domain.kinit()
    sid = re.search(r"^objectSid: (S-\S+)", domain.run(
        "samba-tool", "user", "show", "svc-adbad", "--attributes=objectSid", "-H", "ldap://dc1.lab.example",
        "--use-kerberos=required").stdout, re.M).group(1)
    described = domain.run("samba-tool", "dsacl", "get", f"--objectdn={CONTAINER}", "-H", "ldap://dc1.lab.example",
                           "--use-kerberos=required").stdout
    text = "".join(shell_examples("Once, as an administrator: the containers") + shell_examples("The service account"))
    entries = re.findall(r"\(O?A;[^)]*\)", text.replace("$sid", sid))
    present = [entry_of(e) for e in re.findall(r"\(O?A;[^)]*\)", described)]
    assert len(entries) == 4
    assert [e for e in entries if entry_of(e) not in present] == []
    assert [e for e in present if e[-1] == sid] == [entry_of(entries[-1])]


def test_the_written_configuration_serves_the_programs_as_the_service_account(domain):
    domain.run(ADBACTL, "realm", "init", "LAB", domain.path("realm"))
    checks = {c["check"]: c["state"] for c in json.loads(domain.run(ADBACTL, "directory", "check", "--json").stdout)["checks"]}
    assert [name for name, state in checks.items() if state == "failed"] == []
    assert (checks["login"], checks["create"], checks["container-read"]) == ("ok", "ok", "ok")


def test_the_accounts_of_the_lab_do_not_expire(domain):
    domain.kinit()
    for account in ("Administrator", "svc-adbad"):
        found = domain.search(f"CN={account},CN=Users,DC=lab,DC=example", "userAccountControl")
        assert int(re.search(r"^userAccountControl: (\d+)", found, re.M).group(1)) & 0x10000, account


def test_secrets_are_private(domain):
    for name in ("administrator", "service.keytab", "ca.key", "adbad.conf"):
        assert stat.S_IMODE(os.stat(domain.path(name)).st_mode) == 0o600, name
    assert stat.S_IMODE(os.stat(domain.folder).st_mode) == 0o700
    assert not os.path.exists(domain.path("client/etc/shadow"))


def test_a_command_inside_gives_its_exit_code_and_its_options_are_its_own(domain):
    assert domain.run("sh", "-c", "exit 7", expect=7).stdout == ""
    assert domain.run("--", "printf", "%s", "--json").stdout == "--json"
    assert domain.run("no-such-program", expect=127).stderr.startswith("adbactl: run no-such-program")
    assert domain.run("pwd", cwd="/usr").stdout == "/usr\n"


def test_a_second_up_changes_nothing(domain):
    before = domain.status()
    again = json.loads(domain.up().stdout)
    assert again.pop("was_running") is True
    assert again == before
    assert before["realm"] == "LAB.EXAMPLE"
    assert [(d["fqdn"], d["address"], d["running"]) for d in before["domain_controllers"]] == [
        ("dc1.lab.example", "10.53.0.1", True)]


def test_options_of_another_lab_are_refused(domain):
    assert "--dcs" in ctl("lab", "up", "--samba", "--dcs", "2", domain.folder, expect=CONFLICT).stderr
    assert "--domain" in ctl("lab", "up", "--samba", "--domain", "a.b", domain.folder, expect=CONFLICT).stderr


def test_down_leaves_no_process_mount_or_interface_and_up_brings_the_data_back(domain):
    def outside():
        with open("/proc/mounts", encoding="utf-8") as f:
            return [line for line in f if domain.folder in line], socket.if_nameindex()

    domain.kinit()
    domain.run("ldapadd", "-Q", "-N", "-Y", "GSSAPI", "-H", "ldap://dc1.lab.example",
               input=f"dn: CN=Kept,{SERVICES}\nobjectClass: container\n")
    interfaces = socket.if_nameindex()
    with subprocess.Popen([ADBACTL, "lab", "run", domain.folder, "sleep", "1000"]) as guest:
        wait_for(lambda: "sleep" in domain.run("ps", "ax").stdout, "the guest runs")
        domain.down()
        assert guest.wait(timeout=30) != 0
    assert netns.processes_of(domain.folder) == []
    assert outside() == ([], interfaces)
    assert domain.status(expect=NOT_RUNNING)["running"] is False
    assert "does not run" in domain.run("true", expect=NOT_RUNNING).stderr
    assert "was not running" in domain.down().stdout
    assert "making the domain" not in domain.up().stderr
    assert "CN=Kept" in domain.search(f"CN=Kept,{SERVICES}", "dn")


def test_a_killed_domain_controller_is_started_by_the_next_up(domain):
    dc = domain.status()["domain_controllers"][0]
    os.kill(dc["pid"], signal.SIGKILL)
    wait_for(lambda: not domain.status(expect=None)["domain_controllers"][0]["running"], "the DC is gone")
    assert domain.status(expect=NOT_RUNNING)["running"] is False
    assert json.loads(domain.up().stdout)["was_running"] is False
    domain.kinit()


def test_without_root_it_says_so_and_makes_nothing(tmp_path):
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = ctl("lab", "up", "--samba", str(tmp_path / "x"), prefix=drop, expect=REFUSED)
    assert "needs root" in done.stderr
    assert not (tmp_path / "x").exists()


def test_missing_packages_are_named(tmp_path):
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/share/samba && exec "$@"', "sh"]
    done = ctl("lab", "up", "--samba", str(tmp_path / "x"), prefix=hide, expect=1)
    assert "apt-get install --no-install-recommends samba-ad-provision" in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_folder_that_a_node_has_of_its_own_is_refused_and_not_made():
    done = ctl("lab", "up", "--samba", "/var/log/samba/lab", expect=REFUSED)
    assert "choose a folder elsewhere" in done.stderr
    assert not os.path.exists("/var/log/samba/lab")


def test_a_lab_of_the_other_kind_is_named(tmp_path):
    os.chmod(tmp_path, 0o700)
    (tmp_path / "lab.json").write_text('{"format": 1, "domain": "lab.example", "ldap_port": 0, "kms_port": 1688}')
    for argv in (("lab", "up", "--samba", str(tmp_path)), ("lab", "run", str(tmp_path), "true")):
        assert "is an OpenLDAP one" in ctl(*argv, expect=CONFLICT).stderr


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("x")
    os.chmod(tmp_path, 0o700)
    assert "is not empty" in ctl("lab", "up", "--samba", str(tmp_path), expect=REFUSED).stderr
    assert os.listdir(tmp_path) == ["mine"]

"""The Debian package, on machines with systemd: what the documents promise, done as they say."""
import glob
import os
import re
import shutil
import subprocess
import time

import pytest
import yaml

import old_ledger
from lab import wait_for
from machine import Machine
from test_install import broken_links, said_by

pytestmark = [pytest.mark.package, pytest.mark.no_program]

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
GROUP = "Volume License for Windows Server 2022"
# What a lab directory needs, and Debian's runner of package tests: one image for both.
LAB = ["ldap-utils", "libsasl2-modules", "slapd", "autopkgtest", "dpkg-dev"]


def document(name, heading, level="##"):
    """The sh blocks below a heading of a document."""
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as f:
        section = re.split(rf"\n#{{2,{len(level)}}} ", f.read().split(f"\n{level} {heading}\n", 1)[1], maxsplit=1)[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)


def field(deb, name):
    return subprocess.run(["dpkg-deb", "--field", deb, name], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session", name="package")
def package_fixture():
    """What ./dev package built."""
    found = glob.glob(os.path.join(ROOT, "build", "package", "adbad_*.deb"))
    assert len(found) == 1, "run ./dev package first"
    return found[0]


@pytest.fixture(scope="session", name="needs")
def needs_fixture(package):
    """Names of the packages that apt would take along."""
    named = [field(package, name) for name in ("Pre-Depends", "Depends", "Recommends")]
    first = [part.split("|")[0].split("(")[0].strip() for part in ",".join(n for n in named if n).split(",")]
    return sorted(set(first))


def install(machine, deb, expect=0):
    name = "/root/" + os.path.basename(deb)
    machine.put(deb, name)
    return machine.run("apt-get", "-y", "-o", "Dpkg::Options::=--force-confdef", "-o",
                       "Dpkg::Options::=--force-confold", "install", name, expect=expect)


def state_of(machine):
    return machine.run("systemctl", "show", "--property=ActiveState", "--value", "adbad", expect=None).out.strip()


def shown(machine, unit, name):
    return machine.run("systemctl", "show", f"--property={name}", "--value", unit).out.strip()


def start(machine):
    """"systemctl start" returns when READY=1 came; on failure the journal says why."""
    done = machine.run("systemctl", "start", "adbad", expect=None)
    assert done.code == 0 and state_of(machine) == "active", done.err + machine.journal("-u", "adbad")


def set_up(machine):
    for block in document("install.md", "A realm and a host key"):
        machine.shell(block)
    start(machine)


@pytest.fixture(scope="module", name="machine")
def machine_fixture(package, needs):
    """A machine with the package installed, and the realm that docs/install.md makes, served."""
    with Machine(needs) as machine:
        install(machine, package)
        assert state_of(machine) == "inactive"  # nothing to serve, and no failure
        set_up(machine)
        yield machine


@pytest.fixture(autouse=True)
def starts_of_its_own(request):
    """systemd refuses the sixth start within ten seconds, whatever it is for."""
    if "machine" in request.fixturenames:
        request.getfixturevalue("machine").run("systemctl", "reset-failed", "adbad.service")


def test_it_is_built_from_what_the_project_is_built_from():
    with open(os.path.join(ROOT, "tools", "packages.txt"), encoding="utf-8") as f:
        ours = {line.split()[1] for line in f if line.startswith("build ")}
    with open(os.path.join(ROOT, "debian", "control"), encoding="utf-8") as f:
        text = re.search(r"^Build-Depends:(.*?)^\S", f.read(), re.M | re.S).group(1)
    theirs = {part.split("(")[0].strip() for part in text.split(",")}
    # A compiler and libc are there in every Debian build.
    assert {name for name in theirs if not name.startswith("d")} == ours - {"gcc", "libc6-dev"}


def test_lintian_finds_nothing(package):
    changes = glob.glob(os.path.join(ROOT, "build", "package", "*.changes"))
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", *changes],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not re.search("^[EW]:", done.stdout, re.M), done.stdout + done.stderr
    assert package


def test_its_documents_are_where_links_and_programs_say(package, tmp_path):
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    folder = tmp_path / "usr" / "share" / "doc" / "adbad"
    assert list(broken_links(str(folder))) == []
    named = {name for program in ("sbin/adbad", "bin/adbactl") for text in said_by(tmp_path / "usr" / program)
             for name in re.findall(r"/usr/share/doc/adbad/[\w./-]+\w", text)}
    assert len(named) > 5 and all((tmp_path / name.lstrip("/")).exists() for name in named), named


def test_the_service_runs_as_its_user_without_any_right(machine):
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", "adbad").out.strip()
    status = dict(line.split(":", 1) for line in machine.text(f"/proc/{pid}/status").splitlines())
    user = machine.run("id", "-u", "adbad").out.strip()
    assert status["Uid"].split() == [user] * 4
    assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    shown = machine.run("systemctl", "status", "--no-pager", "adbad").out
    assert "Listening on" in shown
    assert machine.run("stat", "-c", "%U %a", "/var/lib/adbad", "/var/lib/adbad/hostkeys", "/var/lib/adbad.private",
                       "/var/lib/adbad.private/hostkeys", "/etc/adbad/realm").out.splitlines() == [*["adbad 700"] * 4, "root 700"]
    assert "AmbientCapabilities" not in shown
    # The secret is out of its reach.
    refused = machine.run("setpriv", "--reuid", "adbad", "--regid", "adbad", "--clear-groups", "cat",
                          "/etc/adbad/realm/secret", expect=1)
    assert "Permission denied" in refused.err


def test_the_first_activation_through_kms(machine):
    said = "".join(machine.shell(block).out for block in document("install.md", "The first activation through KMS"))
    assert "Product activated successfully." in said


def test_the_journal_finds_lines_by_kind_and_reason(machine):
    def said():
        return machine.journal("-t", "adbad", "ADBAD_KIND=activation")

    wait_for(lambda: len(said().splitlines()) >= 5, "the lines in the journal")
    assert said().count("answered, count") == len(said().splitlines()) == 5
    machine.shell("exec 3<>/dev/tcp/127.0.0.1/1688; printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&3; cat <&3", bash=True)
    wait_for(lambda: "closed: not-rpc" in machine.journal("-t", "adbad", "ADBAD_KIND=connection-closed",
                                                           "ADBAD_REASON=not-rpc"), "the line in the journal")


def test_systemctl_reload_takes_what_was_changed_and_says_what_is_wrong(machine):
    pid = shown(machine, "adbad", "MainPID")
    machine.shell("mkdir -p /etc/adbad/conf.d\nprintf '[kms]\\nmode = refuse\\n' >/etc/adbad/conf.d/mode.conf\n"
                  "systemctl reload adbad\n")
    assert machine.run("adbactl", "kms", "status", "--json").json["mode"] == "refuse"
    machine.shell("printf '[kms]\\nmode = maybe\\n' >/etc/adbad/conf.d/mode.conf\n! systemctl reload adbad\n")
    wait_for(lambda: "mode.conf:2: " in machine.journal("-u", "adbad"), "the journal has it")
    assert machine.run("adbactl", "--config", "/dev/null", "kms", "status", "--json").json["mode"] == "refuse"
    machine.shell("rm /etc/adbad/conf.d/mode.conf\nsystemctl reload adbad\n")
    assert machine.run("adbactl", "kms", "status", "--json").json["mode"] != "refuse"
    assert state_of(machine) == "active" and shown(machine, "adbad", "MainPID") == pid


def test_logrotate_takes_the_file_away_and_the_service_makes_a_new_one(machine):
    machine.shell("mkdir -p /etc/adbad/conf.d\n"
                  "printf '[log]\\nfile = /var/log/adbad/adbad.log\\n' >/etc/adbad/conf.d/log.conf\n"
                  "systemctl restart adbad\n")
    first = machine.run("stat", "-c", "%i", "/var/log/adbad/adbad.log").out
    machine.shell("printf '[kms]\\nmode = ref' >/etc/adbad/conf.d/half.conf")  # somebody is editing
    machine.run("logrotate", "--force", "/etc/logrotate.d/adbad")
    assert machine.run("stat", "-c", "%i", "/var/log/adbad/adbad.log.1").out == first
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", "adbad").out.strip()
    wait_for(lambda: "/var/log/adbad/adbad.log\n" in machine.shell(f"readlink /proc/{pid}/fd/*", expect=None).out,
             "the new file is written")
    machine.shell("rm /etc/adbad/conf.d/half.conf\nadbactl kms status >/dev/null")
    assert "configuration" not in machine.text("/var/log/adbad/adbad.log")
    machine.shell("rm /etc/adbad/conf.d/log.conf\nsystemctl restart adbad\n")


def test_a_clearing_house_as_described(machine):
    machine.shell("mkdir -p /etc/adbad/conf.d\n"
                  "printf '[clearing]\\nserve = yes\\n[lab]\\nenabled = yes\\n' >/etc/adbad/conf.d/house.conf\n")
    machine.run("systemctl", "restart", "adbad", expect=1)  # the folder is root's
    wait_for(lambda: "needs the realm's secret" in machine.journal("-u", "adbad"), "the journal has it")
    machine.shell("rm /etc/adbad/conf.d/house.conf\nsystemctl reset-failed adbad\n")
    block, = document("clearing.md", "As the packaged service", level="###")
    assert "Clearing house of realm LAB" in machine.shell(block).out
    assert machine.run("stat", "-c", "%U %a", "/etc/adbad/realm", "/etc/adbad/realm/secret").out == "root 700\nroot 600\n"
    # What root makes meanwhile is known to it, and it confirms.
    machine.shell("adbactl mak issue --product 'Windows 11' --edition Enterprise --count 3\n")
    assert "0 of 3" in machine.run("adbactl", "mak", "list").out
    machine.shell("rm -r /etc/adbad/conf.d/clearing.conf /etc/systemd/system/adbad.service.d\nsystemctl daemon-reload\n"
                  "systemctl reset-failed adbad\nsystemctl restart adbad\n")


def test_the_watchdog_restarts_a_loop_that_stands_still(machine):
    """The unit's own half minute would be long; the reaction is what counts."""
    machine.shell("mkdir -p /run/systemd/system/adbad.service.d\n"
                  "printf '[Service]\\nWatchdogSec=3\\nTimeoutStopSec=1\\n' >/run/systemd/system/adbad.service.d/test.conf\n"
                  "systemctl daemon-reload\nsystemctl restart adbad\n")
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", "adbad").out.strip()
    machine.shell(f"kill -STOP {pid}")

    def another():
        now = machine.run("systemctl", "show", "--property=MainPID", "--value", "adbad").out.strip()
        return state_of(machine) == "active" and now not in ("0", pid)

    wait_for(another, "a new process")
    machine.shell("rm -r /run/systemd/system/adbad.service.d\nsystemctl daemon-reload\nsystemctl restart adbad\n")


def test_the_socket_holds_the_port_over_a_restart(machine):
    machine.shell("systemctl stop adbad\nsystemctl enable --now adbad.socket\nsystemctl start adbad\n")
    shown = machine.run("systemctl", "status", "--no-pager", "adbad").out
    assert re.search(r"Listening on (\[::\]|\S+):1688", shown)
    machine.shell("systemctl stop adbad\n")
    # Nobody serves; the connection waits, and starts the service.
    machine.shell("adbaclient --machine /root/act init --bundle /etc/adbad/realm/client.bundle "
                  "--product 'Windows Server 2022' --edition Standard\n"
                  "adbaclient --machine /root/act /skms 127.0.0.1:1688\n"
                  "adbaclient --machine /root/act /ato || test $? = 10  # counted, if not activated\n")
    assert state_of(machine) == "active"
    name = machine.run("adbaclient", "--machine", "/root/act", "show", "--json").json["name"]
    assert name in {row["workstation"] for row in activations(machine)["contacts"]}
    machine.shell("systemctl disable --now adbad.socket\nsystemctl restart adbad\n")


def test_an_enabled_socket_through_upgrade_and_removal(package, needs, tmp_path):
    with Machine(needs) as machine:
        install(machine, older(package, str(tmp_path)))
        set_up(machine)
        assert shown(machine, "adbad.socket", "ActiveState") == "inactive"
        machine.shell("systemctl stop adbad\nsystemctl enable --now adbad.socket\nsystemctl start adbad\n")
        since, pid = (shown(machine, unit, name) for unit, name in
                      (("adbad.socket", "ActiveEnterTimestampMonotonic"), ("adbad", "MainPID")))

        install(machine, package)
        wait_for(lambda: state_of(machine) == "active", "the newer version serves")
        assert shown(machine, "adbad", "MainPID") != pid
        # The port was never given up.
        assert shown(machine, "adbad.socket", "ActiveState") == "active"
        assert shown(machine, "adbad.socket", "ActiveEnterTimestampMonotonic") == since

        machine.run("apt-get", "-y", "remove", "adbad")
        assert state_of(machine) == "inactive"
        assert machine.run("ss", "-Hltn", "sport = :1688").out == ""

        # It was enabled and is again.
        install(machine, package)
        wait_for(lambda: state_of(machine) == "active", "it goes on")
        assert shown(machine, "adbad.socket", "ActiveState") == "active"


def sources(package):
    """The source package that the package was built from: its .dsc, and what that names."""
    dsc, = glob.glob(os.path.join(os.path.dirname(package), "*.dsc"))
    with open(dsc, encoding="utf-8") as f:
        named = re.search(r"^Files:\n((?: .*\n)+)", f.read(), re.M).group(1)
    return [dsc, *(os.path.join(os.path.dirname(dsc), line.split()[2]) for line in named.splitlines())]


def test_autopkgtest_installs_it_and_runs_the_main_job(package, needs):
    """Debian's own runner, in a machine that has what debian/tests/control asks for and nothing of ours."""
    with Machine([*needs, *LAB]) as machine:
        for path in (package, *sources(package)):
            machine.put(path, "/root/" + os.path.basename(path))
        dsc, deb = (os.path.basename(path) for path in (sources(package)[0], package))
        done = machine.run("autopkgtest", "--summary-file=/root/summary", "--output-dir=/root/out", "--no-built-binaries",
                           dsc, deb, "--", "null", expect=None)
        assert done.code == 0, done.out + done.err
        assert machine.text("/root/summary").split() == ["main-job", "PASS"]
        assert machine.text("/root/out/main-job-stdout").count("Product activated successfully.") == 2
        assert machine.text("/root/out/main-job-packages").split() == ["adbad", field(package, "Version")]

        # The workflow of docs/ci.md, too, from its first step on.
        machine.run("mkdir", "/root/checkout")
        machine.run("mv", "/root/" + os.path.basename(package), "/root/checkout")
        workflow = yaml.safe_load(machine.text("/usr/share/doc/adbad/examples/ci/adbad-flows.yml"))["jobs"]["flows"]
        variables = "".join(f"export {name}={value}\n" for name, value in workflow["env"].items())
        said = [machine.shell(f"cd /root/checkout\n{variables}{step['run']}").out
                for step in workflow["steps"] if "run" in step]
        assert "".join(said).count("Product activated successfully.") == 2
        assert machine.exists("/root/checkout/results/ledger.db")


def older(package, folder):
    """The same package with a lower version and another delivered configuration."""
    tree, deb = os.path.join(folder, "older"), os.path.join(folder, "adbad_0.0.9_amd64.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = re.sub("^Version: .*$", "Version: 0.0.9", f.read(), flags=re.M)
    with open(control, "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(tree, "etc", "adbad", "adbad.conf"), "a", encoding="utf-8") as f:
        f.write("# as 0.0.9 delivered it\n")
    os.unlink(os.path.join(tree, "DEBIAN", "md5sums"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)
    shutil.rmtree(tree)
    return deb


def activations(machine):
    return machine.run("adbactl", "kms", "contacts", "--json").json


def test_upgrade_with_the_ledger_of_an_older_version(package, needs, tmp_path):
    """Version 10, as an earlier package left it."""
    ledger = str(tmp_path / "ledger.db")
    old_ledger.make(ledger, 10, int(time.time()))
    before = old_ledger.rows_of(ledger)
    with Machine(needs) as machine:
        install(machine, older(package, str(tmp_path)))
        for block in document("install.md", "A realm and a host key"):
            machine.shell(block)
        machine.put(ledger, "/var/lib/adbad/ledger.db", 0o600)
        machine.shell("chown adbad: /var/lib/adbad/ledger.db")
        refused = machine.run("adbactl", "ledger", "check", expect=None)
        assert refused.code != 0 and "its version 10 is older" in refused.err

        install(machine, package)
        wait_for(lambda: state_of(machine) == "active", "the newer version serves")
        machine.shell(document("install.md", "The first activation through KMS")[0])
        said = machine.run("adbactl", "ledger", "check", "--json").json
        assert said["good"] and said["version"] == len(old_ledger.migrations())
        machine.run("adbactl", "ledger", "backup", "/root/after.db")
        backup = shutil.copy(f"/proc/{machine.init}/root/root/after.db", tmp_path)
        after = old_ledger.rows_of(backup, like=before)
        for table, rows in before.items():
            assert after[table][:len(rows)] == rows
        assert len(after["activations"]) == len(before["activations"]) + 5


def test_upgrade_remove_and_purge(package, needs, tmp_path):
    with Machine(needs) as machine:
        install(machine, older(package, str(tmp_path)))
        set_up(machine)
        machine.shell("echo '# mine' >>/etc/adbad/adbad.conf")
        machine.shell(document("install.md", "The first activation through KMS")[0])
        before, realm = activations(machine), machine.text("/etc/adbad/realm/realm.json")
        assert before

        machine.put(package, "/root/adbad_NEW.deb")
        machine.shell("".join(document("upgrade.md", "Before")))
        machine.shell("mkdir -p /etc/adbad/conf.d\nprintf '[kms]\\ncolour = red\\n' >/etc/adbad/conf.d/new.conf\n")
        assert "new.conf:2: " in machine.run("/tmp/adbad-new/usr/bin/adbactl", "conf", "check", expect=3).err
        machine.run("rm", "/etc/adbad/conf.d/new.conf")
        install(machine, package)
        assert field(package, "Version") in machine.run("dpkg-query", "-W", "adbad").out
        wait_for(lambda: state_of(machine) == "active", "the newer version serves")
        assert activations(machine) == before
        assert machine.text("/etc/adbad/adbad.conf").endswith("# mine\n")

        machine.run("apt-get", "-y", "remove", "adbad")
        assert state_of(machine) == "inactive" and not machine.exists("/usr/sbin/adbad")
        assert machine.exists("/var/lib/adbad/ledger.db") and machine.text("/etc/adbad/realm/realm.json") == realm
        install(machine, package)
        wait_for(lambda: state_of(machine) == "active", "it goes on")
        assert activations(machine) == before

        machine.run("apt-get", "-y", "purge", "adbad")
        left = machine.run("find", "/", "-xdev", "-name", "*adbad*", "-not", "-path", "/root/*", "-not", "-path",
                           "/proc/*", "-not", "-path", "/var/lib/systemd/*", expect=None).out.split()
        assert left == []
        assert machine.run("getent", "passwd", "adbad").out.startswith("adbad:")

"""What adbad does at start: what it refuses, and how it says so."""
import glob
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess

import pytest

from lab import Daemon, Lab, free_port

USAGE, CONFIG, NOTFOUND, REFUSED, INVALID, STORAGE, CONFLICT = 2, 3, 4, 5, 7, 8, 9


def ends_with(daemon, code):
    """Starts the daemon, which must end by itself with that exit code; returns what it said."""
    before = len(daemon.log())
    daemon.launch()
    assert daemon.process.wait(timeout=20) == code, daemon.log()
    daemon.process = None
    return daemon.log()[before:]


@pytest.fixture(name="idle")
def daemon_that_was_not_started(lab):
    return lab.daemon(wait=False)


def run(lab, *argv):
    return subprocess.run([lab.program("adbad"), *argv], capture_output=True, text=True,
                          timeout=20, check=False)


# -- options --

def test_the_list_of_commands_is_aligned(lab):
    lines = subprocess.run([lab.program("adbactl"), "--help"], capture_output=True, text=True, check=True,
                           timeout=30).stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert len(lines) > 40
    wide = [i for i, line in enumerate(lines) if not re.match(r"  \S.{33} \S", line)]
    # What is too wide for its column stands alone, and its summary below.
    for i, then in zip(wide[::2], wide[1::2], strict=True):
        assert then == i + 1 and len(lines[i]) > 36 and re.match(r" {37}\S", lines[then])


def test_the_default_configuration_has_no_trailing_blanks(lab):
    out = subprocess.run([lab.program("adbactl"), "conf", "default"], capture_output=True, text=True, check=True,
                         timeout=30).stdout
    assert "#allow =\n" in out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("argv, said", [
    (["--conifg", "x"], "adbactl: unknown option --conifg; did you mean --config?"),
    (["--conifg", "x", "kms", "status"], "adbactl: unknown option --conifg; did you mean --config?"),
    (["--conifg"], "adbactl: unknown option --conifg; did you mean --config?"),
    (["--config", "x", "ksm", "status"], 'adbactl: no command "ksm status"; did you mean "kms status"?'),
    (["report", "nonsense"], 'adbactl: no command "report nonsense" ("adbactl report" lists its verbs)'),
    (["report", "machine"], 'adbactl: no command "report machine"; did you mean "report machines"?'),
    (["helth"], 'adbactl: no command "helth"; did you mean "health"?'),
])
def test_what_stands_wrong_before_a_command_is_named(lab, argv, said):
    done = subprocess.run([lab.program("adbactl"), *argv], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith(said)


def test_help_goes_to_stdout(lab):
    done = run(lab, "--help")
    assert done.returncode == 0
    assert "--config FILE" in done.stdout and done.stderr == ""


def test_version(lab):
    done = run(lab, "--version")
    assert done.returncode == 0
    assert re.fullmatch(r"adbad \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("argv", [["--conf"], ["--nonsense"], ["more"]])
def test_wrong_options_are_usage_errors(lab, argv):
    done = run(lab, *argv)
    assert done.returncode == USAGE
    assert "adbad --help" in done.stderr


# -- configuration --

def test_a_missing_configuration_is_named(lab):
    done = run(lab, "--config", lab.folder + "/none.conf")
    assert done.returncode in (CONFIG, NOTFOUND)
    assert lab.folder + "/none.conf" in done.stderr


@pytest.mark.parametrize("key, value, says", [
    ("kms.colour", "blue", "colour"),
    ("weather.rain", "yes", "weather"),
    ("kms.max_connections", "0", "max_connections"),
    ("kms.max_connections", "many", "max_connections"),
    ("kms.activation_interval", "120", "unit"),
    ("kms.activation_interval", "5m", "activation_interval"),
    ("lab.enabled", "perhaps", "enabled"),
    ("directory.mechanism", "magic", "mechanism"),
    ("log.level", "loud", "level"),
])
def test_a_bad_setting_is_named_with_file_and_line(idle, key, value, says):
    idle.options[key] = value
    idle.write_conf()
    name = key.split(".")[1]
    with open(idle.conf, encoding="utf-8") as f:
        lines = f.read().splitlines()
    at = next(i for i, line in enumerate(lines, 1) if line.startswith(f"{name} = {value}"))
    said = ends_with(idle, CONFIG)
    # An unknown section may be told at its own line.
    assert re.search(rf"{re.escape(idle.conf)}:({at}|{at - 1}): ", said)
    assert says in said


@pytest.mark.parametrize("address", ["1688", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999",
                                     "::1:1688", "[::1:1688", "host.example:1688",
                                     "300.0.0.1:1688"])
def test_a_malformed_listen_address_is_a_configuration_error(idle, address):
    idle.options["kms.listen"] = address
    idle.write_conf()
    said = ends_with(idle, CONFIG)
    assert f'"{address}"' in said and "ADDRESS:PORT" in said


def test_check_reads_everything_and_changes_nothing(lab, idle):
    done = run(lab, "--config", idle.conf, "--check")
    assert done.returncode == 0, done.stderr
    assert "good" in done.stdout
    assert os.listdir(os.path.join(idle.folder, "state")) == []
    assert not os.path.exists(idle.control)


def test_check_finds_a_bad_setting(lab, idle):
    idle.options["kms.renewal_interval"] = "1s"
    idle.write_conf()
    assert run(lab, "--config", idle.conf, "--check").returncode == CONFIG


def cause(said):
    """What adbad ended with, as it says last."""
    return [line for line in said.splitlines() if line.startswith("adbad: ")][-1]


@pytest.mark.parametrize("key, place, code, remedy", [
    ("control.socket", "{}/nowhere/control.sock", NOTFOUND, "RuntimeDirectory="),
    ("control.socket", "{}/" + 100 * "x", CONFIG, "longer than"),
    ("control.socket", "{}/adbad.conf", CONFLICT, "left alone"),
    ("log.file", "{}/nowhere/log", NOTFOUND, "LogsDirectory="),
    ("log.file", "{}/state", None, "Is a directory"),
    ("store.state_dir", "{}/nowhere/state", NOTFOUND, "StateDirectory="),
    ("store.state_dir", "/proc/adbad", NOTFOUND, "/proc/adbad"),
    ("store.state_dir", "{}/adbad.conf", NOTFOUND, "Not a directory"),
    ("store.secrets_dir", "{}/nowhere/secrets", NOTFOUND, "[store] secrets_dir"),
    ("store.ledger", "{}/nowhere/ledger.db", NOTFOUND, "StateDirectory="),
    ("adba.groups", "Nonsense", CONFIG, "adbactl hostkey groups"),
    ("kms.host_os", "Windows 99", CONFIG, "[kms] host_os"),
    ("kms.listen", "0.0.0.0:70000", CONFIG, "ADDRESS:PORT"),
    ("relay.upstream", "auto", CONFIG, "needs domain"),
])
def test_check_says_what_the_start_says_and_makes_nothing(lab, idle, key, place, code, remedy):
    idle.options[key] = place.format(idle.folder)
    idle.write_conf()
    before = sorted(os.listdir(idle.folder))
    done = run(lab, "--config", idle.conf, "--check")
    assert sorted(os.listdir(idle.folder)) == before  # nor does the start, where a folder is missing
    said = ends_with(idle, done.returncode)
    assert done.returncode == code or (code is None and done.returncode > 0)
    assert cause(done.stderr) == cause(said) and remedy in cause(said)
    if "nowhere" in place:
        assert f"{idle.folder}/nowhere" in cause(said)
        assert sorted(os.listdir(idle.folder)) == sorted({*before, "log"})


def test_check_takes_the_folder_that_comes_with_the_service_for_granted(lab, idle):
    """The unit's RuntimeDirectory is missing while the service is stopped, as when a backup is put back."""
    idle.options["control.socket"] = None
    idle.write_conf()
    done = run(lab, "--config", idle.conf, "--check")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_may_not_be_written_in_is_told_before_the_start(lab, idle):
    """As somebody else than root, who may do anything."""
    locked = os.path.join(idle.folder, "locked")
    os.mkdir(locked, 0o755)
    idle.options["log.file"] = f"{locked}/log"
    idle.write_conf()
    for folder in (lab.folder, idle.folder):
        os.chmod(folder, 0o755)
    os.chmod(idle.conf, 0o644)
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", lab.program("adbad"), "--config", idle.conf, "--check"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == REFUSED and f"{locked}/log" in cause(done.stderr), done.stderr


# -- realm --

def test_a_missing_bundle_is_named_with_the_remedy(idle):
    os.remove(idle.lab.bundle)
    said = ends_with(idle, NOTFOUND)
    assert idle.lab.bundle in said and "adbactl realm init" in said


@pytest.mark.parametrize("name, mode", [("", 0o755), ("", 0o710), ("client.bundle", 0o644),
                                        ("client.bundle", 0o620)])
def test_a_realm_with_loose_modes_is_refused(idle, name, mode):
    path = os.path.join(idle.lab.realm, name).rstrip("/")
    os.chmod(path, mode)
    said = ends_with(idle, REFUSED)
    assert path in said and f"{mode:04o}" in said and "chmod" in said


def test_a_broken_bundle_is_refused(idle):
    with open(idle.lab.bundle, "w", encoding="utf-8") as f:
        f.write("{}")
    said = ends_with(idle, INVALID)
    assert idle.lab.bundle in said


def test_a_broken_host_key_is_named(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    daemon.stop()
    (path,) = glob.glob(os.path.join(glob.escape(lab.folder), "**", "hostkeys", "*.json"), recursive=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write("{}")
    assert path in ends_with(daemon, INVALID)


def test_host_keys_of_another_realm_are_not_used(lab):
    """The bundle is foreign to what is installed: said, and nothing is served by those keys."""
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    assert len(daemon.status()["host_keys"]) == 1
    daemon.stop()
    with Lab(realm="OTHER") as other:
        shutil.copy(other.bundle, lab.bundle)
        daemon.start()
        daemon.wait_log(r'host key for "Volume License for Windows Server 2022" is not used: ')
        assert daemon.status()["host_keys"] == []


def test_without_a_host_key_the_daemon_warns_and_serves(lab):
    daemon = lab.daemon()
    daemon.wait_log(r"warn .*no host key is installed.*0xC004F042.*adbactl hostkey install")
    assert daemon.status()["host_keys"] == []


# -- ports and sockets --

def test_a_port_in_use_is_named_with_the_remedy(idle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", idle.port))
        taken.listen()
        said = ends_with(idle, CONFLICT)
    assert f"127.0.0.1:{idle.port}" in said
    assert "[kms] listen" in said


def test_an_address_that_is_not_ours_is_named(idle):
    idle.options["kms.listen"] = f"192.0.2.1:{idle.port}"
    idle.write_conf()
    said = ends_with(idle, CONFIG)
    assert f"192.0.2.1:{idle.port}" in said and "no such address" in said


def test_it_listens_on_several_addresses_of_both_families(lab):
    other = free_port()
    daemon = lab.daemon(options={
        "kms.listen": f"127.0.0.1:{other}, 127.0.0.2:{other}, [::1]:{other}"})
    for address in ("127.0.0.1", "127.0.0.2", "::1"):
        socket.create_connection((address, other), timeout=10).close()
    listening = daemon.status()["listening"]
    assert listening == f"127.0.0.1:{other}, 127.0.0.2:{other}, [::1]:{other}"


def test_a_second_daemon_on_the_same_ledger_is_refused(lab):
    first = lab.daemon()
    second = lab.daemon("second", wait=False,
                        options={"store.ledger": os.path.join(first.folder, "state", "ledger.db")})
    said = ends_with(second, CONFLICT)
    assert "ledger.db" in said and f"process {first.process.pid}" in said
    assert first.status()["pid"] == first.process.pid


def test_a_control_socket_in_use_is_refused(lab):
    first = lab.daemon()
    second = lab.daemon("second", wait=False, options={"control.socket": first.control})
    said = ends_with(second, CONFLICT)
    assert first.control in said
    assert first.status()["pid"] == first.process.pid


def test_a_stale_control_socket_is_replaced(lab):
    daemon = lab.daemon()
    daemon.kill()
    assert os.path.exists(daemon.control)
    daemon.start()
    assert daemon.status()["pid"] == daemon.process.pid


def test_a_control_socket_of_another_kind_is_left_alone(idle):
    """Only what refuses the connection is taken for stale."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(idle.control)
        said = ends_with(idle, STORAGE)
        assert "another adbad answers" in said and idle.control in said
        assert stat.S_ISSOCK(os.stat(idle.control).st_mode)


def test_a_file_in_the_place_of_the_control_socket_is_left_alone(idle):
    with open(idle.control, "w", encoding="utf-8") as f:
        f.write("mine")
    said = ends_with(idle, CONFLICT)
    assert idle.control in said
    with open(idle.control, encoding="utf-8") as f:
        assert f.read() == "mine"


def test_the_control_socket_is_private(lab):
    daemon = lab.daemon()
    assert os.stat(daemon.control).st_mode & 0o777 == 0o600


# -- ledger --

def refused_untouched(daemon, code):
    path = os.path.join(daemon.folder, "state", "ledger.db")
    with open(path, "rb") as f:
        before = f.read()
    said = ends_with(daemon, code)
    with open(path, "rb") as f:
        assert f.read() == before
    assert path in said
    assert sorted(os.listdir(os.path.dirname(path))) == ["dns", "ledger.db"]
    return said


def test_a_ledger_that_is_not_ours_is_refused_untouched(idle):
    db = sqlite3.connect(os.path.join(idle.folder, "state", "ledger.db"))
    db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    db.close()
    assert "not a ledger of adbad" in refused_untouched(idle, REFUSED)


def test_a_ledger_that_is_newer_than_ours_is_refused_untouched(lab):
    daemon = lab.daemon()
    assert daemon.stop() == 0
    db = sqlite3.connect(os.path.join(daemon.folder, "state", "ledger.db"))
    db.execute("PRAGMA user_version=999")
    db.close()
    assert "newer" in refused_untouched(daemon, STORAGE)


def test_check_refuses_a_foreign_ledger_too(lab, idle):
    path = os.path.join(idle.folder, "state", "ledger.db")
    with open(path, "w", encoding="utf-8") as f:
        f.write("no database\n")
    assert run(lab, "--config", idle.conf, "--check").returncode == REFUSED


def test_the_state_folder_is_made(lab):
    daemon = Daemon(lab, wait=False)
    lab.daemons.append(daemon)
    os.rmdir(os.path.join(daemon.folder, "state"))
    daemon.start()
    assert os.stat(os.path.join(daemon.folder, "state")).st_mode & 0o777 == 0o700

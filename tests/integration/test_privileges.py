"""Two processes: the steward holds keys, passwords, tickets and the directory; the one that parses what
strangers send holds none of them. Looked at from outside, by what the system shows of the processes."""
import contextlib
import glob
import json
import os
import re
import signal
import socket
import struct
import subprocess

import pytest

import procfs
from kerberos import Tickets
from lab import TOOLS, wait_for

GROUP = "Volume License for Windows Server 2022"
PROCESS = "adbad-steward"


def tool(name):
    return os.path.join(TOOLS, name)


def steward_of(daemon):
    return wait_for(lambda: procfs.child(daemon.process.pid, PROCESS), "the steward runs")


def look(daemon):
    """Has the daemon look at the directory; what it then says of it."""
    number = daemon.ask("kms.directory-check")["check"]

    def looked():
        told = daemon.status()["directory"]
        return told if told["check"] >= number else None

    return wait_for(looked, "the look has ended")


class Silence:
    """A directory that accepts connections and says nothing."""

    def __init__(self, lab):
        self.path = os.path.join(lab.folder, "silence")
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen()
        self.listening.settimeout(30)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listening.close()

    def options(self, **more):
        return {"directory.uri": "ldapi://" + self.path.replace("/", "%2F"), "directory.timeout": "300s",
                "directory.retry": "1s", **more}

    @contextlib.contextmanager
    def call(self, name):
        """The next connection of a process of that name; yields the process."""
        others = []
        try:
            while True:
                connection, _ = self.listening.accept()
                others.append(connection)
                pid = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
                if (procfs.stat(pid) or [None])[0] == name:
                    yield pid
                    return
        finally:
            for connection in others:
                connection.close()


# -- what is where --

def secrets_of(lab, daemon):
    """{name: bytes} of everything that the network process must not have, in each form it could have it."""
    def read(*parts):
        with open(os.path.join(*parts), "rb") as f:
            return f.read()

    found = {"realm secret": read(lab.realm, "secret"),
             "realm secret, hex": read(lab.realm, "secret").hex().encode(),
             "password": read(lab.directory, "service.password").splitlines()[0]}
    keys = [os.path.join(lab.realm, "issuer.key"), *glob.glob(os.path.join(daemon.folder, "state.private/hostkeys/*.key"))]
    assert len(keys) == 2
    for path in keys:
        scalar = procfs.private_scalar(path)
        found[f"{path}, number"] = scalar
        found[f"{path}, number as libcrypto keeps it"] = scalar[::-1]
        found[f"{path}, base64"] = read(path).splitlines()[1][:40]
    for path in glob.glob(os.path.join(daemon.folder, "state.private/hostkeys/*.confirm")):
        found[f"{path}, hex"] = read(path).strip()
        found[path] = bytes.fromhex(read(path).strip().decode())
    assert len(found) == 3 + 2 * 3 + 2
    return found


def protocol_keys(lab):
    """What it must have to answer: the derived keys of the bundle."""
    with open(lab.bundle, encoding="utf-8") as f:
        bundle = json.load(f)
    return {f"{g} {d} {part}": bytes.fromhex(value) for g, directions in bundle["keys"].items()
            if isinstance(directions, dict) for d, pair in directions.items() for part, value in pair.items()}


def secret_files(lab, daemon):
    names = ("issuer.key", "secret", "service.password", ".confirm", ".key", "ccache", "krb5cc")
    folders = (lab.realm, lab.directory, os.path.join(daemon.folder, "state.private"), daemon.control + ".tickets")
    return lambda path: path.startswith(folders) or path.endswith(names)


@pytest.fixture(name="full")
def everything_configured(lab_with_directory):
    """A daemon with all that needs a secret: steward, accounts, DNS, a clearing house, a service key."""
    lab = lab_with_directory
    subprocess.run([tool("tickets_tool"), lab.folder, "PC1$@LAB.EXAMPLE", "host/kms.lab.example@LAB.EXAMPLE"], check=True)
    daemon = lab.daemon(wait=False, options={
        "adba.steward": "yes", "clearing.serve": "yes", "kms.keytab": f"{lab.folder}/keytab",
        "dns.domains": "lab.example", "dns.host": "kms.lab.example", "dns.retry": "1s",
        "directory.sync_interval": "60s"})
    lab.install_hostkey(daemon, GROUP)
    daemon.start()
    daemon.wait_log(f'activation object "{GROUP}" created')
    daemon.wait_log("computer accounts?, read in full")
    daemon.wait_log("not published in lab.example")  # a round of DNS has ended
    return daemon


@pytest.mark.uninstrumented
def test_the_network_process_has_no_secret_in_memory_and_no_such_file_open(full):
    lab, pid = full.lab, full.process.pid
    secrets, derived, suspicious = secrets_of(lab, full), protocol_keys(lab), secret_files(lab, full)
    assert len(derived) >= 6
    for _ in range(2):
        assert procfs.scan(pid, derived) == set(derived)  # the scan finds what is there
        assert procfs.scan(pid, secrets) == set()
        assert [t for t in procfs.descriptors(pid) if suspicious(t)] == []
        assert [p for p in procfs.mapped(pid) if suspicious(p)] == []
        assert procfs.scan(steward_of(full), secrets) == set()  # nor has who waits for work
        assert look(full)["state"] == "up"
        full.ctl("membership", "sync", "--full")


@pytest.mark.uninstrumented
def test_a_job_has_the_password_and_the_connection_and_nobody_else(lab_with_directory):
    lab = lab_with_directory
    with open(os.path.join(lab.directory, "service.password"), "rb") as f:
        password = {"password": f.read().splitlines()[0]}
    with Silence(lab) as silent:
        daemon = lab.daemon(options=silent.options())
        with silent.call("adbad-look") as job:
            steward = steward_of(daemon)
            assert job in procfs.children(steward)
            wait_for(lambda: procfs.scan(job, password), "the job has read the password")
            assert procfs.scan(daemon.process.pid, password) == set()
            assert procfs.scan(steward, password) == set()
        assert daemon.stop() == 0


@pytest.mark.uninstrumented
def test_the_directory_keytab_stays_with_the_steward(lab):
    """A keytab that the daemon's account would use; there is no KDC, which its job says."""
    subprocess.run([tool("tickets_tool"), lab.folder, "PC1$@LAB.EXAMPLE", "host/kms.lab.example@LAB.EXAMPLE"], check=True)
    keys = procfs.keytab_keys(f"{lab.folder}/keytab")
    assert len(keys) >= 1 and all(len(k) >= 16 for k in keys.values())
    daemon = lab.daemon(env={"KRB5_CONFIG": f"{lab.folder}/krb5.conf"}, options={
        "directory.uri": "ldap://127.0.0.1:1", "directory.mechanism": "gssapi", "directory.timeout": "1s",
        "directory.keytab": f"{lab.folder}/keytab"})
    daemon.wait_log("directory .* is not usable")
    assert procfs.scan(daemon.process.pid, keys) == set()
    assert not any("keytab" in t for t in procfs.descriptors(daemon.process.pid))
    # With the same file as its own service's key it would be found.
    daemon.stop()
    daemon.options["kms.keytab"] = f"{lab.folder}/keytab"
    daemon.write_conf()
    daemon.start()
    assert procfs.scan(daemon.process.pid, keys) != set()


@pytest.mark.uninstrumented
def test_a_service_key_that_was_replaced_is_nowhere_any_more(lab):
    tickets = Tickets(os.path.join(lab.folder, "kerberos"))
    try:
        daemon = lab.daemon(options={"kms.keytab": tickets.keytab})
        old, = procfs.keytab_keys(tickets.keytab).values()
        assert procfs.scan(daemon.process.pid, {"old": old}) == {"old"}
        tickets.rotate()
        new, = procfs.keytab_keys(tickets.keytab).values()
        assert daemon.ask("reload")["ok"] is True
        keys = {"old": old, "new": new}
        assert procfs.scan(daemon.process.pid, keys) == {"new"}
        assert procfs.scan(steward_of(daemon), keys) == set()  # a job had it
        for pid in (daemon.process.pid, steward_of(daemon)):
            assert not any("keytab" in t for t in procfs.descriptors(pid))
    finally:
        tickets.close()


def test_a_clearing_house_without_the_secret_says_so(lab):
    daemon = lab.daemon(wait=False, options={"realm.bundle": lab.bundle, "clearing.serve": "yes",
                                             "realm.dir": os.path.join(lab.folder, "nowhere")})
    daemon.launch()
    assert daemon.process.wait(timeout=30) == 4
    assert "[clearing] serve needs the realm's secret" in daemon.log()
    assert procfs.children(daemon.process.pid) == {}


# -- what each gives up --

def gave_up(pid):
    """Whether every thread of the process is filtered and gets no new privileges (proc(5)): a list of those that do not."""
    kept = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as f:
            told = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            if (told["Seccomp"].strip(), told["NoNewPrivs"].strip()) != ("2", "1"):
                kept.append((task, told["Name"]))
    return kept


def test_every_thread_of_every_process_is_confined(lab_with_directory):
    with Silence(lab_with_directory) as silent:
        daemon = lab_with_directory.daemon(options=silent.options(**{"relay.upstream": "127.0.0.1:9"}))
        with silent.call("adbad-look") as job:
            dialler = procfs.child(daemon.process.pid, "adbad-dialler")
            assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) > 3
            for pid in (daemon.process.pid, steward_of(daemon), job, dialler):
                assert gave_up(pid) == []
        assert gave_up(os.getpid()) != []  # who looks is not
        told = daemon.status()["confinement"]
        assert told["landlock"] >= 1 and told["system_calls"] is True and told["why"] is None
        assert "keep rights that" not in daemon.log()
        assert daemon.stop() == 0


# -- what ends, and how --

def test_a_job_that_is_killed_costs_one_look(lab_with_directory):
    with Silence(lab_with_directory) as silent:
        daemon = lab_with_directory.daemon(options=silent.options())
        with silent.call("adbad-look") as job:
            os.kill(job, signal.SIGKILL)
            daemon.wait_log(rf"error steward: process {job}: the steward's job ended by signal 9 \(Killed\)")
            daemon.wait_log("directory .* is not usable: the steward's job ended by signal 9")
            told = daemon.status()["directory"]
            assert told["state"] == "down" and "signal 9" in told["why"]
        with silent.call("adbad-look") as again:
            assert again != job
        assert daemon.stop() == 0


def test_a_job_that_stands_still_costs_one_look(lab_with_directory):
    with Silence(lab_with_directory) as silent:
        daemon = lab_with_directory.daemon(options=silent.options(**{"directory.job_limit": "2s"}))
        with silent.call("adbad-look") as job:
            procfs.stop(job)
            daemon.wait_log(rf"error steward: process {job}: the steward's job was ended: it was not done after 2 s")
            told = wait_for(lambda: daemon.status()["directory"]["why"], "the look has failed")
            assert "job_limit" in told
        with silent.call("adbad-look") as again:
            assert again != job
        assert daemon.stop() == 0


def test_after_a_killed_job_the_next_look_is_good(lab_with_directory):
    """A directory that stands still while the job waits for it, and then goes on."""
    lab = lab_with_directory
    daemon = lab.daemon()
    daemon.wait_log("directory .* is up")
    with procfs.stopped(lab.directory_pid()):
        job = wait_for(lambda: procfs.child(steward_of(daemon), "adbad-look"), "a look waits for the directory")
        os.kill(job, signal.SIGSEGV)
        wait_for(lambda: daemon.status()["directory"]["state"] == "down", "the look has failed")
    wait_for(lambda: daemon.status()["directory"]["state"] == "up", "the next look is good")
    assert daemon.stop() == 0


def test_without_its_steward_adbad_ends_and_says_so(lab_with_directory):
    daemon = lab_with_directory.daemon()
    steward = steward_of(daemon)
    os.kill(steward, signal.SIGKILL)
    assert daemon.process.wait(timeout=30) == 1
    assert re.search(rf"error the steward process {steward} ended: .*start adbad again", daemon.log())
    assert not procfs.is_alive(steward)
    daemon.start()  # nothing is in the way
    assert daemon.stop() == 0


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_adbad(lab_with_directory, sig):
    with Silence(lab_with_directory) as silent:
        daemon = lab_with_directory.daemon(options=silent.options())
        with silent.call("adbad-look") as job:
            steward = steward_of(daemon)
            assert daemon.stop(sig) == (-sig if sig == signal.SIGKILL else 0)
            wait_for(lambda: not procfs.is_alive(steward) and not procfs.is_alive(job), "nothing is left")


def test_a_steward_that_stands_still_does_not_hold_up_the_end(lab_with_directory):
    daemon = lab_with_directory.daemon()
    daemon.wait_log("directory .* is up")
    steward = steward_of(daemon)
    procfs.stop(steward)
    look_number = daemon.ask("kms.directory-check")["check"]
    assert daemon.status()["directory"]["check"] < look_number  # and nobody waits for it meanwhile
    assert daemon.stop() == 0
    assert not procfs.is_alive(steward)


def test_signals_for_all_processes_at_once_end_it_in_good_order(lab_with_directory):
    """As a service manager or a terminal sends them."""
    daemon = lab_with_directory.daemon()
    daemon.wait_log("directory .* is up")
    steward = steward_of(daemon)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        os.kill(steward, sig)
    assert look(daemon)["state"] == "up"
    assert daemon.stop() == 0
    assert not procfs.is_alive(steward)


IGNORING_SIGCHLD = """import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_jobs_are_buried_where_whoever_started_adbad_ignores_sigchld(lab_with_directory):
    """A program that is started inherits that; ended jobs would then never be noticed, nor how they ended."""
    daemon = lab_with_directory.daemon(prefix=["/usr/bin/python3", "-c", IGNORING_SIGCHLD])
    for _ in range(10):  # more than may run at once
        assert look(daemon)["state"] == "up"
    wait_for(lambda: procfs.children(steward_of(daemon)) == {}, "no job runs")
    assert daemon.stop() == 0


def test_the_steward_has_no_socket_of_the_network(lab, tmp_path):
    """Neither an inherited one, nor a variable that says so."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        inode = os.fstat(listening.fileno()).st_ino
        start = ("import os, sys\nos.dup2(int(sys.argv[1]), 3)\n"
                 "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
                 "os.execv(sys.argv[2], sys.argv[2:])\n")
        daemon = lab.daemon(wait=False, options={"directory.uri": None})
        with open(tmp_path / "log", "wb") as log:
            process = subprocess.Popen(["/usr/bin/python3", "-c", start, str(listening.fileno()),
                                        lab.program("adbad"), "--config", daemon.conf],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       pass_fds=(listening.fileno(),))
        try:
            wait_for(lambda: b"ready: " in (tmp_path / "log").read_bytes(), "adbad serves")
            steward = wait_for(lambda: procfs.child(process.pid, PROCESS), "the steward runs")
            assert f"socket:[{inode}]" in procfs.descriptors(process.pid)
            assert f"socket:[{inode}]" not in procfs.descriptors(steward)
            own = {t for t in procfs.descriptors(steward) if t.startswith("socket:")}
            assert len(own) == 1  # to the network process
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


def test_a_hundred_looks_leave_nothing(lab_with_directory):
    """Other jobs come and go meanwhile, each with a few descriptors for its time: one that is left of each look
    would be twice as many as the difference that is let pass."""
    daemon = lab_with_directory.daemon()
    daemon.wait_log("directory .* is up")
    steward = steward_of(daemon)

    def opened():
        return {pid: sorted(os.listdir(f"/proc/{pid}/fd"), key=int) for pid in (steward, daemon.process.pid)}

    look(daemon)
    before = opened()
    for _ in range(100):
        assert look(daemon)["state"] == "up"
    after = opened()
    assert all(len(after[pid]) < len(before[pid]) + 10 for pid in before), (before, after)
    wait_for(lambda: procfs.children(steward) == {}, "no job is left")
    assert "error" not in daemon.log()


# An account of no rights, if the test has some: what root may do says nothing of others.
AS_NOBODY = """import os, sys
program = os.open(sys.argv[1], os.O_PATH)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
os.execve(program, sys.argv[1:], os.environ)
"""


def test_others_of_our_user_may_not_look_into_the_steward(lab):
    """Nor has it core files: the kernel gives what there is of such a process in /proc to root."""
    daemon = lab.daemon(wait=False, prefix=["/usr/bin/python3", "-c", AS_NOBODY])
    if os.getuid() == 0:
        for folder, _, files in os.walk(lab.folder):
            for name in (folder, *(os.path.join(folder, f) for f in files)):
                os.chown(name, 65534, 65534)
    daemon.start()
    own = os.stat(f"/proc/{daemon.process.pid}/mem").st_uid
    assert own == (os.getuid() or 65534)
    assert os.stat(f"/proc/{steward_of(daemon)}/mem").st_uid == 0

"""Where the log goes: the journal's own protocol, a file that is renamed, stderr."""
import contextlib
import os
import re
import signal
import socket
import subprocess

import pytest

import procfs
from lab import DEADLINE, CommandFailed, wait_for

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Arguments: a folder that becomes /run, then the command.
WITH_RUN = 'mount --bind "$1" /run && shift && exec "$@"'


def kinds():
    """name -> MESSAGE_ID, as the table in the code has them."""
    with open(os.path.join(ROOT, "src", "base", "logkind.h"), encoding="utf-8") as f:
        return dict(re.findall(r'X\(\w+, "([a-z-]+)", "(\w+)"\)', f.read()))


class Journal:
    """Takes datagrams where systemd's journal would."""

    def __init__(self, lab):
        self.run = os.path.join(lab.folder, "run")
        folder = os.path.join(self.run, "systemd", "journal")
        os.makedirs(folder)
        self.path = os.path.join(folder, "socket")
        self.socket = None
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(DEADLINE)

    def prefix(self):
        return ["unshare", "--mount", "sh", "-c", WITH_RUN, "sh", self.run]

    def entry(self):
        """The next one. The simple form only: KEY=value lines."""
        text = self.socket.recv(65536).decode()
        assert text.endswith("\n")
        pairs = [line.split("=", 1) for line in text[:-1].split("\n")]
        assert all(len(pair) == 2 and re.fullmatch("[A-Z][A-Z0-9_]*", pair[0]) for pair in pairs), text
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    def until(self, **wanted):
        while True:
            entry = self.entry()
            if all(entry.get(key) == value for key, value in wanted.items()):
                return entry

    def close(self):
        self.socket.close()
        os.unlink(self.path)


@pytest.fixture(name="journal")
def journal_fixture(lab):
    one = Journal(lab)
    yield one
    one.socket.close()


def launch(lab, journal, **options):
    """Options by name, with _ or . after the section."""
    daemon = lab.daemon(wait=False, prefix=journal.prefix(),
                        options={"log.target": "journal", **{k.replace("_", ".", 1): v for k, v in options.items()}})
    return daemon.launch()


def test_lines_have_the_documented_fields(lab, journal):
    daemon = launch(lab, journal)
    ready = journal.until(ADBAD_KIND="ready")
    assert ready == {"MESSAGE": f"ready: listening on 127.0.0.1:{daemon.port}", "PRIORITY": "6",
                     "SYSLOG_IDENTIFIER": "adbad", "MESSAGE_ID": kinds()["ready"], "ADBAD_KIND": "ready"}
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        closed = journal.until(ADBAD_KIND="connection-closed")
    assert closed["ADBAD_REASON"] == "not-rpc" and closed["ADBAD_COMPONENT"] == "net"
    assert closed["MESSAGE_ID"] == kinds()["connection-closed"]
    assert re.match(r"net: 127\.0\.0\.1:\d+ closed: not-rpc", closed["MESSAGE"])
    assert daemon.stop() == 0
    assert journal.until(ADBAD_KIND="ending")["MESSAGE_ID"] == kinds()["ending"]
    assert "closed:" not in daemon.log() and "ready:" not in daemon.log()  # not told twice


def test_refused_requests_have_their_reason(lab, journal):
    daemon = launch(lab, journal)
    journal.until(ADBAD_KIND="ready")
    machine = os.path.join(lab.folder, "srv")
    lab.client("--machine", machine, "init", "--bundle", lab.bundle, "--product", "Windows Server 2022",
               "--edition", "Standard")
    lab.client("--machine", machine, "/skms", daemon.address)
    lab.client("--machine", machine, "/ato", expect=None)
    entry = journal.until(ADBAD_KIND="activation-refused")
    assert entry["ADBAD_REASON"] == "not-served" and "0xC004F042 not-served" in entry["MESSAGE"]
    lab.install_hostkey(daemon)
    lab.client("--machine", machine, "/ato", expect=None)
    entry = journal.until(ADBAD_KIND="activation")
    assert "answered, count 1" in entry["MESSAGE"] and "ADBAD_REASON" not in entry


@contextlib.contextmanager
def silent_directory(lab):
    """Options of a directory that lets a look hang."""
    path = os.path.join(lab.folder, "silence")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        yield {"directory.uri": "ldapi://" + path.replace("/", "%2F"), "directory.timeout": "60s", "directory.retry": "1s"}


def kill_a_look(daemon):
    """Its pid. The steward tells of it, a process that has none of the daemon's descriptors."""
    steward = wait_for(lambda: procfs.child(daemon.process.pid, "adbad-steward"), "the steward runs")
    job = wait_for(lambda: procfs.child(steward, "adbad-look"), "a look has begun")
    os.kill(job, signal.SIGKILL)
    return job


def test_the_steward_has_the_same_fields(lab_with_directory, journal):
    with silent_directory(lab_with_directory) as options:
        daemon = launch(lab_with_directory, journal, **options)
        job = kill_a_look(daemon)
        entry = journal.until(ADBAD_KIND="steward-job")
        assert entry["MESSAGE"].startswith(f"steward: process {job}: the steward's job ended by signal 9")
        assert (entry["PRIORITY"], entry["ADBAD_REASON"], entry["ADBAD_COMPONENT"]) == ("3", "ended", "steward")
        assert entry["MESSAGE_ID"] == kinds()["steward-job"]
        assert "steward: process" not in daemon.log()
        # Without the journal its lines are not lost.
        journal.close()
        job = kill_a_look(daemon)
        daemon.wait_log(rf"steward: process {job}: the steward's job ended by signal 9")


def test_the_steward_writes_to_the_file(lab_with_directory):
    path = os.path.join(lab_with_directory.folder, "adbad.log")
    with silent_directory(lab_with_directory) as options:
        daemon = lab_with_directory.daemon(options={**options, "log.file": path})
        os.rename(path, path + ".1")  # and to the one that has its name
        job = kill_a_look(daemon)
        wait_for(lambda: os.path.exists(path) and f"steward: process {job}:" in open(path, encoding="utf-8").read(),
                 "the steward's line is in the file")
        assert "steward: process" not in daemon.log()


def test_auto_follows_stderr(lab, journal):
    """JOURNAL_STREAM names the socket that stderr is; if stderr leads elsewhere the variable is not ours."""
    there, here = socket.socketpair()
    with there, here:
        st = os.fstat(there.fileno())
        for stream, wanted in ((f"{st.st_dev}:{st.st_ino}", True), (f"{st.st_dev}:{st.st_ino + 1}", False), ("x", False)):
            daemon = lab.daemon(wait=False, name=f"kms{stream[-3:]}")
            process = subprocess.Popen(
                [*journal.prefix(), lab.program("adbad"), "--config", daemon.conf], stderr=there.fileno(),
                stdin=subprocess.DEVNULL, env={**os.environ, "JOURNAL_STREAM": stream})
            try:
                if wanted:
                    journal.until(ADBAD_KIND="ready")
                else:
                    here.settimeout(DEADLINE)
                    text = b""
                    while b"ready: listening" not in text:
                        text += here.recv(65536)
                    journal.socket.setblocking(False)
                    with pytest.raises(BlockingIOError):
                        journal.entry()
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(DEADLINE) == 0
            journal.socket.setblocking(False)
            while True:
                try:
                    journal.entry()
                except BlockingIOError:
                    break
            journal.socket.settimeout(DEADLINE)


def test_without_a_journal_it_does_not_start(lab):
    with pytest.raises(CommandFailed, match=r"ended with \d+:\n.*reach the journal at /run/systemd/journal/socket"):
        os.makedirs(os.path.join(lab.folder, "empty"))
        lab.daemon(options={"log.target": "journal"},
                   prefix=["unshare", "--mount", "sh", "-c", WITH_RUN, "sh", os.path.join(lab.folder, "empty")])


def test_a_journal_that_takes_nothing_holds_nobody_up(lab, journal):
    """Its socket is full from the first lines on; what is lost is told when it takes lines again."""
    daemon = launch(lab, journal)
    journal.until(ADBAD_KIND="ready")
    for _ in range(400):  # more than any socket's queue of datagrams
        with socket.create_connection(("127.0.0.1", daemon.port)) as s:
            s.sendall(b"x")
            s.settimeout(DEADLINE)
            while s.recv(100):
                pass
    wait_for(lambda: daemon.status()["connections"]["closed"]["not-rpc"] >= 400, "400 are closed")
    journal.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            journal.entry()
    journal.socket.settimeout(DEADLINE)
    daemon.stop()
    lost = journal.until(ADBAD_KIND="more", ADBAD_REASON="journal")
    assert int(lost["MESSAGE"].split()[0]) > 0


def test_a_renamed_file_is_left_at_sigusr1_and_nothing_else_happens(lab):
    path = os.path.join(lab.folder, "adbad.log")
    daemon = lab.daemon(options={"log.file": path})
    with open(path, encoding="utf-8") as f:
        assert re.search(r"^\d{4}-\d\d-\d\dT\S+Z info  ready: listening on ", f.read(), re.M)
    os.rename(path, path + ".1")
    inode = os.stat(path + ".1").st_ino
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        s.sendall(b"GET /")
        wait_for(lambda: "not-rpc" in open(path + ".1", encoding="utf-8").read(), "the old file is written on")
    # What is being edited at that moment is not for now.
    daemon.options["kms.mode"] = "refuse"
    daemon.write_conf()
    daemon.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(path) and path + ".1" not in procfs.descriptors(daemon.process.pid), "the new file")
    assert os.stat(path).st_ino != inode and os.stat(path).st_mode & 0o777 == 0o640
    before = os.path.getsize(path + ".1")
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        s.sendall(b"GET /")
        wait_for(lambda: "not-rpc" in open(path, encoding="utf-8").read(), "the new file is written")
    assert os.path.getsize(path + ".1") == before
    # A folder that is gone: the old file is written on, and says why.
    os.rename(path, path + ".2")
    os.mkdir(path)
    daemon.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: "open the log" in open(path + ".2", encoding="utf-8").read(), "the failure is told")
    said = open(path + ".1", encoding="utf-8").read() + open(path + ".2", encoding="utf-8").read()
    assert "configuration" not in said
    # SIGHUP is a reload, and opens the file too.
    os.rmdir(path)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(path) and "configuration reloaded: 1 key " in open(path, encoding="utf-8").read(),
             "it is reloaded, into the new file")
    assert daemon.stop() == 0


def test_the_document_has_every_kind():
    with open(os.path.join(ROOT, "docs", "logs.md"), encoding="utf-8") as f:
        documented = dict(re.findall(r"^\| `([a-z-]+)` \| `(\w{32})` \| \S", f.read(), re.M))
    assert documented == kinds()
    assert len(set(documented.values())) == len(documented)


def test_every_line_of_the_daemon_has_a_kind():
    """Only what is told once and to a person may go without."""
    plain = []
    for folder in ("daemon", "jobs", "net", "relay", "steward", "web"):
        for name in sorted(os.listdir(os.path.join(ROOT, "src", folder))):
            if name.endswith(".c"):
                with open(os.path.join(ROOT, "src", folder, name), encoding="utf-8") as f:
                    plain += [f"{folder}/{name}: {line.strip()}" for line in f
                              if re.search(r"\blog_(error|warn|info|debug|at|write|limited)\(", line)]
    assert plain == []

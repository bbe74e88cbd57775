"""adbad while it serves: ledger, counts, shutdown, crash, full disk, directory, control socket."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import threading
import uuid

import pytest

import kms_model as model
from kms_lab import Clients
from lab import Lab, read_until_closed, wait_for
from ledger_model import Ledger
from rpc_pdu import answer_of, bind_pdu, read_pdu, request_pdu

SERVER_2022 = "Volume License for Windows Server 2022"


@pytest.fixture(name="host")
def host_with_a_server_key(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    return daemon


@pytest.fixture(name="clients")
def clients_of_the_host(lab, host):
    return Clients(lab, host.port)


def windows(status):
    return status["applications"][0]


def rows(host, *options):
    return host.ctl("kms", "activations", "--json", *options).json["activations"]


# -- counting and the ledger --

def test_an_answered_request_is_in_the_ledger(host, clients):
    cmid = uuid.uuid4()
    clients.count(client_id=cmid, workstation="PC-7", status=2)
    (row,) = rows(host)
    assert row["client_id"] == str(cmid)
    assert (row["workstation"], row["product"], row["edition"]) == ("PC-7", "Windows 11",
                                                                    "Enterprise")
    assert (row["channel"], row["version"], row["count"]) == ("kms", 6, 1)
    assert row["peer"].startswith("127.0.0.1:")


def test_status_has_the_counters_of_a_kms_host(host, clients):
    for status in (0, 1, 1, 2, 5):
        clients.count(status=status)
    clients.ask(kms_id=uuid.uuid4())
    wait_for(lambda: host.status()["totals"]["failed"] == 1, "the refusal is counted")
    status = host.status()
    assert status["totals"]["answered"] == 5
    by_status = status["totals"]["requests_by_status"]
    assert {k: v for k, v in by_status.items() if v} == {
        "unlicensed": 1, "licensed": 2, "initial_grace": 1, "notification": 1}
    assert status["refused"]["not-served"] == 1
    assert (windows(status)["count"], windows(status)["capacity"]) == (5, 50)
    text = host.ctl("kms", "status").out
    assert "Current count, Windows" in text and SERVER_2022 in text


def test_a_crowd_is_summed_up_in_the_log(lab):
    host = lab.daemon(options={"log.level": "info"})
    lab.install_hostkey(host)
    clients = Clients(lab, host.port)
    one, foreign = clients.seal(), clients.seal(kms_id=uuid.uuid4())
    with clients.connect() as connection:
        for _ in range(250):
            connection.call(one)
            connection.call(foreign)

    def told(line, more):
        log = host.log()
        return (len(re.findall(line, log)) +
                sum(int(n) for n in re.findall(rf"… and (\d+) more {more}", log)))

    wait_for(lambda: told(": answered, count ", "activations answered") == 250, "every answer is told")
    wait_for(lambda: told(": refused, 0x", "activations refused: not-served") == 250, "every refusal is told")
    assert host.status()["totals"]["answered"] == 250


def test_the_ledger_can_be_read_without_a_daemon(host, clients):
    clients.count()
    clients.count()
    host.stop()
    assert [row["count"] for row in rows(host)] == [2, 1]
    assert [row["count"] for row in rows(host, "--limit", "1")] == [2]


def test_old_activations_can_be_left_out(lab, host, clients):
    clients.count()
    host.ctl("clock", "advance", "8d")
    lab_now = host.ctl("clock", "show", "--json").json["now"]
    clients.count(client_time=(lab_now + 11644473600) * 10_000_000)
    assert len(rows(host)) == 2
    assert [row["when"] >= lab_now for row in rows(host, "--since", "7d")] == [True]


def test_clients_are_forgotten_after_thirty_silent_days(host, clients):
    clients.count()
    host.ctl("clock", "advance", "31d")
    assert windows(host.status())["count"] == 0


def test_clients_of_another_realm_are_counted_as_foreign(lab, host):
    with Lab(realm="OTHER") as other:
        strangers = Clients(lab, host.port, bundle=other.bundle)
        assert strangers.ask() == (None, 0xC004F042)
        host.wait_log(r"warn .*127\.0\.0\.1:\d+.*0xC004F042 foreign.*another realm.*version 6\.0")
    assert host.status()["refused"]["foreign"] == 1
    assert windows(host.status())["count"] == 0


def test_removing_the_host_key_ends_service_at_once(host, clients):
    clients.count()
    host.ctl("hostkey", "uninstall", SERVER_2022)
    assert clients.ask() == (None, 0xC004F042)


# -- the end --

def test_sigterm_ends_it_in_good_order(host, clients):
    clients.count()
    assert host.stop(signal.SIGTERM) == 0
    assert not os.path.exists(host.control)
    # A clean close leaves a write-ahead log without anything in it; the lock may stay, but nobody holds it.
    state = os.path.join(host.folder, "state")
    assert sorted(set(os.listdir(state)) - {"ledger.db.lock"}) == ["dns", "host.id", "hostkeys", "ledger.db",
                                                                   "ledger.db-shm", "ledger.db-wal"]
    assert os.path.getsize(os.path.join(state, "ledger.db-wal")) == 0


def test_sigint_ends_it_too(host):
    assert host.stop(signal.SIGINT) == 0


def test_open_connections_do_not_hold_up_the_end(lab):
    """One of them may stay silent for a day."""
    host = lab.daemon(options={"kms.idle": "1d"})
    lab.install_hostkey(host)
    clients = Clients(lab, host.port)
    with clients.connect() as bound, socket.create_connection(("127.0.0.1", host.port)) as bare:
        clients.count(connection=bound)
        bare.sendall(b"\5\0\13")
        assert host.stop() == 0
        assert read_until_closed(bare) == b""


def test_a_restart_remembers_the_count(host, clients):
    cmids = [uuid.uuid4() for _ in range(20)]
    for cmid in cmids:
        clients.count(client_id=cmid)
    assert host.stop() == 0
    host.start()
    assert windows(host.status())["count"] == 20
    assert clients.count(client_id=cmids[3]) == 20
    assert clients.count() == 21


def test_a_killed_daemon_has_lost_nothing(host, clients):
    cmids = [str(uuid.uuid4()) for _ in range(12)]
    for cmid in cmids:
        clients.count(client_id=uuid.UUID(cmid))
    assert host.kill() == -signal.SIGKILL
    host.start()
    assert [row["client_id"] for row in reversed(rows(host))] == cmids
    assert clients.count() == 13
    assert host.status()["totals"]["answered"] == 13


def test_the_room_for_clients_outlives_a_restart(lab, host):
    servers = Clients(lab, host.port, "Windows Server 2022", "Standard")
    for _ in range(12):
        servers.count()
    assert windows(host.status())["capacity"] == 10
    assert windows(host.status())["count"] == 10
    host.kill()
    host.start()
    assert windows(host.status())["capacity"] == 10
    assert windows(host.status())["count"] == 10


def activations_read(host):
    """How many rows the last start read to know the count."""
    return int(re.findall(r"the count goes on from what was saved and (\d+) activations since", host.log())[-1])


def test_a_clean_end_saves_the_count_and_a_start_reads_what_came_since(host, clients):
    for _ in range(7):
        clients.count()
    assert host.stop() == 0
    host.start()
    assert activations_read(host) == 0
    assert clients.count() == 8
    host.kill()
    host.start()
    assert activations_read(host) == 1
    assert clients.count() == 9


def test_a_damaged_saved_count_is_not_used(host, clients):
    cmids = [uuid.uuid4() for _ in range(5)]
    for cmid in cmids:
        clients.count(client_id=cmid)
    assert host.stop() == 0
    with sqlite3.connect(os.path.join(host.folder, "state", "ledger.db")) as db:
        assert db.execute("UPDATE count_applications SET room = room + 2").rowcount == 1
    db.close()
    host.start()
    assert "checksum does not hold; it is not used, every activation is read" in host.log()
    assert activations_read(host) == 5
    assert windows(host.status())["capacity"] == 50
    assert clients.count(client_id=cmids[0]) == 5


def test_a_host_that_forgets_begins_empty_at_every_start(lab):
    host = lab.daemon(name="forgetful", options={"kms.restart": "forget"})
    lab.install_hostkey(host)
    clients = Clients(lab, host.port)
    for _ in range(6):
        clients.count()
    for end in (host.stop, host.kill):
        end()
        host.start()
        assert windows(host.status())["count"] == 0
        assert windows(host.status())["capacity"] == 0
        assert [clients.count() for _ in range(3)] == [1, 2, 3]
    assert host.status()["totals"]["answered"] == 12  # the rows are all there


# -- disk full --

class SmallDisk:
    """A daemon whose state lies on a small file system, seen by it alone."""

    def __init__(self, lab, size="512k"):
        self.daemon = lab.daemon(wait=False)
        self.state = os.path.join(self.daemon.folder, "state")
        rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
        self.daemon.prefix = [
            "unshare", "--mount", *rootless, "--", "sh", "-c",
            f'mount -t tmpfs -o size={size},mode=0700 tmpfs "{self.state}" && '
            f'cp -r "{self.state}.keys/." "{self.state}" && exec "$@"', "sh"]
        lab.install_hostkey(self.daemon)
        os.rename(self.state, self.state + ".keys")
        os.mkdir(self.state, mode=0o700)
        self.daemon.start()

    def path(self, name):
        """The namespace's view, through the process that lives in it."""
        return f"/proc/{self.daemon.process.pid}/root{self.state}/{name}"

    @property
    def filler(self):
        return self.path("filler")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    continue

    def free(self):
        os.remove(self.filler)


@pytest.fixture(name="disk")
def small_disk(lab):
    return SmallDisk(lab)


def test_nothing_is_answered_that_a_full_disk_could_not_record(lab, disk):
    clients = Clients(lab, disk.daemon.port)
    assert [clients.count() for _ in range(3)] == [1, 2, 3]
    disk.fill()
    lost = uuid.uuid4()
    assert clients.is_left_unanswered(client_id=lost)
    disk.daemon.wait_log(r"error ledger: .*(full|No space).*not recorded and therefore not answered")
    # And it stays so, without another error line for each.
    assert clients.is_left_unanswered()
    assert clients.is_left_unanswered()
    assert len([x for x in disk.daemon.log().splitlines() if " error " in x]) == 1
    status = disk.daemon.status()
    assert status["ledger"]["state"] == "down" and status["ledger"]["why"]
    disk.free()
    disk.daemon.wait_log(r"info .*the ledger is back")
    # Who got no answer does not count.
    assert clients.count() == 4
    status = disk.daemon.status()
    assert status["ledger"]["state"] == "up"
    assert (status["totals"]["answered"], windows(status)["count"]) == (4, 4)
    log = disk.daemon.log()
    assert str(lost) not in log


class Crowd:
    """Machines that ask one after the other on connections of their own, on several threads; who was told what."""

    def __init__(self, clients, threads=6):
        self.clients = clients
        self.over = threading.Event()
        self.told = {}  # client id -> count
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                with socket.create_connection(("127.0.0.1", self.clients.port), timeout=20) as s:
                    self.ask(s)

    def ask(self, s):
        """Until the connection is closed without an answer, as when the ledger is down."""
        s.sendall(bind_pdu())
        bound = read_pdu(s)
        while bound and not self.over.is_set():
            client_id = uuid.uuid4()
            sealed = self.clients.seal(client_id=client_id)
            s.sendall(request_pdu(sealed))
            answer = read_pdu(s)
            if not answer:
                break
            message, result = answer_of(answer[24:])
            assert result == 0
            self.told[client_id.bytes_le] = model.open_response(self.clients.keys, sealed, message).count

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_a_crowd_is_told_what_the_rows_say_whenever_the_disk_is_full(lab):
    disk = SmallDisk(lab, "4m")
    with Crowd(Clients(lab, disk.daemon.port)) as crowd:
        for times in (1, 2, 3):
            before = len(crowd.told)
            wait_for(lambda: len(crowd.told) >= before + 50, "machines are answered")
            disk.fill()
            disk.daemon.wait_log(rf"(?s)(error ledger: .*?){{{times}}}")
            disk.free()
            disk.daemon.wait_log(rf"(?s)(the ledger is back.*?){{{times}}}")
    for name in ("ledger.db", "ledger.db-wal"):  # nobody writes now
        shutil.copy(disk.path(name), lab.folder)
    ledger = Ledger(os.path.join(lab.folder, "ledger.db"))
    counts = {row.client_id: row.count for row in ledger.read_on()}  # each as the rows before it say
    assert {k: counts.get(k) for k in crowd.told} == crowd.told
    assert disk.daemon.status()["totals"]["answered"] == ledger.answered() == len(counts)
    assert ledger.is_intact()


def test_requests_that_came_together_share_their_fate(lab, disk):
    clients = Clients(lab, disk.daemon.port)
    assert clients.count() == 1
    disk.fill()
    with socket.create_connection(("127.0.0.1", clients.port), timeout=20) as s:
        s.sendall(bind_pdu())
        read_pdu(s)
        s.sendall(b"".join(request_pdu(clients.seal(), call_id) for call_id in range(2, 12)))
        assert read_pdu(s) == b""
    disk.free()
    disk.daemon.wait_log(r"the ledger is back")
    assert clients.count() == 2


def test_requests_that_came_together_share_one_commit(host, clients):
    with socket.create_connection(("127.0.0.1", clients.port), timeout=20) as s:
        s.sendall(bind_pdu())
        read_pdu(s)
        before = host.status()["ledger"]
        s.sendall(b"".join(request_pdu(clients.seal(), call_id) for call_id in range(2, 12)))
        seen = sum(len(s.recv(65536)) for _ in range(1))
        wait_for(lambda: host.status()["ledger"]["recorded"] == before["recorded"] + 10, "ten rows")
        after = host.status()["ledger"]
    assert seen > 0
    assert after["commits"] - before["commits"] <= 3


# -- the directory --

def test_a_directory_that_is_down_at_start_is_picked_up_when_it_comes(lab):
    lab.directory_up()
    lab.directory_down()
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    daemon.wait_log(r"warn .*directory ldapi://.* is not usable: .*KMS requests are served")
    assert daemon.status()["directory"]["state"] == "down"
    assert Clients(lab, daemon.port).count() == 1
    lab.directory_up()
    daemon.wait_log(r'info .*directory ldapi://.* is up: forest "lab\.example", 0 activation')
    assert daemon.status()["directory"]["state"] == "up"


def test_a_directory_that_goes_away_is_told_once(lab):
    lab.directory_up()
    daemon = lab.daemon()
    daemon.wait_log(r"directory .* is up")
    lab.directory_down()
    daemon.wait_log(r"directory .* is not usable")
    before = daemon.status()["directory"]["check"]
    wait_for(lambda: daemon.status()["directory"]["check"] >= before + 2, "two more looks")
    assert len([x for x in daemon.log().splitlines() if "is not usable" in x]) == 1


def test_activation_objects_are_verified(lab):
    lab.directory_up()
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    daemon.ctl("ao", "create", "--group", SERVER_2022, "--name", "Lab servers")
    daemon.ask("kms.directory-check")
    daemon.wait_log(r"is up: .* 1 activation object, 1 good")
    (seen,) = daemon.status()["directory"]["objects"]
    assert (seen["name"], seen["verdict"], seen["group"]) == ("Lab servers", "good", SERVER_2022)
    assert seen["days_left"] in (729, 730)
    daemon.ctl("clock", "advance", "731d")
    daemon.ask("kms.directory-check")
    daemon.wait_log(r"is up: .* 1 activation object, 0 good")


def test_a_wrong_password_is_told(lab):
    lab.directory_up()
    path = os.path.join(lab.folder, "wrong.password")
    with open(path, "w", encoding="utf-8") as f:
        f.write("nonsense\n")
    os.chmod(path, 0o600)
    daemon = lab.daemon(options={"directory.password_file": path})
    daemon.wait_log(r"directory .* is not usable: ")
    assert daemon.status()["directory"]["state"] == "down"
    assert "nonsense" not in daemon.log()


def test_the_end_does_not_wait_for_a_silent_directory(lab):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        daemon = lab.daemon(options={
            "directory.uri": f"ldap://127.0.0.1:{silent.getsockname()[1]}",
            "directory.mechanism": "none", "directory.timeout": "300s"})
        lab.install_hostkey(daemon)
        silent.accept()
        assert Clients(lab, daemon.port).count() == 1
        assert daemon.stop() == 0


# -- the control socket --

@pytest.mark.parametrize("line, error", [
    ("", "malformed"),
    ("{", "malformed"),
    ("nonsense", "malformed"),
    ("[]", "wrong usage"),
    ("{}", "wrong usage"),
    ('{"cmd": 7}', "wrong usage"),
    ('{"cmd": "no.such"}', "not found"),
    ('{"cmd": "x%s"}' % ("ä" * 900), "not found"),
    ('{"cmd": "ping", "cmd": "ping"}', "malformed"),
    ('{"cmd": "ping", "more": 1}', "wrong usage"),
    ('{"cmd": "clock.advance"}', "wrong usage"),
    ('{"cmd": "clock.advance", "seconds": "1"}', "wrong usage"),
    ('{"cmd": "clock.advance", "seconds": -1}', "refused"),
    ('{"cmd": "kms.directory-check"}', "configuration error"),
])
def test_a_bad_control_line_is_answered_and_the_next_is_served(host, line, error):
    with host.connect() as s, s.makefile("rw") as f:
        f.write(line + '\n{"cmd": "ping"}\n')
        f.flush()
        answer = json.loads(f.readline())
        assert (answer["ok"], answer["error"]) == (False, error)
        assert answer["text"]
        assert json.loads(f.readline())["ok"] is True


def test_a_slow_reader_gets_every_answer_whole(host):
    ask = b'{"cmd": "kms.status"}\n'
    with host.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(100):
            s.sendall(ask * 5)
        with s.makefile("rb") as f:
            assert all(json.loads(f.readline())["ok"] for _ in range(500))


def test_lines_sent_together_are_answered_one_by_one(host):
    """More than one line may have, before any answer is read."""
    line = b'{"cmd": "ping"}\n'
    count = 65536 // len(line)
    with host.connect() as s:
        sender = threading.Thread(target=s.sendall, args=(line * count,))
        sender.start()
        with s.makefile("rb") as answers:
            told = {answers.readline() for _ in range(count)}
        sender.join()
    assert len(told) == 1 and json.loads(told.pop())["ok"] is True


def test_a_control_line_without_end_is_cut_off(host):
    with host.connect() as s:
        try:
            s.sendall(b"x" * 100_000)
        except OSError:
            pass
        s.settimeout(20)
        try:
            assert read_until_closed(s) == b""
        except ConnectionResetError:
            pass
    assert host.ask("ping")["ok"]


def test_silent_control_clients_hold_nobody_up(host, clients):
    silent = [host.connect() for _ in range(8)]
    assert host.ask("ping")["ok"]
    assert clients.count() == 1
    for s in silent:
        s.close()


def test_the_clock_moves_through_the_control_socket(host):
    before = host.ctl("clock", "show", "--json").json["now"]
    answer = host.ask("clock.advance", seconds=86400)
    assert answer["ok"] and 86400 <= answer["now"] - before < 86400 + 60
    assert host.ctl("clock", "show", "--json").json["now"] >= answer["now"]


def test_what_is_set_at_run_time_is_on_disk_when_it_is_answered(host):
    """Another process writes it."""
    assert host.ask("kms.set", renewal_interval=30, dns_publishing=False)["ok"]
    host.kill()
    host.start()
    kept = host.ask("kms.status")["status"]["overrides"]
    assert (kept["renewal_interval"], kept["dns_publishing"]) == (30, False)


def test_what_cannot_be_kept_is_not_set(host):
    """The steward says why."""
    name = os.path.join(host.folder, "state", "overrides.json")
    os.mkdir(name)
    answer = host.ask("kms.set", renewal_interval=30)
    assert not answer["ok"] and name in answer["text"]
    assert "renewal_interval" not in host.ask("kms.status")["status"]["overrides"]
    os.rmdir(name)
    assert host.ask("kms.set", renewal_interval=30)["ok"]


def test_outside_lab_mode_there_is_no_clock_to_move(lab):
    daemon = lab.daemon(options={"lab.enabled": "no", "lab.clock": None})
    assert daemon.ask("clock.advance", seconds=1)["error"] == "configuration error"
    assert daemon.ctl("clock", "advance", "1d", expect=None).code != 0


def test_status_needs_a_running_daemon(lab):
    daemon = lab.daemon(wait=False)
    result = daemon.ctl("kms", "status", expect=6)
    assert daemon.control in result.err


# -- more connections than there can be (bad bytes: test_rpc_bad_input.py) --

def test_when_descriptors_run_out_accepting_pauses_and_recovers(lab):
    daemon = lab.daemon(wait=False, options={"kms.workers": "2"})
    daemon.prefix = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"]
    daemon.start()
    lab.install_hostkey(daemon)
    clients = Clients(lab, daemon.port)
    with clients.connect() as early:
        crowd = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(200)]
        daemon.wait_log(r"accepting pauses with \d+ connections open: Too many open files")
        assert clients.count(connection=early) == 1
        for s in crowd:
            s.close()
        assert clients.count() == 2


def test_one_source_cannot_take_all_connections(lab):
    daemon = lab.daemon()
    lab.install_hostkey(daemon)
    crowd = []
    try:
        for _ in range(600):
            crowd.append(socket.create_connection(("127.0.0.1", daemon.port)))
        daemon.wait_log(r"closed: source-limit")
        other = socket.create_connection(("127.0.0.1", daemon.port), source_address=("127.0.0.9", 0))
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
        read_until_closed(other)
        other.close()
        assert daemon.status()["connections"]["closed"]["not-rpc"] == 1
    finally:
        for s in crowd:
            s.close()

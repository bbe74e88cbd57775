"""adbaclient fleet --wire and --report: the fleet's questions and reports at a running adbad. Expected figures come from the daemon's own
status and ledger, which know nothing of the fleet, and from the public rules (25, 5; a room of 50)."""
import itertools
import json
import re
import signal
import socket
import subprocess
import threading

import pytest

from lab import DEADLINE, free_port, wait_for
from relay_lab import Tap
from rpc_pdu import BIND_ACK, RESPONSE

UNREACHABLE, USAGE, FAILED = 6, 2, 1
NOT_SERVED = "0xC004F042"


@pytest.fixture(name="host")
def host_that_serves(lab):
    daemon = lab.daemon(options={"log.level": "warn"})
    lab.install_hostkey(daemon)
    return daemon


def argv(lab, address, *options):
    return [lab.program("adbaclient"), "fleet", "--domain-share", "0", "--wire", address, "--bundle", lab.bundle,
            *options]


def fleet(lab, address, *options):
    return subprocess.run(argv(lab, address, *options), capture_output=True, timeout=120, check=False, text=True)


def report(lab, address, *options):
    done = fleet(lab, address, *options, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_host_tells_what_the_fleet_met(lab, host):
    result = report(lab, host.address, "--clients", "1500", "--days", "2", "--arrive", "1d", "--presence", "always",
                    "--mix", "Windows 11 Enterprise=70,Windows Server 2022 Standard=30")
    wire, status = result["wire"], host.status()
    windows = status["applications"][0]
    assert wire["requests"] == sum(day["requests"]["kms"] for day in result["series"])
    # Each machine once, and those before the thresholds again after two hours.
    assert wire["requests"] >= 1500 and wire["results"] == {"0x00000000": wire["requests"]}
    assert status["totals"]["answered"] == wire["requests"]
    assert status["totals"]["failed"] == 0
    assert result["windows"]["askers"] == 1500
    assert wire["windows"]["told"] == windows["count"] == 50
    assert wire["windows"]["simulated"] == 50 and wire["windows"]["minutes_differed"] == 0
    assert wire["office"]["minutes_agreed"] == 0
    assert status["connections"]["accepted"] == wire["connections"] <= 16
    latency = wire["latency_us"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"]
    assert result["series"][-1]["licensed"]["kms"] == 1500
    contacts = host.ctl("kms", "contacts", "--json", "--limit", "0").json["contacts"]
    assert len({c["client_id"] for c in contacts}) == 1500
    assert {c["workstation"] for c in contacts} == {f"FLEET-{n + 1}" for n in range(1500)}


def test_the_same_seed_is_the_same_machines(lab, host):
    options = ["--clients", "30", "--days", "1", "--arrive", "2h", "--presence", "always", "--replace", "0"]
    first = report(lab, host.address, *options, "--connections", "1")
    again = report(lab, host.address, *options, "--connections", "1")
    assert first["wire"]["windows"]["told"] == again["wire"]["windows"]["told"] == 30
    assert again["wire"]["windows"]["minutes_differed"] > 0  # the host knew them from the beginning
    assert again["wire"]["connections"] == 1
    assert report(lab, host.address, *options, "--seed", "2")["wire"]["windows"]["told"] == 50


def test_refusals_are_told_and_come_back_as_the_daemon_counts_them(lab, host):
    result = report(lab, host.address, "--clients", "40", "--days", "1", "--arrive", "1h", "--presence", "always",
                    "--mix", "Office LTSC 2024 Professional Plus=1")
    wire = result["wire"]
    assert list(wire["results"]) == [NOT_SERVED] and wire["requests"] >= 40
    status = host.status()
    assert status["refused"]["not-served"] == status["totals"]["failed"] == wire["requests"]
    assert sum(day["failed"][NOT_SERVED] for day in result["series"]) == wire["requests"]
    wait_for(lambda: len(host.ctl("kms", "events", "--json", "--limit", "0").json["events"]) == wire["requests"],
             "an event for each")


def test_the_text_has_a_part_about_the_wire(lab, host):
    out = fleet(lab, host.address, "--clients", "30", "--days", "1", "--arrive", "1h", "--presence", "always").stdout
    assert f"On the wire, from 127.0.0.1 port {host.port}:" in out
    assert re.search(r"Count, Windows: +told 30, simulated 30; the same in (\d+) of \1 minutes", out)
    assert re.search(r"Time to answer: +median [\d.]+ ms", out)


def long_run(lab, host, *options):
    """A run that has asked many times and would go on for long."""
    run = subprocess.Popen(
        argv(lab, host.address, "--clients", "2000", "--days", "3650", "--arrive", "1h", "--presence", "always",
             *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: host.status()["totals"]["answered"] > 2500, "the fleet asks")
    return run


def test_a_daemon_that_dies_ends_the_run_with_its_cause(lab, host):
    with long_run(lab, host) as run:
        host.kill()
        out, err = run.communicate(timeout=DEADLINE)
    assert run.returncode == UNREACHABLE
    assert re.search(rf"ask 127.0.0.1 port {host.port}, after \d+ answers: .*; that was on day \d+", err), err
    assert re.search(r"Requests: +\d+ in ", out)  # what there was is told


def test_ctrl_c_ends_it_and_tells_what_there_was(lab, host):
    with long_run(lab, host, "--speed", "100000000") as run:
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=DEADLINE)
    assert run.returncode == FAILED and "interrupted" in err
    told = int(re.search(r"Requests: +(\d+) in ", out).group(1))
    assert told > 2500
    assert told <= host.status()["totals"]["answered"] <= told + 16


@pytest.mark.lengthy
def test_connections_that_the_host_closed_are_opened_again(lab):
    host = lab.daemon(options={"kms.idle": "1s"})
    lab.install_hostkey(host)
    result = report(lab, host.address, "--clients", "4", "--days", "1", "--arrive", "1m", "--presence", "always",
                    "--replace", "0", "--speed", "3000", "--connections", "2")
    assert result["wire"]["connections"] > 2  # too few for any threshold: eleven pauses of two hours, each 2.4 seconds
    assert host.status()["totals"]["answered"] == result["wire"]["requests"]


def test_a_connection_that_ends_before_it_was_used_is_no_host_that_is_away(lab, host):
    """The others of its batch are answered meanwhile."""
    acks, answered = itertools.count(), threading.Event()

    def change(data):
        if data[2] == RESPONSE:
            answered.set()
        if data[2] == BIND_ACK and next(acks) == 1:
            assert answered.wait(DEADLINE)
            return data[:8]
        return data

    with Tap(host.port, change) as tap:
        result = report(lab, tap.address, "--clients", "4", "--days", "1", "--arrive", "1m", "--presence", "always",
                        "--replace", "0", "--connections", "2")
    assert result["wire"]["connections"] == 3
    assert host.status()["totals"]["answered"] == result["wire"]["requests"]


def test_activations_through_the_directory_are_told(lab, host):
    """Half of the machines are members: they ask no host, and tell; the others ask."""
    result = report(lab, host.address, "--clients", "40", "--days", "1", "--arrive", "1h", "--presence", "always",
                    "--replace", "0", "--move", "0", "--domain-share", "0.5", "--report", host.address)
    told, status = result["reports"], host.status()
    assert told["sent"] == sum(day["requests"]["ad"] for day in result["series"]) >= 20
    assert told["results"] == {"0x00000000": told["sent"]} and status["self_reports"]["taken"] == told["sent"]
    machines = {row["workstation"]: row for row in host.ctl("report", "machines", "--json").json["machines"]}
    members = {name for name, row in machines.items() if row["self_reported"]}
    assert len(machines) == 40 and len(members) == 20
    assert {row["channel"] for name, row in machines.items() if name in members} == {"adba"}
    contacts = host.ctl("kms", "contacts", "--json", "--limit", "0").json["contacts"]
    assert {c["workstation"] for c in contacts} == machines.keys() - members
    assert status["totals"]["answered"] == result["wire"]["requests"]


def test_reports_that_are_refused_are_counted_by_result(lab, host, tmp_path):
    lab.adbactl("realm", "init", "OTHER", tmp_path / "realm")
    done = subprocess.run(
        [lab.program("adbaclient"), "fleet", "--clients", "3", "--days", "1", "--arrive", "1h", "--domain-share", "1",
         "--presence", "always", "--replace", "0", "--move", "0",
         "--report", host.address, "--bundle", str(tmp_path / "realm" / "client.bundle")],
        capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0 and re.search(r"Refused: +3 with 0xC004F042", done.stdout), done.stdout
    assert host.status()["self_reports"]["foreign"] == 3


def test_nobody_to_be_told(lab):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    done = subprocess.run([lab.program("adbaclient"), "fleet", "--clients", "5", "--days", "1", "--domain-share", "1",
                           "--presence", "always", "--report", address, "--bundle", lab.bundle],
                          capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == UNREACHABLE and f"tell {address}, after 0 reports" in done.stderr


def test_nobody_there(lab):
    port = free_port()
    done = fleet(lab, f"127.0.0.1:{port}", "--clients", "5", "--days", "1")
    assert done.returncode == UNREACHABLE and f"port {port}, after 0 answers" in done.stderr


def test_a_host_that_is_no_kms_host(lab):
    with socket.create_server(("127.0.0.1", 0)) as server:
        def speak():
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"220 mail.example ESMTP\r\n" * 4)
                peer.recv(4096)
        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        done = fleet(lab, f"127.0.0.1:{server.getsockname()[1]}", "--clients", "5", "--days", "1")
    assert done.returncode not in (0, UNREACHABLE) and "ask 127.0.0.1" in done.stderr


@pytest.mark.parametrize("options, said", [
    (["--wire", "127.0.0.1", "--hosts", "2"], "leave out --hosts"),
    (["--wire", "127.0.0.1", "--outage", "kms:1d+1d"], "--outage takes dc and object"),
    (["--wire", "127.0.0.1"], "--bundle FILE"),
    (["--wire", "127.0.0.1:", "--bundle", "x"], "HOST or HOST:PORT"),
    (["--wire", "127.0.0.1:70000", "--bundle", "x"], "HOST or HOST:PORT"),
    (["--wire", "[::1", "--bundle", "x"], "HOST or HOST:PORT"),
    (["--report", "127.0.0.1"], "--bundle FILE"),
    (["--report", "[::1", "--bundle", "x"], "HOST or HOST:PORT"),
])
def test_options_without_sense_are_refused(lab, options, said):
    done = subprocess.run([lab.program("adbaclient"), "fleet", *options], capture_output=True, timeout=30, check=False,
                          text=True)
    assert done.returncode == USAGE and said in " ".join(done.stderr.split()), done.stderr

"""The dialler: of adbad's processes the one that connects to upstreams and asks DNS for them, and does nothing else.
Looked at from outside, by what the system shows of the processes and by stopping and killing them."""
import json
import os
import re
import signal
import socket

import pytest

import procfs
from fakehost import FakeHost
from lab import Lab, wait_for
from relay_lab import QUICK, UNAVAILABLE, Gateway, outcome

PROCESS = "adbad-dialler"
REFUSED = 0xC004F074  # what the upstream says: it comes back as it is
NO_ANSWER = ("fault", UNAVAILABLE)
BRIEF = {**QUICK, "relay.patience": "3s", "relay.check": "1h"}


@pytest.fixture(name="other", scope="module")
def realm_b():
    with Lab(realm="B") as b:
        yield b


@pytest.fixture(name="host")
def upstream():
    with FakeHost(lambda message: (b"", REFUSED)) as host:
        yield host


def dialler_of(daemon):
    return wait_for(lambda: procfs.child(daemon.process.pid, PROCESS), "the dialler runs")


def sockets_of(pid):
    return {t for t in procfs.descriptors(pid) if t.startswith("socket:")}


def sockets_in(table):
    """Those of a table of /proc/net, as descriptors name them."""
    with open(f"/proc/net/{table}", encoding="ascii") as f:
        return {f"socket:[{line.split()[9]}]" for line in list(f)[1:]}


# -- who connects --

def test_while_the_dialler_stands_still_nobody_connects(lab, other, host):
    gateway = Gateway(lab, other, host.address, **BRIEF).wait_state("up")
    dialler, checked = dialler_of(gateway.daemon), host.accepted
    with procfs.stopped(dialler):
        assert outcome(gateway) == NO_ANSWER
        assert host.accepted == checked
        assert gateway.own.count() == 1  # and nobody else waits for it
    wait_for(lambda: outcome(gateway) == REFUSED, "it is asked again")
    assert host.accepted > checked


def test_what_is_connected_needs_no_dialler(lab, other, host):
    gateway = Gateway(lab, other, host.address, **{**BRIEF, "kms.workers": "1"}).wait_state("up")
    assert outcome(gateway) == REFUSED
    dialler, before = dialler_of(gateway.daemon), host.accepted
    with procfs.stopped(dialler):
        assert outcome(gateway) == REFUSED  # over the connection that is in the pool
    assert host.accepted == before


def test_a_dialler_without_descriptors_blames_no_upstream(lab, other, host):
    gateway = Gateway(lab, other, host.address, **BRIEF).wait_state("up")
    with procfs.without_more_descriptors(dialler_of(gateway.daemon)):
        assert outcome(gateway) == NO_ANSWER
    assert "too many open files" in gateway.daemon.wait_log("relay-failed: .*").group(0)
    assert (gateway.upstream()["state"], gateway.upstream()["failed"]) == ("up", 0)
    assert outcome(gateway) == REFUSED


def test_sockets_that_were_handed_over_stay_with_nobody(lab, other, host):
    gateway = Gateway(lab, other, host.address, **BRIEF).wait_state("up")
    dialler = dialler_of(gateway.daemon)
    for _ in range(20):
        assert outcome(gateway) == REFUSED
    wait_for(lambda: not sockets_of(dialler) & sockets_in("tcp"), "the last one's is closed")


def test_a_connection_that_came_too_late_is_closed(lab, other, host):
    """Whoever asked for it has given up meanwhile."""
    gateway = Gateway(lab, other, host.address, **BRIEF).wait_state("up")
    dialler, pid, checked = dialler_of(gateway.daemon), gateway.daemon.process.pid, host.accepted
    with procfs.stopped(dialler):
        assert outcome(gateway) == NO_ANSWER
        before = sockets_of(pid)
    wait_for(lambda: host.accepted > checked, "the connection is made")
    wait_for(lambda: not host.open and sockets_of(pid) <= before, "it is closed")


# -- who asks DNS --

def test_dns_is_asked_by_the_dialler(lab, other):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.settimeout(30)
        gateway = Gateway(lab, other, "kms.lab.example", **{
            **BRIEF, "relay.check": "1s", "relay.dns_server": f"127.0.0.1:{mute.getsockname()[1]}"})
        dialler = dialler_of(gateway.daemon)

        def asking():
            return sockets_of(dialler) & sockets_in("udp")

        assert b"kms" in mute.recv(512)
        wait_for(asking, "a question is out")
        assert sockets_of(gateway.daemon.process.pid) & sockets_in("udp") == set()
        wait_for(asking, "a question is out")
        assert gateway.daemon.stop() == 0  # and nobody waits for its answer
        assert not procfs.is_alive(dialler)


# -- what it holds --

@pytest.mark.uninstrumented
def test_the_dialler_holds_neither_keys_nor_files(lab, other, host):
    gateway = Gateway(lab, other, host.address, **{**BRIEF, "kms.workers": "2"}).wait_state("up")
    dialler, pid = dialler_of(gateway.daemon), gateway.daemon.process.pid
    with open(lab.bundle, encoding="utf-8") as f:
        bundle = json.load(f)
    keys = {f"{g} {d} {part}": bytes.fromhex(value) for g, directions in bundle["keys"].items()
            if isinstance(directions, dict) for d, pair in directions.items() for part, value in pair.items()}
    assert procfs.scan(pid, keys) == set(keys)  # the scan finds what is there
    assert procfs.scan(dialler, keys) == set()
    log = os.readlink(f"/proc/{pid}/fd/2")
    assert [t for t in procfs.descriptors(dialler) if t.startswith("/") and t not in ("/dev/null", log)] == []
    # Control; a channel for the main loop and each worker. What it handed over for the first check is closed.
    wait_for(lambda: len(sockets_of(dialler)) == 1 + 1 + 2, "no other sockets")
    assert sockets_of(dialler).isdisjoint(sockets_of(pid))  # none of the network, nor the steward's
    assert len(sockets_of(procfs.child(pid, "adbad-steward"))) == 1  # to adbad, and not to the dialler


def test_without_upstreams_there_is_none(lab):
    daemon = lab.daemon("a")
    wait_for(lambda: procfs.child(daemon.process.pid, "adbad-steward"), "the steward runs")
    assert procfs.child(daemon.process.pid, PROCESS) is None


def test_others_of_our_user_may_not_look_into_it(lab, other, host):
    gateway = Gateway(lab, other, host.address, **BRIEF)
    assert os.stat(f"/proc/{dialler_of(gateway.daemon)}/mem").st_uid == 0
    with open(f"/proc/{dialler_of(gateway.daemon)}/limits", encoding="ascii") as f:
        assert re.search(r"^Max core file size +0 +0 ", f.read(), re.M)


# -- what ends, and how --

def test_without_its_dialler_adbad_ends_and_says_so(lab, other, host):
    daemon = Gateway(lab, other, host.address, **BRIEF).wait_state("up").daemon
    dialler = dialler_of(daemon)
    os.kill(dialler, signal.SIGKILL)
    assert daemon.process.wait(timeout=30) == 1
    assert re.search(rf"error the dialler process {dialler} ended: .*start adbad again", daemon.log())
    daemon.start()  # nothing is in the way
    assert daemon.stop() == 0


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_dialler_does_not_outlive_adbad(lab, other, host, sig):
    daemon = Gateway(lab, other, host.address, **BRIEF).daemon
    dialler = dialler_of(daemon)
    assert daemon.stop(sig) == (-sig if sig == signal.SIGKILL else 0)
    wait_for(lambda: not procfs.is_alive(dialler), "nothing is left")


def test_a_dialler_that_stands_still_does_not_hold_up_the_end(lab, other, host):
    daemon = Gateway(lab, other, host.address, **BRIEF).wait_state("up").daemon
    dialler = dialler_of(daemon)
    procfs.stop(dialler)
    assert daemon.stop() == 0
    assert not procfs.is_alive(dialler)


def test_signals_for_all_processes_at_once_end_it_in_good_order(lab, other, host):
    gateway = Gateway(lab, other, host.address, **BRIEF).wait_state("up")
    dialler = dialler_of(gateway.daemon)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        os.kill(dialler, sig)
    assert outcome(gateway) == REFUSED
    assert gateway.daemon.stop() == 0
    assert "dialler" not in gateway.daemon.log()

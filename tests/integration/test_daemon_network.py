"""Whom adbad serves and from where: allow and deny, load balancers (PROXY protocol), inherited sockets."""
import os
import re
import socket
import struct
import subprocess

import pytest

from kms_raw import ACK, RawClient, served
from lab import read_until_closed, wait_for
from rpc_pdu import bind_pdu, read_pdu, send_bytewise

CONFIG, CONFLICT = 3, 9


class Host(RawClient):
    """A daemon that has a host key, and raw connections to it from chosen addresses."""

    def __init__(self, lab, options=None, **more):
        super().__init__(lab, options=options, **more)

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.daemon.port), timeout=30, source_address=(source, 0))

    def activates(self, s):
        """A whole activation over an open connection."""
        s.sendall(bind_pdu())
        assert self.meaning(read_pdu(s)) == ACK
        s.sendall(self.call())
        return self.meaning(read_pdu(s)) == served()

    def is_turned_away(self, s):
        try:
            s.sendall(bind_pdu())
            return read_until_closed(s) == b""
        except OSError:  # what was sent met a closed socket
            return True

    def closed(self, reason):
        return self.daemon.status()["connections"]["closed"].get(reason, 0)

    def peers(self):
        rows = self.daemon.ctl("kms", "activations", "--json").json["activations"]
        return [row["peer"] for row in rows]


# -- allow and deny --

def test_only_allowed_addresses_are_served_and_denied_ones_never(lab):
    host = Host(lab, {"kms.allow": "127.0.0.0/29, 2001:db8::/32", "kms.deny": "127.0.0.4/31"})
    for source, let_in in (("127.0.0.1", True), ("127.0.0.7", True), ("127.0.0.4", False), ("127.0.0.5", False),
                           ("127.0.0.6", True), ("127.0.0.8", False)):
        with host.connect(source) as s:
            assert (host.activates if let_in else host.is_turned_away)(s), source
    assert host.closed("not-allowed") == 3
    host.daemon.wait_log(r"127\.0\.0\.8:\d+ closed: not-allowed: \[kms\] allow and deny")


@pytest.mark.parametrize("key, value", [("allow", "127.0.0.1/33"), ("deny", "everyone"), ("proxies", "10.1.0.0/8"),
                                        ("allow", "::1/129")])
def test_a_malformed_network_is_a_configuration_error(lab, key, value):
    daemon = lab.daemon(wait=False, options={f"kms.{key}": f"192.0.2.0/24, {value}"})
    for argv in ([], ["--check"]):
        done = subprocess.run([lab.program("adbad"), "--config", daemon.conf, *argv], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == CONFIG
        assert f"[kms] {key}" in done.stderr and f'"{value}"' in done.stderr


def test_the_caps_are_settings(lab):
    host = Host(lab, {"kms.max_per_source": "2"})
    with host.connect() as first, host.connect() as second:
        assert host.activates(first) and host.activates(second)
        with host.connect() as third:
            assert host.is_turned_away(third)
        with host.connect("127.0.0.2") as other:
            assert host.activates(other)
    assert host.closed("source-limit") == 1
    assert re.search(r"^ +Closed, source-limit: +1$", host.daemon.ctl("kms", "status").out, re.MULTILINE)


def test_a_silent_connection_is_closed_after_the_configured_time(lab):
    host = Host(lab, {"kms.idle": "1s"})
    with host.connect() as s:
        assert host.activates(s)
        assert read_until_closed(s) == b""
    wait_for(lambda: host.closed("idle-timeout") == 1, "the end is counted")


# -- behind a balancer --

def proxy(source, port=40000, command=1, family=0x11, tlvs=b""):
    """A header of the PROXY protocol, version 2 (haproxy's proxy-protocol.txt, 2.2)."""
    kind, size = (socket.AF_INET6, 36) if ":" in source else (socket.AF_INET, 12)
    family = 0x21 if ":" in source else family
    body = socket.inet_pton(kind, source) + bytes(size // 2 - 2) + struct.pack(">HH", port, 1688) + tlvs
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x20 | command, family, len(body)) + body


LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
NOOP = b"\4\0\3abc"


@pytest.fixture(name="behind")
def host_behind_a_balancer(lab):
    """127.0.0.1 is its balancer."""
    return Host(lab, {"kms.proxies": "127.0.0.1", "kms.deny": "198.51.100.0/24", "kms.max_per_source": "2"})


@pytest.mark.parametrize("send", [socket.socket.sendall, send_bytewise])
def test_the_client_that_a_balancer_tells_is_the_client(behind, send):
    for address, shown in (("192.0.2.7", "192.0.2.7:40000"), ("2001:db8::7", "[2001:db8::7]:40000"),
                           ("::ffff:192.0.2.8", "192.0.2.8:40000")):
        with behind.connect() as s:
            send(s, proxy(address, tlvs=NOOP))
            assert behind.activates(s)
            assert behind.peers()[0] == shown
    behind.daemon.wait_log(r"activation 192\.0\.2\.7:40000 .*answered")


def test_header_and_bind_may_come_together(behind):
    with behind.connect() as s:
        s.sendall(proxy("192.0.2.7") + bind_pdu() + behind.call())
        assert behind.meaning(read_pdu(s)) == ACK
        assert behind.meaning(read_pdu(s)) == served()


def test_what_a_balancer_tells_meets_deny_and_the_cap(behind):
    with behind.connect() as s:
        s.sendall(proxy("198.51.100.3"))
        assert behind.is_turned_away(s)
    behind.daemon.wait_log(r"198\.51\.100\.3:40000 closed: not-allowed")
    with behind.connect() as first, behind.connect() as second, behind.connect() as third:
        for s in (first, second):
            s.sendall(proxy("192.0.2.7"))
            assert behind.activates(s)
        third.sendall(proxy("192.0.2.7"))
        assert behind.is_turned_away(third)
        with behind.connect() as other:  # four connections of the balancer itself are no matter
            other.sendall(proxy("192.0.2.8"))
            assert behind.activates(other)
    assert (behind.closed("not-allowed"), behind.closed("source-limit")) == (1, 1)
    wait_for(lambda: behind.daemon.status()["connections"]["open"] == 0, "all are closed")
    with behind.connect() as again:
        again.sendall(proxy("192.0.2.7"))
        assert behind.activates(again)


def test_a_balancers_health_check_is_its_own_connection(behind):
    with behind.connect() as s:
        s.sendall(LOCAL)
        assert behind.activates(s)
    assert behind.peers()[0].startswith("127.0.0.1:")
    with behind.connect():
        pass  # a plain connect and close, as simple checks do
    wait_for(lambda: behind.closed("peer-closed") == 2, "both ended")
    assert behind.closed("bad-proxy-header") == 0


@pytest.mark.parametrize("send", [socket.socket.sendall, send_bytewise])
@pytest.mark.parametrize("data, says", [
    (bind_pdu(), "signature"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 1688\r\n", "signature"),
    (proxy("192.0.2.7", command=3), "version or command"),
    (proxy("192.0.2.7", family=0x12), "TCP address"),
    (proxy("192.0.2.7", tlvs=b"\4\0\x09ab"), "TLV"),
    (proxy("192.0.2.7")[:-5], "before it is whole"),
], ids=["none", "version 1", "command", "udp", "tlv", "cut off"])
def test_a_balancer_that_does_not_tell_its_client_is_closed(behind, send, data, says):
    with behind.connect() as s:
        try:
            send(s, data)
            s.shutdown(socket.SHUT_WR)
            assert read_until_closed(s) == b""
        except OSError:
            pass  # closed with bytes of ours unread
    behind.daemon.wait_log(rf"127\.0\.0\.1:\d+ closed: bad-proxy-header: .*{says}")
    assert behind.closed("bad-proxy-header") == 1


def test_from_anybody_else_a_header_is_bad_input(behind):
    with behind.connect("127.0.0.2") as s:
        s.sendall(proxy("192.0.2.7"))
        assert read_until_closed(s) == b""
    behind.daemon.wait_log(r"127\.0\.0\.2:\d+ closed: not-rpc")
    with behind.connect("127.0.0.2") as s:
        assert behind.activates(s)


@pytest.mark.lengthy
def test_a_header_must_come_before_the_bind_is_due(behind):
    with behind.connect() as s:
        s.sendall(proxy("192.0.2.7")[:20])
        assert read_until_closed(s) == b""
    behind.daemon.wait_log(r"closed: bind-timeout")


# -- sockets that are passed on --

def launch_with(daemon, sockets, **variables):
    """Starts the daemon as a service manager does: sockets from descriptor 3 on, told in the environment."""
    def pass_on():
        copies = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
        for i, fd in enumerate(copies):
            os.dup2(fd, 3 + i, inheritable=True)
            os.close(fd)
        os.environ.update({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets)), **variables})
        argv = [daemon.lab.program("adbad"), "--config", daemon.conf]
        os.execv(argv[0], argv)

    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen(["true"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                                          preexec_fn=pass_on)


def listening(family=socket.AF_INET, host="127.0.0.1", kind=socket.SOCK_STREAM):
    s = socket.socket(family, kind)
    s.bind((host, 0))
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def test_inherited_sockets_are_served_instead_of_configured_addresses(lab):
    daemon = lab.daemon(wait=False)
    lab.install_hostkey(daemon)
    with listening() as four, listening(socket.AF_INET6, "::1") as six:
        launch_with(daemon, [four, six], LISTEN_FDNAMES="kms:kms")
        daemon.wait_log(rf"ready: listening on 127\.0\.0\.1:{four.getsockname()[1]}, \[::1\]:{six.getsockname()[1]}\n")
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", daemon.port)) != 0
        for listener in (four, six):
            with socket.create_connection(listener.getsockname()[:2], timeout=30) as s:
                s.sendall(bind_pdu())
                assert read_pdu(s)[2] == 12
        with open(f"/proc/{daemon.process.pid}/environ", "rb") as f:
            assert b"LISTEN_FDS" in f.read()  # what it was given
        assert daemon.stop() == 0
        assert socket.create_connection(four.getsockname())  # ours is open still: only its copy was closed


def test_sockets_for_another_process_are_left_alone(lab):
    daemon = lab.daemon(wait=False)
    with listening() as s:
        launch_with(daemon, [s], LISTEN_PID="1")
        daemon.wait_log(rf"ready: listening on 127\.0\.0\.1:{daemon.port}\n")
        assert daemon.stop() == 0


def unsuitable():
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    local = socket.socket(socket.AF_UNIX)
    return [(listening(kind=socket.SOCK_DGRAM), "another kind"), (bound, "does not listen"), (local, "another kind"),
            (open(os.devnull, "rb"), "socket")]


def test_unsuitable_descriptors_are_refused_by_number_and_kind(lab):
    for passed, says in unsuitable():
        daemon = lab.daemon(wait=False, name=f"kms-{passed.fileno()}")
        with listening() as good, passed:
            launch_with(daemon, [good, passed])
            assert daemon.process.wait(timeout=20) == CONFIG
        daemon.process = None
        assert re.search(rf"descriptor 4 of LISTEN_FDS: it is .*{says}", daemon.log())


@pytest.mark.parametrize("variables, says", [
    ({"LISTEN_FDS": "many"}, "LISTEN_FDS=many"), ({"LISTEN_FDS": "2"}, "descriptor 4 is not open"),
    ({"LISTEN_PID": "self"}, "LISTEN_PID=self"), ({"LISTEN_FDS": "1000"}, "LISTEN_FDS=1000")])
def test_variables_that_break_the_protocol_are_refused(lab, variables, says):
    daemon = lab.daemon(wait=False)
    with listening() as s:
        launch_with(daemon, [s], **variables)
        assert daemon.process.wait(timeout=20) == CONFIG
    daemon.process = None
    assert says in daemon.log()


# -- one port, one daemon --

def test_a_port_in_use_is_refused_whoever_has_it(lab):
    first = lab.daemon()
    with listening() as other:
        for port in (first.port, other.getsockname()[1]):
            second = lab.daemon(name=f"second-{port}", wait=False, options={"kms.listen": f"127.0.0.1:{port}"})
            second.launch()
            assert second.process.wait(timeout=20) == CONFLICT
            second.process = None
            assert f"listen on 127.0.0.1:{port}" in second.log() and "another program listens there" in second.log()

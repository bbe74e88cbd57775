"""The HTTP server: what it refuses, what it says with every answer, and that its clients hold up nobody."""
import contextlib
import http.client
import json
import pathlib
import re
import socket
import struct
import threading

import pytest

import procfs
from kms_lab import Clients
from lab import free_port, read_until_closed, wait_for
from web import PAGE, SlowClients, fill, get

SLOW, ACTIVATIONS, LINES = 40, 1000, 4
STATIC = pathlib.Path(__file__).resolve().parents[2] / "src" / "dashboard" / "static"


@pytest.fixture(name="port")
def free():
    return free_port()


@pytest.fixture(name="daemon")
def serving(lab, port):
    return lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.names": "monitor.example.com"})


def open_to(port, *parts):
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    for part in parts:
        s.sendall(part)
    return s


def ask(port, request):
    """What comes back to these bytes until the server closes."""
    with open_to(port, request) as s:
        return read_until_closed(s)


def test_every_answer_tells_browsers_to_trust_nothing_else(daemon, port):
    for path, status in (("/", 200), ("/metrics", 200), ("/nothing", 404)):
        answer = get(port, path)
        assert answer.status == status
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == ("no-cache" if path == "/" else "no-store")
    assert daemon.status()["pid"] > 0


@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("localhost:{port}", 200), ("127.0.0.1:{port}", 200), ("[::1]:{port}", 200),
    ("Monitor.example.com", 200), ("evil.example", 421), ("localhost.evil.example:{port}", 421)])
def test_who_calls_it_by_another_name_gets_nothing(daemon, port, host, status):
    answer = get(port, "/metrics", Host=host.format(port=port))
    assert answer.status == status
    assert ("adbad_build" in answer.text) == (status == 200)
    assert status == 200 or "[web] names" in answer.text


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
def test_a_request_needs_exactly_one_host(daemon, port, hosts):
    assert b" 400 " in ask(port, b"GET /metrics HTTP/1.1\r\n" + hosts + b"\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_it_only_shows(daemon, port, method):
    answer = get(port, "/metrics", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "adbad_build" not in answer.text


def test_head_is_get_without_a_body(daemon, port):
    whole, head = get(port, "/"), get(port, "/", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
    assert int(head.headers["content-length"]) == len(whole.body) > 0


def test_who_has_it_already_is_told_so(daemon, port):
    first = get(port, "/")
    again = get(port, "/", If_None_Match=f'"x", W/{first.headers["etag"]}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert get(port, "/", If_None_Match='"x"').status == 200


def test_a_connection_serves_several_requests(daemon, port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(3):
        connection.request("GET", "/metrics")
        assert connection.getresponse().read().startswith(b"# TYPE")
        sock = connection.sock
        assert sock is not None
    connection.close()


@pytest.mark.parametrize("request_bytes", [
    b"\0" * 4000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
], ids=["zeros", "header", "target", "version", "body", "tls"])
def test_rubbish_hurts_nobody(daemon, port, request_bytes):
    with contextlib.suppress(OSError), open_to(port) as s:  # it may be gone before all was sent
        s.sendall(request_bytes)
        s.shutdown(socket.SHUT_WR)
        assert b" 200 OK" not in read_until_closed(s)
    assert get(port, "/metrics").status == 200


def test_a_busy_port_stops_no_activation_and_is_tried_again(lab):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = free_port()
        daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}, 127.0.0.1:{other}"})
        daemon.wait_log(rf"warn +web: listen on 127\.0\.0\.1:{port}: .*another program listens there.*tried again")
        assert get(other, "/metrics").status == 200
        lab.install_hostkey(daemon)
        assert Clients(lab, daemon.port).count() == 1
    daemon.wait_log(rf"web: listening on http://127\.0\.0\.1:{port}/")
    assert get(port, "/metrics").status == 200
    assert len(re.findall(r"warn +web:", daemon.log())) == 1


def test_none_serves_no_http(lab):
    daemon = lab.daemon()
    assert daemon.status()["pid"] > 0
    assert "web:" not in daemon.log()


@pytest.mark.parametrize("key,value", [("listen", "localhost:8688"), ("listen", "127.0.0.1"), ("names", "http://x")])
def test_what_cannot_be_is_a_configuration_error(lab, key, value):
    daemon = lab.daemon(wait=False, options={"web.listen": "127.0.0.1:1", f"web.{key}": value})
    daemon.launch()
    assert daemon.process.wait(timeout=30) == 3
    assert f"[web] {key}" in daemon.log()


def test_slow_clients_are_cut_off_and_quick_ones_are_not(lab, port):
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "3s"})
    with open_to(port) as silent, open_to(port, b"GET / HTTP/1.1\r\nHo") as half:
        assert read_until_closed(silent) == b""
        assert b" 200 " not in read_until_closed(half)
    assert get(port, "/metrics").status == 200
    assert 'adbad_http_connections_cut_total{reason="timeout"} 2' in get(port, "/metrics").text
    assert daemon.stop() == 0


def test_one_that_is_idle_after_its_answer_was_not_slow(lab, port):
    lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "3s"})
    with open_to(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as s:
        assert b" 200 OK" in read_until_closed(s)
    text = get(port, "/metrics").text
    assert 'adbad_http_connections_cut_total{reason="timeout"} 0' in text
    assert "adbad_http_connections_total 2" in text


def test_without_descriptors_others_wait_until_there_are_some(lab, port):
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "60s"})
    with contextlib.ExitStack() as stack:
        with procfs.without_more_descriptors(daemon.status()["pid"]):
            waiting = stack.enter_context(
                open_to(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            with contextlib.suppress(TimeoutError):
                waiting.settimeout(1)
                assert not waiting.recv(1), "it was served"
        waiting.settimeout(30)
        assert b" 200 OK" in read_until_closed(waiting)


def test_one_that_does_not_take_its_answer_is_cut_off(lab, port):
    lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "3s"})
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(30)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        wait_for(lambda: fill(s), "the server reads no more")
        wait_for(lambda: 'cut_total{reason="timeout"} 1' in get(port, "/metrics").text, "it is cut off")


def test_one_address_has_only_so_many_connections(lab, port):
    lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.max_per_source": "2", "web.timeout": "60s"})
    with open_to(port, b"GET"), open_to(port, b"GET"):
        with open_to(port) as third:
            assert read_until_closed(third) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=("127.0.0.2", 0)) as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b" 200 OK" in read_until_closed(other)
    wait_for(lambda: get_or_none(port), "there is room again")
    assert re.search(r'adbad_http_connections_cut_total\{reason="source-limit"\} [1-9]', get(port, "/metrics").text)


def get_or_none(port):
    try:
        return get(port, "/").status == 200
    except (ConnectionError, http.client.HTTPException):
        return None


def test_at_the_cap_others_wait_until_there_is_room(lab, port):
    lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.max_connections": "2", "web.timeout": "60s"})
    with open_to(port, b"GET") as first, open_to(port, b"GET"):
        with open_to(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") as waiting:
            first.close()
            assert b" 200 OK" in read_until_closed(waiting)


def test_the_pages_requests_are_those_of_its_scripts():
    written = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    assert set(re.findall(r"/api/\w+\b(?!\.)", written)) == {path.split("?")[0] for path in PAGE}


def activate(clients, n, failed):
    try:
        with clients.connect() as connection:
            for _ in range(n):
                assert clients.ask(connection)[1] == 0
    except Exception as e:  # told by the test's own thread
        failed.append(e)


def test_forty_slow_clients_hold_up_neither_page_nor_activations(lab, port):
    """By order, not by time: all is done while every one of the forty is still open."""
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "1h", "log.level": "warn"})
    lab.install_hostkey(daemon)
    clients, failed = Clients(lab, daemon.port), []
    with SlowClients(port, SLOW) as slow:
        wait_for(lambda: f"adbad_http_connections_open {SLOW + 1}\n" in get(port, "/metrics").text, "all are connected")
        threads = [threading.Thread(target=activate, args=(clients, ACTIVATIONS // LINES, failed)) for _ in range(LINES)]
        for thread in threads:
            thread.start()
        while True:
            activating = any(thread.is_alive() for thread in threads)
            for path in ("/", "/metrics", *PAGE):
                assert get(port, path).status == 200, path
            if not activating:
                break
        assert not failed
        assert f'result="answered"}} {ACTIVATIONS}\n' in get(port, "/metrics").text
        assert json.loads(get(port, "/api/machines?limit=50").text)["total"] == ACTIVATIONS
        assert min(slow.moved.values()) > 0  # they were slow, not silent
        assert slow.closed() == []
        for s in slow.sockets[::3]:  # some go with a reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert get(port, "/").status == 200


def test_it_ends_promptly_with_clients_of_every_kind(lab, port):
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "web.timeout": "1h"})
    with SlowClients(port, SLOW) as slow:
        stop = threading.Event()

        def scrape():
            while not stop.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    get(port, "/metrics")

        threads = [threading.Thread(target=scrape) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: "adbad_http_responses" in get(port, "/metrics").text, "it serves")
        assert daemon.stop() == 0
        stop.set()
        for thread in threads:
            thread.join(timeout=60)
        slow.stop()
        assert all(slow.is_closed(s) for s in slow.sockets)

"""/metrics: both formats by their own checkers, every value against traffic that is known, the sample alerts."""
import contextlib
import glob
import os
import re
import socket
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from kms_lab import Clients
from kms_model import filetime
from lab import Lab, free_port, read_until_closed, wait_for
from rpc_pdu import bind_pdu, pdu, read_pdu, request
from web import get

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
RULES = os.path.join(ROOT, "contrib", "prometheus")
DOCS = os.path.join(ROOT, "docs", "metrics.md")
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
GROUP = "Volume License for Windows Server 2022"


class Metrics:
    """One scrape."""

    def __init__(self, port):
        self.text = get(port, "/metrics").text
        self.samples = {(s.name, frozenset(s.labels.items())): s.value
                        for family in classic(self.text) for s in family.samples}

    def __call__(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))

    def by(self, name, label):
        """{value of the label: value} of a metric with that label alone."""
        return {dict(labels)[label]: value for (n, labels), value in self.samples.items() if n == name}

    def sum(self, name, **labels):
        return sum(value for (n, l), value in self.samples.items() if n == name and set(labels.items()) <= l)


@pytest.fixture(name="port")
def free():
    return free_port()


@pytest.fixture(name="daemon")
def serving(lab, port):
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}"})
    lab.install_hostkey(daemon)
    return daemon


def days(*numbers):
    return [n * 86400 for n in numbers]


def promtool(*argv, **kw):
    return subprocess.run(["promtool", *argv], capture_output=True, text=True, timeout=300, check=False, **kw)


def send_rubbish(port):
    """A call whose parameters are not the operation's."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.sendall(bind_pdu())
        read_pdu(s)
        s.sendall(request(b"\1\2\3", 2))
        read_pdu(s)


def test_requests_are_counted_by_version_product_channel_and_result(lab, daemon, port):
    windows, office = Clients(lab, daemon.port), Clients(lab, daemon.port, "Office LTSC 2024", "Office LTSC Professional Plus 2024")
    for major, n in ((4, 1), (5, 2), (6, 3)):
        for _ in range(n):
            assert windows.ask(major=major)[1] == 0
    assert windows.ask(client_time=filetime(time.time() - 5 * 3600))[1] == 0xC004F06C
    assert office.ask()[1] == 0xC004F042
    send_rubbish(daemon.port)
    with Lab(realm="OTHER") as other:
        assert Clients(other, daemon.port, bundle=other.bundle).ask()[1] == 0xC004F042
    m = wait_for(lambda: (m := Metrics(port))("adbad_connections_open") == 0 and m, "all have gone")
    for major, n in ((4, 1), (5, 2), (6, 3)):
        assert m("adbad_requests_total", version=str(major), product="Windows 11", channel="kms",
                 result="answered") == n
    kms = {"channel": "kms", "version": "6"}
    assert m("adbad_requests_total", product="Windows 11", result="clock-skew", **kms) == 1
    assert m("adbad_requests_total", product="Office LTSC 2024", result="not-served", **kms) == 1
    assert m("adbad_requests_total", product="unknown", result="foreign", **kms) == 1
    assert m("adbad_requests_total", version="unknown", product="unknown", channel="kms", result="bad-stub") == 1
    assert m.sum("adbad_requests_total") == 10
    assert m("adbad_clients", application="windows") == 6
    assert m("adbad_clients_capacity", application="windows") == 50
    assert m("adbad_clients", application="office") == 0
    assert m("adbad_clients_threshold", application="windows", kind="client") == 25
    assert m("adbad_clients_threshold", application="windows", kind="server") == 5
    assert m("adbad_clients_threshold", application="office", kind="office") == 5
    assert m.sum("adbad_host_key_activated", group=GROUP) == m("adbad_host_keys") == 1
    assert [m("adbad_kms_mode", mode=mode) for mode in ("serve", "refuse", "relay")] == [1, 0, 0]
    assert m("adbad_connections_total") == m.sum("adbad_connections_closed_total") == 10
    assert m("adbad_calls_total") == 10


def send(port, data, answers, source="127.0.0.1"):
    """One connection that sends this and takes so many answers; None: all until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(data)
            for _ in range(answers or 0):
                assert read_pdu(s)
            if answers is None:
                read_until_closed(s)


def test_what_is_refused_and_ended_is_told_by_reason(lab, port):
    """Each reason (docs/daemon.md, docs/protocol/rpc.md) another number of times."""
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "kms.deny": "127.0.0.5", "kms.max_per_source": "3"})
    bound, closed = bind_pdu(), {"not-rpc": 2, "not-bound": 3, "bad-type": 4, "not-allowed": 5, "source-limit": 6}
    for data, times, source in ((b"GET / HTTP/1.1\r\n\r\n", 2, "127.0.0.1"), (request(bytes(8)), 3, "127.0.0.1"),
                                (pdu(20), 4, "127.0.0.1"), (b"", 5, "127.0.0.5")):
        for _ in range(times):
            send(daemon.port, data, None, source)
            # The client sees the end before the source's place is free again.
            wait_for(lambda: daemon.status()["connections"]["open"] == 0, "it has gone")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port), timeout=30))
            s.sendall(bound)
            read_pdu(s)
        for _ in range(6):
            send(daemon.port, b"", None)
    wait_for(lambda: daemon.status()["connections"]["open"] == 0, "these, too")
    calls = b"".join(request(bytes(8), opnum=9) for _ in range(8)) + b"".join(request(bytes(8), ctx=7) for _ in range(7))
    send(daemon.port, bound + calls, 1 + 8 + 7)
    all_of_them = sum(closed.values()) + 3 + 1
    m = wait_for(lambda: (m := Metrics(port)).sum("adbad_connections_closed_total") == all_of_them and m, "all are counted")
    assert m.by("adbad_connections_closed_total", "reason") == {**closed, "peer-closed": 3 + 1}
    assert m.by("adbad_rpc_refused_total", "reason") == {
        "not-rpc": 2, "not-bound": 3, "bad-type": 4, "bad-opnum": 8, "unknown-context": 7}
    told = daemon.status()["connections"]
    assert (m.by("adbad_connections_closed_total", "reason"), m.by("adbad_rpc_refused_total", "reason")) == (
        told["closed"], told["rpc_refused"])


def test_http_responses_are_told_by_kind(daemon, port):
    daemon.wait_log("web: listening")
    etag = get(port, "/").headers["etag"]
    for _ in range(2):
        assert get(port, "/", If_None_Match=etag).status == 304
    assert [get(port, "/nothing").status, get(port, "/metrics", method="POST").status,
            get(port, "/", Host="evil.example").status] == [404, 405, 421]
    assert Metrics(port).by("adbad_http_responses_total", "kind") == {"answered": 1, "unchanged": 2, "refused": 3}
    assert Metrics(port)("adbad_http_responses_total", kind="answered") == 2


def test_the_ledger_is_told_by_its_writer_and_by_a_reader(lab, daemon, port):
    clients = Clients(lab, daemon.port)
    for _ in range(5):
        clients.count()
    m = Metrics(port)
    assert (m("adbad_ledger_up"), m("adbad_ledger_readable")) == (1, 1)
    assert m("adbad_ledger_recorded_total") == m("adbad_ledger_answered_total", product="Windows 11") == 5
    assert m("adbad_ledger_lost_total") == m("adbad_ledger_commit_failures_total") == 0
    commits, name = m("adbad_ledger_commits_total"), "adbad_ledger_commit_duration_seconds"
    assert m(f"{name}_count") == m(f"{name}_bucket", le="+Inf") == commits >= 5
    assert m(f"{name}_sum") > 0
    buckets = [m(f"{name}_bucket", **dict(labels)) for n, labels in m.samples if n == f"{name}_bucket"]
    assert buckets == sorted(buckets)
    assert m("adbad_ledger_size_bytes") == os.path.getsize(os.path.join(daemon.folder, "state", "ledger.db"))
    daemon.stop()
    daemon.start()
    m = Metrics(port)
    assert m("adbad_ledger_answered_total", product="Windows 11") == 5  # of the ledger
    assert m.sum("adbad_requests_total") == 0  # since the start


def test_a_ledger_that_is_gone_is_told(lab, daemon, port):
    Clients(lab, daemon.port).count()
    ledger = os.path.join(daemon.folder, "state", "ledger.db")
    os.rename(ledger, ledger + ".away")
    m = wait_for(lambda: (m := Metrics(port))("adbad_ledger_up") == 0 and m, "it is noticed")
    assert m("adbad_ledger_readable") == 0 and m("adbad_ledger_refused_total") is None
    assert Clients(lab, daemon.port).is_left_unanswered()
    assert wait_for(lambda: Metrics(port).sum("adbad_requests_total", result="not-recorded"), "it is counted") == 1
    os.rename(ledger + ".away", ledger)
    wait_for(lambda: Metrics(port)("adbad_ledger_up") == 1, "it is back")
    assert Metrics(port)("adbad_ledger_readable") == 1


def test_directory_objects_and_registry_are_told(lab_with_directory, port):
    lab = lab_with_directory
    daemon = lab.daemon(wait=False, options={"web.listen": f"127.0.0.1:{port}", "directory.sync_interval": "1s"})
    lab.install_hostkey(daemon, GROUP)
    daemon.ctl("ao", "create", "--group", GROUP, "--name", 'Büro "Ost" \\ 1')
    daemon.start()
    m = wait_for(lambda: (m := Metrics(port))("adbad_activation_objects") and m, "the first look")
    wait_for(lambda: Metrics(port)("adbad_registry_age_seconds") is not None, "the first synchronization")
    m = Metrics(port)
    assert (m("adbad_directory_up"), m("adbad_activation_objects")) == (1, 1)
    assert m("adbad_directory_looks_total", result="good") >= 1
    assert m("adbad_directory_look_duration_seconds_count") == m.sum("adbad_directory_looks_total")
    assert m("adbad_activation_object_verdict", object='Büro "Ost" \\ 1', verdict="good") == 1
    assert m("adbad_activation_object_left_seconds", object='Büro "Ost" \\ 1', group=GROUP) in days(729, 730)
    shown = daemon.ctl("membership", "status", "--json").json
    assert m("adbad_registry_state", state="good") == 1 and m("adbad_registry_state", state="never") == 0
    assert m.sum("adbad_registry_accounts") == shown["accounts"]
    assert 0 <= m("adbad_registry_age_seconds") < 3600
    assert m("adbad_registry_size_bytes") > 0 and m("adbad_registry_syncs_total", result="good") >= 1
    daemon.ctl("clock", "advance", "100d")
    wait_for(lambda: Metrics(port).sum("adbad_activation_object_left_seconds") in days(629, 630), "the next look")
    assert check_formats(port)
    lab.directory_down()
    m = wait_for(lambda: (m := Metrics(port))("adbad_directory_up") == 0 and m, "it is noticed")
    assert m("adbad_activation_objects") is None  # nothing is claimed of what cannot be seen
    assert m("adbad_directory_looks_total", result="failed") >= 1


def test_publishing_in_dns_is_told_per_domain(lab_with_directory, port):
    """A host that may not publish: one domain is no part of the lab's forest, nobody takes updates for the other."""
    lab = lab_with_directory
    quiet = lab.daemon("quiet", options={"web.listen": f"127.0.0.1:{port}"})
    quiet.wait_log("web: listening")
    assert [name for name, _ in Metrics(port).samples if name.startswith("adbad_dns_")] == []
    assert quiet.stop() == 0
    daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{port}", "dns.domains": "lab.example, elsewhere.example",
                                 "dns.host": "kms.lab.example", "dns.retry": "1s"})
    daemon.wait_log("web: listening")
    m = wait_for(lambda: (m := Metrics(port))("adbad_dns_rounds_total", result="failed") and m, "a round has failed")
    assert (m("adbad_dns_publishing"), m("adbad_dns_rounds_total", result="good")) == (1, 0)
    for domain in ("lab.example", "elsewhere.example"):
        assert m("adbad_dns_domain_good", domain=domain) == 0
        assert m("adbad_dns_record_state", domain=domain, state="published") in (None, 0)
    assert daemon.status()["dns"]["rounds"]["failed"] >= 1
    for name in ("adbad_directory_up", "adbad_registry_age_seconds"):  # then the metrics are those of the next scrape, too
        wait_for(lambda name=name: Metrics(port)(name) is not None, name)
    assert check_formats(port)


def test_the_relay_is_told_per_upstream(lab, port):
    with Lab(realm="B") as other:
        host = other.daemon("b", options={"lab.enabled": None, "lab.clock": None})
        other.install_hostkey(host)
        dead = f"127.0.0.1:{free_port()}"
        gateway = lab.daemon("a", options={"web.listen": f"127.0.0.1:{port}", "relay.upstream": f"{host.address}, {dead}",
                                           "relay.check": "1s"})
        name, gone = "adbad_relay_upstream_", dead
        wait_for(lambda: Metrics(port)(f"{name}up", upstream=host.address) == 1 and
                 Metrics(port)(f"{name}state", upstream=gone, state="down") == 1, "both were checked")
        clients = Clients(other, gateway.port)
        for major in (5, 6, 6):
            clients.count(major=major)
        answered = {"upstream": host.address, "result": "answered"}
        m = wait_for(lambda: (m := Metrics(port))(f"{name}requests_total", **answered) == 3 and m, "all are counted")
        assert m(f"{name}up", upstream=gone) == 0 and m("adbad_relay_healthy") == 1
        assert m(f"{name}in_flight", upstream=host.address) == m("adbad_relay_waiting") == 0
        assert m("adbad_requests_total", version="6", product="unknown", channel="relay", result="answered") == 2
        assert m("adbad_requests_total", version="5", product="unknown", channel="relay", result="answered") == 1
        assert check_formats(port)


def check_formats(port):
    """True if the checkers of both formats have nothing to say."""
    text = get(port, "/metrics")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    said = promtool("check", "metrics", input=text.text)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    answer = get(port, "/metrics", Accept=OPENMETRICS)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("\n# EOF\n")
    families = list(openmetrics(answer.text))
    assert {f.name for f in families if f.type == "info"} == {"adbad_build"}
    # both say the same; counters and infos are called otherwise
    suffix = {"counter": "_total", "info": "_info"}
    assert {f.name + suffix.get(f.type, "") for f in families} == set(re.findall(r"(?m)^# TYPE (\S+)", text.text))
    return True


def test_both_formats_pass_their_own_checkers(lab, daemon, port):
    Clients(lab, daemon.port).count()
    assert check_formats(port)
    m = Metrics(port)
    assert abs(m("process_start_time_seconds") - time.time()) < 600
    assert m("process_virtual_memory_bytes") > m("process_resident_memory_bytes") > 0
    assert 10 < m("process_open_fds") <= m("process_max_fds")
    assert m("adbad_build_info", version=daemon.status()["version"]) == 1


def test_the_documentation_lists_every_metric():
    """Of the sources: the names that are written there."""
    written = set()
    for path in glob.glob(os.path.join(ROOT, "src", "daemon", "metrics*.c")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for kind, name in re.findall(r'EXPO_([A-Z]+),\s*"([a-z_]+)"', text):
            written.add(name + {"COUNTER": "_total", "INFO": "_info"}.get(kind, ""))
    with open(DOCS, encoding="utf-8") as f:
        listed = set(re.findall(r"(?m)^\| `([a-z_]+)`", f.read()))
    assert len(written) > 40 and written == listed


def test_everything_warns_of_an_objects_end_at_the_same_time(lab):
    said = re.search(r"days left \(default (\d+)\)", lab.adbactl("health", "--help").out).group(1)
    for path, pattern in (((RULES, "adbad.rules.yml"), r"left_seconds < (\d+) \* 86400"),
                          ((ROOT, "docs", "monitoring.md"), r"`--days` \((\d+)\)"),
                          ((ROOT, "docs", "directory.md"), r"fewer than (\d+) days are left")):
        with open(os.path.join(*path), encoding="utf-8") as f:
            assert re.search(pattern, f.read()).group(1) == said, path


def test_the_sample_alerts_pass_their_tests():
    rules = os.path.join(RULES, "adbad.rules.yml")
    assert promtool("check", "rules", rules).returncode == 0
    config = os.path.join(RULES, "prometheus.yml")
    assert promtool("check", "config", config).returncode == 0
    with open(config, encoding="utf-8") as f, open(DOCS, encoding="utf-8") as docs:
        assert f.read().split("\n", 1)[1].split("rule_files")[0] in docs.read()
    done = promtool("test", "rules", os.path.join(RULES, "adbad.rules.test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    with open(rules, encoding="utf-8") as f, open(DOCS, encoding="utf-8") as docs:
        used, listed = set(re.findall(r"adbad_[a-z_]+", f.read())), docs.read()
    assert used and all(f"`{re.sub('_bucket$', '', name)}`" in listed for name in used)

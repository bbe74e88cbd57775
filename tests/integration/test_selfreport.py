"""What lab clients tell of their activations through the directory: from adbaclient to every place
that shows it, and what is refused."""
import csv
import io
import json
import os
import select
import socket
import sqlite3
import time
import urllib.request
import uuid
from contextlib import ExitStack, closing

import pytest
from impacket.dcerpc.v5.rpcrt import DCERPCException

import kms_model
import rpc_pdu
import selfreport
from kms_impacket import ReportActivation, call_lab
from kms_lab import product_ids
from lab import free_port, wait_for

GROUP = "Volume License for Windows Server 2022"
DAY = 86400


def call(daemon, message):
    """The result. It comes without bytes."""
    data, result = call_lab(daemon, ReportActivation, message)
    assert data == b""
    return result


def rows(daemon):
    path = f"{daemon.folder}/state/ledger.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(r) for r in db.execute("SELECT * FROM self_reports ORDER BY id")]


class Domain:
    """A daemon, a directory with an object for servers, and machine PC01 that tells the daemon."""

    def __init__(self, lab):
        self.lab = lab
        self.web = free_port()
        self.daemon = lab.daemon(options={"web.listen": f"127.0.0.1:{self.web}"})
        lab.install_hostkey(self.daemon, GROUP)
        self.daemon.ctl("ao", "create", "--group", GROUP, "--name", "Servers")
        self.folder = os.path.join(lab.folder, "pc01")
        for name in ("PC01", "PC02"):
            self.daemon.ctl("machine", "add", name, "--password-file", os.path.join(lab.folder, f"{name}.password"))
        lab.client("--machine", self.folder, "init", "--config", self.daemon.conf, "--product", "Windows Server 2022",
                   "--edition", "Standard", "--name", "PC01", "--password-file",
                   os.path.join(lab.folder, "PC01.password"), "--report", self.daemon.address)

    def run(self, *argv, **kw):
        return self.lab.client("--machine", self.folder, *argv, **kw)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=20) as answer:
            return answer.read().decode()


@pytest.fixture(name="domain")
def domain_with_a_machine(lab_with_directory):
    return Domain(lab_with_directory)


def test_what_the_directory_activates_is_seen_in_all_places(domain):
    daemon = domain.daemon
    said = domain.run("/ato")
    assert "activated successfully" in said.out and f"report   {daemon.address} was told" in said.out
    machine = domain.run("show", "--json").json
    product = machine["products"][0]
    assert (product["channel"], machine["report_to"]) == ("AD", daemon.address)
    assert product["report"] == {"waiting": False, "outcome": f"{daemon.address} was told"}

    (row,) = rows(daemon)
    assert uuid.UUID(bytes_le=row["client_id"]) == uuid.UUID(machine["client_machine_id"])
    assert uuid.UUID(bytes_le=row["activation_id"]) == uuid.UUID(product["activation_id"])
    assert uuid.UUID(bytes_le=row["kms_id"]) == uuid.UUID(product["kms_id"])
    assert uuid.UUID(bytes_le=row["object_sku_id"]) == uuid.UUID(product["object"]["sku_id"])
    assert (row["event_id"], row["workstation"], row["account"], row["domain"], row["key"], row["object_name"],
            row["object_dn"]) == (12308, "PC01", "PC01$", "lab.example", product["partial_key"], "Servers",
                                  product["object"]["dn"])
    assert row["expires_at"] == row["activated_at"] + 180 * DAY
    daemon.wait_log(r'report 127\.0\.0\.1:\d+ "PC01" Windows Server 2022 Standard: it says that the object "Servers"')

    # The inventory, its products, the domain's computers.
    (found,) = daemon.ctl("report", "machines", "--json").json["machines"]
    assert (found["workstation"], found["channel"], found["self_reported"], found["status"]) == \
        ("PC01", "adba", True, "licensed")
    assert found["expires"] == row["expires_at"] and found["last"] == row["activated_at"]
    assert "adba, self-reported" in daemon.ctl("report", "machines", "--self-reported").out
    (products,) = daemon.ctl("report", "products", "--json").json["products"]
    assert (products["self_reported"], products["by_channel"]["adba"], products["count"]) == (1, 1, 0)
    daemon.ctl("membership", "sync")
    wait_for(lambda: daemon.ctl("membership", "status", "--json").json["saved"], "the registry is in the ledger")
    compliance = daemon.ctl("report", "compliance", "--json").json
    assert {c["computer"]: c["status"] for c in compliance["computers"]} == {"PC01": "licensed", "PC02": "no-report"}
    assert compliance["counts"]["self_reported"] == 1
    text = daemon.ctl("report", "compliance").out
    assert "the directory 0 (granted over 1688) and 1 (self-reported)" in text and "adba, self-reported" in text
    (line,) = csv.DictReader(io.StringIO(daemon.ctl("ledger", "export", "--self-reports", "--csv").out))
    assert (line["workstation"], line["object_name"], line["product"]) == ("PC01", "Servers", "Windows Server 2022")

    # Monitoring and the page; never the count.
    status = daemon.status()
    assert status["self_reports"]["taken"] == 1
    assert all(a["count"] == 0 for a in status["applications"]) and status["totals"]["answered"] == 0
    assert 'adbad_self_reports_total{result="taken"} 1' in domain.get("/metrics")
    assert "1 self-reported through the directory, 0 refused" in daemon.ctl("top", "--once").out
    page = json.loads(domain.get("/api/machines?channel=self-reported"))
    assert [(m["workstation"], m["self_reported"]) for m in page["machines"]] == [("PC01", True)]
    hours = json.loads(domain.get("/api/activations?range=24h"))
    assert sum(hours["self_reported"]) == 1 and sum(map(sum, hours["channels"].values())) == 0
    assert daemon.ctl("ledger", "check", "--json").json["good"]


def test_without_a_daemon_the_activation_stands_and_the_next_pass_reports(domain):
    daemon = domain.daemon
    assert daemon.stop() == 0
    said = domain.run("/ato")
    assert "activated successfully" in said.out and "was not told, next time again" in said.out
    assert domain.run("show", "--json").json["products"][0]["report"]["waiting"]
    activated = domain.run("pass", "1m").code  # nobody there yet; nothing is due
    assert activated == 0 and domain.run("show", "--json").json["products"][0]["report"]["waiting"]
    daemon.start()
    domain.run("pass", "1m")
    assert not domain.run("show", "--json").json["products"][0]["report"]["waiting"]
    (row,) = rows(daemon)
    assert row["client_at"] - row["activated_at"] >= 60  # told later than it happened

    # A renewal is told like the first activation, and nobody is told who is not named.
    domain.run("pass", "7d")
    assert len(rows(daemon)) == 2
    assert "tells nobody" in domain.run("report", "none").out
    domain.run("/ato")
    assert len(rows(daemon)) == 2


def test_what_was_acknowledged_outlives_a_kill(domain):
    domain.run("/ato")
    domain.daemon.kill()
    assert len(rows(domain.daemon)) == 1
    domain.daemon.start()
    assert domain.daemon.ctl("report", "machines", "--json", "--self-reported").json["total"] == 1


def test_an_independent_report_is_taken_and_implausible_ones_are_refused(lab):
    daemon = lab.daemon()
    ids = product_ids(lab, "Windows Server 2022", "Standard")
    key = selfreport.key(kms_model.Keys.from_bundle(lab.bundle))
    now = int(time.time())

    def send(key=key, cut=0, **changes):
        data = selfreport.sealed(key, selfreport.fields(ids, now, **{"client_id": uuid.uuid4().bytes, **changes}))
        return call(daemon, data[:len(data) - cut])

    assert send() == 0
    assert send(hresult=0xC004F081) == 0x80070057
    assert send(event=12289) == 0x80070057
    assert send(client_id=bytes(16)) == 0x80070057
    assert send(kms_id=bytes(16)) == 0x80070057
    assert send(expires=now + 181 * DAY) == 0x80070057
    assert send(expires=now - 1) == 0x80070057
    assert send(client_when=now + 5 * 3600) == 0xC004F06C
    assert send(key=bytes(32)) == 0xC004F042
    assert send(cut=1) == 0x8007000D
    assert send(workstation="a\x1b[2J") == 0x8007000D
    assert send(version=2) == 0x8007000D
    assert daemon.status()["self_reports"] == {"taken": 1, "malformed": 3, "foreign": 1, "clock-skew": 1, "bad-event": 3,
                                               "unknown-product": 1, "bad-time": 2, "not-recorded": 0}
    assert len(rows(daemon)) == 1
    (found,) = daemon.ctl("report", "machines", "--json").json["machines"]
    assert (found["workstation"], found["self_reported"]) == ("PC99", True)
    daemon.wait_log(r"report 127\.0\.0\.1:\d+: refused, 0xC004F042 foreign: ")
    daemon.wait_log(r'report 127\.0\.0\.1:\d+ "PC99": refused, 0xC004F06C clock-skew: ')


def connected(daemon, own):
    """From an address of ours; bound to the lab interface."""
    sock = socket.create_connection(("127.0.0.1", daemon.port), timeout=30, source_address=(own, 0))
    sock.sendall(rpc_pdu.bind_pdu([rpc_pdu.context(0, ("ad22ec4d-b220-4117-b990-c68825db23e5", 1, 0))]))
    assert rpc_pdu.read_pdu(sock)[2] == rpc_pdu.BIND_ACK
    return sock


def test_no_more_reports_wait_for_the_ledger_than_have_room(lab):
    daemon = lab.daemon(options={"kms.workers": "1"})
    ids = product_ids(lab, "Windows Server 2022", "Standard")
    key = selfreport.key(kms_model.Keys.from_bundle(lab.bundle))
    now = int(time.time())

    def tell(sock):
        data = selfreport.sealed(key, selfreport.fields(ids, now, client_id=uuid.uuid4().bytes))
        sock.sendall(rpc_pdu.request(rpc_pdu.activation_stub(data), opnum=6))

    ledger = f"{daemon.folder}/state/ledger.db"
    with ExitStack() as stack:
        many = [stack.enter_context(connected(daemon, "127.0.0.1")) for _ in range(80)]
        other = stack.enter_context(connected(daemon, "127.0.0.2"))
        with closing(sqlite3.connect(ledger, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # the writer waits
            for sock in many:
                tell(sock)
            tell(other)
            wait_for(lambda: len(select.select(many, [], [], 0)[0]) == 16, "no more than 64 of one address wait")
            db.execute("ROLLBACK")
        answers = [rpc_pdu.read_pdu(sock) for sock in many]
        assert sum(a != b"" for a in answers) == 64
        assert rpc_pdu.read_pdu(other)[2] == rpc_pdu.RESPONSE
        again = stack.enter_context(connected(daemon, "127.0.0.1"))
        tell(again)
        assert rpc_pdu.read_pdu(again)[2] == rpc_pdu.RESPONSE
    assert len(rows(daemon)) == 66
    told = daemon.status()["self_reports"]
    assert (told["taken"], told["not-recorded"]) == (66, 16)


def test_outside_lab_mode_nobody_is_told(lab):
    daemon = lab.daemon(options={"lab.enabled": "no", "lab.clock": None})
    with pytest.raises(DCERPCException):  # the interface is not there
        call(daemon, b"")
    assert daemon.status()["self_reports"] is None

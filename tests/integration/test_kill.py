"""kill -9 at random moments under load: nothing answered is lost, and the count goes on where it was.

ADBAD_KILL_CYCLES says how often (default 200)."""
import os
import random
import struct
import threading
import uuid

import pytest

import kms_model as model
from kms_raw import RawClient
from ledger_model import Ledger
from rpc_pdu import RESPONSE, answer_of, bind_pdu, read_pdu, request_pdu

pytestmark = pytest.mark.uninstrumented
CYCLES = int(os.environ.get("ADBAD_KILL_CYCLES", "200"))
CONNECTIONS = 4
PIPELINED = 6  # requests of one connection that may be under way
MOST_ANSWERS = 120  # in one life


class Load:
    """Machines that ask on a few connections until the daemon is gone; some renew, most are new."""

    def __init__(self, raw, rng, enough):
        self.raw = raw
        self.left = enough
        self.lock = threading.Lock()
        self.reached = threading.Event()
        self.answered = []  # (client id, sealed request, PDU of the answer)
        known = [uuid.UUID(int=rng.getrandbits(128)) for _ in range(10)]
        self.threads = [threading.Thread(target=self.ask, args=(random.Random(rng.getrandbits(64)), known))
                        for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def ask(self, rng, known):
        try:
            with self.raw.connect() as s:
                s.sendall(bind_pdu())
                read_pdu(s)
                while True:
                    self.exchange(s, rng, known)
        except (OSError, AssertionError, struct.error, IndexError):
            pass  # killed, perhaps in the middle of a packet
        finally:
            self.reached.set()

    def exchange(self, s, rng, known):
        asked = []
        for _ in range(rng.randint(1, PIPELINED)):
            client = rng.choice(known) if rng.random() < 0.2 else uuid.UUID(int=rng.getrandbits(128))
            asked.append((client, self.raw.clients.seal(major=4, client_id=client)))
        s.sendall(b"".join(request_pdu(sealed, call) for call, (_, sealed) in enumerate(asked)))
        for _ in asked:
            data = read_pdu(s)
            client, sealed = asked[data[12]]  # the call id; the end of the connection is an IndexError
            with self.lock:
                self.answered.append((client, sealed, data))
                self.left -= 1
            if self.left <= 0:
                self.reached.set()

    def join(self):
        for thread in self.threads:
            thread.join()


def check_answers(raw, answered, rows):
    """Every answer has a row, and told the count that the row has."""
    recorded = {}
    for row in rows:
        recorded.setdefault(row.client_id, []).append(row.count)
    for client, sealed, data in answered:
        assert data[2] == RESPONSE
        message, result = answer_of(data[24:])
        assert result == 0
        told = model.open_response(raw.clients.keys, sealed, message).count
        assert told in recorded.get(client.bytes_le, []), f"an answer is not in the ledger: {client}, count {told}"
        recorded[client.bytes_le].remove(told)


def check_counts(raw, ledger):
    """What the daemon says after its start is what follows from the rows."""
    status = raw.daemon.status()
    windows = status["applications"][0]
    count = ledger.applications[raw.clients.ids["application_id"].bytes_le]
    assert (windows["count"], windows["capacity"]) == (len(count.seen), count.room)
    assert status["totals"]["answered"] == ledger.last == ledger.answered()


@pytest.mark.lengthy
def test_a_daemon_killed_under_load_has_lost_no_answer_and_no_count(lab, rng):
    raw = RawClient(lab)
    daemon = raw.daemon
    ledger = Ledger(os.path.join(daemon.folder, "state", "ledger.db"))
    total = 0
    for _ in range(CYCLES):
        enough = rng.randrange(MOST_ANSWERS)
        load = Load(raw, rng, enough)
        if enough:
            assert load.reached.wait(30)
        daemon.kill()
        load.join()
        daemon.start()
        rows = ledger.read_on()
        check_answers(raw, load.answered, rows)
        assert ledger.is_intact()
        check_counts(raw, ledger)
        total += len(load.answered)
    assert total >= CYCLES
    print(f"{CYCLES} cycles, {total} answers received, {ledger.last} rows")

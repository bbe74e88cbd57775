"""The whole daemon while the n-th allocation fails, whoever makes it: libuv, SQLite, OpenSSL or we (tests/support/nomem.c).

The connection may be lost or refused, the ledger may need a moment; the daemon never ends, an answer is whole and in
the ledger, and every count is the one that the ledger's rows give."""
import concurrent.futures
import mmap
import os
import struct

import pytest

from kms_raw import ACK, RawClient, served
from lab import TOOLS, wait_for
from ledger_model import Ledger
from rpc_pdu import bind_pdu, read_pdu

pytestmark = pytest.mark.uninstrumented
MANY = 2000  # no activation takes as many allocations
DAEMONS = 6


class NoMemory:
    """A daemon whose allocations fail on request."""

    def __init__(self, lab, name="kms"):
        path = os.path.join(lab.folder, f"nomem-{name}")
        with open(path, "w+b") as f:
            f.write(bytes(24))
            f.flush()
            self.shared = mmap.mmap(f.fileno(), 24)
        self.raw = RawClient(lab, name=name, env={"LD_PRELOAD": os.path.join(TOOLS, "libnomem.so"), "NOMEM": path})
        self.daemon = self.raw.daemon
        self.ledger = Ledger(os.path.join(self.daemon.folder, "state", "ledger.db"))
        self.answered = set()

    def fail_at(self, n):
        """0: none from now on."""
        if n:
            self.shared[8:24] = bytes(16)
        self.shared[0:8] = struct.pack("<Q", n)

    def has_failed(self):
        return struct.unpack("<Q", self.shared[16:24])[0] > 0

    def activate(self):
        """Whether a new machine got an answer; else it must get a refusal or the end of its connection."""
        self.raw.sealed.clear()
        try:
            with self.raw.connect() as s:
                s.sendall(bind_pdu())
                if self.meaning(s) != ACK:
                    return False
                s.sendall(self.raw.call())
                if self.meaning(s) != served():
                    return False
        except ConnectionError:
            return False
        self.answered.add(self.raw.client_id.bytes_le)
        return True

    def meaning(self, s):
        data = read_pdu(s)
        return self.raw.meaning(data) if data else None

    def check(self):
        """The daemon lives and serves, and the ledger has what was answered, with the counts that follow."""
        assert self.daemon.process.poll() is None, self.daemon.log()
        wait_for(self.activate, "an activation with memory back")
        self.ledger.read_on()
        assert self.answered <= self.ledger.clients

    def is_untouched_by(self, n):
        """One activation whose n-th allocation fails, if there are so many."""
        self.fail_at(n)
        done = self.activate()
        self.fail_at(0)
        if self.has_failed():
            self.check()
            return False
        assert done
        return True

    def until_untouched(self):
        """The first allocation of an activation, the second of the next, and so on; returns how many there are."""
        return next(n for n in range(1, MANY) if self.is_untouched_by(n)) - 1


def test_no_failing_allocation_ends_a_daemon_that_is_warm(lab):
    starved = NoMemory(lab)
    for _ in range(3):
        assert starved.activate()
    assert starved.until_untouched() >= 5  # at least the connection, its group and contexts, the call
    starved.daemon.stop()
    starved.daemon.start()
    starved.check()


@pytest.mark.lengthy
def test_no_failing_allocation_ends_a_daemon_that_has_just_started(lab):
    """Much is made at first use: statements of SQLite, buffers of the worker. Several daemons share the numbers, for
    most of the time is a ledger's pause before it opens its file again."""
    starved = [NoMemory(lab, name=f"kms{i}") for i in range(DAEMONS)]

    def every(first):
        for n in range(first, MANY, DAEMONS):
            starved[first - 1].daemon.kill()
            starved[first - 1].daemon.start()
            if starved[first - 1].is_untouched_by(n):
                return n
        raise AssertionError(f"an activation takes more than {MANY} allocations")

    with concurrent.futures.ThreadPoolExecutor(DAEMONS) as pool:
        assert min(pool.map(every, range(1, DAEMONS + 1))) > 20

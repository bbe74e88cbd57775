"""The ledger as its schema says (schema/store/), and the counting rules once more (docs/protocol/kms.md): what a
host must have told and must tell next is computed from the rows alone."""
import collections
import sqlite3

KMS_CHANNEL = 0
REMEMBERED = 30 * 86400

Row = collections.namedtuple("Row", "id at channel application_id client_id required_count count")


class Count:
    """Which clients a host remembers, one application."""

    def __init__(self):
        self.seen = collections.OrderedDict()  # client id -> when, oldest first
        self.room = 0
        self.newest = 0

    def touch(self, client_id, required, at):
        """The count that the client is told."""
        self.room = max(self.room, 2 * min(max(required, 5), 25))
        self.newest = max(self.newest, at)
        self.seen.pop(client_id, None)
        self.seen[client_id] = self.newest
        while len(self.seen) > self.room:
            self.seen.popitem(last=False)
        return self.get(self.newest)

    def get(self, now):
        return sum(now - at <= REMEMBERED for at in self.seen.values())


class Ledger:
    """Reads a ledger, beside a daemon or alone, and counts along."""

    def __init__(self, path):
        self.path = path
        self.applications = collections.defaultdict(Count)
        self.last = 0
        self.clients = set()  # every client id that has a row

    def _ask(self, sql, *args):
        db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            return db.execute(sql, args).fetchall()
        finally:
            db.close()

    def is_intact(self):
        return self._ask("PRAGMA integrity_check") == [("ok",)]

    def read_on(self):
        """Takes the rows since the last time; each must have the count that the rows before it give."""
        rows = [Row(*r) for r in self._ask(f"SELECT {', '.join(Row._fields)} FROM activations WHERE id > ? ORDER BY id",
                                           self.last)]
        for row in rows:
            assert row.id == self.last + 1
            self.last = row.id
            self.clients.add(row.client_id)
            if row.channel == KMS_CHANNEL:
                expected = self.applications[row.application_id].touch(row.client_id, row.required_count, row.at)
                assert row.count == expected, f"row {row.id} was told {row.count}, not {expected}"
        return rows

    def answered(self):
        """The running total."""
        return self._ask("SELECT answered FROM all_totals")[0][0]

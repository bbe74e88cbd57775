"""A ledger as an older version of adbad left it, made by SQLite from the migrations up to that version
alone, with rows in every table that keeps what happened."""
import os
import re
import sqlite3
import uuid
from contextlib import closing

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schema", "store")
APPLICATION = 0x41444241
WINDOWS = uuid.UUID("55c92734-d682-4d71-983e-d6ec3f16059f")

# Each table's rows come in when the version that brought it is there, and go through all that follows.
KEPT = ("activations", "refusals", "members", "clearing_keys", "clearing_hosts", "clearing_grants", "stragglers",
        "refused_requests", "host_events", "relayed", "self_reports")
ROWS = 3


def migrations():
    """The SQL of every version, oldest first."""
    texts = []
    for name in sorted(os.listdir(SCHEMA)):
        assert re.fullmatch(rf"{len(texts) + 1:04d}_\w+\.sql", name), name
        with open(os.path.join(SCHEMA, name), encoding="utf-8") as f:
            texts.append(f.read())
    return texts


def value(table, name, kind, row, now):
    """What stands in one column of one row: all different, and what must be sensible is."""
    special = {"id": row, "only": 1, "at": now - 100 + row, "minute": (now - 3600 * row) // 60 * 60, "channel": 0,
               "application_id": WINDOWS.bytes_le, "licence_status": 2, "hresult": 0xC004F042, "reason": "no-host-key"}
    if name == "id" and table == "members":
        return uuid.UUID(int=row).bytes
    if name in special:
        return special[name]
    return {"INTEGER": row, "TEXT": f"{name} {row}", "BLOB": uuid.uuid5(WINDOWS, f"{name} {row}").bytes}[kind]


def fill(db, table, rows, now):
    columns = db.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    for row in rows:
        db.execute(f"INSERT INTO {table} ({', '.join(n for n, _ in columns)}) VALUES ({', '.join('?' * len(columns))})",
                   [value(table, name, kind, row, now) for name, kind in columns])


def count_in(db, table):
    """The totals, which stand beside the rows."""
    if table == "activations":
        db.execute("UPDATE totals SET answered = answered + ?, status_2 = status_2 + ?", (ROWS, ROWS))
    elif table == "refusals":
        db.execute("UPDATE totals SET refused = refused + (SELECT sum(times) FROM refusals)")
    elif table == "refused_requests":
        db.execute("UPDATE totals SET refused = refused + ?", (ROWS,))


def make(path, version, now):
    """Writes the ledger of that version; now: Unix seconds, shortly before which all of it happened."""
    filled = set()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        for text in migrations()[:version]:
            db.executescript(text)
            there = {name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            for table in sorted(there & set(KEPT) - filled, key=KEPT.index):
                fill(db, table, range(1, ROWS + 1), now)
                count_in(db, table)
                filled.add(table)
            db.commit()
        db.executescript(f"PRAGMA user_version={version}; PRAGMA application_id={APPLICATION}")


def rows_of(path, like=None):
    """Table to its rows as {column: value}; like: what an older ledger said, for its tables and columns only."""
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        there = {name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in [t for t in KEPT if t in (like or there)]:
            names = list(like[table][0]) if like else None
            rows = [dict(row) for row in db.execute(f"SELECT * FROM {table}")]
            found[table] = [{k: row[k] for k in names} for row in rows] if names else rows
    return found

-- The membership registry, as it was after the last synchronization with the directory, so that
-- it serves at once after a restart and goes on from there.

CREATE TABLE members (
    id       BLOB    PRIMARY KEY, -- objectGUID, or entryUUID outside AD DS; 16 bytes
    guid     BLOB    NOT NULL,    -- objectGUID; zero bytes if unknown
    name     TEXT    NOT NULL,
    dns_name TEXT    NOT NULL,
    dn       TEXT    NOT NULL,
    sid      BLOB    NOT NULL,
    enabled  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. It is written last: while rows of a synchronization are still being written it
-- describes the one before, whose cookie tells their changes again.
CREATE TABLE member_sync (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    cookie    BLOB    NOT NULL,
    synced_at INTEGER NOT NULL, -- when the directory was read
    listed_at INTEGER NOT NULL, -- when every account was named by it, so that the deleted are gone
    full      INTEGER NOT NULL, -- the last synchronization read everything
    entries   INTEGER NOT NULL  -- how many entries it read
) STRICT;

-- The clearing house: what each host key was activated on, and how often. A key is known by its
-- text; its limits stand in its row once anything happened to it.
CREATE TABLE clearing_keys (
    key      TEXT    PRIMARY KEY, -- 5x5 text
    grp      TEXT    NOT NULL,    -- name of its key group
    hosts    INTEGER NOT NULL,    -- how many hosts it may activate
    per_host INTEGER NOT NULL,    -- how often each of them
    blocked  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One row per host or forest of a key; it counts against the key's hosts.
CREATE TABLE clearing_hosts (
    key      TEXT    NOT NULL REFERENCES clearing_keys (key),
    kind     INTEGER NOT NULL, -- as in an installation ID: 0 host, 1 forest
    binding  INTEGER NOT NULL, -- likewise
    name     TEXT    NOT NULL, -- as it last called itself; empty if it never did
    pid      TEXT    NOT NULL, -- of the host key, likewise
    used     INTEGER NOT NULL, -- activations
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (key, kind, binding)
) STRICT, WITHOUT ROWID;

-- One row per activation that was granted, in the order of their commits.
CREATE TABLE clearing_grants (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    key     TEXT    NOT NULL REFERENCES clearing_keys (key),
    kind    INTEGER NOT NULL,
    binding INTEGER NOT NULL,
    phone   INTEGER NOT NULL, -- 0 online, 1 by a clerk
    peer    TEXT    NOT NULL  -- address:port; empty by phone
) STRICT;

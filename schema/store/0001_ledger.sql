-- The ledger. Times are Unix seconds on the lab clock, GUIDs 16 bytes in wire order.

-- One row per answered request, in the order of their commits. Only ever appended to on the hot
-- path, so it has no secondary index.
CREATE TABLE activations (
    id                 INTEGER PRIMARY KEY,
    at                 INTEGER NOT NULL,
    channel            INTEGER NOT NULL, -- 0 kms, 1 adba, 2 relay
    peer               TEXT    NOT NULL, -- address:port
    version            INTEGER NOT NULL, -- protocol generation
    application_id     BLOB    NOT NULL,
    activation_id      BLOB    NOT NULL,
    kms_id             BLOB    NOT NULL,
    client_id          BLOB    NOT NULL,
    previous_client_id BLOB    NOT NULL,
    required_count     INTEGER NOT NULL,
    licence_status     INTEGER NOT NULL,
    minutes_left       INTEGER NOT NULL,
    is_virtual         INTEGER NOT NULL,
    count              INTEGER NOT NULL, -- as told to the client
    workstation        TEXT    NOT NULL
) STRICT;

-- Refusals, one row per minute, source and reason, however many there were.
CREATE TABLE refusals (
    minute  INTEGER NOT NULL, -- Unix time of its first second
    source  TEXT    NOT NULL, -- address without port
    reason  TEXT    NOT NULL,
    hresult INTEGER NOT NULL,
    times   INTEGER NOT NULL,
    PRIMARY KEY (minute, source, reason)
) STRICT, WITHOUT ROWID;

-- One row of running totals, so that nobody ever has to count the tables; it outlives their
-- retention. status_N: answered requests whose client stated licence status N.
CREATE TABLE totals (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    answered INTEGER NOT NULL DEFAULT 0,
    refused  INTEGER NOT NULL DEFAULT 0,
    status_0 INTEGER NOT NULL DEFAULT 0,
    status_1 INTEGER NOT NULL DEFAULT 0,
    status_2 INTEGER NOT NULL DEFAULT 0,
    status_3 INTEGER NOT NULL DEFAULT 0,
    status_4 INTEGER NOT NULL DEFAULT 0,
    status_5 INTEGER NOT NULL DEFAULT 0,
    status_6 INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO totals (only) VALUES (1);

-- The KMS host's counting state as it was after some activation, so that a start reads the rows
-- since then and not all there ever were. Replaced as a whole, in a transaction that records
-- activations. What it is made of is kept too, so that a damaged one is recognized and the state is
-- counted anew from the activations.

-- One row per application.
CREATE TABLE count_applications (
    application_id BLOB    PRIMARY KEY,
    room           INTEGER NOT NULL, -- how many clients it remembers at most
    newest         INTEGER NOT NULL, -- the latest time at which anybody asked
    -- The remembered clients, oldest first, 24 bytes each: client id (16 bytes, wire order), when
    -- it last asked (8 bytes, big-endian, two's complement).
    clients        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE count_mark (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    covers       INTEGER NOT NULL, -- the id of the last activation in it; 0: none
    applications INTEGER NOT NULL, -- how many rows belong to it
    -- FNV-1a, 64 bits, over covers and, application by application in the order of their ids, id,
    -- room, newest and clients; integers as 8 bytes, big-endian.
    checksum     INTEGER NOT NULL
) STRICT;

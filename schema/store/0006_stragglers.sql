-- Who still asks a host that refuses all: one row per machine and product. Bounded: the rows whose
-- ids are far behind the newest are dropped, and come back when their machines ask again.
CREATE TABLE stragglers (
    id             INTEGER PRIMARY KEY,
    client_id      BLOB    NOT NULL,
    activation_id  BLOB    NOT NULL,
    application_id BLOB    NOT NULL,
    workstation    TEXT    NOT NULL, -- as it called itself last
    source         TEXT    NOT NULL, -- the address it asked from last, without port
    first_at       INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    times          INTEGER NOT NULL,
    UNIQUE (client_id, activation_id)
) STRICT;

-- Running totals per product and licence status stated, so that nobody ever has to count the
-- activations; they outlive their retention. Written once in some hundred rows, not with each.
CREATE TABLE tallies (
    application_id BLOB    NOT NULL,
    activation_id  BLOB    NOT NULL, -- zero bytes: products beyond those that have a row
    licence_status INTEGER NOT NULL,
    answered       INTEGER NOT NULL,
    last_at        INTEGER NOT NULL, -- when the newest of them was answered
    PRIMARY KEY (activation_id, application_id, licence_status)
) STRICT, WITHOUT ROWID;

-- The activations up to this id are in the tallies; whoever reads them adds those after it.
CREATE TABLE tally_mark (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO tallies
    SELECT application_id, activation_id, licence_status, count(*), max(at)
    FROM activations GROUP BY activation_id, application_id, licence_status;
INSERT INTO tally_mark SELECT 1, ifnull(max(id), 0) FROM activations;

-- The client's own clock, as its request told it; 0 in rows from before there was this column.
ALTER TABLE activations ADD COLUMN client_at INTEGER NOT NULL DEFAULT 0;

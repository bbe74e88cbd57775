-- What the host's event log tells beside answered requests.

-- Refused requests of this realm's clients, one row each, with all that the client said. Bounded:
-- the newest have their rows; older ones are added to refusals.
CREATE TABLE refused_requests (
    id                 INTEGER PRIMARY KEY,
    at                 INTEGER NOT NULL,
    source             TEXT    NOT NULL, -- address without port
    reason             TEXT    NOT NULL,
    hresult            INTEGER NOT NULL,
    version            INTEGER NOT NULL, -- from here on as in activations
    application_id     BLOB    NOT NULL,
    activation_id      BLOB    NOT NULL,
    kms_id             BLOB    NOT NULL,
    client_id          BLOB    NOT NULL,
    previous_client_id BLOB    NOT NULL,
    required_count     INTEGER NOT NULL,
    licence_status     INTEGER NOT NULL,
    minutes_left       INTEGER NOT NULL,
    is_virtual         INTEGER NOT NULL,
    workstation        TEXT    NOT NULL,
    client_at          INTEGER NOT NULL
) STRICT;

-- From now on refusals has only those that have no row there: they could not be read, too many came
-- at once, or their rows gave way to newer ones (had_rows tells how many of times these are).
ALTER TABLE refusals ADD COLUMN had_rows INTEGER NOT NULL DEFAULT 0;

-- Every refused request, wherever it stands.
CREATE VIEW all_refusals AS
    SELECT minute, source, reason, max(hresult) AS hresult, sum(n) AS times
    FROM (SELECT minute, source, reason, hresult, times AS n FROM refusals
          UNION ALL
          SELECT at - at % 60, source, reason, hresult, 1 FROM refused_requests)
    GROUP BY minute, source, reason;

-- Events of the host itself: event ids and codes as in the catalogue.
CREATE TABLE host_events (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    hresult  INTEGER NOT NULL,
    text     TEXT    NOT NULL -- what failed and why, in our words
) STRICT;

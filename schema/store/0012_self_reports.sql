-- What clients of the lab told of their activations through the directory, which touch no host; one
-- row for each activation, in the order they were told. They are the clients' own word and count nowhere.
CREATE TABLE self_reports (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL, -- it was told
    peer           TEXT    NOT NULL, -- address:port
    event_id       INTEGER NOT NULL, -- 12308
    client_id      BLOB    NOT NULL,
    application_id BLOB    NOT NULL,
    activation_id  BLOB    NOT NULL,
    kms_id         BLOB    NOT NULL,
    object_sku_id  BLOB    NOT NULL, -- the host key behind the activation object
    key            TEXT    NOT NULL, -- the last characters of the client's key
    workstation    TEXT    NOT NULL,
    account        TEXT    NOT NULL, -- empty: not told, as the next two
    domain         TEXT    NOT NULL,
    sid            TEXT    NOT NULL,
    object_name    TEXT    NOT NULL, -- of the activation object
    object_dn      TEXT    NOT NULL,
    activated_at   INTEGER NOT NULL, -- as the client says, as the next two
    expires_at     INTEGER NOT NULL,
    client_at      INTEGER NOT NULL  -- its clock when it told
) STRICT;
-- A client that did not hear the answer tells again, and so may whoever has seen it tell.
CREATE UNIQUE INDEX self_reports_once ON self_reports (client_id, activation_id, activated_at);

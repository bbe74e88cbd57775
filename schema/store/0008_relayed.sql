-- Requests that an upstream answered through the relay; one row each, in the order of their answers.
-- They are no activations of this host and count nowhere. What the sealed part of a message holds is
-- not known; of version 4, whose fields travel in clear, it is what the client stated.
CREATE TABLE relayed (
    id            INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    peer          TEXT    NOT NULL, -- address:port
    version       INTEGER NOT NULL, -- major, as stated in clear
    size          INTEGER NOT NULL, -- bytes of the request's array
    activation_id BLOB    NOT NULL, -- zero bytes: not in clear
    client_id     BLOB    NOT NULL, -- likewise
    workstation   TEXT    NOT NULL, -- empty: likewise
    upstream      TEXT    NOT NULL, -- host:port
    fault         INTEGER NOT NULL, -- 1: the upstream answered with an RPC fault
    status        INTEGER NOT NULL, -- the HRESULT returned, or the fault
    answer_size   INTEGER NOT NULL, -- bytes of the answer's array
    elapsed_us    INTEGER NOT NULL  -- from the request's coming to its answer
) STRICT;

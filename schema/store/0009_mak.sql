-- Keys for machines, known to the clearing house since it issued them. The text of such a key tells
-- its kind and product; grp is the product's name. Host keys have the default values.
ALTER TABLE clearing_keys ADD COLUMN pool INTEGER NOT NULL DEFAULT 0; -- activations of a MAK
ALTER TABLE clearing_keys ADD COLUMN extended INTEGER NOT NULL DEFAULT 0; -- its pool, at least once
ALTER TABLE clearing_keys ADD COLUMN issued_at INTEGER NOT NULL DEFAULT 0;

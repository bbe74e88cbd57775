-- Who a member was that was granted through the directory (channel adba): the principal that the
-- caller authenticated as and the SID of its account, as text. Empty: believed by its name, or
-- from before there were these columns.
ALTER TABLE activations ADD COLUMN principal TEXT NOT NULL DEFAULT '';
ALTER TABLE activations ADD COLUMN sid TEXT NOT NULL DEFAULT '';

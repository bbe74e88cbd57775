-- Which directory the accounts are of, and which part of it: SHA-256 over the SHA-256s of [directory]
-- uri, domain and search_base. Empty: from before there was this column, so nobody knows.
ALTER TABLE member_sync ADD COLUMN origin BLOB NOT NULL DEFAULT x'';

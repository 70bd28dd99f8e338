-- How often the catalogue was changed: what a process has at hand of it stays right through the turns
-- of others as long as this number does (src/postgres/head.rs). With it the newest batch that was
-- written by a process that counts, because a binary of the schema before does not.
-- works from: 11

ALTER TABLE numbering ADD COLUMN IF NOT EXISTS catalog bigint NOT NULL DEFAULT 0;
ALTER TABLE numbering ADD COLUMN IF NOT EXISTS catalog_counted_to bigint NOT NULL DEFAULT 0;

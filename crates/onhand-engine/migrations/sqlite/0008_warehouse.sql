-- What the external warehouse says: runs, their rows, and what is missing of what is promised.
-- Whoever changes a level has to keep what is missing of it: a binary of the schema before would
-- sell it.
-- works from: 8

ALTER TABLE numbering ADD COLUMN sync INTEGER NOT NULL DEFAULT 1;
ALTER TABLE levels ADD COLUMN missing INTEGER NOT NULL DEFAULT 0 CHECK (missing >= 0);

-- Few rows, each read and written whole. `rows_ended_at`: since when nothing is left to do, while
-- its rows are kept.
CREATE TABLE syncs (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, rows_ended_at INTEGER,
    document TEXT NOT NULL, version INTEGER NOT NULL
) STRICT;
CREATE INDEX syncs_open ON syncs (id) WHERE status IN ('receiving', 'comparing', 'applying');
CREATE INDEX syncs_ended ON syncs (rows_ended_at, id) WHERE rows_ended_at IS NOT NULL;

CREATE TABLE sync_rows (
    sync_id INTEGER NOT NULL, number INTEGER NOT NULL, action TEXT NOT NULL,
    product_id INTEGER, location_id INTEGER, movement INTEGER,
    document TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (sync_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_rows_action ON sync_rows (sync_id, action, number);
CREATE INDEX sync_rows_named ON sync_rows (sync_id, product_id, location_id, number)
WHERE product_id IS NOT NULL;

CREATE TABLE shortfalls (
    product_id INTEGER NOT NULL, location_id INTEGER NOT NULL,
    document TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (product_id, location_id)
) STRICT, WITHOUT ROWID;

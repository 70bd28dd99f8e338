-- What the external warehouse says: runs, their rows, and what is missing of what is promised.
-- Whoever changes a level has to keep what is missing of it: a binary of the schema before would
-- sell it.
-- works from: 8

ALTER TABLE numbering ADD COLUMN IF NOT EXISTS sync bigint NOT NULL DEFAULT 1;
ALTER TABLE levels ADD COLUMN IF NOT EXISTS missing bigint NOT NULL DEFAULT 0;

-- Few rows, each read and written whole. `rows_ended_at`: since when nothing is left to do, while
-- its rows are kept. A run changes with every step: half of each page is free for that.
CREATE TABLE syncs (
    id bigint PRIMARY KEY, status text NOT NULL, rows_ended_at bigint,
    document text NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX syncs_open ON syncs (id) WHERE status IN ('receiving', 'comparing', 'applying');
CREATE INDEX syncs_ended ON syncs (rows_ended_at, id) WHERE rows_ended_at IS NOT NULL;

CREATE TABLE sync_rows (
    sync_id bigint NOT NULL, number bigint NOT NULL, action text NOT NULL,
    product_id bigint, location_id bigint, movement bigint,
    document text NOT NULL, version bigint NOT NULL,
    PRIMARY KEY (sync_id, number)
);
CREATE INDEX sync_rows_action ON sync_rows (sync_id, action, number);
CREATE INDEX sync_rows_named ON sync_rows (sync_id, product_id, location_id, number)
WHERE product_id IS NOT NULL;

CREATE TABLE shortfalls (
    product_id bigint NOT NULL, location_id bigint NOT NULL,
    document text NOT NULL, version bigint NOT NULL,
    PRIMARY KEY (product_id, location_id)
);

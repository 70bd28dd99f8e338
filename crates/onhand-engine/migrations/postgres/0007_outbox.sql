-- What follows from the log: who reads it and how far, the jobs that were made of it, webhook
-- endpoints, and what is done from time to time.
-- works from: 5

ALTER TABLE numbering ADD COLUMN IF NOT EXISTS endpoint bigint NOT NULL DEFAULT 1;
ALTER TABLE numbering ADD COLUMN IF NOT EXISTS job bigint NOT NULL DEFAULT 1;

-- Few rows, each read and written whole; in the order of their bytes, as in the embedded store.
CREATE TABLE consumers (
    name text COLLATE "C" PRIMARY KEY, document text NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE webhook_endpoints (
    name text COLLATE "C" PRIMARY KEY, document text NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE schedules (
    name text COLLATE "C" PRIMARY KEY, document text NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);

-- A job changes with every try: half of each page is free for that.
CREATE TABLE jobs (
    id bigint PRIMARY KEY, queue text NOT NULL, event bigint NOT NULL, about text NOT NULL,
    lane text, replay bigint NOT NULL, state text NOT NULL, due_at bigint NOT NULL,
    leased boolean NOT NULL, epoch bigint NOT NULL, tries bigint NOT NULL,
    attempts text NOT NULL, version bigint NOT NULL, created_at bigint NOT NULL
) WITH (fillfactor = 50);
-- One job for each event and what is to be done about it; a message of a broker has no event.
CREATE UNIQUE INDEX jobs_once ON jobs (queue, event, about, replay) WHERE event > 0;
CREATE INDEX jobs_due ON jobs (queue, due_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_lane ON jobs (queue, lane, id) WHERE state = 'waiting' AND lane IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_ended ON jobs (due_at, id) WHERE state IN ('done', 'skipped');

-- What follows from the log: who reads it and how far, the jobs that were made of it, webhook
-- endpoints, and what is done from time to time.
-- works from: 5

ALTER TABLE numbering ADD COLUMN endpoint INTEGER NOT NULL DEFAULT 1;
ALTER TABLE numbering ADD COLUMN job INTEGER NOT NULL DEFAULT 1;

-- Few rows, each read and written whole.
CREATE TABLE consumers (
    name TEXT PRIMARY KEY, document TEXT NOT NULL, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_endpoints (
    name TEXT PRIMARY KEY, document TEXT NOT NULL, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE schedules (
    name TEXT PRIMARY KEY, document TEXT NOT NULL, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, event INTEGER NOT NULL, about TEXT NOT NULL,
    lane TEXT, replay INTEGER NOT NULL, state TEXT NOT NULL, due_at INTEGER NOT NULL,
    leased INTEGER NOT NULL, epoch INTEGER NOT NULL, tries INTEGER NOT NULL,
    attempts TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL
) STRICT;
-- One job for each event and what is to be done about it; a message of a broker has no event.
CREATE UNIQUE INDEX jobs_once ON jobs (queue, event, about, replay) WHERE event > 0;
CREATE INDEX jobs_due ON jobs (queue, due_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_lane ON jobs (queue, lane, id) WHERE state = 'waiting' AND lane IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_ended ON jobs (due_at, id) WHERE state IN ('done', 'skipped');

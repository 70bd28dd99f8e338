-- Payments: what is owed to gateways, to which orders their objects belong, and their messages. An
-- order's payment is in its document. Whoever changes orders has to keep their payments and what is
-- owed about them: a binary of the schema before would drop both.
-- works from: 5

ALTER TABLE numbering ADD COLUMN notice INTEGER NOT NULL DEFAULT 1;

-- One row for each order about whose payment something is owed; deleted when nothing is any more.
CREATE TABLE effects (
    order_id INTEGER PRIMARY KEY, state TEXT NOT NULL, due_at INTEGER NOT NULL,
    leased INTEGER NOT NULL, epoch INTEGER NOT NULL, tries INTEGER NOT NULL,
    ask_first INTEGER NOT NULL, reason TEXT, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX effects_due ON effects (due_at) WHERE state = 'waiting';
CREATE INDEX effects_dead ON effects (order_id) WHERE state = 'dead';

-- What a gateway calls its own, and whose order it is: written once.
CREATE TABLE gateway_ids (
    provider TEXT NOT NULL, gateway_id TEXT NOT NULL, order_id INTEGER NOT NULL,
    PRIMARY KEY (provider, gateway_id)
) STRICT, WITHOUT ROWID;

-- Messages of gateways, each once. One whose order is not known yet keeps what it told.
CREATE TABLE notices (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, event_id TEXT NOT NULL,
    body_hash BLOB NOT NULL, kind TEXT NOT NULL, order_id INTEGER, intent TEXT, seen TEXT,
    version INTEGER NOT NULL, received_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX notices_event ON notices (provider, event_id);
CREATE UNIQUE INDEX notices_body ON notices (body_hash);
CREATE INDEX notices_waiting ON notices (provider, intent) WHERE intent IS NOT NULL;
CREATE INDEX notices_unmatched ON notices (id)
WHERE order_id IS NULL AND seen IS NOT NULL;

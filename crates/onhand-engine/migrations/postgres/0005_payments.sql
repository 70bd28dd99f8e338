-- Payments: what is owed to gateways, to which orders their objects belong, and their messages. An
-- order's payment is in its document. Whoever changes orders has to keep their payments and what is
-- owed about them: a binary of the schema before would drop both. One that runs meanwhile goes on.
-- works from: 5

ALTER TABLE numbering ADD COLUMN IF NOT EXISTS notice bigint NOT NULL DEFAULT 1;

-- One row for each order about whose payment something is owed; deleted when nothing is any more. It
-- changes with every try: half of each page is free for that.
CREATE TABLE effects (
    order_id bigint PRIMARY KEY, state text NOT NULL, due_at bigint NOT NULL,
    leased boolean NOT NULL, epoch bigint NOT NULL, tries bigint NOT NULL,
    ask_first boolean NOT NULL, reason text, version bigint NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX effects_due ON effects (due_at, order_id) WHERE state = 'waiting';
CREATE INDEX effects_dead ON effects (order_id) WHERE state = 'dead';

-- What a gateway calls its own, and whose order it is: written once. In the order of its bytes, as in
-- the embedded store: a copy is compared in that order.
CREATE TABLE gateway_ids (
    provider text NOT NULL, gateway_id text COLLATE "C" NOT NULL, order_id bigint NOT NULL,
    PRIMARY KEY (provider, gateway_id)
);

-- Messages of gateways, each once. One whose order is not known yet keeps what it told.
CREATE TABLE notices (
    id bigint PRIMARY KEY, provider text NOT NULL, event_id text NOT NULL,
    body_hash bytea NOT NULL, kind text NOT NULL, order_id bigint, intent text, seen text,
    version bigint NOT NULL, received_at bigint NOT NULL
);
CREATE UNIQUE INDEX notices_event ON notices (provider, event_id);
CREATE UNIQUE INDEX notices_body ON notices (body_hash);
CREATE INDEX notices_waiting ON notices (provider, intent) WHERE intent IS NOT NULL;
CREATE INDEX notices_unmatched ON notices (id)
WHERE order_id IS NULL AND seen IS NOT NULL;

-- What is remembered, as in the embedded store; what differs is said where it does. Instants are
-- microseconds since 1970 UTC. Tables that the place-order path writes grow at their right edge only.
-- The key of each begins or ends with what it would be distributed by (DESIGN.md, "Scale"): stock and
-- ledger by product, orders by order, outcomes by key. No sequences, triggers or procedures.

-- The head of both logs: whoever locks this row writes the next batch. It is changed by each batch, so
-- that its page is kept free for new versions of it.
CREATE TABLE numbering (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    product bigint NOT NULL, category bigint NOT NULL, location bigint NOT NULL,
    reservation bigint NOT NULL, "order" bigint NOT NULL,
    movement bigint NOT NULL, event bigint NOT NULL, batch bigint NOT NULL,
    recorded_at bigint NOT NULL,
    "user" bigint NOT NULL, session bigint NOT NULL, api_key bigint NOT NULL,
    -- How often rights were taken away, from 1.
    rights bigint NOT NULL,
    -- The hash over both logs up to here: that of the newest batch.
    chain bytea NOT NULL,
    -- Outcomes go to outcomes_<window % 3>. The next window may open once its table is empty.
    outcome_window bigint NOT NULL, outcome_window_opened_at bigint NOT NULL,
    next_window_is_empty boolean NOT NULL
) WITH (fillfactor = 10);
INSERT INTO numbering
VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, decode(repeat('00', 32), 'hex'), 0, 0, true);

CREATE TABLE products (
    id bigint PRIMARY KEY, sku text NOT NULL, name text NOT NULL, description text NOT NULL,
    price bigint NOT NULL CHECK (price >= 0), currency text NOT NULL, active boolean NOT NULL,
    category_ids text NOT NULL, version bigint NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL, deleted_at bigint
);
CREATE UNIQUE INDEX products_sku ON products (sku) WHERE deleted_at IS NULL;

CREATE TABLE categories (
    id bigint PRIMARY KEY, name text NOT NULL, parent_id bigint, version bigint NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL, deleted_at bigint
);

CREATE TABLE locations (
    id bigint PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL, priority bigint NOT NULL,
    active boolean NOT NULL, version bigint NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL
);

-- Half of each page is free: a new version of a level stays on its page and needs no index entry.
CREATE TABLE levels (
    product_id bigint NOT NULL, location_id bigint NOT NULL,
    on_hand bigint NOT NULL, reserved bigint NOT NULL CHECK (reserved >= 0),
    safety_stock bigint NOT NULL CHECK (safety_stock >= 0), low_stock_threshold bigint NOT NULL,
    received bigint NOT NULL, sold bigint NOT NULL, returned bigint NOT NULL,
    adjusted bigint NOT NULL, counted bigint NOT NULL, transferred bigint NOT NULL,
    movements bigint NOT NULL, last_movement bigint NOT NULL,
    version bigint NOT NULL, updated_at bigint NOT NULL,
    PRIMARY KEY (product_id, location_id),
    CHECK (on_hand >= reserved)
) WITH (fillfactor = 50);

CREATE TABLE movements (
    seq bigint NOT NULL, product_id bigint NOT NULL, location_id bigint NOT NULL,
    kind text NOT NULL, reason text NOT NULL, reference text, actor text NOT NULL,
    delta_on_hand bigint NOT NULL, delta_reserved bigint NOT NULL,
    on_hand_after bigint NOT NULL, reserved_after bigint NOT NULL,
    occurred_at bigint NOT NULL, recorded_at bigint NOT NULL,
    previous bigint NOT NULL, ordinal bigint NOT NULL, cause bigint NOT NULL,
    PRIMARY KEY (seq, product_id)
);
CREATE TABLE movement_marks (
    product_id bigint NOT NULL, location_id bigint NOT NULL, ordinal bigint NOT NULL,
    seq bigint NOT NULL, recorded_at bigint NOT NULL,
    received bigint NOT NULL, sold bigint NOT NULL, returned bigint NOT NULL,
    adjusted bigint NOT NULL, counted bigint NOT NULL, transferred bigint NOT NULL,
    PRIMARY KEY (product_id, location_id, ordinal)
);

CREATE TABLE reservations (
    id bigint NOT NULL, product_id bigint NOT NULL, location_id bigint NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0), consumed bigint NOT NULL,
    released bigint NOT NULL, state text NOT NULL, order_id bigint, reference text,
    expires_at bigint, version bigint NOT NULL,
    created_at bigint NOT NULL, updated_at bigint NOT NULL,
    PRIMARY KEY (id, product_id),
    CHECK (consumed >= 0 AND released >= 0 AND consumed + released <= quantity)
) WITH (fillfactor = 90);
-- Holds end in about the order in which they begin: this index too grows at its right edge.
CREATE INDEX reservations_due ON reservations (expires_at, product_id)
WHERE expires_at IS NOT NULL;

-- Where an order is in its life, and the event that holds it: the document is written once.
CREATE TABLE orders (
    id bigint PRIMARY KEY, status text NOT NULL, version bigint NOT NULL,
    last_event bigint NOT NULL, customer_id bigint, created_at bigint NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE order_references (
    reference text PRIMARY KEY, order_id bigint NOT NULL
);

-- Of passwords, tokens and keys only hashes. What of an account is in the log for ever is neither its name
-- nor its address: those are here alone.
CREATE TABLE users (
    id bigint PRIMARY KEY, email text NOT NULL UNIQUE, name text, role text NOT NULL,
    scopes text NOT NULL, password text, disabled boolean NOT NULL, tokens_from bigint NOT NULL,
    version bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL
);
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';
-- A session is refreshed often, which changes no column that is indexed: each page keeps room for that.
CREATE TABLE sessions (
    id bigint PRIMARY KEY, user_id bigint NOT NULL, token bytea NOT NULL, previous_token bytea,
    rotated_at bigint NOT NULL, created_at bigint NOT NULL, expires_at bigint NOT NULL,
    ended_at bigint, ended_because text, version bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;
CREATE TABLE api_keys (
    id bigint PRIMARY KEY, name text NOT NULL, prefix text NOT NULL, hash bytea NOT NULL UNIQUE,
    scopes text NOT NULL, created_by text NOT NULL, expires_at bigint, last_used_at bigint,
    revoked_at bigint, version bigint NOT NULL, created_at bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE events (
    seq bigint PRIMARY KEY, kind text NOT NULL, subject bigint NOT NULL, previous bigint NOT NULL,
    actor text NOT NULL, recorded_at bigint NOT NULL, body text NOT NULL
);

-- One row per durable commit. The chain is a hash over all that the batch wrote to the two logs and the
-- chain before it. The writer is a number that each process draws when it starts: with the id it tells
-- after a lost connection whose batch was committed.
CREATE TABLE batches (
    id bigint PRIMARY KEY, last_event bigint NOT NULL, last_movement bigint NOT NULL,
    commands bigint NOT NULL, committed_at bigint NOT NULL, chain bytea NOT NULL,
    writer bigint NOT NULL
);

-- Idempotency outcomes by window of time: the newest two windows are kept, the table of the one before
-- is emptied whole for the next.
CREATE TABLE outcomes_0 (
    key uuid NOT NULL, scope bigint NOT NULL, fingerprint bytea NOT NULL, event bigint, body text,
    PRIMARY KEY (key, scope), CHECK ((event IS NULL) != (body IS NULL))
);
CREATE TABLE outcomes_1 (
    key uuid NOT NULL, scope bigint NOT NULL, fingerprint bytea NOT NULL, event bigint, body text,
    PRIMARY KEY (key, scope), CHECK ((event IS NULL) != (body IS NULL))
);
CREATE TABLE outcomes_2 (
    key uuid NOT NULL, scope bigint NOT NULL, fingerprint bytea NOT NULL, event bigint, body text,
    PRIMARY KEY (key, scope), CHECK ((event IS NULL) != (body IS NULL))
);

-- Lists of orders behind the log, filled by whichever process locks the row of their progress.
CREATE TABLE lists_progress (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    event bigint NOT NULL, order_id bigint NOT NULL, reservation_id bigint NOT NULL
);
INSERT INTO lists_progress VALUES (1, 0, 0, 0);
CREATE TABLE orders_by_customer (
    customer_id bigint NOT NULL, order_id bigint NOT NULL, PRIMARY KEY (customer_id, order_id)
);
CREATE TABLE orders_by_status (
    status text NOT NULL, order_id bigint NOT NULL, PRIMARY KEY (status, order_id)
);
CREATE TABLE orders_by_product (
    product_id bigint NOT NULL, order_id bigint NOT NULL, PRIMARY KEY (product_id, order_id)
);

-- Who may do what is scheduled, until when.
CREATE TABLE leases (
    name text PRIMARY KEY, holder bigint NOT NULL, expires_at bigint NOT NULL
);

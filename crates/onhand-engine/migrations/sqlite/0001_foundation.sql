-- What is remembered. Instants are microseconds since 1970 UTC. Tables that the place-order path writes
-- (orders, reservations, movements, events, batches) grow at their right edge only and carry no secondary
-- index at a random position: performance.md, "two shapes that decide".

CREATE TABLE numbering (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    product INTEGER NOT NULL, category INTEGER NOT NULL, location INTEGER NOT NULL,
    reservation INTEGER NOT NULL, "order" INTEGER NOT NULL,
    movement INTEGER NOT NULL, event INTEGER NOT NULL, batch INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    "user" INTEGER NOT NULL, session INTEGER NOT NULL, api_key INTEGER NOT NULL,
    -- How often rights were taken away, from 1.
    rights INTEGER NOT NULL,
    -- The rows of `levels` have every movement up to here; what came later is folded in when the
    -- database is opened.
    levels_covered INTEGER NOT NULL
) STRICT;
INSERT INTO numbering VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0);

CREATE TABLE products (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0), currency TEXT NOT NULL, active INTEGER NOT NULL,
    category_ids TEXT NOT NULL, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX products_sku ON products (sku) WHERE deleted_at IS NULL;

CREATE TABLE categories (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER
) STRICT;

CREATE TABLE locations (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, priority INTEGER NOT NULL,
    active INTEGER NOT NULL, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE levels (
    product_id INTEGER NOT NULL, location_id INTEGER NOT NULL,
    on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL CHECK (reserved >= 0),
    safety_stock INTEGER NOT NULL CHECK (safety_stock >= 0), low_stock_threshold INTEGER NOT NULL,
    received INTEGER NOT NULL, sold INTEGER NOT NULL, returned INTEGER NOT NULL,
    adjusted INTEGER NOT NULL, counted INTEGER NOT NULL, transferred INTEGER NOT NULL,
    movements INTEGER NOT NULL, last_movement INTEGER NOT NULL,
    version INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (product_id, location_id),
    CHECK (on_hand >= reserved)
) STRICT, WITHOUT ROWID;

CREATE TABLE movements (
    seq INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, location_id INTEGER NOT NULL,
    kind TEXT NOT NULL, reason TEXT NOT NULL, reference TEXT, actor TEXT NOT NULL,
    delta_on_hand INTEGER NOT NULL, delta_reserved INTEGER NOT NULL,
    on_hand_after INTEGER NOT NULL, reserved_after INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
    previous INTEGER NOT NULL, ordinal INTEGER NOT NULL, cause INTEGER NOT NULL
) STRICT;
CREATE TABLE movement_marks (
    product_id INTEGER NOT NULL, location_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    seq INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
    received INTEGER NOT NULL, sold INTEGER NOT NULL, returned INTEGER NOT NULL,
    adjusted INTEGER NOT NULL, counted INTEGER NOT NULL, transferred INTEGER NOT NULL,
    PRIMARY KEY (product_id, location_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, location_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0), consumed INTEGER NOT NULL,
    released INTEGER NOT NULL, state TEXT NOT NULL, order_id INTEGER, reference TEXT,
    expires_at INTEGER, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    CHECK (consumed >= 0 AND released >= 0 AND consumed + released <= quantity)
) STRICT;
-- Holds end in about the order in which they begin: this index too grows at its right edge.
CREATE INDEX reservations_due ON reservations (expires_at, product_id) WHERE expires_at IS NOT NULL;

-- Where an order is in its life, and the event that holds it: the document is written once.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, version INTEGER NOT NULL,
    last_event INTEGER NOT NULL, customer_id INTEGER, created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE order_references (
    reference TEXT PRIMARY KEY, order_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of passwords, tokens and keys only hashes. What of an account is in the log for ever is neither its name
-- nor its address: those are here alone.
CREATE TABLE users (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, role TEXT NOT NULL,
    scopes TEXT NOT NULL, password TEXT, disabled INTEGER NOT NULL, tokens_from INTEGER NOT NULL,
    version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, token BLOB NOT NULL, previous_token BLOB,
    rotated_at INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    ended_at INTEGER, ended_because TEXT, version INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, prefix TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER, last_used_at INTEGER,
    revoked_at INTEGER, version INTEGER NOT NULL, created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject INTEGER NOT NULL, previous INTEGER NOT NULL,
    actor TEXT NOT NULL, recorded_at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;

-- One row per durable commit. The chain is a hash over all that the batch wrote to the two logs and the
-- chain before it.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, last_event INTEGER NOT NULL, last_movement INTEGER NOT NULL,
    commands INTEGER NOT NULL, committed_at INTEGER NOT NULL, chain BLOB NOT NULL
) STRICT;

-- Two tables per window of time (outcomes_<window>, outcome_bodies_<window>), made when the window opens
-- and dropped whole when it has passed.
CREATE TABLE outcome_windows (id INTEGER PRIMARY KEY, opened_at INTEGER NOT NULL) STRICT;

-- No index beyond the keys, no foreign keys: whatever could slow an order down is left out.
CREATE TABLE IF NOT EXISTS stock (
    sku text PRIMARY KEY, name text NOT NULL, price bigint NOT NULL, currency text NOT NULL,
    on_hand bigint NOT NULL DEFAULT 0, reserved bigint NOT NULL DEFAULT 0,
    CHECK (reserved BETWEEN 0 AND on_hand)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS orders (
    id bigserial PRIMARY KEY, status text NOT NULL DEFAULT 'placed', total bigint NOT NULL,
    currency text NOT NULL, placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS order_lines (
    order_id bigint NOT NULL, line_no bigint NOT NULL, sku text NOT NULL,
    quantity bigint NOT NULL, price bigint NOT NULL, PRIMARY KEY (order_id, line_no)
);
CREATE TABLE IF NOT EXISTS movements (
    id bigserial PRIMARY KEY, order_id bigint NOT NULL, sku text NOT NULL, delta bigint NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS events (
    id bigserial PRIMARY KEY, kind text NOT NULL, order_id bigint NOT NULL, body text NOT NULL
);
CREATE TABLE IF NOT EXISTS idempotency_keys (key uuid PRIMARY KEY, order_id bigint NOT NULL);

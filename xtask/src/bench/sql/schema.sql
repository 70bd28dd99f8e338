-- What one order writes, and nothing else: no index beyond the keys, no foreign keys.
CREATE TABLE stock (
    product_id bigint PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0)
) WITH (fillfactor = 50);
INSERT INTO stock SELECT product_id, 1000000000 FROM generate_series(1, 10000) AS p (product_id);
CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer_id bigint NOT NULL, total bigint NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE lines (
    order_id bigint NOT NULL, line_no bigint NOT NULL, product_id bigint NOT NULL,
    quantity bigint NOT NULL, price bigint NOT NULL, PRIMARY KEY (order_id, line_no)
);
CREATE TABLE ledger (
    id bigserial PRIMARY KEY, product_id bigint NOT NULL, order_id bigint NOT NULL,
    delta bigint NOT NULL
);
CREATE TABLE outbox (id bigserial PRIMARY KEY, order_id bigint NOT NULL, body text NOT NULL);
CREATE TABLE idempotency (key uuid PRIMARY KEY, order_id bigint NOT NULL);
VACUUM ANALYZE;

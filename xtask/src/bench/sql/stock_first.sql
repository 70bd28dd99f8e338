-- The natural order: stock is taken before anything is written about it.
\set other random(2, 10000)
\set customer random(1, 100000)
BEGIN;
UPDATE stock SET available = available - 1 WHERE product_id = 1 AND available >= 1;
UPDATE stock SET available = available - 1 WHERE product_id = :other AND available >= 1;
INSERT INTO orders (customer_id, total) VALUES (:customer, 3998) RETURNING id \gset
INSERT INTO lines VALUES (:id, 1, 1, 1, 1999), (:id, 2, :other, 1, 1999);
INSERT INTO ledger (product_id, order_id, delta) VALUES (1, :id, -1), (:other, :id, -1);
INSERT INTO outbox (order_id, body) VALUES (:id, '{"type":"order_placed","version":1}');
INSERT INTO idempotency VALUES (gen_random_uuid(), :id);
COMMIT;

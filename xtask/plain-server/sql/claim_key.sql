INSERT INTO idempotency_keys (key, order_id)
VALUES (CAST($1::text AS uuid), nextval('orders_id_seq'))
ON CONFLICT DO NOTHING
RETURNING order_id

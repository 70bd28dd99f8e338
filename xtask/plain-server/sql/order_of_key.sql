SELECT order_id FROM idempotency_keys WHERE key = CAST($1::text AS uuid)

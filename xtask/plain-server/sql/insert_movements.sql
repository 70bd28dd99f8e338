INSERT INTO movements (order_id, sku, delta)
SELECT $1, l.sku, l.quantity FROM unnest($2::text[], $3::bigint[]) AS l (sku, quantity)

INSERT INTO order_lines (order_id, line_no, sku, quantity, price)
SELECT $1, l.line_no, l.sku, l.quantity, l.price
FROM unnest($2::text[], $3::bigint[], $4::bigint[])
WITH ORDINALITY AS l (sku, quantity, price, line_no)

SELECT o.currency, l.sku, l.quantity, l.price
FROM orders o JOIN order_lines l ON l.order_id = o.id
WHERE o.id = $1
ORDER BY l.line_no

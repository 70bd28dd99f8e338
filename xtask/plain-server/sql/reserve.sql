UPDATE stock SET reserved = reserved + $2
WHERE sku = $1 AND on_hand - reserved >= $2
RETURNING price, currency

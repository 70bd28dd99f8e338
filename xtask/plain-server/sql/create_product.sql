INSERT INTO stock (sku, name, price, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

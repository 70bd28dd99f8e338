INSERT INTO orders (id, total, currency) VALUES ($1, $2, $3)

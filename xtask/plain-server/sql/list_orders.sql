SELECT id, total, currency FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2

INSERT INTO events (kind, order_id, body) VALUES ('order_placed', $1, $2)

-- What each customer holds and has not paid for: one row for each order that waits for a payment, and
-- none for any other. Whoever writes orders has to write these.
-- works from: 4

CREATE TABLE open_orders (
    customer_id INTEGER NOT NULL, order_id INTEGER NOT NULL,
    units INTEGER NOT NULL CHECK (units > 0), expires_at INTEGER NOT NULL,
    PRIMARY KEY (customer_id, order_id)
) STRICT, WITHOUT ROWID;

INSERT INTO open_orders
SELECT o.customer_id, o.id, sum(r.quantity), max(r.expires_at)
FROM orders o JOIN reservations r ON r.order_id = o.id
WHERE o.status = 'pending' AND o.customer_id IS NOT NULL
GROUP BY o.customer_id, o.id;

-- What each customer holds and has not paid for: one row for each order that waits for a payment, and
-- none for any other. Whoever writes orders has to write these.
-- works from: 4

CREATE TABLE open_orders (
    customer_id bigint NOT NULL, order_id bigint NOT NULL,
    units bigint NOT NULL CHECK (units > 0), expires_at bigint NOT NULL,
    PRIMARY KEY (customer_id, order_id)
);

INSERT INTO open_orders (customer_id, order_id, units, expires_at)
SELECT o.customer_id, o.id, sum(r.quantity)::bigint, max(r.expires_at)
FROM orders o JOIN reservations r ON r.order_id = o.id
WHERE o.status = 'pending' AND o.customer_id IS NOT NULL
GROUP BY o.customer_id, o.id;

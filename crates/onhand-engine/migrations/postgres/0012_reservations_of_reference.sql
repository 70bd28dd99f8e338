-- Finds what is held for a reference, so that whoever holds by the name of an order of its own can
-- see what that order holds. Orders hold under no reference: their rows are not in it.
-- works from: 11
-- outside a transaction

DROP INDEX CONCURRENTLY IF EXISTS reservations_of_reference;
-- Outside a transaction, and begun anew each time:
-- squawk-ignore ban-concurrent-index-creation-in-transaction, prefer-robust-stmts
CREATE INDEX CONCURRENTLY reservations_of_reference
ON reservations (reference, product_id, state, id)
WHERE reference IS NOT NULL;

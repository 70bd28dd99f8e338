-- Finds when a level was next counted: a figure that was true earlier says nothing about what is there
-- since then. Only counts are in it.
-- works from: 10
-- outside a transaction

DROP INDEX CONCURRENTLY IF EXISTS movements_counted;
-- Outside a transaction, and begun anew each time:
-- squawk-ignore ban-concurrent-index-creation-in-transaction, prefer-robust-stmts
CREATE INDEX CONCURRENTLY movements_counted ON movements (product_id, location_id, occurred_at)
WHERE kind = 'counted';

-- The categories of a product, for filing it anew. Built beside the shop's work: a build that was broken
-- off leaves an index that is not valid, which is dropped and begun again.
-- works from: 1
-- outside a transaction

DROP INDEX CONCURRENTLY IF EXISTS product_categories_product;
-- Outside a transaction, and begun anew each time:
-- squawk-ignore ban-concurrent-index-creation-in-transaction, prefer-robust-stmts
CREATE INDEX CONCURRENTLY product_categories_product ON product_categories (product_id);

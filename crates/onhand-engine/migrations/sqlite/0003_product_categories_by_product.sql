-- The categories of a product, for filing it anew.
-- works from: 1

CREATE INDEX product_categories_product ON product_categories (product_id);

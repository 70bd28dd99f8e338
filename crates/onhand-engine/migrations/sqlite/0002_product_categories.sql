-- Products by category: many to many. What a product is filed under stays in its row; this finds the
-- products of a category.
-- works from: 1

CREATE TABLE product_categories (
    category_id INTEGER NOT NULL, product_id INTEGER NOT NULL,
    PRIMARY KEY (category_id, product_id)
) STRICT, WITHOUT ROWID;

INSERT INTO product_categories
SELECT c.value, p.id FROM products p, json_each(p.category_ids) c WHERE p.deleted_at IS NULL;

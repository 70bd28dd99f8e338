-- Products by category: many to many. What a product is filed under stays in its row; this finds the
-- products of a category. Adds only: a process of the schema before it goes on working.
-- works from: 1

CREATE TABLE product_categories (
    category_id bigint NOT NULL, product_id bigint NOT NULL,
    PRIMARY KEY (category_id, product_id)
);

INSERT INTO product_categories (category_id, product_id)
SELECT c.id::bigint, p.id
FROM products p, json_array_elements_text(p.category_ids::json) c (id)
WHERE p.deleted_at IS NULL;

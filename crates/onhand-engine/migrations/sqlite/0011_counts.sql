-- Finds when a level was next counted: a figure that was true earlier says nothing about what is there
-- since then. Only counts are in it.
-- works from: 10

CREATE INDEX movements_counted ON movements (product_id, location_id, occurred_at) WHERE kind = 'counted';

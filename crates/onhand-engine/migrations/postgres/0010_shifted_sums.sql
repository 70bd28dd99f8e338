-- What the two clocks of the ledger differ by: sums of entries that happened at another time than they
-- were recorded, over spans of time (src/past.rs). A binary of the schema before does not keep them.

CREATE TABLE shifted_sums (
    product_id bigint NOT NULL, location_id bigint NOT NULL, height bigint NOT NULL,
    bucket bigint NOT NULL, kind text COLLATE "C" NOT NULL, on_hand bigint NOT NULL, reserved bigint NOT NULL,
    PRIMARY KEY (product_id, location_id, height, bucket, kind)
);
INSERT INTO shifted_sums
SELECT product_id, location_id, h, bucket, kind, CAST(sum(on_hand) AS bigint), CAST(sum(reserved) AS bigint) FROM (
    SELECT product_id, location_id, h, occurred_at >> (8 * h) AS bucket, kind,
        delta_on_hand AS on_hand, delta_reserved AS reserved
    FROM movements CROSS JOIN (SELECT 0 AS h UNION ALL SELECT 1 UNION ALL SELECT 2
    UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6) spans
    WHERE occurred_at != recorded_at
    UNION ALL
    SELECT product_id, location_id, h, recorded_at >> (8 * h), kind, -delta_on_hand, -delta_reserved
    FROM movements CROSS JOIN (SELECT 0 AS h UNION ALL SELECT 1 UNION ALL SELECT 2
    UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6) spans
    WHERE occurred_at != recorded_at) shifted
GROUP BY product_id, location_id, h, bucket, kind;

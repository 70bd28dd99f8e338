-- How often a gateway has said how things stand, apart from how often it could not be asked: after a
-- long outage nothing is given up early. A binary of the schema before leaves it as it is.
-- works from: 5

ALTER TABLE effects ADD COLUMN IF NOT EXISTS polls bigint NOT NULL DEFAULT 0;

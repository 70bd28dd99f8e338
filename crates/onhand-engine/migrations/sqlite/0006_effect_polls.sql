-- How often a gateway has said how things stand, apart from how often it could not be asked: after a
-- long outage nothing is given up early. A binary of the schema before writes no such column.
-- works from: 6

ALTER TABLE effects ADD COLUMN polls INTEGER NOT NULL DEFAULT 0;

-- Files that are taken over row by row: how far each is, and what came of its rows.
-- works from: 8

-- Few rows, each read and written whole. The id is the number of the event that began it.
CREATE TABLE imports (
    id bigint PRIMARY KEY, document text NOT NULL, version bigint NOT NULL
) WITH (fillfactor = 50);

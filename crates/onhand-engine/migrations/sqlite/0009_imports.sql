-- Files that are taken over row by row: how far each is, and what came of its rows.
-- works from: 8

-- Few rows, each read and written whole. The id is the number of the event that began it.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY, document TEXT NOT NULL, version INTEGER NOT NULL
) STRICT;

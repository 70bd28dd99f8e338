"""The store's raw limit for an import: rows that `onhand import` has written are written once more
into an empty database with the same tables and indexes, set by set, in as many transactions, each
durable before the next begins. No rule, key, hash or row of a file is looked at. What it measures
against is in `import.rs`.

Usage: plain_import.py SOURCE TARGET ROWS_OF_A_TRANSACTION
"""

import json
import sqlite3
import sys
import time

# Tables that grow with the file, and the key by which their rows came.
GROWING = [
    ("products", "id"),
    ("movements", "seq"),
    ("levels", "product_id"),
    ("events", "seq"),
    ("batches", "id"),
]
# As the store has it: a megabyte has 256 pages.
CACHE_KIB = 65_536
CHECKPOINT_PAGES = 16 * 256


def open_target(path):
    target = sqlite3.connect(path, isolation_level=None)
    target.execute("PRAGMA journal_mode = wal")
    target.execute("PRAGMA synchronous = full")
    target.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    target.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return target


def make_tables(target):
    kinds = "type = 'table' DESC, name"
    made = target.execute(
        f"SELECT sql FROM source.sqlite_master WHERE sql IS NOT NULL ORDER BY {kinds}"
    )
    for (sql,) in made.fetchall():
        target.execute(sql)
    growing = {name for name, _ in GROWING}
    names = target.execute("SELECT name FROM source.sqlite_master WHERE type = 'table'")
    for (name,) in names.fetchall():
        if name not in growing:
            target.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"')


def main():
    source, path, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    target = open_target(path)
    target.execute("ATTACH ? AS source", (f"file:{source}",))
    make_tables(target)
    bounds = {}
    for name, key in GROWING:
        low, high = target.execute(f"SELECT min({key}), max({key}) FROM source.{name}").fetchone()
        bounds[name] = (low or 0, high or -1)
    products = target.execute("SELECT count(*) FROM source.products").fetchone()[0]
    transactions = max(1, -(-products // rows))
    began = time.monotonic()
    for number in range(transactions):
        target.execute("BEGIN IMMEDIATE")
        for name, key in GROWING:
            low, high = bounds[name]
            span = high + 1 - low
            first = low + span * number // transactions
            last = low + span * (number + 1) // transactions
            rows_of = f"SELECT * FROM source.{name} WHERE {key} >= ? AND {key} < ?"
            target.execute(f"INSERT INTO main.{name} {rows_of}", (first, last))
        # How far the file was taken, and the numbers that were handed out.
        target.execute("UPDATE main.imports SET version = version + 1")
        target.execute("UPDATE main.numbering SET movement = movement + 1")
        target.execute("COMMIT")
    secs = time.monotonic() - began
    for name, _ in GROWING:
        counts = [
            target.execute(f"SELECT count(*) FROM {schema}.{name}").fetchone()[0]
            for schema in ("main", "source")
        ]
        assert counts[0] == counts[1], (name, counts)
    print(json.dumps({"secs": secs, "rows_per_s": products / secs}))


main()

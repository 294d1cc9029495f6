"""Answers SQL about a lake with DuckDB, and says how long that took.

    python3 duckdb_questions.py LAKE_DIR

reads a statement a line, in hex, and prints the seconds that it took, a line each.
"""

import os
import sys
import time

import duckdb

lake = sys.argv[1]
connection = duckdb.connect()
for chain in sorted(os.listdir(lake)):
    connection.execute(f"create schema {chain}")
    folder = os.path.join(lake, chain)
    # Names of segments begin with their first height.
    segment = next(name for name in sorted(os.listdir(folder)) if name[0].isdigit())
    for file in os.listdir(os.path.join(folder, segment)):
        table, kind = os.path.splitext(file)
        if kind == ".parquet":
            files = os.path.join(folder, "*", file)
            connection.execute(f"create view {chain}.{table} as select * from read_parquet('{files}')")
for line in sys.stdin:
    sql = bytes.fromhex(line).decode()
    started = time.perf_counter()
    connection.execute(sql).fetch_arrow_table()
    print(time.perf_counter() - started, flush=True)

"""Prints what SQLite says of the database's integrity, and its number of rows."""

import json
import sqlite3
import sys

database = sqlite3.connect(json.loads(sys.argv[1])["path"])
integrity = database.execute("pragma integrity_check").fetchone()[0]
print(integrity, database.execute("select count(*) from entry").fetchone()[0])

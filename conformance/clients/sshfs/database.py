"""An SQLite database at the path given: transactions kept and rolled back, then checked."""

import hashlib
import json
import sqlite3
import sys

path = json.loads(sys.argv[1])["path"]


def digest(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


for journal in ("delete", "truncate", "persist"):
    database = sqlite3.connect(path, isolation_level=None)
    assert database.execute(f"pragma journal_mode = {journal}").fetchone() == (journal,)
    database.execute("create table if not exists entry (number integer primary key, digest text not null, filler blob)")
    database.execute("create index if not exists by_digest on entry (digest)")
    start = database.execute("select count(*) from entry").fetchone()[0]
    for transaction in range(5):
        database.execute("begin immediate")
        for number in range(start + transaction * 100, start + transaction * 100 + 100):
            database.execute("insert into entry values (?, ?, ?)", (number, digest(number), bytes(number % 997)))
        database.execute("commit")
    database.execute("begin immediate")
    database.execute("delete from entry")
    database.execute("rollback")
    database.close()

database = sqlite3.connect(path)
database.execute("delete from entry where number % 3 = 0")
database.commit()
database.execute("vacuum")
assert database.execute("pragma integrity_check").fetchone() == ("ok",)
rows = database.execute("select number, digest from entry order by number").fetchall()
assert rows == [(number, digest(number)) for number in range(1500) if number % 3 != 0], len(rows)
database.close()
